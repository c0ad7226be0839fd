//! Exchanges recorded from real servers (`tests/conformance/api`), played against the sandbox's server.
//!
//! Each case is a list of requests under named identities with the real answers; uids, times, addresses, `${run}` names and
//! objects printed inside messages are masked on both sides.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde_json::{Map, Value, json};

use cks_lab::release::Release;

use super::apiserver::{Fixture, ask, start_release};

/// What stands for `${run}` where one server sees a file only once.
pub const RUN: &str = "qzwxvk";
/// Blanks that do not break: the real server tells differences with them or with plain ones, as it happens.
pub const UNBROKEN: char = '\u{a0}';

/// What is not compared: the run's name, ids, times, addresses, objects inside messages.
pub struct Masks {
    run: String,
    patterns: Vec<(Regex, &'static str)>,
}

impl Masks {
    pub fn new(run: &str) -> Self {
        let all = [
            (r#"(?s)Invalid value: "\{.*\}": "#, "Invalid value: <object>: "),
            ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"(127\.0\.0\.1|172\.30\.1\.2|\[::1\]):\d+", "<server>"),
            (r"(does not match the ResourceVersion in record) \(\d+\)", "$1 (<version>)"),
            (
                r"(ResourceVersion in object meta:|Too large resource version: \d+, current:) \d+",
                "$1 <version>",
            ),
        ];
        let patterns = all.iter().map(|(pattern, with)| (Regex::new(pattern).unwrap(), *with)).collect();
        Self { run: run.into(), patterns }
    }

    fn mask(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let mut text = text.replace(&self.run, "<run>").replace(UNBROKEN, " ");
                for (pattern, with) in &self.patterns {
                    text = pattern.replace_all(&text, *with).into_owned();
                }
                Value::String(text)
            }
            Value::Array(items) => items.iter().map(|v| self.mask(v)).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(k, v)| (k.clone(), self.mask(v))).collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}

/// Follows `a.b.0.c` or `a.b[*].c`; Null where it is absent.
fn pick(value: &Value, path: &str) -> Value {
    let escaped = path.replace("\\.", "\0");
    let (head, rest) = match escaped.split_once("[*]") {
        Some((head, rest)) => (head.to_owned(), Some(rest.trim_start_matches('.').replace('\0', "\\."))),
        None => (escaped, None),
    };
    let mut at = value;
    for part in head.split(['.', '[', ']']).filter(|p| !p.is_empty()) {
        let part = part.replace('\0', ".");
        at = match at {
            Value::Array(items) => {
                part.parse::<usize>().ok().and_then(|i| items.get(i)).unwrap_or(&Value::Null)
            }
            other => other.get(&part).unwrap_or(&Value::Null),
        };
    }
    match (rest, at) {
        (None, at) => at.clone(),
        (Some(rest), Value::Array(items)) => {
            items.iter().map(|item| if rest.is_empty() { item.clone() } else { pick(item, &rest) }).collect()
        }
        (Some(_), _) => Value::Null,
    }
}

fn leads_through_scalar(value: &Value, path: &str) -> bool {
    let mut at = value;
    for part in path.split('.') {
        match at {
            Value::Object(map) => at = map.get(part).unwrap_or(&Value::Null),
            Value::Null | Value::Array(_) => return false,
            _ => return true,
        }
    }
    false
}

/// Puts saved values in the place of `${name}`.
fn fill(value: &Value, saved: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.clone();
            for (name, with) in saved {
                text = text.replace(&format!("${{{name}}}"), with);
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|v| fill(v, saved)).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), fill(v, saved))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

async fn send(dir: &Path, port: u16, step: &Value) -> (u16, Vec<String>, Value) {
    let word = |key: &str, or: &str| step[key].as_str().unwrap_or(or).to_owned();
    let who = match step["who"].as_str().unwrap_or("admin") {
        "anonymous" => "",
        other => other,
    };
    let (accept, kind) = (word("accept", "application/json"), word("type", "application/json"));
    let user = step["as"]["user"].as_str().unwrap_or("").to_owned();
    let mut headers = vec![("accept", accept.as_str())];
    if !step["body"].is_null() {
        headers.push(("content-type", kind.as_str()));
    }
    if !user.is_empty() {
        headers.push(("impersonate-user", user.as_str()));
    }
    for group in step["as"]["groups"].as_array().into_iter().flatten() {
        headers.push(("impersonate-group", group.as_str().unwrap()));
    }
    let (method, path) = (step["method"].as_str().unwrap(), step["path"].as_str().unwrap());
    let (code, heads, body) = ask(dir, port, who, method, path, &headers, &step["body"]).await;
    let warnings = heads.get_all("warning").iter();
    (code, warnings.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect(), body)
}

/// Reduces an answer to what the case compares.
fn observe(step: &Value, code: u16, body: &Value, masks: &Masks) -> Value {
    let mut seen = Map::new();
    seen.insert("code".into(), json!(code));
    if let Value::String(text) = body {
        let masked = masks.mask(&json!(text.trim()));
        let short: String = masked.as_str().unwrap().chars().take(400).collect();
        seen.insert("text".into(), json!(short));
        return Value::Object(seen);
    }
    if body["kind"] == "Status" && body["status"] == "Failure" {
        seen.insert("reason".into(), body["reason"].clone());
        seen.insert("message".into(), masks.mask(&body["message"]));
        let details: Map<String, Value> = ["name", "group", "kind", "causes"]
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), masks.mask(body["details"].get(*key)?))))
            .collect();
        seen.insert("details".into(), Value::Object(details));
    }
    // The recording program stumbles over a path that leads through a scalar, and wrote that down.
    let paths = || step["pick"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if paths().any(|path| leads_through_scalar(body, path)) {
        return json!({"code": 0, "text": "AttributeError"});
    }
    let mut picked = Map::new();
    for path in step["pick"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        picked.insert(path.to_owned(), masks.mask(&pick(body, path)));
    }
    if !picked.is_empty() {
        seen.insert("picked".into(), Value::Object(picked));
    }
    Value::Object(seen)
}

