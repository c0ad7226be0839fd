//! What processes use of the machine: processor time and memory, as the kernel counts them.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// How many ticks of `/proc` a second has (`USER_HZ`): the kernel promises the same to all programs of these processors.
const TICKS: u64 = 100;

/// What a process has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Processor time since it began, in nanoseconds.
    pub cpu: u64,
    /// Bytes of memory; of what it shares with others its share.
    pub memory: u64,
    /// Page faults without, and with, something to be read from a disk.
    pub faults: (u64, u64),
}

impl Used {
    /// What a process of `/proc` has used; nothing where there is no such process.
    pub fn of(process: &str) -> Self {
        let directory = Path::new("/proc").join(process);
        let text = |file: &str| std::fs::read_to_string(directory.join(file)).unwrap_or_default();
        let status = text("smaps_rollup");
        let memory = kilobytes(&status, "Pss:").or_else(|| kilobytes(&text("status"), "RssAnon:"));
        Self { memory: memory.unwrap_or_default(), ..counted(&text("stat")) }
    }

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        let faults = (self.faults.0 + other.faults.0, self.faults.1 + other.faults.1);
        Self { cpu: self.cpu + other.cpu, memory: self.memory + other.memory, faults }
    }
}

/// The counters of `/proc/PID/stat` (`proc(5)`): `minflt`, `majflt`, `utime`, `stime`.
fn counted(stat: &str) -> Used {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = after_name.split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
    // The list begins with field 3.
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or_default();
    let cpu = (field(14) + field(15)) * (1_000_000_000 / TICKS);
    Used { cpu, memory: 0, faults: (field(10), field(12)) }
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counters_are_the_kernels() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 120 0 3 0 150 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(counted(stat), Used { cpu: 2_000_000_000, memory: 0, faults: (120, 3) });
        assert_eq!(kilobytes("Rss: 9 kB\nPss:   12 kB\n", "Pss:"), Some(12_288));
        assert_eq!(kilobytes("", "Pss:"), None);
    }

    #[test]
    fn this_process_uses_something_and_no_process_nothing() {
        let own = Used::of("self");
        assert!(own.memory > 100_000 && own.faults.0 > 0, "{own:?}");
        assert_eq!(Used::of("no-such-process"), Used::default());
    }
}
