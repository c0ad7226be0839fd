//! An API server over TLS on loopback, with a PKI of its own, and clients for it.

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
use serde_json::Value;
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

/// Starts a server, or tries to.
pub async fn launch(
    release: &'static Release,
    extra: &[&str],
    waits: Waits,
    patience: Patience,
    prepare: impl FnOnce(&Path),
) -> (Result<Arc<Server>, Exit>, Started) {
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
        hostname: "controlplane".into(),
        waits,
        patience,
    };
    let server = Server::start(&arguments(extra), dependencies).await;
    let port = *network.0.lock().unwrap();
    (server, Started { port, dir, log, audit })
}

/// What is there whether a server started or not.
pub struct Started {
    /// Its port on loopback; 0 where it never listened.
    pub port: u16,
    dir: tempfile::TempDir,
    /// Its output.
    pub log: Arc<Lines>,
    audit: Arc<audit::Log>,
}

impl Started {
    /// The server with what belongs to it.
    pub fn with(self, server: Arc<Server>) -> Fixture {
        Fixture { server, port: self.port, dir: self.dir, log: self.log, audit: self.audit }
    }
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
    let (server, started) = launch(release, extra, Waits::default(), patience, prepare).await;
    let server = server.unwrap_or_else(|_| panic!("{}", started.log.text()));
    started.with(server)
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

/// Code, headers and body.
pub type Answer = (u16, hyper::HeaderMap, Value);

impl Fixture {
    /// Sends a request as the holder of a certificate (`""`: as nobody).
    pub async fn open(
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

    /// Reads a path.
    pub async fn get(&self, who: &str, path: &str) -> (u16, Value) {
        let (code, _, value) = self.ask(who, "GET", path, &[], &Value::Null).await;
        (code, value)
    }

    /// Creates an object as the admin.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (code, _, value) =
            self.ask("admin", "POST", path, &[("content-type", "application/json")], body).await;
        (code, value)
    }

    /// Merges a patch into an object.
    pub async fn merge(&self, who: &str, path: &str, body: &Value) -> (u16, Value) {
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
