//! The options in queries and bodies, and the answers to wrong ones.
//!
//! Upstream: `k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go`, `.../internalversion/validation`.

use serde_json::Value;

use super::Call;
use crate::apiserver::registry::decode::{self, FieldValidation};
use crate::apiserver::registry::validation::invalid_kind;
use crate::apiserver::registry::{FieldError, FieldErrorType};
use crate::apiserver::requestinfo::Query;
use crate::apiserver::status::Status;
use crate::go_quote::quote;
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
        errors.push(FieldError::too_long("fieldManager", 128));
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

/// A number in a query.
pub(super) fn number(query: &Query, key: &str) -> Result<Option<i64>, Status> {
    let Some(text) = query.get(key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Status::bad_request(format!("strconv.ParseInt: parsing {}: invalid syntax", quote(text)))
    })
}

/// `resourceVersion`; `None` where it is not set. `wraps` words what is no version as the store does, not the watch cache.
pub(super) fn resource_version(query: &Query, wraps: bool) -> Result<Option<u64>, Status> {
    match query.get("resourceVersion") {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| {
            let text = quote(text);
            let why = format!(
                "resourceVersion: Invalid value: {text}: strconv.ParseUint: parsing {text}: invalid syntax"
            );
            if wraps {
                Status::bad_request(format!("invalid resource version: {why}"))
            } else {
                Status::new(500, "", why)
            }
        }),
    }
}

/// Checks the options of a list or a watch together (`ValidateListOptions`).
pub(super) fn check_list(query: &Query, watch: bool, release: &Release) -> Result<(), Status> {
    number(query, "timeoutSeconds")?;
    number(query, "limit")?;
    let version = query.get("resourceVersion").unwrap_or("");
    let mut matching = query.get("resourceVersionMatch").unwrap_or("");
    let continues = query.get("continue").is_some_and(|token| !token.is_empty());
    let mut initial = query.get("sendInitialEvents").is_some();
    if watch && release.gates.watch_list && !initial && matching.is_empty() && matches!(version, "" | "0") {
        (initial, matching) = (true, "NotOlderThan");
    }
    let mut errors = Vec::new();
    let mut forbid = |field: &str, why: &str| errors.push(FieldError::forbidden(field, why));
    const MATCH: &str = "resourceVersionMatch";
    const CONTINUES: &str = "resourceVersionMatch is forbidden when continue is provided";
    if watch {
        if initial && matching != "NotOlderThan" {
            forbid(MATCH, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if initial && !release.gates.watch_list {
            let why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
            forbid("sendInitialEvents", why);
        }
        if !matching.is_empty() {
            if !initial {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                forbid(MATCH, why);
            }
            if matching != "NotOlderThan" {
                errors.push(FieldError::not_supported(MATCH, matching, &["NotOlderThan"]));
            }
            if continues {
                errors.push(FieldError::forbidden(MATCH, CONTINUES));
            }
        }
    } else {
        if !matching.is_empty() {
            if version.is_empty() {
                forbid(MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if continues {
                forbid(MATCH, CONTINUES);
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                let known = ["Exact", "NotOlderThan", ""];
                errors.push(FieldError::not_supported(MATCH, matching, &known));
            }
            if matching == "Exact" && version == "0" {
                let why = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
                errors.push(FieldError::forbidden(MATCH, why));
            }
        }
        if initial {
            let why = "sendInitialEvents is forbidden for list";
            errors.push(FieldError::forbidden("sendInitialEvents", why));
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
    /// Reads them from the body, else from the query.
    pub(super) fn read(call: &mut Call<'_>, body: &[u8]) -> Result<Self, Status> {
        let (query, release) = (call.query, call.core.dependencies.release);
        let mut options = Self::default();
        let dry: Vec<String>;
        if body.is_empty() {
            dry = query.all("dryRun").iter().map(|v| (*v).to_owned()).collect();
            options.grace_period = number(query, "gracePeriodSeconds")?;
            options.policy = query.get("propagationPolicy").map(str::to_owned);
            options.orphan = query.get("orphanDependents").map(|_| query.truth("orphanDependents"));
            // `Convert_url_Values_To_v1_DeleteOptions`; a list's version is taken for one, too.
            let given = |key: &str| query.get(key).filter(|text| !text.is_empty()).map(str::to_owned);
            (options.uid, options.resource_version) = (given("uid"), given("resourceVersion"));
        } else {
            let is_yaml = call.decodable()? != "application/json";
            let value = decode::delete_options(release, body, is_yaml).map_err(|why| {
                if release.gates.bad_delete_options_are_bad_requests {
                    Status::bad_request(why)
                } else {
                    Status::new(500, "", why)
                }
            })?;
            call.log_delete_options(&value);
            let text = |value: &Value| value.as_str().map(str::to_owned);
            options.grace_period = value["gracePeriodSeconds"].as_i64();
            options.policy = text(&value["propagationPolicy"]);
            options.orphan = value["orphanDependents"].as_bool();
            options.uid = text(&value["preconditions"]["uid"]);
            options.resource_version = text(&value["preconditions"]["resourceVersion"]);
            dry = value["dryRun"].as_array().into_iter().flatten().filter_map(text).collect();
        }
        options.dry_run = !dry.is_empty();
        let mut errors = Vec::new();
        if let Some(policy) = &options.policy {
            if options.orphan.is_some() {
                let why = "orphanDependents and deletionPropagation cannot be both set";
                errors.push(FieldError::invalid("propagationPolicy", policy.as_str(), why));
            }
            let known = ["Foreground", "Background", "Orphan", "nil"];
            if !known[..3].contains(&policy.as_str()) {
                errors.push(FieldError::not_supported("propagationPolicy", policy, &known));
            }
        }
        if dry.iter().any(|value| value != "All") {
            errors.push(bad_dry_run(&dry));
        }
        if errors.is_empty() {
            Ok(options)
        } else {
            Err(invalid_kind(release, ("meta.k8s.io", "DeleteOptions"), "", errors))
        }
    }
}
