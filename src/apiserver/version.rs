//! The /version answer.

use serde_json::{Value, json};

use crate::release::Release;

/// What `/version` says of a release.
pub fn value(release: &Release) -> Value {
    json!({
        "major": "1",
        "minor": release.minor.to_string(),
        "gitVersion": release.git_version,
        "gitCommit": release.git_commit,
        "gitTreeState": "clean",
        "buildDate": release.build_date,
        "goVersion": release.go_version,
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}
