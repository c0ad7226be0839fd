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

/// The journal.
pub struct Journal {
    lines: Mutex<VecDeque<Line>>,
    newest: watch::Sender<u64>,
    clock: SharedClock,
    pids: Mutex<(u32, u32)>,
    verbosity: AtomicU8,
}

impl Journal {
    /// An empty journal.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            lines: Mutex::default(),
            newest: watch::Sender::new(0),
            clock,
            pids: Mutex::new((132, 87)),
            verbosity: AtomicU8::new(0),
        }
    }

    /// The kubelet's process id.
    pub fn pid(&self) -> u32 {
        lock(&self.pids).0
    }

    /// The process id of a unit: the kubelet's or containerd's.
    pub fn unit_pid(&self, unit: &str) -> u32 {
        let pids = *lock(&self.pids);
        if unit == "containerd" { pids.1 } else { pids.0 }
    }

    /// Sets how much is written (`-v`).
    pub fn set_verbosity(&self, verbosity: u8) {
        self.verbosity.store(verbosity, Ordering::Relaxed);
    }

    /// Sets the process id of a unit: of the process that stands for it on the node.
    pub fn set_pid(&self, unit: &str, pid: u32) {
        let mut pids = lock(&self.pids);
        if unit == "containerd" { pids.1 = pid } else { pids.0 = pid }
    }

    /// A unit was started again: the next process ids are larger than all before.
    pub fn next_pid(&self, unit: &str) {
        let mut pids = lock(&self.pids);
        let next = pids.0.max(pids.1) + 411;
        if unit == "containerd" { pids.1 = next } else { pids.0 = next }
    }

    /// A klog line of the kubelet.
    ///
    /// Lines of verbosity 2 are kept only with `-v=2` or more: a kubeadm cluster's kubelet runs without `-v`.
    pub fn klog(&self, severity: Severity, source: &str, message: &str) {
        if VERBOSE.contains(&source) && self.verbosity.load(Ordering::Relaxed) < 2 {
            return;
        }
        let (now, pid) = (self.clock.now(), self.pid());
        self.write(now, "kubelet", "kubelet", pid, klog::line(severity, now, pid, source, message));
    }

    /// A line of containerd (logrus' text format); `more` is what follows the message, with its leading space.
    pub fn containerd(&self, level: &str, message: &str, more: &str) {
        let (now, pid) = (self.clock.now(), self.unit_pid("containerd"));
        let quoted = if message.contains(' ') { format!("{message:?}") } else { message.to_owned() };
        let text = format!("time=\"{now:.9}\" level={level} msg={quoted}{more}");
        self.write(now, "containerd", "containerd", pid, text);
    }

    /// A line of systemd about a unit.
    pub fn systemd(&self, unit: &str, text: &str) {
        self.write(self.clock.now(), "systemd", unit, 1, text.to_owned());
    }

    fn write(&self, at: Timestamp, program: &str, unit: &str, pid: u32, text: String) {
        let mut lines = lock(&self.lines);
        let sequence = *self.newest.borrow() + 1;
        lines.push_back(Line { sequence, at, program: program.into(), unit: unit.into(), pid, text });
        if lines.len() > KEEP {
            lines.pop_front();
        }
        self.newest.send_replace(sequence);
    }

    /// The lines after a place.
    pub fn since(&self, sequence: u64) -> Vec<Line> {
        lock(&self.lines).iter().filter(|l| l.sequence > sequence).cloned().collect()
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
