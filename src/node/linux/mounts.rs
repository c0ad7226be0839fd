//! A node's view of files, and the powers that its processes are left with.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::identity::Mounts;
use super::limits;
use crate::node::plan::NodeSpec;

/// Device nodes of this machine that do no harm.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Links in /dev.
const DEV_LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Parts of /proc that tell of, or act on, the whole machine.
const PROC_READ_ONLY: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];
/// The powers that root of a node keeps (`CAP_*`), by number: chown, dac_override, fowner, fsetid, kill, setgid, setuid,
/// setpcap, net_bind_service, net_raw, sys_chroot, audit_write, setfcap.
const KEPT_POWERS: [u32; 13] = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31];

/// Files of /proc that tell what is nobody's business on a node, and directories of the same kind.
const PROC_EMPTY_FILES: [&str; 10] = [
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "kpagecount",
    "kpageflags",
    "kpagecgroup",
    "timer_list",
    "sched_debug",
    "latency_stats",
];
const PROC_EMPTY_DIRS: [&str; 3] = ["acpi", "asound", "scsi"];
/// Where a root that was made before is attached: a directory that everybody may look for on any machine.
const ATTACHED: &str = "/tmp";

/// Makes the node's root and moves into it; nothing of the machine's own tree stays in reach.
pub fn enter(spec: &NodeSpec, made: Option<Mounts>) -> Result<(), String> {
    let step = |what: String, done: io::Result<()>| done.map_err(|e| format!("{what}: {e}"));
    let private = libc::MS_REC | libc::MS_PRIVATE;
    step("private mounts".into(), mount(None, Path::new("/"), None, private, ""))?;
    let (root, mut parts) = match made {
        Some(made) => {
            let root = Path::new(ATTACHED);
            step(format!("mounting {}", spec.root.display()), attach(&made.root, root))?;
            (root, made.parts)
        }
        None => {
            let bound = mount(Some(&spec.root), &spec.root, None, libc::MS_BIND | libc::MS_REC, "");
            step(format!("mounting {}", spec.root.display()), bound)?;
            (spec.root.as_path(), Vec::new())
        }
    };
    step("the node's root".into(), restrict(root, 0))?;
    let bind = |from: &Path, to: &Path| mount(Some(from), to, None, libc::MS_BIND | libc::MS_REC, "");
    let mut parts = parts.drain(..);
    for part in &spec.mounts {
        let target = root.join(&part.target);
        let what = format!("mounting {} on {}", part.source.display(), target.display());
        let ready = parts.next();
        if let Ok(own) = part.source.strip_prefix(&spec.root) {
            let source = root.join(own);
            // On itself too, so that it cannot be removed: the other place would be of no use then.
            step(what.clone(), bind(&source, &source).and_then(|()| bind(&source, &target)))?;
        } else {
            let done = match ready {
                Some(ready) => attach(&ready, &target),
                None => bind(&part.source, &target),
            };
            step(what.clone(), done)?;
        }
        if !part.writable {
            step(what, read_only(&target))?;
        }
    }
    devices(&root.join("dev")).map_err(|e| format!("the node's /dev: {e}"))?;
    let proc = root.join("proc");
    let quiet = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    step("the node's /proc".into(), mount(Some(Path::new("proc")), &proc, Some("proc"), quiet, ""))?;
    limits::of_namespace(&proc);
    step("the node's limits".into(), limits::apply(&spec.limits))?;
    hide(&proc, &root.join("dev/null"))?;
    let old = root.join("mnt");
    step("the new root".into(), rustix::process::pivot_root(root, &old).map_err(Into::into))?;
    let gone = rustix::mount::unmount("/mnt", rustix::mount::UnmountFlags::DETACH);
    step("letting go of the machine's files".into(), gone.map_err(Into::into))
}

/// Covers what a node is not to see of /proc, and lets it change nothing there but its own processes.
fn hide(proc: &Path, nothing: &Path) -> Result<(), String> {
    let all = |names: &'static [&str]| names.iter().map(|name| proc.join(name)).filter(|p| p.exists());
    for file in all(&PROC_EMPTY_FILES) {
        mount(Some(nothing), &file, None, libc::MS_BIND, "")
            .map_err(|e| format!("hiding {}: {e}", file.display()))?;
    }
    let quiet = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC | libc::MS_RDONLY;
    for dir in all(&PROC_EMPTY_DIRS) {
        mount(Some(Path::new("tmpfs")), &dir, Some("tmpfs"), quiet, "size=4k,mode=555")
            .map_err(|e| format!("hiding {}: {e}", dir.display()))?;
    }
    for part in all(&PROC_READ_ONLY) {
        let bound = mount(Some(&part), &part, None, libc::MS_BIND | libc::MS_REC, "");
        bound.and_then(|()| read_only(&part)).map_err(|e| format!("{} read-only: {e}", part.display()))?;
    }
    Ok(())
}

