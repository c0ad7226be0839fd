//! The kubelet with the emulated runtime and a real API server: manifests in, containers and an API out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cks_lab::apiserver::audit as record;
use cks_lab::apiserver::server::{KubeletClient, LogRequest, LogStream, Network, Server};
use cks_lab::apiserver::storage::Store;
use cks_lab::clock::{SharedClock, SystemClock};
use cks_lab::cluster::sandbox::port::Held;
use cks_lab::controllers::InProcess;
use cks_lab::kubelet::runtime::{
    Container, ContainerRuntime, Containers, EmulatedServer, Environment, Servers, State,
};
use cks_lab::kubelet::timing::Timing;
use cks_lab::kubelet::{Config, Kubelet, manifests};
use cks_lab::node::Node;
use cks_lab::pki::kubeadm::{self, Layout, Member};
use tokio::net::TcpListener;
use tokio::sync::watch;

mod audit;
mod edits;
mod events;
mod measured;
mod processes;
pub mod rows;
mod table;
pub mod timeline;
mod tools;
mod waits;

const LIMIT: Duration = Duration::from_secs(60);

/// The API server's pod, as the API knows it.
const MIRROR: &str = "/api/v1/namespaces/kube-system/pods/kube-apiserver-controlplane";

/// One port of loopback, the same for every server of a lab, and nobody else's between two of them.
struct Loopback(Held);

impl Loopback {
    fn take() -> Self {
        Self(Held::take(([127, 0, 0, 1], 0).into()).unwrap())
    }

    fn port(&self) -> u16 {
        self.0.address().port()
    }
}

#[async_trait]
impl Network for Loopback {
    async fn listen(&self, _port: u16) -> std::io::Result<Vec<TcpListener>> {
        Ok(vec![self.0.listen().await?])
    }
}

/// The lab's kubelet, once it is there.
#[derive(Default)]
struct OneKubelet(std::sync::OnceLock<std::sync::Weak<Kubelet>>);

#[async_trait]
impl KubeletClient for OneKubelet {
    async fn container_logs(&self, request: LogRequest) -> Result<LogStream, String> {
        let kubelet = self.0.get().and_then(std::sync::Weak::upgrade).ok_or("no kubelet")?;
        kubelet.container_logs(&request)
    }
}

pub struct Lab {
    dir: tempfile::TempDir,
    kubelet: Arc<Kubelet>,
    runtime: Arc<dyn ContainerRuntime>,
    servers: watch::Receiver<Option<Arc<Server>>>,
    network: Arc<Loopback>,
    clock: SharedClock,
    /// How long something is waited for, by the runtime's clock.
    limit: Duration,
}

fn write_pki(dir: &Path) {
    let member = |name: &str, address: [u8; 4]| Member {
        name: name.into(),
        address: address.into(),
        root: dir.join(name),
    };
    let layout = Layout {
        control_plane: member("controlplane", [172, 30, 1, 2]),
        workers: vec![member("node01", [172, 30, 2, 2])],
        server: "https://172.30.1.2:6443".into(),
        service_address: [10, 96, 0, 1].into(),
        path_prefix: |_| String::new(),
    };
    kubeadm::ensure(&layout, jiff::Timestamp::now()).unwrap();
}

impl Lab {
    /// Starts a control plane whose manifests `change` may edit first.
    async fn start(change: impl FnOnce(&Path)) -> Self {
        Self::start_with(Timing::scaled(), Arc::new(SystemClock), LIMIT, None, change).await
    }

