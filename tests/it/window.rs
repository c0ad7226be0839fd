//! A program in a terminal of its own: keys in, picture out.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cks_lab::terminal::Screen;
use cks_lab::terminal::screen::Request;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a condition may take on a slow machine.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The program in a terminal of its own.
pub struct Window {
    pub screen: Screen,
    /// Everything the program wrote.
    pub raw: Vec<u8>,
    pub output: Receiver<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    pub keyboard: Box<dyn Write + Send>,
    pub master: Box<dyn MasterPty + Send>,
    pub child: Box<dyn Child + Send + Sync>,
    /// Whether this terminal knows kitty's keyboard protocol.
    pub kitty: bool,
}

/// The question whether a terminal knows kitty's keyboard protocol, its answer, and the protocol switched on and off.
pub const KITTY: [&str; 4] = ["\x1b[?u", "\x1b[?0u", "\x1b[>1u", "\x1b[<1u"];

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Window {
    /// The terminal program on a lab's state directory.
    pub fn open(home: &Path, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        Self::open_with(home, columns, rows, arguments, &[])
    }

    /// The same with more of an environment.
    pub fn open_with(
        home: &Path,
        columns: u16,
        rows: u16,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_cks-lab"));
        command.args(arguments);
        command.env("CKS_LAB_HOME", home);
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for name in ["NO_COLOR", "KUBECONFIG", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(name);
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        Self::run(command, columns, rows)
    }

    /// Any program.
    pub fn run(command: CommandBuilder, columns: u16, rows: u16) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
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
            columns,
            rows,
            Arc::new(move |request| {
                if let Request::Answer(bytes) = request {
                    let _ = ask.lock().unwrap().send(bytes);
                }
            }),
        );
        Self { screen, raw: Vec::new(), output, answers, keyboard, master: pair.master, child, kitty: true }
    }

    pub fn text(&self) -> String {
        self.screen.lines().join("\n")
    }

    /// The text right of the line between the panes, or all where there is none.
    pub fn shell(&self) -> String {
        let right = |line: String| {
            line.rsplit_once('│').map_or(line.clone(), |(_, right)| right.trim_end().to_owned())
        };
        self.screen.lines().into_iter().map(right).collect::<Vec<_>>().join("\n")
    }

    pub fn wait_until(&mut self, what: &str, predicate: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + LIMIT;
        while !predicate(self) {
            match self.output.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(bytes),
                Err(error) => panic!("waited in vain until {what} ({error}); the screen is\n{}", self.text()),
            }
        }
    }

    /// Waits for something that the program does not print.
    pub fn wait_until_idle(&mut self, what: &str, condition: impl Fn() -> bool) {
        let limit = Instant::now() + LIMIT;
        while !condition() {
            assert!(Instant::now() < limit, "waited in vain until {what}");
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(20)) {
                self.take(bytes);
            }
        }
    }

    /// Takes in what the program wrote, and answers what it asked.
    fn take(&mut self, bytes: Vec<u8>) {
        self.screen.feed(&bytes);
        let before = self.raw.len().saturating_sub(KITTY[0].len() - 1);
        self.raw.extend(bytes);
        let mut answers: Vec<Vec<u8>> = self.answers.try_iter().collect();
        if self.kitty && find(&self.raw[before..], KITTY[0]) > 0 {
            answers.insert(0, KITTY[1].into());
        }
        for bytes in answers {
            // A program that ended meanwhile does not want it any more.
            let _ = self.keyboard.write_all(&bytes);
        }
    }

    pub fn shows(&mut self, text: &str) {
        self.wait_until(&format!("{text:?} shows"), |window| window.text().contains(text));
    }

    /// Waits until the shell shows a text, wherever its lines are broken.
    pub fn shell_shows(&mut self, text: &str) {
        let close = |text: &str| text.split_whitespace().collect::<String>();
        let wanted = close(text);
        self.wait_until(&format!("{text:?} shows in the shell"), |window| {
            close(&window.shell()).contains(&wanted)
        });
    }

    pub fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Types a command at the prompt, and waits for the next prompt.
    pub fn command(&mut self, prompt: &str, command: &str) {
        self.wait_until(&format!("the prompt {prompt:?} shows"), |window| window.at_prompt(prompt));
        self.keys(command);
        self.wait_until(&format!("{command:?} is echoed"), |window| !window.at_prompt(prompt));
        self.keys("\r");
    }

    /// Whether the last line in the shell is a prompt of this node with nothing behind it.
    pub fn at_prompt(&self, node: &str) -> bool {
        let shell = self.shell();
        let last = shell.lines().rev().skip(1).find(|line| !line.trim().is_empty()).unwrap_or_default();
        last.contains(node) && last.trim_end().ends_with(['$', '#'])
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.screen.resize(columns, rows);
    }

    pub fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        let status = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the program's end, and takes in what it still wrote.
    pub fn ended(&mut self) -> u32 {
        let limit = Instant::now() + LIMIT;
        loop {
            match self.output.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => self.take(bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    assert!(
                        Instant::now() < limit,
                        "the program does not end; the screen is\n{}",
                        self.text()
                    );
                    if self.child.try_wait().unwrap().is_some() {
                        break;
                    }
                }
            }
        }
        self.child.wait().unwrap().exit_code()
    }

    pub fn wrote(&self, sequence: &str) -> bool {
        find(&self.raw, sequence) > 0
    }

    pub fn assert_restored(&self) {
        for sequence in
            ["\x1b[?1049l", "\x1b[?1000l", "\x1b[?1006l", "\x1b[?2004l", "\x1b[?1004l", "\x1b[?25h"]
        {
            assert!(self.wrote(sequence), "{:?} was not written", sequence.replace('\x1b', "^["));
        }
        let [_, _, on, off] = KITTY.map(|sequence| find(&self.raw, sequence));
        assert_eq!(on, off, "the keyboard protocol is given back as often as it was taken");
        let after = rustix_local_flags(&*self.master);
        assert!(after.0 && after.1, "the terminal is still raw");
    }
}

/// How often a sequence is in what was written.
fn find(raw: &[u8], sequence: &str) -> usize {
    raw.windows(sequence.len()).filter(|window| *window == sequence.as_bytes()).count()
}

/// Whether the terminal echoes and reads by lines.
fn rustix_local_flags(master: &dyn MasterPty) -> (bool, bool) {
    let name = master.tty_name().unwrap();
    let file = std::fs::File::open(name).unwrap();
    let modes = rustix::termios::tcgetattr(file).unwrap().local_modes;
    (modes.contains(rustix::termios::LocalModes::ECHO), modes.contains(rustix::termios::LocalModes::ICANON))
}
