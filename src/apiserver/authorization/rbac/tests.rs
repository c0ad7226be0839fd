#![allow(clippy::unwrap_used)]
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::apiserver::authorization::tests::{environment, request};
use crate::apiserver::authorization::{Chain, review};
use crate::apiserver::storage::{Key, Store};
use crate::clock::{SharedClock, SystemClock};
use crate::release::default_release;

fn reconcile(store: &Store, clock: &SharedClock) {
    let policy = bootstrap::prepared(store, default_release(), clock);
    bootstrap::reconcile(store, default_release(), clock, policy).unwrap();
}

fn put(store: &Store, resource: &str, namespace: &str, name: &str, mut object: Value) {
    object["metadata"] = json!({"name": name});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    store.create(Key::new(GROUP, resource, namespace, name), object).unwrap();
}

fn rule(verbs: &[&str], resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [""], "resources": resources})
}

fn binding(kind: &str, role: &str, subjects: Value) -> Value {
    json!({"roleRef": {"apiGroup": GROUP, "kind": kind, "name": role}, "subjects": subjects})
}

/// A store with the bootstrap policy and a few roles; `alice` may read pods in `ns` and nodes everywhere.
fn store() -> Store {
    let store = Store::in_memory();
    let clock: SharedClock = Arc::new(SystemClock);
    reconcile(&store, &clock);
    for bootstrap::Object { key, object } in bootstrap::kubeadm() {
        store.create(key, object).unwrap();
    }
    let alice = || json!([{"kind": "User", "name": "alice"}]);
    put(&store, "roles", "ns", "reader", json!({"rules": [rule(&["get", "list"], &["pods"])]}));
    put(&store, "rolebindings", "ns", "b", binding("Role", "reader", alice()));
    put(&store, "clusterroles", "", "nodes", json!({"rules": [rule(&["get"], &["nodes", "*/scale"])]}));
    put(&store, "clusterrolebindings", "", "nodes", binding("ClusterRole", "nodes", alice()));
    put(
        &store,
        "rolebindings",
        "ns",
        "robots",
        binding("ClusterRole", "nodes", json!([{"kind": "ServiceAccount", "name": "robot"}])),
    );
    put(
        &store,
        "rolebindings",
        "ns",
        "broken",
        binding("ClusterRole", "gone", json!([{"kind": "Group", "name": "lost"}])),
    );
    let named =
        json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]});
    let paths = json!({"verbs": ["get"], "nonResourceURLs": ["/metrics", "/debug/*"]});
    put(&store, "clusterroles", "", "odd", json!({"rules": [named, paths]}));
    put(
        &store,
        "clusterrolebindings",
        "",
        "odd",
        binding("ClusterRole", "odd", json!([{"kind": "Group", "name": "odd"}])),
    );
    store
}

fn chain(store: &Store) -> Chain {
    Chain::new(&["RBAC".into()], &Environment { store: store.clone(), ..environment() })
}

