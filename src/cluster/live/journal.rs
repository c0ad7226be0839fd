//! What was changed on somebody's cluster, written down on this machine before it is done.
//!
//! The file is replaced as a whole, synced, readable for its owner only. Every step is written before it begins and
//! after it ended; the undo does not trust the steps but looks at the cluster, so that it works after any of them and
//! twice. `CKS_LAB_ABORT_AT=N` kills the program at the N-th of these writes: tests of the undo set it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::drivers::Way;
use super::scripts::Owner;
use crate::error::{Context, Error, Result};
use crate::progress;
use crate::state_dir::LabDir;
use crate::text::tr;

/// One thing that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// The Lease that tells others.
    TakeLease,
    /// The directory for the copy on the node.
    MakeDirectory,
    /// The manifest's copy on the node.
    Copy,
    /// The copy is read back.
    ReadCopy,
    /// The manifest without the plugins.
    Manifest,
    /// Waiting for the new server.
    NewServer,
    /// The lesson begins.
    Prepared,
    /// The undo began.
    Undo,
    /// Files beside the manifest that describe the same pod.
    Extras,
    /// The old manifest.
    PutBack,
    /// The manifest is read back.
    ReadBack,
    /// Waiting for the old server.
    OldServer,
    /// Labels and annotations.
    Objects,
    /// What was kept on the node.
    Clean,
    /// The Lease goes.
    DropLease,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What.
    pub step: Step,
    /// Whether it ended.
    pub done: bool,
    /// When, RFC 3339.
    pub at: String,
}

/// A node of the lesson.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// What lessons call it.
    pub name: String,
    /// What the cluster calls it.
    pub real: String,
    /// What the machine calls itself; the undo looks whether it still gets there.
    pub hostname: String,
    /// How it is reached.
    pub way: Way,
}

/// The manifest as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRecord {
    /// Its directory.
    pub dir: String,
    /// Its path.
    pub path: String,
    /// Its bytes, base64.
    pub original: String,
    /// Whose it was.
    pub owner: Owner,
    /// The sum of the text that the lesson begins with.
    pub prepared: String,
    /// Where its copy is on the node.
    pub copy: String,
    /// The names in its directory.
    pub names: Vec<String>,
    /// The hash that the kubelet gave its pod, where it could be read.
    #[serde(default)]
    pub hash: Option<String>,
}

/// Labels and annotations of an object as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Field managers, kubectl's aside, that looked after it then: what they change is not the lesson's.
    pub managers: Vec<String>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The format.
    pub version: u32,
    /// A random name; the Lease's holder and the copy's directory have it.
    pub id: String,
    /// The lesson.
    pub lesson: String,
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    /// Its context.
    pub context: String,
    /// The server's address.
    pub server: String,
    /// The server's version.
    pub kubernetes: String,
    /// See [`super::connect::Connection::cluster_uid`].
    pub cluster_uid: String,
    /// The control plane first.
    pub nodes: Vec<NodeRecord>,
    /// The API server's manifest.
    pub manifest: ManifestRecord,
    /// Nodes by name.
    pub objects: BTreeMap<String, ObjectRecord>,
    /// Whether the cluster is as the lesson wants it.
    pub prepared: bool,
    /// Whether an undo began.
    pub undoing: bool,
    /// Whether somebody else's change kept the manifest from being written: it is theirs, and stays.
    #[serde(default)]
    pub left_alone: bool,
    /// API paths of objects that the lesson makes.
    #[serde(default)]
    pub creates: Vec<String>,
    /// Whether the lesson's scripts write the manifest.
    #[serde(default)]
    pub breaks_manifest: bool,
    /// What was done.
    pub steps: Vec<Entry>,
}

/// The journal on disk.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// What it says.
    pub record: Record,
}

const VERSION: u32 = 1;

/// The directory of a lab's journal and of what its undo set aside.
pub fn dir(lab: &LabDir) -> PathBuf {
    lab.root().join("live")
}

