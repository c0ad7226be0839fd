//! The flags of kube-apiserver: names, types, values, and the real texts for what is wrong.
//!
//! Upstream: `cmd/kube-apiserver/app/options`, `github.com/spf13/pflag`. Every flag of the real program is known with its
//! type; those the sandbox has no use for are checked and set aside.

use std::collections::BTreeMap;

use crate::apiserver::admission;
use crate::release::{OfRelease, Release};

mod values;

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
}

impl Flags {
    /// Reads the command line without the program's name.
    pub fn parse(arguments: &[String], release: &'static Release) -> Result<Self, Refusal> {
        let mut flags = Self::default();
        let table = table(release);
        let mut extra = Vec::new();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                extra.extend(rest.by_ref().cloned());
            } else if let Some(long) = argument.strip_prefix("--") {
                flags.long(table, long, &mut rest)?;
            } else if let Some(short) = argument.strip_prefix('-').filter(|short| !short.is_empty()) {
                flags.short(table, (argument, short), &mut rest)?;
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
        if !extra.is_empty() {
            let all: Vec<String> = extra.iter().map(|word| values::quote(word)).collect();
            return Err(Refusal::Usage(format!(
                "\"kube-apiserver\" does not take any arguments, got [{}]",
                all.join(" ")
            )));
        }
        Ok(flags)
    }

    fn long<'a>(
        &mut self,
        table: &Table,
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
        self.set(name, kind, short, value)
    }

    fn short<'a>(
        &mut self,
        table: &Table,
        (argument, letters): (&str, &str),
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), Refusal> {
        let letter = letters.chars().next().unwrap_or('-');
        let found = table.iter().find(|(_, (_, short))| short.starts_with(letter));
        let Some((&name, &(kind, short))) = found else {
            return Err(Refusal::Usage(format!("unknown shorthand flag: '{letter}' in {argument}")));
        };
        let after = &letters[letter.len_utf8()..];
        let value = match after.strip_prefix('=').unwrap_or(after) {
            "" if kind == "bool" => "true".into(),
            "" if after.is_empty() => match rest.next() {
                Some(value) => value.clone(),
                None => {
                    return Err(Refusal::Usage(format!("flag needs an argument: '{letter}' in {argument}")));
                }
            },
            value => value.to_owned(),
        };
        self.set(name, kind, short, value)
    }

    fn set(&mut self, name: &'static str, kind: &str, short: &str, value: String) -> Result<(), Refusal> {
        values::check(kind, &value).map_err(|why| {
            let shown = if short.is_empty() { format!("--{name}") } else { format!("-{short}, --{name}") };
            Refusal::Usage(format!("invalid argument {} for \"{shown}\" flag: {why}", values::quote(&value)))
        })?;
        self.values.entry(name).or_default().push(value);
        Ok(())
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
        all.filter(|value| !value.is_empty()).flat_map(|value| value.split(',')).map(str::to_owned).collect()
    }

    /// Whether a boolean flag is given and true.
    pub fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(values::is_true)
    }

    /// `--secure-port`
    pub fn secure_port(&self) -> i64 {
        self.get("secure-port").and_then(|port| port.parse().ok()).unwrap_or(6443)
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

    /// Checks what the flags say together (`ServerRunOptions.Complete` and `.Validate`).
    pub fn validate(&self, release: &'static Release) -> Result<(), Refusal> {
        let gates = self.each("feature-gates").join(",");
        if !gates.is_empty() {
            gate_error(&gates, release).map_or(Ok(()), |error| Err(Refusal::Failed(error)))?;
        }
        if let Some(range) = self.text("service-cluster-ip-range") {
            for (index, part) in range.split(',').enumerate() {
                if !values::is_cidr(part) {
                    return Err(Refusal::Failed(format!(
                        "service-cluster-ip-range[{index}] is not a valid cidr"
                    )));
                }
            }
        }
        let errors = self.errors(release);
        match errors.as_slice() {
            [] => Ok(()),
            [one] => Err(Refusal::Failed(one.clone())),
            many => Err(Refusal::Failed(format!("[{}]", many.join(", ")))),
        }
    }

    /// All mistakes, in the order in which upstream finds them.
    fn errors(&self, release: &'static Release) -> Vec<String> {
        let mut errors = Vec::new();
        if self.list("etcd-servers").is_empty() {
            errors.push("--etcd-servers must be specified".into());
        }
        let port = self.secure_port();
        if !(1..=65535).contains(&port) {
            errors.push(format!(
                "--secure-port {port} must be between 1 and 65535, inclusive. It cannot be turned off with 0"
            ));
        }
        let issuer = self.text("service-account-issuer").is_some();
        if !issuer {
            errors.push("service-account-issuer is a required flag".into());
        }
        if self.each("service-account-key-file").is_empty()
            && self.text("service-account-signing-key-file").is_none()
        {
            errors.push("service-account-key-file is a required flag".into());
        }
        self.authorization_errors(&mut errors);
        self.admission_errors(release, &mut errors);
        for pair in self.list("runtime-config") {
            let key = pair.split('=').next().unwrap_or("");
            if !key.contains('/') {
                errors.push(format!("runtime-config invalid key {key}"));
            }
        }
        if self.text("service-account-signing-key-file").is_none() || !issuer {
            errors.push(
                "--service-account-signing-key-file and --service-account-issuer are required flags".into(),
            );
        }
        if let Some(provider) = self.text("cloud-provider").filter(|provider| *provider != "external") {
            errors.push(format!("unknown --cloud-provider: {provider}"));
        }
        errors
    }

    fn authorization_errors(&self, errors: &mut Vec<String>) {
        const KNOWN: [&str; 6] = ["AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node"];
        let modes = self.authorization_modes();
        for mode in &modes {
            if !KNOWN.contains(&mode.as_str()) {
                errors.push(format!("authorization-mode {} is not a valid mode", values::quote(mode)));
            }
            let file = match mode.as_str() {
                "ABAC" => ("authorization-policy-file", "authorization policy"),
                "Webhook" => ("authorization-webhook-config-file", "authorization config"),
                _ => continue,
            };
            if self.text(file.0).is_none() {
                errors.push(format!("authorization-mode {mode}'s {} file not passed", file.1));
            }
        }
        let mut once = modes.clone();
        once.sort();
        once.dedup();
        if once.len() != modes.len() {
            let shown: Vec<String> = modes.iter().map(|mode| values::quote(mode)).collect();
            errors
                .push(format!("authorization-mode [{}] has mode specified more than once", shown.join(" ")));
        }
    }

    fn admission_errors(&self, release: &'static Release, errors: &mut Vec<String>) {
        let known = admission::known_plugins(release);
        let (enable, disable) =
            (self.list("enable-admission-plugins"), self.list("disable-admission-plugins"));
        let mut both: Vec<&str> =
            enable.iter().filter(|one| disable.contains(one)).map(String::as_str).collect();
        both.sort_unstable();
        both.dedup();
        for (flag, names) in [("enable-admission-plugins", &enable), ("disable-admission-plugins", &disable)]
        {
            for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
                errors.push(format!("{flag} plugin {} is unknown", values::quote(name)));
            }
        }
        if !both.is_empty() {
            let both = both.join(" ");
            errors.push(format!(
                "[{both}] in enable-admission-plugins and disable-admission-plugins overlapped"
            ));
        }
    }
}

