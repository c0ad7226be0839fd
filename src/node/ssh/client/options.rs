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
    /// `-s`: the command is the name of a subsystem.
    pub subsystem: bool,
    /// `-V`.
    pub version: bool,
    /// `-F`.
    pub file: Option<PathBuf>,
    user: Option<String>,
    port: Option<u16>,
    identities: Vec<PathBuf>,
    /// `-o`, one a line.
    given: String,
}

/// Whether a host's key that is not known is taken (`StrictHostKeyChecking`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strict {
    /// The person is asked.
    Ask,
    /// Never.
    Yes,
    /// A new one is, a changed one is not.
    AcceptNew,
    /// Any is.
    No,
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
    /// Files of keys that were named and are not there.
    pub missing: Vec<PathBuf>,
    /// Files of keys that are looked for.
    pub identities: Vec<PathBuf>,
    /// What is done with a host's key that is not known.
    pub strict: Strict,
    /// Nobody is to be asked.
    pub batch: bool,
    /// Files of known hosts; the first is written.
    pub known: Vec<PathBuf>,
    /// How many seconds a connection may take.
    pub timeout: Option<u64>,
    /// Whether warnings are kept back (`LogLevel`).
    pub quiet: bool,
}

/// Flags without a value that change nothing here.
const IGNORED: &str = "46AaCfGgKkMNvXxYy";
/// Flags with a value that change nothing here.
const IGNORED_WITH_VALUE: &str = "BbcDEeIJLmOPQRSWw";

const USAGE: &str = "usage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]
           [-b bind_address] [-c cipher_spec] [-D [bind_address:]port]
           [-E log_file] [-e escape_char] [-F configfile] [-I pkcs11]
           [-i identity_file] [-J [user@]host[:port]] [-L address]
           [-l login_name] [-m mac_spec] [-O ctl_cmd] [-o option] [-p port]
           [-Q query_option] [-R address] [-S ctl_path] [-W host:port]
           [-w local_tun[:remote_tun]] destination [command [argument ...]]";

