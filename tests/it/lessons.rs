//! The lessons on the sandbox: proven by `lesson test`, and the first one done headless as it was published.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::program::{self, Up, check, on, run, text, until};

const LIMIT: Duration = Duration::from_secs(60);

/// Grades until the step passes, with all points.
fn passes(home: &Path, step: &str) {
    let result = program::passes(home, step, LIMIT);
    assert_eq!(result["score"], result["max"]);
}

/// What `lesson test` proves of a lesson on a release.
fn tells_right_from_wrong(lesson: &str, kubernetes: &str) {
    let home = tempfile::tempdir().unwrap();
    let output = run(home.path(), &["lesson", "test", lesson, "--kubernetes", kubernetes]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    let last = table.trim_end().lines().last().unwrap();
    assert!(last.ends_with(" passed, 0 failed") && !last.starts_with("0 "), "{table}");
    for case in ["untouched", "wrong: ", "solution: ", "all steps at the end"] {
        assert!(table.contains(case), "{case}: {table}");
    }
}

macro_rules! lessons {
    ($($name:ident: $lesson:literal on $kubernetes:literal;)*) => {
        const TESTED: &[(&str, &str)] = &[$(($lesson, $kubernetes)),*];
        $(#[test]
        fn $name() {
            tells_right_from_wrong($lesson, $kubernetes);
        })*
    };
}

lessons! {
    node_restriction_1_31: "apiserver-node-restriction" on "1.31";
    node_restriction_1_36: "apiserver-node-restriction" on "1.36";
    crash_1_31: "apiserver-crash" on "1.31";
    crash_1_36: "apiserver-crash" on "1.36";
    misconfigured_1_31: "apiserver-misconfigured" on "1.31";
    misconfigured_1_36: "apiserver-misconfigured" on "1.36";
    permissions_1_31: "rbac-service-account-permissions" on "1.31";
    permissions_1_36: "rbac-service-account-permissions" on "1.36";
}

#[test]
fn no_lesson_and_no_release_is_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let list: Value = serde_json::from_slice(&run(home.path(), &["list", "--json"]).stdout).unwrap();
    for lesson in list.as_array().unwrap() {
        for release in cks_lab::release::RELEASES {
            let (id, short) = (lesson["id"].as_str().unwrap(), release.short());
            assert!(TESTED.iter().any(|(l, k)| *l == id && *k == short), "{id} on {short}");
        }
    }
}

const AS_KUBELET: &str = "export KUBECONFIG=/etc/kubernetes/kubelet.conf; ";
const LOADED: &str = "Loaded 12 mutating admission controller(s) successfully in the following order: \
    NamespaceLifecycle,LimitRanger,ServiceAccount,NodeRestriction,TaintNodesByCondition,Priority,\
    DefaultTolerationSeconds,DefaultStorageClass,StorageObjectInUseProtection,RuntimeClass,DefaultIngressClass,\
    MutatingAdmissionWebhook.";

#[test]
fn the_published_lesson_headless() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let mut up = Up::start(home);
    for key in ["version", "server", "kubeconfig", "nodes", "manifests", "socket"] {
        assert!(!up.info[key].is_null(), "{key}: {}", up.info);
    }
    assert_eq!(up.info["ready"], true);

    // A second instance is told of the first.
    let second = run(home, &["up"]);
    assert_eq!(second.status.code(), Some(2));
    assert!(text(&second.stderr).contains(&format!("already running (process {})", up.child.id())));

    let (status, result) = check(home, "verify-issue");
    assert_eq!((status, &result["score"]), (1, &0.into()), "{result:#}");
    let label = |what: &str| on(home, "node01", &format!("{AS_KUBELET}kubectl label node {what}"));
    let labelled = |node: &str| (0, format!("node/{node} labeled\n"), String::new());
    assert_eq!(label("controlplane killercoda/one=123"), labelled("controlplane"));
    assert_eq!(label("node01  node-restriction.kubernetes.io/one=123"), labelled("node01"));
    passes(home, "verify-issue");

    // Killed at any moment, it is resumed where it was.
    up.signal(rustix::process::Signal::KILL);
    drop(up);
    let mut up = Up::start(home);
    passes(home, "verify-issue");

    // The published way leaves its backup in the manifests directory, and meets the trap.
    let edit = "cd /etc/kubernetes/manifests/; cp kube-apiserver.yaml kube-apiserver.yaml~; \
        sed '/--client-ca-file=/a\\    - --enable-admission-plugins=NodeRestriction' kube-apiserver.yaml~ > /root/new; \
        cp /root/new kube-apiserver.yaml; diff kube-apiserver.yaml kube-apiserver.yaml~";
    let (_, diff, _) = on(home, "controlplane", edit);
    assert!(diff.ends_with("<     - --enable-admission-plugins=NodeRestriction\n"), "{diff}");
    let (status, result) = check(home, "enable-plugin");
    assert_eq!(status, 1);
    assert!(result.to_string().contains("kube-apiserver.yaml~"), "{result:#}");
    on(home, "controlplane", "mv /etc/kubernetes/manifests/kube-apiserver.yaml~ /root/");
    passes(home, "enable-plugin");
    let log = "kubectl logs -n kube-system kube-apiserver-controlplane | grep noderestriction -i";
    until("the log names the plugin", LIMIT, || on(home, "controlplane", log).1.contains(LOADED));

    let forbidden = |message: &str| (1, String::new(), format!("Error from server (Forbidden): {message}\n"));
    assert_eq!(
        label("controlplane killercoda/two=123"),
        forbidden(
            "nodes \"controlplane\" is forbidden: node \"node01\" is not allowed to modify node \"controlplane\""
        )
    );
    assert_eq!(
        label("node01 node-restriction.kubernetes.io/two=123"),
        forbidden(
            "nodes \"node01\" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/two"
        )
    );
    assert_eq!(label("node01 test/two=123"), labelled("node01"));
    passes(home, "re-verify");

    let report = run(home, &["report", "--format", "json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!((&report["passed"], &report["percent"]), (&true.into(), &100.into()), "{report:#}");
    assert_eq!(up.signal(rustix::process::Signal::TERM), 0);
    assert_eq!(run(home, &["check"]).status.code(), Some(2));
}
