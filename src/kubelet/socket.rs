//! What crictl, systemctl and journalctl on a node ask: one JSON line in, JSON lines out.
//!
//! There are two sockets, where a node has containerd's and systemd's; both answer whether an API server runs or not. The
//! first is gone while containerd is stopped.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::Kubelet;
use super::logs::Wanted;
use super::runtime::{Container, Sandbox};
use crate::error::{Context, Result};
use crate::rooted::Rooted;
use crate::text::tr;

/// Where containerd's socket is on a node.
pub const SOCKET: &str = "/run/containerd/containerd.sock";
/// Where systemd's is.
pub const MANAGER: &str = "/run/systemd/private";

/// A question.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Question {
    /// All sandboxes and containers.
    State,
    /// What the lab's own process uses, as far as the API server is a part of it.
    Used,
    /// A container's log.
    Logs {
        /// The container's whole id.
        id: String,
        /// Keep sending what comes.
        follow: bool,
        /// Only the last lines.
        tail: Option<usize>,
        /// Only what is younger.
        since: Option<Timestamp>,
    },
    /// Something to be done to a container or a sandbox.
    Act {
        /// `stop`, `rm`, `stopp`, `rmp`
        what: String,
        /// The whole id.
        id: String,
        /// How long it may take to end.
        seconds: u64,
    },
    /// The keys of etcd from a key on, and their values.
    Etcd {
        /// The first key.
        from: String,
        /// Where it ends; nothing for the one key.
        until: Option<String>,
    },
    /// The journal.
    Journal {
        /// Keep sending what comes.
        follow: bool,
    },
    /// A unit's state, or a change of it.
    Service {
        /// `kubelet`, `containerd`
        unit: String,
        /// `status`, `start`, `stop`, `restart`
        verb: String,
    },
}

/// What runs on the node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeState {
    /// `v1.31.0`
    pub version: String,
    /// The node's name.
    pub node: String,
    /// The node's time.
    pub now: Timestamp,
    /// The node's address.
    pub address: String,
    /// What the pods are to be, by uid, as far as the kubelet knows.
    #[serde(default)]
    pub pods: BTreeMap<String, Value>,
    /// The addresses of those pods that have one of their own, by uid.
    #[serde(default)]
    pub pod_addresses: BTreeMap<String, String>,
    /// Sandboxes, newest first.
    pub sandboxes: Vec<Sandbox>,
    /// Containers, newest first.
    pub containers: Vec<Container>,
    /// Whether processes of the node stand for what runs inside the lab.
    #[serde(default)]
    pub stands: bool,
}

/// Whether something was done.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Done {
    /// Why it was not, in the runtime's words.
    pub error: Option<String>,
}

/// A unit's state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Service {
    /// Whether it runs.
    pub active: bool,
    /// Its process id.
    pub pid: u32,
    /// Since when it is in that state.
    pub since: Timestamp,
    /// The node's time.
    pub now: Timestamp,
    /// The node's address.
    pub address: String,
    /// The signal that ended it, 0 for none, while systemd is about to start it again.
    #[serde(default)]
    pub restarting: Option<i32>,
}

/// Binds a socket below a node's root, whose path may be longer than a socket's may be.
pub(super) fn bind(root: &Path, socket: &str) -> Result<UnixListener> {
    let (path, rooted) = (Path::new(socket), Rooted::new(root));
    let what = || tr!(sandbox_not_listening { socket: rooted.shown(path).display() });
    let parent = path.parent().unwrap_or(Path::new("/"));
    rooted.create_dir_all(parent, 0o755).context_what(what)?;
    let _ = rooted.remove_file(path);
    let directory = rooted.directory(parent).context_what(what)?;
    let name = path.file_name().unwrap_or_default();
    let short = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name);
    UnixListener::bind(short).context_what(what)
}

/// Answers at systemd's socket until the kubelet ends.
pub(super) async fn serve_manager(kubelet: Arc<Kubelet>, mut listener: UnixListener) {
    let mut mended = kubelet.mended.subscribe();
    loop {
        tokio::select! {
            () = serve(kubelet.clone(), &listener) => return,
            changed = mended.changed() => if changed.is_err() { return },
        }
        if let Ok(again) = bind(&kubelet.config.root, MANAGER) {
            listener = again;
        }
    }
}

