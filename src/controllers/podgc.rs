//! Removes pods that nobody will end any more: those of nodes that are gone, and those that were never placed.
//!
//! Upstream: `pkg/controller/podgc/gc_controller.go`.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::Context;
use super::client::{Client, ClientError};
use super::trigger::{self, Trigger};
use super::{NODES, PODS};

/// Looks for such pods for ever.
pub async fn run(context: &Context) {
    let client = context.controller_client("pod-garbage-collector");
    // a node counts as gone once it has been missing for as long as a silent one counts as unknown
    let quarantine = context.timing.node_monitor_grace;
    let missing = Mutex::new(HashMap::new());
    let trigger = Trigger {
        client: client.clone(),
        paths: vec![NODES.into()],
        counts: |_, change| change.kind == "DELETED",
        period: Some(quarantine / 2),
    };
    let pass = || async {
        let now = context.clock.now();
        let gone = |since: Timestamp| now.duration_since(since).unsigned_abs() >= quarantine;
        let Ok((pods, nodes)) = observe(&client).await else { return false };
        let lost = {
            let mut missing = missing.lock().unwrap_or_else(PoisonError::into_inner);
            remember(&mut missing, &pods, &nodes, now);
            missing
                .iter()
                .filter(|(_, since)| gone(**since))
                .map(|(node, _)| node.clone())
                .collect::<HashSet<_>>()
        };
        collect(&client, &pods, &lost).await.is_ok()
    };
    trigger::run(trigger, pass).await;
}

async fn observe(client: &Client) -> Result<(Vec<Value>, HashSet<String>), ClientError> {
    let (pods, _) = client.list(PODS).await?;
    let (nodes, _) = client.list(NODES).await?;
    let names = nodes.iter().filter_map(|node| node["metadata"]["name"].as_str()).map(str::to_owned);
    Ok((pods, names.collect()))
}

/// Notes since when the nodes of pods are missing, and forgets those that came back.
fn remember(
    missing: &mut HashMap<String, Timestamp>,
    pods: &[Value],
    nodes: &HashSet<String>,
    now: Timestamp,
) {
    let used: HashSet<&str> = pods.iter().filter_map(|pod| pod["spec"]["nodeName"].as_str()).collect();
    missing.retain(|node, _| used.contains(node.as_str()) && !nodes.contains(node));
    for node in used {
        if !node.is_empty() && !nodes.contains(node) {
            missing.entry(node.to_owned()).or_insert(now);
        }
    }
}

async fn collect(client: &Client, pods: &[Value], lost: &HashSet<String>) -> Result<(), ClientError> {
    for pod in pods.iter().filter(|pod| is_garbage(pod, lost)) {
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{}/pods/{}", text("namespace"), text("name"));
        match client.delete_now(&path).await {
            Err(error) if !error.is_code(404) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Whether a pod's node is lost, or the pod is to be deleted and has no node that would do it.
fn is_garbage(pod: &Value, lost: &HashSet<String>) -> bool {
    match pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
        Some(node) => lost.contains(node),
        None => pod["metadata"].get("deletionTimestamp").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_are_missed_from_when_they_are_gone_until_they_are_back() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
        let pods =
            [json!({"spec": {"nodeName": "a"}}), json!({"spec": {"nodeName": "b"}}), json!({"spec": {}})];
        let nodes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut missing = HashMap::new();
        remember(&mut missing, &pods, &nodes(&["a"]), at(1));
        remember(&mut missing, &pods, &nodes(&["a"]), at(2));
        assert_eq!(missing, HashMap::from([("b".to_owned(), at(1))]));
        remember(&mut missing, &pods, &nodes(&["a", "b"]), at(3));
        assert_eq!(missing, HashMap::new());
        remember(&mut missing, &pods, &nodes(&[]), at(4));
        remember(&mut missing, &pods[..1], &nodes(&[]), at(5));
        assert_eq!(missing, HashMap::from([("a".to_owned(), at(4))]));
    }

    #[test]
    fn only_pods_that_nobody_ends_are_garbage() {
        let lost = HashSet::from(["gone".to_owned()]);
        for (pod, garbage) in [
            (json!({"spec": {"nodeName": "gone"}}), true),
            (json!({"spec": {"nodeName": "here"}, "metadata": {"deletionTimestamp": "t"}}), false),
            (json!({"spec": {}, "metadata": {"deletionTimestamp": "t"}}), true),
            (json!({"spec": {}, "metadata": {}}), false),
        ] {
            assert_eq!(is_garbage(&pod, &lost), garbage, "{pod}");
        }
    }
}
