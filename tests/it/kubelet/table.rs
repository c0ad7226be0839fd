//! The rows of events, played with the kubelet in this process and the emulated API server.

use std::fs;

use cks_lab::kubelet::runtime::{Container, State};

use super::rows::{API_POD, End, Row, replace, rows};
use super::{ANCHOR, API, Lab, WITH_PLUGIN};

/// Has the kubelet of these manifests write as much as the recorded one did.
pub(super) fn talkative(manifests: &std::path::Path) {
    let root = manifests.ancestors().nth(3).unwrap();
    fs::create_dir_all(root.join("etc/default")).unwrap();
    fs::write(root.join("etc/default/kubelet"), "KUBELET_EXTRA_ARGS=\"--v=2\"\n").unwrap();
}

impl Lab {
    async fn verbose() -> Self {
        Self::start(talkative).await
    }

    /// Where the journal is now.
    pub(super) fn place(&self) -> u64 {
        self.kubelet.journal().since(0).last().map_or(0, |line| line.sequence)
    }

    /// Waits until the journal has lines with these texts in this order after a place; the place of the last comes back.
    pub(super) async fn journal(&self, from: u64, what: &str, texts: &[&str]) -> u64 {
        let mut newest = self.kubelet.journal().subscribe();
        let wait = async {
            loop {
                newest.borrow_and_update();
                let (mut at, mut left) = (from, texts.iter().peekable());
                for line in self.kubelet.journal().since(from) {
                    if left.peek().is_some_and(|text| line.text.contains(**text)) {
                        left.next();
                        at = line.sequence;
                    }
                }
                if left.peek().is_none() {
                    return at;
                }
                newest.changed().await.unwrap();
            }
        };
        tokio::time::timeout(self.limit, wait).await.unwrap_or_else(|_| {
            let lines = self.kubelet.journal().since(from);
            let lines: Vec<_> = lines.iter().map(|l| l.text.as_str()).collect();
            panic!("{what}: no {texts:#?} in\n{}", lines.join("\n"))
        })
    }

    /// Waits until the directory was read once more: a file that is no pod is named by every scan.
    pub(super) async fn rescan(&self, what: &str) {
        fs::write(self.manifest("zz-nothing"), "a: 1\n").unwrap();
        let scanned = "\"Could not process manifest file\" err=\"/etc/kubernetes/manifests/zz-nothing";
        self.journal(self.place(), what, &[scanned]).await;
    }

    fn log(&self, container: &Container) -> String {
        let path = self.dir.path().join("controlplane").join(container.log_path.trim_start_matches('/'));
        fs::read_to_string(path).unwrap_or_default()
    }
}

async fn play(row: Row) {
    let (what, lab) = (row.what, Lab::verbose().await);
    let first = lab.ready(API).await;
    let from = lab.place();
    (row.act)(&lab);
    // A rescan may come before the events: what they say of files comes somewhere, the rest in order.
    let (events, ordered): (Vec<&str>, Vec<&str>) =
        row.lines.iter().partition(|l| l.starts_with("can't process") || l.starts_with("file.go:108"));
    for event in events {
        lab.journal(from, what, &[event]).await;
    }
    lab.journal(from, what, &ordered).await;
    let runs = |c: &Container| c.ready && c.state == State::Running && c.id != first.id;
    match row.end {
        End::Same => {
            lab.rescan(what).await;
            assert_eq!(lab.ready(API).await.id, first.id, "{what}");
            let told = lab.kubelet.journal().since(from);
            assert!(!told.iter().any(|l| l.text.contains(API_POD)), "{what}");
        }
        End::Other => {
            let now = lab.until(API, what, |c| c.iter().any(|c| runs(c) && c.pod != first.pod)).await;
            assert_eq!((now.len(), now[0].attempt), (1, 0), "{what}");
            lab.rescan(what).await;
            assert_eq!(lab.ready(API).await.id, now[0].id, "{what}: the rescan changes nothing");
        }
        End::Again => {
            // A pod that was given up ends, however soon it comes back.
            lab.until(API, what, |c| c.len() == 1 && c.iter().any(|c| runs(c) && c.pod == first.pod)).await;
        }
        End::Gone | End::Waits => {
            lab.until(API, what, <[Container]>::is_empty).await;
        }
        End::Crashes(status, log) => {
            let crashed = |c: &Container| c.exit == Some(status) && c.attempt > 0;
            lab.until(API, what, |c| c.iter().any(|c| crashed(c) && lab.log(c).contains(log))).await;
        }
        End::Runs(name) => {
            lab.until(name, what, |c| c.iter().any(|c| c.ready)).await;
            assert_eq!(lab.ready(API).await.id, first.id, "{what}");
            assert_eq!(lab.containers("two"), [], "{what}");
        }
    }
    if let Some(repair) = row.repair {
        repair(&lab);
        let back = lab.until(API, what, |c| c.iter().any(|c| runs(c) && c.pod == first.pod)).await;
        assert!(back.iter().any(|c| c.ready && c.sandbox != first.sandbox) || back[0].attempt > 0, "{what}");
    }
    lab.kubelet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_the_real_consequences() {
    let mut rows = rows().into_iter();
    let mut wrong = Vec::new();
    loop {
        // A few labs at once: their waits overlap.
        let some: Vec<_> = rows.by_ref().take(7).map(|row| tokio::spawn(play(row))).collect();
        if some.is_empty() {
            break;
        }
        for row in some {
            wrong.extend(row.await.err().map(|e| e.to_string()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What a real kubelet wrote of the API server's pod after an edit with `sed -i`, in this order.
const RECORDED: [&str; 6] = [
    "\"SyncLoop REMOVE\"",
    "\"SyncLoop ADD\"",
    "\"Killing container with a grace period\"",
    "\"ContainerStarted\"",
    "\"ContainerStarted\"",
    "\"Deleted mirror pod because it is outdated\"",
];

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_writes_the_recorded_lines_in_the_recorded_order() {
    let lab = Lab::verbose().await;
    lab.ready(API).await;
    let mirror = "/api/v1/namespaces/kube-system/pods/kube-apiserver-controlplane";
    lab.object(mirror, "is there", |o| !o.is_null()).await;
    let from = lab.place();
    replace(&lab, ANCHOR, WITH_PLUGIN);
    let end = lab.journal(from, "the edit", &RECORDED).await;
    let lines = lab.kubelet.journal().since(from);
    let told: Vec<_> = lines
        .iter()
        .filter(|l| l.sequence <= end && l.text.contains("kube-system/kube-apiserver-controlplane"))
        .filter_map(|l| RECORDED.iter().find(|r| l.text.contains(**r)).copied())
        .collect();
    assert_eq!(told, RECORDED);
    let death = lines.iter().any(|l| l.text.contains("ContainerDied") && l.text.contains("kube-apiserver"));
    assert!(!death, "a pod that is gone has no such line");
    lab.kubelet.shutdown().await;
}