impl Journal {
    /// Begins one; nothing may have been changed yet.
    pub fn create(lab: &LabDir, mut record: Record) -> Result<Self> {
        let dir = dir(lab);
        std::fs::create_dir_all(&dir).context_what(|| tr!(file_cannot_be_made { file: dir.display() }))?;
        record.version = VERSION;
        let journal = Self { path: dir.join("journal.json"), record };
        journal.write()?;
        Ok(journal)
    }

    /// The one that is there.
    pub fn open(lab: &LabDir) -> Result<Option<Self>> {
        let path = dir(lab).join("journal.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::new(tr!(live_journal_not_read { journal: path.display() })).why(e)),
        };
        let record: Record = serde_json::from_slice(&text).map_err(|e| {
            Error::new(tr!(live_journal_damaged { journal: path.display() }))
                .why(e)
                .hint(tr!(live_manifest_lies))
                .hint(tr!(live_if_gone))
        })?;
        if record.version != VERSION {
            return Err(
                Error::new(tr!(live_journal_other { journal: path.display() })).hint(tr!(live_undo_with_it))
            );
        }
        Ok(Some(Self { path, record }))
    }

    fn write(&self) -> Result<()> {
        abort_here();
        progress::write(&self.path, &self.record)?;
        abort_here();
        Ok(())
    }

    /// Changes what it says.
    pub fn change(&mut self, change: impl FnOnce(&mut Record)) -> Result<()> {
        change(&mut self.record);
        match self.write() {
            // The undo looks at the cluster and not at its steps: a full disk here is no reason to leave it undone.
            Err(_) if self.record.undoing => Ok(()),
            result => result,
        }
    }

    /// Whether a step was written down as done.
    pub fn has(&self, step: Step) -> bool {
        self.record.steps.iter().any(|entry| entry.step == step && entry.done)
    }

    /// Writes that a step begins.
    pub fn begin(&mut self, step: Step) -> Result<()> {
        self.note(step, false)
    }

    /// Writes that a step ended.
    pub fn done(&mut self, step: Step) -> Result<()> {
        self.note(step, true)
    }

    fn note(&mut self, step: Step, done: bool) -> Result<()> {
        let at = jiff::Timestamp::now().to_string();
        self.change(|record| record.steps.push(Entry { step, done, at }))
    }

    /// Everything is undone.
    pub fn remove(self) -> Result<()> {
        abort_here();
        std::fs::remove_file(&self.path)
            .context_what(|| tr!(file_cannot_be_removed { file: self.path.display() }))?;
        abort_here();
        Ok(())
    }

    /// Keeps something on this machine that the undo takes off a node; its path.
    pub fn set_aside(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let dir = self.path.parent().unwrap_or(Path::new(".")).join("set-aside");
        let name = name.replace('/', "_");
        let what = || tr!(live_not_kept { name, dir: dir.display() });
        std::fs::create_dir_all(&dir).context_what(what)?;
        let free = (1..10_000).map(|n| dir.join(format!("{name}.{n}"))).find(|p| !p.exists());
        let path = free.ok_or_else(|| Error::new(what()).why(tr!(live_too_many)))?;
        let mut file = tempfile::NamedTempFile::new_in(&dir).context_what(what)?;
        std::io::Write::write_all(&mut file, content).context_what(what)?;
        file.as_file().sync_all().context_what(what)?;
        file.persist(&path).context_what(what)?;
        Ok(path)
    }
}

/// Gives an undo up: the journal is kept aside, and where.
pub fn give_up(lab: &LabDir) -> Result<Option<PathBuf>> {
    let dir = dir(lab);
    let path = dir.join("journal.json");
    let aside = dir.join("set-aside");
    let what = || tr!(live_not_kept { name: "journal.json", dir: aside.display() });
    if !path.exists() {
        return Ok(None);
    }
    std::fs::create_dir_all(&aside).context_what(what)?;
    let free = (1..10_000).map(|n| aside.join(format!("journal.json.{n}"))).find(|p| !p.exists());
    let to = free.ok_or_else(|| Error::new(what()).why(tr!(live_too_many)))?;
    std::fs::rename(&path, &to).context_what(what)?;
    Ok(Some(to))
}

