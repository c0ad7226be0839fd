//! Kinds of clusters, and ways to name and to agree to one.

use rustix::process::Signal;
use serde_json::Value;

use super::{LIMIT, Theirs, passes};
use crate::program::{check, end, ready, run, text, until};
use crate::window::Window;

impl Theirs {
    /// Stops a node's kubelet.
    fn stop_kubelet(&self, node: &str) {
        let stopped = run(&self.home(), &["exec", node, "--", "systemctl", "stop", "kubelet"]);
        assert!(stopped.status.success(), "{}", text(&stopped.stderr));
    }

    /// What a lab said that must not start.
    fn refused(&self) -> String {
        let output = self.lab(&["up", "--yes"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
        text(&output.stderr)
    }
}

fn checks(result: &Value, id: &str) -> Value {
    let checks = result["steps"][0]["checks"].as_array().unwrap();
    checks.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("{id}: {result:#}")).clone()
}

#[test]
fn one_node_does_what_it_can_and_says_what_is_missing() {
    let theirs = Theirs::start();
    theirs.stop_kubelet("node01");
    theirs.kubectl(&["delete", "node", "node01"]);
    let labels = theirs.labels();
    let mine = theirs.mine();
    let mut lab = theirs.lab(&["up", "--json", "--yes"]).spawn().unwrap();
    let info = ready(&mut lab).unwrap();
    assert_eq!(info["ready"], true, "{info}");

    let before = check(&mine, "verify-issue").1;
    assert_ne!(before["passed"], true, "{before:#}");
    let other = checks(&before, "one-on-controlplane-by-kubelet");
    assert_eq!(other["max"], 0, "what takes two nodes counts nothing: {other:#}");
    assert!(other["observed"].as_str().unwrap().contains("this cluster has one node"), "{other:#}");

    let label = "export KUBECONFIG=/etc/kubernetes/kubelet.conf; kubectl label node controlplane \
        killercoda/one=123 node-restriction.kubernetes.io/one=123";
    let labelled = run(&mine, &["exec", "node01", "--", "bash", "-c", label]);
    assert!(labelled.status.success(), "{}", text(&labelled.stderr));
    passes(&mine, "verify-issue");
    assert!(run(&mine, &["solve", "enable-plugin"]).status.success());
    passes(&mine, "enable-plugin");

    assert_eq!(end(&mut lab, Signal::TERM, LIMIT), 0);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut lab.stderr.take().unwrap(), &mut said).unwrap();
    assert!(said.contains("the cluster has one node, so node01 is controlplane itself"), "{said}");
    theirs.assert_as_it_was(&labels);
}

#[test]
fn without_a_static_pod_or_with_several_servers_nothing_is_begun() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let second = serde_json::json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "kube-apiserver-cp2", "namespace": "kube-system", "labels": {"component": "kube-apiserver"},
            "annotations": {"kubernetes.io/config.mirror": "0123", "kubernetes.io/config.hash": "0123"}},
        "spec": {"nodeName": "cp2", "containers": [{"name": "kube-apiserver", "image": "x"}]},
    });
    let create = format!("kubectl create -f - <<'END'\n{second}\nEND");
    let created = run(&theirs.home(), &["exec", "controlplane", "--", "bash", "-c", &create]);
    assert!(created.status.success(), "{}", text(&created.stderr));
    let said = theirs.refused();
    assert!(said.contains("2 API servers") && said.contains("cp2"), "{said}");
    let now = ["--grace-period=0", "--force", "--ignore-not-found"];
    let delete =
        |pod: &str| theirs.kubectl(&[&["delete", "pod", "-n", "kube-system", pod][..], &now].concat());
    delete("kube-apiserver-cp2");

    theirs.stop_kubelet("controlplane");
    delete("kube-apiserver-controlplane");
    let said = theirs.refused();
    assert!(said.contains("this cluster's API server is no static pod"), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(text(&std::fs::read(&theirs.manifest).unwrap()), text(&theirs.original));
    assert_eq!(theirs.labels(), labels);
}

