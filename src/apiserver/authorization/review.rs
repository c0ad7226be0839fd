//! Access reviews: asking what a user may do.
//!
//! Upstream: `pkg/registry/authorization/{subjectaccessreview,selfsubjectaccessreview,localsubjectaccessreview,
//! selfsubjectrulesreview}/rest.go`, `pkg/apis/authorization/validation/validation.go`.

use serde_json::{Value, json};

use super::{Attributes, Chain, Decision};
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::registry::FieldError;
use crate::apiserver::registry::validation::invalid_kind;
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::status::Status;
use crate::go_quote::quote;
use crate::release::Release;

const GROUP: &str = "authorization.k8s.io";

/// Answers a review that was posted: the object with its status filled in.
///
/// `kind` is one of `SubjectAccessReview`, `LocalSubjectAccessReview`, `SelfSubjectAccessReview` and
/// `SelfSubjectRulesReview`; `user` is who asks, `namespace` the request's.
pub fn evaluate(
    release: &'static Release,
    kind: &str,
    mut review: Value,
    user: &UserInfo,
    namespace: &str,
    chain: &Chain,
) -> Result<Value, Status> {
    if !release.gates.reviews_have_selectors
        && let Some(attributes) =
            review.pointer_mut("/spec/resourceAttributes").and_then(Value::as_object_mut)
    {
        attributes.remove("fieldSelector");
        attributes.remove("labelSelector");
    }
    let wrong = |errors| refuse_if_any(release, errors);
    review["status"] = match kind {
        "SelfSubjectRulesReview" => {
            let status = rules_status(&review, user, chain)?;
            // The answer is a new object.
            review["spec"] = json!({});
            if let Some(metadata) = review["metadata"].as_object_mut() {
                metadata.retain(|key, value| key == "creationTimestamp" && value.is_null());
            }
            status
        }
        "SelfSubjectAccessReview" => {
            wrong([attribute_errors(&review["spec"]), metadata_errors(&review, false)].concat())?;
            access_status(&review["spec"], user.clone(), chain)
        }
        "LocalSubjectAccessReview" => {
            wrong([local_errors(&review, namespace), metadata_errors(&review, true)].concat())?;
            access_status(&review["spec"], subject(&review["spec"]), chain)
        }
        _ => {
            wrong([subject_errors(&review["spec"]), metadata_errors(&review, false)].concat())?;
            access_status(&review["spec"], subject(&review["spec"]), chain)
        }
    };
    Ok(review)
}

fn access_status(spec: &Value, user: UserInfo, chain: &Chain) -> Value {
    let outcome = chain.authorize(&Attributes { user, request: request(spec) });
    let mut status = json!({"allowed": outcome.decision == Decision::Allow});
    if outcome.decision == Decision::Deny {
        status["denied"] = json!(true);
    }
    if !outcome.reason.is_empty() {
        status["reason"] = json!(outcome.reason);
    }
    status
}

fn rules_status(review: &Value, user: &UserInfo, chain: &Chain) -> Result<Value, Status> {
    let namespace = text(&review["spec"], "namespace");
    if namespace.is_empty() {
        return Err(Status::bad_request("no namespace on request"));
    }
    let found = chain.rules_for(user, namespace);
    let (mut resource_rules, mut url_rules) = (Vec::new(), Vec::new());
    for rule in &found.rules {
        if !rule.resources.is_empty() {
            let mut shown =
                json!({"verbs": rule.verbs, "apiGroups": rule.api_groups, "resources": rule.resources});
            if !rule.resource_names.is_empty() {
                shown["resourceNames"] = json!(rule.resource_names);
            }
            resource_rules.push(shown);
        }
        if !rule.non_resource_urls.is_empty() {
            url_rules.push(json!({"verbs": rule.verbs, "nonResourceURLs": rule.non_resource_urls}));
        }
    }
    let mut status = json!({"resourceRules": resource_rules, "nonResourceRules": url_rules, "incomplete": found.incomplete});
    if !found.errors.is_empty() {
        status["evaluationError"] = json!(super::rbac::aggregate(&found.errors));
    }
    Ok(status)
}

/// The user whom a review is about.
fn subject(spec: &Value) -> UserInfo {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let extra = spec["extra"].as_object().into_iter().flatten();
    UserInfo {
        name: text(spec, "user").to_owned(),
        uid: text(spec, "uid").to_owned(),
        groups: texts(&spec["groups"]),
        extra: extra.map(|(key, values)| (key.clone(), texts(values))).collect(),
    }
}

/// The request that a review asks about.
fn request(spec: &Value) -> RequestInfo {
    if let Some(attributes) = present(spec, "nonResourceAttributes") {
        return RequestInfo {
            verb: text(attributes, "verb").to_owned(),
            path: text(attributes, "path").to_owned(),
            ..RequestInfo::default()
        };
    }
    let attributes = &spec["resourceAttributes"];
    let owned = |key: &str| text(attributes, key).to_owned();
    RequestInfo {
        is_resource_request: true,
        verb: owned("verb"),
        namespace: owned("namespace"),
        api_group: owned("group"),
        api_version: owned("version"),
        resource: owned("resource"),
        subresource: owned("subresource"),
        name: owned("name"),
        field_selector: text(&attributes["fieldSelector"], "rawSelector").to_owned(),
        label_selector: text(&attributes["labelSelector"], "rawSelector").to_owned(),
        ..RequestInfo::default()
    }
}

