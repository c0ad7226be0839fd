//! The containers of one node: their records, what runs in them, and how it ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{
    Container, ContainerRuntime, ContainerSpec, Environment, PodRef, Sandbox, Servers, State, etcd, images,
    logs, new_id, programs,
};
use crate::kubelet::journal::lock;
use crate::kubelet::stand_in::{self, StandIn};
use crate::rooted::Rooted;

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
        crate::kubelet::mounts::make_missing(&Rooted::new(&self.environment.root), &container.spec.mounts);
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
