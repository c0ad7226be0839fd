//! The tool `ssh` for machines that have none: one session over a connection, with OpenSSH's texts and exit statuses.
#![allow(clippy::print_stderr)]

use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use russh::client;
use russh::{Channel, ChannelMsg, Disconnect, Sig};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::sync::mpsc;

use self::host_key::HostKey;
use self::options::{Options, Target};

mod host_key;
mod identity;
mod options;

/// The release that the nodes' system comes with.
const VERSION: &str = "OpenSSH_9.6p1 Ubuntu-3ubuntu13, OpenSSL 3.0.13 30 Jan 2024";

/// What ssh exits with when it is ssh that failed.
const FAILED: i32 = 255;

/// Runs ssh; returns the remote command's exit status, or 255.
pub fn main(args: Vec<OsString>) -> i32 {
    let args = args.into_iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(text) => {
            eprintln!("{text}");
            return FAILED;
        }
    };
    if options.version {
        eprintln!("{VERSION}");
        return 0;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("ssh: {e}");
            return FAILED;
        }
    };
    let status = runtime.block_on(run(options)).unwrap_or_else(|text| {
        eprintln!("{text}");
        FAILED
    });
    // A read of standard input may still be waiting.
    runtime.shutdown_background();
    status
}

fn home() -> PathBuf {
    std::env::var_os("HOME").map_or_else(|| "/root".into(), PathBuf::from)
}

/// The configuration of the user and of the node; a plain node's is below its directory.
fn configuration(file: Option<&Path>) -> Result<String, String> {
    if let Some(file) = file {
        return std::fs::read_to_string(file)
            .map_err(|why| format!("Can't open user config file {}: {}", file.display(), io_text(&why)));
    }
    let root = std::env::var_os("CKS_LAB_NODE_ROOT").map_or_else(|| "/".into(), PathBuf::from);
    let files = [home().join(".ssh/config"), root.join("etc/ssh/ssh_config")];
    Ok(files.iter().filter_map(|f| std::fs::read_to_string(f).ok()).map(|text| text + "\n").collect())
}

async fn run(options: Options) -> Result<i32, String> {
    let target = options.target(&configuration(options.file.as_deref())?);
    for file in target.missing.iter().filter(|_| !target.quiet) {
        if let Err(why) = std::fs::metadata(file) {
            eprintln!("Warning: Identity file {} not accessible: {}.", file.display(), io_text(&why));
        }
    }
    let stdin = std::io::stdin();
    if options.misses_terminal(stdin.is_terminal()) && !target.quiet {
        eprintln!("Pseudo-terminal will not be allocated because stdin is not a terminal.");
    }
    let stream = match target.timeout {
        None => connect(&target).await?,
        Some(seconds) => {
            tokio::time::timeout(Duration::from_secs(seconds), connect(&target)).await.map_err(|_| {
                format!("ssh: connect to host {} port {}: Connection timed out", target.host, target.port)
            })??
        }
    };
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok().map(|a| a.ip());
    let config = Arc::new(client::Config { nodelay: true, ..client::Config::default() });
    let check = HostKey::new(&target, peer);
    let from = peer.map_or_else(|| target.host.clone(), |ip| ip.to_string());
    let mut session = client::connect_stream(config, stream, check).await.map_err(|e| match e {
        russh::Error::UnknownKey => "Host key verification failed.".to_owned(),
        russh::Error::IO(why) if why.kind() == std::io::ErrorKind::ConnectionReset => format!(
            "kex_exchange_identification: read: Connection reset by peer\nConnection reset by {from} port {}",
            target.port
        ),
        _ => format!(
            "kex_exchange_identification: Connection closed by remote host\nConnection closed by {from} port {}",
            target.port
        ),
    })?;
    identity::log_in(&mut session, &target).await?;
    let failed = |e: russh::Error| format!("ssh: {}: {e}", target.alias);
    let channel = session.channel_open_session().await.map_err(failed)?;
    let terminal = options.terminal(stdin.is_terminal());
    for (name, value) in std::env::vars() {
        if name == "LANG" || name.starts_with("LC_") {
            let _ = channel.set_env(false, name, value).await;
        }
    }
    if terminal {
        let (columns, rows) = size();
        let term = std::env::var("TERM").unwrap_or_else(|_| "xterm".into());
        channel.request_pty(false, &term, columns, rows, 0, 0, &[]).await.map_err(failed)?;
    }
    match &options.command {
        Some(name) if options.subsystem => {
            channel.request_subsystem(false, name.as_str()).await.map_err(failed)?;
        }
        Some(command) => channel.exec(false, command.as_bytes()).await.map_err(failed)?,
        None => channel.request_shell(false).await.map_err(failed)?,
    }
    let status = {
        let _raw = (terminal && stdin.is_terminal()).then(Raw::enter).flatten();
        talk(channel, terminal, options.no_input).await
    };
    let _ = session.disconnect(Disconnect::ByApplication, "", "").await;
    if terminal && !target.quiet {
        match status {
            Some(_) => eprintln!("Connection to {} closed.", target.alias),
            None => eprintln!("Connection to {} closed by remote host.", target.alias),
        }
    }
    Ok(status.unwrap_or(FAILED))
}

