//! Nodes. Upstream: `kubernetes/pkg/registry/core/node/strategy.go`, `ValidateNode`.

use serde_json::{Map, Value};

use super::{keep, list, text};
use crate::apiserver::registry::validation::{cidr, names};
use crate::apiserver::registry::{Context, FieldError, FieldErrorType, Strategy, json, quantity};

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

/// `validatePodCIDRs`
fn pod_cidrs(context: &Context<'_>, object: &Value) -> Vec<FieldError> {
    let path = "spec.podCIDRs";
    let gates = &context.release.gates;
    let all: Vec<&str> =
        list(&object["spec"]["podCIDRs"]).map(|range| range.as_str().unwrap_or("")).collect();
    let mut errors = Vec::new();
    for (i, range) in all.iter().enumerate() {
        if let Some(why) = cidr::validate(range, gates.strict_addresses) {
            errors.push(FieldError::invalid(format!("{path}[{i}]"), *range, why));
        }
    }
    if all.len() > 1 {
        let read: Vec<Option<cidr::Cidr>> = all.iter().map(|range| cidr::parse(range)).collect();
        if let Some(i) = read.iter().position(Option::is_none) {
            let why = format!(
                "invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[{i}]: <nil> (invalid CIDR address: {})",
                all[i]
            );
            errors.push(FieldError::new(FieldErrorType::Internal, path, Value::Null, why));
        }
        let both = |v4: bool| read.iter().flatten().any(|range| range.is_v4 == v4);
        let whole = read.iter().all(Option::is_some);
        if !(whole && both(true) && both(false)) || all.len() > 2 {
            let value = object["spec"]["podCIDRs"].clone();
            errors.push(FieldError::invalid(
                path,
                value,
                "may specify no more than one CIDR for each IP family",
            ));
        }
        for (i, range) in all.iter().enumerate().filter(|_| !gates.strict_addresses) {
            if all[..i].contains(range) {
                let field = format!("{path}[{i}]");
                errors.push(FieldError::new(FieldErrorType::Duplicate, field, (*range).into(), ""));
            }
        }
    }
    errors
}

/// `ValidateResourceQuantityValue` of what a node has, and of what pods get of it.
fn resources(object: &Value) -> Vec<FieldError> {
    const WHOLE: [&str; 9] = [
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ];
    let mut errors = Vec::new();
    for part in ["capacity", "allocatable"] {
        for (name, amount) in object["status"][part].as_object().into_iter().flatten() {
            let (field, text) = (format!("status.{part}.{name}"), amount.as_str().unwrap_or(""));
            let Ok((nanos, _)) = quantity::parse(text) else { continue };
            if nanos < 0 {
                errors.push(FieldError::invalid(field, text, "must be greater than or equal to 0"));
            } else if (WHOLE.contains(&name.as_str()) || is_extended(name)) && nanos % 1_000_000_000 != 0 {
                let (go, json) = (quantity::shown(text), Value::from(text).to_string());
                errors.push(FieldError::invalid_shown(field, &go, &json, "must be an integer"));
            }
        }
    }
    errors
}

/// `IsExtendedResourceName`
fn is_extended(name: &str) -> bool {
    let native = !name.contains('/') || name.contains("kubernetes.io/");
    !native && !name.starts_with("requests.")
}

fn avoid_pods(object: &Value) -> Vec<FieldError> {
    let path = "metadata.annotations";
    let Some(text) = object["metadata"]["annotations"][AVOID_PODS].as_str() else { return Vec::new() };
    match json::parse(text.as_bytes()) {
        Err(why) => vec![FieldError::invalid(format!("{path}.AvoidPods"), AVOID_PODS, why)],
        Ok(node) => {
            let wanted = &node.to_value()["preferAvoidPods"];
            let lacks = |(i, entry): (usize, &Value)| {
                let missing = entry["podSignature"]["podController"].is_null();
                missing.then(|| FieldError::required(format!("{path}.{AVOID_PODS}[{i}].PodSignature"), ""))
            };
            list(wanted).enumerate().filter_map(lacks).collect()
        }
    }
}

const AVOID_PODS: &str = "scheduler.alpha.kubernetes.io/preferAvoidPods";

fn twice_the_same_address(object: &Value) -> Vec<FieldError> {
    let all: Vec<&Value> = list(&object["status"]["addresses"]).collect();
    let mut errors = Vec::new();
    for (i, address) in all.iter().enumerate().filter(|(i, address)| all[..*i].contains(address)) {
        let fields = [("Type", address["type"].clone()), ("Address", address["address"].clone())];
        let field = format!("status.addresses[{i}]");
        let mut error = FieldError::invalid_struct(field, "core.NodeAddress", &fields, "");
        error.kind = FieldErrorType::Duplicate;
        errors.push(error);
    }
    errors
}

/// Kubelets are not configured by the API any more: what asks for it is forgotten.
fn drop_configuration(object: &mut Value) {
    for (part, field) in [("spec", "configSource"), ("status", "config")] {
        if let Some(part) = object.get_mut(part).and_then(Value::as_object_mut) {
            part.remove(field);
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

    fn validate(&self, context: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let mut errors = avoid_pods(object);
        errors.extend(taints(object));
        errors.extend(resources(object));
        errors.extend(pod_cidrs(context, object));
        errors
    }

    fn prepare_for_create(&self, _: &Context<'_>, object: &mut Value) {
        drop_configuration(object);
    }

    fn prepare_for_update(&self, context: &Context<'_>, object: &mut Value, old: &Value) {
        keep(object, old, if context.subresource == "status" { "spec" } else { "status" });
        drop_configuration(object);
    }

    fn validate_update(&self, context: &Context<'_>, object: &Value, old: &Value) -> Vec<FieldError> {
        let mut errors = self.validate(context, object);
        // What is no JSON is told twice.
        errors.extend(avoid_pods(object).into_iter().filter(|error| error.field.ends_with("AvoidPods")));
        errors.extend(twice_the_same_address(object));
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