    /// Starts one with these waits and this clock.
    async fn start_with(
        timing: Timing,
        clock: SharedClock,
        limit: Duration,
        stands: Option<Arc<dyn Node>>,
        change: impl FnOnce(&Path),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_pki(dir.path());
        let release = cks_lab::release::default_release();
        let root = dir.path().join("controlplane");
        manifests::write_missing(&root, release).unwrap();
        change(&root.join(manifests::DIRECTORY));
        let servers = watch::Sender::new(None);
        let api = InProcess::new(servers.subscribe());
        let receiver = servers.subscribe();
        let (network, kubelets) = (Arc::new(Loopback::take()), Arc::new(OneKubelet::default()));
        let environment = Environment {
            node: "controlplane".into(),
            address: [172, 30, 1, 2].into(),
            root: root.clone(),
            release,
            clock: clock.clone(),
            timing: timing.clone(),
            api: api.clone(),
            servers: Servers::Emulated(EmulatedServer {
                store: Store::in_memory(),
                audit: Arc::new(record::Log::default()),
                network: network.clone(),
                current: servers,
                kubelets: kubelets.clone(),
            }),
            stands: stands.clone(),
        };
        let runtime: Arc<dyn ContainerRuntime> = Containers::new(environment);
        let config = Config {
            node: "controlplane".into(),
            address: [172, 30, 1, 2].into(),
            root,
            control_plane: true,
            timing,
            release,
            clock: clock.clone(),
            runtime: runtime.clone(),
            api,
            stands,
            ports: None,
        };
        let kubelet = Kubelet::start(config).await.unwrap();
        let _ = kubelets.0.set(Arc::downgrade(&kubelet));
        Self { dir, kubelet, runtime, servers: receiver, network, clock, limit }
    }

