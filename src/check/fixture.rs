//! A cluster for tests of checks and labs: two Nodes with labels, node files in directories, real bash.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::apiserver::audit;
use crate::cluster::{Change, Cluster, ClusterKind, Facts, Identity};
use crate::error::{Context, Error, Result};
use crate::node::{Command, Io, Isolation, Node, Output, Process};

/// A node whose root is a directory.
pub struct DirNode {
    name: String,
    root: PathBuf,
}

impl DirNode {
    pub fn new(name: &str, root: PathBuf) -> Self {
        Self { name: name.to_owned(), root }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn bash(&self, command: &Command) -> std::process::Command {
        let mut process = std::process::Command::new(&command.argv[0]);
        process.args(&command.argv[1..]).envs(command.env.clone()).current_dir(&self.root);
        process
    }
}

#[async_trait]
impl Node for DirNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn isolation(&self) -> Isolation {
        Isolation::Plain
    }

    fn root(&self) -> Option<PathBuf> {
        Some(self.root.clone())
    }

    fn shown_path(&self, path: &str) -> String {
        self.path(path).display().to_string()
    }

    async fn spawn(&self, command: Command, io: Io) -> Result<Process> {
        let (signal, mut signals) = tokio::sync::mpsc::unbounded_channel();
        let (done, exit) = tokio::sync::oneshot::channel();
        let command = if command.argv.is_empty() { Command::new(["bash", "--norc"]) } else { command };
        let mut process = self.bash(&command);
        let (fds, pty): ([OwnedFd; 3], _) = match io {
            Io::Fds { stdin, stdout, stderr } => ([stdin, stdout, stderr], None),
            Io::Pty { columns, rows, .. } => {
                let size =
                    rustix::termios::Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
                let (master, slave) = open_pty(size).context_what(|| "no pty".into())?;
                let copy = || slave.try_clone().unwrap();
                ([copy(), copy(), slave], Some(master))
            }
        };
        let [stdin, stdout, stderr] = fds;
        process.stdin(stdin).stdout(stdout).stderr(stderr);
        let mut child = process.spawn().context_what(|| format!("{:?}", command.argv))?;
        drop(process);
        let pid = rustix::process::Pid::from_child(&child);
        tokio::spawn(async move {
            while let Some(number) = signals.recv().await {
                if let Some(signal) = rustix::process::Signal::from_named_raw(number) {
                    let _ = rustix::process::kill_process(pid, signal);
                }
            }
        });
        std::thread::spawn(move || {
            use std::os::unix::process::ExitStatusExt;
            let status = child.wait().unwrap();
            let _ = done.send(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)));
        });
        Ok(Process { pid: None, pty, signal, exit })
    }

    async fn run(&self, command: Command, _stdin: &[u8], _limit: Duration) -> Result<Output> {
        let output = self.bash(&command).output().context_what(|| format!("{:?}", command.argv))?;
        Ok(Output { status: output.status.code().unwrap_or(1), stdout: output.stdout, stderr: output.stderr })
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match std::fs::read(self.path(path)) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::new(path).why(e)),
        }
    }

    async fn write_file(&self, path: &str, content: &[u8]) -> Result<()> {
        std::fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        std::fs::write(self.path(path), content).context_what(|| path.to_owned())
    }

    async fn list_dir(&self, path: &str) -> Result<Option<Vec<String>>> {
        let Ok(dir) = std::fs::read_dir(self.path(path)) else { return Ok(None) };
        let mut names: Vec<String> = dir.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        Ok(Some(names))
    }

    async fn remove_file(&self, path: &str) -> Result<()> {
        let _ = std::fs::remove_file(self.path(path));
        Ok(())
    }

    async fn listen(&self, _: SocketAddr) -> Result<tokio::net::TcpListener> {
        Err(Error::new("no network"))
    }
}

fn open_pty(size: rustix::termios::Winsize) -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY;
    let slave = rustix::fs::open(name, flags, rustix::fs::Mode::empty())?;
    rustix::termios::tcsetwinsize(&master, size)?;
    Ok((master, slave))
}

