//! systemctl for the two services of a node: kubelet and containerd.

use std::ffi::OsString;
use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::client::{self, Whom};
use super::text::ago;
use crate::kubelet::journal::Line;
use crate::kubelet::socket::{Question, Service};

/// A service's unit file.
struct Unit {
    name: &'static str,
    title: &'static str,
    file: &'static str,
    drop_in: Option<&'static str>,
    docs: &'static str,
    command: &'static str,
}

const UNITS: [Unit; 2] = [
    Unit {
        name: "kubelet",
        title: "kubelet: The Kubernetes Node Agent",
        file: "/usr/lib/systemd/system/kubelet.service",
        drop_in: Some("/usr/lib/systemd/system/kubelet.service.d\n             └─10-kubeadm.conf"),
        docs: "https://kubernetes.io/docs/",
        command: "/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml --container-runtime-endpoint=unix:///var/run/containerd/containerd.sock --pod-infra-container-image=registry.k8s.io/pause:3.10",
    },
    Unit {
        name: "containerd",
        title: "containerd container runtime",
        file: "/lib/systemd/system/containerd.service",
        drop_in: None,
        docs: "https://containerd.io",
        command: "/usr/bin/containerd",
    },
];

/// Runs systemctl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let plain: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let (status, text) = run(&plain);
    let output = if status == 0 || plain.first().is_some_and(|v| v.starts_with("is-") || *v == "status") {
        io::stdout().write_all(text.as_bytes())
    } else {
        io::stderr().write_all(text.as_bytes())
    };
    if output.is_err() { 1 } else { status }
}

fn run(words: &[&str]) -> (i32, String) {
    let Some((verb, names)) = words.split_first() else {
        return (1, "Too few arguments.\n".into());
    };
    match *verb {
        "daemon-reload" => return (0, String::new()),
        "status" | "start" | "stop" | "restart" | "is-active" | "is-enabled" | "enable" => {}
        other => return (1, format!("Unknown command verb {other}.\n")),
    }
    if names.is_empty() {
        return (1, "Too few arguments.\n".into());
    }
    let (mut status, mut text) = (0, String::new());
    for name in names {
        let (one, more) = one(verb, name);
        status = status.max(one);
        text.push_str(&more);
    }
    (status, text)
}

fn one(verb: &str, name: &str) -> (i32, String) {
    let short = name.strip_suffix(".service").unwrap_or(name);
    let Some(unit) = UNITS.iter().find(|u| u.name == short) else {
        return match verb {
            "status" => (4, format!("Unit {short}.service could not be found.\n")),
            "is-active" => (3, "inactive\n".into()),
            "is-enabled" | "enable" => {
                (1, format!("Failed to get unit file state for {short}.service: No such file or directory\n"))
            }
            _ => (5, format!("Failed to {verb} {short}.service: Unit {short}.service not found.\n")),
        };
    };
    if matches!(verb, "is-enabled" | "enable") {
        return (0, if verb == "enable" { String::new() } else { "enabled\n".into() });
    }
    let asked = if verb == "is-active" { "status" } else { verb };
    let service: Service =
        match client::ask_one(Whom::Manager, &Question::Service { unit: short.into(), verb: asked.into() }) {
            Ok(service) => service,
            Err(error) => return (1, format!("Failed to connect to bus: {error}\n")),
        };
    match verb {
        "is-active" if service.active => (0, "active\n".into()),
        "is-active" => (3, "inactive\n".into()),
        "status" => (if service.active { 0 } else { 3 }, status(unit, &service, &journal(short))),
        _ => (0, String::new()),
    }
}

fn journal(unit: &str) -> Vec<Line> {
    let Ok(mut answers) = client::ask(Whom::Manager, &Question::Journal { follow: false }) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    while let Ok(Some(line)) = answers.next_message::<Line>() {
        lines.push(line);
    }
    lines.retain(|l| l.unit == unit);
    lines.drain(..lines.len().saturating_sub(10));
    lines
}

fn status(unit: &Unit, service: &Service, lines: &[Line]) -> String {
    let since = service.since.to_zoned(TimeZone::UTC).strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string();
    let age = ago(service.since, service.now)
        .replace(" seconds", "s")
        .replace(" second", "s")
        .replace(" minutes", "min");
    let (mark, active) =
        if service.active { ("●", "active (running)") } else { ("○", "inactive (dead)") };
    let mut out = format!(
        "{mark} {}.service - {}\n     Loaded: loaded ({}; enabled; preset: enabled)\n",
        unit.name, unit.title, unit.file
    );
    if let Some(drop_in) = unit.drop_in {
        out.push_str(&format!("    Drop-In: {drop_in}\n"));
    }
    out.push_str(&format!("     Active: {active} since {since}; {age}\n       Docs: {}\n", unit.docs));
    if service.active {
        let program = unit.command.split(' ').next().and_then(|p| p.rsplit('/').next()).unwrap_or_default();
        out.push_str(&format!("   Main PID: {} ({program})\n", service.pid));
        out.push_str(&format!(
            "     CGroup: /system.slice/{}.service\n             └─{} {}",
            unit.name, service.pid, unit.command
        ));
        if unit.name == "kubelet" {
            out.push_str(&format!(" --node-ip={}", service.address));
        }
        out.push('\n');
    }
    if !lines.is_empty() {
        out.push('\n');
    }
    for line in lines {
        out.push_str(&super::journalctl::show(line));
    }
    out
}
