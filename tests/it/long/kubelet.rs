//! Every event in the manifests directory, with the emulated API server and with the real one's process behind the same kubelet.
//!
//! `kubelet/rows.rs` has the events; what else the suite knows of pods, nodes and their tools is here once more as lines of a
//! shell ([`DEEDS`]), since `kubelet/events.rs`, `tools.rs` and `processes.rs` ask the server of their own process. What the
//! real server cannot be behind is a clock that stands still: a process has the machine's, so that `kubelet/edits.rs`,
//! `waits.rs` and `measured.rs` are for the emulated one alone, and `live_real.rs` compares a real cluster's times instead.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cks_lab::kubelet::journal::Line;
use cks_lab::kubelet::runtime::{Container, State};
use cks_lab::kubelet::socket::{NodeState, Question};
use cks_lab::kubelet::tools::client::ask_at;

use crate::kubelet::rows::{API_POD, End, Manifests, Row, aside, rows};
use crate::program::Up;
use crate::program::{awaited, on, until};
use crate::realserver::Binaries;

const LIMIT: Duration = Duration::from_secs(240);
const API: &str = "kube-apiserver";

/// What is done on a node by hand, what it comes to, and what puts it right: scripts, and what they print in the end.
struct Deed {
    what: &'static str,
    node: &'static str,
    act: &'static str,
    /// On the control plane, each until it prints this.
    comes: &'static [(&'static str, &'static str)],
    repair: &'static str,
    ends: (&'static str, &'static str),
}

const DEEDS: &[Deed] = &[
    Deed {
        what: "without a scheduler pods stay Pending",
        node: "controlplane",
        act: "mv /etc/kubernetes/manifests/kube-scheduler.yaml /root/; while crictl ps | grep -q kube-scheduler; do :; done; \
            kubectl run p --image=nginx",
        comes: &[("kubectl get pod p -o jsonpath='{.status.phase} {.spec.nodeName}.'", "Pending .")],
        repair: "mv /root/kube-scheduler.yaml /etc/kubernetes/manifests/",
        ends: ("kubectl get pod p -o jsonpath='{.status.phase} {.spec.nodeName}'", "Running node01"),
    },
    Deed {
        what: "without a controller-manager a namespace gets no service account",
        node: "controlplane",
        act: "mv /etc/kubernetes/manifests/kube-controller-manager.yaml /root/; \
            while crictl ps | grep -q kube-controller-manager; do :; done; kubectl create namespace fresh",
        comes: &[(
            "kubectl run p -n fresh --image=nginx",
            "pods \"p\" is forbidden: error looking up service account fresh/default: serviceaccount \"default\" not found",
        )],
        repair: "mv /root/kube-controller-manager.yaml /etc/kubernetes/manifests/",
        ends: ("kubectl get serviceaccount -n fresh default -o name", "serviceaccount/default"),
    },
    Deed {
        what: "a pod waits for the secret that it mounts, and an event tells",
        node: "controlplane",
        act: "kubectl run m --image=nginx --overrides='{\"spec\": {\"volumes\": [{\"name\": \"v\", \"secret\": {\"secretName\": \"s\"}}]}}'",
        comes: &[
            (
                "kubectl get events --field-selector involvedObject.name=m,reason=FailedMount -o jsonpath='{.items[0].message}'",
                "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found",
            ),
            ("kubectl get pod m -o jsonpath='{.status.phase}'", "Pending"),
        ],
        repair: "kubectl create secret generic s",
        ends: ("kubectl get pod m -o jsonpath='{.status.phase}'", "Running"),
    },
    Deed {
        what: "a node whose kubelet stopped becomes unknown and is tainted",
        node: "node01",
        act: "systemctl stop kubelet",
        comes: &[
            (
                "kubectl get node node01 -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].message} {.spec.taints[*].key}'",
                "Kubelet stopped posting node status. node.kubernetes.io/unreachable",
            ),
            ("kubectl get node node01 --no-headers", " NotReady "),
        ],
        repair: "systemctl start kubelet",
        ends: ("kubectl get node node01 --no-headers", " Ready "),
    },
    Deed {
        what: "without containerd a node is not ready, and its server goes on",
        node: "controlplane",
        act: "systemctl stop containerd",
        comes: &[
            ("crictl ps", "containerd.sock: connect: no such file or directory"),
            (
                "kubectl get node controlplane -o jsonpath='{.status.conditions[?(@.type==\"Ready\")].message}'",
                "container runtime is down",
            ),
        ],
        repair: "systemctl start containerd",
        ends: ("kubectl get node controlplane --no-headers", " Ready "),
    },
    Deed {
        what: "what crictl stops is started again, one attempt later",
        node: "controlplane",
        act: "crictl stop $(crictl ps -q --name kube-apiserver) && crictl ps -a | grep apiserver",
        comes: &[(
            "crictl ps -o json --name kube-apiserver | grep restartCount | tr -d ' '",
            "\"io.kubernetes.container.restartCount\":\"1\"",
        )],
        repair: "true",
        ends: ("kubectl get pod -n kube-system kube-apiserver-controlplane --no-headers", "1/1 "),
    },
    Deed {
        what: "a server that is killed counts up, and its last words are the previous log",
        node: "controlplane",
        act: "kill -9 $(pidof kube-apiserver)",
        comes: &[
            (
                "crictl ps -o json --name kube-apiserver | grep restartCount | tr -d ' '",
                "\"io.kubernetes.container.restartCount\":\"2\"",
            ),
            (
                "kubectl get pod -n kube-system kube-apiserver-controlplane -o jsonpath='{.status.containerStatuses[0].restartCount}'",
                "2",
            ),
            (
                "kubectl logs -n kube-system kube-apiserver-controlplane --previous",
                "mutating admission controller(s)",
            ),
        ],
        repair: "true",
        ends: ("kubectl get pod -n kube-system kube-apiserver-controlplane --no-headers", "1/1 "),
    },
    Deed {
        what: "the mirror pod is of the file's pod and its node",
        node: "controlplane",
        act: "true",
        comes: &[
            (
                "kubectl get pod -n kube-system kube-apiserver-controlplane -o jsonpath='{.metadata.ownerReferences[0].kind} \
                 {.metadata.annotations.kubernetes\\.io/config\\.source} {.spec.priority} {.status.podIP}'",
                "Node file 2000001000 172.30.1.2",
            ),
            (
                "test $(kubectl get pod -n kube-system kube-apiserver-controlplane -o \
                 jsonpath='{.metadata.annotations.kubernetes\\.io/config\\.mirror}') = $(ls /var/log/pods | \
                 sed -n 's/.*kube-apiserver-controlplane_//p') && echo same",
                "same",
            ),
        ],
        repair: "true",
        ends: ("kubectl get --raw /readyz", "ok"),
    },
];

