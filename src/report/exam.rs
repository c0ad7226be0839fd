//! The report of an exam: what a person hands in.
//!
//! Its evidence is that of a lesson's report: the whole model with its digest, in every form but text.

use serde::{Deserialize, Serialize};

use crate::exam::{LessonOutcome, Outcome, Paper, Reason, Sitting};
use crate::grade::StepResult;
use crate::progress::moment;
use crate::text::{Language, tr};

use super::{evidence, time};

pub mod html;
pub mod junit;
pub mod markdown;
pub mod text;

/// The version of the model; JSON reports follow `assets/schema/exam-report.schema.json`.
pub const FORMAT_VERSION: u32 = 1;

/// What every form shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExamReport {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The exam's id.
    pub exam: String,
    /// Its title.
    pub title: String,
    /// The language of its texts.
    pub lang: String,
    /// The kind of cluster.
    pub cluster: String,
    /// The Kubernetes release.
    pub kubernetes: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// When it ended, the same form.
    pub ended: String,
    /// Why it ended.
    pub reason: Reason,
    /// Seconds that it took.
    pub seconds: u64,
    /// Seconds that it could have taken.
    pub limit: u64,
    /// Percent, rounded down.
    pub percent: u32,
    /// The pass mark in percent.
    pub pass_mark: u32,
    /// Whether the score reaches it.
    pub passed: bool,
    /// The lessons in order.
    pub lessons: Vec<LessonOutcome>,
    /// SHA-256 of all the above; see [`evidence`].
    pub digest: String,
}

impl ExamReport {
    /// Makes the model of a sitting that was graded; `None` where it was not.
    pub fn new(paper: &Paper, sitting: &Sitting) -> Option<Self> {
        let ended = sitting.ended.filter(|_| sitting.is_graded())?;
        let Outcome { percent, pass_mark, passed, lessons } = sitting.outcome(paper);
        let report = Self {
            format_version: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            exam: sitting.exam.clone(),
            title: paper.title.clone(),
            lang: sitting.lang.clone(),
            cluster: sitting.cluster.clone(),
            kubernetes: sitting.kubernetes.clone(),
            started: moment(sitting.started),
            ended: moment(ended.at),
            reason: ended.reason,
            seconds: sitting.clock(ended.at).spent,
            limit: sitting.limit,
            percent,
            pass_mark,
            passed,
            lessons,
            digest: String::new(),
        };
        Some(report.sealed())
    }

    /// The same with the digest of what it says.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.digest = evidence::digest(&self);
        self
    }

    /// The language of the words around its texts.
    pub fn language(&self) -> Language {
        Language::or_english(&self.lang)
    }

    /// Whether its points and percents add up.
    pub fn adds_up(&self) -> bool {
        let lesson = |l: &LessonOutcome| {
            let step = |s: &StepResult| s.checks.iter().map(|c| c.points).sum::<u32>() == s.score;
            l.steps.iter().map(|s| s.score).sum::<u32>() == l.score
                && l.steps.iter().map(|s| s.max).sum::<u32>() == l.max
                && l.steps.iter().all(step)
        };
        let parts: Vec<_> = self.lessons.iter().map(|l| (l.weight, l.score, l.max)).collect();
        self.lessons.iter().all(lesson)
            && crate::exam::sitting::weigh(&parts, self.pass_mark) == (self.percent, self.passed)
    }

    /// `67 %: passed (pass mark 67 %)`
    fn verdict(&self) -> String {
        let (percent, mark) = (self.percent, self.pass_mark);
        match self.passed {
            true => tr!(self.language(), exam_passed { percent, mark }),
            false => tr!(self.language(), exam_failed { percent, mark }),
        }
    }

    /// How long it took and why it ended.
    fn taken(&self) -> String {
        let lang = self.language();
        let (spent, limit) = (time(lang, self.seconds), time(lang, self.limit));
        match self.reason {
            Reason::HandedIn => tr!(lang, exam_handed_in_after { spent, limit }),
            Reason::TimeUp => tr!(lang, exam_time_was_up { limit }),
        }
    }

    /// What a lesson counts, in percent of the exam.
    fn share(&self, lesson: &LessonOutcome) -> u32 {
        let all: u32 = self.lessons.iter().map(|l| l.weight).sum();
        (lesson.weight * 100).checked_div(all).unwrap_or(0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
