//! The processes that become a lab's nodes, from their beginning until a node's first command.
//!
//! ```text
//! lab ── starts ──> launcher (this program, called INIT)
//!                     own user and network namespace; loopback up with the nodes' addresses
//!                     └─ for each node: keeper ── own mount, PID, UTS and IPC namespace
//!                                         └─ first process (PID 1): mounts, new root, fewer powers; serves the lab
//! ```
//! Every process here is single-threaded. The lab's end closes its sockets, and each process then ends by itself.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use super::mounts;
use super::pid1;
use super::wire::{self, Launch, Reply};
use crate::node::plan::NodeSpec;

/// Runs the launcher: its socket is standard input.
pub fn main() -> i32 {
    let socket = io::stdin();
    let Ok(Some((launch, sockets))) = wire::receive::<Launch>(socket.as_fd()) else { return 2 };
    if let Err(error) = separate(&launch) {
        for node in &sockets {
            let _ = wire::send(node, &Reply::Ready(Err(error.clone())), &[]);
        }
        return 1;
    }
    for (index, spec) in launch.nodes.iter().enumerate() {
        // SAFETY: this process has one thread, so the child may go on as it likes.
        match unsafe { libc::fork() } {
            0 => {
                let mut own = None;
                for (place, socket) in sockets.into_iter().enumerate() {
                    if place == index {
                        own = Some(socket);
                    }
                }
                return own.map_or(2, |own| keeper(spec, own));
            }
            -1 => {
                let why = format!("fork: {}", io::Error::last_os_error());
                let _ = wire::send(&sockets[index], &Reply::Ready(Err(why)), &[]);
            }
            _ => {}
        }
    }
    drop(sockets);
    // Nothing more is said over this socket: its end is the lab's end.
    let _ = wire::receive::<()>(socket.as_fd());
    0
}

/// Enters the lab's own user and network namespace.
fn separate(launch: &Launch) -> Result<(), String> {
    let step = |what: &str, done: io::Result<()>| done.map_err(|e| format!("{what}: {e}"));
    step("a user namespace", unshare(libc::CLONE_NEWUSER))?;
    let (user, group) = launch.owner;
    step("/proc/self/setgroups", fs::write("/proc/self/setgroups", "deny"))?;
    step("/proc/self/uid_map", fs::write("/proc/self/uid_map", format!("0 {user} 1")))?;
    step("/proc/self/gid_map", fs::write("/proc/self/gid_map", format!("0 {group} 1")))?;
    step("a network namespace", unshare(libc::CLONE_NEWNET))?;
    step("the loopback interface", interface_up("lo"))?;
    for (number, spec) in launch.nodes.iter().enumerate() {
        step("a node's address", add_address(&format!("lo:{}", number + 1), spec.address))?;
    }
    Ok(())
}

fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: this process has one thread and shares nothing that the flags would take away.
    match unsafe { libc::unshare(flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn request_named(name: &str) -> libc::ifreq {
    // SAFETY: an ifreq of zeroes is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
        *to = from.cast_signed();
    }
    request
}

fn interface_ioctl(request: &mut libc::ifreq, number: libc::c_ulong) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: the request is a whole ifreq, which is what these numbers take.
    match unsafe { libc::ioctl(socket.as_raw_fd(), number, request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn interface_up(name: &str) -> io::Result<()> {
    let mut request = request_named(name);
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default();
    interface_ioctl(&mut request, libc::SIOCSIFFLAGS)
}

/// Adds an address to an interface by an alias of its name (`lo:1`), with all 32 bits of it the network.
fn add_address(alias: &str, address: IpAddr) -> io::Result<()> {
    let IpAddr::V4(address) = address else { return Err(io::ErrorKind::Unsupported.into()) };
    let socket_address = |address: u32| {
        // SAFETY: a sockaddr_in of zeroes is a valid one, and it is as large as the sockaddr it becomes.
        unsafe {
            let mut out: libc::sockaddr_in = std::mem::zeroed();
            out.sin_family = libc::sa_family_t::try_from(libc::AF_INET).unwrap_or_default();
            out.sin_addr.s_addr = address;
            std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(out)
        }
    };
    let mut request = request_named(alias);
    request.ifr_ifru.ifru_addr = socket_address(u32::from(address).to_be());
    interface_ioctl(&mut request, libc::SIOCSIFADDR)?;
    let mut request = request_named(alias);
    request.ifr_ifru.ifru_netmask = socket_address(u32::MAX);
    interface_ioctl(&mut request, libc::SIOCSIFNETMASK)
}

/// Makes a node's own namespaces, starts its first process in them and waits for it.
fn keeper(spec: &NodeSpec, socket: OwnedFd) -> i32 {
    die_with_parent();
    let flags = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC;
    if let Err(error) = unshare(flags) {
        let why = format!("a node's namespaces: {error}");
        let _ = wire::send(&socket, &Reply::Ready(Err(why)), &[]);
        return 1;
    }
    // SAFETY: this process has one thread, so the child may go on as it likes.
    match unsafe { libc::fork() } {
        0 => {
            die_with_parent();
            let ready = become_node(spec);
            let failed = ready.is_err();
            let _ = wire::send(&socket, &Reply::Ready(ready), &[]);
            if failed { 1 } else { pid1::serve(&socket) }
        }
        -1 => 1,
        child => {
            drop(socket);
            // SAFETY: the status is a place of ours to write to.
            unsafe { libc::waitpid(child, &mut 0, 0) };
            0
        }
    }
}

fn die_with_parent() {
    // SAFETY: asks for a signal and changes no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Gives the first process its node's host name, root and powers.
fn become_node(spec: &NodeSpec) -> Result<(), String> {
    let _ = rustix::thread::set_name(c"init");
    // SAFETY: starts a session of its own, so that no terminal of this machine is in reach.
    unsafe { libc::setsid() };
    rustix::system::sethostname(spec.name.as_bytes()).map_err(|e| format!("the host name: {e}"))?;
    mounts::enter(spec)?;
    std::env::set_current_dir(Path::new("/")).map_err(|e| e.to_string())?;
    mounts::drop_powers().map_err(|e| format!("giving up powers: {e}"))
}
