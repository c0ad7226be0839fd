//! What edits of the manifests directory come to, with the emulated API server and with the real one's process behind the same kubelet.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cks_lab::kubelet::journal::Line;
use cks_lab::kubelet::runtime::{Container, State};
use cks_lab::kubelet::socket::{NodeState, Question};
use cks_lab::kubelet::tools::client::ask_at;

use crate::lessons::Up;
use crate::program::{awaited, on, until};
use crate::realserver::Binaries;

const LIMIT: Duration = Duration::from_secs(240);
const FILE: &str = "kube-apiserver.yaml";
const API: &str = "kube-apiserver";
const ANCHOR: &str = "    - --enable-bootstrap-token-auth=true\n";
const WITH_PLUGIN: &str =
    "    - --enable-admission-plugins=NodeRestriction\n    - --enable-bootstrap-token-auth=true\n";

/// What a row ends in.
enum End {
    /// The same container still runs.
    Same,
    /// A new pod runs.
    Other,
    /// No container is left.
    Gone,
    /// It ends again and again with this status and text.
    Crashes(i32, &'static str),
}

struct Row {
    what: &'static str,
    act: fn(&Bench),
    /// What the kubelet's journal says, in this order.
    lines: &'static [&'static str],
    end: End,
    repair: Option<fn(&Bench)>,
}

/// The control plane of a lab in another process, as its node's sockets show it.
struct Bench {
    root: PathBuf,
    home: PathBuf,
}

impl Bench {
    fn ask<T: serde::de::DeserializeOwned>(&self, question: &Question) -> Vec<T> {
        let Ok(mut answers) = ask_at(&self.root.join("run/systemd/private"), question) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        while let Ok(Some(one)) = answers.next_message() {
            all.push(one);
        }
        all
    }

    fn containers(&self, name: &str) -> Vec<Container> {
        let state: Vec<NodeState> = self.ask(&Question::State);
        let all = state.into_iter().flat_map(|s| s.containers);
        all.filter(|c| c.spec.name == name).collect()
    }

    fn until(&self, what: &str, holds: impl Fn(&[Container]) -> bool) -> Vec<Container> {
        awaited(what, LIMIT, || self.containers(API), |all| holds(all))
    }

    fn ready(&self, what: &str) -> Container {
        self.until(what, |c| c.iter().any(|c| c.ready && c.state == State::Running)).remove(0)
    }

    fn journal(&self) -> Vec<Line> {
        self.ask(&Question::Journal { follow: false })
    }

