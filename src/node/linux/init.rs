//! The processes that become a lab's nodes, from their beginning until a node's first command.
//!
//! ```text
//! lab ── starts ──> launcher (this program, called INIT): no environment, no descriptors but its own
//!                     own user namespace (see `identity`) and network namespace
//!                     └─ for each node: keeper ── own user, mount, PID, UTS, IPC, network and cgroup namespace
//!                          │  "made" ──> launcher: its users, the cables between the nodes ──> "go on"
//!                          └─ first process (PID 1): network, mounts, new root, limits, fewer powers, Landlock, seccomp
//! ```
//! Every process here is single-threaded. The lab's end closes its sockets, and each process then ends by itself.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use super::identity::{self, Mounts, Users};
use super::wire::{self, Launch, Reply};
use super::{filter, landlock, mounts, network, pid1};

/// How many processes a node's first one is taken to have started before the lab's.
const FIRST_PROCESSES: &str = "70";

/// Runs the launcher: its socket is standard input.
pub fn main() -> i32 {
    close_inherited();
    // SAFETY: makes this process the parent of orphans, and changes no memory.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
    let socket = io::stdin();
    let Ok(Some((launch, sockets))) = wire::receive::<Launch>(socket.as_fd()) else { return 2 };
    let refuse = |why: &str| {
        for node in &sockets {
            let _ = wire::send(node, &Reply::Ready(Err(why.to_owned())), &[]);
        }
        1
    };
    let lab = match separate(&launch) {
        Ok(lab) => lab,
        Err(why) => return refuse(&why),
    };
    let mut keepers = Vec::new();
    for index in 0..launch.nodes.len() {
        let Ok((ours, theirs)) = wire::pair() else { return refuse("a pair of sockets cannot be had") };
        // SAFETY: this process has one thread, so the child may go on as it likes.
        match unsafe { libc::fork() } {
            0 => {
                drop((ours, keepers));
                let own = sockets.into_iter().nth(index);
                return own.map_or(2, |own| keeper(&launch, index, lab, &theirs, own));
            }
            -1 => return refuse(&format!("fork: {}", io::Error::last_os_error())),
            child => keepers.push((child, ours)),
        }
    }
    drop(sockets);
    if introduce(&keepers, &lab).is_err() {
        return 1;
    }
    let keepers: Vec<_> = keepers.into_iter().map(|(keeper, _)| keeper).collect();
    drop(lab);
    // Nothing more is said over this socket: its end is the lab's end.
    let _ = wire::receive::<()>(socket.as_fd());
    end(&keepers);
    0
}

/// Ends the nodes, and waits until no process of theirs is left: whoever waits for this one knows then that all are gone.
fn end(keepers: &[i32]) {
    // SAFETY: sends signals, and writes statuses to a place of ours. First processes whose keepers are gone are this
    // process's children by now, and one of them is gone when all processes of its node are.
    unsafe {
        for keeper in keepers {
            libc::kill(*keeper, libc::SIGKILL);
        }
        while libc::waitpid(-1, &mut 0, 0) > 0 {}
    }
}

