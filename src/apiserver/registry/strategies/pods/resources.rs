//! What may be wrong with the resources that a container asks for.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`ValidateResourceRequirements`).

use serde_json::Value;

use super::super::text;
use super::containers::NOT_NEGATIVE;
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{FieldError, quantity};

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// `validateContainerResourceName`
fn resource_name(name: &str, at: &str, errors: &mut Vec<FieldError>) {
    let plain = |why: &str| FieldError::invalid_shown(at, name, &Value::from(name).to_string(), why);
    let wrong = names::qualified(name);
    if !wrong.is_empty() {
        errors.extend(wrong.iter().map(|why| plain(why)));
        errors.push(plain("must be a standard resource for containers"));
        return;
    }
    let standard = ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with("hugepages-");
    if !name.contains('/') && !standard {
        errors.push(plain("must be a standard resource type or fully qualified"));
        errors.push(plain("must be a standard resource for containers"));
    }
}

/// An amount, which of some resources is whole (`ValidateResourceQuantityValue`).
fn amount(name: &str, amount: &str, at: &str, errors: &mut Vec<FieldError>) {
    let nanos = quantity::nanos(amount);
    if nanos < 0 {
        errors.push(FieldError::invalid(at, amount, NOT_NEGATIVE));
    } else if !is_native(name) && nanos % 1_000_000_000 != 0 {
        let (go, json) = (quantity::shown(amount), Value::from(amount).to_string());
        errors.push(FieldError::invalid_shown(at, &go, &json, "must be an integer"));
    }
}

/// `ValidateResourceRequirements`
pub(super) fn validate(resources: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let (requests, limits) = (&resources["requests"], &resources["limits"]);
    for (name, _) in limits.as_object().into_iter().flatten() {
        let at = format!("{path}.limits[{name}]");
        resource_name(name, &at, errors);
        amount(name, text(limits, name), &at, errors);
    }
    for (name, request) in requests.as_object().into_iter().flatten() {
        let at = format!("{path}.requests[{name}]");
        resource_name(name, &at, errors);
        amount(name, text(requests, name), &at, errors);
        let whole = name.starts_with("hugepages-") || !is_native(name);
        match limits[name].as_str() {
            Some(limit) => {
                let (asked, most) = (quantity::nanos(text(requests, name)), quantity::nanos(limit));
                if whole && asked != most {
                    let detail = format!("must be equal to {name} limit of {limit}");
                    errors.push(FieldError::invalid(format!("{path}.requests"), request.clone(), detail));
                } else if asked > most {
                    let detail = format!("must be less than or equal to {name} limit of {limit}");
                    errors.push(FieldError::invalid(format!("{path}.requests"), request.clone(), detail));
                }
            }
            None if whole => {
                let detail = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(format!("{path}.limits"), detail));
            }
            None => {}
        }
    }
}
