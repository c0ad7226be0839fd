//! An exam as it runs: the sitting on disk, and a lab for each lesson that was opened.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::clock::{Clock, Warning};
use super::paper::Paper;
use super::sitting::{Outcome, Row, Sitting};
use super::spec::{self, Spec};
use crate::clock::SharedClock;
use crate::cluster::ClusterKind;
use crate::error::{Error, ExitCode, Result};
use crate::grade::StepResult;
use crate::lab::{self, Lab, Options, lock};
use crate::lesson::catalog::Catalog;
use crate::progress;
use crate::state_dir::LabDir;
use crate::text::tr;

/// How many sittings that are over are kept; the oldest go first.
const KEPT: usize = 20;

/// What `exam.json` keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExamFile {
    /// The format; see [`progress::VERSION`].
    pub version: u32,
    /// The sitting under way, or the last one.
    pub sitting: Option<Sitting>,
    /// Those before it, the oldest first.
    pub history: Vec<Sitting>,
}

impl Default for ExamFile {
    fn default() -> Self {
        Self { version: progress::VERSION, sitting: None, history: Vec::new() }
    }
}

impl ExamFile {
    /// Reads the exam of the name `name`; a sentence comes back where a bad file was set aside.
    pub fn read(home: &std::path::Path, name: &str) -> Result<(Self, Option<String>)> {
        progress::read(&file(&LabDir::of_exam(home, name)))
    }
}

fn file(dir: &LabDir) -> PathBuf {
    dir.root().join("exam.json")
}

/// The lab of the task that the exam under way is at; `None` where no exam is under way under that name.
///
/// It may not run: whoever asks it finds out.
pub fn lab_in_view(home: &Path, name: &str) -> Option<LabDir> {
    let dir = LabDir::of_exam(home, name);
    let (kept, _) = progress::read::<ExamFile>(&file(&dir)).ok()?;
    let sitting = kept.sitting.filter(|sitting| !sitting.is_graded())?;
    let (lesson, _) = sitting.current.split_once('/')?;
    Some(LabDir::new(dir.root(), lesson))
}

/// A running exam.
pub struct Session {
    options: Options,
    dir: LabDir,
    paper: Paper,
    kept: Mutex<ExamFile>,
    clock: SharedClock,
    labs: tokio::sync::Mutex<BTreeMap<usize, Arc<Lab>>>,
    /// Whether there was a sitting under way when it was opened.
    pub resumed: bool,
    /// What there was to say when it was opened.
    pub notices: Vec<String>,
    _lock: lock::Lock,
}

/// The exam that is asked for: by the id of an exam or a lesson; without one the exam under way, else a lesson alone.
fn wanted(options: &Options, under_way: Option<&Sitting>) -> Result<Spec> {
    let catalog = Catalog::new(options.lessons.as_deref())?;
    let id = match (&options.lesson, under_way) {
        (Some(id), _) => id.clone(),
        (None, Some(sitting)) => sitting.exam.clone(),
        (None, None) => lab::wanted_lesson(&LabDir::new(&options.home, &options.name), &catalog, None)?,
    };
    spec::of(&id, &catalog, options.lessons.as_deref())
}

