//! Requests that ask for much work or memory with few bytes.

use serde_json::{Value, json};

use super::{JSON, MAPS, alive, resident};
use crate::apiserver::{connect, start};

const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");
const YAML: (&str, &str) = ("content-type", "application/yaml");

/// Each of these takes a linear time to answer; where one took the square of its length, this would not end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_takes_the_square_of_its_length() {
    let f = start(&[]).await;
    let map = json!({"metadata": {"name": "m", "labels": {}, "annotations": {"a": ""}}});
    assert_eq!(f.ask("admin", "POST", MAPS, &[JSON], &map).await.0, 201);
    let one = format!("{MAPS}/m");
    let many = |n: usize| (0..n).map(|n| (format!("k{n}"), json!(""))).collect::<serde_json::Map<_, _>>();

    // Twenty thousand keys: of data, once more by an apply of somebody else, and gone again by a merge.
    let data = json!({"data": many(20_000)});
    let (code, _, answer) = f.ask("admin", "PATCH", &one, &[MERGE], &data).await;
    assert_eq!(code, 200, "{}", answer["message"]);
    let applied =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": many(10_000)});
    let (code, _, answer) =
        f.ask("admin", "PATCH", &format!("{one}?fieldManager=x"), &[APPLY], &applied).await;
    assert_eq!(code, 200, "{}", answer["message"]);
    let (code, _, _) = f.ask("admin", "PATCH", &one, &[MERGE], &json!({"data": null})).await;
    assert_eq!(code, 200);

    // Long lists: finalizers, owners that are there twice, tolerations, environment variables.
    let finalizers: Vec<Value> = (0..4_000).map(|n| json!(format!("example.com/f{n}"))).collect();
    let body = json!({"metadata": {"name": "f", "finalizers": finalizers}});
    assert_eq!(f.ask("admin", "POST", MAPS, &[JSON], &body).await.0, 201);
    let owners: Vec<Value> = (0..4_000)
        .map(|n| json!({"apiVersion": "v1", "kind": "Node", "name": format!("n{n}"), "uid": format!("{n}")}))
        .collect();
    let body = json!({"metadata": {"name": "o", "ownerReferences": owners}});
    assert_eq!(f.ask("admin", "POST", MAPS, &[JSON], &body).await.0, 201);
    let env: Vec<Value> = (0..4_000).map(|n| json!({"name": format!("E{n}"), "value": "x"})).collect();
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i", "env": env}]}});
    let pods = "/api/v1/namespaces/default/pods";
    let account = json!({"metadata": {"name": "default"}});
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    assert_eq!(f.ask("admin", "POST", accounts, &[JSON], &account).await.0, 201);
    let (code, _, answer) = f.ask("admin", "POST", pods, &[JSON], &pod).await;
    assert_eq!(code, 201, "{}", answer["message"]);
    let strategic = ("content-type", "application/strategic-merge-patch+json");
    let changed: Vec<Value> = (0..4_000).map(|n| json!({"name": format!("E{n}"), "value": "y"})).collect();
    let body = json!({"spec": {"containers": [{"name": "c", "env": changed}]}});
    let (code, _, _) = f.ask("admin", "PATCH", &format!("{pods}/p"), &[strategic], &body).await;
    assert_eq!(code, 422, "the environment of a pod does not change");

    // As many operations as are taken, on a list that each of them moves.
    let operations: Vec<Value> = (0..4_999)
        .map(|n| json!({"op": "add", "path": "/metadata/finalizers/0", "value": format!("example.com/g{n}")}))
        .collect();
    let (code, _, answer) = f.ask("admin", "PATCH", &format!("{MAPS}/f"), &[PATCH], &json!(operations)).await;
    assert_eq!(code, 200, "{}", answer["message"]);

    // A selector of many terms and many values over these.
    let values: Vec<String> = (0..1_000).map(|n| format!("v{n}")).collect();
    let terms: Vec<String> = (0..1_000).map(|n| format!("k{n}!=v")).collect();
    for selector in [format!("a in ({})", values.join(",")), terms.join(",")] {
        let path = format!("{MAPS}?labelSelector={}", selector.replace(' ', "%20"));
        let (code, _, _) = f.ask("admin", "GET", &path, &[], &Value::Null).await;
        assert_eq!(code, 200);
    }
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_cannot_grow_without_bound() {
    let f = start(&[]).await;
    let body = json!({"metadata": {"name": "m", "annotations": {"a": "x".repeat(100_000)}}});
    assert_eq!(f.ask("admin", "POST", MAPS, &[JSON], &body).await.0, 201);
    let before = resident();
    // Each copy doubles what the next one copies.
    let mut operations = Vec::new();
    for n in 0..40 {
        operations.push(json!({"op": "copy", "from": "/metadata", "path": format!("/metadata/x{n}")}));
    }
    let (code, _, answer) = f.ask("admin", "PATCH", &format!("{MAPS}/m"), &[PATCH], &json!(operations)).await;
    assert!((400..=500).contains(&code), "{code} {}", answer["message"]);
    // YAML that names itself again and again.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let last = format!("*a{}", n - 1);
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", [last.as_str(); 9].join(", ")));
    }
    for (method, path, kind) in
        [("POST", MAPS.to_owned(), YAML), ("PATCH", format!("{MAPS}/m?fieldManager=m"), APPLY)]
    {
        let (code, _, answer) = f.ask("admin", method, &path, &[kind], &json!(bomb)).await;
        assert!((400..=500).contains(&code), "{method}: {code} {}", answer["message"]);
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 300, "refusing them took {grown} MiB");
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_does_not_read_costs_no_memory() {
    let f = start(&[]).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut sender = connect(f.dir.path(), f.port, "admin").await;
        let request = http::Request::get(format!("{MAPS}?watch=1")).header("host", "x");
        let answer =
            sender.send_request(request.body(http_body_util::Full::default()).unwrap()).await.unwrap();
        idle.push((sender, answer));
    }
    let body = json!({"metadata": {"name": "m"}, "data": {"k": "x".repeat(300_000)}});
    assert_eq!(f.ask("admin", "POST", MAPS, &[JSON], &body).await.0, 201);
    let before = resident();
    for n in 0..80 {
        let change = json!({"data": {"n": n.to_string()}});
        let (code, _, _) = f.ask("admin", "PATCH", &format!("{MAPS}/m"), &[MERGE], &change).await;
        assert_eq!(code, 200);
    }
    // 80 changes of a third of a megabyte for 20 watchers are half a gigabyte.
    let grown = resident().saturating_sub(before);
    assert!(grown < 250, "they took {grown} MiB");
    drop(idle);
    alive(&f).await;
    f.server.stop().await;
}
