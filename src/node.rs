//! A node of the cluster: its shells, its files, its tools.
//!
//! [`Node`] is what checks, the lab and the TUI see, whatever stands behind it: namespaces of this machine
//! ([`linux`]), a plain directory where namespaces are refused ([`plain`]), or a machine of a live cluster.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;

pub mod linux;
pub mod local;
pub mod plain;
pub mod plan;
pub mod ssh;
pub mod tools;
pub mod watch;

/// What to run on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments; an empty vector is the login shell, interactive.
    pub argv: Vec<String>,
    /// Environment on top of the node's own (`HOME`, `PATH`, `LANG`, ...).
    pub env: Vec<(String, String)>,
    /// Working directory; the home of root where it is `None`.
    pub cwd: Option<String>,
}

impl Command {
    /// The login shell.
    pub fn shell() -> Self {
        Self::default()
    }

    /// A program with its arguments.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// A script for `bash -c`.
    pub fn script(script: impl Into<String>) -> Self {
        Self::new(["bash".to_owned(), "-c".to_owned(), script.into()])
    }
}

/// Where a command's input comes from and its output goes.
#[derive(Debug)]
pub enum Io {
    /// The caller's own descriptors.
    Fds {
        /// Standard input.
        stdin: OwnedFd,
        /// Standard output.
        stdout: OwnedFd,
        /// Standard error.
        stderr: OwnedFd,
    },
    /// A new terminal of this size on the node; its master comes back in [`Process::pty`].
    Pty {
        /// Width in cells.
        columns: u16,
        /// Height in cells.
        rows: u16,
        /// What `TERM` is inside.
        term: String,
    },
}

/// A command that runs on a node.
///
/// Dropping it neither ends nor waits for the command; closing the terminal does what closing a terminal does.
#[derive(Debug)]
pub struct Process {
    /// Its process id, as the node counts them, where that is known.
    pub pid: Option<u32>,
    /// The terminal's master, where a terminal was asked for.
    pub pty: Option<OwnedFd>,
    /// Sends a signal number to the command's process group.
    pub signal: tokio::sync::mpsc::UnboundedSender<i32>,
    /// The exit status, 128 + the signal for a killed one, as a shell counts.
    pub exit: tokio::sync::oneshot::Receiver<i32>,
}

/// What a command printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + the signal for a killed one.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, bad UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// How well a node is separated from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Own user, mount, PID, UTS, IPC and network namespaces.
    Namespaces,
    /// Only a directory of its own; paths differ from a real node's.
    Plain,
    /// Another machine or container.
    Remote,
}

/// A node's shells and files.
#[async_trait]
pub trait Node: Send + Sync {
    /// The name that lessons call it: `controlplane`, `node01`.
    fn name(&self) -> &str;

    /// How it is separated from this machine.
    fn isolation(&self) -> Isolation;

    /// Where the node's root file system is on this machine, if it is here.
    fn root(&self) -> Option<PathBuf>;

    /// Turns a path of the node into what a learner types there; differs only in the plain mode.
    fn shown_path(&self, path: &str) -> String {
        path.to_owned()
    }

    /// Starts a command.
    async fn spawn(&self, command: Command, io: Io) -> Result<Process>;

    /// Starts a process that stands for a program which runs elsewhere: it has these words and does nothing. Nothing comes
    /// back where a node can have none.
    async fn stand_in(&self, _words: &[String]) -> Result<Option<Process>> {
        Ok(None)
    }

    /// Runs a command to its end with `stdin` as its input; ends it after `limit`.
    async fn run(&self, command: Command, stdin: &[u8], limit: Duration) -> Result<Output>;

    /// Reads a whole file; `Ok(None)` where there is none.
    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// Writes a whole file atomically, keeping owner and mode of one that is there.
    async fn write_file(&self, path: &str, content: &[u8]) -> Result<()>;

    /// The names in a directory, sorted bytewise; `Ok(None)` where there is none.
    async fn list_dir(&self, path: &str) -> Result<Option<Vec<String>>>;

    /// Removes a file; nothing happens where there is none.
    async fn remove_file(&self, path: &str) -> Result<()>;

    /// Opens a TCP listener at an address of the node's own network.
    async fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener>;

    /// Ends everything that runs on the node, as a machine that goes down does; does nothing where that is not for the lab to do.
    async fn end_all(&self) -> Result<()> {
        Ok(())
    }

    /// Connects to an address as the node reaches it.
    async fn connect(&self, address: SocketAddr) -> std::io::Result<tokio::net::TcpStream> {
        tokio::net::TcpStream::connect(address).await
    }
}