impl Session {
    /// Begins an exam, or goes on with the one under way. One whose time ran out meanwhile is over, and is to be
    /// graded ([`Session::finish`]).
    pub fn open(options: Options, clock: SharedClock) -> Result<Arc<Self>> {
        if options.cluster == ClusterKind::Live {
            return Err(Error::new(tr!(exam_not_live)).hint(tr!(exam_not_live_hint)));
        }
        let dir = LabDir::of_exam(&options.home, &options.name);
        let lock = lock::take(&dir, &options.name)?;
        let (mut kept, notice) = progress::read::<ExamFile>(&file(&dir))?;
        let open = kept.sitting.as_ref().filter(|s| !s.is_graded());
        let spec = wanted(&options, open)?;
        let lang = options.lang.clone().unwrap_or_else(|| "en".into());
        let catalog = Catalog::new(options.lessons.as_deref())?;
        let now = clock.now();
        let resumed = match open {
            Some(sitting) if sitting.exam == spec.id && !options.fresh => true,
            Some(sitting) if sitting.exam != spec.id && !options.fresh && !sitting.is_over(now) => {
                return Err(Error::new(tr!(exam_other_under_way { exam: &sitting.exam }))
                    .hint(tr!(exam_other_go_on { exam: &sitting.exam }))
                    .hint(tr!(exam_other_begin { exam: &spec.id })));
            }
            _ => false,
        };
        let lang = match (&kept.sitting, resumed) {
            // Results are in the language that the sitting was begun in.
            (Some(sitting), true) => sitting.lang.clone(),
            _ => lang,
        };
        let paper = Paper::new(&spec, &catalog, &lang)?;
        if !resumed {
            remove_labs(&dir)?;
            if let Some(before) = kept.sitting.take() {
                kept.history.push(before);
                let many = kept.history.len().saturating_sub(KEPT);
                kept.history.drain(..many);
            }
            let mut sitting = Sitting::begin(&paper, now);
            sitting.cluster = options.cluster.as_str().to_owned();
            kept.sitting = Some(sitting);
        }
        kept.version = progress::VERSION;
        progress::write(&file(&dir), &kept)?;
        Ok(Arc::new(Self {
            options: Options { lang: Some(lang), ..options },
            dir,
            paper,
            kept: Mutex::new(kept),
            clock,
            labs: tokio::sync::Mutex::default(),
            resumed,
            notices: notice.into_iter().collect(),
            _lock: lock,
        }))
    }

    /// What is asked.
    pub fn paper(&self) -> &Paper {
        &self.paper
    }

    fn kept(&self) -> MutexGuard<'_, ExamFile> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done so far.
    pub fn sitting(&self) -> Sitting {
        let kept = self.kept();
        kept.sitting.clone().unwrap_or_else(|| Sitting::begin(&self.paper, self.clock.now()))
    }

    /// Changes the sitting and saves it.
    fn change<T>(&self, change: impl FnOnce(&mut Sitting) -> T) -> Result<T> {
        let mut kept = self.kept();
        let sitting = kept.sitting.get_or_insert_with(|| Sitting::begin(&self.paper, self.clock.now()));
        let result = change(sitting);
        progress::write(&file(&self.dir), &*kept)?;
        Ok(result)
    }

    /// What the clock shows now.
    pub fn clock(&self) -> Clock {
        self.sitting().clock(self.clock.now())
    }

    /// Whether nothing more counts.
    pub fn is_over(&self) -> bool {
        self.sitting().is_over(self.clock.now())
    }

    /// The warning that is due, if one is; each is given once, also across restarts.
    pub fn warning(&self) -> Result<Option<Warning>> {
        let now = self.clock.now();
        match self.sitting().warning(now) {
            Some(_) => self.change(|sitting| sitting.warning(now)),
            None => Ok(None),
        }
    }

    /// Every task with how it stands.
    pub fn overview(&self) -> Vec<Row> {
        self.sitting().overview(&self.paper)
    }

    /// The index of the task that is looked at.
    pub fn at(&self) -> usize {
        self.sitting().at(&self.paper)
    }

    /// Marks a task to come back to, or takes the mark away; says whether it is marked now.
    pub fn flag(&self, task: usize) -> Result<bool> {
        self.change(|sitting| sitting.flag(&self.paper, task))
    }

