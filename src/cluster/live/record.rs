//! The record of requests of a live cluster whose API server keeps an audit log on its node.
//!
//! The log is read as it grows. A policy may leave out what a lesson asks about, so a dry run is sent first: the record
//! counts only if that comes back with its body. Nothing of the log but its entries' facts is kept on this machine.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::access::LiveNode;
use super::connect::Connection;
use super::quote::quote;
use crate::apiserver::audit::Log;
use crate::apiserver::audit::evidence;
use crate::check::manifest::Manifest;
use crate::cluster::settle::settles;
use crate::container_fs::{ContainerFs, Place};
use crate::error::{Context, Result};
use crate::kubelet::mounts::of_container;
use crate::node::{Command, Io, Node, Process};
use crate::text::tr;

/// How long the way to the node may take until the log is read there.
const BEGIN: Duration = Duration::from_secs(40);
/// What the reading says first.
const READS: &[u8] = b"cks-lab:reads\n";
/// How long the dry run's event may take to come back.
const PROOF: Duration = Duration::from_secs(8);
/// How long a broken way to the node is left alone.
const AGAIN: Duration = Duration::from_secs(2);
/// How large one event may be; what is larger is passed over.
const EVENT: u64 = 4 << 20;

/// Where on its node the log of an API server with this manifest is; `None` where it keeps none that can be read there:
/// no flag, standard output, the old format, or a file inside the container alone.
pub fn path(manifest: &[u8]) -> Option<String> {
    let manifest = Manifest::parse(manifest);
    let mut flags = manifest.flags();
    let mut last = |flag: &str| flags.remove(flag).and_then(|mut values| values.pop()).unwrap_or_default();
    let inside = last("audit-log-path");
    if !inside.starts_with('/') || last("audit-log-format") == "legacy" {
        return None;
    }
    let mounts = of_container(&manifest.doc, manifest.doc.pointer("/spec/containers/0")?);
    match ContainerFs::mounted("/", &mounts).place(&inside) {
        Place::Node { path, .. } => Some(path.to_str()?.to_owned()),
        Place::Own => None,
    }
}

/// Begins to follow the log at `path` on `node` until `tasks` is cancelled, and keeps its evidence in `file`.
///
/// `None` where what is sent to Nodes does not come back.
pub async fn follow(
    node: Arc<LiveNode>,
    path: &str,
    connection: &Connection,
    file: &Path,
    tasks: &CancellationToken,
) -> Result<Option<Arc<Log>>> {
    let cannot = || tr!(live_record_not_opened { file: file.display() });
    let log = Arc::new(Log::open(file).context_what(cannot)?);
    let proof = Arc::new(Proof {
        mark: uuid::Uuid::new_v4().simple().to_string(),
        reads: Notify::new(),
        seen: Notify::new(),
    });
    let stop = tasks.child_token();
    let reading = read(node.clone(), path.to_owned(), log.clone(), proof.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(reading));
    if proof.comes_back(connection, node.real()).await {
        return Ok(Some(log));
    }
    stop.cancel();
    Ok(None)
}

/// Whether the log has, soon enough, what was answered before this.
pub async fn has_settled(log: &Log, connection: &Connection, node: &str) -> bool {
    settles(log, PROOF, async |mark| dry_run(connection, node, &mark).await.is_ok()).await
}

/// Sends a request whose address ends in `mark`; of what policies record of a lesson about Nodes it is the likeliest.
async fn dry_run(connection: &Connection, node: &str, mark: &str) -> Result<Value> {
    let path = format!("/api/v1/nodes/{node}?dryRun=All&fieldManager=cks-lab-{mark}");
    let body = json!({"metadata": {"labels": {"cks-lab/proof": "1"}}});
    connection.send("PATCH", &path, Some(("application/merge-patch+json", &body))).await
}

/// The dry run that shows what a log is good for.
struct Proof {
    mark: String,
    reads: Notify,
    seen: Notify,
}

impl Proof {
    /// Sends it now and then, since what is written is read a little later, until one is seen.
    async fn comes_back(&self, connection: &Connection, node: &str) -> bool {
        if tokio::time::timeout(BEGIN, self.reads.notified()).await.is_err() {
            return false;
        }
        let ask = async {
            loop {
                if dry_run(connection, node, &self.mark).await.is_err() {
                    return;
                }
                tokio::time::sleep(PROOF / 16).await;
            }
        };
        let seen = async {
            tokio::select! {
                () = ask => std::future::pending().await,
                () = self.seen.notified() => {}
            }
        };
        tokio::time::timeout(PROOF, seen).await.is_ok()
    }