#[test]
fn bindings_decide() {
    let chain = chain(&store());
    let gone = format!("RBAC: clusterrole.{GROUP} \"gone\" not found");
    let nodes = r#"RBAC: allowed by ClusterRoleBinding "nodes" of ClusterRole "nodes" to User "alice""#;
    let robot =
        r#"RBAC: allowed by RoleBinding "robots/ns" of ClusterRole "nodes" to ServiceAccount "robot/ns""#;
    let odd = r#"RBAC: allowed by ClusterRoleBinding "odd" of ClusterRole "odd" to Group "odd""#;
    let pods = r#"RBAC: allowed by RoleBinding "b/ns" of Role "reader" to User "alice""#;
    let rows = [
        ("alice", "", request("get", "", "pods", "ns", "x"), Some(pods)),
        ("alice", "", request("list", "", "pods", "ns", ""), Some(pods)),
        ("alice", "", request("delete", "", "pods", "ns", "x"), None),
        ("alice", "", request("get", "", "pods/log", "ns", "x"), None),
        ("alice", "", request("get", "", "pods", "default", "x"), None),
        ("alice", "", request("list", "", "pods", "", ""), None),
        ("alice", "", request("get", "apps", "pods", "ns", "x"), None),
        ("alice", "", request("get", "", "nodes", "", "n"), Some(nodes)),
        ("alice", "", request("get", "", "anything/scale", "", "n"), Some(nodes)),
        ("alice", "", request("get", "", "nodes/status", "", "n"), None),
        ("system:serviceaccount:ns:robot", "", request("get", "", "nodes", "ns", "n"), Some(robot)),
        ("system:serviceaccount:other:robot", "", request("get", "", "nodes", "ns", "n"), None),
        ("system:serviceaccount:ns:robot", "", request("get", "", "nodes", "", "n"), None),
        ("bob", "odd", request("get", "", "secrets", "x", "one"), Some(odd)),
        ("bob", "odd", request("get", "", "secrets", "x", "two"), None),
        ("bob", "odd", request("list", "", "secrets", "x", ""), None),
        ("bob", "lost", request("get", "", "pods", "ns", "x"), None),
    ];
    for (user, group, request, by) in rows {
        let asked = format!("{user} {group} {request:?}");
        let outcome = chain.authorize(&Attributes { user: UserInfo::new(user, &[group]), request });
        let refused = if group == "lost" { gone.as_str() } else { "" };
        assert_eq!(
            (outcome.decision == Decision::Allow, outcome.reason.as_str()),
            (by.is_some(), by.unwrap_or(refused)),
            "{asked}"
        );
    }
    for (path, allowed) in
        [("/metrics", true), ("/metrics/x", false), ("/debug/pprof", true), ("/debug", false)]
    {
        let request = crate::apiserver::requestinfo::RequestInfo {
            verb: "get".into(),
            path: path.into(),
            ..Default::default()
        };
        let outcome = chain.authorize(&Attributes { user: UserInfo::new("bob", &["odd"]), request });
        assert_eq!(outcome.decision == Decision::Allow, allowed, "{path}");
    }
}

