//! crictl v1.31: what runs on this node, and its logs.
//!
//! Columns and texts: `kubernetes-sigs/cri-tools` `cmd/crictl/{container,sandbox,image,logs}.go`.

use std::ffi::OsString;
use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::client::{self, Whom};
use super::text::{ago, columns};
use crate::kubelet::runtime::images::{self, IMAGES};
use crate::kubelet::runtime::logs::Entry;
use crate::kubelet::runtime::{Container, State};
use crate::kubelet::socket::{NodeState, Question};
use crate::release::{Release, default_release};

const USAGE: &str = "\
NAME:
   crictl - client for CRI

USAGE:
   crictl [global options] command [command options] [arguments...]

VERSION:
   {version}

COMMANDS:
   images, image, img  List images
   info                Display information of the container runtime
   inspect             Display the status of one or more containers
   logs                Fetch the logs of a container
   pods                List pods
   ps                  List containers
   version             Display runtime version information
   help, h             Shows a list of commands or help for one command
";

/// A command's flags and arguments.
#[derive(Debug, Default, PartialEq)]
struct Options {
    switches: Vec<String>,
    values: Vec<(String, String)>,
    arguments: Vec<String>,
}

/// Flags without a value; all others take one. Each row is all names of one flag, the one to ask by first.
const SWITCHES: [&[&str]; 7] = [
    &["all", "a"],
    &["quiet", "q"],
    &["no-trunc"],
    &["follow", "f"],
    &["timestamps", "t"],
    &["latest", "l"],
    &["previous", "p"],
];
const VALUES: [&[&str]; 10] = [
    &["name"],
    &["state", "s"],
    &["pod"],
    &["label"],
    &["tail"],
    &["since"],
    &["output", "o"],
    &["last", "n"],
    &["namespace"],
    &["image"],
];

