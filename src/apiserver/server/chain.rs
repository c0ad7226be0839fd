//! One request's way through the server.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/config.go` (`DefaultBuildHandlerChain`).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::core::Core;
use super::{paths, warnings};
use crate::apiserver::audit::trail::{Arrival, Said, Trail};
use crate::apiserver::audit::{AdmissionNote, Entry, recorded_body};
use crate::apiserver::authentication::{UserInfo, token, x509};
use crate::apiserver::authorization::{self, Attributes, Decision, Outcome, PRIVILEGED_GROUP, escape_html};
use crate::apiserver::handlers::{self, Call, Reply, reply_of};
use crate::apiserver::registry::protobuf;
use crate::apiserver::requestinfo::{Query, RequestInfo, has_bad_escapes, unescape_path};
use crate::apiserver::serving::{self, Body, BodyError, Peer};
use crate::apiserver::status::Status;
use crate::go_quote::quote;

/// Who calls, before authentication.
pub(super) enum Caller {
    /// Somebody over TLS.
    Peer(Peer),
    /// Somebody inside this process.
    Known(UserInfo),
}

impl Caller {
    /// The other end of the connection; who is inside this process would connect from the server's own node.
    fn address(&self, core: &Core) -> IpAddr {
        match self {
            Self::Peer(peer) => peer.address,
            Self::Known(_) => {
                let own = core.flags.text("advertise-address").and_then(|text| text.parse().ok());
                own.unwrap_or(IpAddr::from([127, 0, 0, 1]))
            }
        }
    }
}

impl serving::Service for Core {
    async fn answer(self: Arc<Self>, peer: Peer, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let patience = self.dependencies.patience.body;
        answer(&self, Caller::Peer(peer), &parts, serving::read(body, patience)).await
    }
}

/// Answers a request: who is it, may they, what is it, and a note of it all in the record.
pub(super) async fn answer(
    core: &Arc<Core>,
    caller: Caller,
    parts: &Parts,
    body: impl Future<Output = Result<Bytes, BodyError>>,
) -> Response<Body> {
    if has_bad_escapes(parts.uri.path()) {
        return bad_request();
    }
    let began = Instant::now();
    let query = Query::parse(parts.uri.query().unwrap_or(""));
    let path = unescape_path(parts.uri.path());
    let info = RequestInfo::parse(parts.method.as_str(), &path, &query);
    let mut record = Record::new(core, &info, &query, parts);
    let id = audit_id(parts);
    let arrival =
        Arrival { parts, info: &info, audit_id: &id, peer: caller.address(core), received: record.entry.at };
    let result = match &info.wrong {
        None => serve(core, caller, &arrival, &query, body, &mut record).await,
        Some(why) => Err(Status { plain: true, ..Status::new(500, "", why.clone()) }),
    };
    let mut reply = match result {
        Ok(reply) => reply,
        Err(status) => {
            record.entry.message.clone_from(&status.message);
            let value = status.to_value();
            let mut reply = if status.plain {
                let uri = parts.uri.path_and_query().map_or("", |uri| uri.as_str());
                let text = format!("Internal Server Error: {}: {}\n", quote(uri), status.message);
                Reply::text(status.code, escape_html(&text))
            } else {
                reply_of(core.dependencies.release, status.code, &value, &parts.headers, &query)
            };
            if !status.plain && record.trail.is_some() && handlers::accepts_status(&parts.headers) {
                reply.said = Some(Said::status(value));
            }
            if status.retry_after_seconds > 0 {
                reply.headers.push(("retry-after", status.retry_after_seconds.to_string()));
            }
            reply
        }
    };
    record.entry.code = reply.code;
    record.entry.micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    reply.headers.push(("audit-id", id));
    if record.nosniff {
        reply.headers.push(("x-content-type-options", "nosniff".into()));
    }
    let warnings = warnings::headers(std::mem::take(&mut record.warnings));
    reply.headers.extend(warnings.into_iter().map(|text| ("warning", text)));
    let said = reply.said.take();
    if let Some(mut trail) = record.trail.take() {
        if record.turned_away {
            trail.turned_away(reply.code, said);
        } else {
            trail.answered(reply.code, said);
            if hyper::body::Body::size_hint(&reply.body).exact().is_some() {
                trail.complete();
            } else {
                reply.body = trail.completed_by(reply.body);
            }
        }
    }
    core.dependencies.audit.push(record.entry);
    let mut response = response(reply);
    if info.wrong.is_some() {
        response.headers_mut().remove("cache-control");
    }
    response
}

