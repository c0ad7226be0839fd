//! Landlock on top of namespaces, where the kernel has it (`Documentation/userspace-api/landlock.rst`).
//!
//! A second lock on what the first already holds: no device nodes, no mounts, and no abstract sockets or signals to
//! processes that are not the node's. Which files are the machine's is for the mounts to say: Landlock grants by
//! directory, and a node's root may make what it likes at the top.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `LANDLOCK_ACCESS_FS_MAKE_CHAR`, `_MAKE_BLOCK`.
const DEVICES: u64 = 1 << 6 | 1 << 11;
/// `LANDLOCK_ACCESS_FS_REFER`: what is not granted is refused even where it is not asked about.
const REFER: u64 = 1 << 13;
/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET`, `_SIGNAL`.
const SCOPES: u64 = 1 | 1 << 1;
/// The first version that can grant moving files between directories, and the first with scopes.
const WITH_REFER: i64 = 2;
const WITH_SCOPES: i64 = 6;

/// `struct landlock_ruleset_attr`
#[repr(C)]
struct Ruleset {
    files: u64,
    network: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`
#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: i32,
}

/// The version that the kernel has, 0 or less for none.
pub fn version() -> i64 {
    // SAFETY: asks for the version and passes no memory.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0, 1) }
}

/// Whether a version is used at all, and whether it holds sockets and signals, too.
pub fn serves(version: i64) -> (bool, bool) {
    (version >= WITH_REFER, version >= WITH_SCOPES)
}

/// Restricts this process and all that come of it; nothing happens where the kernel is too old or has it off.
pub fn apply() -> io::Result<()> {
    let version = version();
    if version < WITH_REFER {
        return Ok(());
    }
    let scopes = version >= WITH_SCOPES;
    let rules = Ruleset { files: DEVICES | REFER, network: 0, scoped: if scopes { SCOPES } else { 0 } };
    let size = if scopes { size_of::<Ruleset>() } else { size_of::<u64>() };
    // SAFETY: the rules live until the call is over, and are at least as large as is said.
    let made = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const rules, size, 0) };
    let made = i32::try_from(made).unwrap_or(-1);
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and is nobody else's.
    let ruleset = unsafe { OwnedFd::from_raw_fd(made) };
    let root = std::fs::File::open("/")?;
    let beneath = Beneath { allowed: REFER, parent: root.as_raw_fd() };
    let check = |done: i64| if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    // SAFETY: the rule (1 is `LANDLOCK_RULE_PATH_BENEATH`) lives until the call is over.
    check(unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, ruleset.as_raw_fd(), 1, &raw const beneath, 0)
    })?;
    // SAFETY: changes what this process may do and no memory.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })
}
