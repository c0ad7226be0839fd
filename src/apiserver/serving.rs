//! Connections: TLS, HTTP/1.1 and HTTP/2, and the bodies of answers.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/secure_serving.go`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub mod tls;

/// The body of an answer: whole, or streamed (watches, logs).
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;

/// How long a client may take for its handshake, its headers, or its body.
pub const PATIENCE: Duration = Duration::from_secs(32);
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
pub async fn read(body: Incoming) -> Result<Bytes, BodyError> {
    let limited = http_body_util::Limited::new(body, BODY_LIMIT);
    match tokio::time::timeout(PATIENCE, limited.collect()).await {
        Err(_) => Err(BodyError::TimedOut),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Broken),
    }
}

/// Who is at the other end of a connection: the certificate that was shown.
#[derive(Clone, Default)]
pub struct Peer {
    /// The certificates, the client's own first.
    pub certificates: Arc<Vec<rustls_pki_types::CertificateDer<'static>>>,
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
    stop: CancellationToken,
) {
    let connections = tokio_util::task::TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (acceptor, service, stop) = (acceptor.clone(), service.clone(), stop.clone());
                connections.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = connection(stream, acceptor, service) => {}
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

async fn connection<S: Service>(stream: TcpStream, acceptor: TlsAcceptor, service: Arc<S>) {
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await else { return };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|c| c.clone().into_owned()).collect();
    let peer = Peer { certificates: Arc::new(certificates) };
    let answer = service_fn(move |request| {
        let (service, peer) = (service.clone(), peer.clone());
        async move { Ok::<_, Infallible>(service.answer(peer, request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(250);
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), answer).await;
}
