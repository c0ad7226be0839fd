#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::*;
use crate::apiserver::authorization::tests::{environment, request};
use crate::apiserver::storage::{Key, Store};

fn store_with_pods() -> Store {
    let store = Store::in_memory();
    let pod = |name: &str, spec: Value| {
        let mut pod = json!({"metadata": {"name": name, "namespace": "ns"}, "spec": spec});
        if name == "mirror" {
            pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "h"});
        }
        store.create(Key::new("", "pods", "ns", name), pod).unwrap();
    };
    pod(
        "mine",
        json!({
            "nodeName": "n1",
            "serviceAccountName": "robot",
            "imagePullSecrets": [{"name": "pull"}],
            "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "env-from"}}]}],
            "containers": [{"name": "c", "env": [
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "env", "key": "k"}}},
                {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "cm-env", "key": "k"}}},
            ]}],
            "volumes": [
                {"name": "a", "secret": {"secretName": "volume"}},
                {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "cm-projected"}}]}},
                {"name": "c", "configMap": {"name": "cm-volume"}},
                {"name": "d", "persistentVolumeClaim": {"claimName": "claim"}},
                {"name": "e", "ephemeral": {}},
            ],
            "resourceClaims": [{"name": "r", "resourceClaimName": "rc"}],
        }),
    );
    pod(
        "other",
        json!({"nodeName": "n2", "serviceAccountName": "alien", "volumes": [{"name": "a", "secret": {"secretName": "theirs"}}]}),
    );
    pod(
        "pending",
        json!({"serviceAccountName": "waiting", "volumes": [{"name": "a", "secret": {"secretName": "unscheduled"}}]}),
    );
    pod("mirror", json!({"nodeName": "n1", "serviceAccountName": "mirrored"}));
    let volume = json!({"metadata": {"name": "pv"}, "spec": {
        "claimRef": {"namespace": "ns", "name": "claim"},
        "csi": {"nodeStageSecretRef": {"namespace": "other", "name": "stage"}, "controllerPublishSecretRef": {"namespace": "other", "name": "controller"}},
    }});
    store.create(Key::new("", "persistentvolumes", "", "pv"), volume).unwrap();
    let unbound = json!({"metadata": {"name": "free"}, "spec": {}});
    store.create(Key::new("", "persistentvolumes", "", "free"), unbound).unwrap();
    let attachment = json!({"metadata": {"name": "va"}, "spec": {"nodeName": "n1"}});
    store.create(Key::new("storage.k8s.io", "volumeattachments", "", "va"), attachment).unwrap();
    let slice = json!({"metadata": {"name": "slice"}, "spec": {"nodeName": "n1"}});
    store.create(Key::new("resource.k8s.io", "resourceslices", "", "slice"), slice).unwrap();
    store
}

/// An authorizer with a state of `AuthorizeNodeWithSelectors`.
fn authorizer(with_selectors: bool) -> NodeAuthorizer {
    let environment = Environment { store: store_with_pods(), ..environment() };
    NodeAuthorizer { with_selectors, ..NodeAuthorizer::new(&environment) }
}

fn ask(authorizer: &NodeAuthorizer, request: RequestInfo) -> (Decision, String) {
    let user = UserInfo::new("system:node:n1", &["system:nodes", "system:authenticated"]);
    authorizer.authorize(&Attributes { user, request })
}

