//! One session channel of a connection: a shell, a command or a subsystem, with or without a terminal.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::tz::TimeZone;
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelWriteHalf, Sig};
use rustix::process::Signal;
use rustix::termios::Winsize;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::lastlog;
use super::server::Shared;
use crate::error::{Context, Error, Result};
use crate::node::{Command, Io};

/// How long a terminal's last output may take after its command has ended; a background process may hold it open.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// Where machines have sftp's server.
const SFTP_SERVERS: &[&str] = &[
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/lib/sftp-server",
];

/// The program of a subsystem.
pub(super) fn subsystem(name: &str) -> Option<&'static str> {
    let machines = || SFTP_SERVERS.iter().find(|server| Path::new(server).exists()).copied();
    // The lab's own is on every node's PATH.
    (name == "sftp").then(|| machines().unwrap_or("sftp-server"))
}

/// Whether a client may set a variable; as in the usual `AcceptEnv`.
pub(super) fn accepts_env(name: &str) -> bool {
    name == "LANG" || name.starts_with("LC_") || name == "COLORTERM" || name == "NO_COLOR"
}

/// What was asked for before the command.
#[derive(Default)]
struct Asked {
    env: Vec<(String, String)>,
    terminal: Option<(String, u16, u16)>,
}

/// A command that runs for a channel.
struct Running {
    /// What the client sends; unbounded, since a full channel would also hold up what lets output go on.
    input: Option<mpsc::UnboundedSender<Bytes>>,
    signal: mpsc::UnboundedSender<i32>,
    terminal: Option<OwnedFd>,
    tasks: Vec<AbortHandle>,
}

/// Serves a channel until it is closed.
pub(super) async fn run(shared: Arc<Shared>, channel: Channel<Msg>, peer: SocketAddr, local: SocketAddr) {
    let (mut requests, writer) = channel.split();
    let writer = Arc::new(writer);
    let mut asked = Asked::default();
    asked.env.push(("SSH_CLIENT".into(), format!("{} {} {}", peer.ip(), peer.port(), local.port())));
    asked.env.push((
        "SSH_CONNECTION".into(),
        format!("{} {} {} {}", peer.ip(), peer.port(), local.ip(), local.port()),
    ));
    let mut running: Option<Running> = None;
    while let Some(message) = requests.wait().await {
        let command = match message {
            ChannelMsg::SetEnv { variable_name, variable_value, .. } => {
                if accepts_env(&variable_name) {
                    asked.env.push((variable_name, variable_value));
                }
                continue;
            }
            ChannelMsg::RequestPty { term, col_width, row_height, .. } => {
                asked.terminal = Some((term, cells(col_width), cells(row_height)));
                continue;
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(terminal) = running.as_ref().and_then(|r| r.terminal.as_ref()) {
                    let size = Winsize {
                        ws_col: cells(col_width),
                        ws_row: cells(row_height),
                        ws_xpixel: 0,
                        ws_ypixel: 0,
                    };
                    let _ = rustix::termios::tcsetwinsize(terminal, size);
                }
                continue;
            }
            ChannelMsg::Signal { signal } => {
                if let (Some(running), Some(signal)) = (&running, number(&signal)) {
                    let _ = running.signal.send(signal.as_raw());
                }
                continue;
            }
            ChannelMsg::Data { data } => {
                if let Some(input) = running.as_ref().and_then(|r| r.input.as_ref()) {
                    let _ = input.send(data);
                }
                continue;
            }
            ChannelMsg::Eof => {
                if let Some(running) = &mut running {
                    running.input = None;
                }
                continue;
            }
            ChannelMsg::Close => break,
            ChannelMsg::RequestShell { .. } if asked.terminal.is_some() => Command::shell(),
            ChannelMsg::RequestShell { .. } => Command::new(["bash", "-l"]),
            ChannelMsg::Exec { command, .. } => Command::script(String::from_utf8_lossy(&command)),
            ChannelMsg::RequestSubsystem { name, .. } => match subsystem(&name) {
                Some(program) => Command::new([program]),
                None => continue,
            },
            _ => continue,
        };
        if running.is_some() {
            continue;
        }
        match start(&shared, command, &mut asked, &writer, peer).await {
            Ok(started) => running = Some(started),
            Err(e) => {
                let _ = writer.extended_data_bytes(1, format!("{e}\r\n")).await;
                finish(&writer, 127).await;
            }
        }
    }
    // The client is gone: what it ran is told as by a terminal that hangs up.
    if let Some(running) = running {
        let _ = running.signal.send(Signal::HUP.as_raw());
        for task in running.tasks {
            task.abort();
        }
    }
}

