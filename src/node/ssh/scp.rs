//! The tool `scp` for machines without OpenSSH's: copies by SFTP, as OpenSSH's does since its release 9.0 (its scp.c).

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::Command;

use super::sftp::client::{Client, Way};
use super::sftp::glob::{self, glob};
use super::sftp::local::Local;
use super::sftp::place::{Place, base, join};
use super::sftp::transfer::{self, Failed};

const USAGE: &str = "usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]
           [-i identity_file] [-J destination] [-l limit] [-o ssh_option]
           [-P port] [-S program] [-X sftp_option] source ... target";

/// What scp exits with when the connection ends or a first look fails.
const GONE: i32 = 255;

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    /// `root@node01`; nothing for this node.
    host: Option<String>,
    path: String,
}

impl End {
    fn parse(text: &str) -> Self {
        // A colon after a slash belongs to a file's name.
        match text.split_once(':') {
            Some((host, path)) if !host.is_empty() && !host.contains('/') => {
                let path = if path.is_empty() { "." } else { path };
                Self { host: Some(host.into()), path: path.into() }
            }
            _ => Self { host: None, path: text.into() },
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    recursive: bool,
    preserve: bool,
    quiet: bool,
    server: Option<String>,
    ssh: Vec<String>,
    ends: Vec<String>,
}

fn parse(words: &[String]) -> Result<Options, String> {
    let mut out = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            out.ends.extend(words.by_ref().cloned());
            break;
        }
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            out.ends.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'r' => out.recursive = true,
                'p' => out.preserve = true,
                'q' => out.quiet = true,
                'P' | 'i' | 'o' | 'c' | 'F' | 'J' | 'l' | 'S' | 'D' | 'X' => {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
                    let value = value
                        .ok_or_else(|| format!("scp: option requires an argument -- {letter}\n{USAGE}"))?;
                    match letter {
                        'P' => out.ssh.extend(["-p".into(), value]),
                        'i' | 'o' | 'F' | 'J' => out.ssh.extend([format!("-{letter}"), value]),
                        'D' => out.server = Some(value),
                        _ => {}
                    }
                    break;
                }
                'B' => out.ssh.push("-oBatchMode=yes".into()),
                '3' | '4' | '6' | 'A' | 'C' | 'O' | 'R' | 's' | 'T' | 'v' => {}
                letter => return Err(format!("scp: unknown option -- {letter}\n{USAGE}")),
            }
        }
    }
    if out.ends.len() > 1 { Ok(out) } else { Err(USAGE.into()) }
}

/// Runs scp; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match parse(&words) {
        Ok(options) => Copies::new(options).all(),
        Err(usage) => {
            let _ = writeln!(io::stderr(), "{usage}");
            1
        }
    }
}

/// The copies of one command line.
struct Copies {
    options: Options,
    /// A connection for each host.
    clients: HashMap<String, Client>,
    errors: u32,
}

/// The connection ended, or was never there.
struct Lost;

fn tell(why: &str) {
    let _ = writeln!(io::stderr(), "scp: {why}");
}

impl Copies {
    fn new(options: Options) -> Self {
        Self { options, clients: HashMap::new(), errors: 0 }
    }

    fn all(mut self) -> i32 {
        let Some((target, sources)) = self.options.ends.split_last() else { return 1 };
        let (target, sources) =
            (End::parse(target), sources.iter().map(|s| End::parse(s)).collect::<Vec<_>>());
        if target.host.is_none() && sources.len() > 1 {
            let why = match Local.stat(&target.path) {
                Ok(what) if what.is_dir() => None,
                Ok(_) => Some("Not a directory".to_owned()),
                Err(why) => Some(why.to_string()),
            };
            if let Some(why) = why {
                let _ = writeln!(io::stderr(), "{}: {why}", target.path);
                return 1;
            }
        }
        for source in &sources {
            if let Err(Lost) = self.copy(source, &target, sources.len() > 1) {
                tell("Connection closed");
                return GONE;
            }
        }
        i32::from(self.errors > 0)
    }

    /// The connection to a host, taken out for a while.
    fn take(&mut self, host: &str) -> Result<Client, Lost> {
        if let Some(client) = self.clients.remove(host) {
            return Ok(client);
        }
        let way = match &self.options.server {
            Some(program) => Way::Program(program.clone()),
            None => Way::Ssh(self.options.ssh.clone(), host.to_owned()),
        };
        Client::connect(&way).map_err(|_| Lost)
    }

    fn copy(&mut self, source: &End, target: &End, many: bool) -> Result<(), Lost> {
        match (&source.host, &target.host) {
            (None, None) => self.cp(source, target),
            (None, Some(host)) => {
                let mut to = self.take(host)?;
                self.upload(&source.path, &mut to, &target.path, many)?;
                self.clients.insert(host.clone(), to);
            }
            (Some(host), None) => {
                let mut from = self.take(host)?;
                self.move_on(&mut from, &source.path, &mut Local, &target.path)?;
                self.clients.insert(host.clone(), from);
            }
            (Some(one), Some(other)) => {
                let mut from = self.take(one)?;
                let mut to = self.take(other)?;
                self.move_on(&mut from, &source.path, &mut to, &target.path)?;
                self.clients.insert(one.clone(), from);
                self.clients.insert(other.clone(), to);
            }
        }
        Ok(())
    }

