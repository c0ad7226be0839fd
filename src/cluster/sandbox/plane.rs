//! What differs between the kinds of clusters that this program makes: the API server, and how it is reached.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::client::CurrentServer;
use super::network::{Listeners, Logs};
use super::nodes::Starting;
use super::{CONTROL_PLANE, Options};
use crate::apiserver::audit;
use crate::apiserver::storage::Store;
use crate::cluster::ClusterKind;
use crate::controllers::{Api, InProcess};
use crate::error::{Context, Result};
use crate::kubelet::Kubelet;
use crate::kubelet::runtime::{EmulatedServer, Servers};
use crate::node::Node;
use crate::pki::Authority;
use crate::text::tr;

/// How long a first start may take until the API server answers and both nodes are there.
const FIRST_START: Duration = Duration::from_secs(20);
/// How long a resumed lab waits for its API server: a learner may have left it broken.
const RESUME: Duration = Duration::from_secs(3);

/// Makes the kubelet of a node known.
pub type Meet = Box<dyn Fn(&str, &Arc<Kubelet>) + Send + Sync>;

/// A control plane.
pub struct Plane {
    /// Which kind of cluster it makes.
    pub kind: ClusterKind,
    /// How its API server is reached.
    pub api: Arc<dyn Api>,
    /// Whether it is ready.
    pub up: watch::Receiver<bool>,
    /// Whether it has ever listened inside the nodes' network, where it may do so later than outside.
    pub inside: Option<watch::Receiver<bool>>,
    /// Its record of requests.
    pub audit: Arc<audit::Log>,
    /// Whether the record can be had from the server that runs now.
    pub recorded: Box<dyn Fn() -> bool + Send + Sync>,
    /// What is behind the containers of a node.
    pub servers: Box<dyn Fn(Arc<dyn Node>) -> Servers + Send + Sync>,
    /// By whose certificates kubelets serve an API server that is outside of this process.
    pub authority: Option<Authority>,
    /// Makes a kubelet known to an API server inside it.
    pub meet: Meet,
    /// Whether the lab has never run.
    pub first: bool,
    /// How long a first and a later start may take.
    pub patience: (Duration, Duration),
    /// What was found damaged and set aside.
    pub notices: Vec<String>,
}

/// Opens the record of requests of a lab.
pub fn record(options: &Options) -> Result<Arc<audit::Log>> {
    let file = options.dir.root().join("audit");
    let log =
        audit::Log::open(&file).context_what(|| tr!(live_record_not_opened { file: file.display() }))?;
    Ok(Arc::new(log))
}

/// The control plane whose API server runs inside this process.
pub fn emulated(options: &Options, starting: &Starting, listeners: Listeners) -> Result<Plane> {
    let store_dir = options.dir.store();
    let first = !store_dir.join("log").exists();
    let (store, notices) =
        Store::open(&store_dir).context_what(|| tr!(sandbox_store { dir: store_dir.display() }))?;
    let audit = record(options)?;
    let (current, servers) = watch::channel(None);
    let logs = Arc::new(Logs::default());
    let network = Arc::new(listeners.inside(starting.find(CONTROL_PLANE)?, starting.made()));
    let inside = network.open();
    let (record, kubelets) = (audit.clone(), logs.clone());
    Ok(Plane {
        kind: ClusterKind::Sandbox,
        api: InProcess::new(servers.clone()),
        up: readiness(servers),
        inside: Some(inside),
        audit,
        recorded: Box::new(|| true),
        servers: Box::new(move |_| {
            Servers::Emulated(EmulatedServer {
                store: store.clone(),
                audit: record.clone(),
                network: network.clone(),
                current: current.clone(),
                kubelets: kubelets.clone(),
            })
        }),
        authority: None,
        meet: Box::new(move |node, kubelet| logs.add(node, kubelet)),
        first,
        patience: (FIRST_START, RESUME),
        notices,
    })
}

/// Follows whether there is a server and it is ready.
fn readiness(mut servers: CurrentServer) -> watch::Receiver<bool> {
    let (sender, up) = watch::channel(false);
    tokio::spawn(async move {
        loop {
            let server = servers.borrow_and_update().clone();
            let told = |is: bool| sender.send_if_modified(|up| std::mem::replace(up, is) != is);
            if let Some(server) = server {
                tokio::select! {
                    () = server.wait_ready() => {
                        told(true);
                    }
                    changed = servers.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        continue;
                    }
                }
            } else {
                told(false);
            }
            if servers.changed().await.is_err() {
                return;
            }
            // A server that was replaced is not ready until it says so.
            told(false);
        }
    });
    up
}
