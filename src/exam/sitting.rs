//! One learner's go at an exam: what was looked at, flagged and graded. It is told the time, and does no I/O.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{self, Clock, Warning};
use super::paper::Paper;
use crate::grade::StepResult;

/// Why an exam ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The learner handed it in.
    HandedIn,
    /// Time was up.
    TimeUp,
}

/// The end of an exam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When; never later than the limit.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
}

/// A go at an exam, as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sitting {
    /// The exam's id.
    pub exam: String,
    /// The language in which it was begun.
    pub lang: String,
    /// When it began.
    pub started: Timestamp,
    /// How long it lasts, in seconds.
    pub limit: u64,
    /// The id of the task that is looked at.
    pub current: String,
    /// Ids of the tasks that were opened.
    #[serde(default)]
    pub opened: BTreeSet<String>,
    /// Ids of the tasks to come back to.
    #[serde(default)]
    pub flagged: BTreeSet<String>,
    /// The last warning that was given, in minutes left.
    #[serde(default)]
    pub warned: Option<u64>,
    /// The end, once it is over.
    #[serde(default)]
    pub ended: Option<Ended>,
    /// By task, what it had come to before a later task's own setup changed the ground under it.
    #[serde(default)]
    pub earlier: BTreeMap<String, StepResult>,
    /// By task, what it came to; empty until it is graded.
    #[serde(default)]
    pub results: BTreeMap<String, StepResult>,
    /// `sandbox`, `local`.
    #[serde(default)]
    pub cluster: String,
    /// `v1.31.0`
    #[serde(default)]
    pub kubernetes: String,
}

/// A line of the overview. It does not tell how well a task went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The task's number, from 1.
    pub number: usize,
    /// What its lesson is called.
    pub lesson: String,
    /// What it is called.
    pub title: String,
    /// Its points in its lesson.
    pub points: u32,
    /// What its lesson counts, in percent of the exam.
    pub weight: u32,
    /// Whether it was opened.
    pub opened: bool,
    /// Whether the learner wants to come back to it.
    pub flagged: bool,
    /// Whether it is the one that is looked at.
    pub current: bool,
}

/// What an exam came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Percent, rounded down.
    pub percent: u32,
    /// The pass mark in percent.
    pub pass_mark: u32,
    /// Whether the exact score, not the rounded one, reaches it.
    pub passed: bool,
    /// By lesson, in the exam's order.
    pub lessons: Vec<LessonOutcome>,
}

/// What a lesson of an exam came to; reports hold it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LessonOutcome {
    /// The lesson's id.
    pub lesson: String,
    /// What it is called.
    pub title: String,
    /// How much it counts.
    pub weight: u32,
    /// Points given.
    pub score: u32,
    /// Points that could be had.
    pub max: u32,
    /// The steps in order.
    pub steps: Vec<StepResult>,
}

impl Sitting {
    /// Begins an exam at its first task.
    pub fn begin(paper: &Paper, now: Timestamp) -> Self {
        Self {
            exam: paper.id.clone(),
            lang: paper.lang.clone(),
            started: Timestamp::from_second(now.as_second()).unwrap_or(now),
            limit: paper.limit,
            current: paper.tasks.first().map(|t| t.id.clone()).unwrap_or_default(),
            opened: BTreeSet::new(),
            flagged: BTreeSet::new(),
            warned: None,
            ended: None,
            earlier: BTreeMap::new(),
            results: BTreeMap::new(),
            cluster: String::new(),
            kubernetes: String::new(),
        }
    }

    /// What the clock shows; it stands still once the exam is over.
    pub fn clock(&self, now: Timestamp) -> Clock {
        Clock::at(self.started, self.limit, self.ended.map_or(now, |e| e.at))
    }

    /// The warning that is due, if one is; it is given only once.
    pub fn warning(&mut self, now: Timestamp) -> Option<Warning> {
        if self.ended.is_some() {
            return None;
        }
        let due = clock::due(self.clock(now), self.limit, self.warned)?;
        self.warned = Some(due.0);
        Some(due)
    }

