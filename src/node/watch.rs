//! The built-in `watch`, for machines that have none: runs a command again and again and shows what it prints.
//!
//! Options and header are those of procps' watch(1).

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, MoveTo};
use crossterm::event::{self, Event, KeyCode, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{Clear, ClearType, size};
use crossterm::{execute, queue};
use unicode_width::UnicodeWidthChar;

use crate::terminal::FullScreen;
use crate::terminal::width::cut;

const USAGE: &str = "usage: watch [-n SECONDS] [-t] [-e] [-g] [-x] COMMAND...";

/// What the arguments ask for.
#[derive(Debug, PartialEq)]
struct Asked {
    every: Duration,
    title: bool,
    until_error: bool,
    until_change: bool,
    exec: bool,
    command: Vec<OsString>,
}

fn asked(arguments: Vec<OsString>) -> Result<Asked, String> {
    let mut asked = Asked {
        every: Duration::from_secs(2),
        title: true,
        until_error: false,
        until_change: false,
        exec: false,
        command: Vec::new(),
    };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let mut every = |value: Option<String>| {
            let value = value.unwrap_or_default();
            let seconds: f64 = value
                .parse()
                .ok()
                .filter(|s: &f64| s.is_finite() && *s >= 0.0)
                .ok_or(format!("failed to parse argument: '{value}'"))?;
            // As the real one: never more often than ten times a second, never less than once a month.
            asked.every = Duration::from_secs_f64(seconds.clamp(0.1, 2_678_400.0));
            Ok::<(), String>(())
        };
        match text.as_str() {
            "-n" | "--interval" => every(arguments.next().map(|v| v.to_string_lossy().into_owned()))?,
            "-t" | "--no-title" => asked.title = false,
            "-e" | "--errexit" => asked.until_error = true,
            "-g" | "--chgexit" => asked.until_change = true,
            "-x" | "--exec" => asked.exec = true,
            // They change how it looks, not what it shows.
            "-d" | "--differences" | "-c" | "--color" | "-b" | "--beep" | "-p" | "--precise" => {}
            "--" => {
                asked.command.extend(arguments);
                break;
            }
            _ if text.starts_with("--interval=") => every(text.split_once('=').map(|(_, v)| v.to_owned()))?,
            _ if text.starts_with("-n") => every(text.strip_prefix("-n").map(ToOwned::to_owned))?,
            _ if text.starts_with('-') => return Err(format!("invalid option -- '{text}'")),
            _ => {
                asked.command.push(argument);
                asked.command.extend(arguments);
                break;
            }
        }
    }
    if asked.command.is_empty() { Err("no command given".into()) } else { Ok(asked) }
}

/// Runs `watch`; the exit status comes back.
pub fn main(arguments: Vec<OsString>) -> i32 {
    let result = asked(arguments).map_err(|why| format!("{why}\n{USAGE}")).and_then(|asked| {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err("input and output have to be a terminal".into());
        }
        let _taken = FullScreen::new().map_err(|e| e.to_string())?;
        execute!(io::stdout(), Hide).and_then(|()| repeat(&asked)).map_err(|e| e.to_string())
    });
    result.unwrap_or_else(|why| {
        let _ = writeln!(io::stderr(), "watch: {why}");
        1
    })
}

fn repeat(asked: &Asked) -> io::Result<i32> {
    let mut before: Option<Vec<u8>> = None;
    loop {
        let (status, output) = run(asked);
        show(asked, &output)?;
        if asked.until_error && status != 0 {
            return Ok(8);
        }
        if asked.until_change && before.as_ref().is_some_and(|before| *before != output) {
            return Ok(0);
        }
        if ended(asked, &output)? {
            return Ok(0);
        }
        before = Some(output);
    }
}

/// Waits for the next time; `true` when it is told to end. Shows the same again when the window's size changes.
fn ended(asked: &Asked, output: &[u8]) -> io::Result<bool> {
    let until = Instant::now() + asked.every;
    while event::poll(until.saturating_duration_since(Instant::now()))? {
        match event::read()? {
            Event::Key(key) if key.code == KeyCode::Char('q') => return Ok(true),
            Event::Key(key)
                if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) =>
            {
                return Ok(true);
            }
            Event::Resize(..) => show(asked, output)?,
            _ => {}
        }
    }
    Ok(false)
}

