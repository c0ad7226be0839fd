//! Keeps one ReplicaSet a pod template, the newest at full size and the others at none.

use serde_json::{Value, json};

use super::{controlled_by, deleting, ignore_races, reference, template_hash, text, write_status};
use crate::controllers::Context;
use crate::controllers::client::{Client, ClientError};
use crate::controllers::leader::seconds;
use crate::controllers::trigger::{self, Trigger};

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";

/// Runs the controller.
pub async fn run(context: &Context) {
    let client = context.controller_client("deployment-controller");
    let trigger = Trigger {
        client: client.clone(),
        paths: vec!["/apis/apps/v1/deployments".into(), "/apis/apps/v1/replicasets".into()],
        counts: trigger::any,
        period: None,
    };
    trigger::run(trigger, || async { reconcile(context, &client).await.is_ok() }).await;
}

async fn reconcile(context: &Context, client: &Client) -> Result<(), ClientError> {
    let (deployments, _) = client.list("/apis/apps/v1/deployments").await?;
    let (sets, _) = client.list("/apis/apps/v1/replicasets").await?;
    for deployment in deployments.iter().filter(|d| !deleting(d)) {
        let mine: Vec<&Value> = sets.iter().filter(|s| controlled_by(s, deployment)).collect();
        let hash = template_hash(&deployment["spec"]["template"]);
        let collection = format!("/apis/apps/v1/namespaces/{}/replicasets", text(deployment, "namespace"));
        let wanted = deployment["spec"]["replicas"].as_u64().unwrap_or(1);
        let Some(current) = mine.iter().find(|s| s["metadata"]["labels"][HASH] == hash) else {
            let revision = mine.iter().filter_map(|s| revision(s)).max().unwrap_or(0) + 1;
            ignore_races(
                client.create(&collection, &replica_set(deployment, &hash, wanted, revision)).await,
            )?;
            let mut noted = deployment.clone();
            noted["metadata"]["annotations"][REVISION] = json!(revision.to_string());
            let path = format!(
                "/apis/apps/v1/namespaces/{}/deployments/{}",
                text(deployment, "namespace"),
                text(deployment, "name")
            );
            ignore_races(client.update(&path, &noted).await)?;
            continue;
        };
        scale(client, &collection, current, wanted).await?;
        let ready = |set: &Value| set["status"]["readyReplicas"].as_u64().unwrap_or(0);
        // The old pods stay until the new ones are ready.
        if ready(current) >= wanted {
            for old in mine.iter().filter(|s| s["metadata"]["uid"] != current["metadata"]["uid"]) {
                scale(client, &collection, old, 0).await?;
            }
        }
        let total = |key: &str| mine.iter().filter_map(|s| s["status"][key].as_u64()).sum::<u64>();
        let available = total("readyReplicas");
        let condition = |kind: &str, ok: bool, reason: &str, message: &str| {
            json!({"type": kind, "status": if ok { "True" } else { "False" }, "reason": reason, "message": message,
                "lastUpdateTime": seconds(context.clock.now()), "lastTransitionTime": seconds(context.clock.now())})
        };
        let mut status = json!({"replicas": total("replicas"), "updatedReplicas": current["status"]["replicas"].as_u64().unwrap_or(0),
            "readyReplicas": available, "availableReplicas": available, "unavailableReplicas": wanted.saturating_sub(available),
            "observedGeneration": deployment["metadata"]["generation"]});
        let was = deployment["status"]["conditions"]
            .as_array()
            .and_then(|c| c.iter().find(|c| c["type"] == "Available"));
        let is = available >= wanted;
        if was.is_none_or(|c| (c["status"] == "True") != is) {
            status["conditions"] = json!([if is {
                condition(
                    "Available",
                    true,
                    "MinimumReplicasAvailable",
                    "Deployment has minimum availability.",
                )
            } else {
                condition(
                    "Available",
                    false,
                    "MinimumReplicasUnavailable",
                    "Deployment does not have minimum availability.",
                )
            }]);
        }
        let path = format!(
            "/apis/apps/v1/namespaces/{}/deployments/{}",
            text(deployment, "namespace"),
            text(deployment, "name")
        );
        write_status(client, &path, deployment, status).await?;
    }
    Ok(())
}

fn revision(set: &Value) -> Option<u64> {
    set["metadata"]["annotations"][REVISION].as_str()?.parse().ok()
}

async fn scale(client: &Client, collection: &str, set: &Value, replicas: u64) -> Result<(), ClientError> {
    if set["spec"]["replicas"].as_u64() != Some(replicas) {
        let patch = json!({"spec": {"replicas": replicas}});
        ignore_races(client.patch(&format!("{collection}/{}", text(set, "name")), &patch).await)?;
    }
    Ok(())
}

fn replica_set(deployment: &Value, hash: &str, replicas: u64, revision: u64) -> Value {
    let mut template = deployment["spec"]["template"].clone();
    let mut selector = deployment["spec"]["selector"].clone();
    template["metadata"]["labels"][HASH] = json!(hash);
    selector["matchLabels"][HASH] = json!(hash);
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": format!("{}-{hash}", text(deployment, "name")), "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"], "annotations": {REVISION: revision.to_string()},
            "ownerReferences": [reference(deployment, "Deployment")]},
        "spec": {"replicas": replicas, "selector": selector, "template": template}})
}
