//! The API server over TLS on loopback, driven as clients drive it.

use std::path::PathBuf;

use cks_lab::apiserver::server::{Exit, Waits};
use cks_lab::apiserver::serving::Patience;
use cks_lab::release::default_release;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::net::TcpStream;

mod harness;

pub use harness::*;

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lesson_is_lived_through() {
    for (plugin, code) in [(false, 200), (true, 403)] {
        let on = ["--enable-admission-plugins=NodeRestriction"];
        let f = start(if plugin { &on } else { &[] }).await;
        for name in ["controlplane", "node01"] {
            assert_eq!(f.post("/api/v1/nodes", &node(name)).await.0, 201);
        }
        let label = |key: &str| json!({"metadata": {"labels": {key: "123"}}});
        let (seen, other) = f.merge("node01", "/api/v1/nodes/controlplane", &label("killercoda/one")).await;
        assert_eq!(seen, code, "{other}");
        let restricted = label("node-restriction.kubernetes.io/one");
        let (seen, own) = f.merge("node01", "/api/v1/nodes/node01", &restricted).await;
        assert_eq!(seen, code, "{own}");
        assert_eq!(f.merge("node01", "/api/v1/nodes/node01", &label("test/two")).await.0, 200);
        let loaded = f.log.text();
        if plugin {
            assert_eq!(
                other["message"],
                "nodes \"controlplane\" is forbidden: node \"node01\" is not allowed to modify node \"controlplane\""
            );
            assert_eq!(
                own["message"],
                "nodes \"node01\" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/one"
            );
            assert!(loaded.contains("Loaded 12 mutating admission controller(s)"), "{loaded}");
        } else {
            assert!(loaded.contains("Loaded 11 mutating admission controller(s)"), "{loaded}");
        }
        let patches: Vec<_> = f.audit.since(0).into_iter().filter(|e| e.verb == "patch").collect();
        assert_eq!((patches.len(), patches[0].user.as_str()), (3, "system:node:node01"));
        assert_eq!((patches[0].authorizer.as_str(), patches[0].code), ("Node", code));
        assert_eq!(patches[0].admission.iter().any(|note| note.refused.is_some()), plugin);
        f.server.stop().await;
        // Another server may have the port by now, but no other has the certificate.
        assert!(try_connect(f.dir.path(), f.port, "admin").await.is_err(), "it is gone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identities_are_told_apart() {
    let f = start(&[]).await;
    let who = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let kind = ("content-type", "application/json");
    let (code, _, me) = f.ask("node01", "POST", path, &[kind], &who).await;
    assert_eq!((code, &me["status"]["userInfo"]["username"]), (201, &json!("system:node:node01")));
    assert_eq!(me["status"]["userInfo"]["groups"], json!(["system:nodes", "system:authenticated"]));
    let (_, _, me) = f.ask("admin", "POST", path, &[kind, ("impersonate-user", "alice")], &who).await;
    assert_eq!(me["status"]["userInfo"], json!({"username": "alice", "groups": ["system:authenticated"]}));
    let (code, _, no) = f.ask("node01", "POST", path, &[kind, ("impersonate-user", "alice")], &who).await;
    assert_eq!(code, 403);
    assert!(no["message"].as_str().unwrap().contains("cannot impersonate resource \"users\""), "{no}");
    let (code, no) = f.get("stranger", "/api/v1/nodes").await;
    assert_eq!((code, &no["reason"]), (401, &json!("Unauthorized")));
    let (code, no) = f.get("", "/api/v1/nodes").await;
    assert_eq!(code, 403);
    assert!(
        no["message"].as_str().unwrap().starts_with("nodes is forbidden: User \"system:anonymous\""),
        "{no}"
    );
    let (code, _, _) =
        f.ask("", "GET", "/version", &[("authorization", "Bearer nonsense")], &Value::Null).await;
    assert_eq!(code, 401);
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_account_tokens_work_until_the_account_is_gone() {
    let f = start(&[]).await;
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    let path = "/api/v1/namespaces/default/serviceaccounts";
    assert_eq!(f.post(path, &account).await.0, 201);
    let request = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
    let (code, answer) = f.post(&format!("{path}/robot/token"), &request).await;
    assert_eq!(code, 201, "{answer}");
    let token = answer["status"]["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let (code, _, answer) = f.ask("", "GET", "/api/v1/nodes", &headers, &Value::Null).await;
    assert_eq!(code, 403);
    assert!(answer["message"].as_str().unwrap().contains("system:serviceaccount:default:robot"), "{answer}");
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let (_, answer) = f.post("/apis/authentication.k8s.io/v1/tokenreviews", &review).await;
    assert_eq!(answer["status"]["authenticated"], true, "{answer}");
    f.ask("admin", "DELETE", &format!("{path}/robot"), &[], &Value::Null).await;
    let (code, _, _) = f.ask("", "GET", "/api/v1/nodes", &headers, &Value::Null).await;
    assert_eq!(code, 401);
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_tell_what_comes_into_view() {
    let f = start(&[]).await;
    let (_, list) = f.get("admin", "/api/v1/nodes").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path =
        format!("/api/v1/nodes?watch=1&labelSelector=a%3Db&resourceVersion={version}&timeoutSeconds=20");
    let request = http::Request::get(path).header("host", "x").body(Full::default()).unwrap();
    let mut stream = f.open("admin", request).await.into_body();
    f.post("/api/v1/nodes", &node("x")).await;
    f.merge("admin", "/api/v1/nodes/x", &json!({"metadata": {"labels": {"a": "b"}}})).await;
    f.merge("admin", "/api/v1/nodes/x", &json!({"metadata": {"labels": {"c": "d"}}})).await;
    f.merge("admin", "/api/v1/nodes/x", &json!({"metadata": {"labels": {"a": null}}})).await;
    let mut text = String::new();
    while text.lines().count() < 3 {
        let frame = stream.frame().await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    let kinds: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].clone()).collect();
    assert_eq!(kinds, ["ADDED", "MODIFIED", "DELETED"]);
    // The end of the server ends the stream.
    f.server.stop().await;
    assert!(!matches!(stream.frame().await, Some(Ok(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_of_one_moment() {
    let f = start(&[]).await;
    for name in ["a", "b", "c"] {
        f.post("/api/v1/nodes", &node(name)).await;
    }
    let (_, first) = f.get("admin", "/api/v1/nodes?limit=2").await;
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    f.ask("admin", "DELETE", "/api/v1/nodes/c", &[], &Value::Null).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let (code, second) = f.get("admin", &format!("/api/v1/nodes?limit=2&continue={token}")).await;
    assert_eq!((code, &second["items"][0]["metadata"]["name"]), (200, &json!("c")));
    assert!(second["metadata"].get("continue").is_none());
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_waits_for_finalizers() {
    let f = start(&[]).await;
    let path = "/api/v1/namespaces/default/configmaps";
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "finalizers": ["x.io/y"]}});
    assert_eq!(f.post(path, &map).await.0, 201);
    let one = format!("{path}/m");
    let (code, _, marked) = f.ask("admin", "DELETE", &one, &[], &Value::Null).await;
    assert_eq!(code, 200);
    assert!(marked["metadata"]["deletionTimestamp"].is_string(), "{marked}");
    assert_eq!(f.get("admin", &one).await.0, 200);
    let (code, _) = f.merge("admin", &one, &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(code, 200);
    assert_eq!(f.get("admin", &one).await.0, 404);
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_flags_end_it_with_the_real_words() {
    for (flag, words) in [
        ("--enable-admision-plugins=NodeRestriction", "Error: unknown flag: --enable-admision-plugins"),
        (
            "--enable-admission-plugins=NodeRestrictio",
            "run.go:72] \"command failed\" err=\"enable-admission-plugins plugin \\\"NodeRestrictio\\\" is unknown\"",
        ),
        (
            "--client-ca-file=/nowhere",
            "run.go:72] \"command failed\" err=\"open /nowhere: no such file or directory\"",
        ),
    ] {
        let (server, rest) =
            launch(default_release(), &[flag], Waits::default(), Patience::default(), |_| {}).await;
        assert_eq!(server.err(), Some(Exit { status: 1 }), "{flag}");
        assert!(rest.log.text().contains(words), "{flag}: {}", rest.log.text());
        assert_eq!(rest.port, 0, "it never listened");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_comes_in_steps() {
    // The waits are long; that they are waited for shows in the answers meanwhile.
    let long = std::time::Duration::from_secs(3600);
    let waits = Waits { policy: long, hooks: long };
    let (server, rest) = launch(default_release(), &[], waits, Patience::default(), |_| {}).await;
    let f = rest.with(server.unwrap());
    assert_eq!(f.get("", "/readyz").await.0, 403);
    let (code, text) = f.get("admin", "/readyz").await;
    assert_eq!(code, 500);
    let text = text.as_str().unwrap();
    assert!(text.contains("[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\n"), "{text}");
    assert!(!f.server.ready());
    f.server.stop().await;
    let f = start(&[]).await;
    assert_eq!(f.get("", "/readyz").await, (200, json!("ok")));
    let (_, text) = f.get("admin", "/livez?verbose").await;
    assert!(text.as_str().unwrap().ends_with("livez check passed\n"), "{text}");
    assert!(f.server.ready());
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_clients_do_no_harm() {
    let f = start(&[]).await;
    let (code, _, answer) = f
        .ask(
            "admin",
            "POST",
            "/api/v1/nodes",
            &[("content-type", "application/json")],
            &Value::String("x".repeat((3 << 20) + 1)),
        )
        .await;
    assert_eq!((code, &answer["reason"]), (413, &json!("RequestEntityTooLarge")));
    // One that says nothing, and one that speaks no TLS.
    let _silent = TcpStream::connect(("127.0.0.1", f.port)).await.unwrap();
    let mut plain = TcpStream::connect(("127.0.0.1", f.port)).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    assert_eq!(f.get("admin", "/version").await.0, 200);
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_on_the_nodes_network_may_leave_host_ports_out() {
    let f = start(&[]).await;
    let deployment = |port: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                "hostNetwork": true, "containers": [{"name": "c", "image": "i", "ports": [port]}]}}}})
    };
    let path = "/apis/apps/v1/namespaces/default/deployments?dryRun=All";
    let (code, answer) = f.post(path, &deployment(json!({"containerPort": 80}))).await;
    assert_eq!(code, 201, "{answer}");
    let (code, answer) = f.post(path, &deployment(json!({"containerPort": 80, "hostPort": 81}))).await;
    let why = "must match `containerPort` when `hostNetwork` is true";
    assert!(code == 422 && answer["message"].as_str().is_some_and(|said| said.contains(why)), "{answer}");
    f.server.stop().await;
}

/// For driving a server by hand with other tools: it runs until the file it names is removed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs until it is told to stop"]
async fn stay() {
    let flags = std::env::var("CKS_LAB_TEST_FLAGS").unwrap_or_default();
    let f = start(&flags.split(' ').filter(|flag| !flag.is_empty()).collect::<Vec<_>>()).await;
    for name in ["controlplane", "node01"] {
        f.post("/api/v1/nodes", &node(name)).await;
    }
    let file = PathBuf::from(std::env::var("CKS_LAB_TEST_FILE").unwrap());
    std::fs::write(&file, format!("{} {}\n", f.port, f.dir.path().display())).unwrap();
    while file.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}
