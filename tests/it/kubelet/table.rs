//! What a kubelet makes of what happens to its manifests: a row for each event, with the journal's lines in their order.
//!
//! Orders and texts were recorded on a real v1.31.0 cluster whose kubelet ran with `-v=2`.

use std::fs;
use std::path::PathBuf;

use cks_lab::kubelet::runtime::{Container, State};

use super::{ANCHOR, API, API_FILE, Lab, WITH_PLUGIN};

const API_POD: &str = "pods=[\"kube-system/kube-apiserver-controlplane\"]";
const REMOVE: &str = "\"SyncLoop REMOVE\" source=\"file\" pods=[\"kube-system/kube-apiserver-controlplane\"]";
const ADD: &str = "\"SyncLoop ADD\" source=\"file\" pods=[\"kube-system/kube-apiserver-controlplane\"]";
const KILL: &str =
    "\"Killing container with a grace period\" pod=\"kube-system/kube-apiserver-controlplane\"";
const STARTED: &str = "\"Type\":\"ContainerStarted\"";

/// How the API server's pod ends up.
enum End {
    /// The container that was there runs on, also after the next rescan.
    Same,
    /// A pod of another UID runs, attempt 0.
    Other,
    /// A pod of the first UID runs in another sandbox.
    Again,
    /// There is no container.
    Gone,
    /// It ends with this status, again and again; its log holds the text.
    Crashes(i32, &'static str),
    /// There is no container while the journal tells why.
    Waits,
    /// A pod of another file runs.
    Runs(&'static str),
}

struct Row {
    what: &'static str,
    act: fn(&Lab),
    lines: &'static [&'static str],
    end: End,
    /// Puts it right; the first UID is then ready, at attempt 0.
    repair: Option<fn(&Lab)>,
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  {more}containers: [{{name: {name}, image: busybox}}]\n"
    )
}

fn text(lab: &Lab) -> String {
    fs::read_to_string(lab.manifest(API_FILE)).unwrap()
}

/// Replaces a manifest at once, so that nothing sees half of it.
pub(super) fn replace(lab: &Lab, from: &str, to: &str) {
    let text = text(lab);
    assert!(text.contains(from), "{from}");
    let aside = aside(lab);
    fs::write(&aside, text.replace(from, to)).unwrap();
    fs::rename(aside, lab.manifest(API_FILE)).unwrap();
}

pub(super) fn aside(lab: &Lab) -> PathBuf {
    lab.dir.path().join("controlplane/aside")
}

pub(super) fn copy(lab: &Lab, name: &str, from: &str, to: &str) {
    let aside = aside(lab);
    fs::write(&aside, text(lab).replace(from, to)).unwrap();
    fs::rename(aside, lab.manifest(name)).unwrap();
}

fn vim(lab: &Lab) {
    let new = text(lab).replace(ANCHOR, WITH_PLUGIN);
    let (file, backup) = (lab.manifest(API_FILE), lab.manifest("kube-apiserver.yaml~"));
    fs::write(lab.manifest("4913"), "").unwrap();
    fs::remove_file(lab.manifest("4913")).unwrap();
    fs::rename(&file, &backup).unwrap();
    fs::write(&file, new).unwrap();
    fs::remove_file(backup).unwrap();
}

fn sed(lab: &Lab) {
    let status = std::process::Command::new("sed")
        .args(["-i", "s/--enable-bootstrap-token-auth=true/--enable-bootstrap-token-auth=false/"])
        .arg(lab.manifest(API_FILE))
        .status()
        .unwrap();
    assert!(status.success());
}

