//! The objects that `kubectl create KIND NAME` and `kubectl run` describe by flags.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::kubectl::Session;
use crate::kubectl::args::Args;
use crate::kubectl::discovery::Resource;
use crate::kubectl::fail::{Fail, Result, plain, usage};

const RBAC: &str = "rbac.authorization.k8s.io";

/// The full name of a subcommand of `create`.
fn full(kind: &str) -> &str {
    match kind {
        "ns" => "namespace",
        "cm" => "configmap",
        "sa" => "serviceaccount",
        "deploy" | "dep" => "deployment",
        other => other,
    }
}

/// What `create` says before the server's message.
pub fn failure_words(kind: &str, _words: &[String]) -> Option<String> {
    match full(kind) {
        "secret" => Some("failed to create secret ".into()),
        kind @ ("configmap" | "serviceaccount" | "rolebinding" | "clusterrolebinding" | "deployment") => {
            Some(format!("failed to create {kind}: "))
        }
        _ => None,
    }
}

/// Describes the resource of a kind that `create` knows, without asking the server.
pub fn known_resource(version: &str, kind: &str) -> Resource {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    Resource {
        group: group.into(),
        version: version.into(),
        name: kind.to_lowercase() + "s",
        kind: kind.into(),
        namespaced: !matches!(kind, "Namespace" | "ClusterRole" | "ClusterRoleBinding"),
        ..Resource::default()
    }
}

/// Makes the object of `create KIND ...`.
pub async fn object(session: &mut Session, kind: &str, words: &[String]) -> Result<Value> {
    let kind = full(kind);
    let (command, names) = match (kind, words.first().map(String::as_str)) {
        ("secret", Some("generic")) => ("secret generic".to_owned(), &words[1..]),
        ("secret", other) => {
            return plain(format!(
                "the built-in kubectl creates only generic secrets, not \"{}\"",
                other.unwrap_or_default()
            ));
        }
        _ => (kind.to_owned(), words),
    };
    const KINDS: &[&str] = &[
        "namespace",
        "configmap",
        "serviceaccount",
        "secret",
        "role",
        "clusterrole",
        "rolebinding",
        "clusterrolebinding",
        "deployment",
    ];
    if !KINDS.contains(&kind) {
        return usage("create", format!("Unexpected args: [{}]\nunknown command \"{kind}\"", kind));
    }
    let [name] = names else {
        return usage(
            &format!("create {command}"),
            format!("exactly one NAME is required, got {}", names.len()),
        );
    };
    let meta = json!({"creationTimestamp": null, "name": name});
    let args = session.args.clone();
    Ok(match kind {
        "namespace" => {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": meta, "spec": {}, "status": {}})
        }
        "serviceaccount" => json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}),
        "configmap" => {
            let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta});
            let mut data = Map::new();
            for (key, value) in data_of(&args)? {
                match String::from_utf8(value) {
                    Ok(text) => data.insert(key, json!(text)),
                    Err(bytes) => {
                        object["binaryData"][key] = json!(base64(bytes.as_bytes()));
                        None
                    }
                };
            }
            if !data.is_empty() {
                object["data"] = Value::Object(data);
            }
            object
        }
        "secret" => {
            let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta});
            for (key, value) in data_of(&args)? {
                object["data"][key] = json!(base64(&value));
            }
            if let Some(kind) = args.text("type") {
                object["type"] = json!(kind);
            }
            object
        }
        "role" | "clusterrole" => {
            let rules = rules(session, kind == "clusterrole").await?;
            let kind = if kind == "role" { "Role" } else { "ClusterRole" };
            json!({"apiVersion": format!("{RBAC}/v1"), "kind": kind, "metadata": meta, "rules": rules})
        }
        "rolebinding" | "clusterrolebinding" => binding(&args, kind == "clusterrolebinding", meta)?,
        _ => deployment(&args, name)?,
    })
}

fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Reads `--from-literal`, `--from-file` and `--from-env-file`.
fn data_of(args: &Args) -> Result<Vec<(String, Vec<u8>)>> {
    let mut data: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |key: String, value: Vec<u8>| {
        let valid = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !valid {
            return plain(format!(
                "\"{key}\" is not a valid key name for a ConfigMap: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
            ));
        }
        if data.iter().any(|(k, _)| *k == key) {
            return plain(format!("cannot add key \"{key}\", another key by that name already exists"));
        }
        data.push((key, value));
        Ok(())
    };
    let read = |path: &str| {
        std::fs::read(path).map_err(|e| {
            Fail::Plain(format!("error reading {path}: {}", crate::kubectl::kubeconfig::go_io(&e)))
        })
    };
    for literal in args.all("from-literal") {
        match literal.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                let quoted =
                    value.len() > 1 && ["'", "\""].iter().any(|q| value.starts_with(q) && value.ends_with(q));
                let value = if quoted { &value[1..value.len() - 1] } else { value };
                add(key.into(), value.as_bytes().to_vec())?;
            }
            _ => return plain(format!("invalid literal source {literal}, expected key=value")),
        }
    }
    for source in args.all("from-file") {
        let (key, path) = source.split_once('=').map_or((None, source.as_str()), |(k, p)| (Some(k), p));
        if std::fs::metadata(path).is_ok_and(|m| m.is_dir()) {
            if key.is_some() {
                return plain("cannot give a key name for a directory path");
            }
            let mut files: Vec<_> = std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .flatten()
                .filter(|e| e.path().is_file())
                .collect();
            files.sort_by_key(std::fs::DirEntry::file_name);
            for file in files {
                add(file.file_name().to_string_lossy().into_owned(), read(&file.path().to_string_lossy())?)?;
            }
            continue;
        }
        let base = path.rsplit('/').next().unwrap_or(path);
        add(key.unwrap_or(base).to_owned(), read(path)?)?;
    }
    for path in args.all("from-env-file") {
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        for line in text.lines().map(str::trim_start).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (key, value) = match line.split_once('=') {
                Some((key, value)) => (key.to_owned(), value.to_owned()),
                None => (line.to_owned(), std::env::var(line).unwrap_or_default()),
            };
            add(key, value.into_bytes())?;
        }
    }
    Ok(data)
}

