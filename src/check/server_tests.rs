//! The first lesson against the sandbox's own API server, restarted from its manifest as a kubelet would.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::fixture::DirNode;
use super::manifest::Manifest;
use super::*;
use crate::apiserver::audit::Log;
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::server::{Dependencies, KubeletClient, LogRequest, LogStream, Network, Server, Waits};
use crate::apiserver::storage::Store;
use crate::cluster::sandbox::client;
use crate::cluster::{Change, ClusterKind, Facts, Identity};
use crate::controllers::InProcess;
use crate::klog::LogSink;
use crate::lesson::load::{self, Loaded};
use crate::lesson::source::Source;
use crate::node::Node;
use crate::pki::kubeadm::{self, Layout, Member};

const MANIFEST: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";
const ORIGINAL: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --authorization-mode=Node,RBAC
    - --client-ca-file=/etc/kubernetes/pki/ca.crt
    - --etcd-servers=https://127.0.0.1:2379
    - --secure-port=6443
    - --service-account-issuer=https://kubernetes.default.svc.cluster.local
    - --service-account-key-file=/etc/kubernetes/pki/sa.pub
    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key
    - --service-cluster-ip-range=10.96.0.0/12
    - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
    - --tls-private-key-file=/etc/kubernetes/pki/apiserver.key
    image: registry.k8s.io/kube-apiserver:v1.31.0
    name: kube-apiserver
  hostNetwork: true
";

#[derive(Default)]
struct Lines(Mutex<String>);

impl LogSink for Lines {
    fn write_line(&self, _: bool, line: &str) {
        let mut text = self.0.lock().unwrap();
        text.push_str(line);
        text.push('\n');
    }
}

struct Loopback;

#[async_trait]
impl Network for Loopback {
    async fn listen(&self, _: u16) -> std::io::Result<Vec<tokio::net::TcpListener>> {
        Ok(vec![tokio::net::TcpListener::bind("127.0.0.1:0").await?])
    }
}

struct NoKubelets;

#[async_trait]
impl KubeletClient for NoKubelets {
    async fn container_logs(&self, _: LogRequest) -> Result<LogStream, String> {
        Err("no kubelet".into())
    }
}

struct ServerCluster {
    dir: tempfile::TempDir,
    dependencies: Dependencies,
    log: Arc<Lines>,
    server: watch::Sender<Option<Arc<Server>>>,
}

impl ServerCluster {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let member = |name: &str, last| Member {
            name: name.into(),
            address: IpAddr::from([172, 30, last, 2]),
            root: dir.path().join(name),
        };
        let layout = Layout {
            control_plane: member("controlplane", 1),
            workers: vec![member("node01", 2)],
            server: "https://172.30.1.2:6443".into(),
            service_address: IpAddr::from([10, 96, 0, 1]),
            path_prefix: |_| String::new(),
        };
        kubeadm::ensure(&layout, jiff::Timestamp::now()).unwrap();
        std::fs::create_dir_all(dir.path().join("controlplane/etc/kubernetes/manifests")).unwrap();
        let log = Arc::new(Lines::default());
        let dependencies = Dependencies {
            store: Store::open(&dir.path().join("store")).unwrap().0,
            audit: Arc::new(Log::default()),
            release: crate::release::default_release(),
            clock: Arc::new(crate::clock::SystemClock),
            log: log.clone(),
            files: crate::container_fs::ContainerFs::whole(dir.path().join("controlplane")),
            network: Arc::new(Loopback),
            kubelets: Arc::new(NoKubelets),
            hostname: "controlplane".into(),
            waits: Waits::default(),
            patience: crate::apiserver::serving::Patience::default(),
        };
        let cluster = Self { dir, dependencies, log, server: watch::channel(None).0 };
        cluster.apply(ORIGINAL).await;
        let admin = cluster.client(&Identity::Admin).unwrap();
        for node in ["controlplane", "node01"] {
            let body = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}});
            let path = format!("/api/v1/nodes/{node}?fieldManager=t");
            let made = http::patch(&admin, &path, "application/apply-patch+yaml", &body).await.unwrap();
            assert_eq!(made.code, 201, "{made:?}");
        }
        cluster
    }

    /// Saves the manifest, and starts the server that it describes.
    async fn apply(&self, manifest: &str) {
        std::fs::write(self.path(), manifest).unwrap();
        if let Some(old) = self.server.send_replace(None) {
            old.stop().await;
        }
        let words = Manifest::parse(manifest.as_bytes()).doc["spec"]["containers"][0]["command"].clone();
        let Ok(argv) = serde_json::from_value::<Vec<String>>(words) else { return };
        self.log.0.lock().unwrap().clear();
        if let Ok(server) = Server::start(&argv, self.dependencies.clone()).await {
            server.wait_ready().await;
            self.server.send_replace(Some(server));
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("controlplane").join(MANIFEST)
    }

    /// `kubectl label` with the credentials of a user: status and sentence.
    async fn label(&self, user: &str, node: &str, key: &str) -> (u16, String) {
        let server = self.server.borrow().clone().unwrap();
        let group = if user.starts_with("system:node:") { "system:nodes" } else { "system:masters" };
        let request = ::http::Request::patch(format!("/api/v1/nodes/{node}?fieldManager=kubectl-label"))
            .header("content-type", "application/merge-patch+json")
            .body(json!({"metadata": {"labels": {key: "123"}}}).to_string().into())
            .unwrap();
        let response = server.call(UserInfo::new(user, &[group]), request).await;
        let code = response.status().as_u16();
        let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        (code, body["message"].as_str().unwrap_or("").to_owned())
    }

    async fn labels(&self, user: &str, name: &str) -> [(u16, String); 2] {
        let restricted = format!("node-restriction.kubernetes.io/{name}");
        [
            self.label(user, "controlplane", &format!("killercoda/{name}")).await,
            self.label(user, "node01", &restricted).await,
        ]
    }

    async fn grade(&self, loaded: &Loaded, step: usize) -> StepResult {
        let ground = Ground { cluster: self, originals: &Before, since: 0, lang: "en" };
        run_step(&loaded.spec, &loaded.spec.steps[step], &ground).await
    }
}