/// What is wrong with `--feature-gates` (`component-base/{version/registry,featuregate/feature_gate}.go`).
fn gate_error(gates: &str, release: &Release) -> Option<String> {
    let mut given = Vec::new();
    for gate in gates.split(',').map(str::trim).filter(|gate| !gate.is_empty()) {
        let (component, gate) = gate.split_once(':').unwrap_or(("kube", gate));
        if component != "kube" {
            return Some(format!("component not registered: {component}"));
        }
        let Some((name, value)) = gate.split_once('=') else {
            return Some(format!("missing bool value for {gate}"));
        };
        let (name, value) = (name.trim(), value.trim());
        if values::check("bool", value).is_err() {
            let quoted = values::quote(value);
            return Some(format!(
                "invalid value of {name}={value}, err: strconv.ParseBool: parsing {quoted}: invalid syntax"
            ));
        }
        given.push((name, values::is_true(value)));
    }
    given.into_iter().find_map(|(name, value)| {
        let known =
            release.assets.feature_gates.lines().map(|line| line.split_once(' ').unwrap_or((line, "")));
        match known.into_iter().find(|(gate, _)| *gate == name) {
            None => Some(format!("unrecognized feature gate: {name}")),
            Some((_, lock)) if !lock.is_empty() && values::is_true(lock) != value => {
                Some(format!("cannot set feature gate {name} to {value}, feature is locked to {lock}"))
            }
            Some(_) => None,
        }
    })
}

#[cfg(test)]
mod tests;
