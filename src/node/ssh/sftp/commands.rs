//! The commands of sftp's prompt: their names, what they take, and what they say where it is not given.

use super::listing::Flags;
use super::{glob, words};

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `cd`
    Cd,
    /// `chgrp`
    Chgrp,
    /// `chmod`
    Chmod,
    /// `chown`
    Chown,
    /// `cp`, `copy`
    Copy,
    /// `df`
    Df,
    /// `get`, `reget`
    Get,
    /// `help`, `?`
    Help,
    /// `lcd`
    Lcd,
    /// `lmkdir`
    Lmkdir,
    /// `ln`, `symlink`
    Link,
    /// `lpwd`
    Lpwd,
    /// `ls`
    Ls,
    /// `lumask`
    Lumask,
    /// `mkdir`
    Mkdir,
    /// `progress`
    Progress,
    /// `put`, `reput`
    Put,
    /// `pwd`
    Pwd,
    /// `bye`, `exit`, `quit`
    Quit,
    /// `rename`
    Rename,
    /// `rm`
    Rm,
    /// `rmdir`
    Rmdir,
    /// `version`
    Version,
}

/// What a command needs after its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing, or one path at most.
    Nothing,
    /// At least one path; a second may follow.
    SomePaths,
    /// One path.
    Path,
    /// Two.
    TwoPaths,
    /// A number in a base, and a path if so.
    Number(u32, bool),
}

/// A command: name, what it does, its flags, what it needs.
type Row = (&'static str, Verb, &'static str, Needs);

static COMMANDS: &[Row] = &[
    ("bye", Verb::Quit, "", Needs::Nothing),
    ("cd", Verb::Cd, "", Needs::Nothing),
    ("chgrp", Verb::Chgrp, "h", Needs::Number(10, true)),
    ("chmod", Verb::Chmod, "h", Needs::Number(8, true)),
    ("chown", Verb::Chown, "h", Needs::Number(10, true)),
    ("copy", Verb::Copy, "", Needs::TwoPaths),
    ("cp", Verb::Copy, "", Needs::TwoPaths),
    ("df", Verb::Df, "hi", Needs::Nothing),
    ("dir", Verb::Ls, "1afhlnrSt", Needs::Nothing),
    ("exit", Verb::Quit, "", Needs::Nothing),
    ("get", Verb::Get, "afPpRr", Needs::SomePaths),
    ("help", Verb::Help, "", Needs::Nothing),
    ("lcd", Verb::Lcd, "", Needs::Nothing),
    ("lchdir", Verb::Lcd, "", Needs::Nothing),
    ("lmkdir", Verb::Lmkdir, "", Needs::Path),
    ("ln", Verb::Link, "s", Needs::TwoPaths),
    ("lpwd", Verb::Lpwd, "", Needs::Nothing),
    ("ls", Verb::Ls, "1afhlnrSt", Needs::Nothing),
    ("lumask", Verb::Lumask, "", Needs::Number(8, false)),
    ("mkdir", Verb::Mkdir, "", Needs::Path),
    ("mput", Verb::Put, "afPpRr", Needs::SomePaths),
    ("mget", Verb::Get, "afPpRr", Needs::SomePaths),
    ("progress", Verb::Progress, "", Needs::Nothing),
    ("put", Verb::Put, "afPpRr", Needs::SomePaths),
    ("pwd", Verb::Pwd, "", Needs::Nothing),
    ("quit", Verb::Quit, "", Needs::Nothing),
    ("reget", Verb::Get, "afPpRr", Needs::SomePaths),
    ("rename", Verb::Rename, "", Needs::TwoPaths),
    ("reput", Verb::Put, "afPpRr", Needs::SomePaths),
    ("rm", Verb::Rm, "", Needs::Path),
    ("rmdir", Verb::Rmdir, "", Needs::Path),
    ("symlink", Verb::Link, "", Needs::TwoPaths),
    ("version", Verb::Version, "", Needs::Nothing),
    ("?", Verb::Help, "", Needs::Nothing),
];

