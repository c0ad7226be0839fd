//! Namespaces. Upstream: `kubernetes/pkg/registry/core/namespace/strategy.go`.

use serde_json::{Value, json};

use super::{default, keep, list, object, text};
use crate::apiserver::registry::validation::{names, validate_metadata_create};
use crate::apiserver::registry::{Context, FieldError, Strategy, find};

/// Namespaces.
pub struct Namespaces;

const FINALIZER: &str = "kubernetes";

impl Strategy for Namespaces {
    fn set_defaults(&self, _: &Context<'_>, namespace: &mut Value) {
        let name = text(&namespace["metadata"], "name").to_owned();
        if !name.is_empty()
            && let Some(metadata) = namespace.get_mut("metadata")
            && let Some(labels) = object(metadata, "labels")
        {
            labels.insert("kubernetes.io/metadata.name".into(), json!(name));
        }
        if let Some(status) = object(namespace, "status") {
            default(status, "phase", "Active");
        }
    }

    fn prepare_for_create(&self, context: &Context<'_>, namespace: &mut Value) {
        namespace["status"] = json!({"phase": "Active"});
        let mut finalizers: Vec<Value> = list(&namespace["spec"]["finalizers"]).cloned().collect();
        if !finalizers.iter().any(|f| f == FINALIZER) {
            finalizers.push(json!(FINALIZER));
        }
        if let Some(spec) = object(namespace, "spec") {
            spec.insert("finalizers".into(), Value::Array(finalizers));
        }
        self.set_defaults(context, namespace);
    }

    fn validate(&self, _: &Context<'_>, namespace: &Value) -> Vec<FieldError> {
        let field = "spec.finalizers";
        let mut errors = Vec::new();
        for name in list(&namespace["spec"]["finalizers"]).filter_map(Value::as_str) {
            errors.extend(names::qualified(name).into_iter().map(|m| FieldError::invalid(field, name, m)));
            if !name.contains('/') && ![FINALIZER, "orphan", "foregroundDeletion"].contains(&name) {
                let detail = "name is neither a standard finalizer name nor is it fully qualified";
                errors.push(FieldError::invalid(field, name, detail));
            }
        }
        errors
    }

    fn prepare_for_update(&self, context: &Context<'_>, namespace: &mut Value, old: &Value) {
        match context.subresource {
            "status" => keep(namespace, old, "spec"),
            "finalize" => keep(namespace, old, "status"),
            _ => {
                keep(namespace, old, "spec");
                keep(namespace, old, "status");
            }
        }
    }

    fn validate_update(&self, context: &Context<'_>, namespace: &Value, _: &Value) -> Vec<FieldError> {
        let phase = text(&namespace["status"], "phase");
        let deleted = namespace["metadata"]["deletionTimestamp"].is_string();
        let (wanted, when) = if deleted { ("Terminating", "is not empty") } else { ("Active", "is empty") };
        if context.subresource.is_empty() {
            // Upstream looks at the metadata once more.
            let rt = find(context.release, "", "v1", "namespaces");
            return rt.map(|rt| validate_metadata_create(rt, namespace)).unwrap_or_default();
        }
        if context.subresource != "status" || phase == wanted {
            return Vec::new();
        }
        let detail = format!("may only be '{wanted}' if `deletionTimestamp` {when}");
        vec![FieldError::invalid("status.Phase", phase, detail)]
    }

    fn selectable_fields(&self, namespace: &Value) -> Vec<(&'static str, String)> {
        let phase = text(&namespace["status"], "phase").to_owned();
        vec![("status.phase", phase)]
    }

    fn waits_for_finalizers(&self, namespace: &Value) -> bool {
        list(&namespace["spec"]["finalizers"]).next().is_some()
    }
}
