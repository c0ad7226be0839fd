//! Health checks, and what a server does right after it began to listen.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/{healthz,hooks}.go`, `pkg/registry/rbac/rest`, `pkg/controlplane`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::core::Core;
use super::identity;
use super::start_log::Journal;
use crate::apiserver::authorization::rbac::bootstrap;
use crate::apiserver::handlers::Reply;
use crate::apiserver::requestinfo::Query;
use crate::apiserver::storage::{Key, StorageError};
use crate::go_quote::quote;
use crate::release::Release;

/// The roots below which a check is.
type Roots = &'static [&'static str];

const EVERYWHERE: Roots = &["healthz", "livez", "readyz"];
const ALIVE: Roots = &["healthz", "livez"];
const READYZ: Roots = &["readyz"];

/// The checks in order, where each is, and the first minor version that has it.
const CHECKS: &[(&str, Roots, u32)] = &[
    ("ping", EVERYWHERE, 31),
    ("log", EVERYWHERE, 31),
    ("loopback-serving-certificate", ALIVE, 36),
    ("etcd", EVERYWHERE, 31),
    ("etcd-readiness", READYZ, 31),
    ("informer-sync", READYZ, 31),
    ("poststarthook/start-apiserver-admission-initializer", EVERYWHERE, 31),
    ("poststarthook/generic-apiserver-start-informers", EVERYWHERE, 31),
    ("poststarthook/priority-and-fairness-config-consumer", EVERYWHERE, 31),
    ("poststarthook/priority-and-fairness-filter", EVERYWHERE, 31),
    ("poststarthook/storage-object-count-tracker-hook", EVERYWHERE, 31),
    ("poststarthook/start-apiextensions-informers", EVERYWHERE, 31),
    ("poststarthook/start-apiextensions-controllers", EVERYWHERE, 31),
    ("poststarthook/crd-informer-synced", EVERYWHERE, 31),
    ("poststarthook/start-system-namespaces-controller", EVERYWHERE, 31),
    ("poststarthook/peer-endpoint-reconciler-controller", EVERYWHERE, 36),
    ("poststarthook/start-cluster-authentication-info-controller", EVERYWHERE, 31),
    ("poststarthook/start-kube-apiserver-identity-lease-controller", EVERYWHERE, 31),
    ("poststarthook/start-kube-apiserver-identity-lease-garbage-collector", EVERYWHERE, 31),
    ("poststarthook/storage-readiness", EVERYWHERE, 36),
    ("poststarthook/start-legacy-token-tracking-controller", EVERYWHERE, 31),
    ("poststarthook/start-service-ip-repair-controllers", EVERYWHERE, 31),
    ("poststarthook/rbac/bootstrap-roles", EVERYWHERE, 31),
    ("poststarthook/scheduling/bootstrap-system-priority-classes", EVERYWHERE, 31),
    ("poststarthook/priority-and-fairness-config-producer", EVERYWHERE, 31),
    ("poststarthook/bootstrap-controller", EVERYWHERE, 31),
    ("poststarthook/start-kubernetes-service-cidr-controller", EVERYWHERE, 36),
    ("poststarthook/start-kube-aggregator-informers", EVERYWHERE, 31),
    ("poststarthook/apiservice-status-local-available-controller", EVERYWHERE, 31),
    ("poststarthook/apiservice-status-remote-available-controller", EVERYWHERE, 31),
    ("poststarthook/apiservice-registration-controller", EVERYWHERE, 31),
    ("poststarthook/apiservice-discovery-controller", EVERYWHERE, 31),
    ("poststarthook/kube-apiserver-autoregistration", EVERYWHERE, 31),
    ("autoregister-completion", EVERYWHERE, 31),
    ("poststarthook/apiservice-openapi-controller", EVERYWHERE, 31),
    ("poststarthook/apiservice-openapiv3-controller", EVERYWHERE, 31),
    ("shutdown", READYZ, 31),
];