struct Before;

impl Originals for Before {
    fn original(&self, _: &str, _: &str) -> Option<Vec<u8>> {
        Some(ORIGINAL.as_bytes().to_vec())
    }
}

#[async_trait]
impl Cluster for ServerCluster {
    fn facts(&self) -> Facts {
        Facts {
            kind: ClusterKind::Sandbox,
            version: "v1.31.0".into(),
            server: String::new(),
            nodes: ["controlplane", "node01"].map(|n| (n.to_owned(), n.to_owned())).into(),
            manifests: "/etc/kubernetes/manifests".into(),
        }
    }

    fn client(&self, identity: &Identity) -> Result<kube::Client> {
        client::client(InProcess::new(self.server.subscribe()), identity)
    }

    fn node(&self, name: &str) -> Option<Arc<dyn Node>> {
        Some(Arc::new(DirNode::new(name, self.dir.path().join(name))))
    }

    fn audit(&self) -> Option<Arc<Log>> {
        Some(self.dependencies.audit.clone())
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        broadcast::channel(1).1
    }

    fn server_up(&self) -> bool {
        self.server.borrow().is_some()
    }

    async fn shutdown(&self) {}
}

fn lesson() -> Loaded {
    load::load(&Source::Embedded("apiserver-node-restriction".into()), "en", None).unwrap()
}

fn with(lines: &str) -> String {
    ORIGINAL.replace("    - --etcd-servers", &format!("{lines}\n    - --etcd-servers"))
}

const KUBELET: &str = "system:node:node01";

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_lesson_on_the_sandboxs_api_server() {
    let (loaded, cluster) = (lesson(), ServerCluster::new().await);
    for step in 0..3 {
        let result = cluster.grade(&loaded, step).await;
        assert_eq!((result.score, result.passed), (0, false), "{result:#?}");
    }
    cluster.labels("kubernetes-admin", "one").await;
    assert_eq!(cluster.grade(&loaded, 0).await.score, 2, "the admin gets part of the points");
    for (code, message) in cluster.labels(KUBELET, "one").await {
        assert_eq!((code, message.as_str()), (200, ""));
    }
    let result = cluster.grade(&loaded, 0).await;
    assert!(result.passed && result.score == result.max, "{result:#?}");

    cluster.apply(&with("    - --enable-admission-plugins=NodeRestriction")).await;
    let log = cluster.log.0.lock().unwrap().clone();
    assert!(log.contains("Loaded 12 mutating admission controller(s)"), "{log}");
    let result = cluster.grade(&loaded, 1).await;
    assert!(result.passed && result.score == result.max, "{result:#?}");

    assert_eq!(cluster.grade(&loaded, 2).await.score, 0);
    let [other, restricted] = cluster.labels(KUBELET, "two").await;
    let message =
        "nodes \"controlplane\" is forbidden: node \"node01\" is not allowed to modify node \"controlplane\"";
    assert_eq!(other, (403, message.into()));
    let message =
        "nodes \"node01\" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/two";
    assert_eq!(restricted, (403, message.into()));
    for step in 0..3 {
        let result = cluster.grade(&loaded, step).await;
        assert!(result.passed && result.score == result.max, "{result:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_manifests_bring_it_down_or_change_nothing() {
    let (loaded, cluster) = (lesson(), ServerCluster::new().await);
    let both =
        "    - --enable-admission-plugins=NodeRestriction\n    - --disable-admission-plugins=NodeRestriction";
    let twice = "    - --enable-admission-plugins=NamespaceLifecycle\n    - --enable-admission-plugins=NodeRestriction";
    for (lines, up, passed) in [
        ("    - --enable-admission-plugins=NodeRestrictio", false, false),
        ("    - --enable-admision-plugins=NodeRestriction", false, false),
        ("   - --enable-admission-plugins=NodeRestriction", false, false),
        (both, false, false),
        ("    - --enable-admission-plugins=NamespaceLifecycle", true, false),
        (twice, true, true),
        ("    - --enable-admission-plugins=NamespaceLifecycle,NodeRestriction", true, true),
    ] {
        cluster.apply(&with(lines)).await;
        assert_eq!(cluster.server_up(), up, "{lines}: {}", cluster.log.0.lock().unwrap());
        let result = cluster.grade(&loaded, 1).await;
        assert_eq!(result.passed, passed, "{lines}: {result:#?}");
        assert!(result.checks.iter().all(|c| c.verdict != Verdict::Error), "{lines}: {result:#?}");
    }
}
