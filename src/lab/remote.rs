//! Asks a running lab on its control socket.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde_json::Value;
use tokio::net::UnixStream;

use super::control::{Reader, Reply, Request, Signal, send, short_path};
use crate::error::{Error, Result};
use crate::state_dir::LabDir;
use crate::text::tr;

/// A connection to a running lab.
pub struct Remote {
    stream: UnixStream,
    reader: Reader,
}

impl Remote {
    /// Connects; that no lab runs is an error that says how to start one.
    pub async fn connect(dir: &LabDir, name: &str) -> Result<Self> {
        Self::first(std::slice::from_ref(dir), name).await
    }

    /// Connects to the first of several labs that runs.
    pub async fn first(dirs: &[LabDir], name: &str) -> Result<Self> {
        for dir in dirs {
            if let Some(remote) = Self::running(dir).await? {
                return Ok(remote);
            }
        }
        Err(Error::new(tr!(lab_not_running { name })).hint(tr!(lab_start_it)).hint(tr!(lab_other_name)))
    }

    /// Connects, if the lab runs.
    async fn running(dir: &LabDir) -> Result<Option<Self>> {
        let socket = dir.control_socket();
        let connected = match short_path(&socket) {
            Ok((_dir, path)) => UnixStream::connect(path).await,
            Err(e) => Err(e),
        };
        use std::io::ErrorKind::{ConnectionRefused, NotFound};
        match connected {
            Ok(stream) => Ok(Some(Self { stream, reader: Reader::default() })),
            Err(e) if matches!(e.kind(), NotFound | ConnectionRefused) => Ok(None),
            Err(e) => Err(Error::new(tr!(lab_not_reached { socket: socket.display() })).why(e)),
        }
    }

    async fn reply(&mut self) -> Result<Reply> {
        let gone = || Error::new(tr!(lab_ended_before));
        let line = self.reader.line(&self.stream).await.map_err(|e| gone().why(e))?.ok_or_else(gone)?;
        serde_json::from_str(&line).map_err(|e| Error::new(tr!(lab_answer_not_understood)).why(e))
    }

    async fn send(&self, request: &Request, fds: &[BorrowedFd<'_>]) -> Result<()> {
        send(&self.stream, request, fds).await.map_err(|e| Error::new(tr!(lab_cannot_be_asked)).why(e))
    }

    async fn started(&mut self) -> Result<Value> {
        match self.reply().await? {
            Reply::Ok(value) => Ok(value),
            Reply::Error(failure) => Err(failure.into()),
            Reply::Exit(status) => Err(Error::new(tr!(lab_out_of_turn { status }))),
        }
    }

    /// Asks and waits for the answer.
    pub async fn ask(&mut self, request: &Request) -> Result<Value> {
        self.send(request, &[]).await?;
        self.started().await
    }

    /// Starts a command on the descriptors.
    pub async fn exec(&mut self, request: &Request, fds: [OwnedFd; 3]) -> Result<()> {
        let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(AsFd::as_fd).collect();
        self.send(request, &borrowed).await?;
        self.started().await.map(|_| ())
    }

    /// Starts a shell; its terminal comes back.
    pub async fn shell(&mut self, request: &Request) -> Result<OwnedFd> {
        self.send(request, &[]).await?;
        self.started().await?;
        self.reader.fds.pop().ok_or_else(|| Error::new(tr!(lab_no_terminal)))
    }

    /// Sends the command a signal.
    pub async fn signal(&self, signal: i32) {
        let _ = send(&self.stream, &Signal { signal }, &[]).await;
    }

    /// Waits for the command's end; `signals` are passed on meanwhile.
    pub async fn wait(&mut self, signals: &mut tokio::sync::mpsc::UnboundedReceiver<i32>) -> Result<i32> {
        loop {
            tokio::select! {
                reply = async {
                    let gone = || Error::new(tr!(lab_ended_meanwhile));
                    let line = self.reader.line(&self.stream).await.map_err(|e| gone().why(e))?;
                    let line = line.ok_or_else(gone)?;
                    serde_json::from_str::<Reply>(&line).map_err(|e| gone().why(e))
                } => {
                    return match reply? {
                        Reply::Exit(status) => Ok(status),
                        Reply::Error(failure) => Err(failure.into()),
                        Reply::Ok(_) => continue,
                    };
                }
                Some(signal) = signals.recv() => {
                    let _ = send(&self.stream, &Signal { signal }, &[]).await;
                }
            }
        }
    }
}
