//! Notices nodes whose kubelet is silent, and keeps the taints that go with a node's conditions.
//!
//! Upstream: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::event::tell;
use super::leader::seconds;
use super::trigger::{self, Trigger};
use super::{NODES, PODS};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
/// Who its events say they are of.
const COMPONENT: &str = "node-controller";

/// The taints that this controller keeps.
const MANAGED: [&str; 3] = [NOT_READY, UNREACHABLE, UNSCHEDULABLE];

/// Runs the controller.
pub async fn run(context: &Context) {
    let client = context.controller_client("node-controller");
    let grace = SignedDuration::try_from(context.timing.node_monitor_grace).unwrap_or_default();
    let trigger = Trigger {
        client: client.clone(),
        paths: vec![NODES.into()],
        counts: |_, change| change.kind != "DELETED",
        period: Some(context.timing.node_monitor_period),
    };
    // A server that was away kept every kubelet silent: the grace period counts from the controller's start.
    let begun = context.clock.now();
    let known = Mutex::new(BTreeSet::new());
    trigger::run(trigger, || async {
        let now = context.clock.now();
        reconcile(&client, now, begun, grace, &known).await.is_ok()
    })
    .await;
}

async fn reconcile(
    client: &Client,
    now: Timestamp,
    begun: Timestamp,
    grace: SignedDuration,
    known: &Mutex<BTreeSet<String>>,
) -> Result<(), ClientError> {
    let (leases, _) = client.list(LEASES).await?;
    let mut nodes = client.list(NODES).await?.0;
    super::nodeipam::allocate(client, &mut nodes).await;
    for node in nodes {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        let uid = node["metadata"]["uid"].as_str().unwrap_or_default();
        let new = known.lock().unwrap_or_else(PoisonError::into_inner).insert(uid.to_owned());
        if new {
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            tell(client, COMPONENT, &about_node(name, uid), now, ("Normal", "RegisteredNode"), &message)
                .await;
        }
        let renewed = leases
            .iter()
            .find(|l| l["metadata"]["name"] == name)
            .and_then(|l| l["spec"]["renewTime"].as_str()?.parse::<Timestamp>().ok());
        let Some(renewed) = renewed else { continue };
        let silent = now.duration_since(renewed.max(begun)) > grace;
        if silent && condition(&node, "Ready").is_some_and(|c| c["status"] != "Unknown") {
            let status = unknown_conditions(&node, now);
            client
                .patch(&format!("{NODES}/{name}/status"), &json!({"status": {"conditions": status}}))
                .await?;
            let message = format!("Node {name} status is now: NodeNotReady");
            tell(client, COMPONENT, &about_node(name, uid), now, ("Normal", "NodeNotReady"), &message).await;
            mark_pods(client, name, now).await?;
            continue;
        }
        let taints = wanted_taints(&node, now);
        let have = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        if taints.len() != have.len() || !taints.iter().all(|t| have.iter().any(|h| same_taint(h, t))) {
            let mut changed = node.clone();
            changed["spec"]["taints"] = json!(taints);
            client.update(&format!("{NODES}/{name}"), &changed).await?;
        }
    }
    Ok(())
}

fn about_node(name: &str, uid: &str) -> Value {
    json!({"kind": "Node", "name": name, "uid": uid})
}

/// Says of the pods of a silent node that they are not ready (`MarkPodsNotReady`).
async fn mark_pods(client: &Client, node: &str, now: Timestamp) -> Result<(), ClientError> {
    let (pods, _) = client.list(PODS).await?;
    for pod in pods.iter().filter(|p| p["spec"]["nodeName"] == node) {
        let is_ready = condition(pod, "Ready").is_some_and(|c| c["status"] == "True");
        if !is_ready {
            continue;
        }
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": seconds(now)});
        let patch = json!({"status": {"conditions": [ready]}});
        match client.patch(&format!("/api/v1/namespaces/{namespace}/pods/{name}/status"), &patch).await {
            Err(error) if !error.is_code(404) => return Err(error),
            _ => {}
        }
        let about = json!({"kind": "Pod", "apiVersion": "v1", "namespace": namespace, "name": name, "uid": text("uid")});
        tell(client, COMPONENT, &about, now, ("Warning", "NodeNotReady"), "Node is not ready").await;
    }
    Ok(())
}

fn condition<'a>(node: &'a Value, kind: &str) -> Option<&'a Value> {
    node["status"]["conditions"].as_array()?.iter().find(|c| c["type"] == kind)
}

fn same_taint(a: &Value, b: &Value) -> bool {
    a["key"] == b["key"] && a["effect"] == b["effect"] && a["value"] == b["value"]
}

/// The conditions of a node whose kubelet is silent.
fn unknown_conditions(node: &Value, now: Timestamp) -> Vec<Value> {
    ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"]
        .into_iter()
        .map(|kind| {
            let old = condition(node, kind).cloned().unwrap_or_else(|| json!({}));
            let mut new = json!({"type": kind, "status": "Unknown", "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.", "lastTransitionTime": seconds(now)});
            if let Some(beat) = old.get("lastHeartbeatTime") {
                new["lastHeartbeatTime"] = beat.clone();
            }
            new
        })
        .collect()
}

/// The taints a node should have: its own ones, and those of its conditions.
fn wanted_taints(node: &Value, now: Timestamp) -> Vec<Value> {
    let have = node["spec"]["taints"].as_array().map_or(&[][..], Vec::as_slice);
    let mut taints: Vec<Value> =
        have.iter().filter(|t| !MANAGED.contains(&t["key"].as_str().unwrap_or_default())).cloned().collect();
    let mut want = |key: &str, effect: &str| {
        let kept = have.iter().find(|t| t["key"] == key && t["effect"] == effect);
        let mut taint = json!({"key": key, "effect": effect});
        if effect == "NoExecute" {
            taint["timeAdded"] = json!(seconds(now));
        }
        taints.push(kept.cloned().unwrap_or(taint));
    };
    match condition(node, "Ready").and_then(|c| c["status"].as_str()) {
        Some("False") => ["NoSchedule", "NoExecute"].iter().for_each(|effect| want(NOT_READY, effect)),
        Some("Unknown") => ["NoSchedule", "NoExecute"].iter().for_each(|effect| want(UNREACHABLE, effect)),
        _ => {}
    }
    if node["spec"]["unschedulable"] == true {
        want(UNSCHEDULABLE, "NoSchedule");
    }
    taints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(ready: &str, taints: Value) -> Value {
        json!({"spec": {"taints": taints}, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
    }

    #[test]
    fn taints_follow_the_ready_condition_and_leave_others_alone() {
        let own = json!([{"key": "mine", "effect": "NoSchedule"}]);
        let keys = |node: &Value| -> Vec<String> {
            wanted_taints(node, Timestamp::UNIX_EPOCH)
                .iter()
                .map(|t| {
                    format!("{}:{}", t["key"].as_str().unwrap_or(""), t["effect"].as_str().unwrap_or(""))
                })
                .collect()
        };
        assert_eq!(keys(&node("True", own.clone())), ["mine:NoSchedule"]);
        assert_eq!(
            keys(&node("Unknown", own)),
            [
                "mine:NoSchedule",
                "node.kubernetes.io/unreachable:NoSchedule",
                "node.kubernetes.io/unreachable:NoExecute"
            ]
        );
        let gone = json!([{"key": UNREACHABLE, "effect": "NoExecute"}]);
        assert!(keys(&node("True", gone)).is_empty());
    }
}
