//! Raw requests through a kube client: status code and JSON, with a time limit.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

use super::Found;
use crate::text::tr;

/// How long an answer may take.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// How large an answer may be.
const SIZE_LIMIT: usize = 4 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub code: u16,
    /// The body; a string where it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The sentence of a refusal.
    pub fn message(&self) -> String {
        match self.body.get("message").and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => self.body.as_str().map_or_else(|| tr!(check_status { code: self.code }), str::to_owned),
        }
    }
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreachable(pub String);

impl From<Unreachable> for Found {
    fn from(unreachable: Unreachable) -> Self {
        Self::unreachable(unreachable.0)
    }
}

/// Sends a request.
pub async fn send(client: &kube::Client, request: Request<Vec<u8>>) -> Result<Answer, Unreachable> {
    let exchange = async {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, kube::client::Body::from(body));
        let response = client.send(request).await.map_err(|e| Unreachable(root_cause(&e)))?;
        let code = response.status().as_u16();
        let body = Limited::new(response.into_body(), SIZE_LIMIT).collect().await;
        let body = body.map_err(|e| Unreachable(tr!(check_answer_broke_off { e })))?.to_bytes();
        let body = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
        Ok(Answer { code, body })
    };
    match tokio::time::timeout(TIME_LIMIT, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(Unreachable(tr!(check_no_answer_within { seconds: TIME_LIMIT.as_secs() }))),
    }
}

/// Reads a path.
pub async fn get(client: &kube::Client, path: &str) -> Result<Answer, Unreachable> {
    let request = Request::get(path).body(Vec::new()).map_err(|e| Unreachable(format!("{path}: {e}")))?;
    send(client, request).await
}

/// Creates something.
pub async fn post(client: &kube::Client, path: &str, body: &Value) -> Result<Answer, Unreachable> {
    let request = Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(|e| Unreachable(format!("{path}: {e}")))?;
    send(client, request).await
}

/// Sends a patch of the given content type.
pub async fn patch(
    client: &kube::Client,
    path: &str,
    content_type: &str,
    body: &Value,
) -> Result<Answer, Unreachable> {
    let request = Request::patch(path)
        .header(http::header::CONTENT_TYPE, content_type)
        .body(body.to_string().into_bytes())
        .map_err(|e| Unreachable(format!("{path}: {e}")))?;
    send(client, request).await
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