/// The cluster.
pub struct FakeCluster {
    _dir: tempfile::TempDir,
    nodes: BTreeMap<String, Arc<DirNode>>,
    server: Arc<Server>,
    changes: tokio::sync::broadcast::Sender<Change>,
}

/// Its API server, as far as the checks ask.
pub struct Server {
    /// Whether it answers.
    pub up: AtomicBool,
    /// Whether it restricts kubelets.
    pub restrict: AtomicBool,
    /// Refuses every write with this status and sentence.
    pub refuse_all: Mutex<Option<(u16, String)>>,
    /// What `/readyz` says.
    pub ready: AtomicBool,
    /// Whether the record has what was answered.
    pub recorded: AtomicBool,
    labels: Mutex<BTreeMap<String, serde_json::Map<String, Value>>>,
    log: Arc<audit::Log>,
}

pub const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

impl FakeCluster {
    /// A cluster with a manifest in place.
    pub fn new(manifest: &str) -> Arc<Self> {
        let dir = tempfile::tempdir().unwrap();
        let node = |name: &str| {
            let root = dir.path().join(name);
            std::fs::create_dir_all(root.join("etc/kubernetes/manifests")).unwrap();
            std::fs::create_dir_all(root.join("tmp")).unwrap();
            (name.to_owned(), Arc::new(DirNode { name: name.to_owned(), root }))
        };
        let nodes: BTreeMap<_, _> = ["controlplane", "node01"].map(node).into();
        std::fs::write(nodes["controlplane"].path(MANIFEST), manifest).unwrap();
        let labels = ["controlplane", "node01"].map(|n| (n.to_owned(), serde_json::Map::new())).into();
        let server = Server {
            up: AtomicBool::new(true),
            restrict: AtomicBool::new(false),
            refuse_all: Mutex::default(),
            ready: AtomicBool::new(true),
            recorded: AtomicBool::new(true),
            labels: Mutex::new(labels),
            log: Arc::default(),
        };
        let changes = tokio::sync::broadcast::channel(64).0;
        Arc::new(Self { _dir: dir, nodes, server: Arc::new(server), changes })
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Writes a file of the control plane.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.nodes["controlplane"].path(path), text).unwrap();
        let _ = self.changes.send(Change::File { node: "controlplane".into() });
    }

    /// Reads a file of the control plane.
    pub fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.nodes["controlplane"].path(path)).ok()
    }

    pub fn remove(&self, path: &str) {
        let _ = std::fs::remove_file(self.nodes["controlplane"].path(path));
    }

    /// Sets a label as a user, as `kubectl label` does; the status comes back.
    pub fn label(&self, user: &str, impersonator: Option<&str>, node: &str, key: &str, dry_run: bool) -> u16 {
        let body = json!({"metadata": {"labels": {key: "123"}}});
        let code = self.server.patch(user, impersonator, node, &body, dry_run).0;
        let _ = self.changes.send(Change::Api);
        code
    }
}

impl Server {
    fn answer(
        &self,
        identity: &Identity,
        method: &str,
        path: &str,
        query: &str,
        body: &Value,
    ) -> (u16, Value) {
        let (user, impersonator) = match identity {
            Identity::Admin => ("kubernetes-admin", None),
            Identity::Impersonated { user, .. } => (user.as_str(), Some("kubernetes-admin")),
        };
        if path == "/readyz" {
            let ready = self.ready.load(Ordering::SeqCst);
            return if ready { (200, json!("ok")) } else { (500, json!("not ready")) };
        }
        let Some(node) = path.strip_prefix("/api/v1/nodes/") else {
            return (404, json!({"message": "none"}));
        };
        match method {
            "GET" => match self.labels.lock().unwrap().get(node) {
                Some(labels) => (200, json!({"kind": "Node", "metadata": {"name": node, "labels": labels}})),
                None => (404, json!({"message": "no such node"})),
            },
            _ => self.patch(user, impersonator, node, body, query.contains("dryRun=All")),
        }
    }

