//! The requests that checks make on a live cluster, as this program saw them: what the X-ray shows where the cluster
//! keeps no audit log that can be read. A client does not see what authorizer and admission did; that stays open.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Value;

use super::connect::Owner;
use crate::apiserver::audit::{Entry, Log, UNSEEN, recorded_body};
use crate::apiserver::requestinfo::{Query, RequestInfo, unescape_path};
use crate::cluster::Identity;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a check's requests name as their client.
const AGENT: &str = "cks-lab check";

/// How large an answer that is looked into may be.
const ANSWER: usize = 4 << 20;

/// A client that does as `client` does, and writes every request that was answered into `log`.
pub fn client(client: kube::Client, log: Arc<Log>, owner: &Owner, identity: &Identity) -> kube::Client {
    let namespace = client.default_namespace().to_owned();
    let who = Arc::new(asker(owner, identity));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, log, who) = (client.clone(), log.clone(), who.clone());
        async move { send(&client, &log, &who, request).await }
    });
    kube::Client::new(service, namespace)
}

/// An entry that says who asks, and nothing else.
fn asker(owner: &Owner, identity: &Identity) -> Entry {
    let (user, groups, impersonator) = match identity {
        Identity::Impersonated { user, groups } => (user.clone(), groups.clone(), Some(owner.user.clone())),
        _ => (owner.user.clone(), owner.groups.clone(), None),
    };
    Entry {
        user,
        groups,
        impersonator,
        authenticated_by: if owner.certificate { "x509" } else { "token" }.to_owned(),
        user_agent: AGENT.to_owned(),
        decision: UNSEEN.to_owned(),
        ..Entry::default()
    }
}

/// What a request is, taken apart as the API server does.
fn asked(who: &Entry, method: &str, path: &str, query: &str, body: &[u8]) -> Entry {
    let values = Query::parse(query);
    let info = RequestInfo::parse(method, &unescape_path(path), &values);
    let uri = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
    let entry = Entry { uri, ..who.clone() }.asks(info, &values);
    let kept = !body.is_empty() && !entry.is_secret() && method != "GET";
    Entry { request_body: kept.then(|| recorded_body(body)), ..entry }
}

/// What the answer says: the sentence of a refusal, or the version of what was stored.
fn answered(entry: Entry, code: u16, body: &[u8]) -> Entry {
    let field = |pointer: &str| {
        let object: Value = serde_json::from_slice(body).unwrap_or_default();
        object.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
    };
    let refused = code >= 400;
    let stored = !refused && !entry.dry_run && !entry.reads();
    Entry {
        code,
        message: if refused { field("/message").unwrap_or_default() } else { String::new() },
        resource_version: if stored { field("/metadata/resourceVersion") } else { None },
        ..entry
    }
}

async fn send(
    client: &kube::Client,
    log: &Log,
    who: &Entry,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let body: Bytes = body.collect().await?.to_bytes();
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let entry = asked(who, parts.method.as_str(), path, query, &body);
    let (at, begun) = (Timestamp::now(), Instant::now());
    let response = client.send(Request::from_parts(parts, Body::from(body.to_vec()))).await?;
    let (head, body) = response.into_parts();
    let code = head.status.as_u16();
    // What was read is of no interest here, and may be large, or a watch, which has no end.
    let (found, body) = if code >= 400 || !entry.reads() {
        let bytes = Limited::new(body, ANSWER).collect().await?.to_bytes();
        (bytes.clone(), Body::from(bytes.to_vec()))
    } else {
        (Bytes::new(), body)
    };
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    log.push(Entry { at, micros, ..answered(entry, code, &found) });
    Ok(Response::from_parts(head, body))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn owner() -> Owner {
        Owner { user: "kubernetes-admin".into(), groups: vec!["system:masters".into()], certificate: true }
    }

    #[test]
    fn a_request_says_who_asked_for_what_and_leaves_open_what_a_client_cannot_see() {
        let who = asker(&owner(), &Identity::kubelet("node01"));
        assert_eq!(
            (who.user.as_str(), who.impersonator.as_deref()),
            ("system:node:node01", Some("kubernetes-admin"))
        );
        let body = br#"{"metadata":{"labels":{"a":"b"}}}"#;
        let entry = asked(&who, "PATCH", "/api/v1/nodes/controlplane", "dryRun=All", body);
        assert_eq!(
            (entry.verb.as_str(), entry.resource.as_str(), entry.name.as_str(), entry.dry_run),
            ("patch", "nodes", "controlplane", true)
        );
        assert!(entry.request_body.as_ref().unwrap().contains("labels"));
        let entry = answered(entry, 403, br#"{"kind":"Status","message":"nodes is forbidden"}"#);
        assert_eq!(
            (entry.code, entry.message.as_str(), entry.decision.as_str()),
            (403, "nodes is forbidden", UNSEEN)
        );
    }

    #[test]
    fn no_secret_is_kept() {
        let who = asker(&owner(), &Identity::Admin);
        let path = "/api/v1/namespaces/default/secrets";
        assert_eq!(asked(&who, "POST", path, "", b"{\"data\":{}}").request_body, None);
        let stored =
            answered(asked(&who, "POST", path, "", b"{}"), 201, br#"{"metadata":{"resourceVersion":"7"}}"#);
        assert_eq!(stored.resource_version.as_deref(), Some("7"));
    }
}
