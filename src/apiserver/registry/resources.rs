//! The table of the served resources, as discovery of the real server names them.

use super::strategies::config::{ConfigMaps, Secrets};
use super::strategies::endpoints::{EndpointSlices, Endpoints};
use super::strategies::events::{CsiNodes, Events};
use super::strategies::namespaces::Namespaces;
use super::strategies::nodes::Nodes;
use super::strategies::other::{
    CertificateRequests, DisruptionBudgets, Leases, Plain, PriorityClasses, Services, WithStatus,
};
use super::strategies::pods::Pods;
use super::strategies::rbac::{Bindings, Roles};
use super::strategies::volumes::{Claims, CsiDrivers, LimitRanges, StorageClasses, Volumes};
use super::strategies::workloads::Workloads;
use super::{ResourceType, Strategy, Subresource};
use crate::release::Release;

const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const CREATE: &[&str] = &["create"];
const GET: &[&str] = &["get"];
const UPDATE: &[&str] = &["update"];
const STATUS: &[&str] = &["get", "patch", "update"];
const STREAM: &[&str] = &["create", "get"];
const PROXY: &[&str] = &["create", "delete", "get", "patch", "update"];

const fn sub(
    name: &'static str,
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
) -> Subresource {
    Subresource { name, group, version, kind, verbs, since: 0 }
}

/// The status of a kind, as a subresource.
const fn status(kind: &'static str) -> Subresource {
    sub("status", "", "", kind, STATUS)
}

/// A subresource that releases before 1.`since` do not have.
const fn since(since: u32, sub: Subresource) -> Subresource {
    Subresource { since, ..sub }
}

/// A served resource, for all releases: see [`ResourceType`].
struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    namespaced: bool,
    verbs: &'static [&'static str],
    subresources: &'static [Subresource],
    strategy: &'static dyn Strategy,
}

/// An API group and its version.
type GroupVersion = (&'static str, &'static str);

const CORE: GroupVersion = ("", "v1");
const APPS: GroupVersion = ("apps", "v1");
const AUTHENTICATION: GroupVersion = ("authentication.k8s.io", "v1");
const AUTHORIZATION: GroupVersion = ("authorization.k8s.io", "v1");
const CERTIFICATES: GroupVersion = ("certificates.k8s.io", "v1");
const COORDINATION: GroupVersion = ("coordination.k8s.io", "v1");
const DISCOVERY: GroupVersion = ("discovery.k8s.io", "v1");
const EVENTS: GroupVersion = ("events.k8s.io", "v1");
const NODE: GroupVersion = ("node.k8s.io", "v1");
const POLICY: GroupVersion = ("policy", "v1");
const RBAC: GroupVersion = ("rbac.authorization.k8s.io", "v1");
const SCHEDULING: GroupVersion = ("scheduling.k8s.io", "v1");
const STORAGE: GroupVersion = ("storage.k8s.io", "v1");

/// A resource in namespaces, with all verbs until told otherwise.
const fn namespaced(
    (group, version): GroupVersion,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    strategy: &'static dyn Strategy,
) -> Row {
    Row {
        group,
        version,
        kind,
        plural,
        singular,
        short_names: &[],
        categories: &[],
        namespaced: true,
        verbs: ALL,
        subresources: &[],
        strategy,
    }
}

/// A resource of the whole cluster.
const fn cluster_wide(
    group: GroupVersion,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    strategy: &'static dyn Strategy,
) -> Row {
    Row { namespaced: false, ..namespaced(group, kind, plural, singular, strategy) }
}

impl Row {
    const fn short(self, short_names: &'static [&'static str]) -> Self {
        Self { short_names, ..self }
    }

    /// In `kubectl get all`.
    const fn in_all(self) -> Self {
        Self { categories: &["all"], ..self }
    }

    const fn verbs(self, verbs: &'static [&'static str]) -> Self {
        Self { verbs, ..self }
    }

    const fn with(self, subresources: &'static [Subresource]) -> Self {
        Self { subresources, ..self }
    }
}

/// What a release serves, in discovery's order.
pub(super) fn of_release(release: &'static Release) -> Vec<ResourceType> {
    let served = |sub: &&Subresource| sub.since <= release.minor;
    let of_row = |row: &Row| ResourceType {
        release,
        group: row.group,
        version: row.version,
        kind: row.kind,
        plural: row.plural,
        singular: row.singular,
        short_names: row.short_names,
        categories: row.categories,
        namespaced: row.namespaced,
        verbs: row.verbs,
        subresources: row.subresources.iter().filter(served).copied().collect(),
        strategy: row.strategy,
    };
    RESOURCES.iter().map(of_row).collect()
}

