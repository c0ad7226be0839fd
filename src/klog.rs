//! Log lines in the format of klog, the logger of the Kubernetes programs.
//!
//! Format: <https://github.com/kubernetes/klog> (`Lmmdd hh:mm:ss.uuuuuu threadid file:line] msg`).

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The severity letter a klog line starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// `I`
    Info,
    /// `W`
    Warning,
    /// `E`
    Error,
    /// `F`
    Fatal,
}

impl Severity {
    /// Returns the letter that the line starts with.
    pub fn letter(self) -> char {
        match self {
            Self::Info => 'I',
            Self::Warning => 'W',
            Self::Error => 'E',
            Self::Fatal => 'F',
        }
    }
}

/// Formats one line, without a newline at its end.
///
/// `pid` is padded to seven places as klog does; `source` is `file.go:123`.
pub fn line(severity: Severity, now: Timestamp, pid: u32, source: &str, message: &str) -> String {
    let at = now.to_zoned(TimeZone::UTC);
    format!(
        "{}{:02}{:02} {:02}:{:02}:{:02}.{:06} {pid:>7} {source}] {message}",
        severity.letter(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.subsec_nanosecond() / 1000,
    )
}

/// Where a program's output lines go: a container's log, the journal, or a test's vector.
pub trait LogSink: Send + Sync {
    /// Takes one line without its newline; `stderr` tells which stream it came from.
    fn write_line(&self, stderr: bool, line: &str);
}

/// A log sink that several tasks share.
pub type SharedLog = Arc<dyn LogSink>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_looks_like_klogs() {
        let now: Timestamp = "2026-11-24T07:47:14.511721Z".parse().unwrap_or(Timestamp::UNIX_EPOCH);
        assert_eq!(
            line(Severity::Info, now, 1, "plugins.go:157", "Loaded"),
            "I1124 07:47:14.511721       1 plugins.go:157] Loaded"
        );
    }
}
