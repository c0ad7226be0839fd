//! The command line and configuration of the client (ssh(1), ssh_config(5)), as far as a lab needs them.

use std::net::IpAddr;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `[user@]host` as typed.
    pub host: String,
    /// The remote command; `None` for a shell.
    pub command: Option<String>,
    /// `-t` given so often; -1 for `-T`.
    pub force_terminal: i8,
    /// `-q`.
    pub quiet: bool,
    /// `-n`.
    pub no_input: bool,
    user: Option<String>,
    port: Option<u16>,
    identities: Vec<PathBuf>,
}

/// Where to connect, and as whom.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// What was typed; names the host in messages and among the known hosts.
    pub alias: String,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Own address.
    pub bind: Option<IpAddr>,
    /// Files of keys.
    pub identities: Vec<PathBuf>,
}

/// Flags without a value that change nothing here.
const IGNORED: &str = "46AaCfGgKkMNsVvXxYy";
/// Flags with a value that change nothing here.
const IGNORED_WITH_VALUE: &str = "BbcDEeFIJLmOoPQRSWw";

const USAGE: &str =
    "usage: ssh [-nqTt] [-i identity_file] [-l login_name] [-p port] destination [command [argument ...]]";

impl Options {
    /// Reads the arguments after the name.
    pub fn parse(args: Vec<String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.into_iter().peekable();
        while let Some(flags) = args.next_if(|a| a.len() > 1 && a.starts_with('-')) {
            if flags == "--" {
                break;
            }
            for (at, letter) in flags[1..].char_indices() {
                match letter {
                    't' => options.force_terminal = options.force_terminal.max(0).saturating_add(1),
                    'T' => options.force_terminal = -1,
                    'q' => options.quiet = true,
                    'n' => options.no_input = true,
                    letter if IGNORED.contains(letter) => {}
                    'l' | 'p' | 'i' => {
                        let value = options.value(letter, &flags[1 + at + 1..], &mut args)?;
                        options.set(letter, value)?;
                        break;
                    }
                    letter if IGNORED_WITH_VALUE.contains(letter) => {
                        options.value(letter, &flags[1 + at + 1..], &mut args)?;
                        break;
                    }
                    letter => return Err(format!("unknown option -- {letter}\n{USAGE}")),
                }
            }
        }
        let host = args.next().ok_or(USAGE)?;
        // A user's name may contain an @, a host's does not.
        match host.strip_prefix("ssh://").unwrap_or(&host).rsplit_once('@') {
            Some((user, host)) => {
                options.user = Some(user.into());
                options.host = host.into();
            }
            None => options.host = host,
        }
        let command: Vec<_> = args.collect();
        options.command = (!command.is_empty()).then(|| command.join(" "));
        Ok(options)
    }

    fn value(
        &self,
        letter: char,
        rest: &str,
        args: &mut impl Iterator<Item = String>,
    ) -> Result<String, String> {
        if rest.is_empty() {
            args.next().ok_or_else(|| format!("option requires an argument -- {letter}\n{USAGE}"))
        } else {
            Ok(rest.to_owned())
        }
    }

    fn set(&mut self, letter: char, value: String) -> Result<(), String> {
        match letter {
            'l' => self.user = Some(value),
            'p' => self.port = Some(value.parse().map_err(|_| format!("Bad port '{value}'"))?),
            _ => self.identities.push(value.into()),
        }
        Ok(())
    }

    /// Whether to ask for a terminal on the other side.
    pub fn terminal(&self, stdin_is_terminal: bool) -> bool {
        match self.force_terminal {
            ..0 => false,
            0 => self.command.is_none() && stdin_is_terminal,
            1 => stdin_is_terminal,
            2.. => true,
        }
    }

    /// Fills in what the configuration says of the host; the command line goes first, then what comes first there.
    pub fn target(&self, configuration: &str) -> Target {
        let says = |keyword: &str| lookup(configuration, &self.host, keyword);
        let home = std::env::var_os("HOME").map_or_else(|| "/root".into(), PathBuf::from);
        let mut identities = self.identities.clone();
        identities.extend(says("identityfile").map(|file| match file.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => file.into(),
        }));
        identities.push(home.join(".ssh/id_ed25519"));
        Target {
            alias: says("hostkeyalias").unwrap_or_else(|| self.host.clone()),
            host: says("hostname").unwrap_or_else(|| self.host.clone()),
            port: self.port.or_else(|| says("port")?.parse().ok()).unwrap_or(super::super::PORT),
            user: self.user.clone().or_else(|| says("user")).unwrap_or_else(|| "root".into()),
            bind: says("bindaddress").and_then(|a| a.parse().ok()),
            identities,
        }
    }
}

/// The first value of a keyword in the sections for a host.
fn lookup(configuration: &str, host: &str, keyword: &str) -> Option<String> {
    let mut applies = true;
    for line in configuration.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let (key, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        let value = value.trim().trim_matches('"');
        if key.eq_ignore_ascii_case("host") {
            applies = value.split_whitespace().any(|pattern| pattern == "*" || pattern == host);
        } else if applies && key.eq_ignore_ascii_case(keyword) {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn command_lines() {
        for (line, host, command, terminals) in [
            ("node01", "node01", None, [false, true]),
            ("root@node01 ls -l /etc", "node01", Some("ls -l /etc"), [false, false]),
            ("-t node01 top", "node01", Some("top"), [false, true]),
            ("-tt node01 top", "node01", Some("top"), [true, true]),
            ("-T node01", "node01", None, [false, false]),
            ("-q -o StrictHostKeyChecking=no -vp2222 -- node01 true", "node01", Some("true"), [false, false]),
        ] {
            let options = parse(line).unwrap();
            assert_eq!((options.host.as_str(), options.command.as_deref()), (host, command), "{line}");
            assert_eq!([false, true].map(|t| options.terminal(t)), terminals, "{line}");
        }
        assert!(parse("-z node01").unwrap_err().starts_with("unknown option -- z"));
        assert!(parse("").unwrap_err().starts_with("usage: ssh"));
        assert!(parse("-p").unwrap_err().starts_with("option requires an argument -- p"));
        assert_eq!(parse("-p x node01").unwrap_err(), "Bad port 'x'");
    }

    #[test]
    fn configurations() {
        let text = "Host node01\n  HostName 127.0.0.1\n  Port 4022\n  HostKeyAlias node01\nHost *\nBindAddress 172.30.1.2\nPort 1\n";
        let target = parse("-l me node01").unwrap().target(text);
        assert_eq!((target.host.as_str(), target.port, target.user.as_str()), ("127.0.0.1", 4022, "me"));
        assert_eq!(target.bind, Some("172.30.1.2".parse().unwrap()));
        assert_eq!(parse("-p 5 node01").unwrap().target(text).port, 5);
        let other = parse("a@b@other").unwrap().target(text);
        assert_eq!((other.host.as_str(), other.port, other.user.as_str()), ("other", 1, "a@b"));
        assert_eq!(parse("x").unwrap().target("").port, 22);
    }
}
