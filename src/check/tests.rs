//! The first lesson's checks, held against clusters in many states.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::fixture::{FakeCluster, MANIFEST};
use super::*;
use crate::lesson::load::{self, Loaded};
use crate::lesson::source::Source;

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
    - --secure-port=6443
    image: registry.k8s.io/kube-apiserver:v1.31.0
    name: kube-apiserver
  hostNetwork: true
";

struct Before;

impl Originals for Before {
    fn original(&self, _: &str, path: &str) -> Option<Vec<u8>> {
        (path == MANIFEST).then(|| ORIGINAL.as_bytes().to_vec())
    }
}

fn lesson() -> Loaded {
    load::load(&Source::Embedded("apiserver-node-restriction".into()), "en", None).unwrap()
}

async fn grade(cluster: &Arc<FakeCluster>, step: usize) -> StepResult {
    let loaded = lesson();
    let ground = Ground { cluster: cluster.as_ref(), originals: &Before, since: 0, lang: "en" };
    run_step(&loaded.spec, &loaded.spec.steps[step], &ground).await
}

fn with(line: &str) -> String {
    ORIGINAL.replace("    - --secure-port", &format!("{line}\n    - --secure-port"))
}

fn fixed() -> String {
    with("    - --enable-admission-plugins=NodeRestriction")
}

fn find<'a>(result: &'a StepResult, id: &str) -> &'a CheckResult {
    result.checks.iter().find(|c| c.id == id).unwrap()
}

const KUBELET: &str = "system:node:node01";
const ADMIN: &str = "kubernetes-admin";

#[tokio::test]
async fn the_first_step_wants_the_kubelet_itself() {
    type Case<'a> = (&'a str, Option<&'a str>, bool, u32, &'a str);
    let cases: [Case<'_>; 4] = [
        (KUBELET, None, false, 6, ""),
        (ADMIN, None, false, 2, "set by kubernetes-admin"),
        (KUBELET, Some(ADMIN), false, 2, "kubernetes-admin impersonating"),
        (KUBELET, None, true, 0, "not set"),
    ];
    for (user, by, dry_run, score, message) in cases {
        let cluster = FakeCluster::new(ORIGINAL);
        cluster.label(user, by, "controlplane", "killercoda/one", dry_run);
        cluster.label(user, by, "node01", "node-restriction.kubernetes.io/one", dry_run);
        let result = grade(&cluster, 0).await;
        assert_eq!((result.score, result.passed), (score, score == 6), "{result:#?}");
        if score == 6 {
            // What lessons have to say of a failure is not said of a pass.
            let label = find(&result, "one-on-controlplane");
            assert_eq!(label.observed, label.expected);
        }
        let told = result.checks.iter().any(|c| c.observed.contains(message));
        assert!(told, "{message}: {result:#?}");
    }
    // Another node's kubelet is not the one that was asked for.
    let cluster = FakeCluster::new(ORIGINAL);
    cluster.label("system:node:controlplane", None, "controlplane", "killercoda/one", false);
    assert_eq!(grade(&cluster, 0).await.score, 1);
}

#[tokio::test]
async fn a_record_that_lags_fails_nobody() {
    let cluster = FakeCluster::new(ORIGINAL);
    let label = |user| cluster.label(user, None, "controlplane", "killercoda/one", false);
    let found = async |recorded| {
        cluster.server().recorded.store(recorded, Ordering::SeqCst);
        let result = grade(&cluster, 0).await;
        find(&result, "one-on-controlplane-by-kubelet").clone()
    };
    label(ADMIN);
    let lags = found(false).await;
    assert_eq!(lags.verdict, Verdict::Error, "{lags:?}");
    assert!(lags.observed.contains("has not caught up"), "{lags:?}");
    assert_eq!(found(true).await.verdict, Verdict::Fail);
    label(KUBELET);
    assert_eq!(found(false).await.verdict, Verdict::Pass, "what it has counts");
}

#[tokio::test]
async fn nothing_done_gives_nothing() {
    for step in 0..3 {
        let result = grade(&FakeCluster::new(ORIGINAL), step).await;
        assert_eq!((result.score, result.passed), (0, false), "{result:#?}");
        assert!(result.checks.iter().all(|c| c.verdict == Verdict::Fail), "{result:#?}");
        for check in &result.checks {
            assert!(!check.expected.is_empty() && !check.observed.is_empty(), "{check:?}");
            assert!(!check.expected.contains('$') && !check.observed.contains(['$', '?']), "{check:?}");
        }
    }
}

