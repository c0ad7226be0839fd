//! The record of every request: who, what, and how each part of the chain decided.
//!
//! Checks use it to know that something was done *as the kubelet*; the X-ray shows it. What `--audit-policy-file` and
//! `--audit-log-path` ask for is apart from it: a [`trail::Trail`] a request, and a [`backend::Sink`].

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::requestinfo::{Query, RequestInfo};

pub mod backend;
pub mod event;
pub mod evidence;
pub mod policy;
pub mod trail;

/// How many entries are kept in memory: half of them evidence, a quarter what people read, a quarter routine.
pub const CAPACITY: usize = 1024;

/// How many entries, the newest, keep their request's body.
pub const BODIES: usize = 256;

/// How many bytes of a body are kept.
pub const BODY_LIMIT: usize = 8 << 10;

/// What the cluster's own parts call themselves; checks of the lab give no name at all.
const OWN_AGENTS: [&str; 6] = ["kubelet", "kube-", "kubeadm", "cks-lab", "kube-rs", "local-path"];

/// The decision of a request that a client recorded: what the server's chain did with it was not seen.
pub const UNSEEN: &str = "unseen";

/// One request that was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The body of a write, as it came; see [`recorded_body`]. Only the newest [`BODIES`] that are evidence have one.
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
    /// An entry that says what is asked for, and by whom only if `self` said so: a request taken apart.
    pub fn asks(self, info: RequestInfo, query: &Query) -> Self {
        Self {
            verb: info.verb,
            group: info.api_group,
            resource: info.resource,
            subresource: info.subresource,
            namespace: info.namespace,
            name: info.name,
            dry_run: query.get("dryRun") == Some("All"),
            ..self
        }
    }

    /// Whether nothing of the body may be kept: it holds a secret or a token.
    pub fn is_secret(&self) -> bool {
        matches!(self.resource.as_str(), "secrets" | "tokenreviews") || self.subresource == "token"
    }

    /// Whether nothing can have been changed by it: what is read, and paths that are no object's.
    pub fn reads(&self) -> bool {
        matches!(self.verb.as_str(), "get" | "list" | "watch" | "head" | "")
    }

    /// Whether a program made it that is no part of the cluster: what a learner runs.
    pub fn is_of_a_person(&self) -> bool {
        !self.user_agent.is_empty() && !OWN_AGENTS.iter().any(|own| self.user_agent.starts_with(own))
    }

    /// Whether the entry is evidence, which is kept longer, and on disk: refusals, and writes of what people write.
    /// Reads are routine, and so are heartbeats, events and reviews that are let pass.
    fn is_evidence(&self) -> bool {
        const ROUTINE: [&str; 6] = [
            "leases",
            "events",
            "tokenreviews",
            "subjectaccessreviews",
            "selfsubjectaccessreviews",
            "selfsubjectreviews",
        ];
        let reports = self.code < 400 && matches!(self.subresource.as_str(), "status" | "token");
        let routine = self.reads() || reports || ROUTINE.contains(&self.resource.as_str());
        // Informers of a kubelet or controller that are refused while a server starts try again and again.
        let informs = matches!(self.verb.as_str(), "list" | "watch") && self.user.starts_with("system:");
        !routine || self.code == 403 && !informs
    }
}

/// What the record keeps of a body: all of it up to [`BODY_LIMIT`], of a larger object what it is and its
/// labels, of anything else the beginning.
pub fn recorded_body(body: &[u8]) -> String {
    if body.len() > BODY_LIMIT
        && let Ok(Value::Object(object)) = serde_json::from_slice(body)
    {
        let metadata = |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key)).cloned();
        let short = json!({
            "kind": object.get("kind"), "apiVersion": object.get("apiVersion"),
            "metadata": {"name": metadata("name"), "namespace": metadata("namespace"), "labels": metadata("labels")},
        })
        .to_string();
        if short.len() <= BODY_LIMIT {
            return short;
        }
    }
    String::from_utf8_lossy(&body[..body.len().min(BODY_LIMIT)]).into_owned()
}

