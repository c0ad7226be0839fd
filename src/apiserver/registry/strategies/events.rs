//! Events and CSINodes.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/events.go`, `kubernetes/pkg/apis/storage/validation/validation.go`.

use serde_json::{Value, json};

use super::{list, text};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{Context, FieldError, FieldErrorType, Strategy};

/// Events: selectable by what they are about.
pub struct Events;

/// What an event of the core group and one of `events.k8s.io` call the same.
struct Names {
    about: &'static str,
    reporter: &'static str,
    message: &'static str,
    /// Whether the newer group's rules hold.
    strict: bool,
}

fn names_of(event: &Value) -> Names {
    if text(event, "apiVersion") == "v1" {
        Names { about: "involvedObject", reporter: "reportingComponent", message: "message", strict: false }
    } else {
        Names { about: "regarding", reporter: "reportingController", message: "note", strict: true }
    }
}

fn is_set(event: &Value, key: &str) -> bool {
    event.get(key).is_some_and(|value| !value.is_null())
}

/// `legacyValidateEvent`
fn legacy(event: &Value) -> Vec<FieldError> {
    let words = names_of(event);
    let mut errors = Vec::new();
    let own = text(&event["metadata"], "namespace");
    let about = text(&event[words.about], "namespace");
    let timed = is_set(event, "eventTime");
    let fits = match (timed, about) {
        (false, "") => matches!(own, "" | "default"),
        (false, about) => own == about,
        (true, "") => matches!(own, "default" | "kube-system"),
        (true, _) => true,
    };
    if !fits {
        errors.push(FieldError::invalid("involvedObject.namespace", about, "does not match event.namespace"));
    }
    if !timed {
        return errors;
    }
    let reporter = text(event, words.reporter);
    if reporter.is_empty() {
        errors.push(FieldError::required(words.reporter, ""));
    }
    let wrong = names::qualified(reporter).into_iter();
    errors.extend(wrong.map(|message| FieldError::invalid(words.reporter, reporter, message)));
    for (key, most) in [("reportingInstance", 128), ("action", 128), ("reason", 128)] {
        let value = text(event, key);
        if value.is_empty() {
            errors.push(FieldError::required(key, ""));
        }
        if value.len() > most {
            errors.push(FieldError::invalid(key, "", format!("can have at most {most} characters")));
        }
    }
    if text(event, words.message).len() > 1024 {
        errors.push(FieldError::invalid("message", "", "can have at most 1024 characters"));
    }
    errors
}

/// `validateV1EventSeries`
fn series(event: &Value) -> Vec<FieldError> {
    let series = &event["series"];
    let mut errors = Vec::new();
    if series.is_object() {
        if series["count"].as_i64().unwrap_or(0) < 2 {
            errors.push(FieldError::invalid("series.count", "", "should be at least 2"));
        }
        if !is_set(series, "lastObservedTime") {
            errors.push(FieldError::required("series.lastObservedTime", ""));
        }
    }
    errors
}

impl Strategy for Events {
    fn validate(&self, _: &Context<'_>, event: &Value) -> Vec<FieldError> {
        let mut errors = legacy(event);
        if !names_of(event).strict {
            return errors;
        }
        let name = text(&event["metadata"], "name");
        let wrong = names::subdomain(name).into_iter();
        errors.extend(wrong.map(|message| FieldError::invalid("metadata.name", name, message)));
        errors.extend(series(event));
        if !is_set(event, "eventTime") {
            errors.push(FieldError::required("eventTime", ""));
        }
        let kind = text(event, "type");
        if !matches!(kind, "Normal" | "Warning") {
            errors.push(FieldError::invalid("type", "", format!("has invalid value: {kind}")));
        }
        let source = &event["deprecatedSource"];
        for (field, set) in [
            ("firstTimestamp", is_set(event, "deprecatedFirstTimestamp")),
            ("lastTimestamp", is_set(event, "deprecatedLastTimestamp")),
            ("count", event["deprecatedCount"].as_i64().unwrap_or(0) != 0),
            ("source", !text(source, "component").is_empty() || !text(source, "host").is_empty()),
        ] {
            if set {
                errors.push(FieldError::invalid(field, "", "needs to be unset"));
            }
        }
        errors
    }

    fn validate_update(&self, _: &Context<'_>, event: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = legacy(event);
        if !names_of(event).strict {
            return errors;
        }
        if event["series"] != old["series"] {
            errors.extend(series(event));
        }
        for (field, key) in [
            ("involvedObject", "regarding"),
            ("reason", "reason"),
            ("message", "note"),
            ("source", "deprecatedSource"),
            ("firstTimestamp", "deprecatedFirstTimestamp"),
            ("lastTimestamp", "deprecatedLastTimestamp"),
            ("count", "deprecatedCount"),
            ("reason", "reason"),
            ("type", "type"),
            ("eventTime", "eventTime"),
            ("action", "action"),
            ("related", "related"),
            ("reportingController", "reportingController"),
            ("reportingInstance", "reportingInstance"),
        ] {
            if event.get(key) != old.get(key) {
                let value = event.get(key).cloned().unwrap_or_else(|| json!(""));
                errors.push(FieldError::invalid(field, value, "field is immutable"));
            }
        }
        errors
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }

