//! crictl v1.31: what runs on this node, its logs, and ending it.
//!
//! Columns, texts and exit codes are those of `kubernetes-sigs/cri-tools`, recorded on a kubeadm node with containerd.
//!
//! | file | what it does |
//! |---|---|
//! | [`args`] | the command line, by the help of each command |
//! | [`list`] | `ps`, `pods`, `images` |
//! | [`inspect`] | `inspect`, `inspectp`, `inspecti`, `info`, `imagefsinfo` |
//! | [`stats`] | `stats`, `statsp` |
//! | [`act`] | `logs`, `exec`, `stop`, `rm`, `stopp`, `rmp`, `pull` |
//! | [`facts`] | labels, annotations and mounts of what runs |

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::args::Options;
use super::client::{self, Whom};
use crate::klog::{self, Severity};
use crate::kubelet::socket::{NodeState, Question};
use crate::release::{Release, default_release};

mod act;
mod args;
mod facts;
mod inspect;
mod list;
mod stats;

/// Why crictl does not do what it was asked to.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// A sentence that logrus writes at level fatal.
    Fatal(String),
    /// The same, after lines of the runtime client: message and its pairs.
    Runtime(String, String),
    /// A sentence that Go's `log` writes.
    Log(String),
    /// A line that is written as it is.
    Plain(String),
    /// The help is shown, as after a command without arguments.
    Help,
    /// A wrong flag.
    Usage(String),
    /// Nothing more is said.
    Silent(i32),
}

impl From<String> for Failure {
    fn from(sentence: String) -> Self {
        Self::Fatal(sentence)
    }
}

impl From<&str> for Failure {
    fn from(sentence: &str) -> Self {
        Self::Fatal(sentence.to_owned())
    }
}

/// Where crictl looks for the runtime, and how often it may be asked.
pub(super) struct Endpoint {
    path: PathBuf,
    shown: String,
}

/// Runs crictl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let mut output = io::stdout().lock();
    let (command, rest, endpoint) = match global(&words) {
        Ok(found) => found,
        Err(done) => return done,
    };
    match run(&endpoint, &command, &rest, &mut output) {
        Ok(()) => 0,
        Err(failure) => tell(&failure, &command, &mut output),
    }
}

/// Reads crictl's own flags: the command, its words, the endpoint; or the exit status where there is no command to run.
fn global(words: &[String]) -> Result<(String, Vec<String>, Endpoint), i32> {
    let options = Options::parse("", words).map_err(|why| {
        let _ = write!(io::stdout(), "Incorrect Usage: {why}\n\n{}", usage(""));
        log("fatal", &why);
        1
    })?;
    let shown = options.value("runtime-endpoint").map_or_else(configured, str::to_owned);
    let own = client::socket_path(Whom::Runtime);
    let path = match shown.as_str() {
        "unix:///run/containerd/containerd.sock" | "unix:///var/run/containerd/containerd.sock" => own,
        other => PathBuf::from(other.strip_prefix("unix://").unwrap_or_default()),
    };
    let endpoint = Endpoint { path, shown };
    if options.has("version") {
        let _ = writeln!(io::stdout(), "crictl version {}", release().node.crictl);
        return Err(0);
    }
    let mut arguments = options.arguments.iter();
    let first = arguments.next().map_or("", String::as_str);
    let command = args::command(first).to_owned();
    let rest: Vec<String> = arguments.cloned().collect();
    if first.is_empty() || options.has("help") {
        let _ = io::stdout().write_all(usage("").as_bytes());
        return Err(0);
    }
    if command == "help" {
        let about = rest.first().map_or("", |name| args::command(name));
        return Err(match args::help(about) {
            Some(_) => i32::from(io::stdout().write_all(usage(about).as_bytes()).is_err()),
            None => no_help(about),
        });
    }
    if args::help(&command).is_none() {
        return Err(if args::is_listed(first) {
            log("fatal", &format!("{first} is not emulated in this lab"));
            1
        } else {
            no_help(first)
        });
    }
    Ok((command, rest, endpoint))
}

fn no_help(name: &str) -> i32 {
    let _ = writeln!(io::stderr(), "No help topic for '{name}'");
    3
}

/// The endpoint of `/etc/crictl.yaml`, else the first of crictl's own.
fn configured() -> String {
    let default = "unix:///run/containerd/containerd.sock".to_owned();
    if std::env::var_os(client::VARIABLE).is_some() {
        return default;
    }
    if let Some(endpoint) = std::env::var("CONTAINER_RUNTIME_ENDPOINT").ok().filter(|e| !e.is_empty()) {
        return endpoint;
    }
    let file = std::fs::read_to_string("/etc/crictl.yaml").unwrap_or_default();
    let settings: Value = serde_yaml::from_str(&file).unwrap_or_default();
    if let Some(endpoint) = settings["runtime-endpoint"].as_str().filter(|e| !e.is_empty()) {
        return endpoint.to_owned();
    }
    for what in ["runtime", "image"] {
        log(
            "warning",
            &format!(
                "{what} connect using default endpoints: [unix:///run/containerd/containerd.sock unix:///run/crio/crio.sock \
                 unix:///var/run/cri-dockerd.sock]. As the default settings are now deprecated, you should set the endpoint instead."
            ),
        );
    }
    default
}

