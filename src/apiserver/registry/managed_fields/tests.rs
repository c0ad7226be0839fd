#![allow(clippy::unwrap_used)]

use super::*;
use crate::apiserver::registry::{decode, find};

fn rt(plural: &str) -> &'static ResourceType {
    find(crate::release::default_release(), "", "v1", plural).unwrap()
}

fn create(plural: &str, body: &Value) -> Value {
    let text = body.to_string();
    let (mut object, _) =
        decode::decode(rt(plural), "", text.as_bytes(), "application/json", FieldValidation::Strict).unwrap();
    object["metadata"]["uid"] = json!("u");
    object
}

fn apply_as(plural: &str, live: &Value, manager: &str, force: bool, patch: &Value) -> Result<Value, Status> {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let options = ApplyOptions { manager, force, validation: FieldValidation::Warn, now };
    apply(rt(plural), "", live, patch.to_string().as_bytes(), &options).map(|(o, _)| o)
}

fn node(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
}

#[test]
fn conflict_force_and_dropping() {
    let live = create("nodes", &node("n", json!({})));
    let one = apply_as("nodes", &live, "one", false, &node("n", json!({"a": "1", "b": "2"}))).unwrap();
    assert_eq!(one["metadata"]["labels"], json!({"a": "1", "b": "2"}));
    assert_eq!(
        one["metadata"]["managedFields"],
        json!([{"apiVersion": "v1", "fieldsType": "FieldsV1", "manager": "one", "operation": "Apply",
            "time": "2023-11-14T22:13:20Z", "fieldsV1": {"f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}}}}])
    );
    let refused = apply_as("nodes", &one, "two", false, &node("n", json!({"a": "2"}))).unwrap_err();
    assert_eq!(refused.message, "Apply failed with 1 conflict: conflict with \"one\": .metadata.labels.a");
    assert_eq!((refused.code, refused.causes[0].field.as_str()), (409, ".metadata.labels.a"));
    let two = apply_as("nodes", &one, "two", true, &node("n", json!({"a": "2"}))).unwrap();
    assert_eq!(two["metadata"]["labels"], json!({"a": "2", "b": "2"}));
    let three = apply_as("nodes", &two, "one", false, &node("n", json!({"c": "2"}))).unwrap();
    assert_eq!(three["metadata"]["labels"], json!({"a": "2", "c": "2"}));
}

#[test]
fn updates_are_tracked_once_something_was_applied() {
    let now = Timestamp::from_second(1_700_000_000).unwrap();
    let live = create("nodes", &node("n", json!({})));
    let mut labelled = live.clone();
    labelled["metadata"]["labels"] = json!({"a": "1"});
    update(rt("nodes"), "", &live, &mut labelled, "kubectl-label", now);
    assert_eq!(labelled["metadata"].get("managedFields"), None);
    let applied = apply_as("nodes", &labelled, "kubectl", false, &node("n", json!({"b": "1"}))).unwrap();
    let managers: Vec<_> = applied["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["manager"].clone())
        .collect();
    assert_eq!(managers, ["kubectl", "before-first-apply"]);
    let refused = apply_as("nodes", &applied, "x", false, &node("n", json!({"a": "2"}))).unwrap_err();
    assert_eq!(
        refused.message,
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .metadata.labels.a"
    );
}

#[test]
fn a_created_pods_fields() {
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}});
    let mut object = create("pods", &pod);
    object["metadata"]["uid"] = json!("");
    update(rt("pods"), "", &Value::Null, &mut object, "curl", Timestamp::UNIX_EPOCH);
    assert_eq!(
        object["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:metadata": {"f:labels": {".": {}, "f:app": {}}},
            "f:spec": {"f:containers": {"k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {},
                "f:ports": {".": {}, "k:{\"containerPort\":80,\"protocol\":\"TCP\"}":
                    {".": {}, "f:containerPort": {}, "f:protocol": {}}}, "f:resources": {}}}}})
    );
}

#[test]
fn refusals() {
    let live = create("nodes", &node("n", json!({})));
    let mut strange = node("n", json!({}));
    strange["spec"] = json!({"nope": 1});
    let refused = apply_as("nodes", &live, "m", false, &strange).unwrap_err();
    assert_eq!(
        (refused.code, refused.reason, refused.message.as_str()),
        (
            500,
            "",
            "failed to create typed patch object (/n; /v1, Kind=Node): .spec.nope: field not declared in schema"
        )
    );
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "n"}});
    assert_eq!(
        apply_as("nodes", &live, "m", false, &pod).unwrap_err().message,
        "invalid object type: /v1, Kind=Pod"
    );
}
