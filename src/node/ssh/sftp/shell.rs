//! The tool `sftp`: its command line, its prompt, its batches (OpenSSH's sftp.c).

use std::ffi::OsString;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::Command;

use super::act::Session;
use super::client::{Client, Way};
use super::commands;
use super::place::Fault;

const USAGE: &str = "usage: sftp [-46AaCfNpqrv] [-B buffer_size] [-b batchfile] [-c cipher]
          [-D sftp_server_command] [-F ssh_config] [-i identity_file]
          [-J destination] [-l limit] [-o ssh_option] [-P port]
          [-R num_requests] [-S program] [-s subsystem | sftp_server]
          [-X sftp_option] destination
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    way: Way,
    /// What is fetched or gone into at once.
    path: Option<String>,
    /// What it becomes here.
    local: Option<String>,
    batch: Option<String>,
    quiet: bool,
    recursive: bool,
    preserve: bool,
}

fn parse(words: &[String]) -> Result<Options, String> {
    let (mut ssh, mut program, mut batch) = (Vec::new(), None, None);
    let (mut quiet, mut recursive, mut preserve) = (false, false, false);
    let mut words = words.iter();
    let mut places = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            places.extend(words.by_ref().cloned());
            break;
        }
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            places.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            let mut value = || {
                let rest = &letters[at + letter.len_utf8()..];
                let value = if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) };
                value.ok_or_else(|| format!("option requires an argument -- {letter}\n{USAGE}"))
            };
            match letter {
                'q' => quiet = true,
                'r' => recursive = true,
                'p' => preserve = true,
                '4' | '6' | 'A' | 'a' | 'C' | 'f' | 'N' | 'v' => {}
                'b' | 'D' | 'P' | 'i' | 'o' | 'F' | 'J' | 'B' | 'c' | 'l' | 'R' | 'S' | 's' | 'X' => {
                    let value = value()?;
                    match letter {
                        'b' => batch = Some(value),
                        'D' => program = Some(value),
                        'P' => ssh.extend(["-p".into(), value]),
                        'i' | 'o' | 'F' | 'J' => ssh.extend([format!("-{letter}"), value]),
                        _ => {}
                    }
                    break;
                }
                letter => return Err(format!("unknown option -- {letter}\n{USAGE}")),
            }
        }
    }
    if batch.is_some() {
        ssh.insert(0, "-oBatchMode=yes".to_owned());
    }
    let mut places = places.into_iter();
    let (way, path) = match (program, places.next()) {
        (Some(program), path) => (Way::Program(program), path),
        (None, None) => return Err(USAGE.into()),
        (None, Some(destination)) => match destination.split_once(':') {
            Some((host, path)) => {
                (Way::Ssh(ssh, host.into()), Some(path.to_owned()).filter(|p| !p.is_empty()))
            }
            None => (Way::Ssh(ssh, destination), None),
        },
    };
    let local = places.next();
    let quiet = quiet || batch.is_some();
    Ok(Options { way, path, local, batch, quiet, recursive, preserve })
}

fn tell(why: &str) {
    let _ = writeln!(io::stderr(), "{why}");
}

/// Runs sftp; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let options = match parse(&words) {
        Ok(options) => options,
        Err(usage) => {
            tell(usage.trim_end());
            return 1;
        }
    };
    let input: Box<dyn BufRead> = match options.batch.as_deref() {
        None | Some("-") => Box::new(io::stdin().lock()),
        Some(file) => match std::fs::File::open(file) {
            Ok(file) => Box::new(io::BufReader::new(file)),
            Err(why) => {
                tell(&format!("{} ({file}).", Fault::from(why)));
                return 255;
            }
        },
    };
    let client = match Client::connect(&options.way) {
        Ok(client) => client,
        Err(why) => {
            match (&options.way, why) {
                (Way::Program(program), Fault::Said(why)) => tell(&format!("exec: {program}: {why}")),
                (Way::Ssh(..), _) => tell("\rConnection closed.  "),
                _ => {}
            }
            tell("Connection closed");
            return 255;
        }
    };
    match talk(client, input, &options) {
        Ok(status) => status,
        Err(Lost) => {
            tell("Connection closed");
            255
        }
    }
}

/// The connection ended by itself.
pub(super) struct Lost;