/// The record: append-only, the oldest entries fall out; one that has a file keeps its evidence across restarts.
pub struct Log {
    kept: Mutex<Kept>,
    news: tokio::sync::broadcast::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    /// Refusals and writes; the newest have bodies.
    evidence: VecDeque<Entry>,
    /// What people read, without bodies: they look at it in the X-ray minutes later, when the cluster's own parts have
    /// long asked for more than is kept.
    looks: VecDeque<Entry>,
    /// All others, without bodies.
    routine: VecDeque<Entry>,
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
        self.lock().since(sequence)
    }

    /// Forgets everything, on disk too; sequence numbers go on.
    pub fn clear(&self) {
        let mut kept = self.lock();
        kept.evidence.clear();
        kept.looks.clear();
        kept.routine.clear();
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
    /// Adds an entry; the oldest of its kind falls out, and so does the oldest body.
    fn keep(&mut self, mut entry: Entry) {
        let evidence = entry.is_evidence();
        let (ring, capacity) = match (evidence, entry.is_of_a_person()) {
            (true, _) => (&mut self.evidence, CAPACITY / 2),
            (false, true) => (&mut self.looks, CAPACITY / 4),
            (false, false) => (&mut self.routine, CAPACITY / 4),
        };
        if ring.len() == capacity {
            ring.pop_front();
        }
        if !evidence {
            entry.request_body = None;
        } else if ring.len() >= BODIES {
            let old = ring.len() - BODIES;
            ring[old].request_body = None;
        }
        ring.push_back(entry);
    }

    /// The entries after `sequence`, oldest first.
    fn since(&self, sequence: u64) -> Vec<Entry> {
        let newer = |ring: &VecDeque<Entry>| {
            let from = ring.partition_point(|entry| entry.sequence <= sequence);
            ring.range(from..).cloned().collect::<Vec<_>>()
        };
        let mut entries = newer(&self.evidence);
        entries.extend(newer(&self.looks));
        entries.extend(newer(&self.routine));
        entries.sort_by_key(|entry| entry.sequence);
        entries
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
        for entry in &self.evidence {
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
    fn heartbeats_and_reads_push_out_no_evidence() {
        let log = Log::default();
        let with_body = |resource: &str| Entry {
            request_body: Some("{}".into()),
            resource: resource.into(),
            ..entry("patch", 200)
        };
        log.push(with_body("nodes"));
        // What a person looked at stays beside what the cluster's own parts do.
        log.push(Entry { user_agent: "kubectl/v1.31.0".into(), ..entry("get", 200) });
        for _ in 0..CAPACITY {
            log.push(with_body("leases"));
            log.push(Entry { user_agent: "kube-scheduler/v1.31.0".into(), ..entry("get", 200) });
            log.push(Entry { subresource: "status".into(), ..with_body("nodes") });
            // What informers are refused while a server starts.
            log.push(Entry { user: "system:node:a".into(), ..entry("list", 403) });
        }
        let kept = log.since(0);
        assert_eq!(kept.len(), CAPACITY / 4 + 2);
        assert_eq!((kept[1].sequence, kept[1].verb.as_str()), (2, "get"));
        assert_eq!((kept[0].sequence, kept[0].request_body.as_deref()), (1, Some("{}")));
        assert!(kept[1..].iter().all(|entry| entry.request_body.is_none()));
        assert!(kept.is_sorted_by_key(|entry| entry.sequence));
    }

    #[test]
    fn memory_is_bounded_in_entries_and_in_bodies() {
        let log = Log::default();
        let half = CAPACITY / 2;
        for number in 0..half + 10 {
            log.push(Entry { request_body: Some(number.to_string()), ..entry("patch", 200) });
        }
        let kept = log.since(0);
        assert_eq!((kept.len(), kept[0].sequence), (half, 11));
        let without = kept.iter().take_while(|e| e.request_body.is_none()).count();
        assert_eq!(without, half - BODIES);
        assert!(kept[without..].iter().all(|e| e.request_body.is_some()));
        assert_eq!(log.since(u64::try_from(half).unwrap() + 8).len(), 2);
    }

    #[test]
    fn of_large_bodies_the_labels_are_kept() {
        assert_eq!(recorded_body(b"{}"), "{}");
        let filler = "x".repeat(BODY_LIMIT);
        let large = json!({"kind": "Node", "metadata": {"labels": {"a": "b"}}, "status": {"filler": filler}})
            .to_string();
        let kept: Value = serde_json::from_str(&recorded_body(large.as_bytes())).unwrap();
        assert_eq!(kept["metadata"]["labels"], json!({"a": "b"}));
        let list = json!([{"op": "add", "value": filler}]).to_string();
        assert_eq!(recorded_body(list.as_bytes()), list[..BODY_LIMIT]);
    }
}
