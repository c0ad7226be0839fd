//! A real kube-apiserver with its etcd on loopback, for tests that compare with it.
//!
//! The programs are found in `KUBEBUILDER_ASSETS`, `PATH`, and the cache that `hack/tools.sh` fills; a test that finds none
//! says so on one line and skips itself.

use std::ffi::OsStr;
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http_body_util::Full;
use serde_json::{Value, json};

use super::apiserver::{ask, try_connect, write_pki};

/// The releases that tests compare with: the recordings' key, and the version of the programs.
pub const VERSIONS: [(&str, &str); 2] = [("v1.31", "v1.31.0"), ("v1.36", "v1.36.3")];

const LIMIT: Duration = Duration::from_secs(120);

/// Where the real programs of a release are.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// `v1.31.0`
    pub version: String,
    /// The directory of `kube-apiserver` and `etcd`, and maybe `kubectl`.
    pub dir: PathBuf,
}

impl Binaries {
    /// Finds the programs of a version.
    pub fn find(version: &str) -> Option<Self> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(PathBuf::from(home).join(".cache"))
        });
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = std::env::var_os("KUBEBUILDER_ASSETS")
            .map(PathBuf::from)
            .into_iter()
            .chain(cache.map(|dir| dir.join("cks-lab/bin").join(version)))
            .chain(std::env::split_paths(&path));
        let is_it = |dir: &PathBuf| {
            let output = Command::new(dir.join("kube-apiserver")).arg("--version").output();
            dir.join("etcd").is_file()
                && output.is_ok_and(|o| {
                    String::from_utf8_lossy(&o.stdout).trim() == format!("Kubernetes {version}")
                })
        };
        dirs.filter(|dir| dir.is_dir()).find(is_it).map(|dir| Self { version: version.into(), dir })
    }

    /// Finds the programs of a version, else says on one line what is skipped.
    #[allow(clippy::print_stderr)]
    pub fn or_skip(version: &str, what: &str) -> Option<Self> {
        let found = Self::find(version);
        if found.is_none() {
            eprintln!(
                "skipped: {what} ({version}): no kube-apiserver and etcd of it here; hack/tools.sh builds them"
            );
        }
        found
    }
}

/// A process that ends when this is dropped, and also when the test is killed.
pub struct Guarded {
    child: Child,
    log: PathBuf,
}

impl Guarded {
    /// Starts a program; what it prints goes to `log`.
    pub fn start<S: AsRef<OsStr>>(program: &Path, arguments: &[S], log: &Path) -> Self {
        let file = File::create(log).unwrap();
        // The shell's input is a pipe that ends with this process, however it ends.
        let child = Command::new("bash")
            .args(["-c", r#""$@" </dev/null & read -r _; kill -9 $!; wait"#, "guard"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, log: log.into() }
    }

    /// What it printed.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The program's process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        let path = format!("/proc/{0}/task/{0}/children", self.child.id());
        std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
    }

    /// Whether the program has not ended.
    fn runs(&self) -> bool {
        // A guard that has just begun has no child yet, and nothing was printed.
        self.pid().is_some() || self.output().is_empty()
    }
}

impl Guarded {
    /// Ends the program, if it still runs.
    fn end(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}

/// A running kube-apiserver with an etcd of its own; both end when this is dropped.
///
/// `dir` holds `ca.crt`, a certificate and key each of `admin`, `node01` and `controlplane`, and kubeconfigs of the same names
/// (`admin.conf`).
pub struct RealServer {
    /// Its port on loopback.
    pub port: u16,
    /// Where its files are.
    pub dir: tempfile::TempDir,
    /// Where the programs are.
    pub binaries: Binaries,
    server: Guarded,
    arguments: Vec<String>,
    etcd: Guarded,
}

fn serve(binaries: &Binaries, arguments: &[String], dir: &Path) -> Guarded {
    Guarded::start(&binaries.dir.join("kube-apiserver"), arguments, &dir.join("kube-apiserver.log"))
}

impl RealServer {
    /// Starts both with more flags for the API server; returns when `/readyz` says ok.
    pub async fn start(binaries: &Binaries, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_pki(dir.path());
        let [client, peer, port] = free_ports();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let urls = |flag: &str, port: u16| format!("--{flag}=http://127.0.0.1:{port}");
        let etcd = Guarded::start(
            &binaries.dir.join("etcd"),
            &[
                "--unsafe-no-fsync".into(),
                format!("--data-dir={}", at("etcd")),
                urls("listen-client-urls", client),
                urls("advertise-client-urls", client),
                urls("listen-peer-urls", peer),
                urls("initial-advertise-peer-urls", peer),
                format!("--initial-cluster=default=http://127.0.0.1:{peer}"),
            ],
            &dir.path().join("etcd.log"),
        );
        let mut arguments: Vec<String> = vec![
            "--bind-address=127.0.0.1".into(),
            "--advertise-address=172.30.1.2".into(),
            "--allow-privileged=true".into(),
            "--authorization-mode=Node,RBAC".into(),
            "--enable-bootstrap-token-auth=true".into(),
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local".into(),
            "--service-cluster-ip-range=10.96.0.0/12".into(),
            format!("--secure-port={port}"),
            urls("etcd-servers", client),
        ];
        for (flag, file) in [
            ("client-ca-file", "ca.crt"),
            ("cert-dir", ""),
            ("service-account-key-file", "sa.pub"),
            ("service-account-signing-key-file", "sa.key"),
            ("tls-cert-file", "server.crt"),
            ("tls-private-key-file", "server.key"),
        ] {
            arguments.push(format!("--{flag}={}", at(file)));
        }
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let server = serve(binaries, &arguments, dir.path());
        write_kubeconfigs(dir.path(), port);
        let started = Self { port, dir, binaries: binaries.clone(), server, arguments, etcd };
        started.until_ready().await;
        started
    }

