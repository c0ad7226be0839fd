//! The terminal program a learner sits in.
//!
//! ```text
//! key, mouse, lab, terminal -> Event -> State::update -> Effect -> Runner -> Event
//!                                          |
//!                                        view (draws the state, does nothing else)
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`event`], [`action`], [`effect`] | what happens, what can be asked for, what is to be done |
//! | [`state`] | all that the program knows, and how it changes; pure |
//! | [`keymap`], [`palette`] | the one key table, and the commands found by typing |
//! | [`layout`], [`tiles`], [`theme`], [`markdown`], [`view`] | the state as a picture |
//! | [`selection`] | text of the lesson that is selected with the mouse |
//! | [`xray`] | requests to the API server, explained |
//! | [`starter`], [`offer`], [`exam`] | what a learner can begin with, and exams |
//! | [`driver`], [`runner`] | the lab, and the work that effects ask for |
//! | [`guard`], [`clipboard`], [`config`], [`saved`] | the window's terminal, a learner's settings, what is kept |

use std::io::{self, BufWriter, IsTerminal, Stdout};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crossterm::event::{Event as Input, EventStream};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use futures::StreamExt;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;

use self::config::Config;
use self::effect::Effect;
use self::event::{Event, Trouble};
use self::guard::Guard;
use self::runner::{Done, Message, Runner};
use self::starter::{Choice, Labs, Starter};
use self::state::{Drawn, Stage, State};
use crate::error::{Context, Error, ExitCode, Result};
use crate::lab::Options;
use crate::text::tr;

pub mod action;
pub mod clipboard;
pub mod config;
pub mod driver;
pub mod effect;
pub mod event;
pub mod exam;
#[cfg(test)]
mod fixture;
pub mod guard;
pub mod keymap;
pub mod layout;
pub mod markdown;
pub mod offer;
pub mod palette;
pub mod runner;
pub mod saved;
pub mod selection;
pub mod session;
pub mod starter;
pub mod state;
pub mod theme;
pub mod tiles;
pub mod view;
pub mod xray;

/// The least time between two frames while output floods in.
const FRAME: Duration = Duration::from_millis(12);

/// Runs the program on a lesson or an exam: the first frame at once, the lab behind it.
pub fn run(options: Options, exam: bool) -> Result<ExitCode> {
    let first = Some(Choice { id: options.lesson.clone(), exam });
    let (config, notices) = Config::load();
    run_with(config, notices, first, Arc::new(Labs(options)))
}

/// Runs the program from its first screen on, where a learner chooses.
pub fn choose(options: Options) -> Result<ExitCode> {
    let (config, notices) = Config::load();
    run_with(config, notices, None, Arc::new(Labs(options)))
}

