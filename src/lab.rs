//! One running lab: cluster, lesson and progress together; what the TUI, the command line, exam and classroom drive.
//!
//! `lock` lets one process in, `setup` and `snapshot` make and remake the lesson's state, `watch` runs quiet checks,
//! `control` answers other processes on a socket, where `remote` is what asks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::check::{self, Ground};
use crate::cluster::sandbox::{Sandbox, UpInfo};
use crate::cluster::{Cluster, ClusterKind};
use crate::error::{Error, Result};
use crate::grade::{LessonResult, StepResult};
use crate::lesson::Lesson;
use crate::lesson::load::Loaded;
use crate::progress::{self, LessonProgress, Progress};
use crate::state_dir::LabDir;
use crate::text::tr;

pub mod control;
pub mod lock;
mod opening;
pub mod remote;
mod setup;
pub mod snapshot;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod watch;

pub use opening::{LabFile, forget, forget_snapshots, live_needs, remove_cluster, wanted_lesson};
use snapshot::{Snapshot, Then};

/// What a learner asked for on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The lesson's id; `None` for the first, or the one to resume.
    pub lesson: Option<String>,
    /// The kind of cluster.
    pub cluster: ClusterKind,
    /// Where the real programs of a local cluster are; else they are looked for.
    pub binaries: Option<PathBuf>,
    /// The release to emulate: `1.31`.
    pub kubernetes: Option<String>,
    /// The language: `en`.
    pub lang: Option<String>,
    /// The lab's name.
    pub name: String,
    /// Throw away what is there and start over.
    pub fresh: bool,
    /// The real waits instead of the scaled ones.
    pub realistic_timing: bool,
    /// Nodes without namespaces even where those are allowed.
    pub plain_nodes: bool,
    /// The port on this machine's loopback; 0 takes a free one.
    pub port: u16,
    /// What the command line says of a live cluster.
    pub live: crate::cluster::live::Options,
    /// Where state lives; see [`crate::state_dir::home`].
    pub home: PathBuf,
    /// A directory of lessons beside those in the binary.
    pub lessons: Option<PathBuf>,
}

/// How far a lab is on its way up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Making keys, files and namespaces.
    Nodes,
    /// The API server starts.
    ApiServer,
    /// Objects of the cluster and of the lesson are made.
    Lesson,
    /// All is there.
    Ready,
}

/// Something happened that a view wants to know.
#[derive(Debug, Clone, PartialEq)]
pub enum LabEvent {
    /// The API server began or ceased to answer.
    Server(bool),
    /// A quiet check of the current step gave these results; nothing is recorded by it.
    Tasks(StepResult),
    /// A graded check gave these.
    Graded(StepResult),
    /// The learner is at another step now, or a step was reset.
    Progress,
    /// A sentence for the status line.
    Notice(String),
}

/// Where a learner stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The index of the current step; equal to the number of steps when the lesson is finished.
    pub current: usize,
    /// The last graded result of each step, in the lesson's order.
    pub results: Vec<Option<StepResult>>,
    /// How many hints of each step have been shown.
    pub hints: Vec<usize>,
    /// Whether the solution of each step has been shown or applied.
    pub solved: Vec<bool>,
    /// Seconds spent since the lesson was started.
    pub seconds: u64,
}

/// A running lab.
pub struct Lab {
    dir: LabDir,
    loaded: Loaded,
    cluster: Arc<dyn Cluster>,
    sandbox: Option<Arc<Sandbox>>,
    progress: Mutex<Progress>,
    then: Then,
    started: Instant,
    /// Seconds of the attempt before `started`, less those after it that belong to an attempt that is over.
    seconds_before: AtomicU64,
    events: tokio::sync::broadcast::Sender<LabEvent>,
    listened: AtomicBool,
    sealed: AtomicBool,
    unheard: Mutex<Vec<String>>,
    grading: tokio::sync::Mutex<()>,
    entering: tokio::sync::Mutex<()>,
    tasks: Mutex<Vec<tokio::task::AbortHandle>>,
    _lock: lock::Lock,
}

