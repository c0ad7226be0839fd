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
    /// Where to look next; empty on a pass, and where another check comes first.
    pub hint: String,
    /// Whether the cluster lacks what it looks at: it counts for nothing then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
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

/// Adds up the checks of a step.
pub fn step(id: &str, title: &str, checks: Vec<CheckResult>) -> StepResult {
    StepResult {
        id: id.to_owned(),
        title: title.to_owned(),
        score: checks.iter().map(|c| c.points).sum(),
        max: checks.iter().map(|c| c.max).sum(),
        passed: !checks.is_empty() && checks.iter().all(|c| c.verdict == Verdict::Pass),
        checks,
    }
}

/// Adds up the steps of a lesson.
pub fn lesson(lesson: &str, cluster: &str, version: &str, steps: Vec<StepResult>) -> LessonResult {
    LessonResult {
        lesson: lesson.to_owned(),
        cluster: cluster.to_owned(),
        version: version.to_owned(),
        score: steps.iter().map(|s| s.score).sum(),
        max: steps.iter().map(|s| s.max).sum(),
        passed: !steps.is_empty() && steps.iter().all(|s| s.passed),
        steps,
    }
}

/// Whether a score reaches the pass mark; nothing to score is no pass.
pub fn reaches_pass_mark(score: u32, max: u32) -> bool {
    max > 0 && u64::from(score) * 100 >= u64::from(max) * u64::from(PASS_MARK)
}

impl LessonResult {
    /// The exit status of `check`: 0 all passed, 1 something failed, 2 could not be checked.
    pub fn exit_code(&self) -> crate::error::ExitCode {
        use crate::error::ExitCode;
        let any = |verdict| self.steps.iter().flat_map(|s| &s.checks).any(|c| c.verdict == verdict);
        match (any(Verdict::Fail), any(Verdict::Error)) {
            (true, _) => ExitCode::Failed,
            (false, true) => ExitCode::Error,
            (false, false) if self.passed => ExitCode::Ok,
            (false, false) => ExitCode::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitCode;

    fn check(verdict: Verdict, points: u32) -> CheckResult {
        CheckResult {
            id: "c".into(),
            title: String::new(),
            verdict,
            points,
            max: 2,
            expected: String::new(),
            observed: String::new(),
            hint: String::new(),
            skipped: false,
        }
    }

    #[test]
    fn points_add_up_and_an_error_is_neither() {
        use Verdict::{Error, Fail, Pass};
        for (verdicts, score, passed, code) in [
            (&[Pass, Pass][..], 4, true, ExitCode::Ok),
            (&[Pass, Fail], 2, false, ExitCode::Failed),
            (&[Pass, Error], 2, false, ExitCode::Error),
            (&[Fail, Error], 0, false, ExitCode::Failed),
            (&[], 0, false, ExitCode::Failed),
        ] {
            let checks = verdicts.iter().map(|v| check(*v, if *v == Pass { 2 } else { 0 })).collect();
            let result = lesson("l", "sandbox", "v1.31.0", vec![step("s", "S", checks)]);
            assert_eq!(
                (result.score, result.passed, result.exit_code()),
                (score, passed, code),
                "{verdicts:?}"
            );
        }
    }

    #[test]
    fn the_pass_mark_is_sixty_seven_percent() {
        assert!(reaches_pass_mark(67, 100) && !reaches_pass_mark(66, 100) && !reaches_pass_mark(0, 0));
        assert!(!reaches_pass_mark(2, 3), "66.67 % is under the mark");
    }
}
