//! Requests that ask for much work or memory with few bytes.

use serde_json::json;

use super::{JSON, MAPS, alive, resident};
use crate::apiserver::{connect, start};

const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
const PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");
const YAML: (&str, &str) = ("content-type", "application/yaml");

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
    let body = json!({"metadata": {"name": "m"}, "data": {"k": "x".repeat(500_000)}});
    assert_eq!(f.ask("admin", "POST", MAPS, &[JSON], &body).await.0, 201);
    let before = resident();
    for n in 0..200 {
        let change = json!({"data": {"n": n.to_string()}});
        let (code, _, _) = f.ask("admin", "PATCH", &format!("{MAPS}/m"), &[MERGE], &change).await;
        assert_eq!(code, 200);
    }
    // 200 changes of half a megabyte for 20 watchers are 2 GB.
    let grown = resident().saturating_sub(before);
    assert!(grown < 500, "they took {grown} MiB");
    drop(idle);
    alive(&f).await;
    f.server.stop().await;
}
