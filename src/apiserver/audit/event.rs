//! An event of the audit log, as `audit.k8s.io/v1` and the older one-line format write it.
//!
//! Upstream: `k8s.io/apiserver/pkg/apis/audit/v1/types.go`, `pkg/audit/format.go`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::policy::{Level, Stage};
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::registry::typed::micro_time_text;
use crate::go_quote::quote;
use crate::go_value::escape_html;

/// What happened to one request so far.
#[derive(Debug, Clone)]
pub struct Event {
    /// How much of it is recorded.
    pub level: Level,
    /// Tells requests apart.
    pub audit_id: String,
    /// How far it has come.
    pub stage: Stage,
    /// Path and query.
    pub request_uri: String,
    /// The verb.
    pub verb: String,
    /// Who authenticated; nobody where that failed.
    pub user: UserInfo,
    /// As whom they act.
    pub impersonated_user: Option<UserInfo>,
    /// The constraint under which they may (`ConstrainedImpersonation`).
    pub impersonation_constraint: Option<String>,
    /// Where the request came from.
    pub source_ips: Vec<String>,
    /// The client.
    pub user_agent: String,
    /// The object.
    pub object_ref: Option<ObjectReference>,
    /// How it ended.
    pub response_status: Option<Answer>,
    /// The body of the request, as JSON.
    pub request_object: Option<Body>,
    /// The body of the answer, as JSON.
    pub response_object: Option<Body>,
    /// When it came.
    pub received: Timestamp,
    /// When it came so far.
    pub staged: Timestamp,
    /// What the parts of the server have to say.
    pub annotations: BTreeMap<String, String>,
}

/// A body as JSON text, or why it is none.
pub type Body = Result<Box<RawValue>, String>;

/// The object that a request is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The plural name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The uid, where the request's body says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_group: String,
    /// The version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The resource version, where the request's body says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// `status`, ...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
}

/// How a request ended: its code, and what a Status says besides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The Status that was answered; Null where it was something else.
    pub status: Value,
    /// The HTTP status.
    pub code: u16,
}

impl Event {
    /// One line of the log in the format `json`, with its newline.
    ///
    /// # Errors
    ///
    /// What is wrong with a body, in the words of Go.
    pub fn json(&self) -> Result<String, String> {
        for body in [&self.request_object, &self.response_object].into_iter().flatten() {
            if let Err(why) = body {
                return Err(format!("json: error calling MarshalJSON for type *runtime.Unknown: {why}"));
            }
        }
        let text = serde_json::to_string(&Written::of(self)).map_err(|error| error.to_string())?;
        let mut line = escape_html(&text);
        line.push('\n');
        Ok(line)
    }

    /// One line in the format `legacy`, without a newline (`EventString`).
    pub fn legacy(&self) -> String {
        let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
        let all = |list: &[String]| list.iter().map(|one| quote(one)).collect::<Vec<_>>().join(",");
        let groups = if self.user.name.is_empty() { String::new() } else { all(&self.user.groups) };
        let (acts_as, as_groups) = match &self.impersonated_user {
            Some(user) => (user.name.clone(), or(&all(&user.groups), "")),
            None => ("<self>".to_owned(), "<lookup>".to_owned()),
        };
        let namespace = self.object_ref.as_ref().map_or("", |object| object.namespace.as_str());
        let response =
            self.response_status.as_ref().map_or("<deferred>".to_owned(), |answer| answer.code.to_string());
        format!(
            "{} AUDIT: id={} stage={} ip={} method={} user={} groups={} as={} asgroups={} user-agent={} \
             namespace={} uri={} response=\"{response}\"",
            nanos(self.received),
            quote(&self.audit_id),
            quote(self.stage.as_str()),
            quote(self.source_ips.first().map_or("<unknown>", String::as_str)),
            quote(&self.verb),
            quote(&or(&self.user.name, "<none>")),
            quote(&or(&groups, "<none>")),
            quote(&acts_as),
            quote(&as_groups),
            quote(&self.user_agent),
            quote(&or(namespace, "<none>")),
            quote(&self.request_uri),
        )
    }
}

