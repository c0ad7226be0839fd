//! The real waits, on tokio's paused clock: rescans, crash loops, probes, collected garbage.

use super::edits::Hold;
use super::rows::{aside, replace};
use super::*;

const REMOVE: &str = "\"SyncLoop REMOVE\" source=\"file\"";
const ADD: &str = "\"SyncLoop ADD\" source=\"file\"";
const STARTED: &str = "\"ContainerStarted\"";
const KILL: &str = "\"Killing container with a grace period\"";

/// That a wait is of this length, in seconds.
#[track_caller]
fn took(what: &str, seconds: f64, from: f64, to: f64) {
    assert!((from..=to).contains(&seconds), "{what}: {seconds:.2} s instead of {from} to {to}");
}

impl Lab {
    /// When a line with this text was written, of those after a place.
    async fn told(&self, from: u64, text: &str) -> jiff::Timestamp {
        let at = self.journal(from, text, &[text]).await;
        self.kubelet.journal().since(at - 1).first().unwrap().at
    }

    async fn gone(&self) {
        self.until(API, "it is gone", <[Container]>::is_empty).await;
    }

    async fn serves(&self) {
        let mut servers = self.servers.clone();
        let server = servers.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        server.wait_ready().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_ready_some_time_after_its_server_and_its_old_sandbox_goes_within_a_minute() {
    let lab = Lab::realistic().await;
    let old = lab.ready(API).await;
    lab.does(|lab| replace(lab, ANCHOR, WITH_PLUGIN), &[REMOVE, ADD, KILL]).await;
    lab.gone().await;
    let ended = lab.clock.now();
    let sandbox = || lab.runtime.sandboxes().into_iter().find(|s| s.id == old.sandbox);
    assert!(!sandbox().unwrap().ready, "it stays, not ready");
    let mut changes = lab.runtime.changes();
    while sandbox().is_some() {
        changes.changed().await.unwrap();
    }
    took("the old sandbox", lab.since(ended), 0.0, 61.0);
    lab.ready(API).await;

    lab.does(|lab| replace(lab, WITH_PLUGIN, ANCHOR), &[REMOVE, ADD, KILL]).await;
    lab.gone().await;
    lab.serves().await;
    let serving = lab.clock.now();
    let mirror = "/api/v1/namespaces/kube-system/pods/kube-apiserver-controlplane";
    let ready = |pod: &serde_json::Value| {
        let conditions = pod["status"]["conditions"].as_array().cloned().unwrap_or_default();
        pod["metadata"]["annotations"]["kubernetes.io/config.hash"] == old.pod.uid.as_str()
            && conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == "True")
    };
    let before = lab.get(mirror).await;
    assert!(!ready(&before), "the old mirror pod, or one that is Pending: {before}");
    lab.object(mirror, "ready", ready).await;
    took("from the server to a ready pod", lab.since(serving), 5.0, 21.0);
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_backs_off_and_a_repair_does_not_wait_for_it() {
    let lab = Lab::realistic().await;
    let first = lab.ready(API).await;
    let from = lab.place();
    lab.does(|lab| replace(lab, "--authorization-mode", "--authorisation-mode"), &[REMOVE, ADD, KILL]).await;
    lab.gone().await;
    let crashed = |c: &Container| c.attempt == 6 && c.exit == Some(1);
    let newest = lab.until(API, "the seventh", |c| c.iter().any(crashed)).await;
    assert!(newest.len() <= 2 && newest[0].attempt == 6, "{newest:#?}");
    let lines = lab.kubelet.journal().since(from);
    let started =
        |l: &&cks_lab::kubelet::journal::Line| l.text.contains("apiserver") && l.text.contains(STARTED);
    // The first of them is the sandbox.
    let starts: Vec<_> = lines.iter().filter(started).skip(1).map(|l| l.at).collect();
    let wait = |n: usize| starts[n].duration_since(starts[n - 1]).as_secs_f64();
    took("the second start", wait(1), 0.0, 1.0);
    took("attempt 2", wait(2), 17.0, 25.0);
    for (attempt, nominal) in [(3, 20.0), (4, 40.0), (5, 80.0), (6, 160.0)] {
        took(&format!("attempt {attempt}"), wait(attempt), nominal, nominal + 16.0);
    }
    for words in ["10s", "20s", "40s", "1m20s", "2m40s"] {
        let line =
            format!("CrashLoopBackOff: \\\"back-off {words} restarting failed container=kube-apiserver");
        lab.told(from, &line).await;
    }
    // The repaired one is another pod: it waits for its turn, and for nothing else.
    let repaired =
        lab.does(|lab| replace(lab, "--authorisation-mode", "--authorization-mode"), &[REMOVE, ADD]).await;
    lab.serves().await;
    took("the repair", lab.since(repaired), 10.0, 17.5);
    assert_eq!(lab.ready(API).await.pod, first.pod);
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_cannot_be_read_counts_at_the_rescans() {
    let lab = Lab::realistic().await;
    lab.ready(API).await;
    let from = lab.place();
    let event = "\"Unable to process watch event\" err=\"can't process config file";
    let edit = |lab: &Lab| replace(lab, "    - --authorization-mode", "   - --authorization-mode");
    let edited = lab.does(edit, &[event]).await;
    let scan = "\"Could not process manifest file\" err=\"/etc/kubernetes/manifests/kube-apiserver.yaml: ";
    let scanned = lab.told(from, scan).await;
    took("the next rescan", scanned.duration_since(edited).as_secs_f64(), 0.0, 20.0);
    let killed = lab.told(from, KILL).await;
    took("its consequence", killed.duration_since(scanned).as_secs_f64(), 0.0, 0.1);
    lab.gone().await;
    took("the end", lab.since(killed), 30.0, 31.0);
    let again = lab.told(lab.journal(from, "the scan", &[scan]).await, scan).await;
    took("the rescan after it", again.duration_since(scanned).as_secs_f64(), 19.9, 20.1);
    tokio::time::sleep(Duration::from_secs(40)).await;
    let repair = |lab: &Lab| replace(lab, "   - --authorization-mode", "    - --authorization-mode");
    let repaired = lab.does(repair, &[ADD]).await;
    lab.serves().await;
    took("the repair", lab.since(repaired), 1.0, 3.0);
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_moved_out_ends_after_its_grace_and_what_is_moved_back_starts_at_once() {
    let lab = Lab::realistic().await;
    lab.ready(API).await;
    let out = |lab: &Lab| std::fs::rename(lab.manifest(API_FILE), aside(lab)).unwrap();
    let moved = lab.does(out, &[REMOVE, KILL]).await;
    lab.gone().await;
    took("the end", lab.since(moved), 30.0, 31.0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let back = |lab: &Lab| std::fs::rename(aside(lab), lab.manifest(API_FILE)).unwrap();
    let moved = lab.does(back, &[ADD]).await;
    lab.serves().await;
    took("the start", lab.since(moved), 1.0, 5.0);
    lab.kubelet.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn after_vim_the_pod_is_back_at_a_rescan() {
    let lab = Lab::realistic().await;
    lab.ready(API).await;
    let hold = Hold::new();
    lab.vim().await;
    let (end, written) = (lab.place(), lab.clock.now());
    drop(hold);
    let back = lab.told(end, ADD).await;
    took("the rescan", back.duration_since(written).as_secs_f64(), 0.1, 20.0);
    lab.kubelet.shutdown().await;
}
