//! Container logs in the format of the CRI: `TIME STREAM F TEXT`, below `/var/log/pods`, linked in `/var/log/containers`.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::watch;

use super::Container;
use crate::clock::SharedClock;
use crate::klog::LogSink;
use crate::kubelet::journal::lock;

/// A container's log file.
pub struct FileLog {
    file: Mutex<Option<File>>,
    clock: SharedClock,
    changes: Arc<watch::Sender<u64>>,
}

impl FileLog {
    /// Opens a container's log; a log that cannot be written loses its lines and harms nothing else.
    pub fn open(
        root: &Path,
        container: &Container,
        clock: SharedClock,
        changes: Arc<watch::Sender<u64>>,
    ) -> Arc<Self> {
        let path = on_machine(root, &container.log_path);
        if let Some(parent) = path.parent() {
            let _ = fs::create_dir_all(parent);
        }
        let link = link_path(root, container);
        if let Some(parent) = link.parent() {
            let _ = fs::create_dir_all(parent);
        }
        let _ = std::os::unix::fs::symlink(&container.log_path, &link);
        // A log of that name is from before the lab was started again.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new().create(true).append(true).open(path).ok();
        Arc::new(Self { file: Mutex::new(file), clock, changes })
    }
}

impl LogSink for FileLog {
    fn write_line(&self, stderr: bool, line: &str) {
        let stream = if stderr { "stderr" } else { "stdout" };
        if let Some(file) = lock(&self.file).as_mut() {
            let _ = file.write_all(format!("{:.9} {stream} F {line}\n", self.clock.now()).as_bytes());
        }
        self.changes.send_modify(|n| *n += 1);
    }
}

fn link_path(root: &Path, container: &Container) -> PathBuf {
    root.join(format!(
        "var/log/containers/{}_{}_{}-{}.log",
        container.pod.name, container.pod.namespace, container.spec.name, container.id
    ))
}

/// Where a path of the node is on this machine.
pub fn on_machine(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// Removes a container's log and the directories that are empty without it.
pub fn remove(root: &Path, container: &Container) {
    let _ = fs::remove_file(link_path(root, container));
    let path = on_machine(root, &container.log_path);
    let _ = fs::remove_file(&path);
    for parent in path.ancestors().skip(1).take(2) {
        if fs::remove_dir(parent).is_err() {
            break;
        }
    }
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// Whether it came from standard error.
    pub stderr: bool,
    /// The text.
    pub text: String,
}

/// Reads the whole lines of a log from a byte offset; the offset of what comes next comes back with them.
pub fn read(path: &Path, from: u64) -> (Vec<Entry>, u64) {
    let Ok(bytes) = fs::read(path) else { return (Vec::new(), from) };
    let start = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    let rest = &bytes[start..];
    let whole = rest.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let text = String::from_utf8_lossy(&rest[..whole]);
    let entries = text.lines().filter_map(parse).collect();
    (entries, (start + whole) as u64)
}

fn parse(line: &str) -> Option<Entry> {
    let mut parts = line.splitn(4, ' ');
    let at = parts.next()?.parse().ok()?;
    let stderr = parts.next()? == "stderr";
    let _tag = parts.next()?;
    Some(Entry { at, stderr, text: parts.next().unwrap_or_default().to_owned() })
}
