//! One running lab: cluster, lesson and progress together; what the TUI, the command line, exam and classroom drive.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cluster::{Cluster, ClusterKind};
use crate::error::{Error, Result};
use crate::grade::{LessonResult, StepResult};
use crate::lesson::Lesson;

/// What a learner asked for on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The lesson's id; `None` for the first, or the one to resume.
    pub lesson: Option<String>,
    /// The kind of cluster.
    pub cluster: ClusterKind,
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
    /// Where state lives; see [`crate::state_dir::home`].
    pub home: PathBuf,
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
    lesson: Arc<Lesson>,
    cluster: Arc<dyn Cluster>,
}

impl Lab {
    /// Brings a lab up, or resumes the one that is there; `phase` is told how far it is.
    pub async fn open(options: Options, phase: impl Fn(Phase) + Send + Sync + 'static) -> Result<Arc<Self>> {
        let _ = (options, phase);
        Err(Error::new("not built"))
    }

    /// The lesson, its variables filled in.
    pub fn lesson(&self) -> &Arc<Lesson> {
        &self.lesson
    }

    /// The cluster.
    pub fn cluster(&self) -> &Arc<dyn Cluster> {
        &self.cluster
    }

    /// Where the learner stands.
    pub fn standing(&self) -> Standing {
        Standing { current: 0, results: Vec::new(), hints: Vec::new(), solved: Vec::new(), seconds: 0 }
    }

    /// Events for views. Quiet checks run, debounced, whenever the cluster changes.
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<LabEvent> {
        tokio::sync::broadcast::channel(1).1
    }

    /// Grades steps (all, or one) and records the result; a passed current step moves the learner on.
    pub async fn check(&self, step: Option<&str>) -> Result<LessonResult> {
        let _ = step;
        Err(Error::new("not built"))
    }

    /// Shows the next hint of a step (markdown) with its number and how many there are; `None` when all were shown.
    pub fn hint(&self, step: &str) -> Result<Option<(usize, usize, String)>> {
        let _ = step;
        Err(Error::new("not built"))
    }

    /// Applies the reference solution of a step, as a learner would, and returns what was typed and printed.
    pub async fn solve(&self, step: &str) -> Result<String> {
        let _ = step;
        Err(Error::new("not built"))
    }

    /// Moves the learner to a step.
    pub fn go_to(&self, step: usize) -> Result<()> {
        let _ = step;
        Err(Error::new("not built"))
    }

    /// Starts a step over (its objects and files as they were when it began), or the whole lesson.
    pub async fn reset(&self, step: Option<&str>) -> Result<()> {
        let _ = step;
        Err(Error::new("not built"))
    }

    /// Ends everything that runs; state stays for resuming.
    pub async fn close(&self) {
        self.cluster.shutdown().await;
    }
}
