//! The journal of a node's kubelet and containerd: what `journalctl -u kubelet` shows.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::klog::{self, Severity};

/// How many lines are kept.
const KEEP: usize = 20_000;

/// Where the kubelet writes lines of verbosity 2.
const VERBOSE: [&str; 4] =
    ["kubelet.go:2407", "kubelet.go:2417", "kubelet.go:2439", "kuberuntime_container.go:808"];

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its place; counts from 1.
    pub sequence: u64,
    /// When it was written.
    pub at: Timestamp,
    /// `kubelet`, `containerd`, `systemd`.
    pub program: String,
    /// The unit it belongs to: `kubelet`, `containerd`.
    pub unit: String,
    /// The program's process id.
    pub pid: u32,
    /// The text.
    pub text: String,
}

/// A line as it was written: its process id may become known only later, when the node has a process that stands for the unit.
struct Written {
    /// Without the process id, and of a klog line the message alone.
    line: Line,
    /// Which of the unit's processes wrote it; systemd's lines are of the first process.
    process: Option<usize>,
    /// What comes before a klog line's message.
    klog: Option<(Severity, String)>,
}

/// The journal.
pub struct Journal {
    lines: Mutex<VecDeque<Written>>,
    newest: watch::Sender<u64>,
    clock: SharedClock,
    pids: Mutex<Pids>,
    verbosity: AtomicU8,
}

/// The process ids that each unit has had, oldest first; there is always one.
struct Pids {
    kubelet: Vec<u32>,
    containerd: Vec<u32>,
}

impl Pids {
    fn of(&self, unit: &str) -> &[u32] {
        if unit == "containerd" { &self.containerd } else { &self.kubelet }
    }

    fn of_mut(&mut self, unit: &str) -> &mut Vec<u32> {
        if unit == "containerd" { &mut self.containerd } else { &mut self.kubelet }
    }
}

impl Journal {
    /// An empty journal.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            lines: Mutex::default(),
            newest: watch::Sender::new(0),
            clock,
            pids: Mutex::new(Pids { kubelet: vec![132], containerd: vec![87] }),
            verbosity: AtomicU8::new(0),
        }
    }

    /// The process id of a unit: the kubelet's or containerd's.
    pub fn unit_pid(&self, unit: &str) -> u32 {
        lock(&self.pids).of(unit).last().copied().unwrap_or_default()
    }

    /// Sets how much is written (`-v`).
    pub fn set_verbosity(&self, verbosity: u8) {
        self.verbosity.store(verbosity, Ordering::Relaxed);
    }

    /// Sets the process id of a unit: of the process that stands for it on the node. What it wrote before has it, too.
    pub fn set_pid(&self, unit: &str, pid: u32) {
        if let Some(last) = lock(&self.pids).of_mut(unit).last_mut() {
            *last = pid;
        }
    }

    /// A unit was started again: the next process ids are larger than all before.
    pub fn next_pid(&self, unit: &str) {
        let mut pids = lock(&self.pids);
        let largest = pids.kubelet.last().max(pids.containerd.last()).copied().unwrap_or_default();
        pids.of_mut(unit).push(largest + 411);
    }

    /// A klog line of the kubelet.
    ///
    /// Lines of verbosity 2 are kept only with `-v=2` or more: a kubeadm cluster's kubelet runs without `-v`.
    pub fn klog(&self, severity: Severity, source: &str, message: &str) {
        if VERBOSE.contains(&source) && self.verbosity.load(Ordering::Relaxed) < 2 {
            return;
        }
        let klog = Some((severity, source.to_owned()));
        self.write(self.clock.now(), "kubelet", "kubelet", message.to_owned(), klog);
    }

    /// A line of containerd (logrus' text format); `more` is what follows the message, with its leading space.
    pub fn containerd(&self, level: &str, message: &str, more: &str) {
        let now = self.clock.now();
        let quoted = if message.contains(' ') { format!("{message:?}") } else { message.to_owned() };
        let text = format!("time=\"{now:.9}\" level={level} msg={quoted}{more}");
        self.write(now, "containerd", "containerd", text, None);
    }

    /// A line of systemd about a unit.
    pub fn systemd(&self, unit: &str, text: &str) {
        self.write(self.clock.now(), "systemd", unit, text.to_owned(), None);
    }

    fn write(
        &self,
        at: Timestamp,
        program: &str,
        unit: &str,
        text: String,
        klog: Option<(Severity, String)>,
    ) {
        let process = (program != "systemd").then(|| lock(&self.pids).of(unit).len() - 1);
        let mut lines = lock(&self.lines);
        let sequence = *self.newest.borrow() + 1;
        let line = Line { sequence, at, program: program.into(), unit: unit.into(), pid: 1, text };
        lines.push_back(Written { line, process, klog });
        if lines.len() > KEEP {
            lines.pop_front();
        }
        self.newest.send_replace(sequence);
    }

    /// The lines after a place.
    pub fn since(&self, sequence: u64) -> Vec<Line> {
        let lines = lock(&self.lines);
        let pids = lock(&self.pids);
        let later = lines.partition_point(|written| written.line.sequence <= sequence);
        let whole = |written: &Written| {
            let mut line = written.line.clone();
            if let Some(pid) = written.process.and_then(|process| pids.of(&line.unit).get(process)) {
                line.pid = *pid;
            }
            if let Some((severity, source)) = &written.klog {
                line.text = klog::line(*severity, line.at, line.pid, source, &line.text);
            }
            line
        };
        lines.range(later..).map(whole).collect()
    }

    /// Tells of new lines.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

/// Locks, whatever happened to another holder.
pub fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_process_id_that_becomes_known_later_is_in_the_lines_before() {
        let journal = Journal::new(Arc::new(crate::clock::SystemClock));
        journal.systemd("kubelet", "Started kubelet.service");
        journal.klog(Severity::Info, "server.go:486", "first");
        journal.set_pid("kubelet", 73);
        journal.containerd("info", "serving", "");
        journal.next_pid("kubelet");
        journal.klog(Severity::Info, "server.go:486", "second");
        journal.set_pid("kubelet", 99);
        let lines = journal.since(0);
        let pids: Vec<_> = lines.iter().map(|line| (line.sequence, line.pid)).collect();
        assert_eq!(pids, [(1, 1), (2, 73), (3, 87), (4, 99)]);
        assert!(lines[1].text.contains("      73 server.go:486] first"), "{}", lines[1].text);
        assert!(lines[3].text.contains("      99 server.go:486] second"), "{}", lines[3].text);
        assert_eq!(journal.since(3).len(), 1);
    }
}