/// Closes whatever the lab's program was started with beside its standard descriptors.
fn close_inherited() {
    // SAFETY: this process has opened nothing yet, and nothing here owns what is closed.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// What the nodes of a lab have in common.
struct Lab {
    users: Users,
    /// Whether each node gets a network of its own.
    cables: bool,
}

/// Enters the lab's own user and network namespace.
fn separate(launch: &Launch) -> Result<Lab, String> {
    let users = identity::enter(launch)?;
    unshare(libc::CLONE_NEWNET).map_err(|e| format!("a network namespace: {e}"))?;
    let cables = launch.nodes.len() < 2 || (launch.kernel.cables && network::has_cables());
    if !cables {
        network::share(&launch.nodes).map_err(|e| format!("the nodes' network: {e}"))?;
    }
    Ok(Lab { users, cables })
}

/// Takes this process out of what it shares with others.
pub fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: this process has one thread and shares nothing that the flags would take away.
    match unsafe { libc::unshare(flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What keepers and the launcher tell each other.
#[derive(serde::Serialize, serde::Deserialize)]
struct Step(Result<(), String>);

/// Waits for every keeper's namespaces, and makes what only the launcher may make in them.
fn introduce(keepers: &[(i32, OwnedFd)], lab: &Lab) -> io::Result<()> {
    for (_, socket) in keepers {
        // One that failed has told the lab itself.
        let (Step(made), _) = wire::receive(socket)?.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?;
        made.map_err(io::Error::other)?;
    }
    let done = (|| {
        for (keeper, _) in keepers {
            let range = format!("0 0 {}", lab.users.count);
            fs::write(format!("/proc/{keeper}/uid_map"), &range)?;
            fs::write(format!("/proc/{keeper}/gid_map"), &range)?;
        }
        let processes: Vec<_> = keepers.iter().map(|(keeper, _)| *keeper).collect();
        if lab.cables { network::connect(&processes) } else { Ok(()) }
    })();
    let told = done.map_err(|e: io::Error| format!("the nodes' users and network: {e}"));
    for (_, socket) in keepers {
        wire::send(socket, &Step(told.clone()), &[])?;
    }
    told.map_err(io::Error::other)
}

/// Makes a node's own namespaces, starts its first process in them and waits for it.
fn keeper(launch: &Launch, index: usize, lab: Lab, launcher: &OwnedFd, socket: OwnedFd) -> i32 {
    die_with_parent();
    if let Err(why) = namespaces(&lab, launcher) {
        let _ = wire::send(&socket, &Reply::Ready(Err(why)), &[]);
        return 1;
    }
    die_with_parent();
    // SAFETY: this process has one thread, so the child may go on as it likes.
    match unsafe { libc::fork() } {
        0 => {
            die_with_parent();
            let made = lab.users.mounts.into_iter().nth(index);
            let ready = become_node(launch, index, lab.cables, made);
            let failed = ready.is_err();
            let _ = wire::send(&socket, &Reply::Ready(ready), &[]);
            if !failed {
                return pid1::serve(&socket);
            }
            // Its network goes with it, and the cables to the others: it stays until the lab has heard from them all.
            while let Ok(Some(_)) = wire::receive::<wire::Request>(&socket) {}
            1
        }
        -1 => 1,
        child => {
            drop((socket, lab));
            // SAFETY: the status is a place of ours to write to.
            unsafe { libc::waitpid(child, &mut 0, 0) };
            0
        }
    }
}

/// Makes the namespaces of a node, and waits until the launcher has done its part.
fn namespaces(lab: &Lab, launcher: &OwnedFd) -> Result<(), String> {
    let mut flags = libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWUTS;
    flags |= libc::CLONE_NEWIPC | if lab.cables { libc::CLONE_NEWNET } else { 0 };
    // Not every kernel has control groups.
    let made = unshare(flags | libc::CLONE_NEWCGROUP).or_else(|_| unshare(flags));
    let made = made.map_err(|error| format!("a node's namespaces: {error}"));
    let _ = wire::send(launcher, &Step(made.clone()), &[]);
    made?;
    match wire::receive::<Step>(launcher) {
        Ok(Some((Step(done), _))) => done,
        _ => Err("another node's namespaces cannot be had".into()),
    }
}

fn die_with_parent() {
    // SAFETY: asks for a signal and changes no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Gives the first process its node's network, host name, root and limits, and takes its powers.
fn become_node(launch: &Launch, index: usize, cables: bool, made: Option<Mounts>) -> Result<(), String> {
    let spec = &launch.nodes[index];
    let step = |what: &str, done: io::Result<()>| done.map_err(|e| format!("{what}: {e}"));
    let _ = rustix::thread::set_name(c"init");
    // SAFETY: starts a session of its own, so that no terminal of this machine is in reach.
    unsafe { libc::setsid() };
    rustix::system::sethostname(spec.name.as_bytes()).map_err(|e| format!("the host name: {e}"))?;
    if cables {
        step("the node's network", network::set_up(&launch.nodes, index))?;
    }
    // Of what a node starts first on its way up nothing is emulated but the numbers; not every kernel counts on from one.
    let _ = fs::write("/proc/sys/kernel/ns_last_pid", FIRST_PROCESSES);
    mounts::enter(spec, made)?;
    std::env::set_current_dir(Path::new("/")).map_err(|e| e.to_string())?;
    step("giving up powers", mounts::drop_powers())?;
    if launch.kernel.landlock {
        step("Landlock", landlock::apply())?;
    }
    let filtered =
        if launch.kernel.seccomp { filter::apply() } else { Err(io::Error::from_raw_os_error(libc::ENOSYS)) };
    step("the filter of system calls", filtered)?;
    // What this process holds is not to be seen in /proc, nor is it to be traced.
    // SAFETY: changes what others may do to this process and no memory.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    Ok(())
}
