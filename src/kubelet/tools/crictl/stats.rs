//! `crictl stats` and `statsp`.
//!
//! Upstream: `cmd/crictl/{container_stats,pod_stats,display}.go`. What is told is what the container's process on the node uses. The
//! emulated API server is a part of the lab's own process: it is told as that whole process, and the rest of the emulated programs
//! as the processes that stand for them, which do next to nothing. They have no files of their own.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Options;
use super::json::listed;
use super::{Failure, facts, is_newer, release_of};
use crate::kubelet::runtime::{Container, Sandbox, State};
use crate::kubelet::socket::NodeState;
use crate::kubelet::tools::text::{columns, human_size};
use crate::kubelet::usage::Used;

/// What clears a terminal: a table may be drawn again and again.
pub const CLEAR: &str = "\x1b[2J\x1b[H";

/// One look at a node.
pub struct Look {
    /// What runs on it.
    pub state: NodeState,
    /// What the lab's own process has used, where the API server is a part of it.
    pub server: Option<Used>,
    /// When that was.
    pub at: Instant,
}

impl Look {
    fn of(&self, container: &Container) -> Used {
        match (&self.server, container.pid) {
            _ if container.state != State::Running => Used::default(),
            (Some(used), _) if container.spec.name == "kube-apiserver" => *used,
            (_, Some(pid)) => Used::of(&pid.to_string()),
            (_, None) => Used::default(),
        }
    }

    fn of_pod(&self, sandbox: &Sandbox) -> Used {
        let own = sandbox.pid.map_or_else(Used::default, |pid| Used::of(&pid.to_string()));
        self.inside(sandbox).map(|c| self.of(c)).fold(own, Used::and)
    }

    fn inside<'a>(&'a self, sandbox: &'a Sandbox) -> impl Iterator<Item = &'a Container> {
        self.state.containers.iter().filter(|c| c.sandbox == sandbox.id)
    }
}

/// A row of a table: its first cells, and what it has used.
struct Row {
    id: String,
    name: String,
    used: Used,
}

/// Lays out rows, each with its part of a processor in percent.
type Table<'a> = &'a dyn Fn(&Look, &[(Row, f64)]) -> String;

/// Draws the table of `rows`, once or until somebody ends it; between the two looks of each are the wanted seconds.
fn draw(
    look: &dyn Fn() -> Result<Look, Failure>,
    options: &Options,
    rows: &dyn Fn(&Look) -> Vec<Row>,
    table: Table<'_>,
    output: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let seconds = options.number("seconds").map_err(Failure::Usage)?.unwrap_or(1);
    let wait = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    loop {
        let first = look()?;
        let (before, begun) = (rows(&first), first.at);
        let (last, after) = if wait.is_zero() {
            (
                first,
                before
                    .iter()
                    .map(|row| Row { id: row.id.clone(), name: row.name.clone(), used: row.used })
                    .collect(),
            )
        } else {
            std::thread::sleep(wait);
            let last = look()?;
            let after = rows(&last);
            (last, after)
        };
        let passed = last.at.duration_since(begun).max(Duration::from_millis(1));
        let shares: Vec<(Row, f64)> = after
            .into_iter()
            .map(|row| {
                let then = before.iter().find(|b| b.id == row.id).map_or(row.used.cpu, |b| b.used.cpu);
                let share = row.used.cpu.saturating_sub(then) as f64 / passed.as_nanos() as f64;
                (row, share * 100.0)
            })
            // What uses nothing at all does not run.
            .filter(|(row, _)| options.has("all") || row.used.cpu > 0 || row.used.memory > 0)
            .collect();
        output(&format!("{CLEAR}{}", table(&last, &shares)))?;
        if !options.has("watch") {
            return Ok(());
        }
    }
}

fn wanted<'a>(state: &'a NodeState, options: &Options) -> Result<Vec<&'a Container>, Failure> {
    let labels = options.labels()?;
    let id = options.value("id").or_else(|| options.arguments.first().map(String::as_str));
    let mut all: Vec<_> = state
        .containers
        .iter()
        .filter(|c| options.has("all") || c.state == State::Running)
        .filter(|c| id.is_none_or(|id| c.id.starts_with(id)))
        .filter(|c| options.value("pod").is_none_or(|p| c.sandbox.starts_with(p)))
        .filter(|c| facts::has_labels(&facts::container_labels(c), &labels))
        .collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

