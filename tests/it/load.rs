//! How fast the server is beside a real one, in one run; not run by default, it only prints.
//!
//! `cargo test --release --test it load:: -- --ignored --nocapture`

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::apiserver::{ask, connect, start};
use crate::realserver::{Binaries, RealServer, VERSIONS};

const NODE: &str = "/api/v1/nodes/node01";
const CLIENTS: usize = 8;
const LASTS: Duration = Duration::from_secs(5);
const FLAGS: [&str; 1] = ["--enable-admission-plugins=NodeRestriction"];

/// A node about as large as a real one.
fn node() -> Value {
    let images: Vec<Value> = (0..20)
        .map(|n| json!({"names": [format!("registry.k8s.io/image-{n}@sha256:{n:064}"), format!("registry.k8s.io/image-{n}:v1")], "sizeBytes": 1_000_000 + n}))
        .collect();
    json!({"metadata": {"name": "node01", "labels": {"kubernetes.io/hostname": "node01"}},
        "status": {"images": images, "capacity": {"cpu": "1", "memory": "1Gi", "pods": "110"}}})
}

/// What is asked: the name, the method, who asks, the label's key, and the answer's code.
type Work = (&'static str, &'static str, &'static str, &'static str, u16);

const WORK: [Work; 3] = [
    ("label PATCH", "PATCH", "node01", "load/x", 200),
    ("refused PATCH", "PATCH", "node01", "node-restriction.kubernetes.io/x", 403),
    ("GET", "GET", "node01", "", 200),
];

/// Requests a second, and the median and 99th percentile of how long one takes.
struct Rate {
    each_second: f64,
    median: Duration,
    slowest: Duration,
}

async fn measure(dir: &Path, port: u16, (_, method, who, label, code): Work) -> Rate {
    let mut senders = Vec::new();
    for _ in 0..CLIENTS {
        senders.push(connect(dir, port, who).await);
    }
    let began = Instant::now();
    let mut tasks = Vec::new();
    for (client, mut sender) in senders.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < LASTS {
                let value = (took.len() * CLIENTS + client).to_string();
                let body = match method {
                    "PATCH" => json!({"metadata": {"labels": {label: value}}}).to_string(),
                    _ => String::new(),
                };
                let request = http::Request::builder()
                    .method(method)
                    .uri(NODE)
                    .header("host", "x")
                    .header("user-agent", "load/1")
                    .header("content-type", "application/merge-patch+json")
                    .body(Full::new(Bytes::from(body)))
                    .unwrap();
                let at = Instant::now();
                let answer = sender.send_request(request).await.unwrap();
                assert_eq!(answer.status(), code);
                answer.into_body().collect().await.unwrap();
                took.push(at.elapsed());
            }
            took
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let elapsed = began.elapsed();
    took.sort();
    let count = u32::try_from(took.len()).unwrap();
    Rate {
        each_second: f64::from(count) / elapsed.as_secs_f64(),
        median: took[took.len() / 2],
        slowest: took[took.len() * 99 / 100],
    }
}

/// The resident memory of a process, in MiB.
fn memory(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

async fn prepare(dir: &Path, port: u16) {
    let kind = [("content-type", "application/json")];
    let (code, _, answer) = ask(dir, port, "admin", "POST", "/api/v1/nodes", &kind, &node()).await;
    assert_eq!(code, 201, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; prints only"]
async fn beside_the_real_server() {
    // This process is client and sandbox at once; what the client takes is seen before the sandbox starts.
    let base = memory(std::process::id());
    let began = Instant::now();
    let sandbox = start(&FLAGS).await;
    println!("sandbox: ready after {:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    let ours = began.elapsed();
    prepare(sandbox.dir.path(), sandbox.port).await;
    let mut rates = Vec::new();
    for work in WORK {
        rates.push(measure(sandbox.dir.path(), sandbox.port, work).await);
    }
    let own_memory = memory(std::process::id());
    println!("sandbox: {own_memory:.0} MiB with its 8 clients in one process ({base:.0} MiB before)");
    sandbox.server.stop().await;
    for (rate, (name, ..)) in rates.iter().zip(WORK) {
        println!(
            "sandbox: {name}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            rate.each_second,
            rate.median.as_secs_f64() * 1e3,
            rate.slowest.as_secs_f64() * 1e3
        );
    }
    for (_, version) in VERSIONS {
        let Some(binaries) = Binaries::or_skip(version, "the comparison of speed") else { continue };
        let began = Instant::now();
        let real = RealServer::start(&binaries, &FLAGS).await;
        let ready = began.elapsed();
        println!(
            "{version}: ready after {:.2} s: {:.0} times the sandbox's",
            ready.as_secs_f64(),
            ready.as_secs_f64() / ours.as_secs_f64()
        );
        prepare(real.dir.path(), real.port).await;
        for (rate, work) in rates.iter().zip(WORK) {
            let theirs = measure(real.dir.path(), real.port, work).await;
            println!(
                "{version}: {}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms; the sandbox: {:.1} times as many",
                work.0,
                theirs.each_second,
                theirs.median.as_secs_f64() * 1e3,
                theirs.slowest.as_secs_f64() * 1e3,
                rate.each_second / theirs.each_second
            );
        }
        let both: f64 = real.pids().into_iter().flatten().map(memory).sum();
        println!("{version}: {both:.0} MiB with etcd: {:.1} times the sandbox's", both / own_memory);
    }
}