    /// Ends the API server, whose etcd stays, and starts it again; returns when it is ready.
    pub async fn restart(&mut self) {
        self.server.end();
        self.server = serve(&self.binaries, &self.arguments, self.dir.path());
        self.until_ready().await;
    }

    async fn until_ready(&self) {
        let end = Instant::now() + LIMIT;
        loop {
            if self.is_ready().await == Some(true) {
                return;
            }
            assert!(
                Instant::now() < end && self.server.runs() && self.etcd.runs(),
                "not ready:\n{}\n{}",
                tail(&self.server.output()),
                tail(&self.etcd.output())
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether `/readyz` says ok; `None` where nobody answers.
    async fn is_ready(&self) -> Option<bool> {
        let mut connection = try_connect(self.dir.path(), self.port, "admin").await.ok()?;
        let request = http::Request::get("/readyz").header("host", "x").body(Full::default()).ok()?;
        Some(connection.send_request(request).await.ok()?.status() == 200)
    }

    /// What the API server printed.
    pub fn log(&self) -> String {
        self.server.output()
    }

    /// The process ids of kube-apiserver and etcd.
    pub fn pids(&self) -> [Option<u32>; 2] {
        [self.server.pid(), self.etcd.pid()]
    }
}

/// Writes kubeconfigs `WHO.conf` for the certificates in `dir`.
pub fn write_kubeconfigs(dir: &Path, port: u16) {
    for who in ["admin", "node01", "controlplane"] {
        let path = |name: &str| dir.join(name).display().to_string();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "kubernetes", "cluster": {
                "server": format!("https://127.0.0.1:{port}"), "certificate-authority": path("ca.crt")}}],
            "contexts": [{"name": "c", "context": {"cluster": "kubernetes", "user": "u"}}],
            "users": [{"name": "u", "user": {
                "client-certificate": path(&format!("{who}.crt")), "client-key": path(&format!("{who}.key"))}}],
        });
        std::fs::write(dir.join(format!("{who}.conf")), config.to_string()).unwrap();
    }
}

/// Ports that nobody listens at now.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_starts_and_ends() {
    for (_, version) in VERSIONS {
        let Some(binaries) = Binaries::or_skip(version, "the start of a real server") else { continue };
        let real = RealServer::start(&binaries, &[]).await;
        let (code, _, answer) =
            ask(real.dir.path(), real.port, "admin", "GET", "/version", &[], &Value::Null).await;
        assert_eq!((code, answer["gitVersion"].as_str()), (200, Some(version)));
        assert!(real.log().contains(&format!("Version: {}", real.binaries.version)), "{}", tail(&real.log()));
        let pids = real.pids().map(Option::unwrap);
        drop(real);
        for pid in pids {
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "process {pid} is left");
        }
    }
}
