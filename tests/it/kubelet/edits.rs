//! Deeds in the manifests directory, second by second: what a real kubelet made of them, and what the lab's does with the real waits.
//!
//! The clock is tokio's paused one: it runs on by itself whenever everything waits, so that a minute takes no time.

use std::fs;
use std::sync::mpsc;

use super::rows::{aside, copy, replace};
use super::table::talkative;
use super::timeline::{Times, WATCHED, out_of_order, recorded, watched};
use super::*;

const REMOVE: &str = "\"SyncLoop REMOVE\" source=\"file\"";
const ADD: &str = "\"SyncLoop ADD\" source=\"file\"";

/// The time of tokio's clock.
struct Paused(jiff::Timestamp, tokio::time::Instant);

impl cks_lab::clock::Clock for Paused {
    fn now(&self) -> jiff::Timestamp {
        self.0 + jiff::SignedDuration::try_from(self.1.elapsed()).unwrap()
    }
}

/// Keeps the paused clock from running on by itself: it does not while something blocks.
pub(super) struct Hold(#[expect(dead_code, reason = "its end is what counts")] mpsc::Sender<()>);

impl Hold {
    pub(super) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        tokio::task::spawn_blocking(move || {
            // A test that fails does so after a while, and not never.
            let _: Result<(), _> = receiver.recv_timeout(LIMIT);
        });
        Self(sender)
    }
}

impl Lab {
    /// A control plane with the real waits.
    pub(super) async fn realistic() -> Self {
        let clock = Paused(jiff::Timestamp::now(), tokio::time::Instant::now());
        let limit = Duration::from_secs(900);
        Self::start_with(Timing::realistic(), Arc::new(clock), limit, None, talkative).await
    }

    /// Does something while the clock stands, and lets it run once the kubelet wrote these lines.
    pub(super) async fn does(&self, deed: impl FnOnce(&Self), lines: &[&str]) -> jiff::Timestamp {
        let (_hold, from) = (Hold::new(), self.place());
        deed(self);
        self.journal(from, "the deed is seen", lines).await;
        self.clock.now()
    }

    /// Seconds since a moment.
    pub(super) fn since(&self, moment: jiff::Timestamp) -> f64 {
        self.clock.now().duration_since(moment).as_secs_f64()
    }

