//! Does a path lead from an object to a node? Pods refer to objects, and run on a node.
//!
//! The graph is not kept but looked up in the store, which is in memory: a question costs one pass over the pods of
//! one namespace. Upstream: `plugin/pkg/auth/authorizer/node/{graph,graph_populator}.go`.

use serde_json::Value;

use super::references;
use crate::apiserver::storage::{Key, Store};

/// The kind of object a path starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A Secret: of a pod, or of a volume that a pod's claim is bound to.
    Secret,
    /// A ConfigMap of a pod.
    ConfigMap,
    /// A PersistentVolumeClaim of a pod.
    Claim,
    /// A PersistentVolume that a pod's claim is bound to.
    Volume,
    /// A ResourceClaim of a pod.
    ResourceClaim,
    /// A VolumeAttachment to the node.
    Attachment,
    /// A pod's service account.
    ServiceAccount,
    /// A ResourceSlice of the node.
    ResourceSlice,
    /// A pod on the node.
    Pod,
}

/// Answers questions about paths from the store.
pub struct Graph {
    store: Store,
}

impl Graph {
    /// Makes a graph over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Whether a path leads from the object to the node.
    pub fn has_path(&self, start: Start, namespace: &str, name: &str, node: &str) -> bool {
        match start {
            Start::Secret => {
                self.pod_on_node(namespace, node, |pod| references::secrets(pod).any(|n| n == name))
                    || self.volume_with_secret(namespace, name, node)
            }
            Start::ConfigMap => {
                self.pod_on_node(namespace, node, |pod| references::config_maps(pod).any(|n| n == name))
            }
            Start::Claim => self.claim_in_use(namespace, name, node),
            Start::Volume => self
                .store
                .get(&Key::new("", "persistentvolumes", "", name))
                .is_some_and(|volume| self.volume_in_use(&volume, node)),
            Start::ResourceClaim => {
                self.pod_on_node(namespace, node, |pod| references::resource_claims(pod).any(|n| n == name))
            }
            Start::ServiceAccount => self.pod_on_node(namespace, node, |pod| {
                pod["spec"]["serviceAccountName"].as_str().is_some_and(|n| !n.is_empty() && n == name)
            }),
            Start::Attachment => {
                self.names_node(&Key::new("storage.k8s.io", "volumeattachments", "", name), node)
            }
            Start::ResourceSlice => {
                self.names_node(&Key::new("resource.k8s.io", "resourceslices", "", name), node)
            }
            Start::Pod => self.names_node(&Key::new("", "pods", namespace, name), node),
        }
    }

    /// Whether there is a pod on the node, in the namespace, that refers to something. Mirror pods refer to nothing.
    fn pod_on_node(&self, namespace: &str, node: &str, refers: impl Fn(&Value) -> bool) -> bool {
        let (_, pods) = self.store.list("", "pods", namespace);
        pods.iter().any(|pod| pod["spec"]["nodeName"] == node && !references::is_mirror(pod) && refers(pod))
    }

    fn claim_in_use(&self, namespace: &str, name: &str, node: &str) -> bool {
        self.pod_on_node(namespace, node, |pod| references::claims(pod).any(|n| n == name))
    }

    fn volume_in_use(&self, volume: &Value, node: &str) -> bool {
        let claim = &volume["spec"]["claimRef"];
        match (claim["namespace"].as_str(), claim["name"].as_str()) {
            (Some(namespace), Some(name)) => self.claim_in_use(namespace, name, node),
            _ => false,
        }
    }

    fn volume_with_secret(&self, namespace: &str, name: &str, node: &str) -> bool {
        let (_, volumes) = self.store.list("", "persistentvolumes", "");
        volumes.iter().any(|volume| {
            references::volume_secrets(volume).iter().any(|(ns, n)| ns == namespace && n == name)
                && self.volume_in_use(volume, node)
        })
    }

    /// Whether an object's `spec.nodeName` is the node.
    fn names_node(&self, key: &Key, node: &str) -> bool {
        self.store.get(key).is_some_and(|object| object["spec"]["nodeName"] == node)
    }
}
