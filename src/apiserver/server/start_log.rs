//! What a server writes while it starts: the real program's lines.

use super::core::Core;
use super::{Dependencies, Exit};
use crate::apiserver::flags::{Flags, Refusal};
use crate::clock::SharedClock;
use crate::klog::{self, Severity, SharedLog};
use crate::release::Release;

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

    /// Says why the server does not start.
    pub(super) fn refuse(&self, why: Refusal) -> Exit {
        match why {
            Refusal::Usage(why) => self.log.write_line(true, &format!("Error: {why}")),
            Refusal::Failed(why) => {
                self.section("refused", &[("error", &crate::go_quote::quote(&why))]);
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
        for notice in flags.notices() {
            self.log.write_line(true, notice);
        }
        let host = flags.text("advertise-address").unwrap_or("127.0.0.1");
        self.section("options", &[("host", host)]);
        for name in flags.without_effect() {
            let text = format!("\"Flag is known, and without effect in the sandbox\" flag=\"--{name}\"");
            self.log
                .write_line(true, &klog::line(Severity::Info, self.clock.now(), 1, "sandbox.go:1", &text));
        }
        if flags.allows_everything() && flags.get("anonymous-auth") != Some("false") {
            self.section("always-allow", &[]);
        }
    }

    /// The lines about the admission plugins.
    pub(super) fn chosen(&self, core: &Core) {
        let [mutating, validating] = core.admission.loaded_messages();
        self.section("chosen", &[("mutating", &mutating), ("validating", &validating)]);
    }

    /// The lines of a part of the start that tell of the flags.
    pub(super) fn part(&self, core: &Core, name: &str) {
        let flag = |name: &str| core.flags.text(name).unwrap_or("");
        let values = [
            ("version", self.release.git_version),
            ("client-ca", flag("client-ca-file")),
            ("cert", flag("tls-cert-file")),
            ("key", flag("tls-private-key-file")),
            ("services", flag("service-cluster-ip-range")),
            ("port", &core.flags.secure_port().to_string()),
        ];
        self.section(name, &values);
    }

    /// The lines of a section of the release's log (`@name` begins one; severity, source and message of each line).
    pub(super) fn section(&self, name: &str, values: &[(&str, &str)]) {
        let lines = self.release.assets.start_log.lines();
        let of_section = lines.skip_while(|line| line.strip_prefix('@') != Some(name)).skip(1);
        for line in of_section.take_while(|line| !line.starts_with('@')) {
            let mut parts = line.splitn(3, ' ');
            let severity = match parts.next() {
                Some("W") => Severity::Warning,
                Some("E") => Severity::Error,
                _ => Severity::Info,
            };
            let (source, message) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            let fill = |text: String, (key, value): &(&str, &str)| text.replace(&format!("{{{key}}}"), value);
            let message = values.iter().fold(message.to_owned(), fill);
            self.log.write_line(true, &klog::line(severity, self.clock.now(), 1, source, &message));
        }
    }
}