    /// What `/readyz` says to somebody unknown.
    async fn readyz(&self) -> &'static str {
        use http_body_util::BodyExt;
        let Some(server) = self.servers.borrow().clone() else { return "refused" };
        let anonymous = cks_lab::apiserver::authentication::UserInfo::new(
            "system:anonymous",
            &["system:unauthenticated"],
        );
        let request = http::Request::get("/readyz").body(bytes::Bytes::new()).unwrap();
        let answer = server.call(anonymous, request).await;
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        match status {
            200 => "200",
            403 => "403",
            500 => {
                let failed: Vec<_> = str::from_utf8(&text)
                    .unwrap()
                    .lines()
                    .filter_map(|l| l.strip_prefix("[-]")?.split(' ').next())
                    .collect();
                let hooks = [
                    "poststarthook/rbac/bootstrap-roles",
                    "poststarthook/scheduling/bootstrap-system-priority-classes",
                ];
                assert_eq!(failed, hooks);
                "500"
            }
            other => panic!("{other}"),
        }
    }

    /// What is so now of what is watched for, `before` being what was there at the deed.
    async fn seen(&self, before: &[Container], old: &Container) -> Vec<&'static str> {
        let mut seen = vec![self.readyz().await];
        let containers = self.containers(API);
        let mut add = |what, is: bool| seen.extend(is.then_some(what));
        let there = containers.iter().find(|c| c.id == old.id);
        add("ended", there.is_none_or(|c| c.state == State::Exited));
        add("removed", there.is_none());
        let sandboxes = self.runtime.sandboxes();
        let there = sandboxes.iter().find(|s| s.id == old.sandbox);
        add("unready", there.is_none_or(|s| !s.ready));
        add("swept", there.is_none());
        add("container", containers.iter().any(|c| before.iter().all(|b| b.id != c.id)));
        let is_new =
            |s: &cks_lab::kubelet::runtime::Sandbox| s.ready && before.iter().all(|b| b.sandbox != s.id);
        add("sandbox", sandboxes.iter().any(|s| s.pod.name == "kube-apiserver-controlplane" && is_new(s)));
        if seen[0] == "200" {
            let pod = self.get(MIRROR).await;
            let hash = &pod["metadata"]["annotations"]["kubernetes.io/config.mirror"];
            let is_new = containers.iter().any(|c| c.id != old.id && *hash == c.pod.uid.as_str());
            let conditions = pod["status"]["conditions"].as_array();
            let is_ready = |c: &serde_json::Value| c["type"] == "Ready" && c["status"] == "True";
            seen.extend(is_new.then_some("mirror"));
            seen.extend((is_new && conditions.is_some_and(|c| c.iter().any(is_ready))).then_some("ready"));
        }
        seen
    }

    /// What vim does for `:wq`, each step after the kubelet saw the one before, as the recorded one did.
    pub(super) async fn vim(&self) {
        let (file, backup) = (self.manifest(API_FILE), self.manifest("kube-apiserver.yaml~"));
        let new = fs::read_to_string(&file).unwrap().replace(ANCHOR, WITH_PLUGIN);
        let probe = self.manifest("4913");
        let steps: [(&dyn Fn(), &[&str]); 5] = [
            (
                &|| fs::write(&probe, "").unwrap(),
                &["manifests/4913: couldn't parse as pod(Object 'Kind' is missing in 'null')"],
            ),
            (&|| fs::remove_file(&probe).unwrap(), &[]),
            (&|| fs::rename(&file, &backup).unwrap(), &[REMOVE, ADD]),
            (&|| fs::write(&file, &new).unwrap(), &[REMOVE, ADD]),
            (&|| fs::remove_file(&backup).unwrap(), &[REMOVE]),
        ];
        for (step, lines) in steps {
            let from = self.place();
            step();
            self.journal(from, "vim", lines).await;
        }
    }

    /// Watches what becomes of a deed, as the recording's observer did, until the server is ready again.
    async fn observe(&self, deed: Deed) -> Times {
        let before = self.containers(API);
        let old = before.iter().find(|c| c.state == State::Running).unwrap().clone();
        let mut times = Times::new();
        let hold = Hold::new();
        let begun = self.clock.now();
        match deed {
            Deed::Once(deed) => deed(self),
            Deed::Vim => self.vim().await,
        }
        let mut servers = self.servers.clone();
        servers.wait_for(Option::is_none).await.unwrap();
        drop(hold);
        while !times.contains_key("ready") {
            let at = self.since(begun);
            assert!(at < 120.0, "{times:?}");
            for what in self.seen(&before, &old).await {
                times.entry(watched(what)).or_insert(at);
            }
            // Once the new server starts, its answers change quickly.
            let pause = if times.contains_key("sandbox") { 50 } else { 250 };
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        times
    }
}

/// Something that is done to the manifests.
#[derive(Clone, Copy)]
enum Deed {
    Once(fn(&Lab)),
    Vim,
}
use Deed::{Once, Vim};

fn with_copy(lab: &Lab) {
    copy(lab, "kube-apiserver.yaml~", "", "");
}

fn sed_in(lab: &Lab) {
    replace(lab, ANCHOR, WITH_PLUGIN);
}

impl Lab {
    /// The timeline of the deed by which a live cluster is compared: a flag is taken out with `sed -i`.
    pub async fn timeline() -> Times {
        let lab = Self::realistic().await;
        lab.ready(API).await;
        lab.observe(Once(sed_in)).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        lab.ready(API).await;
        let times = lab.observe(Once(|lab| replace(lab, WITH_PLUGIN, ANCHOR))).await;
        lab.kubelet.shutdown().await;
        times
    }
}

