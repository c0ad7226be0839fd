//! Deletes what lost all its owners.
//!
//! Upstream: `pkg/controller/garbagecollector/garbagecollector.go`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::namespace::{Served, served};
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
    let resources: Vec<_> = served(client).await?.into_iter().filter(|r| r.plural != "events").collect();
    let mut dependents = Vec::new();
    let mut kinds = HashSet::new();
    for resource in &resources {
        for object in client.list_metadata(&resource.path()).await? {
            let owners = object["metadata"]["ownerReferences"].as_array().map_or(&[][..], Vec::as_slice);
            if owners.is_empty() {
                continue;
            }
            kinds.extend(owners.iter().filter_map(|owner| owner["kind"].as_str().map(str::to_owned)));
            dependents.push((resource, object));
        }
    }
    // Owners are looked for after their dependents: what is made meanwhile is never taken for an orphan.
    let mut alive = HashSet::new();
    for resource in resources.iter().filter(|resource| kinds.contains(&resource.kind)) {
        let owners = client.list_metadata(&resource.path()).await?;
        alive.extend(owners.iter().filter_map(|o| o["metadata"]["uid"].as_str().map(str::to_owned)));
    }
    for (resource, object) in dependents {
        let metadata = &object["metadata"];
        let mut owners = metadata["ownerReferences"].as_array().into_iter().flatten();
        let orphan = owners.all(|o| o["uid"].as_str().is_none_or(|uid| !alive.contains(uid)));
        if orphan && metadata.get("deletionTimestamp").is_none() {
            let name = metadata["name"].as_str().unwrap_or_default();
            let Served { prefix, plural, .. } = resource;
            let path = match metadata["namespace"].as_str() {
                Some(namespace) => format!("{prefix}/namespaces/{namespace}/{plural}/{name}"),
                None => format!("{prefix}/{plural}/{name}"),
            };
            ignore_missing(client.delete(&path).await)?;
        }
    }
    Ok(())
}

fn ignore_missing(answer: Result<Value, ClientError>) -> Result<Value, ClientError> {
    match answer {
        Err(error) if error.is_code(404) || error.is_code(409) => Ok(json!(null)),
        other => other,
    }
}
