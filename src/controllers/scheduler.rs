//! Gives each pending pod a node that fits, or says why none does.
//!
//! Upstream: `pkg/scheduler`, filters `NodeUnschedulable`, `NodeName`, `TaintToleration`, `NodeAffinity` (selector part).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::leader::{micro, seconds};
use super::trigger::{self, Trigger};
use super::{NODES, PODS};

/// Runs the scheduler with the client of `system:kube-scheduler`.
pub async fn run(context: &Context, client: Client) {
    let trigger = Trigger {
        client: client.clone(),
        paths: vec![PODS.into(), NODES.into()],
        counts: |path, change| path != PODS || change.kind == "DELETED" || pending(&change.object()),
        period: None,
    };
    trigger::run(trigger, || async { reconcile(context, &client).await.is_ok() }).await;
}

fn pending(pod: &Value) -> bool {
    pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty)
        && pod["spec"]["schedulerName"].as_str().is_none_or(|s| s == "default-scheduler")
        && pod["metadata"].get("deletionTimestamp").is_none()
}

async fn reconcile(context: &Context, client: &Client) -> Result<(), ClientError> {
    let (pods, _) = client.list(PODS).await?;
    if !pods.iter().any(pending) {
        return Ok(());
    }
    let (nodes, _) = client.list(NODES).await?;
    let mut load: BTreeMap<String, usize> = BTreeMap::new();
    for node in pods.iter().filter_map(|p| p["spec"]["nodeName"].as_str()) {
        *load.entry(node.to_owned()).or_default() += 1;
    }
    for pod in pods.iter().filter(|p| pending(p)) {
        match choose(pod, &nodes, &load) {
            Ok(node) => {
                bind(context, client, pod, node).await?;
                *load.entry(node.to_owned()).or_default() += 1;
            }
            Err(message) => refuse(context, client, pod, &message).await?,
        }
    }
    Ok(())
}

/// The fitting node with the fewest pods, or the sentence of `FailedScheduling`.
fn choose<'a>(pod: &Value, nodes: &'a [Value], load: &BTreeMap<String, usize>) -> Result<&'a str, String> {
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<(usize, &str)> = None;
    for node in nodes {
        let name = node["metadata"]["name"].as_str().unwrap_or_default();
        if let Some(reason) = misfit(pod, node) {
            *reasons.entry(reason).or_default() += 1;
            continue;
        }
        let pods = load.get(name).copied().unwrap_or_default();
        if best.is_none_or(|(fewest, _)| pods < fewest) {
            best = Some((pods, name));
        }
    }
    if let Some((_, name)) = best {
        return Ok(name);
    }
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".into());
    }
    let mut parts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    parts.sort();
    let all = nodes.len();
    Err(format!(
        "0/{all} nodes are available: {}. preemption: 0/{all} nodes are available: {all} Preemption is not helpful for \
         scheduling.",
        parts.join(", ")
    ))
}

/// Why a pod cannot run on a node, in the filters' words.
pub fn misfit(pod: &Value, node: &Value) -> Option<String> {
    let tolerations = pod["spec"]["tolerations"].as_array().map_or(&[][..], Vec::as_slice);
    let unschedulable = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node["spec"]["unschedulable"] == true && !tolerations.iter().any(|t| tolerates(t, &unschedulable)) {
        return Some("node(s) were unschedulable".into());
    }
    for taint in node["spec"]["taints"].as_array().map_or(&[][..], Vec::as_slice) {
        let hard = matches!(taint["effect"].as_str(), Some("NoSchedule" | "NoExecute"));
        if hard && !tolerations.iter().any(|t| tolerates(t, taint)) {
            let text = |key: &str| taint[key].as_str().unwrap_or_default();
            return Some(format!("node(s) had untolerated taint {{{}: {}}}", text("key"), text("value")));
        }
    }
    let labels = &node["metadata"]["labels"];
    let selector = pod["spec"]["nodeSelector"].as_object();
    if selector.is_some_and(|s| s.iter().any(|(key, value)| labels.get(key) != Some(value))) {
        return Some("node(s) didn't match Pod's node affinity/selector".into());
    }
    None
}

/// `Toleration.ToleratesTaint`.
fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let (effect, key) = (text(toleration, "effect"), text(toleration, "key"));
    if !effect.is_empty() && effect != text(taint, "effect") {
        return false;
    }
    if !key.is_empty() && key != text(taint, "key") {
        return false;
    }
    match text(toleration, "operator").as_str() {
        "Exists" => true,
        _ => !key.is_empty() && text(toleration, "value") == text(taint, "value"),
    }
}