/// `crictl stats`
pub fn containers(
    look: &dyn Fn() -> Result<Look, Failure>,
    options: &Options,
    output: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let format = options.output("table");
    if ["json", "yaml"].contains(&format) {
        let look = look()?;
        let stats: Vec<Value> = wanted(&look.state, options)?.iter().map(|c| json_stats(&look, c)).collect();
        return output(&listed(&json!({"stats": stats}), format).unwrap_or_default());
    }
    options.labels()?;
    let rows = |look: &Look| {
        let all = wanted(&look.state, options).unwrap_or_default();
        all.iter().map(|c| Row { id: c.id.clone(), name: c.spec.name.clone(), used: look.of(c) }).collect()
    };
    let table = |look: &Look, rows: &[(Row, f64)]| {
        let heads = ["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES", "SWAP"];
        let mut cells = vec![heads.map(str::to_owned).to_vec()];
        cells.extend(rows.iter().map(|(row, share)| {
            vec![
                row.id.chars().take(13).collect(),
                row.name.clone(),
                format!("{share:.2}"),
                human_size(row.used.memory),
                human_size(0),
                "0".into(),
                human_size(0),
            ]
        }));
        if !is_newer(release_of(&look.state)) {
            cells.iter_mut().for_each(|row| row.truncate(heads.len() - 1));
        }
        columns(&cells, 20, 3)
    };
    draw(look, options, &rows, &table, output)
}

/// Processor time and memory as the runtime's messages have them, of something that began at `since`.
fn messages(state: &NodeState, used: Used, since: Timestamp) -> (Value, Value) {
    let now = state.now.as_nanosecond().to_string();
    let value = |n: u64| json!({"value": n.to_string()});
    let lived = state.now.duration_since(since).as_secs_f64().max(1.0);
    let cpu = json!({"timestamp": now, "usageCoreNanoSeconds": value(used.cpu),
        "usageNanoCores": value((used.cpu as f64 / lived) as u64)});
    let memory = json!({"timestamp": now, "workingSetBytes": value(used.memory), "availableBytes": value(0),
        "usageBytes": value(used.memory), "rssBytes": value(used.memory), "pageFaults": value(used.faults.0),
        "majorPageFaults": value(used.faults.1)});
    (cpu, memory)
}

fn json_stats(look: &Look, c: &Container) -> Value {
    let state = &look.state;
    let (cpu, memory) = messages(state, look.of(c), c.started.unwrap_or(c.created));
    let none = json!({"value": "0"});
    json!({
        "attributes": {"id": c.id, "metadata": {"name": c.spec.name, "attempt": c.attempt},
            "labels": facts::container_labels(c), "annotations": facts::container_annotations(state, c)},
        "cpu": cpu, "memory": memory,
        "writableLayer": {"timestamp": state.now.as_nanosecond().to_string(), "usedBytes": none, "inodesUsed": none,
            "fsId": {"mountpoint": "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs"}},
    })
}

fn wanted_pods<'a>(state: &'a NodeState, options: &Options) -> Result<Vec<&'a Sandbox>, Failure> {
    let labels = options.labels()?;
    let id = options.value("id").or_else(|| options.arguments.first().map(String::as_str));
    let mut all: Vec<_> = state
        .sandboxes
        .iter()
        .filter(|s| s.ready && id.is_none_or(|id| s.id.starts_with(id)))
        .filter(|s| facts::has_labels(&facts::pod_labels(state, &s.pod), &labels))
        .collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

/// `crictl statsp`
pub fn sandboxes(
    look: &dyn Fn() -> Result<Look, Failure>,
    options: &Options,
    output: &mut dyn FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let format = options.output("table");
    if ["json", "yaml"].contains(&format) {
        let look = look()?;
        let state = &look.state;
        let one = |s: &&Sandbox| {
            let (cpu, memory) = messages(state, look.of_pod(s), s.created);
            let inside: Vec<Value> = look.inside(s).map(|c| json_stats(&look, c)).collect();
            json!({"attributes": {"id": s.id, "metadata": facts::pod_metadata(s), "labels": facts::pod_labels(state, &s.pod),
                "annotations": facts::pod_annotations(state, &s.pod)}, "linux": {"cpu": cpu, "memory": memory, "containers": inside}})
        };
        let stats: Vec<Value> = wanted_pods(state, options)?.iter().map(one).collect();
        return output(&listed(&json!({"stats": stats}), format).unwrap_or_default());
    }
    options.labels()?;
    let rows = |look: &Look| {
        let all = wanted_pods(&look.state, options).unwrap_or_default();
        all.iter().map(|s| Row { id: s.id.clone(), name: s.pod.name.clone(), used: look.of_pod(s) }).collect()
    };
    let table = |_: &Look, rows: &[(Row, f64)]| {
        let mut cells = vec![["POD", "POD ID", "CPU %", "MEM"].map(str::to_owned).to_vec()];
        cells.extend(rows.iter().map(|(row, share)| {
            let id = row.id.chars().take(13).collect();
            vec![row.name.clone(), id, format!("{share:.2}"), human_size(row.used.memory)]
        }));
        columns(&cells, 20, 3)
    };
    draw(look, options, &rows, &table, output)
}
