//! Validation that every kind shares: metadata, names, labels; and the Invalid answer.
//!
//! Upstream: `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, `.../apis/meta/v1/validation`,
//! `.../util/validation/validation.go`, `.../util/validation/field/errors.go`.

pub mod cidr;
pub mod names;

use serde_json::Value;

use super::{FieldError, FieldErrorType, ResourceType};
use crate::apiserver::status::{Cause, GroupResource, Status};
use crate::release::Release;

/// How many bytes the annotations of an object may have together.
const MOST_ANNOTATIONS: usize = 256 * 1024;

/// The keys under which a Go struct is kept, as Go prints it (`rbac.RoleRef{...}`) and as JSON.
const GO: &str = "\0go";
const JSON: &str = "\0json";

/// The rule that a kind's names keep.
fn name_rule(rt: &ResourceType) -> fn(&str) -> Vec<String> {
    match rt.plural {
        "namespaces" => names::label,
        "services" if rt.release.gates.relaxed_service_names => names::label,
        "services" => names::label_1035,
        "roles"
        | "rolebindings"
        | "clusterroles"
        | "clusterrolebindings"
        | "events"
        | "poddisruptionbudgets"
        | "certificatesigningrequests" => names::path_segment,
        _ => names::subdomain,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

fn all_invalid(field: &str, value: &str, messages: Vec<String>) -> impl Iterator<Item = FieldError> {
    messages.into_iter().map(move |m| FieldError::invalid(field, value, m))
}

fn labels_and_owners(meta: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (key, value) in meta["labels"].as_object().into_iter().flatten() {
        errors.extend(all_invalid("metadata.labels", key, names::qualified(key)));
        let value = value.as_str().unwrap_or("");
        errors.extend(all_invalid("metadata.labels", value, names::label_value(value)));
    }
    let mut size = 0;
    for (key, value) in meta["annotations"].as_object().into_iter().flatten() {
        size += key.len() + value.as_str().map_or(0, str::len);
        errors.extend(all_invalid("metadata.annotations", key, names::qualified(&key.to_lowercase())));
    }
    if size > MOST_ANNOTATIONS {
        errors.push(FieldError::too_long("metadata.annotations", MOST_ANNOTATIONS));
    }
    let mut controller: Option<String> = None;
    for owner in meta["ownerReferences"].as_array().into_iter().flatten() {
        for (field, what) in [("apiVersion", "version"), ("kind", "kind"), ("name", "name"), ("uid", "uid")] {
            let given = text(owner, field);
            // What is no version, or has none after its slash, is as good as empty.
            let no_version =
                field == "apiVersion" && (given.ends_with('/') || given.matches('/').count() > 1);
            if given.is_empty() || no_version {
                let path = format!("metadata.ownerReferences.{field}");
                errors.push(FieldError::invalid(path, given, format!("{what} must not be empty")));
            }
        }
        if owner["apiVersion"] == "v1" && owner["kind"] == "Event" {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            let (go, json) = shown_owner(owner);
            errors.push(FieldError::invalid_shown("metadata.ownerReferences", &go, &json, detail));
        }
        if owner["controller"] == true {
            let this = format!("{}/{}", text(owner, "kind"), text(owner, "name"));
            if let Some(first) = &controller {
                let detail = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                );
                let all = meta["ownerReferences"].as_array().into_iter().flatten();
                let (go, json): (Vec<String>, Vec<String>) = all.map(shown_owner).unzip();
                let go = format!("[]v1.OwnerReference{{{}}}", go.join(", "));
                let json = format!("[{}]", json.join(","));
                errors.push(FieldError::invalid_shown("metadata.ownerReferences", &go, &json, detail));
            } else {
                controller = Some(this);
            }
        }
    }
    errors
}

/// An owner as Go prints it and as JSON. Where a pointer points to is nobody's business, and differs each time upstream.
fn shown_owner(owner: &Value) -> (String, String) {
    let pointer = |key: &str| if owner[key].is_boolean() { "(*bool)(0xc000000000)" } else { "(*bool)(nil)" };
    let of = |key: &str| format!("{:?}", text(owner, key));
    let go = format!(
        "v1.OwnerReference{{APIVersion:{}, Kind:{}, Name:{}, UID:{}, Controller:{}, BlockOwnerDeletion:{}}}",
        of("apiVersion"),
        of("kind"),
        of("name"),
        of("uid"),
        pointer("controller"),
        pointer("blockOwnerDeletion")
    );
    let order = ["apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion"];
    let fields = order.iter().filter_map(|key| Some(format!("{key:?}:{}", owner.get(*key)?)));
    (go, format!("{{{}}}", fields.collect::<Vec<_>>().join(",")))
}

fn finalizers(meta: &Value) -> Vec<FieldError> {
    let all: Vec<&str> =
        meta["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut errors: Vec<FieldError> =
        all.iter().flat_map(|f| all_invalid("metadata.finalizers", f, names::qualified(f))).collect();
    if all.contains(&"orphan") && all.contains(&"foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(FieldError::invalid("metadata.finalizers", meta["finalizers"].clone(), detail));
    }
    errors
}

/// A finalizer is one of the known ones or has a domain (the core group's `ValidateFinalizerName`; leases are not checked so).
fn known_finalizers(rt: &ResourceType, meta: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let all = meta["finalizers"].as_array().filter(|_| rt.plural != "leases");
    for (i, finalizer) in all.into_iter().flatten().enumerate() {
        let (name, path) = (finalizer.as_str().unwrap_or(""), format!("metadata.finalizers[{i}]"));
        if !name.contains('/') && !matches!(name, "kubernetes" | "orphan" | "foregroundDeletion") {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(FieldError::invalid(path, name, detail));
        }
    }
    errors
}

/// Finds the mistakes in the metadata of a new object.
pub fn validate_metadata_create(rt: &ResourceType, object: &Value) -> Vec<FieldError> {
    if !rt.stored() {
        return Vec::new();
    }
    let meta = &object["metadata"];
    let rule = name_rule(rt);
    let mut errors = Vec::new();
    let prefix = text(meta, "generateName");
    if !prefix.is_empty() {
        let masked = match prefix.strip_suffix('-') {
            Some(rest) if !rest.is_empty() => format!("{rest}a"),
            _ => prefix.to_owned(),
        };
        errors.extend(all_invalid("metadata.generateName", prefix, rule(&masked)));
    }
    let name = text(meta, "name");
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        errors.extend(all_invalid("metadata.name", name, rule(name)));
    }
    let namespace = text(meta, "namespace");
    if !rt.namespaced {
        if !namespace.is_empty() {
            errors.push(FieldError::forbidden("metadata.namespace", "not allowed on this type"));
        }
    } else if namespace.is_empty() {
        errors.push(FieldError::required("metadata.namespace", ""));
    } else {
        errors.extend(all_invalid("metadata.namespace", namespace, names::label(namespace)));
    }
    errors.extend(labels_and_owners(meta));
    errors.extend(finalizers(meta));
    errors.extend(known_finalizers(rt, meta));
    errors
}

fn changed_metadata(meta: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if old["deletionTimestamp"].is_string() {
        let before: std::collections::HashSet<_> =
            old["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let had = |f: &Value| f.as_str().is_some_and(|f| before.contains(f));
        let extra: Vec<String> = meta["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|f| !had(f))
            .map(|f| format!("{:?}", f.as_str().unwrap_or("")))
            .collect();
        if !extra.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                extra.join(", ")
            );
            errors.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    if meta["generation"].as_i64().unwrap_or(0) < old["generation"].as_i64().unwrap_or(0) {
        errors.push(FieldError::invalid(
            "metadata.generation",
            meta["generation"].clone(),
            "must not be decremented",
        ));
    }
    let fixed =
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"];
    for field in fixed {
        if meta[field] != old[field] {
            let path = format!("metadata.{field}");
            let why = "field is immutable";
            errors.push(match meta[field].as_str() {
                Some(time) if field == "deletionTimestamp" => {
                    // Go's `Time.String`.
                    let go = format!("{} +0000 UTC", time.replace('T', " ").trim_end_matches('Z'));
                    FieldError::invalid_shown(&path, &go, &Value::from(time).to_string(), why)
                }
                _ => FieldError::invalid(path, meta[field].clone(), why),
            });
        }
    }
    errors.extend(labels_and_owners(meta));
    errors
}

/// Finds the mistakes in the metadata of a changed object; some come as often as upstream reports them.
pub fn validate_metadata_update(rt: &ResourceType, object: &Value, old: &Value) -> Vec<FieldError> {
    let (meta, before) = (&object["metadata"], &old["metadata"]);
    let mut errors = labels_and_owners(meta);
    errors.extend(finalizers(meta));
    errors.extend(changed_metadata(meta, before));
    match rt.plural {
        "nodes" => {
            errors.extend(validate_metadata_create(rt, object));
            errors.extend(changed_metadata(meta, before));
            errors.extend(known_finalizers(rt, meta));
        }
        "namespaces" | "leases" => {
            errors.extend(changed_metadata(meta, before));
            errors.extend(known_finalizers(rt, meta));
        }
        _ => {
            errors.extend(changed_metadata(meta, before));
            errors.extend(known_finalizers(rt, meta));
            errors.extend(validate_metadata_create(rt, object));
            // The object as a whole is validated once more with the change.
            let twice = rt.group == "rbac.authorization.k8s.io";
            if twice && !rt.release.gates.role_changes_validated_once {
                errors.extend(validate_metadata_create(rt, object));
            }
        }
    }
    errors
}

/// The Invalid answer (`errors.NewInvalid`) of a resource.
pub fn invalid(rt: &ResourceType, name: &str, errors: Vec<FieldError>) -> Status {
    invalid_kind(rt.release, (rt.group, rt.kind), name, errors)
}

/// The Invalid answer for any kind (`PatchOptions.meta.k8s.io`, ...).
pub fn invalid_kind(
    release: &Release,
    (group, kind): (&str, &str),
    name: &str,
    errors: Vec<FieldError>,
) -> Status {
    let texts: Vec<String> =
        errors.iter().map(|error| format!("{}: {}", error.field, error.body(release))).collect();
    let mut seen = std::collections::HashSet::new();
    let unique: Vec<&str> = texts.iter().map(String::as_str).filter(|text| seen.insert(*text)).collect();
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
            message: error.body(release),
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

    /// A wrong value that is a Go struct of a name: older releases print it as Go does, newer ones as JSON.
    pub fn invalid_struct(
        field: impl Into<String>,
        name: &str,
        fields: &[(&str, Value)],
        detail: impl Into<String>,
    ) -> Self {
        let go_value = |value: &Value| if value.is_null() { "<nil>".to_owned() } else { value.to_string() };
        let go: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}:{}", go_value(value))).collect();
        let json: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        let (go, json) = (format!("{name}{{{}}}", go.join(", ")), format!("{{{}}}", json.join(",")));
        Self::invalid_shown(field, &go, &json, detail)
    }

    /// A wrong value with its two texts, as Go prints it and as JSON.
    pub fn invalid_shown(field: impl Into<String>, go: &str, json: &str, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorType::Invalid, field, serde_json::json!({GO: go, JSON: json}), detail)
    }

    /// A text is longer than so many bytes; each release says it in its own words.
    pub fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::new(FieldErrorType::TooLong, field, limit.into(), "")
    }

    /// A value that is none of the supported ones (`field.NotSupported`).
    pub fn not_supported(field: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        Self::new(FieldErrorType::NotSupported, field, Value::String(value.into()), detail)
    }

    /// A value that may not be there (`field.Forbidden`).
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorType::Forbidden, field, Value::Null, detail)
    }

    /// The text without the field (`field.Error.ErrorBody`).
    pub fn body(&self, release: &Release) -> String {
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
                Value::Object(map) if map.contains_key(GO) => {
                    let key = if release.wording.values_as_json { JSON } else { GO };
                    format!("{words}: {}", map[key].as_str().unwrap_or(""))
                }
                Value::Array(items)
                    if items.iter().all(Value::is_string) && !release.wording.values_as_json =>
                {
                    let items: Vec<String> = items.iter().map(Value::to_string).collect();
                    format!("{words}: []string{{{}}}", items.join(", "))
                }
                other => format!("{words}: {other}"),
            },
        };
        if self.kind == FieldErrorType::TooLong
            && let Some(limit) = self.value.as_u64()
        {
            text.push_str(": ");
            text.push_str(&release.wording.too_long.replace("{}", &limit.to_string()));
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&release.wording.of(&self.detail));
        }
        text
    }
}
