//! Many labs one after the other, and many at once: what they leave behind, and what they take.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::program::{command, end, memory, ready};

const CYCLES: usize = 200;
const LABS: usize = 20;
const LIMIT: Duration = Duration::from_secs(60);

/// A lab that runs, and its directory of temporary files.
fn up(home: &Path, name: &str, temporary: &Path) -> (Child, serde_json::Value) {
    let mut child = command(home, &["--name", name, "up", "apiserver-node-restriction", "--json"])
        .env("TMPDIR", temporary)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let info = ready(&mut child).unwrap();
    (child, info)
}

fn links(of: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten().map(|e| e.path());
    let pids = entries.filter(|p| p.file_name().unwrap().to_string_lossy().parse::<u32>().is_ok());
    pids.filter_map(|p| std::fs::read_link(p.join("ns").join(of)).ok())
        .map(|link| link.display().to_string())
        .collect()
}

/// Every file below a directory.
fn files(dir: &Path, all: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        all.insert(path.display().to_string());
        if path.is_dir() && !path.is_symlink() {
            files(&path, all);
        }
    }
}

/// What a lab could leave on the machine, of a kind each.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    /// Processes with the state directory in their mounts or their words.
    processes: Vec<String>,
    mounts: usize,
    sockets: usize,
    interfaces: usize,
    temporary: BTreeSet<String>,
}

fn left(home: &Path, temporary: &Path) -> Left {
    let mark = home.display().to_string();
    let read = |path: &Path| std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
    let own = std::process::id().to_string();
    let pids = std::fs::read_dir("/proc").unwrap().flatten().map(|e| e.path());
    let processes =
        pids.filter(|p| !p.ends_with(&own) && !p.ends_with("self") && !p.ends_with("thread-self"));
    let processes = processes.filter(|p| {
        ["mountinfo", "environ"].iter().any(|f| read(&p.join(f)).is_ok_and(|text| text.contains(&mark)))
    });
    let mut in_temporary = BTreeSet::new();
    files(temporary, &mut in_temporary);
    Left {
        processes: processes.map(|p| read(&p.join("cmdline")).unwrap_or_default()).collect(),
        mounts: read(Path::new("/proc/self/mountinfo")).unwrap().lines().count(),
        sockets: read(Path::new("/proc/net/unix")).unwrap().matches(&mark).count(),
        interfaces: std::fs::read_dir("/sys/class/net").map_or(0, Iterator::count),
        temporary: in_temporary,
    }
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn two_hundred_labs_one_after_the_other_leave_nothing() {
    let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let namespaces = || ["net", "mnt", "pid", "user", "ipc", "uts"].map(|kind| links(kind).len());
    let before = (left(home.path(), temporary.path()), namespaces());
    let mut first = BTreeSet::new();
    let begun = Instant::now();
    for cycle in 0..CYCLES {
        let (mut child, _) = up(home.path(), "default", temporary.path());
        assert_eq!(end(&mut child, Signal::TERM, LIMIT), 0, "cycle {cycle}");
        let now = left(home.path(), temporary.path());
        assert_eq!(now, before.0, "cycle {cycle}");
        // Logs are named by what wrote them; everything else is there once and for all.
        let mut there = BTreeSet::new();
        files(home.path(), &mut there);
        let all = there.len();
        there.retain(|path| !path.contains("/var/log/"));
        assert!(all - there.len() < 100, "cycle {cycle}: {} logs", all - there.len());
        if cycle == 1 {
            first = there;
        } else if cycle > 1 {
            assert_eq!(there.difference(&first).collect::<Vec<_>>(), [] as [&String; 0], "cycle {cycle}");
        }
    }
    // Other programs of the machine come and go: what 200 labs left would be seen all the same.
    for (kind, (then, now)) in
        ["net", "mnt", "pid", "user", "ipc", "uts"].iter().zip(before.1.iter().zip(namespaces()))
    {
        assert!(now < then + CYCLES / 4, "{kind} namespaces: {then} before, {now} now");
    }
    eprintln!(
        "{CYCLES} labs, one after the other: {:.2} s each from nothing to ready and gone",
        begun.elapsed().as_secs_f64() / CYCLES as f64
    );
}

/// The median time of a command on a node: through the control socket, a new process there, a request to the API server.
fn latency(home: &Path, name: &str) -> Duration {
    let words = ["--name", name, "exec", "node01", "--", "bash", "-c", "exec 3<>/dev/tcp/172.30.1.2/6443"];
    let mut times: Vec<_> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            assert!(command(home, &words).status().unwrap().success(), "{name} answers");
            begun.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn twenty_labs_at_once() {
    let (home, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let names: Vec<_> = (0..LABS).map(|n| format!("lab{n}")).collect();
    let mut labs = vec![up(home.path(), &names[0], temporary.path()).0];
    let alone = latency(home.path(), &names[0]);
    labs.extend(names[1..].iter().map(|name| up(home.path(), name, temporary.path()).0));
    let pss: u64 = labs.iter().map(|lab| memory(lab.id())).sum();
    let mut each: Vec<_> = names.iter().map(|name| latency(home.path(), name)).collect();
    each.sort();
    eprintln!(
        "{LABS} labs at once: {} MiB in all (PSS); a command on a node takes {:.1} ms in a lab alone, {:.1} ms (median) and {:.1} ms (slowest) among {LABS}",
        pss / 1024,
        alone.as_secs_f64() * 1e3,
        each[LABS / 2].as_secs_f64() * 1e3,
        each[LABS - 1].as_secs_f64() * 1e3,
    );
    assert!(pss < 1 << 20, "{} MiB", pss / 1024);
    for lab in &mut labs {
        assert_eq!(end(lab, Signal::TERM, LIMIT), 0);
    }
}