    fn manifest(&self, name: &str) -> PathBuf {
        self.root.join("etc/kubernetes/manifests").join(name)
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.manifest(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn log(&self, container: &Container) -> String {
        let path = self.root.join(container.log_path.trim_start_matches('/'));
        fs::read_to_string(path).unwrap_or_default()
    }

    /// Waits until the directory was read once more: a file that is no pod is named by every scan.
    fn rescan(&self, what: &str) {
        let from = self.journal().last().map_or(0, |l| l.sequence);
        fs::write(self.manifest("zz-nothing"), "a: 1\n").unwrap();
        let scanned = "\"Could not process manifest file\" err=\"/etc/kubernetes/manifests/zz-nothing";
        until(what, LIMIT, || self.journal().iter().any(|l| l.sequence > from && l.text.contains(scanned)));
        fs::remove_file(self.manifest("zz-nothing")).unwrap();
    }

    fn play(&self, row: &Row) {
        let what = row.what;
        let first = self.ready(what);
        let from = self.journal().last().map_or(0, |l| l.sequence);
        (row.act)(self);
        let told = || {
            let lines = self.journal();
            let mut left = row.lines.iter().peekable();
            for line in lines.iter().filter(|l| l.sequence > from) {
                if left.peek().is_some_and(|text| line.text.contains(**text)) {
                    left.next();
                }
            }
            left.peek().is_none()
        };
        until(&format!("{what}: {:?}", row.lines), LIMIT, told);
        let runs = |c: &Container| c.ready && c.state == State::Running && c.id != first.id;
        match row.end {
            End::Same => {
                self.rescan(what);
                assert_eq!(self.ready(what).id, first.id, "{what}");
            }
            End::Other => {
                let now = self.until(what, |c| c.iter().any(|c| runs(c) && c.pod != first.pod));
                assert_eq!((now.len(), now[0].attempt), (1, 0), "{what}");
                self.rescan(what);
                assert_eq!(self.ready(what).id, now[0].id, "{what}");
            }
            End::Gone => {
                self.until(what, <[Container]>::is_empty);
                let (status, _, err) = on(&self.home, "controlplane", "kubectl get nodes");
                let refused = "The connection to the server 172.30.1.2:6443 was refused - did you specify the right host or port?";
                assert!(status != 0 && err.contains(refused), "{what}: {err}");
            }
            End::Crashes(status, log) => {
                let crashed =
                    |c: &Container| c.exit == Some(status) && c.attempt > 0 && self.log(c).contains(log);
                self.until(what, |c| c.iter().any(crashed));
            }
        }
        if let Some(repair) = row.repair {
            repair(self);
            self.until(&format!("{what}: repaired"), |c| c.iter().any(|c| runs(c) && c.pod == first.pod));
        }
        until(&format!("{what}: it answers"), LIMIT, || {
            on(&self.home, "controlplane", "kubectl get --raw /readyz").0 == 0
        });
    }
}

fn rows() -> Vec<Row> {
    let row = |what, act, lines, end, repair| Row { what, act, lines, end, repair };
    vec![
        row(
            "comments change nothing",
            |b| b.replace(FILE, "apiVersion: v1\n", "# a comment\napiVersion: v1\n"),
            &[],
            End::Same,
            None,
        ),
        row(
            "an edit of the flags is a new pod, the earlier content the earlier one",
            |b| b.replace(FILE, ANCHOR, WITH_PLUGIN),
            &[],
            End::Other,
            Some(|b| b.replace(FILE, WITH_PLUGIN, ANCHOR)),
        ),
        row(
            "a copy that sorts after wins",
            |b| {
                let text = fs::read_to_string(b.manifest(FILE)).unwrap().replace(ANCHOR, WITH_PLUGIN);
                fs::write(b.manifest("kube-apiserver.yaml~"), text).unwrap();
            },
            &[],
            End::Other,
            Some(|b| fs::remove_file(b.manifest("kube-apiserver.yaml~")).unwrap()),
        ),
        row(
            "a YAML error counts at the rescan",
            |b| b.replace(FILE, "    - --authorization-mode", "   - --authorization-mode"),
            &[
                "\"Could not process manifest file\" err=\"/etc/kubernetes/manifests/kube-apiserver.yaml: couldn't parse as pod(yaml: line ",
            ],
            End::Gone,
            Some(|b| b.replace(FILE, "   - --authorization-mode", "    - --authorization-mode")),
        ),
        row(
            "an unknown flag crashes",
            |b| b.replace(FILE, "--authorization-mode", "--authorisation-mode"),
            &["CrashLoopBackOff: \\\"back-off 10s restarting failed container=kube-apiserver"],
            End::Crashes(1, "unknown flag: --authorisation-mode"),
            Some(|b| b.replace(FILE, "--authorisation-mode", "--authorization-mode")),
        ),
        row(
            "an unknown plugin crashes",
            |b| b.replace(FILE, ANCHOR, "    - --enable-admission-plugins=NodeRestrictio\n"),
            &["CrashLoopBackOff: \\\"back-off 10s", "CrashLoopBackOff: \\\"back-off 20s"],
            End::Crashes(1, "enable-admission-plugins plugin \\\"NodeRestrictio\\\" is unknown"),
            Some(|b| b.replace(FILE, "    - --enable-admission-plugins=NodeRestrictio\n", ANCHOR)),
        ),
        row(
            "moved out it ends, moved back it is the same pod",
            |b| fs::rename(b.manifest(FILE), b.root.join(FILE)).unwrap(),
            &[],
            End::Gone,
            Some(|b| fs::rename(b.root.join(FILE), b.manifest(FILE)).unwrap()),
        ),
    ]
}

fn suite(home: &Path, arguments: &[String]) {
    let up = Up::start_with(home, arguments);
    let root = PathBuf::from(up.info["nodes"]["controlplane"]["root"].as_str().unwrap());
    let bench = Bench { root, home: home.to_owned() };
    for row in rows() {
        bench.play(&row);
    }
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn the_emulated_server_behind_the_kubelet() {
    let home = tempfile::tempdir().unwrap();
    suite(home.path(), &[]);
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn the_real_server_behind_the_kubelet() {
    let Some(binaries) = Binaries::or_skip("v1.31.0", "the kubelet with the real server's process") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let dir = binaries.dir.display().to_string();
    suite(home.path(), &["--cluster", "local", "--binaries", &dir].map(str::to_owned));
}
