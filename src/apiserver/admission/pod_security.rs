//! `PodSecurity`: a namespace's labels say how much its pods may do.
//!
//! Upstream: `plugin/pkg/admission/security/podsecurity`, `k8s.io/pod-security-admission/{admission,api,policy}`.

use serde_json::Value;

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::references::items;
use crate::apiserver::registry::FieldError;
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::Key;
use crate::go_quote::quote;

mod checks;

const LABEL_PREFIX: &str = "pod-security.kubernetes.io/";

/// Subresources that do not carry a pod.
const OTHER_SUBRESOURCES: [&str; 8] =
    ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

mod labels;
mod namespaces;

use self::labels::{LevelVersion, Policy};

/// How much a pod may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// The plugin.
pub(super) struct PodSecurity;

impl Plugin for PodSecurity {
    fn name(&self) -> &'static str {
        "PodSecurity"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        match (attributes.resource.group, attributes.resource.plural, attributes.subresource) {
            ("", "namespaces", "") => namespaces::validate(attributes, environment),
            ("", "pods", subresource) if !OTHER_SUBRESOURCES.contains(&subresource) => {
                validate_pod(attributes, environment)
            }
            (group, plural, "") => match template(group, plural) {
                Some(path) => validate_controller(attributes, environment, path),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Where a resource that makes pods has what it makes them of (`DefaultPodSpecExtractor`).
fn template(group: &str, plural: &str) -> Option<&'static str> {
    match (group, plural) {
        ("", "replicationcontrollers")
        | ("apps", "replicasets" | "deployments" | "statefulsets" | "daemonsets")
        | ("batch", "jobs") => Some("/spec/template"),
        ("", "podtemplates") => Some("/template"),
        ("batch", "cronjobs") => Some("/spec/jobTemplate/spec/template"),
        _ => None,
    }
}

/// The policy of the namespace, with what is wrong with its labels.
fn policy(
    attributes: &Attributes<'_>,
    environment: &Environment,
) -> Result<(Policy, Vec<FieldError>), Status> {
    let namespace = environment.store.get(&Key::new("", "namespaces", "", attributes.namespace));
    let namespace = namespace.ok_or_else(|| {
        Status::internal(format!("failed to lookup namespace {}", quote(attributes.namespace)))
    })?;
    Ok(labels::policy(&namespace["metadata"]["labels"]))
}

fn annotate(attributes: &Attributes<'_>, key: &str, value: String) {
    attributes.notes.borrow_mut().annotations.push((format!("{LABEL_PREFIX}{key}"), value));
}

fn validate_pod(attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
    let (policy, errors) = policy(attributes, environment)?;
    if errors.is_empty() && policy.is_privileged() {
        annotate(attributes, "enforce-policy", LevelVersion::PRIVILEGED.to_string());
        return Ok(());
    }
    let pod = attributes.new_object();
    if attributes.operation == Operation::Update && !is_significant(pod, attributes.current()) {
        return Ok(());
    }
    evaluate(attributes, environment, &policy, &errors, pod, true)
}

/// What makes pods is never refused: its pods will be.
fn validate_controller(
    attributes: &Attributes<'_>,
    environment: &Environment,
    path: &str,
) -> Result<(), Status> {
    let (policy, errors) = match policy(attributes, environment) {
        Ok(found) => found,
        Err(status) => {
            annotate(attributes, "error", status.message);
            return Ok(());
        }
    };
    if errors.is_empty() && policy.warn.level == Level::Privileged && policy.audit.level == Level::Privileged
    {
        return Ok(());
    }
    match attributes.new_object().pointer(path) {
        Some(pod) if pod.is_object() => evaluate(attributes, environment, &policy, &errors, pod, false),
        _ => Ok(()),
    }
}

/// Judges a pod, or what pods are made of, by all three modes (`EvaluatePod`).
fn evaluate(
    attributes: &Attributes<'_>,
    environment: &Environment,
    policy: &Policy,
    errors: &[FieldError],
    pod: &Value,
    enforce: bool,
) -> Result<(), Status> {
    let release = environment.release;
    let violations = |of: LevelVersion| of.violations(pod, release.minor);
    if !errors.is_empty() {
        let mut texts: Vec<String> =
            errors.iter().map(|error| format!("{}: {}", error.field, error.body(release))).collect();
        let text = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
        annotate(attributes, "error", format!("Failed to parse policy: {text}"));
    }
    let mut refusal = None;
    if enforce {
        annotate(attributes, "enforce-policy", policy.enforce.to_string());
        let found = violations(policy.enforce);
        if !found.is_empty() {
            let why =
                format!("violates PodSecurity {}: {}", quote(&policy.enforce.to_string()), details(&found));
            refusal = Some(why);
        }
    }
    let would = |of: LevelVersion| {
        let found = violations(of);
        (!found.is_empty())
            .then(|| format!("would violate PodSecurity {}: {}", quote(&of.to_string()), details(&found)))
    };
    if let Some(text) = would(policy.audit) {
        annotate(attributes, "audit-violations", text);
    }
    if let Some(why) = refusal {
        let resource = GroupResource { group: "", resource: "pods" };
        return Err(Status::forbidden(resource, attributes.object_name(), &why));
    }
    attributes.notes.borrow_mut().warnings.extend(would(policy.warn));
    Ok(())
}

/// The reasons with their details.
fn details(found: &[(&'static str, String)]) -> String {
    let texts = found.iter().map(|(reason, detail)| format!("{reason} ({detail})"));
    texts.collect::<Vec<_>>().join(", ")
}

/// Whether an update could change what a pod may do: containers or images.
fn is_significant(new: &Value, old: &Value) -> bool {
    let images = |pod: &Value, kind: &str| -> Vec<Value> {
        items(&pod["spec"][kind]).map(|container| container["image"].clone()).collect()
    };
    if ["containers", "initContainers"].into_iter().any(|kind| images(new, kind) != images(old, kind)) {
        return true;
    }
    items(&new["spec"]["ephemeralContainers"]).any(|container| {
        let mut before = items(&old["spec"]["ephemeralContainers"]);
        before
            .find(|old| old["name"] == container["name"])
            .is_none_or(|old| old["image"] != container["image"])
    })
}

#[cfg(test)]
mod tests;