/// What Go's HTTP server says to a path that is none.
fn bad_request() -> Response<Body> {
    let mut response = Response::new(serving::whole("400 Bad Request"));
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert("connection", HeaderValue::from_static("close"));
    response
}

/// What tells the request apart: the client may say it (`WithAuditInit`).
fn audit_id(parts: &Parts) -> String {
    let given = parts.headers.get("audit-id").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if given.is_empty() { uuid::Uuid::new_v4().to_string() } else { given.to_owned() }
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = http::StatusCode::from_u16(reply.code).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-cache, private"));
    if let Ok(value) = HeaderValue::from_str(&reply.content_type)
        && !value.is_empty()
    {
        headers.insert("content-type", value);
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            if name == "cache-control" {
                headers.remove(name);
            }
            headers.append(name, value);
        }
    }
    response
}

/// A body in Protocol Buffers as JSON, with headers that say so; any other as it is.
fn readable<'a>(
    core: &Core,
    headers: &'a http::HeaderMap,
    body: Bytes,
) -> Result<(std::borrow::Cow<'a, http::HeaderMap>, Bytes), Status> {
    use std::borrow::Cow;
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if kind.split(';').next().is_none_or(|kind| kind.trim() != "application/vnd.kubernetes.protobuf") {
        return Ok((Cow::Borrowed(headers), body));
    }
    let object = protobuf::to_json(core.dependencies.release, &body).map_err(Status::bad_request)?;
    let mut headers = headers.clone();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    Ok((Cow::Owned(headers), Bytes::from(object.to_string())))
}

async fn serve(
    core: &Arc<Core>,
    caller: Caller,
    arrival: &Arrival<'_>,
    query: &Query,
    body: impl Future<Output = Result<Bytes, BodyError>>,
    record: &mut Record,
) -> Result<Reply, Status> {
    let Arrival { parts, info, .. } = *arrival;
    let requestor = match authenticate(core, caller, parts, record) {
        Ok(user) => user,
        Err(status) => {
            record.trail = core.auditing.as_ref().and_then(|auditing| auditing.begin(None, arrival));
            record.turned_away = true;
            return Err(status);
        }
    };
    record.user(&requestor);
    record.trail = core.auditing.as_ref().and_then(|auditing| auditing.begin(Some(&requestor), arrival));
    if record.trail.as_mut().is_some_and(|trail| !trail.received()) {
        return Err(Status::internal("failed to store audit event"));
    }
    let impersonated = core.impersonation.user(&parts.headers, &requestor, info);
    record.nosniff = impersonated.as_ref().is_err_and(|status| status.code == 403);
    let impersonated = impersonated?;
    let user = match impersonated {
        Some(user) => {
            if let Some(trail) = &mut record.trail {
                trail.impersonated(&user, None);
            }
            record.entry.impersonator = Some(requestor.name);
            user
        }
        None => requestor,
    };
    record.user(&user);
    let attributes = Attributes { user, request: info.clone() };
    let outcome = authorize(core, &attributes);
    record.entry.authorizer = outcome.authorizer.to_owned();
    record.entry.reason.clone_from(&outcome.reason);
    let allowed = outcome.decision == Decision::Allow;
    if let Some(trail) = &mut record.trail {
        trail.annotate("authorization.k8s.io/decision", if allowed { "allow" } else { "forbid" });
        trail.annotate("authorization.k8s.io/reason", &outcome.reason);
    }
    if !allowed {
        record.entry.decision = "forbid".into();
        record.nosniff = true;
        return Err(authorization::forbidden(&attributes, &outcome.reason));
    }
    record.entry.decision = "allow".into();
    if !info.is_resource_request {
        let wants_answer = record.trail.as_ref().is_some_and(Trail::wants_answer);
        return paths::serve(core, parts, info, query, wants_answer);
    }
    // Authorization overlooks slashes in front, and no route is there.
    if info.path.starts_with("//") {
        return Ok(handlers::page_not_found());
    }
    let body = match parts.method.as_str() {
        "POST" | "PUT" | "PATCH" | "DELETE" => body.await.map_err(body_error)?,
        _ => Bytes::new(),
    };
    // A patch has media types of its own.
    let (headers, body) = match parts.method {
        http::Method::PATCH => (std::borrow::Cow::Borrowed(&parts.headers), body),
        _ => readable(core, &parts.headers, body)?,
    };
    record.body(info, parts, &body);
    let mut call = Call {
        core,
        info,
        user: &attributes.user,
        query,
        headers: &headers,
        body,
        traces: Vec::new(),
        warnings: Vec::new(),
        written: None,
        trail: record.trail.as_mut(),
    };
    let result = handlers::serve(&mut call, parts.method.as_str()).await;
    record.entry.admission = call
        .traces
        .drain(..)
        .map(|trace| AdmissionNote { plugin: trace.plugin.to_owned(), refused: trace.refused })
        .collect();
    record.entry.resource_version = call.written.take();
    record.warnings.append(&mut call.warnings);
    result
}