impl Lab {
    /// Puts lesson, progress and a running cluster together, and starts what runs beside them.
    pub async fn begin(
        dir: LabDir,
        lock: lock::Lock,
        loaded: Loaded,
        cluster: Arc<dyn Cluster>,
        sandbox: Option<Arc<Sandbox>>,
    ) -> Result<Arc<Self>> {
        let (mut progress, progress_notice) = progress::read::<Progress>(&dir.progress_file())?;
        let first_step = &loaded.spec.steps[0];
        let path = snapshot_file(&dir, &first_step.id);
        let before_path = snapshot_file(&dir, BEFORE);
        let (kept, snapshot_notice) = progress::read::<Snapshot>(&path)?;
        let then = if path.exists() {
            let (before, _) = progress::read::<Snapshot>(&before_path)?;
            Then { before: if before.version == 0 { kept.clone() } else { before }, first: kept }
        } else {
            make_parent(&path)?;
            let before = match before_path.exists() {
                // A lab that was killed in the middle of its setup.
                true => progress::read::<Snapshot>(&before_path)?.0,
                false => snapshot::take(&loaded.spec.track, cluster.as_ref()).await?,
            };
            progress::write(&before_path, &before)?;
            if cluster.may_change() {
                setup::prepare(&loaded, cluster.as_ref()).await?;
                for script in &first_step.setup {
                    setup::run_script(&loaded, script, cluster.as_ref()).await?;
                }
            }
            let first = snapshot::take(&loaded.spec.track, cluster.as_ref()).await?;
            cluster.keep_nodes().await?;
            progress::write(&path, &first)?;
            Then { before, first }
        };
        let facts = cluster.facts();
        let mine = progress.lessons.entry(loaded.spec.id.clone()).or_default();
        if mine.started.is_empty() && mine.attempt().is_none() {
            mine.started = progress::moment(jiff::Timestamp::now());
        }
        mine.scope = progress::Scope {
            cluster: facts.kind.as_str().into(),
            kubernetes: facts.version,
            max: loaded.spec.steps.iter().flat_map(|s| &s.checks).map(|c| c.points).sum(),
            steps: loaded.spec.steps.len(),
        };
        mine.steps.entry(first_step.id.clone()).or_default().begun = true;
        let seconds_before = AtomicU64::new(mine.seconds);
        let (events, _) = tokio::sync::broadcast::channel(64);
        let lab = Arc::new(Self {
            dir,
            loaded,
            cluster,
            sandbox,
            progress: Mutex::new(progress),
            then,
            started: Instant::now(),
            seconds_before,
            events,
            listened: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            unheard: Mutex::default(),
            grading: tokio::sync::Mutex::new(()),
            entering: tokio::sync::Mutex::new(()),
            tasks: Mutex::default(),
            _lock: lock,
        });
        lab.save()?;
        let tasks = [watch::start(&lab), watch::keep_time(&lab), control::serve(&lab)?];
        lab.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
        for notice in [progress_notice, snapshot_notice].into_iter().flatten() {
            lab.notice(notice);
        }
        Ok(lab)
    }

