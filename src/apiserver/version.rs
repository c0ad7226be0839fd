//! The /version answer.

use serde_json::Value;

use crate::release::Release;

/// What `/version` says of a release, its fields in the order of `version.Info`.
pub fn document(release: &Release) -> Vec<u8> {
    let minor = release.minor.to_string();
    let (before, after): (Vec<_>, Vec<_>) = release
        .version_fields
        .iter()
        .copied()
        .partition(|(field, _)| field.ends_with("jor") || field.ends_with("nor"));
    let fields = [("major", "1"), ("minor", &minor)]
        .into_iter()
        .chain(before)
        .chain([("gitVersion", release.git_version)])
        .chain(after)
        .chain([("compiler", "gc"), ("platform", "linux/amd64")])
        .map(|(field, value)| format!("  {}: {}", Value::from(field), Value::from(value)));
    format!("{{\n{}\n}}", fields.collect::<Vec<_>>().join(",\n")).into_bytes()
}
