//! The Node authorizer: what a kubelet may do, by the graph of what its pods refer to.
//!
//! Upstream: `plugin/pkg/auth/authorizer/node/node_authorizer.go`; with selectors: KEP-4601.

use super::rbac::{PolicyRule, bootstrap};
use super::{Attributes, Authorizer, Decision, Environment, ResolvedRules};
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::requestinfo::RequestInfo;
use crate::go_quote::quote;

pub mod graph;
pub mod references;

use graph::{Graph, Start};

/// The namespace in which node leases are.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// An answer with its reason, before it is known to be NoOpinion or Allow.
type Answer = Result<(), String>;

/// Lets kubelets do what concerns them.
pub struct NodeAuthorizer {
    graph: Graph,
    /// The rules of `system:node`, for what is not subdivided.
    rules: Vec<PolicyRule>,
    /// Whether a pod's service account may be read.
    reads_accounts: bool,
    /// Whether reads of nodes and pods are limited too.
    with_selectors: bool,
}

impl NodeAuthorizer {
    /// Makes an authorizer that reads pods and volumes from the environment's store.
    pub fn new(environment: &Environment) -> Self {
        Self {
            graph: Graph::new(environment.store.clone()),
            rules: bootstrap::cluster_role_rules(environment.release, "system:node"),
            reads_accounts: environment.release.gates.kubelet_reads_service_accounts,
            with_selectors: environment.release.gates.authorize_node_with_selectors,
        }
    }

    fn decide(&self, node: &str, request: &RequestInfo) -> Answer {
        if request.is_resource_request {
            match (request.api_group.as_str(), request.resource.as_str()) {
                ("", "secrets") => return self.read_namespaced(node, Start::Secret, request),
                ("", "configmaps") => return self.read_namespaced(node, Start::ConfigMap, request),
                ("", "persistentvolumeclaims") if request.subresource == "status" => {
                    return self.update_status(node, Start::Claim, request);
                }
                ("", "persistentvolumeclaims") => return self.get(node, Start::Claim, request),
                ("", "persistentvolumes") => return self.get(node, Start::Volume, request),
                ("resource.k8s.io", "resourceclaims") => {
                    return self.get(node, Start::ResourceClaim, request);
                }
                ("storage.k8s.io", "volumeattachments") => return self.get(node, Start::Attachment, request),
                ("", "serviceaccounts") if request.verb == "get" && request.subresource.is_empty() => {
                    return self.read_account(node, request);
                }
                ("", "serviceaccounts") => return self.create_token(node, request),
                ("coordination.k8s.io", "leases") => return lease(node, request),
                ("storage.k8s.io", "csinodes") => return csi_node(node, request),
                ("resource.k8s.io", "resourceslices") => return self.resource_slice(node, request),
                ("", "nodes") if self.with_selectors => return own_node(node, request),
                ("", "pods") if self.with_selectors => return self.pod(node, request),
                _ => {}
            }
        }
        if self.rules.iter().any(|rule| rule.allows(request)) { Ok(()) } else { no("") }
    }

    /// Whether a path leads from the object to the node.
    fn related(&self, node: &str, start: Start, request: &RequestInfo) -> Answer {
        if request.name.is_empty() {
            return no("No Object name found");
        }
        self.has_path(node, start, request)
    }

    fn has_path(&self, node: &str, start: Start, request: &RequestInfo) -> Answer {
        if self.graph.has_path(start, &request.namespace, &request.name, node) {
            Ok(())
        } else {
            no(format!("no relationship found between node '{node}' and this object"))
        }
    }

    fn update_status(&self, node: &str, start: Start, request: &RequestInfo) -> Answer {
        if !matches!(request.verb.as_str(), "update" | "patch") {
            return no("can only get/update/patch this type");
        }
        if request.subresource != "status" {
            return no("can only update status subresource");
        }
        self.related(node, start, request)
    }

    fn get(&self, node: &str, start: Start, request: &RequestInfo) -> Answer {
        if request.verb != "get" {
            return no("can only get individual resources of this type");
        }
        if !request.subresource.is_empty() {
            return no("cannot get subresource");
        }
        self.related(node, start, request)
    }

    fn read_namespaced(&self, node: &str, start: Start, request: &RequestInfo) -> Answer {
        if !matches!(request.verb.as_str(), "get" | "list" | "watch") {
            return no("can only read resources of this type");
        }
        if !request.subresource.is_empty() {
            return no("cannot read subresource");
        }
        if request.namespace.is_empty() {
            return no("can only read namespaced object of this type");
        }
        self.related(node, start, request)
    }

    /// A pod's service account, for credential providers and pod certificates; older releases answer as for a token.
    fn read_account(&self, node: &str, request: &RequestInfo) -> Answer {
        if self.reads_accounts {
            self.read_namespaced(node, Start::ServiceAccount, request)
        } else {
            self.create_token(node, request)
        }
    }

