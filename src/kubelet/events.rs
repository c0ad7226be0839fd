//! The kubelet's Events: what happened to pods and to the node, told to the API, repetitions counted.
//!
//! Upstream: `client-go/tools/record/{event,events_cache}.go` (correlation by key, the spam filter), `pkg/kubelet/events/event.go`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Kubelet;
use super::journal::lock;
use super::runtime::ContainerSpec;
use crate::controllers::client::Client;
use crate::controllers::leader::seconds;

/// How many events wait for an API server; the oldest are lost first.
const QUEUE: usize = 1000;
/// How many events of one object may come at once, and after how many seconds one more may (`NewEventSourceObjectSpamFilter`).
const BURST: f64 = 25.0;
const REFILL: f64 = 300.0;

/// How often an event is tried (`maxTriesPerEvent`).
const TRIES: u32 = 12;

/// Whether an event is good or bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing to look at.
    Normal,
    /// Something to look at.
    Warning,
}

/// What makes two events the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    object: Object,
    kind: Kind,
    reason: String,
    message: String,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: &'static str,
    namespace: String,
    name: String,
    uid: String,
    field: String,
}

/// An event that was told before.
struct Told {
    name: String,
    count: u64,
}

/// The events that wait, and what was told.
#[derive(Default)]
pub(super) struct Events {
    queue: Mutex<VecDeque<(Key, Timestamp)>>,
    more: Notify,
    told: Mutex<BTreeMap<Key, Told>>,
    /// By an object's uid: how many events it may still have, as of when.
    allowed: Mutex<BTreeMap<String, (f64, Timestamp)>>,
}

impl Events {
    /// Whether an object may have one more event now.
    fn allows(&self, uid: &str, now: Timestamp) -> bool {
        let mut allowed = lock(&self.allowed);
        let (left, at) = allowed.entry(uid.to_owned()).or_insert((BURST, now));
        *left = (*left + now.duration_since(*at).as_secs_f64() / REFILL).min(BURST);
        *at = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }

    fn push(&self, key: Key, now: Timestamp) {
        if !self.allows(&key.object.uid, now) {
            return;
        }
        let mut queue = lock(&self.queue);
        queue.push_back((key, now));
        if queue.len() > QUEUE {
            queue.pop_front();
        }
        drop(queue);
        self.more.notify_one();
    }
}

impl Kubelet {
    /// Tells of something that happened to a pod, or to one of its containers.
    pub(super) fn tell(&self, pod: &Value, container: Option<&str>, kind: Kind, reason: &str, message: &str) {
        let text = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
        let field = container.map(|name| format!("spec.containers{{{name}}}")).unwrap_or_default();
        let object =
            Object { kind: "Pod", namespace: text("namespace"), name: text("name"), uid: text("uid"), field };
        let key = Key { object, kind, reason: reason.into(), message: message.into() };
        self.events.push(key, self.config.clock.now());
    }

    /// Tells of something that happened to the node, which is referred to by its name.
    pub(super) fn tell_of_node(&self, kind: Kind, reason: &str, message: &str) {
        let name = self.config.node.clone();
        let object = Object {
            kind: "Node",
            namespace: String::new(),
            name: name.clone(),
            uid: name,
            field: String::new(),
        };
        let key = Key { object, kind, reason: reason.into(), message: message.into() };
        self.events.push(key, self.config.clock.now());
    }

    /// Tells of a change of the node's state.
    pub(super) fn tell_node_status(&self, status: &str) {
        let message = format!("Node {} status is now: {status}", self.config.node);
        self.tell_of_node(Kind::Normal, status, &message);
    }

    /// Tells what a kubelet tells of its start.
    pub(super) fn tell_of_start(&self) {
        self.tell_of_node(Kind::Normal, "Starting", "Starting kubelet.");
        self.tell_of_node(Kind::Warning, "InvalidDiskCapacity", "invalid capacity 0 on image filesystem");
        for status in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
            self.tell_node_status(status);
        }
        self.tell_of_node(
            Kind::Normal,
            "NodeAllocatableEnforced",
            "Updated Node Allocatable limit across pods",
        );
    }

    /// Tells that a container's image is there.
    pub(super) fn pulled(&self, pod: &Value, spec: &ContainerSpec) {
        let message = self.config.release.node.pulled.replace("IMAGE", &format!("{:?}", spec.image));
        self.tell(pod, Some(&spec.name), Kind::Normal, "Pulled", &message);
    }
}

