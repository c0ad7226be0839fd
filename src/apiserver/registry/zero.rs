//! Objects without anything in them, as bookmarks carry them.
//!
//! Upstream: `newFunc` of each registry, which the watch cache sends with a version (`.../storage/cacher/cacher.go`).

use serde_json::{Map, Value, json};

use super::schema::Schema;
use super::{ResourceType, typed};

/// A resource, a field, and the value that the conversion from the internal type fills in there, where that has a number and
/// the type on the wire a pointer to one (`kubernetes/pkg/apis/apps/v1/conversion.go`).
type Converted = (&'static str, &'static [&'static str], &'static str);

const CONVERTED: &[Converted] = &[
    ("replicasets", &["spec", "replicas"], "0"),
    ("deployments", &["spec", "replicas"], "0"),
    ("daemonsets", &["metadata", "annotations", "deprecated.daemonset.template.generation"], "\"0\""),
];

/// The zero value of a resource's type, with this metadata; `converted` where it goes out as the type on the wire.
pub fn object(rt: &'static ResourceType, metadata: Map<String, Value>, converted: bool) -> Value {
    let schema = Schema::of(rt.release);
    let mut object = json!({"kind": rt.kind, "apiVersion": rt.api_version(), "metadata": metadata});
    for (_, path, value) in CONVERTED.iter().filter(|(plural, ..)| converted && *plural == rt.plural) {
        let place = path.iter().fold(&mut object, |at, key| &mut at[*key]);
        *place = serde_json::from_str(value).unwrap_or_default();
    }
    match schema.kind(rt.group, rt.version, rt.kind) {
        Some(root) => typed::reshape(schema, root, &object),
        None => object,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::find_kind;
    use super::*;
    use crate::release::RELEASES;

    #[test]
    fn fields_that_are_always_written_are_there() {
        for release in &RELEASES {
            for (group, kind, more) in [
                ("", "ConfigMap", json!({})),
                ("", "Pod", json!({"spec": {"containers": null}, "status": {}})),
                ("coordination.k8s.io", "Lease", json!({"spec": {}})),
                ("rbac.authorization.k8s.io", "Role", json!({"rules": null})),
                ("storage.k8s.io", "CSINode", json!({"spec": {"drivers": null}})),
            ] {
                let metadata = Map::from_iter([("resourceVersion".to_owned(), json!("7"))]);
                let rt = find_kind(release, group, "v1", kind).unwrap();
                let made = object(rt, metadata, true);
                assert_eq!(made["metadata"]["resourceVersion"], "7");
                let mut made = made.as_object().unwrap().clone();
                made.retain(|key, _| !["kind", "apiVersion", "metadata"].contains(&key.as_str()));
                assert_eq!(Value::Object(made), more, "{kind} of {}", release.git_version);
            }
        }
    }
}
