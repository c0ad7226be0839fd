//! The files below a node's root, as this program reaches them from outside of the node.
//!
//! Whoever works on a node is root of it and may plant links anywhere: `/var/log/pods -> /home/me` is to them a link to the
//! node's own `/home/me`, and must be one to this program too, which runs with its user's rights on the machine. So every
//! path is resolved as inside the node: by `openat2(2)` with `RESOLVE_IN_ROOT`, or by [`walk`] where the kernel has none.
//! Pipes and devices are opened without waiting, and no more of a file is read than a program of this kind needs.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::error::{Context, Result};
use crate::text::tr;

mod walk;

/// The most bytes that are read of a file at once.
pub const MOST: u64 = 16 << 20;

/// Whether the kernel has no `openat2`, or a filter around this program lets nobody call it.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// A node's root directory on this machine.
///
/// Paths are the node's own, with or without the leading slash.
#[derive(Debug, Clone)]
pub struct Rooted {
    root: PathBuf,
    /// The directory itself, once something below it was asked for: whoever works on it need not find it again each time.
    held: Arc<Mutex<Option<Arc<OwnedFd>>>>,
}

impl PartialEq for Rooted {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Rooted {}

impl Rooted {
    /// The files below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), held: Arc::default() }
    }

    /// Where a path of the node seems to be on this machine; for showing it to people, not for opening it.
    pub fn shown(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(inside(path.as_ref()))
    }

