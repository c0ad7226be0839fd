//! A namespace's labels must be readable, and whoever makes them stricter is told which pods break the new rules.
//!
//! Upstream: `k8s.io/pod-security-admission/admission/admission.go` (`ValidateNamespace`, `EvaluatePodsInNamespace`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::labels::{LevelVersion, policy};
use super::{Attributes, Environment, Level, Operation};
use crate::apiserver::authorization::node::references::items;
use crate::apiserver::registry::validation;
use crate::apiserver::status::Status;
use crate::go_quote::quote;

/// How many pods are looked at.
const MOST: usize = 3000;

pub(super) fn validate(attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
    let (new, errors) = policy(&attributes.new_object()["metadata"]["labels"]);
    let (old, before) = policy(&attributes.current()["metadata"]["labels"]);
    if !errors.is_empty() && errors != before {
        return Err(validation::invalid(attributes.resource, attributes.object_name(), errors));
    }
    let (new, old) = (new.enforce, old.enforce);
    let relaxed = new.minor == old.minor && new.level <= old.level;
    if attributes.operation == Operation::Update && new.level != Level::Privileged && !relaxed {
        let warnings = existing(attributes.object_name(), new, environment);
        attributes.notes.borrow_mut().warnings.extend(warnings);
    }
    Ok(())
}

/// What is said of the pods that are there.
fn existing(namespace: &str, enforce: LevelVersion, environment: &Environment) -> Vec<String> {
    let (_, pods) = environment.store.list("", "pods", namespace);
    let judged = prioritized(&pods);
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for pod in judged.iter().take(MOST) {
        let violations = enforce.violations(pod, environment.release.minor);
        if !violations.is_empty() {
            let reasons: Vec<&str> = violations.iter().map(|(reason, _)| *reason).collect();
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            found.entry(reasons.join(", ")).or_default().push(name);
        }
    }
    let mut warnings = Vec::new();
    if judged.len() > MOST {
        warnings.push(format!(
            "new PodSecurity enforce level only checked against the first {MOST} of {} existing pods",
            judged.len()
        ));
    }
    if !found.is_empty() {
        warnings.push(format!(
            "existing pods in namespace {} violate the new PodSecurity enforce level {}",
            quote(namespace),
            quote(&enforce.to_string())
        ));
    }
    let mut lines: Vec<String> = found
        .into_iter()
        .map(|(reasons, names)| {
            let first = names.iter().min().copied().unwrap_or_default();
            match names.len() {
                1 => format!("{first}: {reasons}"),
                2 => format!("{first} (and 1 other pod): {reasons}"),
                more => format!("{first} (and {} other pods): {reasons}", more - 1),
            }
        })
        .collect();
    lines.sort();
    warnings.extend(lines);
    warnings
}

/// Of the pods of one controller the first comes before the others (`prioritizePods`).
fn prioritized(pods: &[std::sync::Arc<Value>]) -> Vec<&Value> {
    let (mut first, mut rest, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for pod in pods {
        let mut owners = items(&pod["metadata"]["ownerReferences"]);
        match owners.find(|owner| owner["controller"] == true) {
            Some(owner) if seen.contains(&&owner["uid"]) => rest.push(&**pod),
            Some(owner) => {
                seen.push(&owner["uid"]);
                first.push(&**pod);
            }
            None => first.push(&**pod),
        }
    }
    first.extend(rest);
    first
}