/// The control plane of a lab in another process, as its node's sockets show it.
struct Bench {
    root: PathBuf,
    home: PathBuf,
}

impl Manifests for Bench {
    fn root(&self) -> PathBuf {
        self.root.clone()
    }
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

    fn until(&self, name: &str, what: &str, holds: impl Fn(&[Container]) -> bool) -> Vec<Container> {
        awaited(what, LIMIT, || self.containers(name), |all| holds(all))
    }

    fn ready(&self, what: &str) -> Container {
        self.until(API, what, |c| c.iter().any(|c| c.ready && c.state == State::Running)).remove(0)
    }

    fn journal(&self) -> Vec<Line> {
        self.ask(&Question::Journal { follow: false })
    }

    fn place(&self) -> u64 {
        self.journal().last().map_or(0, |l| l.sequence)
    }

    /// Waits until the journal has lines with these texts in this order after a place.
    fn told(&self, from: u64, what: &str, texts: &[&str]) {
        let told = || {
            let mut left = texts.iter().peekable();
            for line in self.journal().iter().filter(|l| l.sequence > from) {
                if left.peek().is_some_and(|text| line.text.contains(**text)) {
                    left.next();
                }
            }
            left.peek().is_none()
        };
        until(&format!("{what}: {texts:?}"), LIMIT, told);
    }

    fn log(&self, container: &Container) -> String {
        let path = self.root.join(container.log_path.trim_start_matches('/'));
        fs::read_to_string(path).unwrap_or_default()
    }

    /// Waits until the directory was read once more: a file that is no pod is named by every scan.
    fn rescan(&self, what: &str) {
        let from = self.place();
        fs::write(self.manifest("zz-nothing"), "a: 1\n").unwrap();
        let scanned = "\"Could not process manifest file\" err=\"/etc/kubernetes/manifests/zz-nothing";
        self.told(from, what, &[scanned]);
        fs::remove_file(self.manifest("zz-nothing")).unwrap();
    }

