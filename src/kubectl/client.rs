//! The HTTP client: one connection kept alive, TLS by rustls, failures in Go's words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::fail::{Fail, Result};
use super::kubeconfig::Target;

/// The content types of requests.
pub mod media {
    /// JSON.
    pub const JSON: &str = "application/json";
    /// RFC 7386.
    pub const MERGE_PATCH: &str = "application/merge-patch+json";
    /// RFC 6902.
    pub const JSON_PATCH: &str = "application/json-patch+json";
    /// Kubernetes' own patch.
    pub const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
    /// Server-side apply.
    pub const APPLY: &str = "application/apply-patch+yaml";
    /// A Table, where the server makes one.
    pub const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Talks to one server as one user.
pub struct Client {
    target: Target,
    headers: Vec<(String, String)>,
    tls: Option<Arc<rustls::ClientConfig>>,
    timeout: Option<Duration>,
    connection: tokio::sync::Mutex<Option<SendRequest<Full<Bytes>>>>,
    warned: std::sync::Mutex<Vec<String>>,
}

impl Client {
    /// Makes a client; nothing is connected yet. `headers` go with each request.
    pub fn new(target: Target, headers: Vec<(String, String)>, timeout: Option<Duration>) -> Result<Self> {
        let tls = if target.server.starts_with("https://") { Some(Arc::new(tls(&target)?)) } else { None };
        Ok(Self {
            target,
            headers,
            tls,
            timeout,
            connection: tokio::sync::Mutex::default(),
            warned: std::sync::Mutex::default(),
        })
    }

    /// The server's address as the kubeconfig has it.
    pub fn server(&self) -> &str {
        &self.target.server
    }

    /// Reads JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.json(Method::GET, path, media::JSON, None).await
    }

    /// Sends a request with an optional body and reads the answer as JSON.
    pub async fn json(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Value> {
        let bytes = self.bytes(method.clone(), path, accept, body).await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| Fail::Plain(format!("the server's answer is no JSON: {e}")))
    }

    /// Sends a request and reads the answer whole.
    pub async fn bytes(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Bytes> {
        let work = async {
            let response = self.open(method.clone(), path, accept, body).await?;
            let collected = response.into_body().collect().await;
            collected.map(|c| c.to_bytes()).map_err(|e| self.lost(&method, path, &hyper_cause(&e)))
        };
        match self.timeout {
            None => work.await,
            Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                Err(self.lost(
                    &method,
                    path,
                    "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                ))
            }),
        }
    }

    /// Sends a request and gives the answer while it still comes in; an error status is a failure.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Response<Incoming>> {
        let url = format!("{}{path}", self.target.server);
        let prefix_len = self.target.server.find("://").map_or(0, |i| i + 3);
        let (host, prefix) = match self.target.server[prefix_len..].split_once('/') {
            Some((host, prefix)) => (host, format!("/{prefix}")),
            None => (&self.target.server[prefix_len..], String::new()),
        };
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{prefix}{path}"))
            .header("Host", host)
            .header("Accept", accept)
            .header("User-Agent", user_agent());
        if let Some(value) = &self.target.authorization {
            request = request.header("Authorization", value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let bytes = match body {
            Some((content_type, bytes)) => {
                request = request.header("Content-Type", content_type);
                Bytes::from(bytes)
            }
            None => Bytes::new(),
        };
        let request =
            request.body(Full::new(bytes)).map_err(|e| Fail::Plain(format!("parse \"{url}\": {e}")))?;
        let mut sender = self.sender(&method, path, host).await?;
        let response =
            sender.send_request(request).await.map_err(|e| self.lost(&method, path, &hyper_cause(&e)))?;
        if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            *self.connection.lock().await = Some(sender);
        }
        self.warn(&response);
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let bytes = response.into_body().collect().await.map(|c| c.to_bytes()).unwrap_or_default();
        Err(Fail::Status(Box::new(status(code, &bytes))))
    }

    /// A connection that can take a request: the kept one, else a new one.
    async fn sender(&self, method: &Method, path: &str, host: &str) -> Result<SendRequest<Full<Bytes>>> {
        if let Some(mut kept) = self.connection.lock().await.take() {
            // A connection whose last answer still streams is never ready: a new one is made then.
            let ready = tokio::time::timeout(Duration::from_millis(50), kept.ready()).await;
            if matches!(ready, Ok(Ok(()))) {
                return Ok(kept);
            }
        }
        let fail = |cause: String| self.lost(method, path, &cause);
        let (name, port) = split_host(host, self.tls.is_some());
        let limit = self.timeout.unwrap_or(Duration::from_secs(30));
        let tcp = match tokio::time::timeout(limit, TcpStream::connect((name.as_str(), port))).await {
            Err(_) => return Err(fail(format!("dial tcp {}: i/o timeout", address(&name, port)))),
            Ok(Err(e)) => return Err(fail(dial_cause(&name, port, &e))),
            Ok(Ok(tcp)) => tcp,
        };
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(tcp),
            Some(config) => {
                let expected = self.target.tls_server_name.clone().unwrap_or(name);
                let expected = ServerName::try_from(expected)
                    .map_err(|e| fail(format!("tls: invalid server name: {e}")))?;
                let connect = tokio_rustls::TlsConnector::from(config.clone()).connect(expected, tcp);
                match tokio::time::timeout(Duration::from_secs(10), connect).await {
                    Err(_) => return Err(fail("net/http: TLS handshake timeout".into())),
                    Ok(Err(e)) => return Err(fail(tls_cause(&e))),
                    Ok(Ok(tls)) => Box::new(tls),
                }
            }
        };
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| fail(hyper_cause(&e)))?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn lost(&self, method: &Method, path: &str, cause: &str) -> Fail {
        let name = method.as_str().to_ascii_lowercase();
        let method = name[..1].to_ascii_uppercase() + &name[1..];
        Fail::Connect { method, url: format!("{}{path}", self.target.server), cause: cause.into() }
    }

