//! Does what the state wants done: hands each effect to the part whose job it is.
//!
//! | file | what it does |
//! |---|---|
//! | `shells` | terminals in panes: keys, pastes, the mouse, copy mode |
//! | `editors` | editors in panes |
//! | `lab` | the lab: what it tells, and the work that a learner asks of it |
//! | `exams` | the exam: its tasks, its clock, its end |
//! | `copying` | the clipboard |

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::clipboard::{self, Way};
use super::config::Config;
use super::driver::Driver;
use super::effect::Effect;
use super::event::{Event, PaneId};
use super::guard;
use super::starter::{Opened, Starter};
use super::view::Screens;
use crate::editor::Keys;
use crate::error::Result;
use crate::exam::Session;
use crate::node::Process;
use crate::terminal::Terminal;

mod copying;
pub mod editors;
mod exams;
mod lab;
mod shells;

use editors::Editors;
use shells::Clicks;

/// What comes to the main loop.
pub enum Message {
    /// Something happened.
    Event(Event),
    /// A lab is up.
    Opened(Opened),
    /// The program was stopped, and goes on.
    Continued,
    /// The terminal knows kitty's keyboard protocol.
    KeyboardProtocol,
    /// A shell's process started, or did not.
    Process(PaneId, Result<Process>),
    /// A file of a node was read for a pane, or could not be; `None` is one that is not there yet.
    File {
        /// The pane.
        pane: PaneId,
        /// The node.
        node: String,
        /// The path there.
        path: String,
        /// What was found.
        found: Result<Option<Vec<u8>>>,
    },
    /// The file of a pane's editor was written, or could not be; `true` ends the editor after it.
    Saved(PaneId, PathBuf, std::result::Result<(), String>, bool),
}

impl From<Event> for Message {
    fn from(event: Event) -> Self {
        Self::Event(event)
    }
}

/// What became of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing to be seen.
    Quietly,
    /// The picture changed.
    Drawable,
    /// The whole picture is to be drawn anew.
    Redraw,
    /// The program is to stop until it is continued.
    Suspend,
    /// The program is to end.
    Quit,
}

/// Does what the state wants done.
pub struct Runner {
    handle: Handle,
    messages: Sender<Message>,
    starter: Arc<dyn Starter>,
    driver: Option<Arc<dyn Driver>>,
    session: Option<Arc<Session>>,
    listening: Option<AbortHandle>,
    recording: Option<AbortHandle>,
    terminals: HashMap<PaneId, Terminal>,
    editors: Editors,
    keys: Keys,
    sizes: HashMap<PaneId, (u16, u16)>,
    clipboard: Arc<Vec<Way>>,
    work: Option<AbortHandle>,
    clicks: Clicks,
}

impl Screens for Runner {
    fn draw(&self, pane: PaneId, buffer: &mut Buffer, area: Rect, colours: bool) -> Option<Position> {
        if let Some(open) = self.editors.get(&pane) {
            return open.draw(buffer, area);
        }
        let terminal = self.terminals.get(&pane)?;
        terminal.seen();
        terminal.with(|screen| screen.draw(buffer, area, colours))
    }

    fn scrolled(&self, pane: PaneId) -> (usize, usize) {
        self.terminals.get(&pane).map_or((0, 0), |terminal| terminal.with(|screen| screen.scrolled()))
    }
}

impl Runner {
    /// Makes a runner whose work is done on `handle`'s runtime and told to `messages`.
    pub fn new(
        handle: Handle,
        messages: Sender<Message>,
        config: &Config,
        starter: Arc<dyn Starter>,
    ) -> Self {
        Self {
            handle,
            messages,
            starter,
            driver: None,
            session: None,
            listening: None,
            recording: None,
            terminals: HashMap::new(),
            editors: Editors::new(),
            keys: config.editor,
            sizes: HashMap::new(),
            clipboard: Arc::new(clipboard::ways_here(config.clipboard.as_deref())),
            work: None,
            clicks: Clicks::default(),
        }
    }

