//! systemctl for the two services of a node: kubelet and containerd.
//!
//! Texts and exit statuses are systemd 255's (`systemctl(1)`, "EXIT STATUS").

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::client::{self, Whom};
use crate::kubelet::journal::Line;
use crate::kubelet::services::{UNITS, signal_name, title};
use crate::kubelet::socket::{Question, Service};
use crate::kubelet::units::{DIRECTORY, Files};

/// Where the links of enabled units are.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";
/// Verbs with units.
const VERBS: [&str; 15] = [
    "status",
    "start",
    "stop",
    "restart",
    "reload-or-restart",
    "try-restart",
    "is-active",
    "is-failed",
    "is-enabled",
    "enable",
    "disable",
    "cat",
    "show",
    "kill",
    "reset-failed",
];

/// What a run printed, where, and its exit status.
#[derive(Default)]
struct Said {
    status: i32,
    out: String,
    err: String,
}

impl Said {
    fn out(status: i32, text: impl Into<String>) -> Self {
        Self { status, out: text.into(), err: String::new() }
    }

    fn err(status: i32, text: impl Into<String>) -> Self {
        Self { status, out: String::new(), err: text.into() }
    }
}

/// Runs reboot; the exit status comes back.
pub fn reboot_main(_: Vec<OsString>) -> i32 {
    main(vec!["reboot".into()])
}

/// Runs systemctl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let said = run(&words);
    let _ = io::stderr().write_all(said.err.as_bytes());
    if io::stdout().write_all(said.out.as_bytes()).is_err() { 1 } else { said.status }
}

/// What the flags ask for.
#[derive(Debug, Default)]
struct Flags {
    version: bool,
    failed: bool,
    now: bool,
    value: bool,
    quiet: bool,
    properties: Vec<String>,
    lines: Option<usize>,
}

fn parse(words: &[String]) -> Result<(Flags, Vec<String>), String> {
    let (mut flags, mut plain) = (Flags::default(), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if word.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut needed = || {
            let missing =
                || format!("systemctl: option requires an argument -- '{}'\n", flag.trim_start_matches('-'));
            value.clone().or_else(|| words.next().cloned()).ok_or_else(missing)
        };
        match flag {
            "--version" => flags.version = true,
            "--failed" => flags.failed = true,
            "--now" => flags.now = true,
            "--value" => flags.value = true,
            "-q" | "--quiet" => flags.quiet = true,
            "-p" | "--property" => flags.properties.extend(needed()?.split(',').map(str::to_owned)),
            "-n" | "--lines" => flags.lines = needed()?.parse().ok(),
            "-t" | "--type" | "--state" | "-s" | "--signal" | "-o" | "--output" => {
                needed()?;
            }
            "-l" | "--full" | "--no-pager" | "-a" | "--all" | "--no-legend" | "-f" | "--force"
            | "--no-block" | "--plain" | "--system" | "--no-ask-password" => {}
            other if other.starts_with("-n") && other.len() > 2 => flags.lines = other[2..].parse().ok(),
            other if other.starts_with("-p") && other.len() > 2 => {
                flags.properties.push(other[2..].to_owned())
            }
            other if other.starts_with('-') => {
                return Err(if other.starts_with("--") {
                    format!("systemctl: unrecognized option '{other}'\n")
                } else {
                    format!("systemctl: invalid option -- '{}'\n", other.trim_start_matches('-'))
                });
            }
            other => plain.push(other.to_owned()),
        }
    }
    Ok((flags, plain))
}

fn run(words: &[String]) -> Said {
    let (flags, plain) = match parse(words) {
        Ok(parsed) => parsed,
        Err(why) => return Said::err(1, why),
    };
    if flags.version {
        return Said::out(0, "systemd 255 (255.4-1ubuntu8)\n");
    }
    let (verb, names) =
        plain.split_first().map_or(("list-units", &[][..]), |(verb, names)| (verb.as_str(), names));
    match verb {
        "daemon-reload" | "daemon-reexec" => return Said::default(),
        // A unit that fails is started again at once.
        "list-units" if flags.failed => {
            return Said::out(0, "  UNIT LOAD ACTIVE SUB DESCRIPTION\n\n0 loaded units listed.\n");
        }
        "list-units" => return list_units(),
        "reload" => {
            let unit =
                |name: &String| if name.contains('.') { name.clone() } else { format!("{name}.service") };
            let why = |name: String| {
                format!("Failed to reload {name}: Job type reload is not applicable for unit {name}.\n")
            };
            return Said::err(1, names.iter().map(|name| why(unit(name))).collect::<String>());
        }
        "list-unit-files" => return list_files(),
        "is-system-running" => return Said::out(0, "running\n"),
        "get-default" => return Said::out(0, "graphical.target\n"),
        "reboot" => {
            return ask("", verb).err().unwrap_or_else(|| {
                // The connection goes with the machine.
                std::thread::sleep(std::time::Duration::from_secs(5));
                Said::default()
            });
        }
        "poweroff" | "halt" => {
            return Said::err(
                1,
                format!("{verb} is not emulated in this lab: `cks-lab reset` starts a lesson over\n"),
            );
        }
        _ if VERBS.contains(&verb) => {}
        other => return Said::err(1, format!("Unknown command verb '{other}'.\n")),
    }
    if names.is_empty() {
        return match verb {
            "status" => list_units(),
            _ => Said::err(1, "Too few arguments.\n"),
        };
    }
    let mut all = Said::default();
    for name in names {
        let one = one(verb, name, &flags);
        all.status = all.status.max(one.status);
        all.out.push_str(&one.out);
        all.err.push_str(&one.err);
    }
    // One of several that is active is enough.
    if verb == "is-active" && all.out.lines().any(|line| line == "active") {
        all.status = 0;
    }
    if flags.quiet {
        all.out.clear();
    }
    all
}

