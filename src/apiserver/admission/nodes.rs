//! `TaintNodesByCondition`: a new node takes no pods until it is known to be ready.
//!
//! Upstream: `plugin/pkg/admission/nodetaint/admission.go`.

use serde_json::{Value, json};

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::status::Status;

const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Gives new nodes the not-ready taint.
pub(super) struct TaintNodesByCondition;

impl Plugin for TaintNodesByCondition {
    fn name(&self) -> &'static str {
        "TaintNodesByCondition"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit(&self, attributes: &mut Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "nodes", "") {
            return Ok(());
        }
        let Some(node) = attributes.object.as_deref_mut() else { return Ok(()) };
        let is_there = |taint: &Value| taint["key"] == NOT_READY && taint["effect"] == "NoSchedule";
        let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        if !taints.iter().any(is_there) {
            taints.push(json!({"key": NOT_READY, "effect": "NoSchedule"}));
            node["spec"]["taints"] = Value::Array(taints);
        }
        Ok(())
    }
}
