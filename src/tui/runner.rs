//! Does what the state wants done: shells, checks, the clipboard.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use base64::Engine;
use crossterm::event::{KeyModifiers, MouseButton, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use super::driver::Driver;
use super::effect::Effect;
use super::event::{Course, Event, TabId, Trouble};
use super::guard;
use super::view::Screens;
use crate::error::Result;
use crate::lab::{LabEvent, Phase};
use crate::node::Process;
use crate::terminal::screen::{ScrollBy, Select};
use crate::terminal::{Terminal, encode};

/// Lines that one notch of the wheel scrolls the shell.
const WHEEL: i32 = 3;

/// How many requests the X-ray shows.
const REQUESTS: usize = 200;

/// What comes to the main loop.
pub enum Message {
    /// Something happened.
    Event(Event),
    /// The lab is up.
    Opened(Arc<dyn Driver>, Box<Course>),
    /// A shell's process started, or did not.
    Process(TabId, Result<Process>),
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
    driver: Option<Arc<dyn Driver>>,
    terminals: HashMap<TabId, Terminal>,
    size: (u16, u16),
    work: Option<AbortHandle>,
    clicks: Clicks,
}

impl Screens for Runner {
    fn draw(&self, tab: TabId, buffer: &mut Buffer, area: Rect, colours: bool) -> Option<Position> {
        let terminal = self.terminals.get(&tab)?;
        terminal.seen();
        terminal.with(|screen| screen.draw(buffer, area, colours))
    }

    fn scrolled(&self, tab: TabId) -> (usize, usize) {
        self.terminals.get(&tab).map_or((0, 0), |terminal| terminal.with(|screen| screen.scrolled()))
    }
}

impl Runner {
    /// Makes a runner whose work is done on `handle`'s runtime and told to `messages`.
    pub fn new(handle: Handle, messages: Sender<Message>) -> Self {
        Self {
            handle,
            messages,
            driver: None,
            terminals: HashMap::new(),
            size: (80, 24),
            work: None,
            clicks: Clicks::default(),
        }
    }

    fn tell(&self, event: Event) {
        let _ = self.messages.send(event.into());
    }

    /// Takes the lab that came up, and passes its events on.
    pub fn opened(&mut self, driver: Arc<dyn Driver>) {
        let mut events = driver.events();
        let (messages, told) = (self.messages.clone(), Arc::clone(&driver));
        self.driver = Some(driver);
        self.handle.spawn(async move {
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
    }

    /// Takes a shell's process, and gives it its terminal.
    pub fn process(&mut self, tab: TabId, process: Result<Process>) -> Event {
        let messages = self.messages.clone();
        let (columns, rows) = self.size;
        let _runtime = self.handle.enter();
        let terminal = process.and_then(|process| {
            Terminal::start(process, columns, rows, move |notice| {
                let _ = messages.send(Event::Terminal(tab, notice).into());
            })
        });
        let result = terminal.map(|terminal| drop(self.terminals.insert(tab, terminal)));
        Event::Shell(tab, result.map_err(Trouble::from))
    }

    /// Does something.
    pub fn run(&mut self, effect: Effect) -> Done {
        match effect {
            Effect::OpenShell { tab, node } => {
                let (columns, rows) = self.size;
                self.spawn(move |driver, messages| async move {
                    let process = driver.shell(&node, columns, rows).await;
                    let _ = messages.send(Message::Process(tab, process));
                });
            }
            Effect::CloseShell(tab) => drop(self.terminals.remove(&tab)),
            Effect::Resize(columns, rows) => {
                self.size = (columns, rows);
                for terminal in self.terminals.values() {
                    terminal.resize(columns, rows);
                }
            }
            Effect::Key(tab, key) => {
                return self.with(tab, |terminal| {
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
            Effect::Paste(tab, text) => {
                return self.with(tab, |terminal| {
                    terminal.send(encode::paste(&text, terminal.modes()));
                    Done::Quietly
                });
            }
            Effect::Run { tab, text, interrupt } => {
                return self.with(tab, |terminal| {
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
            Effect::Mouse { tab, kind, column, row, modifiers } => {
                return self.mouse(tab, kind, column, row, modifiers);
            }
            Effect::Focus(tab, gained) => {
                return self.with(tab, |terminal| {
                    terminal.send(encode::focus(gained, terminal.modes()));
                    Done::Quietly
                });
            }
            Effect::Scroll(tab, by) => return self.on_screen(tab, |screen| screen.scroll(by)),
            Effect::CopyMode(tab, on) => {
                self.on_screen(tab, |screen| screen.set_copying(on));
                self.tell(Event::CopyMode(tab, on));
                return Done::Drawable;
            }
            Effect::CopyMove(tab, motion) => return self.on_screen(tab, |screen| screen.copy_move(motion)),
            Effect::CopyMark(tab, lines) => return self.on_screen(tab, |screen| screen.copy_mark(lines)),
            Effect::CopyTake(tab) => {
                let text = self.terminals.get(&tab).and_then(|t| t.with(|screen| screen.selected()));
                match text {
                    Some(text) => self.copy(&text),
                    None => {
                        self.tell(Event::Notice("Nothing was selected; v starts a selection.".to_owned()))
                    }
                }
                return self.run(Effect::CopyMode(tab, false));
            }
            Effect::CopySearch { tab, text, backwards } => {
                let found =
                    self.terminals.get(&tab).map(|t| t.with(|screen| screen.search(&text, backwards)));
                if found == Some(false) {
                    self.tell(Event::Notice(format!("{text:?} is not in the shell's output.")));
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
                if let Some(log) = self.driver.as_ref().and_then(|driver| driver.audit()) {
                    let mut entries = log.since(0);
                    entries.drain(..entries.len().saturating_sub(REQUESTS));
                    self.tell(Event::Requests(entries));
                }
            }
            Effect::Cancel => {
                if let Some(work) = self.work.take() {
                    work.abort();
                }
            }
            Effect::Mouseable(on) => {
                let _ = guard::set_mouse(on);
            }
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

    fn with(&self, tab: TabId, f: impl FnOnce(&Terminal) -> Done) -> Done {
        self.terminals.get(&tab).map_or(Done::Quietly, f)
    }

    fn on_screen(&self, tab: TabId, f: impl FnOnce(&mut crate::terminal::Screen)) -> Done {
        self.with(tab, |terminal| {
            terminal.with(f);
            Done::Drawable
        })
    }

    fn mouse(
        &mut self,
        tab: TabId,
        kind: MouseEventKind,
        column: u16,
        row: u16,
        modifiers: KeyModifiers,
    ) -> Done {
        let Some(terminal) = self.terminals.get(&tab) else { return Done::Quietly };
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

    /// Puts a text on the clipboard of whoever sits at the terminal, over any number of hops (OSC 52).
    fn copy(&self, text: &str) {
        use std::io::Write;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        let mut out = std::io::stdout();
        let written = write!(out, "\x1b]52;c;{encoded}\x07").and_then(|()| out.flush());
        if written.is_ok() {
            self.tell(Event::Copied(text.chars().count()));
        }
    }

    /// Ends the shells and the lab.
    pub fn close(mut self) {
        self.terminals.clear();
        if let Some(driver) = self.driver.take() {
            let limit = Duration::from_secs(10);
            let _ = self.handle.block_on(async { tokio::time::timeout(limit, driver.close()).await });
        }
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
