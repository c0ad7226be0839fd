//! What etcd holds: the objects of the API server's store under the keys that a real one gives them.
//!
//! Upstream: `k8s.io/apiserver/pkg/registry/generic/registry/store.go`, `k8s.io/kubernetes/pkg/kubeapiserver`
//! (`SpecialDefaultResourcePrefixes`).

use serde::{Deserialize, Serialize};

use crate::apiserver::storage::Store;
use crate::release::Release;

/// Resources that are kept under another name (`SpecialDefaultResourcePrefixes`).
const PREFIXES: [(&str, &str); 5] = [
    ("replicationcontrollers", "controllers"),
    ("endpoints", "services/endpoints"),
    ("nodes", "minions"),
    ("services", "services/specs"),
    ("ingresses", "ingress"),
];
/// Groups whose resources are kept without the group's name.
const BUILT_IN: [&str; 14] = [
    "",
    "apps",
    "batch",
    "autoscaling",
    "policy",
    "extensions",
    "rbac.authorization.k8s.io",
    "networking.k8s.io",
    "storage.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "certificates.k8s.io",
];

/// One key with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// `/registry/secrets/default/db`
    pub key: String,
    /// What is stored, in base64: it need not be text.
    pub value: String,
    /// The revision of the last change.
    pub revision: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The pairs in the order of their keys.
    pub pairs: Vec<Pair>,
    /// The revision of the whole.
    pub revision: u64,
}

/// etcd as its clients see it.
pub struct Etcd {
    store: Store,
    release: &'static Release,
}

impl Etcd {
    /// etcd with what a store holds.
    pub fn new(store: Store, release: &'static Release) -> Self {
        Self { store, release }
    }

    /// The keys from one on, until another (without it); the one key alone where there is no other.
    pub fn range(&self, from: &str, until: Option<&str>) -> Found {
        use base64::Engine as _;
        let (revision, mut pairs) = self.store.everything(|stored, revision, object| {
            let key = key(&stored.group, &stored.resource, &stored.namespace, &stored.name);
            let wanted = match until {
                None => key == from,
                Some(until) => key.as_str() >= from && key.as_str() < until,
            };
            wanted.then(|| {
                let bytes = crate::apiserver::registry::protobuf::stored(self.release, object);
                Pair { key, value: base64::engine::general_purpose::STANDARD.encode(bytes), revision }
            })
        });
        pairs.sort_by(|a, b| a.key.cmp(&b.key));
        Found { pairs, revision }
    }
}

/// The key of an object.
fn key(group: &str, resource: &str, namespace: &str, name: &str) -> String {
    let kept = PREFIXES.iter().find(|(from, _)| *from == resource).map_or(resource, |(_, to)| to);
    let kept = if BUILT_IN.contains(&group) { kept.to_owned() } else { format!("{group}/{resource}") };
    let parts = ["/registry", &kept, namespace, name];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_api_servers() {
        for (group, resource, namespace, name, expected) in [
            ("", "secrets", "default", "db", "/registry/secrets/default/db"),
            ("", "nodes", "", "node01", "/registry/minions/node01"),
            ("", "services", "default", "kubernetes", "/registry/services/specs/default/kubernetes"),
            ("", "endpoints", "default", "kubernetes", "/registry/services/endpoints/default/kubernetes"),
            ("rbac.authorization.k8s.io", "clusterroles", "", "admin", "/registry/clusterroles/admin"),
            ("coordination.k8s.io", "leases", "kube-system", "a", "/registry/leases/kube-system/a"),
            (
                "apiregistration.k8s.io",
                "apiservices",
                "",
                "v1.",
                "/registry/apiregistration.k8s.io/apiservices/v1.",
            ),
        ] {
            assert_eq!(key(group, resource, namespace, name), expected);
        }
    }
}