async fn connect(target: &Target) -> Result<TcpStream, String> {
    let (host, port) = (target.host.as_str(), target.port);
    let found: Vec<SocketAddr> = match lookup_host((host, port)).await {
        Ok(found) => found.collect(),
        Err(_) => return Err(format!("ssh: Could not resolve hostname {host}: Name or service not known")),
    };
    let mut last = "no address".to_owned();
    for address in found {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
        let attempt = async {
            let socket = socket?;
            if let Some(IpAddr::V4(from)) = target.bind.filter(|_| address.is_ipv4()) {
                socket.bind(SocketAddr::new(from.into(), 0))?;
            }
            socket.connect(address).await
        };
        match attempt.await {
            Ok(stream) => return Ok(stream),
            Err(e) => last = io_text(&e),
        }
    }
    Err(format!("ssh: connect to host {host} port {port}: {last}"))
}

/// An error's text as the C library has it.
fn io_text(error: &std::io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// Carries bytes both ways until the channel closes; `None` where no exit status came.
async fn talk(mut channel: Channel<client::Msg>, terminal: bool, no_input: bool) -> Option<i32> {
    let mut input = if no_input { None } else { Some(read_input()) };
    let mut resized = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::window_change())
        .ok()
        .filter(|_| terminal);
    let mut status = None;
    if input.is_none() {
        let _ = channel.eof().await;
    }
    loop {
        tokio::select! {
            message = channel.wait() => match message {
                Some(ChannelMsg::Data { data }) => put(&mut std::io::stdout(), &data),
                Some(ChannelMsg::ExtendedData { data, .. }) => put(&mut std::io::stderr(), &data),
                Some(ChannelMsg::ExitStatus { exit_status }) => status = i32::try_from(exit_status).ok(),
                Some(ChannelMsg::ExitSignal { .. }) => status = Some(FAILED),
                Some(ChannelMsg::Close) | None => return status,
                Some(_) => {}
            },
            data = async { input.as_mut()?.recv().await }, if input.is_some() => match data {
                Some(data) => drop(channel.data_bytes(data).await),
                None => {
                    input = None;
                    let _ = channel.eof().await;
                }
            },
            _ = async { resized.as_mut()?.recv().await }, if resized.is_some() => {
                let (columns, rows) = size();
                let _ = channel.window_change(columns, rows, 0, 0).await;
            }
            _ = tokio::signal::ctrl_c(), if !terminal => {
                let _ = channel.signal(Sig::INT).await;
                return Some(FAILED);
            }
        }
    }
}

fn put(to: &mut impl Write, data: &[u8]) {
    // Nobody reads any more: the remote command notices when its own output goes nowhere.
    let _ = to.write_all(data).and_then(|()| to.flush());
}

/// Reads standard input in a thread: a terminal or a file cannot be waited for otherwise.
fn read_input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(4);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        let mut stdin = std::io::stdin();
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            if sender.blocking_send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn size() -> (u32, u32) {
    tcgetwinsize(rustix::stdio::stdin()).map_or((80, 24), |s| (s.ws_col.into(), s.ws_row.into()))
}

/// The terminal in raw mode, until dropped.
struct Raw(Termios);

impl Raw {
    fn enter() -> Option<Self> {
        let before = tcgetattr(rustix::stdio::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}
