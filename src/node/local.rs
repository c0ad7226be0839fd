//! What nodes on this machine share: files below a directory, and running a command to its end.

use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Command, Io, Node, Output};
use crate::error::{Context, Error, Result};
use crate::rooted::{MOST, Rooted};
use crate::text::tr;

/// The files of a node, as the lab reaches them from outside.
///
/// Paths are resolved as inside the node: a link to `/etc/x` means the node's `/etc/x`, and none leads out.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    name: String,
    files: Rooted,
}

impl LocalFiles {
    /// The files of the node `name` below `root`.
    pub fn new(name: &str, root: &Path) -> Self {
        Self { name: name.into(), files: Rooted::new(root) }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        doing: &'static str,
        path: &str,
        work: impl FnOnce(&Rooted, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<Option<T>> {
        let (files, path) = (self.files.clone(), path.to_owned());
        let what = format!("cannot {doing} {path} on {}", self.name);
        let done = tokio::task::spawn_blocking(move || work(&files, &path)).await;
        match done.context_what(|| what.clone())? {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::new(what).why(error)),
        }
    }

    /// See [`Node::read_file`].
    pub async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.blocking("read", path, |files, path| files.read(path)).await
    }

    /// See [`Node::write_file`].
    pub async fn write_file(&self, path: &str, content: &[u8]) -> Result<()> {
        let content = content.to_owned();
        let written = self.blocking("write", path, move |files, path| files.rewrite(path, &content)).await?;
        written.ok_or_else(|| Error::new(tr!(node_no_directory { path, node: self.name })))
    }

    /// See [`Node::list_dir`].
    pub async fn list_dir(&self, path: &str) -> Result<Option<Vec<String>>> {
        let names = self.blocking("list", path, |files, path| files.list(path)).await?;
        Ok(names.map(|names| names.iter().map(|name| name.to_string_lossy().into_owned()).collect()))
    }

    /// See [`Node::remove_file`].
    pub async fn remove_file(&self, path: &str) -> Result<()> {
        self.blocking("remove", path, |files, path| files.remove_file(path)).await.map(|_| ())
    }
}

/// Runs a command to its end by way of pipes; ends it after `limit`. See [`Node::run`].
pub async fn run(node: &dyn Node, command: Command, stdin: &[u8], limit: Duration) -> Result<Output> {
    let what = || tr!(node_cannot_run_command { node: node.name() });
    let pipe = || io::pipe().context_what(what);
    let (their_in, mut our_in) = pipe()?;
    let (our_out, their_out) = pipe()?;
    let (our_err, their_err) = pipe()?;
    let shown = command.argv.join(" ");
    let io = Io::Fds { stdin: their_in.into(), stdout: their_out.into(), stderr: their_err.into() };
    let process = node.spawn(command, io).await?;
    let input = stdin.to_owned();
    // A command that does not read its input closes it: nothing is lost by that.
    tokio::task::spawn_blocking(move || {
        let _ = our_in.write_all(&input);
    });
    let (stdout, stderr) = (Collector::start(our_out), Collector::start(our_err));
    let signal = process.signal;
    let status = match tokio::time::timeout(limit, process.exit).await {
        Ok(status) => status.map_err(|_| Error::new(tr!(node_not_running { node: node.name() })))?,
        Err(_) => {
            let _ = signal.send(9);
            return Err(Error::new(tr!(node_did_not_end {
                shown,
                seconds: limit.as_secs(),
                node: node.name()
            })));
        }
    };
    Ok(Output { status, stdout: stdout.bytes().await, stderr: stderr.bytes().await })
}

/// Reads a pipe in the background.
struct Collector {
    task: tokio::task::JoinHandle<()>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    fn start(pipe: io::PipeReader) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = bytes.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut pipe = pipe.take(MOST);
            let mut buffer = [0; 16 << 10];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
            }
        });
        Self { task, bytes }
    }

    /// What was read. A background process may keep the pipe open: what the command itself wrote is there by then.
    async fn bytes(self) -> Vec<u8> {
        let _ = tokio::time::timeout(Duration::from_millis(500), self.task).await;
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
