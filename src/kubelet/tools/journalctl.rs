//! journalctl for the services of a node.

use std::ffi::OsString;
use std::io::{self, Write};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::client::{self, Whom};
use crate::kubelet::journal::Line;
use crate::kubelet::socket::{NodeState, Question};

/// What is asked for.
#[derive(Debug, Default, PartialEq)]
struct Options {
    units: Vec<String>,
    follow: bool,
    lines: Option<usize>,
    since: Option<String>,
    until: Option<String>,
    grep: Option<String>,
    identifiers: Vec<String>,
    /// Whether lines of the priority `info` are not wanted, which all of a node's are.
    without_info: bool,
    reverse: bool,
    format: Format,
}

/// How a line is shown (`-o`).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Month, day and second.
    #[default]
    Short,
    /// The same with microseconds.
    Precise,
    /// By ISO 8601.
    Iso,
    /// The text alone.
    Cat,
    /// An object a line.
    Json,
}

impl Format {
    fn of(name: &str) -> Result<Self, String> {
        Ok(match name {
            "short" | "short-full" | "with-unit" => Self::Short,
            "short-precise" => Self::Precise,
            "short-iso" | "short-iso-precise" => Self::Iso,
            "cat" => Self::Cat,
            "json" => Self::Json,
            other => return Err(format!("Unknown output format '{other}'.")),
        })
    }
}

/// Whether a priority, or a range of them, has `info` in it (`journalctl(1)`, `--priority=`).
fn takes_info(text: &str) -> Result<bool, String> {
    const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
    let level = |name: &str| {
        let found = LEVELS.iter().position(|known| *known == name);
        found
            .or_else(|| name.parse().ok().filter(|n| *n < LEVELS.len()))
            .ok_or(format!("Unknown log level {name}"))
    };
    let (from, until) = match text.split_once("..") {
        Some((from, until)) => (level(from)?, level(until)?),
        None => (0, level(text)?),
    };
    Ok((from.min(until)..=from.max(until)).contains(&6))
}

fn parse(words: &[String]) -> Result<Options, String> {
    let mut out = Options::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let (flag, mut value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag.to_owned(), Some(value.to_owned())),
            _ => (word.clone(), None),
        };
        let mut letters = Vec::new();
        if flag.starts_with("--") || !flag.starts_with('-') {
            letters.push(flag);
        } else {
            // Short flags may stand together; what follows one with a value is its value.
            let mut rest = flag[1..].chars();
            while let Some(letter) = rest.next() {
                letters.push(format!("-{letter}"));
                if "unoSUgtp".contains(letter) && !rest.as_str().is_empty() {
                    value = Some(rest.as_str().to_owned());
                    break;
                }
            }
        }
        for flag in letters {
            let mut needed = || {
                value
                    .take()
                    .or_else(|| words.next().cloned())
                    .ok_or(format!("option requires an argument -- '{}'", flag.trim_start_matches('-')))
            };
            match flag.as_str() {
                "-u" | "--unit" => {
                    let unit = needed()?;
                    out.units.push(unit.strip_suffix(".service").unwrap_or(&unit).to_owned());
                }
                "-S" | "--since" => out.since = Some(needed()?),
                "-U" | "--until" => out.until = Some(needed()?),
                "-g" | "--grep" => out.grep = Some(needed()?),
                "-t" | "--identifier" => out.identifiers.push(needed()?),
                "-p" | "--priority" => out.without_info = !takes_info(&needed()?)?,
                "-o" | "--output" => out.format = Format::of(&needed()?)?,
                "-n" | "--lines" => {
                    let given = value
                        .take()
                        .or_else(|| words.next_if(|w| w.parse::<usize>().is_ok() || *w == "all").cloned());
                    out.lines = match given.as_deref() {
                        None => Some(10),
                        Some("all") => None,
                        Some(text) => {
                            Some(text.parse().map_err(|_| format!("Failed to parse lines '{text}'"))?)
                        }
                    };
                }
                // The kernel's lines are the machine's, and nobody's business here.
                "-k" | "--dmesg" => out.units.push("kernel".into()),
                "-f" | "--follow" => out.follow = true,
                "-r" | "--reverse" => out.reverse = true,
                "-e" | "--pager-end" | "-x" | "--catalog" | "-q" | "--no-pager" | "--no-hostname" | "-b"
                | "--boot" | "-l" | "--full" | "-a" | "--all" | "--no-tail" => {}
                other => return Err(format!("unrecognized option '{other}'")),
            }
        }
    }
    if out.follow && out.lines.is_none() {
        out.lines = Some(10);
    }
    Ok(out)
}

/// Runs journalctl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    match run(&words) {
        Ok(()) => 0,
        Err(why) => {
            let _ = writeln!(io::stderr(), "journalctl: {why}");
            1
        }
    }
}

