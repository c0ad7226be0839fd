#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::sync::mpsc::UnboundedReceiver;

use super::*;

/// Starts bash in a terminal of its own, without anybody's start-up files.
fn bash() -> Process {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = std::fs::OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    // Tests may run in the background, where shells have the interrupt ignored.
    let mut child = tokio::process::Command::new("env")
        .args(["--default-signal", "setsid", "--ctty", "--wait", "bash", "--norc", "--noprofile"])
        .env("PS1", "ready$ ")
        .env("TERM", super::super::TERM)
        .stdin(slave.try_clone().unwrap())
        .stdout(slave.try_clone().unwrap())
        .stderr(slave)
        .spawn()
        .unwrap();
    let (tell, exit) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let status = child.wait().await.unwrap();
        let _ = tell.send(status.code().unwrap_or(128));
    });
    Process { pid: None, pty: Some(master), signal: mpsc::unbounded_channel().0, exit }
}

struct Session {
    terminal: Terminal,
    notices: UnboundedReceiver<Notice>,
}

impl Session {
    fn new() -> Self {
        let (tell, notices) = mpsc::unbounded_channel();
        let terminal = Terminal::start(bash(), 40, 10, move |notice| drop(tell.send(notice))).unwrap();
        Self { terminal, notices }
    }

    fn text(&self) -> String {
        self.terminal.with(|screen| screen.lines().join("\n")).trim_end().to_owned()
    }

    async fn wait_until(&mut self, what: &str, predicate: impl Fn(&Self, Option<&Notice>) -> bool) {
        let limit = tokio::time::Instant::now() + Duration::from_secs(30);
        let mut notice = None;
        // What comes after this is told again, also what comes while the screen is looked at.
        while {
            self.terminal.seen();
            !predicate(self, notice.as_ref())
        } {
            match tokio::time::timeout_at(limit, self.notices.recv()).await {
                Ok(Some(next)) => notice = Some(next),
                _ => panic!("waited in vain until {what}; the screen is\n{}", self.text()),
            }
        }
    }

    async fn prompt(&mut self) {
        self.wait_until("the prompt shows", |s, _| s.text().ends_with("ready$")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_answers_knows_its_size_and_ends() {
    let mut session = Session::new();
    session.prompt().await;
    session.terminal.send(*b"stty size\r");
    session.wait_until("the size shows", |s, _| s.text().contains("10 40\n")).await;
    session.terminal.resize(50, 12);
    session.terminal.send(*b"stty size\r");
    session.wait_until("the new size shows", |s, _| s.text().contains("12 50\n")).await;
    session.terminal.send(*b"exit 7\r");
    session.wait_until("the shell has ended", |_, n| n == Some(&Notice::Exited(7))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_stopped_by_ctrl_c() {
    let mut session = Session::new();
    session.prompt().await;
    session.terminal.send(*b"yes flood\r");
    session
        .wait_until("the flood is there", |s, _| s.text().lines().filter(|l| *l == "flood").count() > 8)
        .await;
    session.terminal.send(*b"\x03");
    session.prompt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_paste_arrives_whole() {
    let mut session = Session::new();
    session.prompt().await;
    session.terminal.send(*b"stty raw -echo; echo on\\ly; head -c 300000 | md5sum; stty sane\r");
    session.wait_until("the command reads", |s, _| s.text().contains("only")).await;
    session.terminal.send(vec![b'x'; 300_000]);
    // md5sum of 300,000 times x.
    session
        .wait_until("all of it was read", |s, _| s.text().contains("d408ed46ebcc326f9e7c6bb9c77af1cd"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_terminal_hangs_the_shell_up() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut process = bash();
    let (ended, exit) = tokio::sync::oneshot::channel();
    let real = std::mem::replace(&mut process.exit, exit);
    let terminal = Terminal::start(process, 40, 10, move |notice| drop(tell.send(notice))).unwrap();
    told.recv().await.unwrap();
    drop(terminal);
    let status = tokio::time::timeout(Duration::from_secs(30), real).await.expect("the shell did not end");
    assert!(status.is_ok());
    drop(ended);
}
