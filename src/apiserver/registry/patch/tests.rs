#![allow(clippy::unwrap_used)]

use super::*;
use crate::apiserver::registry::{decode, find};

fn object(plural: &str, body: &Value) -> Value {
    let rt = find(crate::release::default_release(), "", "v1", plural).unwrap();
    let text = body.to_string();
    decode::decode(rt, "", text.as_bytes(), "application/json", FieldValidation::Strict).unwrap().0
}

fn patched(plural: &str, kind: PatchType, current: &Value, patch: &str) -> Result<Value, Status> {
    let rt = find(crate::release::default_release(), "", "v1", plural).unwrap();
    apply(rt, "", kind, current, patch.as_bytes(), FieldValidation::Strict).map(|(o, _)| o)
}

fn node() -> Value {
    object(
        "nodes",
        &json!({"metadata": {"name": "n"}, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}),
    )
}

#[test]
fn refusals_have_the_real_texts() {
    use PatchType::{Json, Merge, Strategic};
    for (kind, patch, code, ending) in [
        (
            Strategic,
            r#"{"metadata":{"labels":{"ok":5}}}"#,
            422,
            "labels:map[ok:5]]]\": cannot convert int64 to string",
        ),
        (
            Strategic,
            r#"{"spec":{"unschedulable":"x"}}"#,
            422,
            "[unschedulable:x]]\": unrecognized type: bool",
        ),
        (
            Strategic,
            r#"{"spec":{"nope":1}}"#,
            422,
            "[nope:1]]\": strict decoding error: unknown field \"spec.nope\"",
        ),
        (Strategic, r#"{"spec":{"podCIDRs":"x"}}"#, 422, "cannot restore slice from string"),
        (Strategic, r#"{"metadata":5}"#, 422, "cannot restore struct from: int64"),
        (Strategic, "[]", 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (Strategic, r#"{"$patch":"foo"}"#, 500, "unknown patch type: foo in map: map[$patch:foo]"),
        (
            Json,
            "{}",
            400,
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        ),
        (
            Json,
            r#"[{"op":"foo","path":"/a"}]"#,
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            Json,
            r#"[{"op":"remove","path":"/a"}]"#,
            422,
            "the server rejected our request due to an error in our request",
        ),
        (
            Json,
            r#"[{"op":"add","path":"/spec/nope","value":1}]"#,
            422,
            "strict decoding error: unknown field \"spec.nope\"",
        ),
        (
            Json,
            r#"[{"op":"add","path":"/spec/unschedulable","value":true,"x":1}]"#,
            422,
            "strict decoding error: json patch unknown field \"[0].x\"",
        ),
        (Json, "[", 400, "error decoding patch: unexpected end of JSON input"),
        (
            Merge,
            r#"{"metadata":{"labels":{"ok":5}}}"#,
            422,
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
        ),
        (Merge, r#"{"kind":"Pod"}"#, 422, "converting (v1.Pod) to (core.Node): unknown conversion"),
        (Merge, "{", 400, "error decoding patch: unexpected end of JSON input"),
    ] {
        let refused = patched("nodes", kind, &node(), patch).unwrap_err();
        assert_eq!(refused.code, code, "{patch}: {}", refused.message);
        assert!(refused.message.ends_with(ending), "{patch}: {}", refused.message);
    }
}

#[test]
fn lists_merge_by_their_keys() {
    use PatchType::{Json, Merge, Strategic};
    let pod = object(
        "pods",
        &json!({"metadata": {"name": "p", "finalizers": ["a/x", "b/y"]},
            "spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}],
                "tolerations": [{"key": "t"}]}}),
    );
    let names = |v: &Value| -> Vec<String> {
        let list = v["spec"]["containers"].as_array().unwrap();
        list.iter()
            .map(|c| format!("{}:{}", c["name"].as_str().unwrap(), c["image"].as_str().unwrap()))
            .collect()
    };
    let strategic = |patch: &str| patched("pods", Strategic, &pod, patch).unwrap();
    assert_eq!(names(&strategic(r#"{"spec":{"containers":[{"name":"b","image":"2"}]}}"#)), ["a:1", "b:2"]);
    assert_eq!(names(&strategic(r#"{"spec":{"containers":[{"name":"a","$patch":"delete"}]}}"#)), ["b:1"]);
    assert_eq!(
        names(&strategic(r#"{"spec":{"containers":[{"$patch":"replace"},{"name":"c","image":"3"}]}}"#)),
        ["c:3"]
    );
    assert_eq!(
        names(&strategic(
            r#"{"spec":{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}],"containers":[{"name":"a","image":"9"}]}}"#
        )),
        ["b:1", "a:9"]
    );
    assert_eq!(
        strategic(r#"{"metadata":{"$deleteFromPrimitiveList/finalizers":["a/x"]}}"#)["metadata"]["finalizers"],
        json!(["b/y"])
    );
    assert_eq!(
        strategic(r#"{"metadata":{"finalizers":["c/z"]}}"#)["metadata"]["finalizers"],
        json!(["c/z", "a/x", "b/y"])
    );
    assert_eq!(
        strategic(r#"{"spec":{"tolerations":[{"key":"u"}]}}"#)["spec"]["tolerations"],
        json!([{"key": "u"}])
    );
    let merged =
        patched("pods", Merge, &pod, r#"{"metadata":{"finalizers":null,"labels":{"a":"b"}}}"#).unwrap();
    assert_eq!(merged["metadata"].get("finalizers"), None);
    assert_eq!(merged["metadata"]["labels"], json!({"a": "b"}));
    let changed =
        patched("pods", Json, &pod, r#"[{"op":"replace","path":"/spec/containers/0/image","value":"5"}]"#)
            .unwrap();
    assert_eq!(names(&changed), ["a:5", "b:1"]);
}
