//! This program in processes of its own: how tests run it, wait for it and end it.

use std::fmt::Debug;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_cks-lab");

/// The program on a state directory, without a terminal, and without a kubeconfig or taste of the person who runs the tests.
pub fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .env("CKS_LAB_HOME", home)
        .env("TERM", "xterm")
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env_remove("NO_COLOR")
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub fn run(home: &Path, arguments: &[&str]) -> Output {
    command(home, arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a run to its end said, all of it text.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs it to its end; what it says has to be text.
pub fn run_text(home: &Path, arguments: &[&str]) -> Ran {
    let output = run(home, arguments);
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs a line of bash on a node: status, stdout, stderr.
pub fn on(home: &Path, node: &str, script: &str) -> (i32, String, String) {
    let output = run(home, &["exec", node, "--", "bash", "-c", script]);
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Grades a step: status and result.
pub fn check(home: &Path, step: &str) -> (i32, Value) {
    let ran = run_text(home, &["check", step, "--json"]);
    (ran.status, serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stderr)))
}

/// Looks again and again until what is seen is as it should be; that comes back.
pub fn awaited<T: Debug>(what: &str, limit: Duration, look: impl Fn() -> T, holds: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + limit;
    loop {
        let seen = look();
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: {seen:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until something is so.
pub fn until(what: &str, limit: Duration, is: impl Fn() -> bool) {
    awaited(&format!("{what} did not happen"), limit, is, |is| *is);
}

/// Grades until the step passes; its result comes back.
pub fn passes(home: &Path, step: &str, limit: Duration) -> Value {
    awaited(&format!("{step} does not pass"), limit, || check(home, step), |(_, r)| r["passed"] == true).1
}

/// The line on standard output of a lab that is starting (`up --json`), or what it said instead.
pub fn ready(child: &mut Child) -> Result<Value, String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).map_err(|_| {
        let mut said = String::new();
        if let Some(mut stderr) = child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let _ = child.wait();
        said
    })
}

/// Sends a signal and waits for the end: the status, -1 where a signal ended it.
pub fn end(child: &mut Child, signal: rustix::process::Signal, limit: Duration) -> i32 {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
    let until = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        assert!(Instant::now() < until, "the lab does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A lab in another process; dropped, it is killed.
pub struct Up {
    /// The process.
    pub child: Child,
    /// What it printed.
    pub info: Value,
}

impl Up {
    /// Starts a lab.
    pub fn start(home: &Path) -> Self {
        Self::start_with(home, &[])
    }

    /// Starts a lab with more words on its command line.
    pub fn start_with(home: &Path, more: &[String]) -> Self {
        let mut up = command(home, &["up", "--json"]);
        up.args(more);
        Self::by(up)
    }

    /// Starts a lab by a command that is `up --json`.
    pub fn by(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let info = ready(&mut child).unwrap();
        Self { child, info }
    }

    /// The directory in which a plain node's paths are on this machine; none where it has a file system of its own.
    pub fn plain_root(&self, home: &Path, node: &str) -> Option<&str> {
        let root = self.info["nodes"][node]["root"].as_str()?;
        on(home, node, "echo ~").1.starts_with(root).then_some(root)
    }

    /// Sends it a signal and waits for its end: the status, -1 where the signal ended it.
    pub fn signal(&mut self, signal: rustix::process::Signal) -> i32 {
        end(&mut self.child, signal, Duration::from_secs(60))
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The processes that descend from one, and it.
pub fn tree(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parents.push((pid, parent.unwrap_or(0_u32)));
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let of = found[at];
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// Proportional set sizes, in KiB, of a process and those that descend from it: shared pages count once among those who share them.
pub fn memory(root: u32) -> u64 {
    let of = |pid: u32| {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Pss:")).unwrap_or_default().to_owned();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0)
    };
    tree(root).into_iter().map(of).sum()
}
