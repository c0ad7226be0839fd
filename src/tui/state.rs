//! All that the program knows; changed by [`State::update`] alone, which does nothing else.

use std::sync::Arc;

use ratatui::layout::Rect;

use super::action::Action;
use super::config::Config;
use super::event::{Course, PaneId, Trouble};
use super::exam::Exam;
use super::keymap::Context;
use super::markdown::Code;
use super::saved::Layout;
use super::selection::{Selection, Spot, Words};
use super::tiles::{Line, Tiles};
use super::xray::Xray;
use crate::apiserver::audit::Entry;
use crate::grade::{LessonResult, StepResult};
use crate::lab::Phase;
use crate::lesson::{Lesson, Step};

mod act;
mod input;
mod panes;
mod picker;
mod question;
mod sitting;
mod update;
mod xray;

pub use picker::Picker;
pub use question::Question;
use sitting::Shelf;

/// The smallest window that is drawn.
pub const SMALLEST: (u16, u16) = (60, 20);

/// The width from which lesson and shell are side by side.
pub const SIDE_BY_SIDE: u16 = 100;

/// The height from which the X-ray has a place below the shells.
pub const DOCKS: u16 = 30;

/// How many seconds a sentence stays in the footer.
const NOTICE_SECONDS: u64 = 8;

/// Whether the lab is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The learner chooses what to do.
    Picking,
    /// It is on its way; the phase that was told last.
    Starting(Option<Phase>),
    /// It did not come up.
    Failed(Trouble),
    /// It is up.
    Ready,
}

/// What has the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The shell.
    Shell,
    /// The lesson.
    Lesson,
    /// The lesson, because something was asked for from the shell: keys for reading are the lesson's, and what is
    /// typed goes on to the shell.
    Glance,
    /// The X-ray beside the shells.
    Xray,
}

impl Focus {
    /// Whether it is on the lesson.
    pub fn on_lesson(self) -> bool {
        matches!(self, Self::Lesson | Self::Glance)
    }
}

/// What the lesson pane shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Panel {
    /// The page's text, with the hints shown so far.
    Text,
    /// What a check found; `whole` is whether all steps were asked for.
    Result(LessonResult, bool),
    /// The step's solution.
    Solution,
    /// What applying the solution typed and printed.
    Solved(String),
    /// What an exam came to.
    Exam,
    /// Something that went wrong.
    Trouble(Trouble),
}

/// What a pane holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A shell.
    Shell,
    /// An editor with this file.
    File(String),
}

/// How a pane's shell or editor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shell {
    /// Not started; it is when its tab is shown.
    Waiting,
    /// Being started.
    Starting,
    /// Running.
    Running,
    /// Ended, with this status.
    Ended(i32),
    /// It could not be started.
    Failed(Trouble),
}

/// A pane: a shell or an editor on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pane {
    /// Its name for as long as it is there.
    pub id: PaneId,
    /// The node.
    pub node: String,
    /// What it holds.
    pub what: What,
    /// How that is.
    pub shell: Shell,
    /// Whether something was printed while another tab was shown.
    pub news: bool,
    /// Whether it is in copy mode.
    pub copying: bool,
    /// Whether its file has changes that are not saved.
    pub modified: bool,
    /// The size that its terminal was told.
    pub size: (u16, u16),
}

/// A tab: panes that are shown together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The name that the learner gave.
    pub name: Option<String>,
    /// Its panes and how they lie.
    pub tiles: Tiles<PaneId>,
    /// The pane that has the keyboard while this tab is shown.
    pub focused: PaneId,
}

/// A line of text being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entering {
    /// The tab's name.
    Name,
    /// What to search for.
    Search,
    /// The file to edit, on the node of the pane.
    File,
}

/// What is on top of the window.
#[derive(Debug, Clone, PartialEq)]
pub enum Overlay {
    /// All keys.
    Help,
    /// The latest requests.
    Xray,
    /// The tasks of an exam, and which one is selected.
    Exam(usize),
    /// The command palette.
    Palette {
        /// What was typed.
        query: String,
        /// The entry that Enter takes.
        selected: usize,
    },
    /// A question.
    Question(Question),
    /// A line of text.
    Entry(Entering, String),
}

/// What a mouse button that is down holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// The line between lesson and shell.
    Divider,
    /// A line between two panes.
    Tile(Line),
    /// The line above the X-ray.
    Dock,
    /// A pane's screen.
    Screen(PaneId),
    /// The lesson's text, from a cell of it on.
    Text(Spot),
}

