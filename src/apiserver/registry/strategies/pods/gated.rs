//! What more may change of a pod that waits behind scheduling gates (KEP-3838).
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`ValidatePodUpdate` and what it calls).

use serde_json::{Map, Value};

use super::super::{keep, list, text};
use crate::apiserver::registry::{FieldError, go_diff};
use crate::release::Release;

const MUST: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Gates may only go (`validateOnlyDeletedSchedulingGates`).
pub(super) fn only_fewer(spec: &Value, before: &Value, errors: &mut Vec<FieldError>) {
    for (i, gate) in list(&spec["schedulingGates"]).enumerate() {
        let name = text(gate, "name");
        if !list(&before["schedulingGates"]).any(|old| text(old, "name") == name) {
            let detail = format!("only deletion is allowed, but found new scheduling gate '{name}'");
            errors.push(FieldError::forbidden(format!("spec.schedulingGates[{i}].name"), detail));
        }
    }
}

/// Takes back what may change while there are gates, and finds what of it may not.
pub(super) fn take_back(release: &Release, spec: &mut Value, before: &Value, errors: &mut Vec<FieldError>) {
    if list(&before["schedulingGates"]).next().is_none() {
        return;
    }
    node_selector(release, &spec["nodeSelector"], &before["nodeSelector"], errors);
    keep(spec, before, "nodeSelector");
    let (new, old) = (spec["affinity"]["nodeAffinity"].clone(), &before["affinity"]["nodeAffinity"]);
    if new == *old {
        return;
    }
    node_affinity(release, &new, old, errors);
    let Some(map) = spec.as_object_mut() else { return };
    let affinity = map.entry("affinity").or_insert_with(|| Value::Object(Map::new()));
    if affinity.is_null() {
        *affinity = Value::Object(Map::new());
    }
    keep(affinity, &before["affinity"], "nodeAffinity");
    let bare = affinity.as_object().is_some_and(Map::is_empty);
    if bare && before["affinity"].is_null() {
        map.remove("affinity");
    }
}

/// Only additions (`validateNodeSelectorMutation`).
fn node_selector(release: &Release, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let changed = |(key, value): (&String, &Value)| new.get(key) != Some(value);
    if old.as_object().into_iter().flatten().any(changed) {
        let (go, json) = go_diff::shown(release, "map[string]string", new);
        let detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        errors.push(FieldError::invalid_shown("spec.nodeSelector", &go, &json, detail));
    }
}

/// Only further requirements in the terms that are there (`validateNodeAffinityMutation`).
fn node_affinity(release: &Release, new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    const ALL: &str = "nodeSelectorTerms";
    let terms: Vec<&Value> = list(&new[MUST][ALL]).collect();
    let before: Vec<&Value> = list(&old[MUST][ALL]).collect();
    let path = format!("spec.affinity.nodeAffinity.{MUST}.{ALL}");
    if !before.is_empty() && before.len() != terms.len() {
        let (go, json) = go_diff::shown(release, "[]core.NodeSelectorTerm", &new[MUST][ALL]);
        let detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        errors.push(FieldError::invalid_shown(path, &go, &json, detail));
        return;
    }
    for (i, (new, old)) in terms.iter().zip(before).enumerate() {
        let parts = |term: &Value, key: &str| list(&term[key]).cloned().collect::<Vec<Value>>();
        let kinds = ["matchExpressions", "matchFields"].map(|key| (parts(new, key), parts(old, key)));
        let was_empty = kinds.iter().all(|(_, old)| old.is_empty());
        let is_empty = kinds.iter().all(|(new, _)| new.is_empty());
        if (was_empty && !is_empty) || kinds.iter().any(|(new, old)| !new.starts_with(old)) {
            let (go, json) = go_diff::shown(release, "core.NodeSelectorTerm", new);
            let detail = "only additions are allowed (no mutations or deletions)";
            errors.push(FieldError::invalid_shown(format!("{path}[{i}]"), &go, &json, detail));
        }
    }
}
