//! `crictl inspect`, `inspectp`, `inspecti`, `info` and `imagefsinfo`.
//!
//! Upstream: `cmd/crictl/{container,sandbox,image,info,util}.go`; containerd `pkg/cri/server/*_status.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Options;
use super::json::inspected;
use super::{Failure, facts, is_newer, list, release_of};
use crate::kubelet::runtime::{Container, Sandbox, State, exit_reason};
use crate::kubelet::socket::NodeState;
use crate::kubelet::tools::text::{ago, go_time, human_size};

mod template;

/// One whole object, as its `status` and `info`, and as a table.
struct Shown {
    json: Value,
    table: String,
}

/// The objects in the wanted format: one alone, several as an array. `what` is what a failure is put down to.
fn show(all: Vec<Shown>, options: &Options, what: &str) -> Result<String, Failure> {
    let format = options.output("json");
    if format == "table" {
        return Ok(all.into_iter().map(|one| one.table).collect());
    }
    let mut values: Vec<Value> = all.into_iter().map(|one| one.json).collect();
    let value = if values.len() == 1 { values.remove(0) } else { Value::Array(values) };
    shown(&value, options, what)
}

fn shown(value: &Value, options: &Options, what: &str) -> Result<String, Failure> {
    let format = options.output("json");
    if format == "go-template" {
        let template = options.value("template").unwrap_or_default();
        return template::fill(template, value)
            .map(|text| text + "\n")
            .map_err(|why| Failure::Fatal(format!("{what}: execute template: {why}")));
    }
    inspected(value, format).ok_or_else(|| Failure::Fatal(format!("{what}: unsupported format: {format:?}")))
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or("0001-01-01T00:00:00Z".to_owned(), |t| format!("{t:.9}"))
}

/// `crictl inspect`: those of the given ids, else all that run.
pub fn containers(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let mut all = Vec::new();
    if options.arguments.is_empty() {
        // The newer one takes no notice of --name here.
        let all_names = is_newer(release_of(state)).then(|| options.without("name"));
        all.extend(list::chosen(state, all_names.as_ref().unwrap_or(options))?);
        if all.is_empty() {
            super::log("error", "No IDs provided or nothing found per filter");
            return Err(Failure::Help);
        }
    }
    for id in &options.arguments {
        all.push(find(state, id).map_err(|why| {
            let line =
                format!("\"ContainerStatus from runtime service failed\" err={why:?} containerID={id:?}");
            Failure::Runtime(line, format!("get the status of containers: get container status: {why}"))
        })?);
    }
    show(
        all.into_iter().map(|c| container(state, c, options)).collect(),
        options,
        "get the status of containers",
    )
}

/// The one that was found, if it was one.
fn only<T>(mut found: impl Iterator<Item = T>) -> Option<T> {
    found.next().filter(|_| found.next().is_none())
}

/// The container of an id or of its first digits; the error is containerd's.
pub fn find<'a>(state: &'a NodeState, id: &str) -> Result<&'a Container, String> {
    only(state.containers.iter().filter(|c| c.id.starts_with(id))).ok_or_else(|| {
        format!(
            "rpc error: code = NotFound desc = an error occurred when try to find container {id:?}: not found"
        )
    })
}

