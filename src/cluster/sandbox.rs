//! The sandbox: an in-process API server, a kubelet, and two nodes with real bash.
//!
//! This file puts the parts together; each part is a room of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use super::{Change, Cluster, ClusterKind, Facts, Identity};
use crate::apiserver::audit;
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::kubelet::timing::Timing;
use crate::lab::Phase;
use crate::node::Node;
use crate::release::Release;
use crate::state_dir::LabDir;

pub mod addons;
pub mod client;

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

/// A running sandbox.
pub struct Sandbox {
    options: Options,
    address: SocketAddr,
}

impl Sandbox {
    /// Starts the nodes, the kubelets and by them the API server; returns when `/readyz` says ok.
    pub async fn start(options: Options, phase: impl Fn(Phase) + Send + Sync) -> Result<Arc<Self>> {
        let _ = (&options, phase);
        Err(Error::new("the sandbox cannot be started yet"))
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
        let _ = identity;
        Err(Error::new("the sandbox cannot be started yet"))
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        let _ = name;
        None
    }

    fn audit(&self) -> Option<Arc<audit::Log>> {
        None
    }

    fn changes(&self) -> tokio::sync::broadcast::Receiver<Change> {
        tokio::sync::broadcast::channel(1).1
    }

    fn server_up(&self) -> bool {
        false
    }

    async fn shutdown(&self) {}
}
