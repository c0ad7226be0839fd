//! What may go wrong on somebody's cluster: the original manifest is in place, or one command puts it there.

#![allow(clippy::print_stderr)]

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::{LIMIT, NR, Theirs};
use crate::program::{PROGRAM, command, end, ready, text, until};

impl Theirs {
    /// What a learner does: labels, and a backup where it hurts.
    fn learn(&self) {
        self.kubectl(&["label", "node", "controlplane", "killercoda/one=123"]);
        self.kubectl(&[
            "label",
            "node",
            "node01",
            "node-restriction.kubernetes.io/one=123",
            "kept=2",
            "--overwrite",
        ]);
        self.kubectl(&["annotate", "node", "node01", "note=x"]);
        let dir = self.manifest.parent().unwrap();
        std::fs::copy(&self.manifest, dir.join("kube-apiserver.yaml~")).unwrap();
    }

    /// A lab killed at the `at`-th write of its journal, on the way up or on the way back; whether it was.
    fn killed_at(&self, at: usize) -> bool {
        let mut lab =
            self.lab(&["up", "--json", "--yes"]).env("CKS_LAB_ABORT_AT", at.to_string()).spawn().unwrap();
        if ready(&mut lab).is_err() {
            return true;
        }
        self.learn();
        rustix::process::kill_process(rustix::process::Pid::from_child(&lab), Signal::TERM).unwrap();
        let ended = lab.wait_with_output().unwrap();
        let code = ended.status.code();
        assert!(code.is_none_or(|c| c == 0), "at {at}: {}", text(&ended.stderr));
        code.is_none()
    }

    /// Kills a lab at each `every`-th step from the `first` on, and restores; how many steps that were.
    pub(crate) fn kill_points(&self, first: usize, every: usize) -> usize {
        let labels = self.labels();
        let mut points = 0;
        for at in (first..).step_by(every) {
            let killed = self.killed_at(at);
            let restored = self.restore(&[]);
            let nothing = text(&restored.stderr).contains("there is nothing to restore");
            assert!(restored.status.success() || nothing, "at {at}: {}", text(&restored.stderr));
            self.assert_as_it_was(&labels);
            if !killed {
                break;
            }
            points += 1;
        }
        points
    }

    /// A way to the control plane on which something happens when the manifest is written: `$1` is the script that
    /// runs before the write with the manifest's directory as its own, `$2` what the write's input goes through.
    fn tampered(&self, before: &str, input: &str, after: &str) -> String {
        let path = self.dir.path().join("tamper.sh");
        let script = format!(
            "#!/bin/sh\nfor word; do last=$word; done\n\
             script=$(echo \"$last\" | sed -n 's/^eval \"`echo \\(.*\\)|base64 -d`\"$/\\1/p' | base64 -d)\n\
             run() {{ CKS_LAB_HOME='{home}' {PROGRAM} exec controlplane -- \"$@\"; }}\n\
             case $script in\n*'p={manifest} '*'mv -f'*) [ -e '{dir}/once' ] || {{ touch '{dir}/once'; cd '{manifests}'; {before}\n\
             {input} | run \"$@\"; status=$?; {after}\nexit $status; }} ;;\nesac\nrun \"$@\"\n",
            home = self.home().display(),
            dir = self.dir.path().display(),
            manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml",
            manifests = self.manifest.parent().unwrap().display(),
        );
        way(&path, &script)
    }

    /// A way to the control plane on which files below a directory cannot grow past a few hundred bytes.
    fn too_small(&self, below: &str) -> String {
        let script = format!(
            "#!/bin/sh\nfor word; do last=$word; done\n\
             script=$(echo \"$last\" | sed -n 's/^eval \"`echo \\(.*\\)|base64 -d`\"$/\\1/p' | base64 -d)\n\
             export CKS_LAB_HOME='{home}'\n\
             case $script in *'p={below}/'*'mv -f'*) exec {PROGRAM} exec controlplane -- \
             sh -c 'trap \"\" XFSZ; ulimit -f 1; exec \"$@\"' sh \"$@\" ;; esac\n\
             exec {PROGRAM} exec controlplane -- \"$@\"\n",
            home = self.home().display(),
        );
        way(&self.dir.path().join("small.sh"), &script)
    }

