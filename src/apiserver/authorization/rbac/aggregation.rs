//! Roles that gather the rules of others.
//!
//! Upstream: `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::PolicyRule;

/// The rules that an aggregating ClusterRole should have, from all ClusterRoles; `None` where the role does not
/// aggregate or already has them.
pub fn aggregated_rules(role: &Value, all: &[Arc<Value>]) -> Option<Value> {
    let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array()?;
    let name = &role["metadata"]["name"];
    let mut rules: Vec<PolicyRule> = Vec::new();
    for selector in selectors {
        for other in all {
            if &other["metadata"]["name"] == name || !selects(selector, &other["metadata"]["labels"]) {
                continue;
            }
            for rule in PolicyRule::of_role(other) {
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
    }
    (rules != PolicyRule::of_role(role)).then(|| json!(rules))
}

/// Whether a label selector selects an object with these labels (`metav1.LabelSelector`).
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let matched = |(key, value): (&String, &Value)| labels.get(key) == Some(value);
    let by_labels = selector["matchLabels"].as_object().is_none_or(|wanted| wanted.iter().all(matched));
    let by_expressions = selector["matchExpressions"].as_array().is_none_or(|all| {
        all.iter().all(|expression| {
            let present = expression["key"].as_str().and_then(|key| labels.get(key));
            let values = expression["values"].as_array().map_or(&[][..], Vec::as_slice);
            match expression["operator"].as_str() {
                Some("In") => present.is_some_and(|value| values.contains(value)),
                Some("NotIn") => present.is_none_or(|value| !values.contains(value)),
                Some("Exists") => present.is_some(),
                Some("DoesNotExist") => present.is_none(),
                _ => false,
            }
        })
    });
    by_labels && by_expressions
}