    fn tell(&self, event: Event) {
        let _ = self.messages.send(event.into());
    }

    fn size(&self, pane: PaneId) -> (u16, u16) {
        self.sizes.get(&pane).copied().unwrap_or((80, 24))
    }

    /// Does something.
    pub fn run(&mut self, effect: Effect) -> Done {
        match effect {
            Effect::OpenShell { pane, node } => self.open_shell(pane, node),
            Effect::OpenFile { pane, node, path } => self.open_file(pane, node, path),
            Effect::CompletePath { node, path } => self.complete_path(node, path),
            Effect::ClosePane(pane) => {
                self.terminals.remove(&pane);
                self.editors.remove(&pane);
            }
            Effect::Resize(pane, columns, rows) => {
                self.sizes.insert(pane, (columns, rows));
                if let Some(terminal) = self.terminals.get(&pane) {
                    terminal.resize(columns, rows);
                }
            }
            Effect::Key(pane, key) => return self.key(pane, key),
            Effect::Paste(pane, text) => return self.paste(pane, &text),
            Effect::Run { pane, text, interrupt } => return self.type_command(pane, text, interrupt),
            Effect::Mouse { pane, kind, column, row, modifiers } => {
                return self.mouse(pane, kind, column, row, modifiers);
            }
            Effect::Focus(pane, gained) => return self.focus(pane, gained),
            Effect::Scroll(pane, by) => return self.on_screen(pane, |screen| screen.scroll(by)),
            Effect::CopyMode(pane, on) => return self.copy_mode(pane, on),
            Effect::CopyMove(pane, motion) => return self.on_screen(pane, |screen| screen.copy_move(motion)),
            Effect::CopyMark(pane, lines) => return self.on_screen(pane, |screen| screen.copy_mark(lines)),
            Effect::CopyTake(pane) => return self.copy_take(pane),
            Effect::CopySearch { pane, text, backwards } => return self.search(pane, text, backwards),
            Effect::Copy(text) => self.copy(&text),
            Effect::Osc52(text) => self.osc52(&text),
            Effect::Check(step) => self.check(step),
            Effect::Hint(step) => self.hint(step),
            Effect::Solve(step) => self.solve(step),
            Effect::GoTo(index) => self.go_to(index),
            Effect::Reset(step) => self.reset(step),
            Effect::Requests => self.requests(),
            Effect::KeepLayout(layout) => {
                if let Some(driver) = &self.driver {
                    // At once: the program may be about to end.
                    driver.keep_layout(&layout);
                }
            }
            Effect::Offers => self.offers(),
            Effect::Start(choice) => self.start(choice),
            Effect::ExamGoTo(task) => self.exam_go_to(task),
            Effect::ExamFlag(task) => self.exam_flag(task),
            Effect::ExamTick => self.exam_tick(),
            Effect::ExamFinish => self.exam_finish(),
            Effect::Cancel => {
                if let Some(work) = self.work.take() {
                    work.abort();
                }
            }
            Effect::Mouseable(on) => {
                let _ = guard::set_mouse(on);
            }
            Effect::Suspend => return Done::Suspend,
            Effect::Redraw => return Done::Redraw,
            Effect::Quit => return Done::Quit,
        }
        Done::Quietly
    }

    fn spawn<F, T>(&self, work: F) -> Option<AbortHandle>
    where
        F: FnOnce(Arc<dyn Driver>, Sender<Message>) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let driver = Arc::clone(self.driver.as_ref()?);
        Some(self.handle.spawn(work(driver, self.messages.clone())).abort_handle())
    }

    /// Ends the shells and the lab.
    pub fn close(mut self) {
        self.terminals.clear();
        let limit = Duration::from_secs(10);
        let (session, driver) = (self.session.take(), self.driver.take());
        let close = async move {
            match (session, driver) {
                (Some(session), _) => session.close().await,
                (None, Some(driver)) => driver.close().await,
                (None, None) => {}
            }
        };
        let _ = self.handle.block_on(async { tokio::time::timeout(limit, close).await });
    }
}
