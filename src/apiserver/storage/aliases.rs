//! Events, which two groups name and one place keeps: what is made as one of `events.k8s.io` is read as one of the core group, too.
//!
//! Upstream: `pkg/apis/events/v1/conversion.go`; events are stored as those of the core group (`/registry/events/`).

use serde_json::{Value, json};

use super::Key;

const GROUP: &str = "events.k8s.io";
const RESOURCE: &str = "events";

/// What the fields are called in the core group and in the other.
const FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];
/// Texts that the core group shows empty, and the other not at all.
const ALWAYS: [&str; 2] = ["reportingComponent", "reportingInstance"];

/// Whether a resource is kept under another group.
pub(super) fn is_alias(group: &str, resource: &str) -> bool {
    group == GROUP && resource == RESOURCE
}

/// The key that an object is kept under, where that is another.
pub(super) fn home(key: &Key) -> Option<Key> {
    is_alias(&key.group, &key.resource).then(|| Key { group: String::new(), ..key.clone() })
}

/// An event of the other group as it is kept.
pub(super) fn kept(mut event: Value) -> Value {
    let Some(fields) = event.as_object_mut() else { return event };
    for (core, other) in FIELDS {
        if let Some(value) = fields.remove(other) {
            fields.insert(core.into(), value);
        }
    }
    for key in ALWAYS {
        fields.entry(key).or_insert_with(|| json!(""));
    }
    fields.insert("apiVersion".into(), json!("v1"));
    event
}

/// An event as the other group shows it.
pub(super) fn shown(event: &Value) -> Value {
    let mut event = event.clone();
    let Some(fields) = event.as_object_mut() else { return event };
    for key in ALWAYS {
        if fields.get(key).is_some_and(|value| value == "") {
            fields.remove(key);
        }
    }
    for (core, other) in FIELDS {
        if let Some(value) = fields.remove(core) {
            fields.insert(other.into(), value);
        }
    }
    fields.insert("apiVersion".into(), json!("events.k8s.io/v1"));
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_group_calls_so_the_other_calls_otherwise() {
        let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "n", "regarding": {"kind": "Pod"},
            "deprecatedCount": 2, "reportingController": "c", "eventTime": null});
        let core = json!({"apiVersion": "v1", "kind": "Event", "message": "n", "involvedObject": {"kind": "Pod"}, "count": 2,
            "reportingComponent": "c", "reportingInstance": "", "eventTime": null});
        assert_eq!(kept(event.clone()), core);
        assert_eq!(shown(&core), event);
    }
}