/// A step of a case, and what a server answered.
pub struct Answer {
    /// The step, with its names filled in.
    pub step: Value,
    /// What is compared of the answer.
    pub seen: Value,
    /// Why a step that prepares has failed.
    pub failed: Option<String>,
}

impl Answer {
    /// The request's line.
    pub fn request(&self) -> String {
        format!("{} {}", self.step["method"].as_str().unwrap(), self.step["path"].as_str().unwrap())
    }

    /// Whether the step only prepares, and is not compared.
    pub fn prepares(&self) -> bool {
        self.step["setup"] == true
    }

    /// The recorded answer, where there is one.
    pub fn recorded(&self, version: &str) -> Option<&Value> {
        self.step["expect"].get(version).or_else(|| self.step["expect"].get("all"))
    }
}

/// Plays one case against the server that has its keys in `dir`.
pub async fn answers(dir: &Path, port: u16, case: &Value, masks: &Masks) -> Vec<Answer> {
    let mut saved = BTreeMap::from([("run".to_owned(), masks.run.clone())]);
    let mut all = Vec::new();
    for original in case["steps"].as_array().unwrap() {
        let mut step = fill(original, &saved);
        step["expect"] = original["expect"].clone();
        let (code, warnings, body) = send(dir, port, &step).await;
        let mut seen = observe(&step, code, &body, masks);
        if step["warns"] == true {
            seen["warnings"] = masks.mask(&json!(warnings));
        }
        for (name, path) in step["save"].as_object().into_iter().flatten() {
            let value = pick(&body, path.as_str().unwrap());
            saved.insert(name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let failed = (step["setup"] == true && code >= 400 && code != 404 && code != 409)
            .then(|| format!("set-up failed: {body}"));
        all.push(Answer { step, seen, failed });
    }
    all
}

/// Plays one case; gives what differs from the recording.
async fn play(server: &Fixture, version: &str, case: &Value, masks: &Masks) -> Vec<String> {
    let mut wrong = Vec::new();
    for answer in answers(server.dir.path(), server.port, case, masks).await {
        let request = answer.request();
        if let Some(why) = &answer.failed {
            wrong.push(format!("{request}\n    {why}"));
        }
        let want = if answer.prepares() { None } else { answer.recorded(version) };
        let want = want.map(|want| masks.mask(want));
        if let Some(want) = want.filter(|want| *want != answer.seen) {
            wrong.push(format!("{request}\n    want {want}\n    got  {}", answer.seen));
        }
    }
    wrong
}

/// The cases of a file that were recorded with the plugin as it is.
pub fn cases(file: &str, plugin: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/api").join(file);
    let mut document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let Value::Array(mut cases) = document["cases"].take() else { panic!("{file} has no cases") };
    cases.retain(|case| ["any", plugin].contains(&case["plugin"].as_str().unwrap_or("any")));
    assert!(!cases.is_empty());
    cases
}

/// Flags that turn the plugin on, or none.
pub fn flags(plugin: &str) -> &'static [&'static str] {
    if plugin == "on" { &["--enable-admission-plugins=NodeRestriction"] } else { &[] }
}

/// Makes the nodes that the recordings begin with.
pub async fn make_nodes(dir: &Path, port: u16) {
    for name in ["controlplane", "node01"] {
        let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
        let kind = [("content-type", "application/json")];
        let (code, _, body) = ask(dir, port, "admin", "POST", "/api/v1/nodes", &kind, &node).await;
        assert_eq!(code, 201, "{body}");
    }
}

/// Plays a file with the plugin off or on.
async fn play_file(file: &str, version: &str, plugin: &str) {
    let server = start_release(Release::find(version).unwrap(), flags(plugin)).await;
    make_nodes(server.dir.path(), server.port).await;
    let masks = Masks::new(RUN);
    let cases = cases(file, plugin);
    let (played, mut problems) = (cases.len(), Vec::new());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let wrong = play(&server, version, case, &masks).await;
        if !wrong.is_empty() {
            problems.push(format!("{name}:\n  {}", wrong.join("\n  ")));
        }
    }
    assert!(
        problems.is_empty(),
        "{file}, {version}, plugin {plugin}: {} of {played}\n{}",
        problems.len(),
        problems.join("\n")
    );
}

macro_rules! files {
    ($($name:ident: $file:literal;)*) => {
        /// The files of recordings.
        pub const FILES: &[&str] = &[$($file),*];
        $(mod $name {
            files!(@ v1_31_off $file "v1.31" "off");
            files!(@ v1_31_on $file "v1.31" "on");
            files!(@ v1_36_off $file "v1.36" "off");
            files!(@ v1_36_on $file "v1.36" "on");
        })*
    };
    (@ $name:ident $file:literal $version:literal $plugin:literal) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::play_file($file, $version, $plugin).await;
        }
    };
}

files! {
    nodes: "nodes.json";
    apply: "apply.json";
    manners: "manners.json";
    rbac: "rbac.json";
    node_identity: "node-identity.json";
    more: "more.json";
    differences: "differences.json";
    beside: "beside.json";
    warnings: "warnings.json";
    volumes: "volumes.json";
}
