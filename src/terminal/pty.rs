//! A program in a PTY: bytes in and out of the master, the size, the end.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alacritty_terminal::sync::FairMutex;
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::encode::Modes;
use super::screen::{Request, Screen};
use crate::error::{Context, Result};
use crate::node::Process;

/// How many bytes are taken in before the window gets a chance to draw.
const BATCH: usize = 256 * 1024;

/// What a terminal tells its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The screen changed; told once until [`Terminal::seen`] is called.
    Output,
    /// The program named its window.
    Title(Option<String>),
    /// The program put a text on the clipboard.
    Clipboard(String),
    /// The bell rang.
    Bell,
    /// The program ended with this status.
    Exited(i32),
}

/// A program in a terminal: its screen, and the way to its keyboard.
///
/// Dropping it closes the master, which hangs the program up.
pub struct Terminal {
    screen: Arc<FairMutex<Screen>>,
    master: Arc<AsyncFd<OwnedFd>>,
    input: mpsc::UnboundedSender<Vec<u8>>,
    told: Arc<AtomicBool>,
    tasks: [AbortHandle; 3],
}

impl Drop for Terminal {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Terminal {
    /// Takes over a process that was started with a terminal; must be called within a tokio runtime.
    pub fn start(
        process: Process,
        columns: u16,
        rows: u16,
        notice: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Result<Self> {
        let what = || "the shell's terminal cannot be used".to_owned();
        let fd = process.pty.ok_or(io::Error::from(io::ErrorKind::NotFound)).context_what(what)?;
        rustix::io::ioctl_fionbio(&fd, true).context_what(what)?;
        // `new` is deprecated because types may lie about their descriptor; `OwnedFd` does not.
        #[allow(deprecated)]
        let master = Arc::new(AsyncFd::new(fd).context_what(what)?);
        let (input, queue) = mpsc::unbounded_channel::<Vec<u8>>();
        let notice = Arc::new(notice);
        let requests = {
            let (notice, input) = (Arc::clone(&notice), input.clone());
            Arc::new(move |request| match request {
                Request::Answer(bytes) => drop(input.send(bytes)),
                Request::Title(title) => notice(Notice::Title(title)),
                Request::Clipboard(text) => notice(Notice::Clipboard(text)),
                Request::Bell => notice(Notice::Bell),
            })
        };
        let screen = Arc::new(FairMutex::new(Screen::new(columns, rows, requests)));
        let told = Arc::new(AtomicBool::new(false));
        let tell = {
            let (notice, told) = (Arc::clone(&notice), Arc::clone(&told));
            move || {
                if !told.swap(true, Ordering::AcqRel) {
                    notice(Notice::Output);
                }
            }
        };
        let read = tokio::spawn(read_loop(Arc::clone(&master), Arc::clone(&screen), tell));
        let reading = read.abort_handle();
        let write = tokio::spawn(write_loop(Arc::clone(&master), queue));
        let exit = tokio::spawn(async move {
            let status = process.exit.await.unwrap_or(-1);
            // What was still on its way is shown first; a background job may keep the terminal open, so not for long.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(200), read).await;
            notice(Notice::Exited(status));
        });
        let terminal =
            Self { screen, master, input, told, tasks: [reading, write.abort_handle(), exit.abort_handle()] };
        terminal.resize(columns, rows);
        Ok(terminal)
    }

    /// The screen, locked.
    pub fn with<T>(&self, f: impl FnOnce(&mut Screen) -> T) -> T {
        f(&mut self.screen.lock())
    }

    /// The modes that change what keys and mouse send.
    pub fn modes(&self) -> Modes {
        self.with(|screen| screen.modes())
    }

    /// Says that the screen is being drawn, so that the next change is told again.
    pub fn seen(&self) {
        self.told.store(false, Ordering::Release);
    }

    /// Sends bytes to the program's keyboard.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        if !bytes.is_empty() {
            let _ = self.input.send(bytes);
        }
    }

    /// Changes the size of screen and terminal; the program is told by SIGWINCH.
    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.max(2), rows.max(1));
        self.with(|screen| screen.resize(columns, rows));
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let _ = tcsetwinsize(self.master.get_ref(), size);
    }
}

async fn read_loop(master: Arc<AsyncFd<OwnedFd>>, screen: Arc<FairMutex<Screen>>, tell: impl Fn()) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let deadline = screen.lock().sync_deadline();
        let ready = match deadline {
            None => master.ready(Interest::READABLE).await,
            Some(at) => match tokio::time::timeout_at(at.into(), master.ready(Interest::READABLE)).await {
                Ok(ready) => ready,
                Err(_) => {
                    screen.lock().end_sync();
                    tell();
                    continue;
                }
            },
        };
        let Ok(mut ready) = ready else { return };
        let mut taken = 0;
        let ended = loop {
            match ready
                .try_io(|fd| rustix::io::read(fd.get_ref(), buffer.as_mut_slice()).map_err(io::Error::from))
            {
                Ok(Ok(0)) => break true,
                Ok(Ok(count)) => {
                    screen.lock().feed(buffer.get(..count).unwrap_or_default());
                    tell();
                    taken += count;
                    if taken >= BATCH {
                        break false;
                    }
                }
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(_)) => break true,
                Err(_would_block) => break false,
            }
        };
        if ended {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn write_loop(master: Arc<AsyncFd<OwnedFd>>, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let written = master
                .async_io(Interest::WRITABLE, |fd| rustix::io::write(fd, rest).map_err(io::Error::from))
                .await;
            match written {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
