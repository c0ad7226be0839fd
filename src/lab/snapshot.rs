//! What the lesson's files and objects were like when a step began, so that it can be started over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::check::{Originals, http};
use crate::cluster::{Cluster, Identity};
use crate::error::{Context, Error, Result};
use crate::lesson::schema::Track;
use crate::node::Node;
use crate::text::tr;

/// How long a server may take to come back after its manifest was put back.
pub const SERVER_LIMIT: Duration = Duration::from_secs(90);

/// The content of files by name; base64.
type Files = BTreeMap<String, String>;

/// A snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The format; see [`crate::progress::VERSION`].
    pub version: u32,
    /// By node, directory and file name.
    pub files: BTreeMap<String, BTreeMap<String, Files>>,
    /// `labels` and `annotations` by API path.
    pub objects: BTreeMap<String, Value>,
}

/// The node, or the error that there is none.
pub fn node(cluster: &dyn Cluster, name: &str) -> Result<std::sync::Arc<dyn Node>> {
    cluster.node(name).ok_or_else(|| {
        let facts = cluster.facts();
        let names: Vec<_> = facts.nodes.iter().map(|(name, _)| name.as_str()).collect();
        Error::new(tr!(lab_no_node { name })).hint(tr!(lab_its_nodes { names: names.join(", ") }))
    })
}

/// Takes a snapshot. Objects that cannot be read now are left out: they are not put back.
pub async fn take(track: &Track, cluster: &dyn Cluster) -> Result<Snapshot> {
    let mut snapshot = Snapshot { version: crate::progress::VERSION, ..Snapshot::default() };
    for dir in &track.directories {
        let node = node(cluster, &dir.node)?;
        let mut files = Files::new();
        for name in node.list_dir(&dir.path).await?.unwrap_or_default() {
            // A directory in it is not the lesson's.
            if let Ok(Some(content)) = node.read_file(&format!("{}/{name}", dir.path)).await {
                files.insert(name, STANDARD.encode(content));
            }
        }
        snapshot.files.entry(dir.node.clone()).or_default().insert(dir.path.clone(), files);
    }
    let client = cluster.client(&Identity::Admin)?;
    for path in &track.objects {
        if let Ok(answer) = http::get(&client, path).await
            && answer.code == 200
        {
            snapshot.objects.insert(path.clone(), tracked(&answer.body));
        }
    }
    Ok(snapshot)
}

fn tracked(object: &Value) -> Value {
    let part = |key: &str| match &object["metadata"][key] {
        Value::Object(map) => map.clone(),
        _ => Map::new(),
    };
    json!({"labels": part("labels"), "annotations": part("annotations")})
}

impl Snapshot {
    /// Puts files and objects back.
    pub async fn restore(&self, cluster: &dyn Cluster) -> Result<()> {
        let mut changed = false;
        for (name, dirs) in &self.files {
            let node = node(cluster, name)?;
            for (dir, files) in dirs {
                changed |= restore_dir(node.as_ref(), dir, files).await?;
            }
        }
        if self.objects.is_empty() {
            return Ok(());
        }
        let client = cluster.client(&Identity::Admin)?;
        if changed {
            await_restart(cluster).await;
        }
        await_ready(cluster, SERVER_LIMIT).await?;
        let end = Instant::now() + SERVER_LIMIT;
        for (path, then) in &self.objects {
            let failed = |why: String| Error::new(tr!(lab_not_put_back { path })).why(why);
            let answer = loop {
                match put_back(&client, path, then).await {
                    Ok(answer) => break answer,
                    // The server was still on its way down when it said that it is ready.
                    Err(_) if Instant::now() < end => await_ready(cluster, SERVER_LIMIT).await?,
                    Err(unreachable) => return Err(failed(unreachable.0)),
                }
            };
            if let Some(refusal) = answer.filter(|answer| answer.code != 200) {
                return Err(failed(refusal.message()));
            }
        }
        Ok(())
    }
}

impl Snapshot {
    fn file(&self, node: &str, path: &str) -> Option<Vec<u8>> {
        let (dir, name) = path.rsplit_once('/')?;
        STANDARD.decode(self.files.get(node)?.get(dir)?.get(name)?).ok()
    }
}

