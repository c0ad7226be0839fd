//! Learners break nodes: the lab goes on, and `cks-lab reset` brings them back.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::program::{command, end, on, ready, run_text, until};

const LIMIT: Duration = Duration::from_secs(60);

struct Broken {
    home: tempfile::TempDir,
    child: Child,
}

impl Broken {
    fn up() -> Self {
        let home = tempfile::tempdir().unwrap();
        let child = Self::start(home.path());
        Self { home, child }
    }

    fn start(home: &Path) -> Child {
        let mut child = command(home, &["up", "apiserver-node-restriction", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        ready(&mut child).unwrap();
        child
    }

    fn on(&self, node: &str, script: &str) -> (i32, String, String) {
        on(self.home.path(), node, script)
    }

    /// Ends the lab in the middle of everything, and starts it again.
    fn again(&mut self) {
        assert_eq!(end(&mut self.child, Signal::KILL, LIMIT), -1);
        self.child = Self::start(self.home.path());
    }

    /// Resets, says how long that took, and looks whether both nodes and the API are there.
    fn reset(&self, after: &str) {
        let begun = Instant::now();
        let ran = run_text(self.home.path(), &["reset", "--yes"]);
        assert_eq!(ran.status, 0, "{after}: {}", ran.stderr);
        eprintln!("reset after {after}: {} ms", begun.elapsed().as_millis());
        for node in ["controlplane", "node01"] {
            until(&format!("{node} is whole after {after}"), LIMIT, || {
                let script = "set -e; kubectl --kubeconfig /etc/kubernetes/kubelet.conf get node $(hostname) >/dev/null; \
                     crictl pods >/dev/null; systemctl is-active kubelet containerd >/dev/null; hostname";
                self.on(node, script) == (0, format!("{node}\n"), String::new())
            });
        }
        let (status, out, err) =
            self.on("controlplane", "ssh node01 hostname </dev/null; kubectl auth whoami -o name");
        assert_eq!((status, out.lines().next()), (0, Some("node01")), "{after}: {err}");
        let checked = run_text(self.home.path(), &["check", "--json"]);
        assert_eq!(
            checked.status, 1,
            "{after}: the lesson can be graded and is not solved: {}",
            checked.stdout
        );
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is done to a node, where, and what it says.
const WAYS: [(&str, &str, &str); 9] = [
    ("everything on the worker removed", "node01", "rm -rf --no-preserve-root / 2>/dev/null"),
    ("everything on the control plane removed", "controlplane", "rm -rf --no-preserve-root / 2>/dev/null"),
    ("/etc/kubernetes removed", "controlplane", "rm -rf /etc/kubernetes"),
    (
        "the authority replaced",
        "controlplane",
        "cd /etc/kubernetes/pki; cp front-proxy-ca.crt ca.crt; cp front-proxy-ca.key ca.key; crictl stop -t 0 $(crictl ps -q --name kube-apiserver)",
    ),
    (
        "certificates filled with nonsense",
        "controlplane",
        "for f in /etc/kubernetes/pki/*; do [ -f $f ] && echo x > $f; done; true",
    ),
    ("the first process's children killed", "node01", "kill -9 -1"),
    ("kubelet and containerd stopped", "node01", "systemctl stop kubelet containerd"),
    (
        "all processes taken",
        "node01",
        "timeout -s KILL 3 bash -c 'for i in $(seq 3000); do sleep 300 & done' 2>/dev/null; true",
    ),
    (
        "links in the place of directories",
        "controlplane",
        "rm -rf /var/log /etc/ssh /root; ln -s /nowhere /var/log; ln -s /etc/kubernetes /etc/ssh; ln -s / /root",
    ),
];

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn what_is_broken_on_a_node_comes_back() {
    let broken = Broken::up();
    for (what, node, script) in WAYS {
        broken.on(node, script);
        // The lab itself is unmoved, and so is the other node.
        let other = if node == "node01" { "controlplane" } else { "node01" };
        assert_eq!(broken.on(other, "hostname"), (0, format!("{other}\n"), String::new()), "{what}");
        assert_eq!(run_text(broken.home.path(), &["check", "--json"]).status, 1, "{what}: it can be graded");
        broken.reset(what);
    }
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn a_broken_lab_starts_again() {
    let mut broken = Broken::up();
    for (what, node, script) in WAYS {
        broken.on(node, script);
        broken.again();
        broken.reset(&format!("{what}, and the lab killed"));
    }
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn a_reboot_ends_what_runs_and_the_node_comes_back() {
    let broken = Broken::up();
    broken.on("node01", "setsid sleep 4321 </dev/null >/dev/null 2>&1 & echo kept > /root/notes");
    let pods = |broken: &Broken| broken.on("node01", "crictl pods -q --state ready | sort").1;
    until("the node has the addons' pods", LIMIT, || pods(&broken).lines().count() == 4);
    let before = pods(&broken);
    assert_eq!(broken.on("node01", "reboot; echo never").1, "");
    until("the node has all its pods again, other ones", LIMIT, || {
        let now = pods(&broken);
        now.lines().count() == before.lines().count() && now.lines().all(|pod| !before.contains(pod))
    });
    let (_, out, _) = broken.on(
        "node01",
        "cat /root/notes; cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 432[1]'; true",
    );
    assert_eq!(out, "kept\n0\n");
    let (status, out, err) =
        broken.on("controlplane", "ssh node01 reboot </dev/null; echo $?; ssh node01 hostname </dev/null");
    assert!(status == 0 && out.ends_with("\nnode01\n") && !out.starts_with("0\n"), "{out}{err}");
}
