//! The OpenAPI v3 documents and the type schemas behind them.

use serde_json::{Value, json};

use crate::release::Release;

/// The index at `/openapi/v3`.
pub fn index(release: &'static Release) -> Value {
    let _ = release;
    json!({"paths": {}})
}

/// The document at `/openapi/v3/{path}` (`api/v1`, `apis/apps/v1`), with its hash for the ETag.
pub fn document(release: &'static Release, path: &str) -> Option<(Vec<u8>, String)> {
    let _ = (release, path);
    None
}

/// The document at `/openapi/v2`, as JSON.
pub fn v2(release: &'static Release) -> Vec<u8> {
    let _ = release;
    br#"{"swagger":"2.0","info":{"title":"Kubernetes","version":"unversioned"},"paths":{},"definitions":{}}"#
        .to_vec()
}