fn ask(unit: &str, verb: &str) -> Result<Service, Said> {
    client::ask_one(Whom::Manager, &Question::Service { unit: unit.into(), verb: verb.into() }).map_err(|e| {
        Said::err(
            1,
            format!("Failed to connect to bus: {}\n", e.to_string().split(" (os").next().unwrap_or_default()),
        )
    })
}

fn one(verb: &str, name: &str, flags: &Flags) -> Said {
    let short = name.strip_suffix(".service").unwrap_or(name);
    if !UNITS.contains(&short) {
        let full = if name.contains('.') { name.to_owned() } else { format!("{name}.service") };
        return unknown(verb, &full);
    }
    match verb {
        "is-enabled" => {
            let enabled = enabled(short);
            return Said::out(i32::from(!enabled), if enabled { "enabled\n" } else { "disabled\n" });
        }
        "enable" | "disable" => return enable(short, verb, flags),
        "cat" => return Said::out(0, cat(short)),
        "reset-failed" => return Said::default(),
        _ => {}
    }
    let asked = match verb {
        "start" | "stop" | "restart" => verb,
        "reload-or-restart" => "restart",
        // A service that is killed is started again (Restart=always).
        "kill" => "restart",
        "try-restart" => match ask(short, "status") {
            Ok(service) if service.active => "restart",
            Ok(_) => "status",
            Err(said) => return said,
        },
        _ => "status",
    };
    let service = match ask(short, asked) {
        Ok(service) => service,
        Err(said) => return said,
    };
    match verb {
        "is-active" if service.active => Said::out(0, "active\n"),
        "is-active" if service.restarting.is_some() => Said::out(3, "activating\n"),
        "is-active" => Said::out(3, "inactive\n"),
        "is-failed" => Said::out(1, if service.active { "active\n" } else { "inactive\n" }),
        "status" => {
            let lines = journal(short, flags.lines.unwrap_or(10));
            Said::out(if service.active { 0 } else { 3 }, status(short, &service, &lines))
        }
        "show" => Said::out(0, show(short, &service, flags)),
        _ => Said::default(),
    }
}

fn unknown(verb: &str, unit: &str) -> Said {
    match verb {
        "status" => Said::err(4, format!("Unit {unit} could not be found.\n")),
        "is-active" | "is-failed" => Said::out(if verb == "is-active" { 4 } else { 1 }, "inactive\n"),
        "is-enabled" => Said::out(4, "not-found\n"),
        "enable" | "disable" => {
            Said::err(1, format!("Failed to {verb} unit: Unit file {unit} does not exist.\n"))
        }
        "cat" => Said::err(1, format!("No files found for {unit}.\n")),
        "show" => {
            Said::out(0, format!("Id={unit}\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n"))
        }
        "stop" | "kill" | "try-restart" | "reset-failed" => {
            Said::err(5, format!("Failed to {verb} {unit}: Unit {unit} not loaded.\n"))
        }
        _ => Said::err(5, format!("Failed to {verb} {unit}: Unit {unit} not found.\n")),
    }
}

/// A path of the node, where the node has no root of its own too.
fn path(inside: &str) -> PathBuf {
    match std::env::var_os("CKS_LAB_NODE_ROOT") {
        Some(root) => Path::new(&root).join(inside.trim_start_matches('/')),
        None => inside.into(),
    }
}

fn enabled(unit: &str) -> bool {
    std::fs::symlink_metadata(path(&format!("{WANTS}/{unit}.service"))).is_ok()
}

