//! The way to an audit log as one goes it on a control plane: a policy on the node, flags and volumes in the manifest, a new
//! API server, a file; and what happens on each wrong way.

use std::fs;

use cks_lab::apiserver::authentication::UserInfo;
use cks_lab::kubelet::runtime::State;
use serde_json::Value;

use super::{API, API_FILE, Lab};

const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  users: [system:apiserver, system:kube-scheduler, system:kube-controller-manager]
- level: RequestResponse
  resources: [{group: '', resources: [secrets]}]
- level: Metadata
";

const FLAGS: &str = "    - --audit-policy-file=/etc/kubernetes/audit/policy.yaml
    - --audit-log-path=/var/log/kubernetes/audit/audit.log
    - --authorization-mode=Node,RBAC
";
const MOUNTS: &str = "    volumeMounts:
    - {mountPath: /etc/kubernetes/audit/policy.yaml, name: audit, readOnly: true}
    - {mountPath: /var/log/kubernetes/audit/, name: audit-log, readOnly: false}
";
const VOLUMES: &str = "  volumes:
  - {name: audit, hostPath: {path: /etc/kubernetes/audit/policy.yaml, type: File}}
  - {name: audit-log, hostPath: {path: /var/log/kubernetes/audit/, type: DirectoryOrCreate}}
";

impl Lab {
    fn root(&self) -> std::path::PathBuf {
        self.dir.path().join("controlplane")
    }

    fn write_policy(&self, text: &str) {
        fs::create_dir_all(self.root().join("etc/kubernetes/audit")).unwrap();
        fs::write(self.root().join("etc/kubernetes/audit/policy.yaml"), text).unwrap();
    }

    /// Puts flags, mounts and volumes into the API server's manifest at once.
    fn audit(&self, flags: &str, mounts: &str, volumes: &str) {
        let path = self.manifest(API_FILE);
        let mut text = fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("    - --authorization-mode=Node,RBAC\n", flags),
            ("    volumeMounts:\n", mounts),
            ("  volumes:\n", volumes),
        ] {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let aside = self.root().join("aside.yaml");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, path).unwrap();
    }

    /// Waits until the API server ends again and again, and gives the end of its output.
    async fn crashes(&self) -> String {
        let crashed = |c: &cks_lab::kubelet::runtime::Container| c.attempt >= 1 && c.state == State::Exited;
        let containers = self.until(API, "it crashes", |c| c.iter().any(crashed)).await;
        let last = containers.iter().find(|c| crashed(c)).unwrap();
        assert_eq!(last.exit, Some(1));
        fs::read_to_string(self.root().join(last.log_path.trim_start_matches('/'))).unwrap()
    }

    async fn ask(&self, uri: &str) {
        let server = self.servers.borrow().clone().unwrap();
        let admin = UserInfo::new("kubernetes-admin", &["system:masters"]);
        let request = http::Request::get(uri).header("user-agent", "test").body(bytes::Bytes::new()).unwrap();
        server.call(admin, request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_flags_and_volumes_make_a_log_on_the_node() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    lab.write_policy(POLICY);
    lab.audit(FLAGS, MOUNTS, VOLUMES);
    lab.until(API, "a new server", |c| c.iter().any(|c| c.ready && c.pod != first.pod)).await;
    lab.ask("/api/v1/namespaces/kube-system/secrets?limit=1").await;
    lab.ask("/version").await;
    let log = fs::read_to_string(lab.root().join("var/log/kubernetes/audit/audit.log")).unwrap();
    let events: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["kind"] == "Event" && event["stage"] != "RequestReceived"));
    assert!(events.iter().all(|event| event["user"]["username"] != "system:kube-scheduler"));
    let own: Vec<&Value> = events.iter().filter(|event| event["userAgent"] == "test").collect();
    let [secrets, version] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!(
        (secrets["level"].as_str(), secrets["responseObject"]["kind"].as_str()),
        (Some("RequestResponse"), Some("SecretList"))
    );
    assert_eq!((version["level"].as_str(), version["verb"].as_str()), (Some("Metadata"), Some("get")));
    assert_eq!(version["sourceIPs"], serde_json::json!(["172.30.1.2"]));
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_mounted_is_not_there() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.write_policy(POLICY);
    lab.audit(FLAGS, "    volumeMounts:\n", "  volumes:\n");
    let output = lab.crashes().await;
    assert!(
        output.contains(
            "\"command failed\" err=\"loading audit policy file: failed to read file path \
             \\\"/etc/kubernetes/audit/policy.yaml\\\": open /etc/kubernetes/audit/policy.yaml: no such file or directory\""
        ),
        "{output}"
    );
    // With the policy alone the server runs, and its log is gone with it.
    let flags = FLAGS.replace("/var/log/kubernetes/audit/", "/var/log/elsewhere/");
    lab.edit(API_FILE, FLAGS, "    - --authorization-mode=Node,RBAC\n");
    lab.audit(&flags, MOUNTS, VOLUMES);
    lab.ready(API).await;
    lab.ask("/version").await;
    assert!(!lab.root().join("var/log/elsewhere").exists());
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_may_not_be_written_ends_the_server() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.write_policy(POLICY);
    lab.audit(FLAGS, &MOUNTS.replace("readOnly: false", "readOnly: true"), VOLUMES);
    let output = lab.crashes().await;
    let words = "err=\"ensureLogFile: open /var/log/kubernetes/audit/audit.log: read-only file system\"";
    assert!(output.contains(words), "{output}");
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_is_no_file_is_waited_for() {
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    lab.audit(FLAGS, MOUNTS, VOLUMES);
    let words = "hostPath type check failed: /etc/kubernetes/audit/policy.yaml is not a file";
    lab.journal(0, "the volume cannot be set up", &[words]).await;
    assert!(lab.containers(API).iter().all(|c| c.pod == first.pod));
    lab.write_policy(POLICY);
    lab.until(API, "a new server", |c| c.iter().any(|c| c.ready && c.pod != first.pod)).await;
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_without_a_type_becomes_a_directory() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    lab.audit(FLAGS, MOUNTS, &VOLUMES.replace(", type: File", ""));
    let output = lab.crashes().await;
    assert!(output.contains("read /etc/kubernetes/audit/policy.yaml: is a directory"), "{output}");
    assert!(lab.root().join("etc/kubernetes/audit/policy.yaml").is_dir());
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_leads_no_log_out_of_the_node() {
    let outside = tempfile::tempdir().unwrap();
    let lab = Lab::start(|_| {}).await;
    let first = lab.ready(API).await;
    lab.write_policy(POLICY);
    fs::create_dir_all(lab.root().join("var/log/kubernetes")).unwrap();
    std::os::unix::fs::symlink(outside.path(), lab.root().join("var/log/kubernetes/audit")).unwrap();
    lab.audit(FLAGS, MOUNTS, VOLUMES);
    // In the node the link leads to nothing.
    lab.journal(0, "the volume cannot be set up", &["MountVolume.SetUp failed for volume \"audit-log\""])
        .await;
    assert!(lab.containers(API).iter().all(|c| c.pod == first.pod));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    lab.kubelet.shutdown().await;
}
