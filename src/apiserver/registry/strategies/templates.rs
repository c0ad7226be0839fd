//! Defaults of pod specs, wherever they stand. Upstream: `kubernetes/pkg/apis/core/v1/defaults.go`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::default;

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
    let host = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for key in ["containers", "initContainers", "ephemeralContainers"] {
        let items = spec.get_mut(key).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
            container(item, host);
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

fn container(container: &mut Map<String, Value>, host: bool) {
    let image = container.get("image").and_then(Value::as_str).unwrap_or("");
    let policy = if is_latest(image) { "Always" } else { "IfNotPresent" };
    default(container, "imagePullPolicy", policy);
    default(container, "terminationMessagePath", "/dev/termination-log");
    default(container, "terminationMessagePolicy", "File");
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        default(port, "protocol", "TCP");
        if host && let Some(number) = port.get("containerPort").cloned() {
            default(port, "hostPort", number);
        }
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
    if let Some(resources) = container.get_mut("resources").and_then(Value::as_object_mut)
        && let Some(Value::Object(limits)) = resources.get("limits").cloned()
    {
        let requests = resources.entry("requests").or_insert_with(|| json!({}));
        for (key, value) in limits {
            if let Some(requests) = requests.as_object_mut() {
                requests.entry(key).or_insert(value);
            }
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
    if let Some(path) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
        path.entry("type").or_insert(json!(""));
    }
    let sources =
        volume.get_mut("projected").and_then(|p| p.get_mut("sources")).and_then(Value::as_array_mut);
    for source in sources.into_iter().flatten() {
        if let Some(token) = source.get_mut("serviceAccountToken").and_then(Value::as_object_mut) {
            default(token, "expirationSeconds", 3600);
        }
        let items = source.pointer_mut("/downwardAPI/items").and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            if let Some(field) = item.get_mut("fieldRef").and_then(Value::as_object_mut) {
                default(field, "apiVersion", "v1");
            }
        }
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