    fn create_token(&self, node: &str, request: &RequestInfo) -> Answer {
        if request.verb != "create" || request.name.is_empty() {
            return no("can only create tokens for individual service accounts");
        }
        if request.subresource != "token" {
            return no("can only create token subresource of serviceaccount");
        }
        self.has_path(node, Start::ServiceAccount, request)
    }

    fn resource_slice(&self, node: &str, request: &RequestInfo) -> Answer {
        if !request.subresource.is_empty() {
            return no("cannot authorize ResourceSlice subresources");
        }
        match request.verb.as_str() {
            // admission looks at the object's node name
            "create" => Ok(()),
            "get" | "update" | "patch" | "delete" => self.related(node, Start::ResourceSlice, request),
            "watch" | "list" | "deletecollection" => {
                if !self.with_selectors || selects(&request.field_selector, "spec.nodeName", node) {
                    Ok(())
                } else {
                    no("can only list/watch/deletecollection resourceslices with nodeName field selector")
                }
            }
            _ => no(
                "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, \
                     patch, delete, deletecollection",
            ),
        }
    }

    fn pod(&self, node: &str, request: &RequestInfo) -> Answer {
        match (request.subresource.as_str(), request.verb.as_str()) {
            ("", "get") => self.get(node, Start::Pod, request),
            ("", "list" | "watch") => {
                if selects(&request.field_selector, "spec.nodeName", node) {
                    Ok(())
                } else if !request.name.is_empty() {
                    self.related(node, Start::Pod, request)
                } else {
                    no("can only list/watch pods with spec.nodeName field selector")
                }
            }
            // admission limits all of these to the node's own pods
            ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create") => Ok(()),
            _ => no(""),
        }
    }
}

impl Authorizer for NodeAuthorizer {
    fn name(&self) -> &'static str {
        "Node"
    }

    fn authorize(&self, attributes: &Attributes) -> (Decision, String) {
        let user = &attributes.user;
        let answer = match user.node_name() {
            Some(node) => self.decide(node, &attributes.request),
            None if is_node(user) => no(format!("unknown node for user {}", quote(&user.name))),
            None => no(""),
        };
        match answer {
            Ok(()) => (Decision::Allow, String::new()),
            Err(reason) => (Decision::NoOpinion, reason),
        }
    }

    fn rules_for(&self, user: &UserInfo, _namespace: &str) -> ResolvedRules {
        if !is_node(user) {
            return ResolvedRules::default();
        }
        let errors = vec!["node authorizer does not support user rule resolution".to_owned()];
        ResolvedRules { rules: Vec::new(), incomplete: true, errors }
    }
}

/// Whether the user is a kubelet, even one whose node is not known (`NodeIdentity`).
pub fn is_node(user: &UserInfo) -> bool {
    user.name.starts_with("system:node:") && user.in_group("system:nodes")
}

fn no(reason: impl Into<String>) -> Answer {
    Err(reason.into())
}

fn lease(node: &str, request: &RequestInfo) -> Answer {
    if !matches!(request.verb.as_str(), "get" | "create" | "update" | "patch" | "delete") {
        return no("can only get, create, update, patch, or delete a node lease");
    }
    if request.namespace != LEASE_NAMESPACE {
        return no(format!("can only access leases in the {} system namespace", quote(LEASE_NAMESPACE)));
    }
    // on create the name is not known yet; admission looks at it
    if request.verb != "create" && request.name != node {
        return no("can only access node lease with the same name as the requesting node");
    }
    Ok(())
}

fn csi_node(node: &str, request: &RequestInfo) -> Answer {
    if !matches!(request.verb.as_str(), "get" | "create" | "update" | "patch" | "delete") {
        return no("can only get, create, update, patch, or delete a CSINode");
    }
    if !request.subresource.is_empty() {
        return no("cannot authorize CSINode subresources");
    }
    if request.verb != "create" && request.name != node {
        return no("can only access CSINode with the same name as the requesting node");
    }
    Ok(())
}

fn own_node(node: &str, request: &RequestInfo) -> Answer {
    match (request.subresource.as_str(), request.verb.as_str()) {
        // admission limits these to the node's own object
        ("", "create" | "update" | "patch") | ("status", "update" | "patch") => Ok(()),
        ("", "get" | "list" | "watch") => match request.name.as_str() {
            name if name == node => Ok(()),
            "" => no(format!("node '{node}' cannot read all nodes, only its own Node object")),
            other => no(format!("node '{node}' cannot read '{other}', only its own Node object")),
        },
        _ => no(""),
    }
}

/// Whether a field selector asks for exactly this value of a field, among other things.
fn selects(selector: &str, field: &str, value: &str) -> bool {
    selector.split(',').any(|term| {
        let Some((key, wanted)) = term.split_once('=') else { return false };
        key == field && wanted.strip_prefix('=').unwrap_or(wanted) == value
    })
}

#[cfg(test)]
mod tests;
