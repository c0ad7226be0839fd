//! The sandbox: an in-process API server, a kubelet, and two nodes with real bash.
//!
//! This file puts the parts together; each part is a room of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::broadcast;

use self::client::CurrentServer;
use self::network::{Listeners, Logs};
use self::nodes::Nodes;
use super::{Change, Cluster, ClusterKind, Facts, Identity};
use crate::apiserver::audit;
use crate::apiserver::storage::Store;
use crate::clock::SharedClock;
use crate::controllers::{Api, InProcess};
use crate::error::{Context, Error, Result};
use crate::kubelet::runtime::{Emulated, Environment};
use crate::kubelet::timing::Timing;
use crate::kubelet::{self, Kubelet, manifests};
use crate::lab::Phase;
use crate::node::Node;
use crate::release::Release;
use crate::state_dir::LabDir;

pub mod addons;
mod changes;
pub mod client;
mod network;
mod nodes;

/// The control plane's name.
pub const CONTROL_PLANE: &str = "controlplane";
/// The worker's name.
pub const WORKER: &str = "node01";
/// The control plane's address in the lab's network.
pub const CONTROL_PLANE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 30, 1, 2));
/// The worker's address in the lab's network.
pub const WORKER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(172, 30, 2, 2));
/// The first address of the service range: the Service `kubernetes`.
pub const SERVICE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1));
/// The API server's port.
pub const API_PORT: u16 = 6443;
/// Where the static pod manifests are on the control plane.
pub const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// What a sandbox is started with.
#[derive(Clone)]
pub struct Options {
    /// Where the lab lives.
    pub dir: LabDir,
    /// The release to emulate.
    pub release: &'static Release,
    /// How long things take.
    pub timing: Timing,
    /// Nodes without namespaces even where those are allowed.
    pub plain_nodes: bool,
    /// The port on this machine's loopback; 0 takes a free one.
    pub port: u16,
    /// The time.
    pub clock: SharedClock,
}

/// What `up --json` prints, but for `ready` and `socket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpInfo {
    /// `v1.31.0`
    pub version: String,
    /// The API server on this machine's loopback.
    pub server: String,
    /// The admin's kubeconfig.
    pub kubeconfig: PathBuf,
    /// The nodes by name.
    pub nodes: std::collections::BTreeMap<String, NodeInfo>,
    /// The directory of the control plane's static pod manifests, on this machine.
    pub manifests: PathBuf,
}

/// A node in [`UpInfo`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeInfo {
    /// The node's root file system on this machine.
    pub root: PathBuf,
    /// A kubeconfig of the node's kubelet that works from this machine.
    pub kubeconfig: PathBuf,
}

/// How long a first start may take until the API server answers and both nodes are there.
const FIRST_START: Duration = Duration::from_secs(20);
/// How long a resumed lab waits for its API server: a learner may have left it broken.
const RESUME: Duration = Duration::from_secs(3);

/// A running sandbox.
pub struct Sandbox {
    options: Options,
    address: SocketAddr,
    nodes: Nodes,
    kubelets: Vec<Arc<Kubelet>>,
    servers: CurrentServer,
    audit: Arc<audit::Log>,
    changes: broadcast::Sender<Change>,
    tasks: tokio_util::sync::CancellationToken,
    /// What was found damaged and set aside.
    pub notices: Vec<String>,
}

