//! `NodeRestriction`: a kubelet writes its own Node, the pods on it, and little else.
//!
//! Upstream: `plugin/pkg/admission/noderestriction/admission.go`.

use serde_json::Value;

use super::certificates::Subject;
use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::is_node;
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::Key;
use crate::go_quote::quote;

mod audiences;
mod labels;
mod pods;

/// The namespace of node leases.
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// The signers whose requests must be for the asking node.
const NODE_SIGNERS: [&str; 2] =
    ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

/// The plugin.
pub(super) struct NodeRestriction;

impl Plugin for NodeRestriction {
    fn name(&self) -> &'static str {
        "NodeRestriction"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        let attributes = &*attributes;
        if !is_node(attributes.user) {
            return Ok(());
        }
        let Some(node) = attributes.user.node_name() else {
            let user = quote(&attributes.user.name);
            return Err(attributes.forbid(format!("could not determine node from user {user}")));
        };
        let request = Request { node, attributes, environment };
        let resource = attributes.resource;
        match (resource.group, resource.plural) {
            ("", "pods") => pods::admit(&request),
            ("", "nodes") => request.node(),
            ("", "persistentvolumeclaims") => request.claim_status(),
            ("", "serviceaccounts") => request.service_account_token(),
            ("coordination.k8s.io", "leases") => request.lease(),
            ("storage.k8s.io", "csinodes") => request.csi_node(),
            ("resource.k8s.io", "resourceslices") => request.resource_slice(),
            ("certificates.k8s.io", "certificatesigningrequests") => request.signing_request(),
            _ => Ok(()),
        }
    }
}

/// A write by a kubelet.
struct Request<'a> {
    /// The kubelet's node.
    node: &'a str,
    attributes: &'a Attributes<'a>,
    environment: &'a Environment,
}

