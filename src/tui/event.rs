//! What happens: everything that can change the state comes as one of these.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::exam::Exam;
use super::offer::Offer;
use super::saved::Layout;
use crate::apiserver::audit::Entry;
use crate::cluster::Facts;
use crate::exam::{Clock, Outcome};
use crate::grade::{LessonResult, StepResult};
use crate::lab::{Phase, Standing};
use crate::lesson::Lesson;
use crate::terminal::Notice;

/// Names a pane for as long as it is there.
pub type PaneId = u64;

/// What a lab says of itself when it is up.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The lesson.
    pub lesson: Arc<Lesson>,
    /// What the cluster says of itself.
    pub facts: Facts,
    /// Where the learner stands.
    pub standing: Standing,
    /// Whether the API server answers.
    pub server_up: bool,
    /// How many points can be had, where it is known.
    pub max: Option<u32>,
    /// Whether a lab with progress was there before.
    pub resumed: bool,
    /// How tabs and panes lay then.
    pub layout: Option<Layout>,
    /// The exam that it is part of.
    pub exam: Option<Exam>,
    /// Whether only the requests that checks make are recorded, since the cluster has no audit log that can be read.
    pub own_requests: bool,
}

/// What went wrong, in lines: what and why, then what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What happened.
    pub what: String,
    /// The cause.
    pub why: Option<String>,
    /// What to do next.
    pub hints: Vec<String>,
}

impl From<crate::error::Error> for Trouble {
    fn from(error: crate::error::Error) -> Self {
        Self { what: error.what, why: error.why, hints: error.hints }
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// A text was pasted.
    Paste(String),
    /// The window has this size now.
    Resize(u16, u16),
    /// The window gained or lost the focus.
    Focus(bool),
    /// So many seconds have been spent on the lesson.
    Clock(u64),
    /// The lab is this far on its way up.
    Phase(Phase),
    /// The lab is up.
    Opened(Box<Course>),
    /// The lab did not come up.
    OpenFailed(Trouble),
    /// The API server began or ceased to answer.
    Server(bool),
    /// A quiet check gave this.
    Tasks(StepResult),
    /// The learner stands here now.
    Standing(Standing),
    /// A sentence for the status line.
    Notice(String),
    /// A shell or an editor started in a pane, or did not.
    Shell(PaneId, Result<(), Trouble>),
    /// A terminal has something to say.
    Terminal(PaneId, Notice),
    /// A check that was asked for is done; `whole` is whether it was of the whole lesson.
    Checked {
        /// What it gave.
        result: Result<LessonResult, Trouble>,
        /// Whether all steps were asked for.
        whole: bool,
    },
    /// A hint was asked for; `None` when all were shown already.
    Hinted(Result<Option<usize>, Trouble>),
    /// A solution was applied; what was typed and printed.
    Solved(Result<String, Trouble>),
    /// A step or the lesson was started over.
    Reset(Result<(), Trouble>),
    /// A text was put on the clipboard; so many characters.
    Copied(usize),
    /// Whether the pane's terminal is in copy mode now.
    CopyMode(PaneId, bool),
    /// The latest requests to the API server, oldest first; `None` where there is no record of them.
    Requests(Option<Vec<Entry>>),
    /// A request was recorded.
    Recorded,
    /// What the first screen offers.
    Offers(Result<Vec<Offer>, Trouble>),
    /// The exam stands like this now.
    Exam(Box<Exam>),
    /// The exam's clock; the warning that is due in minutes left, and whether nothing more counts.
    ExamTicked {
        /// What it shows.
        clock: Clock,
        /// The warning that is due.
        warning: Option<u64>,
        /// Whether the exam is over.
        over: bool,
    },
    /// A task of the exam could not be opened.
    ExamTurnFailed(Trouble),
    /// What the exam came to.
    ExamGraded(Result<Outcome, Trouble>),
    /// No program took a text for the clipboard.
    NotCopied(String),
    /// Whether a pane's file has changes that are not saved.
    Modified(PaneId, bool),
    /// The editor of a pane was told to end.
    EditorClosed(PaneId),
    /// A path was completed: what was typed, what it comes to, and all names where there are several.
    PathCompleted(String, String, Vec<String>),
    /// The program is to be stopped until it is continued.
    Suspend,
    /// The program is to end at once.
    Terminate,
}
