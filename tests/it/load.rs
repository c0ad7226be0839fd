//! How fast the sandbox is beside a real API server, in one run; not run by default, it only prints.
//!
//! Both are processes of their own: the sandbox is the whole lab (`cks-lab up`), nodes and kubelets included, the real one is
//! kube-apiserver with etcd. `hack/bench.sh` runs it on a release build.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};

use crate::apiserver::{ask, connect, try_connect};
use crate::program;
use crate::realserver::{Binaries, RealServer, VERSIONS};

const NODE: &str = "/api/v1/nodes/node01";
const CLIENTS: usize = 8;
/// How long each is asked at a time, and how often in turn.
const LASTS: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;
const PLUGIN: &str = "NodeRestriction";

/// What is asked: the name, the method, the label's key, the answer's code, and how many times as many the sandbox should do.
type Work = (&'static str, &'static str, &'static str, u16, f64);

const WORK: [Work; 3] = [
    ("label PATCH", "PATCH", "load/x", 200, 10.0),
    ("refused PATCH", "PATCH", "node-restriction.kubernetes.io/x", 403, 5.0),
    ("GET", "GET", "", 200, 5.0),
];

/// Where somebody answers, and a directory with `ca.crt` and the certificates and keys of `admin` and `node01`.
#[derive(Clone, Copy)]
struct At<'a> {
    dir: &'a Path,
    port: u16,
}

/// A lab in a process of its own.
struct Lab {
    child: Child,
    _home: tempfile::TempDir,
    dir: tempfile::TempDir,
    port: u16,
    manifest: PathBuf,
}

impl Lab {
    /// Starts one; also says when its API server was ready, and when all of it was.
    async fn start(version: &str) -> (Self, [Duration; 2]) {
        let home = tempfile::tempdir().unwrap();
        let release = version.trim_start_matches('v').rsplit_once('.').unwrap().0;
        let began = Instant::now();
        let mut child = program::command(home.path(), &["up", "--json", "--kubernetes", release])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lab = home.path().join("labs/default");
        let dir = tempfile::tempdir().unwrap();
        until("the lab has written its kubeconfig", async || {
            std::fs::read_to_string(lab.join("kubeconfig/admin.conf"))
                .is_ok_and(|config| write_identity(&config, dir.path(), "admin").is_some())
        })
        .await;
        let config = std::fs::read_to_string(lab.join("kubeconfig/admin.conf")).unwrap();
        let port = config.split("https://127.0.0.1:").nth(1).unwrap().lines().next().unwrap();
        let port = port.trim().parse().unwrap();
        until("the API server is ready", async || is_ready(At { dir: dir.path(), port }).await == Some(true))
            .await;
        let answers = began.elapsed();
        let info = program::ready(&mut child).unwrap();
        let ready = began.elapsed();
        // kubelet-client-current.pem leads to one beside it by its path on the node.
        let root = |node: &str| PathBuf::from(info["nodes"][node]["root"].as_str().unwrap());
        let pki = root("node01").join("var/lib/kubelet/pki");
        let current = std::fs::read_link(pki.join("kubelet-client-current.pem")).unwrap();
        let kubelet = std::fs::read(pki.join(current.file_name().unwrap())).unwrap();
        for name in ["node01.crt", "node01.key"] {
            std::fs::write(dir.path().join(name), &kubelet).unwrap();
        }
        let manifest = Path::new(info["manifests"].as_str().unwrap()).join("kube-apiserver.yaml");
        (Self { child, _home: home, dir, port, manifest }, [answers, ready])
    }

    /// Switches the plugin on as a learner does, and says how long until the new server answers.
    async fn restart(&self) -> Duration {
        let text = std::fs::read_to_string(&self.manifest).unwrap();
        let command = "    - kube-apiserver\n";
        assert!(text.contains(command) && !text.contains("--enable-admission-plugins"), "{text}");
        let edited = text.replace(command, &format!("{command}    - --enable-admission-plugins={PLUGIN}\n"));
        let began = Instant::now();
        std::fs::write(&self.manifest, edited).unwrap();
        until("the plugin is on", async || refuses(self.at()).await == Some(true)).await;
        began.elapsed()
    }

    fn at(&self) -> At<'_> {
        At { dir: self.dir.path(), port: self.port }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        program::end(&mut self.child, rustix::process::Signal::TERM, Duration::from_secs(60));
    }
}

/// Writes the CA, certificate and key of a kubeconfig into files; `None` while it is not all there.
fn write_identity(config: &str, dir: &Path, name: &str) -> Option<()> {
    for (file, field) in [
        ("ca.crt".to_owned(), "certificate-authority-data"),
        (format!("{name}.crt"), "client-certificate-data"),
        (format!("{name}.key"), "client-key-data"),
    ] {
        let data = config.split(&format!("{field}: ")).nth(1)?.split_once('\n')?.0;
        let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim()).ok()?;
        std::fs::write(dir.join(file), bytes).ok()?;
    }
    Some(())
}

