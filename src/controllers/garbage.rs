//! Deletes what lost all its owners.
//!
//! Upstream: `pkg/controller/garbagecollector/garbagecollector.go`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::namespace::resources;
use super::trigger::{self, Trigger};
use super::{NODES, PODS};

/// Collections whose deletions may leave something behind.
const OWNERS: [&str; 4] = [NODES, PODS, "/apis/apps/v1/deployments", "/apis/apps/v1/daemonsets"];

/// Runs the collector.
pub async fn run(context: &Context) {
    let client = context.controller_client("generic-garbage-collector");
    let trigger = Trigger {
        client: client.clone(),
        paths: OWNERS.map(str::to_owned).into(),
        counts: |_, change| change.kind == "DELETED",
        period: None,
    };
    trigger::run(trigger, || async { orphans(&client).await.is_ok() }).await;
}

async fn orphans(client: &Client) -> Result<(), ClientError> {
    let dependents = everything(client).await?;
    // Owners are looked for after their dependents: what is made meanwhile is never taken for an orphan.
    let owners = everything(client).await?;
    let alive: HashSet<&str> = owners.iter().filter_map(|(_, o)| o["metadata"]["uid"].as_str()).collect();
    for (place, object) in &dependents {
        let metadata = &object["metadata"];
        let owners = metadata["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
        let orphan = !owners.is_empty()
            && owners.iter().all(|o| o["uid"].as_str().is_none_or(|uid| !alive.contains(uid)));
        if orphan && metadata.get("deletionTimestamp").is_none() {
            let name = metadata["name"].as_str().unwrap_or_default();
            ignore_missing(client.delete(&format!("{place}/{name}")).await)?;
        }
    }
    Ok(())
}

/// Every object that can be deleted, with the path of its collection.
async fn everything(client: &Client) -> Result<Vec<(String, Value)>, ClientError> {
    let mut all: Vec<(String, Value)> = Vec::new();
    for namespaced in [false, true] {
        for (prefix, plural) in resources(client, namespaced).await? {
            if plural == "events" {
                continue;
            }
            for item in client.list(&format!("{prefix}/{plural}")).await?.0 {
                let place = match item["metadata"]["namespace"].as_str() {
                    Some(namespace) => format!("{prefix}/namespaces/{namespace}/{plural}"),
                    None => format!("{prefix}/{plural}"),
                };
                all.push((place, item));
            }
        }
    }
    Ok(all)
}

fn ignore_missing(answer: Result<Value, ClientError>) -> Result<Value, ClientError> {
    match answer {
        Err(error) if error.is_code(404) || error.is_code(409) => Ok(json!(null)),
        other => other,
    }
}