#[tokio::test]
async fn manifests_right_and_wrong() {
    type Case = (String, bool, &'static str, Verdict, &'static str);
    use Verdict::{Fail, Pass};
    let both =
        "    - --enable-admission-plugins=NodeRestriction\n    - --disable-admission-plugins=NodeRestriction";
    let twice = "    - --enable-admission-plugins=NamespaceLifecycle\n    - --enable-admission-plugins=NodeRestriction";
    let cases: Vec<Case> = vec![
        (fixed(), true, "manifest", Pass, ""),
        (fixed(), true, "allows-own-label", Pass, ""),
        (with(twice), true, "plugin", Pass, ""),
        (with("    - \"--enable-admission-plugins=NodeRestriction\" # on"), true, "plugin", Pass, ""),
        (fixed(), false, "refuses-other-node", Fail, "was allowed to do it"),
        (
            with("    - --enable-admission-plugins=NodeRestrictio"),
            false,
            "plugin",
            Fail,
            "misspelt: NodeRestrictio",
        ),
        (with("    - --enable-admission-plugins=noderestriction"), false, "plugin", Fail, "misspelt"),
        (
            with("    - --enable-admision-plugins=NodeRestriction"),
            false,
            "plugin",
            Fail,
            "flag is misspelt: --enable-admision",
        ),
        (with("    - --enable-admission-plugin=NodeRestriction"), false, "plugin", Fail, "flag is misspelt"),
        (
            with("    - --disable-admission-plugins=NodeRestriction"),
            false,
            "plugin",
            Fail,
            "disabled: NodeRestriction",
        ),
        (with(both), false, "plugin", Fail, "refuses to start with both"),
        (
            with("   - --enable-admission-plugins=NodeRestriction"),
            false,
            "manifest",
            Fail,
            "is no valid YAML, line 12",
        ),
        (
            with("     - --enable-admission-plugins=NodeRestriction"),
            false,
            "plugin",
            Fail,
            "became a part of the flag above it: --client-ca-file",
        ),
        (with("\t- --x"), false, "manifest", Fail, "is no valid YAML, line 12"),
        (
            fixed().replace("--authorization-mode=Node,RBAC", "--authorization-mode=RBAC"),
            true,
            "manifest",
            Fail,
            "lost or changed: --authorization-mode",
        ),
        (
            fixed().replace("hostNetwork: true", "hostNetwork: false"),
            true,
            "manifest",
            Fail,
            "beside the flags",
        ),
        (
            fixed().replace("name: kube-apiserver\n  namespace", "name: other\n  namespace"),
            true,
            "manifest",
            Fail,
            "no longer the Pod kube-system/kube-apiserver",
        ),
        (String::new(), false, "manifest", Fail, "is no valid YAML"),
    ];
    for (manifest, restrict, id, verdict, message) in cases {
        let cluster = FakeCluster::new(&manifest);
        cluster.server().restrict.store(restrict, Ordering::SeqCst);
        let result = grade(&cluster, 1).await;
        let check = find(&result, id);
        assert_eq!(check.verdict, verdict, "{manifest}\n{check:#?}");
        assert!(check.observed.contains(message), "{message}\n{check:#?}");
        assert!(verdict == Pass || !check.hint.is_empty(), "{check:#?}");
        assert!(verdict == Pass || !result.passed);
    }
}

#[tokio::test]
async fn a_copy_in_the_manifests_directory_is_named() {
    for name in ["kube-apiserver.yaml~", "kube-apiserver-backup.yaml", "x"] {
        let cluster = FakeCluster::new(&fixed());
        cluster.write(&format!("/etc/kubernetes/manifests/{name}"), ORIGINAL);
        let result = grade(&cluster, 1).await;
        for id in ["single", "refuses-other-node", "refuses-restricted-label"] {
            let check = find(&result, id);
            assert!(check.verdict == Verdict::Fail && check.observed.contains(name), "{check:#?}");
        }
    }
    // What kubelets do not read, or what describes another pod, does no harm.
    let cluster = FakeCluster::new(&fixed());
    cluster.server().restrict.store(true, Ordering::SeqCst);
    cluster.write("/etc/kubernetes/manifests/.kube-apiserver.yaml.swp", ORIGINAL);
    cluster.write(
        "/etc/kubernetes/manifests/etcd.yaml",
        &ORIGINAL.replace("name: kube-apiserver", "name: etcd"),
    );
    let result = grade(&cluster, 1).await;
    assert!(result.passed && result.score == result.max, "{result:#?}");
}

