//! Which rules apply to a user: the bindings that name the user, and the roles they refer to.
//!
//! Upstream: `pkg/registry/rbac/validation/rule.go`.

use std::fmt;

use serde_json::Value;

use super::{GROUP, PolicyRule};
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::storage::{Key, Store};
use crate::go_quote::quote;

/// Finds rules in the store.
#[derive(Clone)]
pub struct Resolver {
    store: Store,
}

/// Where a rule comes from; printed as in `RBAC: allowed by ...`.
pub struct Source<'a> {
    binding: &'a Value,
    subject: &'a Value,
}

/// What a visitor is shown: a rule with its source, or what could not be resolved.
pub type Found<'a> = Result<(&'a Source<'a>, &'a PolicyRule), String>;

impl Resolver {
    /// Makes a resolver.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Shows every rule that applies to the user in a namespace, cluster-wide ones first, until `visitor` says false.
    pub fn visit(&self, user: &UserInfo, namespace: &str, visitor: &mut dyn FnMut(Found<'_>) -> bool) {
        let (_, bindings) = self.store.list(GROUP, "clusterrolebindings", "");
        for binding in &bindings {
            if !self.visit_binding(user, binding, "", visitor) {
                return;
            }
        }
        if namespace.is_empty() {
            return;
        }
        let (_, bindings) = self.store.list(GROUP, "rolebindings", namespace);
        for binding in &bindings {
            if !self.visit_binding(user, binding, namespace, visitor) {
                return;
            }
        }
    }

    fn visit_binding(
        &self,
        user: &UserInfo,
        binding: &Value,
        namespace: &str,
        visitor: &mut dyn FnMut(Found<'_>) -> bool,
    ) -> bool {
        let subjects = binding["subjects"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(subject) = subjects.iter().find(|subject| applies(user, subject, namespace)) else {
            return true;
        };
        match self.rules_of(&binding["roleRef"], namespace) {
            Ok(rules) => {
                let source = Source { binding, subject };
                rules.iter().all(|rule| visitor(Ok((&source, rule))))
            }
            Err(error) => visitor(Err(error)),
        }
    }

    /// The rules of the role that a binding refers to (`GetRoleReferenceRules`); the error is upstream's sentence.
    pub fn rules_of(&self, role_ref: &Value, namespace: &str) -> Result<Vec<PolicyRule>, String> {
        let name = text(role_ref, "name");
        let (resource, singular, namespace) = match text(role_ref, "kind") {
            "Role" => ("roles", "role", namespace),
            "ClusterRole" => ("clusterroles", "clusterrole", ""),
            other => return Err(format!("unsupported role reference kind: {}", quote(other))),
        };
        match self.store.get(&Key::new(GROUP, resource, namespace, name)) {
            Some(role) => Ok(PolicyRule::of_role(&role)),
            None => Err(format!("{singular}.{GROUP} {} not found", quote(name))),
        }
    }

    /// All rules that apply to the user in a namespace, and what could not be resolved.
    pub fn rules_for(&self, user: &UserInfo, namespace: &str) -> (Vec<PolicyRule>, Vec<String>) {
        let (mut rules, mut errors) = (Vec::new(), Vec::new());
        self.visit(user, namespace, &mut |found| {
            match found {
                Ok((_, rule)) => rules.push(rule.clone()),
                Err(error) => errors.push(error),
            }
            true
        });
        (rules, errors)
    }
}

/// Whether a binding's subject is this user. A service account without a namespace is one of the binding's.
fn applies(user: &UserInfo, subject: &Value, binding_namespace: &str) -> bool {
    let name = text(subject, "name");
    match text(subject, "kind") {
        "User" => user.name == name,
        "Group" => user.in_group(name),
        "ServiceAccount" => {
            let own = text(subject, "namespace");
            let namespace = if own.is_empty() { binding_namespace } else { own };
            !namespace.is_empty()
                && user
                    .name
                    .strip_prefix("system:serviceaccount:")
                    .and_then(|rest| rest.split_once(':'))
                    .is_some_and(|(n, account)| n == namespace && account == name)
        }
        _ => false,
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metadata = &self.binding["metadata"];
        let (name, namespace) = (text(metadata, "name"), text(metadata, "namespace"));
        let role = &self.binding["roleRef"];
        let (kind, binding) = if namespace.is_empty() {
            ("ClusterRoleBinding", quote(name))
        } else {
            ("RoleBinding", quote(&format!("{name}/{namespace}")))
        };
        let subject = text(self.subject, "name");
        let subject_kind = text(self.subject, "kind");
        let subject = if subject_kind == "ServiceAccount" {
            let own = text(self.subject, "namespace");
            quote(&format!("{subject}/{}", if own.is_empty() { namespace } else { own }))
        } else {
            quote(subject)
        };
        write!(
            f,
            "{kind} {binding} of {} {} to {subject_kind} {subject}",
            text(role, "kind"),
            quote(text(role, "name"))
        )
    }
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
