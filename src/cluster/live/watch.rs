//! Tells of changes on a live cluster by looking now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::access::LiveNode;
use super::connect::Connection;
use super::quote::quote;
use crate::cluster::Change;
use crate::node::Node;

/// How often the API server is asked.
const API: Duration = Duration::from_millis(700);
/// How often the manifests are looked at: each look is a command on the node.
const FILES: Duration = Duration::from_secs(4);

/// Begins looking, until `tasks` is cancelled.
pub fn start(
    connection: &Connection,
    nodes: &[Arc<LiveNode>],
    manifests: &str,
    up: &Arc<AtomicBool>,
    changes: &broadcast::Sender<Change>,
    tasks: &CancellationToken,
) {
    let api = watch_api(connection.clone(), up.clone(), changes.clone());
    tokio::spawn(tasks.clone().run_until_cancelled_owned(api));
    if let Some(node) = nodes.first() {
        let files = watch_files(node.clone(), manifests.to_owned(), changes.clone());
        tokio::spawn(tasks.clone().run_until_cancelled_owned(files));
    }
}

async fn watch_api(connection: Connection, up: Arc<AtomicBool>, changes: broadcast::Sender<Change>) {
    let mut seen = None;
    loop {
        let now = connection.ready().await;
        if up.swap(now, Ordering::SeqCst) != now {
            let _ = changes.send(Change::Server(now));
        }
        if now && let Ok(list) = connection.get("/api/v1/nodes").await {
            let labels: Vec<Value> = list["items"].as_array().into_iter().flatten().map(labels).collect();
            if seen.as_ref() != Some(&labels) {
                seen = Some(labels);
                let _ = changes.send(Change::Api);
            }
        }
        tokio::time::sleep(API).await;
    }
}

fn labels(node: &Value) -> Value {
    node["metadata"]["labels"].clone()
}

async fn watch_files(node: Arc<LiveNode>, manifests: String, changes: broadcast::Sender<Change>) {
    let script = format!("cksum {}/* 2>/dev/null", quote(&manifests));
    let mut seen = None;
    loop {
        if let Ok(output) = node.script(&script, b"").await {
            if seen.as_ref().is_some_and(|s| *s != output.stdout) {
                let _ = changes.send(Change::File { node: node.name().to_owned() });
            }
            seen = Some(output.stdout);
        }
        tokio::time::sleep(FILES).await;
    }
}
