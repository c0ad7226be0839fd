//! The files that a program in a container sees: its node's, as far as the pod mounts them, and nobody's besides.
//!
//! A path below a `hostPath` mount leads to the node's file; any other to the image's or the container's own layer, in which
//! a program of the sandbox finds nothing and what it writes is gone with the container.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::rooted::Rooted;

/// A directory or file of the node at a path in the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The node's path.
    pub source: String,
    /// Where the container sees it.
    pub target: String,
    /// Whether the container may not write there.
    pub read_only: bool,
}

/// The files that a container sees.
#[derive(Debug, Clone)]
pub struct ContainerFs {
    node: Rooted,
    /// `None` where everything of the node is seen.
    mounts: Option<Vec<Mount>>,
}

/// Where a path of the container leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To a path of the node.
    Node {
        /// The node's path.
        path: PathBuf,
        /// Whether it may not be written.
        read_only: bool,
        /// Whether the path is a mount itself, which cannot be renamed or removed.
        mount: bool,
    },
    /// Into the container's own layer.
    Own,
}

impl ContainerFs {
    /// All files below a root.
    pub fn whole(root: impl Into<PathBuf>) -> Self {
        Self { node: Rooted::new(root), mounts: None }
    }

    /// The files of a node as far as they are mounted.
    pub fn mounted(root: impl Into<PathBuf>, mounts: &[Mount]) -> Self {
        Self { node: Rooted::new(root), mounts: Some(mounts.to_vec()) }
    }

    /// Where a path leads.
    pub fn place(&self, path: &str) -> Place {
        let Some(mounts) = &self.mounts else {
            return Place::Node { path: path.into(), read_only: false, mount: false };
        };
        let path = Path::new(path);
        let inner = |mount: &Mount| path.strip_prefix(&mount.target).ok().map(Path::to_owned);
        let found = mounts.iter().filter_map(|mount| Some((mount, inner(mount)?)));
        match found.max_by_key(|(mount, _)| Path::new(&mount.target).components().count()) {
            None => Place::Own,
            Some((mount, inner)) => {
                let is_mount = inner.as_os_str().is_empty();
                let source = Path::new(&mount.source);
                let path = if is_mount { source.to_owned() } else { source.join(inner) };
                Place::Node { path, read_only: mount.read_only, mount: is_mount }
            }
        }
    }

    /// Whether a path is above a mount, and so a directory that is there.
    fn leads_to_mount(&self, path: &str) -> bool {
        self.mounts.iter().flatten().any(|mount| Path::new(&mount.target).starts_with(path))
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Go's sentence.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let read = match self.place(path) {
            Place::Node { path, .. } => self.node.read(path),
            Place::Own if self.leads_to_mount(path) => Err(Errno::ISDIR.into()),
            Place::Own => Err(Errno::NOENT.into()),
        };
        read.map_err(|error| {
            let word = if error.kind() == io::ErrorKind::IsADirectory { "read" } else { "open" };
            sentence(word, path, &error)
        })
    }

    /// Makes a directory and those above it (`os.MkdirAll`).
    pub fn create_dir_all(&self, path: &str, mode: u32) -> Result<(), String> {
        let made = match self.place(path) {
            Place::Own => Ok(()),
            Place::Node { path, read_only, .. } => match self.node.metadata(&path) {
                Ok(found) if found.is_dir() => Ok(()),
                Ok(_) => Err(Errno::NOTDIR.into()),
                Err(_) if read_only => Err(Errno::ROFS.into()),
                Err(_) => self.node.create_dir_all(path, mode),
            },
        };
        made.map_err(|error| sentence("mkdir", path, &error))
    }

    /// Opens a file for writing at its end, and makes it where it is missing; `None` where nobody will read it.
    pub fn append(&self, path: &str, mode: u32) -> Result<Option<File>, String> {
        let opened = match self.place(path) {
            Place::Own if self.leads_to_mount(path) => Err(Errno::ISDIR.into()),
            Place::Own => Ok(None),
            Place::Node { path, .. } if self.node.metadata(&path).is_ok_and(|found| found.is_dir()) => {
                Err(Errno::ISDIR.into())
            }
            Place::Node { read_only: true, .. } => Err(Errno::ROFS.into()),
            Place::Node { path, .. } => self.node.append(path, mode).map(Some),
        };
        opened.map_err(|error| sentence("open", path, &error))
    }

    /// What is known of a file.
    pub fn metadata(&self, path: &str) -> io::Result<Metadata> {
        match self.place(path) {
            Place::Node { path, .. } => self.node.metadata(path),
            Place::Own => Err(Errno::NOENT.into()),
        }
    }

    /// Gives a file another name in its directory.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), String> {
        let renamed = match (self.place(from), self.place(to)) {
            (Place::Node { mount: true, .. }, _) => Err(Errno::BUSY.into()),
            (Place::Node { path: old, .. }, Place::Node { path: new, .. }) => self.node.rename(old, new),
            _ => Err(Errno::NOENT.into()),
        };
        renamed.map_err(|error| format!("rename {from} {to}: {}", reason(&error)))
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) -> io::Result<()> {
        match self.place(path) {
            Place::Node { path, mount: false, .. } => self.node.remove_file(path),
            _ => Err(Errno::BUSY.into()),
        }
    }

    /// The names in a directory.
    pub fn list(&self, path: &str) -> io::Result<Vec<OsString>> {
        match self.place(path) {
            Place::Node { path, .. } => self.node.list(path),
            Place::Own => Ok(Vec::new()),
        }
    }
}

