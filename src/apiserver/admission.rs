//! The admission chain: plugins that change or refuse an object on its way into the store.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/{interfaces,chain,plugins}.go`.

use std::cell::RefCell;
use std::sync::Arc;

use serde_json::Value;

use super::authentication::UserInfo;
use super::authorization;
use super::registry::ResourceType;
use super::status::{GroupResource, Status};
use super::storage::Store;
use crate::clock::SharedClock;
use crate::release::Release;

mod certificates;
mod limit_ranger;
mod namespaces;
mod node_restriction;
mod nodes;
mod plugins;
mod pod_security;
mod pods;
mod quantity;
mod resource_quota;
mod service_account;
mod volumes;

pub use plugins::known_plugins;

/// What is being done (`admission.Operation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `CREATE`
    Create,
    /// `UPDATE` (also by patch)
    Update,
    /// `DELETE`
    Delete,
    /// `CONNECT`
    Connect,
}

impl Operation {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

/// What a plugin looks at (`admission.Attributes`).
pub struct Attributes<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// What is being done.
    pub operation: Operation,
    /// The resource.
    pub resource: &'static ResourceType,
    /// `status`, `eviction`, `token`, ...; empty for the object itself.
    pub subresource: &'a str,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// The object's name; may be empty on create (`generateName`).
    pub name: &'a str,
    /// The new object; `None` on delete. Mutating plugins change it.
    pub object: Option<&'a mut Value>,
    /// The object as it is; `None` on create.
    pub old_object: Option<&'a Value>,
    /// Whether the request is a dry run.
    pub dry_run: bool,
    /// What plugins have to say besides yes or no.
    pub notes: RefCell<Notes>,
}

/// What plugins have to say besides yes or no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// For the client, in a `Warning` header.
    pub warnings: Vec<String>,
    /// For the audit event.
    pub annotations: Vec<(String, String)>,
}

impl Attributes<'_> {
    /// Whether this is about a resource (of the core group where `group` is empty), with this subresource.
    pub(crate) fn is(&self, group: &str, resource: &str, subresource: &str) -> bool {
        self.resource.group == group && self.resource.plural == resource && self.subresource == subresource
    }

    /// The new object; Null on delete.
    pub(crate) fn new_object(&self) -> &Value {
        self.object.as_deref().unwrap_or(&Value::Null)
    }

    /// The object as it is; Null on create.
    pub(crate) fn current(&self) -> &Value {
        self.old_object.unwrap_or(&Value::Null)
    }

    /// The name, of the new object where the request does not say it.
    pub(crate) fn object_name(&self) -> &str {
        if self.name.is_empty() {
            self.new_object()["metadata"]["name"].as_str().unwrap_or_default()
        } else {
            self.name
        }
    }

    /// The refusal of a plugin (`admission.NewForbidden`).
    pub(crate) fn forbid(&self, why: impl std::fmt::Display) -> Status {
        let metadata = &self.new_object()["metadata"];
        let name = [
            self.name,
            metadata["name"].as_str().unwrap_or(""),
            metadata["generateName"].as_str().unwrap_or(""),
        ]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or("Unknown");
        let resource = GroupResource { group: self.resource.group, resource: self.resource.plural };
        Status::forbidden(resource, name, &why.to_string())
    }
}

/// What plugins may ask.
pub struct Environment {
    /// The store.
    pub store: Store,
    /// The emulated release.
    pub release: &'static Release,
    /// The time.
    pub clock: SharedClock,
    /// The server's authorizers, for plugins that ask whether the user may do something else too.
    pub authorizers: Arc<authorization::Chain>,
}

/// A plugin's note for the audit and the X-ray: which plugin, in which phase, what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The plugin's name.
    pub plugin: &'static str,
    /// Whether it ran in the mutating phase.
    pub mutating: bool,
    /// `None` where it let the request pass, else why it refused.
    pub refused: Option<String>,
}

/// One plugin. A plugin that takes no part in a phase leaves that method as it is.
pub trait Plugin: Send + Sync {
    /// The name in `--enable-admission-plugins`.
    fn name(&self) -> &'static str;

    /// Whether it looks at such an operation at all (`Interface.Handles`).
    fn handles(&self, operation: Operation) -> bool {
        let _ = operation;
        true
    }

    /// The mutating phase (`MutationInterface.Admit`).
    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        let _ = (attributes, environment);
        Ok(())
    }

    /// The validating phase (`ValidationInterface.Validate`).
    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        let _ = (attributes, environment);
        Ok(())
    }
}

/// The plugins of a server, in order.
pub struct Chain {
    /// Plugins that take part in the mutating phase.
    pub mutating: Vec<Box<dyn Plugin>>,
    /// Plugins that take part in the validating phase.
    pub validating: Vec<Box<dyn Plugin>>,
}

impl Chain {
    /// Makes the chain of a release's default plugins with those enabled and disabled by flags (already validated).
    pub fn new(release: &'static Release, enable: &[String], disable: &[String]) -> Self {
        let on = |name: &str| {
            let default =
                release.mutating_plugins.contains(&name) || release.validating_plugins.contains(&name);
            let named = |list: &[String]| list.iter().any(|one| one == name);
            (default || named(enable)) && !named(disable)
        };
        let mut chain = Self { mutating: Vec::new(), validating: Vec::new() };
        for entry in plugins::of_release(release).filter(|entry| on(entry.name)) {
            if entry.mutating {
                chain.mutating.push((entry.make)(entry.name));
            }
            if entry.validating {
                chain.validating.push((entry.make)(entry.name));
            }
        }
        chain
    }

    /// The two `plugins.go:157]` / `plugins.go:160]` log messages ("Loaded 12 mutating admission controller(s) ...").
    pub fn loaded_messages(&self) -> [String; 2] {
        let message = |phase: &str, plugins: &[Box<dyn Plugin>]| {
            let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name()).collect();
            format!(
                "Loaded {} {phase} admission controller(s) successfully in the following order: {}.",
                names.len(),
                names.join(",")
            )
        };
        [message("mutating", &self.mutating), message("validating", &self.validating)]
    }

    /// Runs the mutating phase; notes go to `trace`.
    pub fn admit(
        &self,
        attributes: &mut Attributes<'_>,
        environment: &Environment,
        trace: &mut Vec<Trace>,
    ) -> Result<(), Status> {
        let operation = attributes.operation;
        for plugin in self.mutating.iter().filter(|plugin| plugin.handles(operation)) {
            let result = plugin.admit(attributes, environment);
            trace.push(note(plugin.name(), true, &result));
            result?;
        }
        Ok(())
    }

    /// Runs the validating phase; notes go to `trace`.
    pub fn validate(
        &self,
        attributes: &Attributes<'_>,
        environment: &Environment,
        trace: &mut Vec<Trace>,
    ) -> Result<(), Status> {
        for plugin in self.validating.iter().filter(|plugin| plugin.handles(attributes.operation)) {
            let result = plugin.validate(attributes, environment);
            trace.push(note(plugin.name(), false, &result));
            result?;
        }
        Ok(())
    }
}

fn note(plugin: &'static str, mutating: bool, result: &Result<(), Status>) -> Trace {
    Trace { plugin, mutating, refused: result.as_ref().err().map(|status| status.message.clone()) }
}

#[cfg(test)]
mod tests;
