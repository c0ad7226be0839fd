//! Connections that are slow, cut off, or speak something else: they end by themselves, or get what a real server says.
//!
//! The server's patience is short here, so that nobody waits the real 32 to 90 seconds.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use cks_lab::apiserver::serving::Patience;
use cks_lab::release::default_release;

use super::{LIMIT, MAPS, alive};
use crate::apiserver::{Fixture, connect_h2, start, start_patient, tls};

/// Begins every connection of HTTP/2 (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

async fn impatient() -> Fixture {
    let short = Duration::from_millis(300);
    start_patient(default_release(), &[], Patience { headers: short, body: short, idle: short }).await
}

async fn open(f: &Fixture, protocols: &[&str]) -> TlsStream<TcpStream> {
    tls(f.dir.path(), f.port, "admin", protocols).await.unwrap()
}

/// What comes until the connection ends, however it ends.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    let until_the_end = async {
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            all.extend_from_slice(&piece[..length]);
        }
    };
    tokio::time::timeout(LIMIT, until_the_end).await.expect("the connection ends");
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_speaks_no_tls_is_told_so() {
    let f = start(&[]).await;
    for method in ["GET / ", "POST / ", "HEAD / ", "PUT /x ", "OPTIONS * "] {
        let mut stream = TcpStream::connect(("127.0.0.1", f.port)).await.unwrap();
        stream.write_all(format!("{method}HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let told = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        while answer.len() < told.len() {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "{method}");
        }
        assert_eq!(answer, told, "{method}");
    }
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_clients_are_let_go() {
    let f = impatient().await;
    // No handshake, half a handshake.
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"GE"] {
        let mut stream = TcpStream::connect(("127.0.0.1", f.port)).await.unwrap();
        stream.write_all(start).await.unwrap();
        rest(&mut stream).await;
    }
    // No request, half a request, over both protocols.
    for (protocol, start) in [
        ("http/1.1", &b""[..]),
        ("http/1.1", b"GET /version HTTP/1.1\r\nHost: x\r\nX-A"),
        ("h2", b""),
        ("h2", &PREFACE[..10]),
        ("h2", PREFACE),
        ("h2", &[PREFACE, SETTINGS].concat()),
        // HEADERS that CONTINUATION does not end.
        ("h2", &[PREFACE, SETTINGS, b"\0\0\x01\x01\0\0\0\0\x01\x82"].concat()),
    ] {
        let mut stream = open(&f, &[protocol]).await;
        stream.write_all(start).await.unwrap();
        rest(&mut stream).await;
    }
    // A body that does not come whole.
    let mut stream = open(&f, &["http/1.1"]).await;
    let head = format!(
        "POST {MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(answer.contains("Timeout: request did not complete within"), "{answer}");
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_outlives_the_patience() {
    let f = impatient().await;
    let mut sender = connect_h2(f.dir.path(), f.port, "admin").await;
    let ask =
        |path: String| http::Request::get(format!("https://x{path}")).body(http_body_util::Full::default());
    let answer = sender.send_request(ask(format!("{MAPS}?watch=1&timeoutSeconds=1")).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    assert_eq!(parts.status, 200);
    // It ends when it should, whole, though nothing was asked for longer than a connection may be idle.
    http_body_util::BodyExt::collect(body).await.unwrap();
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_ends() {
    let f = start(&[]).await;
    let post = |length: &str, body: &str| {
        format!("POST {MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n\r\n{body}")
    };
    for (protocol, start) in [
        ("http/1.1", post("Content-Length: 99", "{\"metadata\"")),
        ("http/1.1", post("Transfer-Encoding: chunked", "5\r\n{\"met")),
        ("http/1.1", post("Transfer-Encoding: chunked", "zz\r\n")),
        ("http/1.1", post("Transfer-Encoding: chunked", "ffffffffffffffff1\r\n{}")),
        ("http/1.1", post("Content-Length: -1", "{}")),
        ("http/1.1", post("Content-Length: 2\r\nContent-Length: 3", "{}x")),
        ("http/1.1", post("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n")),
        ("http/1.1", "GET /version HTTP/1.1\r\nHost: x\r\n".into()),
        ("http/1.1", "GET /version HTTP/9.9\r\n\r\n".into()),
        ("http/1.1", "\r\n\r\nnonsense\r\n\r\n".into()),
        ("http/1.1", "GET \u{0} HTTP/1.1\r\n\r\n".into()),
        ("http/1.1", String::from_utf8_lossy(PREFACE).into_owned()),
        ("h2", "GET /version HTTP/1.1\r\nHost: x\r\n\r\n".into()),
        ("h2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}".into()),
    ] {
        let mut stream = open(&f, &[protocol]).await;
        stream.write_all(start.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{start}: {answer}");
    }
    // A watcher that says that it sends no more, and one that goes without a word.
    for polite in [true, false] {
        let mut stream = open(&f, &["http/1.1"]).await;
        let watch = format!("GET {MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(watch.as_bytes()).await.unwrap();
        stream.read_u8().await.unwrap();
        if polite {
            stream.shutdown().await.unwrap();
            rest(&mut stream).await;
        }
    }
    alive(&f).await;
    f.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_on_one_connection_are_refused() {
    let f = start(&[]).await;
    // CONTINUATION without an end, and streams that are reset as soon as they are begun.
    let mut endless = [PREFACE, SETTINGS, b"\0\0\x01\x01\x01\0\0\0\x01\x82"].concat();
    for _ in 0..200 {
        endless.extend_from_slice(b"\0\x40\0\x09\0\0\0\0\x01");
        // Literal header fields without indexing: "a: a".
        endless.extend(b"\0\x01a\x01a\0".iter().cycle().take(0x4000));
    }
    let mut resets = [PREFACE, SETTINGS].concat();
    for stream in (1..40_000_u32).step_by(2) {
        let id = stream.to_be_bytes();
        // :method GET, :scheme https, :path /, :authority x
        resets.extend_from_slice(b"\0\0\x06\x01\x05");
        resets.extend_from_slice(&id);
        resets.extend_from_slice(b"\x82\x87\x84\x41\x01x");
        resets.extend_from_slice(b"\0\0\x04\x03\0");
        resets.extend_from_slice(&id);
        resets.extend_from_slice(b"\0\0\0\x08");
    }
    for bytes in [endless, resets] {
        let (mut read, mut write) = tokio::io::split(open(&f, &["h2"]).await);
        let writing = tokio::spawn(async move {
            // It is closed before all is written.
            let _ = write.write_all(&bytes).await;
            let _ = write.shutdown().await;
        });
        rest(&mut read).await;
        writing.await.unwrap();
        alive(&f).await;
    }
    f.server.stop().await;
}