    /// Shows each warning that the server sends, once.
    fn warn(&self, response: &Response<Incoming>) {
        let Ok(mut warned) = self.warned.lock() else { return };
        for value in response.headers().get_all("Warning") {
            let Some(text) = value.to_str().ok().and_then(warning_text) else { continue };
            if !warned.contains(&text) {
                super::out::say_err(&format!("Warning: {text}\n"));
                warned.push(text);
            }
        }
    }
}

/// The text of a `Warning: 299 agent "text"` header.
fn warning_text(header: &str) -> Option<String> {
    let rest = header.strip_prefix("299 ")?;
    let quoted = rest[rest.find('"')? + 1..].strip_suffix('"')?;
    Some(quoted.replace("\\\"", "\"").replace("\\\\", "\\"))
}

fn user_agent() -> String {
    format!("kubectl/{} ({}/{}) cks-lab", super::VERSION, "linux", super::arch())
}

/// Reads an error answer as a `Status`, made up as client-go does where the server sent none.
fn status(code: u16, body: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice::<Value>(body)
        && value["kind"] == "Status"
    {
        return value;
    }
    let text = String::from_utf8_lossy(body).trim().to_owned();
    let (reason, message) = match code {
        401 => ("Unauthorized", "the server has asked for the client to provide credentials".to_owned()),
        403 => ("Forbidden", if text.is_empty() { "forbidden".to_owned() } else { text }),
        404 => ("NotFound", "the server could not find the requested resource".to_owned()),
        405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource".to_owned()),
        406 => ("NotAcceptable", text),
        415 => ("UnsupportedMediaType", text),
        429 => ("TooManyRequests", "the server has received too many requests and has asked us to try again later".to_owned()),
        503 => ("ServiceUnavailable", "the server is currently unable to handle the request".to_owned()),
        504 => ("Timeout", "the server was unable to return a response in the time allotted, but may still be processing the request".to_owned()),
        500.. => ("InternalError", format!("an error on the server ({}) has prevented the request from succeeding", crate::go_quote::quote(&text))),
        _ => ("", format!("the server responded with the status code {code} but did not return more information")),
    };
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code})
}

