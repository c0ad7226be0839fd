//! Health checks, and what a server does right after it began to listen.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/{healthz,hooks}.go`, `pkg/registry/rbac/rest`, `pkg/controlplane`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::core::Core;
use super::start_log::Journal;
use crate::apiserver::authorization::rbac::bootstrap;
use crate::apiserver::handlers::Reply;
use crate::apiserver::requestinfo::Query;
use crate::apiserver::storage::{Key, StorageError};

/// The checks of `/readyz`, in order. `/livez` and `/healthz` leave out those marked.
const CHECKS: &[(&str, bool)] = &[
    ("ping", true),
    ("log", true),
    ("etcd", true),
    ("etcd-readiness", false),
    ("informer-sync", false),
    ("poststarthook/start-apiserver-admission-initializer", true),
    ("poststarthook/generic-apiserver-start-informers", true),
    ("poststarthook/priority-and-fairness-config-consumer", true),
    ("poststarthook/priority-and-fairness-filter", true),
    ("poststarthook/storage-object-count-tracker-hook", true),
    ("poststarthook/start-apiextensions-informers", true),
    ("poststarthook/start-apiextensions-controllers", true),
    ("poststarthook/crd-informer-synced", true),
    ("poststarthook/start-system-namespaces-controller", true),
    ("poststarthook/start-cluster-authentication-info-controller", true),
    ("poststarthook/start-kube-apiserver-identity-lease-controller", true),
    ("poststarthook/start-kube-apiserver-identity-lease-garbage-collector", true),
    ("poststarthook/start-legacy-token-tracking-controller", true),
    ("poststarthook/start-service-ip-repair-controllers", true),
    ("poststarthook/rbac/bootstrap-roles", true),
    ("poststarthook/scheduling/bootstrap-system-priority-classes", true),
    ("poststarthook/priority-and-fairness-config-producer", true),
    ("poststarthook/bootstrap-controller", true),
    ("poststarthook/start-kube-aggregator-informers", true),
    ("poststarthook/apiservice-status-local-available-controller", true),
    ("poststarthook/apiservice-status-remote-available-controller", true),
    ("poststarthook/apiservice-registration-controller", true),
    ("poststarthook/apiservice-discovery-controller", true),
    ("poststarthook/kube-apiserver-autoregistration", true),
    ("autoregister-completion", true),
    ("poststarthook/apiservice-openapi-controller", true),
    ("poststarthook/apiservice-openapiv3-controller", true),
    ("shutdown", false),
];

/// The checks that fail until the hooks are done.
const SLOW: [&str; 2] =
    ["poststarthook/rbac/bootstrap-roles", "poststarthook/scheduling/bootstrap-system-priority-classes"];

/// How far a server's start has come.
pub struct Health {
    policy: AtomicBool,
    hooks: watch::Sender<bool>,
}

impl Default for Health {
    fn default() -> Self {
        Self { policy: AtomicBool::new(false), hooks: watch::channel(false).0 }
    }
}

impl Health {
    /// Whether roles and bindings have been read.
    pub(super) fn has_policy(&self) -> bool {
        self.policy.load(Ordering::Acquire)
    }