/// Runs the program on what `starter` brings up: what is named `first`, or what is chosen.
pub fn run_with(
    config: Config,
    notices: Vec<String>,
    first: Option<Choice>,
    starter: Arc<dyn Starter>,
) -> Result<ExitCode> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Error::new(tr!(tui_needs_terminal)).hint(tr!(tui_run_in_one)));
    }
    if std::env::var("TERM").is_ok_and(|term| term == "dumb") {
        return Err(Error::new(tr!(tui_dumb)).hint(tr!(tui_set_term)));
    }
    let what = || tr!(tui_terminal_unusable).to_owned();
    let (messages, inbox) = channel();
    let told = std::sync::Mutex::new(messages.clone());
    guard::hook(move |text| {
        let told = told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let _ = told.send(Event::Notice(text).into());
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context_what(|| tr!(tui_no_threads).to_owned())?;
    // Before the terminal is taken: from then on a signal must not end the program without giving it back.
    signals(&runtime, &messages);
    let guard = Guard::take(config.mouse).context_what(what)?;
    let mut window = Window::new().context_what(what)?;
    let size = window.terminal.size().context_what(what)?;
    let mut state = State::new((size.width, size.height), config);
    state.lone = session::lone();
    if first.is_none() {
        state.stage = Stage::Picking;
    }
    if !notices.is_empty() {
        state.say(notices.join("; "));
    }
    // The first frame needs no lab.
    let mut drawn = window.draw(&state, &Nothing).context_what(what)?;
    state.dirty = false;

    let mut runner = Runner::new(runtime.handle().clone(), messages.clone(), &state.config, starter);
    runner.run(first.map_or(Effect::Offers, Effect::Start));
    for effect in state.update(Event::Resize(size.width, size.height), &drawn) {
        runner.run(effect);
    }
    runtime.spawn(listen(messages));

    let ended = main_loop(&mut window, &mut state, &mut runner, &inbox, &mut drawn);
    drop(guard);
    // A lab that came up while the program was ending is closed, too.
    while let Ok(message) = inbox.try_recv() {
        if let Message::Opened(opened) = message {
            runner.opened(opened.driver, opened.session);
        }
    }
    runner.close();
    runtime.shutdown_timeout(Duration::from_millis(200));
    ended.context_what(|| tr!(tui_window_undrawn).to_owned())?;
    match state.stage {
        // It was read in the window already; said again, it stays on the screen and gives the exit status.
        Stage::Failed(Trouble { what, why, hints }) => Err(Error { what, why, hints, code: ExitCode::Error }),
        _ => Ok(ExitCode::Ok),
    }
}

/// The window, with a buffer so that a frame is one write.
struct Window {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    /// The signal that continues a program which stopped itself is still to come.
    continues: bool,
}

impl Window {
    fn new() -> io::Result<Self> {
        let out = BufWriter::with_capacity(64 * 1024, io::stdout());
        Ok(Self { terminal: Terminal::new(CrosstermBackend::new(out))?, continues: false })
    }

    /// Empties the window, so that the next frame draws every cell. `Terminal::clear` would ask the terminal where its cursor is,
    /// and the answer goes to whoever reads the keys.
    fn renew(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    fn draw(&mut self, state: &State, screens: &dyn view::Screens) -> io::Result<Drawn> {
        let mut drawn = Drawn::default();
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| drawn = view::draw(frame, state, screens))?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        io::Write::flush(self.terminal.backend_mut())?;
        Ok(drawn)
    }
}

/// Screens before there are any.
struct Nothing;

impl view::Screens for Nothing {
    fn draw(
        &self,
        _: event::PaneId,
        _: &mut ratatui::buffer::Buffer,
        _: ratatui::layout::Rect,
        _: bool,
    ) -> Option<ratatui::layout::Position> {
        None
    }

    fn scrolled(&self, _: event::PaneId) -> (usize, usize) {
        (0, 0)
    }
}

/// Seconds spent: those before this run, and those since.
struct Clock {
    before: u64,
    since: Instant,
}

impl Clock {
    fn seconds(&self) -> u64 {
        self.before + self.since.elapsed().as_secs()
    }

    /// How long until the next second.
    fn next(&self) -> Duration {
        Duration::from_nanos(1_000_000_000 - u64::from(self.since.elapsed().subsec_nanos()))
    }
}

fn main_loop(
    window: &mut Window,
    state: &mut State,
    runner: &mut Runner,
    inbox: &Receiver<Message>,
    drawn: &mut Drawn,
) -> io::Result<()> {
    let mut clock = Clock { before: 0, since: Instant::now() };
    let mut last_frame = Instant::now().checked_sub(FRAME).unwrap_or_else(Instant::now);
    loop {
        let wait = FRAME.saturating_sub(last_frame.elapsed());
        if state.dirty && wait.is_zero() {
            state.dirty = false;
            *drawn = window.draw(state, runner)?;
            last_frame = Instant::now();
            // Whoever sees the window in its new size may type already.
            let (width, height) = drawn.size;
            if drawn.size != state.size && handle(Event::Resize(width, height), window, state, runner, drawn)?
            {
                return Ok(());
            }
        }
        let timeout = if state.dirty { wait } else { clock.next() };
        let mut message = match inbox.recv_timeout(timeout) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        // What has come meanwhile is taken together, so that a burst of events costs one frame.
        while let Some(next) = message {
            let event = match next {
                Message::Event(event) => event,
                Message::Opened(opened) => {
                    runner.opened(opened.driver, opened.session);
                    clock = Clock { before: opened.course.standing.seconds, since: Instant::now() };
                    Event::Opened(opened.course)
                }
                Message::KeyboardProtocol => {
                    guard::keyboard_protocol()?;
                    message = inbox.try_recv().ok();
                    continue;
                }
                Message::Process(pane, process) => runner.process(pane, process),
                Message::File { pane, node, path, found } => runner.file(pane, node, &path, found),
                Message::Saved(pane, path, result, quit) => {
                    runner.saved(pane, path, result, quit);
                    state.dirty = true;
                    message = inbox.try_recv().ok();
                    continue;
                }
                Message::Continued => {
                    if !std::mem::take(&mut window.continues) {
                        continued(window, state, runner, drawn)?;
                    }
                    message = inbox.try_recv().ok();
                    continue;
                }
            };
            if handle(event, window, state, runner, drawn)? {
                return Ok(());
            }
            message = inbox.try_recv().ok();
        }
        if clock.seconds() != state.seconds {
            handle(Event::Clock(clock.seconds()), window, state, runner, drawn)?;
        }
    }
}

/// Takes an event in and does what follows; `true` is the end.
fn handle(
    event: Event,
    window: &mut Window,
    state: &mut State,
    runner: &mut Runner,
    drawn: &mut Drawn,
) -> io::Result<bool> {
    for effect in state.update(event, drawn) {
        match runner.run(effect) {
            Done::Quietly => {}
            Done::Drawable => state.dirty = true,
            Done::Redraw => {
                window.renew()?;
                state.dirty = true;
            }
            Done::Suspend => suspend(window, state, runner, drawn)?,
            Done::Quit => return Ok(true),
        }
    }
    Ok(false)
}

/// Gives the terminal back and stops, as Ctrl-Z does with other programs; goes on when it is continued.
fn suspend(window: &mut Window, state: &mut State, runner: &mut Runner, drawn: &mut Drawn) -> io::Result<()> {
    guard::give_back();
    window.continues = true;
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)?;
    continued(window, state, runner, drawn)
}