fn split_host(host: &str, tls: bool) -> (String, u16) {
    let default = if tls { 443 } else { 80 };
    if let Some(rest) = host.strip_prefix('[') {
        let (name, port) = rest.split_once(']').unwrap_or((rest, ""));
        return (name.into(), port.trim_start_matches(':').parse().unwrap_or(default));
    }
    match host.rsplit_once(':') {
        Some((name, port)) => (name.into(), port.parse().unwrap_or(default)),
        None => (host.into(), default),
    }
}

fn address(name: &str, port: u16) -> String {
    if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") }
}

fn dial_cause(name: &str, port: u16, error: &std::io::Error) -> String {
    let number = rustix::io::Errno::from_io_error(error);
    let shown = if name == "localhost" { "127.0.0.1" } else { name };
    let what = match number {
        Some(rustix::io::Errno::CONNREFUSED) => "connect: connection refused",
        Some(rustix::io::Errno::HOSTUNREACH) => "connect: no route to host",
        Some(rustix::io::Errno::NETUNREACH) => "connect: network is unreachable",
        Some(rustix::io::Errno::TIMEDOUT) => "connect: connection timed out",
        Some(_) => return format!("dial tcp {}: {error}", address(shown, port)),
        None => return format!("dial tcp: lookup {name}: no such host"),
    };
    format!("dial tcp {}: {what}", address(shown, port))
}

fn tls_cause(error: &std::io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "EOF".into(),
            std::io::ErrorKind::ConnectionReset => "read: connection reset by peer".into(),
            _ => error.to_string(),
        };
    };
    let cause = match tls {
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::UnknownIssuer | rustls::CertificateError::BadSignature,
        ) => "x509: certificate signed by unknown authority".to_owned(),
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. },
        ) => "x509: certificate has expired or is not yet valid".to_owned(),
        rustls::Error::AlertReceived(alert) => return format!("remote error: tls: {alert:?}"),
        rustls::Error::InvalidMessage(_) => {
            return "tls: first record does not look like a TLS handshake".into();
        }
        other => other.to_string(),
    };
    format!("tls: failed to verify certificate: {cause}")
}

fn hyper_cause(error: &hyper::Error) -> String {
    use std::error::Error as _;
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::ConnectionReset => "read: connection reset by peer".into(),
                std::io::ErrorKind::UnexpectedEof => "EOF".into(),
                _ => tls_cause(io),
            };
        }
        source = inner.source();
    }
    "EOF".into()
}

fn tls(target: &Target) -> Result<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let bad = |e: String| Fail::Plain(format!("unable to load root certificates: {e}"));
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| bad(e.to_string()))?;
    let builder = if target.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider)))
    } else {
        let mut roots = rustls::RootCertStore::empty();
        let ca = match &target.ca {
            Some(pem) => pem.clone(),
            None => std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default(),
        };
        for cert in CertificateDer::pem_slice_iter(&ca) {
            let cert = cert.map_err(|e| bad(e.to_string()))?;
            let _ = roots.add(cert);
        }
        if target.ca.is_some() && roots.is_empty() {
            return Err(bad("unable to parse bytes as PEM block".into()));
        }
        builder.with_root_certificates(roots)
    };
    match &target.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((cert, key)) => {
            let chain: Vec<_> = CertificateDer::pem_slice_iter(cert).flatten().collect();
            if chain.is_empty() {
                return Err(Fail::Plain("tls: failed to find any PEM data in certificate input".into()));
            }
            let key = PrivateKeyDer::from_pem_slice(key)
                .map_err(|_| Fail::Plain("tls: failed to find any PEM data in key input".into()))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|_| Fail::Plain("tls: private key does not match public key".into()))
        }
    }
}

/// Trusts every server: `--insecure-skip-tls-verify`.
#[derive(Debug)]
struct Anyone(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_warnings() {
        assert_eq!(split_host("[::1]:6443", true), ("::1".into(), 6443));
        assert_eq!(split_host("a", true), ("a".into(), 443));
        assert_eq!(warning_text("299 - \"say \\\"x\\\"\"").as_deref(), Some("say \"x\""));
        assert_eq!(
            status(404, b"404 page not found")["message"],
            "the server could not find the requested resource"
        );
    }
}
