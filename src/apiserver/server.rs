//! One run of the API server: from the flags of its manifest to its end.

use std::sync::Arc;

use super::audit;
use super::flags::{Flags, Refusal};
use super::serving;
use super::storage::Store;
use crate::clock::SharedClock;
use crate::container_fs::ContainerFs;
use crate::klog::SharedLog;
use crate::release::Release;

pub(super) mod chain;
pub(super) mod core;
mod hooks;
mod identity;
mod paths;
mod start_log;
mod warnings;

use self::core::Core;

/// How long a server's start takes beyond what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Waits {
    /// From the first answer until the policy is read: only `system:masters` may do anything (really 0.2 s).
    pub policy: std::time::Duration,
    /// From then until the hooks are done: `/readyz` answers 500 (really 0.9 s).
    pub hooks: std::time::Duration,
}

/// What a server gets from the lab around it.
#[derive(Clone)]
pub struct Dependencies {
    /// The store, which outlives the server.
    pub store: Store,
    /// The record of requests, which outlives the server.
    pub audit: Arc<audit::Log>,
    /// The emulated release.
    pub release: &'static Release,
    /// The time.
    pub clock: SharedClock,
    /// Where its container's output goes.
    pub log: SharedLog,
    /// The files that its container sees: `--client-ca-file=/etc/...` is one of them.
    pub files: ContainerFs,
    /// Opens a listener inside the lab's network; also one on this machine's loopback.
    pub network: Arc<dyn Network>,
    /// Reaches the kubelets for `pods/log` and the like.
    pub kubelets: Arc<dyn KubeletClient>,
    /// The name of the host that it runs on.
    pub hostname: String,
    /// How long its start takes; the default takes no time.
    pub waits: Waits,
    /// How long its clients may take.
    pub patience: serving::Patience,
}

/// Opens the listeners of a server.
#[async_trait::async_trait]
pub trait Network: Send + Sync {
    /// The listeners for `--secure-port` on the node's addresses (one in the lab's network, one on this machine's
    /// loopback). An error's text is the reason, e.g. `listen tcp 0.0.0.0:6443: bind: address already in use`.
    async fn listen(&self, port: u16) -> std::io::Result<Vec<tokio::net::TcpListener>>;

    /// The rest of the listeners, where some could not be had yet: the node's network is still being made.
    async fn listen_more(&self, _port: u16) -> std::io::Result<Vec<tokio::net::TcpListener>> {
        Ok(Vec::new())
    }
}

/// What an API server asks a kubelet.
#[async_trait::async_trait]
pub trait KubeletClient: Send + Sync {
    /// A container's log; lines are streamed when `follow` is set. Errors are the kubelet's own sentences
    /// (`container "x" in pod "y" is not available`), answered as 400 BadRequest.
    async fn container_logs(&self, request: LogRequest) -> Result<LogStream, String>;
}

/// Which log, and how much of it (`PodLogOptions`).
#[derive(Debug, Clone, Default)]
pub struct LogRequest {
    /// The node the pod is on.
    pub node: String,
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// Keep sending what comes.
    pub follow: bool,
    /// The container before this one.
    pub previous: bool,
    /// Only the last lines.
    pub tail_lines: Option<usize>,
    /// Only what is younger.
    pub since_seconds: Option<i64>,
    /// A time before each line.
    pub timestamps: bool,
    /// Only the first bytes.
    pub limit_bytes: Option<u64>,
}

/// Pieces of a log.
pub type LogStream = std::pin::Pin<Box<dyn futures::Stream<Item = bytes::Bytes> + Send>>;

/// How a server ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The process's exit status.
    pub status: i32,
}

/// A running server.
pub struct Server {
    core: Arc<Core>,
    tasks: tokio_util::task::TaskTracker,
}

impl Server {
    /// Refuses flags as a starting server does, before it looks for its storage; what it takes is not told yet.
    ///
    /// # Errors
    ///
    /// The exit status, after the reason was written to the log.
    pub fn refuse_flags(argv: &[String], dependencies: &Dependencies) -> Result<(), Exit> {
        let journal = start_log::Journal::new(dependencies);
        let arguments = argv.get(1..).unwrap_or_default();
        let flags = Flags::parse(arguments, dependencies.release).map_err(|why| journal.refuse(why))?;
        let read = |path: &str| dependencies.files.read(path);
        flags.validate(dependencies.release, &read).map_err(|why| {
            journal.options(&flags);
            journal.refuse(why)
        })
    }

