//! Reports: one model, several forms.

use serde::Serialize;

use crate::grade::{CheckResult, PASS_MARK, reaches_pass_mark};
use crate::lab::LabFile;
use crate::lesson::load::Loaded;
use crate::progress::LessonProgress;

pub mod json;
pub mod markdown;
pub mod text;

/// What every form shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The lesson's id.
    pub lesson: String,
    /// Its title.
    pub title: String,
    /// Its CKS domain.
    pub domain: String,
    /// The kind of cluster.
    pub cluster: String,
    /// The Kubernetes release.
    pub kubernetes: String,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// Percent, rounded down.
    pub percent: u32,
    /// The pass mark in percent.
    pub pass_mark: u32,
    /// Whether the score reaches the pass mark.
    pub reached: bool,
    /// Whether every step passed.
    pub passed: bool,
    /// Seconds spent.
    pub seconds: u64,
    /// The steps in order.
    pub steps: Vec<StepReport>,
}

/// A step in a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// The step's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// Whether it passed.
    pub passed: bool,
    /// How many times it was graded.
    pub attempts: u32,
    /// How many hints were shown, and how many there are.
    pub hints: (usize, usize),
    /// Whether the solution was shown or applied.
    pub solved: bool,
    /// The checks of the last grading.
    pub checks: Vec<CheckResult>,
}

impl Report {
    /// Makes the model.
    pub fn new(loaded: &Loaded, file: &LabFile, progress: &LessonProgress) -> Self {
        let steps: Vec<StepReport> = loaded
            .spec
            .steps
            .iter()
            .zip(&loaded.lesson.steps)
            .map(|(spec, step)| {
                let kept = progress.steps.get(&spec.id).cloned().unwrap_or_default();
                let full = spec.checks.iter().map(|c| c.points).sum();
                StepReport {
                    id: spec.id.clone(),
                    title: step.title.clone(),
                    score: kept.result.as_ref().map_or(0, |r| r.score),
                    max: kept.result.as_ref().map_or(full, |r| r.max),
                    passed: kept.result.as_ref().is_some_and(|r| r.passed),
                    attempts: kept.attempts,
                    hints: (kept.hints, step.hints.len()),
                    solved: kept.solved,
                    checks: kept.result.map(|r| r.checks).unwrap_or_default(),
                }
            })
            .collect();
        let score = steps.iter().map(|s| s.score).sum();
        let max = steps.iter().map(|s| s.max).sum();
        Self {
            lesson: loaded.spec.id.clone(),
            title: loaded.lesson.title.clone(),
            domain: loaded.spec.domain.clone(),
            cluster: file.cluster.clone(),
            kubernetes: file.kubernetes.clone(),
            score,
            max,
            percent: (score * 100).checked_div(max).unwrap_or(0),
            pass_mark: PASS_MARK,
            reached: reaches_pass_mark(score, max),
            passed: steps.iter().all(|s| s.passed),
            seconds: progress.seconds,
            steps,
        }
    }

    /// `1 h 02 min`, `4 min 12 s`.
    pub fn time(&self) -> String {
        let (hours, minutes, seconds) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        if hours > 0 {
            format!("{hours} h {minutes:02} min")
        } else {
            format!("{minutes} min {seconds:02} s")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::check::Verdict;
    use crate::lesson::load;
    use crate::lesson::source::Source;
    use crate::progress::StepProgress;

    fn report(verdict: Verdict) -> Report {
        let loaded = load::load(&Source::Embedded("apiserver-node-restriction".into()), "en", None).unwrap();
        let check = CheckResult {
            id: "c".into(),
            title: "a | b".into(),
            verdict,
            points: if verdict == Verdict::Pass { 6 } else { 0 },
            max: 6,
            expected: "this".into(),
            observed: "line 1\nline | 2".into(),
            hint: String::new(),
        };
        let result = crate::grade::step("verify-issue", "Verify the issue", vec![check]);
        let step = StepProgress { result: Some(result), attempts: 2, hints: 1, ..StepProgress::default() };
        let steps = [("verify-issue".to_owned(), step)].into();
        let progress = LessonProgress { current: 1, seconds: 3725, steps };
        let file = LabFile { cluster: "sandbox".into(), kubernetes: "1.31".into(), ..LabFile::default() };
        Report::new(&loaded, &file, &progress)
    }

    #[test]
    fn steps_not_graded_count_against_the_score() {
        let report = report(Verdict::Pass);
        assert_eq!((report.score, report.max, report.percent), (6, 21, 28));
        assert!(!report.passed && !report.reached && report.steps[0].passed);
    }

    #[test]
    fn every_form_shows_what_was_found() {
        let report = report(Verdict::Fail);
        let text = text::render(&report);
        for part in
            ["0 of 21 points, 0 %", "1 h 02 min", "graded 2 times, hints 1 of 3", "FAIL", "observed line 1"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let markdown = markdown::render(&report);
        assert!(markdown.contains(r"| FAIL | a \| b | 0/6 | line 1 line \| 2 |"), "{markdown}");
        let json: serde_json::Value = serde_json::from_str(&json::render(&report)).unwrap();
        assert_eq!(json["steps"][0]["checks"][0]["verdict"], "fail");
        assert_eq!(json["steps"][0]["hints"], serde_json::json!([1, 3]));
    }
}
