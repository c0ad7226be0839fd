//! Messages between the lab and a node's first process: JSON over a sequenced-packet socket, descriptors beside it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recv, recvmsg, sendmsg, socketpair,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::node::plan::NodeSpec;

/// The largest message; a command line that is longer is refused.
const LARGEST: usize = 128 << 10;
/// The most descriptors beside one message.
const MOST_FDS: usize = 8;

/// What the first process of all is told; the nodes' sockets come along.
#[derive(Debug, Serialize, Deserialize)]
pub struct Launch {
    /// The nodes, in the order of their sockets.
    pub nodes: Vec<NodeSpec>,
    /// This machine's user and group that become root inside.
    pub owner: (u32, u32),
    /// What of the kernel is used.
    pub kernel: Kernel,
}

/// What of the kernel a lab's nodes are made with, where it has it. Less than all is for tests of what stands in for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// User namespaces. Without them there are no such nodes.
    pub namespaces: bool,
    /// Mounts that translate owners. Without them root's nodes run as root of a user namespace of its own.
    pub idmapped_mounts: bool,
    /// Pairs of network interfaces (veth). Without them the nodes share a network namespace.
    pub cables: bool,
    /// Landlock. Without it mounts and seccomp hold alone.
    pub landlock: bool,
    /// Filters of system calls. Without them there are no such nodes.
    pub seccomp: bool,
}

impl Default for Kernel {
    fn default() -> Self {
        Self { namespaces: true, idmapped_mounts: true, cables: true, landlock: true, seccomp: true }
    }
}

/// What a node's first process is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Start a command. Without `pty` its three descriptors come along.
    Spawn {
        /// Names the command in later messages.
        id: u64,
        /// Program and arguments.
        argv: Vec<String>,
        /// The whole environment.
        env: Vec<(String, String)>,
        /// Working directory.
        cwd: String,
        /// Width and height of a new terminal.
        pty: Option<(u16, u16)>,
    },
    /// Start a process that stands for a program.
    StandIn {
        /// Names it in later messages.
        id: u64,
        /// What its command line shows.
        title: String,
        /// The program's name.
        name: String,
    },
    /// Send a signal to a command's process group.
    Signal {
        /// The command.
        id: u64,
        /// The signal's number.
        signal: i32,
    },
    /// End every process of the node but the first.
    EndAll,
    /// Open a TCP listener.
    Listen {
        /// Names the listener in the reply.
        id: u64,
        /// Where.
        address: SocketAddr,
    },
    /// Make a TCP socket of the node's network, not connected yet.
    Socket {
        /// Names the socket in the reply.
        id: u64,
        /// Whether it is one of IPv6.
        v6: bool,
    },
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The node is set up, or why it is not.
    Ready(Result<(), String>),
    /// A command started (the terminal's master comes along), or why not.
    Started {
        /// Which.
        id: u64,
        /// Why not, else its process id on the node.
        pid: Result<i32, String>,
    },
    /// A command ended.
    Exited {
        /// Which.
        id: u64,
        /// Its exit status, 128 + the signal for a killed one.
        status: i32,
    },
    /// A listener or a socket is open and comes along, or why not (the error's number).
    Listening {
        /// Which.
        id: u64,
        /// Why not.
        error: Option<i32>,
    },
}

/// A connected pair of sockets.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a message.
pub fn send(socket: impl AsFd, message: &impl Serialize, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is too long"));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        ancillary.push(SendAncillaryMessage::ScmRights(fds));
    }
    sendmsg(socket, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a message; `None` when the other side is gone.
pub fn receive<T: DeserializeOwned>(socket: impl AsFd) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    // As much room as the message needs: a first process that clears a large buffer each time has every process that was
    // forked of it keep a copy of the one before.
    let length = again(|| recv(&socket, &mut [0; 0], RecvFlags::PEEK | RecvFlags::TRUNC))?.1;
    let mut bytes = vec![0; length.min(LARGEST)];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_FDS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let got = again(|| {
        recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    })?;
    if got.bytes == 0 {
        return Ok(None);
    }
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            fds.extend(received);
        }
    }
    Ok(Some((serde_json::from_slice(&bytes[..got.bytes])?, fds)))
}

/// Calls until no signal comes in between.
fn again<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
