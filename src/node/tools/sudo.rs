//! `sudo` and `apt` on a node: everybody there is root already, and nothing can be installed.
//!
//! The machine's own sudo cannot work: on a node nobody gains powers by running a program. Options and messages are sudo 1.9's.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// What is to be run.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    /// A login shell, or one, around the command.
    login: bool,
    shell: bool,
    user: Option<String>,
    variables: Vec<(String, String)>,
    words: Vec<String>,
}

/// What an invocation comes to.
#[derive(Debug, PartialEq, Eq)]
enum Does {
    Runs(Wanted),
    Says(&'static str),
    /// Something to do with the time stamp: nothing to do.
    Nothing,
    Fails(String),
}

const USAGE: &str = "usage: sudo -h | -K | -k | -V\nusage: sudo -v [-ABkNnS] [-g group] [-h host] [-p prompt] [-u user]\n\
    usage: sudo -l [-ABkNnS] [-g group] [-h host] [-p prompt] [-U user] [-u user] [command [arg ...]]\n\
    usage: sudo [-ABbEHkNnPS] [-r role] [-t type] [-C num] [-D directory] [-g group] [-h host] [-p prompt] [-R directory] [-T timeout] [-u user] [VAR=value] [-i | -s] [command [arg ...]]\n";
const RIGHTS: &str = "User root may run the following commands on this node:\n    (ALL : ALL) ALL\n";

fn parse(words: &[String]) -> Does {
    let mut wanted = Wanted::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (word, mut value) = match word.strip_prefix("--").and_then(|long| long.split_once('=')) {
            Some((name, value)) => (format!("--{name}"), Some(value.to_owned())),
            None => (word.clone(), None),
        };
        let letters: Vec<String> = match word.strip_prefix('-') {
            None => {
                match word.split_once('=') {
                    Some((name, text)) if !name.is_empty() && !name.contains('/') => {
                        wanted.variables.push((name.to_owned(), text.to_owned()));
                    }
                    _ => {
                        wanted.words = std::iter::once(word).chain(words.cloned()).collect();
                        break;
                    }
                }
                continue;
            }
            Some("-") => {
                wanted.words = words.cloned().collect();
                break;
            }
            Some(long) if long.starts_with('-') => vec![word.clone()],
            Some(letters) => letters.chars().map(|letter| format!("-{letter}")).collect(),
        };
        for (at, letter) in letters.iter().enumerate() {
            match letter.as_str() {
                "-i" | "--login" => wanted.login = true,
                "-s" | "--shell" => wanted.shell = true,
                "-E" | "--preserve-env" | "-H" | "--set-home" | "-n" | "--non-interactive" | "-S"
                | "--stdin" | "-b" | "-P" | "-A" | "-B" | "-N" => {}
                "-k" | "--reset-timestamp" | "-K" | "-v" | "--validate" if letters.len() == 1 => {
                    return Does::Nothing;
                }
                "-k" => {}
                "-l" | "--list" => return Does::Says(RIGHTS),
                "-V" | "--version" => return Does::Says("Sudo version 1.9.15p5\n"),
                "-h" | "--help" => return Does::Says(USAGE),
                "-u" | "--user" | "-g" | "--group" | "-p" | "--prompt" | "-C" | "-D" | "-T" | "-U" => {
                    // What is left of the word is the value.
                    let rest: String = letters[at + 1..].iter().map(|l| &l[1..]).collect();
                    let given = value.take().or((!rest.is_empty()).then_some(rest));
                    let Some(given) = given.or_else(|| words.next().cloned()) else {
                        let name = letter.trim_start_matches('-');
                        return Does::Fails(format!(
                            "sudo: option requires an argument -- '{name}'\n{USAGE}"
                        ));
                    };
                    if matches!(letter.as_str(), "-u" | "--user") {
                        wanted.user = Some(given);
                    }
                    break;
                }
                other if other.starts_with("--") => {
                    return Does::Fails(format!("sudo: unrecognized option '{other}'\n{USAGE}"));
                }
                other => return Does::Fails(format!("sudo: invalid option -- '{}'\n{USAGE}", &other[1..])),
            }
        }
    }
    match wanted.user.as_deref() {
        None | Some("root" | "#0") => {}
        Some(user) => return Does::Fails(format!("sudo: unknown user {user}\n")),
    }
    if wanted.words.is_empty() && !wanted.login && !wanted.shell {
        return Does::Fails(USAGE.to_owned());
    }
    Does::Runs(wanted)
}

