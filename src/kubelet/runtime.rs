//! The container runtime of a node: sandboxes, containers, their programs and logs.
//!
//! [`ContainerRuntime`] is what the kubelet sees; [`Containers`] runs the programs: inside this process, or as real ones. Ids are 64 hex
//! digits, attempts are counted as the kubelet counts them from what the runtime still knows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::journal::lock;
use super::stand_in::{self, StandIn};
use super::timing::Timing;
use crate::apiserver::audit;
use crate::apiserver::server::{KubeletClient, Network, Server};
use crate::apiserver::storage::Store;
use crate::clock::SharedClock;
use crate::container_fs::Mount;
use crate::controllers::Api;
use crate::node::Node;
use crate::release::Release;
use crate::rooted::Rooted;

pub mod etcd;
pub mod images;
pub mod logs;
pub mod process;
mod programs;

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

struct Stop {
    term: CancellationToken,
    kill: CancellationToken,
}

#[derive(Default)]
struct Records {
    sandboxes: BTreeMap<String, Sandbox>,
    /// What ends the processes that stand for the sandboxes' pauses, and whether they have begun, as far as they ever will.
    pauses: BTreeMap<String, (DropGuard, watch::Receiver<bool>)>,
    containers: BTreeMap<String, Container>,
    stops: BTreeMap<String, Stop>,
}

struct Core {
    environment: Environment,
    records: Mutex<Records>,
    changes: watch::Sender<u64>,
    log_changes: Arc<watch::Sender<u64>>,
    tasks: TaskTracker,
    /// The first API server of a lab starts without waits.
    first: AtomicBool,
    /// Where etcd listens, while it runs.
    etcd: programs::Etcd,
    /// Whether the node's services have processes that stand for them, as far as they ever will.
    services: watch::Sender<bool>,
}

/// The containers of a node.
pub struct Containers(Arc<Core>);

impl Containers {
    /// A runtime without containers.
    pub fn new(environment: Environment) -> Arc<Self> {
        Arc::new(Self(Arc::new(Core {
            environment,
            records: Mutex::default(),
            changes: watch::Sender::new(0),
            log_changes: Arc::new(watch::Sender::new(0)),
            tasks: TaskTracker::new(),
            first: AtomicBool::new(true),
            etcd: programs::Etcd::new(Vec::new()),
            services: watch::Sender::new(false),
        })))
    }
}

impl Core {
    fn change(&self, what: impl FnOnce(&mut Records)) {
        what(&mut lock(&self.records));
        self.changes.send_modify(|n| *n += 1);
    }

    fn update(&self, id: &str, what: impl FnOnce(&mut Container)) {
        self.change(|records| {
            if let Some(container) = records.containers.get_mut(id) {
                what(container);
            }
        });
    }

    async fn run(self: Arc<Self>, container: Container, term: CancellationToken, kill: CancellationToken) {
        let id = container.id.clone();
        let log = logs::FileLog::open(
            &self.environment.root,
            &container,
            self.environment.clock.clone(),
            self.log_changes.clone(),
        );
        let now = self.environment.clock.now();
        self.update(&id, |c| {
            c.state = State::Running;
            c.started = Some(now);
        });
        super::mounts::make_missing(&Rooted::new(&self.environment.root), &container.spec.mounts);
        let ready = |ready: bool| self.update(&id, |c| c.ready = ready);
        let exit = match &self.environment.servers {
            Servers::Real(processes) if processes.program(&container.spec).is_some() => {
                let pid = |pid: u32| self.update(&id, |c| c.pid = Some(pid));
                processes.run(&container, log, (&term, &kill), &self.environment.timing, &ready, &pid).await
            }
            _ => {
                let first = container.spec.argv.first().is_some_and(|p| p.ends_with("kube-apiserver"))
                    && self.first.swap(false, Ordering::SeqCst);
                let begun = programs::Begun::default();
                let run = programs::run(programs::Program {
                    environment: &self.environment,
                    spec: &container.spec,
                    log,
                    term: &term,
                    first,
                    ready: &ready,
                    begun: &begun,
                    etcd: &self.etcd,
                });
                let over = CancellationToken::new();
                let _end = over.clone().drop_guard();
                let died = self.stands_for(&container, over);
                tokio::pin!(run);
                let exit = tokio::select! {
                    biased;
                    () = kill.cancelled() => 137,
                    exit = &mut run => exit,
                    status = died => match stand_in::signal(status) {
                        // A server that is asked to end waits for open watches, a minute at most.
                        Some(signal) if stand_in::is_heard(signal) => {
                            term.cancel();
                            let most = self.environment.timing.grace_period * 2;
                            tokio::select! {
                                () = kill.cancelled() => 137,
                                exit = tokio::time::timeout(most, &mut run) => exit.unwrap_or(0),
                            }
                        }
                        _ => status,
                    },
                };
                programs::withdraw(&self.environment, &begun).await;
                exit
            }
        };
        let now = self.environment.clock.now();
        self.change(|records| {
            records.stops.remove(&id);
            if let Some(c) = records.containers.get_mut(&id) {
                c.pid = None;
                c.state = State::Exited;
                c.finished = Some(now);
                c.exit = Some(exit);
                c.ready = false;
            }
        });
    }

