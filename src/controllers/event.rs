//! The Events that controllers write.
//!
//! Upstream: `client-go/tools/record/event.go` (`makeEvent`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::client::Client;
use super::leader::seconds;

/// Writes an event of `component` about an object, in its namespace or `default`; that it cannot be written changes
/// nothing. `kind` is `Normal` or `Warning`.
pub async fn tell(
    client: &Client,
    component: &str,
    about: &Value,
    now: Timestamp,
    (kind, reason): (&str, &str),
    message: &str,
) {
    let name = about["name"].as_str().unwrap_or_default();
    let namespace = about["namespace"].as_str().unwrap_or("default");
    let event = json!({"apiVersion": "v1", "kind": "Event",
        "metadata": {"name": format!("{name}.{:x}", now.as_nanosecond()), "namespace": namespace},
        "involvedObject": about, "reason": reason, "message": message, "type": kind, "count": 1,
        "source": {"component": component}, "reportingComponent": component,
        "firstTimestamp": seconds(now), "lastTimestamp": seconds(now)});
    let _ = client.create(&format!("/api/v1/namespaces/{namespace}/events"), &event).await;
}
