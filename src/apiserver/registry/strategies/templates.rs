//! Defaults of pod specs, wherever they stand. Upstream: `kubernetes/pkg/apis/core/v1/defaults.go`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::{default, volumes};

/// Sets the defaults of a pod spec (`SetDefaults_PodSpec` and what is below it).
pub fn pod_spec(spec: &mut Map<String, Value>) {
    default(spec, "dnsPolicy", "ClusterFirst");
    default(spec, "restartPolicy", "Always");
    default(spec, "securityContext", json!({}));
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "schedulerName", "default-scheduler");
    let account = ["serviceAccountName", "serviceAccount"]
        .iter()
        .find_map(|k| spec.get(*k).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned));
    if let Some(account) = account {
        spec.insert("serviceAccountName".into(), json!(account));
        spec.insert("serviceAccount".into(), json!(account));
    }
    for key in ["containers", "initContainers", "ephemeralContainers"] {
        let items = spec.get_mut(key).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            container(item);
        }
    }
    let volumes = spec.get_mut("volumes").and_then(Value::as_array_mut);
    for item in volumes.into_iter().flatten().filter_map(Value::as_object_mut) {
        volume(item);
    }
}

/// Whether an image's name means its newest; what is no name does not (`ParseImageName`, `github.com/distribution/reference`).
fn is_latest(image: &str) -> bool {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        const HOST: &str = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
        const PART: &str = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
        let domain = format!(r"(?:(?:{HOST}(?:\.{HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?");
        let digest = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
        Regex::new(&format!(
            r"^{domain}{PART}(?:/{PART})*(?::([A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?:@({digest}))?$"
        ))
        .ok()
    });
    let Some(parts) = NAME.as_ref().and_then(|name| name.captures(image)) else { return false };
    match parts.get(1) {
        Some(tag) => tag.as_str() == "latest",
        None => parts.get(2).is_none(),
    }
}

fn container(container: &mut Map<String, Value>) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or("");
    let policy = if is_latest(image) { "Always" } else { "IfNotPresent" };
    default(container, "imagePullPolicy", policy);
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        default(port, "protocol", "TCP");
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(key).and_then(Value::as_object_mut) {
            default(probe, "timeoutSeconds", 1);
            default(probe, "periodSeconds", 10);
            default(probe, "successThreshold", 1);
            default(probe, "failureThreshold", 3);
            if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
                default(get, "path", "/");
                default(get, "scheme", "HTTP");
            }
            if let Some(grpc) = probe.get_mut("grpc").and_then(Value::as_object_mut) {
                default(grpc, "service", "");
            }
        }
    }
    let env = container.get_mut("env").and_then(Value::as_array_mut);
    for variable in env.into_iter().flatten() {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef").and_then(Value::as_object_mut) {
            default(field, "apiVersion", "v1");
        }
    }
    for hook in ["postStart", "preStop"] {
        let get =
            container.get_mut("lifecycle").and_then(|l| l.get_mut(hook)).and_then(|h| h.get_mut("httpGet"));
        if let Some(get) = get.and_then(Value::as_object_mut) {
            default(get, "path", "/");
            default(get, "scheme", "HTTP");
        }
    }
}

/// Sets the defaults that pods have, and templates of pods have not (`SetDefaults_Pod`).
pub fn pod(spec: &mut Map<String, Value>) {
    default(spec, "enableServiceLinks", true);
    if spec.get("terminationGracePeriodSeconds").and_then(Value::as_i64).is_some_and(|seconds| seconds < 0) {
        spec.insert("terminationGracePeriodSeconds".into(), json!(1));
    }
    let host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for key in ["containers", "initContainers"] {
        let items = spec.get_mut(key).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            requests(item);
            if host {
                host_ports(item);
            }
        }
    }
}

/// What is limited is asked for, too.
fn requests(container: &mut Map<String, Value>) {
    let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut) else { return };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else { return };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    for (key, value) in limits {
        if let Some(requests) = requests.as_object_mut() {
            requests.entry(key).or_insert(value);
        }
    }
}

/// On the node's own network a port is the node's.
fn host_ports(container: &mut Map<String, Value>) {
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(number) = port.get("containerPort").cloned() {
            default(port, "hostPort", number);
        }
    }
}

fn volume(volume: &mut Map<String, Value>) {
    if volume.len() <= 1 {
        volume.insert("emptyDir".into(), json!({}));
    }
    for key in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = volume.get_mut(key).and_then(Value::as_object_mut) {
            default(source, "defaultMode", 420);
        }
    }
    volumes::source(volume);
    if let Some(image) = volume.get_mut("image").and_then(Value::as_object_mut) {
        let latest = is_latest(image.get("reference").and_then(Value::as_str).unwrap_or(""));
        default(image, "pullPolicy", if latest { "Always" } else { "IfNotPresent" });
    }
    let claim = volume.get_mut("ephemeral").and_then(|e| e.pointer_mut("/volumeClaimTemplate/spec"));
    if let Some(claim) = claim.and_then(Value::as_object_mut) {
        default(claim, "volumeMode", "Filesystem");
    }
    let items = volume.get_mut("downwardAPI").and_then(|d| d.get_mut("items")).and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(field_of_v1);
    let sources =
        volume.get_mut("projected").and_then(|p| p.get_mut("sources")).and_then(Value::as_array_mut);
    for source in sources.into_iter().flatten() {
        if let Some(token) = source.get_mut("serviceAccountToken").and_then(Value::as_object_mut) {
            default(token, "expirationSeconds", 3600);
        }
        let items = source.pointer_mut("/downwardAPI/items").and_then(Value::as_array_mut);
        items.into_iter().flatten().for_each(field_of_v1);
    }
}

fn field_of_v1(item: &mut Value) {
    if let Some(field) = item.get_mut("fieldRef").and_then(Value::as_object_mut) {
        default(field, "apiVersion", "v1");
    }
}

#[cfg(test)]
mod tests {
    use super::is_latest;

    #[test]
    fn images_that_mean_the_newest() {
        for image in ["nginx", "nginx:latest", "a.b:5000/x/y", "Host/x", "k8s.gcr.io/pause:latest"] {
            assert!(is_latest(image), "{image}");
        }
        let digest = format!("nginx@sha256:{}", "0".repeat(64));
        for image in ["", "Nginx", "nginx:1", "a.b:5000/x:2", "i@sha256:0", " x", &digest] {
            assert!(!is_latest(image), "{image}");
        }
    }
}