/// A question has no metadata, but for a local one's namespace.
fn metadata_errors(review: &Value, local: bool) -> Vec<FieldError> {
    let Some(metadata) = review["metadata"].as_object() else { return Vec::new() };
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        other => *other == json!(0),
    };
    let counts = |key: &str| key != "managedFields" && !(local && key == "namespace");
    if !metadata.iter().any(|(key, value)| counts(key) && !is_empty(value)) {
        return Vec::new();
    }
    let mut shown = metadata.clone();
    shown.retain(|_, value| !is_empty(value));
    let json = Value::Object(shown).to_string();
    vec![FieldError::invalid_shown("metadata", &go_metadata(&review["metadata"]), &json, "must be empty")]
}

/// Metadata as Go prints the struct; what reviews do not come with is left as it is when unset.
fn go_metadata(metadata: &Value) -> String {
    let map = |key: &str| match metadata[key].as_object().filter(|map| !map.is_empty()) {
        Some(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}:{value}", quote(key)));
            format!("map[string]string{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        None => "map[string]string(nil)".to_owned(),
    };
    let word = |key: &str| quote(text(metadata, key));
    format!(
        "v1.ObjectMeta{{Name:{}, GenerateName:{}, Namespace:{}, SelfLink:\"\", UID:{}, ResourceVersion:{}, Generation:{}, \
         CreationTimestamp:time.Date(1, time.January, 1, 0, 0, 0, 0, time.UTC), DeletionTimestamp:<nil>, \
         DeletionGracePeriodSeconds:(*int64)(nil), Labels:{}, Annotations:{}, OwnerReferences:[]v1.OwnerReference(nil), \
         Finalizers:[]string(nil), ManagedFields:[]v1.ManagedFieldsEntry(nil)}}",
        word("name"),
        word("generateName"),
        word("namespace"),
        word("uid"),
        word("resourceVersion"),
        metadata["generation"].as_i64().unwrap_or(0),
        map("labels"),
        map("annotations")
    )
}

fn attribute_errors(spec: &Value) -> Vec<FieldError> {
    let mut errors = match (present(spec, "resourceAttributes"), present(spec, "nonResourceAttributes")) {
        (None, None) => vec![FieldError::invalid_shown(
            "spec.resourceAttributes",
            "\"null\"",
            "null",
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )],
        (Some(_), Some(attributes)) => {
            vec![non_resource_error(attributes, "cannot be specified in combination with resourceAttributes")]
        }
        _ => Vec::new(),
    };
    for selector in ["fieldSelector", "labelSelector"] {
        errors.extend(selector_errors(&spec["resourceAttributes"][selector], selector));
    }
    errors
}

/// A selector is text or requirements, and not both or neither (`validateFieldSelectorAttributes` and its like).
fn selector_errors(selector: &Value, name: &str) -> Option<FieldError> {
    let selector = selector.as_object()?;
    let path = format!("spec.resourceAttributes.{name}");
    let raw = selector.get("rawSelector").and_then(Value::as_str).unwrap_or("");
    let requirements = selector.get("requirements").and_then(Value::as_array).map_or(0, Vec::len);
    match (raw.is_empty(), requirements) {
        (false, 1..) => Some(FieldError::invalid(
            format!("{path}.rawSelector"),
            raw,
            "may not specified at the same time as requirements",
        )),
        (true, 0) => Some(FieldError::required(
            format!("{path}.requirements"),
            format!(
                "when spec.resourceAttributes.{name} is specified, requirements or rawSelector is required"
            ),
        )),
        _ => None,
    }
}

fn subject_errors(spec: &Value) -> Vec<FieldError> {
    let mut errors = attribute_errors(spec);
    let no_groups = spec["groups"].as_array().is_none_or(Vec::is_empty);
    if text(spec, "user").is_empty() && no_groups {
        errors.push(FieldError::invalid("spec.user", "", "at least one of user or group must be specified"));
    }
    errors
}

fn local_errors(review: &Value, namespace: &str) -> Vec<FieldError> {
    let spec = &review["spec"];
    let mut errors = subject_errors(spec);
    if let Some(attributes) = present(spec, "resourceAttributes") {
        let asked = text(attributes, "namespace");
        if asked != namespace {
            let field = "spec.resourceAttributes.namespace";
            errors.push(FieldError::invalid(field, asked, "must match metadata.namespace"));
        }
    }
    if let Some(attributes) = present(spec, "nonResourceAttributes") {
        errors.push(non_resource_error(attributes, "disallowed on this kind of request"));
    }
    errors
}

fn non_resource_error(attributes: &Value, detail: &str) -> FieldError {
    let fields = [("Path", json!(text(attributes, "path"))), ("Verb", json!(text(attributes, "verb")))];
    let name = "authorization.NonResourceAttributes";
    FieldError::invalid_struct("spec.nonResourceAttributes", name, &fields, detail)
}

/// The Invalid answer; upstream leaves the kind empty here, and so its sentence starts with a dot.
fn refuse_if_any(release: &Release, errors: Vec<FieldError>) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(invalid_kind(release, (GROUP, ""), "", errors)) }
}

fn present<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
