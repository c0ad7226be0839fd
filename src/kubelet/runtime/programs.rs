//! The programs inside the containers: the API server, controller-manager, scheduler; everything else idles.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ContainerSpec, EmulatedServer, Environment, Servers, images};
use crate::apiserver::server::{Dependencies, Network, Server, Waits};
use crate::apiserver::serving::Patience;
use crate::container_fs::ContainerFs;
use crate::controllers;
use crate::klog::{self, Severity, SharedLog};
use crate::kubelet::journal::lock;
use crate::rooted::Rooted;

mod etcd;

/// A network whose listeners come after a while: a server reads its flags and certificates before it listens.
struct Late {
    network: Arc<dyn Network>,
    wait: std::time::Duration,
}

#[async_trait]
impl Network for Late {
    async fn listen(&self, port: u16) -> std::io::Result<Vec<TcpListener>> {
        tokio::time::sleep(self.wait).await;
        self.network.listen(port).await
    }

    async fn listen_more(&self, port: u16) -> std::io::Result<Vec<TcpListener>> {
        self.network.listen_more(port).await
    }
}

/// The exit status of a container whose command does not exist.
pub const NOT_STARTED: i32 = 128;

/// The addresses that etcd listens on for clients; none while it does not run.
pub type Etcd = watch::Sender<Vec<String>>;

/// A container's program and what it gets.
pub struct Program<'a> {
    /// The lab around it.
    pub environment: &'a Environment,
    /// Image and command.
    pub spec: &'a ContainerSpec,
    /// Where its output goes.
    pub log: SharedLog,
    /// Tells it to end.
    pub term: &'a CancellationToken,
    /// Whether it is the first API server of the lab, which starts without waits.
    pub first: bool,
    /// Takes what a probe would see.
    pub ready: &'a (dyn Fn(bool) + Send + Sync),
    /// The server that it begins.
    pub begun: &'a Begun,
    /// etcd, as API servers find it.
    pub etcd: &'a Etcd,
}

/// Runs a container's program to its end; the exit status comes back.
pub async fn run(run: Program<'_>) -> i32 {
    let Program { environment, spec, term, ready, .. } = run;
    let log = run.log.clone();
    if !images::has_program(&spec.image, &spec.argv) {
        return NOT_STARTED;
    }
    // Apart from each other: what runs in every container would be as large as the largest of them.
    match (spec.program(), &environment.servers) {
        (Some("kube-apiserver"), Servers::Emulated(emulated)) => Box::pin(api_server(&run, emulated)).await,
        (Some("etcd"), Servers::Emulated(_)) => Box::pin(etcd::run(&run)).await,
        (Some("kube-controller-manager"), _) => {
            ready(true);
            let mut context = context(environment, log);
            context.root_ca = read(environment, "ca.crt");
            context.signing = read(environment, "ca.crt").zip(read(environment, "ca.key"));
            until(term, Box::pin(controllers::run_controller_manager(context))).await
        }
        (Some("kube-scheduler"), _) => {
            ready(true);
            until(term, Box::pin(controllers::run_scheduler(context(environment, log)))).await
        }
        _ => {
            for (severity, source, text) in images::start_lines(&spec.image) {
                log.write_line(true, &klog::line(*severity, environment.clock.now(), 1, source, text));
            }
            ready(true);
            term.cancelled().await;
            0
        }
    }
}

/// The API server that a container began, for whoever has to end it.
pub type Begun = std::sync::Mutex<Option<Arc<Server>>>;

/// Ends the server that a container began, if it did; another container's server goes on.
pub async fn withdraw(environment: &Environment, begun: &Begun) {
    let Some(mine) = lock(begun).take() else { return };
    let Servers::Emulated(emulated) = &environment.servers else { return };
    emulated.current.send_if_modified(|now| {
        let current = now.as_ref().is_some_and(|server| Arc::ptr_eq(server, &mine));
        if current {
            *now = None;
        }
        current
    });
    mine.stop().await;
}