/// A word as a shell takes it for one.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn command(wanted: &Wanted) -> Command {
    let line = wanted.words.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" ");
    let mut command = match (wanted.login, wanted.shell, wanted.words.split_first()) {
        (false, false, Some((program, words))) => {
            let mut command = Command::new(program);
            command.args(words);
            command
        }
        (login, _, words) => {
            let mut command = Command::new("/bin/bash");
            if login {
                command.arg0("-bash").current_dir("/root");
            }
            if words.is_some() {
                command.args(["-c", &line]);
            }
            command
        }
    };
    command.env("SUDO_USER", "root").env("SUDO_UID", "0").env("SUDO_GID", "0").env("HOME", "/root");
    command.envs(wanted.variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs sudo; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match parse(&words) {
        Does::Runs(wanted) => {
            let why = command(&wanted).exec();
            let program = wanted.words.first().map_or("bash", String::as_str);
            let text = match why.kind() {
                io::ErrorKind::NotFound => format!("sudo: {program}: command not found"),
                _ => format!("sudo: unable to execute {program}: {why}"),
            };
            let _ = writeln!(io::stderr(), "{text}");
            1
        }
        Does::Says(text) => i32::from(io::stdout().write_all(text.as_bytes()).is_err()),
        Does::Nothing => 0,
        Does::Fails(text) => {
            let _ = io::stderr().write_all(text.as_bytes());
            1
        }
    }
}

/// Runs apt, apt-get: says that nothing can be installed, and what to do instead.
pub fn apt_main(args: Vec<OsString>) -> i32 {
    let what: Vec<String> = args
        .iter()
        .skip(1)
        .map(|a| a.to_string_lossy().into_owned())
        .filter(|a| !a.starts_with('-'))
        .collect();
    let what = if what.is_empty() { "what is missing".to_owned() } else { what.join(" ") };
    let _ = writeln!(
        io::stderr(),
        "E: This lab's nodes have no package manager: their network leads nowhere, and their programs are this machine's.\n\
         E: Install {what} on the machine itself; the nodes see it at once."
    );
    100
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_end_where_the_command_begins() {
        let of = |text: &str| parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let plain = |text: &str| Wanted { words: words(text), ..Wanted::default() };
        let root = Some("root".to_owned());
        for (text, expected) in [
            ("ls -la /", plain("ls -la /")),
            ("-E -n -- ls -i", plain("ls -i")),
            ("-i", Wanted { login: true, ..Wanted::default() }),
            ("-iu root id", Wanted { login: true, user: root.clone(), ..plain("id") }),
            ("-uroot id", Wanted { user: root.clone(), ..plain("id") }),
            ("--user=root -s", Wanted { user: root, shell: true, ..Wanted::default() }),
            ("A=b env", Wanted { variables: vec![("A".into(), "b".into())], ..plain("env") }),
            ("./a=b", plain("./a=b")),
        ] {
            assert_eq!(of(text), Does::Runs(expected), "{text}");
        }
        assert_eq!(of("-v"), Does::Nothing);
        assert_eq!(of("-u nobody2 id"), Does::Fails("sudo: unknown user nobody2\n".into()));
        for (text, why) in
            [("", "usage: "), ("-Z x", "sudo: invalid option -- 'Z'"), ("-u", "sudo: option requires")]
        {
            assert!(matches!(of(text), Does::Fails(said) if said.starts_with(why)), "{text}");
        }
    }

    #[test]
    fn a_shell_gets_the_words_as_they_are() {
        let wanted = Wanted { login: true, words: vec!["echo".into(), "it's".into()], ..Wanted::default() };
        let command = command(&wanted);
        let arguments: Vec<_> = command.get_args().map(|a| a.to_str().unwrap()).collect();
        assert_eq!(arguments, ["-c", "'echo' 'it'\\''s'"]);
    }
}
