//! One connection, from its handshake to its end.
//!
//! Upstream: `net/http` of Go (`conn.serve`), with the limits of `k8s.io/apiserver/pkg/server/secure_serving.go`.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Body, Patience, Peer, Service};

/// How many requests a client may have open on one connection of HTTP/2.
const STREAMS: u32 = 100;
/// How large the headers of a request may be (`MaxHeaderBytes`).
const HEADERS: u32 = 1 << 20;
/// How many headers a request of HTTP/1.1 may have.
const HEADER_LINES: usize = 256;
/// What somebody who speaks HTTP without TLS begins with (`tlsRecordHeaderLooksLikeHTTP`).
const PLAIN: [&[u8; 5]; 5] = [b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO"];
/// What they are told.
const NO_TLS: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// How long a client may go on sending after an answer that ends the connection (`rstAvoidanceDelay`).
const RESET_AVOIDANCE: Duration = Duration::from_millis(500);

/// Serves a connection until it ends.
pub(super) async fn serve<S: Service>(
    stream: TcpStream,
    address: IpAddr,
    acceptor: TlsAcceptor,
    service: Arc<S>,
    patience: Patience,
) {
    let _ = stream.set_nodelay(true);
    let accepted = tokio::time::timeout(patience.headers, accept(stream, acceptor));
    let Ok(Some(stream)) = accepted.await else { return };
    let session = stream.get_ref().1;
    let certificates = session.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|c| c.clone().into_owned()).collect();
    let peer =
        Peer { address: address.to_canonical(), certificates: Arc::new(certificates), known: Arc::default() };
    let speaks_h2 = session.alpn_protocol() == Some(b"h2");
    let streams = Arc::new(Streams::default());
    let open = streams.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        let (service, peer, open) = (service.clone(), peer.clone(), Open::new(&open));
        async move {
            let (parts, body) = service.answer(peer, request).await.into_parts();
            Ok::<_, Infallible>(Response::from_parts(parts, Counted { body, _open: open }))
        }
    });
    let io = TokioIo::new(stream);
    if !speaks_h2 {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(patience.headers).max_headers(HEADER_LINES);
        if let Ok(parts) = builder.serve_connection(io, answer).without_shutdown().await {
            linger(parts.io.into_inner()).await;
        }
        return;
    }
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.timer(TokioTimer::new()).max_concurrent_streams(STREAMS).max_header_list_size(HEADERS);
    let mut connection = pin!(builder.serve_connection(io, answer));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = streams.idle(patience.idle) => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(patience.headers, connection).await;
}

/// Closes a connection for writing, and for good a little later, or when the client has done so.
///
/// A client that is still sending a body that was refused would find the connection reset, and never read why
/// (`closeWriteAndWait`).
async fn linger(mut stream: TlsStream<TcpStream>) {
    let rest = async {
        if stream.shutdown().await.is_ok() {
            let (stream, _) = stream.get_mut();
            let mut rest = vec![0; 16 << 10];
            while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        }
    };
    let _ = tokio::time::timeout(RESET_AVOIDANCE, rest).await;
}

/// The handshake; nothing where there is none.
async fn accept(mut stream: TcpStream, acceptor: TlsAcceptor) -> Option<TlsStream<TcpStream>> {
    let mut first = [0];
    stream.peek(&mut first).await.ok()?;
    if !first[0].is_ascii_uppercase() {
        return acceptor.accept(stream).await.ok();
    }
    let mut start = [0; 5];
    stream.read_exact(&mut start).await.ok()?;
    if PLAIN.contains(&&start) {
        stream.write_all(NO_TLS).await.ok()?;
        stream.shutdown().await.ok()?;
        // What was sent and not read would make the close a reset, and take the answer with it.
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await.ok()? > 0 {}
    }
    None
}

/// How many requests of a connection are under way.
#[derive(Default)]
struct Streams {
    open: AtomicUsize,
    changed: Notify,
}

impl Streams {
    /// Waits until none has been open for so long.
    async fn idle(&self, long: Duration) {
        loop {
            let changed = self.changed.notified();
            if self.open.load(Ordering::Acquire) > 0 {
                changed.await;
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(long) => return,
            }
        }
    }
}

/// A request that is under way.
struct Open(Arc<Streams>);

impl Open {
    fn new(streams: &Arc<Streams>) -> Self {
        streams.open.fetch_add(1, Ordering::AcqRel);
        streams.changed.notify_one();
        Self(streams.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.changed.notify_one();
    }
}

/// A body that keeps its request open until its end.
struct Counted {
    body: Body,
    _open: Open,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        hyper::body::Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        hyper::body::Body::size_hint(&self.body)
    }
}
