//! The `Status` object that every refusal is answered with.
//!
//! Texts: upstream `k8s.io/apimachinery/pkg/api/errors/errors.go` and `.../util/validation/field/errors.go`.

use serde_json::{Value, json};

use crate::go_quote::quote;

/// A resource's group and plural name, as messages show it (`nodes`, `leases.coordination.k8s.io`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupResource<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural name.
    pub resource: &'a str,
}

impl std::fmt::Display for GroupResource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.group.is_empty() {
            f.write_str(self.resource)
        } else {
            write!(f, "{}.{}", self.resource, self.group)
        }
    }
}

/// One cause in a Status' details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldManagerConflict`, ...
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// The field's path.
    pub field: String,
}

/// A refusal, as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status.
    pub code: u16,
    /// `NotFound`, `Forbidden`, ...; empty where the real server leaves it out.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// The object's name.
    pub name: String,
    /// The API group.
    pub group: String,
    /// Upstream puts the resource (or the kind, for Invalid) here.
    pub kind: String,
    /// The object's uid.
    pub uid: String,
    /// The causes.
    pub causes: Vec<Cause>,
    /// `retryAfterSeconds`; 0 is left out.
    pub retry_after_seconds: u32,
    /// Whether there are details even where they are empty.
    pub bare_details: bool,
    /// Whether it is answered as a text (`responsewriters.InternalError`).
    pub plain: bool,
}

impl Status {
    /// A refusal with a code, a reason and a sentence, and no details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: Vec::new(),
            retry_after_seconds: 0,
            bare_details: false,
            plain: false,
        }
    }

    /// `NewGenericServerResponse` about nothing in particular: its details are there, and empty.
    pub fn generic(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { bare_details: true, ..Self::new(code, reason, message) }
    }

    /// Names the object in the details.
    #[must_use]
    pub fn details(mut self, group: &str, kind: &str, name: &str) -> Self {
        self.group = group.into();
        self.kind = kind.into();
        self.name = name.into();
        self.bare_details = true;
        self
    }

    /// `NewNotFound`.
    pub fn not_found(resource: GroupResource<'_>, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {} not found", quote(name))).details(
            resource.group,
            resource.resource,
            name,
        )
    }

    /// `NewAlreadyExists`.
    pub fn already_exists(resource: GroupResource<'_>, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} \"{name}\" already exists")).details(
            resource.group,
            resource.resource,
            name,
        )
    }

    /// `NewConflict`.
    pub fn conflict(resource: GroupResource<'_>, name: &str, why: &str) -> Self {
        Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}"))
            .details(resource.group, resource.resource, name)
    }

    /// `NewForbidden`, as admission plugins use it.
    pub fn forbidden(resource: GroupResource<'_>, name: &str, why: &str) -> Self {
        let message = if resource.resource.is_empty() && resource.group.is_empty() {
            format!("forbidden: {why}")
        } else if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {} is forbidden: {why}", quote(name))
        };
        Self::generic(403, "Forbidden", message).details(resource.group, resource.resource, name)
    }

    /// `NewBadRequest`.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// `NewInternalError`.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        let mut status = Self::new(500, "InternalError", format!("Internal error occurred: {why}"));
        status.causes.push(Cause { reason: String::new(), message: why.to_string(), field: String::new() });
        status
    }

    /// `NewMethodNotSupported`.
    pub fn method_not_supported(resource: GroupResource<'_>, action: &str) -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            format!("{action} is not supported on resources of kind \"{resource}\""),
        )
        .details(resource.group, resource.resource, "")
    }

    /// The object as it goes over the wire.
    pub fn to_value(&self) -> Value {
        let mut object = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"});
        if !self.message.is_empty() {
            object["message"] = json!(self.message);
        }
        if !self.reason.is_empty() {
            object["reason"] = json!(self.reason);
        }
        let mut details = serde_json::Map::new();
        for (key, text) in
            [("name", &self.name), ("group", &self.group), ("kind", &self.kind), ("uid", &self.uid)]
        {
            if !text.is_empty() {
                details.insert(key.into(), json!(text));
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                let mut out = serde_json::Map::new();
                for (key, text) in
                    [("reason", &cause.reason), ("message", &cause.message), ("field", &cause.field)]
                {
                    if !text.is_empty() {
                        out.insert(key.into(), json!(text));
                    }
                }
                Value::Object(out)
            });
            details.insert("causes".into(), causes.collect());
        }
        if self.retry_after_seconds > 0 {
            details.insert("retryAfterSeconds".into(), json!(self.retry_after_seconds));
        }
        if self.bare_details || !details.is_empty() {
            object["details"] = Value::Object(details);
        }
        object["code"] = json!(self.code);
        object
    }
}
