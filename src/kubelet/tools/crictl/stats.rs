//! `crictl stats` and `statsp`.
//!
//! Upstream: `cmd/crictl/{container_stats,pod_stats,display}.go`. The programs of emulated containers are parts of one process, so
//! that nobody can tell what each of them uses: the figures are those of the real programs on a quiet cluster, and follow the clock.

use serde_json::{Value, json};

use super::args::Options;
use super::{Failure, facts, formatted};
use crate::kubelet::runtime::{Container, State};
use crate::kubelet::services::process_id;
use crate::kubelet::socket::NodeState;
use crate::kubelet::tools::text::{columns, human_size};

/// What clears a terminal: a table may be drawn again and again.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What the real programs use: name, parts of a core in percent, bytes of memory.
const QUIET: [(&str, f64, u64); 6] = [
    ("kube-apiserver", 3.25, 193_000_000),
    ("kube-controller-manager", 1.54, 38_430_000),
    ("etcd", 1.55, 37_490_000),
    ("kube-scheduler", 0.31, 15_970_000),
    ("kube-proxy", 0.04, 14_200_000),
    ("coredns", 0.11, 13_100_000),
];

/// What one container uses.
struct Usage {
    cpu: f64,
    memory: u64,
    disk: u64,
    inodes: u64,
}

fn usage(container: &Container, state: &NodeState) -> Usage {
    if container.state != State::Running {
        return Usage { cpu: 0.0, memory: 0, disk: 0, inodes: 0 };
    }
    let (cpu, memory) = QUIET
        .iter()
        .find(|(name, ..)| *name == container.spec.name)
        .map_or((0.02, 5_400_000), |(_, c, m)| (*c, *m));
    // A wave a container, of a minute, so that two looks differ as they do on a real node.
    let phase = f64::from(process_id(&container.id)) + state.now.as_millisecond() as f64 / 9500.0;
    let wave = 1.0 + phase.sin() / 8.0;
    Usage {
        cpu: cpu * wave,
        memory: (memory as f64 * (1.0 + phase.sin() / 60.0)) as u64,
        disk: 45_056,
        inodes: 14,
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
pub fn containers(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let all = wanted(state, options)?;
    let format = options.output("table");
    if format != "table" {
        let stats: Vec<Value> = all.iter().map(|c| json_stats(state, c)).collect();
        return formatted(&json!({"stats": stats}), format)
            .map_err(|e| format!("get container stats: {e}").into());
    }
    let mut rows = vec![["CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|c| {
        let used = usage(c, state);
        vec![
            c.id.chars().take(13).collect(),
            c.spec.name.clone(),
            format!("{:.2}", used.cpu),
            human_size(used.memory),
            human_size(used.disk),
            used.inodes.to_string(),
        ]
    }));
    Ok(format!("{CLEAR}{}", columns(&rows, 20, 3)))
}

fn json_stats(state: &NodeState, c: &Container) -> Value {
    let used = usage(c, state);
    let now = state.now.as_nanosecond().to_string();
    let value = |n: u64| json!({"value": n.to_string()});
    let lived = state.now.duration_since(c.started.unwrap_or(c.created)).as_secs_f64();
    json!({
        "attributes": {"id": c.id, "metadata": {"name": c.spec.name, "attempt": c.attempt},
            "labels": facts::container_labels(c), "annotations": facts::container_annotations(state, c)},
        "cpu": {"timestamp": now, "usageCoreNanoSeconds": value((lived * used.cpu * 1e7) as u64),
            "usageNanoCores": value((used.cpu * 1e7) as u64)},
        "memory": {"timestamp": now, "workingSetBytes": value(used.memory), "availableBytes": value(0),
            "usageBytes": value(used.memory), "rssBytes": value(used.memory), "pageFaults": value(0), "majorPageFaults": value(0)},
        "writableLayer": {"timestamp": now, "usedBytes": value(used.disk), "inodesUsed": value(used.inodes),
            "fsId": {"mountpoint": "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs"}},
        "swap": null,
    })
}

/// `crictl statsp`
pub fn sandboxes(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let labels = options.labels()?;
    let id = options.value("id").or_else(|| options.arguments.first().map(String::as_str));
    let mut all: Vec<_> = state
        .sandboxes
        .iter()
        .filter(|s| s.ready && id.is_none_or(|id| s.id.starts_with(id)))
        .filter(|s| facts::has_labels(&facts::pod_labels(state, &s.pod), &labels))
        .collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    let format = options.output("table");
    if format != "table" {
        let stats: Vec<Value> = all
            .iter()
            .map(|s| {
                let inside = state.containers.iter().filter(|c| c.sandbox == s.id).map(|c| json_stats(state, c));
                json!({"attributes": {"id": s.id, "metadata": facts::pod_metadata(s), "labels": facts::pod_labels(state, &s.pod),
                    "annotations": facts::pod_annotations(state, &s.pod)}, "linux": {"containers": inside.collect::<Vec<_>>()}})
            })
            .collect();
        return formatted(&json!({"stats": stats}), format).map_err(|e| format!("get pod stats: {e}").into());
    }
    let mut rows = vec![["POD", "POD ID", "CPU %", "MEM"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|s| {
        let inside = state.containers.iter().filter(|c| c.sandbox == s.id).map(|c| usage(c, state));
        let (cpu, memory) =
            inside.fold((0.02, 1_050_000), |(cpu, memory), u| (cpu + u.cpu, memory + u.memory));
        vec![s.pod.name.clone(), s.id.chars().take(13).collect(), format!("{cpu:.2}"), human_size(memory)]
    }));
    Ok(format!("{CLEAR}{}", columns(&rows, 20, 3)))
}
