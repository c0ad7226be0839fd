//! The kubelet's side of the API: it registers its node, keeps its lease, mirrors static pods, runs the pods that are
//! bound to the node, and writes every pod's status.
//!
//! Upstream: `pkg/kubelet/{kubelet_node_status,pod/mirror_client,status/status_manager}.go`. One loop, level-triggered: it
//! looks at everything whenever something changed here or there, and does what is missing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::journal::lock;
use super::status::{self, Seen};
use super::timing::Timing;
use super::{Kubelet, workers};
use crate::controllers::client::{Client, ClientError};
use crate::controllers::leader::micro;
use crate::controllers::pace::Pace;
use crate::klog::Severity;

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
/// How often everything is looked at though nothing changed.
const RESYNC: Duration = Duration::from_secs(20);
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Runs until the kubelet stops.
pub(super) async fn run(kubelet: Arc<Kubelet>) {
    let client = kubelet.client();
    let (bell, mut rung) = mpsc::channel(1);
    for path in ["/api/v1/pods", "/api/v1/nodes"] {
        kubelet.tasks.spawn(kubelet.stop.clone().run_until_cancelled_owned(follow(
            client.clone(),
            path,
            bell.clone(),
        )));
    }
    let mut here = (kubelet.config.runtime.changes(), kubelet.status.subscribe());
    let mut reachable = kubelet.config.api.reachable();
    let (begun, fresh) = (Instant::now(), BTreeMap::new());
    let mut work = Work { kubelet: kubelet.clone(), client, node_uid: None, beat: None, begun, fresh };
    let period = heartbeat(&kubelet.config.timing);
    let mut pace = Pace::default();
    // When everything is looked at even if nothing changes; between the two it is the node alone, for its lease.
    let mut look = Instant::now();
    loop {
        if kubelet.stop.is_cancelled() {
            return;
        }
        let mut wait = period;
        if *reachable.borrow_and_update() && kubelet.serving() {
            let done = match Instant::now() >= look {
                true => {
                    here.0.mark_unchanged();
                    here.1.mark_unchanged();
                    work.everything().await.map(|soon| {
                        look = Instant::now() + soon.unwrap_or(RESYNC).min(RESYNC);
                    })
                }
                false => work.node().await,
            };
            match done {
                Ok(()) => wait = period.min(look.saturating_duration_since(Instant::now())),
                Err(_) => (look, wait) = (Instant::now(), Duration::from_millis(50)),
            }
        } else {
            look = Instant::now();
        }
        tokio::select! {
            () = kubelet.stop.cancelled() => return,
            woken = timeout(wait, async {
                tokio::select! {
                    _ = rung.recv() => {}
                    _ = here.0.changed() => {}
                    _ = here.1.changed() => {}
                    _ = reachable.changed() => {}
                }
            }) => if woken.is_ok() {
                sleep(pace.gather(Instant::now())).await;
                let _ = rung.try_recv();
                look = Instant::now();
            }
        }
    }
}

/// How often the node's lease is renewed: really every 10 s.
fn heartbeat(timing: &Timing) -> Duration {
    if *timing == Timing::realistic() { Duration::from_secs(10) } else { Duration::from_secs(2) }
}

/// Rings whenever a collection changes.
async fn follow(client: Client, path: &'static str, bell: mpsc::Sender<()>) {
    loop {
        if let Ok((_, version)) = client.list(path).await
            && let Ok(mut watch) = client.watch(path, &version).await
        {
            let _ = bell.try_send(());
            while let Some(change) = watch.next().await {
                if change.kind == "ERROR" {
                    break;
                }
                if change.kind != "BOOKMARK" {
                    let _ = bell.try_send(());
                }
            }
        }
        let mut reachable = client.api().reachable();
        let _ = timeout(Duration::from_millis(200), reachable.changed()).await;
    }
}

struct Work {
    kubelet: Arc<Kubelet>,
    client: Client,
    node_uid: Option<String>,
    beat: Option<Instant>,
    begun: Instant,
    /// Mirror pods that took an outdated one's place, by uid, and when their first status is written.
    fresh: BTreeMap<String, Instant>,
}

