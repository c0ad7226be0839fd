//! Attempts at a lesson: the one under way, those that are over, and each grading in them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LessonProgress, StepProgress};

/// How many attempts of a lesson, and gradings of a step, are kept; the oldest go first.
const KEPT: usize = 100;

/// One grading of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grading {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Seconds spent on the attempt until then.
    pub seconds: u64,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// Whether the step passed.
    pub passed: bool,
    /// How many hints of the step had been shown.
    pub hints: usize,
}

/// What an attempt is made on; kept with it, since the lesson may be another one later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// `sandbox`, `local`, `live`.
    pub cluster: String,
    /// `v1.31.0`
    pub kubernetes: String,
    /// Points that the whole lesson gives.
    pub max: u32,
    /// How many steps it has.
    pub steps: usize,
}

/// One go through a lesson, from its begin to the next begin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// When it began, RFC 3339 in UTC; empty where an older program kept no times.
    pub started: String,
    /// When it was graded last, or given up; the same form.
    pub ended: String,
    /// Seconds spent.
    pub seconds: u64,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// Whether every step passed.
    pub passed: bool,
    /// How many times a step was graded.
    pub gradings: u32,
    /// How many hints were shown.
    pub hints: usize,
    /// In how many steps the solution was shown or applied.
    pub solutions: usize,
    /// `sandbox`, `local`, `live`.
    pub cluster: String,
    /// `v1.31.0`
    pub kubernetes: String,
}

/// A moment as files keep it: RFC 3339 in UTC, to the second.
pub fn moment(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    second.to_string()
}

impl StepProgress {
    /// Whether anything was done in it.
    fn is_touched(&self) -> bool {
        self.attempts > 0 || self.hints > 0 || self.solved
    }

    /// Adds a grading, and drops the oldest where there are many.
    pub(super) fn keep(&mut self, grading: Grading) {
        if self.gradings.len() >= KEPT {
            self.gradings.remove(0);
        }
        self.gradings.push(grading);
    }
}

impl LessonProgress {
    /// The attempt under way; `None` where nothing was done yet.
    pub fn attempt(&self) -> Option<Attempt> {
        if !self.steps.values().any(StepProgress::is_touched) {
            return None;
        }
        let results = || self.steps.values().filter_map(|s| s.result.as_ref());
        let graded: u32 = results().map(|r| r.max).sum();
        let last = self.steps.values().filter_map(|s| s.gradings.last()).map(|g| g.at.clone()).max();
        Some(Attempt {
            started: self.started.clone(),
            ended: last.unwrap_or_default(),
            seconds: self.seconds,
            score: results().map(|r| r.score).sum(),
            max: self.scope.max.max(graded),
            passed: results().filter(|r| r.passed).count() >= self.scope.steps.max(1),
            gradings: self.steps.values().map(|s| s.attempts).sum(),
            hints: self.steps.values().map(|s| s.hints).sum(),
            solutions: self.steps.values().filter(|s| s.solved).count(),
            cluster: self.scope.cluster.clone(),
            kubernetes: self.scope.kubernetes.clone(),
        })
    }

    /// Ends the attempt under way: it goes to the history, and all else begins anew.
    pub fn begin_anew(&mut self, now: Timestamp) {
        if let Some(mut attempt) = self.attempt() {
            if attempt.ended.is_empty() {
                attempt.ended = moment(now);
            }
            if self.history.len() >= KEPT {
                self.history.remove(0);
            }
            self.history.push(attempt);
        }
        let history = std::mem::take(&mut self.history);
        *self = Self { history, scope: self.scope.clone(), started: moment(now), ..Self::default() };
    }

    /// All attempts, the oldest first, the one under way among them.
    pub fn attempts(&self) -> Vec<Attempt> {
        self.history.iter().cloned().chain(self.attempt()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::grade::StepResult;

    fn result(score: u32) -> StepResult {
        StepResult {
            id: "s".into(),
            title: String::new(),
            score,
            max: 3,
            passed: score == 3,
            checks: Vec::new(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_attempt_that_is_begun_anew_goes_to_the_history() {
        let mut lesson = LessonProgress::default();
        lesson.begin_anew(at(0));
        assert_eq!((lesson.attempts(), lesson.started.as_str()), (vec![], "1970-01-01T00:00:00Z"));
        lesson.scope = Scope { cluster: "sandbox".into(), kubernetes: "v1.31.0".into(), max: 3, steps: 1 };
        lesson.seconds = 70;
        let step = lesson.steps.entry("s".into()).or_default();
        step.hints = 1;
        step.record(result(1), at(60), 60);
        step.record(result(3), at(70), 70);
        assert_eq!(
            step.gradings.iter().map(|g| (g.seconds, g.score)).collect::<Vec<_>>(),
            [(60, 1), (70, 3)]
        );
        lesson.begin_anew(at(100));
        assert!(lesson.steps.is_empty() && lesson.attempt().is_none() && lesson.seconds == 0);
        let kept = &lesson.attempts()[0];
        assert_eq!((kept.score, kept.max, kept.passed, kept.gradings, kept.hints), (3, 3, true, 2, 1));
        assert_eq!(
            (kept.started.as_str(), kept.ended.as_str()),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:01:10Z")
        );
        lesson.steps.entry("s".into()).or_default().solved = true;
        lesson.begin_anew(at(200));
        let attempts = lesson.attempts();
        assert_eq!((attempts.len(), attempts[1].solutions, attempts[1].passed), (2, 1, false));
        assert_eq!(attempts[1].ended, "1970-01-01T00:03:20Z", "given up without a grading");
    }

    #[test]
    fn no_more_than_enough_is_kept() {
        let mut lesson = LessonProgress::default();
        for second in 0..250 {
            let step = lesson.steps.entry("s".into()).or_default();
            for _ in 0..3 {
                step.record(result(1), at(second), 1);
            }
            lesson.begin_anew(at(second));
        }
        assert_eq!(lesson.history.len(), KEPT);
        assert_eq!(lesson.history.last().unwrap().ended, moment(at(249)));
    }
}
