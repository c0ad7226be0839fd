//! Nodes. Upstream: `kubernetes/pkg/registry/core/node/strategy.go`, `ValidateNode`.

use serde_json::{Map, Value};

use super::{keep, list, text};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{Context, FieldError, FieldErrorType, Strategy};

/// Nodes.
pub struct Nodes;

fn taints(object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let all: Vec<&Value> = list(&object["spec"]["taints"]).collect();
    for (i, taint) in all.iter().enumerate() {
        let path = format!("metadata.taints[{i}]");
        let (key, value, effect) = (text(taint, "key"), text(taint, "value"), text(taint, "effect"));
        for message in names::qualified(key) {
            errors.push(FieldError::invalid(format!("{path}.key"), key, message));
        }
        let wrong = names::label_value(value);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid(format!("{path}.value"), value, wrong.join(";")));
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if effect.is_empty() {
            errors.push(FieldError::required(format!("{path}.effect"), ""));
        } else if !effects.contains(&effect) {
            errors.push(FieldError::not_supported(format!("{path}.effect"), effect, &effects));
        }
        if all[..i].iter().any(|t| text(t, "key") == key && text(t, "effect") == effect) {
            let fields = [
                ("Key", key.into()),
                ("Value", value.into()),
                ("Effect", effect.into()),
                ("TimeAdded", Value::Null),
            ];
            let detail = "taints must be unique by key and effect pair";
            let mut error = FieldError::invalid_struct(path, "core.Taint", &fields, detail);
            error.kind = FieldErrorType::Duplicate;
            errors.push(error);
        }
    }
    errors
}

/// The address range of a node's pods is the first of its ranges, under whichever name it was given
/// (`Convert_v1_NodeSpec_To_core_NodeSpec` and back).
fn addresses(spec: &mut Map<String, Value>) {
    let single = spec.get("podCIDR").and_then(Value::as_str).unwrap_or("").to_owned();
    let mut all = spec.get("podCIDRs").and_then(Value::as_array).cloned().unwrap_or_default();
    if !single.is_empty() && all.first().is_none_or(|first| *first != single.as_str()) {
        all = vec![single.into()];
    }
    match all.first().cloned() {
        Some(first) => {
            spec.insert("podCIDR".into(), first);
            spec.insert("podCIDRs".into(), all.into());
        }
        None => {
            spec.remove("podCIDR");
            spec.remove("podCIDRs");
        }
    }
}

impl Strategy for Nodes {
    fn set_defaults(&self, _: &Context<'_>, object: &mut Value) {
        let status = &mut object["status"];
        if status.get("allocatable").is_none_or(Value::is_null)
            && let Some(capacity) = status.get("capacity").filter(|c| c.is_object()).cloned()
        {
            status["allocatable"] = capacity;
        }
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            addresses(spec);
        }
    }

    fn validate(&self, _: &Context<'_>, object: &Value) -> Vec<FieldError> {
        taints(object)
    }

    fn prepare_for_update(&self, context: &Context<'_>, object: &mut Value, old: &Value) {
        keep(object, old, if context.subresource == "status" { "spec" } else { "status" });
    }

    fn validate_update(&self, _: &Context<'_>, object: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = taints(object);
        let (spec, before) = (&object["spec"], &old["spec"]);
        let same = |key: &str| spec.get(key) == before.get(key);
        if list(&before["podCIDRs"]).next().is_some() && !same("podCIDRs") {
            let detail = "node updates may not change podCIDR except from \"\" to valid";
            errors.push(FieldError::forbidden("spec.podCIDRs", detail));
        }
        if !text(before, "providerID").is_empty() && !same("providerID") {
            let detail = "node updates may not change providerID except from \"\" to valid";
            errors.push(FieldError::forbidden("spec.providerID", detail));
        }
        errors.extend(taints(object));
        if !same("externalID") {
            errors.push(FieldError::forbidden("spec.externalID", "may not be updated"));
        }
        errors
    }

    fn selectable_fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        vec![("spec.unschedulable", (object["spec"]["unschedulable"] == true).to_string())]
    }
}
