//! Nobody grants what they do not hold: the checks on writes of roles and bindings.
//!
//! Upstream: `pkg/registry/rbac/{escalation_check,helpers}.go`, `.../{clusterrole,role,clusterrolebinding,rolebinding}/policybased/storage.go`.

use serde_json::Value;

use super::covers::{compact, describe, quote_list, uncovered};
use super::{GROUP, PolicyRule, Resolver, aggregate};
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::authorization::{Attributes, Chain, Decision, PRIVILEGED_GROUP, quote};
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::Store;

/// A write of a role or binding that is to be checked.
pub struct Write<'a> {
    /// Who writes.
    pub user: &'a UserInfo,
    /// `roles`, `clusterroles`, `rolebindings` or `clusterrolebindings`; others pass.
    pub resource: &'a str,
    /// The namespace; empty for cluster-scoped ones.
    pub namespace: &'a str,
    /// The name in the request's path; empty on create.
    pub name: &'a str,
    /// The object as it is to be.
    pub object: &'a Value,
    /// The object as it is; `None` on create.
    pub old: Option<&'a Value>,
    /// Whether a role that is not there is named as the resource that was asked for.
    pub named_as_asked: bool,
}

/// Checks a write of a role or binding, after defaulting and before validation; other resources pass.
///
/// To be called for creates and updates of the group `rbac.authorization.k8s.io` with the server's authorizers.
pub fn check(write: &Write<'_>, chain: &Chain, store: &Store) -> Result<(), Status> {
    let is_role = matches!(write.resource, "roles" | "clusterroles");
    if !is_role && !matches!(write.resource, "rolebindings" | "clusterrolebindings") {
        return Ok(());
    }
    // requests that do not come through the secured port have no user
    if write.user.in_group(PRIVILEGED_GROUP) {
        return Ok(());
    }
    if is_role && allowed(chain, write, "escalate", write.resource, write.name, write.namespace) {
        return Ok(());
    }
    if write.old.is_some_and(|old| changes_only_gc_fields(write.object, old)) {
        return Ok(());
    }
    let resolver = Resolver::new(store.clone());
    if is_role { check_role(write, &resolver) } else { check_binding(write, chain, &resolver) }
}

fn check_role(write: &Write<'_>, resolver: &Resolver) -> Result<(), Status> {
    let rules = PolicyRule::of_role(write.object);
    confirm_no_escalation(write, resolver, &rules).map_err(|why| refuse(write, &why))?;
    let aggregates = |role: &Value| {
        role["aggregationRule"]["clusterRoleSelectors"]
            .as_array()
            .is_some_and(|selectors| !selectors.is_empty())
    };
    if write.resource == "clusterroles"
        && (aggregates(write.object) || write.old.is_some_and(aggregates))
        && confirm_no_escalation(write, resolver, &PolicyRule::everything()).is_err()
    {
        return Err(refuse(write, "must have cluster-admin privileges to use the aggregationRule"));
    }
    Ok(())
}

fn check_binding(write: &Write<'_>, chain: &Chain, resolver: &Resolver) -> Result<(), Status> {
    let role_ref = &write.object["roleRef"];
    let name = role_ref["name"].as_str().unwrap_or_default();
    let (resource, namespace) = match role_ref["kind"].as_str() {
        Some("ClusterRole") => ("clusterroles", ""),
        Some("Role") if write.namespace.is_empty() => {
            return Err(Status::bad_request("Namespace parameter required."));
        }
        Some("Role") => ("roles", write.namespace),
        other => {
            let kind = quote(other.unwrap_or_default());
            return Err(Status::new(500, "", format!("unsupported role reference kind: {kind}")));
        }
    };
    if allowed(chain, write, "bind", resource, name, write.namespace) {
        return Ok(());
    }
    let rules = resolver.rules_of(role_ref, namespace).map_err(|_| {
        let resource = if write.named_as_asked { write.resource } else { resource };
        Status::not_found(GroupResource { group: GROUP, resource }, name)
    })?;
    confirm_no_escalation(write, resolver, &rules).map_err(|why| refuse(write, &why))
}

fn allowed(
    chain: &Chain,
    write: &Write<'_>,
    verb: &str,
    resource: &str,
    name: &str,
    namespace: &str,
) -> bool {
    let request = RequestInfo {
        is_resource_request: true,
        verb: verb.into(),
        api_group: GROUP.into(),
        api_version: "*".into(),
        resource: resource.into(),
        name: name.into(),
        namespace: namespace.into(),
        ..RequestInfo::default()
    };
    chain.authorize(&Attributes { user: write.user.clone(), request }).decision == Decision::Allow
}

fn refuse(write: &Write<'_>, why: &str) -> Status {
    let name = write.object["metadata"]["name"].as_str().unwrap_or_default();
    Status::forbidden(GroupResource { group: GROUP, resource: write.resource }, name, why)
}

/// Whether the user holds all that `rules` grant (`ConfirmNoEscalation`); the error says what is missing.
fn confirm_no_escalation(write: &Write<'_>, resolver: &Resolver, rules: &[PolicyRule]) -> Result<(), String> {
    let (held, errors) = resolver.rules_for(write.user, write.namespace);
    let missing = uncovered(&held, rules);
    if missing.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = compact(missing).iter().map(describe).collect();
    lines.sort();
    lines.dedup();
    let mut message = format!(
        "user {} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        quote(&write.user.name),
        quote_list(&write.user.groups),
        lines.join("\n")
    );
    if !errors.is_empty() {
        message.push_str(&format!("; resolution errors: [{}]", aggregate(&errors)));
    }
    Err(message)
}

/// Whether an update only touches what the garbage collector needs (`IsOnlyMutatingGCFields`).
fn changes_only_gc_fields(new: &Value, old: &Value) -> bool {
    let strip = |object: &Value| {
        let mut object = object.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in ["ownerReferences", "finalizers", "managedFields"] {
                metadata.remove(field);
            }
        }
        object
    };
    strip(new) == strip(old)
}
