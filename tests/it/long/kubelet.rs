//! Every event in the manifests directory, with the emulated API server and with the real one's process behind the same kubelet.
//!
//! What the real server cannot be behind: `kubelet/edits.rs`, `waits.rs` and `measured.rs` need a clock that stands still
//! (a process has the machine's; `live_real.rs` compares a real cluster's times instead), `kubelet/events.rs`, `audit.rs`,
//! `tools.rs` and `processes.rs` ask the server of their own process (`local.rs` and `long/lessons.rs` ask a real one by kubectl).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cks_lab::kubelet::journal::Line;
use cks_lab::kubelet::runtime::{Container, State};
use cks_lab::kubelet::socket::{NodeState, Question};
use cks_lab::kubelet::tools::client::ask_at;

use crate::kubelet::rows::{API_POD, End, Manifests, Row, aside, rows};
use crate::lessons::Up;
use crate::program::{awaited, on, until};
use crate::realserver::Binaries;

const LIMIT: Duration = Duration::from_secs(240);
const API: &str = "kube-apiserver";

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
    for row in rows() {
        let begun = std::time::Instant::now();
        bench.play(&row);
        eprintln!("{:6.1} s  {}", begun.elapsed().as_secs_f64(), row.what);
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
