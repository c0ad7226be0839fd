//! What the kubelet tells the API: the node, its lease, mirror pods, and every pod's status.
//!
//! Upstream: `pkg/kubelet/{kubelet_node_status,status/status_manager,pod/mirror_client}.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::runtime::{Container, Sandbox, State, images};
use super::timing::Timing;
use crate::controllers::leader::seconds;
use crate::release::Release;

/// The object of a node that registers itself.
pub fn node(name: &str, address: &str, release: &Release, now: Timestamp) -> Value {
    let labels = json!({"beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"});
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels,
        "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true",
            "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///var/run/containerd/containerd.sock"}},
        "spec": {}, "status": node_status(name, address, release, now)})
}

/// A node's status.
pub fn node_status(name: &str, address: &str, release: &Release, now: Timestamp) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": seconds(now), "lastTransitionTime": seconds(now)})
    };
    let resources = json!({"cpu": "1", "memory": "2000000Ki", "pods": "110", "ephemeral-storage": "19221248Ki",
        "hugepages-2Mi": "0"});
    json!({
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "capacity": resources, "allocatable": resources,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {"architecture": "amd64", "bootID": "5c0d6bd9-8a9e-4b43-9e0d-1f2f2a6c1d10",
            "containerRuntimeVersion": release.node.container_runtime, "kernelVersion": kernel(), "kubeProxyVersion": "",
            "kubeletVersion": release.git_version, "machineID": "388a2d0f867a4404bc12a0093bd9ed8d", "operatingSystem": "linux",
            "osImage": "Ubuntu 24.04 LTS", "systemUUID": "f0c1e8a4-96d0-4a55-a1a1-bb1d6a1fd4ff"},
    })
}

/// Makes a status follow the one before: a runtime's error, and conditions that did not change keep their time.
pub fn carry_over(status: &mut Value, before: &Value, error: Option<&str>) {
    let Some(conditions) = status["conditions"].as_array_mut() else { return };
    for condition in conditions {
        if let Some(error) = error.filter(|_| condition["type"] == "Ready") {
            condition["status"] = json!("False");
            condition["reason"] = json!("KubeletNotReady");
            condition["message"] = json!(error);
        }
        let old =
            before["conditions"].as_array().and_then(|c| c.iter().find(|c| c["type"] == condition["type"]));
        if let Some(old) = old.filter(|old| old["status"] == condition["status"]) {
            condition["lastTransitionTime"] = old["lastTransitionTime"].clone();
        }
    }
}

fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// What a pod's status is made from.
pub struct Seen<'a> {
    /// The node's sandboxes.
    pub sandboxes: &'a [Sandbox],
    /// The node's containers, newest first.
    pub containers: &'a [Container],
    /// Why a container does not run (again) yet, by its id or, before there is one, its [`waiting_key`].
    pub waiting: &'a std::collections::BTreeMap<String, (String, String)>,
    /// The node's address.
    pub address: &'a str,
    /// The pod's own address, unless it has the node's.
    pub pod_address: &'a str,
    /// How long things take.
    pub timing: &'a Timing,
    /// The time.
    pub now: Timestamp,
}