    /// Waits until the node's services have their processes, and a container's sandbox, too.
    fn processes_before(&self, sandbox: Option<&str>) -> impl Future<Output = ()> + Send + 'static {
        let pause = sandbox.and_then(|id| Some(lock(&self.records).pauses.get(id)?.1.clone()));
        let before = std::iter::once(self.services.subscribe()).chain(pause);
        async move {
            for mut begun in before {
                let _ = begun.wait_for(|begun| *begun).await;
            }
        }
    }

    /// Has a process stand for a container's program; its exit status comes back if somebody on the node ended it.
    async fn stands_for(&self, container: &Container, over: CancellationToken) -> i32 {
        if !images::has_program(&container.spec.image, &container.spec.argv) {
            return std::future::pending().await;
        }
        let spec = &container.spec;
        let words = images::title(&spec.image, &spec.argv, &spec.name);
        // Of variables only the one that addons use for their node.
        let words = words.iter().map(|w| w.replace("$(NODE_NAME)", &self.environment.node)).collect();
        let before = self.processes_before(Some(&container.sandbox));
        let StandIn { pid, died } = stand_in::begin(self.environment.stands.as_ref(), words, over, before);
        if let Ok(pid) = pid.await {
            self.update(&container.id, |c| c.pid = Some(pid));
        }
        match died.await {
            Ok(status) => status,
            Err(_) => std::future::pending().await,
        }
    }

    /// Has a process stand for a sandbox's pause; without it the sandbox is not ready.
    fn pause(self: Arc<Self>, id: String) {
        let Some(node) = &self.environment.stands else { return };
        let over = CancellationToken::new();
        let before = self.processes_before(None);
        let StandIn { pid, died } = stand_in::begin(Some(node), vec!["/pause".into()], over.clone(), before);
        let (begun, is_begun) = watch::channel(false);
        self.change(|records| {
            records.pauses.insert(id.clone(), (over.drop_guard(), is_begun));
        });
        let core = Arc::downgrade(&self);
        tokio::spawn(async move {
            let pid = pid.await.ok();
            if let Some(core) = core.upgrade().filter(|_| pid.is_some()) {
                core.change(|records| {
                    if let Some(sandbox) = records.sandboxes.get_mut(&id).filter(|s| s.ready) {
                        sandbox.pid = pid;
                    }
                });
            }
            begun.send_replace(true);
            if died.await.is_ok()
                && let Some(core) = core.upgrade()
            {
                Containers(core).stop_sandbox(&id);
            }
        });
    }

    /// Waits until a container ended.
    async fn ended(&self, id: &str) {
        let mut changes = self.changes.subscribe();
        let over = || lock(&self.records).containers.get(id).is_none_or(|c| c.state == State::Exited);
        while !over() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

#[async_trait]
impl ContainerRuntime for Containers {
    fn run_sandbox(&self, pod: &PodRef) -> String {
        let id = new_id();
        let created = self.0.environment.clock.now();
        self.0.change(|records| {
            let attempt =
                records.sandboxes.values().filter(|s| s.pod.uid == pod.uid).map(|s| s.attempt + 1).max();
            let sandbox = Sandbox {
                id: id.clone(),
                pod: pod.clone(),
                attempt: attempt.unwrap_or(0),
                created,
                ready: true,
                pid: None,
            };
            records.sandboxes.insert(id.clone(), sandbox);
        });
        self.0.clone().pause(id.clone());
        id
    }

    fn start_container(&self, sandbox: &str, spec: &ContainerSpec) -> String {
        let id = new_id();
        let (term, kill) = (CancellationToken::new(), CancellationToken::new());
        let mut made = None;
        let created = self.0.environment.clock.now();
        self.0.change(|records| {
            let Some(pod) = records.sandboxes.get(sandbox).map(|s| s.pod.clone()) else { return };
            let before = records
                .containers
                .values()
                .filter(|c| c.pod.uid == pod.uid && c.spec.name == spec.name)
                .map(|c| c.attempt + 1);
            let attempt = before.max().unwrap_or(0);
            let log_path = format!(
                "/var/log/pods/{}_{}_{}/{}/{attempt}.log",
                pod.namespace, pod.name, pod.uid, spec.name
            );
            let container = Container {
                id: id.clone(),
                sandbox: sandbox.to_owned(),
                pod,
                spec: spec.clone(),
                attempt,
                created,
                started: None,
                finished: None,
                state: State::Created,
                exit: None,
                ready: false,
                log_path,
                pid: None,
            };
            records.containers.insert(id.clone(), container.clone());
            records.stops.insert(id.clone(), Stop { term: term.clone(), kill: kill.clone() });
            made = Some(container);
        });
        if let Some(container) = made {
            self.0.tasks.spawn(self.0.clone().run(container, term, kill));
        }
        id
    }

    async fn stop_container(&self, id: &str, grace: std::time::Duration) {
        let tokens = lock(&self.0.records).stops.get(id).map(|s| (s.term.clone(), s.kill.clone()));
        let Some((term, kill)) = tokens else { return };
        term.cancel();
        if tokio::time::timeout(grace, self.0.ended(id)).await.is_err() {
            kill.cancel();
            self.0.ended(id).await;
        }
    }

    fn remove_container(&self, id: &str) {
        let mut gone = None;
        self.0.change(|records| {
            if records.containers.get(id).is_some_and(|c| c.state == State::Exited) {
                gone = records.containers.remove(id);
            }
        });
        if let Some(container) = gone {
            logs::remove(&self.0.environment.root, &container);
        }
    }

    fn stop_sandbox(&self, id: &str) {
        self.0.change(|records| {
            records.pauses.remove(id);
            if let Some(sandbox) = records.sandboxes.get_mut(id) {
                sandbox.ready = false;
                sandbox.pid = None;
            }
        });
    }

    fn remove_sandbox(&self, id: &str) {
        self.0.change(|records| {
            if records.sandboxes.get(id).is_some_and(|s| !s.ready) {
                records.sandboxes.remove(id);
            }
        });
    }

    fn sandboxes(&self) -> Vec<Sandbox> {
        let mut all: Vec<_> = lock(&self.0.records).sandboxes.values().cloned().collect();
        all.sort_by_key(|s| std::cmp::Reverse(s.created));
        all
    }

    fn containers(&self) -> Vec<Container> {
        let mut all: Vec<_> = lock(&self.0.records).containers.values().cloned().collect();
        all.sort_by_key(|c| std::cmp::Reverse(c.created));
        all
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn log_changes(&self) -> watch::Receiver<u64> {
        self.0.log_changes.subscribe()
    }

    fn services_stand(&self) {
        self.0.services.send_replace(true);
    }

    fn serves_itself(&self) -> bool {
        let is_server = |c: &Container| c.spec.name == "kube-apiserver" && c.state == State::Running;
        matches!(self.0.environment.servers, Servers::Emulated(_)) && self.containers().iter().any(is_server)
    }

    fn etcd(&self) -> Option<etcd::Etcd> {
        match &self.0.environment.servers {
            Servers::Emulated(server) if !self.0.etcd.borrow().is_empty() => {
                Some(etcd::Etcd::new(server.store.clone(), self.0.environment.release))
            }
            _ => None,
        }
    }

    async fn shutdown(&self) {
        self.0.tasks.close();
        let tokens: Vec<_> = {
            let records = lock(&self.0.records);
            records.stops.values().map(|s| (s.term.clone(), s.kill.clone())).collect()
        };
        for (term, kill) in tokens {
            term.cancel();
            kill.cancel();
        }
        self.0.tasks.wait().await;
    }
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