/// The keywords of ssh_config(5) that a client of this release knows.
const KEYWORDS: &str = "addkeystoagent addressfamily batchmode bindaddress bindinterface canonicaldomains \
    canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots canonicalizepermittedcnames casignaturealgorithms \
    certificatefile challengeresponseauthentication channeltimeout checkhostip ciphers clearallforwardings compression \
    connectionattempts connecttimeout controlmaster controlpath controlpersist dynamicforward enableescapecommandline \
    enablesshkeysign escapechar exitonforwardfailure fingerprinthash forkafterauthentication forwardagent forwardx11 \
    forwardx11timeout forwardx11trusted gatewayports globalknownhostsfile gssapiauthentication gssapidelegatecredentials \
    hashknownhosts host hostbasedacceptedalgorithms hostbasedauthentication hostkeyalgorithms hostkeyalias hostname \
    identitiesonly identityagent identityfile ignoreunknown include ipqos kbdinteractiveauthentication \
    kbdinteractivedevices kexalgorithms knownhostscommand localcommand localforward loglevel logverbose macs match \
    nohostauthenticationforlocalhost numberofpasswordprompts obscurekeystroketiming passwordauthentication \
    permitlocalcommand permitremoteopen pkcs11provider port preferredauthentications proxycommand proxyjump \
    proxyusefdpass pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication rekeylimit remotecommand \
    remoteforward requesttty requiredrsasize revokedhostkeys securitykeyprovider sendenv serveralivecountmax \
    serveraliveinterval sessiontype setenv stdinnull streamlocalbindmask streamlocalbindunlink stricthostkeychecking \
    syslogfacility tag tcpkeepalive tunnel tunneldevice updatehostkeys user userknownhostsfile verifyhostkeydns \
    visualhostkey xauthlocation";

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
                    's' => options.subsystem = true,
                    'V' => {
                        options.version = true;
                        return Ok(options);
                    }
                    letter if IGNORED.contains(letter) => {}
                    'l' | 'p' | 'i' | 'o' | 'F' => {
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
            'p' => {
                let port = value.parse().ok().filter(|port| *port > 0);
                self.port = Some(port.ok_or_else(|| format!("Bad port '{value}'"))?);
            }
            'F' => self.file = Some(value.into()),
            'o' => self.option(&value)?,
            _ => self.identities.push(value.into()),
        }
        Ok(())
    }

    fn option(&mut self, text: &str) -> Result<(), String> {
        let (key, value) = key_value(text.trim());
        let key = key.to_ascii_lowercase();
        if !KEYWORDS.split_whitespace().any(|known| known == key) {
            return Err(format!("command-line: line 0: Bad configuration option: {key}"));
        }
        if key == "stricthostkeychecking" && strict(value).is_none() {
            return Err(format!("command-line line 0: unsupported option \"{value}\"."));
        }
        self.given += &format!("{key} {value}\n");
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

    /// Whether a terminal was asked for that cannot be had without one here.
    pub fn misses_terminal(&self, stdin_is_terminal: bool) -> bool {
        let wanted = self.force_terminal == 1 || self.force_terminal == 0 && self.command.is_none();
        wanted && (!stdin_is_terminal || self.no_input)
    }

    /// Fills in what the configuration says of the host; the command line goes first, then what comes first there.
    pub fn target(&self, configuration: &str) -> Target {
        let configuration = format!("{}Host *\n{configuration}", self.given);
        let says = |keyword: &str| lookup(&configuration, &self.host, keyword);
        let home = super::home();
        let at = |file: &str| match file.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => file.into(),
        };
        let (mut identities, missing): (Vec<_>, Vec<_>) =
            self.identities.iter().cloned().partition(|file| file.exists());
        identities.extend(says("identityfile").map(|file| at(&file)));
        if identities.is_empty() {
            identities.push(home.join(".ssh/id_ed25519"));
        }
        let known = says("userknownhostsfile").unwrap_or_else(|| "~/.ssh/known_hosts".into());
        let level = says("loglevel").unwrap_or_default().to_ascii_lowercase();
        Target {
            alias: says("hostkeyalias").unwrap_or_else(|| self.host.clone()),
            host: says("hostname").unwrap_or_else(|| self.host.clone()),
            port: self.port.or_else(|| says("port")?.parse().ok()).unwrap_or(super::super::PORT),
            user: self.user.clone().or_else(|| says("user")).unwrap_or_else(|| "root".into()),
            bind: says("bindaddress").and_then(|a| a.parse().ok()),
            identities,
            missing,
            strict: says("stricthostkeychecking").and_then(|v| strict(&v)).unwrap_or(Strict::Ask),
            batch: says("batchmode").is_some_and(|v| v.eq_ignore_ascii_case("yes")),
            known: known.split_whitespace().map(at).collect(),
            timeout: says("connecttimeout").and_then(|v| v.parse().ok()),
            quiet: self.quiet || matches!(level.as_str(), "quiet" | "fatal" | "error"),
        }
    }
}

fn strict(value: &str) -> Option<Strict> {
    Some(match value {
        "ask" => Strict::Ask,
        "yes" | "true" => Strict::Yes,
        "accept-new" => Strict::AcceptNew,
        "no" | "off" | "false" => Strict::No,
        _ => return None,
    })
}

/// A line of configuration: the keyword and its value.
fn key_value(line: &str) -> (&str, &str) {
    let (key, value) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
    (key, value.trim_start_matches([' ', '\t', '=']).trim_end().trim_matches('"'))
}

/// The first value of a keyword in the sections for a host.
fn lookup(configuration: &str, host: &str, keyword: &str) -> Option<String> {
    let mut applies = true;
    for line in configuration.lines().map(str::trim).filter(|l| !l.starts_with('#')) {
        let (key, value) = key_value(line);
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
        let given =
            parse("-o Port=7 -oStrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null node01").unwrap();
        let target = given.target(text);
        assert_eq!((target.port, target.strict, target.known), (7, Strict::No, vec!["/dev/null".into()]));
        let bad = |line: &str| parse(line).unwrap_err();
        assert_eq!(bad("-o Foo=bar x"), "command-line: line 0: Bad configuration option: foo");
        assert_eq!(
            bad("-oStrictHostKeyChecking=maybe x"),
            "command-line line 0: unsupported option \"maybe\"."
        );
    }
}
