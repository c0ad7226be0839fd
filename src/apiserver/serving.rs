//! Connections: TLS, HTTP/1.1 and HTTP/2, and the bodies of answers.

/// The body of an answer: whole, or streamed (watches, logs).
pub type Body = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, std::convert::Infallible>;