/// The rules of `--verb`, `--resource`, `--resource-name`, `--non-resource-url`.
async fn rules(session: &mut Session, cluster: bool) -> Result<Vec<Value>> {
    let mut verbs: Vec<String> = Vec::new();
    for verb in session.args.list("verb") {
        if verb == "*" {
            verbs = vec!["*".into()];
            break;
        }
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    if verbs.is_empty() {
        return plain("at least one verb must be specified");
    }
    let (wanted, urls) = (session.args.list("resource"), session.args.list("non-resource-url"));
    if wanted.is_empty() && (!cluster || urls.is_empty()) {
        let what = if cluster {
            "one of resource or nonResourceURL must be specified"
        } else {
            "at least one resource must be specified"
        };
        return plain(what);
    }
    let names = session.args.all("resource-name");
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for word in wanted {
        let (head, sub) = word.split_once('/').map_or((word.as_str(), None), |(h, s)| (h, Some(s)));
        let (group, name) = if head == "*" {
            ("*".to_owned(), "*".to_owned())
        } else {
            // kubectl says this one without "error:" before it.
            let found = session.resolve(head).await.map_err(|f| match f {
                Fail::Plain(text) if text.starts_with("the server doesn't have") => Fail::Raw(text),
                other => other,
            })?;
            (found.group, found.name)
        };
        let full = sub.map_or(name.clone(), |s| format!("{name}/{s}"));
        match groups.iter_mut().find(|(g, _)| *g == group) {
            Some((_, all)) if all.contains(&full) => {}
            Some((_, all)) => all.push(full),
            None => groups.push((group, vec![full])),
        }
    }
    let mut rules: Vec<Value> = groups
        .into_iter()
        .map(|(group, resources)| {
            let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
            if !names.is_empty() {
                rule["resourceNames"] = json!(names);
            }
            rule
        })
        .collect();
    if cluster && !urls.is_empty() {
        if let Some(bad) = urls.iter().find(|u| *u != "*" && !u.starts_with('/')) {
            let _ = bad;
            return plain("nonResourceURL should start with /");
        }
        rules.push(json!({"nonResourceURLs": urls, "verbs": verbs}));
    }
    Ok(rules)
}

fn binding(args: &Args, cluster: bool, meta: Value) -> Result<Value> {
    let (kind, role) = match (args.text("clusterrole"), args.text("role").filter(|_| !cluster)) {
        (Some(role), None) => ("ClusterRole", role),
        (None, Some(role)) => ("Role", role),
        _ if cluster => {
            return plain("exactly one clusterrole must be specified")
                .map_err(|_: Fail| Fail::Plain("required flag(s) \"clusterrole\" not set".into()));
        }
        _ => return plain("exactly one of clusterrole or role must be specified"),
    };
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        for name in args.all(flag) {
            subjects.push(json!({"apiGroup": RBAC, "kind": kind, "name": name}));
        }
    }
    for account in args.all("serviceaccount") {
        match account.split_once(':') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
                subjects.push(json!({"kind": "ServiceAccount", "name": name, "namespace": namespace}));
            }
            _ => return plain("serviceaccount must be <namespace>:<name>"),
        }
    }
    let own = if cluster { "ClusterRoleBinding" } else { "RoleBinding" };
    let mut object = json!({"apiVersion": format!("{RBAC}/v1"), "kind": own, "metadata": meta, "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role}});
    if !subjects.is_empty() {
        object["subjects"] = json!(subjects);
    }
    Ok(object)
}

fn deployment(args: &Args, name: &str) -> Result<Value> {
    let images = args.all("image");
    if images.is_empty() {
        return plain("required flag(s) \"image\" not set");
    }
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            let base = image.rsplit('/').next().unwrap_or(image);
            let name = base.split(['@', ':']).next().unwrap_or(base);
            json!({"image": image, "name": name, "resources": {}})
        })
        .collect();
    let replicas = args.number("replicas")?.unwrap_or(1);
    let labels = json!({"app": name});
    Ok(
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"creationTimestamp": null, "labels": labels, "name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "strategy": {},
            "template": {"metadata": {"creationTimestamp": null, "labels": labels}, "spec": {"containers": containers}}}, "status": {}}),
    )
}

/// Makes the pod of `run`.
pub fn pod(session: &Session) -> Result<Value> {
    let args = &session.args;
    let (name, command) =
        args.rest.split_first().ok_or_else(|| Fail::Plain("NAME is required for run".into()))?;
    let mut container =
        json!({"image": args.text("image").unwrap_or_default(), "name": name, "resources": {}});
    if !command.is_empty() {
        container[if args.is("command") { "command" } else { "args" }] = json!(command);
    }
    let mut env = Vec::new();
    for pair in args.all("env") {
        match pair.split_once('=') {
            Some((key, value)) => env.push(json!({"name": key, "value": value})),
            None => return plain(format!("invalid env: {pair}")),
        }
    }
    if !env.is_empty() {
        container["env"] = json!(env);
    }
    if let Some(port) = args.number("port")? {
        container["ports"] = json!([{"containerPort": port}]);
    }
    if let Some(policy) = args.text("image-pull-policy") {
        container["imagePullPolicy"] = json!(policy);
    }
    if args.is("stdin") {
        container["stdin"] = json!(true);
    }
    if args.is("tty") {
        container["tty"] = json!(true);
    }
    if args.is("privileged") {
        container["securityContext"] = json!({"privileged": true});
    }
    let mut labels = Map::new();
    for pair in args.list("labels") {
        match pair.split_once('=') {
            Some((key, value)) => labels.insert(key.into(), json!(value)),
            None => return plain(format!("unexpected label spec: {pair}")),
        };
    }
    if labels.is_empty() {
        labels.insert("run".into(), json!(name));
    }
    let restart = args.text("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return plain(format!("invalid restart policy: {restart}"));
    }
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": null, "labels": labels, "name": name},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart}, "status": {}});
    if let Some(overrides) = args.text("overrides") {
        let patch: Value =
            serde_json::from_str(overrides).map_err(|e| Fail::Plain(format!("Invalid JSON Patch: {e}")))?;
        json_patch::merge(&mut pod, &patch);
    }
    Ok(pod)
}
