//! The flags of kube-apiserver: names, types, values, and the real texts for what is wrong.
//!
//! Upstream: `cmd/kube-apiserver/app/options`, `github.com/spf13/pflag`. Every flag of the real program is known with its
//! type; those the sandbox has no use for are checked and set aside.

use std::collections::BTreeMap;

use crate::release::{OfRelease, Release};

mod files;
mod gates;
pub(crate) mod numbers;
mod validation;
mod values;

/// Flags that do what they say, and those of kubeadm's manifest, which need no word.
const HONOURED: [&str; 43] = [
    "advertise-address",
    "allow-privileged",
    "anonymous-auth",
    "api-audiences",
    "audit-log-compress",
    "audit-log-format",
    "audit-log-maxage",
    "audit-log-maxbackup",
    "audit-log-maxsize",
    "audit-log-mode",
    "audit-log-path",
    "audit-log-truncate-enabled",
    "audit-log-truncate-max-event-size",
    "audit-policy-file",
    "authorization-mode",
    "bind-address",
    "client-ca-file",
    "disable-admission-plugins",
    "enable-admission-plugins",
    "enable-bootstrap-token-auth",
    "etcd-cafile",
    "etcd-certfile",
    "etcd-keyfile",
    "etcd-servers",
    "kubelet-client-certificate",
    "kubelet-client-key",
    "kubelet-preferred-address-types",
    "proxy-client-cert-file",
    "proxy-client-key-file",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-uid-headers",
    "requestheader-username-headers",
    "secure-port",
    "service-account-issuer",
    "service-account-key-file",
    "service-account-signing-key-file",
    "service-cluster-ip-range",
    "tls-cert-file",
    "tls-private-key-file",
    "v",
];

/// Type and shorthand of each flag by its name.
type Table = BTreeMap<&'static str, (&'static str, &'static str)>;

/// The flags that a release knows.
fn table(release: &'static Release) -> &'static Table {
    static TABLES: OfRelease<Table> = OfRelease::new();
    let row = |line: &'static str| {
        let mut words = line.split(' ');
        Some((words.next()?, (words.next()?, words.next().unwrap_or(""))))
    };
    TABLES.get(release, || release.assets.flags.lines().filter_map(row).collect())
}

/// Why the server does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The command line cannot be read: `Error: ...` on standard error.
    Usage(String),
    /// It can be read but not run: `run.go:72] "command failed" err="..."`.
    Failed(String),
    /// `--version` and `--help` only print; the exit status is 0.
    Printed(String),
}

/// The flags as they were given; what is not given has its default.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    values: BTreeMap<&'static str, Vec<String>>,
    notices: Vec<String>,
}

impl Flags {
    /// Reads the command line without the program's name.
    pub fn parse(arguments: &[String], release: &'static Release) -> Result<Self, Refusal> {
        let mut flags = Self::default();
        let table = table(release);
        let result = flags.read(arguments, release, table);
        result.map(|()| flags)
    }