impl Request<'_> {
    fn refuse<T>(&self, why: impl std::fmt::Display) -> Result<T, Status> {
        Err(self.attributes.forbid(why))
    }

    /// The kubelet's node in quotes.
    fn quoted(&self) -> String {
        quote(self.node)
    }

    /// An object that a lister looks up; missing, it is told by its singular name.
    fn find(&self, resource: &str, singular: &str, namespace: &str, name: &str) -> Result<Object, Status> {
        let found = self.environment.store.get(&Key::new("", resource, namespace, name));
        found.ok_or_else(|| Status::not_found(GroupResource { group: "", resource: singular }, name))
    }

    fn unexpected_operation(&self) -> Result<(), Status> {
        self.refuse(format!("unexpected operation {}", quote(self.attributes.operation.as_str())))
    }

    fn node(&self) -> Result<(), Status> {
        let requested = self.attributes.object_name();
        if requested != self.node {
            let (me, other) = (self.quoted(), quote(requested));
            return self.refuse(format!("node {me} is not allowed to modify node {other}"));
        }
        match self.attributes.operation {
            Operation::Create => self.node_create(),
            Operation::Update => self.node_update(),
            Operation::Delete | Operation::Connect => Ok(()),
        }
    }

    fn node_create(&self) -> Result<(), Status> {
        let (me, node) = (self.quoted(), self.attributes.new_object());
        if !node["spec"]["configSource"].is_null() {
            return self
                .refuse(format!("node {me} is not allowed to create pods with a non-nil configSource"));
        }
        let forbidden = labels::forbidden(&node["metadata"]["labels"], &Value::Null);
        if !forbidden.is_empty() {
            let labels = forbidden.join(", ");
            return self.refuse(format!("node {me} is not allowed to set the following labels: {labels}"));
        }
        Ok(())
    }

    fn node_update(&self) -> Result<(), Status> {
        let me = self.quoted();
        let (new, old) = (self.attributes.new_object(), self.attributes.current());
        let source = &new["spec"]["configSource"];
        if !source.is_null() && source != &old["spec"]["configSource"] {
            return self.refuse(format!(
                "node {me} is not allowed to update configSource to a new non-nil configSource"
            ));
        }
        if !same_list(&new["spec"]["taints"], &old["spec"]["taints"]) {
            return self.refuse(format!("node {me} is not allowed to modify taints"));
        }
        let owners = |node: &Value| node["metadata"]["ownerReferences"].clone();
        if self.environment.release.gates.node_owner_references_restricted
            && !same_list(&owners(new), &owners(old))
        {
            return self.refuse(format!("node {me} is not allowed to modify ownerReferences"));
        }
        let forbidden = labels::forbidden(&new["metadata"]["labels"], &old["metadata"]["labels"]);
        if !forbidden.is_empty() {
            return self.refuse(format!("is not allowed to modify labels: {}", forbidden.join(", ")));
        }
        Ok(())
    }

    fn claim_status(&self) -> Result<(), Status> {
        if self.attributes.subresource != "status" {
            return self.refuse("may only update PVC status");
        }
        if self.attributes.operation != Operation::Update {
            return self.unexpected_operation();
        }
        let comparable = |claim: &Value| {
            let mut claim = claim.clone();
            for (parent, fields) in [
                ("metadata", &["resourceVersion", "managedFields"][..]),
                (
                    "status",
                    &["capacity", "conditions", "allocatedResourceStatuses", "allocatedResources"][..],
                ),
            ] {
                if let Some(parent) = claim.get_mut(parent).and_then(Value::as_object_mut) {
                    fields.iter().for_each(|field| drop(parent.remove(*field)));
                }
            }
            if claim["status"].as_object().is_none_or(serde_json::Map::is_empty) {
                claim["status"] = Value::Null;
            }
            claim
        };
        let (new, old) = (comparable(self.attributes.new_object()), comparable(self.attributes.current()));
        if new == old {
            return Ok(());
        }
        let me = self.quoted();
        let changed = changed_fields("", &old, &new).join(", ");
        self.refuse(format!(
            "node {me} is not allowed to update fields other than status.quantity and status.conditions: {changed}"
        ))
    }

    fn service_account_token(&self) -> Result<(), Status> {
        if self.attributes.operation != Operation::Create || self.attributes.subresource != "token" {
            return Ok(());
        }
        let bound = &self.attributes.new_object()["spec"]["boundObjectRef"];
        let text = |key: &str| bound[key].as_str().unwrap_or_default();
        if text("apiVersion") != "v1" || text("kind") != "Pod" || text("name").is_empty() {
            return self.refuse("node requested token not bound to a pod");
        }
        let uid = text("uid");
        if uid.is_empty() {
            return self.refuse("node requested token with a pod binding without a uid");
        }
        let pod = self.find("pods", "pod", self.attributes.namespace, text("name"))?;
        if pod["metadata"]["uid"] != uid {
            return self.refuse(format!(
                "the UID in the bound object reference ({uid}) does not match the UID in record. The object might \
                 have been deleted and then recreated"
            ));
        }
        if pod["spec"]["nodeName"] != self.node {
            return self.refuse("node requested token bound to a pod scheduled on a different node");
        }
        if self.environment.release.gates.node_audience_restriction {
            return audiences::check(self, &pod);
        }
        Ok(())
    }

    fn lease(&self) -> Result<(), Status> {
        if self.attributes.namespace != LEASE_NAMESPACE {
            let namespace = quote(LEASE_NAMESPACE);
            return self.refuse(format!("can only access leases in the {namespace} system namespace"));
        }
        if self.attributes.object_name() != self.node {
            return self.refuse("can only access node lease with the same name as the requesting node");
        }
        Ok(())
    }

    fn csi_node(&self) -> Result<(), Status> {
        if self.attributes.object_name() != self.node {
            return self.refuse("can only access CSINode with the same name as the requesting node");
        }
        Ok(())
    }

    fn resource_slice(&self) -> Result<(), Status> {
        let (slice, action) = match self.attributes.operation {
            Operation::Create => (self.attributes.new_object(), "create"),
            Operation::Delete => (self.attributes.current(), "delete"),
            Operation::Update | Operation::Connect => return Ok(()),
        };
        if slice["spec"]["nodeName"] != self.node {
            return self.refuse(format!(
                "can only {action} ResourceSlice with the same NodeName as the requesting node"
            ));
        }
        Ok(())
    }

    fn signing_request(&self) -> Result<(), Status> {
        let spec = &self.attributes.new_object()["spec"];
        let signer = spec["signerName"].as_str().unwrap_or_default();
        if self.attributes.operation != Operation::Create || !NODE_SIGNERS.contains(&signer) {
            return Ok(());
        }
        let subject = Subject::of_request(spec)
            .map_err(|why| self.attributes.forbid(format!("unable to parse csr: {why}")))?;
        if subject.common_name != format!("system:node:{}", self.node) {
            return self.refuse(format!("can only create a node CSR with CN=system:node:{}", self.node));
        }
        Ok(())
    }
}

type Object = std::sync::Arc<Value>;

/// Whether two lists are the same; none and an empty one are.
fn same_list(a: &Value, b: &Value) -> bool {
    let elements = |list: &Value| list.as_array().cloned().unwrap_or_default();
    elements(a) == elements(b)
}

/// The paths of the fields in which two objects differ.
fn changed_fields(path: &str, old: &Value, new: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (old.as_object(), new.as_object()) else {
        return if old == new { Vec::new() } else { vec![path.to_owned()] };
    };
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .flat_map(|key| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            changed_fields(&path, &old[key.as_str()], &new[key.as_str()])
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests;