/// `KUBECONFIG` with several files: the journal remembers them, for an undo from elsewhere.
#[test]
fn several_kubeconfigs_are_one_as_kubectl_has_it() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let all: Value = serde_yaml::from_str(&std::fs::read_to_string(&theirs.kubeconfig).unwrap()).unwrap();
    let part = |name: &str, keep: &[&str]| {
        let mut part = all.clone();
        for key in ["clusters", "users", "contexts", "current-context"] {
            if !keep.contains(&key) {
                part.as_object_mut().unwrap().remove(key);
            }
        }
        let path = theirs.dir.path().join(name);
        std::fs::write(&path, part.to_string()).unwrap();
        path
    };
    let list = std::env::join_paths([
        part("clusters.conf", &["clusters", "current-context"]),
        theirs.dir.path().join("missing.conf"),
        part("users.conf", &["users", "contexts"]),
    ])
    .unwrap();
    let mut arguments = theirs.arguments(&["up", "--json", "--yes"]);
    let at = arguments.iter().position(|a| a == "--kubeconfig").unwrap();
    arguments.drain(at..at + 2);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut lab = crate::program::command(&theirs.mine(), &arguments)
        .env("KUBECONFIG", &list)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    ready(&mut lab).unwrap();
    theirs.restricts(false);
    end(&mut lab, Signal::KILL, LIMIT);
    let restored = theirs.restore(&[]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    theirs.assert_as_it_was(&labels);
}

/// A proxy that makes connections as it is asked to; the addresses that it was asked for.
fn proxy() -> (std::net::SocketAddr, std::sync::Arc<std::sync::Mutex<Vec<String>>>) {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), std::sync::Arc::default());
    let log: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::clone(&asked);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let log = log.clone();
            std::thread::spawn(move || {
                let mut reader = BufReader::new(client.try_clone().unwrap());
                let mut first = String::new();
                reader.read_line(&mut first).unwrap();
                let mut line = first.clone();
                while line.trim() != "" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                }
                let target = first.strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap().to_owned();
                let server = std::net::TcpStream::connect(&target).unwrap();
                log.lock().unwrap().push(target);
                let (mut to_client, mut to_server) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                to_client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                let back = std::thread::spawn(move || std::io::copy(&mut { server }, &mut to_client));
                let _ = std::io::copy(&mut reader, &mut to_server);
                let _ = to_server.shutdown(std::net::Shutdown::Both);
                let _ = back.join();
            });
        }
    });
    (address, asked)
}

/// What kubeconfigs may say: a program that gives the credentials, a proxy, a server that is not verified.
#[test]
fn kubeconfigs_with_plugins_proxies_and_unverified_servers() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let all: Value = serde_yaml::from_str(&std::fs::read_to_string(&theirs.kubeconfig).unwrap()).unwrap();
    let (address, asked) = proxy();
    let planned = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut changed = all.clone();
        change(&mut changed);
        let path = theirs.dir.path().join(name);
        std::fs::write(&path, changed.to_string()).unwrap();
        let mut arguments = theirs.arguments(&["up"]);
        let at = arguments.iter().position(|a| a == "--kubeconfig").unwrap() + 1;
        arguments[at] = path.display().to_string();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut lab = crate::program::command(&theirs.mine(), &arguments);
        for name in ["NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy"] {
            lab.env_remove(name);
        }
        let output = lab.output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let plugin = |script: &str| {
        serde_json::json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
            "command": "sh", "args": ["-c", script]}})
    };
    use base64::Engine;
    let pem = |key: &str| {
        let data = all["users"][0]["user"][key].as_str().unwrap();
        text(&base64::engine::general_purpose::STANDARD.decode(data).unwrap())
    };
    let credential = serde_json::json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"clientCertificateData": pem("client-certificate-data"), "clientKeyData": pem("client-key-data")},
    });
    let file = theirs.dir.path().join("credential.json");
    std::fs::write(&file, credential.to_string()).unwrap();
    let cat = format!("cat '{}'", file.display());
    let (code, said) = planned("plugin", &|all| all["users"][0]["user"] = plugin(&cat));
    assert!(code == Some(1) && said.contains("What is going to be changed"), "{said}");
    let (code, said) = planned("broken", &|all| {
        all["users"][0]["user"] = plugin("echo 'the session has ended: log in' >&2; exit 3");
    });
    assert!(code == Some(2) && said.contains("the session has ended"), "{said}");
    let (code, said) = planned("unverified", &|all| {
        let cluster = all["clusters"][0]["cluster"].as_object_mut().unwrap();
        cluster.remove("certificate-authority-data");
        cluster.insert("insecure-skip-tls-verify".into(), true.into());
    });
    assert!(code == Some(1) && said.contains("What is going to be changed"), "{said}");
    assert!(asked.lock().unwrap().is_empty());
    let (code, said) = planned("proxy", &|all| {
        all["clusters"][0]["cluster"]["proxy-url"] = format!("http://{address}").into();
    });
    assert!(code == Some(1) && said.contains("What is going to be changed"), "{said}");
    assert!(asked.lock().unwrap().contains(&theirs.address.to_string()), "{asked:?}");
    theirs.assert_as_it_was(&labels);
}