impl Options {
    fn parse(words: &[String]) -> Result<Self, String> {
        let mut out = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            // As with urfave/cli, flags after the first argument are arguments.
            let Some(flag) = word.strip_prefix('-').filter(|f| !f.is_empty() && out.arguments.is_empty())
            else {
                out.arguments.push(word.clone());
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let find = |table: &[&[&'static str]]| {
                table.iter().find(|names| names.contains(&name)).map(|names| names[0].to_owned())
            };
            if let Some(name) = find(&SWITCHES) {
                out.switches.push(name);
            } else if let Some(long) = find(&VALUES) {
                let value = match value {
                    Some(value) => value,
                    None => words.next().cloned().ok_or(format!("flag needs an argument: -{name}"))?,
                };
                out.values.push((long, value));
            } else {
                return Err(format!("flag provided but not defined: -{name}"));
            }
        }
        Ok(out)
    }

    fn has(&self, name: &str) -> bool {
        self.switches.iter().any(|s| s == name)
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Runs crictl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let mut output = io::stdout().lock();
    match run(&words, &mut output) {
        Ok(()) => 0,
        Err(why) => {
            if !why.is_empty() {
                let _ = writeln!(io::stderr(), "FATA[0000] {why}");
            }
            1
        }
    }
}

fn run(words: &[String], output: &mut impl Write) -> Result<(), String> {
    // The endpoint is the node's own, whatever it is called.
    let mut words = words;
    while let Some(flag) = words.first().filter(|w| w.starts_with('-')) {
        match flag.as_str() {
            "-v" | "--version" => {
                return print(output, &format!("crictl version {}\n", release().node.crictl));
            }
            "-h" | "--help" => return print(output, &usage()),
            flag if flag.contains('=') || matches!(flag, "-D" | "--debug") => words = &words[1..],
            _ => words = words.get(2..).unwrap_or_default(),
        }
    }
    let Some((command, rest)) = words.split_first() else { return print(output, &usage()) };
    let options = Options::parse(rest)?;
    match command.as_str() {
        "ps" => print(output, &ps(&state()?, &options)),
        "pods" => print(output, &pods(&state()?, &options)),
        "images" | "image" | "img" => print(output, &list_images(&state()?, &options)),
        "logs" => show_logs(&options),
        "inspect" => inspect(&options, output),
        "version" => {
            let runtime = release().node.container_runtime.replace("://", "\nRuntimeVersion:  ");
            print(output, &format!("Version:  0.1.0\nRuntimeName:  {runtime}\nRuntimeApiVersion:  v1\n"))
        }
        "info" => {
            let condition = |kind: &str| json!({"message": "", "reason": "", "status": true, "type": kind});
            let info =
                json!({"status": {"conditions": [condition("RuntimeReady"), condition("NetworkReady")]}});
            print(output, &format!("{}\n", serde_json::to_string_pretty(&info).unwrap_or_default()))
        }
        "help" | "h" => print(output, &usage()),
        other => {
            let _ = print(output, &format!("No help topic for '{other}'\n"));
            Err(String::new())
        }
    }
}

fn print(output: &mut impl Write, text: &str) -> Result<(), String> {
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn unreachable(error: &io::Error) -> String {
    let why = if error.kind() == io::ErrorKind::NotFound {
        "no such file or directory"
    } else {
        "connection refused"
    };
    format!(
        "validate service connection: validate CRI v1 runtime API for endpoint \"unix://{path}\": rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix {path}: connect: {why}\"",
        path = client::socket_path(Whom::Runtime).display()
    )
}

fn state() -> Result<NodeState, String> {
    client::ask_one(Whom::Runtime, &Question::State).map_err(|e| unreachable(&e))
}

fn short(id: &str, options: &Options) -> String {
    if options.has("no-trunc") { id.to_owned() } else { id.chars().take(13).collect() }
}

fn state_word(state: State) -> &'static str {
    match state {
        State::Created => "Created",
        State::Running => "Running",
        State::Exited => "Exited",
    }
}

/// Whether a name matches a filter, which is a regular expression.
fn matches(filter: Option<&str>, name: &str) -> bool {
    filter.is_none_or(|f| regex::Regex::new(f).is_ok_and(|r| r.is_match(name)))
}

fn chosen<'a>(state: &'a NodeState, options: &Options) -> Vec<&'a Container> {
    let wanted = options.value("state").map(str::to_lowercase);
    let all =
        options.has("all") || wanted.is_some() || options.has("latest") || options.value("last").is_some();
    let limit = if options.has("latest") {
        1
    } else {
        options.value("last").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)
    };
    state
        .containers
        .iter()
        .filter(|c| all || c.state == State::Running)
        .filter(|c| wanted.as_deref().is_none_or(|w| state_word(c.state).to_lowercase() == w))
        .filter(|c| matches(options.value("name"), &c.spec.name))
        .filter(|c| options.value("pod").is_none_or(|p| c.sandbox.starts_with(p)))
        .filter(|c| options.arguments.first().is_none_or(|id| c.id.starts_with(id)))
        .take(limit)
        .collect()
}

fn ps(state: &NodeState, options: &Options) -> String {
    let containers = chosen(state, options);
    if options.has("quiet") {
        return containers.iter().map(|c| format!("{}\n", c.id)).collect();
    }
    let heads = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    rows.extend(containers.iter().map(|c| {
        vec![
            short(&c.id, options),
            short(&images::id(&c.spec.image), options),
            ago(c.created, state.now),
            state_word(c.state).into(),
            c.spec.name.clone(),
            c.attempt.to_string(),
            short(&c.sandbox, options),
            c.pod.name.clone(),
            c.pod.namespace.clone(),
        ]
    }));
    if !release_of(state).node.crictl_shows_namespace {
        rows.iter_mut().for_each(|row| row.truncate(heads.len() - 1));
    }
    columns(&rows, 20, 3)
}