fn enable(unit: &str, verb: &str, flags: &Flags) -> Said {
    let (link, file) = (format!("{WANTS}/{unit}.service"), format!("{DIRECTORY}/{unit}.service"));
    let at = path(&link);
    let mut said = Said::default();
    if verb == "enable" && !enabled(unit) {
        let made = at
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::os::unix::fs::symlink(&file, &at));
        said = match made {
            Ok(()) => Said::err(0, format!("Created symlink {link} → {file}.\n")),
            Err(e) => Said::err(1, format!("Failed to enable unit: {e}\n")),
        };
    }
    if verb == "disable" && enabled(unit) {
        said = match std::fs::remove_file(&at) {
            Ok(()) => Said::err(0, format!("Removed \"{link}\".\n")),
            Err(e) => Said::err(1, format!("Failed to disable unit: {e}\n")),
        };
    }
    if flags.now
        && said.status == 0
        && let Err(failed) = ask(unit, if verb == "enable" { "start" } else { "stop" })
    {
        return failed;
    }
    said
}

fn cat(unit: &str) -> String {
    Files::here()
        .of_unit(unit)
        .iter()
        .map(|(file, text)| format!("# {file}\n{text}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn journal(unit: &str, count: usize) -> Vec<Line> {
    let Ok(mut answers) = client::ask(Whom::Manager, &Question::Journal { follow: false }) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    while let Ok(Some(line)) = answers.next_message::<Line>() {
        lines.push(line);
    }
    lines.retain(|l| l.unit == unit);
    lines.drain(..lines.len().saturating_sub(count));
    lines
}

/// How long ago a time was, as systemd says it.
fn relative(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0 => "0s ago".into(),
        1..60 => format!("{seconds}s ago"),
        60..3600 if seconds % 60 == 0 => format!("{minutes}min ago"),
        60..3600 => format!("{minutes}min {}s ago", seconds % 60),
        3600..86_400 if minutes % 60 == 0 => format!("{hours}h ago"),
        3600..86_400 => format!("{hours}h {}min ago", minutes % 60),
        86_400..172_800 => format!("1 day {}h ago", hours % 24),
        _ => format!("{days} days ago"),
    }
}

fn documentation(unit: &str) -> &'static str {
    if unit == "kubelet" { "https://kubernetes.io/docs/" } else { "https://containerd.io" }
}

