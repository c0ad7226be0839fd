#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;
use crate::release::default_release;

pub(super) fn request(verb: &str, group: &str, resource: &str, namespace: &str, name: &str) -> RequestInfo {
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    RequestInfo {
        is_resource_request: true,
        verb: verb.into(),
        api_group: group.into(),
        api_version: "v1".into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: namespace.into(),
        name: name.into(),
        ..RequestInfo::default()
    }
}

pub(super) fn environment() -> Environment {
    Environment { store: Store::in_memory(), release: default_release() }
}

fn chain(modes: &[&str]) -> Chain {
    Chain::new(&modes.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>(), &environment())
}

#[test]
fn refusals_have_upstreams_words() {
    let alice = UserInfo::new("alice", &[]);
    let non_resource = RequestInfo { verb: "get".into(), path: "/metrics".into(), ..RequestInfo::default() };
    let rows = [
        (
            request("get", "", "nodes", "", "x"),
            "a reason",
            r#"nodes "x" is forbidden: User "alice" cannot get resource "nodes" in API group "" at the cluster scope: a reason"#,
        ),
        (
            request("list", "", "pods", "default", ""),
            "",
            r#"pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default""#,
        ),
        (
            request("get", "", "pods/log", "ns", "x"),
            "",
            r#"pods "x" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "ns""#,
        ),
        (
            request("create", "coordination.k8s.io", "leases", "ns", ""),
            "",
            r#"leases.coordination.k8s.io is forbidden: User "alice" cannot create resource "leases" in API group "coordination.k8s.io" in the namespace "ns""#,
        ),
        (non_resource, "", r#"forbidden: User "alice" cannot get path "/metrics""#),
    ];
    for (request, reason, want) in rows {
        let status = forbidden(&Attributes { user: alice.clone(), request }, reason);
        assert_eq!((status.code, status.message.as_str()), (403, want));
    }
}

#[test]
fn modes_are_asked_in_order() {
    type Row = (&'static [&'static str], &'static [&'static str], Decision, &'static str, &'static str);
    let rows: [Row; 5] = [
        (&["AlwaysDeny"], &["system:masters"], Decision::Allow, "system:masters", ""),
        (&["AlwaysDeny"], &[], Decision::NoOpinion, "", "Everything is forbidden."),
        (&["AlwaysDeny", "AlwaysAllow"], &[], Decision::Allow, "AlwaysAllow", ""),
        (
            &["Node", "AlwaysDeny"],
            &["system:nodes"],
            Decision::NoOpinion,
            "",
            "No Object name found\nEverything is forbidden.",
        ),
        (&["Node", "RBAC"], &["system:nodes"], Decision::NoOpinion, "", "No Object name found"),
    ];
    for (modes, groups, decision, authorizer, reason) in rows {
        let user = UserInfo::new("system:node:n", groups);
        let got =
            chain(modes).authorize(&Attributes { user, request: request("list", "", "secrets", "ns", "") });
        assert_eq!(got, Outcome { decision, reason: reason.into(), authorizer }, "{modes:?}");
    }
}

#[test]
fn reviews_answer_as_the_real_server() {
    let chain = chain(&["Node", "RBAC"]);
    let node = UserInfo::new("system:node:node01", &["system:nodes"]);
    let ask = |kind: &str, namespace: &str, spec: serde_json::Value| {
        review::evaluate(
            crate::release::default_release(),
            kind,
            json!({"spec": spec}),
            &node,
            namespace,
            &chain,
        )
    };
    let got = ask(
        "SelfSubjectAccessReview",
        "",
        json!({"resourceAttributes": {"verb": "get", "resource": "secrets", "namespace": "d", "name": "x"}}),
    );
    let want =
        json!({"allowed": false, "reason": "no relationship found between node 'node01' and this object"});
    assert_eq!(got.unwrap()["status"], want);
    let got = ask("SelfSubjectRulesReview", "", json!({"namespace": "d"})).unwrap();
    assert_eq!(got["status"]["incomplete"], true);
    assert_eq!(got["status"]["evaluationError"], "node authorizer does not support user rule resolution");

    let none = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    let both = json!({"user": "x", "resourceAttributes": {}, "nonResourceAttributes": {"path": "/x"}});
    let refused = [
        ("SelfSubjectRulesReview", json!({}), 400, "no namespace on request".to_owned()),
        (
            "SelfSubjectAccessReview",
            json!({}),
            422,
            format!(r#".authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: "null": {none}"#),
        ),
        (
            "SubjectAccessReview",
            json!({}),
            422,
            format!(
                r#".authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: "null": {none}, spec.user: Invalid value: "": at least one of user or group must be specified]"#
            ),
        ),
        (
            "SubjectAccessReview",
            both,
            422,
            r#".authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: authorization.NonResourceAttributes{Path:"/x", Verb:""}: cannot be specified in combination with resourceAttributes"#.into(),
        ),
        (
            "LocalSubjectAccessReview",
            json!({"user": "x", "resourceAttributes": {"namespace": "kube-system"}}),
            422,
            r#".authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "kube-system": must match metadata.namespace"#.into(),
        ),
    ];
    for (kind, spec, code, message) in refused {
        let status = ask(kind, "default", spec).unwrap_err();
        assert_eq!((status.code, status.message), (code, message));
    }
}
