//! The moment at which a record that another process writes has what was answered before.

use std::future::Future;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use crate::apiserver::audit::Log;

/// Makes a request whose address ends in a mark of its own, and waits until that is in the record; whether it was, in time.
///
/// `ask` is given the mark, and tells whether its request was answered. What was answered before it is written down before it.
pub async fn settles<F>(log: &Log, within: Duration, ask: impl FnOnce(String) -> F) -> bool
where
    F: Future<Output = bool>,
{
    let mut news = log.subscribe();
    let mark = uuid::Uuid::new_v4().simple().to_string();
    let comes_back = async {
        if !ask(mark.clone()).await {
            return false;
        }
        loop {
            let from = match news.recv().await {
                Ok(sequence) => sequence.saturating_sub(1),
                Err(RecvError::Lagged(_)) => 0,
                Err(RecvError::Closed) => return false,
            };
            if log.since(from).iter().any(|entry| entry.uri.ends_with(&mark)) {
                return true;
            }
        }
    };
    tokio::time::timeout(within, comes_back).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::apiserver::audit::Entry;

    fn entry(uri: String) -> Entry {
        serde_json::from_value(json!({
            "sequence": 1, "at": "2026-11-24T08:00:00Z", "user": "u", "groups": [], "impersonator": null,
            "authenticated_by": "x509", "user_agent": "", "verb": "get", "uri": uri, "group": "", "resource": "nodes",
            "subresource": "", "namespace": "", "name": "n", "dry_run": false, "authorizer": "", "decision": "allow",
            "reason": "", "admission": [], "request_body": null, "code": 200, "message": "", "resource_version": null,
            "micros": 1
        }))
        .unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_has_settled_when_it_has_the_mark() {
        let log = Log::default();
        let within = Duration::from_secs(2);
        assert!(
            settles(&log, within, async |mark| {
                log.push(entry("/other".into()));
                log.push(entry(format!("/api/v1/nodes/n?mark={mark}")));
                true
            })
            .await
        );
        assert!(!settles(&log, within, async |_| false).await, "nothing was answered");
        let lost = settles(&log, within, async |_| {
            log.push(entry("/other".into()));
            true
        });
        assert!(!lost.await, "it does not come back");
    }
}