impl Sandbox {
    /// Starts the nodes, the kubelets and by them the API server.
    ///
    /// Returns when `/readyz` says ok and both nodes are registered; a resumed lab whose API server was left broken
    /// comes back too.
    pub async fn start(options: Options, phase: impl Fn(Phase) + Send + Sync) -> Result<Arc<Self>> {
        phase(Phase::Nodes);
        let dir = &options.dir;
        let store_dir = dir.store();
        let first = !store_dir.join("log").exists();
        let (address, listeners) = Listeners::bind(dir, options.port).await?;
        let started = nodes::start(&options, address).await?;
        let (store, mut notices) = Store::open(&store_dir)
            .context_what(|| format!("cannot open the store in {}", store_dir.display()))?;
        notices.extend(started.notice);
        let audit_file = dir.root().join("audit");
        let audit = audit::Log::open(&audit_file)
            .context_what(|| format!("cannot open the record of requests {}", audit_file.display()))?;
        let audit = Arc::new(audit);
        if first {
            manifests::write_missing(&dir.node_root(CONTROL_PLANE), options.release)?;
        }
        phase(Phase::ApiServer);
        let (sender, servers) = tokio::sync::watch::channel(None);
        let api: Arc<dyn Api> = InProcess::new(servers.clone());
        let logs = Arc::new(Logs::default());
        let network = Arc::new(listeners.inside(started.nodes.find(CONTROL_PLANE)));
        let mut kubelets = Vec::new();
        for (name, node_address, control_plane) in
            [(CONTROL_PLANE, CONTROL_PLANE_ADDRESS, true), (WORKER, WORKER_ADDRESS, false)]
        {
            let root = dir.node_root(name);
            let runtime = Emulated::new(Environment {
                node: name.into(),
                address: node_address,
                root: root.clone(),
                clock: options.clock.clone(),
                timing: options.timing.clone(),
                release: options.release,
                store: store.clone(),
                audit: audit.clone(),
                network: network.clone(),
                servers: sender.clone(),
                api: api.clone(),
                kubelets: logs.clone(),
            });
            let config = kubelet::Config {
                node: name.into(),
                address: node_address,
                root,
                control_plane,
                timing: options.timing.clone(),
                release: options.release,
                clock: options.clock.clone(),
                runtime,
                api: api.clone(),
            };
            let kubelet = Kubelet::start(config).await?;
            logs.add(name, &kubelet);
            kubelets.push(kubelet);
        }
        let tasks = tokio_util::sync::CancellationToken::new();
        let changes = broadcast::channel(64).0;
        let manifests = dir.node_root(CONTROL_PLANE).join(MANIFESTS.trim_start_matches('/'));
        changes::forward(&changes, &audit, servers.clone(), &manifests, &tasks);
        let nodes = started.nodes;
        let sandbox =
            Arc::new(Self { options, address, nodes, kubelets, servers, audit, changes, tasks, notices });
        let patience = if first { FIRST_START } else { RESUME };
        let up = tokio::time::timeout(patience, sandbox.wait_until_up()).await.is_ok();
        if first && !up {
            sandbox.shutdown().await;
            return Err(Error::new("the API server did not come up")
                .hint("`cks-lab doctor` tells what this machine lacks")
                .hint("`cks-lab start --fresh` begins anew"));
        }
        sandbox.keep_addons();
        phase(Phase::Ready);
        Ok(sandbox)
    }

    /// Waits until the API server is ready and both nodes are registered.
    async fn wait_until_up(&self) {
        let mut servers = self.servers.clone();
        let Ok(client) = self.client(&Identity::Admin) else { return };
        loop {
            let server = servers.borrow_and_update().clone();
            match server {
                Some(server) if server.ready() => {
                    let mut there = true;
                    for node in [CONTROL_PLANE, WORKER] {
                        let request = http::Request::get(format!("/api/v1/nodes/{node}")).body(Vec::new());
                        let Ok(request) = request else { return };
                        there &= client.request::<serde_json::Value>(request).await.is_ok();
                    }
                    if there {
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Some(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                None => {
                    if servers.changed().await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Makes the addons in the background; a server that goes away meanwhile only delays them.
    fn keep_addons(self: &Arc<Self>) {
        let Ok(client) = self.client(&Identity::Admin) else { return };
        let release = self.options.release;
        let tasks = self.tasks.clone();
        tokio::spawn(tasks.run_until_cancelled_owned(async move {
            while addons::ensure(&client, release).await.is_err() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }));
    }

    /// What `up --json` prints.
    pub fn up_info(&self) -> UpInfo {
        let dir = &self.options.dir;
        let node = |name: &str| {
            (name.to_owned(), NodeInfo { root: dir.node_root(name), kubeconfig: dir.kubeconfig(name) })
        };
        UpInfo {
            version: self.options.release.git_version.into(),
            server: format!("https://{}", self.address),
            kubeconfig: dir.kubeconfig("admin"),
            nodes: [CONTROL_PLANE, WORKER].map(node).into(),
            manifests: dir.node_root(CONTROL_PLANE).join(MANIFESTS.trim_start_matches('/')),
        }
    }
}

#[async_trait]
impl Cluster for Sandbox {
    fn facts(&self) -> Facts {
        Facts {
            kind: ClusterKind::Sandbox,
            version: self.options.release.git_version.into(),
            server: format!("https://{}", self.address),
            nodes: [CONTROL_PLANE, WORKER].map(|n| (n.to_owned(), n.to_owned())).into(),
            manifests: MANIFESTS.into(),
        }
    }

    fn client(&self, identity: &Identity) -> Result<kube::Client> {
        client::client(self.servers.clone(), identity)
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.nodes.find(name)
    }

    fn audit(&self) -> Option<Arc<audit::Log>> {
        Some(self.audit.clone())
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn server_up(&self) -> bool {
        self.servers.borrow().as_ref().is_some_and(|server| server.ready())
    }

    async fn shutdown(&self) {
        self.tasks.cancel();
        for kubelet in &self.kubelets {
            kubelet.shutdown().await;
        }
        self.nodes.stop().await;
    }
}
