//! What a node's files were like when the lesson began, so that a node that was broken can be brought back.
//!
//! Kept beside the nodes, where nobody on one can reach it. Content that a learner added stays where it is.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::CONTROL_PLANE;
use crate::error::{Context, Result};
use crate::pki::{Authority, kubeadm};
use crate::progress;
use crate::rooted::Rooted;
use crate::state_dir::LabDir;
use crate::text::tr;

/// What is kept, below a node's root. What changes while a node runs is not: logs, sockets, temporary files.
const KEPT: [&str; 5] = ["etc", "root", "opt", "var/lib/kubelet", "var/lib/etcd"];
/// What each start makes anew.
const MADE_ANEW: [&str; 1] = ["etc/ssh/ssh_config"];
/// The largest file that is kept.
const LARGEST: u64 = 1 << 20;

/// A file, directory or link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Entry {
    Directory { mode: u32 },
    File { mode: u32, content: String },
    Link { target: PathBuf },
}

/// The files of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pristine {
    version: u32,
    entries: BTreeMap<PathBuf, Entry>,
}

/// What is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What is missing.
    Missing,
    /// That, and what is not as it was.
    Changed,
}

fn file(dir: &LabDir, node: &str) -> PathBuf {
    dir.root().join("pristine").join(format!("{node}.json"))
}

/// Keeps what the files of a node are like now.
pub fn keep(dir: &LabDir, node: &str) -> Result<()> {
    let files = Rooted::new(dir.node_root(node));
    let mut pristine = Pristine { version: progress::VERSION, entries: BTreeMap::new() };
    for top in KEPT {
        take(&files, Path::new(top), &mut pristine.entries)
            .context_what(|| tr!(file_cannot_be_read { file: files.shown(top).display() }))?;
    }
    let path = file(dir, node);
    let parent = path.parent().unwrap_or(dir.root());
    std::fs::create_dir_all(parent).context_what(|| tr!(file_cannot_be_made { file: parent.display() }))?;
    progress::write(&path, &pristine)
}

fn take(files: &Rooted, path: &Path, entries: &mut BTreeMap<PathBuf, Entry>) -> io::Result<()> {
    let metadata = match files.symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    let mode = metadata.mode() & 0o7777;
    if MADE_ANEW.iter().any(|made| path == Path::new(made)) {
        return Ok(());
    }
    if metadata.is_symlink() {
        entries.insert(path.to_owned(), Entry::Link { target: files.read_link(path)? });
    } else if metadata.is_dir() {
        entries.insert(path.to_owned(), Entry::Directory { mode });
        for name in files.list(path)? {
            take(files, &path.join(name), entries)?;
        }
    } else if metadata.is_file() && metadata.len() <= LARGEST {
        let content = STANDARD.encode(files.read(path)?);
        entries.insert(path.to_owned(), Entry::File { mode, content });
    }
    Ok(())
}

/// Puts the files of a node back; the paths of what was not as it should be come back. Nothing is known of a lab that
/// was killed before its lesson began.
pub fn put_back(dir: &LabDir, node: &str, extent: Extent) -> Result<Vec<PathBuf>> {
    put_back_below(dir, node, Path::new(""), extent)
}

/// The same of the files below a directory.
pub fn put_back_below(dir: &LabDir, node: &str, top: &Path, extent: Extent) -> Result<Vec<PathBuf>> {
    let (pristine, _) = progress::read::<Pristine>(&file(dir, node))?;
    let files = Rooted::new(dir.node_root(node));
    let mut changed = Vec::new();
    for (path, entry) in pristine.entries.iter().filter(|(path, _)| path.starts_with(top)) {
        let put = entry
            .put(&files, path, extent)
            .context_what(|| tr!(file_cannot_be_put_back { file: files.shown(path).display() }))?;
        if put {
            changed.push(path.clone());
        }
    }
    Ok(changed)
}