/// What the last frame had where; views fill it, `update` reads it.
#[derive(Debug, Clone, Default)]
pub struct Drawn {
    /// The window's size.
    pub size: (u16, u16),
    /// What can be clicked, the topmost last.
    pub hits: Vec<(Rect, Action)>,
    /// The panes' screens.
    pub screens: Vec<(PaneId, Rect)>,
    /// The lines between them.
    pub lines_between: Vec<Line>,
    /// The lesson's text.
    pub text: Option<Rect>,
    /// The line between lesson and shell.
    pub divider: Option<Rect>,
    /// How many lines the lesson's text has.
    pub lines: usize,
    /// The code in it.
    pub codes: Vec<Code>,
    /// Its lines, as far as copying needs them.
    pub words: Vec<Words>,
    /// How many lines the text on top has, and how many are seen.
    pub overlay: (usize, usize),
    /// The X-ray beside the shells, and the line above it.
    pub dock: Option<(Rect, Rect)>,
    /// How many lines the request has that is explained in the X-ray, and how many the X-ray has.
    pub xray: (usize, usize),
}

/// All that the program knows.
#[derive(Debug, Clone)]
pub struct State {
    /// The window's size.
    pub size: (u16, u16),
    /// The settings.
    pub config: Config,
    /// Whether the lab is up.
    pub stage: Stage,
    /// The first screen.
    pub picker: Picker,
    /// The exam that the lesson is part of.
    pub exam: Option<Exam>,
    /// The lesson and where the learner stands.
    pub course: Option<Course>,
    /// The page: 0 is the introduction, then the steps, then the debrief.
    pub page: usize,
    /// What the lesson pane shows.
    pub panel: Panel,
    /// The first line of the lesson's text that is seen.
    pub scroll: usize,
    /// The selected code.
    pub code: Option<usize>,
    /// The text of the lesson that was selected with the mouse.
    pub selection: Option<Selection>,
    /// What the last quiet or graded check found, for each step.
    pub tasks: Vec<Option<StepResult>>,
    /// What has the keyboard.
    pub focus: Focus,
    /// Whether the focused pane has the whole window.
    pub zoom: bool,
    /// The lesson's share of the width, in percent.
    pub split: u16,
    /// The tabs.
    pub tabs: Vec<Tab>,
    /// The panes of all tabs.
    pub panes: Vec<Pane>,
    /// The index of the tab that is shown.
    pub active: usize,
    /// What is on top.
    pub overlay: Option<Overlay>,
    /// The first line seen of what is on top.
    pub overlay_scroll: usize,
    /// Whether the prefix was pressed.
    pub prefix: bool,
    /// Whether it has waited long enough that its keys are shown.
    pub prefix_waits: bool,
    /// What runs.
    pub busy: Option<&'static str>,
    /// A sentence in the footer, and until which second.
    pub notice: Option<(String, u64)>,
    /// The latest requests.
    pub requests: Vec<Entry>,
    /// Which of them are shown, and how.
    pub xray: Xray,
    /// Whether the X-ray is beside the shells, in windows that are large enough.
    pub docked: bool,
    /// Its share of their room, in thousandths.
    pub dock_share: u16,
    /// Seconds spent.
    pub seconds: u64,
    /// Whether no shell is behind the program that could continue it.
    pub lone: bool,
    /// Whether something changed since the last frame.
    pub dirty: bool,
    held: Held,
    next_pane: PaneId,
    searched: (String, bool),
    kept: Option<Layout>,
    shelves: Vec<Shelf>,
}

impl State {
    /// The state before anything happened.
    pub fn new(size: (u16, u16), config: Config) -> Self {
        Self {
            size,
            config,
            stage: Stage::Starting(None),
            picker: Picker::default(),
            exam: None,
            course: None,
            page: 0,
            panel: Panel::Text,
            scroll: 0,
            code: None,
            selection: None,
            tasks: Vec::new(),
            focus: Focus::Shell,
            zoom: false,
            split: 42,
            tabs: Vec::new(),
            panes: Vec::new(),
            active: 0,
            overlay: None,
            overlay_scroll: 0,
            prefix: false,
            prefix_waits: false,
            busy: None,
            notice: None,
            requests: Vec::new(),
            xray: Xray::default(),
            docked: false,
            dock_share: 350,
            seconds: 0,
            lone: false,
            dirty: true,
            held: Held::Nothing,
            next_pane: 1,
            searched: (String::new(), true),
            kept: None,
            shelves: Vec::new(),
        }
    }

