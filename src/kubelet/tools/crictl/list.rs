//! `crictl ps`, `pods` and `images`.
//!
//! Upstream: `cmd/crictl/{container,sandbox,image}.go`.

use serde_json::{Value, json};

use super::args::Options;
use super::json::listed;
use super::{Failure, facts, is_newer, release_of};
use crate::kubelet::runtime::images::{self, IMAGES};
use crate::kubelet::runtime::{Container, Sandbox, State};
use crate::kubelet::socket::NodeState;
use crate::kubelet::tools::text::{ago, columns, go_time, human_size_with};

fn unsupported(what: &str, format: &str) -> Failure {
    Failure::Fatal(format!("{what}: unsupported output format {format:?}"))
}

fn short(id: &str, options: &Options) -> String {
    if options.has("no-trunc") { id.to_owned() } else { id.chars().take(13).collect() }
}

/// An image's id, which is a digest and loses its algorithm when it is cut.
fn short_image(id: &str, options: &Options) -> String {
    if options.has("no-trunc") { format!("sha256:{id}") } else { id.chars().take(13).collect() }
}

/// What crictl calls a container's state.
pub fn state_word(state: State) -> &'static str {
    match state {
        State::Created => "Created",
        State::Running => "Running",
        State::Exited => "Exited",
    }
}

/// Whether a name matches a filter, which is a regular expression.
pub fn matches(filter: Option<&str>, name: &str) -> bool {
    filter.is_none_or(|f| regex::Regex::new(f).is_ok_and(|r| r.is_match(name)))
}

/// The containers that the flags choose, newest first.
pub fn chosen<'a>(state: &'a NodeState, options: &Options) -> Result<Vec<&'a Container>, Failure> {
    let wanted = options.value("state").map(str::to_lowercase);
    if wanted.as_deref().is_some_and(|w| !["created", "running", "exited", "unknown"].contains(&w)) {
        return Err(Failure::Log("--state should be one of created, running, exited or unknown".into()));
    }
    let labels = options.labels()?;
    let last = options
        .number("last")
        .map_err(Failure::Usage)?
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| *n > 0);
    let any_state = options.has("latest") || last.is_some();
    let limit = last.unwrap_or(if options.has("latest") { 1 } else { usize::MAX });
    let of_state = |c: &Container| match wanted.as_deref() {
        _ if any_state => true,
        Some(wanted) => state_word(c.state).to_lowercase() == wanted,
        None => options.has("all") || c.state == State::Running,
    };
    let id = options.value("id");
    Ok(state
        .containers
        .iter()
        .filter(|c| of_state(c))
        .filter(|c| matches(options.value("name"), &c.spec.name))
        .filter(|c| matches(options.value("namespace"), &c.pod.namespace))
        .filter(|c| options.value("pod").is_none_or(|p| c.sandbox.starts_with(p)))
        .filter(|c| id.is_none_or(|id| c.id.starts_with(id)))
        .filter(|c| options.value("image").is_none_or(|image| facts::is_image(c, image)))
        .filter(|c| facts::has_labels(&facts::container_labels(c), &labels))
        .take(limit)
        .collect())
}

/// `crictl ps`
pub fn ps(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let containers = chosen(state, options)?;
    let format = options.output("table");
    if format != "table" {
        let list: Vec<Value> = containers.iter().map(|c| container(state, c)).collect();
        return listed(&json!({"containers": list}), format)
            .ok_or_else(|| unsupported("listing containers", format));
    }
    if options.has("quiet") {
        return Ok(containers.iter().map(|c| format!("{}\n", c.id)).collect());
    }
    if options.has("verbose") {
        return Ok(containers.iter().map(|c| verbose_container(state, c)).collect());
    }
    let heads = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(containers.iter().map(|c| {
        let image = if options.has("resolve-image-path") {
            images::full_name(&c.spec.image)
        } else {
            short_image(&images::id(&c.spec.image), options)
        };
        vec![
            short(&c.id, options),
            image,
            ago(c.created, state.now),
            state_word(c.state).into(),
            c.spec.name.clone(),
            c.attempt.to_string(),
            short(&c.sandbox, options),
            c.pod.name.clone(),
            c.pod.namespace.clone(),
        ]
    }));
    if !is_newer(release_of(state)) {
        rows.iter_mut().for_each(|row| row.truncate(heads.len() - 1));
    }
    Ok(columns(&rows, 20, 3))
}

