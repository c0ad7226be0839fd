//! Labs on a stand-in cluster: progress, quiet checks, the control socket.

use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::control::Request;
use super::remote::Remote;
use super::*;
use crate::check::Verdict;
use crate::check::fixture::{FakeCluster, MANIFEST};
use crate::lesson::source::Source;
use crate::lesson::{load, variables};

const POD: &str = "kind: Pod\nmetadata:\n  name: kube-apiserver\n  namespace: kube-system\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --client-ca-file=x\n    - --enable-admission-plugins=NodeRestriction\n";
const KUBELET: &str = "system:node:node01";
const LIMIT: Duration = Duration::from_secs(20);

fn unsolved() -> String {
    POD.replace("    - --enable-admission-plugins=NodeRestriction\n", "")
}

async fn open(home: &std::path::Path, cluster: &Arc<FakeCluster>) -> Arc<Lab> {
    let dir = LabDir::new(home, "t");
    let lock = lock::take(&dir, "t").unwrap();
    let source = Source::Embedded("apiserver-node-restriction".into());
    let loaded = load::load(&source, "en", Some(&variables::of_cluster(cluster.as_ref()))).unwrap();
    Lab::begin(dir, lock, loaded, cluster.clone(), None).await.unwrap()
}

async fn wait_for(
    what: &str,
    events: &mut tokio::sync::broadcast::Receiver<LabEvent>,
    is: impl Fn(&LabEvent) -> bool,
) {
    let found = tokio::time::timeout(LIMIT, async { while !events.recv().await.is_ok_and(|e| is(&e)) {} });
    assert!(found.await.is_ok(), "{what} did not happen");
}

