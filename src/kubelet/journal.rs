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
    pid: Mutex<u32>,
    verbosity: AtomicU8,
}

impl Journal {
    /// An empty journal.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            lines: Mutex::default(),
            newest: watch::Sender::new(0),
            clock,
            pid: Mutex::new(132),
            verbosity: AtomicU8::new(0),
        }
    }

    /// The kubelet's process id.
    pub fn pid(&self) -> u32 {
        *lock(&self.pid)
    }

    /// Sets how much is written (`-v`).
    pub fn set_verbosity(&self, verbosity: u8) {
        self.verbosity.store(verbosity, Ordering::Relaxed);
    }

    /// The kubelet was started again.
    pub fn next_pid(&self) {
        *lock(&self.pid) += 411;
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
