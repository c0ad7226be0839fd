//! Flags as kubectl's flag library reads them: anywhere on the line, `--name=value`, `--name value`, `-n value`,
//! `-nvalue`, several short switches in one word.

use std::collections::BTreeMap;

use super::fail::{Fail, Result};

/// How a flag takes its value.
#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// A switch; `--name=false` turns it off.
    Switch,
    /// Needs a value; may be repeated.
    Value,
    /// Has this value when none is given with `=`.
    Optional(String),
}

#[derive(Debug, Clone)]
struct Flag {
    name: String,
    short: Option<char>,
    kind: Kind,
}

/// The flags that every command takes.
pub const GLOBAL: &str = "kubeconfig= context= cluster= user= namespace/n= server/s= token= username= password= \
    certificate-authority= client-certificate= client-key= tls-server-name= insecure-skip-tls-verify as= as-group= \
    as-uid= request-timeout= cache-dir= v/v= match-server-version disable-compression warnings-as-errors log-flush-frequency= \
    vmodule= profile= profile-output= help/h";

/// A set of flags, written as words: `name`, `name/n` (short name), `name=` (takes a value), `name?x` (value `x`
/// unless one is given).
fn flags(spec: &str) -> Vec<Flag> {
    spec.split_whitespace()
        .map(|word| {
            let (head, kind) = if let Some(head) = word.strip_suffix('=') {
                (head, Kind::Value)
            } else if let Some((head, default)) = word.split_once('?') {
                (head, Kind::Optional(default.into()))
            } else {
                (word, Kind::Switch)
            };
            let (name, short) = match head.split_once('/') {
                Some((name, short)) => (name, short.chars().next()),
                None => (head, None),
            };
            Flag { name: name.into(), short, kind }
        })
        .collect()
}

/// A command line taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Args {
    /// The command's words: `get`, `auth can-i`.
    pub command: String,
    values: BTreeMap<String, Vec<String>>,
    /// What is no flag, in order.
    pub rest: Vec<String>,
    /// How many of `rest` stand before a `--`.
    pub dash: Option<usize>,
}

impl Args {
    /// Reads the words after the command with the global flags and those of `spec`.
    pub fn parse(command: &str, spec: &str, words: &[String]) -> Result<Args> {
        let table: Vec<Flag> = flags(GLOBAL).into_iter().chain(flags(spec)).collect();
        let mut args = Args { command: command.into(), ..Args::default() };
        let fail = |text: String| Fail::Plain(format!("{text}\nSee 'kubectl {command} --help' for usage."));
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                args.dash = Some(args.rest.len());
                args.rest.extend(words.by_ref().cloned());
            } else if let Some(long) = word.strip_prefix("--") {
                let (name, given) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let flag = find_long(&table, name).ok_or_else(|| fail(format!("unknown flag: --{name}")))?;
                let value = match (&flag.kind, given) {
                    (_, Some(value)) => value,
                    (Kind::Switch, None) => "true".into(),
                    (Kind::Optional(default), None) => default.clone(),
                    (Kind::Value, None) => words
                        .next()
                        .cloned()
                        .ok_or_else(|| fail(format!("flag needs an argument: --{name}")))?,
                };
                args.set(flag, value).map_err(fail)?;
            } else if word.len() > 1 && word.starts_with('-') {
                args.shorts(&table, word, &mut words).map_err(fail)?;
            } else {
                args.rest.push(word.clone());
            }
        }
        Ok(args)
    }

    /// Reads a word of short flags.
    fn shorts<'a>(
        &mut self,
        table: &[Flag],
        word: &str,
        words: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        let mut rest = &word[1..];
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            let flag = table
                .iter()
                .find(|f| f.short == Some(c))
                .ok_or_else(|| format!("unknown shorthand flag: '{c}' in {word}"))?;
            let value = if let Some(value) = rest.strip_prefix('=') {
                rest = "";
                value.to_owned()
            } else {
                match &flag.kind {
                    Kind::Switch => "true".into(),
                    Kind::Optional(default) => default.clone(),
                    Kind::Value if !rest.is_empty() => std::mem::take(&mut rest).to_owned(),
                    Kind::Value => words
                        .next()
                        .cloned()
                        .ok_or_else(|| format!("flag needs an argument: '{c}' in {word}"))?,
                }
            };
            self.set(flag, value)?;
        }
        Ok(())
    }

    fn set(&mut self, flag: &Flag, value: String) -> Result<(), String> {
        if flag.kind == Kind::Switch && parse_bool(&value).is_none() {
            let name = match flag.short {
                Some(short) => format!("-{short}, --{}", flag.name),
                None => format!("--{}", flag.name),
            };
            return Err(format!(
                "invalid argument \"{value}\" for \"{name}\" flag: strconv.ParseBool: parsing \"{value}\": invalid syntax"
            ));
        }
        self.values.entry(flag.name.clone()).or_default().push(value);
        Ok(())
    }

    /// Says whether a switch is on.
    pub fn is(&self, name: &str) -> bool {
        self.one(name).and_then(parse_bool).unwrap_or(false)
    }

    /// Says whether the flag was given at all.
    pub fn given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The last value given.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.last().map(String::as_str)
    }

    /// The last value given that is not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.one(name).filter(|v| !v.is_empty())
    }

    /// Every value given, as it is.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.values.get(name).cloned().unwrap_or_default()
    }

    /// Every value given, split at commas.
    pub fn list(&self, name: &str) -> Vec<String> {
        self.all(name).iter().flat_map(|v| v.split(',').map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// A switch that is on unless it is turned off.
    pub fn unless_off(&self, name: &str) -> bool {
        self.one(name).and_then(parse_bool).unwrap_or(true)
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Result<Option<i64>> {
        match self.one(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| {
                Fail::Plain(format!(
                    "invalid argument \"{text}\" for \"--{name}\" flag: strconv.ParseInt: parsing \"{text}\": invalid syntax\n\
                     See 'kubectl {} --help' for usage.",
                    self.command
                ))
            }),
        }
    }

    /// How long a request may take; none where that is zero.
    pub fn timeout(&self) -> Result<Option<std::time::Duration>> {
        match self.text("request-timeout").map(parse_duration) {
            None => Ok(None),
            Some(Some(limit)) => Ok(Some(limit).filter(|t| !t.is_zero())),
            Some(None) => Err(Fail::Plain("Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by a corresponding time unit (e.g. 1s | 2m | 3h)".into())),
        }
    }

    /// A length of time in Go's writing (`1m30s`) or, bare, in seconds.
    pub fn duration(&self, name: &str) -> Result<Option<std::time::Duration>> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => parse_duration(text).map(Some).ok_or_else(|| {
                Fail::Plain(format!("invalid argument \"{text}\" for \"--{name}\" flag: time: invalid duration \"{text}\"\nSee 'kubectl {} --help' for usage.", self.command))
            }),
        }
    }
}