/// What a line is before its command: whether its failure is passed over, and whether it is said again.
fn prefixes(line: &str) -> (bool, bool, &str) {
    let (mut forgiven, mut silent, mut rest) = (false, false, line.trim());
    loop {
        match rest.chars().next() {
            Some('-') if !forgiven => forgiven = true,
            Some('@') if !silent => silent = true,
            _ => return (forgiven, silent, rest.trim_start()),
        }
        rest = &rest[1..];
    }
}

fn talk(client: Client, mut input: Box<dyn BufRead>, options: &Options) -> Result<i32, Lost> {
    let batch = options.batch.is_some();
    let interactive = !batch && io::stdin().is_terminal();
    if !options.quiet {
        match &options.way {
            Way::Program(program) => tell(&format!("Attached to {program}.")),
            Way::Ssh(_, host) => tell(&format!("Connected to {}.", host.rsplit('@').next().unwrap_or(host))),
        }
    }
    let mut session = Session::begin(client, options.quiet)?;
    session.always(options.recursive, options.preserve);
    if let Some(path) = &options.path
        && session.go_to(path, options.local.clone())?
    {
        return Ok(0);
    }
    let mut out = io::stdout();
    loop {
        if interactive {
            let _ = write!(out, "sftp> ").and_then(|()| out.flush());
        }
        let mut line = String::new();
        if !matches!(input.read_line(&mut line), Ok(1..)) {
            if interactive {
                let _ = writeln!(out);
            }
            return Ok(0);
        }
        let shown = line.trim_end_matches('\n');
        let (forgiven, silent, rest) = prefixes(shown);
        if rest.is_empty() || rest.starts_with('#') {
            if !interactive {
                let _ = writeln!(out, "sftp> {shown}");
            }
            continue;
        }
        let command = if rest.starts_with('!') || is_lls(rest) { None } else { Some(commands::parse(rest)) };
        if let Some(Err(why)) = &command {
            tell(why);
        }
        if !interactive && !silent {
            let _ = writeln!(out, "sftp> {shown}");
        }
        let done = match command {
            None => shell(rest),
            Some(Err(_)) => false,
            Some(Ok(command)) if command.verb == commands::Verb::Quit => return Ok(0),
            Some(Ok(command)) => session.run(&command)?,
        };
        let _ = out.flush();
        if !done && batch && !forgiven {
            return Ok(1);
        }
    }
}

fn is_lls(line: &str) -> bool {
    line.split_whitespace().next() == Some("lls")
}

/// Gives a line to the shell of this side.
fn shell(line: &str) -> bool {
    let line = if is_lls(line) { &line[1..] } else { line[1..].trim() };
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into());
    let mut command = Command::new(shell);
    if !line.is_empty() {
        command.args(["-c", line]);
    }
    match command.status() {
        Ok(status) if status.success() => true,
        Ok(status) => {
            match status.code() {
                Some(code) => tell(&format!("Shell exited with status {code}")),
                None => tell("Shell exited abnormally"),
            }
            false
        }
        Err(why) => {
            tell(&format!("Couldn't execute shell: {}", Fault::from(why)));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn command_lines() {
        let parse = |line: &str| parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let options = parse("-P 2222 -rp -oA=b root@node01:/etc").unwrap();
        let ssh = ["-p", "2222", "-o", "A=b"].map(str::to_owned).to_vec();
        assert_eq!(options.way, Way::Ssh(ssh, "root@node01".into()));
        assert_eq!(options.path.as_deref(), Some("/etc"));
        assert!(options.recursive && options.preserve && !options.quiet);
        let options = parse("-b - node01").unwrap();
        assert_eq!(options.way, Way::Ssh(vec!["-oBatchMode=yes".into()], "node01".into()));
        assert!(options.quiet && options.batch.as_deref() == Some("-"));
        assert_eq!(parse("-D ./server").unwrap().way, Way::Program("./server".into()));
        assert!(parse("").unwrap_err().starts_with("usage: sftp"));
        assert!(parse("-Z").unwrap_err().starts_with("unknown option -- Z\nusage: sftp"));
    }

    #[test]
    fn prefixes_of_lines() {
        assert_eq!(prefixes("-rm x"), (true, false, "rm x"));
        assert_eq!(prefixes("@-rm x"), (true, true, "rm x"));
        assert_eq!(prefixes("  ls"), (false, false, "ls"));
    }
}