#[test]
fn rules_review_lists_what_is_bound() {
    let chain = chain(&store());
    let alice = UserInfo::new("alice", &["system:authenticated"]);
    let review = json!({"spec": {"namespace": "ns"}});
    let got = review::evaluate(
        crate::release::default_release(),
        "SelfSubjectRulesReview",
        review,
        &alice,
        "",
        &chain,
    )
    .unwrap();
    let rules = got["status"]["resourceRules"].as_array().unwrap();
    let resources: Vec<&Value> = rules.iter().map(|rule| &rule["resources"]).collect();
    let want = [
        json!(["nodes", "*/scale"]),
        json!(["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
        json!(["selfsubjectreviews"]),
        json!(["pods"]),
    ];
    assert_eq!(resources, want.iter().collect::<Vec<_>>());
    assert_eq!(got["status"]["incomplete"], false);
    assert_eq!(got["status"].get("evaluationError"), None);
}

#[test]
fn the_bootstrap_policy_is_whole_and_comes_back() {
    let store = store();
    let count = |resource: &str| store.list(GROUP, resource, "").1.len();
    // a bare server makes 64, 45, 7 and 7; kubeadm adds 2, 7, 4 and 4; the rest are this test's
    assert_eq!(
        [count("clusterroles"), count("clusterrolebindings"), count("roles"), count("rolebindings")],
        [64 + 2 + 2, 45 + 7 + 2, 7 + 4 + 1, 7 + 4 + 3]
    );
    let before = store.resource_version();
    let clock: SharedClock = Arc::new(SystemClock);
    reconcile(&store, &clock);
    assert_eq!(store.resource_version(), before, "a second reconciliation changes nothing");

    let key = Key::new(GROUP, "clusterroles", "", "system:discovery");
    let whole = store.get(&key).unwrap();
    for autoupdate in ["true", "false"] {
        let mut cut = (*store.get(&key).unwrap()).clone();
        cut["rules"] = json!([{"verbs": ["get"], "nonResourceURLs": ["/own"]}]);
        cut["metadata"]["annotations"]["rbac.authorization.kubernetes.io/autoupdate"] = json!(autoupdate);
        let version = cut["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        store.update(&key, version, cut).unwrap();
        reconcile(&store, &clock);
        let rules = PolicyRule::of_role(&store.get(&key).unwrap());
        let restored = covers::uncovered(&rules, &PolicyRule::of_role(&whole)).is_empty();
        assert_eq!(restored, autoupdate == "true");
        assert!(rules.iter().any(|rule| rule.non_resource_urls == ["/own"]), "what was added stays");
    }
    let view = store.get(&Key::new(GROUP, "clusterroles", "", "view")).unwrap();
    assert_eq!(view["rules"], Value::Null, "aggregated roles are filled by a controller");
}

#[test]
fn a_changed_role_ref_is_made_anew() {
    let store = store();
    let clock: SharedClock = Arc::new(SystemClock);
    let key = Key::new(GROUP, "clusterrolebindings", "", "cluster-admin");
    let mut changed = (*store.get(&key).unwrap()).clone();
    changed["roleRef"]["name"] = json!("view");
    let version = changed["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
    store.update(&key, version, changed).unwrap();
    reconcile(&store, &clock);
    assert_eq!(store.get(&key).unwrap()["roleRef"]["name"], "cluster-admin");
}

#[test]
fn aggregated_roles_gather_by_label() {
    let store = store();
    let (_, all) = store.list(GROUP, "clusterroles", "");
    let role = |name: &str| store.get(&Key::new(GROUP, "clusterroles", "", name)).unwrap();
    let rules = aggregation::aggregated_rules(&role("view"), &all).unwrap();
    assert_eq!(rules, role("system:aggregate-to-view")["rules"]);
    assert_eq!(aggregation::aggregated_rules(&role("nodes"), &all), None);
    let mut filled = (*role("view")).clone();
    filled["rules"] = rules;
    assert_eq!(aggregation::aggregated_rules(&filled, &all), None, "nothing to do twice");
}

fn write(
    store: &Store,
    user: &UserInfo,
    resource: &str,
    namespace: &str,
    object: &Value,
    old: Option<&Value>,
) -> Result<(), (u16, String)> {
    let name = object["metadata"]["name"].as_str().unwrap();
    let name = if old.is_some() { name } else { "" };
    let write = escalation::Write { user, resource, namespace, name, object, old, named_as_asked: false };
    escalation::check(&write, &chain(store), store).map_err(|status| (status.code, status.message))
}

#[test]
fn nobody_grants_what_they_do_not_hold() {
    let store = store();
    let alice = UserInfo::new("alice", &["system:authenticated"]);
    let admin = UserInfo::new("root", &["system:masters"]);
    let kubeadm_admin = UserInfo::new("kubernetes-admin", &["kubeadm:cluster-admins"]);
    let who = r#"user "alice" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:"#;
    let role = |rules: Value| json!({"metadata": {"name": "r"}, "rules": rules});
    let held = role(json!([rule(&["get", "list"], &["pods"])]));
    let more = role(json!([rule(&["get", "watch", "delete"], &["pods"]), rule(&["get"], &["secrets"])]));
    let missing = format!(
        "roles.{GROUP} \"r\" is forbidden: {who}\n{{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\" \"delete\"]}}\n{{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}}"
    );
    assert_eq!(write(&store, &alice, "roles", "ns", &held, None), Ok(()));
    assert_eq!(write(&store, &alice, "roles", "ns", &more, None), Err((403, missing.clone())));
    assert_eq!(write(&store, &alice, "roles", "ns", &more, Some(&held)), Err((403, missing)));
    assert!(
        write(&store, &alice, "roles", "default", &held, None).is_err(),
        "only held in another namespace"
    );
    assert_eq!(write(&store, &admin, "roles", "ns", &more, None), Ok(()));
    assert_eq!(write(&store, &kubeadm_admin, "roles", "ns", &more, None), Ok(()));

    let mut finalized = more.clone();
    finalized["metadata"]["finalizers"] = json!(["x/y"]);
    assert_eq!(
        write(&store, &alice, "roles", "ns", &finalized, Some(&more)),
        Ok(()),
        "only the collector's fields"
    );

    let urls = role(json!([{"verbs": ["get"], "nonResourceURLs": ["/x"]}]));
    let want = format!(
        "clusterroles.{GROUP} \"r\" is forbidden: {who}\n{{NonResourceURLs:[\"/x\"], Verbs:[\"get\"]}}"
    );
    assert_eq!(write(&store, &alice, "clusterroles", "", &urls, None), Err((403, want)));
    let aggregating = json!({"metadata": {"name": "r"}, "aggregationRule": {"clusterRoleSelectors": [{}]}});
    let want = format!(
        "clusterroles.{GROUP} \"r\" is forbidden: must have cluster-admin privileges to use the aggregationRule"
    );
    assert_eq!(write(&store, &alice, "clusterroles", "", &aggregating, None), Err((403, want)));
    assert_eq!(write(&store, &kubeadm_admin, "clusterroles", "", &aggregating, None), Ok(()));
}

#[test]
fn nobody_binds_what_they_do_not_hold() {
    let store = store();
    let alice = UserInfo::new("alice", &["system:authenticated"]);
    let bind = |kind: &str, role: &str| {
        let mut object = binding(kind, role, json!([]));
        object["metadata"] = json!({"name": "b"});
        object
    };
    let who = r#"user "alice" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:"#;
    let all = format!(
        "clusterrolebindings.{GROUP} \"b\" is forbidden: {who}\n{{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}}\n{{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}}"
    );
    let rows = [
        ("rolebindings", "ns", bind("Role", "reader"), Ok(())),
        ("rolebindings", "ns", bind("ClusterRole", "nodes"), Ok(())),
        ("clusterrolebindings", "", bind("ClusterRole", "nodes"), Ok(())),
        ("clusterrolebindings", "", bind("ClusterRole", "cluster-admin"), Err((403, all))),
        ("rolebindings", "ns", bind("Role", "gone"), Err((404, format!("roles.{GROUP} \"gone\" not found")))),
        (
            "clusterrolebindings",
            "",
            bind("ClusterRole", "gone"),
            Err((404, format!("clusterroles.{GROUP} \"gone\" not found"))),
        ),
        (
            "clusterrolebindings",
            "",
            bind("Role", "reader"),
            Err((400, "Namespace parameter required.".into())),
        ),
        (
            "rolebindings",
            "ns",
            bind("Robot", "x"),
            Err((500, "unsupported role reference kind: \"Robot\"".into())),
        ),
    ];
    for (resource, namespace, object, want) in rows {
        assert_eq!(write(&store, &alice, resource, namespace, &object, None), want, "{object}");
    }
    // explicit permission to bind one role
    let may_bind = json!({"verbs": ["bind"], "apiGroups": [GROUP], "resources": ["clusterroles"], "resourceNames": ["cluster-admin"]});
    put(&store, "clusterroles", "", "binder", json!({"rules": [may_bind]}));
    put(
        &store,
        "clusterrolebindings",
        "",
        "binder",
        binding("ClusterRole", "binder", json!([{"kind": "User", "name": "alice"}])),
    );
    let object = bind("ClusterRole", "cluster-admin");
    assert_eq!(write(&store, &alice, "clusterrolebindings", "", &object, None), Ok(()));
    assert!(
        write(&store, &alice, "clusterrolebindings", "", &bind("ClusterRole", "system:node"), None).is_err()
    );
}
