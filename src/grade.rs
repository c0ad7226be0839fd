//! Verdicts to scores: points, partial points, the pass mark. Pure.
//!
//! The field names are those of `check --json`, which scripts rely on.

use serde::{Deserialize, Serialize};

use crate::check::Verdict;

/// The exam's pass mark in percent.
pub const PASS_MARK: u32 = 67;

/// What one check found, for people and for machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check's id, unique in its step.
    pub id: String,
    /// What it asks for, as a task: `controlplane has the label killercoda/one=123`.
    pub title: String,
    /// What it found.
    pub verdict: Verdict,
    /// Points given.
    pub points: u32,
    /// Points that could be had.
    pub max: u32,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Where to look next; empty on a pass.
    pub hint: String,
}

/// The result of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// The step's id: `verify-issue`.
    pub id: String,
    /// The step's title.
    pub title: String,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// Whether every check passed.
    pub passed: bool,
    /// The checks in the lesson's order.
    pub checks: Vec<CheckResult>,
}

/// The result of a lesson: what `check --json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonResult {
    /// The lesson's id.
    pub lesson: String,
    /// `sandbox`, `local` or `live`.
    pub cluster: String,
    /// `v1.31.0`
    pub version: String,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// Whether every step that was asked about passed.
    pub passed: bool,
    /// The steps in order.
    pub steps: Vec<StepResult>,
}