/// A pod's status by what the runtime has of it; `uid` is the uid that the runtime knows it by.
pub fn pod_status(pod: &Value, uid: &str, seen: &Seen<'_>) -> Value {
    let specs = pod["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
    let statuses: Vec<Value> = specs
        .iter()
        .map(|spec| {
            let name = spec["name"].as_str().unwrap_or_default();
            let container = seen.containers.iter().find(|c| c.pod.uid == uid && c.spec.name == name);
            container_status(spec, uid, name, container, seen)
        })
        .collect();
    let ready = !statuses.is_empty() && statuses.iter().all(|s| s["ready"] == true);
    let begun = statuses.iter().any(|s| {
        s["state"].get("running").is_some()
            || s["restartCount"] != 0
            || s["state"].get("terminated").is_some()
    });
    let all_ended = !statuses.is_empty() && statuses.iter().all(|s| s["state"].get("terminated").is_some());
    let failed =
        statuses.iter().any(|s| s["state"]["terminated"]["exitCode"].as_i64().is_some_and(|code| code != 0));
    let policy = pod["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    let over = all_ended && (policy == "Never" || (policy == "OnFailure" && !failed));
    let phase = match (over, begun) {
        (true, _) if failed => "Failed",
        (true, _) => "Succeeded",
        (_, true) => "Running",
        _ => "Pending",
    };
    let created = seen.sandboxes.iter().find(|s| s.pod.uid == uid).map_or(seen.now, |s| s.created);
    let condition = |kind: &str, ok: bool| {
        let mut out = json!({"type": kind, "status": if ok { "True" } else { "False" }, "lastProbeTime": null,
            "lastTransitionTime": seconds(created)});
        if !ok {
            let names: Vec<_> =
                statuses.iter().filter(|s| s["ready"] != true).filter_map(|s| s["name"].as_str()).collect();
            out["reason"] = json!("ContainersNotReady");
            out["message"] = json!(format!("containers with unready status: [{}]", names.join(" ")));
        }
        out
    };
    let ip = if pod["spec"]["hostNetwork"] == true { seen.address } else { seen.pod_address };
    json!({"phase": phase, "hostIP": seen.address, "hostIPs": [{"ip": seen.address}], "podIP": ip,
        "podIPs": [{"ip": ip}], "startTime": seconds(created), "containerStatuses": statuses, "conditions": [
            condition("PodReadyToStartContainers", true), condition("Initialized", true), condition("Ready", ready),
            condition("ContainersReady", ready), condition("PodScheduled", true)]})
}

/// By what a container that was never made waits.
pub fn waiting_key(uid: &str, container: &str) -> String {
    format!("{uid}/{container}")
}

fn container_status(
    spec: &Value,
    uid: &str,
    name: &str,
    container: Option<&Container>,
    seen: &Seen<'_>,
) -> Value {
    let mut status = json!({"name": name, "image": spec["image"], "imageID": "", "ready": false, "started": false,
        "restartCount": 0, "lastState": {}, "state": {"waiting": {"reason": "ContainerCreating"}}});
    let waiting =
        |(reason, message): &(String, String)| json!({"waiting": {"reason": reason, "message": message}});
    let unmade = seen.waiting.get(&waiting_key(uid, name));
    let Some(container) = container else {
        if let Some(why) = unmade {
            status["state"] = waiting(why);
        }
        return status;
    };
    let id = format!("containerd://{}", container.id);
    let begun = container.started.unwrap_or(container.created);
    status["restartCount"] = json!(container.attempt);
    status["imageID"] = json!(images::digest(spec["image"].as_str().unwrap_or_default()));
    status["containerID"] = json!(id);
    if container.state == State::Exited {
        let code = container.exit.unwrap_or(255);
        let reason = crate::kubelet::runtime::exit_reason(code);
        let ended = json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": seconds(begun),
            "finishedAt": seconds(container.finished.unwrap_or(seen.now)), "containerID": id}});
        match seen.waiting.get(&container.id).or(unmade) {
            None => status["state"] = ended,
            Some(why) => {
                status["lastState"] = ended;
                status["state"] = waiting(why);
            }
        }
    } else {
        let ready = ready_at(spec, begun, seen.timing) <= seen.now;
        status["state"] = json!({"running": {"startedAt": seconds(begun)}});
        status["ready"] = json!(ready);
        status["started"] = json!(ready);
    }
    status
}

/// When a container that runs is ready: at once, or after its startup probe's first success.
pub fn ready_at(spec: &Value, begun: Timestamp, timing: &Timing) -> Timestamp {
    let wait =
        if spec.get("startupProbe").is_some() { timing.startup_probe } else { std::time::Duration::ZERO };
    begun + jiff::SignedDuration::try_from(wait).unwrap_or_default()
}

/// The mirror pod of a static pod (`mirror_client.go`).
pub fn mirror(pod: &Value, uid: &str, node: &str, node_uid: &str) -> Value {
    let mut object = pod.clone();
    let metadata = &mut object["metadata"];
    metadata["annotations"]["kubernetes.io/config.mirror"] = json!(uid);
    metadata["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Node", "name": node, "uid": node_uid, "controller": true}]);
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("uid");
    }
    object
}