/// A command as it was typed.
#[derive(Debug)]
pub struct Command {
    /// What it does.
    pub verb: Verb,
    /// Its flags; those of `ls` apart.
    pub flags: String,
    /// The flags of `ls`.
    pub listing: Flags,
    /// Its number.
    pub number: u32,
    /// Its paths, still patterns.
    pub paths: Vec<String>,
}

impl Command {
    /// Whether a flag was given.
    pub fn has(&self, letters: &str) -> bool {
        self.flags.contains(|flag| letters.contains(flag))
    }

    /// A path that is no pattern.
    pub fn path(&self, at: usize) -> Option<String> {
        self.paths.get(at).map(|path| glob::plain(path))
    }
}

/// Reads a line that is no comment and not for the shell; what is wrong with it comes back in OpenSSH's words.
pub fn parse(line: &str) -> Result<Command, String> {
    let words = words::split(line)?;
    let Some((name, rest)) = words.split_first() else { return Err("Invalid command.".into()) };
    let (name, verb, allowed, needs) =
        *COMMANDS.iter().find(|row| row.0.eq_ignore_ascii_case(name)).ok_or("Invalid command.")?;
    let mut command =
        Command { verb, flags: String::new(), listing: Flags::default(), number: 0, paths: Vec::new() };
    if name.starts_with("re") && name != "rename" {
        command.flags.push('a');
    }
    if name == "symlink" {
        command.flags.push('s');
    }
    let mut rest = rest.iter();
    while let Some(word) = rest.as_slice().first() {
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else { break };
        rest.next();
        if word == "--" {
            break;
        }
        for letter in letters.chars() {
            if !allowed.contains(letter) {
                return Err(format!("{name}: Invalid flag -{letter}"));
            }
            command.flags.push(letter);
            if verb == Verb::Ls {
                command.listing.set(letter);
            }
        }
    }
    command.paths = rest.cloned().collect();
    check(name, needs, &mut command)?;
    Ok(command)
}

fn check(name: &str, needs: Needs, command: &mut Command) -> Result<(), String> {
    match needs {
        Needs::Nothing => {}
        Needs::SomePaths if command.paths.is_empty() => {
            return Err(format!("You must specify at least one path after a {name} command."));
        }
        Needs::Path if command.paths.is_empty() => {
            return Err(format!("You must specify a path after a {name} command."));
        }
        Needs::TwoPaths if command.paths.len() < 2 => {
            return Err(format!("You must specify two paths after a {name} command."));
        }
        Needs::SomePaths | Needs::Path | Needs::TwoPaths => {}
        Needs::Number(base, path) => {
            let number = command.paths.first().and_then(|word| u32::from_str_radix(word, base).ok());
            command.number =
                number.ok_or_else(|| format!("You must supply a numeric argument to the {name} command."))?;
            command.paths.remove(0);
            if path && command.paths.is_empty() {
                return Err(format!("You must specify a path after a {name} command."));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_wrong_is_said_as_openssh_does() {
        for (line, expected) in [
            ("bad", "Invalid command."),
            ("get", "You must specify at least one path after a get command."),
            ("rm", "You must specify a path after a rm command."),
            ("rename a", "You must specify two paths after a rename command."),
            ("chmod x y", "You must supply a numeric argument to the chmod command."),
            ("chmod 600", "You must specify a path after a chmod command."),
            ("ls -Z", "ls: Invalid flag -Z"),
            ("get -Z a", "get: Invalid flag -Z"),
            ("get \"a", "Unterminated quoted argument"),
        ] {
            assert_eq!(parse(line).unwrap_err(), expected, "{line}");
        }
        let command = parse("put -Rp 'a b' /tmp/*").unwrap();
        assert!(command.has("r") || command.has("R"));
        assert_eq!((command.verb, command.path(0).as_deref()), (Verb::Put, Some("a b")));
        assert_eq!(parse("chmod 0640 x").unwrap().number, 0o640);
        assert!(parse("reget x").unwrap().has("a"));
    }
}
