//! The units of a node, kubelet and containerd: starting and stopping them, and what the kubelet makes of a runtime that is gone.
//!
//! Upstream: `pkg/kubelet/{runtime,kubelet}.go` (`runtimeState`, `updateRuntimeUp`), `pkg/kubelet/pleg/generic.go`,
//! containerd's unit (`KillMode=process`: containers outlive it).

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::journal::lock;
use super::stand_in::{self, StandIn};
use super::units::Files;
use super::{Kubelet, manifests, verbosity};
use crate::klog::Severity;
use crate::rooted::Rooted;

/// The units that a node has.
pub const UNITS: [&str; 2] = ["kubelet", "containerd"];

/// The process that stands for a unit's on the node.
#[derive(Default)]
pub(super) struct Standing {
    /// Ends it.
    over: Option<DropGuard>,
    /// Whether there ever was one.
    stands: bool,
    /// Counts what somebody did with the unit: systemd's own plans are off then.
    generation: u64,
    /// How often systemd started it again by itself.
    restarts: u32,
    /// The signal that ended it, 0 for none, until it is started again.
    ended: Option<i32>,
}

/// The name of a signal, as systemd has it.
pub fn signal_name(signal: i32) -> String {
    let names = [
        (9, "KILL"),
        (11, "SEGV"),
        (6, "ABRT"),
        (4, "ILL"),
        (7, "BUS"),
        (8, "FPE"),
        (10, "USR1"),
        (12, "USR2"),
    ];
    let found = names.iter().find(|(number, _)| *number == signal);
    found.map_or_else(|| signal.to_string(), |(_, name)| (*name).to_owned())
}

/// What gRPC says of a runtime whose socket is gone.
const GONE: &str = "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix \
                    /var/run/containerd/containerd.sock: connect: no such file or directory\"";

impl Kubelet {
    /// Whether the kubelet's service runs, and since when.
    pub fn activity(&self) -> (bool, Timestamp) {
        *self.active.borrow()
    }

    /// Whether a unit runs, and since when; nothing of a unit that the node does not have.
    pub fn unit(&self, unit: &str) -> Option<(bool, Timestamp)> {
        match unit {
            "kubelet" => Some(*self.active.borrow()),
            "containerd" => Some(*self.containerd.borrow()),
            _ => None,
        }
    }

    /// Starts, stops or restarts a unit, as systemd would; anything else changes nothing.
    pub(super) async fn control(self: &Arc<Self>, unit: &str, verb: &str) {
        if verb == "reboot" {
            self.reboots.send_modify(|n| *n += 1);
            return;
        }
        let Some((running, _)) = self.unit(unit) else { return };
        if matches!(verb, "start" | "stop" | "restart") {
            // Whatever systemd was going to do about a dead service, it does this now.
            self.standing(unit, |standing| {
                standing.generation += 1;
                standing.ended = None;
            });
        }
        if matches!(verb, "stop" | "restart") && running {
            self.end(unit);
        }
        if matches!(verb, "start" | "restart") && (!running || verb == "restart") {
            self.begin(unit).await;
        }
    }

    fn standing<T>(&self, unit: &str, what: impl FnOnce(&mut Standing) -> T) -> Option<T> {
        let unit = UNITS.into_iter().find(|known| *known == unit)?;
        Some(what(lock(&self.standing).entry(unit).or_default()))
    }

    /// Whether the node has processes that stand for its services.
    pub(super) fn stands(&self) -> bool {
        lock(&self.standing).values().any(|standing| standing.stands)
    }

    /// The signal that ended a unit which systemd is about to start again, 0 for none.
    pub(super) fn restarting(&self, unit: &str) -> Option<i32> {
        lock(&self.standing).get(unit).and_then(|standing| standing.ended)
    }

    /// Has the node start a process that stands for a unit's; its number is the unit's from then on.
    pub(super) async fn stand(self: &Arc<Self>, unit: &str) {
        let words = Files::Of(Rooted::new(&self.config.root)).command(unit);
        let words = words.split(' ').map(str::to_owned).collect();
        let over = CancellationToken::new();
        let StandIn { pid, died } =
            stand_in::begin(self.config.stands.as_ref(), words, over.clone(), std::future::ready(()));
        let Ok(pid) = pid.await else { return };
        self.journal.set_pid(unit, pid);
        self.standing(unit, |standing| {
            standing.over = Some(over.drop_guard());
            standing.stands = true;
        });
        let generation = self.standing(unit, |standing| standing.generation);
        let (kubelet, unit) = (Arc::downgrade(self), unit.to_owned());
        self.tasks.spawn(async move {
            if let Ok(status) = died.await
                && let Some(kubelet) = kubelet.upgrade()
            {
                kubelet.died(&unit, status, generation).await;
            }
        });
    }

