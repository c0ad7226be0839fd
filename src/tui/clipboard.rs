//! Ways to the clipboard of whoever sits at the terminal.
//!
//! A configured command comes first, then a tool of the desktop, then tmux; where none of them takes the text, the window's own
//! terminal is told (OSC 52), which works over any number of hops and never fails loudly.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;

/// How long a program may take to accept a text.
const LIMIT: Duration = Duration::from_secs(2);

/// A program with its arguments that reads a text for the clipboard from its standard input.
pub type Way = Vec<String>;

/// The programs to try, in order, in an environment; `found` says whether a program is on the PATH.
pub fn ways(
    configured: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    found: &dyn Fn(&str) -> bool,
) -> Vec<Way> {
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Way>();
    let mut ways = Vec::new();
    if let Some(command) = configured.filter(|command| !command.trim().is_empty()) {
        ways.push(words(&["sh", "-c", command]));
    }
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    // Over ssh a desktop's tool would fill the clipboard of the machine at the far end.
    let remote = set("SSH_CONNECTION") || set("SSH_TTY");
    let native: [(bool, &[&str]); 5] = [
        (!remote && set("WAYLAND_DISPLAY"), &["wl-copy"]),
        (!remote && set("DISPLAY"), &["xclip", "-in", "-selection", "clipboard"]),
        (!remote && set("DISPLAY"), &["xsel", "--input", "--clipboard"]),
        (!remote && cfg!(target_os = "macos"), &["pbcopy"]),
        (!remote && set("WSL_DISTRO_NAME"), &["clip.exe"]),
    ];
    ways.extend(native.iter().filter(|(here, way)| *here && found(way[0])).map(|(_, way)| words(way)));
    if set("TMUX") && found("tmux") {
        ways.push(words(&["tmux", "load-buffer", "-w", "-"]));
    }
    ways
}

/// The ways of this process's environment.
pub fn ways_here(configured: Option<&str>) -> Vec<Way> {
    let on_path = |name: &str| {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
    };
    ways(configured, &|name| std::env::var(name).ok(), &on_path)
}

/// Gives a text to the first program that takes it; `false` where none does. Blocks for a moment.
pub fn give(ways: &[Way], text: &str) -> bool {
    ways.iter().any(|way| takes(way, text, LIMIT))
}

fn takes(way: &[String], text: &str, limit: Duration) -> bool {
    let Some((program, arguments)) = way.split_first() else { return false };
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let Some(mut input) = child.stdin.take() else { return false };
    let text = text.to_owned();
    // A program that does not read must not hold this one up; closing its input by ending it ends the thread.
    let written = std::thread::spawn(move || input.write_all(text.as_bytes()).is_ok());
    let ended = wait(&mut child, limit);
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    written.join().unwrap_or(false) && ended == Some(true)
}

/// Whether a program ended well in time.
fn wait(child: &mut Child, limit: Duration) -> Option<bool> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => std::thread::sleep(pause),
            Err(_) => return Some(false),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    None
}

/// The sequence that puts a text on the clipboard of the window's terminal (OSC 52); GNU screen needs it wrapped.
pub fn osc52(text: &str, in_screen: bool) -> String {
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let plain = format!("\x1b]52;c;{encoded}\x07");
    if !in_screen {
        return plain;
    }
    // Screen cuts strings that are longer than it keeps, so they come in pieces, each wrapped (DCS).
    let pieces: Vec<String> = plain
        .as_bytes()
        .chunks(240)
        .map(|piece| format!("\x1bP{}\x1b\\", String::from_utf8_lossy(piece)))
        .collect();
    pieces.concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn firsts(configured: Option<&str>, vars: &[&str], programs: &[&str]) -> Vec<String> {
        let env = |name: &str| vars.contains(&name).then(|| "x".to_owned());
        ways(configured, &env, &|name| programs.contains(&name))
            .into_iter()
            .map(|way| way[0].clone())
            .collect()
    }

    #[test]
    fn ways_follow_the_environment() {
        let all = ["wl-copy", "xclip", "xsel", "tmux"];
        assert_eq!(firsts(None, &[], &all), Vec::<String>::new(), "a plain terminal has OSC 52 alone");
        assert_eq!(firsts(Some("my-copy"), &[], &[]), ["sh"]);
        assert_eq!(firsts(None, &["WAYLAND_DISPLAY", "DISPLAY"], &all), ["wl-copy", "xclip", "xsel"]);
        assert_eq!(firsts(None, &["DISPLAY", "TMUX"], &["xsel", "tmux"]), ["xsel", "tmux"]);
        assert_eq!(firsts(None, &["DISPLAY", "SSH_CONNECTION", "TMUX"], &all), ["tmux"]);
    }

    #[test]
    fn the_first_program_that_takes_it_gets_the_text() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("taken");
        let sh = |script: String| vec!["sh".to_owned(), "-c".to_owned(), script];
        let ways = [
            vec!["cks-lab-has-no-such-program".to_owned()],
            sh("cat >/dev/null; exit 3".to_owned()),
            sh(format!("cat >'{}'", file.display())),
            sh(format!("echo never >'{}'", file.display())),
        ];
        assert!(give(&ways, "two\nlines"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "two\nlines");
        assert!(!give(&ways[..2], "x"));
    }

    #[test]
    fn a_program_that_hangs_is_given_up() {
        let way = ["sh".to_owned(), "-c".to_owned(), "exec sleep 1000".to_owned()];
        let long = "x".repeat(1 << 20);
        assert!(!takes(&way, &long, Duration::from_millis(50)));
    }

    #[test]
    fn the_terminal_is_told_in_one_sequence_or_in_wrapped_pieces() {
        assert_eq!(osc52("hi", false), "\x1b]52;c;aGk=\x07");
        let wrapped = osc52(&"long ".repeat(100), true);
        assert!(wrapped.starts_with("\x1bP\x1b]52;c;") && wrapped.ends_with("\x1b\\"));
        let inner = wrapped.replace("\x1bP", "").replace("\x1b\\", "");
        assert_eq!(inner, osc52(&"long ".repeat(100), false));
    }
}
