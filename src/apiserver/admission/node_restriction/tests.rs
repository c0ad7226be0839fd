#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::super::tests::{Write, environment, only, put};
use super::*;

/// `spec.request` of a certificate signing request for a subject.
pub(crate) fn signing_request(common_name: &str, organization: &str) -> String {
    use base64::Engine as _;
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::OrganizationName, organization);
    parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = parameters.serialize_request(&key).unwrap().pem().unwrap();
    base64::engine::general_purpose::STANDARD.encode(pem)
}

/// What a kubelet of `n1` does, and the refusal without `RESOURCE "NAME" is forbidden: `; `ok` where it is let pass.
struct Row {
    write: Write,
    want: String,
}

fn world() -> Environment {
    let environment = environment();
    let pod = |uid: &str, node: &str| json!({"metadata": {"uid": uid}, "spec": {"nodeName": node}});
    put(&environment.store, "nodes", "", "n1", json!({"metadata": {"uid": "uid-1"}}));
    put(&environment.store, "pods", "default", "mine", pod("pod-1", "n1"));
    put(&environment.store, "pods", "default", "theirs", pod("pod-2", "n2"));
    environment
}

fn play(rows: Vec<Row>) {
    let environment = world();
    let chain = only(&["NodeRestriction"]);
    for (index, Row { mut write, want }) in rows.into_iter().enumerate() {
        if write.user.name == "admin" {
            write = write.by("system:node:n1", &["system:nodes", "system:authenticated"]);
        }
        let shown = format!(
            "row {index}: {} {}.{}/{} {}",
            write.operation.as_str(),
            write.resource,
            write.group,
            write.subresource,
            write.object
        );
        let got = match write.play(&chain, &environment) {
            Ok(_) => "ok".to_owned(),
            Err((403, message)) => {
                message.split_once(" is forbidden: ").map(|(_, why)| why.to_owned()).unwrap()
            }
            Err((code, message)) => format!("{code} {message}"),
        };
        assert_eq!(got, want, "{shown}");
    }
}

fn row(write: Write, want: impl Into<String>) -> Row {
    Row { write, want: want.into() }
}

fn create(resource: &'static str, object: Value) -> Write {
    Write::new(Operation::Create, resource, "", object).inside("default")
}

