//! Everything that is recorded, played on the sandbox and on the real server in one run: each answer is the same on both.
//!
//! The recordings say what the real servers answered once; here the real servers answer again, so that a case counts whether or
//! not it was recorded for that release. The lesson goes through on both kinds of cluster with the same verdicts.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use cks_lab::release::Release;

use crate::apiserver::{Fixture, start_release};
use crate::conformance::{self, Masks};
use crate::kubectl::{self, Kubectl};
use crate::program::{run, text};
use crate::realserver::{Binaries, RealServer, VERSIONS, write_kubeconfigs};

/// How often a case is played before a difference counts: the real server's authorizers see a write a moment late.
const TRIES: u32 = 3;

/// A sandbox and a real server of the same release and with the same flags.
struct Pair {
    sandbox: Fixture,
    real: RealServer,
}

impl Pair {
    async fn start(version: &str, binaries: &Binaries, plugin: &str) -> Self {
        let flags = conformance::flags(plugin);
        let real = RealServer::start(binaries, flags).await;
        let sandbox = start_release(Release::find(version).unwrap(), flags).await;
        write_kubeconfigs(sandbox.dir.path(), sandbox.port);
        let pair = Self { sandbox, real };
        for (dir, port) in pair.sides() {
            conformance::make_nodes(dir, port).await;
        }
        pair
    }

    fn sides(&self) -> [(&Path, u16); 2] {
        [(self.sandbox.dir.path(), self.sandbox.port), (self.real.dir.path(), self.real.port)]
    }

    /// Plays a case on both; gives how many answers were compared, and what differs.
    async fn case(&self, case: &Value, run: &str) -> (usize, Vec<String>) {
        let masks = Masks::new(run);
        let [ours, real] = self.sides();
        let ours = conformance::answers(ours.0, ours.1, case, &masks).await;
        let real = conformance::answers(real.0, real.1, case, &masks).await;
        let (mut compared, mut wrong) = (0, Vec::new());
        for (ours, real) in ours.iter().zip(&real) {
            for (side, answer) in [("sandbox", ours), ("real", real)] {
                if let Some(why) = &answer.failed {
                    wrong.push(format!("{}\n    {side}: {why}", answer.request()));
                }
            }
            if ours.prepares() {
                continue;
            }
            compared += 1;
            if ours.seen != real.seen {
                wrong.push(format!("{}\n    ours {}\n    real {}", ours.request(), ours.seen, real.seen));
            }
        }
        (compared, wrong)
    }

    /// Plays all cases; gives how many answers were equal, and which cases differ.
    async fn cases(&self, plugin: &str) -> (usize, BTreeMap<String, String>) {
        let (mut equal, mut differ, mut runs) = (0, BTreeMap::new(), 0_u32);
        for file in conformance::FILES {
            for case in conformance::cases(file, plugin) {
                let mut last = (0, Vec::new());
                for _ in 0..TRIES {
                    runs += 1;
                    last = self.case(&case, &token(runs)).await;
                    if last.1.is_empty() {
                        break;
                    }
                }
                match last {
                    (compared, wrong) if wrong.is_empty() => equal += compared,
                    (_, wrong) => {
                        let name = format!("{file}: {}", case["name"].as_str().unwrap());
                        differ.insert(name, wrong.join("\n  "));
                    }
                }
            }
        }
        (equal, differ)
    }

    /// Plays all of kubectl's commands; gives how many printed the same, and which differ.
    async fn commands(&self, kubectl: &Kubectl, plugin: &str) -> (usize, BTreeMap<String, String>) {
        let [ours, real] = self.sides();
        let ours = kubectl::answers(kubectl, ours.0, plugin).await;
        let real = kubectl::answers(kubectl, real.0, plugin).await;
        let (mut equal, mut differ) = (0, BTreeMap::new());
        for ((entry, ours), (_, real)) in ours.into_iter().zip(real) {
            if ours == real {
                equal += 1;
            } else {
                let name = format!("kubectl: {}", entry["name"].as_str().unwrap());
                differ.insert(name, format!("ours {ours}\n    real {real}"));
            }
        }
        (equal, differ)
    }
}

/// A name for a run, of letters that nothing else has.
fn token(mut number: u32) -> String {
    let mut token = String::from("qz");
    for _ in 0..4 {
        token.push(char::from(b'g' + u8::try_from(number % 16).unwrap()));
        number /= 16;
    }
    token
}