fn run(endpoint: &Endpoint, command: &str, words: &[String], output: &mut impl Write) -> Result<(), Failure> {
    let options = Options::parse(command, words).map_err(Failure::Usage)?;
    if options.has("help") {
        return print(output, &usage(command));
    }
    let state = || endpoint.state("runtime");
    match command {
        "ps" => print(output, &list::ps(&state()?, &options)?),
        "pods" => print(output, &list::pods(&state()?, &options)?),
        "images" => print(output, &list::list_images(&endpoint.state("image")?, &options)?),
        "inspect" => print(output, &inspect::containers(&state()?, &options)?),
        "inspectp" => print(output, &inspect::sandboxes(&state()?, &options)?),
        "inspecti" => print(output, &inspect::images(&endpoint.state("image")?, &options)?),
        "info" => print(output, &inspect::info(&state()?, &options)?),
        "imagefsinfo" => print(output, &inspect::file_system(&endpoint.state("image")?, &options)?),
        "stats" => print(output, &stats::containers(&state()?, &options)?),
        "statsp" => print(output, &stats::sandboxes(&state()?, &options)?),
        "version" => {
            let runtime = release_of(&state()?).node.container_runtime.replace("://", "\nRuntimeVersion:  ");
            print(output, &format!("Version:  0.1.0\nRuntimeName:  {runtime}\nRuntimeApiVersion:  v1\n"))
        }
        _ => act::run(endpoint, command, &options, output),
    }
}

/// Says why, in the words and at the place where crictl says it; the exit status comes back.
fn tell(failure: &Failure, command: &str, output: &mut impl Write) -> i32 {
    match failure {
        Failure::Fatal(why) => log("fatal", why),
        Failure::Runtime(line, why) => {
            client_line(line);
            log("fatal", why);
        }
        Failure::Log(why) => {
            let now = jiff::Zoned::now().strftime("%Y/%m/%d %H:%M:%S").to_string();
            let _ = writeln!(io::stderr(), "{now} {why}");
        }
        Failure::Plain(why) => {
            let _ = writeln!(io::stderr(), "{why}");
        }
        Failure::Help => {
            let _ = print(output, &usage_with_subcommands(command));
            return 0;
        }
        Failure::Usage(why) => {
            let _ = print(output, &format!("Incorrect Usage: {why}\n\n{}", usage_with_subcommands(command)));
            log("fatal", why);
        }
        Failure::Silent(status) => return *status,
    }
    1
}

/// A line of the library that speaks to runtimes.
fn client_line(text: &str) {
    let line = klog::line(Severity::Error, jiff::Timestamp::now(), std::process::id(), "log.go:32", text);
    let _ = writeln!(io::stderr(), "{line}");
}

/// A line of logrus: coloured for a person, in pairs for anything else.
fn log(level: &str, message: &str) {
    use std::io::IsTerminal;
    let mut stderr = io::stderr();
    let _ = if stderr.is_terminal() {
        let (color, word) = match level {
            "fatal" => (31, "FATA"),
            "error" => (31, "ERRO"),
            "warning" => (33, "WARN"),
            _ => (36, "INFO"),
        };
        writeln!(stderr, "\x1b[{color}m{word}\x1b[0m[0000] {message:<44} ")
    } else {
        let now = jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().replace("+00:00", "Z");
        writeln!(stderr, "time=\"{now}\" level={level} msg={message:?}")
    };
}

fn usage(command: &str) -> String {
    args::help(command).unwrap_or_default().replace("{version}", release().node.crictl)
}

/// The help as it is shown of a command that was called wrongly.
fn usage_with_subcommands(command: &str) -> String {
    let help = usage(command);
    let (head, options) = help.split_once("\nOPTIONS:\n").unwrap_or((&help, ""));
    let head = head.replace("[command options]", "command [command options]");
    format!(
        "{head}\nCOMMANDS:\n   help, h  Shows a list of commands or help for one command\n\nOPTIONS:\n{options}"
    )
}

fn print(output: &mut impl Write, text: &str) -> Result<(), Failure> {
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string().into()),
        _ => Ok(()),
    }
}

/// A value in a format that is not a table.
fn formatted(value: &Value, format: &str) -> Result<String, String> {
    match format {
        "json" => Ok(format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default())),
        "yaml" => Ok(format!("{}\n", serde_yaml::to_string(value).unwrap_or_default())),
        other => Err(format!("unsupported output format {other:?}")),
    }
}

impl Endpoint {
    fn path(&self) -> &Path {
        &self.path
    }

    /// What runs on the node; `service` is `runtime` or `image`.
    fn state(&self, service: &str) -> Result<NodeState, Failure> {
        let mut answers =
            client::ask_at(&self.path, &Question::State).map_err(|e| self.unreachable(service, &e))?;
        answers
            .next_message()
            .and_then(|state| state.ok_or_else(|| io::ErrorKind::ConnectionReset.into()))
            .map_err(|e| self.unreachable(service, &e))
    }

    fn unreachable(&self, service: &str, error: &io::Error) -> Failure {
        let path = self.shown.strip_prefix("unix://");
        let why = match (error.kind(), path) {
            (_, None) => "unix: missing address".to_owned(),
            (io::ErrorKind::NotFound, Some(path)) => {
                format!("unix {path}: connect: no such file or directory")
            }
            (io::ErrorKind::PermissionDenied, Some(path)) => {
                format!("unix {path}: connect: permission denied")
            }
            (_, Some(path)) => format!("unix {path}: connect: connection refused"),
        };
        Failure::Fatal(format!(
            "validate service connection: validate CRI v1 {service} API for endpoint {:?}: rpc error: code = Unavailable desc = \
             connection error: desc = \"transport: Error while dialing: dial {why}\"",
            self.shown
        ))
    }
}

/// The release of this node; the default one where there is nobody to ask.
fn release() -> &'static Release {
    let state = client::ask_one(Whom::Manager, &Question::State);
    state.map_or_else(|_| default_release(), |state| release_of(&state))
}

/// The release of the node.
fn release_of(state: &NodeState) -> &'static Release {
    Release::find(&state.version).unwrap_or_else(default_release)
}

#[cfg(test)]
mod tests;
