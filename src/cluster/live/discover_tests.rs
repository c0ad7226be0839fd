use serde_json::json;

use super::*;

/// A Node and the pods of kube-system, as clusters of a kind have them.
fn pod(name: &str, node: &str, mirror: bool, component: Option<&str>) -> Value {
    let mut pod =
        json!({"metadata": {"name": name, "annotations": {}, "labels": {}}, "spec": {"nodeName": node}});
    if mirror {
        pod["metadata"]["annotations"]["kubernetes.io/config.mirror"] = json!("5d41402abc4b2a76");
    }
    if let Some(component) = component {
        pod["metadata"]["labels"]["component"] = json!(component);
    }
    pod
}

fn cluster(provider: &str, pods: &[Value]) -> Result<String> {
    let nodes = [json!({
        "metadata": {"name": "one", "labels": {"node-role.kubernetes.io/control-plane": ""}},
        "spec": {"providerID": provider},
    })];
    api_server_node(&json!({"items": pods}), &nodes)
}

#[test]
fn the_api_server_is_a_mirror_pod_of_one_node() {
    let server = |node: &str| pod(&format!("kube-apiserver-{node}"), node, true, Some("kube-apiserver"));
    let etcd = pod("etcd-cp", "cp", true, Some("etcd"));
    let proxy = pod("kube-proxy-x7x2k", "cp", false, None);
    assert_eq!(cluster("", &[etcd.clone(), server("cp"), proxy.clone()]).unwrap(), "cp");
    // Without kubeadm's label, by its name.
    assert_eq!(cluster("", &[pod("kube-apiserver-cp", "cp", true, None)]).unwrap(), "cp");
    assert_eq!(
        cluster("kind://docker/kind/kind-control-plane", &[server("kind-control-plane")]).unwrap(),
        "kind-control-plane"
    );
}

#[test]
fn what_is_no_control_plane_of_ones_own_is_refused_with_the_reason() {
    let proxy = pod("kube-proxy-x7x2k", "one", false, None);
    // A pod that is only called so: a Deployment's, as in nested control planes.
    let nested = pod("kube-apiserver-7d9f", "one", false, Some("kube-apiserver"));
    let rows = [
        ("aws:///eu-central-1a/i-0abc", "Amazon EKS"),
        ("gce://project/zone/vm", "Google GKE"),
        ("azure:///subscriptions/x", "Azure AKS"),
        ("digitalocean://123", "DigitalOcean"),
        ("k3s://one", "k3s"),
        ("", "no mirror pod of a kube-apiserver"),
    ];
    for (provider, why) in rows {
        for pods in [&[][..], std::slice::from_ref(&proxy), std::slice::from_ref(&nested)] {
            let said = cluster(provider, pods).unwrap_err().to_string();
            assert!(said.contains("no static pod") && said.contains(why), "{provider}: {said}");
            assert!(said.contains("nothing was changed"), "{said}");
        }
    }
}

#[test]
fn what_something_else_writes_is_refused_though_it_is_a_static_pod() {
    let server = pod("kube-apiserver-one", "one", true, Some("kube-apiserver"));
    let said = cluster("rke2://one", std::slice::from_ref(&server)).unwrap_err().to_string();
    assert!(said.contains("RKE2") && said.contains("nothing was changed"), "{said}");
    assert_eq!(
        cluster("aws:///eu-central-1a/i-0abc", &[server]).unwrap(),
        "one",
        "kubeadm on a cloud's machines"
    );
}

#[test]
fn addresses_that_are_options_are_none() {
    let fact = node_fact(&json!({"metadata": {"name": "w"}, "status": {"addresses": [
        {"type": "InternalIP", "address": "-oProxyCommand=touch /tmp/x"},
        {"type": "InternalIP", "address": "fd00::2"},
        {"type": "Hostname", "address": "w"},
    ]}}));
    assert_eq!(fact.addresses, ["fd00::2"]);
}

#[test]
fn several_control_planes_are_refused_by_name() {
    let server = |node: &str| pod(&format!("kube-apiserver-{node}"), node, true, Some("kube-apiserver"));
    let said = cluster("", &[server("cp1"), server("cp2"), server("cp3")]).unwrap_err().to_string();
    assert!(said.contains("3 API servers") && said.contains("cp1, cp2, cp3"), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
}
