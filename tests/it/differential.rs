//! Random sequences of requests by several identities, played against the sandbox and a real kube-apiserver: every answer
//! is the same. A difference is shrunk and printed with its seed, as a case for `tests/conformance/api`.
//!
//! `CKS_LAB_SEED` and `CKS_LAB_SEQUENCES` choose another first seed and another number of sequences. The few sequences here
//! are the first of those that `long/differential.rs` plays.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::apiserver::{connect, start_release};
use super::conformance::{self, UNBROKEN};
use super::realserver::{Binaries, RealServer, VERSIONS};
use bytes::Bytes;
use cks_lab::release::Release;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

pub mod generate;
mod served;
mod watches;

use served::Served;
use watches::Watch;

/// Requests in a sequence, beside those that prepare it.
const LENGTH: usize = 60;
/// How often a sequence that differed is played again.
const AGAIN: usize = 2;
/// Sequences in a short run.
const SEQUENCES: usize = 4;

type Sender = hyper::client::conn::http1::SendRequest<Full<Bytes>>;

thread_local! {
    static AGE: Regex = Regex::new(r"^\d+(s|m|h|d)(\d+s)?$").unwrap();
}

/// A server under one of its names, with open connections.
struct Side {
    dir: std::path::PathBuf,
    port: u16,
    connections: BTreeMap<String, Sender>,
    served: Served,
    kept: BTreeMap<String, Sender>,
    runs: u32,
}

/// What one sequence has seen on one server.
struct Seen {
    run: String,
    saved: BTreeMap<String, Value>,
    known: BTreeMap<(&'static str, String), usize>,
}

impl Seen {
    fn number(&mut self, what: &'static str, text: &str) -> String {
        let next = self.known.keys().filter(|(kind, _)| *kind == what).count();
        format!("<{what} {}>", self.known.entry((what, text.to_owned())).or_insert(next))
    }

