//! A look at what makes the API server run, taken once in a grading and only when something failed.
//!
//! Conditions see `manifests`, one for each file that a kubelet reads (`file`, `pod`, `error`, `line`, `flags`,
//! `enabled`, `disabled`), and `server` (`up`, `last_log`).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Facts;
use super::manifest::Manifest;
use crate::cluster::Cluster;
use crate::error::Result;
use crate::node::{Command, Node};

const MAX_FILES: usize = 50;
/// The end of the newest log of the API server, dead or alive, as a person would look for it.
const LAST_LOG: &str = "id=$(crictl ps -a 2>/dev/null | awk '/kube-apiserver/ {print $1; exit}'); \
     [ -n \"$id\" ] && crictl logs \"$id\" 2>&1 | tail -n 20";

/// The survey of one grading.
#[derive(Debug, Default)]
pub struct Survey(OnceCell<Facts>);

impl Survey {
    /// What was found; what cannot be read is empty.
    pub async fn facts(&self, cluster: &dyn Cluster) -> &Facts {
        self.0.get_or_init(|| take(cluster)).await
    }
}

async fn take(cluster: &dyn Cluster) -> Facts {
    let facts = cluster.facts();
    let node = facts.nodes.first().and_then(|(name, _)| cluster.node(name));
    let up = cluster.server_up();
    let (manifests, last_log) = match node {
        Some(node) => {
            let manifests = manifests(node.as_ref(), &facts.manifests).await.unwrap_or_default();
            let log = if up { String::new() } else { last_log(node.as_ref()).await };
            (manifests, log)
        }
        None => (Vec::new(), String::new()),
    };
    let all = json!({
        "manifests": manifests, "manifests_dir": facts.manifests, "server": {"up": up, "last_log": last_log},
    });
    all.as_object().cloned().unwrap_or_default()
}

async fn manifests(node: &dyn Node, dir: &str) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    let names = node.list_dir(dir).await?.unwrap_or_default();
    for name in names.iter().filter(|n| !n.starts_with('.')).take(MAX_FILES) {
        let Ok(Some(content)) = node.read_file(&format!("{dir}/{name}")).await else { continue };
        let manifest = Manifest::parse(&content);
        let mut facts = manifest.facts();
        for unwanted in ["doc", "rest"] {
            facts.remove(unwanted);
        }
        facts.insert("file".into(), json!(name));
        found.push(Value::Object(facts));
    }
    Ok(found)
}

async fn last_log(node: &dyn Node) -> String {
    let output = node.run(Command::script(LAST_LOG), b"", Duration::from_secs(3)).await;
    output.map_or_else(|_| String::new(), |output| last_telling_line(&output.text()))
}

/// The last line that says something: an error first, else the last one that is not empty.
fn last_telling_line(log: &str) -> String {
    let lines: Vec<&str> = log.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let is_error =
        |l: &&&str| l.starts_with("Error:") || l.contains("\"command failed\"") || l.starts_with('F');
    let line = lines.iter().rev().find(is_error).or_else(|| lines.last());
    line.map_or_else(String::new, |l| (*l).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_line_is_the_error() {
        for (log, line) in [
            (
                "I1 a\nE2 run.go:72] \"command failed\" err=\"x\"\n\n",
                "E2 run.go:72] \"command failed\" err=\"x\"",
            ),
            ("Error: unknown flag: --x\nUsage:\n  kube-apiserver [flags]\n", "Error: unknown flag: --x"),
            ("a\nb\n", "b"),
            ("", ""),
        ] {
            assert_eq!(last_telling_line(log), line);
        }
    }
}