/// Answers at containerd's socket while containerd runs; while it does not, there is no socket.
pub(super) async fn serve_runtime(kubelet: Arc<Kubelet>, listener: UnixListener) {
    let mut listener = Some(listener);
    let (mut containerd, mut mended) = (kubelet.containerd.subscribe(), kubelet.mended.subscribe());
    loop {
        if let Some(open) = listener.take() {
            tokio::select! {
                () = serve(kubelet.clone(), &open) => return,
                gone = containerd.wait_for(|(up, _)| !up) => if gone.is_err() { return },
                changed = mended.changed() => if changed.is_err() { return },
            }
        }
        let _ = Rooted::new(&kubelet.config.root).remove_file(SOCKET);
        tokio::select! {
            () = kubelet.stop.cancelled() => return,
            back = containerd.wait_for(|(up, _)| *up) => if back.is_err() { return },
        }
        // Where it cannot be made, the tools say that there is none.
        listener = bind(&kubelet.config.root, SOCKET).ok();
        if listener.is_none() {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            listener = bind(&kubelet.config.root, SOCKET).ok();
        }
    }
}

/// Answers until the kubelet ends.
async fn serve(kubelet: Arc<Kubelet>, listener: &UnixListener) {
    loop {
        let accepted = tokio::select! {
            () = kubelet.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (kubelet, stop) = (kubelet.clone(), kubelet.stop.clone());
        kubelet.tasks.clone().spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                _ = answer(&kubelet, stream) => {}
            }
        });
    }
}

async fn send(stream: &mut (impl AsyncWriteExt + Unpin), value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

async fn answer(kubelet: &Arc<Kubelet>, stream: UnixStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    read.read_line(&mut line).await?;
    let question: Question = serde_json::from_str(&line)?;
    // A client that goes away ends what it follows.
    let gone = async move {
        let mut rest = String::new();
        let _ = read.read_line(&mut rest).await;
    };
    tokio::select! {
        () = gone => Ok(()),
        done = respond(kubelet, question, &mut write) => done,
    }
}

async fn respond(
    kubelet: &Arc<Kubelet>,
    question: Question,
    write: &mut (impl AsyncWriteExt + Unpin),
) -> io::Result<()> {
    let config = &kubelet.config;
    match question {
        Question::State => {
            let state = NodeState {
                version: config.release.git_version.into(),
                node: config.node.clone(),
                now: config.clock.now(),
                address: config.address.to_string(),
                pods: kubelet.known_pods(),
                pod_addresses: kubelet.pod_addresses(),
                sandboxes: config.runtime.sandboxes(),
                containers: config.runtime.containers(),
                stands: kubelet.stands(),
            };
            send(write, &state).await
        }
        Question::Used => {
            send(write, &config.runtime.serves_itself().then(|| super::usage::Used::of("self"))).await
        }
        Question::Act { what, id, seconds } => {
            let error = kubelet.act(&what, &id, std::time::Duration::from_secs(seconds)).await.err();
            send(write, &Done { error }).await
        }
        Question::Etcd { from, until } => {
            let answer = config.runtime.etcd().map(|etcd| etcd.range(&from, until.as_deref()));
            send(write, &answer).await
        }
        Question::Logs { id, follow, tail, since } => {
            let Some(container) = config.runtime.containers().into_iter().find(|c| c.id == id) else {
                return Ok(());
            };
            let mut entries = kubelet.log_entries(&container, Wanted { follow, tail, since });
            while let Some(entry) = entries.next().await {
                send(write, &entry).await?;
            }
            Ok(())
        }
        Question::Journal { follow } => {
            let mut newest = kubelet.journal.subscribe();
            let mut sent = 0;
            loop {
                newest.borrow_and_update();
                for line in kubelet.journal.since(sent) {
                    sent = line.sequence;
                    send(write, &line).await?;
                }
                if !follow || newest.changed().await.is_err() {
                    return Ok(());
                }
            }
        }
        Question::Service { unit, verb } => {
            kubelet.control(&unit, &verb).await;
            let (active, since) = kubelet.unit(&unit).unwrap_or((false, config.clock.now()));
            let pid = kubelet.journal.unit_pid(&unit);
            let (now, address) = (config.clock.now(), config.address.to_string());
            let restarting = kubelet.restarting(&unit);
            send(write, &Service { active, pid, since, now, address, restarting }).await
        }
    }
}