    /// A lab that must fail; what it said.
    fn fails(&self, way: &str, more: &[&str]) -> String {
        let kubeconfig = self.kubeconfig.display().to_string();
        let worker = self.way("node01");
        let arguments = [
            "up",
            "--yes",
            "--cluster",
            "live",
            "--kubeconfig",
            &kubeconfig,
            "--node-access",
            way,
            "--node-access",
            &worker,
        ];
        let output = command(&self.mine(), &[&arguments[..], more].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        text(&output.stderr)
    }

    fn prepared(&self) -> Child {
        let mut lab = self.lab(&["up", "--json", "--yes"]).spawn().unwrap();
        ready(&mut lab).unwrap();
        lab
    }
}

/// A way to the control plane by a script.
fn way(path: &std::path::Path, script: &str) -> String {
    std::fs::write(path, script).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("controlplane={}", path.display())
}

/// One in sixteen of the steps; `long::kill_points` has all.
#[test]
fn killed_at_some_steps() {
    let points = Theirs::start().kill_points(9, 16);
    assert!(points >= 3, "{points}");
}

#[test]
fn the_way_to_the_node_dies_in_the_middle_of_the_write() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let said = theirs.fails(&theirs.tampered(":", "head -c 1000", ":"), &[]);
    assert!(said.contains("the content broke off on its way"), "{said}");
    assert!(said.contains("the original manifest is in place"), "{said}");
    theirs.assert_as_it_was(&labels);
}

#[test]
fn the_nodes_disk_takes_no_more() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    for below in ["/var/lib/cks-lab", "/etc/kubernetes/manifests"] {
        let said = theirs.fails(&theirs.too_small(below), &[]);
        assert!(said.contains("File too large"), "{below}: {said}");
        assert!(said.contains("the original manifest is in place"), "{below}: {said}");
        theirs.assert_as_it_was(&labels);
    }
}

#[test]
fn the_new_server_does_not_come() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let copy = "cp kube-apiserver.yaml kube-apiserver.yaml~";
    let said = theirs.fails(&theirs.tampered(copy, "cat", ":"), &["--wait", "12"]);
    assert!(said.contains("did not come back within 12 s"), "{said}");
    assert!(said.contains("the original manifest is in place") || said.contains("cks-lab restore"), "{said}");
    theirs.restore(&[]);
    theirs.assert_as_it_was(&labels);
}

#[test]
fn somebody_else_was_faster() {
    let theirs = Theirs::start();
    let edit = "sed '1i# by somebody' kube-apiserver.yaml > ../.theirs; cat ../.theirs > kube-apiserver.yaml; rm ../.theirs";
    let said = theirs.fails(&theirs.tampered(edit, "cat", ":"), &[]);
    assert!(said.contains("somebody changed /etc/kubernetes/manifests/kube-apiserver.yaml"), "{said}");
    assert!(said.contains("\n+# by somebody\n"), "the change is shown: {said}");
    let now = std::fs::read_to_string(&theirs.manifest).unwrap();
    assert_eq!(now, format!("# by somebody\n{}", text(&theirs.original)));
    assert!(text(&theirs.restore(&[]).stderr).contains("there is nothing to restore"));
}

#[test]
fn another_change_is_shown_and_never_overwritten_silently() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let mut lab = theirs.prepared();
    let off = std::fs::read_to_string(&theirs.manifest).unwrap();
    let changed = off.replacen("    - --client-ca-file=", "    - --v=3\n    - --client-ca-file=", 1);
    theirs.edit(&changed);
    assert_eq!(end(&mut lab, Signal::TERM, LIMIT), 2);
    let mut said = String::new();
    lab.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("\n-    - --v=3\n") && said.contains("cks-lab restore --overwrite"), "{said}");
    assert_eq!(std::fs::read_to_string(&theirs.manifest).unwrap(), changed);
    assert_eq!(theirs.restore(&[]).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&theirs.manifest).unwrap(), changed);
    let restored = theirs.restore(&["--overwrite"]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    theirs.assert_as_it_was(&labels);
    let kept = theirs.mine().join("labs/default/live/set-aside/kube-apiserver.yaml.1");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), changed);
}

