//! Which labels a kubelet may not set, change or remove on its own Node.
//!
//! Upstream: `noderestriction/admission.go` (`getForbiddenLabels`), `k8s.io/kubelet/pkg/apis/well_known_labels.go`.

use std::collections::BTreeSet;

use serde_json::Value;

/// Labels that a kubelet may set although they are Kubernetes' own.
const KUBELET_LABELS: [&str; 11] = [
    "kubernetes.io/hostname",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
];

/// Prefixes below which a kubelet may set anything.
const KUBELET_NAMESPACES: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// The prefix that is kept from kubelets.
const RESTRICTED: &str = "node-restriction.kubernetes.io";

/// The labels in which two maps differ and which a kubelet may not touch, sorted.
pub(super) fn forbidden(new: &Value, old: &Value) -> Vec<String> {
    let keys = |labels: &Value| -> Vec<String> {
        labels.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect()
    };
    let modified = keys(new).into_iter().chain(keys(old)).filter(|key| new.get(key) != old.get(key));
    let forbidden: BTreeSet<String> = modified.filter(|key| is_forbidden(key)).collect();
    forbidden.into_iter().collect()
}

fn is_forbidden(key: &str) -> bool {
    let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
    let below = |domain: &str| {
        namespace == domain || namespace.strip_suffix(domain).is_some_and(|start| start.ends_with('.'))
    };
    let kubernetes = below("kubernetes.io") || below("k8s.io");
    let kubelet = KUBELET_LABELS.contains(&key) || KUBELET_NAMESPACES.into_iter().any(below);
    below(RESTRICTED) || (kubernetes && !kubelet)
}
