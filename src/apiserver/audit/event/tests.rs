#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn event() -> Event {
    let received: Timestamp = "2026-11-27T17:26:04.442723441Z".parse().unwrap();
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "secrets is forbidden", "reason": "Forbidden", "details": {"kind": "secrets"}, "code": 403});
    Event {
        level: Level::Request,
        audit_id: "9c6dcbb2".into(),
        stage: Stage::ResponseComplete,
        request_uri: "/api/v1/namespaces/aud/secrets?a=1&b=2".into(),
        verb: "list".into(),
        user: UserInfo::new("kubernetes-admin", &["system:masters", "system:authenticated"]),
        impersonated_user: Some(UserInfo::new("jane", &["dev"])),
        impersonation_constraint: None,
        source_ips: vec!["172.30.1.2".into()],
        user_agent: "kubectl".into(),
        object_ref: Some(ObjectReference {
            resource: "secrets".into(),
            namespace: "aud".into(),
            api_version: "v1".into(),
            ..ObjectReference::default()
        }),
        response_status: Some(Answer { status, code: 403 }),
        request_object: Some(Ok(RawValue::from_string("{\"b\":\"<\"}".into()).unwrap())),
        response_object: None,
        received,
        staged: received,
        annotations: BTreeMap::from([("authorization.k8s.io/decision".into(), "forbid".into())]),
    }
}

#[test]
fn the_line_is_upstreams() {
    assert_eq!(
        event().json().unwrap(),
        concat!(
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"9c6dcbb2","stage":"ResponseComplete","#,
            r#""requestURI":"/api/v1/namespaces/aud/secrets?a=1\u0026b=2","verb":"list","#,
            r#""user":{"username":"kubernetes-admin","groups":["system:masters","system:authenticated"]},"#,
            r#""impersonatedUser":{"username":"jane","groups":["dev"]},"sourceIPs":["172.30.1.2"],"userAgent":"kubectl","#,
            r#""objectRef":{"resource":"secrets","namespace":"aud","apiVersion":"v1"},"#,
            r#""responseStatus":{"metadata":{},"status":"Failure","message":"secrets is forbidden","reason":"Forbidden","#,
            r#""details":{"kind":"secrets"},"code":403},"requestObject":{"b":"\u003c"},"#,
            r#""requestReceivedTimestamp":"2026-11-27T17:26:04.442723Z","stageTimestamp":"2026-11-27T17:26:04.442723Z","#,
            r#""annotations":{"authorization.k8s.io/decision":"forbid"}}"#,
            "\n"
        )
    );
}

#[test]
fn so_is_the_older_format() {
    assert_eq!(
        event().legacy(),
        concat!(
            r#"2026-11-27T17:26:04.442723441Z AUDIT: id="9c6dcbb2" stage="ResponseComplete" ip="172.30.1.2" method="list" "#,
            r#"user="kubernetes-admin" groups="\"system:masters\",\"system:authenticated\"" as="jane" asgroups="\"dev\"" "#,
            r#"user-agent="kubectl" namespace="aud" uri="/api/v1/namespaces/aud/secrets?a=1&b=2" response="403""#
        )
    );
    let bare = Event {
        user: UserInfo::default(),
        impersonated_user: None,
        object_ref: None,
        response_status: None,
        source_ips: Vec::new(),
        ..event()
    };
    let text = bare.legacy();
    assert!(text.contains(
        r#"ip="<unknown>" method="list" user="<none>" groups="<none>" as="<self>" asgroups="<lookup>""#
    ));
    assert!(text.ends_with(
        r#"namespace="<none>" uri="/api/v1/namespaces/aud/secrets?a=1&b=2" response="<deferred>""#
    ));
}

#[test]
fn a_body_that_is_no_json_is_told() {
    let broken = Event { request_object: Some(Err("invalid character 'a'".into())), ..event() };
    let why = "json: error calling MarshalJSON for type *runtime.Unknown: invalid character 'a'";
    assert_eq!(broken.json().unwrap_err(), why);
}
