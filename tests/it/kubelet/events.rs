//! What the kubelet tells the API of pods and its node, and what stays undone without one of the control plane's programs.

use std::fs;

use serde_json::{Value, json};

use super::*;

const EVENTS: &str = "/api/v1/namespaces/kube-system/events";

impl Lab {
    /// Creates an object as the admin; the answer comes back.
    async fn create(&self, path: &str, object: &Value) -> Value {
        use http_body_util::BodyExt;
        let server = self.servers.borrow().clone().unwrap();
        let admin =
            cks_lab::apiserver::authentication::UserInfo::new("kubernetes-admin", &["system:masters"]);
        let body = bytes::Bytes::from(object.to_string());
        let request =
            http::Request::post(path).header("content-type", "application/json").body(body).unwrap();
        let bytes = server.call(admin, request).await.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// Waits for an event of this reason about an object, with a message that has a part.
    async fn event(&self, path: &str, name: &str, reason: &str, part: &str) -> Value {
        let fits = |event: &Value| {
            event["involvedObject"]["name"] == name
                && event["reason"] == reason
                && event["message"].as_str().is_some_and(|m| m.contains(part))
        };
        let found =
            |list: &Value| list["items"].as_array().and_then(|all| all.iter().find(|e| fits(e)).cloned());
        let list = self.object(path, &format!("{reason} {part}"), |list| found(list).is_some()).await;
        found(&list).unwrap()
    }

    fn set_aside(&self, name: &str) -> impl Fn() + use<> {
        let (from, to) = (self.manifest(name), self.dir.path().join(name));
        fs::rename(&from, &to).unwrap();
        move || fs::rename(&to, &from).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_and_the_node_have_events() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    let pod = "kube-apiserver-controlplane";
    let image = first.spec.image.as_str();
    let pulled = format!("Container image \"{image}\" already present on machine");
    for (reason, message) in [
        ("Pulled", pulled.as_str()),
        ("Created", "Created container kube-apiserver"),
        ("Started", "Started container kube-apiserver"),
    ] {
        let event = lab.event(EVENTS, pod, reason, message).await;
        assert_eq!(event["message"], message);
        assert_eq!(event["involvedObject"]["uid"], first.pod.uid.as_str());
        assert_eq!(event["involvedObject"]["fieldPath"], "spec.containers{kube-apiserver}");
        assert_eq!(event["source"], json!({"component": "kubelet", "host": "controlplane"}));
        assert_eq!((&event["type"], &event["count"]), (&json!("Normal"), &json!(1)));
    }
    let node = "/api/v1/namespaces/default/events";
    lab.event(node, "controlplane", "Starting", "Starting kubelet.").await;
    lab.event(node, "controlplane", "NodeReady", "Node controlplane status is now: NodeReady").await;
    lab.event(node, "controlplane", "RegisteredNode", "Registered Node controlplane in Controller").await;
    // A crash loop of a program that the API does without: what repeats is counted.
    lab.edit(
        "kube-scheduler.yaml",
        "--leader-elect=true",
        "--leader-elect=true\n    image: registry.k8s.io/kube-scheduler:v0.1\n#",
    );
    lab.edit(
        "kube-scheduler.yaml",
        "    image: registry.k8s.io/kube-scheduler:v1",
        "#   image: registry.k8s.io/kube-scheduler:v1",
    );
    let scheduler = "kube-scheduler-controlplane";
    lab.event(EVENTS, scheduler, "Killing", "Stopping container kube-scheduler").await;
    lab.event(
        EVENTS,
        scheduler,
        "Failed",
        "Failed to pull image \"registry.k8s.io/kube-scheduler:v0.1\": rpc error",
    )
    .await;
    lab.event(EVENTS, scheduler, "BackOff", "Back-off pulling image \"registry.k8s.io/kube-scheduler:v0.1\"")
        .await;
    let again = |list: &Value| {
        let all = list["items"].as_array().cloned().unwrap_or_default();
        all.iter().any(|e| {
            e["reason"] == "Failed" && e["message"] == "Error: ErrImagePull" && e["count"].as_i64() > Some(1)
        })
    };
    lab.object(EVENTS, "the second time is counted", again).await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_backs_off_in_the_events_too() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.edit(
        "kube-controller-manager.yaml",
        "    - kube-controller-manager\n",
        "    - kube-controller-managr\n",
    );
    let pod = "kube-controller-manager-controlplane";
    let failed = lab.event(EVENTS, pod, "Failed", "executable file not found in $PATH").await;
    assert_eq!(failed["type"], "Warning");
    let back_off = lab
        .event(EVENTS, pod, "BackOff", "Back-off restarting failed container kube-controller-manager in pod")
        .await;
    let uid = back_off["involvedObject"]["uid"].as_str().unwrap();
    assert!(
        back_off["message"].as_str().unwrap().ends_with(&format!("{pod}_kube-system({uid})")),
        "{back_off}"
    );
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_controller_manager_a_namespace_gets_no_service_account() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let back = lab.set_aside("kube-controller-manager.yaml");
    lab.until("kube-controller-manager", "it is gone", <[Container]>::is_empty).await;
    lab.create(
        "/api/v1/namespaces",
        &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}),
    )
    .await;
    lab.rescan("a while").await;
    let account = "/api/v1/namespaces/fresh/serviceaccounts/default";
    assert_eq!(lab.get(account).await, Value::Null);
    let refused = lab
        .create(
            "/api/v1/namespaces/fresh/pods",
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]}}),
        )
        .await;
    assert_eq!(
        refused["message"],
        "pods \"p\" is forbidden: error looking up service account fresh/default: serviceaccount \"default\" not found"
    );
    back();
    lab.object(account, "it is made once there is somebody to", |o| !o.is_null()).await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_scheduler_pods_stay_pending() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.object("/api/v1/namespaces/default/serviceaccounts/default", "is there", |o| !o.is_null()).await;
    let back = lab.set_aside("kube-scheduler.yaml");
    lab.until("kube-scheduler", "it is gone", <[Container]>::is_empty).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [{"name": "c",
        "image": "nginx"}], "tolerations": [{"operator": "Exists"}]}});
    lab.create("/api/v1/namespaces/default/pods", &pod).await;
    lab.rescan("a while").await;
    let path = "/api/v1/namespaces/default/pods/p";
    let pending = lab.get(path).await;
    assert_eq!((&pending["status"]["phase"], pending["spec"].get("nodeName")), (&json!("Pending"), None));
    back();
    lab.object(path, "it runs once somebody gave it a node", |o| o["status"]["phase"] == "Running").await;
    lab.event("/api/v1/namespaces/default/events", "p", "Started", "Started container c").await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_kubelet_stopped_becomes_unknown_and_is_tainted() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let node = "/api/v1/nodes/controlplane";
    let condition = |node: &Value, kind: &str| {
        let all = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|c| c["type"] == kind).unwrap_or_default()
    };
    lab.object(node, "ready", |o| condition(o, "Ready")["status"] == "True").await;
    lab.tool("systemctl", &["stop", "kubelet"]).await;
    let taints = |o: &Value| {
        let all = o["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let mut keys: Vec<_> = all
            .iter()
            .map(|t| format!("{}:{}", t["key"].as_str().unwrap(), t["effect"].as_str().unwrap()))
            .collect();
        keys.sort();
        keys
    };
    let unreachable =
        ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"];
    let silent = lab.object(node, "unknown", |o| taints(o) == unreachable).await;
    for kind in ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] {
        let found = condition(&silent, kind);
        assert_eq!(
            (&found["status"], &found["reason"]),
            (&json!("Unknown"), &json!("NodeStatusUnknown")),
            "{kind}"
        );
        assert_eq!(found["message"], "Kubelet stopped posting node status.");
    }
    let events = "/api/v1/namespaces/default/events";
    let told = lab
        .event(events, "controlplane", "NodeNotReady", "Node controlplane status is now: NodeNotReady")
        .await;
    assert_eq!(told["source"]["component"], "node-controller");
    lab.tool("systemctl", &["start", "kubelet"]).await;
    lab.object(node, "ready again", |o| condition(o, "Ready")["status"] == "True" && taints(o).is_empty())
        .await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_waits_for_the_secret_that_it_mounts() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.object("/api/v1/namespaces/default/serviceaccounts/default", "is there", |o| !o.is_null()).await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "controlplane",
        "containers": [{"name": "c", "image": "nginx", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        "volumes": [{"name": "v", "secret": {"secretName": "absent"}}]}});
    lab.create("/api/v1/namespaces/default/pods", &pod).await;
    let events = "/api/v1/namespaces/default/events";
    lab.event(
        events,
        "p",
        "FailedMount",
        "MountVolume.SetUp failed for volume \"v\" : secret \"absent\" not found",
    )
    .await;
    let path = "/api/v1/namespaces/default/pods/p";
    let waiting = lab.get(path).await;
    assert_eq!(waiting["status"]["phase"], "Pending");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "absent"}});
    lab.create("/api/v1/namespaces/default/secrets", &secret).await;
    lab.object(path, "it runs", |o| o["status"]["phase"] == "Running").await;
    lab.kubelet.shutdown().await;
}
