//! Checks: what a step asks for, held against the live cluster.
//!
//! A check sees a kube client, the nodes and the audit record, never which kind of cluster it is.

use serde::{Deserialize, Serialize};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as asked.
    Pass,
    /// It is not.
    Fail,
    /// It could not be told: neither pass nor fail.
    Error,
}