/// What is served, in discovery's order.
static RESOURCES: &[Row] = &[
    namespaced(CORE, "Binding", "bindings", "binding", &Plain).verbs(CREATE),
    cluster_wide(CORE, "ComponentStatus", "componentstatuses", "componentstatus", &Plain)
        .short(&["cs"])
        .verbs(&["get", "list"]),
    namespaced(CORE, "ConfigMap", "configmaps", "configmap", &ConfigMaps).short(&["cm"]),
    namespaced(CORE, "Endpoints", "endpoints", "endpoints", &Endpoints).short(&["ep"]),
    namespaced(CORE, "Event", "events", "event", &Events).short(&["ev"]),
    namespaced(CORE, "LimitRange", "limitranges", "limitrange", &LimitRanges).short(&["limits"]),
    cluster_wide(CORE, "Namespace", "namespaces", "namespace", &Namespaces)
        .short(&["ns"])
        .verbs(&["create", "delete", "get", "list", "patch", "update", "watch"])
        .with(&[sub("finalize", "", "", "Namespace", UPDATE), status("Namespace")]),
    cluster_wide(CORE, "Node", "nodes", "node", &Nodes)
        .short(&["no"])
        .with(&[sub("proxy", "", "", "NodeProxyOptions", PROXY), status("Node")]),
    namespaced(CORE, "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", &Claims)
        .short(&["pvc"])
        .with(&[status("PersistentVolumeClaim")]),
    cluster_wide(CORE, "PersistentVolume", "persistentvolumes", "persistentvolume", &Volumes)
        .short(&["pv"])
        .with(&[status("PersistentVolume")]),
    namespaced(CORE, "Pod", "pods", "pod", &Pods).short(&["po"]).in_all().with(&[
        sub("attach", "", "", "PodAttachOptions", STREAM),
        sub("binding", "", "", "Binding", CREATE),
        sub("ephemeralcontainers", "", "", "Pod", STATUS),
        sub("eviction", "policy", "v1", "Eviction", CREATE),
        sub("exec", "", "", "PodExecOptions", STREAM),
        sub("log", "", "", "Pod", GET),
        sub("portforward", "", "", "PodPortForwardOptions", STREAM),
        sub("proxy", "", "", "PodProxyOptions", PROXY),
        since(33, sub("resize", "", "", "Pod", STATUS)),
        status("Pod"),
    ]),
    namespaced(CORE, "ResourceQuota", "resourcequotas", "resourcequota", &WithStatus)
        .short(&["quota"])
        .with(&[status("ResourceQuota")]),
    namespaced(CORE, "Secret", "secrets", "secret", &Secrets),
    namespaced(CORE, "ServiceAccount", "serviceaccounts", "serviceaccount", &Plain)
        .short(&["sa"])
        .with(&[sub("token", "authentication.k8s.io", "v1", "TokenRequest", CREATE)]),
    namespaced(CORE, "Service", "services", "service", &Services)
        .short(&["svc"])
        .in_all()
        .with(&[sub("proxy", "", "", "ServiceProxyOptions", PROXY), status("Service")]),
    namespaced(APPS, "DaemonSet", "daemonsets", "daemonset", &Workloads { kind: "DaemonSet" })
        .short(&["ds"])
        .in_all()
        .with(&[status("DaemonSet")]),
    namespaced(APPS, "Deployment", "deployments", "deployment", &Workloads { kind: "Deployment" })
        .short(&["deploy"])
        .in_all()
        .with(&[sub("scale", "autoscaling", "v1", "Scale", STATUS), status("Deployment")]),
    namespaced(APPS, "ReplicaSet", "replicasets", "replicaset", &Workloads { kind: "ReplicaSet" })
        .short(&["rs"])
        .in_all()
        .with(&[sub("scale", "autoscaling", "v1", "Scale", STATUS), status("ReplicaSet")]),
    cluster_wide(AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview", &Plain)
        .verbs(CREATE),
    cluster_wide(AUTHENTICATION, "TokenReview", "tokenreviews", "tokenreview", &Plain).verbs(CREATE),
    namespaced(
        AUTHORIZATION,
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        "localsubjectaccessreview",
        &Plain,
    )
    .verbs(CREATE),
    cluster_wide(
        AUTHORIZATION,
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        "selfsubjectaccessreview",
        &Plain,
    )
    .verbs(CREATE),
    cluster_wide(
        AUTHORIZATION,
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        "selfsubjectrulesreview",
        &Plain,
    )
    .verbs(CREATE),
    cluster_wide(AUTHORIZATION, "SubjectAccessReview", "subjectaccessreviews", "subjectaccessreview", &Plain)
        .verbs(CREATE),
    cluster_wide(
        CERTIFICATES,
        "CertificateSigningRequest",
        "certificatesigningrequests",
        "certificatesigningrequest",
        &CertificateRequests,
    )
    .short(&["csr"])
    .with(&[
        sub("approval", "", "", "CertificateSigningRequest", STATUS),
        status("CertificateSigningRequest"),
    ]),
    namespaced(COORDINATION, "Lease", "leases", "lease", &Leases),
    namespaced(DISCOVERY, "EndpointSlice", "endpointslices", "endpointslice", &EndpointSlices),
    namespaced(EVENTS, "Event", "events", "event", &Events).short(&["ev"]),
    cluster_wide(NODE, "RuntimeClass", "runtimeclasses", "runtimeclass", &Plain),
    namespaced(
        POLICY,
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "poddisruptionbudget",
        &DisruptionBudgets,
    )
    .short(&["pdb"])
    .with(&[status("PodDisruptionBudget")]),
    cluster_wide(
        RBAC,
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebinding",
        &Bindings { namespaced: false },
    ),
    cluster_wide(RBAC, "ClusterRole", "clusterroles", "clusterrole", &Roles { namespaced: false }),
    namespaced(RBAC, "RoleBinding", "rolebindings", "rolebinding", &Bindings { namespaced: true }),
    namespaced(RBAC, "Role", "roles", "role", &Roles { namespaced: true }),
    cluster_wide(SCHEDULING, "PriorityClass", "priorityclasses", "priorityclass", &PriorityClasses)
        .short(&["pc"]),
    cluster_wide(STORAGE, "CSIDriver", "csidrivers", "csidriver", &CsiDrivers),
    cluster_wide(STORAGE, "CSINode", "csinodes", "csinode", &CsiNodes),
    cluster_wide(STORAGE, "StorageClass", "storageclasses", "storageclass", &StorageClasses).short(&["sc"]),
];
