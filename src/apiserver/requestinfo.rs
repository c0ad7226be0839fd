//! What a request's path and method mean.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

/// A request taken apart (`RequestInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestInfo {
    /// Whether the path names an API resource.
    pub is_resource_request: bool,
    /// The path as it came.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or the lower-case method.
    pub verb: String,
    /// `api` or `apis`.
    pub api_prefix: String,
    /// The API group; empty for the core group.
    pub api_group: String,
    /// `v1`, ...
    pub api_version: String,
    /// The namespace; empty for cluster-scoped requests.
    pub namespace: String,
    /// The plural name.
    pub resource: String,
    /// `status`, `log`, ...; empty for the object itself.
    pub subresource: String,
    /// The object's name; empty for collections.
    pub name: String,
    /// The path's parts after the version (and namespace).
    pub parts: Vec<String>,
    /// The field selector as it came, for authorization with selectors.
    pub field_selector: String,
    /// The label selector as it came, for authorization with selectors.
    pub label_selector: String,
}
