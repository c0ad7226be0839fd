//! Does what the state wants done: shells, checks, the clipboard.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use crossterm::event::{KeyModifiers, MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use super::clipboard::{self, Way};
use super::config::Config;
use super::driver::Driver;
use super::effect::Effect;
use super::event::{Event, PaneId, Trouble};
use super::exam::of_session;
use super::guard;
use super::starter::{Choice, Opened, Starter, turn};
use super::view::Screens;
use crate::editor::Keys;
use crate::error::Result;
use crate::exam::Session;
use crate::lab::{LabEvent, Phase};
use crate::node::Process;
use crate::terminal::screen::{ScrollBy, Select};
use crate::terminal::{Terminal, encode};
use crate::text::tr;

pub mod editors;

use editors::{Came, Editors, Open};

/// Lines that one notch of the wheel scrolls the shell.
const WHEEL: i32 = 3;

/// What comes to the main loop.
pub enum Message {
    /// Something happened.
    Event(Event),
    /// A lab is up.
    Opened(Opened),
    /// The program was stopped, and goes on.
    Continued,
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

/// The clicks that make a double or triple one.
#[derive(Debug, Default)]
struct Clicks {
    last: Option<(Instant, u16, u16)>,
    count: u8,
}

impl Clicks {
    fn click(&mut self, now: Instant, column: u16, row: u16) -> u8 {
        let again = self.last.is_some_and(|(at, x, y)| {
            now.duration_since(at) < Duration::from_millis(400) && (x, y) == (column, row)
        });
        self.count = if again && self.count < 3 { self.count + 1 } else { 1 };
        self.last = Some((now, column, row));
        self.count
    }
}

/// Does what the state wants done.
pub struct Runner {
    handle: Handle,
    messages: Sender<Message>,
    starter: Arc<dyn Starter>,
    driver: Option<Arc<dyn Driver>>,
    session: Option<Arc<Session>>,
    listening: Option<AbortHandle>,
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

    /// Takes a lab that came up, and passes its events on; those of the one before are let go.
    pub fn opened(&mut self, driver: Arc<dyn Driver>, session: Option<Arc<Session>>) {
        let mut events = driver.events();
        let (messages, told) = (self.messages.clone(), Arc::clone(&driver));
        self.driver = Some(driver);
        self.session = session;
        if let Some(before) = self.listening.take() {
            before.abort();
        }
        let listening = self.handle.spawn(async move {
            loop {
                let event = match events.recv().await {
                    Ok(LabEvent::Server(up)) => Event::Server(up),
                    Ok(LabEvent::Tasks(result)) => Event::Tasks(result),
                    Ok(LabEvent::Graded(result)) => {
                        let _ = messages.send(Event::Tasks(result).into());
                        Event::Standing(told.standing())
                    }
                    Ok(LabEvent::Progress) => Event::Standing(told.standing()),
                    Ok(LabEvent::Notice(text)) => Event::Notice(text),
                    Err(RecvError::Lagged(_)) => Event::Standing(told.standing()),
                    Err(RecvError::Closed) => return,
                };
                if messages.send(event.into()).is_err() {
                    return;
                }
            }
        });
        self.listening = Some(listening.abort_handle());
    }

    /// Brings up what was chosen; tells how far it is and what became of it.
    fn start(&self, choice: Choice) {
        let (starter, messages) = (Arc::clone(&self.starter), self.messages.clone());
        self.handle.spawn(async move {
            let message = match starter.open(choice, Box::new(phases(messages.clone()))).await {
                Ok(opened) => Message::Opened(opened),
                Err(error) => Event::OpenFailed(error.into()).into(),
            };
            let _ = messages.send(message);
        });
    }

    /// Does something with the exam that is held.
    fn on_exam<F, T>(&self, work: F) -> Option<AbortHandle>
    where
        F: FnOnce(Arc<Session>, Sender<Message>) -> T,
        T: Future<Output = ()> + Send + 'static,
    {
        let session = Arc::clone(self.session.as_ref()?);
        Some(self.handle.spawn(work(session, self.messages.clone())).abort_handle())
    }

    /// Takes a shell's process, and gives it its terminal.
    pub fn process(&mut self, pane: PaneId, process: Result<Process>) -> Event {
        let messages = self.messages.clone();
        let (columns, rows) = self.size(pane);
        let _runtime = self.handle.enter();
        let terminal = process.and_then(|process| {
            Terminal::start(process, columns, rows, move |notice| {
                let _ = messages.send(Event::Terminal(pane, notice).into());
            })
        });
        let result = terminal.map(|terminal| drop(self.terminals.insert(pane, terminal)));
        Event::Shell(pane, result.map_err(Trouble::from))
    }

