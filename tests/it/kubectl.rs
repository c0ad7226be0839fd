//! What kubectl printed against real servers (`tests/conformance/kubectl`), played against the sandbox's server with
//! the built-in kubectl, and with the stock one where `PATH` has the release of the recordings.
//!
//! Ages, times, uids, resource versions, addresses, the `${run}` token and the width of columns are masked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use regex::Regex;
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use cks_lab::release::Release;

use super::apiserver::start_release;
use super::conformance;
use super::realserver::write_kubeconfigs;

const RUN: &str = "qzwxvk";

/// Commands that the built-in kubectl does not yet answer as the stock one; one that it does must go from here.
const NOT_YET: &[&str] = &[];

/// Commands that the stock kubectl does not yet print against this server as against a real one.
const NOT_YET_STOCK: &[&str] = &[];

/// A kubectl to play with: the program and the name it is called by.
pub struct Kubectl {
    program: PathBuf,
    /// The release that it is of, or behaves like.
    version: &'static str,
    excused: &'static [&'static str],
}

impl Kubectl {
    /// The one in this program.
    pub fn built_in() -> Self {
        Self { program: env!("CARGO_BIN_EXE_cks-lab").into(), version: "v1.31", excused: NOT_YET }
    }

    /// The stock kubectl of a release, from `PATH` or where `hack/tools.sh` puts it.
    pub fn stock(version: &'static str) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let cache = PathBuf::from(std::env::var_os("HOME")?).join(".cache/cks-lab/bin");
        let release = Release::find(version)?;
        let is_it = |program: &PathBuf| {
            let output = std::process::Command::new(program).args(["version", "--client"]).output();
            output.is_ok_and(|o| {
                String::from_utf8_lossy(&o.stdout).contains(&format!("Client Version: {version}."))
            })
        };
        let program = std::env::split_paths(&path)
            .chain([cache.join(release.git_version)])
            .map(|dir| dir.join("kubectl"))
            .find(is_it)?;
        Some(Self { program, version, excused: NOT_YET_STOCK })
    }