    /// Whether lesson and shell are side by side.
    pub fn side_by_side(&self) -> bool {
        self.size.0 >= SIDE_BY_SIDE && !self.zoom
    }

    /// Whether the X-ray has a place beside the shells.
    pub fn dock_fits(&self) -> bool {
        self.side_by_side() && self.size.1 >= DOCKS
    }

    /// Whether the X-ray is seen beside the shells.
    pub fn sees_dock(&self) -> bool {
        self.docked && self.dock_fits() && self.stage == Stage::Ready
    }

    /// Whether the X-ray is seen.
    pub fn sees_xray(&self) -> bool {
        self.overlay == Some(Overlay::Xray) || self.sees_dock()
    }

    /// Whether the lesson is seen.
    pub fn sees_lesson(&self) -> bool {
        self.side_by_side() || self.focus.on_lesson()
    }

    /// Whether the window is too small to draw in.
    pub fn too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// The lesson.
    pub fn lesson(&self) -> Option<&Arc<Lesson>> {
        self.course.as_ref().map(|course| &course.lesson)
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.lesson().map_or(0, |lesson| lesson.steps.len())
    }

    /// The index of the step on the page, if a step is on it.
    pub fn step_index(&self) -> Option<usize> {
        self.page.checked_sub(1).filter(|index| *index < self.steps())
    }

    /// The step on the page.
    pub fn step(&self) -> Option<&Step> {
        self.lesson()?.steps.get(self.step_index()?)
    }

    /// What is known of a step: the graded result, or what a quiet check saw.
    pub fn step_result(&self, index: usize) -> Option<&StepResult> {
        self.tasks.get(index).and_then(Option::as_ref).or_else(|| self.graded(index))
    }

    /// The graded result of a step.
    pub fn graded(&self, index: usize) -> Option<&StepResult> {
        self.course.as_ref()?.standing.results.get(index)?.as_ref()
    }

    /// Points of all graded steps, and of all that can be had where it is known.
    pub fn points(&self) -> (u32, Option<u32>) {
        let steps = self.steps();
        let score = (0..steps).filter_map(|i| self.graded(i)).map(|result| result.score).sum();
        (score, self.course.as_ref().and_then(|course| course.max))
    }

    /// Whether every step was passed.
    pub fn finished(&self) -> bool {
        let steps = self.steps();
        steps > 0 && (0..steps).all(|i| self.graded(i).is_some_and(|result| result.passed))
    }

    /// The tab that is shown.
    pub fn tab(&self) -> Option<&Tab> {
        self.tabs.get(self.active)
    }

    /// The pane that has the keyboard whenever the lesson has not.
    pub fn pane(&self) -> Option<&Pane> {
        self.pane_of(self.tab()?.focused)
    }

    /// A pane by its name.
    pub fn pane_of(&self, id: PaneId) -> Option<&Pane> {
        self.panes.iter().find(|pane| pane.id == id)
    }

    /// Whether the pane with the keyboard is in copy mode.
    pub fn copying(&self) -> bool {
        self.pane().is_some_and(|pane| pane.copying)
    }

    /// Which keys count.
    pub fn context(&self) -> Context {
        match (&self.overlay, &self.stage, self.focus) {
            (Some(Overlay::Help), ..) => Context::Reader,
            (Some(Overlay::Xray), ..) => Context::Xray,
            (Some(Overlay::Exam(_)), ..) => Context::Exam,
            (Some(Overlay::Palette { .. }), ..) => Context::Palette,
            (Some(Overlay::Question(_)), ..) => Context::Question,
            (Some(Overlay::Entry(..)), ..) => Context::Entry,
            (None, Stage::Picking, _) => Context::Picker,
            (None, Stage::Starting(_), _) => Context::Waiting,
            (None, Stage::Failed(_), _) => Context::Failed,
            (None, Stage::Ready, Focus::Lesson | Focus::Glance) => Context::Lesson,
            (None, Stage::Ready, Focus::Xray) => Context::Xray,
            (None, Stage::Ready, Focus::Shell) if self.copying() => Context::Copy,
            (None, Stage::Ready, Focus::Shell) => Context::Global,
        }
    }

    /// Says something in the footer.
    pub fn say(&mut self, text: impl Into<String>) {
        self.notice = Some((text.into(), self.seconds + NOTICE_SECONDS));
        self.dirty = true;
    }

    /// The names of the nodes, as the lesson calls them.
    pub fn nodes(&self) -> Vec<String> {
        let nodes = self.course.iter().flat_map(|course| &course.facts.nodes);
        nodes.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod exam_tests;
#[cfg(test)]
mod pane_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod xray_tests;