/// An error as Go's `os.PathError` puts it.
fn sentence(operation: &str, path: &str, error: &io::Error) -> String {
    format!("{operation} {path}: {}", reason(error))
}

/// An error's reason in Go's words: the C library's, in lower case.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".into(),
        io::ErrorKind::IsADirectory => "is a directory".into(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let mut letters = text.chars();
            letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn mount(source: &str, target: &str, read_only: bool) -> Mount {
        Mount { source: source.into(), target: target.into(), read_only }
    }

    #[test]
    fn only_what_is_mounted_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for made in ["etc/kubernetes/pki", "var/log/audit", "srv/ro"] {
            std::fs::create_dir_all(at(made)).unwrap();
        }
        std::fs::write(at("etc/kubernetes/pki/ca.crt"), "ca").unwrap();
        std::fs::write(at("etc/kubernetes/policy.yaml"), "policy").unwrap();
        let fs = ContainerFs::mounted(
            dir.path(),
            &[
                mount("/etc/kubernetes/pki", "/etc/kubernetes/pki", true),
                mount("/var/log/audit", "/var/log/kubernetes", false),
                mount("/srv/ro", "/var/log/kubernetes/ro", true),
            ],
        );
        assert_eq!(fs.read("/etc/kubernetes/pki/ca.crt").unwrap(), b"ca");
        let missing = fs.read("/etc/kubernetes/policy.yaml").unwrap_err();
        assert_eq!(missing, "open /etc/kubernetes/policy.yaml: no such file or directory");
        for directory in ["/etc/kubernetes/pki", "/etc/kubernetes"] {
            assert_eq!(fs.read(directory).unwrap_err(), format!("read {directory}: is a directory"));
        }
        fs.append("/var/log/kubernetes/a.log", 0o600).unwrap().unwrap().write_all(b"x").unwrap();
        assert_eq!(std::fs::read(at("var/log/audit/a.log")).unwrap(), b"x");
        assert!(fs.append("/tmp/a.log", 0o600).unwrap().is_none(), "in the container's own layer");
        for (path, why) in [
            ("/var/log/kubernetes/ro/a.log", "open /var/log/kubernetes/ro/a.log: read-only file system"),
            ("/var/log/kubernetes", "open /var/log/kubernetes: is a directory"),
            ("/var/log", "open /var/log: is a directory"),
        ] {
            assert_eq!(fs.append(path, 0o600).unwrap_err(), why);
        }
        let made = fs.create_dir_all("/var/log/kubernetes/ro/x", 0o700).unwrap_err();
        assert_eq!(made, "mkdir /var/log/kubernetes/ro/x: read-only file system");
        let renamed = fs.rename("/var/log/kubernetes", "/var/log/old").unwrap_err();
        assert_eq!(renamed, "rename /var/log/kubernetes /var/log/old: device or resource busy");
    }

    #[test]
    fn links_lead_nowhere_but_into_the_node() {
        let (outside, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
        let fs = ContainerFs::whole(dir.path());
        assert_eq!(fs.read("/link").unwrap_err(), "open /link: no such file or directory");
        assert!(fs.append("/link", 0o600).is_err());
        assert_eq!(std::fs::read(outside.path().join("secret")).unwrap(), b"secret");
    }
}