    async fn run(&self, home: &Path, who: &str, words: &Value, stdin: &str, masks: &Masks) -> Value {
        let words = words.as_array().unwrap().iter().map(|w| w.as_str().unwrap().replace("${run}", RUN));
        let mut child = Command::new(&self.program)
            .arg0("kubectl")
            .arg("--kubeconfig")
            .arg(home.join(format!("{who}.conf")))
            .args(words)
            .env("HOME", home)
            .env_remove("KUBECONFIG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        // A command that does not read its input may be gone before it is written.
        let _ = input.write_all(stdin.replace("${run}", RUN).as_bytes()).await;
        drop(input);
        match tokio::time::timeout(Duration::from_secs(120), child.wait_with_output()).await {
            Ok(output) => {
                let output = output.unwrap();
                json!({"rc": output.status.code(), "out": masks.mask(&output.stdout), "err": masks.mask(&output.stderr)})
            }
            Err(_) => json!({"rc": "timeout", "out": "", "err": ""}),
        }
    }
}

struct Masks(Vec<(Regex, &'static str)>);

impl Masks {
    fn new() -> Self {
        let all = [
            ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"https?://(127\.0\.0\.1|172\.30\.1\.2|\[::1\]):\d+", "<server>"),
            (r#"(resourceVersion"?: ?)"?\d+"?"#, "${1}<rv>"),
            (r"\b\d+(s|m|h|d)(\d+s)?\b", "<age>"),
            ("X509SHA256=[0-9a-f]{64}", "X509SHA256=<sum>"),
            (r"[ \t]+", " "),
        ];
        Self(all.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect())
    }

    fn mask(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).replace(RUN, "<run>");
        for (pattern, with) in &self.0 {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

fn reduce(answer: &Value, only: &Value) -> Value {
    let Some(keys) = only.as_array() else { return answer.clone() };
    let kept = keys.iter().filter_map(Value::as_str).map(|key| (key.to_owned(), answer[key].clone()));
    Value::Object(kept.collect::<Map<_, _>>())
}

/// The commands that are played with the plugin off or on.
fn entries(plugin: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/kubectl/transcripts.json");
    let mut document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let Value::Array(mut entries) = document["entries"].take() else { panic!("no entries") };
    entries.retain(|entry| entry["plugin"].as_str().is_none_or(|wanted| wanted == plugin));
    entries
}

/// Plays all commands against the server whose kubeconfigs are in `home`: each entry with what was printed, but for those
/// that only prepare.
pub async fn answers(kubectl: &Kubectl, home: &Path, plugin: &str) -> Vec<(Value, Value)> {
    let (masks, mut all) = (Masks::new(), Vec::new());
    for entry in entries(plugin) {
        let stdin = entry["stdin"].as_str().unwrap_or("");
        let who = if entry["who"] == "kubelet" { "node01" } else { "admin" };
        let got = kubectl.run(home, who, &entry["run"], stdin, &masks).await;
        for words in entry["cleanup"].as_array().into_iter().flatten() {
            kubectl.run(home, "admin", words, "", &masks).await;
        }
        if entry["setup"] == true {
            assert_eq!(got["rc"], 0, "{}: set-up failed: {got}", entry["name"]);
        } else if entry["quiet"] != true {
            let got = reduce(&got, &entry["only"]);
            all.push((entry, got));
        }
    }
    all
}

async fn play(kubectl: &Kubectl, version: &str, plugin: &str) {
    let server = start_release(Release::find(version).unwrap(), conformance::flags(plugin)).await;
    conformance::make_nodes(server.dir.path(), server.port).await;
    write_kubeconfigs(server.dir.path(), server.port);
    let excused: BTreeSet<&str> = kubectl.excused.iter().copied().collect();
    let (mut compared, mut problems) = (0, Vec::new());
    for (entry, got) in answers(kubectl, server.dir.path(), plugin).await {
        let name = entry["name"].as_str().unwrap();
        // What differs by the client's release alone is recorded beside what most clients print.
        let own = format!("{version} by kubectl {}", kubectl.version);
        let want = entry["expect"].get(&own).unwrap_or(&entry["expect"][version]);
        if want.is_null() {
            continue;
        }
        compared += 1;
        let want = reduce(want, &entry["only"]);
        match (want == got, excused.contains(name)) {
            (true, true) => problems.push(format!("{name}: equal now; take it from the list")),
            (false, false) => problems.push(format!("{name}:\n    want {want}\n    got  {got}")),
            _ => {}
        }
    }
    assert!(compared > 30, "only {compared} commands compared");
    assert!(problems.is_empty(), "{} of {compared}\n{}", problems.len(), problems.join("\n"));
}

macro_rules! plays {
    ($($name:ident: $kubectl:expr, $version:literal, $plugin:literal;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            if let Some(kubectl) = $kubectl {
                play(&kubectl, $version, $plugin).await;
            }
        })*
    };
}

plays! {
    built_in_v1_31_plugin_off: Some(Kubectl::built_in()), "v1.31", "off";
    built_in_v1_31_plugin_on: Some(Kubectl::built_in()), "v1.31", "on";
    built_in_v1_36_plugin_off: Some(Kubectl::built_in()), "v1.36", "off";
    built_in_v1_36_plugin_on: Some(Kubectl::built_in()), "v1.36", "on";
    stock_v1_31_plugin_off: Kubectl::stock("v1.31"), "v1.31", "off";
    stock_v1_31_plugin_on: Kubectl::stock("v1.31"), "v1.31", "on";
    older_stock_v1_36_plugin_off: Kubectl::stock("v1.31"), "v1.36", "off";
    older_stock_v1_36_plugin_on: Kubectl::stock("v1.31"), "v1.36", "on";
    stock_v1_36_plugin_off: Kubectl::stock("v1.36"), "v1.36", "off";
    stock_v1_36_plugin_on: Kubectl::stock("v1.36"), "v1.36", "on";
}