fn container(state: &NodeState, c: &Container) -> Value {
    let image = format!("sha256:{}", images::id(&c.spec.image));
    json!({
        "id": c.id, "podSandboxId": c.sandbox, "metadata": {"name": c.spec.name, "attempt": c.attempt},
        "image": image_spec(state, &image),
        "imageRef": image, "state": format!("CONTAINER_{}", state_word(c.state).to_uppercase()),
        "createdAt": c.created.as_nanosecond().to_string(), "labels": facts::container_labels(c),
        "annotations": facts::container_annotations(state, c), "imageId": "",
    })
}

/// An image as a container names it.
pub fn image_spec(state: &NodeState, image: &str) -> Value {
    let mut spec = json!({"image": image, "annotations": {}, "userSpecifiedImage": "", "runtimeHandler": ""});
    if is_newer(release_of(state)) {
        spec["imageRef"] = json!("");
    }
    spec
}

fn verbose_container(state: &NodeState, c: &Container) -> String {
    format!(
        "ID: {}\nPodID: {}\n{}Name: {}\nAttempt: {}\nState: {}\nImage: sha256:{}\nCreated: {}\nLabels:\n{}Annotations:\n{}\n",
        c.id,
        c.sandbox,
        if is_newer(release_of(state)) { format!("Namespace: {}\n", c.pod.namespace) } else { String::new() },
        c.spec.name,
        c.attempt,
        state_word(c.state),
        images::id(&c.spec.image),
        ago(c.created, state.now),
        facts::arrows(&facts::container_labels(c)),
        facts::arrows(&facts::container_annotations(state, c))
    )
}

/// The sandboxes that the flags choose, newest first.
pub fn chosen_pods<'a>(state: &'a NodeState, options: &Options) -> Result<Vec<&'a Sandbox>, Failure> {
    let wanted = options.value("state").map(str::to_lowercase);
    if wanted.as_deref().is_some_and(|w| !["ready", "notready"].contains(&w)) {
        return Err(Failure::Log("--state should be ready or notready".into()));
    }
    let labels = options.labels()?;
    let last = options
        .number("last")
        .map_err(Failure::Usage)?
        .and_then(|n| usize::try_from(n).ok())
        .filter(|n| *n > 0);
    let limit = last.unwrap_or(if options.has("latest") { 1 } else { usize::MAX });
    let any_state = options.has("latest") || last.is_some();
    let id = options.value("id");
    Ok(state
        .sandboxes
        .iter()
        .filter(|s| any_state || wanted.as_deref().is_none_or(|w| (w == "ready") == s.ready))
        .filter(|s| matches(options.value("name"), &s.pod.name))
        .filter(|s| matches(options.value("namespace"), &s.pod.namespace))
        .filter(|s| id.is_none_or(|id| s.id.starts_with(id)))
        .filter(|s| facts::has_labels(&facts::pod_labels(state, &s.pod), &labels))
        .take(limit)
        .collect())
}

/// `crictl pods`
pub fn pods(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let sandboxes = chosen_pods(state, options)?;
    let word = |ready: bool| if ready { "Ready" } else { "NotReady" };
    let format = options.output("table");
    if format != "table" {
        let list: Vec<Value> = sandboxes
            .iter()
            .map(|s| {
                json!({"id": s.id, "metadata": facts::pod_metadata(s), "state": facts::sandbox_state(s),
                    "createdAt": s.created.as_nanosecond().to_string(), "labels": facts::pod_labels(state, &s.pod),
                    "annotations": facts::pod_annotations(state, &s.pod), "runtimeHandler": ""})
            })
            .collect();
        return listed(&json!({"items": list}), format)
            .ok_or_else(|| unsupported("list pod sandboxes", format));
    }
    if options.has("quiet") {
        return Ok(sandboxes.iter().map(|s| format!("{}\n", s.id)).collect());
    }
    if options.has("verbose") {
        let one = |s: &&Sandbox| {
            format!(
                "ID: {}\nName: {}\nUID: {}\nNamespace: {}\n{}Status: {}\nCreated: {}\nLabels:\n{}Annotations:\n{}Runtime: (default)\n\n",
                s.id,
                s.pod.name,
                s.pod.uid,
                s.pod.namespace,
                if s.attempt == 0 { String::new() } else { format!("Attempt: {}\n", s.attempt) },
                word(s.ready),
                go_time(s.created),
                facts::arrows(&facts::pod_labels(state, &s.pod)),
                facts::arrows(&facts::pod_annotations(state, &s.pod))
            )
        };
        return Ok(sandboxes.iter().map(one).collect());
    }
    let heads = ["POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(sandboxes.iter().map(|s| {
        vec![
            short(&s.id, options),
            ago(s.created, state.now),
            word(s.ready).into(),
            s.pod.name.clone(),
            s.pod.namespace.clone(),
            s.attempt.to_string(),
            "(default)".into(),
        ]
    }));
    Ok(columns(&rows, 20, 3))
}

