//! Opening a path below a directory name by name, for kernels without `openat2(2)`.
//!
//! No link is ever followed by the kernel: each is read, and its text takes the link's place in what is still to be walked.
//! A name that becomes a link between two looks is refused by `O_NOFOLLOW` and looked at again.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// The most links on the way to a file, as in the kernel.
const MOST_LINKS: u32 = 40;

/// Whether `openat2` cannot be used, told by a call that it could not refuse otherwise.
pub(super) fn needed(root: &OwnedFd) -> bool {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let tried = rustix::fs::openat2(root, ".", flags, Mode::empty(), ResolveFlags::IN_ROOT);
    matches!(tried, Err(Errno::NOSYS | Errno::PERM))
}

/// What is still to be walked, the next name last.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).rev().collect()
}

/// Opens a path as inside `root`.
pub(super) fn open(root: OwnedFd, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let mut left = names(path);
    // The directories from the root to where the walk is; the root is never left.
    let mut above: Vec<OwnedFd> = vec![root];
    let mut links = 0;
    while let Some(name) = left.pop() {
        if name == ".." {
            if above.len() > 1 {
                above.pop();
            }
            continue;
        }
        let Some(here) = above.last() else { break };
        let last = left.is_empty();
        let tried = if last {
            rustix::fs::openat(here, &name, flags | OFlags::NOFOLLOW, mode)
        } else {
            let way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            rustix::fs::openat(here, &name, way, Mode::empty())
        };
        // A link opened as itself is no error with O_PATH, and ENOTDIR where a directory is asked for.
        let link = match &tried {
            Ok(_) if last && flags.contains(OFlags::PATH) && !flags.contains(OFlags::NOFOLLOW) => {
                read_link(here, &name)
            }
            Err(Errno::LOOP | Errno::NOTDIR) if !(last && flags.contains(OFlags::NOFOLLOW)) => {
                read_link(here, &name)
            }
            _ => None,
        };
        if let Some(target) = link {
            links += 1;
            if links > MOST_LINKS {
                return Err(Errno::LOOP.into());
            }
            let target = Path::new(&target);
            if target.is_absolute() {
                above.truncate(1);
            }
            left.extend(names(target));
            continue;
        }
        match tried {
            Ok(opened) if last => return Ok(opened),
            Ok(opened) => above.push(opened),
            // It was a link a moment ago.
            Err(Errno::LOOP) if links <= MOST_LINKS && !(last && flags.contains(OFlags::NOFOLLOW)) => {
                links += 1;
                left.push(name);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let here = above.last().ok_or(io::Error::from(io::ErrorKind::NotFound))?;
    let flags = flags.difference(OFlags::CREATE | OFlags::EXCL);
    Ok(rustix::fs::openat(here, ".", flags, Mode::empty())?)
}

fn read_link(directory: &OwnedFd, name: &OsStr) -> Option<OsString> {
    let target = rustix::fs::readlinkat(directory, name, Vec::new()).ok()?;
    Some(OsStr::from_bytes(target.as_bytes()).to_owned())
}
