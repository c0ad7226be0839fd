//! The real program in a real terminal: keys in, picture out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cks_lab::terminal::Screen;
use cks_lab::terminal::screen::Request;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a condition may take on a slow machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The program in a terminal of its own.
struct Window {
    screen: Screen,
    /// Everything the program wrote.
    raw: Vec<u8>,
    output: Receiver<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    keyboard: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Window {
    fn open(home: &Path, columns: u16, rows: u16, arguments: &[&str]) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_cks-lab"));
        command.args(arguments);
        command.env("CKS_LAB_HOME", home);
        command.env("XDG_CONFIG_HOME", home.join("config"));
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for name in ["NO_COLOR", "KUBECONFIG", "LC_ALL", "LC_CTYPE"] {
            command.env_remove(name);
        }
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
        Self { screen, raw: Vec::new(), output, answers, keyboard, master: pair.master, child }
    }

    fn text(&self) -> String {
        self.screen.lines().join("\n")
    }

    /// The text right of the line between the panes, or all where there is none.
    fn shell(&self) -> String {
        let right = |line: String| {
            line.rsplit_once('│').map_or(line.clone(), |(_, right)| right.trim_end().to_owned())
        };
        self.screen.lines().into_iter().map(right).collect::<Vec<_>>().join("\n")
    }

    fn wait_until(&mut self, what: &str, predicate: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + LIMIT;
        while !predicate(self) {
            match self.output.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(bytes) => {
                    self.screen.feed(&bytes);
                    self.raw.extend(bytes);
                    for bytes in self.answers.try_iter() {
                        self.keyboard.write_all(&bytes).unwrap();
                    }
                }
                Err(error) => panic!("waited in vain until {what} ({error}); the screen is\n{}", self.text()),
            }
        }
    }

    fn shows(&mut self, text: &str) {
        self.wait_until(&format!("{text:?} shows"), |window| window.text().contains(text));
    }

    /// Waits until the shell shows a text, wherever its lines are broken.
    fn shell_shows(&mut self, text: &str) {
        let close = |text: &str| text.split_whitespace().collect::<String>();
        let wanted = close(text);
        self.wait_until(&format!("{text:?} shows in the shell"), |window| {
            close(&window.shell()).contains(&wanted)
        });
    }

    fn keys(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Types a command at the prompt, and waits for the next prompt.
    fn command(&mut self, prompt: &str, command: &str) {
        self.wait_until(&format!("the prompt {prompt:?} shows"), |window| window.at_prompt(prompt));
        self.keys(command);
        self.wait_until(&format!("{command:?} is echoed"), |window| !window.at_prompt(prompt));
        self.keys("\r");
    }

    /// Whether the last line in the shell is a prompt of this node with nothing behind it.
    fn at_prompt(&self, node: &str) -> bool {
        let shell = self.shell();
        let last = shell.lines().rev().skip(1).find(|line| !line.trim().is_empty()).unwrap_or_default();
        last.contains(node) && last.trim_end().ends_with(['$', '#'])
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.screen.resize(columns, rows);
    }

    fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        let status = std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the program's end, and takes in what it still wrote.
    fn ended(&mut self) -> u32 {
        let limit = Instant::now() + LIMIT;
        loop {
            match self.output.recv_timeout(Duration::from_millis(50)) {
                Ok(bytes) => {
                    self.screen.feed(&bytes);
                    self.raw.extend(bytes);
                }
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

    fn wrote(&self, sequence: &str) -> bool {
        self.raw.windows(sequence.len()).any(|window| window == sequence.as_bytes())
    }

    fn assert_restored(&self) {
        for sequence in [
            "\x1b[?1049l",
            "\x1b[?1000l",
            "\x1b[?1006l",
            "\x1b[?2004l",
            "\x1b[?1004l",
            "\x1b[<1u",
            "\x1b[?25h",
        ] {
            assert!(self.wrote(sequence), "{:?} was not written", sequence.replace('\x1b', "^["));
        }
        let after = rustix_local_flags(&*self.master);
        assert!(after.0 && after.1, "the terminal is still raw");
    }
}

/// Whether the terminal echoes and reads by lines.
fn rustix_local_flags(master: &dyn MasterPty) -> (bool, bool) {
    let name = master.tty_name().unwrap();
    let file = std::fs::File::open(name).unwrap();
    let modes = rustix::termios::tcgetattr(file).unwrap().local_modes;
    (modes.contains(rustix::termios::LocalModes::ECHO), modes.contains(rustix::termios::LocalModes::ICANON))
}

const F1: &str = "\x1bOP";
const F2: &str = "\x1bOQ";
const F5: &str = "\x1b[15~";
const F6: &str = "\x1b[17~";
const F8: &str = "\x1b[19~";
const PREFIX: &str = "\x07";

#[test]
fn a_lab_that_cannot_be_opened_says_why_and_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    std::fs::write(&home, "a file, where a directory should be").unwrap();
    let mut window = Window::open(&home, 80, 24, &["start"]);
    window.shows("Enter leaves");
    window.resize(40, 10);
    window.shows("40x10 is too small");
    window.resize(80, 24);
    window.shows("Enter leaves");
    window.keys("\r");
    assert_eq!(window.ended(), 2);
    window.assert_restored();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let dir = tempfile::tempdir().unwrap();
        let mut window = Window::open(dir.path(), 80, 24, &["start"]);
        window.shows("cks-lab");
        window.wait_until("the keys are listened to", |w| w.wrote("\x1b[?1049h"));
        window.signal(signal);
        window.ended();
        window.assert_restored();
    }
}

#[test]
fn a_learner_does_the_whole_lesson() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Apiserver NodeRestriction");
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window.keys(F8);
    window.shows("step 1/3");
    // Nothing is done yet: the check says so, and what was expected.
    window.keys(F5);
    window.shows("not passed yet");
    window.shows("expected");
    window.keys(F6);
    window.shows("Hint 1 of");

    window.command("controlplane", "ssh node01");
    window.command("node01", "export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    window.command("node01", "k label node controlplane killercoda/one=123");
    window.shows("node/controlplane labeled");
    window.command("node01", "k label node node01 node-restriction.kubernetes.io/one=123");
    window.shows("node/node01 labeled");
    // The tasks tick off by themselves.
    window.wait_until("all tasks are done", |w| w.text().lines().any(all_done));
    window.keys(F5);
    window.shows("F8 turns to the next step");

    window.keys(F8);
    window.shows("step 2/3");
    window.command("node01", "exit");
    window.command("controlplane", "cd /etc/kubernetes/manifests/");
    window.command("controlplane", "cp kube-apiserver.yaml ~/");
    window.command(
        "controlplane",
        "sed -i 's/^    - --tls-cert-file/    - --enable-admission-plugins=NodeRestriction\\n&/' kube-apiserver.yaml; clear",
    );
    window.shows("API DOWN");
    window.shows("API up");
    window.wait_until("all tasks are done", |w| w.text().lines().any(all_done));
    window.keys(F5);
    window.shows("F8 turns to the next step");

    window.keys(F8);
    window.shows("step 3/3");
    window.command("controlplane", "ssh node01");
    window.command("node01", "export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    window.command("node01", "clear; k label node controlplane killercoda/two=123");
    window.shell_shows(r#"Error from server (Forbidden): nodes "controlplane" is forbidden: node "node01" is not allowed to modify node "controlplane""#);
    window.command("node01", "k label node node01 node-restriction.kubernetes.io/two=123");
    window.shell_shows(r#"Error from server (Forbidden): nodes "node01" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/two"#);
    window.command("node01", "k label node node01 test/two=123");
    window.wait_until("all tasks are done", |w| w.text().lines().any(all_done));
    window.keys(F5);
    window.shows("F8 turns to the debrief");
    window.keys(F8);
    window.shows("100 %: passed");
    window.shows("What to take home");

    window.keys(PREFIX);
    window.keys("q");
    window.shows("Leave the lab?");
    window.keys("\r");
    assert_eq!(window.ended(), 0);
    window.assert_restored();
}

/// Whether a line says that all tasks of a step are done: `Tasks 3/3`.
fn all_done(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("Tasks ") else { return false };
    let Some((done, all)) = rest.split_whitespace().next().and_then(|counts| counts.split_once('/')) else {
        return false;
    };
    done == all && done != "0"
}

#[test]
fn the_window_is_resized_and_the_shell_with_it() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 80, 24, &["start"]);
    window.command("controlplane", "stty size");
    window.shows("20 80");
    window.resize(120, 40);
    window.shows("│");
    window.command("controlplane", "clear; stty size");
    window.shows("36 69");
    window.resize(50, 12);
    window.shows("50x12 is too small");
    window.resize(60, 20);
    window.command("controlplane", "clear; stty size");
    window.shows("16 60");
    window.keys(F2);
    window.shows(">Lesson");
    window.keys(F1);
    window.shows("Everywhere");
}

#[test]
fn a_flood_is_stopped_and_keys_still_count() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 80, 24, &["start"]);
    window.command("controlplane", "yes flood");
    window.wait_until("the flood is there", |w| w.text().matches("\nflood").count() > 15);
    window.keys(F2);
    window.shows(">Lesson");
    window.keys(F2);
    window.keys("\x03");
    window.wait_until("the prompt is back", |w| w.at_prompt("controlplane"));
}

