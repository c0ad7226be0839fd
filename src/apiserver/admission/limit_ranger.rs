//! `LimitRanger`: what containers, pods and claims of a namespace get by default, and at least and at most.
//!
//! Upstream: `plugin/pkg/admission/limitranger/admission.go`, `pkg/apis/core/v1/defaults.go` (`SetDefaults_LimitRangeItem`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::quantity::{self, Quantity, ResourceList, resource_list};
use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::references::items;
use crate::apiserver::authorization::rbac::aggregate;
use crate::apiserver::status::Status;

/// The annotation that tells what the plugin set.
const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// The plugin.
pub(super) struct LimitRanger;

impl Plugin for LimitRanger {
    fn name(&self) -> &'static str {
        "LimitRanger"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !concerned(attributes) || !attributes.is("", "pods", "") {
            return Ok(());
        }
        for range in ranges(attributes, environment) {
            for limit in items(&range["spec"]["limits"]).filter(|limit| limit["type"] == "Container") {
                if let Some(pod) = attributes.object.as_deref_mut() {
                    set_defaults(pod, &Defaults::of(limit));
                }
            }
        }
        Ok(())
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !concerned(attributes) {
            return Ok(());
        }
        let is_pod = attributes.resource.plural == "pods";
        for range in ranges(attributes, environment) {
            let errors = mistakes(&range, attributes.new_object(), is_pod);
            if !errors.is_empty() {
                return Err(attributes.forbid(aggregate(&errors)));
            }
        }
        Ok(())
    }
}

/// Where an object does not keep to a LimitRange.
fn mistakes(range: &Value, object: &Value, is_pod: bool) -> Vec<String> {
    let mut errors = Vec::new();
    for limit in items(&range["spec"]["limits"]) {
        match limit["type"].as_str() {
            Some("Container") if is_pod => {
                for kind in ["containers", "initContainers"] {
                    for container in items(&object["spec"][kind]) {
                        let list = |which: &str| resource_list(&container["resources"][which]);
                        check("Container", limit, &list("requests"), &list("limits"), &mut errors);
                    }
                }
            }
            Some("Pod") if is_pod => {
                let (requests, limits) =
                    (quantity::of_pod(object, "requests"), quantity::of_pod(object, "limits"));
                check("Pod", limit, &requests, &limits, &mut errors);
            }
            Some("PersistentVolumeClaim") if !is_pod => {
                check_claim(limit, &resource_list(&object["spec"]["resources"]["requests"]), &mut errors);
            }
            _ => {}
        }
    }
    errors
}

/// New pods, and claims unless they are on their way out.
fn concerned(attributes: &Attributes<'_>) -> bool {
    let pod = attributes.is("", "pods", "") && attributes.operation == Operation::Create;
    let claim = attributes.is("", "persistentvolumeclaims", "");
    (pod || claim) && attributes.current()["metadata"].get("deletionTimestamp").is_none()
}

/// The LimitRanges of the namespace.
fn ranges(attributes: &Attributes<'_>, environment: &Environment) -> Vec<Arc<Value>> {
    environment.store.list("", "limitranges", attributes.namespace).1
}

/// What containers get that do not say what they need.
struct Defaults {
    limits: ResourceList,
    requests: ResourceList,
}

impl Defaults {
    /// A default limit is the maximum where none is given, a default request the default limit or the minimum.
    fn of(limit: &Value) -> Self {
        let fill = |list: &mut ResourceList, from: &ResourceList| {
            for (name, amount) in from {
                list.entry(name.clone()).or_insert(*amount);
            }
        };
        let mut limits = resource_list(&limit["default"]);
        fill(&mut limits, &resource_list(&limit["max"]));
        let mut requests = resource_list(&limit["defaultRequest"]);
        fill(&mut requests, &limits);
        fill(&mut requests, &resource_list(&limit["min"]));
        Self { limits, requests }
    }
}

fn set_defaults(pod: &mut Value, defaults: &Defaults) {
    let mut notes = Vec::new();
    for (kind, title) in [("containers", "container"), ("initContainers", "init container")] {
        for container in pod["spec"].get_mut(kind).and_then(Value::as_array_mut).into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or_default().to_owned();
            for (which, word, wanted) in
                [("requests", "request", &defaults.requests), ("limits", "limit", &defaults.limits)]
            {
                let missing = |name: &&String| container["resources"][which].get(name.as_str()).is_none();
                let missing: Vec<String> = wanted.keys().filter(missing).cloned().collect();
                for resource in &missing {
                    container["resources"][which][resource.as_str()] = json!(wanted[resource].to_string());
                }
                if !missing.is_empty() {
                    notes.push(format!("{} {word} for {title} {name}", missing.join(", ")));
                }
            }
        }
    }
    if !notes.is_empty() {
        pod["metadata"]["annotations"][ANNOTATION] =
            json!(format!("LimitRanger plugin set: {}", notes.join("; ")));
    }
}

/// Checks what a container or pod needs against a limit's minimum, maximum and ratio.
fn check(
    kind: &str,
    limit: &Value,
    requests: &ResourceList,
    limits: &ResourceList,
    errors: &mut Vec<String>,
) {
    for (name, least) in resource_list(&limit["min"]) {
        errors.extend(below(kind, &name, least, requests, limits));
    }
    for (name, most) in resource_list(&limit["max"]) {
        let start = format!("maximum {name} usage per {kind} is {most}");
        match (requests.get(&name), limits.get(&name)) {
            (_, None) => errors.push(format!("{start}.  No limit is specified")),
            (_, Some(own)) if *own > most => errors.push(format!("{start}, but limit is {own}")),
            (Some(own), _) if *own > most => errors.push(format!("{start}, but request is {own}")),
            _ => {}
        }
    }
    for (name, ratio) in resource_list(&limit["maxLimitRequestRatio"]) {
        let start = format!("{name} max limit to request ratio per {kind} is {ratio}");
        let given = |list: &ResourceList| list.get(&name).copied().filter(|amount| !amount.is_zero());
        match (given(requests), given(limits)) {
            (None, _) => errors.push(format!("{start}, but no request is specified or request is 0")),
            (_, None) => errors.push(format!("{start}, but no limit is specified or limit is 0")),
            (Some(request), Some(limit)) => {
                let observed = limit.as_f64() / request.as_f64();
                if observed > ratio.as_f64() {
                    errors.push(format!("{start}, but provided ratio is {observed:.6}"));
                }
            }
        }
    }
}

fn check_claim(limit: &Value, requests: &ResourceList, errors: &mut Vec<String>) {
    let kind = "PersistentVolumeClaim";
    for (name, least) in resource_list(&limit["min"]) {
        errors.extend(below(kind, &name, least, requests, &ResourceList::new()));
    }
    for (name, most) in resource_list(&limit["max"]) {
        let start = format!("maximum {name} usage per {kind} is {most}");
        match requests.get(&name) {
            None => errors.push(format!("{start}.  No request is specified")),
            Some(own) if *own > most => errors.push(format!("{start}, but request is {own}")),
            Some(_) => {}
        }
    }
}

fn below(
    kind: &str,
    name: &str,
    least: Quantity,
    requests: &ResourceList,
    limits: &ResourceList,
) -> Option<String> {
    let start = format!("minimum {name} usage per {kind} is {least}");
    match (requests.get(name), limits.get(name)) {
        (None, _) => Some(format!("{start}.  No request is specified")),
        (Some(own), _) if *own < least => Some(format!("{start}, but request is {own}")),
        (_, Some(own)) if *own < least => Some(format!("{start}, but limit is {own}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
