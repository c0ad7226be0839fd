//! The event of one request, as it grows on the request's way through the server.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/{audit,authn_audit}.go`, `pkg/audit/{request,context}.go`.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use hyper::body::Frame;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::backend::Sink;
use super::event::{self, Answer, Event, ObjectReference};
use super::policy::{Decision, Level, Policy, Stage};
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::registry::json;
use crate::apiserver::registry::ordered::InOrder;
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::serving::Body;
use crate::clock::SharedClock;
use crate::release::Release;

/// The longest `User-Agent` that is recorded.
const MOST_AGENT: usize = 1024;

/// What a server audits by.
pub struct Auditing {
    /// The policy.
    pub policy: Policy,
    /// Where events go.
    pub sink: Arc<Sink>,
    /// The time.
    pub clock: SharedClock,
    /// The emulated release.
    pub release: &'static Release,
}

/// What is known of a request when it comes.
pub struct Arrival<'r> {
    /// Method, path, headers.
    pub parts: &'r Parts,
    /// What they mean.
    pub info: &'r RequestInfo,
    /// What tells it apart.
    pub audit_id: &'r str,
    /// The other end of the connection.
    pub peer: IpAddr,
    /// When it came.
    pub received: Timestamp,
}

/// What was answered, as far as an event shows it.
#[derive(Debug, Default)]
pub struct Said {
    /// A Status that was answered; Null where it was something else.
    pub status: Value,
    /// The object that was answered.
    pub object: Option<Value>,
}

impl Said {
    /// A Status.
    pub fn status(value: Value) -> Self {
        Self { object: Some(value.clone()), status: value }
    }
}

/// One request's event.
pub struct Trail {
    sink: Arc<Sink>,
    clock: SharedClock,
    release: &'static Release,
    decision: Decision,
    event: Event,
    long_running: bool,
}

impl Auditing {
    /// Begins the event of a request, if the policy wants one. `user` is who authenticated.
    pub fn begin(&self, user: Option<&UserInfo>, arrival: &Arrival<'_>) -> Option<Trail> {
        let info = arrival.info;
        let decision = self.policy.decide(user, info);
        if decision.level == Level::None {
            return None;
        }
        let object_ref = info.is_resource_request.then(|| ObjectReference {
            resource: info.resource.clone(),
            namespace: info.namespace.clone(),
            name: info.name.clone(),
            api_group: info.api_group.clone(),
            api_version: info.api_version.clone(),
            subresource: info.subresource.clone(),
            ..ObjectReference::default()
        });
        let headers = &arrival.parts.headers;
        let uri = arrival.parts.uri.path_and_query();
        let event = Event {
            level: decision.level,
            audit_id: arrival.audit_id.to_owned(),
            stage: Stage::RequestReceived,
            request_uri: uri.map(ToString::to_string).unwrap_or_default(),
            verb: info.verb.clone(),
            user: user.cloned().unwrap_or_default(),
            impersonated_user: None,
            impersonation_constraint: None,
            source_ips: source_ips(headers, arrival.peer),
            user_agent: user_agent(headers),
            object_ref,
            response_status: None,
            request_object: None,
            response_object: None,
            received: arrival.received,
            staged: arrival.received,
            annotations: BTreeMap::new(),
        };
        Some(Trail {
            sink: self.sink.clone(),
            clock: self.clock.clone(),
            release: self.release,
            long_running: is_long_running(info),
            decision,
            event,
        })
    }
}

impl Trail {
    /// Whether the answer's body is recorded.
    pub fn wants_answer(&self) -> bool {
        self.decision.level >= Level::RequestResponse
    }

    /// The request has come; false where it may not go on without a record.
    pub fn received(&mut self) -> bool {
        self.process(Stage::RequestReceived)
    }

    /// They act as somebody else.
    pub fn impersonated(&mut self, user: &UserInfo, constraint: Option<&str>) {
        self.event.impersonated_user = Some(user.clone());
        self.event.impersonation_constraint = constraint.map(str::to_owned);
    }

    /// What a part of the server has to say; the first word counts.
    pub fn annotate(&mut self, key: &str, value: &str) {
        self.event.annotations.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }

    /// The object in the request's body (`LogRequestObject`), of this group and version.
    pub fn request_object(&mut self, object: &Value, (group, version): (&str, &str)) {
        let reference = self.event.object_ref.get_or_insert_default();
        let metadata = &object["metadata"];
        for (field, key) in [
            (&mut reference.namespace, "namespace"),
            (&mut reference.name, "name"),
            (&mut reference.uid, "uid"),
            (&mut reference.resource_version, "resourceVersion"),
        ] {
            if field.is_empty() {
                *field = metadata[key].as_str().unwrap_or_default().to_owned();
            }
        }
        if reference.api_version.is_empty() {
            (reference.api_group, reference.api_version) = (group.into(), version.into());
        }
        if self.decision.level < Level::Request {
            return;
        }
        self.event.request_object = Some(self.raw(object));
    }

    /// The patch in the request's body (`LogRequestPatch`), which may be no JSON.
    pub fn request_patch(&mut self, patch: &[u8]) {
        if self.decision.level < Level::Request {
            return;
        }
        let compact = json::parse(patch).and_then(|_| {
            let value: &RawValue = serde_json::from_slice(patch).map_err(|error| error.to_string())?;
            RawValue::from_string(compact(value.get())).map_err(|error| error.to_string())
        });
        self.event.request_object = Some(compact);
    }

