//! Keeps one pod of a DaemonSet on every node that it fits.

use serde_json::{Value, json};

use super::{
    active, controlled_by, deleting, ignore_races, owned_by, pod_from, ready, template_hash, text,
    write_status,
};
use crate::controllers::client::{Client, ClientError};
use crate::controllers::scheduler;
use crate::controllers::trigger::{self, Trigger};
use crate::controllers::{Context, NODES, PODS};

const HASH: &str = "controller-revision-hash";

/// Runs the controller.
pub async fn run(context: &Context) {
    let client = context.controller_client("daemon-set-controller");
    let trigger = Trigger {
        client: client.clone(),
        paths: vec!["/apis/apps/v1/daemonsets".into(), PODS.into(), NODES.into()],
        counts: |path, change| match path {
            NODES => change.kind != "MODIFIED",
            PODS => owned_by(&change.object(), "DaemonSet"),
            _ => true,
        },
        period: None,
    };
    trigger::run(trigger, || async { reconcile(&client).await.is_ok() }).await;
}

async fn reconcile(client: &Client) -> Result<(), ClientError> {
    let (sets, _) = client.list("/apis/apps/v1/daemonsets").await?;
    let (pods, _) = client.list(PODS).await?;
    let (nodes, _) = client.list(NODES).await?;
    for set in sets.iter().filter(|s| !deleting(s)) {
        let namespace = text(set, "namespace");
        let collection = format!("/api/v1/namespaces/{namespace}/pods");
        let hash = template_hash(&set["spec"]["template"]);
        let mine: Vec<&Value> = pods.iter().filter(|p| controlled_by(p, set) && active(p)).collect();
        let on =
            |node: &str| mine.iter().filter(|p| p["spec"]["nodeName"] == node).copied().collect::<Vec<_>>();
        let mut wanted = 0;
        let mut updated = 0;
        for node in &nodes {
            let name = text(node, "name");
            let mut pod = pod_from(&set["spec"]["template"], set, "DaemonSet");
            pod["metadata"]["labels"][HASH] = json!(hash);
            tolerate_everything_a_daemon_does(&mut pod);
            let fits = scheduler::misfit(&pod, node).is_none();
            let there = on(name);
            let old = |p: &&Value| p["metadata"]["labels"][HASH] != hash;
            if fits {
                wanted += 1;
                updated += there.iter().filter(|p| !old(p)).count();
            }
            for extra in there.iter().filter(|p| !fits || old(p)) {
                ignore_races(client.delete(&format!("{collection}/{}", text(extra, "name"))).await)?;
            }
            if fits && there.is_empty() {
                pod["spec"]["nodeName"] = json!(name);
                client.create(&collection, &pod).await?;
            }
        }
        let up = mine.iter().filter(|p| ready(p)).count();
        let status = json!({"currentNumberScheduled": mine.len(), "desiredNumberScheduled": wanted, "numberReady": up,
            "numberAvailable": up, "numberUnavailable": wanted - up.min(wanted), "updatedNumberScheduled": updated,
            "numberMisscheduled": 0, "observedGeneration": set["metadata"]["generation"]});
        let path = format!("/apis/apps/v1/namespaces/{namespace}/daemonsets/{}", text(set, "name"));
        write_status(client, &path, set, status).await?;
    }
    Ok(())
}

/// The tolerations that the controller adds (`AddOrUpdateDaemonPodTolerations`).
fn tolerate_everything_a_daemon_does(pod: &mut Value) {
    let rows = [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ];
    let mut tolerations = pod["spec"]["tolerations"].as_array().cloned().unwrap_or_default();
    for (key, effect) in rows {
        tolerations.push(
            json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": effect}),
        );
    }
    pod["spec"]["tolerations"] = json!(tolerations);
}
