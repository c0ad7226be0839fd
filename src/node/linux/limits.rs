//! How much of the machine a node's processes may take: what they are given up to, and that they go first when memory is short.

use std::fs;
use std::io;
use std::path::Path;

use crate::node::plan::Limits;

/// Limits of a user namespace (`/proc/sys/user`): namespaces are made before, and watches are counted on the machine's user too.
const NAMESPACE: [(&str, &str); 10] = [
    ("max_user_namespaces", "0"),
    ("max_mnt_namespaces", "0"),
    ("max_pid_namespaces", "0"),
    ("max_net_namespaces", "0"),
    ("max_uts_namespaces", "0"),
    ("max_ipc_namespaces", "0"),
    ("max_cgroup_namespaces", "0"),
    ("max_time_namespaces", "0"),
    ("max_inotify_instances", "32"),
    ("max_inotify_watches", "4096"),
];

/// How willingly the kernel ends a node's processes when the machine has no memory left, from -1000 to 1000.
const OOM_SCORE: &str = "800";
/// The most files that a process may have open.
const OPEN_FILES: u64 = 65_536;

/// Sets what this process's user namespace may make, and how willingly the kernel ends the node's processes; `proc` is
/// the node's, not read-only yet.
pub fn of_namespace(proc: &Path) {
    for (file, value) in NAMESPACE {
        // Not every kernel counts everything.
        let _ = fs::write(proc.join("sys/user").join(file), value);
    }
    let _ = fs::write(proc.join("self/oom_score_adj"), OOM_SCORE);
}

/// Sets the limits for this process and all that come of it.
pub fn apply(limits: &Limits) -> io::Result<()> {
    set(libc::RLIMIT_NPROC, limits.processes, limits.processes)?;
    set(libc::RLIMIT_DATA, limits.memory, limits.memory)?;
    set(libc::RLIMIT_FSIZE, limits.file, limits.file)?;
    set(libc::RLIMIT_CORE, 0, 0)?;
    set(libc::RLIMIT_NICE, 0, 0)?;
    set(libc::RLIMIT_RTPRIO, 0, 0)?;
    set(libc::RLIMIT_MSGQUEUE, 819_200, 819_200)?;
    set(libc::RLIMIT_MEMLOCK, 8 << 20, 8 << 20)?;
    set(libc::RLIMIT_NOFILE, 1024, OPEN_FILES)
}

/// Sets a limit, or keeps the one that is there where that is stricter.
fn set(which: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let check = |done: libc::c_int| if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is a place of ours to write to.
    check(unsafe { libc::getrlimit(which, &raw mut now) })?;
    let hard = hard.min(now.rlim_max);
    let wanted = libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard };
    // SAFETY: the limit lives until the call is over.
    check(unsafe { libc::setrlimit(which, &raw const wanted) })
}
