//! One worker a pod: start, supervise, end.
//!
//! Upstream: `pkg/kubelet/pod_workers.go`, `kuberuntime_manager.go`. A static pod waits for the pod of the same name
//! before it, and looks again every now and then; a crashed container starts again at once, then after 10, 20, 40 s.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use self::waits::{BackOff, pull};
use super::Kubelet;
use super::events::Kind::{Normal, Warning};
use super::journal::lock;
use super::runtime::{ContainerSpec, PodRef, State, images};
use crate::klog::Severity;
use crate::rooted::Rooted;

mod waits;

pub(super) use waits::go_duration;

/// A pod's worker, as the kubelet sees it.
pub(super) struct Worker {
    /// Whether the pod is to run, and how often it was not to: a pod that was given up ends, even if it comes back at once.
    wanted: watch::Sender<Wanted>,
    /// The pod.
    pub pod: Value,
    /// Whether it comes from a file.
    pub is_static: bool,
}

impl Worker {
    /// Whether the pod is to run.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.borrow().0
    }
}

/// Whether a pod is to run, and how often it was not to.
type Wanted = (bool, u64);

/// `NAMESPACE/NAME`.
pub(super) fn full_name(pod: &Value) -> String {
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("name"))
}

fn source_word(is_static: bool) -> &'static str {
    if is_static { "file" } else { "api" }
}

/// A pod is to run.
pub(super) fn add(kubelet: &Arc<Kubelet>, pod: &Value, is_static: bool) {
    let mut pod = pod.clone();
    if is_static {
        let seen = format!("{:.9}", kubelet.config.clock.now());
        pod["metadata"]["annotations"]["kubernetes.io/config.seen"] = seen.into();
    }
    let uid = pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    let mut workers = lock(&kubelet.workers);
    let name = full_name(&pod);
    let told = || {
        let line = format!("\"SyncLoop ADD\" source={:?} pods=[{name:?}]", source_word(is_static));
        kubelet.journal.klog(Severity::Info, "kubelet.go:2407", &line);
    };
    if let Some(worker) = workers.get_mut(&uid) {
        // A pod that comes back while it ends.
        if !worker.is_wanted() {
            told();
        }
        worker.pod = pod;
        worker.wanted.send_modify(|wanted| wanted.0 = true);
        return;
    }
    told();
    lock(&kubelet.pods).insert(uid.clone(), pod.clone());
    let (wanted, receiver) = watch::channel((true, 0));
    workers.insert(uid.clone(), Worker { wanted, pod: pod.clone(), is_static });
    // A pod that finds another of its name is tried again some time later, however soon the other one is gone.
    let waits = lock(&kubelet.running).get(&name).is_some_and(|other| *other != uid);
    kubelet.tasks.spawn(work(kubelet.clone(), uid, pod, receiver, waits));
}

/// A pod is not to run any more.
pub(super) fn remove(kubelet: &Arc<Kubelet>, uid: &str) {
    let workers = lock(&kubelet.workers);
    if let Some(worker) = workers.get(uid) {
        kubelet.journal.klog(
            Severity::Info,
            "kubelet.go:2417",
            &format!(
                "\"SyncLoop REMOVE\" source={:?} pods=[{:?}]",
                source_word(worker.is_static),
                full_name(&worker.pod)
            ),
        );
        worker.wanted.send_modify(|wanted| *wanted = (false, wanted.1 + 1));
    }
}

async fn work(
    kubelet: Arc<Kubelet>,
    uid: String,
    pod: Value,
    mut wanted: watch::Receiver<Wanted>,
    mut waits: bool,
) {
    let name = full_name(&pod);
    let stop = kubelet.stop.clone();
    loop {
        let lived = async {
            if !claim(&kubelet, &name, &uid, &mut wanted, std::mem::take(&mut waits)).await {
                return false;
            }
            let given_up = live(&kubelet, &pod, &uid, &mut wanted).await;
            let mut running = lock(&kubelet.running);
            if running.get(&name) == Some(&uid) {
                running.remove(&name);
            }
            given_up
        };
        let given_up = tokio::select! {
            () = stop.cancelled() => return,
            given_up = lived => given_up,
        };
        {
            let mut workers = lock(&kubelet.workers);
            if !wanted.borrow_and_update().0 {
                workers.remove(&uid);
                // What its volumes were goes with the pod.
                let _ = Rooted::new(&kubelet.config.root).remove_all(format!("/var/lib/kubelet/pods/{uid}"));
                return;
            }
        }
        if !given_up {
            continue;
        }
        // A pod that came back while it ended is begun anew by the housekeeping, every two seconds (`HandlePodCleanups`).
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(kubelet.config.timing.relist * 2) => {}
        }
    }
}