/// An image of the node: its name with its tag, its id, its size in bytes.
pub fn all_images(state: &NodeState) -> Vec<(String, String, u64)> {
    let release = release_of(state);
    IMAGES
        .iter()
        .map(|image| {
            let name = format!("{}:{}", image.repository, release.image_tag(image.tag));
            let id = images::id(&name);
            (name, id, bytes(image.size))
        })
        .collect()
}

/// `28.1MB` in bytes.
fn bytes(size: &str) -> u64 {
    let digits = size.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &size[digits.len()..] {
        "GB" => 1e9,
        "MB" => 1e6,
        "kB" => 1e3,
        _ => 1.0,
    };
    (digits.parse::<f64>().unwrap_or(0.0) * unit) as u64
}

/// An image as crictl's JSON has it.
pub fn image(name: &str, id: &str, size: u64) -> Value {
    json!({"id": format!("sha256:{id}"), "repoTags": [name], "repoDigests": [], "size": size.to_string(),
        "username": "", "pinned": is_pinned(name)})
}

/// The images that a filter leaves.
fn filtered(
    mut all: Vec<(String, String, u64)>,
    options: &Options,
) -> Result<Vec<(String, String, u64)>, Failure> {
    for filter in options.all("filter") {
        let wrong =
            || Failure::Fatal(format!("listing images: filter images: unknown filter flag: {filter}"));
        let (kind, value) = filter.split_once('=').ok_or_else(wrong)?;
        let place = |all: &[(String, String, u64)]| {
            all.iter().position(|(name, id, _)| {
                name == value || id.starts_with(value.trim_start_matches("sha256:"))
            })
        };
        match kind {
            "dangling" => all.retain(|_| value == "false"),
            "reference" => {
                let pattern = regex::Regex::new(value).map_err(|e| Failure::Fatal(e.to_string()))?;
                all.retain(|(name, ..)| pattern.is_match(name));
            }
            "since" => all.truncate(place(&all).unwrap_or(0)),
            "before" => all = all.split_off(place(&all).map_or(all.len(), |at| at + 1)),
            _ => return Err(wrong()),
        }
    }
    Ok(all)
}

/// `crictl images`; containerd takes no notice of the name.
pub fn list_images(state: &NodeState, options: &Options) -> Result<String, Failure> {
    let all = filtered(all_images(state), options)?;
    let value = || {
        let list: Vec<Value> = all.iter().map(|(name, id, size)| image(name, id, *size)).collect();
        json!({"images": list})
    };
    // An unknown format is no format.
    if let Some(text) = options.value("output").and_then(|format| listed(&value(), format)) {
        return Ok(text);
    }
    if options.has("quiet") {
        return Ok(all.iter().map(|(_, id, _)| format!("sha256:{id}\n")).collect());
    }
    if options.has("verbose") {
        let one = |(name, id, size): &(String, String, u64)| {
            let pinned = if is_pinned(name) { "Pinned: true\n" } else { "" };
            format!("ID: sha256:{id}\nRepoTags: {name}\nSize: {size}\n{pinned}\n")
        };
        return Ok(all.iter().map(one).collect());
    }
    let (digests, pinned) = (options.has("digests"), options.has("pinned"));
    let mut head = vec!["IMAGE".to_owned(), "TAG".into(), "IMAGE ID".into(), "SIZE".into()];
    if digests {
        head.insert(2, "DIGEST".into());
    }
    if pinned {
        head.push("PINNED".into());
    }
    let mut rows = vec![head];
    for (name, id, size) in &all {
        let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "<none>"));
        let mut row =
            vec![repository.to_owned(), tag.to_owned(), short_image(id, options), human_size_of_image(*size)];
        if digests {
            row.insert(2, "<none>".into());
        }
        if pinned {
            row.push(is_pinned(name).to_string());
        }
        rows.push(row);
    }
    Ok(columns(&rows, 20, 3))
}

/// Whether the runtime keeps an image come what may: that of the sandboxes.
fn is_pinned(name: &str) -> bool {
    name.contains("/pause:")
}

/// Bytes in the words of docker's units package, with three digits.
pub fn human_size_of_image(bytes: u64) -> String {
    human_size_with(bytes, 3)
}