fn pods(state: &NodeState, options: &Options) -> String {
    let wanted = options.value("state").map(str::to_lowercase);
    let word = |ready: bool| if ready { "Ready" } else { "NotReady" };
    let sandboxes: Vec<_> = state
        .sandboxes
        .iter()
        .filter(|s| wanted.as_deref().is_none_or(|w| word(s.ready).to_lowercase() == w))
        .filter(|s| matches(options.value("name"), &s.pod.name))
        .filter(|s| matches(options.value("namespace"), &s.pod.namespace))
        .filter(|s| options.arguments.first().is_none_or(|id| s.id.starts_with(id)))
        .collect();
    if options.has("quiet") {
        return sandboxes.iter().map(|s| format!("{}\n", s.id)).collect();
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
    columns(&rows, 20, 3)
}

/// The release of this node; the default one where there is no kubelet to ask.
fn release() -> &'static Release {
    let state = client::ask_one(Whom::Manager, &Question::State);
    state.map_or_else(|_| default_release(), |state| release_of(&state))
}

fn usage() -> String {
    USAGE.replace("{version}", release().node.crictl)
}

/// The release of the node.
fn release_of(state: &NodeState) -> &'static Release {
    Release::find(&state.version).unwrap_or_else(default_release)
}

fn list_images(state: &NodeState, options: &Options) -> String {
    let named = IMAGES.iter().map(|i| (i.repository, release_of(state).image_tag(i.tag), i.size));
    let mut rows = vec![["IMAGE", "TAG", "IMAGE ID", "SIZE"].map(str::to_owned).to_vec()];
    for (repository, tag, size) in named {
        let id = images::id(&format!("{repository}:{tag}"));
        rows.push(vec![repository.into(), tag, short(&id, options), size.into()]);
    }
    if options.has("quiet") {
        return rows
            .iter()
            .skip(1)
            .map(|r| format!("sha256:{}\n", images::id(&format!("{}:{}", r[0], r[1]))))
            .collect();
    }
    columns(&rows, 20, 3)
}

/// The container of an id or of its first digits.
fn find<'a>(state: &'a NodeState, id: &str) -> Result<&'a Container, String> {
    let mut found = state.containers.iter().filter(|c| c.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(format!(
            "rpc error: code = NotFound desc = an error occurred when try to find container {id:?}: not found"
        )),
    }
}

fn show_logs(options: &Options) -> Result<(), String> {
    let [id] = options.arguments.as_slice() else { return Err("ID cannot be empty".into()) };
    let state = state()?;
    let container = find(&state, id)?;
    let tail = match options.value("tail") {
        None => None,
        Some(text) => {
            let wrong = |_| format!("invalid value {text:?} for flag -tail: parse error");
            usize::try_from(text.parse::<i64>().map_err(wrong)?).ok()
        }
    };
    let since = match options.value("since") {
        None => None,
        Some(text) => Some(since(text, state.now)?),
    };
    let question = Question::Logs { id: container.id.clone(), follow: options.has("follow"), tail, since };
    let mut answers = client::ask(Whom::Runtime, &question).map_err(|e| unreachable(&e))?;
    while let Some(entry) = answers.next_message::<Entry>().map_err(|e| e.to_string())? {
        let line = if options.has("timestamps") {
            format!("{:.9} {}\n", entry.at, entry.text)
        } else {
            format!("{}\n", entry.text)
        };
        if entry.stderr {
            print(&mut io::stderr().lock(), &line)?;
        } else {
            print(&mut io::stdout().lock(), &line)?;
        }
    }
    Ok(())
}

/// A time, or how long ago it was: `5s`, `2m`, `1h`.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    match number.parse::<i64>() {
        Ok(count) if seconds > 0 => Ok(now - SignedDuration::from_secs(count * seconds)),
        _ => Err(format!("failed to parse timestamp value {text:?}")),
    }
}