async fn until(what: &str, is: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is().await {
        assert!(Instant::now() < end, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether `/readyz` says ok; `None` where nobody answers.
async fn is_ready(at: At<'_>) -> Option<bool> {
    let mut connection = try_connect(at.dir, at.port, "admin").await.ok()?;
    let request = http::Request::get("/readyz").header("host", "x").body(Full::default()).ok()?;
    Some(connection.send_request(request).await.ok()?.status() == 200)
}

fn request(method: &str, body: String) -> http::Request<Full<Bytes>> {
    http::Request::builder()
        .method(method)
        .uri(NODE)
        .header("host", "x")
        .header("user-agent", "load/1")
        .header("content-type", "application/merge-patch+json")
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

/// Whether the protected label is refused; `None` where nobody answers.
async fn refuses(at: At<'_>) -> Option<bool> {
    let body = json!({"metadata": {"labels": {"node-restriction.kubernetes.io/probe": "x"}}}).to_string();
    let mut connection = try_connect(at.dir, at.port, "node01").await.ok()?;
    Some(connection.send_request(request("PATCH", body)).await.ok()?.status() == 403)
}

/// Requests a second, and the median and 99th percentile of how long one takes.
#[derive(Clone, Copy)]
struct Rate {
    each_second: f64,
    p50: f64,
    p99: f64,
}

async fn measure(at: At<'_>, (_, method, label, code, _): Work) -> Rate {
    let mut senders = Vec::new();
    for _ in 0..CLIENTS {
        senders.push(connect(at.dir, at.port, "node01").await);
    }
    let began = Instant::now();
    let mut tasks = Vec::new();
    for (client, mut sender) in senders.into_iter().enumerate() {
        tasks.push(tokio::spawn(async move {
            let (mut took, mut sent_so_far) = (Vec::new(), 0);
            while began.elapsed() < LASTS {
                sent_so_far += 1;
                let value = (sent_so_far * CLIENTS + client).to_string();
                let body = match method {
                    "PATCH" => json!({"metadata": {"labels": {label: value}}}).to_string(),
                    _ => String::new(),
                };
                let sent = Instant::now();
                let answer = sender.send_request(request(method, body)).await.unwrap();
                let status = answer.status();
                answer.into_body().collect().await.unwrap();
                // Of many who patch one object at once some lose even after the server's own tries; they do not count.
                if status != http::StatusCode::CONFLICT {
                    assert_eq!(status, code);
                    took.push(sent.elapsed().as_secs_f64() * 1e3);
                }
            }
            took
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    let elapsed = began.elapsed();
    took.sort_by(f64::total_cmp);
    Rate {
        each_second: f64::from(u32::try_from(took.len()).unwrap()) / elapsed.as_secs_f64(),
        p50: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
    }
}

fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

fn middle(of: &[Rate]) -> Rate {
    let field = |field: fn(&Rate) -> f64| median(of.iter().map(field).collect());
    Rate { each_second: field(|r| r.each_second), p50: field(|r| r.p50), p99: field(|r| r.p99) }
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap()) / 1024.0
}

fn line(what: &str, sandbox: &str, real: &str, ratio: f64, goal: f64) -> String {
    format!("{what:<22} {sandbox:>22} {real:>22} {ratio:>7.1} {goal:>5.0}")
}

/// The node of a real server, about as large as the lab's: a server with no kubelet has none.
fn node(images: &Value) -> Value {
    json!({"metadata": {"name": "node01", "labels": {"kubernetes.io/hostname": "node01"}},
        "status": {"images": images, "capacity": {"cpu": "1", "memory": "1Gi", "pods": "110"}}})
}

/// Measures both; the lines of a table.
async fn compare(binaries: &Binaries) -> Vec<String> {
    let (lab, own_ready) = Lab::start(&binaries.version).await;
    let [own_answers, own_ready] = own_ready.map(|after| after.as_secs_f64());
    let own_restart = lab.restart().await.as_secs_f64();
    let flag = format!("--enable-admission-plugins={PLUGIN}");
    let began = Instant::now();
    let mut real = RealServer::start(binaries, &[&flag]).await;
    let ready = began.elapsed().as_secs_f64();
    let began = Instant::now();
    real.restart().await;
    let restart = began.elapsed().as_secs_f64();

    let (_, _, own) = ask(lab.dir.path(), lab.port, "admin", "GET", NODE, &[], &Value::Null).await;
    let kind = [("content-type", "application/json")];
    let theirs = node(&own["status"]["images"]);
    let (code, _, answer) =
        ask(real.dir.path(), real.port, "admin", "POST", "/api/v1/nodes", &kind, &theirs).await;
    assert_eq!(code, 201, "{answer}");
    let there = At { dir: real.dir.path(), port: real.port };
    until("the real server knows the node", async || refuses(there).await == Some(true)).await;

    let title =
        format!("{:<22} {:>22} {:>22} {:>7} {:>5}", "", "sandbox", &binaries.version, "times", "goal");
    let mut table = vec![title];
    for work in WORK {
        let (mut here, mut over) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            here.push(measure(lab.at(), work).await);
            over.push(measure(there, work).await);
        }
        let (sandbox, server) = (middle(&here), middle(&over));
        let (name, .., goal) = work;
        let ratio = sandbox.each_second / server.each_second;
        let each = |rate: Rate| format!("{:.0}/s", rate.each_second);
        table.push(line(name, &each(sandbox), &each(server), ratio, goal));
        let slow = |rate: Rate| format!("{:.2} / {:.2} ms", rate.p50, rate.p99);
        table.push(format!("{:<22} {:>22} {:>22}", "  p50 / p99", slow(sandbox), slow(server)));
    }
    let own = mib(program::memory(lab.child.id()));
    let both = mib(real.pids().into_iter().flatten().map(program::memory).sum());
    let of = |what, unit, sandbox: f64, real: f64, goal| {
        line(what, &format!("{sandbox:.2} {unit}"), &format!("{real:.2} {unit}"), real / sandbox, goal)
    };
    table.push(of("memory after that", "MiB", own, both, 8.0));
    table.push(of("API server ready", "s", own_answers, ready, 40.0));
    table.push(of("all of the lab ready", "s", own_ready, ready, 1.0));
    table.push(of("restarted", "s", own_restart, restart, 1.0));
    table
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; prints only"]
async fn beside_the_real_server() {
    for (_, version) in VERSIONS {
        let Some(binaries) = Binaries::or_skip(version, "the comparison of speed") else { continue };
        println!("\n{}", compare(&binaries).await.join("\n"));
    }
}