fn run(asked: &Asked) -> (i32, Vec<u8>) {
    let words = &asked.command;
    let mut command = match words.first() {
        Some(program) if asked.exec => {
            let mut command = Command::new(program);
            command.args(words.iter().skip(1));
            command
        }
        _ => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(line(words));
            command
        }
    };
    match command.stdin(Stdio::null()).output() {
        Ok(output) => {
            let mut text = output.stdout;
            text.extend(output.stderr);
            (output.status.code().unwrap_or(1), text)
        }
        Err(e) => (127, format!("{}: {e}\n", line(words)).into_bytes()),
    }
}

fn line(words: &[OsString]) -> String {
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn show(asked: &Asked, output: &[u8]) -> io::Result<()> {
    let (width, height) = size()?;
    let (width, height) = (usize::from(width), usize::from(height));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let now = jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string();
    let mut rows = Vec::new();
    if asked.title {
        rows.push(header(asked, &host, &now, width));
        rows.push(String::new());
    }
    rows.extend(laid_out(&String::from_utf8_lossy(output), width));
    let mut out = io::stdout().lock();
    for (at, row) in (0u16..).zip(rows.iter().take(height)) {
        queue!(out, MoveTo(0, at), Print(row), Clear(ClearType::UntilNewLine))?;
    }
    queue!(out, Clear(ClearType::FromCursorDown))?;
    out.flush()
}

/// `Every 2.0s: COMMAND      HOST: TIME`, the command cut where it does not fit.
fn header(asked: &Asked, host: &str, now: &str, width: usize) -> String {
    let left = format!("Every {:.1}s: {}", asked.every.as_secs_f64(), line(&asked.command));
    let right = format!("{host}: {now}");
    let room = width.saturating_sub(right.chars().count() + 1);
    if room < 12 {
        return cut(&left, width).0.to_owned();
    }
    let left = cut(&left, room).0;
    format!("{left:<room$} {right}")
}

/// A command's output as rows of the screen: long lines go on in the next row, tabs are spaces, escape sequences are gone.
fn laid_out(text: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let line = plain(line);
        let mut rest = line.as_str();
        loop {
            let (row, after) = cut(rest, width.max(1));
            rows.push(row.to_owned());
            if after.is_empty() {
                break;
            }
            rest = after;
        }
    }
    rows
}

/// A line without control characters and escape sequences.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\t' => {
                let spaces = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                for c in chars.by_ref() {
                    if ('@'..='~').contains(&c) {
                        break;
                    }
                }
            }
            c if c.is_control() => {}
            c => {
                out.push(c);
                column += c.width().unwrap_or(0);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::{asked, header, laid_out};

    fn read(words: &[&str]) -> Result<super::Asked, String> {
        asked(words.iter().map(Into::into).collect())
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let asked = read(&["-n", "0.5", "-t", "crictl", "ps", "-a"]).unwrap();
        assert_eq!(asked.every, Duration::from_millis(500));
        assert!(!asked.title);
        assert_eq!(asked.command, ["crictl", "ps", "-a"]);
        assert_eq!(read(&["-n1", "ls"]).unwrap().every, Duration::from_secs(1));
        assert_eq!(read(&["-n", "0", "ls"]).unwrap().every, Duration::from_millis(100));
        assert_eq!(read(&["-n", "often", "ls"]).unwrap_err(), "failed to parse argument: 'often'");
        assert_eq!(read(&["-z", "ls"]).unwrap_err(), "invalid option -- '-z'");
        assert_eq!(read(&["-t"]).unwrap_err(), "no command given");
    }

    #[test]
    fn the_header_keeps_host_and_time_and_cuts_the_command() {
        let asked = read(&["crictl", "ps"]).unwrap();
        let at = |width| header(&asked, "controlplane", "Sun Nov 13 17:27:09 2022", width);
        assert_eq!(at(70), "Every 2.0s: crictl ps           controlplane: Sun Nov 13 17:27:09 2022");
        assert_eq!(at(55), "Every 2.0s: cric controlplane: Sun Nov 13 17:27:09 2022");
        assert_eq!(at(30), "Every 2.0s: crictl ps");
    }

    #[test]
    fn lines_wrap_tabs_open_and_escape_sequences_go() {
        assert_eq!(laid_out("abcdef\n\nx", 4), ["abcd", "ef", "", "x"]);
        assert_eq!(laid_out("a\tb", 20), ["a       b"]);
        assert_eq!(laid_out("\u{1b}[31mred\u{1b}[0m\u{7}", 20), ["red"]);
        assert_eq!(laid_out("日本語", 4), ["日本", "語"]);
    }
}
