//! The audit policy: which requests are recorded, and how much of them.
//!
//! Upstream: `k8s.io/apiserver/pkg/audit/policy/{reader,checker}.go`, `pkg/apis/audit/v1/types.go`.

use serde_json::Value;

use crate::apiserver::authentication::UserInfo;
use crate::apiserver::requestinfo::RequestInfo;

mod reader;
mod validation;

pub use reader::{Loaded, load};

/// How much of a request is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    None,
    /// Who, what, when, and how it ended.
    Metadata,
    /// The body of the request too.
    Request,
    /// The body of the answer too.
    RequestResponse,
}

impl Level {
    /// All levels, in the order in which messages list them.
    pub const ALL: [Self; 4] = [Self::None, Self::Metadata, Self::Request, Self::RequestResponse];

    /// The word in policies and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// When an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The request came.
    RequestReceived,
    /// The headers of a long answer went out.
    ResponseStarted,
    /// The answer is complete.
    ResponseComplete,
    /// The server failed.
    Panic,
}

impl Stage {
    /// All stages, in the order in which messages list them.
    pub const ALL: [Self; 4] =
        [Self::RequestReceived, Self::ResponseStarted, Self::ResponseComplete, Self::Panic];

    /// The word in policies and events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RequestReceived => "RequestReceived",
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
            Self::Panic => "Panic",
        }
    }
}

/// What becomes of one request (`RequestAuditConfig`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How much is recorded.
    pub level: Level,
    /// Stages without an event.
    pub omit_stages: Vec<Stage>,
    /// Whether objects are recorded without `managedFields`.
    pub omit_managed_fields: bool,
}

/// A policy that was read and found right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    rules: Vec<Rule>,
    omit_stages: Vec<Stage>,
    omit_managed_fields: bool,
}

/// One rule; the first that matches counts. Empty lists match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    level: Level,
    users: Vec<String>,
    groups: Vec<String>,
    verbs: Vec<String>,
    resources: Vec<GroupResources>,
    namespaces: Vec<String>,
    non_resource_urls: Vec<String>,
    omit_stages: Vec<Stage>,
    omit_managed_fields: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct GroupResources {
    group: String,
    resources: Vec<String>,
    names: Vec<String>,
}

impl Policy {
    /// Decides about a request; `user` is who authenticated, before any impersonation, and nobody where that failed.
    pub fn decide(&self, user: Option<&UserInfo>, info: &RequestInfo) -> Decision {
        match self.rules.iter().find(|rule| rule.matches(user, info)) {
            Some(rule) => Decision {
                level: rule.level,
                omit_stages: rule.omit_stages.clone(),
                omit_managed_fields: rule.omit_managed_fields.unwrap_or(self.omit_managed_fields),
            },
            None => Decision {
                level: Level::None,
                omit_stages: self.omit_stages.clone(),
                omit_managed_fields: self.omit_managed_fields,
            },
        }
    }

    /// Reads a policy in which validation found nothing wrong.
    fn of(value: &Value) -> Self {
        let omit_stages = stages(&value["omitStages"]);
        let rules = list(&value["rules"]).map(|rule| Rule::of(rule, &omit_stages)).collect();
        Self { rules, omit_stages, omit_managed_fields: value["omitManagedFields"] == true }
    }
}

impl Rule {
    fn of(value: &Value, omitted: &[Stage]) -> Self {
        let mut omit_stages = omitted.to_vec();
        for stage in stages(&value["omitStages"]) {
            if !omit_stages.contains(&stage) {
                omit_stages.push(stage);
            }
        }
        let level = value["level"].as_str();
        Self {
            level: Level::ALL.into_iter().find(|known| Some(known.as_str()) == level).unwrap_or(Level::None),
            users: strings(&value["users"]),
            groups: strings(&value["userGroups"]),
            verbs: strings(&value["verbs"]),
            resources: list(&value["resources"])
                .map(|one| GroupResources {
                    group: one["group"].as_str().unwrap_or_default().to_owned(),
                    resources: strings(&one["resources"]),
                    names: strings(&one["resourceNames"]),
                })
                .collect(),
            namespaces: strings(&value["namespaces"]),
            non_resource_urls: strings(&value["nonResourceURLs"]),
            omit_stages,
            omit_managed_fields: value["omitManagedFields"].as_bool(),
        }
    }

    /// `ruleMatches`
    fn matches(&self, user: Option<&UserInfo>, info: &RequestInfo) -> bool {
        if !self.users.is_empty() && !user.is_some_and(|user| self.users.contains(&user.name)) {
            return false;
        }
        if !self.groups.is_empty()
            && !user.is_some_and(|user| user.groups.iter().any(|group| self.groups.contains(group)))
        {
            return false;
        }
        if !self.verbs.is_empty() && !self.verbs.contains(&info.verb) {
            return false;
        }
        if !self.namespaces.is_empty() || !self.resources.is_empty() {
            return self.matches_resource(info);
        }
        if !self.non_resource_urls.is_empty() {
            return !info.is_resource_request
                && self.non_resource_urls.iter().any(|spec| matches_path(&info.path, spec));
        }
        true
    }

    /// `ruleMatchesResource`
    fn matches_resource(&self, info: &RequestInfo) -> bool {
        if !info.is_resource_request
            || !self.namespaces.is_empty() && !self.namespaces.contains(&info.namespace)
        {
            return false;
        }
        self.resources.is_empty() || self.resources.iter().any(|one| one.matches(info))
    }
}

impl GroupResources {
    fn matches(&self, info: &RequestInfo) -> bool {
        if self.group != info.api_group {
            return false;
        }
        if self.resources.is_empty() {
            return true;
        }
        if !self.names.is_empty() && !self.names.contains(&info.name) {
            return false;
        }
        let (resource, subresource) = (info.resource.as_str(), info.subresource.as_str());
        self.resources.iter().any(|wanted| {
            let exact = match wanted.split_once('/') {
                None => subresource.is_empty() && wanted == resource,
                Some((one, other)) => !subresource.is_empty() && one == resource && other == subresource,
            };
            exact
                || wanted == "*"
                || !subresource.is_empty() && wanted.strip_prefix("*/") == Some(subresource)
                || wanted.strip_suffix("/*") == Some(resource)
        })
    }
}

/// `pathMatches`
fn matches_path(path: &str, spec: &str) -> bool {
    spec == "*" || spec == path || spec.ends_with('*') && path.starts_with(spec.trim_end_matches('*'))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn strings(value: &Value) -> Vec<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn stages(value: &Value) -> Vec<Stage> {
    let known = |text: &str| Stage::ALL.into_iter().find(|stage| stage.as_str() == text);
    list(value).filter_map(Value::as_str).filter_map(known).collect()
}

#[cfg(test)]
mod tests;
