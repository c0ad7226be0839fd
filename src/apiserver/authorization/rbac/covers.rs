//! Do some rules cover others? And what is missing, in few words?
//!
//! Upstream: `k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go`,
//! `pkg/registry/rbac/validation/policy_compact.go`.

use super::PolicyRule;
use crate::go_quote::quote;

/// The atomic rules of `wanted` that no rule of `held` covers.
pub fn uncovered(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut missing: Vec<PolicyRule> = wanted.iter().flat_map(break_down).collect();
    missing.retain(|rule| !held.iter().any(|mine| rule_covers(mine, rule)));
    missing
}

/// Rules of one verb, one resource (or path), one name each, that together say the same.
fn break_down(rule: &PolicyRule) -> Vec<PolicyRule> {
    let one = |text: &String| vec![text.clone()];
    let mut out = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            for verb in &rule.verbs {
                let atom = PolicyRule {
                    api_groups: one(group),
                    resources: one(resource),
                    verbs: one(verb),
                    ..PolicyRule::default()
                };
                if rule.resource_names.is_empty() {
                    out.push(atom);
                } else {
                    let named = |name| PolicyRule { resource_names: one(name), ..atom.clone() };
                    out.extend(rule.resource_names.iter().map(named));
                }
            }
        }
    }
    for url in &rule.non_resource_urls {
        for verb in &rule.verbs {
            out.push(PolicyRule { non_resource_urls: one(url), verbs: one(verb), ..PolicyRule::default() });
        }
    }
    out
}

fn rule_covers(held: &PolicyRule, wanted: &PolicyRule) -> bool {
    has_all(&held.verbs, &wanted.verbs)
        && has_all(&held.api_groups, &wanted.api_groups)
        && wanted.resources.iter().all(|resource| covers_resource(&held.resources, resource))
        && wanted
            .non_resource_urls
            .iter()
            .all(|url| held.non_resource_urls.iter().any(|own| covers_url(own, url)))
        && (held.resource_names.is_empty()
            || (!wanted.resource_names.is_empty()
                && wanted.resource_names.iter().all(|name| held.resource_names.contains(name))))
}

fn has_all(set: &[String], wanted: &[String]) -> bool {
    set.iter().any(|member| member == "*") || wanted.iter().all(|one| set.contains(one))
}

fn covers_resource(set: &[String], wanted: &str) -> bool {
    set.iter().any(|own| own == "*" || own == wanted)
        || wanted
            .split_once('/')
            .is_some_and(|(_, subresource)| set.iter().any(|own| own.strip_prefix("*/") == Some(subresource)))
}

fn covers_url(own: &str, wanted: &str) -> bool {
    own == wanted || (own.ends_with('*') && wanted.starts_with(own.trim_end_matches('*')))
}

/// Joins atomic rules that differ in nothing but the verb.
pub fn compact(rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut out: Vec<PolicyRule> = Vec::new();
    for rule in rules {
        let simple = rule.non_resource_urls.is_empty()
            && rule.resource_names.len() <= 1
            && rule.api_groups.len() == 1
            && rule.resources.len() == 1;
        let same = |other: &&mut PolicyRule| {
            other.non_resource_urls.is_empty()
                && other.api_groups == rule.api_groups
                && other.resources == rule.resources
                && other.resource_names == rule.resource_names
        };
        match out.iter_mut().find(same) {
            Some(other) if simple => other.verbs.extend(rule.verbs),
            _ => out.push(rule),
        }
    }
    out
}

/// A rule in one line, as refusals of escalation show it (`CompactString`).
pub fn describe(rule: &PolicyRule) -> String {
    let parts = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let shown = parts.iter().filter(|(_, values)| !values.is_empty());
    let shown: Vec<String> = shown.map(|(name, values)| format!("{name}:{}", quote_list(values))).collect();
    format!("{{{}}}", shown.join(", "))
}

/// `["a" "b"]`, as Go's `%q` prints a list.
pub fn quote_list(values: &[String]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| quote(value)).collect();
    format!("[{}]", quoted.join(" "))
}
