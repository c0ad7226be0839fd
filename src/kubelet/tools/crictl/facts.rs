//! What a runtime knows of pods and containers besides their ids: labels, annotations, mounts, resources, made from the pods
//! that the kubelet runs, as it hands them to the runtime.
//!
//! Upstream: `pkg/kubelet/kuberuntime/{labels,kuberuntime_container,kuberuntime_sandbox}.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kubelet::runtime::images;
use crate::kubelet::runtime::{Container, PodRef, Sandbox};
use crate::kubelet::socket::NodeState;

/// Names and values in the order of the names.
pub type Pairs = BTreeMap<String, String>;

/// The pod of a uid, null where the kubelet does not know it any more.
pub fn pod<'a>(state: &'a NodeState, uid: &str) -> &'a Value {
    state.pods.get(uid).unwrap_or(&Value::Null)
}

/// The container of a pod as its manifest has it.
pub fn spec<'a>(state: &'a NodeState, container: &Container) -> &'a Value {
    let all = pod(state, &container.pod.uid)["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().find(|c| c["name"] == container.spec.name.as_str()).unwrap_or(&Value::Null)
}

fn strings(value: &Value) -> Pairs {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// A sandbox's labels: the pod's own, and its names.
pub fn pod_labels(state: &NodeState, reference: &PodRef) -> Pairs {
    let mut labels = strings(&pod(state, &reference.uid)["metadata"]["labels"]);
    labels.extend(names(reference));
    labels
}

fn names(pod: &PodRef) -> Pairs {
    [("name", &pod.name), ("namespace", &pod.namespace), ("uid", &pod.uid)]
        .map(|(key, value)| (format!("io.kubernetes.pod.{key}"), value.clone()))
        .into()
}

/// A sandbox's annotations.
pub fn pod_annotations(state: &NodeState, reference: &PodRef) -> Pairs {
    strings(&pod(state, &reference.uid)["metadata"]["annotations"])
}

/// A container's labels.
pub fn container_labels(container: &Container) -> Pairs {
    let mut labels = names(&container.pod);
    labels.insert("io.kubernetes.container.name".into(), container.spec.name.clone());
    labels
}

/// A container's annotations.
pub fn container_annotations(state: &NodeState, container: &Container) -> Pairs {
    let spec = spec(state, container);
    let grace = &pod(state, &container.pod.uid)["spec"]["terminationGracePeriodSeconds"];
    let text = |key: &str, otherwise: &str| spec[key].as_str().unwrap_or(otherwise).to_owned();
    let hash = format!("{:08x}", fnv32a(spec.to_string().as_bytes()));
    [
        ("container.hash", hash),
        ("container.restartCount", container.attempt.to_string()),
        ("container.terminationMessagePath", text("terminationMessagePath", "/dev/termination-log")),
        ("container.terminationMessagePolicy", text("terminationMessagePolicy", "File")),
        ("pod.terminationGracePeriod", grace.as_i64().unwrap_or(30).to_string()),
    ]
    .map(|(key, value)| (format!("io.kubernetes.{key}"), value))
    .into()
}

/// FNV-1a of 32 bits, by which the kubelet tells whether a container's specification changed.
fn fnv32a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// Whether labels have all of the wanted ones.
pub fn has_labels(labels: &Pairs, wanted: &[(String, String)]) -> bool {
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Whether a container's image is the one that is asked for: by name or by id.
pub fn is_image(container: &Container, wanted: &str) -> bool {
    let id = images::id(&container.spec.image);
    let wanted_id = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    images::full_name(&container.spec.image) == images::full_name(wanted) || id.starts_with(wanted_id)
}

/// Pairs as crictl's tables show them.
pub fn arrows(pairs: &Pairs) -> String {
    pairs.iter().map(|(key, value)| format!("\t{key} -> {value}\n")).collect()
}

/// A sandbox's metadata.
pub fn pod_metadata(sandbox: &Sandbox) -> Value {
    let pod = &sandbox.pod;
    json!({"name": pod.name, "uid": pod.uid, "namespace": pod.namespace, "attempt": sandbox.attempt})
}

/// A sandbox's state in the API's words.
pub fn sandbox_state(sandbox: &Sandbox) -> &'static str {
    if sandbox.ready { "SANDBOX_READY" } else { "SANDBOX_NOTREADY" }
}

/// Whether a pod has its node's network.
pub fn on_host_network(state: &NodeState, uid: &str) -> bool {
    pod(state, uid)["spec"]["hostNetwork"] == true
}

/// A container's mounts: place in it, place on the node, whether it is read-only.
pub fn mounts(state: &NodeState, container: &Container) -> Vec<(String, String, bool)> {
    let directory = format!("/var/lib/kubelet/pods/{}", container.pod.uid);
    let volumes = pod(state, &container.pod.uid)["spec"]["volumes"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let place = |name: &str| {
        let volume = volumes.iter().find(|v| v["name"] == name).cloned().unwrap_or_default();
        let kinds = [
            ("configMap", "configmap"),
            ("secret", "secret"),
            ("projected", "projected"),
            ("emptyDir", "empty-dir"),
            ("downwardAPI", "downward-api"),
        ];
        match volume["hostPath"]["path"].as_str() {
            Some(path) => path.to_owned(),
            None => {
                let kind =
                    kinds.iter().find(|(key, _)| volume.get(*key).is_some()).map_or("unknown", |(_, k)| k);
                format!("{directory}/volumes/kubernetes.io~{kind}/{name}")
            }
        }
    };
    let wanted = spec(state, container)["volumeMounts"].as_array().cloned().unwrap_or_default();
    let mut all: Vec<_> = wanted
        .iter()
        .map(|m| {
            (text(&m["mountPath"]), place(m["name"].as_str().unwrap_or_default()), m["readOnly"] == true)
        })
        .collect();
    let log = format!(
        "{directory}/containers/{}/{}",
        container.spec.name,
        &container.id[..8.min(container.id.len())]
    );
    all.push(("/etc/hosts".into(), format!("{directory}/etc-hosts"), false));
    all.push(("/dev/termination-log".into(), log, false));
    all
}

/// A container's CPU shares by what it requests (`MilliCPUToShares`).
pub fn cpu_shares(state: &NodeState, container: &Container) -> u64 {
    let cpu = spec(state, container)["resources"]["requests"]["cpu"].as_str().unwrap_or("0").to_owned();
    let milli = match cpu.strip_suffix('m') {
        Some(milli) => milli.parse::<f64>().unwrap_or(0.0),
        None => cpu.parse::<f64>().unwrap_or(0.0) * 1000.0,
    };
    ((milli * 1024.0 / 1000.0) as u64).max(2)
}

/// The cgroup of a pod, as the systemd driver names it.
pub fn cgroup_parent(state: &NodeState, uid: &str) -> String {
    let containers = pod(state, uid)["spec"]["containers"].as_array().cloned().unwrap_or_default();
    let has =
        |key: &str| containers.iter().any(|c| c["resources"][key].as_object().is_some_and(|r| !r.is_empty()));
    let class = match (has("requests"), has("limits")) {
        (false, false) => "besteffort",
        _ => "burstable",
    };
    let uid = uid.replace('-', "_");
    format!("/kubepods.slice/kubepods-{class}.slice/kubepods-{class}-pod{uid}.slice")
}
