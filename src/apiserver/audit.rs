//! The record of every request: who, what, and how each part of the chain decided.
//!
//! Checks use it to know that something was done *as the kubelet*; the X-ray shows it. Upstream: `audit.k8s.io/v1`.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many entries are kept in memory.
pub const CAPACITY: usize = 4096;

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
    /// The body of a write, as it came, up to 64 KiB; not kept for secrets and tokens.
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

/// The record; append-only, the oldest entries fall out, and it can be kept in a file across restarts.
pub struct Log {
    entries: Mutex<VecDeque<Entry>>,
    news: tokio::sync::broadcast::Sender<u64>,
}

impl Default for Log {
    fn default() -> Self {
        Self { entries: Mutex::default(), news: tokio::sync::broadcast::channel(256).0 }
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an entry; its sequence number is set here.
    pub fn push(&self, mut entry: Entry) {
        let mut entries = self.lock();
        entry.sequence = entries.back().map_or(1, |last| last.sequence + 1);
        let sequence = entry.sequence;
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back(entry);
        drop(entries);
        let _ = self.news.send(sequence);
    }

    /// The entries after `sequence`, oldest first.
    pub fn since(&self, sequence: u64) -> Vec<Entry> {
        self.lock().iter().filter(|e| e.sequence > sequence).cloned().collect()
    }

    /// Tells the sequence number of each new entry.
    pub fn subscribe(&self) -> tokio::sync::broadcast::Receiver<u64> {
        self.news.subscribe()
    }
}