    /// The directory's files.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.manifest("")).unwrap().map(|e| e.unwrap().path());
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
    }

    /// Makes the directory hold these files and nothing else.
    fn restore(&self, files: &BTreeMap<PathBuf, Vec<u8>>) {
        for path in fs::read_dir(self.manifest("")).unwrap().map(|e| e.unwrap().path()) {
            match path.symlink_metadata().unwrap().is_dir() {
                true => fs::remove_dir_all(path).unwrap(),
                false if !files.contains_key(&path) => fs::remove_file(path).unwrap(),
                false => {}
            }
        }
        for (path, bytes) in files {
            if fs::read(path).ok().as_ref() != Some(bytes) {
                let aside = self.root.join("restored");
                fs::write(&aside, bytes).unwrap();
                fs::rename(aside, path).unwrap();
            }
        }
    }

    /// Waits until a script on a node prints a text.
    fn prints(&self, what: &str, node: &str, (script, text): (&str, &str)) {
        let look = || on(&self.home, node, script);
        awaited(&format!("{what}: {script}"), LIMIT, look, |(_, out, err)| {
            format!("{out}{err}").contains(text)
        });
    }

    fn do_by_hand(&self, deed: &Deed) {
        let (status, out, err) = on(&self.home, deed.node, deed.act);
        assert_eq!(status, 0, "{}: {out}{err}", deed.what);
        self.rescan(deed.what);
        for comes in deed.comes {
            self.prints(deed.what, "controlplane", *comes);
        }
        let (status, out, err) = on(&self.home, deed.node, deed.repair);
        assert_eq!(status, 0, "{}: {out}{err}", deed.what);
        self.prints(deed.what, "controlplane", deed.ends);
    }

    fn play(&self, row: &Row) {
        let what = row.what;
        let files = self.files();
        let first = self.ready(what);
        let from = self.place();
        (row.act)(self);
        // A rescan may come before the events: what they say of files comes somewhere, the rest in order.
        let (events, ordered): (Vec<&str>, Vec<&str>) =
            row.lines.iter().partition(|l| l.starts_with("can't process") || l.starts_with("file.go:108"));
        for event in events {
            self.told(from, what, &[event]);
        }
        self.told(from, what, &ordered);
        let runs = |c: &Container| c.ready && c.state == State::Running && c.id != first.id;
        match row.end {
            End::Same => {
                self.rescan(what);
                assert_eq!(self.ready(what).id, first.id, "{what}");
                let told = self.journal().into_iter().filter(|l| l.sequence > from);
                assert_eq!(told.filter(|l| l.text.contains(API_POD)).count(), 0, "{what}");
            }
            End::Other => {
                let now = self.until(API, what, |c| c.iter().any(|c| runs(c) && c.pod != first.pod));
                assert_eq!((now.len(), now[0].attempt), (1, 0), "{what}");
                self.rescan(what);
                assert_eq!(self.ready(what).id, now[0].id, "{what}: the rescan changes nothing");
            }
            End::Again => {
                self.until(API, what, |c| c.len() == 1 && c.iter().any(|c| runs(c) && c.pod == first.pod));
            }
            End::Gone | End::Waits => {
                self.until(API, what, <[Container]>::is_empty);
                let (status, _, err) = on(&self.home, "controlplane", "kubectl get nodes");
                let refused = "The connection to the server 172.30.1.2:6443 was refused - did you specify the right host or port?";
                assert!(status != 0 && err.contains(refused), "{what}: {err}");
            }
            End::Crashes(status, log) => {
                let crashed =
                    |c: &Container| c.exit == Some(status) && c.attempt > 0 && self.log(c).contains(log);
                self.until(API, what, |c| c.iter().any(crashed));
            }
            End::Runs(name) => {
                self.until(name, what, |c| c.iter().any(|c| c.ready));
                assert_eq!(self.ready(what).id, first.id, "{what}");
                assert_eq!(self.containers("two"), [], "{what}");
            }
        }
        match row.repair {
            Some(repair) => {
                repair(self);
                let is_back = |c: &Container| runs(c) && c.pod == first.pod;
                self.until(API, &format!("{what}: repaired"), |c| c.iter().any(is_back));
            }
            None => {
                self.restore(&files);
                let is_back = |c: &Container| c.ready && c.state == State::Running && c.pod == first.pod;
                self.until(API, &format!("{what}: as before"), |c| c.iter().any(is_back));
                if let End::Runs(name) = row.end {
                    self.until(name, &format!("{what}: gone"), <[Container]>::is_empty);
                }
            }
        }
        assert_eq!(self.files(), files, "{what}");
        let aside = aside(self);
        let _ = if aside.is_dir() { fs::remove_dir_all(aside) } else { fs::remove_file(aside) };
        until(&format!("{what}: it answers"), LIMIT, || {
            on(&self.home, "controlplane", "kubectl get --raw /readyz").0 == 0
        });
    }
}

#[allow(clippy::print_stderr)]
fn suite(home: &Path, arguments: &[String]) {
    let up = Up::start_with(home, arguments);
    let root = PathBuf::from(up.info["nodes"]["controlplane"]["root"].as_str().unwrap());
    let bench = Bench { root, home: home.to_owned() };
    // The kubelet writes as much as the recorded one did.
    let louder = "mkdir -p /etc/default; echo 'KUBELET_EXTRA_ARGS=\"--v=2\"' >/etc/default/kubelet; systemctl restart kubelet";
    let (status, _, err) = on(home, "controlplane", louder);
    assert_eq!(status, 0, "{err}");
    let timed = |what: &str, play: &dyn Fn()| {
        let begun = std::time::Instant::now();
        play();
        eprintln!("{:6.1} s  {what}", begun.elapsed().as_secs_f64());
    };
    for deed in DEEDS {
        timed(deed.what, &|| bench.do_by_hand(deed));
    }
    for row in rows() {
        timed(row.what, &|| bench.play(&row));
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