    /// Somebody on the node ended a unit's process: systemd starts it again after a while (`Restart=always`).
    fn died<'a>(
        self: &'a Arc<Self>,
        unit: &'a str,
        status: i32,
        generation: Option<u64>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(self.revive(unit, status, generation))
    }

    async fn revive(self: &Arc<Self>, unit: &str, status: i32, generation: Option<u64>) {
        let current = || self.standing(unit, |standing| standing.generation) == generation;
        if self.stop.is_cancelled() || !current() {
            return;
        }
        let killed = stand_in::signal(status).filter(|signal| !stand_in::is_heard(*signal));
        match killed {
            Some(signal) => {
                let name = signal_name(signal);
                self.journal.systemd(
                    unit,
                    &format!("{unit}.service: Main process exited, code=killed, status={signal}/{name}"),
                );
                self.journal.systemd(unit, &format!("{unit}.service: Failed with result 'signal'."));
            }
            None => self.journal.systemd(unit, &format!("{unit}.service: Deactivated successfully.")),
        }
        self.state(unit).send_replace((false, self.config.clock.now()));
        self.standing(unit, |standing| {
            standing.over = None;
            standing.ended = Some(killed.unwrap_or(0));
        });
        // RestartSec is 10 for the kubelet and 5 for containerd.
        let wait = self.config.timing.crash_backoff / if unit == "kubelet" { 1 } else { 2 };
        tokio::select! {
            () = self.stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let restarts = self.standing(unit, |standing| {
            let mine = Some(standing.generation) == generation;
            standing.restarts += u32::from(mine);
            if mine {
                standing.ended = None;
            }
            mine.then_some(standing.restarts)
        });
        if let Some(Some(restarts)) = restarts {
            let text = format!("{unit}.service: Scheduled restart job, restart counter is at {restarts}.");
            self.journal.systemd(unit, &text);
            self.begin(unit).await;
        }
    }

    fn end(&self, unit: &str) {
        let now = self.config.clock.now();
        let title = title(unit);
        self.journal.systemd(unit, &format!("Stopping {unit}.service - {title}..."));
        if unit == "containerd" {
            self.journal.containerd("info", "Stop CRI service", "");
            self.journal.containerd("info", "Event monitor stopped", "");
            self.journal.containerd("info", "Stream server stopped", "");
        }
        self.standing(unit, |standing| standing.over = None);
        self.journal.systemd(unit, &format!("{unit}.service: Deactivated successfully."));
        if unit == "containerd" {
            for sandbox in self.config.runtime.sandboxes().iter().filter(|s| s.ready).rev() {
                let pid = sandbox.process();
                self.journal.systemd(
                    unit,
                    &format!("{unit}.service: Unit process {pid} (containerd-shim) remains running after unit stopped."),
                );
            }
        }
        self.journal.systemd(unit, &format!("Stopped {unit}.service - {title}."));
        self.state(unit).send_replace((false, now));
    }

    async fn begin(self: &Arc<Self>, unit: &str) {
        self.journal.next_pid(unit);
        self.stand(unit).await;
        if unit == "containerd" {
            self.containerd_started();
        } else {
            self.started();
            self.tell_of_start();
        }
        self.state(unit).send_replace((true, self.config.clock.now()));
    }

    fn state(&self, unit: &str) -> &tokio::sync::watch::Sender<(bool, Timestamp)> {
        if unit == "kubelet" { &self.active } else { &self.containerd }
    }

    /// What the journal says of a kubelet's start.
    pub(super) fn started(&self) {
        self.journal.set_verbosity(verbosity(&self.config.root));
        let title = title("kubelet");
        self.journal.systemd("kubelet", &format!("Started kubelet.service - {title}."));
        let version = self.config.release.git_version;
        for (source, text) in [
            ("server.go:206", "\"--pod-infra-container-image will not be pruned by the image garbage collector in kubelet and should also be set in the remote runtime\"".to_owned()),
            ("server.go:486", format!("\"Kubelet version\" kubeletVersion={version:?}")),
            ("server.go:488", "\"Golang settings\" GOGC=\"\" GOMAXPROCS=\"\" GOTRACEBACK=\"\"".to_owned()),
            ("kubelet.go:408", "\"Attempting to sync node with API server\"".to_owned()),
            ("kubelet.go:303", format!("\"Adding static pod path\" path=\"/{}\"", manifests::DIRECTORY)),
            ("server.go:1269", "\"Started kubelet\"".to_owned()),
        ] {
            self.journal.klog(Severity::Info, source, &text);
        }
    }

    /// What the journal says of containerd's start.
    pub(super) fn containerd_started(&self) {
        let unit = "containerd";
        let title = title(unit);
        self.journal.systemd(unit, &format!("Starting {unit}.service - {title}..."));
        let version = self.config.release.node.container_runtime.trim_start_matches("containerd://");
        self.journal.containerd("info", "starting containerd", &format!(" revision= version={version}"));
        self.journal.containerd("info", "serving...", &format!(" address={}.ttrpc", super::socket::SOCKET));
        self.journal.containerd("info", "serving...", &format!(" address={}", super::socket::SOCKET));
        self.journal.containerd("info", "Start streaming server", "");
        self.journal.containerd("info", "containerd successfully booted in 0.055219s", "");
        self.journal.systemd(unit, &format!("Started {unit}.service - {title}."));
    }

    /// Waits until the kubelet runs and its runtime answers: without either nothing is started, ended or looked at.
    pub(super) async fn able(&self) {
        let (mut active, mut containerd) = (self.active.subscribe(), self.containerd.subscribe());
        loop {
            let (kubelet, runtime) = (active.borrow_and_update().0, containerd.borrow_and_update().0);
            if kubelet && runtime {
                return;
            }
            let changed = if kubelet { containerd.changed().await } else { active.changed().await };
            if changed.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Why the node is not ready, in the words of its condition; nothing where it is.
    pub(super) fn runtime_error(&self, now: Timestamp) -> Option<String> {
        let (up, since) = *self.containerd.borrow();
        let silent = now.duration_since(since);
        let longer = |than: std::time::Duration| silent >= SignedDuration::try_from(than).unwrap_or_default();
        if up || !longer(self.config.timing.runtime_grace) {
            return None;
        }
        let down = "container runtime is down";
        if !longer(self.config.timing.relist_grace) {
            return Some(down.into());
        }
        let ago = super::workers::go_duration(u64::try_from(silent.as_secs()).unwrap_or(0));
        Some(format!("[{down}, PLEG is not healthy: pleg was last seen active {ago} ago; threshold is 3m0s]"))
    }
}

/// The process id of what runs under a sandbox's or a container's id.
pub fn process_id(id: &str) -> u32 {
    1200 + u32::from_str_radix(id.get(..4).unwrap_or_default(), 16).unwrap_or(0) % 30_000
}

/// What systemd calls a unit.
pub fn title(unit: &str) -> &'static str {
    if unit == "kubelet" { "kubelet: The Kubernetes Node Agent" } else { "containerd container runtime" }
}

/// Writes what a kubelet writes while its runtime does not answer, as often as it asks.
pub(super) async fn complain(kubelet: Arc<Kubelet>) {
    let mut containerd = kubelet.containerd.subscribe();
    let period = kubelet.config.timing.relist;
    loop {
        tokio::select! {
            () = kubelet.stop.cancelled() => return,
            gone = containerd.wait_for(|(up, _)| !up) => if gone.is_err() { return },
        }
        let mut turn = 0_u32;
        while !containerd.borrow_and_update().0 {
            if kubelet.serving() {
                complaint(&kubelet, turn);
            }
            turn += 1;
            tokio::select! {
                () = kubelet.stop.cancelled() => return,
                () = tokio::time::sleep(period) => {}
                _ = containerd.changed() => {}
            }
        }
    }
}

fn complaint(kubelet: &Kubelet, turn: u32) {
    let error = |source: &str, text: &str| kubelet.journal.klog(Severity::Error, source, text);
    let lines = &kubelet.config.release.node.runtime_lines;
    // The runtime's status is asked for every five seconds, its pods every second.
    if turn.is_multiple_of(5) {
        error(lines.status, &format!("\"Status from runtime service failed\" err={GONE:?}"));
        error(lines.sanity, &format!("\"Container runtime sanity check failed\" err={GONE:?}"));
    }
    // gRPC tries again after longer and longer waits.
    if turn == 0 || turn.is_power_of_two() {
        let address = "/var/run/containerd/containerd.sock";
        let text = format!(
            "[core] [Channel #1 SubChannel #2]grpc: addrConn.createTransport failed to connect to {{Addr: {address:?}, ServerName: \"localhost\", }}. Err: connection error: desc = \"transport: Error while dialing: dial unix {address}: connect: no such file or directory\""
        );
        kubelet.journal.klog(Severity::Warning, "logging.go:55", &text);
    }
    error(
        lines.sandboxes,
        &format!("\"ListPodSandbox with filter from runtime service failed\" err={GONE:?} filter=\"nil\""),
    );
    error(lines.kuberuntime, &format!("\"Failed to list pod sandboxes\" err={GONE:?}"));
    error(lines.pleg, &format!("\"GenericPLEG: Unable to retrieve pods\" err={GONE:?}"));
    if let Some(why) = kubelet.runtime_error(kubelet.config.clock.now()) {
        error(lines.skipping, &format!("\"Skipping pod synchronization\" err={why:?}"));
    }
}