fn ones(cluster: &FakeCluster, user: &str) {
    cluster.label(user, None, "controlplane", "killercoda/one", false);
    cluster.label(user, None, "node01", "node-restriction.kubernetes.io/one", false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_lesson_starts_without_the_plugin_and_is_resumed() {
    let home = tempfile::tempdir().unwrap();
    let cluster = FakeCluster::new(POD);
    let lab = open(home.path(), &cluster).await;
    assert!(!cluster.read(MANIFEST).unwrap().contains("NodeRestriction"));
    assert_eq!(lab.standing().current, 0);
    ones(&cluster, KUBELET);
    let result = lab.check(Some("verify-issue")).await.unwrap();
    assert!(result.passed, "{result:#?}");
    assert_eq!(lab.hint("re-verify").unwrap().unwrap().0, 1);
    assert_eq!(lab.standing().current, 1);
    // Nobody closes it: the state on disk must do.
    let manifest = POD.replace("client-ca-file=x", "client-ca-file=y");
    cluster.write(MANIFEST, &manifest);
    for task in lab.tasks.lock().unwrap().drain(..) {
        task.abort();
    }
    while Arc::strong_count(&lab) > 1 {
        tokio::task::yield_now().await;
    }
    drop(lab);
    let lab = open(home.path(), &cluster).await;
    let standing = lab.standing();
    assert_eq!((standing.current, standing.hints), (1, vec![0, 0, 1]));
    assert!(standing.results[0].as_ref().unwrap().passed);
    assert_eq!(cluster.read(MANIFEST).unwrap(), manifest, "resuming prepares nothing");
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_checks_follow_the_cluster_and_record_nothing() {
    let home = tempfile::tempdir().unwrap();
    let cluster = FakeCluster::new(&unsolved());
    let lab = open(home.path(), &cluster).await;
    let mut events = lab.events();
    ones(&cluster, KUBELET);
    wait_for(
        "the tasks are done",
        &mut events,
        |e| matches!(e, LabEvent::Tasks(r) if r.id == "verify-issue" && r.passed),
    )
    .await;
    assert_eq!(lab.standing().results[0], None);
    lab.go_to(1).unwrap();
    wait_for(
        "the next step's tasks",
        &mut events,
        |e| matches!(e, LabEvent::Tasks(r) if r.id == "enable-plugin"),
    )
    .await;
    cluster.server().restrict.store(true, Ordering::SeqCst);
    cluster.write(MANIFEST, POD);
    let enforced = |e: &LabEvent| matches!(e, LabEvent::Tasks(r) if r.checks.iter().any(|c| c.id == "allows-own-label" && c.verdict == Verdict::Pass));
    wait_for("the plugin is seen", &mut events, enforced).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_puts_files_and_labels_back_and_asks_anew() {
    let home = tempfile::tempdir().unwrap();
    let cluster = FakeCluster::new(&unsolved());
    let lab = open(home.path(), &cluster).await;
    let original = cluster.read(MANIFEST).unwrap();
    ones(&cluster, KUBELET);
    assert!(lab.check(Some("verify-issue")).await.unwrap().passed);
    cluster.write(MANIFEST, POD);
    cluster.write("/etc/kubernetes/manifests/kube-apiserver.yaml~", POD);
    lab.reset(Some("enable-plugin")).await.unwrap();
    assert_eq!(cluster.read(MANIFEST).unwrap(), original);
    assert_eq!(cluster.read("/etc/kubernetes/manifests/kube-apiserver.yaml~"), None);
    assert!(lab.look(0).await.passed, "the step before is untouched");
    lab.reset(None).await.unwrap();
    assert_eq!(lab.standing().results, [None, None, None]);
    assert_eq!(lab.look(0).await.score, 0);
    // The labels set again by the admin: what the kubelet did before the reset does not count.
    ones(&cluster, "kubernetes-admin");
    assert_eq!(lab.look(0).await.score, 2);
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_progress_is_set_aside_and_told() {
    let home = tempfile::tempdir().unwrap();
    let cluster = FakeCluster::new(&unsolved());
    let dir = LabDir::new(home.path(), "t");
    lock::make_dir(&dir).unwrap();
    std::fs::write(dir.progress_file(), "{\"version\":1,").unwrap();
    let lab = open(home.path(), &cluster).await;
    assert_eq!(lab.standing().current, 0);
    assert!(dir.root().join("progress.json.corrupt-1").exists());
    // Told to whoever listens first, however late.
    let told = |e: &LabEvent| matches!(e, LabEvent::Notice(sentence) if sentence.contains("corrupt-1"));
    wait_for("the notice", &mut lab.events(), told).await;
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_asks_and_runs_commands_however_long_the_path() {
    let home = tempfile::tempdir().unwrap();
    let deep = home.path().join("d".repeat(100)).join("e".repeat(100));
    let cluster = FakeCluster::new(&unsolved());
    let lab = open(&deep, &cluster).await;
    let dir = LabDir::new(&deep, "t");
    let mut remote = Remote::connect(&dir, "t").await.unwrap();
    let answer = remote.ask(&Request::Check { step: Some("verify-issue".into()) }).await.unwrap();
    let result: LessonResult = serde_json::from_value(answer).unwrap();
    assert_eq!((result.steps.len(), result.score, result.max), (1, 0, 6));
    let error = remote.ask(&Request::Check { step: Some("none".into()) }).await.unwrap_err().to_string();
    assert!(
        error.contains("no step \"none\"") && error.contains("verify-issue, enable-plugin, re-verify"),
        "{error}"
    );
    let hint = remote.ask(&Request::Hint { step: None }).await.unwrap();
    assert_eq!((&hint[0], &hint[1]), (&1.into(), &3.into()));

    // Input, output and status are the command's own.
    let (input, mut output) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    (&input).write_all(b"from the caller\n").unwrap();
    (&input).rewind().unwrap();
    let fds: [OwnedFd; 3] =
        [input.into(), output.try_clone().unwrap().into(), tempfile::tempfile().unwrap().into()];
    let argv = ["bash", "-c", "cat; exit 7"].map(str::to_owned).to_vec();
    remote.exec(&Request::Exec { node: "node01".into(), argv }, fds).await.unwrap();
    let (_keep, mut signals) = tokio::sync::mpsc::unbounded_channel();
    assert_eq!(remote.wait(&mut signals).await.unwrap(), 7);
    output.rewind().unwrap();
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    assert_eq!(text, "from the caller\n");

    // Signals reach the command.
    let mut remote = Remote::connect(&dir, "t").await.unwrap();
    let null = || OwnedFd::from(std::fs::File::options().read(true).write(true).open("/dev/null").unwrap());
    let argv = ["sleep", "1000"].map(str::to_owned).to_vec();
    remote.exec(&Request::Exec { node: "node01".into(), argv }, [null(), null(), null()]).await.unwrap();
    remote.signal(15).await;
    assert_eq!(remote.wait(&mut signals).await.unwrap(), 128 + 15);

    // A shell's terminal comes over.
    let mut remote = Remote::connect(&dir, "t").await.unwrap();
    let request = Request::Shell { node: "node01".into(), columns: 91, rows: 33, term: "xterm".into() };
    let terminal = remote.shell(&request).await.unwrap();
    let size = rustix::termios::tcgetwinsize(&terminal).unwrap();
    assert_eq!((size.ws_col, size.ws_row), (91, 33));
    std::fs::File::from(terminal.try_clone().unwrap()).write_all(b"exit 3\n").unwrap();
    assert_eq!(remote.wait(&mut signals).await.unwrap(), 3);

    let mut remote = Remote::connect(&dir, "t").await.unwrap();
    let argv = vec!["true".to_owned()];
    let error = remote.exec(&Request::Exec { node: "node02".into(), argv }, [null(), null(), null()]).await;
    assert!(error.unwrap_err().to_string().contains("its nodes are controlplane, node01"));
    lab.close().await;
    let gone = Remote::connect(&dir, "t").await.err().unwrap().to_string();
    assert!(gone.contains("no lab \"t\" is running"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_understands_is_answered() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    let home = tempfile::tempdir().unwrap();
    let cluster = FakeCluster::new(&unsolved());
    let lab = open(home.path(), &cluster).await;
    let stream = tokio::net::UnixStream::connect(lab.dir().control_socket()).await.unwrap();
    let mut stream = BufReader::new(stream);
    for line in ["{}\n", "\u{0}\n", "{\"op\":\"exec\",\"node\":\"node01\",\"argv\":[]}\n", "[1]\n"] {
        stream.get_mut().write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        assert!(answer.starts_with("{\"error\":{\"what\":"), "{line}: {answer}");
    }
    lab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_is_told_and_still_answered() {
    let home = tempfile::tempdir().unwrap();
    let cluster = FakeCluster::new(&unsolved());
    let lab = open(home.path(), &cluster).await;
    let mut events = lab.events();
    // A directory in its place refuses the file even to root, as a full disk would.
    std::fs::remove_file(lab.dir().progress_file()).unwrap();
    std::fs::create_dir(lab.dir().progress_file()).unwrap();
    ones(&cluster, KUBELET);
    assert!(lab.check(Some("verify-issue")).await.unwrap().passed);
    let told = |e: &LabEvent| matches!(e, LabEvent::Notice(sentence) if sentence.contains("progress.json cannot be written"));
    wait_for("the notice", &mut events, told).await;
    assert_eq!(lab.standing().current, 1);
    // Once there is room, all of it is saved.
    std::fs::remove_dir(lab.dir().progress_file()).unwrap();
    lab.close().await;
    let (kept, _) = progress::read::<Progress>(&lab.dir().progress_file()).unwrap();
    assert!(kept.lessons["apiserver-node-restriction"].steps["verify-issue"].result.as_ref().unwrap().passed);
}
