//! The resources that are served, and what is special about each: defaults, validation, columns.
//!
//! [`ResourceType`] describes one; its [`Strategy`] is upstream's `rest.RESTCreateStrategy` and friends in one trait.

pub mod decode;
mod go_diff;
mod go_types;
pub mod json;
pub mod managed_fields;
pub mod meta_types;
pub mod ordered;
pub mod patch;
pub mod protobuf;
pub mod quantity;
mod resources;
pub mod schema;
mod strategies;
pub mod typed;
pub mod validation;
pub mod warnings;
pub mod yaml;
pub mod zero;

use serde_json::Value;

use super::authentication::UserInfo;
use super::status::GroupResource;
use crate::clock::SharedClock;
use crate::release::{OfRelease, Release};

/// The resources of a release, in the order in which discovery lists them (groups, then names).
pub fn all(release: &'static Release) -> &'static [ResourceType] {
    static TABLES: OfRelease<Vec<ResourceType>> = OfRelease::new();
    TABLES.get(release, || resources::of_release(release))
}

/// The resource that a path names, if it is served.
pub fn find(
    release: &'static Release,
    group: &str,
    version: &str,
    plural: &str,
) -> Option<&'static ResourceType> {
    all(release).iter().find(|rt| rt.plural == plural && rt.group == group && rt.version == version)
}

/// The resource of a kind, if it is served.
pub fn find_kind(
    release: &'static Release,
    group: &str,
    version: &str,
    kind: &str,
) -> Option<&'static ResourceType> {
    all(release).iter().find(|rt| rt.kind == kind && rt.group == group && rt.version == version)
}

impl ResourceType {
    /// `v1`, `apps/v1`
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The group and plural name, for messages.
    pub fn group_resource(&self) -> GroupResource<'static> {
        GroupResource { group: self.group, resource: self.plural }
    }

    /// The subresource of that name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// Group, version and kind of the bodies that the resource, or its subresource, takes and gives.
    pub fn wire_kind(&self, subresource: &str) -> (&'static str, &'static str, &'static str) {
        match self.subresource(subresource) {
            Some(sub) if !sub.group.is_empty() => (sub.group, sub.version, sub.kind),
            Some(sub) => (self.group, self.version, sub.kind),
            None => (self.group, self.version, self.kind),
        }
    }

    /// Whether objects are kept (reviews and bindings are only answered).
    pub fn stored(&self) -> bool {
        self.verbs.contains(&"get")
    }
}

/// A served resource.
pub struct ResourceType {
    /// The release that serves it.
    pub release: &'static Release,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// `v1`, ...
    pub version: &'static str,
    /// `Node`
    pub kind: &'static str,
    /// `nodes`
    pub plural: &'static str,
    /// `node`
    pub singular: &'static str,
    /// `no`
    pub short_names: &'static [&'static str],
    /// `all`, ...
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The verbs that discovery names, in its order.
    pub verbs: &'static [&'static str],
    /// The subresources: name, kind as discovery has it, verbs.
    pub subresources: Vec<Subresource>,
    /// What is special about it.
    pub strategy: &'static dyn Strategy,
}

/// A subresource as discovery names it.
#[derive(Debug, Clone, Copy)]
pub struct Subresource {
    /// `status`
    pub name: &'static str,
    /// Group and version of `kind` where they differ from the parent's (`policy`, `v1` for evictions); else empty.
    pub group: &'static str,
    /// See `group`.
    pub version: &'static str,
    /// The kind it takes and gives.
    pub kind: &'static str,
    /// Its verbs.
    pub verbs: &'static [&'static str],
    /// The first minor version that serves it; 0 where all do.
    pub since: u32,
}

/// What a strategy may look at.
pub struct Context<'a> {
    /// Who asks.
    pub user: &'a UserInfo,
    /// The namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// `status`, ...; empty for the object itself.
    pub subresource: &'a str,
    /// The emulated release.
    pub release: &'static Release,
    /// The time.
    pub clock: &'a SharedClock,
    /// Whether nothing is kept.
    pub dry_run: bool,
}

/// What kind of mistake a field has (`field.ErrorType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldErrorType {
    /// `Required value`
    Required,
    /// `Invalid value`
    Invalid,
    /// `Unsupported value`
    NotSupported,
    /// `Forbidden`
    Forbidden,
    /// `Too long`
    TooLong,
    /// `Too many`
    TooMany,
    /// `Duplicate value`
    Duplicate,
    /// `Not found`
    NotFound,
    /// `Internal error`
    Internal,
    /// `Invalid value` of the wrong type
    TypeInvalid,
}

/// A mistake in one field (`field.Error`); the registry formats it as upstream does.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// The kind of mistake.
    pub kind: FieldErrorType,
    /// `metadata.labels`, `spec.containers[0].name`
    pub field: String,
    /// The value; Null where none is shown.
    pub value: Value,
    /// What is wrong with it.
    pub detail: String,
}

/// What is special about a resource. Upstream: `k8s.io/apiserver/pkg/registry/rest/{create,update,delete}.go` and the
/// `strategy.go` of each resource.
pub trait Strategy: Sync {
    /// Fills in defaults after decoding (`SetDefaults_*`).
    fn set_defaults(&self, context: &Context<'_>, object: &mut Value) {
        let _ = (context, object);
    }

    /// Clears and sets what a creator may not choose.
    fn prepare_for_create(&self, context: &Context<'_>, object: &mut Value) {
        let _ = (context, object);
    }

    /// Finds the mistakes in a new object, metadata excepted.
    fn validate(&self, context: &Context<'_>, object: &Value) -> Vec<FieldError> {
        let _ = (context, object);
        Vec::new()
    }

    /// Keeps what an update may not change; the generation counts up here.
    fn prepare_for_update(&self, context: &Context<'_>, object: &mut Value, old: &Value) {
        let _ = (context, object, old);
    }

    /// Finds the mistakes in a changed object, metadata excepted.
    fn validate_update(&self, context: &Context<'_>, object: &Value, old: &Value) -> Vec<FieldError> {
        let _ = (context, object, old);
        Vec::new()
    }

    /// Whether an update without resource version is taken.
    fn allow_unconditional_update(&self) -> bool {
        true
    }

    /// Whether PUT creates what is not there (Leases, Nodes no).
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// Fields that field selectors may name, besides `metadata.name` and `metadata.namespace`.
    fn selectable_fields(&self, object: &Value) -> Vec<(&'static str, String)> {
        let _ = object;
        Vec::new()
    }

    /// The grace period of a deletion in seconds where objects are deleted gracefully (pods); `None` elsewhere.
    fn grace_period(&self, object: &Value, asked: Option<i64>) -> Option<i64> {
        let _ = (object, asked);
        None
    }

    /// Whether deletion waits for something other than finalizers in metadata (namespaces: `spec.finalizers`).
    fn waits_for_finalizers(&self, object: &Value) -> bool {
        let _ = object;
        false
    }
}
