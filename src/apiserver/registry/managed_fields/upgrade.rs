//! From client-side to server-side apply: what kubectl applied before is no conflict, and its note of that is kept up.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/internal/{lastappliedmanager,lastappliedupdater,lastapplied}.go`.

use serde_json::Value;

use super::Operation;
use super::fieldset::Set;

/// The annotation in which `kubectl apply` keeps what it sent last.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// How many bytes the annotations of an object may have.
const MOST: usize = 256 * 1024;

fn last_applied(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][LAST_APPLIED].as_str().filter(|text| !text.is_empty())
}

/// The fields that were applied by the client and are still as it sent them.
pub(super) fn last_applied_fields(operation: &Operation, live: &Value, bare: &Value) -> Option<Set> {
    let sent: Value = serde_json::from_str(last_applied(live)?).ok()?;
    operation.typed.validate(&sent).ok()?;
    let compared = operation.typed.compare(&sent, bare);
    let same = operation.typed.field_set(&sent).difference(&compared.modified);
    Some(same.difference(&compared.added).difference(&compared.removed))
}

/// Notes what was applied by the server where the client has kept such a note before.
pub(super) fn note_applied(object: &mut Value, applied: &Value) {
    if last_applied(object).is_none() {
        return;
    }
    let mut applied = applied.clone();
    if let Some(annotations) = applied["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    let Some(annotations) = object["metadata"]["annotations"].as_object_mut() else { return };
    annotations.insert(LAST_APPLIED.into(), format!("{applied}\n").into());
    let size: usize =
        annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > MOST {
        annotations.remove(LAST_APPLIED);
    }
}
