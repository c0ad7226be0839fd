//! The record of every request: who, what, and how each part of the chain decided.
//!
//! Checks use it to know that something was done *as the kubelet*; the X-ray shows it. Upstream: `audit.k8s.io/v1`.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many entries are kept in memory.
pub const CAPACITY: usize = 1024;

/// How many entries, the newest, keep their request's body.
pub const BODIES: usize = 256;

/// How many bytes of a body are kept.
pub const BODY_LIMIT: usize = 8 << 10;

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up from 1 over the lab's whole life.
    pub sequence: u64,
    /// When the request came in.
    pub at: Timestamp,
    /// The user the request was made as, after impersonation.
    pub user: String,
    /// That user's groups.
    pub groups: Vec<String>,
    /// The user who impersonated, if any.
    pub impersonator: Option<String>,
    /// How the user was known: `x509`, `token`, `anonymous`.
    pub authenticated_by: String,
    /// The client's `User-Agent`.
    pub user_agent: String,
    /// `get`, `patch`, ...
    pub verb: String,
    /// The path with its query.
    pub uri: String,
    /// The API group.
    pub group: String,
    /// The plural name.
    pub resource: String,
    /// `status`, ...; empty for the object itself.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// Which authorizer decided.
    pub authorizer: String,
    /// `allow` or `forbid`.
    pub decision: String,
    /// The authorizer's reason.
    pub reason: String,
    /// Admission plugins that ran, in order, with the refusal of the one that refused.
    pub admission: Vec<AdmissionNote>,
    /// The body of a write, as it came, up to [`BODY_LIMIT`]; not kept for secrets and tokens, nor for
    /// writes older than the newest [`BODIES`] that have one.
    pub request_body: Option<String>,
    /// The HTTP status of the answer.
    pub code: u16,
    /// The sentence of a refusal.
    pub message: String,
    /// The resource version of the object that was written.
    pub resource_version: Option<String>,
    /// How long it took.
    pub micros: u64,
}

/// What one admission plugin did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionNote {
    /// The plugin.
    pub plugin: String,
    /// Why it refused; `None` where it let pass.
    pub refused: Option<String>,
}

/// How large the file may grow before it is written anew with what is still in memory.
const FILE_LIMIT: u64 = 8 << 20;

impl Entry {
    /// Whether the entry is kept on disk: writes and refusals are evidence, reads are not.
    fn is_evidence(&self) -> bool {
        self.code == 403 || !matches!(self.verb.as_str(), "get" | "list" | "watch" | "")
    }
}

/// The record: append-only, the oldest entries fall out; one that has a file keeps its evidence across restarts.
pub struct Log {
    kept: Mutex<Kept>,
    news: tokio::sync::broadcast::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    entries: VecDeque<Entry>,
    /// The sequence numbers of the entries that have a body, oldest first.
    bodies: VecDeque<u64>,
    last: u64,
    file: Option<(PathBuf, File, u64)>,
}

impl Default for Log {
    fn default() -> Self {
        Self { kept: Mutex::default(), news: tokio::sync::broadcast::channel(256).0 }
    }
}

impl Log {
    /// Opens the record kept in `path`, or begins it; lines that cannot be read are left out.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut kept = Kept::default();
        if let Ok(old) = File::open(path) {
            for line in BufReader::new(old).split(b'\n') {
                if let Ok(entry) = serde_json::from_slice::<Entry>(&line?) {
                    kept.last = entry.sequence;
                    kept.keep(entry);
                }
            }
        }
        kept.rewrite(path)?;
        Ok(Self { kept: Mutex::new(kept), news: tokio::sync::broadcast::channel(256).0 })
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry; its sequence number is set here.
    pub fn push(&self, mut entry: Entry) {
        let mut kept = self.lock();
        kept.last += 1;
        entry.sequence = kept.last;
        if entry.is_evidence() {
            kept.write(&entry);
        }
        kept.keep(entry);
        let sequence = kept.last;
        drop(kept);
        let _ = self.news.send(sequence);
    }

    /// The entries after `sequence`, oldest first.
    pub fn since(&self, sequence: u64) -> Vec<Entry> {
        self.lock().entries.iter().filter(|e| e.sequence > sequence).cloned().collect()
    }

