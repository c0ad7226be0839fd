//! The control socket: other processes ask a running lab by JSON lines.
//!
//! ```text
//! -> {"op":"check","step":"verify-issue"}        <- {"ok":{...}} | {"error":{"what","why","hints","code"}}
//! -> {"op":"exec","node":"node01","argv":[..]} + stdin, stdout, stderr   <- {"ok":null}, later {"exit":0}
//! -> {"op":"shell","node":"node01","columns":80,"rows":24,"term":"xterm"} <- {"ok":null} + the terminal, later {"exit":0}
//! -> {"signal":2}                                 while a command runs
//! ```
//! Descriptors travel beside the line (SCM_RIGHTS), so that a command's input and output are the caller's own.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::AbortHandle;

use super::Lab;
use crate::error::{Context, Error, Result};
use crate::node::{Command, Io, Process};
use crate::text::tr;

/// How long one line may be.
const LINE_LIMIT: usize = 4 << 20;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Request {
    /// Grade; answers a [`crate::grade::LessonResult`].
    Check {
        /// One step, or all.
        step: Option<String>,
    },
    /// The next hint; answers `[number, count, text]` or null.
    Hint {
        /// A step, or the current one.
        step: Option<String>,
    },
    /// Apply the solution; answers the transcript.
    Solve {
        /// A step, or the current one.
        step: Option<String>,
    },
    /// Start over; answers null.
    Reset {
        /// One step, or the whole lesson.
        step: Option<String>,
    },
    /// Answers what `up --json` prints.
    Info,
    /// Run a command with the caller's descriptors.
    Exec {
        /// Where.
        node: String,
        /// Program and arguments.
        argv: Vec<String>,
    },
    /// Run an interactive shell on a new terminal.
    Shell {
        /// Where.
        node: String,
        /// Width in cells.
        columns: u16,
        /// Height in cells.
        rows: u16,
        /// What `TERM` is inside.
        term: String,
    },
}

/// What comes back, one line each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// The answer, or that a command runs.
    Ok(Value),
    /// It failed.
    Error(Failure),
    /// A command ended with this status.
    Exit(i32),
}

/// An [`Error`] on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    what: String,
    why: Option<String>,
    hints: Vec<String>,
    code: u8,
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self { what: e.what, why: e.why, hints: e.hints, code: e.code as u8 }
    }
}

impl From<Failure> for Error {
    fn from(f: Failure) -> Self {
        let code = match f.code {
            1 => crate::error::ExitCode::Failed,
            _ => crate::error::ExitCode::Error,
        };
        Self { what: f.what, why: f.why, hints: f.hints, code }
    }
}

/// A signal for the command that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// Its number.
    pub signal: i32,
}

/// A path to a socket that fits into a socket address however deep the lab's directory is; valid while the returned
/// descriptor is open.
pub fn short_path(socket: &Path) -> io::Result<(OwnedFd, PathBuf)> {
    use rustix::fs::{Mode, OFlags};
    use std::os::fd::AsRawFd;
    let dir = socket.parent().unwrap_or(Path::new("."));
    let name = socket.file_name().unwrap_or_default();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(dir, flags, Mode::empty())?;
    let path = Path::new("/proc/self/fd").join(fd.as_raw_fd().to_string()).join(name);
    Ok((fd, path))
}

/// Listens for the lab's whole life.
pub(super) fn serve(lab: &Arc<Lab>) -> Result<AbortHandle> {
    let socket = lab.dir.control_socket();
    let bind = || -> io::Result<UnixListener> {
        let (_dir, path) = short_path(&socket)?;
        // Whoever left it there is gone: the lock is ours.
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    let listener = bind().context_what(|| tr!(lab_no_socket { socket: socket.display() }))?;
    let weak = Arc::downgrade(lab);
    let task = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(weak.clone(), stream));
                }
                // Out of descriptors, perhaps: wait for some to be closed.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    });
    Ok(task.abort_handle())
}

async fn answer(lab: Weak<Lab>, stream: UnixStream) {
    let mut reader = Reader::default();
    while let Ok(Some(line)) = reader.line(&stream).await {
        let Some(lab) = lab.upgrade() else { return };
        let reply = match serde_json::from_str::<Request>(&line) {
            Ok(request @ (Request::Exec { .. } | Request::Shell { .. })) => {
                let fds = std::mem::take(&mut reader.fds);
                match start(&lab, request, fds).await {
                    Ok(process) => {
                        drop(lab);
                        let _ = run(&stream, &mut reader, process).await;
                        return;
                    }
                    Err(e) => Reply::Error(e.into()),
                }
            }
            Ok(request) => match ask(&lab, request).await {
                Ok(value) => Reply::Ok(value),
                Err(e) => Reply::Error(e.into()),
            },
            Err(e) => Reply::Error(Error::new(tr!(lab_request_not_understood)).why(e).into()),
        };
        // Nobody asked for what else came along.
        reader.fds.clear();
        if send(&stream, &reply, &[]).await.is_err() {
            return;
        }
    }
}