fn cells(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

fn number(signal: &Sig) -> Option<Signal> {
    Some(match signal {
        Sig::ABRT => Signal::ABORT,
        Sig::ALRM => Signal::ALARM,
        Sig::FPE => Signal::FPE,
        Sig::HUP => Signal::HUP,
        Sig::ILL => Signal::ILL,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::PIPE => Signal::PIPE,
        Sig::QUIT => Signal::QUIT,
        Sig::SEGV => Signal::SEGV,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        Sig::Custom(name) if name == "USR2" => Signal::USR2,
        Sig::Custom(_) => return None,
    })
}

/// Says how the command ended; the order is sshd's.
async fn finish(writer: &ChannelWriteHalf<Msg>, status: i32) {
    let _ = writer.eof().await;
    let _ = writer.exit_status(u32::try_from(status).unwrap_or(255)).await;
    let _ = writer.close().await;
}

async fn start(
    shared: &Shared,
    mut command: Command,
    asked: &mut Asked,
    writer: &Arc<ChannelWriteHalf<Msg>>,
    peer: SocketAddr,
) -> Result<Running> {
    command.env.append(&mut asked.env);
    let (input, inputs) = mpsc::unbounded_channel();
    let Some((term, columns, rows)) = asked.terminal.take() else {
        let (signal, tasks) = start_with_pipes(shared, command, writer, inputs).await?;
        return Ok(Running { input: Some(input), signal, terminal: None, tasks });
    };
    if command.argv.is_empty() {
        greet(shared, writer, peer).await;
    }
    let what = || format!("cannot open a terminal on {}", shared.node.name());
    let process = shared.node.spawn(command, Io::Pty { columns, rows, term }).await?;
    let master = process.pty.ok_or_else(|| Error::new(what()))?;
    rustix::io::ioctl_fionbio(&master, true).context_what(what)?;
    let terminal = master.try_clone().context_what(what)?;
    let reading = watch(master.try_clone().context_what(what)?).context_what(what)?;
    let writing = watch(master).context_what(what)?;
    let tasks = vec![
        tokio::spawn(terminal_in(writing, inputs)).abort_handle(),
        tokio::spawn(terminal_out(reading, process.exit, Arc::clone(writer))).abort_handle(),
    ];
    Ok(Running { input: Some(input), signal: process.signal, terminal: Some(terminal), tasks })
}

/// Has the runtime tell when a terminal can be read or written.
#[allow(deprecated, reason = "an owned descriptor is what its unsafe successor asks for")]
fn watch(terminal: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(terminal)
}

/// Says what login says: the message of the day and, from the second login on, the last one.
async fn greet(shared: &Shared, writer: &ChannelWriteHalf<Msg>, peer: SocketAddr) {
    let node = &*shared.node;
    let motd = node.read_file("/etc/motd").await.ok().flatten().unwrap_or_default();
    let mut text = String::from_utf8_lossy(&motd).replace('\n', "\r\n");
    let last = lastlog::exchange(node, shared.clock.now(), peer.ip()).await;
    if node.read_file("/root/.hushlogin").await.ok().flatten().is_some() {
        return;
    }
    if let Some(last) = last {
        text += &last.line(&TimeZone::system());
    }
    let _ = writer.data_bytes(text.into_bytes()).await;
}

async fn terminal_in(master: AsyncFd<OwnedFd>, mut inputs: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(mut data) = inputs.recv().await {
        while !data.is_empty() {
            let Ok(mut ready) = master.writable().await else { return };
            match ready.try_io(|fd| Ok(rustix::io::write(fd, &data)?)) {
                Ok(Ok(length)) => drop(data.split_to(length)),
                Ok(Err(e)) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(Err(_)) => return,
                Err(_would_block) => {}
            }
        }
    }
}

async fn terminal_out(
    master: AsyncFd<OwnedFd>,
    mut exit: oneshot::Receiver<i32>,
    writer: Arc<ChannelWriteHalf<Msg>>,
) {
    let mut output = Box::pin(writer.make_writer());
    let mut buffer = vec![0; 16 << 10];
    let mut status = None;
    loop {
        let read = tokio::select! {
            biased;
            read = read_some(&master, &mut buffer) => read,
            ended = &mut exit, if status.is_none() => {
                status = Some(ended.unwrap_or(255));
                continue;
            }
            () = tokio::time::sleep(LAST_OUTPUT), if status.is_some() => break,
        };
        match read {
            0 => break,
            length if output.write_all(&buffer[..length]).await.is_err() => return,
            _ => {}
        }
    }
    let status = match status {
        Some(status) => status,
        None => exit.await.unwrap_or(255),
    };
    let _ = output.flush().await;
    finish(&writer, status).await;
}

/// Reads from a terminal; its end, which is an error there, is 0.
async fn read_some(master: &AsyncFd<OwnedFd>, buffer: &mut [u8]) -> usize {
    loop {
        let Ok(mut ready) = master.readable().await else { return 0 };
        match ready.try_io(|fd| Ok(rustix::io::read(fd, &mut *buffer)?)) {
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(read) => return read.unwrap_or(0),
            Err(_would_block) => {}
        }
    }
}

async fn start_with_pipes(
    shared: &Shared,
    command: Command,
    writer: &Arc<ChannelWriteHalf<Msg>>,
    mut inputs: mpsc::UnboundedReceiver<Bytes>,
) -> Result<(mpsc::UnboundedSender<i32>, Vec<AbortHandle>)> {
    let what = || format!("cannot make a pipe to {}", shared.node.name());
    let pipe = || std::io::pipe().context_what(what);
    let (their_in, our_in) = pipe()?;
    let (our_out, their_out) = pipe()?;
    let (our_err, their_err) = pipe()?;
    let mut stdin = pipe::Sender::from_file(File::from(OwnedFd::from(our_in))).context_what(what)?;
    let stdout = pipe::Receiver::from_file(File::from(OwnedFd::from(our_out))).context_what(what)?;
    let stderr = pipe::Receiver::from_file(File::from(OwnedFd::from(our_err))).context_what(what)?;
    let io = Io::Fds { stdin: their_in.into(), stdout: their_out.into(), stderr: their_err.into() };
    let process = shared.node.spawn(command, io).await?;
    let feed = tokio::spawn(async move {
        while let Some(data) = inputs.recv().await {
            if stdin.write_all(&data).await.is_err() {
                return;
            }
        }
    });
    let writer = Arc::clone(writer);
    let drain = tokio::spawn(async move {
        tokio::join!(copy(stdout, writer.make_writer()), copy(stderr, writer.make_writer_ext(Some(1))));
        finish(&writer, process.exit.await.unwrap_or(255)).await;
    });
    Ok((process.signal, vec![feed.abort_handle(), drain.abort_handle()]))
}

async fn copy(mut from: pipe::Receiver, to: impl AsyncWrite) {
    let mut to = Box::pin(to);
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    let _ = to.flush().await;
}