    /// Takes a file that was read, and gives it its editor.
    pub fn file(&mut self, pane: PaneId, node: String, path: &str, found: Result<Option<Vec<u8>>>) -> Event {
        let opened = found.map_err(Trouble::from).and_then(|found| Open::new(self.keys, node, path, found));
        Event::Shell(pane, opened.map(|open| drop(self.editors.insert(pane, open))))
    }

    /// Takes in how saving a file went.
    pub fn saved(
        &mut self,
        pane: PaneId,
        path: PathBuf,
        result: std::result::Result<(), String>,
        quit: bool,
    ) {
        let quit = quit && result.is_ok();
        if let Some(open) = self.editors.get_mut(&pane) {
            let came = open.saved(path, result);
            self.came(pane, Came { quit, ..came });
        }
    }

    /// Does what a key in an editor led to.
    fn came(&self, pane: PaneId, came: Came) -> Done {
        if let Some(modified) = came.modified {
            self.tell(Event::Modified(pane, modified));
        }
        match (came.save, self.editors.get(&pane)) {
            (Some((path, text)), Some(open)) => {
                let node = open.node.clone();
                self.spawn(move |driver, messages| async move {
                    let name = path.to_string_lossy().into_owned();
                    let written = driver.write_file(&node, &name, text.as_bytes()).await;
                    let result = written.map_err(|e| e.to_string().replace('\n', ";"));
                    let _ = messages.send(Message::Saved(pane, path, result, came.quit));
                });
            }
            _ if came.quit => self.tell(Event::EditorClosed(pane)),
            _ => {}
        }
        Done::Drawable
    }

    fn size(&self, pane: PaneId) -> (u16, u16) {
        self.sizes.get(&pane).copied().unwrap_or((80, 24))
    }