    /// Forgets everything, on disk too; sequence numbers go on.
    pub fn clear(&self) {
        let mut kept = self.lock();
        kept.entries.clear();
        kept.bodies.clear();
        if let Some((path, ..)) = kept.file.take() {
            let _ = kept.rewrite(&path);
        }
    }

    /// Tells the sequence number of each new entry.
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<u64> {
        self.news.subscribe()
    }
}

impl Kept {
    /// Adds an entry; the oldest one falls out, and so does the oldest body.
    fn keep(&mut self, entry: Entry) {
        if self.entries.len() == CAPACITY
            && let Some(oldest) = self.entries.pop_front()
            && self.bodies.front() == Some(&oldest.sequence)
        {
            self.bodies.pop_front();
        }
        if entry.request_body.is_some() {
            if self.bodies.len() == BODIES
                && let Some(sequence) = self.bodies.pop_front()
                && let Ok(place) = self.entries.binary_search_by_key(&sequence, |kept| kept.sequence)
            {
                self.entries[place].request_body = None;
            }
            self.bodies.push_back(entry.sequence);
        }
        self.entries.push_back(entry);
    }

    /// Appends an entry to the file. A disk that takes no more loses evidence, never a request.
    fn write(&mut self, entry: &Entry) {
        let Some((path, file, size)) = &mut self.file else { return };
        let Ok(mut line) = serde_json::to_vec(entry) else { return };
        line.push(b'\n');
        if file.write_all(&line).is_ok() {
            *size += line.len() as u64;
        }
        if *size > FILE_LIMIT {
            let path = path.clone();
            let _ = self.rewrite(&path);
        }
    }

    fn rewrite(&mut self, path: &Path) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in self.entries.iter().filter(|e| e.is_evidence()) {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        let temporary = path.with_extension("new");
        std::fs::write(&temporary, &text)?;
        std::fs::rename(&temporary, path)?;
        let file = OpenOptions::new().append(true).open(path)?;
        self.file = Some((path.to_owned(), file, text.len() as u64));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn entry(verb: &str, code: u16) -> Entry {
        serde_json::from_value(serde_json::json!({
            "sequence": 0, "at": "2026-11-24T08:00:00Z", "user": "u", "groups": [], "impersonator": null,
            "authenticated_by": "x509", "user_agent": "", "verb": verb, "uri": "/", "group": "", "resource": "nodes",
            "subresource": "", "namespace": "", "name": "", "dry_run": false, "authorizer": "", "decision": "allow",
            "reason": "", "admission": [], "request_body": null, "code": code, "message": "",
            "resource_version": null, "micros": 1
        }))
        .unwrap()
    }

    #[test]
    fn evidence_outlives_the_process_and_reads_do_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit");
        let log = Log::open(&path).unwrap();
        log.push(entry("get", 200));
        log.push(entry("patch", 403));
        log.push(entry("get", 403));
        drop(log);
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"torn").unwrap();
        let log = Log::open(&path).unwrap();
        let verbs: Vec<_> = log.since(0).into_iter().map(|e| (e.sequence, e.verb)).collect();
        assert_eq!(verbs, [(2, "patch".to_owned()), (3, "get".to_owned())]);
        log.push(entry("patch", 200));
        assert_eq!(log.since(3)[0].sequence, 4);
    }

    #[test]
    fn memory_is_bounded_in_entries_and_in_bodies() {
        let log = Log::default();
        for number in 0..CAPACITY + 10 {
            let body = (number % 2 == 0).then(|| number.to_string());
            log.push(Entry { request_body: body, ..entry("patch", 200) });
        }
        let kept = log.since(0);
        assert_eq!((kept.len(), kept[0].sequence), (CAPACITY, 11));
        let bodies: Vec<_> = kept.iter().filter(|e| e.request_body.is_some()).map(|e| e.sequence).collect();
        assert_eq!(bodies.len(), BODIES);
        // The newest body is that of the entry before the last; they are every other one from there back.
        let newest = u64::try_from(CAPACITY).unwrap() + 9;
        assert_eq!(bodies.last(), Some(&newest));
        assert_eq!(bodies[0], newest + 2 - 2 * u64::try_from(BODIES).unwrap());
        assert_eq!(kept.last().unwrap().request_body, None);
    }
}
