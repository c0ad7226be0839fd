//! Nodes in namespaces of this machine; the only room with unsafe code.
//!
//! | file | what it does |
//! |---|---|
//! | [`wire`] | messages and descriptors between the lab and a node's first process |
//! | [`init`] | the processes that become a lab's nodes (a drawing of the hand-over is there) |
//! | [`identity`] | who their processes are on this machine |
//! | [`network`] | a network namespace for each node, and the cables between them |
//! | [`mounts`] | a node's view of files, and the powers it is left with |
//! | [`limits`], [`landlock`], [`filter`] | how much it may take; a second lock; the system calls it is left with |
//! | [`cap`], [`guard`] | keep the nodes' memory and files from filling the machine |
//! | [`probe`] | tries what of all that the kernel has |
//! | [`pid1`], [`stand_in`] | a node's first process at work; processes that stand for what runs inside the lab |
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

pub use self::wire::Kernel;
use self::wire::{Launch, Reply, Request};
use super::local::LocalFiles;
use super::plan::{self, NodeSpec};
use super::{Command, Io, Isolation, Node, Output, Process};
use crate::error::{Error, Result};
use crate::text::tr;

mod cap;
mod filter;
mod guard;
mod identity;
mod init;
mod landlock;
mod limits;
mod mounts;
mod network;
mod pid1;
pub mod probe;
mod stand_in;
mod wire;

/// The name that this program is called by when it is to become a lab's nodes.
pub const INIT: &str = "cks-lab-init";

/// Runs the processes that become a lab's nodes; for `main`, before any thread exists.
pub fn init_main() -> i32 {
    init::main()
}

/// Tells of every node of a lab, in order, whether it is there by now, or why it cannot be.
pub type Beginnings = Vec<oneshot::Receiver<Result<(), String>>>;

/// Waits until all nodes are there; the error's text is why namespaces cannot be had.
pub async fn begun(beginnings: Beginnings) -> Result<(), String> {
    for node in beginnings {
        node.await.unwrap_or_else(|_| Err(tr!(node_first_process).into()))?;
    }
    Ok(())
}

/// All nodes of a lab.
pub struct Lab {
    launcher: Mutex<Option<(Child, OwnedFd)>>,
    nodes: Vec<Arc<LinuxNode>>,
    guards: Vec<tokio::task::AbortHandle>,
    /// Goes last: its group has to be empty by then.
    _cap: Option<cap::Cap>,
}

impl Lab {
    /// Starts the nodes; `program` is this program's file. The error's text is why namespaces cannot be had.
    pub async fn start(specs: Vec<NodeSpec>, program: &Path) -> Result<Self, String> {
        Self::start_with(specs, program, Kernel::default()).await
    }

    /// Starts the nodes with less of the kernel than it has, to see what stands in for it.
    pub async fn start_with(specs: Vec<NodeSpec>, program: &Path, kernel: Kernel) -> Result<Self, String> {
        let (lab, beginnings) = Self::begin(specs, program, kernel).await?;
        begun(beginnings).await?;
        Ok(lab)
    }

    /// Begins to start the nodes: what they are asked meanwhile they do once they are there, in that order; a node that
    /// cannot begin refuses it.
    pub async fn begin(
        specs: Vec<NodeSpec>,
        program: &Path,
        kernel: Kernel,
    ) -> Result<(Self, Beginnings), String> {
        let program = program.to_owned();
        let started = tokio::task::spawn_blocking(move || launch(specs, &program, kernel)).await;
        let (mut lab, beginnings) = started.map_err(|e| e.to_string())??;
        lab.guards = guard::start(&lab.nodes);
        Ok((lab, beginnings))
    }

    /// A node by its name.
    pub fn node(&self, name: &str) -> Option<Arc<LinuxNode>> {
        self.nodes.iter().find(|n| n.name() == name).cloned()
    }

    /// Ends every process of the nodes; returns when the launcher is gone.
    pub async fn stop(&self) {
        if let Some(mut launcher) = self.hang_up() {
            let _ = tokio::task::spawn_blocking(move || launcher.wait()).await;
        }
    }

    /// Tells all processes of the lab that it is over; the launcher is to be waited for.
    ///
    /// Whoever still holds a node holds its socket open: it is shut down here. A first process that was only just made
    /// does not hear of its keeper's end, and ends by that alone.
    fn hang_up(&self) -> Option<Child> {
        self.guards.iter().for_each(tokio::task::AbortHandle::abort);
        for node in &self.nodes {
            let _ = rustix::net::shutdown(&node.link.socket, rustix::net::Shutdown::Both);
        }
        let launcher = self.launcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        launcher.map(|(child, _)| child)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if let Some(mut launcher) = self.hang_up() {
            let _ = launcher.wait();
        }
    }
}

