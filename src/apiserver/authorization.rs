//! May this user do this? The chain of authorizers that `--authorization-mode` names.
//!
//! Upstream: `k8s.io/apiserver/pkg/authorization/authorizer/interfaces.go`, `.../union/union.go`.

use super::authentication::UserInfo;
use super::requestinfo::RequestInfo;
use super::status::Status;
use super::storage::Store;
use crate::release::Release;

pub mod node;
pub mod rbac;

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

/// One authorizer.
pub trait Authorizer: Send + Sync {
    /// The name in `--authorization-mode`.
    fn name(&self) -> &'static str;

    /// Decides, and says why.
    fn authorize(&self, attributes: &Attributes) -> (Decision, String);
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
    /// The superuser group `system:masters` is asked about first, as upstream's `NewPrivilegedGroups`.
    pub fn new(modes: &[String], environment: &Environment) -> Self {
        let _ = (modes, environment);
        Self { authorizers: Vec::new() }
    }

    /// Asks them in order until one decides.
    pub fn authorize(&self, attributes: &Attributes) -> Outcome {
        let _ = attributes;
        Outcome::default()
    }
}

/// The Forbidden answer of the authorization filter (`responsewriters.Forbidden`).
pub fn forbidden(attributes: &Attributes, reason: &str) -> Status {
    let _ = (attributes, reason);
    Status::new(403, "Forbidden", "forbidden")
}