    fn manifest(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join("controlplane").join(manifests::DIRECTORY).join(name)
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.manifest(name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// The containers of a pod, newest first.
    fn containers(&self, name: &str) -> Vec<Container> {
        self.runtime.containers().into_iter().filter(|c| c.spec.name == name).collect()
    }

    /// Waits until the containers of a pod are as named.
    async fn until(&self, name: &str, what: &str, holds: impl Fn(&[Container]) -> bool) -> Vec<Container> {
        let mut changes = self.runtime.changes();
        tokio::time::timeout(self.limit, async {
            loop {
                let containers = self.containers(name);
                if holds(&containers) {
                    return containers;
                }
                changes.changed().await.unwrap();
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{what}: {:#?}", self.containers(name)))
    }

    async fn ready(&self, name: &str) -> Container {
        self.until(name, "ready", |c| c.iter().any(|c| c.ready)).await.remove(0)
    }
}

const API: &str = "kube-apiserver";
const API_FILE: &str = "kube-apiserver.yaml";
const ANCHOR: &str = "    - --enable-bootstrap-token-auth=true\n";
const WITH_PLUGIN: &str =
    "    - --enable-admission-plugins=NodeRestriction\n    - --enable-bootstrap-token-auth=true\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_flags_is_a_new_pod_and_an_earlier_content_the_earlier_one() {
    let mut lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    assert!(lab.servers.borrow().as_ref().is_some_and(|s| s.ready()));
    lab.edit(API_FILE, ANCHOR, WITH_PLUGIN);
    lab.servers.wait_for(Option::is_none).await.unwrap();
    assert_eq!(lab.containers(API)[0].state, State::Running, "shown as running until it is killed");
    let second = lab.until(API, "a new pod", |c| c.iter().any(|c| c.ready && c.pod != first.pod)).await;
    assert_eq!((second.len(), second[0].attempt), (1, 0));
    assert!(second[0].spec.argv.iter().any(|a| a == "--enable-admission-plugins=NodeRestriction"));
    lab.edit(API_FILE, WITH_PLUGIN, ANCHOR);
    let third = lab.until(API, "the first pod", |c| c.iter().any(|c| c.ready && c.pod == first.pod)).await;
    assert_ne!(third[0].sandbox, first.sandbox);
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_flag_crashes_again_and_again_until_it_is_repaired() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.edit(API_FILE, "--secure-port", "--secure-prt");
    let crashed = lab
        .until(API, "attempts count up", |c| c.iter().any(|c| c.attempt >= 2 && c.state == State::Exited))
        .await;
    assert_eq!(crashed[0].exit, Some(1));
    lab.edit(API_FILE, "--secure-prt", "--secure-port");
    assert_eq!(lab.ready(API).await.attempt, 0);
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_sorts_after_takes_over() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    std::fs::copy(lab.manifest(API_FILE), lab.manifest("kube-apiserver.yaml~")).unwrap();
    let copy =
        lab.until(API, "the copy", |c| c.iter().any(|c| c.ready && c.pod != first.pod)).await.remove(0);
    std::fs::remove_file(lab.manifest("kube-apiserver.yaml~")).unwrap();
    lab.until(API, "the original", |c| c.iter().any(|c| c.ready && c.pod == first.pod)).await;
    assert_ne!(copy.pod.uid, first.pod.uid);
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_manifest_ends_the_pod_at_the_next_scan_only_and_starting_with_it_works() {
    let lab = Lab::start(|dir| std::fs::write(dir.join(API_FILE), "a:\n  b: 1\n c: 2\n").unwrap()).await;
    lab.until("etcd", "etcd runs", |c| c.iter().any(|c| c.ready)).await;
    assert_eq!(lab.containers(API), []);
    let release = cks_lab::release::default_release();
    std::fs::remove_file(lab.manifest(API_FILE)).unwrap();
    manifests::write_missing(&lab.dir.path().join("controlplane"), release).unwrap();
    lab.ready(API).await;
    lab.edit(API_FILE, "  containers:\n", "   containers:\n");
    lab.until(API, "it is gone", <[Container]>::is_empty).await;
    lab.kubelet.shutdown().await;
}

impl Lab {
    /// Runs a tool as it is on the node; standard output and error come back together.
    async fn tool(&self, name: &str, words: &[&str]) -> String {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_cks-lab"));
        command.arg0(name).args(words).env("CKS_LAB_NODE_SOCKET", self.socket());
        let output = command.output().await.unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn socket(&self) -> std::path::PathBuf {
        self.dir.path().join("controlplane/run/containerd/containerd.sock")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_tell_what_runs_while_no_api_server_does() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.edit(API_FILE, "--enable-bootstrap-token-auth=true", "--enable-admission-plugins=NodeRestrictio");
    let crashed =
        lab.until(API, "it crashed", |c| c.iter().any(|c| c.attempt >= 3 && c.exit == Some(1))).await;
    let all = lab.tool("crictl", &["ps", "-a", "--name", API]).await;
    let (head, rows) = all.split_once('\n').unwrap();
    assert!(head.starts_with("CONTAINER           IMAGE               CREATED   "), "{head}");
    assert!(rows.contains("Exited"), "{all}");
    let etcd = lab.tool("crictl", &["ps", "--name", "etcd"]).await;
    assert!(etcd.contains("Running") && etcd.contains("etcd-controlplane"), "{etcd}");
    let log = lab.tool("crictl", &["logs", "--tail", "1", &crashed[0].id[..13]]).await;
    assert!(log.contains("NodeRestrictio") || log.contains("not found"), "{log}");
    let unknown = lab.tool("crictl", &["logs", "zzz"]).await;
    assert!(
        unknown.contains("an error occurred when try to find container \\\"zzz\\\": not found"),
        "{unknown}"
    );
    let pods = lab.tool("crictl", &["pods"]).await;
    assert!(pods.contains("kube-scheduler-controlplane") && pods.contains("(default)"), "{pods}");
    let status = lab.tool("systemctl", &["status", "kubelet"]).await;
    assert!(status.contains("● kubelet.service - kubelet: The Kubernetes Node Agent"), "{status}");
    std::fs::write(lab.manifest(API_FILE), "a:\n  b: 1\n c: 2\n").unwrap();
    lab.until(API, "it is gone", <[Container]>::is_empty).await;
    let journal = lab.tool("journalctl", &["-u", "kubelet", "--no-pager"]).await;
    let why = "couldn't parse as pod(yaml: line 2: did not find expected key), please check config file";
    assert!(journal.contains(why), "{journal}");
    assert!(journal.contains("with CrashLoopBackOff"), "{journal}");
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_kubelet_leaves_its_containers_and_reads_the_files_again_when_it_is_back() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    lab.tool("systemctl", &["stop", "kubelet"]).await;
    assert_eq!(lab.tool("systemctl", &["is-active", "kubelet"]).await, "inactive\n");
    lab.edit(API_FILE, ANCHOR, WITH_PLUGIN);
    assert_eq!(lab.ready(API).await.id, first.id);
    lab.tool("systemctl", &["start", "kubelet"]).await;
    lab.until(API, "a new pod", |c| c.iter().any(|c| c.ready && c.pod != first.pod)).await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_containerd_nothing_starts_or_ends_and_what_runs_goes_on() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    let node = "/api/v1/nodes/controlplane";
    let is = |status: &'static str, reason: &'static str| {
        move |node: &serde_json::Value| {
            let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == status && c["reason"] == reason)
        }
    };
    lab.object(node, "ready", is("True", "KubeletReady")).await;
    lab.tool("systemctl", &["stop", "containerd"]).await;
    assert_eq!(lab.tool("systemctl", &["is-active", "containerd"]).await, "inactive\n");
    let ps = lab.tool("crictl", &["ps"]).await;
    assert!(ps.contains("containerd.sock: connect: no such file or directory"), "{ps}");
    assert!(!lab.socket().exists());
    lab.edit(API_FILE, ANCHOR, WITH_PLUGIN);
    let lost = lab.object(node, "not ready", is("False", "KubeletNotReady")).await;
    let condition =
        lost["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Ready").cloned();
    assert_eq!(condition.unwrap()["message"], "container runtime is down");
    let now = lab.containers(API);
    assert_eq!((now.len(), &now[0].id, now[0].state), (1, &first.id, State::Running));
    let journal = lab.tool("journalctl", &["-u", "kubelet", "--no-pager"]).await;
    for line in [
        "kubelet.go:2886] \"Container runtime sanity check failed\" err=\"rpc error: code = Unavailable",
        "generic.go:238] \"GenericPLEG: Unable to retrieve pods\"",
        "kubelet.go:2345] \"Skipping pod synchronization\" err=\"container runtime is down\"",
    ] {
        assert!(journal.contains(line), "{line}: {journal}");
    }
    let journal = lab.tool("journalctl", &["-u", "containerd", "--no-pager"]).await;
    assert!(journal.contains("(containerd-shim) remains running after unit stopped."), "{journal}");
    lab.tool("systemctl", &["start", "containerd"]).await;
    lab.until(API, "a new pod", |c| c.iter().any(|c| c.ready && c.pod != first.pod)).await;
    lab.object(node, "ready again", is("True", "KubeletReady")).await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_cut_stamped_and_refused() {
    use futures::StreamExt;
    let lab = Lab::start(|_| {}).await;
    let container = lab.ready(API).await;
    let request = LogRequest {
        node: "controlplane".into(),
        namespace: "kube-system".into(),
        pod: "kube-apiserver-controlplane".into(),
        container: API.into(),
        ..LogRequest::default()
    };
    let read = async |request: LogRequest| {
        let pieces: Vec<_> = lab.kubelet.container_logs(&request)?.collect().await;
        Ok::<_, String>(String::from_utf8(pieces.concat()).unwrap())
    };
    let whole = read(request.clone()).await.unwrap();
    assert!(whole.contains("mutating admission controller(s) successfully"), "{whole}");
    let two = read(LogRequest { tail_lines: Some(2), ..request.clone() }).await.unwrap();
    assert!(whole.ends_with(&two) && two.lines().count() == 2);
    let few = read(LogRequest { limit_bytes: Some(10), ..request.clone() }).await.unwrap();
    assert_eq!(few, whole[..10]);
    let stamped = read(LogRequest { timestamps: true, ..request.clone() }).await.unwrap();
    assert!(stamped.starts_with("20") && stamped.contains("Z "), "{stamped}");
    assert_eq!(
        read(LogRequest { pod: "other".into(), ..request.clone() }).await.unwrap_err(),
        "container \"kube-apiserver\" in pod \"other\" is not available"
    );
    assert!(read(LogRequest { previous: true, ..request }).await.unwrap_err().contains("not found"));
    let file = lab.dir.path().join("controlplane").join(container.log_path.trim_start_matches('/'));
    assert!(std::fs::read_to_string(file).unwrap().contains(" stderr F "));
    lab.kubelet.shutdown().await;
}

impl Lab {
    /// Reads an object as the admin; null where there is none or no server runs.
    async fn get(&self, path: &str) -> serde_json::Value {
        use http_body_util::BodyExt;
        let Some(server) = self.servers.borrow().clone() else { return serde_json::Value::Null };
        let admin =
            cks_lab::apiserver::authentication::UserInfo::new("kubernetes-admin", &["system:masters"]);
        let request = http::Request::get(path).body(bytes::Bytes::new()).unwrap();
        let response = server.call(admin, request).await;
        let found = response.status().is_success();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        if found { serde_json::from_slice(&bytes).unwrap() } else { serde_json::Value::Null }
    }

    /// Waits until an object is as named.
    async fn object(
        &self,
        path: &str,
        what: &str,
        holds: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        tokio::time::timeout(self.limit, async {
            loop {
                let object = self.get(path).await;
                if holds(&object) {
                    return object;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{path}: {what}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_and_its_static_pods_are_told_to_the_api() {
    let lab = Lab::start(|_| {}).await;
    let container = lab.ready(API).await;
    let ready = |o: &serde_json::Value| {
        let conditions = o["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
    };
    let node = lab.object("/api/v1/nodes/controlplane", "is ready", ready).await;
    assert_eq!(node["metadata"]["labels"]["kubernetes.io/hostname"], "controlplane");
    let path = "/api/v1/namespaces/kube-system/pods/kube-apiserver-controlplane";
    let pod = lab.object(path, "is ready", ready).await;
    let annotations = &pod["metadata"]["annotations"];
    for key in ["config.hash", "config.mirror"] {
        assert_eq!(annotations[format!("kubernetes.io/{key}")], container.pod.uid.as_str(), "{key}");
    }
    assert_eq!(annotations["kubernetes.io/config.source"], "file");
    assert!(annotations["kubernetes.io/config.seen"].is_string());
    let owner = &pod["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["controller"]), (&"Node".into(), &true.into()));
    assert_eq!(owner["uid"], node["metadata"]["uid"]);
    assert_eq!(pod["spec"]["priority"], 2_000_001_000);
    assert_eq!(
        (&pod["status"]["podIP"], &pod["status"]["hostIP"]),
        (&"172.30.1.2".into(), &"172.30.1.2".into())
    );
    assert_ne!(pod["metadata"]["uid"], container.pod.uid.as_str());
    lab.edit(API_FILE, ANCHOR, WITH_PLUGIN);
    let other = |o: &serde_json::Value| {
        let mirror = &o["metadata"]["annotations"]["kubernetes.io/config.mirror"];
        mirror.is_string() && *mirror != container.pod.uid.as_str()
    };
    lab.object(path, "is another mirror", other).await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_restarts_nothing_and_what_moves_out_comes_back() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    lab.edit(API_FILE, "apiVersion: v1\n", "# a comment\napiVersion: v1\n\n");
    std::fs::copy(lab.manifest(API_FILE), lab.manifest(".kube-apiserver.yaml.swp")).unwrap();
    // An edit of another pod comes after these, and only that pod is made again.
    let scheduler = lab.ready("kube-scheduler").await;
    lab.edit("kube-scheduler.yaml", "--leader-elect=true", "--leader-elect=false");
    lab.until("kube-scheduler", "a new pod", |c| c.iter().any(|c| c.ready && c.pod != scheduler.pod)).await;
    assert_eq!(lab.ready(API).await.id, first.id);
    let aside = lab.dir.path().join("aside.yaml");
    std::fs::rename(lab.manifest(API_FILE), &aside).unwrap();
    lab.until(API, "it is gone", <[Container]>::is_empty).await;
    let manager = "kube-controller-manager";
    let lost = lab.until(manager, "it lost its lease", |c| c.iter().any(|c| c.state == State::Exited)).await;
    assert!(lost.iter().any(|c| c.exit == Some(1)), "{lost:#?}");
    std::fs::rename(&aside, lab.manifest(API_FILE)).unwrap();
    assert_eq!(lab.ready(API).await.pod, first.pod);
    lab.until(manager, "it counts up", |c| c.iter().any(|c| c.ready && c.attempt > 0)).await;
    lab.kubelet.shutdown().await;
}