fn container(state: &NodeState, c: &Container, options: &Options) -> Shown {
    let (labels, annotations) = (facts::container_labels(c), facts::container_annotations(state, c));
    let image = &c.spec.image;
    let id = format!("sha256:{}", crate::kubelet::runtime::images::id(image));
    let mounts = facts::mounts(state, c);
    let status_mounts: Vec<_> = mounts
        .iter()
        .map(|(inside, outside, read_only)| {
            json!({"containerPath": inside, "hostPath": outside, "readonly": read_only, "propagation": "PROPAGATION_PRIVATE",
                "recursiveReadOnly": false, "selinuxRelabel": false, "gidMappings": [], "uidMappings": []})
        })
        .collect();
    let config_mounts: Vec<_> = mounts
        .iter()
        .map(|(inside, outside, read_only)| {
            let mut mount = json!({"container_path": inside, "host_path": outside});
            if *read_only {
                mount["readonly"] = json!(true);
            }
            mount
        })
        .collect();
    let shares = facts::cpu_shares(state, c);
    let word = format!("CONTAINER_{}", list::state_word(c.state).to_uppercase());
    let mut status = json!({
        "annotations": annotations, "createdAt": time(Some(c.created)), "exitCode": c.exit.unwrap_or(0),
        "finishedAt": time(c.finished), "id": c.id,
        "image": list::image_spec(state, image),
        "imageId": "", "imageRef": id, "labels": labels, "logPath": c.log_path, "message": "",
        "metadata": {"attempt": c.attempt, "name": c.spec.name}, "mounts": status_mounts,
        "reason": c.exit.map_or("", exit_reason),
        "resources": {"linux": {"cpuPeriod": "100000", "cpuQuota": "0", "cpuShares": shares.to_string(), "cpusetCpus": "",
            "cpusetMems": "", "hugepageLimits": [], "memoryLimitInBytes": "0", "memorySwapLimitInBytes": "0",
            "oomScoreAdj": "0", "unified": {}}},
        "startedAt": time(c.started), "state": word, "user": null,
    });
    if is_newer(release_of(state)) {
        status["stopSignal"] = json!("RUNTIME_DEFAULT");
        for mount in status["mounts"].as_array_mut().into_iter().flatten() {
            mount["imageSubPath"] = json!("");
        }
    }
    let running = c.state == State::Running;
    let info = json!({
        "sandboxID": c.sandbox, "pid": if running { c.process() } else { 0 }, "removing": false,
        "snapshotKey": c.id, "snapshotter": "overlayfs", "runtimeType": "io.containerd.runc.v2",
        "runtimeOptions": {"systemd_cgroup": true},
        "config": {"metadata": {"name": c.spec.name, "attempt": c.attempt}, "image": {"image": id}, "command": c.spec.argv,
            "labels": labels, "annotations": annotations, "mounts": config_mounts,
            "log_path": format!("{}/{}.log", c.spec.name, c.attempt),
            "linux": {"resources": {"cpu_period": 100_000, "cpu_shares": shares}}},
        "runtimeSpec": {"ociVersion": "1.1.0", "process": {"args": c.spec.argv, "cwd": "/"},
            "linux": {"cgroupsPath": format!("{}:cri-containerd:{}", facts::cgroup_parent(state, &c.pod.uid).rsplit('/').next().unwrap_or_default(), c.id)},
            "annotations": {"io.kubernetes.cri.container-name": c.spec.name, "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.cri.image-name": image, "io.kubernetes.cri.sandbox-id": c.sandbox,
                "io.kubernetes.cri.sandbox-name": c.pod.name, "io.kubernetes.cri.sandbox-namespace": c.pod.namespace,
                "io.kubernetes.cri.sandbox-uid": c.pod.uid}},
    });
    let mut table = format!("ID: {}\nName: {}\n", c.id, c.spec.name);
    if c.attempt != 0 {
        table += &format!("Attempt: {}\n", c.attempt);
    }
    table += &format!("State: {word}\nCreated: {}\n", ago(c.created, state.now));
    if c.state != State::Created {
        table += &format!("Started: {}\n", ago(c.started.unwrap_or(c.created), state.now));
    }
    if let Some(finished) = c.finished {
        table += &format!("Finished: {}\nExit Code: {}\n", ago(finished, state.now), c.exit.unwrap_or(0));
    }
    table += &format!("Labels:\n{}Annotations:\n{}", facts::arrows(&labels), facts::arrows(&annotations));
    if !options.has("quiet") {
        table += &format!("Info: map[info:{info}]\n");
    }
    Shown { json: whole(status, info, options), table }
}

fn whole(status: Value, info: Value, options: &Options) -> Value {
    if options.has("quiet") { json!({"status": status}) } else { json!({"info": info, "status": status}) }
}

/// `crictl inspectp`: those of the given ids, else all.
pub fn sandboxes(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let mut all = Vec::new();
    if options.arguments.is_empty() {
        all.extend(list::chosen_pods(state, options)?);
    }
    for id in &options.arguments {
        all.push(find_sandbox(state, id).map_err(|why| {
            Failure::Fatal(format!("get the status of pod sandboxes: get pod sandbox status: {why}"))
        })?);
    }
    show(
        all.into_iter().map(|s| sandbox(state, s, options)).collect(),
        options,
        "get the status of pod sandboxes",
    )
}

/// The sandbox of an id or of its first digits; the error is containerd's.
pub fn find_sandbox<'a>(state: &'a NodeState, id: &str) -> Result<&'a Sandbox, String> {
    only(state.sandboxes.iter().filter(|s| s.id.starts_with(id))).ok_or_else(|| {
        "rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found".into()
    })
}

