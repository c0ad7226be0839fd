//! `--cluster live`, against this program's own sandbox: another process gives the kubeconfig and the nodes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::program::{self, PROGRAM, check, command, end, ready, run, text, until};

mod faults;
mod kinds;
mod ways;

const LIMIT: Duration = Duration::from_secs(90);
const NR: &str = "    - --enable-admission-plugins=NodeRestriction\n";

/// Somebody's cluster: a sandbox in a process of its own, with NodeRestriction on as kubeadm has it.
pub(crate) struct Theirs {
    child: Child,
    dir: tempfile::TempDir,
    kubeconfig: PathBuf,
    address: std::net::SocketAddr,
    manifest: PathBuf,
    original: Vec<u8>,
}

impl Theirs {
    pub(crate) fn start() -> Self {
        Self::start_as(&[])
    }

    /// One whose lab is started with these arguments too.
    pub(crate) fn start_as(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = command(&dir.path().join("theirs"), &[&["up", "--json"], arguments].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let info = ready(&mut child).unwrap();
        let manifest = Path::new(info["manifests"].as_str().unwrap()).join("kube-apiserver.yaml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let on = text.replacen("    - --client-ca-file=", &format!("{NR}    - --client-ca-file="), 1);
        assert_ne!(on, text);
        let kubeconfig = PathBuf::from(info["kubeconfig"].as_str().unwrap());
        let address = info["server"].as_str().unwrap().trim_start_matches("https://").parse().unwrap();
        let theirs = Self { child, dir, kubeconfig, address, manifest, original: on.clone().into_bytes() };
        theirs.edit(&on);
        theirs.kubectl(&["label", "node", "node01", "kept=1"]);
        until("the control plane's role", LIMIT, || {
            theirs.labels().to_string().contains("node-role.kubernetes.io")
        });
        theirs
    }

    /// Its API server keeps an audit log from now on, by a policy that records what is sent to Nodes.
    pub(crate) fn audited(mut self) -> Self {
        const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
            - {level: Request, resources: [{group: '', resources: [nodes]}]}\n- {level: None}\n";
        let make =
            format!("mkdir -p /var/log/kubernetes; printf %s '{POLICY}' > /etc/kubernetes/policy.yaml");
        let made = run(&self.home(), &["exec", "controlplane", "--", "sh", "-c", &make]);
        assert!(made.status.success(), "{made:?}");
        let flags = "    - --audit-policy-file=/etc/kubernetes/policy.yaml\n\
            \x20   - --audit-log-path=/var/log/kubernetes/audit.log\n";
        let mounts = "    - {name: policy, mountPath: /etc/kubernetes/policy.yaml, readOnly: true}\n\
            \x20   - {name: logs, mountPath: /var/log/kubernetes}\n";
        let volumes = "  - {name: policy, hostPath: {path: /etc/kubernetes/policy.yaml, type: File}}\n\
            \x20 - {name: logs, hostPath: {path: /var/log/kubernetes, type: DirectoryOrCreate}}\n";
        let mut on = text(&self.original);
        for (before, lines) in
            [("    - --client-ca-file=", flags), ("    volumeMounts:\n", ""), ("  volumes:\n", "")]
        {
            assert_eq!(on.matches(before).count(), 1, "{before}");
            on = on.replace(before, &format!("{lines}{before}"));
        }
        let on = on.replace("    volumeMounts:\n", &format!("    volumeMounts:\n{mounts}"));
        self.original = on.replace("  volumes:\n", &format!("  volumes:\n{volumes}")).into_bytes();
        self.edit(&text(&self.original));
        let log = self.manifest.ancestors().nth(4).unwrap().join("var/log/kubernetes/audit.log");
        until("the audit log", LIMIT, || {
            std::fs::read_to_string(&log).is_ok_and(|lines| lines.contains("\"resource\":\"nodes\""))
        });
        self
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("theirs")
    }

    fn mine(&self) -> PathBuf {
        self.dir.path().join("mine")
    }

    /// Writes the manifest and waits until the server runs with it.
    fn edit(&self, text: &str) {
        let new = self.dir.path().join("new");
        std::fs::write(&new, text).unwrap();
        let old = std::fs::metadata(&self.manifest).unwrap();
        std::fs::set_permissions(&new, old.permissions()).unwrap();
        std::fs::rename(&new, &self.manifest).unwrap();
        self.restricts(text.contains("NodeRestriction"));
        // The nodes reach the server before this machine does.
        until("the server outside its nodes", LIMIT, || std::net::TcpStream::connect(self.address).is_ok());
    }

    fn restricts(&self, wanted: bool) {
        until("the server's restart", LIMIT, || {
            let dry = [
                "label",
                "node",
                "controlplane",
                "node-restriction.kubernetes.io/t=1",
                "--dry-run=server",
                "--overwrite",
            ];
            let who = ["--as=system:node:controlplane", "--as-group=system:nodes"];
            let output = self.try_kubectl(&[&dry[..], &who[..]].concat());
            let refused = text(&output.stderr).contains("is not allowed to modify labels");
            if wanted { refused } else { output.status.success() }
        });
    }

    fn try_kubectl(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["exec", "controlplane", "--", "kubectl"];
        all.extend(arguments);
        run(&self.home(), &all)
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.try_kubectl(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn labels(&self) -> Value {
        let list: Value = serde_json::from_str(&self.kubectl(&["get", "nodes", "-o", "json"])).unwrap();
        let nodes = list["items"].as_array().unwrap();
        nodes
            .iter()
            .map(|n| (n["metadata"]["name"].as_str().unwrap().to_owned(), n["metadata"]["labels"].clone()))
            .collect()
    }

    fn way(&self, node: &str) -> String {
        format!("{node}=env 'CKS_LAB_HOME={}' {PROGRAM} exec {node} --", self.home().display())
    }

    /// The arguments of a lab on this cluster.
    fn arguments(&self, first: &[&str]) -> Vec<String> {
        let kubeconfig = self.kubeconfig.display().to_string();
        let (cp, worker) = (self.way("controlplane"), self.way("node01"));
        let rest = [
            "--cluster",
            "live",
            "--kubeconfig",
            &kubeconfig,
            "--node-access",
            &cp,
            "--node-access",
            &worker,
        ];
        first.iter().chain(rest.iter()).map(|a| (*a).to_owned()).collect()
    }

    fn lab(&self, first: &[&str]) -> Command {
        let arguments = self.arguments(first);
        let mut lab = command(&self.mine(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        lab.stdout(Stdio::piped()).stderr(Stdio::piped());
        lab
    }

    fn restore(&self, arguments: &[&str]) -> Output {
        run(&self.mine(), &[&["restore", "--wait", "60"][..], arguments].concat())
    }

    /// `lesson test` of a lesson here, after which nothing of it is left.
    pub(crate) fn passes_lesson_test(&self, lesson: &str) {
        let labels = self.labels();
        let tested = self.lab(&["lesson", "test", lesson, "--yes"]).output().unwrap();
        assert!(tested.status.success(), "{}\n{}", text(&tested.stdout), text(&tested.stderr));
        self.assert_as_it_was(&labels);
    }

    /// Nothing of the lab is left, and all is as it was.
    fn assert_as_it_was(&self, labels: &Value) {
        assert_eq!(text(&std::fs::read(&self.manifest).unwrap()), text(&self.original));
        let names = || {
            let dir = std::fs::read_dir(self.manifest.parent().unwrap()).unwrap();
            let mut names: Vec<String> = dir.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(
            names(),
            ["etcd.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml"]
        );
        let root = self.manifest.ancestors().nth(4).unwrap();
        assert!(!root.join("var/lib/cks-lab").exists());
        for entry in std::fs::read_dir(root.join("etc/kubernetes")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with(".cks-lab"), "{name} is left");
        }
        self.restricts(true);
        assert_eq!(&self.labels(), labels);
        let leases = self.kubectl(&["get", "leases", "-n", "kube-system", "-o", "name"]);
        assert!(!leases.contains("/cks-lab"), "{leases}");
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn passes(home: &Path, step: &str) {
    program::passes(home, step, LIMIT);
}

#[test]
fn the_lesson_on_somebodys_cluster_and_nothing_left_behind() {
    the_lesson(&Theirs::start().audited());
}

/// A refusal, the lesson as a learner does it, a kill in the middle, and everything put back.
pub(crate) fn the_lesson(theirs: &Theirs) {
    let audited = text(&theirs.original).contains("--audit-log-path=");
    let labels = theirs.labels();
    let mine = theirs.mine();

    // Without a yes nothing happens; the plan is shown all the same.
    let mut refused = theirs.lab(&["up", "--json"]).stdin(Stdio::piped()).spawn().unwrap();
    refused.stdin.take().unwrap().write_all(b"no\n").unwrap();
    let refused = refused.wait_with_output().unwrap();
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("\n-    - --enable-admission-plugins=NodeRestriction\n"), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    theirs.assert_as_it_was(&labels);

    let mut lab = theirs.lab(&["up", "--json", "--yes"]).spawn().unwrap();
    let info = ready(&mut lab).unwrap();
    assert_eq!((&info["ready"], &info["version"]), (&true.into(), &"v1.31.0".into()), "{info}");
    theirs.restricts(false);
    let off = std::fs::read_to_string(&theirs.manifest).unwrap();
    assert_eq!(off, text(&theirs.original).replace(NR, ""));

    // A second lab is told of the first.
    let arguments = theirs.arguments(&["up", "--yes"]);
    let other =
        run(&theirs.dir.path().join("other"), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("another lab uses this cluster"), "{}", text(&other.stderr));

    assert_ne!(check(&mine, "verify-issue").1["passed"], true);
    let as_kubelet = |line: &str| {
        let script = format!("export KUBECONFIG=/etc/kubernetes/kubelet.conf; {line}");
        run(&mine, &["exec", "node01", "--", "bash", "-c", &script])
    };
    if audited {
        // The owner's own label proves nothing about kubelets.
        theirs.kubectl(&["label", "node", "controlplane", "killercoda/one=123"]);
        let (_, result) = check(&mine, "verify-issue");
        assert!(result.to_string().contains("it was set by kubernetes-admin"), "{result}");
        theirs.kubectl(&["label", "node", "controlplane", "killercoda/one-"]);
    }
    let label = "kubectl label node controlplane killercoda/one=123 && kubectl label node node01 node-restriction.kubernetes.io/one=123";
    let labelled = as_kubelet(label);
    assert_eq!(text(&labelled.stdout), "node/controlplane labeled\nnode/node01 labeled\n", "{labelled:?}");
    passes(&mine, "verify-issue");
    let (_, result) = check(&mine, "verify-issue");
    assert_eq!(result.to_string().contains("is not graded"), !audited, "{result}");

    let edit = "cd /etc/kubernetes/manifests; cp kube-apiserver.yaml kube-apiserver.yaml~; \
        sed '/--secure-port=/a\\    - --enable-admission-plugins=NodeRestriction' kube-apiserver.yaml~ > /root/new; cp /root/new kube-apiserver.yaml";
    assert!(run(&mine, &["exec", "controlplane", "--", "bash", "-c", edit]).status.success());
    assert_ne!(check(&mine, "enable-plugin").1["passed"], true);
    let out = "mv /etc/kubernetes/manifests/kube-apiserver.yaml~ /root/";
    assert!(run(&mine, &["exec", "controlplane", "--", "bash", "-c", out]).status.success());
    passes(&mine, "enable-plugin");
    let refused = as_kubelet("kubectl label node controlplane killercoda/two=123");
    assert!(text(&refused.stderr).contains("is not allowed to modify node"), "{refused:?}");

    // Killed, it goes on where it was; ended, it puts everything back.
    end(&mut lab, rustix::process::Signal::KILL, LIMIT);
    let mut lab = theirs.lab(&["up", "--json", "--yes"]).spawn().unwrap();
    ready(&mut lab).unwrap();
    passes(&mine, "verify-issue");
    assert_eq!(end(&mut lab, rustix::process::Signal::TERM, LIMIT), 0);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut lab.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("kube-apiserver.yaml on controlplane is the original, byte for byte"), "{said}");
    assert!(said.contains("Node controlplane: labels killercoda/one as they were"), "{said}");
    theirs.assert_as_it_was(&labels);
    let again = theirs.restore(&[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("there is nothing to restore"));
}

#[test]
fn read_only_grades_and_changes_nothing() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let mut lab = theirs.lab(&["up", "--json", "--read-only"]).spawn().unwrap();
    ready(&mut lab).unwrap();
    let mine = theirs.mine();
    let result = check(&mine, "enable-plugin").1;
    let verdict = |id: &str| {
        let checks = result["steps"][0]["checks"].as_array().unwrap();
        checks.iter().find(|c| c["id"] == id).unwrap()["verdict"].clone()
    };
    for id in
        ["plugin", "single", "server", "refuses-other-node", "refuses-restricted-label", "allows-own-label"]
    {
        assert_eq!(verdict(id), "pass", "{result:#}");
    }
    for arguments in [&["solve", "verify-issue"][..], &["reset", "--yes"]] {
        let refused = run(&mine, arguments);
        assert!(text(&refused.stderr).contains("only grades"), "{refused:?}");
    }
    assert_eq!(end(&mut lab, rustix::process::Signal::TERM, LIMIT), 0);
    theirs.assert_as_it_was(&labels);
}
