//! `NamespaceLifecycle`, `NamespaceExists`, `NamespaceAutoProvision`: nothing lives in a namespace that is not there.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/namespace/lifecycle`, `plugin/pkg/admission/namespace`.

use serde_json::{Value, json};

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::status::{Cause, GroupResource, Status};
use crate::apiserver::storage::{Key, StorageError};

/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

const NAMESPACES: GroupResource<'_> = GroupResource { group: "", resource: "namespaces" };

/// Refuses new objects in namespaces that are missing or on their way out.
pub(super) struct Lifecycle;

impl Plugin for Lifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if is_namespace(attributes) {
            let immortal = attributes.operation == Operation::Delete && IMMORTAL.contains(&attributes.name);
            return if immortal {
                Err(Status::forbidden(NAMESPACES, attributes.name, "this namespace may not be deleted"))
            } else {
                Ok(())
            };
        }
        if !concerns_namespace(attributes) || attributes.operation == Operation::Delete {
            return Ok(());
        }
        let name = attributes.namespace;
        let namespace = find(environment, name).ok_or_else(|| Status::not_found(NAMESPACES, name))?;
        if attributes.operation != Operation::Create || namespace["status"]["phase"] != "Terminating" {
            return Ok(());
        }
        let mut status = attributes.forbid(format!(
            "unable to create new content in namespace {name} because it is being terminated"
        ));
        status.causes.push(Cause {
            reason: "NamespaceTerminating".into(),
            message: format!("namespace {name} is being terminated"),
            field: "metadata.namespace".into(),
        });
        Err(status)
    }
}

/// Refuses objects in namespaces that are missing.
pub(super) struct Exists;

impl Plugin for Exists {
    fn name(&self) -> &'static str {
        "NamespaceExists"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Connect
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if is_namespace(attributes) || attributes.namespace.is_empty() {
            return Ok(());
        }
        let name = attributes.namespace;
        find(environment, name).map(|_| ()).ok_or_else(|| Status::not_found(NAMESPACES, name))
    }
}

/// Makes namespaces that are missing.
pub(super) struct AutoProvision;

impl Plugin for AutoProvision {
    fn name(&self) -> &'static str {
        "NamespaceAutoProvision"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        let name = attributes.namespace;
        if attributes.dry_run || !concerns_namespace(attributes) || find(environment, name).is_some() {
            return Ok(());
        }
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "uid": uuid::Uuid::new_v4().to_string(),
                "creationTimestamp": environment.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "labels": {"kubernetes.io/metadata.name": name},
            },
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        match environment.store.create(key(name), namespace) {
            Ok(_) | Err(StorageError::Exists) => Ok(()),
            Err(error) => Err(Status::internal(error)),
        }
    }
}

fn is_namespace(attributes: &Attributes<'_>) -> bool {
    attributes.resource.group.is_empty() && attributes.resource.plural == "namespaces"
}

/// Whether an object is to live in a namespace; access reviews only ask about one.
fn concerns_namespace(attributes: &Attributes<'_>) -> bool {
    !is_namespace(attributes)
        && !attributes.namespace.is_empty()
        && attributes.resource.plural != "localsubjectaccessreviews"
}

fn key(name: &str) -> Key {
    Key::new("", "namespaces", "", name)
}

fn find(environment: &Environment, name: &str) -> Option<std::sync::Arc<Value>> {
    environment.store.get(&key(name))
}
