//! The API server over TLS on loopback, driven as clients drive it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cks_lab::apiserver::audit;
use cks_lab::apiserver::server::{
    Dependencies, Exit, KubeletClient, LogRequest, LogStream, Network, Server, Waits,
};
use cks_lab::apiserver::serving::Patience;
use cks_lab::apiserver::storage::Store;
use cks_lab::clock::SystemClock;
use cks_lab::container_fs::ContainerFs;
use cks_lab::klog::LogSink;
use cks_lab::release::{Release, default_release};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

/// A container's output in memory.
#[derive(Default)]
pub struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn write_line(&self, _stderr: bool, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

impl Lines {
    pub fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// Loopback, whatever port is asked for.
#[derive(Default)]
struct Loopback(Mutex<u16>);

#[async_trait]
impl Network for Loopback {
    async fn listen(&self, _port: u16) -> std::io::Result<Vec<TcpListener>> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        *self.0.lock().unwrap() = listener.local_addr()?.port();
        Ok(vec![listener])
    }
}

struct Kubelets;

#[async_trait]
impl KubeletClient for Kubelets {
    async fn container_logs(&self, request: LogRequest) -> Result<LogStream, String> {
        if request.previous {
            return Err(format!(
                "previous terminated container \"{}\" in pod \"{}\" not found",
                request.container, request.pod
            ));
        }
        let text = format!("{} on {}\n", request.container, request.node);
        Ok(Box::pin(futures::stream::iter([Bytes::from(text)])))
    }
}

/// A running server with everything a client needs.
pub struct Fixture {
    /// The server.
    pub server: Arc<Server>,
    /// Its port on loopback.
    pub port: u16,
    /// Where its files are.
    pub dir: tempfile::TempDir,
    /// Its output.
    pub log: Arc<Lines>,
    /// Its record.
    pub audit: Arc<audit::Log>,
}

fn params(name: &str, groups: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    for group in groups {
        params.distinguished_name.push(DnType::OrganizationName, *group);
    }
    params
}

/// Writes a CA, a server certificate, a service account key, and client certificates.
pub fn write_pki(dir: &Path) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = params("kubernetes", &[]);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(dir.join("ca.crt"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    let mut server = params("kube-apiserver", &[]);
    server.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let mut all = vec![("server", server)];
    for (file, name, groups) in [
        ("admin", "kubernetes-admin", ["system:masters"]),
        ("node01", "system:node:node01", ["system:nodes"]),
        ("controlplane", "system:node:controlplane", ["system:nodes"]),
    ] {
        let mut client = params(name, &groups);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        all.push((file, client));
    }
    for (file, params) in all {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(dir.join(format!("{file}.crt")), certificate.pem()).unwrap();
        std::fs::write(dir.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
    let stranger = KeyPair::generate().unwrap();
    let mut own = params("kubernetes-admin", &["system:masters"]);
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    std::fs::write(dir.join("stranger.crt"), own.self_signed(&stranger).unwrap().pem()).unwrap();
    std::fs::write(dir.join("stranger.key"), stranger.serialize_pem()).unwrap();
    let service_account = KeyPair::generate().unwrap();
    std::fs::write(dir.join("sa.key"), service_account.serialize_pem()).unwrap();
    std::fs::write(dir.join("sa.pub"), service_account.public_key_pem()).unwrap();
}

fn arguments(extra: &[&str]) -> Vec<String> {
    let usual = [
        "kube-apiserver",
        "--advertise-address=172.30.1.2",
        "--authorization-mode=Node,RBAC",
        "--client-ca-file=/ca.crt",
        "--etcd-servers=https://127.0.0.1:2379",
        "--secure-port=6443",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--service-account-key-file=/sa.key",
        "--service-account-signing-key-file=/sa.key",
        "--service-cluster-ip-range=10.96.0.0/12",
        "--tls-cert-file=/server.crt",
        "--tls-private-key-file=/server.key",
    ];
    usual.iter().chain(extra).map(|word| (*word).to_owned()).collect()
}

async fn launch(
    release: &'static Release,
    extra: &[&str],
    waits: Waits,
    patience: Patience,
    prepare: impl FnOnce(&Path),
) -> (Result<Arc<Server>, Exit>, Fixture0) {
    let dir = tempfile::tempdir().unwrap();
    write_pki(dir.path());
    prepare(dir.path());
    let (log, audit, network) =
        (Arc::new(Lines::default()), Arc::new(audit::Log::default()), Arc::new(Loopback::default()));
    let (store, _) = Store::open(&dir.path().join("store")).unwrap();
    let dependencies = Dependencies {
        store,
        audit: audit.clone(),
        release,
        clock: Arc::new(SystemClock),
        log: log.clone(),
        files: ContainerFs::whole(dir.path()),
        network: network.clone(),
        kubelets: Arc::new(Kubelets),
        waits,
        patience,
    };
    let server = Server::start(&arguments(extra), dependencies).await;
    let port = *network.0.lock().unwrap();
    (server, Fixture0 { port, dir, log, audit })
}

struct Fixture0 {
    port: u16,
    dir: tempfile::TempDir,
    log: Arc<Lines>,
    audit: Arc<audit::Log>,
}

/// Starts a server with more flags.
pub async fn start(extra: &[&str]) -> Fixture {
    start_release(default_release(), extra).await
}

/// Starts a server of a release with more flags.
pub async fn start_release(release: &'static Release, extra: &[&str]) -> Fixture {
    start_patient(release, extra, Patience::default()).await
}

/// Starts a server whose clients may take so long.
pub async fn start_patient(release: &'static Release, extra: &[&str], patience: Patience) -> Fixture {
    start_prepared(release, extra, patience, |_| {}).await
}

/// Starts a server of a release with more flags, and with files that `prepare` puts into its directory.
pub async fn start_with(release: &'static Release, extra: &[&str], prepare: impl FnOnce(&Path)) -> Fixture {
    start_prepared(release, extra, Patience::default(), prepare).await
}

async fn start_prepared(
    release: &'static Release,
    extra: &[&str],
    patience: Patience,
    prepare: impl FnOnce(&Path),
) -> Fixture {
    let launched = launch(release, extra, Waits::default(), patience, prepare).await;
    let (server, Fixture0 { port, dir, log, audit }) = launched;
    let server = server.unwrap_or_else(|_| panic!("{}", log.text()));
    Fixture { server, port, dir, log, audit }
}

/// The exit status and the output of a server that does not start.
pub async fn refused_with(extra: &[&str], prepare: impl FnOnce(&Path)) -> (i32, String) {
    let (server, started) =
        launch(default_release(), extra, Waits::default(), Patience::default(), prepare).await;
    match server {
        Ok(_) => panic!("it started"),
        Err(exit) => (exit.status, started.log.text()),
    }
}

type Answer = (u16, hyper::HeaderMap, Value);

impl Fixture {
    /// Sends a request as the holder of a certificate (`""`: as nobody).
    async fn open(
        &self,
        who: &str,
        request: http::Request<Full<Bytes>>,
    ) -> http::Response<hyper::body::Incoming> {
        send(self.dir.path(), self.port, who, request).await
    }

    /// Sends a request and reads the answer.
    pub async fn ask(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        ask(self.dir.path(), self.port, who, method, path, headers, body).await
    }

    async fn get(&self, who: &str, path: &str) -> (u16, Value) {
        let (code, _, value) = self.ask(who, "GET", path, &[], &Value::Null).await;
        (code, value)
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (code, _, value) =
            self.ask("admin", "POST", path, &[("content-type", "application/json")], body).await;
        (code, value)
    }

    async fn merge(&self, who: &str, path: &str, body: &Value) -> (u16, Value) {
        let kind = [("content-type", "application/merge-patch+json")];
        let (code, _, value) = self.ask(who, "PATCH", path, &kind, body).await;
        (code, value)
    }
}

/// Sends a request as the holder of a certificate in `dir` (`""`: as nobody), and reads the answer.
pub async fn ask(
    dir: &Path,
    port: u16,
    who: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Answer {
    let mut request = http::Request::builder().method(method).uri(path).header("host", "x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = match body {
        Value::Null => Bytes::new(),
        Value::String(text) => Bytes::from(text.clone()),
        other => Bytes::from(other.to_string()),
    };
    let answer = send(dir, port, who, request.body(Full::new(body)).unwrap()).await;
    let (parts, body) = answer.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (parts.status.as_u16(), parts.headers, value)
}

async fn send(
    dir: &Path,
    port: u16,
    who: &str,
    request: http::Request<Full<Bytes>>,
) -> http::Response<hyper::body::Incoming> {
    connect(dir, port, who).await.send_request(request).await.unwrap()
}

/// Connects as the holder of a certificate (`""`: as nobody).
pub async fn connect(
    dir: &Path,
    port: u16,
    who: &str,
) -> hyper::client::conn::http1::SendRequest<Full<Bytes>> {
    try_connect(dir, port, who).await.unwrap()
}

/// Connects as the holder of a certificate to a server that may not listen yet.
pub async fn try_connect(
    dir: &Path,
    port: u16,
    who: &str,
) -> Result<hyper::client::conn::http1::SendRequest<Full<Bytes>>, Box<dyn std::error::Error>> {
    let stream = tls(dir, port, who, &[]).await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// Connects as the holder of a certificate, over HTTP/2.
pub async fn connect_h2(
    dir: &Path,
    port: u16,
    who: &str,
) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let stream = TokioIo::new(tls(dir, port, who, &["h2"]).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (sender, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Makes a TLS connection as the holder of a certificate, and offers protocols.
pub async fn tls(
    dir: &Path,
    port: u16,
    who: &str,
    protocols: &[&str],
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let file = |name: String| -> PathBuf { dir.join(name) };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.crt".into())).unwrap()).unwrap();
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
    let mut config = if who.is_empty() {
        builder.with_no_client_auth()
    } else {
        let certificate = CertificateDer::from_pem_file(file(format!("{who}.crt"))).unwrap();
        let key = PrivateKeyDer::from_pem_file(file(format!("{who}.key"))).unwrap();
        builder.with_client_auth_cert(vec![certificate], key).unwrap()
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

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
    let f =
        Fixture { server: server.unwrap(), port: rest.port, dir: rest.dir, log: rest.log, audit: rest.audit };
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
