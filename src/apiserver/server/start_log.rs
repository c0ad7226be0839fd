//! What a server writes while it starts: the real program's lines.

use super::core::Core;
use super::{Dependencies, Exit};
use crate::apiserver::flags::{Flags, Refusal};
use crate::clock::SharedClock;
use crate::klog::{self, Severity, SharedLog};
use crate::release::Release;

/// Severity, source and message of each line, in sections.
const LINES: &str = include_str!("../../../assets/apiserver-start-1.31.txt");

/// Writes the log of one server.
#[derive(Clone)]
pub(super) struct Journal {
    log: SharedLog,
    clock: SharedClock,
    release: &'static Release,
}

impl Journal {
    pub(super) fn new(dependencies: &Dependencies) -> Self {
        Self {
            log: dependencies.log.clone(),
            clock: dependencies.clock.clone(),
            release: dependencies.release,
        }
    }

    pub(super) fn write(&self, severity: Severity, source: &str, message: &str) {
        self.log.write_line(true, &klog::line(severity, self.clock.now(), 1, source, message));
    }

    /// Says why the server does not start.
    pub(super) fn refuse(&self, why: Refusal) -> Exit {
        match why {
            Refusal::Usage(why) => self.log.write_line(true, &format!("Error: {why}")),
            Refusal::Failed(why) => {
                let why = crate::apiserver::authorization::quote(&why);
                self.write(Severity::Error, "run.go:72", &format!("\"command failed\" err={why}"));
            }
            Refusal::Printed(text) => {
                for line in text.lines() {
                    self.log.write_line(false, line);
                }
                return Exit { status: 0 };
            }
        }
        Exit { status: 1 }
    }

    /// What is written when the flags have been read.
    pub(super) fn options(&self, flags: &Flags) {
        let host = flags.text("advertise-address").unwrap_or("127.0.0.1");
        let message = format!("external host was not specified, using {host}");
        self.write(Severity::Info, "options.go:228", &message);
        if flags.allows_everything() && flags.get("anonymous-auth") != Some("false") {
            let message = "AnonymousAuth is not allowed with the AlwaysAllow authorizer. Resetting AnonymousAuth to \
                           false. You should use a different authorizer";
            self.write(Severity::Warning, "authentication.go:805", message);
        }
    }

    /// The lines about the admission plugins, and what comes before the server listens.
    pub(super) fn plugins(&self, core: &Core) {
        for (message, source) in
            core.admission.loaded_messages().iter().zip(["plugins.go:157", "plugins.go:160"])
        {
            self.write(Severity::Info, source, message);
        }
        self.section(core, "plugins");
    }

    /// The lines of a section of the start; the first has no name.
    pub(super) fn section(&self, core: &Core, name: &str) {
        let mut current = "";
        for line in LINES.lines() {
            if let Some(begins) = line.strip_prefix('@') {
                current = begins;
            } else if current == name {
                let mut parts = line.splitn(3, ' ');
                let severity = match parts.next() {
                    Some("W") => Severity::Warning,
                    Some("E") => Severity::Error,
                    _ => Severity::Info,
                };
                let (source, message) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
                self.write(severity, source, &self.filled(message, core));
            }
        }
    }

    fn filled(&self, message: &str, core: &Core) -> String {
        if !message.contains('{') {
            return message.to_owned();
        }
        let flag = |name: &str| core.flags.text(name).unwrap_or("");
        message
            .replace("{version}", self.release.git_version)
            .replace("{client-ca}", flag("client-ca-file"))
            .replace("{cert}", flag("tls-cert-file"))
            .replace("{key}", flag("tls-private-key-file"))
            .replace("{port}", &core.flags.secure_port().to_string())
    }
}
