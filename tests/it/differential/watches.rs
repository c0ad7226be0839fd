//! A watch that is open while a sequence is played: its events are the same on both sides.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{Seen, Side, answered};

/// How long the last event may take.
const LIMIT: Duration = Duration::from_secs(20);

/// An open watch, or how it was refused.
pub struct Watch {
    code: u16,
    body: Incoming,
}

impl Watch {
    /// Opens the watch of a step.
    pub async fn open(side: &mut Side, seen: &Seen, step: &Value) -> Self {
        // The connection is the watch's own from now on.
        let others = std::mem::take(&mut side.connections);
        let (parts, body) = side.send(seen, step).await;
        side.kept.append(&mut side.connections);
        side.connections = others;
        Self { code: parts.status.as_u16(), body }
    }

    /// Makes the step's marker, and reads until it is told; gives what is compared.
    pub async fn close(mut self, side: &mut Side, seen: &mut Seen, step: &Value) -> Value {
        let marked = side.play(seen, &step["marker"]).await;
        let mut told = Vec::new();
        let read = async {
            while let Some(Ok(frame)) = self.body.frame().await {
                told.extend_from_slice(frame.data_ref().unwrap_or(&bytes::Bytes::new()));
                if String::from_utf8_lossy(&told).contains("the-last-one") && told.ends_with(b"\n") {
                    break;
                }
            }
        };
        // A watch that tells nothing ends when the connection does.
        let ended = self.code != 200 || marked["code"] != 201;
        let _ = tokio::time::timeout(if ended { LIMIT / 20 } else { LIMIT }, read).await;
        side.kept.clear();
        json!({"code": self.code, "body": seen.mask("", &answered(&told), false)})
    }
}