fn body_error(error: BodyError) -> Status {
    match error {
        BodyError::TooLarge => {
            let limit = serving::BODY_LIMIT;
            Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"))
        }
        BodyError::TimedOut => {
            Status::new(504, "Timeout", "Timeout: request did not complete within the allotted timeout")
        }
        BodyError::Broken => Status::bad_request("unexpected EOF"),
    }
}

/// Who it is (`WithAuthentication`).
fn authenticate(core: &Core, caller: Caller, parts: &Parts, record: &mut Record) -> Result<UserInfo, Status> {
    let unauthorized = || Status::new(401, "Unauthorized", "Unauthorized");
    let peer = match caller {
        Caller::Known(user) => {
            record.entry.authenticated_by = "x509".into();
            return Ok(user);
        }
        Caller::Peer(peer) => peer,
    };
    let now = core.dependencies.clock.now();
    if let (Some(clients), Some(own)) = (&core.clients, peer.certificates.first()) {
        record.entry.authenticated_by = "x509".into();
        let user = peer.known.at(now.as_second(), || {
            let seconds = u64::try_from(now.as_second()).unwrap_or(0);
            let at = rustls_pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds));
            clients.verify(&peer.certificates, at).map_err(|_| unauthorized())?;
            Ok(x509::user(own, core.dependencies.release.gates.credential_id))
        })?;
        if let Some(user) = user {
            return Ok(user);
        }
    }
    if let Some(token) = token::bearer(&parts.headers) {
        record.entry.authenticated_by = "token".into();
        let tokens = &core.tokens;
        return tokens
            .authenticate(token, &tokens.audiences, &core.dependencies.store, now)
            .map(|(user, _)| user)
            .map_err(|_| unauthorized());
    }
    if !core.anonymous {
        return Err(unauthorized());
    }
    record.entry.authenticated_by = "anonymous".into();
    Ok(UserInfo::new("system:anonymous", &["system:unauthenticated"]))
}

/// Whether they may (`WithAuthorization`); until the policy is read, only the privileged group may.
fn authorize(core: &Core, attributes: &Attributes) -> Outcome {
    if !core.health.has_policy() && !attributes.user.in_group(PRIVILEGED_GROUP) {
        return Outcome { decision: Decision::NoOpinion, ..Outcome::default() };
    }
    core.environment.authorizers.authorize(attributes)
}

/// The note of a request, as it grows.
struct Record {
    entry: Entry,
    warnings: Vec<String>,
    /// The audit event, where the policy wants one.
    trail: Option<Trail>,
    /// Whether nobody was let in.
    turned_away: bool,
    /// Whether a refusal says that its type is not to be guessed (`responsewriters.Forbidden`).
    nosniff: bool,
}

impl Record {
    fn new(core: &Core, info: &RequestInfo, query: &Query, parts: &Parts) -> Self {
        let agent = parts.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
        let entry = Entry {
            at: core.dependencies.clock.now(),
            user_agent: agent.unwrap_or("").to_owned(),
            uri: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            ..Entry::default()
        };
        let entry = entry.asks(info.clone(), query);
        Self { entry, warnings: Vec::new(), trail: None, turned_away: false, nosniff: false }
    }

    fn user(&mut self, user: &UserInfo) {
        self.entry.user.clone_from(&user.name);
        self.entry.groups.clone_from(&user.groups);
    }

    /// Keeps the body of a write, but for secrets and tokens.
    fn body(&mut self, info: &RequestInfo, parts: &Parts, body: &[u8]) {
        if body.is_empty() || self.entry.is_secret() || parts.method == http::Method::GET {
            return;
        }
        if self.entry.name.is_empty() && info.verb == "create" {
            // As upstream's LogRequestObject has it: the object says what it is called.
            let named: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            let name = named.as_ref().and_then(|object| object.pointer("/metadata/name")?.as_str());
            self.entry.name = name.unwrap_or_default().to_owned();
        }
        self.entry.request_body = Some(recorded_body(body));
    }
}