/// RFC 3339 with as many digits as it takes (`time.RFC3339Nano`).
fn nanos(at: Timestamp) -> String {
    at.to_string()
}

/// The fields in upstream's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'e> {
    kind: &'static str,
    api_version: &'static str,
    level: &'static str,
    #[serde(rename = "auditID")]
    audit_id: &'e str,
    stage: &'static str,
    #[serde(rename = "requestURI")]
    request_uri: &'e str,
    verb: &'e str,
    user: User<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    impersonated_user: Option<User<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_metadata: Option<AuthenticationMetadata<'e>>,
    #[serde(rename = "sourceIPs", skip_serializing_if = "<[String]>::is_empty")]
    source_ips: &'e [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    user_agent: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_ref: Option<&'e ObjectReference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_status: Option<ResponseStatus<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_object: Option<&'e RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_object: Option<&'e RawValue>,
    request_received_timestamp: String,
    stage_timestamp: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'e BTreeMap<String, String>,
}

impl<'e> Written<'e> {
    fn of(event: &'e Event) -> Self {
        let raw = |body: &'e Option<Body>| body.as_ref().and_then(|body| body.as_deref().ok());
        Self {
            kind: "Event",
            api_version: "audit.k8s.io/v1",
            level: event.level.as_str(),
            audit_id: &event.audit_id,
            stage: event.stage.as_str(),
            request_uri: &event.request_uri,
            verb: &event.verb,
            user: User::of(&event.user),
            impersonated_user: event.impersonated_user.as_ref().map(User::of),
            authentication_metadata: event
                .impersonation_constraint
                .as_deref()
                .map(|constraint| AuthenticationMetadata { impersonation_constraint: constraint }),
            source_ips: &event.source_ips,
            user_agent: &event.user_agent,
            object_ref: event.object_ref.as_ref(),
            response_status: event.response_status.as_ref().map(ResponseStatus::of),
            request_object: raw(&event.request_object),
            response_object: raw(&event.response_object),
            request_received_timestamp: micro_time_text(event.received),
            stage_timestamp: micro_time_text(event.staged),
            annotations: &event.annotations,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuthenticationMetadata<'e> {
    impersonation_constraint: &'e str,
}

#[derive(Serialize)]
struct User<'e> {
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'e str,
    #[serde(skip_serializing_if = "str::is_empty")]
    uid: &'e str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'e [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    extra: &'e BTreeMap<String, Vec<String>>,
}

impl<'e> User<'e> {
    fn of(user: &'e UserInfo) -> Self {
        Self { username: &user.name, uid: &user.uid, groups: &user.groups, extra: &user.extra }
    }
}

#[derive(Serialize)]
struct ResponseStatus<'e> {
    metadata: serde_json::Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'e>>,
    code: u16,
}

impl<'e> ResponseStatus<'e> {
    fn of(answer: &'e Answer) -> Self {
        let status = &answer.status;
        Self {
            metadata: serde_json::Map::new(),
            status: status.get("status"),
            message: status.get("message"),
            reason: status.get("reason"),
            details: status.get("details").map(Details::of),
            code: answer.code,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'e Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<&'e Value>,
}

impl<'e> Details<'e> {
    fn of(details: &'e Value) -> Self {
        let cause = |cause: &'e Value| Cause {
            reason: cause.get("reason"),
            message: cause.get("message"),
            field: cause.get("field"),
        };
        Self {
            name: details.get("name"),
            group: details.get("group"),
            kind: details.get("kind"),
            uid: details.get("uid"),
            causes: details["causes"].as_array().into_iter().flatten().map(cause).collect(),
            retry_after_seconds: details.get("retryAfterSeconds"),
        }
    }
}

#[derive(Serialize)]
struct Cause<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'e Value>,
}

#[cfg(test)]
mod tests;
