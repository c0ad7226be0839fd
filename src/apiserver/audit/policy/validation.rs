//! What is wrong with a policy that could be decoded.
//!
//! Upstream: `k8s.io/apiserver/pkg/apis/audit/validation/validation.go`.

use serde_json::Value;

use super::{Level, Stage, list};
use crate::apiserver::registry::FieldError;
use crate::apiserver::registry::validation::names;

/// All mistakes, in upstream's order.
pub(super) fn validate(policy: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    omitted(&policy["omitStages"], "omitStages", &mut errors);
    for (at, rule) in list(&policy["rules"]).enumerate() {
        validate_rule(rule, &format!("rules[{at}]"), &mut errors);
    }
    errors
}

fn validate_rule(rule: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let level = rule["level"].as_str().unwrap_or_default();
    let known = Level::ALL.map(Level::as_str);
    if level.is_empty() {
        errors.push(FieldError::required(format!("{path}.level"), ""));
    } else if !known.contains(&level) {
        errors.push(FieldError::not_supported(format!("{path}.level"), level, &known));
    }
    let urls = format!("{path}.nonResourceURLs");
    for (at, url) in list(&rule["nonResourceURLs"]).enumerate() {
        let url = url.as_str().unwrap_or_default();
        let mut wrong = |why: &str| errors.push(FieldError::invalid(format!("{urls}[{at}]"), url, why));
        if url == "*" {
            continue;
        }
        if !url.starts_with('/') {
            wrong("non-resource URL rules must begin with a '/' character");
        }
        if url.find('*').is_some_and(|star| star + 1 < url.len()) {
            wrong("non-resource URL wildcards '*' must be the final character of the rule");
        }
    }
    for one in list(&rule["resources"]) {
        let group = one["group"].as_str().unwrap_or_default();
        let why = names::subdomain(group);
        if !group.is_empty() && !why.is_empty() {
            errors.push(FieldError::invalid(format!("{path}.resources.group"), group, why.join(",")));
        }
        if !is_empty(&one["resourceNames"]) && is_empty(&one["resources"]) {
            let why = "using resourceNames requires at least one resource";
            let field = format!("{path}.resources.resourceNames");
            errors.push(FieldError::invalid(field, one["resourceNames"].clone(), why));
        }
    }
    omitted(&rule["omitStages"], &format!("{path}.omitStages"), errors);
    let regular = ["resources", "namespaces"].iter().any(|key| !is_empty(&rule[*key]));
    if regular && !is_empty(&rule["nonResourceURLs"]) {
        let why = "rules cannot apply to both regular resources and non-resource URLs";
        errors.push(FieldError::invalid(urls, rule["nonResourceURLs"].clone(), why));
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty)
}

fn omitted(stages: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let known = Stage::ALL.map(Stage::as_str);
    for (at, stage) in list(stages).enumerate() {
        let stage = stage.as_str().unwrap_or_default();
        if !known.contains(&stage) {
            let why = format!("allowed stages are {}", known.join(","));
            errors.push(FieldError::invalid(format!("{path}[{at}]"), stage, why));
        }
    }
}
