//! `--cluster live` on a real two-node kubeadm cluster of this machine (`tests/realcluster`), where one can run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::kubelet::Lab;
use crate::kubelet::timeline::{Times, out_of_order, read, recorded, watched};
use crate::live::{self, Theirs};
use crate::program::{PROGRAM, awaited, ready, text};
use crate::realserver::Binaries;

const LIMIT: Duration = Duration::from_secs(240);
const NR: &str = "    - --enable-admission-plugins=NodeRestriction\n";

/// The cluster; dropped, it is taken down.
struct Real {
    dir: tempfile::TempDir,
    label: String,
    /// A machine has room for one.
    _turn: MutexGuard<'static, ()>,
}

static TURN: Mutex<()> = Mutex::new(());

impl Real {
    /// `None`, said on one line, where it cannot run here.
    fn start() -> Option<Self> {
        let real = Self {
            dir: tempfile::Builder::new().prefix("cks-lab-real").tempdir().unwrap(),
            label: format!("cks{}", std::process::id()),
            _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let missing = text(&real.script(&["can"]).stdout);
        if !missing.is_empty() {
            eprintln!("skipped: no real cluster here: {}", missing.trim());
            return None;
        }
        let up = real.script(&["up"]);
        assert!(up.status.success(), "{}", text(&up.stderr));
        Some(real)
    }

    fn path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/realcluster/cluster.sh")
    }

    fn script(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(Self::path());
        command.args(arguments).env("DIR", self.dir.path()).env("LABEL", &self.label).stdin(Stdio::null());
        command.output().unwrap()
    }

