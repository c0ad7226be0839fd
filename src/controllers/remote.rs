//! An API server in another process, reached over TLS.
//!
//! Each user has a certificate of its own, issued by the cluster's authority, and a connection of its own.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use http::{Request, Response, Uri};
use http_body_util::{BodyStream, Full};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::sync::watch;

use super::Api;
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::serving::{Body, streamed};
use crate::clock::SharedClock;
use crate::node::Node;
use crate::pki::{Authority, Subject, Usage};

/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(5);

type Sender = SendRequest<Full<Bytes>>;

/// The API server of a control plane.
pub struct Remote {
    node: Arc<dyn Node>,
    address: SocketAddr,
    authority: Authority,
    clock: SharedClock,
    connections: tokio::sync::Mutex<HashMap<String, Sender>>,
    /// Whether the server answers at all: that is when kubelets and controllers go on.
    answers: watch::Sender<bool>,
    /// Whether it is ready.
    up: watch::Sender<bool>,
    /// The container that answers now.
    holder: Mutex<Option<String>>,
    recorded: AtomicBool,
}

impl Remote {
    /// A server that will listen at `address` in the network of `node`, and that trusts `authority`.
    pub fn new(
        node: Arc<dyn Node>,
        address: SocketAddr,
        authority: Authority,
        clock: SharedClock,
    ) -> Arc<Self> {
        Arc::new(Self {
            node,
            address,
            authority,
            clock,
            connections: tokio::sync::Mutex::default(),
            answers: watch::Sender::new(false),
            up: watch::Sender::new(false),
            holder: Mutex::default(),
            recorded: AtomicBool::new(true),
        })
    }

    /// Tells whether the server is ready.
    pub fn up(&self) -> watch::Receiver<bool> {
        self.up.subscribe()
    }

    /// Tells whether the server answers at all, ready or not.
    pub fn answers(&self) -> watch::Receiver<bool> {
        self.answers.subscribe()
    }

    /// Whether the record of requests of the server that runs can be had.
    pub fn recorded(&self) -> bool {
        self.recorded.load(Ordering::Relaxed)
    }

    /// Says whether the record can be had.
    pub fn set_recorded(&self, recorded: bool) {
        self.recorded.store(recorded, Ordering::Relaxed);
    }

    /// Asks whether the server is ready, on behalf of a container that is to be it; of two the first counts.
    pub async fn probe(&self, container: &str) -> bool {
        let request = Request::get("/readyz").header("user-agent", "kube-probe/1.31").body(Bytes::new());
        let Ok(request) = request else { return false };
        let admin = UserInfo::new("kubernetes-admin", &["system:masters", "system:authenticated"]);
        let answer = tokio::time::timeout(PROBE, self.call(&admin, request)).await;
        let answers = matches!(answer, Ok(Ok(_)));
        let ready = matches!(answer, Ok(Ok(answer)) if answer.status() == 200);
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if answers && holder.is_none() {
            *holder = Some(container.to_owned());
        }
        if holder.as_deref() == Some(container) {
            set(&self.answers, answers);
            set(&self.up, ready);
            return ready;
        }
        false
    }

    /// A container has ended: if it was the server, there is none now.
    pub fn release(&self, container: &str) {
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if holder.as_deref() == Some(container) {
            *holder = None;
            set(&self.answers, false);
            set(&self.up, false);
        }
    }

    /// Connects to the server as it is.
    pub async fn connect(&self) -> io::Result<tokio::net::TcpStream> {
        self.node.connect(self.address).await
    }

    async fn connection(&self, user: &UserInfo) -> io::Result<Sender> {
        let mut connections = self.connections.lock().await;
        if let Some(sender) = connections.get(&user.name)
            && !sender.is_closed()
        {
            return Ok(sender.clone());
        }
        connections.remove(&user.name);
        let config = self.config(user)?;
        let stream = self.connect().await?;
        let _ = stream.set_nodelay(true);
        let name = ServerName::from(self.address.ip());
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .map_err(io::Error::other)?;
        tokio::spawn(connection);
        connections.insert(user.name.clone(), sender.clone());
        Ok(sender)
    }

    /// The TLS side of a user: a certificate of its name and its first group.
    fn config(&self, user: &UserInfo) -> io::Result<rustls::ClientConfig> {
        let group = user.groups.iter().find(|group| *group != "system:authenticated");
        let subject = Subject::client(&user.name, group.map_or("", String::as_str));
        let leaf =
            self.authority.issue(&subject, Usage::Client, self.clock.now()).map_err(io::Error::other)?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(
            CertificateDer::pem_slice_iter(self.authority.certificate().as_bytes()).flatten(),
        );
        let chain: Vec<_> = CertificateDer::pem_slice_iter(leaf.certificate.as_bytes()).flatten().collect();
        let key = PrivateKeyDer::from_pem_slice(leaf.key.as_bytes()).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

#[async_trait]
impl Api for Remote {
    async fn call(&self, user: &UserInfo, request: Request<Bytes>) -> io::Result<Response<Body>> {
        let mut sender = self.connection(user).await?;
        if sender.ready().await.is_err() {
            sender = self.connection(user).await?;
        }
        let (mut parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let whole = format!("https://{}{path}", self.address);
        parts.uri = whole.parse::<Uri>().map_err(io::Error::other)?;
        let request = Request::from_parts(parts, Full::new(body));
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let (parts, body) = response.into_parts();
        // A body that breaks off ends: whoever reads half an object notices, whoever watches watches again.
        let pieces = BodyStream::new(body)
            .take_while(|frame| std::future::ready(frame.is_ok()))
            .filter_map(|frame| std::future::ready(frame.ok().and_then(|frame| frame.into_data().ok())));
        Ok(Response::from_parts(parts, streamed(pieces)))
    }

    fn reachable(&self) -> watch::Receiver<bool> {
        self.answers.subscribe()
    }
}

fn set(state: &watch::Sender<bool>, to: bool) {
    state.send_if_modified(|was| std::mem::replace(was, to) != to);
}