fn sandbox(state: &NodeState, s: &Sandbox, options: &Options) -> Shown {
    let (labels, annotations) = (facts::pod_labels(state, &s.pod), facts::pod_annotations(state, &s.pod));
    let host = facts::on_host_network(state, &s.pod.uid);
    let ip = if host { "" } else { state.pod_addresses.get(&s.pod.uid).map_or("", String::as_str) };
    let status = json!({
        "annotations": annotations, "createdAt": time(Some(s.created)), "id": s.id, "labels": labels,
        "linux": {"namespaces": {"options": {"ipc": "POD", "network": if host { "NODE" } else { "POD" }, "pid": "CONTAINER",
            "targetId": ""}}},
        "metadata": facts::pod_metadata(s), "network": {"additionalIps": [], "ip": ip}, "runtimeHandler": "",
        "state": facts::sandbox_state(s),
    });
    let info = json!({
        "pid": if s.ready { s.process() } else { 0 }, "processStatus": if s.ready { "running" } else { "deleted" },
        "netNamespaceClosed": !s.ready && !host, "image": release_of(state).image_tag("registry.k8s.io/pause:PAUSE"),
        "snapshotKey": s.id, "snapshotter": "overlayfs", "runtimeHandler": "", "runtimeType": "io.containerd.runc.v2",
        "runtimeOptions": {"systemd_cgroup": true}, "cniResult": null,
        "config": {"metadata": facts::pod_metadata(s), "labels": labels, "annotations": annotations, "dns_config": {},
            "log_directory": format!("/var/log/pods/{}_{}_{}", s.pod.namespace, s.pod.name, s.pod.uid),
            "linux": {"cgroup_parent": facts::cgroup_parent(state, &s.pod.uid)}},
    });
    let mut table = format!(
        "ID: {}\nName: {}\nUID: {}\nNamespace: {}\nAttempt: {}\nStatus: {}\nCreated: {}\nIP Addresses: {ip}\nLabels:\n{}Annotations:\n{}",
        s.id,
        s.pod.name,
        s.pod.uid,
        s.pod.namespace,
        s.attempt,
        facts::sandbox_state(s),
        go_time(s.created),
        facts::arrows(&labels),
        facts::arrows(&annotations)
    );
    if !options.has("quiet") {
        table += &format!("Info: map[info:{info}]\n");
    }
    Shown { json: whole(status, info, options), table }
}

/// `crictl inspecti`: those of the given names or ids, else all.
pub fn images(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let all = list::all_images(state);
    let mut wanted = Vec::new();
    for name in &options.arguments {
        let id = name.strip_prefix("sha256:").unwrap_or(name);
        let full = crate::kubelet::runtime::images::full_name(name);
        let found =
            all.iter().find(|(image, hash, _)| *image == full || (id.len() > 4 && hash.starts_with(id)));
        wanted.push(found.ok_or_else(|| format!("no such image {name:?} present"))?);
    }
    if options.arguments.is_empty() {
        wanted.extend(&all);
    }
    let shown = wanted.into_iter().map(|(name, id, size)| {
        let status = list::image(name, id, *size);
        let info = json!({"imageSpec": {"architecture": "amd64", "os": "linux", "config": {}}});
        let mut table = format!("ID: sha256:{id}\nTag: {name}\nSize: {}\n", list::human_size_of_image(*size));
        if !options.has("quiet") {
            table += &format!("Info: map[info:{info}]\n");
        }
        Shown { json: whole(status, info, options), table }
    });
    show(shown.collect(), options, "get the status of images")
}

/// `crictl info`
pub fn info(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let condition = |kind: &str| json!({"message": "", "reason": "", "status": true, "type": kind});
    let sandbox = release_of(state).image_tag("registry.k8s.io/pause:PAUSE");
    let runc = json!({"runtimeType": "io.containerd.runc.v2", "options": {"SystemdCgroup": true}, "snapshotter": ""});
    let info = json!({
        "cniconfig": {"Networks": [{"Config": {"Name": "k8s-pod-network", "CNIVersion": "0.3.1"}, "IFName": "eth0"}],
            "PluginConfDir": "/etc/cni/net.d", "PluginDirs": ["/opt/cni/bin"], "PluginMaxConfNum": 1, "Prefix": "eth"},
        "config": {"cni": {"binDir": "/opt/cni/bin", "confDir": "/etc/cni/net.d", "maxConfNum": 1},
            "containerd": {"defaultRuntimeName": "runc", "runtimes": {"runc": runc}, "snapshotter": "overlayfs"},
            "containerdEndpoint": "/run/containerd/containerd.sock", "containerdRootDir": "/var/lib/containerd",
            "rootDir": "/var/lib/containerd/io.containerd.grpc.v1.cri", "sandboxImage": sandbox,
            "stateDir": "/run/containerd/io.containerd.grpc.v1.cri"},
        "golang": "go1.20.13", "lastCNILoadStatus": "OK", "lastCNILoadStatus.default": "OK",
        "status": {"conditions": [condition("RuntimeReady"), condition("NetworkReady")]},
    });
    let info = if options.has("quiet") { json!({"status": info["status"]}) } else { info };
    shown(&info, options, "getting status of runtime")
}

/// `crictl imagefsinfo`
pub fn file_system(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let images = list::all_images(state);
    let bytes: u64 = images.iter().map(|(_, _, size)| size).sum();
    let mountpoint = "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs";
    let (now, inodes) = (state.now.as_nanosecond(), images.len() * 35);
    if options.value("output") == Some("table") {
        return Ok(format!(
            "Container Filesystem \nImage Filesystem \nTimeStamp[0]: {now}\nDisk[0]: {}\nInodes[0]: {inodes}\nMountpoint[0]: {mountpoint}\n",
            human_size(bytes)
        ));
    }
    let info = json!({"status": {"containerFilesystems": [], "imageFilesystems": [{
        "fsId": {"mountpoint": mountpoint}, "inodesUsed": {"value": inodes.to_string()}, "timestamp": now.to_string(),
        "usedBytes": {"value": bytes.to_string()}}]}});
    shown(&info, options, "get image filesystem info")
}