/// The checks of a release below one of the roots.
fn checks<'r>(release: &Release, root: &'r str) -> impl Iterator<Item = &'static str> + use<'r> {
    let minor = release.minor;
    CHECKS
        .iter()
        .filter(move |(_, roots, since)| roots.contains(&root) && minor >= *since)
        .map(|(name, ..)| *name)
}

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

    fn fails(&self, name: &str) -> bool {
        SLOW.contains(&name) && !self.is_ready()
    }

    /// The paths of all checks.
    pub(super) fn paths(&self, release: &Release) -> Vec<String> {
        let below = |root| checks(release, root).map(move |name| format!("/{root}/{name}"));
        EVERYWHERE.iter().flat_map(|root| std::iter::once(format!("/{root}")).chain(below(root))).collect()
    }

    /// The checks as metrics (KEP-3466).
    pub(super) fn indicators(&self, release: &Release) -> String {
        let mut all: Vec<(&str, &str)> =
            EVERYWHERE.iter().flat_map(|root| checks(release, root).map(|name| (name, *root))).collect();
        all.sort_unstable();
        let mut text = "# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.\n\
                        # TYPE kubernetes_healthcheck gauge\n"
            .to_owned();
        for (name, root) in all {
            let value = u8::from(!self.fails(name));
            text.push_str(&format!("kubernetes_healthcheck{{name=\"{name}\",type=\"{root}\"}} {value}\n"));
        }
        text
    }

    /// The answer at `/healthz`, `/livez`, `/readyz` and below; `None` where there is no such check.
    pub(super) fn answer(&self, release: &Release, path: &str, query: &Query) -> Option<Reply> {
        let (root, check) =
            path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
        if !EVERYWHERE.contains(&root) {
            return None;
        }
        let mut checks = checks(release, root);
        let fails = |name: &str| self.fails(name);
        let check = check.trim_end_matches('/');
        if !check.is_empty() {
            let name = checks.find(|name| *name == check)?;
            return Some(if fails(name) {
                Reply::text(500, "internal server error: not finished\n")
            } else {
                Reply::new(200, "text/plain; charset=utf-8", "ok")
            });
        }
        let mut excluded = query.all("exclude");
        excluded.sort_unstable();
        excluded.dedup();
        let (mut text, mut failed) = (String::new(), false);
        for name in checks {
            if let Some(at) = excluded.iter().position(|one| *one == name) {
                excluded.remove(at);
                text.push_str(&format!("[+]{name} excluded: ok\n"));
            } else if fails(name) {
                failed = true;
                text.push_str(&format!("[-]{name} failed: reason withheld\n"));
            } else {
                text.push_str(&format!("[+]{name} ok\n"));
            }
        }
        if !excluded.is_empty() {
            let names: Vec<String> = excluded.into_iter().map(quote).collect();
            let names = names.join(",");
            text.push_str(&format!("warn: some health checks cannot be excluded: no matches for {names}\n"));
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

/// The bootstrap policy, which is made while the server reads its files.
pub(super) type Policy = tokio::task::JoinHandle<Vec<bootstrap::Object>>;

/// Begins to make the policy.
pub(super) fn begin_policy(dependencies: &super::Dependencies) -> Policy {
    let (store, release) = (dependencies.store.clone(), dependencies.release);
    let clock = dependencies.clock.clone();
    tokio::task::spawn_blocking(move || bootstrap::prepared(&store, release, &clock))
}

/// Brings up what clients rely on, then says that the server is ready.
pub(super) async fn run(core: Arc<Core>, journal: Journal, policy: Policy) {
    let waits = core.dependencies.waits;
    tokio::time::sleep(waits.policy).await;
    core.health.policy.store(true, Ordering::Release);
    journal.part(&core, "synced");
    tokio::time::sleep(waits.hooks).await;
    let policy = policy.await.unwrap_or_else(|_| bootstrap::policy(core.dependencies.release));
    if let Err(error) = prepare(&core, &journal, policy) {
        journal.section("failed-hook", &[("error", &error.to_string())]);
    }
    journal.part(&core, "hooks");
    core.health.hooks.send_replace(true);
}

/// Makes the namespaces, classes, roles and services that every server makes.
fn prepare(core: &Core, journal: &Journal, policy: Vec<bootstrap::Object>) -> Result<(), StorageError> {
    let dependencies = &core.dependencies;
    for name in ["kube-system", "kube-public", "kube-node-lease", "default"] {
        let namespace = json!({
            "kind": "Namespace",
            "apiVersion": "v1",
            "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        ensure(core, Key::new("", "namespaces", "", name), namespace, &["finalizers"])?;
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
        if ensure(core, Key::new("scheduling.k8s.io", "priorityclasses", "", name), class, &[])? {
            journal.section("class", &[("class", name), ("value", &value.to_string())]);
        }
    }
    if core.flags.authorization_modes().iter().any(|mode| mode == "RBAC") {
        bootstrap::reconcile(&dependencies.store, dependencies.release, &dependencies.clock, policy)?;
    }
    ensure_config_maps(core)?;
    identity::begin(core)?;
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
    let allocated = ["clusterIPs", "ipFamilies"];
    ensure(core, Key::new("", "services", "default", "kubernetes"), service, &allocated)?;
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
    ensure(core, Key::new("", "endpoints", "default", "kubernetes"), endpoints, &[])?;
    let slice = json!({
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "generation": 1,
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    });
    let key = Key::new("discovery.k8s.io", "endpointslices", "default", "kubernetes");
    ensure(core, key, slice, &[]).map(|_| ())
}

/// What others need to check requests that come through this server, and since when tokens are tracked.
///
/// Upstream: `pkg/controlplane/controller/{clusterauthenticationtrust,legacytokentracking}`.
fn ensure_config_maps(core: &Core) -> Result<(), StorageError> {
    let file = |flag: &str| {
        let bytes = core.dependencies.files.read(core.flags.text(flag)?).ok()?;
        String::from_utf8(bytes).ok()
    };
    let mut data = Map::new();
    if let Some(authority) = file("client-ca-file") {
        data.insert("client-ca-file".into(), json!(authority));
    }
    if let Some(authority) = file("requestheader-client-ca-file") {
        data.insert("requestheader-client-ca-file".into(), json!(authority));
        for (key, flag) in [
            ("requestheader-allowed-names", "requestheader-allowed-names"),
            ("requestheader-extra-headers-prefix", "requestheader-extra-headers-prefix"),
            ("requestheader-group-headers", "requestheader-group-headers"),
            ("requestheader-username-headers", "requestheader-username-headers"),
        ] {
            data.insert(key.into(), json!(json!(core.flags.list(flag)).to_string()));
        }
    }
    let today = core.dependencies.clock.now().strftime("%Y-%m-%d").to_string();
    for (name, data) in [
        ("extension-apiserver-authentication", json!(data)),
        ("kube-apiserver-legacy-service-account-token-tracking", json!({"since": today})),
    ] {
        let map = json!({
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": "kube-system"},
            "data": data,
        });
        ensure(core, Key::new("", "configmaps", "kube-system", name), map, &[])?;
    }
    Ok(())
}

/// Makes an object where there is none; tells whether it did. Nobody manages the fields of its spec that are filled in later.
fn ensure(core: &Core, key: Key, mut object: Value, filled_in: &[&str]) -> Result<bool, StorageError> {
    let dependencies = &core.dependencies;
    if dependencies.store.get(&key).is_some() {
        return Ok(false);
    }
    let mut sent = object.clone();
    if let Some(spec) = sent["spec"].as_object_mut() {
        spec.retain(|field, _| !filled_in.contains(&field.as_str()));
    }
    bootstrap::written_by_server(dependencies.release, &key, &Value::Null, &mut sent, &dependencies.clock);
    let now = dependencies.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    object["metadata"]["managedFields"] = sent["metadata"]["managedFields"].take();
    object["metadata"]["uid"] = json!(uuid::Uuid::new_v4().to_string());
    object["metadata"]["creationTimestamp"] = json!(now);
    match dependencies.store.create(key, object) {
        Ok(_) => Ok(true),
        Err(StorageError::Exists) => Ok(false),
        Err(error) => Err(error),
    }
}
