//! Nobody grants what they do not hold: writes of roles and bindings through the whole server.

use bytes::Bytes;
use cks_lab::apiserver::authentication::UserInfo;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::apiserver::{Fixture, start};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const MERGE: &str = "application/merge-patch+json";

/// Asks as somebody; the answer's status, and its message or the object.
async fn ask(
    fixture: &Fixture,
    who: &str,
    method: &str,
    path: &str,
    content: &str,
    body: &Value,
) -> (u16, Value) {
    let groups: &[&str] = if who == "kubernetes-admin" { &["system:masters"] } else { &["devs"] };
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{RBAC}{path}"))
        .header("content-type", content)
        .body(Bytes::from(body.to_string()))
        .unwrap();
    let response = fixture.server.call(UserInfo::new(who, groups), request).await;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap())
}

async fn create(fixture: &Fixture, who: &str, path: &str, body: &Value) -> (u16, Value) {
    ask(fixture, who, "POST", path, "application/json", body).await
}

fn rule(verbs: &[&str], group: &str, resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [group], "resources": resources})
}

fn role(name: &str, rules: &[Value]) -> Value {
    json!({"metadata": {"name": name}, "rules": rules})
}

fn binding(name: &str, kind: &str, role: &str, user: &str) -> Value {
    let group = "rbac.authorization.k8s.io";
    json!({"metadata": {"name": name}, "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}]})
}

/// Gives a user rules in the namespace `default`.
async fn grant(fixture: &Fixture, name: &str, user: &str, rules: &[Value]) {
    let roles = "/namespaces/default/roles";
    let (code, why) = create(fixture, "kubernetes-admin", roles, &role(name, rules)).await;
    assert_eq!(code, 201, "{why}");
    let bindings = "/namespaces/default/rolebindings";
    let (code, why) = create(fixture, "kubernetes-admin", bindings, &binding(name, "Role", name, user)).await;
    assert_eq!(code, 201, "{why}");
}

fn refusal(resource: &str, name: &str, user: &str) -> String {
    format!(
        "{resource}.rbac.authorization.k8s.io \"{name}\" is forbidden: user \"{user}\" (groups=[\"devs\" \
         \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n\
         {{APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}}"
    )
}

#[tokio::test]
async fn roles_give_no_more_than_their_writer_holds() {
    let fixture = start(&[]).await;
    let group = "rbac.authorization.k8s.io";
    let writes = rule(&["create", "update", "patch"], group, &["roles"]);
    let pods = rule(&["get"], "", &["pods"]);
    let secrets = rule(&["get"], "", &["secrets"]);
    grant(&fixture, "writer", "alice", &[writes, pods.clone()]).await;
    let roles = "/namespaces/default/roles";
    let (code, answer) = create(&fixture, "alice", roles, &role("r", std::slice::from_ref(&secrets))).await;
    assert_eq!((code, answer["message"].clone()), (403, json!(refusal("roles", "r", "alice"))));
    assert_eq!(create(&fixture, "alice", roles, &role("r", std::slice::from_ref(&pods))).await.0, 201);

    // No other way of writing leads around it.
    let more = role("r", &[pods, secrets.clone()]);
    let one = "/namespaces/default/roles/r";
    let mut whole = more.clone();
    whole["kind"] = json!("Role");
    whole["apiVersion"] = json!(format!("{group}/v1"));
    let apply = "application/apply-patch+yaml";
    let fresh = "/namespaces/default/roles/fresh?fieldManager=t";
    let mut other = whole.clone();
    other["metadata"]["name"] = json!("fresh");
    for (method, path, content, body, name) in [
        ("PUT", one, "application/json", &more, "r"),
        ("PATCH", one, MERGE, &more, "r"),
        ("PATCH", "/namespaces/default/roles/r?fieldManager=t&force=true", apply, &whole, "r"),
        ("PATCH", fresh, apply, &other, "fresh"),
    ] {
        let (code, answer) = ask(&fixture, "alice", method, path, content, body).await;
        let expected = (403, json!(refusal("roles", name, "alice")));
        assert_eq!((code, answer["message"].clone()), expected, "{method} {path}");
    }
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(ask(&fixture, "alice", "PATCH", one, MERGE, &labels).await.0, 200);

    grant(&fixture, "escalator", "alice", &[rule(&["escalate"], group, &["roles"])]).await;
    assert_eq!(ask(&fixture, "alice", "PATCH", one, MERGE, &more).await.0, 200);
    assert_eq!(create(&fixture, "alice", roles, &role("s", &[secrets])).await.0, 201);
}

#[tokio::test]
async fn bindings_give_no_more_than_their_writer_holds() {
    let fixture = start(&[]).await;
    let group = "rbac.authorization.k8s.io";
    let (secrets, pods) = (rule(&["get"], "", &["secrets"]), rule(&["get"], "", &["pods"]));
    grant(&fixture, "writer", "bob", &[rule(&["create"], group, &["rolebindings"]), pods]).await;
    let roles = "/namespaces/default/roles";
    assert_eq!(create(&fixture, "kubernetes-admin", roles, &role("spy", &[secrets])).await.0, 201);
    let bindings = "/namespaces/default/rolebindings";
    let spy = binding("b", "Role", "spy", "bob");
    let (code, answer) = create(&fixture, "bob", bindings, &spy).await;
    assert_eq!((code, answer["message"].clone()), (403, json!(refusal("rolebindings", "b", "bob"))));
    let (code, answer) = create(&fixture, "bob", bindings, &binding("c", "Role", "gone", "bob")).await;
    let gone = "roles.rbac.authorization.k8s.io \"gone\" not found";
    assert_eq!((code, answer["message"].as_str()), (404, Some(gone)));

    // Only the role that may be bound is let pass.
    let mut bind = rule(&["bind"], group, &["roles"]);
    bind["resourceNames"] = json!(["spy"]);
    grant(&fixture, "binder", "bob", &[bind]).await;
    assert_eq!(create(&fixture, "bob", bindings, &spy).await.0, 201);
    let admin = binding("d", "ClusterRole", "cluster-admin", "bob");
    assert_eq!(create(&fixture, "bob", bindings, &admin).await.0, 403);
}