    /// Does something.
    pub fn run(&mut self, effect: Effect) -> Done {
        match effect {
            Effect::OpenShell { pane, node } => {
                let (columns, rows) = self.size(pane);
                self.spawn(move |driver, messages| async move {
                    let process = driver.shell(&node, columns, rows).await;
                    let _ = messages.send(Message::Process(pane, process));
                });
            }
            Effect::OpenFile { pane, node, path } => {
                self.spawn(move |driver, messages| async move {
                    let found = driver.read_file(&node, &path).await;
                    let _ = messages.send(Message::File { pane, node, path, found });
                });
            }
            Effect::CompletePath { node, path } => {
                self.spawn(move |driver, messages| async move {
                    let directory = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/");
                    let names = driver.names(&node, directory).await.unwrap_or_default();
                    let (longer, found) = editors::complete(&path, &names);
                    let _ = messages.send(Event::PathCompleted(path, longer, found).into());
                });
            }
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
            Effect::Key(pane, key) => {
                if let Some(open) = self.editors.get_mut(&pane) {
                    let came = open.key(key);
                    return self.came(pane, came);
                }
                return self.with(pane, |terminal| {
                    let (modes, moved) = terminal.with(|screen| {
                        let moved = screen.scrolled().0 > 0 || screen.selected().is_some();
                        if moved {
                            screen.deselect();
                            screen.scroll(ScrollBy::Bottom);
                        }
                        (screen.modes(), moved)
                    });
                    terminal.send(encode::key(&key, modes));
                    if moved { Done::Drawable } else { Done::Quietly }
                });
            }
            Effect::Paste(pane, text) => {
                if let Some(open) = self.editors.get_mut(&pane) {
                    let came = open.paste(&text);
                    return self.came(pane, came);
                }
                return self.with(pane, |terminal| {
                    terminal.send(encode::paste(&text, terminal.modes()));
                    Done::Quietly
                });
            }
            Effect::Run { pane, text, interrupt } => {
                return self.with(pane, |terminal| {
                    terminal.with(|screen| screen.set_copying(false));
                    if interrupt {
                        terminal.send(*b"\x03");
                    }
                    let mut bytes = if text.contains('\n') {
                        encode::paste(&text, terminal.modes())
                    } else {
                        text.into_bytes()
                    };
                    bytes.push(b'\r');
                    terminal.send(bytes);
                    Done::Drawable
                });
            }
            Effect::Mouse { pane, kind, column, row, modifiers } => {
                return self.mouse(pane, kind, column, row, modifiers);
            }
            Effect::Focus(pane, gained) => {
                return self.with(pane, |terminal| {
                    terminal.send(encode::focus(gained, terminal.modes()));
                    Done::Quietly
                });
            }
            Effect::Scroll(pane, by) => return self.on_screen(pane, |screen| screen.scroll(by)),
            Effect::CopyMode(pane, on) => {
                self.on_screen(pane, |screen| screen.set_copying(on));
                self.tell(Event::CopyMode(pane, on));
                return Done::Drawable;
            }
            Effect::CopyMove(pane, motion) => return self.on_screen(pane, |screen| screen.copy_move(motion)),
            Effect::CopyMark(pane, lines) => return self.on_screen(pane, |screen| screen.copy_mark(lines)),
            Effect::CopyTake(pane) => {
                let text = self.terminals.get(&pane).and_then(|t| t.with(|screen| screen.selected()));
                match text {
                    Some(text) => self.copy(&text),
                    None => self.tell(Event::Notice(tr!(tui_nothing_selected).to_owned())),
                }
                return self.run(Effect::CopyMode(pane, false));
            }
            Effect::CopySearch { pane, text, backwards } => {
                let found =
                    self.terminals.get(&pane).map(|t| t.with(|screen| screen.search(&text, backwards)));
                if found == Some(false) {
                    self.tell(Event::Notice(tr!(tui_not_found { text })));
                }
                return Done::Drawable;
            }
            Effect::Copy(text) => self.copy(&text),
            Effect::Check(step) => {
                let work = self.spawn(move |driver, messages| async move {
                    let result = driver.check(step.as_deref()).await.map_err(Trouble::from);
                    let _ = messages.send(Event::Standing(driver.standing()).into());
                    let _ = messages.send(Event::Checked { result, whole: step.is_none() }.into());
                });
                self.work = work;
            }
            Effect::Hint(step) => {
                self.spawn(move |driver, messages| async move {
                    let result = driver.hint(&step).map(|hint| hint.map(|(number, _, _)| number));
                    let _ = messages.send(Event::Standing(driver.standing()).into());
                    let _ = messages.send(Event::Hinted(result.map_err(Trouble::from)).into());
                });
            }
            Effect::Solve(step) => {
                let work = self.spawn(move |driver, messages| async move {
                    let result = driver.solve(&step).await.map_err(Trouble::from);
                    let _ = messages.send(Event::Standing(driver.standing()).into());
                    let _ = messages.send(Event::Solved(result).into());
                });
                self.work = work;
            }
            Effect::GoTo(index) => {
                self.spawn(move |driver, messages| async move {
                    if let Err(error) = driver.go_to(index) {
                        let _ = messages.send(Event::Notice(error.to_string()).into());
                    }
                    let _ = messages.send(Event::Standing(driver.standing()).into());
                });
            }
            Effect::Reset(step) => {
                let work = self.spawn(move |driver, messages| async move {
                    let result = driver.reset(step.as_deref()).await.map_err(Trouble::from);
                    let _ = messages.send(Event::Standing(driver.standing()).into());
                    let _ = messages.send(Event::Reset(result).into());
                });
                self.work = work;
            }
            Effect::Requests => {
                let log = self.driver.as_ref().and_then(|driver| driver.audit());
                self.tell(Event::Requests(log.map(|log| log.since(0))));
            }
            Effect::Cancel => {
                if let Some(work) = self.work.take() {
                    work.abort();
                }
            }
            Effect::Mouseable(on) => {
                let _ = guard::set_mouse(on);
            }
            Effect::KeepLayout(layout) => {
                if let Some(driver) = self.driver.clone() {
                    // At once: the program may be about to end.
                    driver.keep_layout(&layout);
                }
            }
            Effect::Offers => {
                let (starter, messages) = (Arc::clone(&self.starter), self.messages.clone());
                self.handle.spawn_blocking(move || {
                    let _ = messages.send(Event::Offers(starter.offers().map_err(Trouble::from)).into());
                });
            }
            Effect::Start(choice) => self.start(choice),
            Effect::ExamGoTo(task) => {
                self.work = self.on_exam(move |session, messages| async move {
                    let message = match turn(&session, task).await {
                        Ok(opened) => Message::Opened(opened),
                        Err(error) => Event::ExamTurnFailed(error.into()).into(),
                    };
                    let _ = messages.send(message);
                });
            }
            Effect::ExamFlag(task) => {
                if let Some(session) = &self.session {
                    let number = task + 1;
                    self.tell(Event::Notice(match session.flag(task) {
                        Ok(true) => tr!(tui_exam_flag_on { number }),
                        Ok(false) => tr!(tui_exam_flag_off { number }),
                        Err(error) => error.to_string(),
                    }));
                    self.tell(Event::Exam(Box::new(of_session(session))));
                }
            }
            Effect::ExamTick => {
                if let Some(session) = &self.session {
                    let warning = session.warning().unwrap_or_default().map(|warning| warning.0);
                    let (clock, over) = (session.clock(), session.is_over());
                    self.tell(Event::ExamTicked { clock, warning, over });
                }
            }
            Effect::ExamFinish => {
                self.work = self.on_exam(|session, messages| async move {
                    let result = session.finish().await.map_err(Trouble::from);
                    let _ = messages.send(Event::Exam(Box::new(of_session(&session))).into());
                    let _ = messages.send(Event::ExamGraded(result).into());
                });
            }
            Effect::Osc52(text) => {
                use std::io::Write;
                let in_screen = std::env::var_os("STY").is_some();
                let mut out = std::io::stdout();
                let sequence = clipboard::osc52(&text, in_screen);
                if out.write_all(sequence.as_bytes()).and_then(|()| out.flush()).is_ok() {
                    self.tell(Event::Copied(text.chars().count()));
                }
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

    fn with(&self, pane: PaneId, f: impl FnOnce(&Terminal) -> Done) -> Done {
        self.terminals.get(&pane).map_or(Done::Quietly, f)
    }

    fn on_screen(&self, pane: PaneId, f: impl FnOnce(&mut crate::terminal::Screen)) -> Done {
        self.with(pane, |terminal| {
            terminal.with(f);
            Done::Drawable
        })
    }

    fn mouse(
        &mut self,
        pane: PaneId,
        kind: MouseEventKind,
        column: u16,
        row: u16,
        modifiers: KeyModifiers,
    ) -> Done {
        if let Some(open) = self.editors.get_mut(&pane) {
            open.mouse(kind, column, row, modifiers);
            return Done::Drawable;
        }
        let Some(terminal) = self.terminals.get(&pane) else { return Done::Quietly };
        let modes = terminal.modes();
        if !modifiers.contains(KeyModifiers::SHIFT)
            && let Some(bytes) = encode::mouse(kind, column, row, modifiers, modes)
        {
            terminal.send(bytes);
            return Done::Quietly;
        }
        match kind {
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let up = kind == MouseEventKind::ScrollUp;
                if modes.alternate_screen {
                    if modes.alternate_scroll {
                        let arrow = match (up, modes.application_cursor) {
                            (true, true) => "\x1bOA",
                            (true, false) => "\x1b[A",
                            (false, true) => "\x1bOB",
                            (false, false) => "\x1b[B",
                        };
                        terminal.send(arrow.repeat(3).into_bytes());
                    }
                    return Done::Quietly;
                }
                terminal.with(|screen| screen.scroll(ScrollBy::Lines(if up { WHEEL } else { -WHEEL })));
            }
            MouseEventKind::Down(MouseButton::Left) => {
                let clicks = self.clicks.click(Instant::now(), column, row);
                terminal.with(|screen| screen.select(Select::Start(clicks), column, row));
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                terminal.with(|screen| screen.select(Select::Extend, column, row));
            }
            MouseEventKind::Up(MouseButton::Left) => {
                if let Some(text) = terminal.with(|screen| screen.selected()) {
                    self.copy(&text);
                }
            }
            _ => return Done::Quietly,
        }
        Done::Drawable
    }

    /// Puts a text on the clipboard of whoever sits at the terminal.
    fn copy(&self, text: &str) {
        if self.clipboard.is_empty() {
            return self.tell(Event::NotCopied(text.to_owned()));
        }
        let (ways, messages, text) = (Arc::clone(&self.clipboard), self.messages.clone(), text.to_owned());
        self.handle.spawn_blocking(move || {
            let taken = clipboard::give(&ways, &text);
            let event = if taken { Event::Copied(text.chars().count()) } else { Event::NotCopied(text) };
            let _ = messages.send(event.into());
        });
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

/// Tells the main loop of a phase.
pub fn phases(messages: Sender<Message>) -> impl Fn(Phase) + Send + Sync + 'static {
    let messages = std::sync::Mutex::new(messages);
    move |phase| {
        let messages = messages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = messages.send(Event::Phase(phase).into());
    }
}