/// Whether namespaces can be had here, else the reason.
pub fn detect() -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    for part in ["dev", "proc", "mnt"] {
        std::fs::create_dir(dir.path().join(part)).map_err(|e| e.to_string())?;
    }
    let address = std::net::IpAddr::from([127, 0, 0, 2]);
    let limits = plan::Limits::default();
    let spec =
        NodeSpec { name: "probe".into(), address, root: dir.path().into(), mounts: Vec::new(), limits };
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let (_lab, beginnings) = launch(vec![spec], &program, Kernel::default())?;
    let refused = || Err(tr!(node_first_process).into());
    beginnings.into_iter().try_for_each(|node| node.blocking_recv().unwrap_or_else(|_| refused()))
}

/// The version of Landlock that this kernel has, 0 for none; whether nodes use it, and for sockets and signals, too.
pub fn landlock() -> (i64, bool, bool) {
    let version = landlock::version().max(0);
    let (used, scopes) = landlock::serves(version);
    (version, used, scopes)
}

/// Whether the nodes of a lab have a limit on the memory of all of them together here: how many bytes, else why not.
pub fn memory_cap() -> Result<u64, String> {
    let most = plan::Limits::default().total;
    let cap = cap::Cap::make(std::process::id(), most).map_err(|error| error.to_string())?;
    // A process of one's own is what is to be taken in: one that ends at once.
    let tried = std::process::Command::new("sleep").arg("5").stdin(Stdio::null()).spawn();
    let mut child = tried.map_err(|error| error.to_string())?;
    let taken = cap.take(child.id()).map_err(|error| error.to_string());
    let _ = child.kill();
    let _ = child.wait();
    taken.map(|()| most)
}

fn launch(specs: Vec<NodeSpec>, program: &Path, kernel: Kernel) -> Result<(Lab, Beginnings), String> {
    let text = |e: io::Error| e.to_string();
    let (ours, theirs) = wire::pair().map_err(text)?;
    let child = std::process::Command::new(program)
        .arg0(INIT)
        .env_clear()
        .env("_", "_".repeat(stand_in::ROOM))
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .spawn()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    // Without one the limits of each process hold alone.
    let most = specs.iter().map(|spec| spec.limits.total).max().unwrap_or_default();
    let cap = cap::Cap::make(child.id(), most).ok().filter(|cap| cap.take(child.id()).is_ok());
    let pairs = specs.iter().map(|_| wire::pair()).collect::<io::Result<Vec<_>>>().map_err(text)?;
    let theirs: Vec<_> = pairs.iter().map(|(_, theirs)| theirs.as_fd()).collect();
    let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    wire::send(&ours, &Launch { nodes: specs.clone(), owner, kernel }, &theirs).map_err(text)?;
    let launcher = Mutex::new(Some((child, ours)));
    let (nodes, beginnings) = specs
        .into_iter()
        .zip(pairs)
        .map(|(spec, (ours, _))| {
            let (told, beginning) = oneshot::channel();
            (Arc::new(LinuxNode::new(spec, ours, told)), beginning)
        })
        .unzip();
    Ok((Lab { launcher, nodes, guards: Vec::new(), _cap: cap }, beginnings))
}

/// A node in namespaces.
pub struct LinuxNode {
    spec: NodeSpec,
    files: LocalFiles,
    link: Arc<Link>,
}

/// The lab's end of a node's socket.
struct Link {
    socket: OwnedFd,
    next: AtomicU64,
    waiting: Mutex<Waiting>,
}

/// The process id of a command that started, with its terminal's master where it has one; or why it did not.
type Started = Result<(i32, Option<OwnedFd>), String>;

#[derive(Default)]
struct Waiting {
    started: HashMap<u64, oneshot::Sender<Started>>,
    exited: HashMap<u64, oneshot::Sender<i32>>,
    listening: HashMap<u64, oneshot::Sender<io::Result<OwnedFd>>>,
}

impl Link {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands replies to whoever waits for them, until the node is gone.
    fn read(&self, beginning: oneshot::Sender<Result<(), String>>) {
        let mut beginning = Some(beginning);
        while let Ok(Some((reply, fds))) = wire::receive::<Reply>(&self.socket) {
            let fd = fds.into_iter().next();
            match reply {
                Reply::Started { id, pid } => {
                    let waiting = self.waiting().started.remove(&id);
                    if let Some(sender) = waiting {
                        let _ = sender.send(pid.map(|pid| (pid, fd)));
                    }
                }
                Reply::Exited { id, status } => {
                    let waiting = self.waiting().exited.remove(&id);
                    if let Some(sender) = waiting {
                        let _ = sender.send(status);
                    }
                }
                Reply::Listening { id, error } => {
                    let waiting = self.waiting().listening.remove(&id);
                    if let Some(sender) = waiting {
                        let missing = || io::Error::from(io::ErrorKind::InvalidData);
                        let answer = match error {
                            Some(number) => Err(io::Error::from_raw_os_error(number)),
                            None => fd.ok_or_else(missing),
                        };
                        let _ = sender.send(answer);
                    }
                }
                Reply::Ready(ready) => {
                    if let Some(sender) = beginning.take() {
                        let _ = sender.send(ready);
                    }
                }
            }
        }
        // Whoever still waits learns by its closed channel that the node is gone.
        *self.waiting() = Waiting::default();
    }
}