async fn ask(lab: &Arc<Lab>, request: Request) -> Result<Value> {
    let current = |step: Option<String>| -> Result<String> {
        let steps = &lab.lesson().steps;
        let here = lab.standing().current.min(steps.len().saturating_sub(1));
        Ok(step.unwrap_or_else(|| steps[here].id.clone()))
    };
    let json = |value: Result<Value, serde_json::Error>| value.context_what(|| tr!(lab_no_answer).into());
    match request {
        Request::Check { step } => json(serde_json::to_value(lab.check(step.as_deref()).await?)),
        Request::Hint { step } => json(serde_json::to_value(lab.hint(&current(step)?)?)),
        Request::Solve { step } => Ok(Value::String(lab.solve(&current(step)?).await?)),
        Request::Reset { step } => lab.reset(step.as_deref()).await.map(|()| Value::Null),
        Request::Info => Ok(info(lab)),
        Request::Exec { .. } | Request::Shell { .. } => Err(Error::new(tr!(lab_needs_descriptors))),
    }
}

/// What `up --json` prints.
pub fn info(lab: &Lab) -> Value {
    let mut info = json!({"ready": true});
    if let (Some(up), Some(all)) = (lab.up_info(), info.as_object_mut())
        && let Ok(Value::Object(up)) = serde_json::to_value(up)
    {
        all.extend(up);
    } else if let Some(all) = info.as_object_mut() {
        let facts = lab.cluster().facts();
        let nodes: serde_json::Map<String, Value> =
            facts.nodes.iter().map(|(name, real)| (name.clone(), json!({"name": real}))).collect();
        all.insert("version".into(), json!(facts.version));
        all.insert("server".into(), json!(facts.server));
        all.insert("nodes".into(), Value::Object(nodes));
        all.insert("manifests".into(), json!(facts.manifests));
        all.insert("kubeconfig".into(), json!(lab.cluster().kubeconfig()));
    }
    info["socket"] = json!(lab.dir().control_socket());
    info
}

async fn start(lab: &Lab, request: Request, mut fds: Vec<OwnedFd>) -> Result<Process> {
    match request {
        Request::Exec { node, argv } => {
            let (Some(stderr), Some(stdout), Some(stdin)) = (fds.pop(), fds.pop(), fds.pop()) else {
                return Err(Error::new(tr!(lab_needs_three_descriptors)));
            };
            let node = super::snapshot::node(lab.cluster.as_ref(), &node)?;
            node.spawn(Command::new(argv), Io::Fds { stdin, stdout, stderr }).await
        }
        Request::Shell { node, columns, rows, term } => {
            let node = super::snapshot::node(lab.cluster.as_ref(), &node)?;
            node.spawn(Command::shell(), Io::Pty { columns, rows, term }).await
        }
        _ => Err(Error::new(tr!(lab_not_a_command))),
    }
}

/// Waits for the command's end while passing signals on; a caller that goes away hangs it up.
async fn run(stream: &UnixStream, reader: &mut Reader, mut process: Process) -> io::Result<()> {
    let pty = process.pty.take();
    let fds: Vec<BorrowedFd<'_>> = pty.iter().map(AsFd::as_fd).collect();
    send(stream, &Reply::Ok(Value::Null), &fds).await?;
    drop(pty);
    let mut open = true;
    loop {
        tokio::select! {
            status = &mut process.exit => {
                return send(stream, &Reply::Exit(status.unwrap_or(255)), &[]).await;
            }
            line = reader.line(stream), if open => match line {
                Ok(Some(line)) => {
                    if let Ok(Signal { signal }) = serde_json::from_str(&line) {
                        let _ = process.signal.send(signal);
                    }
                }
                _ => {
                    open = false;
                    let _ = process.signal.send(HANGUP);
                }
            }
        }
    }
}

const HANGUP: i32 = 1;

/// Lines, and the descriptors that came with them.
#[derive(Default)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    /// Descriptors that nobody took yet.
    pub(super) fds: Vec<OwnedFd>,
}

impl Reader {
    /// The next line; `None` at the end.
    pub(super) async fn line(&mut self, stream: &UnixStream) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            if self.buffer.len() > LINE_LIMIT {
                return Err(io::Error::other(tr!(lab_line_too_long)));
            }
            stream.readable().await?;
            match stream.try_io(Interest::READABLE, || self.receive(stream)) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn receive(&mut self, stream: &UnixStream) -> io::Result<usize> {
        let mut bytes = [0u8; 16 << 10];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let received = rustix::net::recvmsg(stream, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(fds) = message {
                self.fds.extend(fds);
            }
        }
        // Nobody needs more than three.
        self.fds.truncate(4);
        self.buffer.extend_from_slice(&bytes[..received.bytes]);
        Ok(received.bytes)
    }
}

/// Sends a line with descriptors beside its first byte.
pub(super) async fn send<T: Serialize>(
    stream: &UnixStream,
    value: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut sent = 0;
    while sent < line.len() {
        stream.writable().await?;
        let attempt = stream.try_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if sent == 0 && !fds.is_empty() {
                control.push(SendAncillaryMessage::ScmRights(fds));
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            Ok(rustix::net::sendmsg(stream, &[IoSlice::new(&line[sent..])], &mut control, flags)?)
        });
        match attempt {
            Ok(n) => sent += n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
