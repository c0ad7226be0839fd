//! Tables, as kubectl get asks for them.
//!
//! Upstream: `kubernetes/pkg/printers/internalversion/printers.go`, `k8s.io/apiserver/.../handlers/response.go`.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::registry::ResourceType;

/// How much of each object goes into its row (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// How a table is asked for.
#[derive(Debug, Clone)]
pub struct TableOptions {
    /// What goes along with each row.
    pub include: IncludeObject,
    /// Whether the column definitions are left out (all but the first event of a watch).
    pub no_headers: bool,
    /// The version in the `Accept` header (`v1`).
    pub version: &'static str,
    /// The time, for ages.
    pub now: Timestamp,
}

/// Renders objects as a `Table`; `list_meta` is the metadata of the list (or of the single object's answer).
pub fn render(rt: &ResourceType, items: &[Arc<Value>], list_meta: Value, options: &TableOptions) -> Value {
    let _ = (rt, options);
    let rows: Vec<Value> = items
        .iter()
        .map(|o| json!({"cells": [o["metadata"]["name"]], "object": {"metadata": o["metadata"]}}))
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list_meta, "columnDefinitions": [], "rows": rows})
}
