//! May this user do this? The chain of authorizers that `--authorization-mode` names.
//!
//! Upstream: `k8s.io/apiserver/pkg/authorization/authorizer/interfaces.go`, `.../union/union.go`.

use super::authentication::UserInfo;
use super::requestinfo::RequestInfo;
use super::status::{GroupResource, Status};
use super::storage::Store;
use crate::go_quote::quote;
use crate::release::Release;

pub mod node;
pub mod rbac;
pub mod review;

/// What an authorizer looks at (`authorizer.Attributes`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Who asks.
    pub user: UserInfo,
    /// What is asked.
    pub request: RequestInfo,
}

/// An authorizer's answer. Deny is the default, as upstream has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Decision {
    /// No, whatever the others say.
    #[default]
    Deny,
    /// Yes.
    Allow,
    /// Ask the next one.
    NoOpinion,
}

/// The outcome of the whole chain, for the answer, the audit and the X-ray.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The last word; NoOpinion counts as no.
    pub decision: Decision,
    /// The reasons of all authorizers that spoke, joined as upstream joins them.
    pub reason: String,
    /// Which authorizer decided: `Node`, `RBAC`, `AlwaysAllow`, ...; empty where none did.
    pub authorizer: &'static str,
}

/// A rule about resources, as `SelfSubjectRulesReview` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResolvedRules {
    /// What the user may do, in the order in which it was found.
    pub rules: Vec<rbac::PolicyRule>,
    /// Whether there may be more than `rules` tells.
    pub incomplete: bool,
    /// Why something could not be resolved.
    pub errors: Vec<String>,
}

/// One authorizer.
pub trait Authorizer: Send + Sync {
    /// The name in `--authorization-mode`.
    fn name(&self) -> &'static str;

    /// Decides, and says why.
    fn authorize(&self, attributes: &Attributes) -> (Decision, String);

    /// What the user may do in a namespace (`authorizer.RuleResolver`), as far as that can be listed.
    fn rules_for(&self, user: &UserInfo, namespace: &str) -> ResolvedRules {
        let _ = (user, namespace);
        ResolvedRules::default()
    }
}

/// What authorizers are made from.
pub struct Environment {
    /// The store; authorizers read roles, bindings, pods, ... from it.
    pub store: Store,
    /// The emulated release.
    pub release: &'static Release,
}

/// The authorizers of `--authorization-mode`, asked in order.
pub struct Chain {
    /// The authorizers.
    pub authorizers: Vec<Box<dyn Authorizer>>,
}

impl Chain {
    /// Makes the chain for the modes (`Node`, `RBAC`, `AlwaysAllow`, `AlwaysDeny`, `ABAC`, `Webhook`), already validated.
    ///
    /// The superuser group `system:masters` is asked about first, as upstream's `NewPrivilegedGroups`. `ABAC` and
    /// `Webhook` have no opinion here: the sandbox has neither a policy file nor a webhook to ask.
    pub fn new(modes: &[String], environment: &Environment) -> Self {
        let mut authorizers: Vec<Box<dyn Authorizer>> = vec![Box::new(PrivilegedGroup)];
        for mode in modes {
            match mode.as_str() {
                "Node" => authorizers.push(Box::new(node::NodeAuthorizer::new(environment))),
                "RBAC" => authorizers.push(Box::new(rbac::RbacAuthorizer::new(environment))),
                "AlwaysAllow" => authorizers.push(Box::new(AlwaysAllow)),
                "AlwaysDeny" => authorizers.push(Box::new(AlwaysDeny)),
                _ => {}
            }
        }
        Self { authorizers }
    }

    /// Asks them in order until one decides.
    pub fn authorize(&self, attributes: &Attributes) -> Outcome {
        let mut reasons = Vec::new();
        for authorizer in &self.authorizers {
            let (decision, reason) = authorizer.authorize(attributes);
            if decision != Decision::NoOpinion {
                return Outcome { decision, reason, authorizer: authorizer.name() };
            }
            if !reason.is_empty() {
                reasons.push(reason);
            }
        }
        Outcome { decision: Decision::NoOpinion, reason: reasons.join("\n"), authorizer: "" }
    }

    /// What the user may do in a namespace, of all authorizers together.
    pub fn rules_for(&self, user: &UserInfo, namespace: &str) -> ResolvedRules {
        let mut all = ResolvedRules::default();
        for authorizer in &self.authorizers {
            let found = authorizer.rules_for(user, namespace);
            all.rules.extend(found.rules);
            all.incomplete |= found.incomplete;
            all.errors.extend(found.errors);
        }
        all
    }
}

/// Lets the group `system:masters` do everything.
struct PrivilegedGroup;

impl Authorizer for PrivilegedGroup {
    fn name(&self) -> &'static str {
        PRIVILEGED_GROUP
    }

    fn authorize(&self, attributes: &Attributes) -> (Decision, String) {
        let decision =
            if attributes.user.in_group(PRIVILEGED_GROUP) { Decision::Allow } else { Decision::NoOpinion };
        (decision, String::new())
    }
}

/// The group that may do everything, whatever the authorizers say.
pub const PRIVILEGED_GROUP: &str = "system:masters";

/// `AlwaysAllow`
struct AlwaysAllow;

impl Authorizer for AlwaysAllow {
    fn name(&self) -> &'static str {
        "AlwaysAllow"
    }

    fn authorize(&self, _attributes: &Attributes) -> (Decision, String) {
        (Decision::Allow, String::new())
    }

    fn rules_for(&self, _user: &UserInfo, _namespace: &str) -> ResolvedRules {
        ResolvedRules { rules: rbac::PolicyRule::everything(), ..ResolvedRules::default() }
    }
}

/// `AlwaysDeny`
struct AlwaysDeny;

impl Authorizer for AlwaysDeny {
    fn name(&self) -> &'static str {
        "AlwaysDeny"
    }

    fn authorize(&self, _attributes: &Attributes) -> (Decision, String) {
        (Decision::NoOpinion, "Everything is forbidden.".into())
    }
}

/// The Forbidden answer of the authorization filter (`responsewriters.Forbidden`).
pub fn forbidden(attributes: &Attributes, reason: &str) -> Status {
    let request = &attributes.request;
    let mut message = escape_html(&forbidden_message(attributes));
    if !reason.is_empty() {
        message = format!("{message}: {reason}");
    }
    let resource = GroupResource { group: &request.api_group, resource: &request.resource };
    Status::forbidden(resource, &request.name, &message)
}

fn forbidden_message(attributes: &Attributes) -> String {
    let Attributes { user, request } = attributes;
    let (user, verb) = (quote(&user.name), &request.verb);
    if !request.is_resource_request {
        return format!("User {user} cannot {verb} path {}", quote(&request.path));
    }
    let resource = quote(&combined_resource(request));
    let group = quote(&request.api_group);
    let scope = if request.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {}", quote(&request.namespace))
    };
    format!("User {user} cannot {verb} resource {resource} in API group {group} {scope}")
}

/// `pods`, or `pods/log` where a subresource is asked for.
fn combined_resource(request: &RequestInfo) -> String {
    if request.subresource.is_empty() {
        request.resource.clone()
    } else {
        format!("{}/{}", request.resource, request.subresource)
    }
}

/// Upstream keeps its messages from looking like HTML.
/// Escapes a text as messages that browsers may show (`sanitizer`).
pub(crate) fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