fn mirror(change: impl FnOnce(&mut Value)) -> Write {
    let owner = json!({"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "uid-1", "controller": true});
    let mut pod = json!({
        "metadata": {"name": "m", "annotations": {"kubernetes.io/config.mirror": "h"}, "ownerReferences": [owner]},
        "spec": {"nodeName": "n1", "containers": [{"name": "c"}]},
    });
    change(&mut pod);
    create("pods", pod)
}

#[test]
fn mirror_pods_are_its_own() {
    let owner = |field: &'static str, value: Value| {
        move |pod: &mut Value| pod["metadata"]["ownerReferences"][0][field] = value
    };
    let volume = |volume: Value| move |pod: &mut Value| pod["spec"]["volumes"] = json!([volume]);
    let itself = r#"node "n1" can only create pods with an owner reference set to itself"#;
    let reference = |what: &str| format!(r#"node "n1" can not create pods that reference {what}"#);
    play(vec![
        row(mirror(|_| ()), "ok"),
        row(
            mirror(|pod| pod["metadata"]["annotations"] = json!({})),
            r#"pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods"#,
        ),
        row(
            mirror(|pod| pod["spec"]["nodeName"] = json!("n2")),
            r#"node "n1" can only create pods with spec.nodeName set to itself"#,
        ),
        row(mirror(|pod| pod["metadata"]["ownerReferences"] = json!([])), itself),
        row(
            mirror(|pod| pod["metadata"]["ownerReferences"] = json!([{}, {}])),
            r#"node "n1" can only create pods with a single owner reference set to itself"#,
        ),
        row(mirror(owner("name", json!("n2"))), itself),
        row(mirror(owner("kind", json!("Pod"))), itself),
        row(mirror(owner("apiVersion", json!("v2"))), itself),
        row(
            mirror(owner("controller", json!(false))),
            r#"node "n1" can only create pods with a controller owner reference set to itself"#,
        ),
        row(
            mirror(owner("blockOwnerDeletion", json!(true))),
            r#"node "n1" must not set blockOwnerDeletion on an owner reference"#,
        ),
        row(mirror(owner("uid", json!("uid-2"))), "node n1 UID mismatch: expected uid-2 got uid-1"),
        row(mirror(|pod| pod["spec"]["serviceAccountName"] = json!("a")), reference("a service account")),
        row(mirror(volume(json!({"name": "v", "secret": {"secretName": "s"}}))), reference("secrets")),
        row(mirror(volume(json!({"name": "v", "configMap": {"name": "s"}}))), reference("configmaps")),
        row(
            mirror(volume(
                json!({"name": "v", "projected": {"sources": [{"clusterTrustBundle": {"path": "p"}}]}}),
            )),
            reference("clustertrustbundles"),
        ),
        row(
            mirror(volume(json!({"name": "v", "persistentVolumeClaim": {"claimName": "s"}}))),
            reference("persistentvolumeclaims"),
        ),
        row(mirror(volume(json!({"name": "v", "hostPath": {"path": "/etc"}}))), "ok"),
        row(
            mirror(|pod| {
                pod["spec"]["nodeName"] = json!("n9");
                pod["metadata"]["ownerReferences"][0]["name"] = json!("n9");
            })
            .by("system:node:n9", &["system:nodes"]),
            "404 node \"n9\" not found",
        ),
    ]);
}

#[test]
fn pods_are_reported_and_ended_on_its_node_only() {
    let delete = |name| Write::new(Operation::Delete, "pods", name, Value::Null).inside("default");
    let evict = |name| {
        Write::new(Operation::Create, "pods/eviction", name, json!({"metadata": {"name": name}}))
            .inside("default")
    };
    let pod = |node: &str, change: Value| {
        let mut pod = json!({"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"nodeName": node}});
        if let Some(labels) = change.get("labels") {
            pod["metadata"]["labels"] = labels.clone();
        }
        pod["status"] = change["status"].clone();
        pod
    };
    let status = |node: &str, change: Value| {
        Write::new(Operation::Update, "pods/status", "p", pod(node, change))
            .over(pod(node, json!({})))
            .inside("default")
    };
    let claims = json!({"status": {"resourceClaimStatuses": [{"name": "r", "resourceClaimName": "x"}]}});
    play(vec![
        row(delete("mine"), "ok"),
        row(delete("theirs"), r#"node "n1" can only delete pods with spec.nodeName set to itself"#),
        row(delete("gone"), "404 pod \"gone\" not found"),
        row(
            Write::new(Operation::Update, "pods", "mine", json!({"metadata": {"name": "mine"}})),
            r#"unexpected operation "UPDATE", node "n1" can only create and delete mirror pods"#,
        ),
        row(status("n1", json!({"status": {"phase": "Running"}})), "ok"),
        row(
            status("n2", json!({})),
            r#"node "n1" can only update pod status for pods with spec.nodeName set to itself"#,
        ),
        row(
            status("n1", json!({"labels": {"a": "c"}})),
            r#"node "n1" cannot update labels through pod status"#,
        ),
        row(status("n1", claims), r#"node "n1" cannot update resource claim statues"#),
        row(
            Write::new(Operation::Create, "pods/status", "mine", json!({})),
            r#"unexpected operation "CREATE""#,
        ),
        row(evict("mine"), "ok"),
        row(evict("theirs"), "node n1 can only evict pods with spec.nodeName set to itself"),
        row(evict("gone"), "404 pod \"gone\" not found"),
        row(evict(""), "could not determine pod from request data"),
        row(Write::new(Operation::Update, "pods/eviction", "mine", json!({})), "unexpected operation UPDATE"),
        row(
            create("pods/binding", json!({"metadata": {"name": "mine"}})),
            r#"unexpected pod subresource "binding", only 'status' and 'eviction' are allowed"#,
        ),
    ]);
}

fn node(labels: Value, spec: Value) -> Value {
    json!({"metadata": {"name": "n1", "labels": labels}, "spec": spec})
}

#[test]
fn nodes_are_its_own_and_keep_what_is_not_its() {
    let update = |new: Value, old: Value| Write::new(Operation::Update, "nodes", "n1", new).over(old);
    let spec = |new: Value, old: Value| update(node(json!({}), new), node(json!({}), old));
    let taints = json!({"taints": [{"key": "k", "effect": "NoSchedule"}]});
    let source = |name: &str| json!({"configSource": {"configMap": {"name": name}}});
    let register =
        |labels: Value, spec: Value| Write::new(Operation::Create, "nodes", "", node(labels, spec));
    let taint = r#"node "n1" is not allowed to modify taints"#;
    let new_source = r#"node "n1" is not allowed to update configSource to a new non-nil configSource"#;
    let other = |operation| Write::new(operation, "nodes", "n2", json!({"metadata": {"name": "n2"}}));
    let not_other = r#"node "n1" is not allowed to modify node "n2""#;
    play(vec![
        row(register(json!({"kubernetes.io/hostname": "n1", "a": "b"}), json!({})), "ok"),
        row(
            register(
                json!({"x.k8s.io/b": "1", "node-restriction.kubernetes.io/a": "1", "ok": "1"}),
                json!({}),
            ),
            r#"node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/a, x.k8s.io/b"#,
        ),
        row(
            register(json!({}), source("x")),
            r#"node "n1" is not allowed to create pods with a non-nil configSource"#,
        ),
        row(register(json!({}), taints.clone()), "ok"),
        row(Write::new(Operation::Create, "nodes", "", json!({"metadata": {"name": "n2"}})), not_other),
        row(other(Operation::Update), not_other),
        row(other(Operation::Delete), not_other),
        row(Write::new(Operation::Update, "nodes/status", "n2", json!({})), not_other),
        row(Write::new(Operation::Delete, "nodes", "n1", Value::Null), "ok"),
        row(spec(json!({}), json!({})), "ok"),
        row(spec(taints.clone(), taints.clone()), "ok"),
        row(spec(taints.clone(), json!({})), taint),
        row(spec(json!({}), taints.clone()), taint),
        row(spec(json!({"taints": []}), json!({})), "ok"),
        row(spec(source("x"), json!({})), new_source),
        row(spec(source("x"), source("y")), new_source),
        row(spec(source("x"), source("x")), "ok"),
        row(spec(json!({}), source("x")), "ok"),
    ]);
}

#[test]
fn labels_of_kubernetes_are_not_its() {
    let allowed = [
        "a",
        "killercoda/two",
        "test/two",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "kubelet.kubernetes.io/x",
        "a.kubelet.kubernetes.io/x",
        "node.kubernetes.io/x",
        "a.node.kubernetes.io/x",
        "notkubernetes.io/x",
        "xk8s.io/x",
    ];
    let forbidden = [
        "node-restriction.kubernetes.io/two",
        "a.node-restriction.kubernetes.io/x",
        "xnode-restriction.kubernetes.io/x",
        "kubernetes.io/other",
        "k8s.io/other",
        "node-role.kubernetes.io/control-plane",
        "topology.kubernetes.io/rack",
        "windows.kubernetes.io/x",
        "node.k8s.io/x",
        "xnode.kubernetes.io/x",
    ];
    let rows = |key: &str, want: &str| {
        let with = |value: &str| node(json!({key: value}), json!({}));
        let without = || node(json!({}), json!({}));
        let update = |new, old| Write::new(Operation::Update, "nodes", "n1", new).over(old);
        vec![
            row(update(with("1"), without()), want),
            row(update(without(), with("1")), want),
            row(update(with("2"), with("1")), want),
            row(update(with("1"), with("1")), "ok"),
        ]
    };
    for key in allowed {
        play(rows(key, "ok"));
    }
    for key in forbidden {
        play(rows(key, &format!("is not allowed to modify labels: {key}")));
    }
}

#[test]
fn owner_references_follow_the_release() {
    let owned = json!({"metadata": {"name": "n1", "ownerReferences": [{"kind": "Node", "name": "n1"}]}});
    let plain = || json!({"metadata": {"name": "n1"}});
    let update = |new: Value, old: Value| {
        Write::new(Operation::Update, "nodes", "n1", new).over(old).by("system:node:n1", &["system:nodes"])
    };
    let chain = only(&["NodeRestriction"]);
    let mut environment = world();
    assert!(
        update(owned.clone(), plain()).play(&chain, &environment).is_ok(),
        "v1.31.0 does not look at them"
    );
    environment.release = &crate::release::RELEASES[1];
    let refused = r#"nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences"#;
    let want = Err((403, refused.to_owned()));
    assert_eq!(update(owned.clone(), plain()).play(&chain, &environment).map(drop), want);
    assert_eq!(update(plain(), owned.clone()).play(&chain, &environment).map(drop), want);
    assert_eq!(update(owned.clone(), owned).play(&chain, &environment).map(drop), Ok(()));
}

#[test]
fn claims_only_get_their_status() {
    let claim = |capacity: &str, label: &str, class: &str| {
        json!({
            "metadata": {"name": "c", "labels": {"l": label}, "resourceVersion": capacity},
            "spec": {"storageClassName": class},
            "status": {"phase": "Bound", "capacity": {"storage": capacity}, "conditions": [{"type": capacity}]},
        })
    };
    let update = |new: Value| {
        Write::new(Operation::Update, "persistentvolumeclaims/status", "c", new).over(claim("1", "a", "x"))
    };
    let why =
        r#"node "n1" is not allowed to update fields other than status.quantity and status.conditions: "#;
    play(vec![
        row(update(claim("2", "a", "x")), "ok"),
        row(update(claim("2", "b", "x")), format!("{why}metadata.labels.l")),
        row(update(claim("2", "b", "y")), format!("{why}metadata.labels.l, spec.storageClassName")),
        row(
            Write::new(Operation::Create, "persistentvolumeclaims/status", "c", json!({})),
            r#"unexpected operation "CREATE""#,
        ),
        row(
            Write::new(Operation::Update, "persistentvolumeclaims", "c", json!({})),
            "may only update PVC status",
        ),
        row(create("persistentvolumeclaims", json!({})), "may only update PVC status"),
    ]);
}

#[test]
fn tokens_are_for_pods_on_its_node() {
    let token = |bound: Value| {
        let object = json!({"spec": {"boundObjectRef": bound}});
        Write::new(Operation::Create, "serviceaccounts/token", "a", object).inside("default")
    };
    let pod = |name: &str, uid: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid});
    let unbound = "node requested token not bound to a pod";
    play(vec![
        row(token(pod("mine", "pod-1")), "ok"),
        row(token(Value::Null), unbound),
        row(token(json!({"apiVersion": "v1", "kind": "Secret", "name": "mine", "uid": "pod-1"})), unbound),
        row(token(json!({"apiVersion": "v2", "kind": "Pod", "name": "mine", "uid": "pod-1"})), unbound),
        row(token(pod("", "pod-1")), unbound),
        row(token(pod("mine", "")), "node requested token with a pod binding without a uid"),
        row(
            token(pod("mine", "pod-9")),
            "the UID in the bound object reference (pod-9) does not match the UID in record. The object might have been deleted and then recreated",
        ),
        row(
            token(pod("theirs", "pod-2")),
            "node requested token bound to a pod scheduled on a different node",
        ),
        row(token(pod("gone", "pod-2")), "404 pod \"gone\" not found"),
        row(create("serviceaccounts", json!({"metadata": {"name": "a"}})), "ok"),
        row(Write::new(Operation::Update, "serviceaccounts", "a", json!({})), "ok"),
    ]);
}

#[test]
fn leases_csinodes_and_slices_are_its_own() {
    let named = |name: &str| json!({"metadata": {"name": name}});
    let lease = |namespace, name: &str| {
        Write::new(Operation::Create, "leases.coordination.k8s.io", "", named(name)).inside(namespace)
    };
    let update_lease = |name| {
        Write::new(Operation::Update, "leases.coordination.k8s.io", name, named(name))
            .inside("kube-node-lease")
    };
    let csi = |operation, name| Write::new(operation, "csinodes.storage.k8s.io", name, named(name));
    let slice = |node: &str| json!({"metadata": {"name": "s"}, "spec": {"nodeName": node}});
    let create_slice = |node: &str| create("resourceslices.resource.k8s.io", slice(node));
    let delete_slice = |node: &str| {
        Write::new(Operation::Delete, "resourceslices.resource.k8s.io", "s", Value::Null).over(slice(node))
    };
    let (lease_name, csi_name) = (
        "can only access node lease with the same name as the requesting node",
        "can only access CSINode with the same name as the requesting node",
    );
    play(vec![
        row(lease("kube-node-lease", "n1"), "ok"),
        row(lease("kube-node-lease", "n2"), lease_name),
        row(lease("default", "n1"), r#"can only access leases in the "kube-node-lease" system namespace"#),
        row(update_lease("n1"), "ok"),
        row(update_lease("n2"), lease_name),
        row(csi(Operation::Create, "n1"), "ok"),
        row(csi(Operation::Create, "n2"), csi_name),
        row(csi(Operation::Update, "n1"), "ok"),
        row(csi(Operation::Delete, "n2"), csi_name),
        row(create_slice("n1"), "ok"),
        row(
            create_slice("n2"),
            "can only create ResourceSlice with the same NodeName as the requesting node",
        ),
        row(delete_slice("n1"), "ok"),
        row(
            delete_slice("n2"),
            "can only delete ResourceSlice with the same NodeName as the requesting node",
        ),
        row(Write::new(Operation::Update, "resourceslices.resource.k8s.io", "s", slice("n2")), "ok"),
    ]);
}

#[test]
fn signing_requests_are_for_itself() {
    let request = |signer: &str, request: &str| {
        create(
            "certificatesigningrequests.certificates.k8s.io",
            json!({"metadata": {"name": "c"}, "spec": {"signerName": signer, "request": request}}),
        )
    };
    let (me, other) = (
        signing_request("system:node:n1", "system:nodes"),
        signing_request("system:node:n2", "system:nodes"),
    );
    let not_other = "can only create a node CSR with CN=system:node:n1";
    play(vec![
        row(request("kubernetes.io/kube-apiserver-client-kubelet", &me), "ok"),
        row(request("kubernetes.io/kubelet-serving", &me), "ok"),
        row(request("kubernetes.io/kube-apiserver-client-kubelet", &other), not_other),
        row(request("kubernetes.io/kubelet-serving", &other), not_other),
        row(request("example.com/x", &other), "ok"),
        row(
            request("kubernetes.io/kubelet-serving", "bm90IHBlbQ=="),
            "unable to parse csr: PEM block type must be CERTIFICATE REQUEST",
        ),
    ]);
}

#[test]
fn others_are_none_of_its_business() {
    let labels = || json!({"metadata": {"name": "n2", "labels": {"node-restriction.kubernetes.io/a": "1"}}});
    let update = || Write::new(Operation::Update, "nodes", "n2", labels());
    play(vec![
        row(update().by("kubernetes-admin", &["system:masters"]), "ok"),
        row(update().by("system:node:n1", &["system:authenticated"]), "ok"),
        row(update().by("alice", &["system:nodes"]), "ok"),
        row(
            update().by("system:node:", &["system:nodes"]),
            r#"could not determine node from user "system:node:""#,
        ),
        row(create("events", json!({"metadata": {"name": "e"}})), "ok"),
        row(create("configmaps", json!({"metadata": {"name": "e"}})), "ok"),
    ]);
}
