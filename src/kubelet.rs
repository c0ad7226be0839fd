//! The kubelet of each node: static pods from the manifests directory, ordinary pods from the API, node status, logs.
//!
//! ```text
//! manifest file -> file source -> pod workers -> container runtime: emulated programs | real processes
//! ```
//! Upstream: `k8s.io/kubernetes/pkg/kubelet`, `config/file*.go`, `pod_workers.go`, `kuberuntime`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::journal::{Journal, lock};
use self::runtime::ContainerRuntime;
use self::timing::Timing;
use self::workers::Worker;
use crate::apiserver::authentication::UserInfo;
use crate::clock::SharedClock;
use crate::controllers::client::Client;
use crate::error::Result;
use crate::release::Release;

mod acts;
mod api;
mod events;
mod file_watch;
pub mod journal;
mod logs;
pub mod manifests;
pub(crate) mod mounts;
mod ports;
pub mod runtime;
pub mod server;
pub mod services;
pub mod socket;
pub mod source;
pub mod stand_in;
mod status;
pub mod timing;
pub mod tools;
pub mod units;
pub mod usage;
mod workers;

/// What a kubelet is started with.
pub struct Config {
    /// The node's name.
    pub node: String,
    /// The node's address.
    pub address: IpAddr,
    /// The node's root directory on this machine.
    pub root: PathBuf,
    /// Whether it is the control plane.
    pub control_plane: bool,
    /// How long things take.
    pub timing: Timing,
    /// The emulated release.
    pub release: &'static Release,
    /// The time.
    pub clock: SharedClock,
    /// Where its containers run.
    pub runtime: Arc<dyn ContainerRuntime>,
    /// How it reaches the API server, as `system:node:NAME`.
    pub api: Arc<dyn crate::controllers::Api>,
    /// The node, where it has processes that stand for the services.
    pub stands: Option<Arc<dyn crate::node::Node>>,
    /// The node, where the kubelet's ports are to be open on it.
    pub ports: Option<Arc<dyn crate::node::Node>>,
}

/// A node's kubelet.
pub struct Kubelet {
    config: Config,
    journal: Journal,
    workers: Mutex<BTreeMap<String, Worker>>,
    /// Which UID runs under a full name.
    running: Mutex<BTreeMap<String, String>>,
    /// What pods are to be, by uid, for as long as the runtime has something of them.
    pods: Mutex<BTreeMap<String, serde_json::Value>>,
    /// What happened, for the API's events.
    events: events::Events,
    /// Why a container does not run (again) yet: reason and message.
    waiting: Mutex<BTreeMap<String, (String, String)>>,
    /// Counts what changes a pod's status without changing a container.
    status: tokio::sync::watch::Sender<u64>,
    /// Whether the service runs, and since when; a stopped one leaves its containers alone.
    active: tokio::sync::watch::Sender<(bool, jiff::Timestamp)>,
    /// The same of containerd; its containers outlive it.
    containerd: tokio::sync::watch::Sender<(bool, jiff::Timestamp)>,
    /// Counts how often the node's files were put back: what was open in them is opened anew.
    mended: tokio::sync::watch::Sender<u64>,
    /// What ends the processes that stand for the services, and how often those were begun.
    standing: Mutex<BTreeMap<&'static str, services::Standing>>,
    /// Counts how often somebody on the node asked for it to be started anew.
    reboots: tokio::sync::watch::Sender<u64>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Kubelet {
    /// Starts a kubelet; returns when the static pods that are there were started, whatever becomes of them.
    pub async fn start(config: Config) -> Result<Arc<Self>> {
        let journal = Journal::new(config.clock.clone());
        let begun = config.clock.now();
        runtime::logs::forget(&config.root);
        let manager = socket::bind(&config.root, socket::MANAGER)?;
        let listener = socket::bind(&config.root, socket::SOCKET)?;
        let kubelet = Arc::new(Self {
            config,
            journal,
            workers: Mutex::default(),
            running: Mutex::default(),
            pods: Mutex::default(),
            events: events::Events::default(),
            waiting: Mutex::default(),
            status: tokio::sync::watch::Sender::new(0),
            active: tokio::sync::watch::Sender::new((true, begun)),
            containerd: tokio::sync::watch::Sender::new((true, begun)),
            mended: tokio::sync::watch::Sender::new(0),
            standing: Mutex::default(),
            reboots: tokio::sync::watch::Sender::new(0),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        // The node may not be there yet; nothing here waits for it.
        let standing = kubelet.clone();
        kubelet.tasks.spawn(kubelet.stop.clone().run_until_cancelled_owned(async move {
            for unit in services::UNITS.iter().rev() {
                standing.stand(unit).await;
            }
            standing.config.runtime.services_stand();
        }));
        kubelet.containerd_started();
        kubelet.started();
        kubelet.tell_of_start();
        file_watch::start(&kubelet)?;
        kubelet.tasks.spawn(socket::serve_manager(kubelet.clone(), manager));
        kubelet.tasks.spawn(socket::serve_runtime(kubelet.clone(), listener));
        kubelet.tasks.spawn(services::complain(kubelet.clone()));
        kubelet.tasks.spawn(workers::collect_garbage(kubelet.clone()));
        kubelet.tasks.spawn(api::run(kubelet.clone()));
        kubelet.tasks.spawn(events::send(kubelet.clone(), kubelet.client()));
        if let Some(node) = kubelet.config.ports.clone() {
            let ports = ports::keep(kubelet.clone(), node);
            kubelet.tasks.spawn(kubelet.stop.clone().run_until_cancelled_owned(ports));
        }
        Ok(kubelet)
    }

    /// A client that acts as the node.
    fn client(&self) -> Client {
        let name = &self.config.node;
        let user = UserInfo::new(&format!("system:node:{name}"), &["system:nodes", "system:authenticated"]);
        Client::new(self.config.api.clone(), user, format!("kubelet/{}", self.config.release.git_version))
    }

    /// Whether the kubelet's service runs.
    fn serving(&self) -> bool {
        self.activity().0 && !self.stop.is_cancelled()
    }

    /// Ends the kubelet and its containers at once.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        lock(&self.standing).clear();
        self.tasks.close();
        self.tasks.wait().await;
        self.config.runtime.shutdown().await;
        lock(&self.workers).clear();
    }

    /// What it writes.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The newest error in the journal, if there is any.
    pub fn last_error(&self) -> Option<String> {
        let lines = self.journal.since(0);
        lines.into_iter().rev().find(|line| line.text.starts_with('E')).map(|line| line.text)
    }
}

/// The `-v` of the kubelet's arguments: of the file that kubeadm writes, or of the one that an admin adds to.
fn verbosity(root: &std::path::Path) -> u8 {
    ["var/lib/kubelet/kubeadm-flags.env", "etc/default/kubelet"]
        .iter()
        .filter_map(|file| crate::rooted::Rooted::new(root).read_to_string(file).ok())
        .flat_map(|text| {
            let words = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
            words
                .filter_map(|w| w.strip_prefix("--v=").or_else(|| w.strip_prefix("-v="))?.parse().ok())
                .collect::<Vec<u8>>()
        })
        .last()
        .unwrap_or(0)
}
