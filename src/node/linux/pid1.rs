//! A node's first process: starts commands for the lab, tells how they ended, and buries orphans.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::stand_in;
use super::wire::{self, Reply, Request};

/// Serves the lab until its socket is closed; the node ends with this process.
pub fn serve(socket: &OwnedFd) -> i32 {
    let Ok(children) = child_signals() else { return 1 };
    let words = stand_in::Words::own();
    if let Some(words) = words {
        // SAFETY: this process reads neither its arguments nor its environment any more.
        unsafe { words.write("/sbin/init") };
    }
    let mut running: HashMap<i32, u64> = HashMap::new();
    loop {
        let mut wait = [poll_for(socket), poll_for(&children)];
        // SAFETY: the two entries live until the call is over.
        if unsafe { libc::poll(wait.as_mut_ptr(), 2, -1) } < 0 {
            continue;
        }
        if wait[1].revents != 0 {
            drain(&children);
            bury(socket, &mut running);
        }
        if wait[0].revents != 0 {
            match wire::receive::<Request>(socket) {
                Ok(Some((request, fds))) => answer(socket, request, fds, &mut running, words),
                Ok(None) => return 0,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(_) => return 1,
            }
        }
    }
}

fn poll_for(fd: &impl AsRawFd) -> libc::pollfd {
    libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }
}

/// A descriptor that can be read when a child ended.
fn child_signals() -> io::Result<OwnedFd> {
    // SAFETY: the set is a place of ours; the descriptor that comes back is nobody else's.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        let fd = libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

fn drain(signals: &OwnedFd) {
    let mut buffer = [0; 1024];
    while rustix::io::read(signals, &mut buffer).is_ok_and(|n| n > 0) {}
}

/// Takes the status of every child that ended, and tells the lab of its own.
fn bury(socket: &OwnedFd, running: &mut HashMap<i32, u64>) {
    loop {
        let mut status = 0;
        // SAFETY: the status is a place of ours to write to.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid <= 0 {
            return;
        }
        if let Some(id) = running.remove(&pid) {
            let status = if libc::WIFSIGNALED(status) {
                128 + libc::WTERMSIG(status)
            } else {
                libc::WEXITSTATUS(status)
            };
            let _ = wire::send(socket, &Reply::Exited { id, status }, &[]);
        }
    }
}

fn answer(
    socket: &OwnedFd,
    request: Request,
    fds: Vec<OwnedFd>,
    running: &mut HashMap<i32, u64>,
    words: Option<stand_in::Words>,
) {
    let _ = match request {
        Request::Spawn { id, argv, env, cwd, pty } => match spawn(&argv, env, &cwd, pty, fds) {
            Ok((pid, master)) => {
                running.insert(pid, id);
                let fds: Vec<_> = master.iter().map(AsFd::as_fd).collect();
                wire::send(socket, &Reply::Started { id, pid: Ok(pid) }, &fds)
            }
            Err(error) => wire::send(socket, &Reply::Started { id, pid: Err(error.to_string()) }, &[]),
        },
        Request::StandIn { id, title, name } => {
            let started = stand_in::start(words, &title, &name);
            if let Ok(pid) = started {
                running.insert(pid, id);
            }
            let pid = started.map_err(|error| error.to_string());
            wire::send(socket, &Reply::Started { id, pid }, &[])
        }
        Request::Signal { id, signal } => {
            for (pid, _) in running.iter().filter(|(_, running)| **running == id) {
                // SAFETY: sends a signal and changes no memory.
                unsafe { libc::kill(-pid, signal) };
            }
            Ok(())
        }
        Request::EndAll => {
            // SAFETY: sends a signal to all other processes of this namespace and changes no memory.
            unsafe { libc::kill(-1, libc::SIGKILL) };
            Ok(())
        }
        Request::Listen { id, address } => {
            opened(socket, id, std::net::TcpListener::bind(address).map(OwnedFd::from))
        }
        Request::Socket { id, v6 } => {
            use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
            let family = if v6 { AddressFamily::INET6 } else { AddressFamily::INET };
            let made = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
            opened(socket, id, made.map_err(Into::into))
        }
    };
}

/// Hands a socket to the lab, or the number of the error that kept it from being made.
fn opened(socket: &OwnedFd, id: u64, made: io::Result<OwnedFd>) -> io::Result<()> {
    match made {
        Ok(fd) => wire::send(socket, &Reply::Listening { id, error: None }, &[fd.as_fd()]),
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(libc::EIO);
            wire::send(socket, &Reply::Listening { id, error: Some(number) }, &[])
        }
    }
}

/// Starts a command in a session of its own; the master comes back where a terminal was asked for.
fn spawn(
    argv: &[String],
    env: Vec<(String, String)>,
    cwd: &str,
    pty: Option<(u16, u16)>,
    fds: Vec<OwnedFd>,
) -> io::Result<(i32, Option<OwnedFd>)> {
    let mut fds = fds.into_iter();
    let (master, [stdin, stdout, stderr]) = match pty {
        Some((columns, rows)) => {
            let (master, slave) = open_pty(columns, rows)?;
            let again = || slave.try_clone();
            (Some(master), [again()?, again()?, slave])
        }
        None => {
            let mut next = || fds.next().ok_or(io::Error::from(io::ErrorKind::InvalidInput));
            (None, [next()?, next()?, next()?])
        }
    };
    let program = argv.first().ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
    let path = env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.clone());
    let mut command = Command::new(find(program, path.as_deref().unwrap_or_default()));
    if let Some(login) = program.strip_prefix('-') {
        command = Command::new(find(login, path.as_deref().unwrap_or_default()));
    }
    command.arg0(program).args(&argv[1..]).env_clear().envs(env);
    let cwd = if std::path::Path::new(cwd).is_dir() { cwd } else { "/" };
    command
        .current_dir(cwd)
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr));
    let terminal = pty.is_some();
    // SAFETY: between fork and exec only calls that are safe there are made.
    unsafe {
        command.pre_exec(move || {
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
            // Whoever started the lab may ignore signals, as shells do for what runs in the background; a node does not.
            for signal in 1..32 {
                libc::signal(signal, libc::SIG_DFL);
            }
            // What becomes too large is refused with an error, as on a full disk, and ends nobody.
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            libc::setsid();
            if terminal && libc::ioctl(0, libc::TIOCSCTTY, 0) != 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(())
        });
    }
    // The child is waited for together with all others.
    let child = command.spawn()?;
    Ok((child.id().cast_signed(), master))
}

/// Finds a program on the node's own PATH, which differs from this process's.
fn find(program: &str, path: &str) -> std::path::PathBuf {
    if program.contains('/') {
        return program.into();
    }
    std::env::split_paths(path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .unwrap_or(program.into())
}

fn open_pty(columns: u16, rows: u16) -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    // Not /dev/ptmx: that is a link, and links can be removed.
    let as_opened = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let master = rustix::fs::open("/dev/pts/ptmx", as_opened, Mode::empty())?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, flags)?;
    let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&master, size)?;
    Ok((master, slave))
}
