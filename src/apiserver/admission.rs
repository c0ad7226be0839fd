//! The admission chain: plugins that change or refuse an object on its way into the store.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/{interfaces,chain,plugins}.go`.

use serde_json::Value;

use super::authentication::UserInfo;
use super::registry::ResourceType;
use super::status::Status;
use super::storage::Store;
use crate::clock::SharedClock;
use crate::release::Release;

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
}

/// What plugins may ask.
pub struct Environment {
    /// The store.
    pub store: Store,
    /// The emulated release.
    pub release: &'static Release,
    /// The time.
    pub clock: SharedClock,
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
        let _ = (release, enable, disable);
        Self { mutating: Vec::new(), validating: Vec::new() }
    }

    /// The two `plugins.go:157]` / `plugins.go:160]` log messages ("Loaded 12 mutating admission controller(s) ...").
    pub fn loaded_messages(&self) -> [String; 2] {
        [String::new(), String::new()]
    }

    /// Runs the mutating phase; notes go to `trace`.
    pub fn admit(
        &self,
        attributes: &mut Attributes<'_>,
        environment: &Environment,
        trace: &mut Vec<Trace>,
    ) -> Result<(), Status> {
        let _ = (attributes, environment, trace);
        Ok(())
    }

    /// Runs the validating phase; notes go to `trace`.
    pub fn validate(
        &self,
        attributes: &Attributes<'_>,
        environment: &Environment,
        trace: &mut Vec<Trace>,
    ) -> Result<(), Status> {
        let _ = (attributes, environment, trace);
        Ok(())
    }
}

/// All plugin names that a release knows, for `unknown plugin` and for `--help`.
pub fn known_plugins(release: &'static Release) -> &'static [&'static str] {
    let _ = release;
    &[]
}