#[tokio::test]
async fn a_server_that_is_down_or_starting_never_passes() {
    let cluster = FakeCluster::new(&fixed());
    cluster.server().restrict.store(true, Ordering::SeqCst);
    cluster.server().up.store(false, Ordering::SeqCst);
    for (step, id, verdict) in [
        (0, "one-on-controlplane", Verdict::Error),
        (1, "server", Verdict::Fail),
        (1, "refuses-other-node", Verdict::Fail),
        (2, "two-on-controlplane", Verdict::Fail),
    ] {
        let result = grade(&cluster, step).await;
        assert_eq!(find(&result, id).verdict, verdict, "{result:#?}");
        assert!(!result.passed);
    }
    // Forbidden for another reason is no proof, and while starting it is no failure either.
    cluster.server().up.store(true, Ordering::SeqCst);
    let other =
        "nodes \"controlplane\" is forbidden: User \"system:node:node01\" cannot patch resource \"nodes\"";
    *cluster.server().refuse_all.lock().unwrap() = Some((403, other.into()));
    assert_eq!(find(&grade(&cluster, 1).await, "refuses-other-node").verdict, Verdict::Fail);
    cluster.server().ready.store(false, Ordering::SeqCst);
    assert_eq!(find(&grade(&cluster, 1).await, "refuses-other-node").verdict, Verdict::Error);
    // Nor is an answer that is no refusal at all.
    for (status, sentence) in [(401, "Unauthorized"), (404, "not found"), (409, "conflict"), (503, "busy")] {
        *cluster.server().refuse_all.lock().unwrap() = Some((status, sentence.into()));
        let verdict = find(&grade(&cluster, 1).await, "allows-own-label").verdict;
        assert_ne!(verdict, Verdict::Pass, "{status}");
        let check = grade(&cluster, 1).await;
        let check = find(&check, "refuses-other-node");
        let down = status == 503;
        assert_eq!(check.verdict, if down { Verdict::Fail } else { Verdict::Error }, "{check:#?}");
    }
}

#[tokio::test]
async fn the_last_step_wants_refused_tries_and_kept_labels() {
    let cluster = FakeCluster::new(&fixed());
    cluster.label(KUBELET, None, "node01", "node-restriction.kubernetes.io/one", false);
    let two = |user, by| {
        cluster.label(user, by, "controlplane", "killercoda/two", false);
        cluster.label(user, by, "node01", "node-restriction.kubernetes.io/two", false)
    };
    // Before the plugin is on: set, and that is told.
    assert_eq!(two(KUBELET, None), 200);
    let result = grade(&cluster, 2).await;
    assert!(find(&result, "two-on-node01").observed.contains("nothing stopped it"), "{result:#?}");
    cluster.server().restrict.store(true, Ordering::SeqCst);
    // Impersonation is refused too and proves nothing about the kubelet's own credentials.
    assert_eq!(two(KUBELET, Some(ADMIN)), 403);
    assert_eq!(grade(&cluster, 2).await.score, 0);
    assert_eq!(two(KUBELET, None), 403);
    let result = grade(&cluster, 2).await;
    assert_eq!(find(&result, "two-absent").verdict, Verdict::Fail, "the labels set before are still there");
    assert_eq!(find(&result, "one-kept").verdict, Verdict::Pass);
    for (node, key) in [("controlplane", "killercoda/two"), ("node01", "node-restriction.kubernetes.io/two")]
    {
        let client = cluster.client(&crate::cluster::Identity::Admin).unwrap();
        let body = serde_json::json!({"metadata": {"labels": {key: null}}});
        http::patch(&client, &format!("/api/v1/nodes/{node}"), "application/merge-patch+json", &body)
            .await
            .unwrap();
    }
    let result = grade(&cluster, 2).await;
    assert!(result.passed && result.score == result.max, "{result:#?}");
}
