//! Keeps a node from filling the machine's disk.
//!
//! How much room is left on the file system is looked at every now and then, which costs next to nothing. Where it became
//! less, the node's files are added up; a node with more than its share has whatever runs on it ended.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::LinuxNode;
use super::Node;

/// How often is looked.
const PERIOD: Duration = Duration::from_secs(2);
/// The part of a node's share by which the room has to shrink before its files are added up.
const NOTICED: u64 = 16;
/// The most files that are added up.
const MOST_FILES: usize = 200_000;

/// Watches a node until it is gone.
pub async fn watch(node: Weak<LinuxNode>) {
    // The room when it was last looked, and how much the node may have now.
    let (mut known, mut allowed) = (None, 0);
    loop {
        tokio::time::sleep(PERIOD).await;
        let Some(node) = node.upgrade() else { return };
        let (root, share) = (node.spec.root.clone(), node.spec.limits.disk);
        let Some(room) = room(&root) else { continue };
        if known.is_some_and(|known: u64| room + share / NOTICED >= known) {
            known = known.max(Some(room));
            continue;
        }
        known = Some(room);
        let used = tokio::task::spawn_blocking(move || used(&root)).await.unwrap_or(0);
        if used > share.max(allowed) {
            let _ = node.end_all().await;
            // So that files can be removed in peace, as long as they do not become more.
            allowed = used.saturating_add(share / NOTICED);
        } else if used <= share {
            allowed = 0;
        }
    }
}

/// Watches the nodes of a lab.
pub fn start(nodes: &[Arc<LinuxNode>]) -> Vec<tokio::task::AbortHandle> {
    nodes.iter().map(|node| tokio::spawn(watch(Arc::downgrade(node))).abort_handle()).collect()
}

/// The bytes that are free where a directory is.
fn room(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bfree.saturating_mul(stat.f_frsize))
}

/// The bytes that all files below a directory take; links are not followed.
fn used(root: &Path) -> u64 {
    let (mut bytes, mut files) = (0, 0);
    let mut left = vec![root.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            bytes += metadata.blocks() * 512;
            files += 1;
            if metadata.is_dir() {
                left.push(entry.path());
            }
        }
        if files > MOST_FILES {
            return u64::MAX;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn files_are_added_up_and_links_are_not() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/x"), vec![1; 100 << 10]).unwrap();
        std::os::unix::fs::symlink("/usr", dir.path().join("link")).unwrap();
        let used = used(dir.path());
        assert!((100 << 10..1 << 20).contains(&used), "{used}");
        assert!(room(dir.path()).unwrap() > 0);
    }
}
