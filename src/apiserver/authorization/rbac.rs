//! RBAC: roles, bindings, and the bootstrap policy.
//!
//! ```text
//! bindings that name the user -> the rules of their roles -> the first that matches the request
//! ```
//! Upstream: `plugin/pkg/auth/authorizer/rbac/rbac.go`, `pkg/registry/rbac/validation/rule.go`.

use super::{Attributes, Authorizer, Decision, Environment, ResolvedRules};
use crate::apiserver::authentication::UserInfo;

pub mod aggregation;
pub mod bootstrap;
pub mod covers;
pub mod escalation;
pub mod resolver;
pub mod rule;

pub use resolver::Resolver;
pub use rule::PolicyRule;

/// The API group of roles and bindings.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// Decides by the roles that are bound to the user.
pub struct RbacAuthorizer {
    resolver: Resolver,
}

impl RbacAuthorizer {
    /// Makes an authorizer that reads roles and bindings from the environment's store.
    pub fn new(environment: &Environment) -> Self {
        Self { resolver: Resolver::new(environment.store.clone()) }
    }
}

impl Authorizer for RbacAuthorizer {
    fn name(&self) -> &'static str {
        "RBAC"
    }

    fn authorize(&self, attributes: &Attributes) -> (Decision, String) {
        let mut allowed_by = None;
        let mut errors = Vec::new();
        self.resolver.visit(&attributes.user, &attributes.request.namespace, &mut |found| match found {
            Ok((source, rule)) => {
                if rule.allows(&attributes.request) {
                    allowed_by = Some(source.to_string());
                }
                allowed_by.is_none()
            }
            Err(error) => {
                errors.push(error);
                true
            }
        });
        match allowed_by {
            Some(source) => (Decision::Allow, format!("RBAC: allowed by {source}")),
            None if errors.is_empty() => (Decision::NoOpinion, String::new()),
            None => (Decision::NoOpinion, format!("RBAC: {}", aggregate(&errors))),
        }
    }

    fn rules_for(&self, user: &UserInfo, namespace: &str) -> ResolvedRules {
        let (rules, errors) = self.resolver.rules_for(user, namespace);
        let errors = if errors.is_empty() { errors } else { vec![aggregate(&errors)] };
        ResolvedRules { rules, incomplete: false, errors }
    }
}

/// Joins errors as upstream's `NewAggregate` prints them: once each, in brackets where there are several.
pub(crate) fn aggregate(errors: &[String]) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for error in errors {
        if !distinct.contains(&error.as_str()) {
            distinct.push(error);
        }
    }
    match distinct.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("[{}]", many.join(", ")),
    }
}

#[cfg(test)]
mod tests;
