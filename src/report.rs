//! Reports: one model, several forms.
//!
//! ```text
//! progress, lesson -> Report (with the digest of itself) -> text | markdown | html | json | junit
//! a report's file -> evidence in it -> Report -> the same form again, compared with the file   (`verify`)
//! ```
//! Every form but text carries the whole model, so that a report that was handed in can be held against itself.

use serde::{Deserialize, Serialize};

use crate::grade::{CheckResult, PASS_MARK, reaches_pass_mark};
use crate::lab::LabFile;
use crate::lesson::load::Loaded;
use crate::progress::{Attempt, Grading, LessonProgress};
use crate::text::{Language, tr};

pub mod evidence;
pub mod exam;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
mod markup;
pub mod text;
pub mod verify;
mod words;

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// For a terminal.
    Text,
    /// For a repository or a chat.
    Markdown,
    /// One page, for phones and paper.
    Html,
    /// For programs.
    Json,
    /// For CI.
    Junit,
}

impl Form {
    /// A lesson's report in this form.
    pub fn render(self, report: &Report) -> String {
        match self {
            Self::Text => text::render(report),
            Self::Markdown => markdown::render(report),
            Self::Html => html::render(report),
            Self::Json => json::render(report),
            Self::Junit => junit::render(report),
        }
    }

    /// An exam's report in this form.
    pub fn render_exam(self, report: &exam::ExamReport) -> String {
        match self {
            Self::Text => exam::text::render(report),
            Self::Markdown => exam::markdown::render(report),
            Self::Html => exam::html::render(report),
            Self::Json => json::render(report),
            Self::Junit => exam::junit::render(report),
        }
    }
}

/// The version of the model; JSON reports follow `assets/schema/report.schema.json`.
pub const FORMAT_VERSION: u32 = 1;

/// What every form shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The lesson's id.
    pub lesson: String,
    /// Its title.
    pub title: String,
    /// Its CKS domain.
    pub domain: String,
    /// The language of its texts.
    pub lang: String,
    /// The kind of cluster.
    pub cluster: String,
    /// The Kubernetes release.
    pub kubernetes: String,
    /// When the attempt began, RFC 3339 in UTC; empty where it is not known.
    pub started: String,
    /// When it was graded last, the same form.
    pub ended: String,
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
    /// Attempts at the lesson, the oldest first, the reported one last.
    pub attempts: Vec<Attempt>,
    /// SHA-256 of all the above; see [`evidence`].
    pub digest: String,
}

/// A step in a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What is asked, where it was not graded yet.
    pub open: Vec<Task>,
    /// Each grading, the oldest first.
    pub gradings: Vec<Grading>,
}

/// Something asked that was not graded yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The check's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it is worth.
    pub max: u32,
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
                let tasks = spec.checks.iter().zip(&step.tasks).map(|(check, (id, title))| Task {
                    id: id.clone(),
                    title: title.clone(),
                    max: check.points,
                });
                StepReport {
                    id: spec.id.clone(),
                    title: step.title.clone(),
                    score: kept.result.as_ref().map_or(0, |r| r.score),
                    max: kept.result.as_ref().map_or(full, |r| r.max),
                    passed: kept.result.as_ref().is_some_and(|r| r.passed),
                    attempts: kept.attempts,
                    hints: (kept.hints, step.hints.len()),
                    solved: kept.solved,
                    open: if kept.result.is_none() { tasks.collect() } else { Vec::new() },
                    checks: kept.result.map(|r| r.checks).unwrap_or_default(),
                    gradings: kept.gradings,
                }
            })
            .collect();
        let score = steps.iter().map(|s| s.score).sum();
        let max = steps.iter().map(|s| s.max).sum();
        let report = Self {
            format_version: FORMAT_VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            lesson: loaded.spec.id.clone(),
            title: loaded.lesson.title.clone(),
            domain: loaded.spec.domain.clone(),
            lang: loaded.lang.clone(),
            cluster: file.cluster.clone(),
            kubernetes: file.kubernetes.clone(),
            started: progress.started.clone(),
            ended: progress.attempt().map(|a| a.ended).unwrap_or_default(),
            score,
            max,
            percent: (score * 100).checked_div(max).unwrap_or(0),
            pass_mark: PASS_MARK,
            reached: reaches_pass_mark(score, max),
            passed: steps.iter().all(|s| s.passed),
            seconds: progress.seconds,
            steps,
            attempts: progress.attempts(),
            digest: String::new(),
        };
        report.sealed()
    }

    /// The language of the words around its texts.
    pub fn language(&self) -> Language {
        Language::or_english(&self.lang)
    }

    /// The same with the digest of what it says.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        self.digest = evidence::digest(&self);
        self
    }
}

/// `1 h 02 min`, `4 min 12 s`.
pub fn time(lang: Language, seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => tr!(lang, report_minutes { minutes, seconds: format!("{seconds:02}") }),
        _ => tr!(lang, report_hours { hours, minutes: format!("{minutes:02}") }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
