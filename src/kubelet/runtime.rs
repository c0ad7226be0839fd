//! The container runtime of a node: sandboxes, containers, their programs and logs.
//!
//! [`ContainerRuntime`] is what the kubelet sees; [`Containers`] runs the programs: inside this process, or as real ones. Ids are 64 hex
//! digits, attempts are counted as the kubelet counts them from what the runtime still knows.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::timing::Timing;
use crate::apiserver::audit;
use crate::apiserver::server::{KubeletClient, Network, Server};
use crate::apiserver::storage::Store;
use crate::clock::SharedClock;
use crate::container_fs::Mount;
use crate::controllers::Api;
use crate::node::Node;
use crate::release::Release;

mod containers;
pub mod etcd;
pub mod images;
pub mod logs;
pub mod process;
mod programs;

pub use containers::Containers;

/// What a pod's sandbox is made for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PodRef {
    /// The pod's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its UID.
    pub uid: String,
}

/// A container's image and program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The container's name.
    pub name: String,
    /// The image, as the pod names it.
    pub image: String,
    /// Command and arguments; empty for the image's own.
    pub argv: Vec<String>,
    /// The node's files that it sees.
    #[serde(default)]
    pub mounts: Vec<Mount>,
}

impl ContainerSpec {
    /// The name of the command's program, without its directory.
    pub fn program(&self) -> Option<&str> {
        self.argv.first().map(|program| program.rsplit('/').next().unwrap_or(program))
    }
}

/// A pod's sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// 64 hex digits.
    pub id: String,
    /// The pod.
    pub pod: PodRef,
    /// How many sandboxes of this pod came before, as far as was known.
    pub attempt: u32,
    /// When it was made.
    pub created: Timestamp,
    /// False when it was stopped.
    pub ready: bool,
    /// The process id of its pause on the node, where it has one.
    #[serde(default)]
    pub pid: Option<u32>,
}

impl Sandbox {
    /// Its process id: the node's, or one of its own where the node has no process for it.
    pub fn process(&self) -> u32 {
        self.pid.unwrap_or_else(|| super::services::process_id(&self.id))
    }
}

/// Where a container is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not started yet.
    Created,
    /// It runs.
    Running,
    /// It ended.
    Exited,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// 64 hex digits.
    pub id: String,
    /// Its sandbox's id.
    pub sandbox: String,
    /// The pod.
    pub pod: PodRef,
    /// Image and program.
    pub spec: ContainerSpec,
    /// How often it was restarted.
    pub attempt: u32,
    /// When it was made.
    pub created: Timestamp,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Where it is in its life.
    pub state: State,
    /// Its exit status, once it ended.
    pub exit: Option<i32>,
    /// Whether its program says that it is ready.
    pub ready: bool,
    /// Its log, as the node sees it.
    pub log_path: String,
    /// The process id on the node, where it has one.
    #[serde(default)]
    pub pid: Option<u32>,
}

impl Container {
    /// Its process id: the node's, or one of its own where the node has no process for it.
    pub fn process(&self) -> u32 {
        self.pid.unwrap_or_else(|| super::services::process_id(&self.id))
    }
}

/// What a kubelet asks of a runtime.
#[async_trait]
pub trait ContainerRuntime: Send + Sync {
    /// Makes a sandbox; its id comes back.
    fn run_sandbox(&self, pod: &PodRef) -> String;

    /// Starts a container; its id comes back.
    fn start_container(&self, sandbox: &str, spec: &ContainerSpec) -> String;

    /// Asks a container to end, and ends it after `grace`.
    async fn stop_container(&self, id: &str, grace: std::time::Duration);

    /// Forgets an ended container and its log.
    fn remove_container(&self, id: &str);

    /// Stops a sandbox.
    fn stop_sandbox(&self, id: &str);

    /// Forgets a stopped sandbox.
    fn remove_sandbox(&self, id: &str);

    /// All sandboxes, newest first.
    fn sandboxes(&self) -> Vec<Sandbox>;

    /// All containers, newest first.
    fn containers(&self) -> Vec<Container>;

    /// Tells of every change of a sandbox or a container.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Tells of every log line.
    fn log_changes(&self) -> watch::Receiver<u64>;

    /// The node's services have the processes that stand for them: those of containers come after.
    fn services_stand(&self) {}

    /// What etcd holds, where one of this program's runs here.
    fn etcd(&self) -> Option<etcd::Etcd> {
        None
    }

    /// Whether a running kube-apiserver is a part of this program.
    fn serves_itself(&self) -> bool {
        false
    }

    /// Ends everything at once.
    async fn shutdown(&self);
}

/// What the programs get from the lab around them.
pub struct Environment {
    /// The node's name.
    pub node: String,
    /// Its address.
    pub address: IpAddr,
    /// Its root file system on this machine.
    pub root: PathBuf,
    /// The release of what runs.
    pub release: &'static Release,
    /// The time.
    pub clock: SharedClock,
    /// How long things take.
    pub timing: Timing,
    /// How controller-manager and scheduler reach the API server.
    pub api: Arc<dyn Api>,
    /// What is behind kube-apiserver and etcd.
    pub servers: Servers,
    /// The node, where it has processes that stand for what runs inside the lab.
    pub stands: Option<Arc<dyn Node>>,
}

/// What is behind the containers of kube-apiserver and etcd.
pub enum Servers {
    /// The API server of this program.
    Emulated(EmulatedServer),
    /// The real programs.
    Real(process::Processes),
}

/// What the API server of this program is started with.
pub struct EmulatedServer {
    /// The store behind the API server.
    pub store: Store,
    /// The record of requests.
    pub audit: Arc<audit::Log>,
    /// Opens the API server's listeners.
    pub network: Arc<dyn Network>,
    /// Set while a kube-apiserver container's server runs.
    pub current: watch::Sender<Option<Arc<Server>>>,
    /// How the API server reaches the kubelets.
    pub kubelets: Arc<dyn KubeletClient>,
}

/// Why a container ended, in the words of containerd: by its exit status.
pub fn exit_reason(exit: i32) -> &'static str {
    match exit {
        0 => "Completed",
        programs::NOT_STARTED => "StartError",
        _ => "Error",
    }
}

/// 64 hex digits.
pub fn new_id() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}
