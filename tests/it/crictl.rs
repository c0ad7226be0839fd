//! crictl on a node that a file describes, against what the real crictl of each release printed of the same node
//! (`hack/record-crictl.py`): both streams, and exit codes.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use serde_json::{Value, json};

use crate::program::PROGRAM;

/// Commands that are not equal yet; the list may only shrink.
const NOT_YET: [&str; 0] = [];

const LOG: [(&str, bool, &str); 3] = [
    ("2026-11-28T01:00:00.1Z", false, "one"),
    ("2026-11-28T01:30:00.2Z", true, "two"),
    ("2026-11-28T02:30:00.3Z", false, "three"),
];

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/crictl").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Answers one question as the kubelet of the node does.
fn answer(state: &Value, stream: UnixStream) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let question: Value = serde_json::from_str(&line)?;
    let answers = match question["op"].as_str() {
        Some("logs") => {
            let tail = question["tail"].as_u64().map_or(LOG.len(), |n| n as usize);
            let since = question["since"].as_str().unwrap_or_default();
            let last = LOG.iter().skip(LOG.len().saturating_sub(tail)).filter(|(at, ..)| *at > since);
            last.map(|(at, stderr, text)| json!({"at": at, "stderr": stderr, "text": text})).collect()
        }
        Some("used") => vec![json!({"cpu": 4_000_000_000_u64, "memory": 185_600_000, "faults": [9012, 0]})],
        _ => vec![state.clone()],
    };
    answers.iter().try_for_each(|answer| writeln!(&stream, "{answer}"))
}

fn serve(socket: PathBuf, state: Arc<Value>) {
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = state.clone();
            std::thread::spawn(move || answer(&state, stream));
        }
    });
}

/// What the words in capitals stand for.
fn id(state: &Value, word: &str) -> Option<String> {
    let container = |name: &str, which: &str| {
        let all = state["containers"].as_array().unwrap();
        let found = all.iter().find(|c| c["spec"]["name"] == name && c["state"] == which).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let pod = || {
        let all = state["sandboxes"].as_array().unwrap();
        let is = |s: &&Value| {
            s["pod"]["name"].as_str().unwrap().starts_with("kube-apiserver") && s["ready"] == true
        };
        all.iter().find(is).unwrap()["id"].as_str().unwrap().to_owned()
    };
    Some(match word {
        "ETCD" => container("etcd", "Running"),
        "ETCD6" => container("etcd", "Running")[..6].to_owned(),
        "OLD" => container("kube-scheduler", "Exited"),
        "SCHEDULER" => container("kube-scheduler", "Running"),
        "APIPOD" => pod(),
        "APIPOD6" => pod()[..6].to_owned(),
        _ => return None,
    })
}

struct Node {
    dir: tempfile::TempDir,
    state: Arc<Value>,
    masks: Vec<(Regex, &'static str)>,
}

impl Node {
    fn new(release: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state: Arc<Value> =
            Arc::new(serde_json::from_str(&file(&format!("node-{release}.json"))).unwrap());
        serve(dir.path().join("containerd/containerd.sock"), state.clone());
        serve(dir.path().join("systemd/private"), state.clone());
        let masks = [
            (r#"time="[^"]*" "#, r#"time="T" "#),
            (r"(?m)^([EWI])\d{4} [\d:.]+ +\d+ ", "$1 "),
            (r"(?m)^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "T "),
            (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
            (r"\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC", "TIME"),
            (r"\b1[789]\d{17}\b", "NANOS"),
        ];
        let masks = masks.map(|(pattern, by)| (Regex::new(pattern).unwrap(), by)).into();
        Self { dir, state, masks }
    }

    fn mask(&self, bytes: &[u8], config: &Path) -> String {
        let own = self.dir.path().join("containerd/containerd.sock");
        let text =
            String::from_utf8_lossy(bytes).replace(own.to_str().unwrap(), "/run/containerd/containerd.sock");
        let text = text.replace(config.to_str().unwrap(), "/etc/crictl.yaml");
        self.masks.iter().fold(text, |text, (pattern, by)| pattern.replace_all(&text, *by).into_owned())
    }

    /// Runs a command of the list, and writes down what it says.
    fn transcript(&self, number: usize, line: &str) -> String {
        let words = line.split_whitespace().map(|word| {
            id(&self.state, word)
                .unwrap_or_else(|| if word.contains("{{") { word.replace('_', " ") } else { word.to_owned() })
        });
        let config = self.dir.path().join(format!("crictl-{number}.yaml"));
        let socket = "unix:///run/containerd/containerd.sock";
        std::fs::write(&config, format!("runtime-endpoint: {socket}\nimage-endpoint: {socket}\n")).unwrap();
        let output = Command::new(PROGRAM)
            .arg0("crictl")
            .args(words)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TZ", "UTC")
            .env("CRI_CONFIG_FILE", &config)
            .env("CKS_LAB_NODE_SOCKET", self.dir.path().join("containerd/containerd.sock"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let out = self.mask(&output.stdout, &config);
        let end = if out.is_empty() || out.ends_with('\n') { "" } else { "\\\n" };
        let err: String =
            self.mask(&output.stderr, &config).lines().map(|line| format!("! {line}\n")).collect();
        format!("{out}{end}{err}? {}\n", output.status.code().unwrap())
    }
}

fn plays(release: &str) {
    let node = Node::new(release);
    let recorded = format!("\n{}", file(&format!("crictl-{release}.txt")));
    let cases: Vec<(&str, &str)> =
        recorded.split("\n$ crictl ").skip(1).map(|case| case.split_once('\n').unwrap()).collect();
    assert!(cases.len() > 150, "{}", cases.len());
    // Some of them take a second, as the real ones do.
    let next = AtomicUsize::new(0);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let mut wrong = Vec::new();
                    loop {
                        let at = next.fetch_add(1, Ordering::SeqCst);
                        let Some((line, expected)) = cases.get(at) else { return wrong };
                        let said = node.transcript(at, line);
                        let equal = said.trim_end_matches('\n') == expected.trim_end_matches('\n');
                        if equal == NOT_YET.contains(line) {
                            wrong.push(format!(
                                "crictl {line}\n--- the real one\n{expected}\n--- the lab's\n{said}"
                            ));
                        }
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn crictl_says_what_the_real_one_says_in_1_31() {
    plays("1.31");
}

#[test]
fn crictl_says_what_the_real_one_says_in_1_36() {
    plays("1.36");
}