    /// The lab of one of the exam's lessons; the first time it is brought up, and then runs until the end.
    pub async fn lab(&self, lesson: usize) -> Result<Arc<Lab>> {
        let mut labs = self.labs.lock().await;
        if let Some(lab) = labs.get(&lesson) {
            return Ok(lab.clone());
        }
        let id = &self.paper.lessons[lesson].0.spec.id;
        let options = Options {
            lesson: Some(id.clone()),
            name: id.clone(),
            home: self.dir.root().to_owned(),
            // A port that was asked for is the first lab's; only one can have it.
            port: if labs.is_empty() { self.options.port } else { 0 },
            fresh: false,
            ..self.options.clone()
        };
        let lab = Lab::open(options, |_| ()).await?;
        lab.seal();
        let version = lab.cluster().facts().version;
        labs.insert(lesson, lab.clone());
        if self.sitting().kubernetes != version {
            self.change(|sitting| sitting.kubernetes = version)?;
        }
        Ok(lab)
    }

    /// Turns to a task, whose lab comes back with it. A step with a setup of its own breaks what the steps before it repaired:
    /// what those have come to is kept first.
    pub async fn go_to(&self, task: usize) -> Result<Arc<Lab>> {
        let Some(found) = self.paper.tasks.get(task) else {
            return Err(Error::new(tr!(exam_no_task { number: task + 1, count: self.paper.tasks.len() })));
        };
        let lab = self.lab(found.lesson).await?;
        let steps = &lab.loaded().spec.steps;
        for (index, step) in steps.iter().enumerate().take(found.step + 1) {
            if !step.setup.is_empty() && !lab.has_begun(index) && !self.is_over() {
                self.keep_earlier(&lab, found.lesson, index).await?;
                lab.begin_step(index).await?;
            }
        }
        lab.go_to(found.step)?;
        self.change(|sitting| sitting.go_to(&self.paper, task))?;
        Ok(lab)
    }

    async fn keep_earlier(&self, lab: &Arc<Lab>, lesson: usize, before: usize) -> Result<()> {
        let results = lab.outcome().await;
        self.change(|sitting| {
            for task in self.paper.tasks.iter().filter(|t| t.lesson == lesson && t.step < before) {
                if let Some(result) = results.get(task.step) {
                    sitting.keep(&task.id, result.clone());
                }
            }
        })
    }

    /// Ends the exam and grades it on what is there now. Lessons that were never opened have no points; where a lab does not
    /// come up or nothing can be told, the sitting stays open for another try.
    pub async fn finish(&self) -> Result<Outcome> {
        let now = self.clock.now();
        self.change(|sitting| sitting.end(now))?;
        let opened = self.sitting().opened;
        let mut results: Vec<(String, StepResult)> = Vec::new();
        for lesson in 0..self.paper.lessons.len() {
            let tasks: Vec<_> = self.paper.tasks.iter().filter(|t| t.lesson == lesson).collect();
            if !tasks.iter().any(|t| opened.contains(&t.id)) {
                results.extend(tasks.iter().map(|t| (t.id.clone(), self.paper.untouched(lesson, t.step))));
                continue;
            }
            let graded = self.lab(lesson).await?.outcome().await;
            results.extend(tasks.iter().filter_map(|t| Some((t.id.clone(), graded.get(t.step)?.clone()))));
        }
        self.change(|sitting| {
            for (task, result) in results {
                sitting.record(&task, result);
            }
            sitting.outcome(&self.paper)
        })
    }

    /// What it came to, once it is graded.
    pub fn outcome(&self) -> Option<Outcome> {
        let sitting = self.sitting();
        sitting.is_graded().then(|| sitting.outcome(&self.paper))
    }

    /// Ends every lab; their state stays for resuming, and after the end for looking at it.
    pub async fn close(&self) {
        for (_, lab) in std::mem::take(&mut *self.labs.lock().await) {
            lab.close().await;
        }
    }
}

/// Throws the labs of an exam away.
fn remove_labs(dir: &LabDir) -> Result<()> {
    let labs = dir.root().join("labs");
    match std::fs::remove_dir_all(&labs) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::new(tr!(file_cannot_be_removed { file: labs.display() })).why(e).code(ExitCode::Error))
        }
        _ => Ok(()),
    }
}