fn inspect(options: &Options, output: &mut impl Write) -> Result<(), String> {
    if options.arguments.is_empty() {
        return Err("ID cannot be empty".into());
    }
    let state = state()?;
    for id in &options.arguments {
        let c = find(&state, id)?;
        let time =
            |at: Option<Timestamp>| at.map_or("0001-01-01T00:00:00Z".to_owned(), |t| format!("{t:.9}"));
        let reason = c.exit.map_or("", crate::kubelet::runtime::exit_reason);
        let labels = json!({"io.kubernetes.container.name": c.spec.name, "io.kubernetes.pod.name": c.pod.name,
            "io.kubernetes.pod.namespace": c.pod.namespace, "io.kubernetes.pod.uid": c.pod.uid});
        let status = json!({"status": {
            "id": c.id, "metadata": {"attempt": c.attempt, "name": c.spec.name},
            "state": format!("CONTAINER_{}", state_word(c.state).to_uppercase()),
            "createdAt": time(Some(c.created)), "startedAt": time(c.started), "finishedAt": time(c.finished),
            "exitCode": c.exit.unwrap_or(0), "image": {"image": c.spec.image},
            "imageRef": format!("sha256:{}", images::id(&c.spec.image)), "reason": reason, "message": "",
            "labels": labels, "logPath": c.log_path},
            "info": {"sandboxID": c.sandbox, "config": {"metadata": {"name": c.spec.name, "attempt": c.attempt},
                "image": {"image": c.spec.image}, "command": c.spec.argv}}});
        print(output, &format!("{}\n", serde_json::to_string_pretty(&status).unwrap_or_default()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::kubelet::runtime::{ContainerSpec, PodRef, Sandbox};

    fn node() -> NodeState {
        let at = |s: i64| Timestamp::from_second(s).unwrap();
        let pod = PodRef {
            name: "kube-apiserver-controlplane".into(),
            namespace: "kube-system".into(),
            uid: "u".into(),
        };
        let container = |id: &str, attempt, state, created| Container {
            id: id.repeat(5),
            sandbox: "a7bcd4b6d89be".repeat(5),
            pod: pod.clone(),
            spec: ContainerSpec { name: "kube-apiserver".into(), image: "i".into(), argv: vec![] },
            attempt,
            created: at(created),
            started: None,
            finished: None,
            state,
            exit: None,
            ready: true,
            log_path: String::new(),
        };
        NodeState {
            version: "v1.31.0".into(),
            node: "controlplane".into(),
            now: at(1000),
            sandboxes: vec![Sandbox {
                id: "a7bcd4b6d89be".repeat(5),
                pod: pod.clone(),
                attempt: 0,
                created: at(983),
                ready: false,
            }],
            containers: vec![
                container("77d2e3aaa36bc", 1, State::Running, 983),
                container("1112020d616d3", 0, State::Exited, 900),
            ],
        }
    }

    fn options(words: &[&str]) -> Options {
        Options::parse(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn tables_look_like_crictls() {
        let image: String = images::id("i").chars().take(13).collect();
        let text = ps(&node(), &options(&[]));
        let expected = format!(
            "CONTAINER           IMAGE               CREATED             STATE               NAME                ATTEMPT             POD ID              POD\n\
             77d2e3aaa36bc       {image}       17 seconds ago      Running             kube-apiserver      1                   a7bcd4b6d89be       kube-apiserver-controlplane\n"
        );
        assert_eq!(text, expected);
        let text = pods(&node(), &options(&[]));
        assert_eq!(
            text,
            "POD ID              CREATED             STATE               NAME                          NAMESPACE           ATTEMPT             RUNTIME\n\
             a7bcd4b6d89be       17 seconds ago      NotReady            kube-apiserver-controlplane   kube-system         0                   (default)\n"
        );
    }

    #[test]
    fn filters_choose() {
        for (words, count) in [
            (&["-a"][..], 2),
            (&[], 1),
            (&["--state", "Exited"], 1),
            (&["-a", "--name", "apiserver$"], 2),
            (&["-a", "--name=scheduler"], 0),
            (&["-a", "-l"], 1),
            (&["-a", "1112"], 1),
        ] {
            assert_eq!(chosen(&node(), &options(words)).len(), count, "{words:?}");
        }
        assert_eq!(Options::parse(&["-x".into()]).unwrap_err(), "flag provided but not defined: -x");
        assert_eq!(options(&["id", "-f"]).arguments, ["id", "-f"], "flags go before the id");
    }

    #[test]
    fn ids_are_found_by_their_first_digits() {
        assert_eq!(find(&node(), "77d2").unwrap().attempt, 1);
        assert_eq!(
            find(&node(), "zz").unwrap_err(),
            "rpc error: code = NotFound desc = an error occurred when try to find container \"zz\": not found"
        );
    }
}