impl Work {
    /// Does whatever is missing; tells when to look again even if nothing changes.
    async fn everything(&mut self) -> Result<Option<Duration>, ClientError> {
        self.node().await?;
        let node = self.kubelet.config.node.clone();
        let (pods, _) =
            self.client.list(&format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")).await?;
        let (mirrors, own): (Vec<Value>, Vec<Value>) =
            pods.into_iter().partition(|p| p["metadata"]["annotations"].get(MIRROR).is_some());
        self.mirrors(&mirrors).await?;
        self.own(&own).await?;
        let status = self.fresh.values().min().map(|at| at.saturating_duration_since(Instant::now()));
        Ok(self.next_readiness().into_iter().chain(status).min())
    }

    /// Registers the node, and keeps its status and its lease.
    async fn node(&mut self) -> Result<(), ClientError> {
        let config = &self.kubelet.config;
        let (name, now) = (config.node.as_str(), config.clock.now());
        let (address, release) = (config.address.to_string(), config.release);
        let path = format!("/api/v1/nodes/{name}");
        let node = match self.client.get(&path).await {
            Ok(node) => node,
            Err(error) if error.is_code(404) => {
                let node =
                    self.client.create("/api/v1/nodes", &status::node(name, &address, release, now)).await?;
                let message = format!("\"Successfully registered node\" node={name:?}");
                self.kubelet.journal.klog(Severity::Info, "kubelet_node_status.go:75", &message);
                self.kubelet.tell_node_status("NodeReady");
                node
            }
            Err(error) => return Err(error),
        };
        self.node_uid = node["metadata"]["uid"].as_str().map(str::to_owned);
        let error = self.kubelet.runtime_error(now);
        let wanted = if error.is_some() { "False" } else { "True" };
        let ready = node["status"]["conditions"]
            .as_array()
            .is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == wanted));
        let due = self.beat.is_none_or(|beat| beat.elapsed() >= heartbeat(&config.timing));
        if !ready {
            let mut status = status::node_status(name, &address, release, now);
            status::carry_over(&mut status, &node["status"], error.as_deref());
            self.kubelet.tell_node_status(if error.is_some() { "NodeNotReady" } else { "NodeReady" });
            self.client.patch(&format!("{path}/status"), &json!({"status": status})).await?;
        }
        if due {
            self.lease(name).await?;
            self.beat = Some(Instant::now());
        }
        Ok(())
    }

    async fn lease(&self, name: &str) -> Result<(), ClientError> {
        let renew = micro(self.kubelet.config.clock.now());
        let path = format!("{LEASES}/{name}");
        match self.client.get(&path).await {
            Ok(mut lease) => {
                lease["spec"]["renewTime"] = json!(renew);
                self.client.update(&path, &lease).await?;
            }
            Err(error) if error.is_code(404) => {
                let owner = json!({"apiVersion": "v1", "kind": "Node", "name": name, "uid": self.node_uid});
                let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": name, "namespace": "kube-node-lease", "ownerReferences": [owner]},
                    "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renew}});
                self.client.create(LEASES, &lease).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Makes, renews and removes mirror pods, and writes their status.
    async fn mirrors(&mut self, mirrors: &[Value]) -> Result<(), ClientError> {
        let (wanted, statics) = {
            let running = lock(&self.kubelet.running).clone();
            let workers = lock(&self.kubelet.workers);
            let (mut wanted, mut statics) = (Vec::new(), BTreeMap::new());
            for (uid, worker) in workers.iter().filter(|(_, w)| w.is_static && w.is_wanted()) {
                let name = workers::full_name(&worker.pod);
                // A pod that waits for the one before it has no mirror yet; that one's stays until then.
                if running.get(&name) == Some(uid) {
                    statics.insert(name.clone(), (uid.clone(), worker.pod.clone()));
                }
                wanted.push(name);
            }
            (wanted, statics)
        };
        let node = self.kubelet.config.node.clone();
        let Some(node_uid) = self.node_uid.clone() else { return Ok(()) };
        for (name, (uid, pod)) in &statics {
            let there = mirrors.iter().find(|m| workers::full_name(m) == *name);
            if let Some(there) = there {
                if there["metadata"]["annotations"][MIRROR] == *uid {
                    if self.fresh.get(uid).is_none_or(|at| *at <= Instant::now()) {
                        self.fresh.remove(uid);
                        self.status(there, uid).await?;
                    }
                    continue;
                }
                let message = format!("\"Deleted mirror pod because it is outdated\" pod={name:?}");
                self.kubelet.journal.klog(Severity::Info, "kubelet.go:1900", &message);
                self.delete(there).await?;
            }
            let namespace = pod["metadata"]["namespace"].as_str().unwrap_or("default");
            let mirror = status::mirror(pod, uid, &node, &node_uid);
            let created = self.client.create(&format!("/api/v1/namespaces/{namespace}/pods"), &mirror).await;
            if let Some(created) = pass(created, &[409, 403])? {
                if there.is_some() {
                    // The status manager knows the old one's uid: until its next turn the new one is Pending.
                    let period = self.kubelet.config.timing.status_sync;
                    self.fresh.insert(uid.clone(), next_turn(self.begun, Instant::now(), period));
                } else {
                    self.status(&created, uid).await?;
                }
            }
        }
        self.fresh.retain(|uid, _| statics.values().any(|(one, _)| one == uid));
        for lost in mirrors.iter().filter(|m| !wanted.contains(&workers::full_name(m))) {
            self.delete(lost).await?;
        }
        Ok(())
    }

    /// Runs the pods of the API that are bound to this node, and lets those go that ended.
    async fn own(&self, pods: &[Value]) -> Result<(), ClientError> {
        let known: Vec<String> = lock(&self.kubelet.workers)
            .iter()
            .filter(|(_, w)| !w.is_static)
            .map(|(uid, _)| uid.clone())
            .collect();
        for pod in pods {
            let Some(uid) = pod["metadata"]["uid"].as_str() else { continue };
            if pod["metadata"].get("deletionTimestamp").is_some() {
                if known.iter().any(|k| k == uid) {
                    workers::remove(&self.kubelet, uid);
                } else {
                    self.delete(pod).await?;
                }
                continue;
            }
            if matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) {
                continue;
            }
            workers::add(&self.kubelet, pod, false);
            self.status(pod, uid).await?;
        }
        for uid in known.iter().filter(|uid| !pods.iter().any(|p| p["metadata"]["uid"] == **uid)) {
            workers::remove(&self.kubelet, uid);
        }
        Ok(())
    }

    async fn delete(&self, pod: &Value) -> Result<(), ClientError> {
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{}/pods/{}", text("namespace"), text("name"));
        pass(self.client.delete_now(&path).await, &[404, 409]).map(|_| ())
    }

    /// Writes a pod's status where it differs from what is there.
    async fn status(&self, pod: &Value, uid: &str) -> Result<(), ClientError> {
        let config = &self.kubelet.config;
        let (sandboxes, containers) = (config.runtime.sandboxes(), config.runtime.containers());
        let waiting = lock(&self.kubelet.waiting).clone();
        let (address, pod_address) = (config.address.to_string(), pod_address(&config.node, uid));
        let seen = Seen {
            sandboxes: &sandboxes,
            containers: &containers,
            waiting: &waiting,
            address: &address,
            pod_address: &pod_address,
            timing: &config.timing,
            now: config.clock.now(),
        };
        let status = status::pod_status(pod, uid, &seen);
        let same =
            status.as_object().is_some_and(|s| s.iter().all(|(key, value)| same(&pod["status"][key], value)));
        if same {
            return Ok(());
        }
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
        let path = format!("/api/v1/namespaces/{}/pods/{}/status", text("namespace"), text("name"));
        pass(self.client.patch(&path, &json!({"status": status})).await, &[404, 409]).map(|_| ())
    }

    /// When the next container becomes ready by its startup probe.
    fn next_readiness(&self) -> Option<Duration> {
        let config = &self.kubelet.config;
        let now = config.clock.now();
        let probe = jiff::SignedDuration::try_from(config.timing.startup_probe).ok()?;
        let soonest = config
            .runtime
            .containers()
            .iter()
            .filter_map(|c| Some(c.started? + probe))
            .filter(|at| *at > now)
            .map(|at| at.duration_since(now))
            .min()?;
        Duration::try_from(soonest).ok()
    }
}

/// When something is done again that is done every `period`.
fn next_turn(begun: Instant, now: Instant, period: Duration) -> Instant {
    let turns = now.duration_since(begun).as_nanos() / period.as_nanos().max(1);
    begun + period * (u32::try_from(turns).unwrap_or(u32::MAX - 1) + 1)
}

/// Whether what is there says all that is wanted; what a server leaves out (nulls, empty maps) does not count.
fn same(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(a), Value::Object(b)) => b.iter().all(|(key, value)| match a.get(key) {
            Some(there) => same(there, value),
            None => value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty),
        }),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// An address of the node's pod network for a pod, the same for the same pod.
pub(super) fn pod_address(node: &str, uid: &str) -> String {
    let subnet = u8::from(node != "controlplane");
    let last = uid.bytes().fold(2u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    format!("192.168.{subnet}.{}", last.clamp(2, 254))
}

/// Lets refusals with some codes pass as nothing done.
fn pass(answer: Result<Value, ClientError>, codes: &[u16]) -> Result<Option<Value>, ClientError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if codes.iter().any(|code| error.is_code(*code)) => Ok(None),
        Err(error) => Err(error),
    }
}
