//! Container logs in the format of the CRI: `TIME STREAM F TEXT`, below `/var/log/pods`, linked in `/var/log/containers`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::watch;

use super::Container;
use crate::clock::SharedClock;
use crate::klog::LogSink;
use crate::kubelet::journal::lock;
use crate::rooted::Rooted;

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
        let rooted = Rooted::new(root);
        let link = link_path(container);
        for path in [Path::new(&container.log_path), Path::new(&link)] {
            let _ = rooted.create_dir_all(path.parent().unwrap_or(Path::new("/")), 0o755);
        }
        let _ = rooted.symlink(&container.log_path, &link);
        // A log of that name is from before the lab was started again.
        let file = rooted.create(&container.log_path, 0o640).ok();
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

fn link_path(container: &Container) -> String {
    format!(
        "/var/log/containers/{}_{}_{}-{}.log",
        container.pod.name, container.pod.namespace, container.spec.name, container.id
    )
}

/// Removes a container's log and the directories that are empty without it.
pub fn remove(root: &Path, container: &Container) {
    let rooted = Rooted::new(root);
    let _ = rooted.remove_file(link_path(container));
    let path = Path::new(&container.log_path);
    let _ = rooted.remove_file(path);
    for parent in path.ancestors().skip(1).take(2) {
        if rooted.remove_dir(parent).is_err() {
            break;
        }
    }
}

/// Removes the logs of containers that nobody knows any more: those of an earlier run of the lab.
pub fn forget(root: &Path) {
    let rooted = Rooted::new(root);
    for dir in ["/var/log/pods", "/var/log/containers"] {
        for name in rooted.list(dir).unwrap_or_default() {
            let _ = rooted.remove_all(Path::new(dir).join(name));
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

/// Reads the whole lines of a node's log from a byte offset; the offset of what comes next comes back with them.
pub fn read(root: &Path, path: &str, from: u64) -> (Vec<Entry>, u64) {
    let Ok(bytes) = Rooted::new(root).read_from(path, from) else { return (Vec::new(), from) };
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
    let text = String::from_utf8_lossy(&bytes[..whole]);
    let entries = text.lines().filter_map(parse).collect();
    (entries, from + whole as u64)
}

fn parse(line: &str) -> Option<Entry> {
    let mut parts = line.splitn(4, ' ');
    let at = parts.next()?.parse().ok()?;
    let stderr = parts.next()? == "stderr";
    let _tag = parts.next()?;
    Some(Entry { at, stderr, text: parts.next().unwrap_or_default().to_owned() })
}