/// Lessons are the same on every kind of cluster, so none may name one.
#[test]
fn no_lesson_names_a_kind_of_cluster() {
    fn below(dir: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let lessons = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons");
    let mut files = Vec::new();
    for lesson in std::fs::read_dir(&lessons).unwrap() {
        let lesson = lesson.unwrap().path();
        if lesson.join("lesson.yaml").exists() {
            below(&lesson, &mut files);
        }
    }
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap().to_lowercase();
        for word in [
            "--cluster ",
            "--cluster=",
            "sandbox",
            "minikube",
            "live cluster",
            "local cluster",
            "docker exec",
            "node-access",
        ] {
            assert!(!text.contains(word), "{}: {word}", file.display());
        }
    }
}

fn leave(window: &mut Window) {
    window.keys("\x07q");
    window.shows("Leave the lab?");
    window.keys("\r");
}

/// Where the cluster keeps no audit log the X-ray shows what the checks ask.
#[test]
fn the_x_ray_shows_the_requests_of_checks_where_there_is_no_audit_log() {
    let theirs = Theirs::start();
    let arguments = theirs.arguments(&["start", "--yes"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut window = Window::open(&theirs.mine(), 120, 40, &arguments);
    window.shows("API up");
    window.keys("\x1bOS");
    window.shows("No audit log of this cluster can be read");
    // Quiet checks ask for the label by themselves; the last request is explained.
    window.wait_until("a check's request shows", |w| w.shell().contains("GET    nodes/"));
    window.keys("\r");
    window.shows("cks-lab check");
    window.shows("not seen from here");
    window.keys("\x1bOS");
    window.wait_until("it is closed", |w| !w.text().contains("cks-lab check"));
    leave(&mut window);
    window.shows("Put the cluster back as it was? [yes/no]");
    window.keys("yes\r");
    window.shows("is the original, byte for byte");
    window.ended();
}

/// In the terminal program: the plan and the question come first, and the undo is offered at the end.
#[test]
fn the_terminal_program_asks_before_and_after() {
    let theirs = Theirs::start();
    let labels = theirs.labels();
    let arguments = theirs.arguments(&["start"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();

    let mut window = Window::open(&theirs.mine(), 120, 40, &arguments);
    window.shows("Change this cluster so? [yes/no]");
    window.keys("y\r");
    window.shows("nothing was changed");
    assert_eq!(window.ended(), 1);
    theirs.assert_as_it_was(&labels);

    let mut window = Window::open(&theirs.mine(), 120, 40, &arguments);
    window.shows("Change this cluster so? [yes/no]");
    window.keys("yes\r");
    window.shows("live");
    window.shows("Verify the issue");
    theirs.restricts(false);
    leave(&mut window);
    window.shows("Put the cluster back as it was? [yes/no]");
    window.keys("no\r");
    window.shows("cks-lab restore");
    assert_eq!(window.ended(), 0);
    theirs.restricts(false);

    let mut window = Window::open(&theirs.mine(), 120, 40, &arguments);
    window.shows("Welcome back");
    window.keys("\r");
    leave(&mut window);
    window.shows("Put the cluster back as it was? [yes/no]");
    window.keys("yes\r");
    window.shows("is the original, byte for byte");
    assert_eq!(window.ended(), 0);
    until("the plugin's return", LIMIT, || {
        text(&std::fs::read(&theirs.manifest).unwrap()) == text(&theirs.original)
    });
    theirs.assert_as_it_was(&labels);
}
