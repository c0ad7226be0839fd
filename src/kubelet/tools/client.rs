//! The tools' way to their node: one question over the socket, answers line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::kubelet::socket::{MANAGER, Question, SOCKET};

/// Names the socket where a node has no root of its own.
pub const VARIABLE: &str = "CKS_LAB_NODE_SOCKET";

/// Whom a tool asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// containerd, which may be stopped.
    Runtime,
    /// systemd.
    Manager,
}

/// Where a socket is for this process.
pub fn socket_path(whom: Whom) -> PathBuf {
    let runtime = std::env::var_os(VARIABLE).map(PathBuf::from);
    match (whom, runtime) {
        (Whom::Runtime, runtime) => runtime.unwrap_or_else(|| SOCKET.into()),
        (Whom::Manager, None) => MANAGER.into(),
        // Of a node without a root of its own the one stands beside the other.
        (Whom::Manager, Some(runtime)) => {
            let run = runtime.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
            run.join(MANAGER.trim_start_matches("/run/"))
        }
    }
}

/// The answers to one question.
pub struct Answers(BufReader<UnixStream>);

/// Asks a question.
pub fn ask(whom: Whom, question: &Question) -> io::Result<Answers> {
    ask_at(&socket_path(whom), question)
}

/// Asks a question at a socket.
pub fn ask_at(path: &Path, question: &Question) -> io::Result<Answers> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A path longer than a socket's may be is reached through its directory.
    let directory = File::open(parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    let mut stream = UnixStream::connect(short)?;
    let mut line = serde_json::to_vec(question)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    Ok(Answers(BufReader::new(stream)))
}

impl Answers {
    /// The next answer; `None` at the end.
    pub fn next_message<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&line)?))
    }
}

/// Asks a question that has one answer.
pub fn ask_one<T: DeserializeOwned>(whom: Whom, question: &Question) -> io::Result<T> {
    ask(whom, question)?.next_message()?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