#[test]
fn restored_with_the_server_down_and_after_a_reboot() {
    let mut theirs = Theirs::start();
    let labels = theirs.labels();
    let mut lab = theirs.prepared();
    theirs.learn();
    end(&mut lab, Signal::KILL, LIMIT);
    let broken =
        std::fs::read_to_string(&theirs.manifest).unwrap().replace("--secure-port=", "--secure-prt=");
    std::fs::write(&theirs.manifest, broken).unwrap();
    std::fs::remove_file(theirs.manifest.with_file_name("kube-apiserver.yaml~")).unwrap();
    until("the server's end", LIMIT, || !theirs.try_kubectl(&["get", "--raw", "/readyz"]).status.success());
    end(&mut theirs.child, Signal::KILL, LIMIT);
    theirs.child = command(&theirs.home(), &["up", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    ready(&mut theirs.child).unwrap();
    let shown = theirs.restore(&[]);
    assert!(text(&shown.stderr).contains("--secure-prt="), "{}", text(&shown.stderr));
    // A way that leads nowhere, and one by another name than the journal's.
    let lost = theirs.restore(&["--overwrite", "--node-access", "controlplane=false"]);
    assert_eq!(lost.status.code(), Some(2), "{}", text(&lost.stderr));
    let way = theirs.way("controlplane");
    let restored = theirs.restore(&["--overwrite", "--node-access", &way]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    theirs.assert_as_it_was(&labels);
}

/// Somebody deleted this lab's Lease and took the cluster for theirs: nothing is put back under them.
#[test]
fn nothing_is_put_back_under_somebody_who_took_the_cluster_since() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let mut lab = theirs.prepared();
    end(&mut lab, Signal::KILL, LIMIT);
    let off = std::fs::read_to_string(&theirs.manifest).unwrap();
    let lease = |holder: &str| {
        theirs.kubectl(&["delete", "lease", "-n", "kube-system", "cks-lab", "--ignore-not-found"]);
        if !holder.is_empty() {
            let lease = serde_json::json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "cks-lab",
                    "namespace": "kube-system", "annotations": {"cks-lab/who": "eve on laptop", "cks-lab/since": "today"}},
                "spec": {"holderIdentity": holder},
            });
            let create = format!("kubectl create -f - <<'END'\n{lease}\nEND");
            let made =
                crate::program::run(&theirs.home(), &["exec", "controlplane", "--", "bash", "-c", &create]);
            assert!(made.status.success(), "{}", text(&made.stderr));
        }
    };
    lease("somebody");
    // Neither does the lab go on, nor is it undone.
    let resumed = theirs.lab(&["up", "--yes"]).output().unwrap();
    for output in [resumed, theirs.restore(&[])] {
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("another lab uses this cluster: eve on laptop"), "{said}");
        assert_eq!(std::fs::read_to_string(&theirs.manifest).unwrap(), off);
    }
    // Their Lease gone, the undo is this lab's again.
    lease("");
    let restored = theirs.restore(&[]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    theirs.assert_as_it_was(&labels);
}

/// A lab that was killed while it asked for the Lease, and another has it: the undo touches nothing of theirs.
#[test]
fn a_lab_that_got_no_lease_undoes_nothing() {
    let theirs = Theirs::start();
    let killed = theirs.lab(&["up", "--yes"]).env("CKS_LAB_ABORT_AT", "4").output().unwrap();
    assert_eq!(killed.status.code(), None, "{}", text(&killed.stderr));
    let dir = theirs.manifest.parent().unwrap();
    // The other's learner makes a backup, as one does.
    let backup = dir.join("kube-apiserver.yaml~");
    std::fs::copy(&theirs.manifest, dir.join("../.backup")).unwrap();
    std::fs::rename(dir.join("../.backup"), &backup).unwrap();
    // The backup's own restart of the server is waited for.
    until("the undo", LIMIT, || theirs.restore(&[]).status.success());
    assert!(backup.exists(), "it is not this lab's to take away");
    assert!(text(&theirs.restore(&[]).stderr).contains("there is nothing to restore"));
}

/// A cluster that is gone for good: the journal goes only when one says so, and is kept aside.
#[test]
fn an_undo_is_given_up_only_when_one_says_so() {
    let mut theirs = Theirs::start();
    let mut lab = theirs.prepared();
    end(&mut lab, Signal::KILL, LIMIT);
    end(&mut theirs.child, Signal::KILL, LIMIT);
    let failed = theirs.restore(&[]);
    let said = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(2), "{said}");
    assert!(said.contains("by another way: cks-lab restore --node-access 'controlplane="), "{said}");
    assert!(said.contains("the original manifest is kept in /var/lib/cks-lab/"), "{said}");
    assert!(said.contains("cks-lab restore --forget"), "{said}");
    let given_up = theirs.restore(&["--forget"]);
    let said = text(&given_up.stderr);
    assert!(given_up.status.success() && said.contains("nothing was put back"), "{said}");
    assert!(theirs.mine().join("labs/default/live/set-aside/journal.json.1").exists());
    assert!(text(&theirs.restore(&[]).stderr).contains("there is nothing to restore"));
}

/// Ctrl-C and SIGTERM while the cluster is being prepared: what was begun is undone.
#[test]
fn ended_while_it_prepares_it_undoes() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let off = text(&theirs.original).replace(NR, "");
    let lab = theirs.lab(&["up", "--json", "--yes"]).spawn().unwrap();
    until("the manifest's change", LIMIT, || std::fs::read_to_string(&theirs.manifest).unwrap() == off);
    rustix::process::kill_process(rustix::process::Pid::from_child(&lab), Signal::TERM).unwrap();
    let ended = lab.wait_with_output().unwrap();
    let said = text(&ended.stderr);
    // It may have been ready just then.
    assert!(matches!(ended.status.code(), Some(0 | 1)), "{said}");
    assert!(said.contains("is the original, byte for byte"), "{said}");
    theirs.assert_as_it_was(&labels);
}