/// What files were like before the lesson's setup, and when its first step began.
#[derive(Debug, Clone, Default)]
pub struct Then {
    /// Before the setup; the same as `first` where nothing is known.
    pub before: Snapshot,
    /// When the first step began.
    pub first: Snapshot,
}

impl Originals for Then {
    fn original(&self, node: &str, path: &str) -> Option<Vec<u8>> {
        self.first.file(node, path)
    }

    fn before(&self, node: &str, path: &str) -> Option<Vec<u8>> {
        self.before.file(node, path)
    }
}

/// Makes an object's labels and annotations what they were; the answer, where anything had to be asked for.
async fn put_back(
    client: &kube::Client,
    path: &str,
    then: &Value,
) -> std::result::Result<Option<http::Answer>, http::Unreachable> {
    let now = http::get(client, path).await?;
    let patch = difference(&tracked(&now.body), then);
    if now.code == 404 || patch.is_empty() {
        return Ok(None);
    }
    let body = json!({"metadata": patch});
    http::patch(client, path, "application/merge-patch+json", &body).await.map(Some)
}

/// Whether anything had to be changed comes back.
async fn restore_dir(node: &dyn Node, dir: &str, files: &Files) -> Result<bool> {
    let mut changed = false;
    for name in node.list_dir(dir).await?.unwrap_or_default() {
        let path = format!("{dir}/{name}");
        if !files.contains_key(&name) && matches!(node.read_file(&path).await, Ok(Some(_))) {
            node.remove_file(&path).await?;
            changed = true;
        }
    }
    for (name, content) in files {
        let path = format!("{dir}/{name}");
        let then = STANDARD.decode(content).context_what(|| tr!(lab_snapshot_damaged { path }))?;
        if node.read_file(&path).await?.as_deref() != Some(&then) {
            node.write_file(&path, &then).await?;
            changed = true;
        }
    }
    Ok(changed)
}

/// A merge patch of metadata that makes `now` what it was `then`.
fn difference(now: &Value, then: &Value) -> Map<String, Value> {
    let mut patch = Map::new();
    for part in ["labels", "annotations"] {
        let (Some(now), Some(then)) = (now[part].as_object(), then[part].as_object()) else { continue };
        let gone = now.keys().filter(|k| !then.contains_key(*k)).map(|k| (k.clone(), Value::Null));
        let back = then.iter().filter(|(k, v)| now.get(*k) != Some(v)).map(|(k, v)| (k.clone(), v.clone()));
        let changes: Map<String, Value> = gone.chain(back).collect();
        if !changes.is_empty() {
            patch.insert(part.to_owned(), Value::Object(changes));
        }
    }
    patch
}

/// Gives the kubelet time to see a changed manifest: until then the old server answers as if nothing had happened.
pub async fn await_restart(cluster: &dyn Cluster) {
    for _ in 0..100 {
        if !cluster.server_up() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the API server says that it is ready.
pub async fn await_ready(cluster: &dyn Cluster, limit: Duration) -> Result<()> {
    let client = cluster.client(&Identity::Admin)?;
    let end = Instant::now() + limit;
    loop {
        let why = match http::get(&client, "/readyz").await {
            Ok(answer) if answer.code == 200 => return Ok(()),
            Ok(answer) => answer.message(),
            Err(unreachable) => unreachable.0,
        };
        if Instant::now() >= end {
            return Err(Error::new(tr!(lab_server_not_back))
                .why(why)
                .hint(tr!(lab_look_at_crictl))
                .hint(tr!(lab_or_reset)));
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patch_undoes_what_was_done() {
        let then = json!({"labels": {"a": "1", "b": "2"}, "annotations": {}});
        let now = json!({"labels": {"a": "1", "b": "3", "c": "4"}, "annotations": {"x": "y"}});
        let patch = Value::Object(difference(&now, &then));
        assert_eq!(patch, json!({"labels": {"b": "2", "c": null}, "annotations": {"x": null}}));
        assert!(difference(&then, &then).is_empty());
    }
}
