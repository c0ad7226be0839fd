//! Input that no honest client sends: the real answer, or a closed connection; never a crash, and the server goes on.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::apiserver::{Fixture, connect, start};

mod slow;
mod work;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const JSON: (&str, &str) = ("content-type", "application/json");
/// How long a wrong connection may take to end.
const LIMIT: Duration = Duration::from_secs(90);

async fn alive(f: &Fixture) {
    let (code, _, version) = f.ask("admin", "GET", "/version", &[], &Value::Null).await;
    assert_eq!(code, 200, "{version}");
}

/// Memory of this process that is in use, in MiB.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 256
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_json_is_refused() {
    let f = start(&[]).await;
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [1_000, 9_000, 100_000] {
            let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let whole = Value::String(format!("{{\"metadata\":{{\"name\":\"x\"}},\"data\":{deep}}}"));
            for (method, path, kind) in [
                ("POST", MAPS.to_owned(), "application/json"),
                ("POST", MAPS.to_owned(), "application/yaml"),
                ("PATCH", format!("{MAPS}/x"), "application/merge-patch+json"),
                ("PATCH", format!("{MAPS}/x"), "application/strategic-merge-patch+json"),
                ("PATCH", format!("{MAPS}/x"), "application/json-patch+json"),
                ("PATCH", format!("{MAPS}/x?fieldManager=m"), "application/apply-patch+yaml"),
                ("DELETE", format!("{MAPS}/x"), "application/json"),
            ] {
                let (code, _, _) = f.ask("admin", method, &path, &[("content-type", kind)], &whole).await;
                assert!((400..=500).contains(&code), "{method} {kind} {depth}: {code}");
            }
        }
    }
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_refused() {
    let f = start(&[]).await;
    let large = json!({"metadata": {"name": "large"}, "data": {"k": "x".repeat(4 << 20)}});
    let (code, _, answer) = f.ask("admin", "POST", MAPS, &[JSON], &large).await;
    assert_eq!((code, &answer["reason"]), (413, &json!("RequestEntityTooLarge")), "{answer}");
    let many: serde_json::Map<String, Value> = (0..100_000).map(|n| (format!("k{n}"), json!(""))).collect();
    let (code, _, _) =
        f.ask("admin", "POST", MAPS, &[JSON], &json!({"metadata": {"name": "many", "labels": many}})).await;
    assert!(code < 500, "a hundred thousand labels are many, but no crash: {code}");
    let operations: Vec<Value> =
        (0..20_000).map(|_| json!({"op": "test", "path": "/a", "value": 1})).collect();
    let kind = [("content-type", "application/json-patch+json")];
    let (code, _, answer) =
        f.ask("admin", "PATCH", "/api/v1/namespaces/default", &kind, &json!(operations)).await;
    assert_eq!(code, 413, "{answer}");
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_text_are_refused() {
    let f = start(&[]).await;
    for bytes in [
        &b"\xff\xfe{}"[..],
        b"{\"metadata\":{\"name\":\"\xff\"}}",
        b"\0\0\0\0",
        b"k8s\0\x0a\x04",
        b"\xed\xa0\x80",
    ] {
        for (method, path, kind) in [
            ("POST", MAPS, "application/json"),
            ("POST", MAPS, "application/yaml"),
            ("PATCH", "/api/v1/namespaces/default", "application/merge-patch+json"),
            ("PATCH", "/api/v1/namespaces/default?fieldManager=m", "application/apply-patch+yaml"),
        ] {
            let request = http::Request::builder().method(method).uri(path).header("host", "x");
            let request =
                request.header("content-type", kind).body(Full::new(Bytes::from_static(bytes))).unwrap();
            let mut sender = connect(f.dir.path(), f.port, "admin").await;
            let answer = sender.send_request(request).await.unwrap();
            assert!((400..=500).contains(&answer.status().as_u16()), "{method} {kind} {bytes:?}");
        }
    }
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_tls_ends() {
    let f = start(&[]).await;
    for text in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", b"\0", b""] {
        let mut stream = TcpStream::connect(("127.0.0.1", f.port)).await.unwrap();
        stream.write_all(text).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("it ends");
    }
    // Connections that never say anything hold nobody up.
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(("127.0.0.1", f.port)).await.unwrap());
    }
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_headers_are_refused() {
    let f = start(&[]).await;
    let mut sender = connect(f.dir.path(), f.port, "admin").await;
    let mut request = http::Request::get("/version").header("host", "x");
    for n in 0..5_000 {
        request = request.header(format!("x-{n}"), "y");
    }
    let answer = sender.send_request(request.body(Full::default()).unwrap()).await;
    assert!(answer.is_err() || answer.unwrap().status().as_u16() >= 400);
    let mut sender = connect(f.dir.path(), f.port, "admin").await;
    let request = http::Request::get("/version").header("host", "x").header("x", "y".repeat(2 << 20));
    let answer = sender.send_request(request.body(Full::default()).unwrap()).await;
    assert!(answer.is_err() || answer.unwrap().status().as_u16() >= 400);
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_watches_are_served() {
    const WATCHES: usize = 2_000;
    let f = start(&[]).await;
    let before = resident();
    // 100 streams a connection over HTTP/2, as the server allows.
    let mut connections = Vec::new();
    let mut streams = Vec::new();
    while streams.len() < WATCHES {
        let mut sender = super::apiserver::connect_h2(f.dir.path(), f.port, "admin").await;
        for _ in 0..100 {
            let request = http::Request::get(format!("https://x{MAPS}?watch=1&resourceVersion=0"));
            let answer = sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
            assert_eq!(answer.status(), 200);
            streams.push(answer.into_body());
        }
        connections.push(sender);
    }
    let map = json!({"metadata": {"name": "seen"}, "data": {"k": "x".repeat(1000)}});
    let (code, _, _) = f.ask("admin", "POST", MAPS, &[JSON], &map).await;
    assert_eq!(code, 201);
    for stream in &mut streams {
        let frame = tokio::time::timeout(LIMIT, stream.frame()).await.expect("an event").unwrap().unwrap();
        let event: Value = serde_json::from_slice(frame.data_ref().unwrap()).unwrap();
        assert_eq!(event["type"], "ADDED");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 400, "{WATCHES} watches on both sides took {grown} MiB");
    drop(streams);
    alive(&f).await;
    f.server.stop().await;
}