/// A question as `verb resource[.group][/sub] [namespace/]name`, and the reason of a refusal (`ok` where allowed).
type Row = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const UNRELATED: &str = "no relationship found between node 'n1' and this object";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("get", "", "secrets", "ns", "volume", "ok"),
    ("list", "", "secrets", "ns", "env", "ok"),
    ("watch", "", "secrets", "ns", "env-from", "ok"),
    ("get", "", "secrets", "ns", "projected", "ok"),
    ("get", "", "secrets", "ns", "pull", "ok"),
    ("get", "", "secrets", "other", "stage", "ok"),
    ("get", "", "secrets", "other", "controller", UNRELATED),
    ("get", "", "secrets", "ns", "theirs", UNRELATED),
    ("get", "", "secrets", "ns", "unscheduled", UNRELATED),
    ("get", "", "secrets", "other", "volume", UNRELATED),
    ("list", "", "secrets", "ns", "", "No Object name found"),
    ("list", "", "secrets", "", "", "can only read namespaced object of this type"),
    ("get", "", "secrets/x", "ns", "volume", "cannot read subresource"),
    ("update", "", "secrets", "ns", "volume", "can only read resources of this type"),
    ("get", "", "configmaps", "ns", "cm-env", "ok"),
    ("get", "", "configmaps", "ns", "cm-volume", "ok"),
    ("get", "", "configmaps", "ns", "cm-projected", "ok"),
    ("get", "", "configmaps", "ns", "volume", UNRELATED),
    ("delete", "", "configmaps", "ns", "cm-env", "can only read resources of this type"),
    ("get", "", "persistentvolumeclaims", "ns", "claim", "ok"),
    ("get", "", "persistentvolumeclaims", "ns", "mine-e", "ok"),
    ("get", "", "persistentvolumeclaims", "ns", "other", UNRELATED),
    ("list", "", "persistentvolumeclaims", "ns", "claim", "can only get individual resources of this type"),
    ("patch", "", "persistentvolumeclaims/status", "ns", "claim", "ok"),
    ("update", "", "persistentvolumeclaims/status", "ns", "other", UNRELATED),
    ("get", "", "persistentvolumeclaims/status", "ns", "claim", "can only get/update/patch this type"),
    ("get", "", "persistentvolumes", "", "pv", "ok"),
    ("get", "", "persistentvolumes", "", "free", UNRELATED),
    ("get", "", "persistentvolumes", "", "missing", UNRELATED),
    ("get", "", "persistentvolumes/status", "", "pv", "cannot get subresource"),
    ("get", "resource.k8s.io", "resourceclaims", "ns", "rc", "ok"),
    ("get", "resource.k8s.io", "resourceclaims", "ns", "rc2", UNRELATED),
    ("get", "storage.k8s.io", "volumeattachments", "", "va", "ok"),
    ("get", "storage.k8s.io", "volumeattachments", "", "va2", UNRELATED),
    ("create", "", "serviceaccounts/token", "ns", "robot", "ok"),
    ("create", "", "serviceaccounts/token", "ns", "alien", UNRELATED),
    ("create", "", "serviceaccounts/token", "ns", "waiting", UNRELATED),
    ("create", "", "serviceaccounts/token", "ns", "mirrored", UNRELATED),
    ("get", "", "serviceaccounts", "ns", "robot", "can only create tokens for individual service accounts"),
    ("create", "", "serviceaccounts", "ns", "", "can only create tokens for individual service accounts"),
    ("create", "", "serviceaccounts/x", "ns", "robot", "can only create token subresource of serviceaccount"),
    ("create", "coordination.k8s.io", "leases", "kube-node-lease", "", "ok"),
    ("update", "coordination.k8s.io", "leases", "kube-node-lease", "n1", "ok"),
    ("update", "coordination.k8s.io", "leases", "kube-node-lease", "n2", "can only access node lease with the same name as the requesting node"),
    ("get", "coordination.k8s.io", "leases", "kube-system", "n1", "can only access leases in the \"kube-node-lease\" system namespace"),
    ("list", "coordination.k8s.io", "leases", "kube-node-lease", "", "can only get, create, update, patch, or delete a node lease"),
    ("create", "storage.k8s.io", "csinodes", "", "", "ok"),
    ("patch", "storage.k8s.io", "csinodes", "", "n1", "ok"),
    ("patch", "storage.k8s.io", "csinodes", "", "n2", "can only access CSINode with the same name as the requesting node"),
    ("get", "storage.k8s.io", "csinodes/status", "", "n1", "cannot authorize CSINode subresources"),
    ("watch", "storage.k8s.io", "csinodes", "", "", "can only get, create, update, patch, or delete a CSINode"),
    ("create", "resource.k8s.io", "resourceslices", "", "", "ok"),
    ("delete", "resource.k8s.io", "resourceslices", "", "slice", "ok"),
    ("get", "resource.k8s.io", "resourceslices", "", "slice2", UNRELATED),
    ("get", "resource.k8s.io", "resourceslices/status", "", "slice", "cannot authorize ResourceSlice subresources"),
    ("proxy", "resource.k8s.io", "resourceslices", "", "slice", "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection"),
    ("list", "", "services", "", "", "ok"),
    ("create", "", "events", "ns", "", "ok"),
    ("create", "", "pods/eviction", "ns", "mine", "ok"),
    ("patch", "", "nodes", "", "n2", "ok"),
    ("patch", "", "nodes/status", "", "n2", "ok"),
    ("delete", "", "nodes", "", "n1", ""),
    ("list", "", "namespaces", "", "", ""),
    ("create", "", "pods/exec", "ns", "mine", ""),
];

