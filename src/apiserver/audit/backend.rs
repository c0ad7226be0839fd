//! Where events go: the server's standard output, or a file that is renamed when it has grown.
//!
//! Upstream: `k8s.io/apiserver/plugin/pkg/audit/{log,truncate}`, `pkg/server/options/audit.go`, `pkg/audit/metrics.go`.

use std::sync::{Mutex, PoisonError};

use super::event::Event;
use super::policy::Level;
use crate::apiserver::flags::Flags;
use crate::clock::SharedClock;
use crate::container_fs::ContainerFs;
use crate::klog::{self, Severity, SharedLog};

mod file;

use self::file::LogFile;

/// The annotation of an event whose bodies were left out.
const TRUNCATED: (&str, &str) = ("audit.k8s.io/truncated", "true");

/// Takes the events of a server.
pub struct Sink {
    out: Out,
    legacy: bool,
    /// Whether a request fails whose first event cannot be written (`blocking-strict`).
    strict: bool,
    /// The most bytes of an event, where they are counted.
    most: Option<usize>,
    log: SharedLog,
    clock: SharedClock,
}

enum Out {
    Stdout,
    File(Mutex<LogFile>),
}

impl Sink {
    /// Opens the log that the flags ask for; nothing without `--audit-log-path`.
    ///
    /// # Errors
    ///
    /// What the real server says where it cannot be opened.
    pub fn open(
        flags: &Flags,
        files: &ContainerFs,
        log: &SharedLog,
        clock: &SharedClock,
    ) -> Result<Option<Self>, String> {
        let out = match flags.text("audit-log-path") {
            None => return Ok(None),
            Some("-") => Out::Stdout,
            Some(path) => {
                let number =
                    |flag: &str| flags.get(flag).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
                let limits = file::Limits {
                    megabytes: number("audit-log-maxsize").into(),
                    backups: usize::try_from(number("audit-log-maxbackup")).unwrap_or(usize::MAX),
                    days: number("audit-log-maxage").into(),
                    compress: flags.is_true("audit-log-compress"),
                };
                let file = LogFile::ensure(files.clone(), path, limits, clock.clone());
                Out::File(Mutex::new(file.map_err(|why| format!("ensureLogFile: {why}"))?))
            }
        };
        let most = flags.is_true("audit-log-truncate-enabled").then(|| {
            let given = flags.get("audit-log-truncate-max-event-size").and_then(|text| text.parse().ok());
            given.unwrap_or(100 << 10)
        });
        Ok(Some(Self {
            out,
            legacy: flags.text("audit-log-format") == Some("legacy"),
            strict: flags.text("audit-log-mode") == Some("blocking-strict"),
            most,
            log: log.clone(),
            clock: clock.clone(),
        }))
    }

    /// Writes an event; tells whether the request may go on.
    pub fn process(&self, event: &Event) -> bool {
        let written = match self.fitted(event) {
            Ok(None) => self.write(event),
            Ok(Some(short)) => self.write(&short),
            Err(why) => {
                self.complain("truncate", &why, event);
                return !self.strict;
            }
        };
        match written {
            Ok(()) => true,
            Err(why) => {
                self.complain("log", &why, event);
                !self.strict
            }
        }
    }

    /// The event without its bodies, where it is too large with them.
    fn fitted(&self, event: &Event) -> Result<Option<Event>, String> {
        let Some(most) = self.most else { return Ok(None) };
        if event.json()?.len() <= most {
            return Ok(None);
        }
        let too_large = || Err("event is too large even after truncating".to_owned());
        if event.level < Level::Request {
            return too_large();
        }
        let mut short = Event { request_object: None, response_object: None, ..event.clone() };
        short.annotations.insert(TRUNCATED.0.into(), TRUNCATED.1.into());
        if short.json()?.len() > most { too_large() } else { Ok(Some(short)) }
    }

    fn write(&self, event: &Event) -> Result<(), String> {
        let line = if self.legacy { format!("{}\n", event.legacy()) } else { event.json()? };
        match &self.out {
            Out::Stdout => self.log.write_line(false, line.trim_end_matches('\n')),
            Out::File(file) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).write(line.as_bytes())?;
            }
        }
        Ok(())
    }

    /// `HandlePluginError`
    fn complain(&self, plugin: &str, why: &str, event: &Event) {
        let text = format!("Error in audit plugin '{plugin}' affecting 1 audit events: {why}");
        let line = klog::line(Severity::Error, self.clock.now(), 1, "metrics.go:110", &text);
        for line in [line.as_str(), "Impacted events:", &event.legacy()] {
            self.log.write_line(true, line);
        }
    }
}
