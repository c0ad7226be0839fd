//! One rule of a role, and whether it allows a request.
//!
//! Upstream: `pkg/apis/rbac/v1/evaluation_helpers.go`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::apiserver::requestinfo::RequestInfo;

/// A rule (`rbac.authorization.k8s.io/v1 PolicyRule`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyRule {
    /// `get`, `list`, ..., or `*`.
    #[serde(deserialize_with = "null_is_empty")]
    pub verbs: Vec<String>,
    /// API groups; the core group is empty.
    #[serde(rename = "apiGroups", deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// `pods`, `pods/log`, `*/scale`, `*`.
    #[serde(deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The only names the rule is about; empty for all.
    #[serde(deserialize_with = "null_is_empty", skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths, with `*` at their end for all below.
    #[serde(
        rename = "nonResourceURLs",
        deserialize_with = "null_is_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub non_resource_urls: Vec<String>,
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default())
}

impl PolicyRule {
    /// The two rules that allow everything.
    pub fn everything() -> Vec<Self> {
        let all = || vec!["*".to_owned()];
        vec![
            Self { verbs: all(), api_groups: all(), resources: all(), ..Self::default() },
            Self { verbs: all(), non_resource_urls: all(), ..Self::default() },
        ]
    }

    /// The rules of a Role or ClusterRole; a rule that cannot be read is left out.
    pub fn of_role(role: &Value) -> Vec<Self> {
        let rules = role.get("rules").and_then(Value::as_array);
        rules.into_iter().flatten().filter_map(|rule| Self::deserialize(rule).ok()).collect()
    }

    /// Whether this rule allows the request.
    pub fn allows(&self, request: &RequestInfo) -> bool {
        if !matches(&self.verbs, &request.verb) {
            return false;
        }
        if request.is_resource_request {
            matches(&self.api_groups, &request.api_group)
                && self.resource_matches(&request.resource, &request.subresource)
                && (self.resource_names.is_empty() || self.resource_names.contains(&request.name))
        } else {
            self.non_resource_urls.iter().any(|url| path_matches(url, &request.path))
        }
    }

    fn resource_matches(&self, resource: &str, subresource: &str) -> bool {
        self.resources.iter().any(|mine| {
            if mine == "*" {
                return true;
            }
            if subresource.is_empty() {
                return mine == resource;
            }
            match mine.split_once('/') {
                Some((parent, child)) => child == subresource && (parent == resource || parent == "*"),
                None => false,
            }
        })
    }
}

/// Whether `set` has `value`, or the star.
fn matches(set: &[String], value: &str) -> bool {
    set.iter().any(|member| member == "*" || member == value)
}

/// Whether a rule's path is the request's, or a star pattern of it.
fn path_matches(pattern: &str, path: &str) -> bool {
    pattern == "*"
        || pattern == path
        || pattern.strip_suffix('*').is_some_and(|start| path.starts_with(start.trim_end_matches('*')))
}