fn rows() -> Vec<Row> {
    let row = |what, act, lines, end| Row { what, act, lines, end, repair: None };
    let repaired = |what, act, lines, end, repair| Row { what, act, lines, end, repair: Some(repair) };
    vec![
        row(
            "a symbolic link to a file is followed",
            |lab| {
                fs::write(aside(lab), pod("linked", "")).unwrap();
                std::os::unix::fs::symlink("/aside", lab.manifest("link")).unwrap();
            },
            &[],
            End::Runs("linked"),
        ),
        row(
            "a directory is skipped",
            |lab| {
                fs::create_dir(aside(lab)).unwrap();
                fs::write(aside(lab).join("a.yaml"), pod("inner", "")).unwrap();
                fs::rename(aside(lab), lab.manifest("dir")).unwrap();
            },
            &[
                "file.go:182] \"Provided manifest path is a directory, not recursing into manifest path\" path=\"/etc/kubernetes/manifests/dir\"",
            ],
            End::Same,
        ),
        row(
            "a pipe is skipped",
            |lab| {
                let status = std::process::Command::new("mkfifo").arg(lab.manifest("pipe")).status().unwrap();
                assert!(status.success());
            },
            &[
                "file.go:193] \"Manifest path is not a directory or file\" path=\"/etc/kubernetes/manifests/pipe\" mode=\"p",
            ],
            End::Same,
        ),
        row(
            "only the first document counts",
            |lab| {
                fs::write(aside(lab), format!("{}---\n{}", pod("one", ""), pod("two", ""))).unwrap();
                fs::rename(aside(lab), lab.manifest("two.yaml")).unwrap();
            },
            &[],
            End::Runs("one"),
        ),
        row(
            "unknown fields are ignored",
            |lab| fs::write(lab.manifest("odd"), pod("odd", "unknownField: 1\n  ")).unwrap(),
            &[],
            End::Runs("odd"),
        ),
        repaired(
            "an edit of the flags is a new pod, the earlier content the earlier one",
            |lab| replace(lab, ANCHOR, WITH_PLUGIN),
            &[REMOVE, ADD, KILL, STARTED],
            End::Other,
            |lab| replace(lab, WITH_PLUGIN, ANCHOR),
        ),
        row(
            "comments and blank lines change nothing",
            |lab| replace(lab, "apiVersion: v1\n", "# a comment\napiVersion: v1\n\n"),
            &[],
            End::Same,
        ),
        repaired(
            "a copy with ~ sorts after and wins",
            |lab| copy(lab, "kube-apiserver.yaml~", "", ""),
            &[REMOVE, ADD, KILL, STARTED],
            End::Other,
            |lab| fs::remove_file(lab.manifest("kube-apiserver.yaml~")).unwrap(),
        ),
        repaired(
            "a copy with .bak and other flags sorts after and wins",
            |lab| copy(lab, "kube-apiserver.yaml.bak", ANCHOR, WITH_PLUGIN),
            &[REMOVE, ADD, KILL, STARTED],
            End::Other,
            |lab| fs::remove_file(lab.manifest("kube-apiserver.yaml.bak")).unwrap(),
        ),
        row(
            "a copy that sorts before counts until the rescan",
            |lab| copy(lab, "kube-apiserver-backup.yaml", ANCHOR, WITH_PLUGIN),
            &[REMOVE, ADD, REMOVE, ADD],
            End::Again,
        ),
        row(
            "a dotfile is nothing",
            |lab| copy(lab, ".kube-apiserver.yaml.swp", ANCHOR, WITH_PLUGIN),
            &[],
            End::Same,
        ),
        row(
            "vim's :wq",
            vim,
            &["can't process config file \\\"/etc/kubernetes/manifests/4913\\\"", REMOVE, ADD],
            End::Other,
        ),
        row(
            "sed -i",
            sed,
            &["can't process config file \\\"/etc/kubernetes/manifests/sed", REMOVE, ADD, KILL],
            End::Other,
        ),
        repaired(
            "a YAML error counts at the rescan only",
            |lab| replace(lab, "    - --authorization-mode", "   - --authorization-mode"),
            &[
                "file.go:108] \"Unable to process watch event\" err=\"can't process config file \\\"/etc/kubernetes/manifests/kube-apiserver.yaml\\\": /etc/kubernetes/manifests/kube-apiserver.yaml: couldn't parse as pod(yaml: line ",
                "file.go:187] \"Could not process manifest file\"",
                REMOVE,
                KILL,
            ],
            End::Gone,
            |lab| replace(lab, "   - --authorization-mode", "    - --authorization-mode"),
        ),
        repaired(
            "an unknown flag crashes until it is repaired",
            |lab| replace(lab, "--authorization-mode", "--authorisation-mode"),
            &[
                REMOVE,
                ADD,
                KILL,
                "CrashLoopBackOff: \\\"back-off 10s restarting failed container=kube-apiserver",
            ],
            End::Crashes(1, "Error: unknown flag: --authorisation-mode"),
            |lab| replace(lab, "--authorisation-mode", "--authorization-mode"),
        ),
        repaired(
            "an unknown plugin crashes until it is repaired",
            |lab| replace(lab, ANCHOR, "    - --enable-admission-plugins=NodeRestrictio\n"),
            &[REMOVE, ADD, KILL, "CrashLoopBackOff: \\\"back-off 10s", "CrashLoopBackOff: \\\"back-off 20s"],
            End::Crashes(1, "enable-admission-plugins plugin \\\"NodeRestrictio\\\" is unknown"),
            |lab| replace(lab, "    - --enable-admission-plugins=NodeRestrictio\n", ANCHOR),
        ),
        repaired(
            "a command that does not exist does not start",
            |lab| replace(lab, "    - kube-apiserver\n", "    - kube-apiservr\n"),
            &[REMOVE, ADD, KILL],
            End::Crashes(128, ""),
            |lab| replace(lab, "    - kube-apiservr\n", "    - kube-apiserver\n"),
        ),
        repaired(
            "an image that does not exist is waited for",
            |lab| {
                replace(
                    lab,
                    "image: registry.k8s.io/kube-apiserver:v",
                    "image: registry.k8s.io/kube-apiserver:w",
                )
            },
            &[
                REMOVE,
                ADD,
                KILL,
                "\"PullImage from image service failed\"",
                "with ErrImagePull:",
                "with ImagePullBackOff:",
            ],
            End::Waits,
            |lab| {
                replace(
                    lab,
                    "image: registry.k8s.io/kube-apiserver:w",
                    "image: registry.k8s.io/kube-apiserver:v",
                )
            },
        ),
        repaired(
            "without etcd the API server crashes",
            |lab| lab.edit("etcd.yaml", "--data-dir", "--data-dirr"),
            &["restarting failed container=kube-apiserver"],
            End::Crashes(
                255,
                "Error creating leases: error creating storage factory: context deadline exceeded",
            ),
            |lab| lab.edit("etcd.yaml", "--data-dirr", "--data-dir"),
        ),
        repaired(
            "an API server that looks for etcd elsewhere crashes",
            |lab| {
                replace(lab, "--etcd-servers=https://127.0.0.1:2379", "--etcd-servers=https://127.0.0.1:2378")
            },
            &[REMOVE, ADD, KILL],
            End::Crashes(255, "dial tcp 127.0.0.1:2378: connect: connection refused"),
            |lab| {
                replace(lab, "--etcd-servers=https://127.0.0.1:2378", "--etcd-servers=https://127.0.0.1:2379")
            },
        ),
        repaired(
            "moved out it ends, moved back it is the same pod",
            |lab| fs::rename(lab.manifest(API_FILE), aside(lab)).unwrap(),
            &[REMOVE, KILL],
            End::Gone,
            |lab| fs::rename(aside(lab), lab.manifest(API_FILE)).unwrap(),
        ),
    ]
}

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