    /// Starts a server with the arguments of its container (`argv[0]` is `kube-apiserver`).
    ///
    /// Wrong flags end it: the messages are written to the log as the real program does, and the exit status comes back
    /// as the error. Returns as soon as it listens; `/readyz` tells when its hooks are done.
    pub async fn start(argv: &[String], dependencies: Dependencies) -> Result<Arc<Self>, Exit> {
        let journal = start_log::Journal::new(&dependencies);
        let arguments = argv.get(1..).unwrap_or_default();
        let flags = Flags::parse(arguments, dependencies.release).map_err(|why| journal.refuse(why))?;
        journal.options(&flags);
        let read = |path: &str| dependencies.files.read(path);
        flags.validate(dependencies.release, &read).map_err(|why| journal.refuse(why))?;
        let policy = hooks::begin_policy(&dependencies);
        let made = Core::make(flags, dependencies).map_err(|why| journal.refuse(Refusal::Failed(why)))?;
        let (core, acceptor) = (Arc::new(made.core), made.acceptor);
        journal.part(&core, "start");
        journal.chosen(&core);
        journal.part(&core, "plugins");
        let port = u16::try_from(core.flags.secure_port()).unwrap_or(0);
        let listeners = core.dependencies.network.listen(port).await.map_err(|error| {
            let why = format!("failed to create listener: failed to listen on 0.0.0.0:{port}: {error}");
            journal.refuse(Refusal::Failed(why))
        })?;
        journal.part(&core, "listen");
        // Whoever is not interested any more before the hooks are done leaves nobody listening.
        let unfinished = core.stop.clone().drop_guard();
        let tasks = tokio_util::task::TaskTracker::new();
        let serve = {
            let core = core.clone();
            move |listener| {
                let patience = core.dependencies.patience;
                serving::serve(listener, acceptor.clone(), core.clone(), patience, core.stop.clone())
            }
        };
        for listener in listeners {
            tasks.spawn(serve(listener));
        }
        let network = core.dependencies.network.clone();
        let stop = core.stop.clone();
        tasks.spawn(async move {
            let more = stop.run_until_cancelled(network.listen_more(port)).await;
            futures::future::join_all(more.and_then(Result::ok).into_iter().flatten().map(serve)).await;
        });
        let hooks = hooks::run(core.clone(), journal, policy);
        if core.dependencies.waits == Waits::default() {
            hooks.await;
        } else {
            let stop = core.stop.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = hooks => {}
                }
            });
        }
        tasks.spawn(identity::keep(core.clone()));
        tasks.close();
        unfinished.disarm();
        Ok(Arc::new(Self { core, tasks }))
    }

    /// Answers a request that comes from inside this process, authenticated as the holder of the given certificate
    /// would be (subject CN and Os); it passes the whole chain.
    pub async fn call(
        self: &Arc<Self>,
        mut user: super::authentication::UserInfo,
        request: http::Request<bytes::Bytes>,
    ) -> http::Response<super::serving::Body> {
        super::authentication::x509::add_authenticated(&mut user);
        let (parts, body) = request.into_parts();
        let caller = chain::Caller::Known(user);
        chain::answer(&self.core, caller, &parts, async move { Ok(body) }).await
    }

    /// Whether `/readyz` says ok.
    pub fn ready(&self) -> bool {
        self.core.health.is_ready()
    }

    /// Waits until `/readyz` says ok, or the server stops.
    pub async fn wait_ready(&self) {
        let mut ready = self.core.health.subscribe();
        tokio::select! {
            _ = ready.wait_for(|ready| *ready) => {}
            () = self.core.stop.cancelled() => {}
        }
    }

    /// Stops listening at once, ends open connections, and returns when all is closed.
    pub async fn stop(&self) {
        self.core.stop.cancel();
        self.tasks.wait().await;
    }

    /// Waits until the server ended by itself.
    ///
    /// A server that has started only ends when it is stopped.
    pub async fn ended(&self) -> Exit {
        self.core.stop.cancelled().await;
        Exit { status: 0 }
    }
}
