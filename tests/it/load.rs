//! How many requests a second the server answers; not run by default, it only prints.
//!
//! `cargo test --release --test it load:: -- --ignored --nocapture`

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cks_lab::apiserver::authentication::UserInfo;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::apiserver::{Fixture, connect, start};

const NODE: &str = "/api/v1/nodes/node01";
const CLIENTS: usize = 8;
const LASTS: Duration = Duration::from_secs(5);

/// A node about as large as a real one.
fn node() -> Value {
    let images: Vec<Value> = (0..20)
        .map(|n| json!({"names": [format!("registry.k8s.io/image-{n}@sha256:{n:064}"), format!("registry.k8s.io/image-{n}:v1")], "sizeBytes": 1_000_000 + n}))
        .collect();
    json!({"metadata": {"name": "node01", "labels": {"kubernetes.io/hostname": "node01"}},
        "status": {"images": images, "capacity": {"cpu": "1", "memory": "1Gi", "pods": "110"}}})
}

fn request(method: &str, label: usize) -> http::Request<Bytes> {
    let body = match method {
        "PATCH" => json!({"metadata": {"labels": {"killercoda/one": label.to_string()}}}).to_string(),
        _ => String::new(),
    };
    http::Request::builder()
        .method(method)
        .uri(NODE)
        .header("host", "x")
        .header("user-agent", "kubectl/v1.31.0")
        .header("content-type", "application/merge-patch+json")
        .body(Bytes::from(body))
        .unwrap()
}

async fn within(fixture: &Fixture, method: &'static str) -> f64 {
    let began = Instant::now();
    let mut tasks = Vec::new();
    for client in 0..CLIENTS {
        let server = Arc::clone(&fixture.server);
        tasks.push(tokio::spawn(async move {
            let mut done = 0_usize;
            while began.elapsed() < LASTS {
                let user = UserInfo::new("kubernetes-admin", &["system:masters"]);
                let answer = server.call(user, request(method, done * CLIENTS + client)).await;
                assert_eq!(answer.status(), 200);
                answer.into_body().collect().await.unwrap();
                done += 1;
            }
            done
        }));
    }
    rate(tasks, began).await
}

async fn over_tls(fixture: &Fixture, method: &'static str) -> f64 {
    let mut senders = Vec::new();
    for _ in 0..CLIENTS {
        senders.push(connect(fixture.dir.path(), fixture.port, "admin").await);
    }
    let began = Instant::now();
    let mut tasks = Vec::new();
    for (client, mut sender) in senders.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut done = 0_usize;
            while began.elapsed() < LASTS {
                let asked = request(method, done * CLIENTS + client).map(Full::new);
                let answer = sender.send_request(asked).await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.into_body().collect().await.unwrap();
                done += 1;
            }
            done
        }));
    }
    rate(tasks, began).await
}

async fn rate(tasks: Vec<tokio::task::JoinHandle<usize>>, began: Instant) -> f64 {
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let done = u32::try_from(done).unwrap_or(u32::MAX);
    f64::from(done) / began.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; prints only"]
async fn requests_a_second() {
    let fixture = start(&["--enable-admission-plugins=NodeRestriction"]).await;
    let user = UserInfo::new("kubernetes-admin", &["system:masters"]);
    let create = http::Request::builder()
        .method("POST")
        .uri("/api/v1/nodes")
        .header("content-type", "application/json")
        .body(Bytes::from(node().to_string()))
        .unwrap();
    assert_eq!(fixture.server.call(user, create).await.status(), 201);
    for method in ["PATCH", "GET"] {
        println!("{method} in process: {:.0}/s", within(&fixture, method).await);
        println!("{method} over TLS:   {:.0}/s", over_tls(&fixture, method).await);
    }
}