    fn on(&self, node: &str, script: &str) -> String {
        let output = self.script(&["in", node, "sh", "-c", script]);
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn admin(&self, script: &str) -> String {
        self.on("controlplane", &format!("export KUBECONFIG=/etc/kubernetes/admin.conf; {script}"))
    }

    fn lab(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &format!("{}-controlplane", self.label), PROGRAM])
            .args(arguments)
            .env("CKS_LAB_HOME", self.dir.path().join("home"))
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.lab(arguments).output().unwrap()
    }

    fn up(&self) -> std::process::Child {
        let kubeconfig = self.dir.path().join("admin.conf").display().to_string();
        let way = |node: &str| {
            let (dir, label) = (self.dir.path().display(), &self.label);
            format!("{node}=env 'DIR={dir}' LABEL={label} '{}' in {node}", Self::path().display())
        };
        let (cp, worker) = (way("controlplane"), way("node01"));
        let arguments = ["up", "--json", "--yes", "--cluster", "live", "--kubeconfig", &kubeconfig];
        let ways = ["--node-access", &cp, "--node-access", &worker];
        let mut child = self
            .lab(&[&arguments[..], &ways[..]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        ready(&mut child).unwrap();
        child
    }

    fn passes(&self, step: &str) {
        let look = || -> Value {
            let output = self.run(&["check", step, "--json"]);
            serde_json::from_slice(&output.stdout).unwrap()
        };
        awaited(&format!("{step} does not pass"), LIMIT, look, |result| result["passed"] == true);
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        self.script(&["down"]);
    }
}

/// The same lesson where no such cluster can be: the real kube-apiserver and etcd in nodes of a lab.
fn on_real_processes() {
    let Some(binaries) = Binaries::or_skip("v1.31.0", "the lesson on real processes") else { return };
    eprintln!("so the lesson is done with the real server on --cluster local");
    let dir = binaries.dir.display().to_string();
    live::the_lesson(&Theirs::start_as(&["--cluster", "local", "--binaries", &dir]).audited());
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn the_lesson_on_real_processes() {
    on_real_processes();
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn the_lesson_on_a_real_cluster() {
    let Some(real) = Real::start() else {
        on_real_processes();
        return;
    };
    const STATE: &str = "cd /etc/kubernetes; stat -c '%n %a %u:%g' manifests/*; sha256sum manifests/*; ls -A .; test ! -e /var/lib/cks-lab";
    let labels = "kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.labels}{end}'";
    let before = (real.on("controlplane", STATE), real.admin(labels));
    let manifest = real.on("controlplane", "cat /etc/kubernetes/manifests/kube-apiserver.yaml");

    let mut lab = real.up();
    let prepared = real.on("controlplane", "cat /etc/kubernetes/manifests/kube-apiserver.yaml");
    assert_eq!(prepared, manifest.replace(NR, ""), "exactly one line goes");
    let as_kubelet = |what: &str| {
        let script = format!("export KUBECONFIG=/etc/kubernetes/kubelet.conf; kubectl label node {what}");
        real.run(&["exec", "node01", "--", "bash", "-c", &script])
    };
    for what in ["controlplane killercoda/one=123", "node01 node-restriction.kubernetes.io/one=123"] {
        let output = as_kubelet(what);
        assert!(text(&output.stdout).ends_with(" labeled\n"), "{what}: {output:?}");
    }
    real.passes("verify-issue");
    let edit = "cp /etc/kubernetes/manifests/kube-apiserver.yaml /root/k && sed '/--client-ca-file=/a\\    - \
        --enable-admission-plugins=NodeRestriction' /root/k > /root/new && cat /root/new > /etc/kubernetes/manifests/kube-apiserver.yaml; rm /root/k /root/new";
    let edited = real.run(&["exec", "controlplane", "--", "bash", "-c", edit]);
    assert!(edited.status.success(), "{edited:?}");
    real.passes("enable-plugin");
    for (what, refusal) in [
        ("controlplane killercoda/two=123", "is not allowed to modify node \"controlplane\""),
        (
            "node01 node-restriction.kubernetes.io/two=123",
            "is not allowed to modify labels: node-restriction.kubernetes.io/two",
        ),
    ] {
        let output = as_kubelet(what);
        assert!(text(&output.stderr).contains(refusal), "{what}: {output:?}");
    }
    assert_eq!(text(&as_kubelet("node01 test/two=123").stdout), "node/node01 labeled\n");
    real.passes("re-verify");

    // As kill -9 leaves it, one command puts it back.
    lab.kill().unwrap();
    lab.wait().unwrap();
    let restored = real.run(&["restore"]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    assert!(text(&restored.stderr).contains("is the original, byte for byte"), "{}", text(&restored.stderr));
    assert_eq!((real.on("controlplane", STATE), real.admin(labels)), before);
    let leases = real.admin("kubectl get leases -n kube-system -o name");
    assert!(!leases.contains("/cks-lab"), "{leases}");
}

/// What an edit comes to on this machine's real cluster: when what was seen, and of which pod the new container is.
fn edited(real: &Real, sed: &str) -> (Times, Value) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/realcluster/timeline.py");
    let output = real.script(&["in", "controlplane", "python3", script, sed]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    let (times, pod) = told.trim_end().rsplit_once('\n').unwrap();
    (read(times), serde_json::from_str(pod).unwrap())
}

/// File saved, old server stopped, connection refused, new container, mirror pod, ready: on a real control plane, in the
/// recording and in the lab, in one order.
#[test]
#[ignore = "long: bash .ci/run runs it"]
fn the_timeline_of_an_edit_is_that_of_a_real_control_plane() {
    let Some(real) = Real::start() else { return };
    let clock = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let emulated = clock.unwrap().block_on(Lab::timeline());
    let put_in = "s#\\(    - --enable-\\)bootstrap-token-auth=true#\\1admission-plugins=NodeRestriction\\n&#";
    let mut uids = Vec::new();
    for (name, sed) in [
        ("a flag is taken out with sed -i", "/--enable-admission-plugins=NodeRestriction/d"),
        ("a flag is put in with sed -i", put_in),
    ] {
        let (times, pod) = edited(&real, sed);
        eprintln!("{name}: {times:?} {pod}\nin the lab: {emulated:?}");
        for what in
            ["refused", "ended", "unready", "removed", "sandbox", "container", "200", "mirror", "ready"]
        {
            assert!(times.contains_key(watched(what)), "{name}: {what} was not seen: {times:?}");
        }
        let of_name = recorded().into_iter().filter(|(recorded, _)| *recorded == name);
        let mut wrong: Vec<_> = of_name.flat_map(|(_, then)| out_of_order(name, &times, &then)).collect();
        wrong.extend(out_of_order("in the lab", &emulated, &times));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!((&pod["containers"], &pod["attempt"]), (&1.into(), &0.into()), "{pod}");
        assert_ne!(pod["new"], pod["old"], "{pod}");
        assert_eq!(pod["mirror"], pod["new"], "{pod}");
        uids.push(pod);
    }
    assert_eq!(uids[1]["new"], uids[0]["old"], "the earlier content is the earlier pod");
}