    /// The lesson, its variables filled in.
    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.loaded.lesson
    }

    /// The lesson's data.
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// The cluster.
    pub fn cluster(&self) -> &Arc<dyn Cluster> {
        &self.cluster
    }

    /// Where the lab keeps its state.
    pub fn dir(&self) -> &LabDir {
        &self.dir
    }

    /// What `up --json` prints, on a sandbox.
    pub fn up_info(&self) -> Option<UpInfo> {
        self.sandbox.as_ref().map(|sandbox| sandbox.up_info())
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This lesson's progress, with the time up to now.
    pub fn lesson_progress(&self) -> LessonProgress {
        let mut mine = self.progress().lessons.get(&self.loaded.spec.id).cloned().unwrap_or_default();
        mine.seconds = self.seconds();
        mine
    }

    /// Seconds spent on this attempt.
    fn seconds(&self) -> u64 {
        self.seconds_before.load(Ordering::SeqCst).wrapping_add(self.started.elapsed().as_secs())
    }

    /// Changes this lesson's progress and saves it.
    fn change(&self, change: impl FnOnce(&mut LessonProgress)) -> Result<()> {
        change(self.progress().lessons.entry(self.loaded.spec.id.clone()).or_default());
        self.save()
    }

    fn save(&self) -> Result<()> {
        let seconds = self.seconds();
        // Held while writing: a later state must not be overtaken by an earlier one.
        let mut progress = self.progress();
        progress.lessons.entry(self.loaded.spec.id.clone()).or_default().seconds = seconds;
        progress::write(&self.dir.progress_file(), &*progress)
    }

    /// Where the learner stands.
    pub fn standing(&self) -> Standing {
        let mine = self.lesson_progress();
        let steps =
            || self.loaded.spec.steps.iter().map(|s| mine.steps.get(&s.id).cloned().unwrap_or_default());
        Standing {
            current: mine.current.min(self.loaded.spec.steps.len()),
            results: steps().map(|s| s.result).collect(),
            hints: steps().map(|s| s.hints).collect(),
            solved: steps().map(|s| s.solved).collect(),
            seconds: mine.seconds,
        }
    }

    /// Events for views. Quiet checks run, debounced, whenever the cluster changes.
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<LabEvent> {
        let events = self.events.subscribe();
        self.listened.store(true, Ordering::SeqCst);
        for sentence in self.unheard.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = self.events.send(LabEvent::Notice(sentence));
        }
        events
    }

    fn emit(&self, event: LabEvent) {
        let _ = self.events.send(event);
    }

    /// Says something to the person; what is said while the lab comes up waits for the first who listens.
    fn notice(&self, sentence: String) {
        match self.listened.load(Ordering::SeqCst) {
            true => self.emit(LabEvent::Notice(sentence)),
            false => self.unheard.lock().unwrap_or_else(PoisonError::into_inner).push(sentence),
        }
    }

    /// Makes the lab one of an exam: from now on nobody is told how well a step goes, and there is neither hint nor solution.
    pub fn seal(&self) {
        self.sealed.store(true, Ordering::SeqCst);
    }

    /// Whether it is one of an exam.
    pub fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::SeqCst)
    }

    fn unsealed(&self) -> Result<()> {
        match self.is_sealed() {
            true => Err(Error::new(tr!(exam_sealed)).hint(tr!(exam_sealed_hint))),
            false => Ok(()),
        }
    }

    /// Whether a step's own setup has run, if it has one.
    pub fn has_begun(&self, index: usize) -> bool {
        let Some(step) = self.loaded.spec.steps.get(index) else { return false };
        step.setup.is_empty() || self.lesson_progress().steps.get(&step.id).is_some_and(|s| s.begun)
    }

    /// Grades every step as it stands, without recording anything; a server that restarts gets a moment.
    pub async fn outcome(&self) -> Vec<StepResult> {
        let _one_at_a_time = self.grading.lock().await;
        watch::settle(self.cluster.as_ref()).await;
        let mut results = Vec::new();
        for index in 0..self.loaded.spec.steps.len() {
            results.push(self.run(index).await);
        }
        results
    }

    /// Grades a step without recording anything.
    pub async fn look(&self, index: usize) -> StepResult {
        let _one_at_a_time = self.grading.lock().await;
        self.run(index).await
    }

    async fn run(&self, index: usize) -> StepResult {
        let step = &self.loaded.spec.steps[index];
        let (since, begun) = {
            let progress = self.progress();
            let mine = progress.lessons.get(&self.loaded.spec.id).and_then(|l| l.steps.get(&step.id));
            mine.map_or((0, false), |s| (s.since, s.begun))
        };
        let ground =
            Ground { cluster: self.cluster.as_ref(), originals: &self.then, since, lang: &self.loaded.lang };
        if !step.setup.is_empty() && !begun {
            return check::not_begun(step, &ground);
        }
        check::run_step(&self.loaded.spec, step, &ground).await
    }

    /// Grades steps (all, or one) and records the result; a passed current step moves the learner on.
    pub async fn check(&self, step: Option<&str>) -> Result<LessonResult> {
        self.unsealed()?;
        let steps = match step {
            Some(id) => vec![self.loaded.step_index(id)?],
            None => (0..self.loaded.spec.steps.len()).collect(),
        };
        let _one_at_a_time = self.grading.lock().await;
        watch::settle(self.cluster.as_ref()).await;
        let mut results = Vec::new();
        let before = self.standing().current;
        for index in steps {
            let result = self.run(index).await;
            let recorded = result.clone();
            let (now, seconds) = (jiff::Timestamp::now(), self.seconds());
            let saved = self.change(|mine| {
                let passed = recorded.passed;
                mine.steps.entry(recorded.id.clone()).or_default().record(recorded, now, seconds);
                if passed && mine.current == index {
                    mine.current += 1;
                }
            });
            // A disk that is full costs the record for now, not the answer; the next save has it all.
            if let Err(e) = saved {
                self.notice(e.to_string());
            }
            self.emit(LabEvent::Graded(result.clone()));
            results.push(result);
        }
        if self.standing().current != before {
            self.enter_step().await;
            self.emit(LabEvent::Progress);
        }
        let facts = self.cluster.facts();
        Ok(crate::grade::lesson(&self.loaded.spec.id, facts.kind.as_str(), &facts.version, results))
    }

    /// Makes the current step ready, the first time a learner gets there: its own setup runs, and what it begins with is
    /// kept for a reset.
    async fn enter_step(&self) {
        if let Err(e) = self.begin_step(self.standing().current).await {
            self.notice(e.to_string());
        }
    }

    /// Runs a step's own setup if it has not run, and keeps what the step begins with; nothing where there is no such step.
    pub async fn begin_step(&self, index: usize) -> Result<()> {
        let Some(step) = self.loaded.spec.steps.get(index) else { return Ok(()) };
        let _one_at_a_time = self.entering.lock().await;
        let path = snapshot_file(&self.dir, &step.id);
        if path.exists() {
            return Ok(());
        }
        if !step.setup.is_empty() && self.cluster.may_change() {
            self.run_scripts(&step.setup).await?;
        }
        self.change(|mine| mine.steps.entry(step.id.clone()).or_default().begun = true)?;
        let taken = snapshot::take(&self.loaded.spec.track, self.cluster.as_ref()).await;
        taken
            .and_then(|snapshot| progress::write(&path, &snapshot))
            .map_err(|e| Error::new(tr!(lab_no_reset_later)).why(e))
    }

    /// Shows the next hint of a step (markdown) with its number and how many there are; `None` when all were shown.
    pub fn hint(&self, step: &str) -> Result<Option<(usize, usize, String)>> {
        self.unsealed()?;
        let hints = &self.loaded.lesson.steps[self.loaded.step_index(step)?].hints;
        let shown = self.lesson_progress().steps.get(step).map_or(0, |s| s.hints);
        let Some(text) = hints.get(shown) else { return Ok(None) };
        self.change(|mine| mine.steps.entry(step.to_owned()).or_default().hints = shown + 1)?;
        self.emit(LabEvent::Progress);
        Ok(Some((shown + 1, hints.len(), text.clone())))
    }

    /// The reference solution of a step as text (markdown); the progress notes that it was read.
    pub fn show_solution(&self, step: &str) -> Result<String> {
        self.unsealed()?;
        let text = self.loaded.lesson.steps[self.loaded.step_index(step)?].solution.clone();
        self.change(|mine| mine.steps.entry(step.to_owned()).or_default().solved = true)?;
        self.emit(LabEvent::Progress);
        Ok(text)
    }

    /// Applies the reference solution of a step, as a learner would, and returns what was typed and printed.
    pub async fn solve(&self, step: &str) -> Result<String> {
        self.unsealed()?;
        self.may_change()?;
        let index = self.loaded.step_index(step)?;
        self.change(|mine| mine.steps.entry(step.to_owned()).or_default().solved = true)?;
        self.emit(LabEvent::Progress);
        self.run_scripts(&self.loaded.spec.steps[index].solution).await
    }

    /// Runs scripts of the lesson in order and returns what was typed and printed.
    pub async fn run_scripts(&self, scripts: &[crate::lesson::schema::Script]) -> Result<String> {
        let mut transcript = String::new();
        for script in scripts {
            transcript += &setup::run_script(&self.loaded, script, self.cluster.as_ref()).await?;
        }
        Ok(transcript)
    }

    /// Moves the learner to a step.
    pub fn go_to(&self, step: usize) -> Result<()> {
        let last = self.loaded.spec.steps.len();
        self.change(|mine| mine.current = step.min(last))?;
        self.emit(LabEvent::Progress);
        Ok(())
    }

    /// Starts a step over (its objects and files as they were when it began), or the whole lesson.
    pub async fn reset(&self, step: Option<&str>) -> Result<()> {
        self.may_change()?;
        let index = step.map(|id| self.loaded.step_index(id)).transpose()?.unwrap_or(0);
        let _one_at_a_time = self.grading.lock().await;
        let (kept, _) =
            progress::read::<Snapshot>(&snapshot_file(&self.dir, &self.loaded.spec.steps[index].id))?;
        let snapshot = if kept.version == 0 { &self.then.first } else { &kept };
        self.cluster.mend_nodes(step.is_none()).await?;
        snapshot.restore(self.cluster.as_ref()).await?;
        self.run_scripts(&self.loaded.spec.steps[index].reset).await?;
        let audit = self.cluster.audit();
        let since = audit.and_then(|log| log.since(0).last().map(|e| e.sequence)).unwrap_or(0);
        if step.is_none() {
            // The later steps begin anew when the learner gets there.
            for later in self.loaded.spec.steps.iter().skip(1).filter(|s| !s.setup.is_empty()) {
                let _ = std::fs::remove_file(snapshot_file(&self.dir, &later.id));
            }
            let spent = self.started.elapsed().as_secs();
            self.change(|mine| mine.begin_anew(jiff::Timestamp::now()))?;
            self.seconds_before.store(0u64.wrapping_sub(spent), Ordering::SeqCst);
        }
        self.change(|mine| {
            for (i, spec) in self.loaded.spec.steps.iter().enumerate() {
                if step.is_none() || i == index {
                    let progress = mine.steps.entry(spec.id.clone()).or_default();
                    let begun = i == index;
                    *progress = progress::StepProgress { since, begun, ..Default::default() };
                }
            }
            mine.current = index;
        })?;
        self.emit(LabEvent::Progress);
        Ok(())
    }

    fn may_change(&self) -> Result<()> {
        if self.cluster.may_change() {
            return Ok(());
        }
        Err(Error::new(tr!(lab_only_grades)))
    }

    /// Ends everything that runs; state stays for resuming.
    pub async fn close(&self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        let _ = std::fs::remove_file(self.dir.control_socket());
        let saved = self.save();
        self.cluster.shutdown().await;
        if let Err(e) = saved {
            self.notice(e.to_string());
        }
    }
}

/// The snapshot from before the setup; no step has such an id.
const BEFORE: &str = ".before";

fn snapshot_file(dir: &LabDir, step: &str) -> PathBuf {
    dir.root().join("snapshots").join(format!("{step}.json"))
}

fn make_parent(path: &std::path::Path) -> Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    std::fs::create_dir_all(parent)
        .map_err(|e| Error::new(tr!(file_cannot_be_made { file: parent.display() })).why(e))
}
