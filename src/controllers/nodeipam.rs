//! Gives each node a range of the pods' network (`--allocate-node-cidrs`, `--cluster-cidr`).
//!
//! Upstream: `pkg/controller/nodeipam/ipam/range_allocator.go`: /24 ranges, in the order in which nodes come.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::NODES;
use super::client::Client;

/// How many /24 ranges there are in the network that kubeadm was given, 192.168.0.0/16.
const RANGES: u16 = 256;

fn range(number: u16) -> String {
    format!("192.168.{number}.0/24")
}

/// The ranges of the nodes that have none.
fn missing(nodes: &[Value]) -> Vec<(String, String)> {
    let mut taken: BTreeSet<String> =
        nodes.iter().filter_map(|node| node["spec"]["podCIDR"].as_str()).map(str::to_owned).collect();
    let mut out = Vec::new();
    let mut without: Vec<&Value> =
        nodes.iter().filter(|node| node["spec"]["podCIDR"].as_str().is_none()).collect();
    // The control plane is there before any node joins it.
    without.sort_by_key(|node| {
        let labels = &node["metadata"]["labels"];
        let joined = labels.get("node-role.kubernetes.io/control-plane").is_none();
        (joined, node["metadata"]["name"].as_str().unwrap_or_default().to_owned())
    });
    for node in without {
        let Some(free) = (0..RANGES).map(range).find(|range| !taken.contains(range)) else { break };
        taken.insert(free.clone());
        out.push((node["metadata"]["name"].as_str().unwrap_or_default().to_owned(), free));
    }
    out
}

/// Gives ranges to the nodes that have none; what they are then takes their place. One that is refused is tried again the
/// next time.
pub(super) async fn allocate(client: &Client, nodes: &mut [Value]) {
    for (name, range) in missing(nodes) {
        let change = json!({"spec": {"podCIDR": range, "podCIDRs": [range]}});
        if let Ok(changed) = client.patch(&format!("{NODES}/{name}"), &change).await
            && let Some(node) = nodes.iter_mut().find(|node| node["metadata"]["name"] == name.as_str())
        {
            *node = changed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_given_in_order_and_kept() {
        let node = |name: &str, spec: Value| json!({"metadata": {"name": name}, "spec": spec});
        let given = |name: &str, number| (name.to_owned(), range(number));
        let none = json!({});
        assert_eq!(
            missing(&[node("node01", none.clone()), node("controlplane", none.clone())]),
            [given("controlplane", 0), given("node01", 1)]
        );
        let taken = json!({"podCIDR": "192.168.0.0/24"});
        assert_eq!(missing(&[node("b", none), node("a", taken)]), [given("b", 1)]);
    }
}