#[rustfmt::skip]
const WITHOUT_SELECTORS: &[Row] = &[
    ("get", "", "nodes", "", "n2", "ok"),
    ("list", "", "nodes", "", "", "ok"),
    ("get", "", "pods", "ns", "other", "ok"),
    ("list", "", "pods", "", "", "ok"),
    ("list", "resource.k8s.io", "resourceslices", "", "", "ok"),
];

#[rustfmt::skip]
const WITH_SELECTORS: &[Row] = &[
    ("get", "", "nodes", "", "n1", "ok"),
    ("get", "", "nodes", "", "n2", "node 'n1' cannot read 'n2', only its own Node object"),
    ("list", "", "nodes", "", "", "node 'n1' cannot read all nodes, only its own Node object"),
    ("get", "", "nodes/proxy", "", "n1", ""),
    ("get", "", "pods", "ns", "mine", "ok"),
    ("get", "", "pods", "ns", "other", UNRELATED),
    ("watch", "", "pods", "ns", "mine", "ok"),
    ("list", "", "pods", "", "", "can only list/watch pods with spec.nodeName field selector"),
    ("create", "", "pods", "ns", "", "ok"),
    ("patch", "", "pods/status", "ns", "other", "ok"),
    ("get", "", "pods/log", "ns", "mine", ""),
    ("list", "resource.k8s.io", "resourceslices", "", "", "can only list/watch/deletecollection resourceslices with nodeName field selector"),
];

#[test]
fn every_rule_allows_and_refuses() {
    for (with_selectors, more) in [(false, WITHOUT_SELECTORS), (true, WITH_SELECTORS)] {
        let authorizer = authorizer(with_selectors);
        for row @ (verb, group, resource, namespace, name, want) in ROWS.iter().chain(more) {
            let got = ask(&authorizer, request(verb, group, resource, namespace, name));
            let want = match *want {
                "ok" => (Decision::Allow, String::new()),
                reason => (Decision::NoOpinion, reason.to_owned()),
            };
            assert_eq!(got, want, "{row:?} with selectors: {with_selectors}");
        }
    }
}

#[test]
fn a_selector_for_the_own_node_opens_lists() {
    let authorizer = authorizer(true);
    for (selector, allowed) in [
        ("spec.nodeName=n1", true),
        ("spec.nodeName==n1", true),
        ("status.phase=Running,spec.nodeName=n1", true),
        ("spec.nodeName=n2", false),
        ("spec.nodeName!=n1", false),
        ("spec.nodeName=n11", false),
    ] {
        for (group, resource) in [("", "pods"), ("resource.k8s.io", "resourceslices")] {
            let mut request = request("list", group, resource, "", "");
            request.field_selector = selector.into();
            assert_eq!(ask(&authorizer, request).0 == Decision::Allow, allowed, "{resource} {selector}");
        }
    }
}

#[test]
fn only_kubelets_are_known() {
    let authorizer = authorizer(false);
    for (name, groups, want) in [
        ("system:node:n1", &[][..], ""),
        ("alice", &["system:nodes"][..], ""),
        ("system:node:", &["system:nodes"][..], "unknown node for user \"system:node:\""),
    ] {
        let attributes =
            Attributes { user: UserInfo::new(name, groups), request: request("list", "", "nodes", "", "") };
        assert_eq!(authorizer.authorize(&attributes), (Decision::NoOpinion, want.to_owned()));
    }
}
