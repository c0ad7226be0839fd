//! `ps` and `ss` with what runs inside the lab's own process: on a real node each of these is a process that listens.
//!
//! The machine's `ps` tells of all others; its columns are those of procps, and of iproute2 for `ss`.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;

use std::process::Command;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::client::{self, Whom};
use crate::kubelet::runtime::State;
use crate::kubelet::services::process_id;
use crate::kubelet::socket::{NodeState, Question, Service};
use crate::kubelet::units::Files;

/// A process that a node would have.
struct Process {
    pid: u32,
    parent: u32,
    since: Timestamp,
    memory: u64,
    command: String,
}

fn state() -> Option<NodeState> {
    client::ask_one(Whom::Manager, &Question::State).ok()
}

fn unit(name: &str) -> Option<Service> {
    let question = Question::Service { unit: name.into(), verb: "status".into() };
    client::ask_one(Whom::Manager, &question).ok().filter(|service: &Service| service.active)
}

/// What runs inside the lab's process, in the order of process ids.
fn emulated(state: &NodeState) -> Vec<Process> {
    let mut all = Vec::new();
    for (name, memory) in [("containerd", 52_000), ("kubelet", 92_000)] {
        if let Some(service) = unit(name) {
            let command = Files::here().command(name);
            all.push(Process { pid: service.pid, parent: 1, since: service.since, memory, command });
        }
    }
    for sandbox in state.sandboxes.iter().filter(|s| s.ready) {
        let shim = process_id(&sandbox.id);
        let command = format!(
            "/usr/bin/containerd-shim-runc-v2 -namespace k8s.io -id {} -address /run/containerd/containerd.sock",
            sandbox.id
        );
        let since = sandbox.created;
        all.push(Process { pid: shim, parent: 1, since, memory: 13_000, command });
        all.push(Process { pid: shim + 21, parent: shim, since, memory: 4, command: "/pause".into() });
    }
    for container in state.containers.iter().filter(|c| c.state == State::Running) {
        let command = if container.spec.argv.is_empty() {
            container.spec.name.clone()
        } else {
            container.spec.argv.join(" ")
        };
        all.push(Process {
            pid: container.process(),
            parent: process_id(&container.sandbox),
            since: container.started.unwrap_or(container.created),
            memory: if command.starts_with("kube-apiserver") { 260_000 } else { 48_000 },
            command,
        });
    }
    all.sort_by_key(|process| process.pid);
    all
}

/// Which columns are asked for.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// `ps aux`
    Bsd,
    /// `ps -ef`
    Full,
    /// Something else: the machine's own alone.
    Other,
}

fn layout(words: &[String]) -> Layout {
    let known = |letters: &str, more: &str| letters.chars().all(|c| more.contains(c));
    let [first, rest @ ..] = words else { return Layout::Other };
    if rest.iter().any(|word| word != "--no-headers" && word != "-ww" && word != "ww") {
        return Layout::Other;
    }
    let letters = first.trim_start_matches('-');
    let all = letters.contains('a') && letters.contains('x');
    if letters.contains('u') && all && known(letters, "auxwf") {
        return Layout::Bsd;
    }
    if first.starts_with('-')
        && letters.contains('f')
        && letters.contains(['e', 'A'])
        && known(letters, "efAw")
    {
        return Layout::Full;
    }
    Layout::Other
}

/// Runs ps; the exit status comes back.
pub fn ps_main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let layout = layout(&words);
    let machines = ["/usr/bin/ps", "/bin/ps"].into_iter().find(|path| Path::new(path).exists());
    let state = state();
    if let Some(ps) = machines
        && (layout == Layout::Other || state.as_ref().is_none_or(|state| state.stands))
    {
        // Whatever runs is a process of the node.
        let why = Command::new(ps).args(&args).exec();
        let _ = writeln!(io::stderr(), "ps: {why}");
        return 1;
    }
    let output = machines
        .and_then(|ps| Command::new(ps).args(&args).stderr(std::process::Stdio::inherit()).output().ok());
    let (mut text, status) = match &output {
        Some(output) => {
            (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code().unwrap_or(1))
        }
        None => (head(&layout).to_owned(), 0),
    };
    if layout != Layout::Other
        && status == 0
        && let Some(state) = state
    {
        for process in emulated(&state) {
            text.push_str(&row(&layout, &process, state.now));
            text.push('\n');
        }
    }
    let width = width().filter(|_| !words.iter().any(|w| w.trim_start_matches('-').contains("ww")));
    let cut: String = text
        .lines()
        .map(|line| match width {
            Some(width) => format!("{}\n", line.chars().take(width).collect::<String>()),
            None => format!("{line}\n"),
        })
        .collect();
    if io::stdout().write_all(cut.as_bytes()).is_err() { 1 } else { status }
}

fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(&stdout)
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|width| *width > 0)
}

fn head(layout: &Layout) -> &'static str {
    match layout {
        Layout::Bsd => "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n",
        _ => "UID          PID    PPID  C STIME TTY          TIME CMD\n",
    }
}

fn row(layout: &Layout, process: &Process, now: Timestamp) -> String {
    let lived = now.duration_since(process.since).as_secs().max(0);
    let shape = if lived < 86_400 { "%H:%M" } else { "%b%d" };
    let since = process.since.to_zoned(TimeZone::system()).strftime(shape).to_string();
    // A few percent of a core, as on a quiet cluster.
    let used = lived / 40;
    let Process { pid, parent, memory, command, .. } = process;
    match layout {
        Layout::Bsd => format!(
            "root     {pid:>7}  {}  {:.1} {:>6} {memory:>5} ?        Ssl  {since:>5} {:>3}:{:02} {command}",
            "2.5",
            *memory as f64 / 20_000.0,
            memory * 14,
            used / 60,
            used % 60
        ),
        _ => format!(
            "root     {pid:>7} {parent:>7}  2 {since:>5} ?        {:02}:{:02}:{:02} {command}",
            used / 3600,
            used / 60 % 60,
            used % 60
        ),
    }
}