    /// A copy on this node is cp's.
    fn cp(&mut self, source: &End, target: &End) {
        let mut command = Command::new("cp");
        command.args(self.options.recursive.then_some("-r")).args(self.options.preserve.then_some("-p"));
        if !command.args(["--", &source.path, &target.path]).status().is_ok_and(|status| status.success()) {
            self.errors += 1;
        }
    }

    fn transfer_options(&self) -> transfer::Options {
        transfer::Options {
            preserve: self.options.preserve,
            meter: !self.options.quiet && io::stdout().is_terminal(),
            ..transfer::Options::default()
        }
    }

    fn upload(&mut self, source: &str, to: &mut Client, target: &str, many: bool) -> Result<(), Lost> {
        let what = match Local.stat(source) {
            Ok(what) => what,
            Err(why) => {
                tell(&format!("stat local \"{source}\": {why}"));
                self.errors += 1;
                return Ok(());
            }
        };
        let mut into = to.stat(target).is_ok_and(|there| there.is_dir());
        if many && !into {
            // As OpenSSH does: it is made where it is missing.
            into = to.make_dir(target, 0o777).is_ok();
        }
        let path = if into { join(target, base(source)) } else { target.to_owned() };
        let directory = what.is_dir() && self.options.recursive;
        let result = if directory {
            let target = to.real_path(&path).unwrap_or_else(|_| path.clone());
            transfer::tree((&mut Local, source), (to, &target), self.transfer_options(), &mut tell)
        } else {
            transfer::file((&mut Local, source), (to, &path), self.transfer_options())
        };
        if !self.ended(result)? {
            let kind = if directory { "directory" } else { "file" };
            tell(&format!("failed to upload {kind} {source} to {target}"));
        }
        Ok(())
    }

    /// Copies what a pattern on a host leads to.
    fn move_on<B: Place>(
        &mut self,
        from: &mut Client,
        source: &str,
        to: &mut B,
        target: &str,
    ) -> Result<(), Lost> {
        let found = glob(from, source).map_err(|_| Lost)?;
        if !found.any {
            tell(&format!("{}: No such file or directory", glob::plain(source)));
            self.errors += 1;
            return Ok(());
        }
        let into = to.stat(target).is_ok_and(|there| there.is_dir());
        if found.paths.len() > 1 && !into {
            tell(&format!("multiple files match, but destination \"{target}\" is not a directory"));
            self.errors += 1;
            return Ok(());
        }
        for path in &found.paths {
            let target = if into { join(target, base(path)) } else { target.to_owned() };
            let result = if path.ends_with('/') && self.options.recursive {
                let path = path.trim_end_matches('/');
                transfer::tree((from, path), (to, &target), self.transfer_options(), &mut tell)
            } else {
                transfer::file((from, path), (to, &target), self.transfer_options())
            };
            self.ended(result)?;
        }
        Ok(())
    }

    fn ended(&mut self, result: Result<(), Failed>) -> Result<bool, Lost> {
        match result {
            Ok(()) => return Ok(true),
            Err(Failed::Lost) => return Err(Lost),
            Err(Failed::Told(why)) if why.is_empty() => {}
            Err(Failed::Told(why)) => tell(&why),
        }
        self.errors += 1;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ends_and_flags_are_scps() {
        let end = |host: Option<&str>, path: &str| End { host: host.map(str::to_owned), path: path.into() };
        for (text, expected) in [
            ("node01:/etc/hosts", end(Some("node01"), "/etc/hosts")),
            ("root@node01:", end(Some("root@node01"), ".")),
            ("./a:b", end(None, "./a:b")),
            ("/x", end(None, "/x")),
        ] {
            assert_eq!(End::parse(text), expected, "{text}");
        }
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let options = parse(&words("-rP 2222 -o A=b x node01:y")).unwrap();
        assert!(options.recursive);
        assert_eq!(options.ssh, ["-p", "2222", "-o", "A=b"]);
        assert_eq!(options.ends, ["x", "node01:y"]);
        assert_eq!(parse(&words("x")).unwrap_err(), USAGE);
        assert!(parse(&words("-Z x y")).unwrap_err().starts_with("scp: unknown option -- Z\nusage: scp"));
    }

    #[test]
    fn a_file_is_copied_here_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("it's"), "text").unwrap();
        std::fs::create_dir_all(path("dir/sub")).unwrap();
        std::fs::write(path("dir/sub/x"), "x").unwrap();
        let run = |words: &[String]| main(words.iter().map(OsString::from).collect());
        assert_eq!(run(&[path("it's"), path("copy")]), 0);
        assert_eq!(std::fs::read_to_string(path("copy")).unwrap(), "text");
        assert_eq!(run(&["-r".into(), path("dir"), path("new")]), 0);
        assert_eq!(std::fs::read_to_string(path("new/sub/x")).unwrap(), "x");
        assert_eq!(run(&[path("dir"), path("other")]), 1);
        assert_eq!(run(&[path("nothing"), path("other")]), 1);
    }
}
