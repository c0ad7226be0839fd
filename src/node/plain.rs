//! Nodes where namespaces are refused: a directory each, other paths, no isolation.
//!
//! A shell's home, tools, kubeconfig and prompt are the node's; everything else is this machine's. Paths that a learner
//! types begin with the node's directory ([`Node::shown_path`]).

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::local::LocalFiles;
use super::plan::{self, NodeSpec};
use super::{Command, Io, Isolation, Node, Output, Process, tools};
use crate::error::{Context, Error, Result};
use crate::rooted::Rooted;
use crate::text::tr;

/// The name that this program is called by to begin a session with a terminal of its own.
pub const SESSION: &str = "cks-lab-session";

/// Starts nothing: a plain node is there as soon as its directory is.
pub fn start(specs: &[NodeSpec], program: &Path) -> Vec<Arc<PlainNode>> {
    let node = |spec: &NodeSpec| {
        let files = LocalFiles::new(&spec.name, &spec.root);
        Arc::new(PlainNode {
            name: spec.name.clone(),
            root: spec.root.clone(),
            program: program.into(),
            files,
        })
    };
    specs.iter().map(node).collect()
}

/// Links the lab's tools where a shell of a plain node finds them: `program` is this program's file.
pub fn link_tools(root: &Path, program: &Path) -> Result<()> {
    let files = Rooted::new(root);
    for tool in tools::on_node(|name| plan::find_program(name).is_some()) {
        let at = Path::new("opt/cks-lab/local/bin").join(tool);
        let what = || tr!(node_link_not_made { path: files.shown(&at).display() });
        if files.read_link(&at).is_ok_and(|to| to == program) {
            continue;
        }
        if files.symlink_metadata(&at).is_ok() {
            files.remove_all(&at).context_what(what)?;
        }
        files.symlink(program, &at).context_what(what)?;
    }
    Ok(())
}

/// Makes the terminal on standard input this process's own and becomes the command; returns only if that fails.
pub fn session_main(command: Vec<OsString>) -> i32 {
    let _ = rustix::process::setsid();
    let stdin = rustix::stdio::stdin();
    if rustix::termios::isatty(stdin) {
        let _ = rustix::process::ioctl_tiocsctty(stdin);
    }
    handle_signals();
    let mut words = command.into_iter();
    let (Some(program), Some(zeroth)) = (words.next(), words.next()) else { return 127 };
    let _ = std::process::Command::new(program).arg0(zeroth).args(words).exec();
    127
}

/// Handles the signals that whoever started the lab may ignore, as shells do for what runs in the background: a handled signal
/// has its default again in the program that this process becomes (execve(2)), an ignored one stays ignored.
fn handle_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let _context = runtime.enter();
    for number in [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
    ] {
        let _ = signal(SignalKind::from_raw(number));
    }
}

/// A node without isolation.
pub struct PlainNode {
    name: String,
    root: PathBuf,
    program: PathBuf,
    files: LocalFiles,
}

impl PlainNode {
    fn environment(&self, term: &str) -> Vec<(String, String)> {
        let at = |path: &str| self.root.join(path).display().to_string();
        let machine = std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".into());
        let mut env = plan::environment(term);
        let own = [
            ("HOME", at("root")),
            ("PATH", format!("{}:{machine}", at("opt/cks-lab/local/bin"))),
            ("CKS_LAB_NODE", self.name.clone()),
            ("CKS_LAB_NODE_ROOT", self.root.display().to_string()),
            ("CKS_LAB_NODE_SOCKET", at("run/containerd/containerd.sock")),
        ];
        env.retain(|(key, _)| !own.iter().any(|(name, _)| name == key));
        env.extend(own.map(|(key, value)| (key.to_owned(), value)));
        env
    }
}