/// A socket that a process listens at.
struct Listener {
    address: String,
    port: u16,
    program: String,
    pid: u32,
}

/// What listens on a node, in the order of the programs.
fn listeners(state: &NodeState) -> Vec<Listener> {
    let mut all = Vec::new();
    let mut add = |address: &str, port: u16, program: &str, pid: u32| {
        all.push(Listener { address: address.into(), port, program: program.into(), pid });
    };
    // `ssh.socket`: systemd listens, and starts a server for whoever comes.
    add("0.0.0.0", 22, "systemd", 1);
    if let Some(kubelet) = unit("kubelet") {
        add("127.0.0.1", 10248, "kubelet", kubelet.pid);
        add("*", 10250, "kubelet", kubelet.pid);
    }
    if let Some(containerd) = unit("containerd") {
        add("127.0.0.1", 34_567, "containerd", containerd.pid);
    }
    for container in state.containers.iter().filter(|c| c.state == State::Running) {
        let pid = container.process();
        let flag = |name: &str| {
            container
                .spec
                .argv
                .iter()
                .rev()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        match container.spec.program() {
            Some("kube-apiserver") if container.ready => {
                let port = flag("--secure-port").and_then(|port| port.parse().ok()).unwrap_or(6443);
                add("*", port, "kube-apiserver", pid);
            }
            Some("etcd") => {
                for name in ["--listen-client-urls", "--listen-peer-urls", "--listen-metrics-urls"] {
                    for url in flag(name).unwrap_or_default().split(',') {
                        let address = url.rsplit('/').next().unwrap_or_default();
                        if let Some((host, port)) = address.rsplit_once(':') {
                            add(host, port.parse().unwrap_or(0), "etcd", pid);
                        }
                    }
                }
            }
            Some("kube-controller-manager") => add("127.0.0.1", 10257, "kube-controller", pid),
            Some("kube-scheduler") => add("127.0.0.1", 10259, "kube-scheduler", pid),
            _ if container.spec.name == "kube-proxy" => {
                add("127.0.0.1", 10249, "kube-proxy", pid);
                add("*", 10256, "kube-proxy", pid);
            }
            _ => {}
        }
    }
    all
}

/// Runs ss; the exit status comes back.
pub fn ss_main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let letters: String =
        words.iter().filter(|w| !w.starts_with("--")).map(|w| w.trim_start_matches('-')).collect();
    let has = |short: char, long: &str| letters.contains(short) || words.iter().any(|w| w == long);
    let state = state().filter(|_| has('t', "--tcp") || !has('u', "--udp"));
    let processes = has('p', "--processes");
    let mut out = format!(
        "State  Recv-Q Send-Q Local Address:Port  Peer Address:Port{}\n",
        if processes { "Process" } else { "" }
    );
    if has('l', "--listening") || has('a', "--all") {
        for listener in state.iter().flat_map(listeners) {
            let peer = if listener.address == "*" { "*:*" } else { "0.0.0.0:*" };
            let Listener { address, port, program, pid } = &listener;
            out += &format!("LISTEN 0      4096   {:>24} {peer:>17}", format!("{address}:{port}"));
            if processes {
                out += &format!(" users:((\"{program}\",pid={pid},fd=3))");
            }
            out.push('\n');
        }
    }
    i32::from(io::stdout().write_all(out.as_bytes()).is_err())
}

/// Runs netstat; the exit status comes back.
pub fn netstat_main(_args: Vec<OsString>) -> i32 {
    let mut out = "Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name    \n".to_owned();
    for Listener { address, port, program, pid } in state().iter().flat_map(listeners) {
        let (proto, address, peer) =
            if address == "*" { ("tcp6", "::".to_owned(), ":::*") } else { ("tcp", address, "0.0.0.0:*") };
        let local = format!("{address}:{port}");
        let name: String = format!("{pid}/{program}").chars().take(19).collect();
        out += &format!("{proto:<5}      0      0 {local:<23} {peer:<23} LISTEN      {name:<19} \n");
    }
    i32::from(io::stdout().write_all(out.as_bytes()).is_err())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_usual_ways_to_ask_for_everything_are_known() {
        let of = |text: &str| layout(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for text in ["aux", "-aux", "auxf", "auxww", "aux --no-headers"] {
            assert_eq!(of(text), Layout::Bsd, "{text}");
        }
        for text in ["-ef", "-Af", "-eF"] {
            assert_eq!(of(text) == Layout::Full, text != "-eF", "{text}");
        }
        for text in ["-eo pid", "aux --sort=-rss", "-p 1", "ax"] {
            assert_eq!(of(text), Layout::Other, "{text}");
        }
    }

    #[test]
    fn a_row_fits_the_head() {
        let since = Timestamp::from_second(1_800_000_000).unwrap();
        let process =
            Process { pid: 1234, parent: 1, since, memory: 260_000, command: "kube-apiserver --a".into() };
        let row = row(&Layout::Full, &process, since + jiff::SignedDuration::from_secs(4000));
        assert_eq!(row.find("kube-apiserver"), head(&Layout::Full).find("CMD"));
        assert!(row.contains("00:01:40 kube-apiserver --a"), "{row}");
    }
}
