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

use self::network::Listeners;
use self::nodes::{MEMBERS, Nodes, Starting};
use self::plane::Plane;
use self::pristine::Extent;
use super::local::{self, Binaries};
use super::settle::settles;
use super::{Change, Cluster, Facts, Identity};
use crate::apiserver::audit;
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::kubelet::runtime::{Containers, Environment};
use crate::kubelet::timing::Timing;
use crate::kubelet::{self, Kubelet, manifests};
use crate::lab::Phase;
use crate::node::{Command, Node};
use crate::pki::kubeadm;
use crate::release::Release;
use crate::state_dir::LabDir;
use crate::text::tr;

pub mod addons;
mod changes;
pub mod client;
pub mod machine;
mod network;
pub mod nodes;
pub mod plane;
pub mod port;
pub mod pristine;

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

/// How long a node may take to run a program that does nothing before it counts as one that cannot.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

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
    /// The real programs, where those are to run.
    pub real: Option<Binaries>,
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

/// How long the record may take to have what was answered.
const SETTLES: Duration = Duration::from_secs(2);

/// A running cluster of nodes that this program makes; what runs on its control plane is its [`Plane`].
pub struct Sandbox {
    options: Options,
    address: SocketAddr,
    nodes: Nodes,
    kubelets: Vec<Arc<Kubelet>>,
    plane: Plane,
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
        let (address, listeners) = Listeners::bind(dir, options.port)?;
        let starting = nodes::begin(&options, address).await?;
        let tasks = tokio_util::sync::CancellationToken::new();
        let mut plane = match &options.real {
            None => plane::emulated(&options, &starting, listeners)?,
            Some(_) => local::plane(&options, &starting, listeners.outside(), &tasks)?,
        };
        let mut notices = std::mem::take(&mut plane.notices);
        if plane.first {
            manifests::write_missing(&dir.node_root(CONTROL_PLANE), options.release)?;
        }
        phase(Phase::ApiServer);
        // The nodes may come later than what runs inside this program.
        let kubelets = kubelets(&options, &starting, &plane).await?;
        let (nodes, notice) = match starting.finish(&options).await {
            Ok(finished) => finished,
            Err(error) => {
                end(&kubelets).await;
                return Err(error);
            }
        };
        notices.extend(notice);
        let changes = broadcast::channel(64).0;
        let manifests = dir.node_root(CONTROL_PLANE).join(MANIFESTS.trim_start_matches('/'));
        changes::forward(&changes, &plane.audit, plane.up.clone(), &manifests, &tasks);
        let (first, patience) = (plane.first, plane.patience);
        let sandbox = Arc::new(Self { options, address, nodes, kubelets, plane, changes, tasks, notices });
        let patience = if first { patience.0 } else { patience.1 };
        let up = tokio::time::timeout(patience, sandbox.wait_until_up()).await.is_ok();
        if first && !up {
            let why = sandbox.why_not_up();
            sandbox.shutdown().await;
            let error = Error::new(tr!(sandbox_server_not_up));
            let error = match why {
                Some(why) => error.why(why),
                None => error,
            };
            return Err(error.hint(tr!(sandbox_doctor)).hint(tr!(sandbox_fresh)));
        }
        sandbox.keep_addons();
        if first {
            let _ = tokio::time::timeout(patience, sandbox.wait_until_admins_may()).await;
        }
        sandbox.serve_reboots();
        phase(Phase::Ready);
        Ok(sandbox)
    }

    /// What is known of why the API server did not come up: a disk that takes nothing more, else the kubelet's last error.
    fn why_not_up(&self) -> Option<String> {
        use std::io::Write;
        let probe = tempfile::tempfile_in(self.options.dir.root());
        if let Err(error) = probe.and_then(|mut file| file.write_all(&[0; 64 << 10])) {
            return Some(format!("{}: {error}", self.options.dir.root().display()));
        }
        self.kubelets.iter().find_map(|kubelet| kubelet.last_error())
    }

    /// Waits until the API server is ready, inside the nodes' network too, and both nodes are registered.
    async fn wait_until_up(&self) {
        if let Some(mut inside) = self.plane.inside.clone().filter(|_| self.nodes.have_a_network()) {
            let _ = inside.wait_for(|open| *open).await;
        }
        let mut up = self.plane.up.clone();
        let Ok(client) = self.client(&Identity::Admin) else { return };
        loop {
            if up.wait_for(|up| *up).await.is_err() {
                return;
            }
            let mut there = true;
            for node in [CONTROL_PLANE, WORKER] {
                there &= sees(&client, node).await;
            }
            if there {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
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

    /// Waits until the holders of `admin.conf` have their rights: they come by a binding that is made through the API, and a
    /// real server sees it a while after it was made.
    async fn wait_until_admins_may(&self) {
        let groups = vec!["kubeadm:cluster-admins".to_owned()];
        let admins = Identity::Impersonated { user: "kubernetes-admin".into(), groups };
        let Ok(client) = self.client(&admins) else { return };
        while !sees(&client, CONTROL_PLANE).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts a node anew whenever somebody on it asks for that.
    fn serve_reboots(&self) {
        for (name, kubelet) in [CONTROL_PLANE, WORKER].into_iter().zip(&self.kubelets) {
            let (Some(node), kubelet) = (self.nodes.find(name), kubelet.clone()) else { continue };
            let mut reboots = kubelet.reboots();
            tokio::spawn(self.tasks.clone().run_until_cancelled_owned(async move {
                while reboots.changed().await.is_ok() {
                    let _ = node.end_all().await;
                    kubelet.restart().await;
                }
            }));
        }
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

/// Whether a client may read a Node that is there.
async fn sees(client: &kube::Client, node: &str) -> bool {
    let Ok(request) = http::Request::get(format!("/api/v1/nodes/{node}")).body(Vec::new()) else {
        return false;
    };
    client.request::<serde_json::Value>(request).await.is_ok()
}

/// Ends kubelets and what they run.
async fn end(kubelets: &[Arc<Kubelet>]) {
    for kubelet in kubelets {
        kubelet.shutdown().await;
    }
}

/// Starts the kubelet of each node.
async fn kubelets(options: &Options, nodes: &Starting, plane: &Plane) -> Result<Vec<Arc<Kubelet>>> {
    let mut kubelets = Vec::new();
    for (name, address) in MEMBERS {
        let node = nodes.find(name)?;
        let root = options.dir.node_root(name);
        let runtime = Containers::new(Environment {
            node: name.into(),
            address,
            root: root.clone(),
            release: options.release,
            clock: options.clock.clone(),
            timing: options.timing.clone(),
            api: plane.api.clone(),
            servers: (plane.servers)(node.clone()),
            stands: Some(node.clone()),
        });
        let kubelet = Kubelet::start(kubelet::Config {
            node: name.into(),
            address,
            root,
            control_plane: name == CONTROL_PLANE,
            timing: options.timing.clone(),
            release: options.release,
            clock: options.clock.clone(),
            runtime,
            api: plane.api.clone(),
            stands: Some(node.clone()),
            // With real servers the port is the one that they ask; plain nodes have no addresses of their own.
            ports: Some(node.clone()).filter(|node| {
                plane.authority.is_none() && node.isolation() != crate::node::Isolation::Plain
            }),
        })
        .await?;
        (plane.meet)(name, &kubelet);
        if let Some(authority) = &plane.authority {
            let listener = node.listen(SocketAddr::new(address, kubelet::server::PORT)).await?;
            kubelet.serve(listener, authority)?;
        }
        kubelets.push(kubelet);
    }
    Ok(kubelets)
}

#[async_trait]
impl Cluster for Sandbox {
    fn facts(&self) -> Facts {
        Facts {
            kind: self.plane.kind,
            version: self.options.release.git_version.into(),
            server: format!("https://{}", self.address),
            nodes: [CONTROL_PLANE, WORKER].map(|n| (n.to_owned(), n.to_owned())).into(),
            manifests: MANIFESTS.into(),
        }
    }

    fn client(&self, identity: &Identity) -> Result<kube::Client> {
        client::client(self.plane.api.clone(), identity)
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        self.nodes.find(name)
    }

    fn audit(&self) -> Option<Arc<audit::Log>> {
        (self.plane.recorded)().then(|| self.plane.audit.clone())
    }

    async fn record_settles(&self) -> bool {
        // The emulated server has written down what it answers; one that is down answers nothing.
        if self.options.real.is_none() || !self.server_up() {
            return true;
        }
        let (Some(log), Ok(client)) = (self.audit(), self.client(&Identity::Admin)) else { return true };
        settles(&log, SETTLES, async |mark| {
            let request = http::Request::get(format!("/api/v1/nodes/{CONTROL_PLANE}?mark={mark}"));
            let Ok(request) = request.header("user-agent", "cks-lab check").body(Vec::new()) else {
                return false;
            };
            client.request::<serde_json::Value>(request).await.is_ok()
        })
        .await
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    fn server_up(&self) -> bool {
        *self.plane.up.borrow()
    }

    async fn keep_nodes(&self) -> Result<()> {
        [CONTROL_PLANE, WORKER].into_iter().try_for_each(|name| pristine::keep(&self.options.dir, name))
    }

    async fn mend_nodes(&self, whole: bool) -> Result<()> {
        let extent = if whole { Extent::Changed } else { Extent::Missing };
        let changed = self.nodes.mend(&self.options, extent)?;
        for ((name, paths), kubelet) in changed.iter().zip(&self.kubelets) {
            let Some(node) = self.nodes.find(name) else { continue };
            // Nothing can be started where all processes are taken.
            let alive = node.run(Command::new(["true"]), b"", ANSWERS_WITHIN).await;
            if !alive.is_ok_and(|output| output.status == 0) {
                node.end_all().await?;
            }
            kubelet.mend().await;
            // Programs read certificates and keys when they start.
            if paths.iter().any(|path| path.starts_with(kubeadm::PKI)) {
                kubelet.restart().await;
            }
        }
        Ok(())
    }

    async fn shutdown(&self) {
        self.tasks.cancel();
        end(&self.kubelets).await;
        self.nodes.stop().await;
    }
}