/// Waits until no other pod of this name runs, and first where it `waits`; false when the pod is not wanted any more.
async fn claim(
    kubelet: &Kubelet,
    name: &str,
    uid: &str,
    wanted: &mut watch::Receiver<Wanted>,
    mut waits: bool,
) -> bool {
    loop {
        if !wanted.borrow().0 {
            return false;
        }
        if !std::mem::take(&mut waits) {
            let mut running = lock(&kubelet.running);
            if running.get(name).is_none_or(|other| other == uid) {
                running.insert(name.to_owned(), uid.to_owned());
                return true;
            }
        }
        let _ =
            tokio::time::timeout(jitter(kubelet.config.timing.worker_retry), wanted.wait_for(|w| !w.0)).await;
    }
}

/// A wait, longer by up to a half (`wait.Jitter` with `workerBackOffPeriodJitterFactor`).
fn jitter(wait: Duration) -> Duration {
    let part = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0;
    wait.mul_f64(1.0 + part / 2.0)
}

/// One life of a pod: from its sandbox until it was ended; whether that was because the pod was not wanted any more.
async fn live(kubelet: &Kubelet, pod: &Value, uid: &str, wanted: &mut watch::Receiver<Wanted>) -> bool {
    let begun = wanted.borrow().1;
    let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
    let reference = PodRef { name: text("name"), namespace: text("namespace"), uid: uid.to_owned() };
    let runtime = &kubelet.config.runtime;
    let prepared = async {
        kubelet.able().await;
        super::mounts::wait(kubelet, pod).await;
        kubelet.able().await;
    };
    tokio::select! {
        () = prepared => {}
        _ = wanted.wait_for(|w| w.1 != begun) => return true,
    }
    let sandbox = runtime.run_sandbox(&reference);
    kubelet.pleg(pod, uid, "ContainerStarted", &sandbox);
    let specs = containers(pod);
    let supervised =
        futures::future::join_all(specs.iter().map(|spec| supervise(kubelet, pod, uid, &sandbox, spec)));
    let lost = tokio::select! {
        _ = wanted.wait_for(|w| w.1 != begun) => false,
        _ = supervised => false,
        () = kubelet.sandbox_lost(&sandbox) => true,
    };
    kubelet.able().await;
    if lost {
        // Somebody stopped the sandbox behind the kubelet's back; the pod gets a new one.
        kubelet.tell(
            pod,
            None,
            Normal,
            "SandboxChanged",
            "Pod sandbox changed, it will be killed and re-created.",
        );
    }
    let grace = kubelet.grace(pod);
    // Of a pod that came back meanwhile the kubelet tells how its containers died, of one that is gone it does not.
    let known = wanted.clone();
    let running: Vec<_> = runtime.containers().into_iter().filter(|c| c.sandbox == sandbox).collect();
    let ends = running.iter().map(|container| async {
        if container.state != State::Exited {
            let name = &container.spec.name;
            kubelet.tell(pod, Some(name), Normal, "Killing", &format!("Stopping container {name}"));
            kubelet.journal.klog(
                Severity::Info,
                "kuberuntime_container.go:808",
                &format!(
                    "\"Killing container with a grace period\" pod={:?} podUID={uid:?} containerName={:?} containerID=\"containerd://{}\" gracePeriod={}",
                    full_name(pod),
                    container.spec.name,
                    container.id,
                    pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30)
                ),
            );
            runtime.stop_container(&container.id, grace).await;
            if known.borrow().0 {
                kubelet.pleg(pod, uid, "ContainerDied", &container.id);
            }
        }
        kubelet.remove_container(&container.id);
    });
    futures::future::join_all(ends).await;
    runtime.stop_sandbox(&sandbox);
    if known.borrow().0 {
        kubelet.pleg(pod, uid, "ContainerDied", &sandbox);
    }
    !lost
}

/// A pod's containers.
pub(super) fn containers(pod: &Value) -> Vec<ContainerSpec> {
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|w| w.as_str().map(str::to_owned)).collect()
    };
    pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| {
            let mut argv = words(&c["command"]);
            argv.extend(words(&c["args"]));
            let text = |key: &str| c[key].as_str().unwrap_or_default().to_owned();
            let mounts = super::mounts::of_container(pod, c);
            ContainerSpec { name: text("name"), image: text("image"), argv, mounts }
        })
        .collect()
}