async fn compare(release: &'static str, version: &str, plugin: &str) {
    let Some(binaries) = Binaries::or_skip(version, "everything recorded, on both servers") else { return };
    let pair = Pair::start(release, &binaries, plugin).await;
    let (kubectl, which) = match Kubectl::stock(release) {
        Some(stock) => (stock, "stock"),
        None => (Kubectl::built_in(), "built-in"),
    };
    let (commands, mut differ) = pair.commands(&kubectl, plugin).await;
    let (requests, cases) = pair.cases(plugin).await;
    differ.extend(cases);
    println!("{version} {plugin}: {requests} requests and {commands} commands of the {which} kubectl equal");
    let told: Vec<String> = differ.iter().map(|(name, how)| format!("{name}:\n  {how}")).collect();
    assert!(told.is_empty(), "{version} {plugin}: {} differ\n{}", told.len(), told.join("\n"));
    assert!(requests > 300 && commands > 30, "only {requests} requests and {commands} commands compared");
    pair.sandbox.server.stop().await;
}

macro_rules! parity {
    ($($name:ident: $at:literal, $plugin:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[ignore = "long: bash .ci/run runs it"]
        async fn $name() {
            let (release, version) = VERSIONS[$at];
            compare(release, version, $plugin).await;
        })*
    };
}

parity! {
    v1_31_plugin_off: 0, "off";
    v1_31_plugin_on: 0, "on";
    v1_36_plugin_off: 1, "off";
    v1_36_plugin_on: 1, "on";
}

/// Writes what the real servers answer into a file of cases: `CKS_LAB_RECORD=tests/conformance/api/FILE`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "records; run it by name"]
async fn record() {
    let Ok(path) = std::env::var("CKS_LAB_RECORD") else { return };
    let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for (release, version) in VERSIONS {
        let Some(binaries) = Binaries::or_skip(version, "a recording") else { return };
        for plugin in ["off", "on"] {
            let real = RealServer::start(&binaries, conformance::flags(plugin)).await;
            conformance::make_nodes(real.dir.path(), real.port).await;
            let masks = Masks::new(conformance::RUN);
            for case in document["cases"].as_array_mut().unwrap() {
                // Cases that are the same with and without the plugin are recorded without it.
                if case["plugin"].as_str().unwrap_or("off").replace("any", "off") != plugin {
                    continue;
                }
                let answers = conformance::answers(real.dir.path(), real.port, case, &masks).await;
                for (step, answer) in case["steps"].as_array_mut().unwrap().iter_mut().zip(answers) {
                    assert!(answer.failed.is_none(), "{:?}", answer.failed);
                    if !answer.prepares() {
                        step["expect"][release] = answer.seen;
                    }
                }
            }
        }
    }
    std::fs::write(path, format!("{}\n", serde_json::to_string_pretty(&document).unwrap())).unwrap();
}

/// What `lesson test` says of each case of the first lesson, and all that it printed.
fn verdicts(more: &[&str]) -> (BTreeMap<String, String>, String) {
    let home = tempfile::tempdir().unwrap();
    let words = [&["lesson", "test", "apiserver-node-restriction"], more].concat();
    let output = run(home.path(), &words);
    let table = text(&output.stdout);
    let mut lines = table.lines();
    let heads = lines.next().unwrap_or_default();
    let column = |name: &str| heads.find(name).unwrap_or_else(|| panic!("{table}{}", text(&output.stderr)));
    let (case, result, time) = (column("CASE"), column("RESULT"), column("TIME"));
    let rows = lines.take_while(|line| line.len() > time);
    let verdict = |line: &str| (line[case..result].trim().to_owned(), line[result..time].trim().to_owned());
    let verdicts = rows.map(verdict).collect();
    (verdicts, table)
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn the_lesson_gives_the_same_verdicts() {
    for (_, version) in VERSIONS {
        let Some(binaries) = Binaries::or_skip(version, "the lesson on both servers") else { continue };
        let release = Release::find(version.rsplit_once('.').unwrap().0).unwrap();
        let dir = binaries.dir.display().to_string();
        let (ours, table) = verdicts(&["--kubernetes", &release.short()]);
        assert!(ours.values().all(|result| result == "ok"), "{version}: {table}");
        let (real, table) =
            verdicts(&["--cluster", "local", "--kubernetes", &release.short(), "--binaries", &dir]);
        assert_eq!(ours, real, "{version}: {table}");
        assert!(ours.len() > 5 && ours.values().all(|result| result == "ok"), "{version}: {ours:#?}");
        println!("{version}: {} verdicts of the lesson equal", ours.len());
    }
}