    fn selectable_fields(&self, event: &Value) -> Vec<(&'static str, String)> {
        let about =
            if event["involvedObject"].is_object() { &event["involvedObject"] } else { &event["regarding"] };
        let of = |key: &str| text(about, key).to_owned();
        let source = text(&event["source"], "component");
        let source = if source.is_empty() { text(event, "reportingComponent") } else { source };
        vec![
            ("involvedObject.kind", of("kind")),
            ("involvedObject.namespace", of("namespace")),
            ("involvedObject.name", of("name")),
            ("involvedObject.uid", of("uid")),
            ("involvedObject.apiVersion", of("apiVersion")),
            ("involvedObject.resourceVersion", of("resourceVersion")),
            ("involvedObject.fieldPath", of("fieldPath")),
            ("reason", text(event, "reason").to_owned()),
            ("reportingComponent", text(event, "reportingComponent").to_owned()),
            ("source", source.to_owned()),
            ("type", text(event, "type").to_owned()),
        ]
    }
}

/// CSINodes.
pub struct CsiNodes;

/// How long a driver's name may be.
const MOST_DRIVER_NAME: usize = 63;
/// How long a driver's name for a node may be.
const MOST_NODE_ID: usize = 192;

fn driver(context: &Context<'_>, driver: &Value, path: &str, seen: &[&str], errors: &mut Vec<FieldError>) {
    let (name, at) = (text(driver, "name"), format!("{path}.name"));
    if name.is_empty() {
        errors.push(FieldError::required(at.clone(), ""));
    }
    if !name.is_empty() || !context.release.gates.empty_driver_names_end_there {
        if name.len() > MOST_DRIVER_NAME {
            errors.push(FieldError::too_long(at.clone(), MOST_DRIVER_NAME));
        }
        let wrong = names::subdomain(&name.to_lowercase()).into_iter();
        errors.extend(wrong.map(|message| FieldError::invalid(at.clone(), name, message)));
    }
    let id = text(driver, "nodeID");
    if id.is_empty() {
        errors.push(FieldError::required(format!("{path}.nodeID"), ""));
    }
    if id.len() > MOST_NODE_ID {
        let detail = format!("must be {MOST_NODE_ID} characters or less");
        errors.push(FieldError::invalid(format!("{path}.nodeID"), id, detail));
    }
    if let Some(count) = driver["allocatable"]["count"].as_i64().filter(|count| *count < 0) {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(format!("{path}.allocatable.count"), count, detail));
    }
    if seen.contains(&name) {
        errors.push(FieldError::new(FieldErrorType::Duplicate, at, json!(name), ""));
    }
    let keys: Vec<&str> = list(&driver["topologyKeys"]).filter_map(Value::as_str).collect();
    for (i, key) in keys.iter().enumerate() {
        if key.is_empty() {
            errors.push(FieldError::required(path, ""));
        }
        if keys[..i].contains(key) {
            errors.push(FieldError::new(FieldErrorType::Duplicate, path, json!(key), ""));
        }
        errors.extend(names::qualified(key).into_iter().map(|m| FieldError::invalid(path, *key, m)));
    }
}

/// A driver that may not change, as messages show it.
fn immutable_driver(context: &Context<'_>, driver: &Value) -> FieldError {
    let (name, id) = (json!(text(driver, "name")), json!(text(driver, "nodeID")));
    let keys: Vec<String> = list(&driver["topologyKeys"]).map(Value::to_string).collect();
    let keys_go = if keys.is_empty() { "(nil)".to_owned() } else { format!("{{{}}}", keys.join(", ")) };
    let keys_json = if keys.is_empty() { "null".to_owned() } else { format!("[{}]", keys.join(",")) };
    let go = format!(
        "storage.CSINodeDriver{{Name:{name}, NodeID:{id}, TopologyKeys:[]string{keys_go}, \
         Allocatable:(*storage.VolumeNodeResources)(nil)}}"
    );
    let shown =
        format!("{{\"Name\":{name},\"NodeID\":{id},\"TopologyKeys\":{keys_json},\"Allocatable\":null}}");
    let field =
        if context.release.gates.empty_driver_names_end_there { "spec.drivers" } else { "CSINodeDriver" };
    FieldError::invalid_shown(field, &go, &shown, "field is immutable")
}

impl Strategy for CsiNodes {
    fn validate(&self, context: &Context<'_>, node: &Value) -> Vec<FieldError> {
        let (mut errors, mut seen) = (Vec::new(), Vec::new());
        for (i, one) in list(&node["spec"]["drivers"]).enumerate() {
            driver(context, one, &format!("spec.drivers[{i}]"), &seen, &mut errors);
            seen.push(text(one, "name"));
        }
        errors
    }

    fn validate_update(&self, context: &Context<'_>, node: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(context, node);
        for before in list(&old["spec"]["drivers"]) {
            for after in list(&node["spec"]["drivers"]).filter(|after| after["name"] == before["name"]) {
                let fields = ["nodeID", "topologyKeys"];
                if fields.iter().any(|field| after.get(*field) != before.get(*field)) {
                    errors.push(immutable_driver(context, after));
                }
            }
        }
        errors
    }
}
