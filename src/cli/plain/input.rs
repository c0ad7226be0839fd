//! What a learner types: lines for the program, and a shell's terminal.

use std::io::IsTerminal;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::tcgetwinsize;

use crate::cli::attach::{Raw, show};
use crate::error::{Context, Result};
use crate::lab::{Lab, snapshot};
use crate::node::{Command, Io};
use crate::text::tr;

/// What `TERM` is in shells: neither colours nor a cursor that moves.
const TERM: &str = "dumb";

/// Reads one line and not a byte more: what follows may be meant for a shell. `None` at the end.
pub fn read_line() -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match rustix::io::read(std::io::stdin(), &mut byte) {
            Ok(0) if line.is_empty() => return None,
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => line.push(byte[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// A shell on a node until it ends, or until `stop` comes.
pub async fn shell(lab: &Arc<Lab>, node: &str, stop: impl Future<Output = ()>) -> Result<()> {
    if std::io::stdin().is_terminal() {
        on_terminal(lab, node, stop).await
    } else {
        on_pipes(lab, node, stop).await
    }
}

/// A shell that reads its commands from this program's own input, and writes everything to its output.
async fn on_pipes(lab: &Arc<Lab>, node: &str, stop: impl Future<Output = ()>) -> Result<()> {
    let node = snapshot::node(lab.cluster().as_ref(), node)?;
    let own = |fd: std::io::Result<OwnedFd>| fd.context_what(|| tr!(cli_descriptor_not_copied).into());
    let io = Io::Fds {
        stdin: own(std::io::stdin().as_fd().try_clone_to_owned())?,
        stdout: own(std::io::stdout().as_fd().try_clone_to_owned())?,
        stderr: own(std::io::stdout().as_fd().try_clone_to_owned())?,
    };
    let mut command = Command::new(["bash", "-s"]);
    command.env.push(("TERM".into(), TERM.into()));
    // The alias of interactive shells, as bash takes a function from its environment.
    command.env.push(("BASH_FUNC_k%%".into(), "() { kubectl \"$@\"; }".into()));
    let process = node.spawn(command, io).await?;
    wait(process.exit, &process.signal, stop).await;
    Ok(())
}

async fn wait(
    mut exit: tokio::sync::oneshot::Receiver<i32>,
    signal: &tokio::sync::mpsc::UnboundedSender<i32>,
    stop: impl Future<Output = ()>,
) {
    tokio::select! {
        _ = &mut exit => {}
        () = stop => {
            let _ = signal.send(rustix::process::Signal::HUP.as_raw());
            let _ = exit.await;
        }
    }
}

/// A shell on a terminal of the node, joined with this program's own.
async fn on_terminal(lab: &Arc<Lab>, node: &str, stop: impl Future<Output = ()>) -> Result<()> {
    let node = snapshot::node(lab.cluster().as_ref(), node)?;
    let (columns, rows) =
        tcgetwinsize(std::io::stdout()).map_or((80, 24), |s| (s.ws_col.max(1), s.ws_row.max(1)));
    let mut process = node.spawn(Command::shell(), Io::Pty { columns, rows, term: TERM.into() }).await?;
    let cannot = || tr!(cli_terminal_not_copied).to_owned();
    let Some(terminal) = process.pty.take() else { return Ok(()) };
    let (keys, screen) = (terminal.try_clone().context_what(cannot)?, std::fs::File::from(terminal));
    let (ended, ends) = rustix::pipe::pipe().context_what(cannot)?;
    let raw = Raw::enter();
    let typed = tokio::task::spawn_blocking(move || send_keys(&keys, &ended));
    let shown = tokio::task::spawn_blocking(move || show(screen));
    wait(process.exit, &process.signal, stop).await;
    drop(ends);
    let _ = typed.await;
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), shown).await;
    drop(raw);
    Ok(())
}

/// Sends what is typed until the other end of `ended` is gone; what is typed after that is for whoever reads next.
fn send_keys(terminal: &OwnedFd, ended: &OwnedFd) {
    let stdin = std::io::stdin();
    let mut buffer = [0; 1024];
    loop {
        let mut both = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
        match poll(&mut both, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        if !both[1].revents().is_empty() {
            return;
        }
        match rustix::io::read(&stdin, &mut buffer) {
            Ok(n) if n > 0 => {
                if write_all(terminal, &buffer[..n]).is_err() {
                    return;
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

fn write_all(to: &OwnedFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        bytes = &bytes[rustix::io::write(to, bytes)?..];
    }
    Ok(())
}
