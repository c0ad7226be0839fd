//! Connections: TLS, HTTP/1.1 and HTTP/2, and the bodies of answers.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/secure_serving.go`.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::authentication::x509;

mod connection;
pub mod tls;

/// The body of an answer: whole, or streamed (watches, logs).
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// How long a client may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For its handshake, and for the headers of a request (upstream: `ReadHeaderTimeout`).
    pub headers: Duration,
    /// For the body of a request (upstream: `--request-timeout`).
    pub body: Duration,
    /// Between two requests on a connection of HTTP/2 (upstream: `IdleTimeout`).
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { headers: seconds(32), body: seconds(60), idle: seconds(90) }
    }
}

/// How large a body may be.
pub const BODY_LIMIT: usize = 3 << 20;

/// Makes a body of bytes.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into()).boxed_unsync()
}

/// Makes a body of pieces as they come.
pub fn streamed(pieces: impl futures::Stream<Item = Bytes> + Send + 'static) -> Body {
    use futures::StreamExt;
    let frames = pieces.map(|piece| Ok::<_, Infallible>(hyper::body::Frame::data(piece)));
    http_body_util::StreamBody::new(frames).boxed_unsync()
}

/// Why a body could not be read.
pub enum BodyError {
    /// It is too large.
    TooLarge,
    /// It took too long.
    TimedOut,
    /// The client broke off.
    Broken,
}

/// Reads a body up to the limit.
pub async fn read(body: Incoming, patience: Duration) -> Result<Bytes, BodyError> {
    let limited = http_body_util::Limited::new(body, BODY_LIMIT);
    match tokio::time::timeout(patience, limited.collect()).await {
        Err(_) => Err(BodyError::TimedOut),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
    }
}

/// Who is at the other end of a connection: the certificate that was shown.
#[derive(Clone)]
pub struct Peer {
    /// The address that it has.
    pub address: IpAddr,
    /// The certificates, the client's own first.
    pub certificates: Arc<Vec<rustls_pki_types::CertificateDer<'static>>>,
    /// Who that is, as far as it is known.
    pub known: Arc<x509::Known>,
}

/// Answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one.
    fn answer(
        self: Arc<Self>,
        peer: Peer,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Accepts connections until `stop`; then it drops the listener and all connections.
pub async fn serve<S: Service>(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    service: Arc<S>,
    patience: Patience,
    stop: CancellationToken,
) {
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let (acceptor, service, stop) = (acceptor.clone(), service.clone(), stop.clone());
                connections.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection::serve(stream, address.ip(), acceptor, service, patience) => {}
                    }
                });
            }
            // Out of file descriptors, most likely: wait for some to come back.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}
