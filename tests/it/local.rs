//! The lesson with the real kube-apiserver and etcd in the nodes (`--cluster local`), where those are here.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::program::Up;
use super::program::{awaited, check, on, run, text, until};
use super::realserver::Binaries;

const LIMIT: Duration = Duration::from_secs(120);

fn local(binaries: &Binaries) -> Vec<String> {
    let dir = binaries.dir.display().to_string();
    ["--cluster", "local", "--binaries", &dir].map(str::to_owned).to_vec()
}

/// Those of some processes that are still there.
fn alive(pids: &[i32]) -> Vec<i32> {
    pids.iter().copied().filter(|pid| Path::new(&format!("/proc/{pid}/exe")).exists()).collect()
}

/// The process ids of the real programs that are descendants of `root`.
fn programs(root: u32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut next = vec![i32::try_from(root).unwrap()];
    while let Some(pid) = next.pop() {
        for entry in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(entry.path().join("children")).unwrap_or_default();
            next.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if matches!(name.trim(), "kube-apiserver" | "etcd") {
            found.push(pid);
        }
    }
    found
}

fn solve(home: &Path, step: &str) {
    let output = run(home, &["solve", step]);
    assert!(output.status.success(), "{step}: {}", text(&output.stderr));
    until(&format!("{step} passes"), LIMIT, || check(home, step).0 == 0);
}

#[test]
fn the_lesson_is_solved_on_the_real_server_and_nothing_is_left() {
    for version in ["v1.31.0"] {
        let Some(binaries) = Binaries::or_skip(version, "the lesson on the real server") else { continue };
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let up = Up::start_with(home, &local(&binaries));
        assert_eq!(up.info["version"], version);
        let running = programs(up.child.id());
        assert_eq!(running.len(), 2, "kube-apiserver and etcd");
        let (status, untouched) = check(home, "verify-issue");
        assert_eq!((status, untouched["score"].as_u64()), (1, Some(0)), "{untouched}");
        for step in ["verify-issue", "enable-plugin", "re-verify"] {
            solve(home, step);
        }
        // Its log is to be had in every way that a learner knows.
        for line in [
            "crictl logs $(crictl ps -q --name kube-apiserver) 2>&1",
            "kubectl logs -n kube-system kube-apiserver-controlplane",
            "cat /var/log/pods/kube-system_kube-apiserver-controlplane_*/kube-apiserver/*.log",
        ] {
            // The mirror pod of a new container comes a little later than the container.
            let what = format!("the log is not had by {line}");
            let told = |out: &String| out.contains("NodeRestriction") && out.contains(version);
            let out = awaited(&what, LIMIT, || on(home, "controlplane", line).1, told);
            assert!(!out.contains("audit.k8s.io"), "{line}: the record of requests is not the log");
        }
        let running = programs(up.child.id());
        drop(up);
        until("no process is left after kill -9", LIMIT, || alive(&running).is_empty());
    }
}

#[test]
fn etcd_and_a_broken_server_are_what_the_manifests_say() {
    let Some(binaries) = Binaries::or_skip("v1.31.0", "the kubelet with real processes") else { return };
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut up = Up::start_with(home, &local(&binaries));
    let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let edit = format!(
        "cp {path} /root/good.yaml; sed -i 's/--secure-port=6443/--secure-port=6443\\n    - --no-such=1/' {path}"
    );
    assert_eq!(on(home, "controlplane", &edit).0, 0);
    until("the real words and a restart are seen", LIMIT, || {
        let (_, out, _) =
            on(home, "controlplane", "crictl ps -a; tail -n 3 /var/log/pods/*/kube-apiserver/*.log");
        out.contains("Exited") && out.contains("Error: unknown flag: --no-such")
    });
    assert_eq!(on(home, "controlplane", &format!("cp /root/good.yaml {path}")).0, 0);
    until("the server comes back", LIMIT, || on(home, "controlplane", "kubectl get --raw /readyz").0 == 0);
    // What was stored is there after a stop and a start of the whole lab.
    assert_eq!(on(home, "controlplane", "kubectl create configmap kept --from-literal=a=b").0, 0);
    let running = programs(up.child.id());
    assert_eq!(up.signal(rustix::process::Signal::TERM), 0);
    assert_eq!(alive(&running), Vec::<i32>::new(), "processes after the lab's end");
    let _up = Up::start_with(home, &local(&binaries));
    until("the object is there", LIMIT, || on(home, "controlplane", "kubectl get configmap kept").0 == 0);
}

#[test]
fn without_the_programs_it_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cks-lab"))
        .args(["up", "--cluster", "local", "--binaries"])
        .arg(empty.path())
        .env("CKS_LAB_HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("real kube-apiserver") && said.contains("--binaries DIR"), "{said}");
}
