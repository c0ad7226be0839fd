//! The options in queries and bodies, and the answers to wrong ones.
//!
//! Upstream: `k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`, `.../internalversion/validation`.

use serde_json::Value;

use super::Call;
use crate::apiserver::authorization::quote;
use crate::apiserver::registry::decode::FieldValidation;
use crate::apiserver::registry::validation::invalid_kind;
use crate::apiserver::registry::{FieldError, FieldErrorType};
use crate::apiserver::requestinfo::Query;
use crate::apiserver::status::{Cause, Status};
use crate::release::Release;

/// The body is in a format that nobody reads here.
pub(super) fn unsupported_media_type() -> Status {
    Status::new(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, \
         application/yaml, application/vnd.kubernetes.protobuf",
    )
}

/// `fieldValidation`, already validated by [`check_write`].
pub(super) fn field_validation(query: &Query) -> Result<FieldValidation, Status> {
    FieldValidation::parse(query.get("fieldValidation").unwrap_or(""))
        .ok_or_else(|| Status::bad_request("fieldValidation is not valid"))
}

/// Checks the options of a create, update or patch.
pub(super) fn check_write(call: &Call<'_>, kind: &str, apply: bool) -> Result<(), Status> {
    let (query, release) = (call.query, call.core.dependencies.release);
    let mut errors = Vec::new();
    if kind == "PatchOptions" {
        if apply && query.get("fieldManager").is_none_or(str::is_empty) {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if !apply && query.get("force").is_some() {
            errors.push(FieldError::forbidden("force", "may not be specified for non-apply patch"));
        }
    }
    let manager = query.get("fieldManager").unwrap_or("");
    if manager.len() > 128 {
        let kind = FieldErrorType::TooLong;
        errors.push(FieldError::new(kind, "fieldManager", manager.into(), "may not be more than 128 bytes"));
    } else if let Some((at, bad)) = manager.char_indices().find(|(_, c)| c.is_control()) {
        let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(bad));
        errors.push(FieldError::invalid("fieldManager", manager, detail));
    }
    let dry: Vec<&str> = query.all("dryRun");
    if !dry.is_empty() && dry.iter().any(|value| *value != "All") {
        errors.push(bad_dry_run(&dry));
    }
    let validation = query.get("fieldValidation").unwrap_or("");
    if FieldValidation::parse(validation).is_none() {
        let known = ["", "Ignore", "Strict", "Warn"];
        errors.push(FieldError::not_supported("fieldValidation", validation, &known));
    }
    if errors.is_empty() { Ok(()) } else { Err(invalid_kind(release, ("meta.k8s.io", kind), "", errors)) }
}

/// The mistake where something other than `All` is to be dry.
fn bad_dry_run(values: &[impl AsRef<str>]) -> FieldError {
    let values: Value = values.iter().map(AsRef::as_ref).collect();
    FieldError::new(FieldErrorType::NotSupported, "dryRun", values, "supported values: \"All\"")
}

/// An Invalid answer about one option, with its sentence as given.
pub(super) fn refused(kind: &str, reason: &str, field: &str, message: &str) -> Status {
    let mut status =
        Status::new(422, "Invalid", format!("{kind}.meta.k8s.io \"\" is invalid: {field}: {message}"))
            .details("meta.k8s.io", kind, "");
    status.causes.push(Cause { reason: reason.into(), message: message.into(), field: field.into() });
    status
}

/// A number in a query.
pub(super) fn number(query: &Query, key: &str) -> Result<Option<i64>, Status> {
    match query.get(key) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            Status::bad_request(format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text)))
        }),
    }
}

/// `resourceVersion`; `None` where it is not set.
pub(super) fn resource_version(query: &Query) -> Result<Option<u64>, Status> {
    match query.get("resourceVersion") {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            let text = quote(text);
            let why = format!(
                "resourceVersion: Invalid value: {text}: strconv.ParseUint: parsing {text}: invalid syntax"
            );
            Status::new(500, "", why)
        }),
    }
}

