//! The /version answer.

use serde_json::{Value, json};

use crate::release::Release;

/// What `/version` says of a release.
pub fn value(release: &Release) -> Value {
    let mut version = json!({
        "major": "1",
        "minor": release.minor.to_string(),
        "gitVersion": release.git_version,
        "compiler": "gc",
        "platform": "linux/amd64",
    });
    for (field, value) in release.version_fields {
        version[*field] = json!(value);
    }
    version
}
