//! Keeps as many pods as a ReplicaSet asks for.

use serde_json::{Value, json};

use super::{active, controlled_by, deleting, ignore_races, owned_by, pod_from, ready, text, write_status};
use crate::controllers::client::{Client, ClientError};
use crate::controllers::trigger::{self, Trigger};
use crate::controllers::{Context, PODS};

/// Runs the controller.
pub async fn run(context: &Context) {
    let client = context.controller_client("replicaset-controller");
    let trigger = Trigger {
        client: client.clone(),
        paths: vec!["/apis/apps/v1/replicasets".into(), PODS.into()],
        counts: |path, change| path != PODS || owned_by(&change.object(), "ReplicaSet"),
        period: None,
    };
    trigger::run(trigger, || async { reconcile(&client).await.is_ok() }).await;
}

async fn reconcile(client: &Client) -> Result<(), ClientError> {
    let (sets, _) = client.list("/apis/apps/v1/replicasets").await?;
    let (pods, _) = client.list(PODS).await?;
    for set in sets.iter().filter(|s| !deleting(s)) {
        let namespace = text(set, "namespace");
        let collection = format!("/api/v1/namespaces/{namespace}/pods");
        let mine: Vec<&Value> = pods.iter().filter(|p| controlled_by(p, set) && active(p)).collect();
        let wanted = usize::try_from(set["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(usize::MAX);
        for _ in mine.len()..wanted {
            client.create(&collection, &pod_from(&set["spec"]["template"], set, "ReplicaSet")).await?;
        }
        // Pods that are not ready go first.
        let mut order = mine.clone();
        order.sort_by_key(|p| ready(p));
        for pod in order.iter().take(mine.len().saturating_sub(wanted)) {
            ignore_races(client.delete(&format!("{collection}/{}", text(pod, "name"))).await)?;
        }
        let up = mine.iter().filter(|p| ready(p)).count();
        let status = json!({"replicas": mine.len(), "fullyLabeledReplicas": mine.len(), "readyReplicas": up,
            "availableReplicas": up, "observedGeneration": set["metadata"]["generation"]});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets/{}", text(set, "name"));
        write_status(client, &path, set, status).await?;
    }
    Ok(())
}
