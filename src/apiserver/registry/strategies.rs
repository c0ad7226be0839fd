//! What is special about each kind: one file a family of kinds.
//!
//! Upstream: the `strategy.go` of each resource in `kubernetes/pkg/registry`, `kubernetes/pkg/apis/*/v1/defaults.go`.

pub mod config;
pub mod endpoints;
pub mod events;
pub mod namespaces;
pub mod nodes;
pub mod other;
pub mod pods;
pub mod rbac;
pub mod templates;
pub mod volumes;
pub mod workloads;

use serde_json::{Map, Value};

/// The string at a key; empty where there is none.
pub(in crate::apiserver::registry) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The items of a list.
pub(in crate::apiserver::registry) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The object at a key, made where there is none.
fn object<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Map<String, Value>> {
    let entry = value.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if entry.is_null() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut()
}

/// Sets a field where it is absent.
fn default(map: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    let entry = map.entry(key).or_insert(Value::Null);
    if entry.is_null() || entry.as_str() == Some("") {
        *entry = value.into();
    }
}

/// Keeps the old value of a field.
fn keep(new: &mut Value, old: &Value, key: &str) {
    let Some(map) = new.as_object_mut() else { return };
    match old.get(key) {
        Some(value) => map.insert(key.to_owned(), value.clone()),
        None => map.remove(key),
    };
}

/// Counts the generation up where the spec changed.
fn count_generation(new: &mut Value, old: &Value) {
    let before = old["metadata"]["generation"].as_i64().unwrap_or(0);
    let after = if new["spec"] == old["spec"] { before } else { before + 1 };
    if let Some(metadata) = object(new, "metadata")
        && after > 0
    {
        metadata.insert("generation".into(), after.into());
    }
}