fn find_long<'a>(table: &'a [Flag], name: &str) -> Option<&'a Flag> {
    table.iter().find(|f| f.name == name)
}

/// Says which word of a line is the command's first, skipping global flags and their values.
pub fn command_at(words: &[String]) -> Option<usize> {
    let table = flags(GLOBAL);
    let mut i = 0;
    while i < words.len() {
        let word = &words[i];
        if word == "--" {
            return None;
        }
        let takes_next = if let Some(long) = word.strip_prefix("--") {
            !long.contains('=') && find_long(&table, long).is_some_and(|f| f.kind == Kind::Value)
        } else if word.len() == 2 && word.starts_with('-') {
            let short = word.chars().nth(1);
            table.iter().any(|f| f.short == short && f.kind == Kind::Value)
        } else if word.starts_with('-') {
            false
        } else {
            return Some(i);
        };
        i += if takes_next { 2 } else { 1 };
    }
    None
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Reads Go's duration syntax; a bare number counts seconds.
pub fn parse_duration(text: &str) -> Option<std::time::Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(std::time::Duration::from_secs(seconds));
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += value
            * match &rest[..unit_end] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
        rest = &rest[unit_end..];
    }
    std::time::Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(line: &str) -> Result<Args> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Args::parse("get", "output/o= watch/w all dry-run?unchanged filename/f=", &words)
    }

    #[test]
    fn reads_every_form() {
        let args = parse("pods -nkube-system -o=wide a --dry-run b -w --filename x,y -f z -- -q").unwrap();
        assert_eq!(args.rest, ["pods", "a", "b", "-q"]);
        assert_eq!(args.dash, Some(3));
        assert_eq!(args.one("namespace"), Some("kube-system"));
        assert_eq!(args.one("output"), Some("wide"));
        assert_eq!(args.one("dry-run"), Some("unchanged"));
        assert_eq!(args.list("filename"), ["x", "y", "z"]);
        assert!(args.is("watch") && !args.is("all"));
        assert!(!parse("--watch=false").unwrap().is("watch"));
    }

    #[test]
    fn refuses_as_kubectl_does() {
        let text = |line: &str| parse(line).unwrap_err().render().0;
        assert_eq!(text("--bad"), "error: unknown flag: --bad\nSee 'kubectl get --help' for usage.\n");
        assert_eq!(
            text("-z"),
            "error: unknown shorthand flag: 'z' in -z\nSee 'kubectl get --help' for usage.\n"
        );
        assert!(text("-o").starts_with("error: flag needs an argument: 'o' in -o\n"));
        assert!(text("--watch=x").starts_with("error: invalid argument \"x\" for \"-w, --watch\" flag"));
    }

    #[test]
    fn finds_the_command_behind_global_flags() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(command_at(&words("-n x --context=y --kubeconfig f get pods")), Some(5));
        assert_eq!(command_at(&words("--insecure-skip-tls-verify get")), Some(1));
        assert_eq!(command_at(&words("-n")), None);
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1m30s"), Some(std::time::Duration::from_secs(90)));
        assert_eq!(parse_duration("5"), Some(std::time::Duration::from_secs(5)));
        assert_eq!(parse_duration("5x"), None);
    }
}
