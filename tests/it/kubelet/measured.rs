//! What was measured on a real v1.31.0 node beside the times of edits: what is written, listed, said and counted meanwhile.

use std::fs;

use serde_json::Value;

use super::edits::Hold;
use super::rows::{aside, copy, replace};
use super::*;

const REMOVE: &str = "\"SyncLoop REMOVE\" source=\"file\"";
const ADD: &str = "\"SyncLoop ADD\" source=\"file\"";

impl Lab {
    /// What a tool prints while the clock stands.
    async fn tool_now(&self, name: &str, words: &[&str]) -> String {
        let _hold = Hold::new();
        self.tool(name, words).await
    }

    /// The admin's request: status and body.
    async fn asked(&self, path: &str) -> (u16, String) {
        use http_body_util::BodyExt;
        let server = self.servers.borrow().clone().unwrap();
        let admin =
            cks_lab::apiserver::authentication::UserInfo::new("kubernetes-admin", &["system:masters"]);
        let request = http::Request::get(path).body(bytes::Bytes::new()).unwrap();
        let answer = server.call(admin, request).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn edited(&self, deed: impl FnOnce(&Self)) -> jiff::Timestamp {
        self.does(deed, &[REMOVE, ADD, "\"Killing container with a grace period\""]).await
    }
}

/// The lines of an edit, each with its place in the source, and what is not written without `-v=2`.
#[tokio::test(flavor = "multi_thread")]
async fn lines_have_their_places_and_most_of_them_are_for_v_2() {
    for loud in [true, false] {
        let change: fn(&Path) = if loud { super::table::talkative } else { |_| {} };
        let lab = Lab::start(change).await;
        let old = lab.ready(API).await;
        lab.object(MIRROR, "is there", |o| !o.is_null()).await;
        let from = lab.place();
        replace(&lab, ANCHOR, WITH_PLUGIN);
        let new =
            lab.until(API, "a new pod", |c| c.iter().any(|c| c.ready && c.pod != old.pod)).await.remove(0);
        let (pod, id) = ("kube-system/kube-apiserver-controlplane", &old.id);
        let event =
            format!("\"SyncLoop (PLEG): event for pod\" pod=\"{pod}\" event={{\"ID\":\"{}\"", new.pod.uid);
        let lines = [
            (true, format!("kubelet.go:2417] {REMOVE} pods=[\"{pod}\"]")),
            (true, format!("kubelet.go:2407] {ADD} pods=[\"{pod}\"]")),
            (
                true,
                format!(
                    "kuberuntime_container.go:808] \"Killing container with a grace period\" pod=\"{pod}\" podUID=\"{}\" \
                     containerName=\"kube-apiserver\" containerID=\"containerd://{id}\" gracePeriod=30",
                    old.pod.uid
                ),
            ),
            (false, format!("scope.go:117] \"RemoveContainer\" containerID=\"{id}\"")),
            (
                true,
                format!(
                    "kubelet.go:2439] {event},\"Type\":\"ContainerStarted\",\"Data\":\"{}\"}}",
                    new.sandbox
                ),
            ),
            (
                true,
                format!("kubelet.go:2439] {event},\"Type\":\"ContainerStarted\",\"Data\":\"{}\"}}", new.id),
            ),
            (false, format!("kubelet.go:1900] \"Deleted mirror pod because it is outdated\" pod=\"{pod}\"")),
        ];
        let (shown, hidden): (Vec<_>, Vec<_>) = lines.iter().partition(|(verbose, _)| loud || !verbose);
        let texts: Vec<_> = shown.iter().map(|(_, text)| text.as_str()).collect();
        lab.journal(from, "the edit", &texts).await;
        let journal = lab.tool("journalctl", &["-u", "kubelet", "--no-pager"]).await;
        assert!(hidden.iter().all(|(_, text)| !journal.contains(text)), "{journal}");
        assert_eq!(journal.contains("SyncLoop"), loud, "{journal}");
        // What cannot be read is an error, and errors are written in any case.
        fs::write(lab.manifest("zz-nothing"), "a: 1\n").unwrap();
        lab.journal(from, "an error", &["file.go:187] \"Could not process manifest file\" err="]).await;
        lab.kubelet.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_content_again_is_the_same_uid_in_a_second_sandbox() {
    let lab = Lab::realistic().await;
    let first = lab.ready(API).await;
    // Just after stopped sandboxes were collected, so that they are not before the second edit.
    tokio::time::sleep(Duration::from_secs(61)).await;
    lab.edited(|lab| replace(lab, ANCHOR, WITH_PLUGIN)).await;
    let second = lab.until(API, "another", |c| c.iter().any(|c| c.pod != first.pod)).await.remove(0);
    let sandbox = |id: &str| lab.runtime.sandboxes().into_iter().find(|s| s.id == id);
    assert_eq!((sandbox(&second.sandbox).unwrap().attempt, second.attempt), (0, 0), "a new pod");
    assert_eq!(sandbox(&first.sandbox).map(|s| s.ready), Some(false), "the old one's is still there");
    lab.edited(|lab| replace(lab, WITH_PLUGIN, ANCHOR)).await;
    let third = lab.until(API, "the first", |c| c.iter().any(|c| c.pod == first.pod)).await.remove(0);
    assert_eq!((sandbox(&third.sandbox).unwrap().attempt, third.attempt), (1, 0), "the same pod once more");
    let pods = lab.tool_now("crictl", &["pods", "--name", "kube-apiserver"]).await;
    let states: Vec<Vec<_>> = pods
        .lines()
        .skip(1)
        .map(|row| row.split("   ").map(str::trim).filter(|c| !c.is_empty()).collect())
        .collect();
    let attempts: Vec<_> = states.iter().map(|row| (row[2], row[5])).collect();
    assert_eq!(attempts, [("Ready", "1"), ("NotReady", "0"), ("NotReady", "0")], "{pods}");
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn controller_manager_and_scheduler_lose_their_leases_and_count_up() {
    let lab = Lab::realistic().await;
    let programs = ["kube-controller-manager", "kube-scheduler"];
    for program in programs {
        lab.ready(program).await;
    }
    lab.ready(API).await;
    // They hold their leases by now.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let edited = lab.edited(|lab| replace(lab, ANCHOR, WITH_PLUGIN)).await;
    for program in programs {
        let again = |c: &[Container]| c.iter().any(|c| c.attempt == 1 && c.state == State::Running);
        let both = lab.until(program, "it counts up", again).await;
        let listed: Vec<_> = both.iter().map(|c| (c.state, c.attempt, c.exit)).collect();
        assert_eq!(listed, [(State::Running, 1, None), (State::Exited, 0, Some(1))], "{program}");
        assert_eq!(both[0].sandbox, both[1].sandbox, "{program}: it is the same pod");
        let died = both[1].finished.unwrap().duration_since(edited).as_secs_f64();
        assert!((9.0..=16.0).contains(&died), "{program} ended after {died} s");
        let started = both[0].created.duration_since(both[1].finished.unwrap()).as_secs_f64();
        assert!(started <= 2.0, "{program} began again after {started} s");
    }
    let listed = lab.tool_now("crictl", &["ps", "-a", "--name", "kube-scheduler"]).await;
    let rows: Vec<_> = listed.lines().skip(1).collect();
    assert!(rows.len() == 2 && rows[0].contains("Running") && rows[1].contains("Exited"), "{listed}");
    assert!(lab.runtime.containers().iter().all(|c| c.spec.name != "etcd" || c.attempt == 0));
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_lists_the_newest_attempt_whose_log_says_why() {
    let lab = Lab::realistic().await;
    lab.ready(API).await;
    let wrong = "    - --enable-admission-plugins=NodeRestrictio\n";
    lab.edited(|lab| replace(lab, ANCHOR, wrong)).await;
    for attempt in ["1", "2", "3"] {
        let ended = |c: &Container| c.attempt.to_string() == attempt && c.state == State::Exited;
        lab.until(API, "it ended", |c| c.iter().any(ended)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let all = lab.tool_now("crictl", &["ps", "-a", "--name", API]).await;
        let rows: Vec<Vec<_>> = all
            .lines()
            .skip(1)
            .map(|r| r.split("   ").map(str::trim).filter(|c| !c.is_empty()).collect())
            .collect();
        assert_eq!(rows.iter().map(|r| (r[3], r[5])).collect::<Vec<_>>(), [("Exited", attempt)], "{all}");
        assert_eq!((rows[0][0].len(), rows[0][6].len()), (13, 13), "{all}");
        assert!(lab.tool_now("crictl", &["ps", "--name", API]).await.lines().count() == 1, "none runs");
        let log = lab.tool_now("crictl", &["logs", rows[0][0]]).await;
        let why = "run.go:72] \"command failed\" err=\"enable-admission-plugins plugin \\\"NodeRestrictio\\\" is unknown\"";
        assert!(log.trim_end().ends_with(why), "{log}");
    }
    lab.kubelet.shutdown().await;
}

/// Nothing says that a copy has taken over, nor that an edit beside it counts for nothing.
#[tokio::test(start_paused = true)]
async fn a_copy_wins_without_a_word() {
    let lab = Lab::realistic().await;
    let first = lab.ready(API).await;
    let from = lab.place();
    lab.edited(|lab| copy(lab, "kube-apiserver.yaml~", "", "")).await;
    let is_copy = |c: &[Container]| c.iter().any(|c| c.ready && c.pod != first.pod);
    let copied = lab.until(API, "the copy", is_copy).await.remove(0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(lab.ready(API).await.id, copied.id, "rescans change nothing");
    // An edit of the original costs an outage, and the copy runs again.
    lab.edited(|lab| replace(lab, ANCHOR, WITH_PLUGIN)).await;
    let is_again = |c: &[Container]| c.iter().any(|c| c.ready && c.id != copied.id);
    let again = lab.until(API, "the copy again", is_again).await.remove(0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((&again.pod, &lab.ready(API).await.id), (&copied.pod, &again.id));
    assert!(!again.spec.argv.iter().any(|word| word.contains("NodeRestriction")), "{:?}", again.spec.argv);
    let journal = lab.kubelet.journal().since(from);
    let complaints = journal.iter().filter(|l| l.text.starts_with('E') && l.text.contains("apiserver"));
    assert_eq!(complaints.map(|l| l.text.as_str()).collect::<Vec<_>>(), [] as [&str; 0]);
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_mirror_pod_is_pending_until_its_status_is_written() {
    let lab = Lab::realistic().await;
    let old = lab.ready(API).await;
    lab.object(MIRROR, "is there", |o| !o.is_null()).await;
    lab.edited(|lab| replace(lab, ANCHOR, WITH_PLUGIN)).await;
    let hash = |o: &Value| o["metadata"]["annotations"]["kubernetes.io/config.mirror"].clone();
    let is_new = |o: &Value| hash(o).is_string() && hash(o) != old.pod.uid.as_str();
    lab.servers.clone().wait_for(Option::is_some).await.unwrap();
    let mut seen = lab.get(MIRROR).await;
    while !is_new(&seen) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        seen = lab.get(MIRROR).await;
    }
    assert_eq!(
        (&seen["status"]["phase"], seen["status"].get("containerStatuses")),
        (&"Pending".into(), None)
    );
    let begun = lab.clock.now();
    // Its container runs all the while, and so has a log.
    let (status, log) = lab.asked(&format!("{MIRROR}/log")).await;
    assert!(status == 200 && log.contains("Loaded 12 mutating admission controller(s)"), "{log}");
    lab.object(MIRROR, "runs", |o| is_new(o) && o["status"]["phase"] == "Running").await;
    let pending = lab.since(begun);
    assert!(pending <= 10.1, "{pending}");
    lab.kubelet.shutdown().await;
}

/// What a directory with an error in it comes to, in the words and the line of the real kubelet.
#[tokio::test(flavor = "multi_thread")]
async fn a_yaml_error_is_told_with_its_line() {
    let lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    let line = "couldn't parse as pod(yaml: line 17: did not find expected key), please check config file";
    let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let from = lab.place();
    replace(&lab, "    - --authorization-mode", "   - --authorization-mode");
    let event = format!(
        "file.go:108] \"Unable to process watch event\" err=\"can't process config file \\\"{path}\\\": {path}: {line}\""
    );
    lab.journal(from, "the event", &[&event]).await;
    let scan =
        format!("file.go:187] \"Could not process manifest file\" err=\"{path}: {line}\" path=\"{path}\"");
    lab.journal(from, "two rescans", &[&scan, &scan]).await;
    lab.until(API, "it is gone", <[Container]>::is_empty).await;
    assert!(lab.tool("crictl", &["ps", "-a"]).await.lines().all(|row| !row.contains("kube-apiserver")));
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubectl_that_knows_nothing_yet_asks_five_times() {
    let mut lab = Lab::start(|_| {}).await;
    lab.ready(API).await;
    fs::rename(lab.manifest(API_FILE), aside(&lab)).unwrap();
    lab.servers.wait_for(Option::is_none).await.unwrap();
    let port = lab.network.port();
    let (status, out, err) = lab.kubectl(&["get", "nodes"]).await;
    assert_eq!((status, out.as_str()), (1, ""));
    let lines: Vec<_> = err.lines().collect();
    let asked = format!(
        "couldn't get current server API group list: Get \\\"https://127.0.0.1:{port}/api?timeout=32s\\\": dial tcp 127.0.0.1:{port}: connect: connection refused"
    );
    let cold = lines.iter().filter(|l| l.contains("memcache.go:265]") && l.contains(&asked)).count();
    assert_eq!((cold, lines.len()), (5, 6), "{err}");
    lab.kubelet.shutdown().await;
}