/// Ends the program where a test asked for it, as `kill -9` would.
fn abort_here() {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static AT: OnceLock<Option<usize>> = OnceLock::new();
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let at = AT.get_or_init(|| std::env::var("CKS_LAB_ABORT_AT").ok()?.parse().ok());
    if let Some(at) = at
        && COUNT.fetch_add(1, Ordering::SeqCst) + 1 == *at
    {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn record() -> Record {
        let owner = Owner { uid: 0, gid: 0, mode: 0o600 };
        let manifest = ManifestRecord {
            dir: "/m".into(),
            path: "/m/k.yaml".into(),
            original: "YQ==".into(),
            owner,
            prepared: "00".into(),
            copy: "/var/lib/cks-lab/x/k.yaml".into(),
            names: vec!["k.yaml".into()],
            hash: None,
        };
        Record {
            version: VERSION,
            id: "x".into(),
            lesson: "l".into(),
            kubeconfig: "/k".into(),
            context: "c".into(),
            server: "https://s".into(),
            kubernetes: "v1.31.0".into(),
            cluster_uid: "u".into(),
            nodes: Vec::new(),
            manifest,
            objects: BTreeMap::new(),
            prepared: false,
            undoing: false,
            left_alone: false,
            creates: Vec::new(),
            breaks_manifest: false,
            steps: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_there_for_the_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let lab = LabDir::new(home.path(), "l");
        assert!(Journal::open(&lab).unwrap().is_none());
        let mut journal = Journal::create(&lab, record()).unwrap();
        journal.begin(Step::Copy).unwrap();
        journal.done(Step::Copy).unwrap();
        journal.change(|r| r.prepared = true).unwrap();
        let path = dir(&lab).join("journal.json");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Journal::open(&lab).unwrap().unwrap();
        assert_eq!(again.record, journal.record);
        assert_eq!(again.record.steps.iter().map(|e| e.done).collect::<Vec<_>>(), [false, true]);
        let first = journal.set_aside("k.yaml~", b"1").unwrap();
        let second = journal.set_aside("k.yaml~", b"2").unwrap();
        assert_eq!(
            (std::fs::read(first).unwrap(), std::fs::read(second).unwrap()),
            (b"1".to_vec(), b"2".to_vec())
        );
        journal.remove().unwrap();
        assert!(Journal::open(&lab).unwrap().is_none());
    }

    #[test]
    fn a_damaged_or_foreign_one_is_never_begun_anew() {
        let home = tempfile::tempdir().unwrap();
        let lab = LabDir::new(home.path(), "l");
        Journal::create(&lab, record()).unwrap();
        let path = dir(&lab).join("journal.json");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"version\": 1", "\"version\": 9")).unwrap();
        assert!(Journal::open(&lab).unwrap_err().to_string().contains("another cks-lab"));
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(Journal::open(&lab).unwrap_err().to_string().contains("/var/lib/cks-lab/"));
        assert!(path.exists());
        // Only who gives the undo up gets rid of it, and it is kept all the same.
        let kept = give_up(&lab).unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(kept).unwrap(), text[..text.len() / 2]);
        assert!(Journal::open(&lab).unwrap().is_none());
        assert_eq!(give_up(&lab).unwrap(), None);
    }

    #[test]
    fn an_undo_goes_on_where_nothing_can_be_written_here_and_a_change_does_not() {
        let home = tempfile::tempdir().unwrap();
        let lab = LabDir::new(home.path(), "l");
        let mut journal = Journal::create(&lab, record()).unwrap();
        // As a full disk does, for root too.
        let moved = home.path().join("moved");
        std::fs::rename(dir(&lab), &moved).unwrap();
        assert!(journal.begin(Step::Copy).is_err());
        journal.change(|record| record.undoing = true).unwrap();
        journal.begin(Step::PutBack).unwrap();
        journal.done(Step::PutBack).unwrap();
        assert!(journal.has(Step::PutBack) && !journal.has(Step::Copy));
    }
}
