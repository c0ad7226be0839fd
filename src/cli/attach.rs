//! `cks-lab exec NODE -- CMD...` and `cks-lab shell NODE`.

use std::io::{IsTerminal, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use clap::Args;
use rustix::termios::{OptionalActions, Termios, Winsize, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::Global;
use crate::error::{Context, Result};
use crate::lab::control::Request;
use crate::text::tr;

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArguments {
    #[arg(help = tr!(help_node))]
    node: String,
    #[arg(help = tr!(help_exec_command), last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Arguments of `shell`.
#[derive(Debug, Args)]
pub struct ShellArguments {
    #[arg(help = tr!(help_node))]
    node: String,
}

/// Signals that are the command's business, not ours.
const PASSED_ON: [SignalKind; 4] =
    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];

fn signals() -> Result<mpsc::UnboundedReceiver<i32>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    for kind in PASSED_ON {
        let mut caught = signal(kind).context_what(|| tr!(cli_signals_not_caught).into())?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while caught.recv().await.is_some() {
                if sender.send(kind.as_raw_value()).is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

fn status(code: i32) -> u8 {
    u8::try_from(code & 0xff).unwrap_or(255)
}

/// Runs a command on this process's own input and output.
pub async fn exec(global: &Global, arguments: ExecArguments) -> Result<u8> {
    let mut remote = global.remote().await?;
    let mut signals = signals()?;
    let own = |fd: std::io::Result<OwnedFd>| fd.context_what(|| tr!(cli_descriptor_not_copied).into());
    let fds = [
        own(std::io::stdin().as_fd().try_clone_to_owned())?,
        own(std::io::stdout().as_fd().try_clone_to_owned())?,
        own(std::io::stderr().as_fd().try_clone_to_owned())?,
    ];
    remote.exec(&Request::Exec { node: arguments.node, argv: arguments.command }, fds).await?;
    Ok(status(remote.wait(&mut signals).await?))
}

/// Puts the terminal back when it is dropped.
pub(super) struct Raw(Option<Termios>);

impl Raw {
    /// Takes this process's terminal.
    pub(super) fn enter() -> Self {
        let stdin = std::io::stdin();
        let Ok(before) = tcgetattr(&stdin) else { return Self(None) };
        let mut raw = before.clone();
        raw.make_raw();
        let _ = tcsetattr(&stdin, OptionalActions::Flush, &raw);
        Self(Some(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Opens a shell on a terminal of the node and joins it with this one.
pub async fn shell(global: &Global, arguments: ShellArguments) -> Result<u8> {
    let mut remote = global.remote().await?;
    let mut signals = signals()?;
    let size = tcgetwinsize(std::io::stdout()).unwrap_or(Winsize {
        ws_col: 80,
        ws_row: 24,
        ws_xpixel: 0,
        ws_ypixel: 0,
    });
    let term = std::env::var("TERM").unwrap_or_else(|_| "xterm-256color".into());
    let request =
        Request::Shell { node: arguments.node, columns: size.ws_col.max(1), rows: size.ws_row.max(1), term };
    let terminal = remote.shell(&request).await?;
    let raw = std::io::stdin().is_terminal().then(Raw::enter);
    let copy = || terminal.try_clone().context_what(|| tr!(cli_terminal_not_copied).into());
    let (keys, resized) = (std::fs::File::from(copy()?), copy()?);
    std::thread::spawn(move || send_keys(keys));
    let screen = std::fs::File::from(terminal);
    let shown = std::thread::spawn(move || show(screen));
    tokio::spawn(async move {
        let Ok(mut changed) = signal(SignalKind::window_change()) else { return };
        while changed.recv().await.is_some() {
            if let Ok(size) = tcgetwinsize(std::io::stdout()) {
                let _ = tcsetwinsize(&resized, size);
            }
        }
    });
    let code = remote.wait(&mut signals).await;
    // What the shell said last is still on its way; a background job may hold the terminal open.
    for _ in 0..20 {
        if shown.is_finished() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(raw);
    Ok(status(code?))
}

fn send_keys(mut terminal: std::fs::File) {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = [0; 4096];
    loop {
        match stdin.read(&mut buffer) {
            // The end of a terminal's input is a character.
            Ok(0) => {
                let _ = terminal.write_all(&[4]);
                return;
            }
            Ok(n) if terminal.write_all(&buffer[..n]).is_ok() => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// Shows what a terminal says until its end.
pub(super) fn show(mut terminal: std::fs::File) {
    let mut stdout = std::io::stdout();
    let mut buffer = [0; 16 << 10];
    loop {
        match terminal.read(&mut buffer) {
            Ok(n) if n > 0 => {
                if stdout.write_all(&buffer[..n]).and_then(|()| stdout.flush()).is_err() {
                    return;
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