/// The cluster's authority as it was; `None` of a lab whose lesson did not begin yet.
pub fn authority(dir: &LabDir) -> Result<Option<Authority>> {
    let (pristine, _) = progress::read::<Pristine>(&file(dir, CONTROL_PLANE))?;
    let text = |name: &str| match pristine.entries.get(&Path::new(kubeadm::PKI).join(name))? {
        Entry::File { content, .. } => String::from_utf8(STANDARD.decode(content).ok()?).ok(),
        _ => None,
    };
    text("ca.crt").zip(text("ca.key")).map(|(crt, key)| Authority::from_pem(&crt, &key)).transpose()
}

impl Entry {
    /// Whether anything had to be done comes back.
    fn put(&self, files: &Rooted, path: &Path, extent: Extent) -> io::Result<bool> {
        let there = files.symlink_metadata(path).ok();
        if extent == Extent::Missing && there.is_some() {
            return Ok(false);
        }
        if there.as_ref().is_some_and(|there| self.is_as_it_was(files, path, there)) {
            return Ok(false);
        }
        let same_kind = there.as_ref().is_some_and(|there| match self {
            Self::Directory { .. } => there.is_dir(),
            Self::File { .. } => there.is_file(),
            Self::Link { .. } => false,
        });
        if there.is_some() && !same_kind {
            files.remove_all(path)?;
        }
        match self {
            Self::Directory { mode } => {
                files.create_dir_all(path, *mode)?;
                files.set_mode(path, *mode)?;
            }
            Self::File { mode, content } => {
                let content = STANDARD.decode(content).map_err(io::Error::other)?;
                files.write(path, content, *mode)?;
            }
            Self::Link { target } => files.symlink(target, path)?,
        }
        Ok(true)
    }

    fn is_as_it_was(&self, files: &Rooted, path: &Path, there: &std::fs::Metadata) -> bool {
        let same_mode = |mode: &u32| there.mode() & 0o7777 == *mode;
        match self {
            Self::Directory { mode } => there.is_dir() && same_mode(mode),
            Self::File { mode, content } => {
                there.is_file()
                    && same_mode(mode)
                    && files.read(path).is_ok_and(|now| STANDARD.encode(now) == *content)
            }
            Self::Link { target } => files.read_link(path).is_ok_and(|now| now == *target),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_was_broken_comes_back_and_what_was_added_stays() {
        let home = tempfile::tempdir().unwrap();
        let dir = LabDir::new(home.path(), "l");
        let root = dir.node_root("n");
        let files = Rooted::new(&root);
        files.write("etc/kubernetes/pki/ca.crt", "ca", 0o644).unwrap();
        files.write("etc/a/b", "ab", 0o600).unwrap();
        files.write("root/.bashrc", "rc", 0o644).unwrap();
        files.symlink("/etc/a/b", "etc/link").unwrap();
        keep(&dir, "n").unwrap();
        assert_eq!(put_back(&dir, "n", Extent::Changed).unwrap(), [] as [PathBuf; 0]);

        files.remove_all("etc/a").unwrap();
        files.write("etc/a", "a file", 0o644).unwrap();
        files.rewrite("etc/kubernetes/pki/ca.crt", b"mine").unwrap();
        files.remove_file("etc/link").unwrap();
        files.write("root/notes", "mine", 0o644).unwrap();
        let missing = put_back(&dir, "n", Extent::Missing);
        assert!(missing.is_err(), "a file is in the way of a directory");
        files.remove_file("etc/a").unwrap();
        assert_eq!(
            put_back(&dir, "n", Extent::Missing).unwrap(),
            ["etc/a", "etc/a/b", "etc/link"].map(PathBuf::from)
        );
        assert_eq!(files.read("etc/kubernetes/pki/ca.crt").unwrap(), b"mine");
        assert_eq!(
            put_back(&dir, "n", Extent::Changed).unwrap(),
            [PathBuf::from("etc/kubernetes/pki/ca.crt")]
        );
        assert_eq!(files.read("etc/link").unwrap(), b"ab");
        assert_eq!(files.read("root/notes").unwrap(), b"mine");
    }
}