#[test]
fn signals_give_the_terminal_back_and_the_lab_resumes() {
    let home = tempfile::tempdir().unwrap();
    for (round, signal) in ["TERM", "HUP", "INT"].into_iter().enumerate() {
        let mut window = Window::open(home.path(), 120, 40, &["start"]);
        if round > 0 {
            window.shows("Welcome back");
            window.keys("\r");
        }
        window.command("controlplane", &format!("clear; cat /root/kept-*; touch /root/kept-{round}"));
        window.wait_until("the command has ended", |w| w.at_prompt("controlplane"));
        window.signal(signal);
        assert_eq!(window.ended(), 0, "{signal}");
        window.assert_restored();
    }
    // Even a killed one.
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Welcome back");
    window.keys("\r");
    window.command("controlplane", "clear; touch /root/kept-killed");
    window.wait_until("the command has ended", |w| w.at_prompt("controlplane"));
    window.signal("KILL");
    window.ended();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Welcome back");
    window.keys("\r");
    window.command("controlplane", "clear; ls /root/kept-*");
    window.shows("kept-killed");
    window.shows("kept-2");
}

#[test]
fn without_a_terminal_it_ends_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cks-lab"))
        .arg("start")
        .env("CKS_LAB_HOME", home.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("needs a terminal") && said.contains("cks-lab up"), "{said}");
    assert!(output.stdout.is_empty());
}