/// Checks the options of a list or a watch together.
pub(super) fn check_list(query: &Query, watch: bool, release: &Release) -> Result<(), Status> {
    let version = query.get("resourceVersion").unwrap_or("");
    let matching = query.get("resourceVersionMatch").unwrap_or("");
    let mut errors = Vec::new();
    let forbidden = |field: &str, why: &str| FieldError::forbidden(field, why);
    if watch {
        let initial = query.get("sendInitialEvents").map(|_| query.truth("sendInitialEvents"));
        if initial.is_some() {
            if matching != "NotOlderThan" {
                errors.push(forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                ));
            }
            if !release.gates.watch_list {
                errors.push(forbidden(
                    "sendInitialEvents",
                    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
                ));
            } else if !query.truth("allowWatchBookmarks") && initial == Some(true) {
                errors.push(forbidden(
                    "allowWatchBookmarks",
                    "sendInitialEvents requires setting allowWatchBookmarks to true",
                ));
            }
        } else if !matching.is_empty() {
            errors.push(forbidden(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        }
    } else if query.get("sendInitialEvents").is_some() {
        errors.push(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    } else if !matching.is_empty() {
        if version.is_empty() {
            let why = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            errors.push(forbidden("resourceVersionMatch", why));
        }
        if query.get("continue").is_some_and(|token| !token.is_empty()) {
            let why = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(forbidden("resourceVersionMatch", why));
        }
        if !matches!(matching, "Exact" | "NotOlderThan") {
            let kind = FieldErrorType::NotSupported;
            let why = "supported values: \"Exact\", \"NotOlderThan\", \"\"";
            errors.push(FieldError::new(kind, "resourceVersionMatch", matching.into(), why));
        }
        if matching == "Exact" && version == "0" {
            let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            errors.push(forbidden("resourceVersionMatch", why));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(invalid_kind(release, ("meta.k8s.io", "ListOptions"), "", errors))
    }
}

/// How something is deleted: `DeleteOptions` of the body, or of the query.
#[derive(Debug, Default)]
pub(super) struct DeleteOptions {
    pub(super) grace_period: Option<i64>,
    pub(super) policy: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) dry_run: bool,
    pub(super) orphan: Option<bool>,
}

impl DeleteOptions {
    /// Reads them.
    pub(super) fn read(call: &Call<'_>, body: &[u8]) -> Result<Self, Status> {
        let (query, release) = (call.query, call.core.dependencies.release);
        let mut options = Self::default();
        let mut dry = query.all("dryRun").iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
        if body.iter().any(|byte| !byte.is_ascii_whitespace()) {
            let value: Value = serde_json::from_slice(body).map_err(|error| {
                Status::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
            })?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            if let Some(kind) = value["kind"].as_str().filter(|kind| !matches!(*kind, "" | "DeleteOptions")) {
                let version = value["apiVersion"].as_str().unwrap_or("");
                let why = format!(
                    "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:100\"",
                    quote(kind),
                    quote(version)
                );
                return Err(Status::new(500, "", why));
            }
            options.grace_period = value["gracePeriodSeconds"].as_i64();
            options.policy = text(&value["propagationPolicy"]);
            options.orphan = value["orphanDependents"].as_bool();
            options.uid = text(&value["preconditions"]["uid"]);
            options.resource_version = text(&value["preconditions"]["resourceVersion"]);
            dry.extend(value["dryRun"].as_array().into_iter().flatten().filter_map(text));
        } else {
            options.grace_period = number(query, "gracePeriodSeconds")?;
            options.policy = query.get("propagationPolicy").filter(|p| !p.is_empty()).map(str::to_owned);
            options.orphan = query.get("orphanDependents").map(|_| query.truth("orphanDependents"));
        }
        options.dry_run = !dry.is_empty();
        if dry.iter().any(|value| value != "All") {
            return Err(invalid_kind(release, ("meta.k8s.io", "DeleteOptions"), "", vec![bad_dry_run(&dry)]));
        }
        if let Some(policy) = &options.policy {
            if options.orphan.is_some() {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                let shown = format!("Invalid value: {}: {why}", quote(policy));
                return Err(refused("DeleteOptions", "FieldValueInvalid", "propagationPolicy", &shown));
            }
            if !matches!(policy.as_str(), "Foreground" | "Background" | "Orphan") {
                let shown = format!(
                    "Unsupported value: {}: supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"",
                    quote(policy)
                );
                return Err(refused("DeleteOptions", "FieldValueNotSupported", "propagationPolicy", &shown));
            }
        }
        Ok(options)
    }
}
