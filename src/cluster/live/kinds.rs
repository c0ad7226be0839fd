//! Kinds of clusters whose control plane is not its owner's to edit, as rows: what tells them, and why not.

use serde_json::Value;

use crate::text::tr;

/// What of a Node tells its kind.
#[derive(Debug, Clone, Copy)]
enum Mark {
    /// The beginning of `spec.providerID`.
    Provider(&'static str),
    /// A piece of the kubelet's version.
    Kubelet(&'static str),
    /// A label's key.
    Label(&'static str),
    /// The beginning of the operating system's name.
    System(&'static str),
}

/// Whether such a cluster may have an API server as a static pod that is its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Servers {
    /// kubeadm makes them there, too: machines of a cloud.
    MayBeStatic,
    /// Whatever pods there are, something else writes their manifests.
    NeverOnesOwn,
}

use Mark::{Kubelet, Label, Provider, System};
use Servers::{MayBeStatic, NeverOnesOwn};

/// The first row that fits counts.
const KINDS: &[(Mark, &str, Servers)] = &[
    (Kubelet("+rke2"), "RKE2", NeverOnesOwn),
    (Provider("rke2:"), "RKE2", NeverOnesOwn),
    (System("Talos"), "Talos Linux", NeverOnesOwn),
    (Label("node.openshift.io/os_id"), "OpenShift", NeverOnesOwn),
    (Label("microk8s.io/cluster"), "MicroK8s", NeverOnesOwn),
    (Kubelet("+k3s"), "k3s", NeverOnesOwn),
    (Provider("k3s:"), "k3s", NeverOnesOwn),
    (Provider("k3d:"), "k3d", NeverOnesOwn),
    (Kubelet("+k0s"), "k0s", NeverOnesOwn),
    (Kubelet("-eks-"), "Amazon EKS", MayBeStatic),
    (Kubelet("-gke."), "Google GKE", MayBeStatic),
    (Label("kubernetes.azure.com/cluster"), "Azure AKS", MayBeStatic),
    (Provider("aws:"), "Amazon EKS", MayBeStatic),
    (Provider("gce:"), "Google GKE", MayBeStatic),
    (Provider("azure:"), "Azure AKS", MayBeStatic),
    (Provider("digitalocean:"), "DigitalOcean", MayBeStatic),
    (Provider("linode:"), "Linode LKE", MayBeStatic),
    (Provider("ibm:"), "IBM Cloud", MayBeStatic),
    (Provider("ocid1."), "Oracle OKE", MayBeStatic),
    (Provider("scaleway:"), "Scaleway Kapsule", MayBeStatic),
    (Provider("vultr:"), "Vultr", MayBeStatic),
];

fn fits(node: &Value, mark: Mark) -> bool {
    let text = |pointer: &str| node.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    match mark {
        Provider(start) => text("/spec/providerID").starts_with(start),
        Kubelet(piece) => text("/status/nodeInfo/kubeletVersion").contains(piece),
        Label(key) => node["metadata"]["labels"].get(key).is_some(),
        System(start) => text("/status/nodeInfo/osImage").starts_with(start),
    }
}

/// Why no manifest of an API server can be edited there; `None` where one might. `found` says whether there are
/// static pods of API servers.
pub fn why_not(nodes: &[Value], found: bool) -> Option<String> {
    let row = KINDS.iter().find(|(mark, _, _)| nodes.iter().any(|node| fits(node, *mark)));
    match row {
        Some((_, name, NeverOnesOwn)) => Some(tr!(live_is_a_product { name })),
        Some((_, name, MayBeStatic)) if !found => Some(tr!(live_is_managed { name })),
        None if !found => Some(tr!(live_no_mirror_pod).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn kinds_are_told_by_their_nodes() {
        for (node, name) in [
            (json!({"spec": {"providerID": "rke2://cp1"}}), "RKE2"),
            (json!({"status": {"nodeInfo": {"kubeletVersion": "v1.31.1+rke2r1"}}}), "RKE2"),
            (json!({"status": {"nodeInfo": {"kubeletVersion": "v1.31.0+k3s1"}}}), "k3s"),
            (json!({"status": {"nodeInfo": {"kubeletVersion": "v1.31.0+k0s"}}}), "k0s"),
            (json!({"status": {"nodeInfo": {"osImage": "Talos (v1.8.0)"}}}), "Talos Linux"),
            (json!({"metadata": {"labels": {"microk8s.io/cluster": "true"}}}), "MicroK8s"),
            (json!({"metadata": {"labels": {"node.openshift.io/os_id": "rhcos"}}}), "OpenShift"),
        ] {
            // These have no manifest of one's own even where a static pod is.
            for found in [true, false] {
                let why = why_not(std::slice::from_ref(&node), found).unwrap();
                assert!(why.contains(name), "{node}: {why}");
            }
        }
        for (node, name) in [
            (json!({"status": {"nodeInfo": {"kubeletVersion": "v1.31.0-eks-a737599"}}}), "Amazon EKS"),
            (json!({"status": {"nodeInfo": {"kubeletVersion": "v1.31.1-gke.1846000"}}}), "Google GKE"),
            (json!({"metadata": {"labels": {"kubernetes.azure.com/cluster": "x"}}}), "Azure AKS"),
        ] {
            assert!(why_not(std::slice::from_ref(&node), false).unwrap().contains(name), "{node}");
        }
        // kubeadm on machines of a cloud, and anywhere else.
        for node in [json!({"spec": {"providerID": "aws:///a/i-1"}}), json!({})] {
            assert_eq!(why_not(std::slice::from_ref(&node), true), None, "{node}");
            assert!(why_not(std::slice::from_ref(&node), false).is_some());
        }
    }
}