fn status(unit: &str, service: &Service, lines: &[Line]) -> String {
    let since = service.since.to_zoned(TimeZone::UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string();
    let (mark, active) = match service.restarting {
        Some(0) => ("●", "activating (auto-restart)"),
        Some(_) => ("●", "activating (auto-restart) (Result: signal)"),
        None if service.active => ("●", "active (running)"),
        None => ("○", "inactive (dead)"),
    };
    let ended = match service.restarting.filter(|signal| *signal > 0) {
        Some(signal) => format!("code=killed, signal={}", signal_name(signal)),
        None => "code=exited, status=0/SUCCESS".to_owned(),
    };
    let enabled = if enabled(unit) { "enabled" } else { "disabled" };
    let mut out = format!(
        "{mark} {unit}.service - {}\n     Loaded: loaded ({DIRECTORY}/{unit}.service; {enabled}; preset: enabled)\n",
        title(unit)
    );
    let drop_ins: Vec<String> =
        Files::here().of_unit(unit).into_iter().skip(1).map(|(file, _)| file).collect();
    if let Some((directory, name)) = drop_ins.first().and_then(|file| file.rsplit_once('/')) {
        out += &format!("    Drop-In: {directory}\n             └─{name}\n");
    }
    out += &format!("     Active: {active} since {since}; {}\n", relative(service.since, service.now));
    out += &format!("       Docs: {}\n", documentation(unit));
    let command = Files::here().command(unit);
    let program = command.split(' ').next().and_then(|p| p.rsplit('/').next()).unwrap_or_default().to_owned();
    if service.active {
        out += &format!("   Main PID: {} ({program})\n", service.pid);
        out += &format!(
            "     CGroup: /system.slice/{unit}.service\n             └─{} {command:?}\n",
            service.pid
        )
        .replace("\"", "");
    } else {
        let pid = service.pid;
        out += &format!("    Process: {pid} ExecStart={command} ({ended})\n");
        out += &format!("   Main PID: {pid} ({ended})\n");
    }
    if !lines.is_empty() {
        out.push('\n');
    }
    for line in lines {
        out.push_str(&super::journalctl::show(line));
    }
    out
}

fn show(unit: &str, service: &Service, flags: &Flags) -> String {
    let at = service.since.to_zoned(TimeZone::UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string();
    let pid = if service.active { service.pid.to_string() } else { "0".into() };
    let drop_ins: Vec<String> =
        Files::here().of_unit(unit).into_iter().skip(1).map(|(file, _)| file).collect();
    let exec = Files::here().command(unit);
    let all = [
        ("Type", if unit == "kubelet" { "simple" } else { "notify" }.to_owned()),
        ("Restart", "always".into()),
        ("MainPID", pid),
        ("ExecStart", format!("{{ path=/usr/bin/{unit} ; argv[]={exec} ; ignore_errors=no }}")),
        ("Id", format!("{unit}.service")),
        ("Names", format!("{unit}.service")),
        ("Description", title(unit).into()),
        ("Documentation", documentation(unit).into()),
        ("LoadState", "loaded".into()),
        ("ActiveState", if service.active { "active" } else { "inactive" }.into()),
        ("SubState", if service.active { "running" } else { "dead" }.into()),
        ("FragmentPath", format!("{DIRECTORY}/{unit}.service")),
        ("DropInPaths", drop_ins.join(" ")),
        ("UnitFileState", if enabled(unit) { "enabled" } else { "disabled" }.into()),
        ("UnitFilePreset", "enabled".into()),
        ("ActiveEnterTimestamp", if service.active { at.clone() } else { String::new() }),
        ("StateChangeTimestamp", at),
    ];
    let wanted = |name: &str| flags.properties.is_empty() || flags.properties.iter().any(|p| p == name);
    all.iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| if flags.value { format!("{value}\n") } else { format!("{name}={value}\n") })
        .collect()
}

fn list_units() -> Said {
    let mut out = "  UNIT               LOAD   ACTIVE SUB     DESCRIPTION\n".to_owned();
    let mut count = 0;
    for unit in ["containerd", "kubelet"] {
        match ask(unit, "status") {
            Ok(service) if service.active => {
                count += 1;
                out +=
                    &format!("  {:<18} loaded active running {}\n", format!("{unit}.service"), title(unit));
            }
            Ok(_) => {}
            Err(said) => return said,
        }
    }
    out += "\nLegend: LOAD   → Reflects whether the unit definition was properly loaded.\n        ACTIVE → The high-level unit activation state, \
            i.e. generalization of SUB.\n        SUB    → The low-level unit activation state, values depend on unit type.\n\n";
    Said::out(
        0,
        out + &format!(
            "{count} loaded units listed. Pass --all to see loaded but inactive units, too.\nTo show all installed unit files use 'systemctl list-unit-files'.\n"
        ),
    )
}

fn list_files() -> Said {
    let mut out = "UNIT FILE          STATE    PRESET\n".to_owned();
    for unit in ["containerd", "kubelet"] {
        let state = if enabled(unit) { "enabled" } else { "disabled" };
        out += &format!("{:<18} {state:<8} enabled\n", format!("{unit}.service"));
    }
    Said::out(0, out + "\n2 unit files listed.\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn said(text: &str) -> (i32, String, String) {
        let said = run(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        (said.status, said.out, said.err)
    }

    #[test]
    fn units_that_are_not_there_are_refused_as_systemd_does() {
        for (text, status, out, err) in [
            ("status nope", 4, "", "Unit nope.service could not be found.\n"),
            ("is-active nope", 4, "inactive\n", ""),
            ("is-enabled nope", 4, "not-found\n", ""),
            ("start nope", 5, "", "Failed to start nope.service: Unit nope.service not found.\n"),
            ("stop nope", 5, "", "Failed to stop nope.service: Unit nope.service not loaded.\n"),
            ("restart nope.timer", 5, "", "Failed to restart nope.timer: Unit nope.timer not found.\n"),
            ("cat nope", 1, "", "No files found for nope.service.\n"),
            ("enable nope", 1, "", "Failed to enable unit: Unit file nope.service does not exist.\n"),
            ("daemon-reload", 0, "", ""),
            ("dance kubelet", 1, "", "Unknown command verb 'dance'.\n"),
            ("--version", 0, "systemd 255 (255.4-1ubuntu8)\n", ""),
            ("--failed", 0, "  UNIT LOAD ACTIVE SUB DESCRIPTION\n\n0 loaded units listed.\n", ""),
            (
                "reload kubelet",
                1,
                "",
                "Failed to reload kubelet.service: Job type reload is not applicable for unit kubelet.service.\n",
            ),
            ("restart", 1, "", "Too few arguments.\n"),
            ("restart --nope", 1, "", "systemctl: unrecognized option '--nope'\n"),
        ] {
            assert_eq!(said(text), (status, out.to_owned(), err.to_owned()), "{text}");
        }
    }

    #[test]
    fn times_are_systemds() {
        let at = Timestamp::UNIX_EPOCH;
        for (seconds, text) in [
            (0, "0s ago"),
            (59, "59s ago"),
            (60, "1min ago"),
            (83, "1min 23s ago"),
            (3600, "1h ago"),
            (7500, "2h 5min ago"),
            (90_000, "1 day 1h ago"),
            (260_000, "3 days ago"),
        ] {
            assert_eq!(relative(at, at + jiff::SignedDuration::from_secs(seconds)), text);
        }
    }
}