    /// Whether nothing more counts: it was handed in, or time is up.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.ended.is_some() || self.clock(now).is_over()
    }

    /// Whether it was graded.
    pub fn is_graded(&self) -> bool {
        !self.results.is_empty()
    }

    /// The index of the task that is looked at; the first where that is not known any more.
    pub fn at(&self, paper: &Paper) -> usize {
        paper.task(&self.current).unwrap_or(0)
    }

    /// Turns to a task.
    pub fn go_to(&mut self, paper: &Paper, task: usize) {
        if let Some(task) = paper.tasks.get(task) {
            self.current.clone_from(&task.id);
            self.opened.insert(task.id.clone());
        }
    }

    /// Marks a task to come back to, or takes the mark away; says whether it is marked now.
    pub fn flag(&mut self, paper: &Paper, task: usize) -> bool {
        let Some(task) = paper.tasks.get(task) else { return false };
        if self.flagged.remove(&task.id) {
            return false;
        }
        self.flagged.insert(task.id.clone())
    }

    /// Every task with how it stands.
    pub fn overview(&self, paper: &Paper) -> Vec<Row> {
        let all: u32 = paper.lessons.iter().map(|(_, weight)| weight).sum();
        let here = self.at(paper);
        let row = |(index, task): (usize, &super::Task)| Row {
            number: index + 1,
            lesson: task.lesson_title.clone(),
            title: task.title.clone(),
            points: task.points,
            weight: (paper.lessons[task.lesson].1 * 100).checked_div(all).unwrap_or(0),
            opened: self.opened.contains(&task.id),
            flagged: self.flagged.contains(&task.id),
            current: index == here,
        };
        paper.tasks.iter().enumerate().map(row).collect()
    }

    /// Ends it; the time that counts is never beyond the limit.
    pub fn end(&mut self, now: Timestamp) {
        if self.ended.is_some() {
            return;
        }
        let clock = self.clock(now);
        let reason = if clock.is_over() { Reason::TimeUp } else { Reason::HandedIn };
        let spent = i64::try_from(clock.spent).unwrap_or(0);
        let at = Timestamp::from_second(self.started.as_second().saturating_add(spent)).unwrap_or(now);
        self.ended = Some(Ended { at, reason });
    }

    /// Keeps what a task had come to before a later one's setup changed its ground; the better of two counts.
    pub fn keep(&mut self, task: &str, result: StepResult) {
        let kept = match self.earlier.remove(task) {
            Some(before) => better(before, result),
            None => result,
        };
        self.earlier.insert(task.to_owned(), kept);
    }

    /// Records what a task came to at the end.
    pub fn record(&mut self, task: &str, result: StepResult) {
        let result = match self.earlier.get(task) {
            Some(before) => better(before.clone(), result),
            None => result,
        };
        self.results.insert(task.to_owned(), result);
    }

    /// What it came to; tasks without a result have no points.
    pub fn outcome(&self, paper: &Paper) -> Outcome {
        let lessons: Vec<LessonOutcome> = paper
            .lessons
            .iter()
            .enumerate()
            .map(|(index, (loaded, weight))| {
                let tasks = paper.tasks.iter().filter(|t| t.lesson == index);
                let steps: Vec<StepResult> = tasks
                    .map(|t| {
                        self.results.get(&t.id).cloned().unwrap_or_else(|| paper.untouched(index, t.step))
                    })
                    .collect();
                LessonOutcome {
                    lesson: loaded.spec.id.clone(),
                    title: loaded.lesson.title.clone(),
                    weight: *weight,
                    score: steps.iter().map(|s| s.score).sum(),
                    max: steps.iter().map(|s| s.max).sum(),
                    steps,
                }
            })
            .collect();
        let parts: Vec<(u32, u32, u32)> = lessons.iter().map(|l| (l.weight, l.score, l.max)).collect();
        let (percent, passed) = weigh(&parts, paper.pass_mark);
        Outcome { percent, pass_mark: paper.pass_mark, passed, lessons }
    }
}

/// The better of two results of the same step.
fn better(before: StepResult, now: StepResult) -> StepResult {
    if before.score > now.score { before } else { now }
}

/// Adds up (weight, score, max): the percent, rounded down, and whether the exact sum reaches the mark. A lesson that nothing
/// can be had for counts for nothing.
pub fn weigh(parts: &[(u32, u32, u32)], mark: u32) -> (u32, bool) {
    // A common denominator, so that nothing is rounded before the end.
    let common = parts.iter().filter(|p| p.2 > 0).fold(1u128, |l, p| {
        let max = u128::from(p.2);
        l / gcd(l, max) * max
    });
    let (mut had, mut all) = (0u128, 0u128);
    for (weight, score, max) in parts.iter().filter(|p| p.2 > 0) {
        had += u128::from(*weight) * u128::from(*score) * (common / u128::from(*max));
        all += u128::from(*weight) * common;
    }
    if all == 0 {
        return (0, false);
    }
    (u32::try_from(had * 100 / all).unwrap_or(100), had * 100 >= all * u128::from(mark))
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
