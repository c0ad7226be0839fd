//! `PodSecurity`: a namespace's labels say how much its pods may do.
//!
//! Upstream: `plugin/pkg/admission/security/podsecurity`, `k8s.io/pod-security-admission/{admission,api,policy}`.

use std::fmt;

use serde_json::Value;

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::references::items;
use crate::apiserver::authorization::quote;
use crate::apiserver::registry::{FieldError, validation};
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::Key;

mod checks;

const LABEL_PREFIX: &str = "pod-security.kubernetes.io/";

/// Subresources that do not carry a pod.
const OTHER_SUBRESOURCES: [&str; 8] =
    ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"];

/// How much a pod may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A level as a version of the policy defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    level: Level,
    /// The minor version; `None` is the latest.
    minor: Option<u32>,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Privileged => "privileged:",
            Level::Baseline => "baseline:",
            Level::Restricted => "restricted:",
        })?;
        match self.minor {
            Some(minor) => write!(f, "v1.{minor}"),
            None => f.write_str("latest"),
        }
    }
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
            ("", "namespaces", "") => validate_namespace(attributes),
            ("", "pods", subresource) if !OTHER_SUBRESOURCES.contains(&subresource) => {
                validate_pod(attributes, environment)
            }
            _ => Ok(()),
        }
    }
}

/// A namespace's labels must be readable, unless they were not before either.
fn validate_namespace(attributes: &Attributes<'_>) -> Result<(), Status> {
    let new = label_errors(&attributes.new_object()["metadata"]["labels"]);
    let old = label_errors(&attributes.current()["metadata"]["labels"]);
    if new.is_empty() || new == old {
        return Ok(());
    }
    Err(validation::invalid(attributes.resource, attributes.object_name(), new))
}

fn label_errors(labels: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for mode in ["enforce", "audit", "warn"] {
        for (suffix, readable, must) in [
            ("", parse_level as fn(&str) -> bool, "must be one of privileged, baseline, restricted"),
            ("-version", parse_version, "must be \"latest\" or \"v1.x\""),
        ] {
            let label = format!("{LABEL_PREFIX}{mode}{suffix}");
            if let Some(value) = labels[&label].as_str().filter(|value| !readable(value)) {
                errors.push(FieldError::invalid(format!("metadata.labels[{label}]"), value, must));
            }
        }
    }
    errors
}

fn parse_level(value: &str) -> bool {
    level(value).is_some()
}

fn parse_version(value: &str) -> bool {
    value == "latest" || minor(value).is_some()
}

fn level(value: &str) -> Option<Level> {
    match value {
        "privileged" => Some(Level::Privileged),
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    }
}

/// The minor version in `v1.25`; no leading zeros.
fn minor(value: &str) -> Option<u32> {
    let digits = value.strip_prefix("v1.")?;
    let plain = digits == "0" || !digits.starts_with('0');
    if plain && digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// The policy that a namespace enforces; what cannot be read is the strictest and latest.
fn enforced(labels: &Value) -> Policy {
    let label = |suffix: &str| labels[format!("{LABEL_PREFIX}enforce{suffix}")].as_str();
    Policy {
        level: label("").map_or(Level::Privileged, |value| level(value).unwrap_or(Level::Restricted)),
        minor: label("-version").and_then(minor),
    }
}

fn validate_pod(attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
    let namespace = environment.store.get(&Key::new("", "namespaces", "", attributes.namespace));
    let namespace = namespace.ok_or_else(|| {
        Status::internal(format!("failed to lookup namespace {}", quote(attributes.namespace)))
    })?;
    let policy = enforced(&namespace["metadata"]["labels"]);
    let pod = attributes.new_object();
    if attributes.operation == Operation::Update && !is_significant(pod, attributes.current()) {
        return Ok(());
    }
    let latest = environment.release.minor;
    let violations = checks::violations(pod, policy.level, policy.minor.unwrap_or(latest).min(latest));
    if violations.is_empty() {
        return Ok(());
    }
    let resource = GroupResource { group: "", resource: "pods" };
    let why = format!("violates PodSecurity {}: {}", quote(&policy.to_string()), violations.join(", "));
    Err(Status::forbidden(resource, attributes.object_name(), &why))
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
