//! `kubectl get componentstatuses` as its requests.

use serde_json::{Value, json};

use crate::apiserver::start;

const PATH: &str = "/api/v1/componentstatuses";

#[tokio::test(flavor = "multi_thread")]
async fn components_are_healthy_while_their_pods_are_ready() {
    let f = start(&["--disable-admission-plugins=ServiceAccount"]).await;
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")];
    let cells = |answer: &Value| -> Vec<Value> {
        answer["rows"].as_array().unwrap().iter().map(|row| row["cells"].clone()).collect()
    };
    let (code, headers, answer) = f.ask("admin", "GET", PATH, &table, &Value::Null).await;
    assert_eq!(code, 200, "{answer}");
    assert_eq!(headers["warning"], "299 - \"v1 ComponentStatus is deprecated in v1.19+\"");
    let names: Vec<_> = answer["columnDefinitions"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(names, ["Name", "Status", "Message", "Error"]);
    let why =
        "Get \"https://127.0.0.1:10259/healthz\": dial tcp 127.0.0.1:10259: connect: connection refused";
    assert_eq!(cells(&answer)[0], json!(["scheduler", "Unhealthy", why, ""]));
    assert_eq!(cells(&answer)[2], json!(["etcd-0", "Healthy", "ok", ""]));

    let pod = json!({"metadata": {"name": "kube-scheduler-cp", "labels": {"component": "kube-scheduler"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let pods = "/api/v1/namespaces/kube-system/pods";
    let kind = [("content-type", "application/json")];
    let (code, _, answer) = f.ask("admin", "POST", pods, &kind, &pod).await;
    assert_eq!(code, 201, "{answer}");
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let kind = [("content-type", "application/merge-patch+json")];
    let status = format!("{pods}/kube-scheduler-cp/status");
    assert_eq!(f.ask("admin", "PATCH", &status, &kind, &ready).await.0, 200);
    let (_, _, answer) = f.ask("admin", "GET", PATH, &table, &Value::Null).await;
    assert_eq!(cells(&answer)[0], json!(["scheduler", "Healthy", "ok", ""]));

    let (_, _, one) = f.ask("admin", "GET", &format!("{PATH}/scheduler"), &[], &Value::Null).await;
    assert_eq!(one["conditions"], json!([{"type": "Healthy", "status": "True", "message": "ok"}]));
    let (code, _, gone) = f.ask("admin", "GET", &format!("{PATH}/x"), &[], &Value::Null).await;
    assert_eq!((code, &gone["message"]), (500, &json!("Component not found: x")));
    assert_eq!(f.ask("admin", "DELETE", &format!("{PATH}/etcd-0"), &[], &Value::Null).await.0, 405);
}