async fn api_server(run: &Program<'_>, emulated: &EmulatedServer) -> i32 {
    let Program { environment, spec, term, first, ready, begun, .. } = *run;
    let log = run.log.clone();
    let timing = &environment.timing;
    let waits = if first {
        Waits::default()
    } else {
        Waits { policy: timing.server_hooks / 5, hooks: timing.server_hooks }
    };
    let dependencies = Dependencies {
        store: emulated.store.clone(),
        audit: emulated.audit.clone(),
        release: environment.release,
        clock: environment.clock.clone(),
        log: log.clone(),
        files: ContainerFs::mounted(&environment.root, &spec.mounts),
        network: Arc::new(Late {
            network: emulated.network.clone(),
            wait: if first { std::time::Duration::ZERO } else { timing.server_start },
        }),
        kubelets: emulated.kubelets.clone(),
        hostname: environment.node.clone(),
        waits,
        patience: Patience::default(),
    };
    let start = async {
        Server::refuse_flags(&spec.argv, &dependencies)?;
        if !etcd::reached(run).await {
            return Err(crate::apiserver::server::Exit { status: 255 });
        }
        let server = Server::start(&spec.argv, dependencies).await?;
        *lock(begun) = Some(server.clone());
        emulated.current.send_replace(Some(server.clone()));
        Ok(server)
    };
    let started = tokio::select! {
        () = term.cancelled() => return 0,
        started = start => started,
    };
    let server: Arc<Server> = match started {
        Ok(server) => server,
        Err(crate::apiserver::server::Exit { status }) => return status,
    };
    let probes = async {
        server.wait_ready().await;
        if !first {
            tokio::time::sleep(timing.startup_probe).await;
        }
        ready(true);
        std::future::pending::<()>().await;
    };
    let storage_lost = tokio::select! {
        () = term.cancelled() => false,
        () = probes => false,
        () = etcd::lost(run) => true,
        exit = server.ended() => return exit.status,
    };
    if storage_lost {
        // Nothing can be read or written; the liveness probe fails until the kubelet kills the container.
        ready(false);
        withdraw(environment, begun).await;
        etcd::refused(run);
        let _ = tokio::time::timeout(timing.liveness, term.cancelled()).await;
        return 137;
    }
    farewell(environment, &log);
    ready(false);
    withdraw(environment, begun).await;
    // Open watches keep the real process until it is killed.
    std::future::pending::<i32>().await
}

/// What a server writes when it is told to end.
fn farewell(environment: &Environment, log: &SharedLog) {
    for (severity, source, text) in [
        (Severity::Info, "controller.go:128", "Shutting down kubernetes service endpoint reconciler"),
        (Severity::Warning, "lease.go:265", "Resetting endpoints for master service \"kubernetes\" to []"),
        (Severity::Info, "controller.go:86", "Shutting down OpenAPI V3 AggregationController"),
        (Severity::Info, "object_count_tracker.go:151", "\"StorageObjectCountTracker pruner is exiting\""),
        (Severity::Info, "secure_serving.go:258", "Stopped listening on [::]:6443"),
        (Severity::Info, "tlsconfig.go:258", "\"Shutting down DynamicServingCertificateController\""),
        (Severity::Info, "controller.go:157", "Shutting down quota evaluator"),
    ] {
        log.write_line(true, &klog::line(severity, environment.clock.now(), 1, source, text));
    }
}

async fn until(term: &CancellationToken, program: impl Future<Output = i32>) -> i32 {
    tokio::select! {
        () = term.cancelled() => 2,
        exit = program => exit,
    }
}

fn read(environment: &Environment, name: &str) -> Option<String> {
    Rooted::new(&environment.root).read_to_string(format!("/etc/kubernetes/pki/{name}")).ok()
}

fn context(environment: &Environment, log: SharedLog) -> controllers::Context {
    let scaled = environment.timing == crate::kubelet::timing::Timing::scaled();
    controllers::Context {
        api: environment.api.clone(),
        timing: if scaled { controllers::Timing::scaled() } else { controllers::Timing::realistic() },
        clock: environment.clock.clone(),
        log,
        node: environment.node.clone(),
        release: environment.release,
        root_ca: None,
        signing: None,
    }
}