fn run(words: &[String]) -> Result<(), String> {
    let options = parse(words)?;
    let failed = |e: io::Error| format!("Failed to open journal: {e}");
    let state: NodeState = client::ask_one(Whom::Manager, &Question::State).map_err(failed)?;
    let since = options.since.as_deref().map(|text| time(text, state.now)).transpose()?;
    let until = options.until.as_deref().map(|text| time(text, state.now)).transpose()?;
    let grep = match &options.grep {
        // As with systemd, a pattern without capital letters takes both.
        Some(text) => Some(
            regex::RegexBuilder::new(text)
                .case_insensitive(!text.chars().any(char::is_uppercase))
                .build()
                .map_err(|_| format!("Bad pattern \"{text}\""))?,
        ),
        None => None,
    };
    let wanted = |line: &Line| {
        !options.without_info
            && (options.units.is_empty() || options.units.contains(&line.unit))
            && (options.identifiers.is_empty() || options.identifiers.contains(&line.program))
            && since.is_none_or(|since| line.at >= since)
            && until.is_none_or(|until| line.at <= until)
            && grep.as_ref().is_none_or(|grep| grep.is_match(&line.text))
    };
    let mut lines = Vec::new();
    let mut answers = client::ask(Whom::Manager, &Question::Journal { follow: false }).map_err(failed)?;
    while let Some(line) = answers.next_message::<Line>().map_err(failed)? {
        lines.push(line);
    }
    let mut last = lines.last().map_or(0, |l| l.sequence);
    lines.retain(wanted);
    if let Some(count) = options.lines {
        lines.drain(..lines.len().saturating_sub(count));
    }
    if options.reverse {
        lines.reverse();
    }
    let mut output = io::stdout().lock();
    let mut write = |line: &Line| -> bool {
        let text = shown(line, &state.node, options.format);
        output.write_all(text.as_bytes()).and_then(|()| output.flush()).is_ok()
    };
    if lines.is_empty() && !options.follow {
        let none = "-- No entries --\n";
        return io::stdout().write_all(none.as_bytes()).map_err(failed);
    }
    for line in &lines {
        if !write(line) {
            return Ok(());
        }
    }
    if options.follow {
        let mut answers = client::ask(Whom::Manager, &Question::Journal { follow: true }).map_err(failed)?;
        while let Some(line) = answers.next_message::<Line>().map_err(failed)? {
            if line.sequence > last && wanted(&line) && !write(&line) {
                break;
            }
            last = last.max(line.sequence);
        }
    }
    Ok(())
}

/// A line as `systemctl status` and journalctl show it, on this machine's host name.
pub fn show(line: &Line) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    shown(line, &host, Format::Short)
}

fn shown(line: &Line, host: &str, format: Format) -> String {
    let shape = match format {
        Format::Cat => return format!("{}\n", line.text),
        Format::Json => {
            let object = serde_json::json!({"__REALTIME_TIMESTAMP": line.at.as_microsecond().to_string(), "MESSAGE": line.text,
                "_HOSTNAME": host, "_PID": line.pid.to_string(), "SYSLOG_IDENTIFIER": line.program,
                "_SYSTEMD_UNIT": format!("{}.service", line.unit), "PRIORITY": "6"});
            return format!("{object}\n");
        }
        Format::Short => "%b %d %H:%M:%S",
        Format::Precise => "%b %d %H:%M:%S.%6f",
        Format::Iso => "%Y-%m-%dT%H:%M:%S%:z",
    };
    let at = line.at.to_zoned(TimeZone::UTC).strftime(shape).to_string();
    format!("{at} {host} {}[{}]: {}\n", line.program, line.pid, line.text)
}

/// `2026-11-24 07:21:56`, `07:21:56`, `5 minutes ago`, `5 min ago`, `-5m`, `today`, `now`.
fn time(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || format!("Failed to parse timestamp: {text}");
    let today = now.to_zoned(TimeZone::UTC).date();
    let at = |time: DateTime| time.to_zoned(TimeZone::UTC).map(|z| z.timestamp()).map_err(|_| wrong());
    match text {
        "now" => return Ok(now),
        "today" => return at(today.at(0, 0, 0, 0)),
        "yesterday" => return at(today.yesterday().map_err(|_| wrong())?.at(0, 0, 0, 0)),
        _ => {}
    }
    if let Ok(stamp) = text.parse::<Timestamp>() {
        return Ok(stamp);
    }
    if let Ok(date_time) = text.parse::<DateTime>() {
        return at(date_time);
    }
    if let Ok(time) = text.parse::<jiff::civil::Time>() {
        return at(today.to_datetime(time));
    }
    let relative =
        text.strip_suffix("ago").map(str::trim).or_else(|| text.strip_prefix('-')).ok_or_else(wrong)?;
    let digits = relative.chars().take_while(char::is_ascii_digit).count();
    let count: i64 = relative[..digits].parse().map_err(|_| wrong())?;
    let seconds = match relative[digits..].trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        _ => return Err(wrong()),
    };
    Ok(now - SignedDuration::from_secs(count * seconds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options(text: &str) -> Options {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn flags_are_systemds() {
        let kubelet = || Options { units: vec!["kubelet".into()], ..Options::default() };
        for (text, expected) in [
            ("-u kubelet", kubelet()),
            ("-ukubelet.service --no-pager", kubelet()),
            ("-fu kubelet", Options { follow: true, lines: Some(10), ..kubelet() }),
            ("-u kubelet -n 5", Options { lines: Some(5), ..kubelet() }),
            ("--unit=kubelet -n20", Options { lines: Some(20), ..kubelet() }),
            ("-xeu kubelet", kubelet()),
        ] {
            assert_eq!(options(text), expected, "{text}");
        }
        assert_eq!(parse(&["--nope".into()]).unwrap_err(), "unrecognized option '--nope'");
    }

    #[test]
    fn times_are_absolute_or_ago() {
        let now: Timestamp = "2026-11-24T07:30:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-24 07:21:56", "2026-11-24T07:21:56Z"),
            ("07:21:56", "2026-11-24T07:21:56Z"),
            ("5 minutes ago", "2026-11-24T07:25:00Z"),
            ("10s ago", "2026-11-24T07:29:50Z"),
            ("-1h", "2026-11-24T06:30:00Z"),
            ("today", "2026-11-24T00:00:00Z"),
        ] {
            assert_eq!(time(text, now).unwrap().to_string(), expected, "{text}");
        }
        assert!(time("soon", now).is_err());
    }
}