    /// The root directory; found anew where the one that is held was removed, as a reset does.
    fn root(&self) -> io::Result<Arc<OwnedFd>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = &*held
            && rustix::fs::fstat(&**root).is_ok_and(|status| status.st_nlink > 0)
        {
            return Ok(root.clone());
        }
        let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
        let root = Arc::new(rustix::fs::open(&self.root, flags, Mode::empty())?);
        *held = Some(root.clone());
        Ok(root)
    }

    /// Opens what a path leads to.
    fn open(&self, path: &Path, flags: OFlags, mode: u32) -> io::Result<OwnedFd> {
        let root = self.root()?;
        let terminals = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NOCTTY };
        let flags = flags | OFlags::CLOEXEC | terminals;
        let mode = Mode::from_raw_mode(mode);
        if !WITHOUT_OPENAT2.load(Ordering::Relaxed) {
            let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            // The mode must be nothing where nothing is made.
            let mode = if flags.contains(OFlags::CREATE) { mode } else { Mode::empty() };
            for _ in 0..64 {
                match rustix::fs::openat2(&*root, inside(path), flags, mode, resolve) {
                    // Something was renamed while it was looked up.
                    Err(Errno::AGAIN | Errno::INTR) => {}
                    Err(Errno::NOSYS | Errno::PERM) if walk::needed(&root) => {
                        WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
                        break;
                    }
                    other => return Ok(other?),
                }
            }
        }
        walk::open(root.try_clone()?, path, flags, mode)
    }

    /// Opens the directory that a path's last name is in, and gives the name; links before it are followed.
    fn parent<'p>(&self, path: &'p Path) -> io::Result<(OwnedFd, &'p OsStr)> {
        let name = path.file_name().ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
        let parent = path.parent().unwrap_or(Path::new(""));
        Ok((self.open(parent, OFlags::RDONLY | OFlags::DIRECTORY, 0)?, name))
    }

    /// Opens a directory.
    pub fn directory(&self, path: impl AsRef<Path>) -> io::Result<OwnedFd> {
        self.open(path.as_ref(), OFlags::RDONLY | OFlags::DIRECTORY, 0)
    }

    /// Opens a file for reading; a pipe that nobody writes to is empty.
    pub fn file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        Ok(self.open(path.as_ref(), OFlags::RDONLY | OFlags::NONBLOCK, 0)?.into())
    }

    /// Reads a file from a byte on, at most [`MOST`] bytes of it.
    pub fn read_from(&self, path: impl AsRef<Path>, from: u64) -> io::Result<Vec<u8>> {
        let mut file = self.file(path)?;
        if from > 0 {
            file.seek(SeekFrom::Start(from))?;
        }
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a file.
    pub fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        self.read_from(path, 0)
    }

    /// Reads a text.
    pub fn read_to_string(&self, path: impl AsRef<Path>) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// What is known of what a path leads to.
    pub fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        File::from(self.open(path.as_ref(), OFlags::PATH, 0)?).metadata()
    }

    /// What is known of a path's last name itself, link or not.
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        File::from(self.open(path.as_ref(), OFlags::PATH | OFlags::NOFOLLOW, 0)?).metadata()
    }

    /// Whether a path leads to something.
    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.metadata(path).is_ok()
    }

    /// What a link says.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        let (directory, name) = self.parent(path.as_ref())?;
        let target = rustix::fs::readlinkat(directory, name, Vec::new())?;
        Ok(PathBuf::from(OsStr::from_bytes(target.as_bytes())))
    }

    /// The names in a directory, sorted bytewise.
    pub fn list(&self, path: impl AsRef<Path>) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(self.directory(path)?)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Makes a directory and those above it where they are missing; `mode` is for each that is made.
    pub fn create_dir_all(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
        let path = inside(path.as_ref());
        if self.open(path, OFlags::PATH | OFlags::DIRECTORY, 0).is_ok() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.root)?;
        let mut so_far = PathBuf::new();
        for part in path.components() {
            so_far.push(part);
            let Ok((directory, name)) = self.parent(&so_far) else { continue };
            match rustix::fs::mkdirat(&directory, name, Mode::from_raw_mode(0o700)) {
                Ok(()) => {
                    // Whatever the umask is.
                    let made =
                        self.open(&so_far, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW, 0)?;
                    rustix::fs::fchmod(made, Mode::from_raw_mode(mode))?;
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.directory(path).map(|_| ())
    }

    /// Opens a file for writing at its end, and makes it where it is missing; refuses what is no file.
    pub fn append(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK;
        regular(self.open(path.as_ref(), flags, mode)?)
    }

    /// Makes a new, empty file in the place of whatever file or link is there.
    pub fn create(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<File> {
        let (directory, name) = self.parent(path.as_ref())?;
        let _ = rustix::fs::unlinkat(&directory, name, AtFlags::empty());
        make(&directory, name, mode)
    }

    /// Writes a file of this mode, whatever the umask, by way of a temporary name; makes the directories that it is in.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>, mode: u32) -> io::Result<()> {
        let path = path.as_ref();
        self.create_dir_all(path.parent().unwrap_or(Path::new("")), 0o755)?;
        self.replace(path, content.as_ref(), |_| mode)
    }

    /// Writes a file by way of a temporary name; owner and mode of one that is there stay.
    pub fn rewrite(&self, path: impl AsRef<Path>, content: &[u8]) -> io::Result<()> {
        self.replace(path.as_ref(), content, |old| old.map_or(0o644, |old| old.mode() & 0o7777))
    }

    /// Writes a text as [`Self::write`] does; the error is one for people.
    pub fn place(&self, path: impl AsRef<Path>, text: &str, mode: u32) -> Result<()> {
        let path = path.as_ref();
        self.write(path, text, mode)
            .context_what(|| tr!(file_cannot_be_written { file: self.shown(path).display() }))
    }

    /// The same, where the path leads to nothing yet.
    pub fn place_missing(&self, path: impl AsRef<Path>, text: &str, mode: u32) -> Result<()> {
        if self.exists(&path) { Ok(()) } else { self.place(path, text, mode) }
    }

    fn replace(
        &self,
        path: &Path,
        content: &[u8],
        mode: impl FnOnce(Option<&Metadata>) -> u32,
    ) -> io::Result<()> {
        let (directory, name) = self.parent(path)?;
        let mut temporary = OsString::from(".");
        temporary.push(name);
        temporary.push(format!(".{}", uuid::Uuid::new_v4().simple()));
        let old = self.metadata(path).ok();
        let mut file = make(&directory, &temporary, 0o600)?;
        if let Some(old) = &old {
            // Not everybody may give files away.
            let _ = std::os::unix::fs::fchown(&file, Some(old.uid()), Some(old.gid()));
        }
        let whole = file
            .write_all(content)
            .and_then(|()| file.set_permissions(Permissions::from_mode(mode(old.as_ref()))))
            .and_then(|()| Ok(rustix::fs::renameat(&directory, &temporary, &directory, name)?));
        if whole.is_err() {
            let _ = rustix::fs::unlinkat(&directory, &temporary, AtFlags::empty());
        }
        whole
    }

    /// Makes a link that says `target`.
    pub fn symlink(&self, target: impl AsRef<Path>, path: impl AsRef<Path>) -> io::Result<()> {
        let (directory, name) = self.parent(path.as_ref())?;
        Ok(rustix::fs::symlinkat(target.as_ref(), directory, name)?)
    }

    /// Gives a file or directory another name.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
        let (source, old) = self.parent(from.as_ref())?;
        let (target, new) = self.parent(to.as_ref())?;
        Ok(rustix::fs::renameat(source, old, target, new)?)
    }

    /// Removes a file or a link.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (directory, name) = self.parent(path.as_ref())?;
        Ok(rustix::fs::unlinkat(directory, name, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (directory, name) = self.parent(path.as_ref())?;
        Ok(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?)
    }
}

impl Rooted {
    /// Removes a file, or a directory with all that is in it.
    pub fn remove_all(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let (directory, name) = self.parent(path.as_ref())?;
        remove(&directory, name)
    }

    /// Changes the mode of a file or a directory.
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(
            self.open(path.as_ref(), OFlags::RDONLY | OFlags::NONBLOCK, 0)?,
            Mode::from_raw_mode(mode),
        )?)
    }
}

/// Removes a name in a directory with all that is below it; links are removed and not followed.
fn remove(directory: &OwnedFd, name: &OsStr) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        other => return Ok(other?),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let below = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    for entry in rustix::fs::Dir::read_from(&below)? {
        let entry = entry?;
        let inner = OsStr::from_bytes(entry.file_name().to_bytes());
        if inner != "." && inner != ".." {
            remove(&below, inner)?;
        }
    }
    Ok(rustix::fs::unlinkat(directory, name, AtFlags::REMOVEDIR)?)
}

/// A path without what makes it absolute.
fn inside(path: &Path) -> &Path {
    let inside = path.strip_prefix("/").unwrap_or(path);
    if inside.as_os_str().is_empty() { Path::new(".") } else { inside }
}

/// A file that nobody had before.
fn make(directory: impl AsFd, name: &OsStr, mode: u32) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(directory, name, flags, Mode::from_raw_mode(0o600))?);
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

fn regular(file: OwnedFd) -> io::Result<File> {
    let file = File::from(file);
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests;