#[async_trait]
impl Node for PlainNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn isolation(&self) -> Isolation {
        Isolation::Plain
    }

    fn root(&self) -> Option<PathBuf> {
        Some(self.root.clone())
    }

    fn shown_path(&self, path: &str) -> String {
        format!("{}{path}", self.root.display())
    }

    async fn spawn(&self, command: Command, io: Io) -> Result<Process> {
        let what = || tr!(node_cannot_run_command { node: self.name });
        let Ends { term, master, stdio } = ends(io).context_what(what)?;
        let mut words = command.argv;
        if words.is_empty() {
            let rc = self.root.join("root/.bashrc").display().to_string();
            words = vec!["bash".into(), "--rcfile".into(), rc];
        }
        let env = self.environment(&term);
        let cwd =
            command.cwd.map_or_else(|| self.root.join("root"), |c| self.root.join(c.trim_start_matches('/')));
        let mut child = tokio::process::Command::new(&self.program);
        child
            .arg0(SESSION)
            .arg(&words[0])
            .args(&words)
            .env_clear()
            .envs(env)
            .envs(command.env)
            .current_dir(if cwd.is_dir() { cwd } else { self.root.clone() });
        start_process(child, master, stdio).context_what(what)
    }

    async fn run(&self, command: Command, stdin: &[u8], limit: Duration) -> Result<Output> {
        super::local::run(self, command, stdin, limit).await
    }

    async fn read_file(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.files.read_file(path).await
    }

    async fn write_file(&self, path: &str, content: &[u8]) -> Result<()> {
        self.files.write_file(path, content).await
    }

    async fn list_dir(&self, path: &str) -> Result<Option<Vec<String>>> {
        self.files.list_dir(path).await
    }

    async fn remove_file(&self, path: &str) -> Result<()> {
        self.files.remove_file(path).await
    }

    async fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener> {
        let local = SocketAddr::new([127, 0, 0, 1].into(), 0);
        tokio::net::TcpListener::bind(local)
            .await
            .map_err(|e| Error::new(tr!(node_cannot_listen { address, node: self.name })).why(e))
    }
}

/// What a process is connected with.
pub(crate) struct Ends {
    /// What `TERM` is.
    pub(crate) term: String,
    /// The terminal's master, where there is a terminal.
    pub(crate) master: Option<OwnedFd>,
    /// Standard input, output and error.
    pub(crate) stdio: [OwnedFd; 3],
}

/// Makes what a process is connected with.
pub(crate) fn ends(io: Io) -> std::io::Result<Ends> {
    Ok(match io {
        Io::Fds { stdin, stdout, stderr } => {
            Ends { term: "dumb".to_owned(), master: None, stdio: [stdin, stdout, stderr] }
        }
        Io::Pty { columns, rows, term } => {
            let (master, slave) = open_pty(columns, rows)?;
            Ends { term, master: Some(master), stdio: [slave.try_clone()?, slave.try_clone()?, slave] }
        }
    })
}

/// Starts a process of this machine that leads a group of its own, and waits for it in the background.
pub(crate) fn start_process(
    mut child: tokio::process::Command,
    master: Option<OwnedFd>,
    [stdin, stdout, stderr]: [OwnedFd; 3],
) -> std::io::Result<Process> {
    child.stdin(Stdio::from(stdin)).stdout(Stdio::from(stdout)).stderr(Stdio::from(stderr));
    let mut child = child.spawn()?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let (ended, exit) = oneshot::channel();
    let (signal, mut signals) = mpsc::unbounded_channel::<i32>();
    tokio::spawn(async move {
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                Some(number) = signals.recv() => {
                    if let (Some(pid), Some(signal)) = (pid, rustix::process::Signal::from_named_raw(number)) {
                        let _ = rustix::process::kill_process_group(pid, signal);
                    }
                }
            }
        };
        let status = status.map_or(255, |s| s.code().or_else(|| s.signal().map(|n| 128 + n)).unwrap_or(255));
        let _ = ended.send(status);
    });
    Ok(Process { pid: None, pty: master, signal, exit })
}

fn open_pty(columns: u16, rows: u16) -> std::io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
    let slave = rustix::fs::open(name.as_c_str(), flags, rustix::fs::Mode::empty())?;
    let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&master, size)?;
    Ok((master, slave))
}