    fn look(&self, event: &Value) {
        let ours = event["requestURI"].as_str().is_some_and(|uri| uri.contains(&self.mark));
        if ours && event["stage"] == "ResponseComplete" && event.get("requestObject").is_some() {
            self.seen.notify_one();
        }
    }
}

async fn read(node: Arc<LiveNode>, path: String, log: Arc<Log>, proof: Arc<Proof>) {
    loop {
        // What was written while nobody read is lost, and only that.
        if let Ok((_process, lines)) = tail(&node, &path).await {
            take(lines, &log, &proof).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Ends the command on the node with the reading.
struct Tail(Process);

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.signal.send(rustix::process::Signal::TERM.as_raw());
    }
}

async fn tail(node: &LiveNode, path: &str) -> Result<(Tail, pipe::Receiver)> {
    let what = || tr!(live_not_read_on { path, node: node.real() });
    let null = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from);
    let (ours, theirs) = std::io::pipe().context_what(what)?;
    let io = Io::Fds {
        stdin: null().context_what(what)?,
        stdout: theirs.into(),
        stderr: null().context_what(what)?,
    };
    let process = node
        .spawn(Command::script(format!("echo cks-lab:reads; exec tail -n 0 -F {}", quote(path))), io)
        .await?;
    let lines = pipe::Receiver::from_owned_fd(ours.into()).context_what(what)?;
    Ok((Tail(process), lines))
}

async fn take(from: pipe::Receiver, log: &Log, proof: &Proof) {
    let mut lines = BufReader::new(from);
    let mut line = Vec::new();
    let mut whole = true;
    loop {
        line.clear();
        match (&mut lines).take(EVENT).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let ends = line.ends_with(b"\n");
        if line == READS {
            proof.reads.notify_one();
        }
        if let Some(event) = evidence::event(&line).filter(|_| whole && ends) {
            proof.look(&event);
            if let Some(entry) = evidence::entry(&event) {
                log.push(entry);
            }
        }
        whole = ends;
    }
}

/// What a person is told of a log that is of no use here.
pub fn notice(path: &str) -> String {
    tr!(live_log_leaves_out { path })
}

#[cfg(test)]
mod tests {
    use super::path;

    fn manifest(flags: &str, mounts: &str) -> String {
        format!(
            "kind: Pod\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n{flags}    volumeMounts:\n\
             \x20   - {{name: pki, mountPath: /etc/kubernetes/pki}}\n{mounts}  volumes:\n\
             \x20 - {{name: pki, hostPath: {{path: /etc/kubernetes/pki}}}}\n\
             \x20 - {{name: logs, hostPath: {{path: /srv/logs/}}}}\n  - {{name: empty, emptyDir: {{}}}}\n"
        )
    }

    #[test]
    fn a_log_is_where_the_volume_puts_it() {
        let flag = "    - --audit-log-path=/var/log/audit/a.log\n";
        let mount = |name: &str, at: &str| format!("    - {{name: {name}, mountPath: {at}}}\n");
        let logs = mount("logs", "/var/log/audit/");
        for (flags, mounts, expected) in [
            (flag.to_owned(), logs.clone(), Some("/srv/logs/a.log")),
            (flag.to_owned(), mount("logs", "/var/log"), Some("/srv/logs/audit/a.log")),
            (flag.to_owned(), mount("logs", "/var/log/audit/a.log"), Some("/srv/logs")),
            (flag.to_owned(), mount("empty", "/var/log") + &logs, Some("/srv/logs/a.log")),
            (flag.to_owned(), mount("logs", "/var/lo"), None),
            (flag.to_owned(), mount("empty", "/var/log"), None),
            (flag.to_owned(), String::new(), None),
            (String::new(), logs.clone(), None),
            ("    - --audit-log-path=-\n".into(), logs.clone(), None),
            (format!("{flag}    - --audit-log-format=legacy\n"), logs.clone(), None),
            (format!("    - --audit-log-path=/x\n{flag}"), logs.clone(), Some("/srv/logs/a.log")),
        ] {
            assert_eq!(path(manifest(&flags, &mounts).as_bytes()).as_deref(), expected, "{flags}{mounts}");
        }
        assert_eq!(path(b"{{{"), None);
    }
}
