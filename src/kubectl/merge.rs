//! Patches made on the client: two-way merge patches, and the three-way patch of `kubectl apply`.
//!
//! Rules after RFC 7386 and `k8s.io/apimachinery/pkg/util/strategicpatch`.

use serde_json::{Map, Value, json};

/// The merge patch that makes `after` of `before`.
pub fn two_way(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return after.clone() };
    let mut patch = Map::new();
    for key in before.keys().filter(|k| !after.contains_key(*k)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        match before.get(key) {
            Some(old) if old == value => {}
            Some(old @ Value::Object(_)) if value.is_object() => {
                patch.insert(key.clone(), two_way(old, value));
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}

/// What the items of a list are told apart by in strategic merge patches: `(parent, field)` or `("", field)`.
const MERGE_KEYS: &[(&str, &str, &str)] = &[
    ("", "containers", "name"),
    ("", "initContainers", "name"),
    ("", "ephemeralContainers", "name"),
    ("", "volumes", "name"),
    ("", "env", "name"),
    ("", "volumeMounts", "mountPath"),
    ("", "volumeDevices", "devicePath"),
    ("", "imagePullSecrets", "name"),
    ("", "secrets", "name"),
    ("", "hostAliases", "ip"),
    ("", "conditions", "type"),
    ("", "ownerReferences", "uid"),
    ("", "topologySpreadConstraints", "topologyKey"),
    ("containers", "ports", "containerPort"),
    ("initContainers", "ports", "containerPort"),
    ("spec", "ports", "port"),
    ("status", "addresses", "type"),
];

fn merge_key(parent: &str, field: &str) -> Option<&'static str> {
    MERGE_KEYS.iter().find(|(p, f, _)| *f == field && (p.is_empty() || *p == parent)).map(|(_, _, key)| *key)
}

/// The patch that brings `live` to `wanted`, and removes what `last` had and `wanted` has no more.
///
/// With `strategic`, lists whose items have a key are merged item by item; otherwise they are replaced.
pub fn three_way(last: &Value, wanted: &Value, live: &Value, strategic: bool) -> Value {
    object(last, wanted, live, strategic, "").unwrap_or_else(|| json!({}))
}

fn object(last: &Value, wanted: &Value, live: &Value, strategic: bool, name: &str) -> Option<Value> {
    let none = Map::new();
    let wanted = wanted.as_object().unwrap_or(&none);
    let mut patch = Map::new();
    for key in last.as_object().unwrap_or(&none).keys() {
        if !wanted.contains_key(key) && live.get(key).is_some() {
            patch.insert(key.clone(), Value::Null);
        }
    }
    for (key, value) in wanted {
        let (old, before) = (&live[key], &last[key]);
        if value == old {
            continue;
        }
        match value {
            Value::Null if old.is_null() => {}
            Value::Object(_) if old.is_object() => {
                if let Some(inner) = object(before, value, old, strategic, key) {
                    patch.insert(key.clone(), inner);
                }
            }
            Value::Array(items) if strategic && old.is_array() => {
                if let Some(merged) = merge_key(name, key) {
                    let inner = list(before, items, old, merged, key);
                    if !inner.is_empty() {
                        patch.insert(key.clone(), Value::Array(inner));
                    }
                } else {
                    patch.insert(key.clone(), value.clone());
                }
            }
            _ => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    if patch.is_empty() { None } else { Some(Value::Object(patch)) }
}

fn list(last: &Value, wanted: &[Value], live: &Value, key: &str, name: &str) -> Vec<Value> {
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (last, live) = (items(last), items(live));
    let find = |all: &[Value], id: &Value| all.iter().find(|i| &i[key] == id).cloned();
    let mut patch = Vec::new();
    for item in wanted {
        match find(&live, &item[key]) {
            None => patch.push(item.clone()),
            Some(old) => {
                let before = find(&last, &item[key]).unwrap_or(Value::Null);
                if let Some(mut inner) = object(&before, item, &old, true, name) {
                    inner[key] = item[key].clone();
                    patch.push(inner);
                }
            }
        }
    }
    for item in &last {
        let id = &item[key];
        if find(wanted, id).is_none() && find(&live, id).is_some() {
            patch.push(json!({"$patch": "delete", key: id}));
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_way_sets_and_removes() {
        let before = json!({"m": {"l": {"a": "1", "b": "2"}}, "s": 1});
        let after = json!({"m": {"l": {"a": "1", "c": "3"}}, "s": 1});
        assert_eq!(two_way(&before, &after), json!({"m": {"l": {"b": null, "c": "3"}}}));
    }

    #[test]
    fn three_way_keeps_what_others_set() {
        let last = json!({"data": {"a": "1", "b": "2"}});
        let wanted = json!({"data": {"a": "9"}});
        let live = json!({"data": {"a": "1", "b": "2", "other": "3"}});
        assert_eq!(three_way(&last, &wanted, &live, false), json!({"data": {"a": "9", "b": null}}));
        assert_eq!(three_way(&last, &json!({"data": {"a": "1", "b": "2"}}), &live, false), json!({}));
    }

    #[test]
    fn lists_with_keys_merge() {
        let last = json!({"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "gone"}]}});
        let wanted = json!({"spec": {"containers": [{"name": "a", "image": "y"}]}});
        let live = json!({"spec": {"containers": [{"name": "a", "image": "x", "pull": "Always"}, {"name": "gone"}, {"name": "sidecar"}]}});
        assert_eq!(
            three_way(&last, &wanted, &live, true),
            json!({"spec": {"containers": [{"name": "a", "image": "y"}, {"$patch": "delete", "name": "gone"}]}})
        );
    }
}