/// Takes the terminal again: whoever had it meanwhile may have left it in any state and size.
fn continued(
    window: &mut Window,
    state: &mut State,
    runner: &mut Runner,
    drawn: &mut Drawn,
) -> io::Result<()> {
    guard::retake(state.config.mouse)?;
    window.renew()?;
    state.dirty = true;
    let size = window.terminal.size()?;
    handle(Event::Resize(size.width, size.height), window, state, runner, drawn).map(drop)
}

/// Reads keys and mouse until the runtime ends: from then on what is typed is for whoever asks next.
async fn listen(messages: Sender<Message>) {
    // The answer comes the way of the keys. The first frame is there already, and the lab comes up meanwhile.
    if tokio::task::spawn_blocking(guard::asked_for_keyboard_protocol).await.unwrap_or(false)
        && messages.send(Message::KeyboardProtocol).is_err()
    {
        return;
    }
    let mut inputs = EventStream::new();
    while let Some(input) = inputs.next().await {
        let event = match input {
            Ok(Input::Key(key)) => Event::Key(key),
            Ok(Input::Mouse(mouse)) => Event::Mouse(mouse),
            Ok(Input::Paste(text)) => Event::Paste(text),
            Ok(Input::Resize(width, height)) => Event::Resize(width, height),
            Ok(Input::FocusGained) => Event::Focus(true),
            Ok(Input::FocusLost) => Event::Focus(false),
            Err(_) => Event::Terminate,
        };
        let last = matches!(event, Event::Terminate);
        if messages.send(event.into()).is_err() || last {
            return;
        }
    }
}

/// Tells of signals: those that end the program, that stop it, and that it was continued.
fn signals(runtime: &tokio::runtime::Runtime, messages: &Sender<Message>) {
    use tokio::signal::unix::{SignalKind, signal};
    let _context = runtime.enter();
    let message: [(i32, fn() -> Message); 6] = [
        (libc::SIGTERM, || Event::Terminate.into()),
        (libc::SIGHUP, || Event::Terminate.into()),
        (libc::SIGINT, || Event::Terminate.into()),
        (libc::SIGQUIT, || Event::Terminate.into()),
        (libc::SIGTSTP, || Event::Suspend.into()),
        (libc::SIGCONT, || Message::Continued),
    ];
    for (number, message) in message {
        let Ok(mut stream) = signal(SignalKind::from_raw(number)) else { continue };
        let messages = messages.clone();
        runtime.spawn(async move {
            while stream.recv().await.is_some() {
                let _ = messages.send(message());
            }
        });
    }
}