/// The recorded deeds: what comes before, and the deed itself.
const DEEDS: [(&str, Option<Deed>, Deed); 9] = [
    ("a flag is taken out with sed -i", Some(Once(sed_in)), Once(|lab| replace(lab, WITH_PLUGIN, ANCHOR))),
    ("a flag is put in with sed -i", None, Once(sed_in)),
    ("a copy named kube-apiserver.yaml~", None, Once(with_copy)),
    ("an edit beside such a copy", Some(Once(with_copy)), Once(sed_in)),
    (
        "the copy is removed",
        Some(Once(with_copy)),
        Once(|lab| fs::remove_file(lab.manifest("kube-apiserver.yaml~")).unwrap()),
    ),
    (
        "other content is copied over it",
        None,
        Once(|lab| {
            let text = fs::read_to_string(lab.manifest(API_FILE)).unwrap();
            fs::write(aside(lab), text.replace(ANCHOR, WITH_PLUGIN)).unwrap();
            fs::rename(aside(lab), lab.manifest(API_FILE)).unwrap();
        }),
    ),
    ("vim's :wq", None, Vim),
    (
        "a copy named kube-apiserver-backup.yaml",
        None,
        Once(|lab| copy(lab, "kube-apiserver-backup.yaml", ANCHOR, WITH_PLUGIN)),
    ),
    (
        "a copy with other flags named kube-apiserver.yaml.bak",
        None,
        Once(|lab| copy(lab, "kube-apiserver.yaml.bak", ANCHOR, WITH_PLUGIN)),
    ),
];

/// What is out of order, or where no recorded time is near.
fn differences(name: &str, ours: &Times, runs: &[(&str, Times)]) -> Vec<String> {
    let same = runs.iter().filter(|(recorded, _)| *recorded == name);
    let mut wrong: Vec<_> = same.flat_map(|(_, theirs)| out_of_order(name, ours, theirs)).collect();
    // When a new pod starts is a matter of chance; the rest follows it. All runs together say what is possible.
    let start = |times: &Times| times["container"];
    for what in WATCHED.iter().filter(|w| **w != "swept") {
        let offset = |times: &Times| {
            let at = times.get(what)?;
            Some(if matches!(*what, "403" | "500" | "200") { at - start(times) } else { *at })
        };
        let all = || runs.iter().filter_map(|(_, theirs)| offset(theirs));
        let (least, most) = (all().fold(f64::MAX, f64::min), all().fold(f64::MIN, f64::max));
        let slack = if matches!(*what, "container" | "sandbox") { 2.5 } else { 0.6 };
        let Some(at) = offset(ours) else {
            wrong.push(format!("{name}: {what} was not seen"));
            continue;
        };
        // Probes and written statuses have ticks of their own: of these only the order is told.
        if matches!(*what, "mirror" | "ready") {
            continue;
        }
        if at < least - slack || at > most + slack {
            wrong.push(format!("{name}: {what} after {at:.2} s; recorded {least:.2} to {most:.2}"));
        }
    }
    wrong
}

#[tokio::test(start_paused = true)]
async fn deeds_have_their_consequences_when_the_recorded_ones_had() {
    let runs = recorded();
    assert!(runs.iter().all(|(name, times)| DEEDS.iter().any(|d| d.0 == *name) && times.len() >= 9));
    let mut wrong = Vec::new();
    for (name, before, deed) in DEEDS {
        let lab = Lab::realistic().await;
        lab.ready(API).await;
        if let Some(before) = before {
            lab.observe(before).await;
            // The rescan that comes now and then has been, and what it makes of it.
            tokio::time::sleep(Duration::from_secs(30)).await;
            lab.ready(API).await;
        }
        let ours = lab.observe(deed).await;
        wrong.extend(differences(name, &ours, &runs));
        lab.kubelet.shutdown().await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn another_order_or_time_is_a_difference() {
    let runs = recorded();
    let (name, good) = runs.iter().find(|(_, times)| times.contains_key("ready")).unwrap();
    assert_eq!(differences(name, good, &runs), [] as [String; 0]);
    for (what, at) in [("ended", 2.0), ("container", 20.0), ("403", 50.0), ("refused", 31.0)] {
        let mut bad = good.clone();
        bad.insert(watched(what), at);
        assert!(!differences(name, &bad, &runs).is_empty(), "{what} at {at}");
    }
}