    fn read(
        &mut self,
        arguments: &[String],
        release: &'static Release,
        table: &'static Table,
    ) -> Result<(), Refusal> {
        let flags = self;
        let mut extra = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                extra.extend(rest.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                flags.long(release, table, long, &mut rest)?;
            } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) {
                flags.short(release, table, (argument, short), &mut rest)?;
            } else {
                extra.push(argument.clone());
            }
        }
        if flags.is_true("help") {
            return Err(Refusal::Printed(release.assets.flags.into()));
        }
        if flags.get("version").is_some_and(|value| value != "false") {
            return Err(Refusal::Printed(format!("Kubernetes {}", release.git_version)));
        }
        if extra.iter().any(|word| !word.is_empty()) {
            let all: Vec<String> = extra.iter().map(|word| values::quote(word)).collect();
            return Err(Refusal::Usage(format!(
                "\"kube-apiserver\" does not take any arguments, got [{}]",
                all.join(" ")
            )));
        }
        Ok(())
    }

    fn long<'a>(
        &mut self,
        release: &Release,
        table: &'static Table,
        text: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        if text.starts_with(['-', '=']) {
            return Err(Refusal::Usage(format!("bad flag syntax: --{text}")));
        }
        let (given, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let name = given.replace('_', "-");
        let Some((&name, &(kind, short))) = table.get_key_value(name.as_str()) else {
            return Err(Refusal::Usage(format!("unknown flag: --{given}")));
        };
        let value = match value {
            Some(value) => value.to_owned(),
            None if kind == "bool" || name == "version" => "true".into(),
            None => match rest.next() {
                Some(value) => value.clone(),
                None => return Err(Refusal::Usage(format!("flag needs an argument: --{given}"))),
            },
        };
        self.set(release, name, kind, short, value)
    }

    fn short<'a>(
        &mut self,
        release: &Release,
        table: &'static Table,
        (argument, letters): (&str, &str),
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        // One byte, whatever it is the beginning of.
        let letter = letters.bytes().next().map_or('-', char::from);
        let found = table.iter().find(|(_, (_, short))| short.starts_with(letter));
        let Some((&name, &(kind, short))) = found else {
            return Err(Refusal::Usage(format!("unknown shorthand flag: '{letter}' in {argument}")));
        };
        let after = &letters[1..];
        let value = match after.strip_prefix('=').filter(|value| !value.is_empty()).unwrap_or(after) {
            "" if kind == "bool" => "true".into(),
            "" if after.is_empty() => match rest.next() {
                Some(value) => value.clone(),
                None => {
                    return Err(Refusal::Usage(format!("flag needs an argument: '{letter}' in {argument}")));
                }
            },
            value => value.to_owned(),
        };
        self.set(release, name, kind, short, value)
    }

    fn set(
        &mut self,
        release: &Release,
        name: &'static str,
        kind: &str,
        short: &str,
        value: String,
    ) -> Result<(), Refusal> {
        values::check(release, name, kind, &value).map_err(|why| {
            let shown = if short.is_empty() { format!("--{name}") } else { format!("-{short}, --{name}") };
            Refusal::Usage(format!("invalid argument {} for \"{shown}\" flag: {why}", values::quote(&value)))
        })?;
        self.values.entry(name).or_default().push(value);
        if let Some(why) = release.flags.deprecation(name) {
            self.notices.push(format!("Flag --{name} has been deprecated, {why}"));
        }
        Ok(())
    }

    /// The flags that are given and change nothing here.
    pub fn without_effect(&self) -> impl Iterator<Item = &'static str> {
        self.values.keys().copied().filter(|name| !HONOURED.contains(name))
    }

    /// What is said of flags that are given and will go.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The last value of a flag.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|all| all.last()).map(String::as_str)
    }

    /// The last value of a flag, if it is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// All values of a flag that may be given several times.
    pub fn each(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The members of a list flag; several such flags add up.
    pub fn list(&self, name: &str) -> Vec<String> {
        let all = self.values.get(name).into_iter().flatten();
        all.flat_map(|value| numbers::list(value).unwrap_or_default()).collect()
    }

    /// Whether a boolean flag is given and true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(values::is_true)
    }

    /// `--secure-port`
    pub fn secure_port(&self) -> i64 {
        self.int("secure-port", 6443)
    }

    /// `--authorization-mode`, in order.
    pub fn authorization_modes(&self) -> Vec<String> {
        let modes = self.list("authorization-mode");
        if modes.is_empty() { vec!["AlwaysAllow".into()] } else { modes }
    }

    /// `--anonymous-auth`; it is off where everything is allowed, as upstream has it.
    pub fn anonymous(&self) -> bool {
        self.get("anonymous-auth").is_none_or(values::is_true) && !self.allows_everything()
    }

    /// Whether `AlwaysAllow` is among the modes.
    pub fn allows_everything(&self) -> bool {
        self.authorization_modes().iter().any(|mode| mode == "AlwaysAllow")
    }

    /// The last value of a number; `or` where none is given.
    pub(super) fn int(&self, name: &str, or: i64) -> i64 {
        self.get(name).and_then(|text| numbers::integer(text).ok()).unwrap_or(or)
    }

    /// The last value of a duration, in nanoseconds.
    fn nanos(&self, name: &str) -> Option<i64> {
        numbers::duration(self.get(name)?).ok()
    }

    /// Checks what the flags say together (`ServerRunOptions.Complete` and `.Validate`); `read` gives the server's files.
    ///
    /// # Errors
    ///
    /// What the real program says about all mistakes.
    pub fn validate(&self, release: &'static Release, read: validation::Read<'_>) -> Result<(), Refusal> {
        validation::complete(self, release, read).map_err(Refusal::Failed)?;
        validation::aggregate(validation::validate(self, release, read))
            .map_or(Ok(()), |why| Err(Refusal::Failed(why)))
    }

    /// Looks at the files that flags name.
    ///
    /// # Errors
    ///
    /// What the real program says about the first that it cannot use.
    pub fn check_files(&self, release: &'static Release, read: validation::Read<'_>) -> Result<(), String> {
        files::apply(self, release, read)
    }

    /// Looks at the files that come after the audit policy.
    ///
    /// # Errors
    ///
    /// What the real program says about the first that it cannot use.
    pub fn check_last_files(
        &self,
        release: &'static Release,
        read: validation::Read<'_>,
    ) -> Result<(), String> {
        files::apply_rest(self, release, read)
    }
}

#[cfg(test)]
mod tests;
