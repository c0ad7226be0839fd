//! Validation that every kind shares: metadata, names, labels; and the Invalid answer.
//!
//! Upstream: `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, `.../apis/meta/v1/validation`,
//! `.../util/validation/validation.go`, `.../util/validation/field/errors.go`.

use serde_json::Value;

use super::{FieldError, FieldErrorType, ResourceType};
use crate::apiserver::status::{Cause, GroupResource, Status};

/// Finds the mistakes in the metadata of a new object.
pub fn validate_metadata_create(rt: &ResourceType, object: &Value) -> Vec<FieldError> {
    let _ = (rt, object);
    Vec::new()
}

/// Finds the mistakes in the metadata of a changed object.
pub fn validate_metadata_update(rt: &ResourceType, object: &Value, old: &Value) -> Vec<FieldError> {
    let _ = (rt, object, old);
    Vec::new()
}

/// The Invalid answer (`errors.NewInvalid`) of a resource.
pub fn invalid(rt: &ResourceType, name: &str, errors: Vec<FieldError>) -> Status {
    invalid_kind(rt.group, rt.kind, name, errors)
}

/// The Invalid answer for any kind (`PatchOptions.meta.k8s.io`, ...).
pub fn invalid_kind(group: &str, kind: &str, name: &str, errors: Vec<FieldError>) -> Status {
    let texts: Vec<String> = errors.iter().map(FieldError::to_string).collect();
    let mut unique: Vec<&str> = Vec::new();
    for text in &texts {
        if !unique.contains(&text.as_str()) {
            unique.push(text);
        }
    }
    let aggregate = match unique.as_slice() {
        [] => "<nil>".to_owned(),
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    };
    let qualified = GroupResource { group, resource: kind };
    let mut status = Status::new(422, "Invalid", format!("{qualified} \"{name}\" is invalid: {aggregate}"))
        .details(group, kind, name);
    status.causes = errors
        .iter()
        .map(|error| Cause {
            reason: error.kind.reason().into(),
            message: error.body(),
            field: error.field.clone(),
        })
        .collect();
    status
}

impl FieldErrorType {
    /// The machine's word (`FieldValueRequired`).
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Duplicate => "FieldValueDuplicate",
            Self::NotFound => "FieldValueNotFound",
            Self::Internal => "InternalError",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    /// The person's words (`Required value`).
    pub fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::Internal => "Internal error",
        }
    }
}

impl FieldError {
    /// A mistake.
    pub fn new(
        kind: FieldErrorType,
        field: impl Into<String>,
        value: Value,
        detail: impl Into<String>,
    ) -> Self {
        Self { kind, field: field.into(), value, detail: detail.into() }
    }

    /// A missing value (`field.Required`).
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorType::Required, field, Value::Null, detail)
    }

    /// A wrong value (`field.Invalid`).
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorType::Invalid, field, value.into(), detail)
    }

    /// A value that may not be there (`field.Forbidden`).
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorType::Forbidden, field, Value::Null, detail)
    }

    /// The text without the field (`field.Error.ErrorBody`).
    pub fn body(&self) -> String {
        let words = self.kind.words();
        let mut text = match self.kind {
            FieldErrorType::Required
            | FieldErrorType::Forbidden
            | FieldErrorType::TooLong
            | FieldErrorType::TooMany
            | FieldErrorType::Internal => words.to_owned(),
            _ => match &self.value {
                Value::Null => format!("{words}: null"),
                Value::String(s) => format!("{words}: {s:?}"),
                other => format!("{words}: {other}"),
            },
        };
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}
