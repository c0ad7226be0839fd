//! What a kubelet makes of what happens to its manifests: a row for each event, with the journal's lines in their order.
//!
//! Orders and texts were recorded on a real v1.31.0 cluster whose kubelet ran with `-v=2`. `table.rs` plays the rows with
//! the kubelet in the test's process, `long/kubelet.rs` with a lab's, whose API server is the emulated or the real one.

use std::fs;
use std::path::PathBuf;

use super::{ANCHOR, API_FILE, Lab, WITH_PLUGIN};

/// What every line of a static pod's coming and going says of the API server's.
pub const API_POD: &str = "pods=[\"kube-system/kube-apiserver-controlplane\"]";
const REMOVE: &str = "\"SyncLoop REMOVE\" source=\"file\" pods=[\"kube-system/kube-apiserver-controlplane\"]";
const ADD: &str = "\"SyncLoop ADD\" source=\"file\" pods=[\"kube-system/kube-apiserver-controlplane\"]";
const KILL: &str =
    "\"Killing container with a grace period\" pod=\"kube-system/kube-apiserver-controlplane\"";
const STARTED: &str = "\"Type\":\"ContainerStarted\"";

/// The manifests of a control plane, in whichever process its kubelet is.
pub trait Manifests {
    /// The node's root directory.
    fn root(&self) -> PathBuf;

    /// A file of the directory.
    fn manifest(&self, name: &str) -> PathBuf {
        self.root().join(cks_lab::kubelet::manifests::DIRECTORY).join(name)
    }

    /// Edits a file in place.
    fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.manifest(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
}

impl Manifests for Lab {
    fn root(&self) -> PathBuf {
        self.dir.path().join("controlplane")
    }
}

/// How the API server's pod ends up.
pub enum End {
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

/// An event and what it comes to.
pub struct Row {
    /// The event.
    pub what: &'static str,
    /// Does it.
    pub act: fn(&dyn Manifests),
    /// What the kubelet's journal says of it, in this order.
    pub lines: &'static [&'static str],
    /// What comes of it.
    pub end: End,
    /// Puts it right; the first UID is then ready, at attempt 0.
    pub repair: Option<fn(&dyn Manifests)>,
}

fn pod(name: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  {more}containers: [{{name: {name}, image: busybox}}]\n"
    )
}

fn text(lab: &dyn Manifests) -> String {
    fs::read_to_string(lab.manifest(API_FILE)).unwrap()
}

/// Replaces a manifest at once, so that nothing sees half of it.
pub fn replace(lab: &dyn Manifests, from: &str, to: &str) {
    let text = text(lab);
    assert!(text.contains(from), "{from}");
    let aside = aside(lab);
    fs::write(&aside, text.replace(from, to)).unwrap();
    fs::rename(aside, lab.manifest(API_FILE)).unwrap();
}

/// A file beside the directory, on the same disk.
pub fn aside(lab: &dyn Manifests) -> PathBuf {
    lab.root().join("aside")
}

/// Puts a changed copy of the API server's manifest beside it at once.
pub fn copy(lab: &dyn Manifests, name: &str, from: &str, to: &str) {
    let aside = aside(lab);
    fs::write(&aside, text(lab).replace(from, to)).unwrap();
    fs::rename(aside, lab.manifest(name)).unwrap();
}

fn vim(lab: &dyn Manifests) {
    let new = text(lab).replace(ANCHOR, WITH_PLUGIN);
    let (file, backup) = (lab.manifest(API_FILE), lab.manifest("kube-apiserver.yaml~"));
    fs::write(lab.manifest("4913"), "").unwrap();
    fs::remove_file(lab.manifest("4913")).unwrap();
    fs::rename(&file, &backup).unwrap();
    fs::write(&file, new).unwrap();
    fs::remove_file(backup).unwrap();
}

fn sed(lab: &dyn Manifests) {
    let status = std::process::Command::new("sed")
        .args(["-i", "s/--enable-bootstrap-token-auth=true/--enable-bootstrap-token-auth=false/"])
        .arg(lab.manifest(API_FILE))
        .status()
        .unwrap();
    assert!(status.success());
}

/// All events.
pub fn rows() -> Vec<Row> {
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
