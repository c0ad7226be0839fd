//! A lab's cluster: the same four things, whatever stands behind it.
//!
//! A client for any identity, shells and files on its nodes, facts about itself, and prepare/restore. Checks, lessons,
//! grading, TUI and reports never ask which kind it is.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::apiserver::audit;
use crate::error::Result;
use crate::node::Node;

pub mod live;
pub mod local;
pub mod sandbox;
mod settle;

/// Which kind of cluster a lab runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ClusterKind {
    /// The embedded cluster.
    #[value(help = crate::text::tr!(help_cluster_sandbox))]
    Sandbox,
    /// The same nodes with the real kube-apiserver and etcd.
    #[value(help = crate::text::tr!(help_cluster_local))]
    Local,
    /// A cluster of a kubeconfig.
    #[value(help = crate::text::tr!(help_cluster_live))]
    Live,
}

impl ClusterKind {
    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Local => "local",
            Self::Live => "live",
        }
    }
}

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The cluster's admin.
    Admin,
    /// The admin impersonating somebody (`Impersonate-User`, `Impersonate-Group`).
    Impersonated {
        /// The user's name.
        user: String,
        /// The user's groups.
        groups: Vec<String>,
    },
}

impl Identity {
    /// The kubelet of a node, impersonated.
    pub fn kubelet(node: &str) -> Self {
        Self::Impersonated { user: format!("system:node:{node}"), groups: vec!["system:nodes".into()] }
    }
}

/// What a cluster says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Which kind it is; for reports.
    pub kind: ClusterKind,
    /// `v1.31.0`.
    pub version: String,
    /// The server's address as this machine reaches it.
    pub server: String,
    /// The lesson's node names with the cluster's own, e.g. `("node01", "worker-1")`.
    pub nodes: Vec<(String, String)>,
    /// Where the static pod manifests are on the control plane.
    pub manifests: String,
}

/// Something in the cluster changed, so that quiet checks are worth running again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An object was written, or a request was refused.
    Api,
    /// The API server's state: `true` when it answers.
    Server(bool),
    /// A file below a watched directory of a node.
    File {
        /// The node's name.
        node: String,
    },
}

/// A cluster that a lab runs on.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// What it says of itself.
    fn facts(&self) -> Facts;

    /// A client that acts as `identity`.
    fn client(&self, identity: &Identity) -> Result<kube::Client>;

    /// A node by the name that lessons call it.
    fn node(&self, name: &str) -> Option<Arc<dyn Node>>;

    /// What the audit recorded, newest last; `None` where the cluster has no audit log that can be read.
    fn audit(&self) -> Option<Arc<audit::Log>>;

    /// Waits, a moment at most, until [`Cluster::audit`] has what was answered before this: a server in a process of its own
    /// writes it down a little later than it answers. Tells whether it has.
    async fn record_settles(&self) -> bool {
        true
    }

    /// The requests that this program's checks made, as it saw them itself, where they are recorded apart.
    fn asked(&self) -> Option<Arc<audit::Log>> {
        None
    }

    /// Tells of changes; a lagging receiver just checks again.
    fn changes(&self) -> tokio::sync::broadcast::Receiver<Change>;

    /// Whether the API server answers now.
    fn server_up(&self) -> bool;

    /// Whether the lab may change anything on it; else it only grades.
    fn may_change(&self) -> bool {
        true
    }

    /// The admin's kubeconfig on this machine, where it is a file of the person's own.
    fn kubeconfig(&self) -> Option<std::path::PathBuf> {
        None
    }

    /// Keeps what its nodes are like now, so that they can be mended; does nothing where nodes are not the lab's.
    async fn keep_nodes(&self) -> Result<()> {
        Ok(())
    }

    /// Brings nodes back that were broken: what is missing, and with `whole` what was changed too. Restarts what read it.
    async fn mend_nodes(&self, _whole: bool) -> Result<()> {
        Ok(())
    }

    /// Ends everything that runs; called once.
    async fn shutdown(&self);
}