async fn bind(context: &Context, client: &Client, pod: &Value, node: &str) -> Result<(), ClientError> {
    let (namespace, name) = place(pod);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name, "namespace": namespace,
        "uid": pod["metadata"]["uid"]}, "target": {"kind": "Node", "name": node}});
    match client.create(&format!("/api/v1/namespaces/{namespace}/pods/{name}/binding"), &binding).await {
        Err(error) if error.is_code(404) || error.is_code(409) => return Ok(()),
        other => other?,
    };
    let message = format!("Successfully assigned {namespace}/{name} to {node}");
    event(client, pod, context.clock.now(), ("Normal", "Scheduled", "Binding"), &message).await;
    Ok(())
}

async fn refuse(context: &Context, client: &Client, pod: &Value, message: &str) -> Result<(), ClientError> {
    let said = pod["status"]["conditions"]
        .as_array()
        .is_some_and(|c| c.iter().any(|c| c["type"] == "PodScheduled" && c["message"] == message));
    if said {
        return Ok(());
    }
    let now = context.clock.now();
    let (namespace, name) = place(pod);
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        "lastProbeTime": null, "lastTransitionTime": seconds(now)});
    let patch = json!({"status": {"conditions": [condition]}});
    client.patch(&format!("/api/v1/namespaces/{namespace}/pods/{name}/status"), &patch).await?;
    event(client, pod, now, ("Warning", "FailedScheduling", "Scheduling"), message).await;
    Ok(())
}

fn place(pod: &Value) -> (&str, &str) {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}

async fn event(client: &Client, pod: &Value, now: Timestamp, what: (&str, &str, &str), message: &str) {
    let (namespace, name) = place(pod);
    let (kind, reason, action) = what;
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {"name": format!("{name}.{:x}", now.as_nanosecond()), "namespace": namespace},
        "regarding": {"kind": "Pod", "apiVersion": "v1", "namespace": namespace, "name": name, "uid": pod["metadata"]["uid"],
            "resourceVersion": pod["metadata"]["resourceVersion"]},
        "reason": reason, "action": action, "note": message, "type": kind, "eventTime": micro(now),
        "reportingController": "default-scheduler", "reportingInstance": "default-scheduler-controlplane"});
    let _ = client.create(&format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events"), &event).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, spec: Value) -> Value {
        json!({"metadata": {"name": name, "labels": {"disk": name}}, "spec": spec})
    }

    #[test]
    fn a_pod_goes_where_it_fits_or_is_told_why_not() {
        let tainted =
            json!({"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]});
        let nodes = [node("controlplane", tainted), node("node01", json!({}))];
        let load = BTreeMap::new();
        let plain = json!({"spec": {}});
        assert_eq!(choose(&plain, &nodes, &load), Ok("node01"));
        let picky = json!({"spec": {"nodeSelector": {"disk": "none"}}});
        assert_eq!(
            choose(&picky, &nodes, &load),
            Err("0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated \
                 taint {node-role.kubernetes.io/control-plane: }. preemption: 0/2 nodes are available: 2 Preemption is not \
                 helpful for scheduling."
                .into())
        );
        let tolerant = json!({"spec": {"tolerations": [{"operator": "Exists"}], "nodeSelector": {"disk": "controlplane"}}});
        assert_eq!(choose(&tolerant, &nodes, &load), Ok("controlplane"));
        let cordoned = [node("node01", json!({"unschedulable": true}))];
        assert!(choose(&plain, &cordoned, &load).is_err());
    }

    #[test]
    fn a_toleration_without_a_key_needs_exists() {
        let taint = json!({"key": "a", "value": "b", "effect": "NoSchedule"});
        let row = [
            (json!({"operator": "Exists"}), true),
            (json!({"key": "a", "operator": "Exists"}), true),
            (json!({"key": "a", "value": "b"}), true),
            (json!({"key": "a", "value": "c"}), false),
            (json!({"operator": "Equal", "value": "b"}), false),
            (json!({"operator": "Exists", "effect": "NoExecute"}), false),
        ];
        for (toleration, expected) in row {
            assert_eq!(tolerates(&toleration, &taint), expected, "{toleration}");
        }
    }
}