    fn patch(&self, user: &str, by: Option<&str>, node: &str, body: &Value, dry_run: bool) -> (u16, Value) {
        let wanted = body["metadata"]["labels"].as_object().cloned().unwrap_or_default();
        let other = self.refuse_all.lock().unwrap().clone();
        let status = other.as_ref().map_or(403, |(status, _)| *status);
        let refused = other.map(|(_, sentence)| sentence).or_else(|| {
            let kubelet =
                user.strip_prefix("system:node:").filter(|_| self.restrict.load(Ordering::SeqCst))?;
            if kubelet != node {
                return Some(format!(
                    "nodes {node:?} is forbidden: node {kubelet:?} is not allowed to modify node {node:?}"
                ));
            }
            let bad = wanted.keys().find(|k| k.starts_with("node-restriction.kubernetes.io/"))?;
            Some(format!("nodes {node:?} is forbidden: is not allowed to modify labels: {bad}"))
        });
        let code = if refused.is_some() { status } else { 200 };
        let entry = json!({
            "sequence": 0, "at": "2026-11-24T08:00:00Z", "user": user, "groups": [], "impersonator": by,
            "authenticated_by": "x509", "user_agent": "kubectl", "verb": "patch", "uri": "", "group": "",
            "resource": "nodes", "subresource": "", "namespace": "", "name": node, "dry_run": dry_run,
            "authorizer": "Node", "decision": "allow", "reason": "", "admission": [],
            "request_body": body.to_string(), "code": code, "message": refused.clone().unwrap_or_default(),
            "resource_version": null, "micros": 1,
        });
        self.log.push(serde_json::from_value(entry).unwrap());
        if let Some(message) = refused {
            return (code, json!({"kind": "Status", "reason": "Forbidden", "message": message}));
        }
        if !dry_run {
            let mut all = self.labels.lock().unwrap();
            let labels = all.get_mut(node).unwrap();
            for (key, value) in wanted {
                if value.is_null() {
                    labels.remove(&key)
                } else {
                    labels.insert(key, value)
                };
            }
        }
        (200, json!({"kind": "Node"}))
    }
}

#[async_trait]
impl Cluster for FakeCluster {
    fn facts(&self) -> Facts {
        Facts {
            kind: ClusterKind::Sandbox,
            version: "v1.31.0".into(),
            server: "https://127.0.0.1:1".into(),
            nodes: self.nodes.keys().map(|n| (n.clone(), n.clone())).collect(),
            manifests: "/etc/kubernetes/manifests".into(),
        }
    }

    fn client(&self, identity: &Identity) -> Result<kube::Client> {
        let (server, identity) = (self.server.clone(), identity.clone());
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (server, identity) = (server.clone(), identity.clone());
            async move {
                type BoxError = Box<dyn std::error::Error + Send + Sync>;
                if !server.up.load(Ordering::SeqCst) {
                    return Err::<_, BoxError>(
                        std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into(),
                    );
                }
                let (parts, body) = request.into_parts();
                let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let query = parts.uri.query().unwrap_or("");
                let (code, answer) =
                    server.answer(&identity, parts.method.as_str(), parts.uri.path(), query, &body);
                let text = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
                Ok(http::Response::builder()
                    .status(code)
                    .body(http_body_util::Full::new(bytes::Bytes::from(text)))?)
            }
        });
        Ok(kube::Client::new(service, "default"))
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.nodes.get(name).map(|node| node.clone() as Arc<dyn Node>)
    }

    fn audit(&self) -> Option<Arc<audit::Log>> {
        Some(self.server.log.clone())
    }

    async fn record_settles(&self) -> bool {
        self.server.recorded.load(Ordering::SeqCst)
    }

    fn changes(&self) -> tokio::sync::broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn server_up(&self) -> bool {
        self.server.up.load(Ordering::SeqCst)
    }

    async fn shutdown(&self) {}
}
