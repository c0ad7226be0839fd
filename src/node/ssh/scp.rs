//! scp for machines without OpenSSH's: copies by way of the lab's ssh, `cat` and `tar`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

const USAGE: &str = "usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]\n           [-i identity_file] [-J destination] \
                     [-l limit] [-o ssh_option]\n           [-P port] [-S program] [-X sftp_option] source ... target\n";

/// One end of a copy.
#[derive(Debug, PartialEq, Eq)]
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
    ssh: Vec<String>,
    ends: Vec<String>,
}

fn parse(words: &[String]) -> Option<Options> {
    let mut out = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            out.ends.push(word.clone());
            continue;
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'r' => out.recursive = true,
                'P' | 'i' | 'o' | 'c' | 'F' | 'J' | 'l' | 'S' | 'D' | 'X' => {
                    let rest = &letters[at + 1..];
                    let value = if rest.is_empty() { words.next()?.clone() } else { rest.to_owned() };
                    let flag = if letter == 'P' { 'p' } else { letter };
                    if "pioFJ".contains(flag) {
                        out.ssh.extend([format!("-{flag}"), value]);
                    }
                    break;
                }
                '3' | '4' | '6' | 'A' | 'B' | 'C' | 'O' | 'p' | 'q' | 'R' | 's' | 'T' | 'v' => {}
                _ => return None,
            }
        }
    }
    (out.ends.len() > 1).then_some(out)
}

/// Runs scp; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let Some(options) = parse(&words) else {
        let _ = io::stderr().write_all(USAGE.as_bytes());
        return 1;
    };
    let (target, sources) =
        options.ends.split_last().map_or((String::new(), &[][..]), |(t, s)| (t.clone(), s));
    let target = End::parse(&target);
    let mut status = 0;
    for source in sources {
        if let Err(why) = copy(&options, &End::parse(source), &target) {
            if !why.is_empty() {
                let _ = writeln!(io::stderr(), "scp: {why}");
            }
            status = 1;
        }
    }
    status
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A command at one end: here by the shell, there by ssh.
fn at(options: &Options, end: &End, script: &str) -> Command {
    let Some(host) = &end.host else {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        return command;
    };
    let own = std::env::current_exe().unwrap_or_else(|_| crate::node::plan::PROGRAM.into());
    let mut command = Command::new(own);
    command.arg0("ssh").args(&options.ssh).arg(host).arg(script);
    command
}

fn name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|n| n.to_str()).unwrap_or(path)
}

fn copy(options: &Options, source: &End, target: &End) -> Result<(), String> {
    if source.host.is_none() {
        let metadata = std::fs::metadata(&source.path).map_err(|e| {
            format!(
                "stat local {:?}: {}",
                source.path,
                e.to_string().split(" (os").next().unwrap_or_default()
            )
        })?;
        if metadata.is_dir() && !options.recursive {
            return Err(format!("local {:?} is not a regular file", source.path));
        }
    }
    let (from, to, file) = (quoted(&source.path), quoted(&target.path), quoted(name(&source.path)));
    let (read, write) = if options.recursive {
        // A target that is there takes the source into it, one that is not becomes the source.
        let read = format!("cd \"$(dirname -- {from})\" && tar cf - -- {file}");
        let write = format!(
            "if [ -d {to} ]; then tar xof - -C {to}; else mkdir -p -- {to} && tar xof - -C {to} --strip-components=1; fi"
        );
        (read, write)
    } else {
        (
            format!(
                "if [ -d {from} ]; then echo {from}': not a regular file' >&2; exit 1; fi; cat -- {from}"
            ),
            format!("if [ -d {to} ]; then cat > {to}/{file}; else cat > {to}; fi"),
        )
    };
    let started = |e: io::Error| format!("cannot start: {e}");
    let null = File::open("/dev/null").map_err(started)?;
    let mut reader =
        at(options, source, &read).stdin(null).stdout(Stdio::piped()).spawn().map_err(started)?;
    let pipe = reader.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let written = at(options, target, &write).stdin(pipe).status().map_err(started)?;
    let was_read = reader.wait().map_err(started)?;
    if written.success() && was_read.success() { Ok(()) } else { Err(String::new()) }
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
        assert_eq!(parse(&words("x")), None);
        assert_eq!(parse(&words("-Z x y")), None);
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