    /// Puts numbers in the place of versions and ids, and words in that of times and texts that differ rightly.
    fn mask(&mut self, key: &str, value: &Value, list: bool) -> Value {
        match (key, value) {
            ("resourceVersion", Value::String(_)) if list => json!("<list>"),
            ("resourceVersion", Value::String(text)) => json!(self.number("version", text)),
            ("uid", Value::String(text)) => json!(self.number("uid", text)),
            ("gitCommit" | "gitTreeState" | "buildDate" | "goVersion", _) => json!("<build>"),
            ("cells", Value::Array(cells)) => cells
                .iter()
                .map(|cell| match cell.as_str() {
                    Some(text) if AGE.with(|age| age.is_match(text)) => json!("<age>"),
                    _ => self.mask("", cell, false),
                })
                .collect(),
            ("token" | "continue", Value::String(text)) if text.len() > 20 => json!("<secret>"),
            ("managedFields", Value::Array(entries)) => {
                let mut entries: Vec<Value> = entries.iter().map(|e| self.mask("", e, false)).collect();
                entries.sort_by_key(ToString::to_string);
                Value::Array(entries)
            }
            (_, Value::String(text)) => json!(self.text(text)),
            (_, Value::Array(items)) => items.iter().map(|item| self.mask("", item, false)).collect(),
            (_, Value::Object(map)) => {
                let is_list = key.is_empty() && (map.contains_key("items") || map.contains_key("rows"));
                let masked = map.iter().map(|(key, value)| {
                    let masked = if is_list && key == "metadata" {
                        let inner = value.as_object().unwrap();
                        Value::Object(inner.iter().map(|(k, v)| (k.clone(), self.mask(k, v, true))).collect())
                    } else {
                        self.mask(key, value, false)
                    };
                    (self.text(key), masked)
                });
                Value::Object(masked.collect::<Map<_, _>>())
            }
            (_, other) => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        thread_local! {
            static MASKS: [(Regex, &'static str); 10] = [
                // Of several bindings that allow it, the real server names any.
                (r#"RBAC: allowed by [^"]*"[^"]*" of [^"]*"[^"]*" to"#, "RBAC: allowed by <binding> to"),
                (r#"(?s)Invalid value: "\{.*\}": "#, "Invalid value: <object>: "),
                ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
                (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
                (r"(kube-api-access-|nope-|gen-)[a-z0-9]{5}", "${1}<random>"),
                ("X509SHA256=[0-9a-f]{64}", "X509SHA256=<sum>"),
                (r"(Too large resource version: \d+, current:) \d+", "$1 <version>"),
                (r"(ResourceVersion in record|too old resource version: \d+) \(\d+\)", "$1 (<version>)"),
                (r"(127\.0\.0\.1|172\.30\.1\.2):\d+", "<server>"),
                (r#"(resourceVersion: )"\d+""#, "$1<version>"),
            ].map(|(pattern, with)| (Regex::new(pattern).unwrap(), with));
        }
        let mut text = text.replace(&self.run, "<run>").replace(UNBROKEN, " ");
        if let Some(Value::String(csr)) = self.saved.get("csr") {
            text = text.replace(csr.as_str(), "<csr>");
        }
        MASKS.with(|masks| {
            for (pattern, with) in masks {
                text = pattern.replace_all(&text, *with).into_owned();
            }
        });
        text
    }

    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let mut text = text.replace("${run}", &self.run);
                for (name, with) in &self.saved {
                    if let Value::String(with) = with {
                        text = text.replace(&format!("${{{name}}}"), with);
                    }
                }
                Value::String(text)
            }
            Value::Array(items) => items.iter().map(|v| self.fill(v)).collect(),
            Value::Object(map) => {
                let filled = map.iter().map(|(k, v)| (k.replace("${run}", &self.run), self.fill(v)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}

impl Side {
    fn new(dir: &Path, port: u16, served: Served) -> Self {
        Self {
            dir: dir.to_owned(),
            port,
            connections: BTreeMap::new(),
            served,
            kept: BTreeMap::new(),
            runs: 0,
        }
    }

    fn begin(&mut self, csr: &str) -> Seen {
        self.runs += 1;
        let mut number = self.runs;
        let mut run = String::from("q");
        for _ in 0..5 {
            run.push(char::from(b'k' + u8::try_from(number % 16).unwrap()));
            number /= 16;
        }
        Seen { run, saved: BTreeMap::from([("csr".into(), json!(csr))]), known: BTreeMap::new() }
    }

    /// Sends a step, and gives what is compared of the answer.
    async fn play(&mut self, seen: &mut Seen, step: &Value) -> Value {
        let (parts, body) = self.send(seen, step).await;
        let bytes = body.collect().await.unwrap().to_bytes();
        let mut body = answered(&bytes);
        self.served.narrow(&mut body);
        if parts.status.is_success() {
            for (name, path) in step["save"].as_object().into_iter().flatten() {
                let at = path.as_str().unwrap().split('.').filter(|p| !p.is_empty());
                let value = at.fold(&body, |value, key| &value[key]).clone();
                seen.saved.insert(name.clone(), value);
            }
        }
        let warnings: Vec<String> = parts
            .headers
            .get_all("warning")
            .iter()
            .map(|value| seen.text(&String::from_utf8_lossy(value.as_bytes())))
            .collect();
        let mut observed = json!({"code": parts.status.as_u16(), "body": seen.mask("", &body, false)});
        if !warnings.is_empty() {
            observed["warnings"] = json!(warnings);
        }
        observed
    }

    /// Sends a step; the answer's body is still to come.
    async fn send(&mut self, seen: &Seen, step: &Value) -> (http::response::Parts, Incoming) {
        let base = step["base"].as_str().and_then(|name| seen.saved.get(name)).cloned();
        let step = seen.fill(step);
        let body = match (base, &step["body"]) {
            (Some(mut base), change) => {
                merge(&mut base, change);
                base.to_string()
            }
            (None, Value::Null) => String::new(),
            (None, Value::String(text)) => text.clone(),
            (None, other) => other.to_string(),
        };
        let who = match step["who"].as_str() {
            Some("anonymous") => "",
            _ => "admin",
        };
        let mut request = http::Request::builder()
            .method(step["method"].as_str().unwrap())
            .uri(step["path"].as_str().unwrap().replace("${", "unsaved-").replace('}', ""))
            .header("host", "x")
            .header("accept", step["accept"].as_str().unwrap_or("application/json"))
            .header("user-agent", "differential/1");
        if !step["body"].is_null() {
            request = request.header("content-type", step["type"].as_str().unwrap_or("application/json"));
        }
        if let Some(user) = step["as"]["user"].as_str() {
            request = request.header("impersonate-user", user);
        }
        for (name, value) in step["headers"].as_object().into_iter().flatten() {
            request = request.header(name, value.as_str().unwrap());
        }
        for group in step["as"]["groups"].as_array().into_iter().flatten() {
            request = request.header("impersonate-group", group.as_str().unwrap());
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let sender = match self.connections.remove(who) {
            Some(open) if !open.is_closed() => open,
            _ => connect(&self.dir, self.port, who).await,
        };
        let sender = self.connections.entry(who.into()).or_insert(sender);
        let _ = sender.ready().await;
        let answer = sender.send_request(request).await.unwrap();
        answer.into_parts()
    }
}

/// An answer as a value: an object, a text, or the events of a watch, whose order is not promised.
fn answered(bytes: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return value;
    }
    let events: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(bytes).into_iter().collect();
    match events {
        Ok(mut events) if !events.is_empty() => {
            events.sort_by_key(|event| {
                let metadata = &event["object"]["metadata"];
                let version: u64 = metadata["resourceVersion"].as_str().unwrap_or("").parse().unwrap_or(0);
                (event["type"].to_string(), version)
            });
            Value::Array(events)
        }
        _ => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// RFC 7386.
fn merge(base: &mut Value, change: &Value) {
    let (Value::Object(_), Some(change)) = (&*base, change.as_object()) else {
        *base = change.clone();
        return;
    };
    for (key, value) in change {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut base[key], value);
        }
    }
}

/// The first step that is answered differently, with both answers.
async fn first_difference(
    sides: &mut [Side; 2],
    csr: &str,
    steps: &[Value],
) -> Option<(usize, Value, Value)> {
    let mut seen = [sides[0].begin(csr), sides[1].begin(csr)];
    let mut found = None;
    let mut watches = Vec::new();
    if let Some(watch) = steps.last().filter(|last| last["marker"].is_object()) {
        for (side, seen) in sides.iter_mut().zip(&seen) {
            watches.push(Watch::open(side, seen, watch).await);
        }
    }
    for (at, step) in steps.iter().enumerate() {
        if step["marker"].is_object() {
            let mut told = Vec::new();
            for ((side, seen), watch) in sides.iter_mut().zip(&mut seen).zip(watches.drain(..)) {
                told.push(watch.close(side, seen, step).await);
            }
            if told.len() == 2 && told[0] != told[1] {
                found = Some((at, told[0].take(), told[1].take()));
            }
            break;
        }
        let ours = sides[0].play(&mut seen[0], step).await;
        let real = sides[1].play(&mut seen[1], step).await;
        if ours != real {
            found = Some((at, ours, real));
            break;
        }
    }
    // What was granted in the whole cluster would count in the next sequence.
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/a-${run}";
    for (side, seen) in sides.iter_mut().zip(&mut seen) {
        let end = json!({"method": "PATCH", "path": path, "type": "application/merge-patch+json",
            "body": {"metadata": {"finalizers": null}}});
        side.play(seen, &end).await;
        side.play(seen, &json!({"method": "DELETE", "path": end["path"]})).await;
    }
    found
}

/// Leaves out what the difference does not need; nothing where it does not come again.
async fn shrink(
    sides: &mut [Side; 2],
    csr: &str,
    mut steps: Vec<Value>,
) -> Option<(Vec<Value>, Value, Value)> {
    let (at, mut ours, mut real) = first_difference(sides, csr, &steps).await?;
    steps.truncate(at + 1);
    let mut chunk = steps.len() / 2;
    while chunk > 0 {
        let mut from = 0;
        while from + chunk < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(from..from + chunk);
            match first_difference(sides, csr, &fewer).await {
                Some((at, o, r))
                    if fewer[at] == steps[steps.len() - 1] && alike(&o, &ours) && alike(&r, &real) =>
                {
                    fewer.truncate(at + 1);
                    (steps, ours, real) = (fewer, o, r);
                }
                _ => from += chunk,
            }
        }
        chunk /= 2;
    }
    Some((steps, ours, real))
}

/// Whether two answers say the same, beside the numbers of versions.
fn alike(one: &Value, other: &Value) -> bool {
    one["code"] == other["code"] && one["body"]["message"] == other["body"]["message"]
}

/// Where two values differ, one line each.
fn differences(path: &str, ours: &Value, real: &Value, out: &mut Vec<String>) {
    match (ours, real) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                differences(&format!("{path}.{key}"), &ours[key], &real[key], out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (x, y)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{at}]"), x, y, out);
            }
        }
        _ if ours == real => {}
        _ => out.push(format!("  {path}\n    ours {ours}\n    real {real}")),
    }
}

fn number(variable: &str, or: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(or)
}

/// Plays so many sequences on both servers; none of them may differ.
#[allow(clippy::print_stdout)]
pub async fn compare(version: &str, plugin: &str, sequences: usize) {
    let flags = conformance::flags(plugin);
    let Some(binaries) = Binaries::or_skip(version, "random requests") else { return };
    let real = RealServer::start(&binaries, flags).await;
    let sandbox = start_release(Release::find(version).unwrap(), flags).await;
    let served = Served::of(sandbox.dir.path(), sandbox.port).await;
    let mut sides = [(sandbox.dir.path(), sandbox.port), (real.dir.path(), real.port)]
        .map(|(dir, port)| Side::new(dir, port, served.clone()));
    let csr = {
        use base64::Engine;
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:n1");
        let pem = params.serialize_request(&key).unwrap().pem().unwrap();
        base64::engine::general_purpose::STANDARD.encode(pem)
    };
    let (first, sequences) = (number("CKS_LAB_SEED", 1), number("CKS_LAB_SEQUENCES", sequences));
    let (mut played, mut passing, mut found) = (0, 0, Vec::new());
    for seed in first..first + sequences {
        let mut dice = generate::Dice(u64::try_from(seed).unwrap());
        let mut steps = generate::prelude();
        steps.extend((0..LENGTH).map(|_| generate::step(&mut dice)));
        steps.push(generate::watch(&mut dice));
        played += steps.len();
        let Some(once) = first_difference(&mut sides, &csr, &steps).await else { continue };
        // The real server's authorizers see a write a moment late: what does not come again is no difference.
        let mut small = None;
        for _ in 0..AGAIN {
            small = shrink(&mut sides, &csr, steps.clone()).await;
            if small.is_some() {
                break;
            }
        }
        let Some((steps, ours, real)) = small else {
            passing += 1;
            println!("seed {seed}: once only: {}\n  ours {}\n  real {}", steps[once.0], once.1, once.2);
            continue;
        };
        let mut text = format!("seed {seed}:\n");
        for step in &steps {
            text.push_str(&format!("  {step}\n"));
        }
        let mut lines = Vec::new();
        differences("", &ours, &real, &mut lines);
        text.push_str(&lines.join("\n"));
        found.push(text);
    }
    println!(
        "{version} {plugin}: {played} random requests, {} sequences of {sequences} differ, {passing} did only once",
        found.len()
    );
    assert!(found.is_empty(), "{} sequences differ:\n{}", found.len(), found.join("\n\n"));
    sandbox.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_are_answered_as_by_the_default_release() {
    compare(VERSIONS[0].1, "on", SEQUENCES).await;
}