impl LinuxNode {
    fn new(spec: NodeSpec, socket: OwnedFd, beginning: oneshot::Sender<Result<(), String>>) -> Self {
        let link = Arc::new(Link { socket, next: AtomicU64::new(1), waiting: Mutex::default() });
        let reader = link.clone();
        std::thread::spawn(move || reader.read(beginning));
        Self { files: LocalFiles::new(&spec.name, &spec.root), spec, link }
    }

    fn gone(&self) -> Error {
        Error::new(tr!(node_not_running { node: self.spec.name }))
    }

    /// Has the node open a listener or a socket.
    async fn socket(&self, request: impl FnOnce(u64) -> Request) -> io::Result<OwnedFd> {
        let id = self.next();
        let (opened, was_opened) = oneshot::channel();
        self.link.waiting().listening.insert(id, opened);
        wire::send(&self.link.socket, &request(id), &[])?;
        was_opened.await.map_err(|_| io::Error::other(self.gone()))?
    }

    /// Has the node start something, and waits until it did.
    async fn started(&self, id: u64, program: &str, request: &Request, fds: Vec<OwnedFd>) -> Result<Process> {
        let (started, was_started) = oneshot::channel();
        let (exited, exit) = oneshot::channel();
        {
            let mut waiting = self.link.waiting();
            waiting.started.insert(id, started);
            waiting.exited.insert(id, exited);
        }
        let sent = {
            let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
            wire::send(&self.link.socket, request, &fds)
        };
        drop(fds);
        let failed =
            |why: String| Error::new(tr!(node_cannot_run { program, node: self.spec.name })).why(why);
        let answer = match sent {
            Ok(()) => was_started.await.map_err(|_| self.gone()),
            Err(error) => Err(failed(error.to_string())),
        };
        let (pid, pty) = match answer {
            Ok(Ok(started)) => started,
            Ok(Err(why)) => {
                self.link.waiting().exited.remove(&id);
                return Err(failed(why));
            }
            Err(error) => {
                let mut waiting = self.link.waiting();
                waiting.started.remove(&id);
                waiting.exited.remove(&id);
                return Err(error);
            }
        };
        let (signal, mut signals) = mpsc::unbounded_channel();
        let link = self.link.clone();
        tokio::spawn(async move {
            while let Some(signal) = signals.recv().await {
                let _ = wire::send(&link.socket, &Request::Signal { id, signal }, &[]);
            }
        });
        Ok(Process { pid: u32::try_from(pid).ok(), pty, signal, exit })
    }

    fn next(&self) -> u64 {
        self.link.next.fetch_add(1, Ordering::Relaxed)
    }
}

#[async_trait]
impl Node for LinuxNode {
    fn name(&self) -> &str {
        &self.spec.name
    }

    fn isolation(&self) -> Isolation {
        Isolation::Namespaces
    }

    fn root(&self) -> Option<PathBuf> {
        Some(self.spec.root.clone())
    }

    async fn spawn(&self, command: Command, io: Io) -> Result<Process> {
        let id = self.next();
        let (term, pty, fds) = match io {
            Io::Pty { columns, rows, term } => (term, Some((columns, rows)), Vec::new()),
            Io::Fds { stdin, stdout, stderr } => ("dumb".to_owned(), None, vec![stdin, stdout, stderr]),
        };
        let argv = if command.argv.is_empty() { vec!["-bash".to_owned()] } else { command.argv };
        let mut env = plan::environment(&term);
        env.retain(|(key, _)| !command.env.iter().any(|(own, _)| own == key));
        env.extend(command.env);
        let program = argv[0].clone();
        let cwd = command.cwd.unwrap_or_else(|| "/root".into());
        self.started(id, &program, &Request::Spawn { id, argv, env, cwd, pty }, fds).await
    }

    async fn stand_in(&self, words: &[String]) -> Result<Option<Process>> {
        let id = self.next();
        let program = words.first().map_or("", String::as_str);
        let name = program.rsplit('/').next().unwrap_or(program).to_owned();
        let request = Request::StandIn { id, title: words.join(" "), name };
        self.started(id, program, &request, Vec::new()).await.map(Some)
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

    async fn end_all(&self) -> Result<()> {
        let sent = wire::send(&self.link.socket, &Request::EndAll, &[]);
        sent.map_err(|e| self.gone().why(e))
    }

    async fn listen(&self, address: SocketAddr) -> Result<tokio::net::TcpListener> {
        let cannot =
            |why: io::Error| Error::new(tr!(node_cannot_listen { address, node: self.spec.name })).why(why);
        let socket = self.socket(|id| Request::Listen { id, address }).await.map_err(cannot)?;
        let listener = std::net::TcpListener::from(socket);
        listener.set_nonblocking(true).map_err(cannot)?;
        tokio::net::TcpListener::from_std(listener).map_err(cannot)
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<tokio::net::TcpStream> {
        let socket = self.socket(|id| Request::Socket { id, v6: address.is_ipv6() }).await?;
        let stream = std::net::TcpStream::from(socket);
        stream.set_nonblocking(true)?;
        tokio::net::TcpSocket::from_std_stream(stream).connect(address).await
    }
}