/// Sends events for as long as the kubelet is there; those of a time without a server are sent when there is one.
pub(super) async fn send(kubelet: Arc<Kubelet>, client: Client) {
    let mut reachable = kubelet.config.api.reachable();
    let mut tries = 0;
    loop {
        let next = lock(&kubelet.events.queue).front().cloned();
        let Some((key, at)) = next else {
            tokio::select! {
                () = kubelet.stop.cancelled() => return,
                () = kubelet.events.more.notified() => continue,
            }
        };
        if !*reachable.borrow_and_update() || !kubelet.serving() {
            let mut active = kubelet.active.subscribe();
            tokio::select! {
                () = kubelet.stop.cancelled() => return,
                _ = reachable.changed() => {}
                _ = active.changed() => {}
            }
            continue;
        }
        let sent = tokio::select! {
            () = kubelet.stop.cancelled() => return,
            sent = one(&kubelet, &client, &key, at) => sent,
        };
        tries += 1;
        if sent || tries >= TRIES {
            tries = 0;
            let mut queue = lock(&kubelet.events.queue);
            if queue.front().is_some_and(|(first, _)| *first == key) {
                queue.pop_front();
            }
        } else {
            // The server is about to go or to come.
            let wait = kubelet.config.timing.worker_retry / 2;
            tokio::select! {
                () = kubelet.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Sends one event; false where it may be tried again.
async fn one(kubelet: &Kubelet, client: &Client, key: &Key, at: Timestamp) -> bool {
    let namespace = if key.object.namespace.is_empty() { "default" } else { &key.object.namespace };
    let path = format!("/api/v1/namespaces/{namespace}/events");
    let again = lock(&kubelet.events.told).get(key).map(|told| (told.name.clone(), told.count + 1));
    if let Some((name, count)) = again {
        let patch = json!({"count": count, "lastTimestamp": seconds(at)});
        match client.patch(&format!("{path}/{name}"), &patch).await {
            Ok(_) => {
                lock(&kubelet.events.told).insert(key.clone(), Told { name, count });
                return true;
            }
            // Somebody deleted it: it is told anew.
            Err(error) if error.is_code(404) => {}
            Err(error) => return refused(&error),
        }
    }
    let name = format!("{}.{:x}", key.object.name, at.as_nanosecond());
    match client.create(&path, &event(kubelet, key, namespace, &name, at)).await {
        Ok(_) => {
            lock(&kubelet.events.told).insert(key.clone(), Told { name, count: 1 });
            true
        }
        Err(error) => refused(&error),
    }
}

/// Whether a refusal is for good: a server that is there does not want the event.
fn refused(error: &crate::controllers::client::ClientError) -> bool {
    matches!(error, crate::controllers::client::ClientError::Api { code, .. } if *code < 500 && *code != 403)
}

fn event(kubelet: &Kubelet, key: &Key, namespace: &str, name: &str, at: Timestamp) -> Value {
    let node = &kubelet.config.node;
    let Object { kind, namespace: own, name: about, uid, field } = &key.object;
    let mut object = json!({"kind": kind, "name": about, "uid": uid});
    if *kind == "Pod" {
        object["apiVersion"] = json!("v1");
        object["namespace"] = json!(own);
    }
    if !field.is_empty() {
        object["fieldPath"] = json!(field);
    }
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
        "involvedObject": object, "reason": key.reason, "message": key.message,
        "type": if key.kind == Kind::Normal { "Normal" } else { "Warning" }, "count": 1,
        "source": {"component": "kubelet", "host": node}, "reportingComponent": "kubelet", "reportingInstance": node,
        "firstTimestamp": seconds(at), "lastTimestamp": seconds(at), "eventTime": null})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_object_has_a_burst_of_events_and_then_few() {
        let (events, start) = (Events::default(), Timestamp::from_second(1_800_000_000).unwrap());
        let many = (0..40).filter(|_| events.allows("a", start)).count();
        assert_eq!(many, 25);
        assert!(events.allows("b", start), "another object's do not count");
        let later = start + jiff::SignedDuration::from_secs(301);
        assert!(events.allows("a", later) && !events.allows("a", later));
    }
}
