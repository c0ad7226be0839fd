//! What kube-controller-manager and kube-scheduler do that a learner can see.
//!
//! ```text
//! run_controller_manager / run_scheduler: leader election -> controllers, until the lease is lost
//! controller: watches -> trigger (debounced) -> reconcile(client), level-triggered, through the API as its own identity
//! ```
//! Upstream: `cmd/kube-controller-manager`, `pkg/controller/*`, `cmd/kube-scheduler`. Each controller acts as the service
//! account that the bootstrap policy has a role for, so that RBAC and audit see what they see on a real cluster.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::watch;

use crate::apiserver::authentication::UserInfo;
use crate::apiserver::server::Server;
use crate::apiserver::serving::Body;
use crate::clock::SharedClock;
use crate::klog::{self, Severity, SharedLog};
use crate::release::Release;

pub mod aggregation;
pub mod certificates;
pub mod client;
pub mod endpoints;
pub mod event;
pub mod garbage;
pub mod leader;
pub mod namespace;
pub mod nodeipam;
mod nodelifecycle;
pub mod pace;
pub mod podgc;
pub mod publish;
pub mod remote;
pub mod scheduler;
pub mod trigger;
pub mod workloads;

/// The collection of Nodes.
const NODES: &str = "/api/v1/nodes";
/// The collection of Pods.
const PODS: &str = "/api/v1/pods";

/// How controllers reach the API server.
#[async_trait]
pub trait Api: Send + Sync {
    /// Sends a request as `user`; `ConnectionRefused` while no server runs.
    async fn call(&self, user: &UserInfo, request: Request<Bytes>) -> io::Result<Response<Body>>;

    /// Tells whether a server runs.
    fn reachable(&self) -> watch::Receiver<bool>;
}

/// The API server of this process, as long as one runs.
pub struct InProcess {
    server: watch::Receiver<Option<Arc<Server>>>,
    reachable: watch::Receiver<bool>,
}

impl InProcess {
    /// Follows `server`.
    pub fn new(server: watch::Receiver<Option<Arc<Server>>>) -> Arc<Self> {
        let (sender, reachable) = watch::channel(server.borrow().is_some());
        let mut follow = server.clone();
        tokio::spawn(async move {
            while follow.changed().await.is_ok() {
                let up = follow.borrow_and_update().is_some();
                if sender.send(up).is_err() {
                    break;
                }
            }
        });
        Arc::new(Self { server, reachable })
    }
}

#[async_trait]
impl Api for InProcess {
    async fn call(&self, user: &UserInfo, request: Request<Bytes>) -> io::Result<Response<Body>> {
        let server = self.server.borrow().clone();
        match server {
            Some(server) => Ok(server.call(user.clone(), request).await),
            None => Err(io::ErrorKind::ConnectionRefused.into()),
        }
    }

    fn reachable(&self) -> watch::Receiver<bool> {
        let mut reachable = self.reachable.clone();
        // Whoever waits for a change waits for the next one.
        reachable.mark_unchanged();
        reachable
    }
}

/// How long controllers wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// How often a held lease is renewed (really 2 s).
    pub retry_period: Duration,
    /// How long renewing may fail before the lease is given up (really 10 s).
    pub renew_deadline: Duration,
    /// How long a lease of somebody else counts (really 15 s).
    pub lease_duration: Duration,
    /// How long a node may be silent before it counts as unknown (`--node-monitor-grace-period`, really 40 s).
    pub node_monitor_grace: Duration,
    /// How often nodes are looked at (`--node-monitor-period`, really 5 s).
    pub node_monitor_period: Duration,
}

impl Timing {
    /// The waits of a real cluster.
    pub fn realistic() -> Self {
        Self {
            retry_period: Duration::from_secs(2),
            renew_deadline: Duration::from_secs(10),
            lease_duration: Duration::from_secs(15),
            node_monitor_grace: Duration::from_secs(40),
            node_monitor_period: Duration::from_secs(5),
        }
    }

    /// The lab's waits.
    pub fn scaled() -> Self {
        Self {
            retry_period: Duration::from_secs(2),
            renew_deadline: Duration::from_millis(250),
            lease_duration: Duration::from_millis(375),
            node_monitor_grace: Duration::from_secs(8),
            node_monitor_period: Duration::from_secs(2),
        }
    }
}

/// What a program gets from the lab around it.
#[derive(Clone)]
pub struct Context {
    /// How it reaches the API server.
    pub api: Arc<dyn Api>,
    /// How long it waits.
    pub timing: Timing,
    /// The time.
    pub clock: SharedClock,
    /// Where its output goes.
    pub log: SharedLog,
    /// Which Kubernetes it is of.
    pub release: &'static Release,
    /// The name of the node it runs on, for its lease's holder identity.
    pub node: String,
    /// The cluster authority's certificate in PEM (`--root-ca-file`).
    pub root_ca: Option<String>,
    /// The pair that signs certificates in PEM (`--cluster-signing-cert-file`, `--cluster-signing-key-file`).
    pub signing: Option<(String, String)>,
}

impl Context {
    /// Writes a klog line to standard error, where these programs log.
    pub fn log(&self, severity: Severity, source: &str, message: &str) {
        self.log.write_line(true, &klog::line(severity, self.clock.now(), 1, source, message));
    }

    /// A client that acts as `user`.
    pub fn client(&self, user: UserInfo, agent: &'static str) -> client::Client {
        client::Client::new(self.api.clone(), user, agent)
    }

    /// A client that acts as one of the controllers' service accounts.
    pub fn controller_client(&self, name: &str) -> client::Client {
        let user = UserInfo::new(
            &format!("system:serviceaccount:kube-system:{name}"),
            &["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
        );
        let shared = UserInfo::new("system:kube-controller-manager", &["system:authenticated"]);
        self.client(user, "kube-controller-manager").reading_as(shared)
    }
}

/// Runs kube-controller-manager until its lease is lost; the exit status comes back.
///
/// Drop the future to end it sooner.
pub async fn run_controller_manager(context: Context) -> i32 {
    let user = UserInfo::new("system:kube-controller-manager", &["system:authenticated"]);
    let election = leader::Election {
        client: context.client(user, "kube-controller-manager"),
        name: "kube-controller-manager",
        lost: ("controllermanager.go:340", "\"leaderelection lost\""),
    };
    let controllers = |context: Context| async move {
        tokio::join!(
            publish::service_accounts(&context),
            publish::root_ca(&context),
            namespace::run(&context),
            garbage::run(&context),
            podgc::run(&context),
            aggregation::run(&context),
            nodelifecycle::run(&context),
            certificates::run(&context),
            endpoints::run(&context),
            workloads::deployment::run(&context),
            workloads::replicaset::run(&context),
            workloads::daemonset::run(&context),
        );
    };
    leader::run(&context, election, controllers(context.clone())).await
}

/// Runs kube-scheduler until its lease is lost; the exit status comes back.
pub async fn run_scheduler(context: Context) -> i32 {
    let user = UserInfo::new("system:kube-scheduler", &["system:authenticated"]);
    let election = leader::Election {
        client: context.client(user.clone(), "kube-scheduler"),
        name: "kube-scheduler",
        lost: ("server.go:299", "\"Leaderelection lost\""),
    };
    leader::run(&context, election, scheduler::run(&context, context.client(user, "kube-scheduler"))).await
}
