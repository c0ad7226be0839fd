//! The real program in a terminal of its own: types, waits for what shows, and keeps what was written with its time.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cks_lab::terminal::Screen;
use cks_lab::terminal::screen::Request;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::scenes::{Scene, Step};

/// How long something may take to show.
const LIMIT: Duration = Duration::from_secs(60);
/// How long it must be quiet before the screen counts as drawn.
const QUIET: Duration = Duration::from_millis(300);
/// The longest wait for the program that a film shows, in seconds.
const PATIENCE: f64 = 0.4;
/// Between two keys of a film, in seconds.
const KEY: f64 = 0.05;

/// What was written, and when in the film.
pub type Event = (f64, Vec<u8>);

/// A program that is filmed.
pub struct Recorder {
    pub screen: Screen,
    pub events: Vec<Event>,
    /// The film's clock: it goes faster than the machine where nothing happens.
    clock: f64,
    output: Receiver<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Recorder {
    /// Starts the program as a scene asks for.
    pub fn start(program: &Path, home: &Path, scene: &Scene) -> Result<Self> {
        let size = PtySize { rows: scene.rows, cols: scene.columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size)?;
        std::fs::create_dir_all(home.join("config/cks-lab"))?;
        std::fs::write(home.join("config/cks-lab/config.yaml"), scene.config)?;
        let mut command = CommandBuilder::new(program);
        command.args(scene.arguments);
        command.env("CKS_LAB_HOME", home);
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for name in ["NO_COLOR", "KUBECONFIG", "LC_ALL", "LC_MESSAGES", "CKS_LAB_PROMPT"] {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let keyboard = pair.master.take_writer()?;
        let mut reader = pair.master.try_clone_reader()?;
        let (send, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if send.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (ask, answers) = channel();
        let ask = Mutex::new(ask);
        let screen = Screen::new(
            scene.columns,
            scene.rows,
            Arc::new(move |request| {
                if let (Request::Answer(bytes), Ok(ask)) = (request, ask.lock()) {
                    let _ = ask.send(bytes);
                }
            }),
        );
        let (events, clock) = (Vec::new(), 0.0);
        Ok(Self { screen, events, clock, output, answers, keyboard, child, _master: pair.master })
    }

    /// Does all that a scene says.
    pub fn play(&mut self, steps: &[Step]) -> Result<()> {
        for step in steps {
            match step {
                Step::Shows(text) => self.wait_for(text)?,
                Step::Keys(keys) => {
                    self.keyboard.write_all(keys.as_bytes())?;
                    self.settle(QUIET)?;
                }
                Step::Types(text) => {
                    self.wait_until("a prompt", at_prompt)?;
                    self.enter(text)?;
                    self.clock += 6.0 * KEY;
                    self.keyboard.write_all(b"\r")?;
                }
                Step::Enters(text) => self.enter(text)?,
                Step::Looks(seconds) => {
                    self.settle(QUIET)?;
                    self.clock += seconds;
                }
            }
        }
        self.settle(QUIET)
    }

    fn enter(&mut self, text: &str) -> Result<()> {
        for key in text.chars() {
            self.clock += KEY;
            write!(self.keyboard, "{key}")?;
            self.settle(Duration::from_millis(40))?;
        }
        Ok(())
    }

    /// The film's length so far.
    pub fn seconds(&self) -> f64 {
        self.clock
    }

    fn wait_for(&mut self, text: &str) -> Result<()> {
        self.wait_until(text, |lines| lines.iter().any(|line| line.contains(text)))
    }

    fn wait_until(&mut self, what: &str, holds: impl Fn(&[String]) -> bool) -> Result<()> {
        let begun = Instant::now();
        while !holds(&self.screen.lines()) {
            if !self.take(LIMIT.saturating_sub(begun.elapsed()))? {
                bail!("{what:?} did not show up in:\n{}", self.screen.lines().join("\n"));
            }
        }
        Ok(())
    }

    fn settle(&mut self, quiet: Duration) -> Result<()> {
        while self.take(quiet)? {}
        Ok(())
    }

    /// Takes in what is written within a time; whether anything was.
    fn take(&mut self, limit: Duration) -> Result<bool> {
        let begun = Instant::now();
        let Ok(bytes) = self.output.recv_timeout(limit) else { return Ok(false) };
        self.clock += begun.elapsed().as_secs_f64().min(PATIENCE);
        self.screen.feed(&bytes);
        self.events.push((self.clock, bytes));
        for bytes in self.answers.try_iter() {
            self.keyboard.write_all(&bytes)?;
        }
        Ok(true)
    }
}

/// Whether the last line of the shell, above the footer, is a prompt with nothing behind it.
fn at_prompt(lines: &[String]) -> bool {
    let right = |line: &String| line.rsplit_once('│').map_or(line.clone(), |(_, right)| right.to_owned());
    let last = lines.iter().rev().skip(1).map(right).find(|line| !line.trim().is_empty());
    last.is_some_and(|line| line.trim_end().ends_with('$'))
}