    /// The answer is on its way.
    pub fn answered(&mut self, code: u16, said: Option<Said>) {
        let said = said.unwrap_or_default();
        self.event.response_status = Some(Answer { status: said.status, code });
        if self.wants_answer() {
            self.event.response_object = said.object.map(|object| self.raw(&object));
        }
        if self.long_running {
            self.process(Stage::ResponseStarted);
        }
    }

    /// Nobody was let in: that is all there is of the event.
    pub fn turned_away(mut self, code: u16, said: Option<Said>) {
        self.long_running = true;
        self.answered(code, said);
    }

    /// The answer is complete.
    pub fn complete(mut self) {
        self.process(Stage::ResponseComplete);
    }

    /// A body after whose end the answer is complete.
    pub fn completed_by(self, body: Body) -> Body {
        use http_body_util::BodyExt;
        Watched { body, trail: Some(self) }.boxed_unsync()
    }

    fn raw(&self, object: &Value) -> event::Body {
        let bare = self.decision.omit_managed_fields.then(|| {
            let mut bare = object.clone();
            without_managed_fields(&mut bare);
            bare
        });
        let ordered = InOrder::object(self.release, bare.as_ref().unwrap_or(object));
        to_raw_value(&ordered).map_err(|error| error.to_string())
    }

    fn process(&mut self, stage: Stage) -> bool {
        if self.decision.omit_stages.contains(&stage) {
            return true;
        }
        self.event.stage = stage;
        self.event.staged =
            if stage == Stage::RequestReceived { self.event.received } else { self.clock.now() };
        self.sink.process(&self.event)
    }
}

/// The body of a long answer; the event is completed when it ends, however it does.
struct Watched {
    body: Body,
    trail: Option<Trail>,
}

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(trail) = self.trail.take() {
            trail.complete();
        }
    }
}

/// `BasicLongRunningRequestCheck` with kube-apiserver's verbs and subresources.
fn is_long_running(info: &RequestInfo) -> bool {
    matches!(info.verb.as_str(), "watch" | "proxy")
        || info.is_resource_request
            && matches!(info.subresource.as_str(), "attach" | "exec" | "proxy" | "log" | "portforward")
        || !info.is_resource_request && info.path.starts_with("/debug/pprof/")
}

/// Where a request comes from (`utilnet.SourceIPs`): what proxies say, then the connection.
fn source_ips(headers: &HeaderMap, peer: IpAddr) -> Vec<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut ips: Vec<IpAddr> =
        text("x-forwarded-for").split(',').filter_map(|part| part.trim().parse().ok()).collect();
    if let Ok(real) = text("x-real-ip").trim().parse()
        && !ips.contains(&real)
    {
        ips.push(real);
    }
    if ips.last() != Some(&peer) {
        ips.push(peer);
    }
    ips.iter().map(ToString::to_string).collect()
}

fn user_agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let mut agent = agent.unwrap_or_default().into_owned();
    if agent.len() > MOST_AGENT {
        let end = (0..=MOST_AGENT).rev().find(|at| agent.is_char_boundary(*at)).unwrap_or(0);
        agent.truncate(end);
        agent.push_str("...TRUNCATED");
    }
    agent
}

/// Takes the managed fields of an object, of the items of a list, or of the rows of a Table.
fn without_managed_fields(value: &mut Value) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    for (list, inner) in [("items", ""), ("rows", "/object")] {
        for item in value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(metadata) =
                item.pointer_mut(&format!("{inner}/metadata")).and_then(Value::as_object_mut)
            {
                metadata.remove("managedFields");
            }
        }
    }
}

/// JSON without the spaces between its parts (`json.Compact`).
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            quoted = c == '"';
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sources_are_in_upstreams_order() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.2.3.4, nonsense, 5.6.7.8".parse().unwrap());
        headers.insert("x-real-ip", "9.9.9.9".parse().unwrap());
        let peer: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(source_ips(&headers, peer), ["1.2.3.4", "5.6.7.8", "9.9.9.9", "127.0.0.1"]);
        assert_eq!(source_ips(&HeaderMap::new(), peer), ["127.0.0.1"]);
        headers.insert("x-real-ip", "127.0.0.1".parse().unwrap());
        assert_eq!(source_ips(&headers, peer), ["1.2.3.4", "5.6.7.8", "127.0.0.1"]);
    }

    #[test]
    fn spaces_in_texts_stay() {
        assert_eq!(
            compact("{ \"a b\" : [1, \"\\\" c\"],\n\"d\": \"\\\\\" }"),
            "{\"a b\":[1,\"\\\" c\"],\"d\":\"\\\\\"}"
        );
    }

    #[test]
    fn managed_fields_go_from_lists_and_tables_too() {
        let metadata = serde_json::json!({"name": "a", "managedFields": [1]});
        let mut list = serde_json::json!({"metadata": metadata, "items": [{"metadata": metadata}],
            "rows": [{"object": {"metadata": metadata}}]});
        without_managed_fields(&mut list);
        assert!(!list.to_string().contains("managedFields"));
    }
}
