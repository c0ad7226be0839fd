//! Who the nodes' processes are on this machine.
//!
//! An ordinary user's nodes run as that user. Root's run as nobody that the machine knows: a range of user ids from
//! [`BASE`] on, so that a process that got out could do less than any user. The files on disk stay root's; mounts that
//! translate owners (`MOUNT_ATTR_IDMAP`) show them to the node as its root's. File systems that cannot do that keep root.

use std::ffi::CString;
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::wire::Launch;

/// The first user id of root's nodes; far above what systems give to people, services and containers.
const BASE: u32 = 0x6c6b_0000;
/// How many users root's nodes have.
const USERS: u32 = 65_536;

/// The mounts of a node that were made as root of the machine: its root, and one for each of its plan's.
pub struct Mounts {
    /// The node's root.
    pub root: OwnedFd,
    /// The plan's, in order.
    pub parts: Vec<OwnedFd>,
}

/// How the nodes' users are those of the lab's namespace.
pub struct Users {
    /// How many there are.
    pub count: u32,
    /// Mounts with translated owners, by node; nothing where the nodes make their own.
    pub mounts: Vec<Mounts>,
}

/// Enters the lab's own user namespace as its root.
pub fn enter(launch: &Launch) -> Result<Users, String> {
    if !launch.kernel.namespaces {
        return Err(format!("a user namespace: {}", io::Error::from_raw_os_error(libc::EPERM)));
    }
    if launch.owner.0 == 0
        && launch.kernel.idmapped_mounts
        && let Ok(mounts) = give_root_up(launch)
    {
        return Ok(Users { count: USERS, mounts });
    }
    let step = |what: &str, done: io::Result<()>| done.map_err(|e| format!("{what}: {e}"));
    step("a user namespace", super::init::unshare(libc::CLONE_NEWUSER))?;
    let (user, group) = launch.owner;
    step("/proc/self/setgroups", fs::write("/proc/self/setgroups", "deny"))?;
    step("/proc/self/uid_map", fs::write("/proc/self/uid_map", format!("0 {user} 1")))?;
    step("/proc/self/gid_map", fs::write("/proc/self/gid_map", format!("0 {group} 1")))?;
    Ok(Users { count: 1, mounts: Vec::new() })
}

/// Becomes nobody of this machine; before that mounts are made that show root's files as the node's root's.
fn give_root_up(launch: &Launch) -> io::Result<Vec<Mounts>> {
    let users = namespace()?;
    let mut all = Vec::new();
    for spec in &launch.nodes {
        let root = translated(&spec.root, &users, false)?;
        let mut parts = Vec::new();
        for part in &spec.mounts {
            // The machine's directories are seen by everybody as they are.
            let own = part.writable || !part.source.is_dir();
            let tried =
                if own { translated(&part.source, &users, false) } else { detached(&part.source, true) };
            parts.push(match tried {
                Err(_) if !part.writable => detached(&part.source, true)?,
                tried => tried?,
            });
        }
        all.push(Mounts { root, parts });
    }
    let check = |done: libc::c_int| if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    // SAFETY: these change who this process, which has one thread, is, and no memory. From the first on there is no way back.
    unsafe {
        check(libc::setns(users.as_raw_fd(), libc::CLONE_NEWUSER))?;
        check(libc::setgroups(0, std::ptr::null()))?;
        check(libc::setresgid(0, 0, 0))?;
        check(libc::setresuid(0, 0, 0))?;
        // Becoming somebody else made this process's files in /proc root's.
        check(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
    }
    Ok(all)
}

/// A user namespace whose users are [`BASE`] and those after it: made by a child, and kept by its descriptor.
fn namespace() -> io::Result<OwnedFd> {
    let (mut ready, mut made) = io::pipe()?;
    let (mut wait, end) = io::pipe()?;
    // SAFETY: this process has one thread, so the child may go on as it likes.
    let child = unsafe { libc::fork() };
    if child == 0 {
        drop(end);
        let done = super::init::unshare(libc::CLONE_NEWUSER);
        let _ = made.write_all(&[u8::from(done.is_ok())]);
        let _ = wait.read(&mut [0]);
        // SAFETY: ends this process.
        unsafe { libc::_exit(0) };
    }
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    drop(made);
    let mut done = [0];
    let there = ready.read_exact(&mut done).and_then(|()| {
        let range = format!("0 {BASE} {USERS}");
        fs::write(format!("/proc/{child}/uid_map"), &range)?;
        fs::write(format!("/proc/{child}/gid_map"), &range)?;
        fs::File::open(format!("/proc/{child}/ns/user"))
    });
    drop(end);
    // SAFETY: the status is a place of ours to write to.
    unsafe { libc::waitpid(child, &mut 0, 0) };
    Ok(there?.into())
}

/// Tries whether the mount that a path is on can be shown with translated owners.
pub fn try_translation(path: &Path) -> io::Result<()> {
    translated(path, &namespace()?, false).map(|_| ())
}

/// A copy of the mount that a path is on, attached nowhere.
fn detached(path: &Path, below: bool) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let deep = if below { libc::AT_RECURSIVE.cast_unsigned() } else { 0 };
    // OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC
    let flags = 1 | libc::O_CLOEXEC.cast_unsigned() | deep;
    // SAFETY: the path lives until the call is over.
    let made = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    let made = i32::try_from(made).unwrap_or(-1);
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and is nobody else's.
    let tree = unsafe { OwnedFd::from_raw_fd(made) };
    set(&tree, 0, 0, below)?;
    Ok(tree)
}

/// The same with the users of a namespace in the place of the machine's.
fn translated(path: &Path, users: &OwnedFd, below: bool) -> io::Result<OwnedFd> {
    let tree = detached(path, below)?;
    let descriptor = u64::try_from(users.as_raw_fd()).map_err(io::Error::other)?;
    set(&tree, libc::MOUNT_ATTR_IDMAP, descriptor, below)?;
    Ok(tree)
}

/// Changes a detached mount, and lets it hear of nobody else's mounts.
fn set(tree: &OwnedFd, attributes: u64, users: u64, below: bool) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: libc::MS_PRIVATE,
        userns_fd: users,
    };
    let flags = libc::AT_EMPTY_PATH | if below { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: path and attributes live until the call is over, and the size is the attributes'.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