    pub(super) fn is_ready(&self) -> bool {
        *self.hooks.borrow()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<bool> {
        self.hooks.subscribe()
    }

    /// The answer at `/healthz`, `/livez`, `/readyz` and below; `None` where there is no such check.
    pub(super) fn answer(&self, path: &str, query: &Query) -> Option<Reply> {
        let (root, check) =
            path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        if !matches!(root, "healthz" | "livez" | "readyz") {
            return None;
        }
        let checks =
            CHECKS.iter().filter(|(_, everywhere)| *everywhere || root == "readyz").map(|(name, _)| *name);
        let fails = |name: &str| SLOW.contains(&name) && !self.is_ready();
        let check = check.trim_end_matches('/');
        if !check.is_empty() {
            let name = checks.into_iter().find(|name| *name == check)?;
            return Some(if fails(name) {
                Reply::text(500, "internal server error: not finished\n")
            } else {
                Reply::text(200, "ok")
            });
        }
        let excluded = query.all("exclude");
        let (mut text, mut failed) = (String::new(), false);
        for name in checks {
            if excluded.contains(&name) {
                text.push_str(&format!("[+]{name} excluded: ok\n"));
            } else if fails(name) {
                failed = true;
                text.push_str(&format!("[-]{name} failed: reason withheld\n"));
            } else {
                text.push_str(&format!("[+]{name} ok\n"));
            }
        }
        if failed {
            text.push_str(&format!("{root} check failed\n"));
            return Some(Reply::text(500, text));
        }
        if query.get("verbose").is_some() {
            return Some(Reply::text(200, format!("{text}{root} check passed\n")));
        }
        Some(Reply::text(200, "ok"))
    }
}

/// Brings up what clients rely on, then says that the server is ready.
pub(super) async fn run(core: Arc<Core>, journal: Journal) {
    let waits = core.dependencies.waits;
    tokio::time::sleep(waits.policy).await;
    core.health.policy.store(true, Ordering::Release);
    journal.part(&core, "synced");
    tokio::time::sleep(waits.hooks).await;
    if let Err(error) = prepare(&core, &journal) {
        journal.section("failed-hook", &[("error", &error.to_string())]);
    }
    journal.part(&core, "hooks");
    core.health.hooks.send_replace(true);
}

/// Makes the namespaces, classes, roles and services that every server makes.
fn prepare(core: &Core, journal: &Journal) -> Result<(), StorageError> {
    let dependencies = &core.dependencies;
    for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        let namespace = json!({
            "kind": "Namespace",
            "apiVersion": "v1",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        ensure(core, Key::new("", "namespaces", "", name), namespace)?;
    }
    for (name, value, description) in [
        (
            "system-node-critical",
            2_000_001_000_i64,
            "Used for system critical pods that must not be moved from their current node.",
        ),
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        ),
    ] {
        let class = json!({
            "kind": "PriorityClass",
            "apiVersion": "scheduling.k8s.io/v1",
            "metadata": {"name": name, "generation": 1},
            "value": value,
            "description": description,
            "preemptionPolicy": "PreemptLowerPriority",
        });
        if ensure(core, Key::new("scheduling.k8s.io", "priorityclasses", "", name), class)? {
            journal.section("class", &[("class", name), ("value", &value.to_string())]);
        }
    }
    if core.flags.authorization_modes().iter().any(|mode| mode == "RBAC") {
        bootstrap::reconcile(&dependencies.store, dependencies.release, &dependencies.clock)?;
    }
    ensure_service(core)
}

/// The Service `kubernetes`, with its endpoints.
fn ensure_service(core: &Core) -> Result<(), StorageError> {
    let address = core.flags.text("advertise-address").unwrap_or("");
    let range = core.flags.text("service-cluster-ip-range").unwrap_or("10.96.0.0/12");
    let network = range.split(['/', ',']).next().and_then(|text| text.parse::<std::net::Ipv4Addr>().ok());
    let Some(network) = network else { return Ok(()) };
    let first = std::net::Ipv4Addr::from(u32::from(network) + 1).to_string();
    let labels = json!({"component": "apiserver", "provider": "kubernetes"});
    let port = core.flags.secure_port();
    let service = json!({
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {
            "clusterIP": first,
            "clusterIPs": [first],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
        "status": {"loadBalancer": {}},
    });
    ensure(core, Key::new("", "services", "default", "kubernetes"), service)?;
    if address.is_empty() || address.starts_with("127.") {
        return Ok(());
    }
    let endpoints = json!({
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}],
    });
    ensure(core, Key::new("", "endpoints", "default", "kubernetes"), endpoints).map(|_| ())
}

/// Makes an object where there is none; tells whether it did.
fn ensure(core: &Core, key: Key, mut object: Value) -> Result<bool, StorageError> {
    let dependencies = &core.dependencies;
    if dependencies.store.get(&key).is_some() {
        return Ok(false);
    }
    let now = dependencies.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    object["metadata"]["uid"] = json!(uuid::Uuid::new_v4().to_string());
    object["metadata"]["creationTimestamp"] = json!(now);
    match dependencies.store.create(key, object) {
        Ok(_) => Ok(true),
        Err(StorageError::Exists) => Ok(false),
        Err(error) => Err(error),
    }
}