/// Attaches a mount that was made before.
fn attach(tree: &OwnedFd, target: &Path) -> io::Result<()> {
    let target = CString::new(target.as_os_str().as_bytes())?;
    // SAFETY: both paths live until the call is over. 4 is MOVE_MOUNT_F_EMPTY_PATH.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            4,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn devices(dev: &Path) -> io::Result<()> {
    let quiet = libc::MS_NOSUID | libc::MS_NOEXEC;
    mount(Some(Path::new("tmpfs")), dev, Some("tmpfs"), quiet, "mode=755,size=64k")?;
    for name in DEVICES {
        let target = dev.join(name);
        fs::write(&target, "")?;
        mount(Some(&Path::new("/dev").join(name)), &target, None, libc::MS_BIND, "")?;
        set(&target, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC)?;
    }
    for dir in ["pts", "shm"] {
        fs::create_dir(dev.join(dir))?;
    }
    let options = "newinstance,ptmxmode=0666,mode=0620";
    mount(Some(Path::new("devpts")), &dev.join("pts"), Some("devpts"), quiet, options)?;
    mount(
        Some(Path::new("tmpfs")),
        &dev.join("shm"),
        Some("tmpfs"),
        quiet | libc::MS_NODEV,
        "mode=1777,size=64m",
    )?;
    for (name, to) in DEV_LINKS {
        std::os::unix::fs::symlink(to, dev.join(name))?;
    }
    Ok(())
}

fn mount(
    source: Option<&Path>,
    target: &Path,
    kind: Option<&str>,
    flags: libc::c_ulong,
    data: &str,
) -> io::Result<()> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    let source = source.map(|s| text(s.as_os_str().as_bytes())).transpose()?;
    let target = text(target.as_os_str().as_bytes())?;
    let kind = kind.map(|k| text(k.as_bytes())).transpose()?;
    let data = text(data.as_bytes())?;
    let pointer = |s: &Option<CString>| s.as_ref().map_or(std::ptr::null(), |s| s.as_ptr());
    // SAFETY: all pointers are to strings that live until the call is over, or null where that is allowed.
    let done = unsafe {
        libc::mount(pointer(&source), target.as_ptr(), pointer(&kind), flags, data.as_ptr().cast())
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Tries to make all mounts read-only, in a mount namespace that is this process's alone.
pub fn try_attributes() -> io::Result<()> {
    mount(None, Path::new("/"), None, libc::MS_REC | libc::MS_PRIVATE, "")?;
    read_only(Path::new("/"))
}

/// Makes a mount and all below it read-only, for good: only this user namespace's owner could undo it, and that power is
/// given up before the first command.
fn read_only(target: &Path) -> io::Result<()> {
    restrict(target, libc::MOUNT_ATTR_RDONLY)
}

/// Has a mount and all below it give nobody privileges or devices, and what else is said.
fn restrict(target: &Path, more: u64) -> io::Result<()> {
    set(target, libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | more)
}

fn set(target: &Path, attributes: u64) -> io::Result<()> {
    let path = CString::new(target.as_os_str().as_bytes())
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let attributes = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: path and attributes live until the call is over, and the size is the attributes'.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives up what root of a node does not need, for this process and all that come of it.
pub fn drop_powers() -> io::Result<()> {
    let check = |done: libc::c_int| if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    for power in (0..=63).filter(|p| !KEPT_POWERS.contains(p)) {
        // SAFETY: changes what this process may do and no memory. A number that the kernel does not know is refused.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, power, 0, 0, 0) };
    }
    let kept = KEPT_POWERS.iter().fold(0u32, |set, power| set | 1 << power);
    // _LINUX_CAPABILITY_VERSION_3: two words for each set.
    let header: [u32; 2] = [0x2008_0522, 0];
    let sets: [u32; 6] = [kept, kept, 0, 0, 0, 0];
    // SAFETY: header and sets are as large as this version says and live until the call is over.
    check(
        i32::try_from(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) })
            .unwrap_or(-1),
    )?;
    // SAFETY: changes what this process may do and no memory.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })
}