fn kubeconfig(theirs: &Theirs, user: &str) -> PathBuf {
    let text = std::fs::read_to_string(&theirs.kubeconfig).unwrap();
    let mut all: Value = serde_yaml::from_str(&text).unwrap();
    all["users"][0]["user"] = serde_json::from_str(user).unwrap();
    let path = theirs.dir.path().join("other.conf");
    std::fs::write(&path, all.to_string()).unwrap();
    path
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_changed() {
    let mut theirs = Theirs::start();
    let labels = theirs.labels();
    let way = theirs.way("controlplane");
    let said = theirs.fails(&way, &["--context", "nope"]);
    assert!(said.contains("has no context \"nope\"") && said.contains("choose with --context"), "{said}");

    theirs.kubectl(&["create", "serviceaccount", "weak"]);
    theirs.kubectl(&[
        "create",
        "clusterrole",
        "weak",
        "--verb=get,list,patch",
        "--resource=nodes,pods,namespaces",
    ]);
    theirs.kubectl(&[
        "create",
        "clusterrolebinding",
        "weak",
        "--clusterrole=weak",
        "--serviceaccount=default:weak",
    ]);
    let token = theirs.kubectl(&["create", "token", "weak"]);
    let admin = theirs.kubeconfig.clone();
    theirs.kubeconfig = kubeconfig(&theirs, &serde_json::json!({"token": token.trim()}).to_string());
    let said = theirs.fails(&way, &[]);
    for right in [
        "impersonate users system:node:node01",
        "impersonate groups system:nodes",
        "create leases in kube-system",
    ] {
        assert!(said.contains(right), "{right}: {said}");
    }
    assert!(said.contains("nothing was changed"), "{said}");

    let mut past = rcgen::CertificateParams::default();
    past.not_before = rcgen::date_time_ymd(2020, 1, 1);
    past.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    use base64::Engine;
    let data = |pem: String| base64::engine::general_purpose::STANDARD.encode(pem);
    let user = serde_json::json!({
        "client-certificate-data": data(past.self_signed(&key).unwrap().pem()),
        "client-key-data": data(key.serialize_pem()),
    });
    theirs.kubeconfig = kubeconfig(&theirs, &user.to_string());
    let said = theirs.fails(&way, &[]);
    assert!(said.contains("it expired at 2021-01-01"), "{said}");

    theirs.kubeconfig = admin;
    theirs.assert_as_it_was(&labels);
    let said = theirs.fails("kubectl-debug", &["--read-only"]);
    assert!(said.contains("--read-only changes nothing"), "{said}");
    // A way to a node that runs another API server, or a manifest that does not run.
    let other = theirs.dir.path().join("other.sh");
    let script = format!(
        "#!/bin/sh\nfor word; do last=$word; done\n\
         script=$(echo \"$last\" | sed -n 's/^eval \"`echo \\(.*\\)|base64 -d`\"$/\\1/p' | base64 -d)\n\
         run() {{ CKS_LAB_HOME='{home}' {PROGRAM} exec controlplane -- \"$@\"; }}\n\
         case $script in *'p=/etc/kubernetes/manifests/kube-apiserver.yaml'*) \
         run sh -c 'f=/root/other; sed s/6443/6444/ /etc/kubernetes/manifests/kube-apiserver.yaml > $f; \
         echo \"cks-lab:file $(stat -c \"%s %a %u %g\" $f)\"; cat $f; echo; echo cks-lab:end; rm $f' ;; *) run \"$@\" ;; esac\n",
        home = theirs.home().display(),
    );
    let said = theirs.fails(&self::way(&other, &script), &[]);
    assert!(said.contains("does not run with the manifest that is there"), "{said}");
    theirs.assert_as_it_was(&labels);
    // Without a terminal nobody can agree.
    let asked = theirs.lab(&["up"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(asked.status.code(), Some(1));
    assert!(text(&asked.stderr).contains("or agree beforehand with --yes"), "{}", text(&asked.stderr));
    theirs.assert_as_it_was(&labels);
    let asked = theirs.lab(&["up", "--yes", "--max-nodes", "1"]).output().unwrap();
    assert_eq!(asked.status.code(), Some(1));
    assert!(text(&asked.stderr).contains("Is this really a cluster to practise on?"));
    theirs.assert_as_it_was(&labels);
    assert!(text(&theirs.original).contains(NR));
}
