//! What an exam asks, put together from its lessons in one language.

use super::spec::Spec;
use crate::error::Result;
use crate::grade::{CheckResult, StepResult};
use crate::lesson::catalog::Catalog;
use crate::lesson::load::Loaded;
use crate::text::{Language, tr};

/// An exam as it is handed out.
#[derive(Debug, Clone)]
pub struct Paper {
    /// The exam's id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The language.
    pub lang: String,
    /// How long it lasts, in seconds.
    pub limit: u64,
    /// Percent that pass.
    pub pass_mark: u32,
    /// The lessons with their weights, in order.
    pub lessons: Vec<(Loaded, u32)>,
    /// The tasks, which are the steps of the lessons that have checks, in order.
    pub tasks: Vec<Task>,
}

/// A task: a step of a lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// `LESSON/STEP`
    pub id: String,
    /// Which of the exam's lessons.
    pub lesson: usize,
    /// Which of the lesson's steps.
    pub step: usize,
    /// What the step is called.
    pub title: String,
    /// What the lesson is called.
    pub lesson_title: String,
    /// Points of the step.
    pub points: u32,
}

impl Paper {
    /// Puts it together.
    pub fn new(spec: &Spec, catalog: &Catalog, lang: &str) -> Result<Self> {
        let mut lessons = Vec::new();
        let mut tasks = Vec::new();
        for part in &spec.lessons {
            let loaded = catalog.load(&part.lesson, lang, None)?;
            for (index, (step, shown)) in loaded.spec.steps.iter().zip(&loaded.lesson.steps).enumerate() {
                if step.checks.is_empty() {
                    continue;
                }
                tasks.push(Task {
                    id: format!("{}/{}", part.lesson, step.id),
                    lesson: lessons.len(),
                    step: index,
                    title: shown.title.clone(),
                    lesson_title: loaded.lesson.title.clone(),
                    points: step.checks.iter().map(|c| c.points).sum(),
                });
            }
            lessons.push((loaded, part.weight));
        }
        Ok(Self {
            id: spec.id.clone(),
            title: spec.title.get(lang).to_owned(),
            lang: lang.to_owned(),
            limit: spec.minutes * 60,
            pass_mark: spec.pass_mark,
            lessons,
            tasks,
        })
    }

    /// The index of a task by its id.
    pub fn task(&self, id: &str) -> Option<usize> {
        self.tasks.iter().position(|t| t.id == id)
    }

    /// The result of a step that nobody worked at.
    pub fn untouched(&self, lesson: usize, step: usize) -> StepResult {
        let loaded = &self.lessons[lesson].0;
        let spec = &loaded.spec.steps[step];
        let observed = tr!(Language::or_english(&self.lang), exam_task_not_opened);
        let checks = spec.checks.iter().map(|check| CheckResult {
            id: check.id.clone(),
            title: check.title.get(&self.lang).to_owned(),
            verdict: crate::check::Verdict::Fail,
            points: 0,
            max: check.points,
            expected: String::new(),
            observed: observed.to_owned(),
            hint: String::new(),
            skipped: false,
        });
        crate::grade::step(&spec.id, spec.title.get(&self.lang), checks.collect())
    }
}
