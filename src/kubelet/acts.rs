//! What somebody does to a node's containers behind the kubelet's back (crictl), and what the kubelet knows of its pods.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Kubelet;
use super::journal::lock;

impl Kubelet {
    /// Stops (`stop`) or removes (`rm`) a container, stops (`stopp`) or removes (`rmp`) a sandbox with what is in it.
    pub(super) async fn act(&self, what: &str, id: &str, grace: Duration) -> Result<(), String> {
        let runtime = &self.config.runtime;
        let inside = || runtime.containers().into_iter().filter(|c| c.sandbox == id);
        match what {
            "stop" => runtime.stop_container(id, grace).await,
            "rm" => runtime.remove_container(id),
            "stopp" => {
                for container in inside() {
                    runtime.stop_container(&container.id, grace).await;
                }
                runtime.stop_sandbox(id);
            }
            "rmp" => {
                inside().for_each(|container| runtime.remove_container(&container.id));
                runtime.remove_sandbox(id);
            }
            other => return Err(format!("rpc error: code = Unimplemented desc = unknown method {other}")),
        }
        Ok(())
    }

    /// Opens anew what was open in the node's files, and starts the services that do not run: the files were put back.
    pub async fn mend(self: &Arc<Self>) {
        self.mended.send_modify(|n| *n += 1);
        for unit in super::services::UNITS {
            self.control(unit, "start").await;
        }
    }

    /// Tells of every time that somebody on the node asks for it to be started anew.
    pub fn reboots(&self) -> tokio::sync::watch::Receiver<u64> {
        self.reboots.subscribe()
    }

    /// Ends all containers as a machine that goes down does, and has the services begin again; the pods get new sandboxes.
    pub async fn restart(self: &Arc<Self>) {
        for unit in super::services::UNITS {
            self.control(unit, "stop").await;
        }
        let ready: Vec<_> = self.config.runtime.sandboxes().into_iter().filter(|s| s.ready).collect();
        for sandbox in ready {
            let _ = self.act("stopp", &sandbox.id, Duration::ZERO).await;
        }
        for unit in super::services::UNITS.iter().rev() {
            self.control(unit, "start").await;
        }
    }

    /// What the pods are to be, by uid.
    pub(super) fn known_pods(&self) -> BTreeMap<String, Value> {
        lock(&self.pods).clone()
    }

    /// The addresses of the pods that have one of their own, by uid.
    pub(super) fn pod_addresses(&self) -> BTreeMap<String, String> {
        let pods = lock(&self.pods);
        pods.iter()
            .filter(|(_, pod)| pod["spec"]["hostNetwork"] != true)
            .map(|(uid, _)| (uid.clone(), super::api::pod_address(&self.config.node, uid)))
            .collect()
    }

    /// Forgets the pods that neither the kubelet nor the runtime has any more.
    pub(super) fn forget_pods(&self) {
        let sandboxes = self.config.runtime.sandboxes();
        let workers = lock(&self.workers);
        let kept = |uid: &String| workers.contains_key(uid) || sandboxes.iter().any(|s| s.pod.uid == *uid);
        lock(&self.pods).retain(|uid, _| kept(uid));
    }

    /// Waits until a sandbox is not there any more, or not ready.
    pub(super) async fn sandbox_lost(&self, id: &str) {
        let runtime = &self.config.runtime;
        let mut changes = runtime.changes();
        while runtime.sandboxes().iter().any(|s| s.id == id && s.ready) {
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