/// Starts a container again whenever it ends.
async fn supervise(kubelet: &Kubelet, pod: &Value, uid: &str, sandbox: &str, spec: &ContainerSpec) {
    let (runtime, timing) = (&kubelet.config.runtime, &kubelet.config.timing);
    let mut changes = runtime.changes();
    // The wait before the next start.
    let mut back_off: Option<BackOff> = None;
    loop {
        pull(kubelet, pod, uid, spec).await;
        kubelet.able().await;
        let id = runtime.start_container(sandbox, spec);
        kubelet.pleg(pod, uid, "ContainerStarted", &id);
        let name = &spec.name;
        kubelet.tell(
            pod,
            Some(name),
            Normal,
            "Created",
            &kubelet.config.release.node.created.replace("NAME", name),
        );
        if images::has_program(&spec.image, &spec.argv) {
            let text = kubelet.config.release.node.started.replace("NAME", name);
            kubelet.tell(pod, Some(name), Normal, "Started", &text);
        } else {
            let program = spec.argv.first().map_or("", String::as_str);
            let text = format!(
                "Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
                 unable to start container process: exec: {program:?}: executable file not found in $PATH: unknown"
            );
            kubelet.tell(pod, Some(name), Warning, "Failed", &text);
        }
        loop {
            let container = runtime.containers().into_iter().find(|c| c.id == id);
            if container.is_none_or(|c| c.state == State::Exited) {
                break;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
        kubelet.able().await;
        kubelet.pleg(pod, uid, "ContainerDied", &id);
        // One ended container a name is kept: the newest.
        for old in runtime.containers() {
            if old.pod.uid == uid && old.spec.name == spec.name && old.state == State::Exited && old.id != id
            {
                kubelet.remove_container(&old.id);
            }
        }
        let succeeded = runtime.containers().iter().any(|c| c.id == id && c.exit == Some(0));
        let policy = pod["spec"]["restartPolicy"].as_str().unwrap_or("Always");
        if policy == "Never" || (policy == "OnFailure" && succeeded) {
            std::future::pending::<()>().await;
        }
        back_off = Some(match back_off {
            Some(wait) if wait.age() < timing.crash_backoff_max * 2 => {
                if !kubelet.back_off(pod, uid, spec, &id, &wait).await {
                    // Back-offs are the process's own: the next one knows of none.
                    back_off = None;
                    continue;
                }
                wait.next(timing.crash_backoff_max)
            }
            _ => BackOff::first(timing.crash_backoff),
        });
    }
}

/// Removes stopped sandboxes now and then (really every minute), but the newest of a pod that is to run.
///
/// Upstream: `pkg/kubelet/kuberuntime/kuberuntime_gc.go`, `evictSandboxes`.
pub(super) async fn collect_garbage(kubelet: Arc<Kubelet>) {
    let period = kubelet.config.timing.file_check_frequency * 3;
    let runtime = &kubelet.config.runtime;
    loop {
        tokio::select! {
            () = kubelet.stop.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        kubelet.able().await;
        let (all, containers) = (runtime.sandboxes(), runtime.containers());
        let wanted = |uid: &str| lock(&kubelet.workers).get(uid).is_some_and(Worker::is_wanted);
        for (index, sandbox) in all.iter().enumerate().filter(|(_, s)| !s.ready) {
            let newest = all[..index].iter().all(|newer| newer.pod.uid != sandbox.pod.uid);
            let empty = containers.iter().all(|c| c.sandbox != sandbox.id);
            if empty && !(newest && wanted(&sandbox.pod.uid)) {
                runtime.remove_sandbox(&sandbox.id);
            }
        }
        kubelet.forget_pods();
    }
}

impl Kubelet {
    /// How long a pod's containers may take to end, in the lab's time.
    fn grace(&self, pod: &Value) -> Duration {
        let seconds = pod["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
        self.config.timing.grace_period.mul_f64(seconds as f64 / 30.0)
    }

    /// A line about a container that started or died.
    fn pleg(&self, pod: &Value, uid: &str, kind: &str, id: &str) {
        self.journal.klog(
            Severity::Info,
            "kubelet.go:2439",
            &format!(
                "\"SyncLoop (PLEG): event for pod\" pod={:?} event={{\"ID\":{uid:?},\"Type\":{kind:?},\"Data\":{id:?}}}",
                full_name(pod)
            ),
        );
    }

    fn remove_container(&self, id: &str) {
        self.journal.klog(Severity::Info, "scope.go:117", &format!("\"RemoveContainer\" containerID={id:?}"));
        self.config.runtime.remove_container(id);
    }

    /// Why a container does not run (again) yet: reason and message.
    fn set_waiting(&self, container: &str, why: Option<(String, String)>) {
        let mut waiting = lock(&self.waiting);
        let before = match &why {
            Some(why) => waiting.insert(container.to_owned(), why.clone()),
            None => waiting.remove(container),
        };
        drop(waiting);
        if before != why {
            self.status.send_modify(|n| *n += 1);
        }
    }
}
