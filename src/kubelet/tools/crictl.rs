//! crictl: what runs on this node, its logs, and ending it.
//!
//! Columns, texts and exit codes are those of `kubernetes-sigs/cri-tools`, recorded on a kubeadm node with containerd.
//!
//! | file | what it does |
//! |---|---|
//! | [`args`] | the command line, by the help of each command |
//! | [`config`] | endpoints and other settings |
//! | [`json`] | JSON and YAML |
//! | [`list`] | `ps`, `pods`, `images` |
//! | [`inspect`] | `inspect`, `inspectp`, `inspecti`, `info`, `imagefsinfo` |
//! | [`stats`] | `stats`, `statsp` |
//! | [`act`] | `logs`, `exec`, `stop`, `rm`, `stopp`, `rmp`, `pull` |
//! | [`facts`] | labels, annotations and mounts of what runs |

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use self::args::Options;
use super::client::{self, Whom};
use crate::klog::{self, Severity};
use crate::kubelet::socket::{NodeState, Question};
use crate::release::{Release, default_release};

mod act;
mod args;
mod config;
mod facts;
mod inspect;
mod json;
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

/// Where crictl looks for the runtime, and of which release it is.
pub(super) struct Endpoint {
    runtime: String,
    image: String,
    /// The node's release.
    release: &'static Release,
    global: config::Global,
}

/// Runs crictl; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let mut output = io::stdout().lock();
    let release = release();
    let (command, rest, endpoint) = match global(&words, release) {
        Ok(found) => found,
        Err(done) => return done,
    };
    match run(&endpoint, &command, &rest, &mut output) {
        Ok(()) => 0,
        Err(failure) => tell(&failure, &command, release, &mut output),
    }
}

/// Reads crictl's own flags: the command, its words, the endpoint; or the exit status where there is no command to run.
fn global(words: &[String], release: &'static Release) -> Result<(String, Vec<String>, Endpoint), i32> {
    let options = Options::parse(release.node.crictl_help, "", words)
        .and_then(|options| options.duration("timeout").map(|()| options))
        .map_err(|why| {
            let _ = write!(io::stdout(), "Incorrect Usage: {why}\n\n{}", usage(release, ""));
            log("fatal", &why);
            1
        })?;
    if options.has("version") {
        let _ = writeln!(io::stdout(), "crictl version {}", release.node.crictl);
        return Err(0);
    }
    if options.has("help") {
        let _ = io::stdout().write_all(usage(release, "").as_bytes());
        return Err(0);
    }
    let newer = is_newer(release);
    let settings = config::read_settings(&options, newer)
        .map_err(|failure| tell(&failure, "", release, &mut io::stdout()))?;
    let of = |service| config::endpoint(&options, &settings, service);
    let endpoint = Endpoint { runtime: of("runtime"), image: of("image"), release, global: settings };
    let mut arguments = options.arguments.iter();
    let first = arguments.next().map_or("", String::as_str);
    let command = args::command(first).to_owned();
    let rest: Vec<String> = arguments.cloned().collect();
    if first.is_empty() {
        let _ = io::stdout().write_all(usage(release, "").as_bytes());
        return Err(0);
    }
    if command == "help" {
        let about = rest.first().map_or("", |name| args::command(name));
        return Err(match args::help(release.node.crictl_help, about) {
            Some(_) => i32::from(io::stdout().write_all(usage(release, about).as_bytes()).is_err()),
            None => no_help(about),
        });
    }
    if args::help(release.node.crictl_help, &command).is_none() {
        return Err(no_help(first));
    }
    Ok((command, rest, endpoint))
}

fn no_help(name: &str) -> i32 {
    let _ = writeln!(io::stderr(), "No help topic for '{name}'");
    3
}

/// Commands that show their help where they are given an argument.
const TAKES_NOTHING: [&str; 4] = ["ps", "version", "info", "events"];

/// Whether this is the crictl of 1.32 or later, which tells namespaces, takes other sentences, and knows more fields.
fn is_newer(release: &Release) -> bool {
    release.node.crictl_shows_namespace
}

fn run(endpoint: &Endpoint, command: &str, words: &[String], output: &mut impl Write) -> Result<(), Failure> {
    let release = endpoint.release;
    let options = Options::parse(release.node.crictl_help, command, words).map_err(Failure::Usage)?;
    if options.has("help") || options.arguments.first().is_some_and(|word| word == "help" || word == "h") {
        return print(output, &usage(release, command));
    }
    if TAKES_NOTHING.contains(&command) && !options.arguments.is_empty() {
        return Err(Failure::Help);
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
        "stats" | "statsp" => {
            let look = || {
                let (state, at) = (state()?, std::time::Instant::now());
                let server = endpoint.ask("runtime", &Question::Used)?.next_message().unwrap_or_default();
                Ok(stats::Look { state, server: server.flatten(), at })
            };
            let mut print = |text: &str| print(output, text);
            match command {
                "stats" => stats::containers(&look, &options, &mut print),
                _ => stats::sandboxes(&look, &options, &mut print),
            }
        }
        "config" => print(output, &config::config(&endpoint.global, &options, is_newer(release))?),
        "version" => {
            let runtime = release_of(&state()?).node.container_runtime.replace("://", "\nRuntimeVersion:  ");
            print(output, &format!("Version:  0.1.0\nRuntimeName:  {runtime}\nRuntimeApiVersion:  v1\n"))
        }
        _ => act::run(endpoint, command, &options, output),
    }
}

/// Says why, in the words and at the place where crictl says it; the exit status comes back.
fn tell(failure: &Failure, command: &str, release: &Release, output: &mut impl Write) -> i32 {
    match failure {
        Failure::Fatal(why) => log("fatal", why),
        Failure::Runtime(line, why) => {
            client_line(release, line);
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
            let _ = print(output, &usage_with_subcommands(release, command));
            return 0;
        }
        Failure::Usage(why) => {
            let _ = print(
                output,
                &format!("Incorrect Usage: {why}\n\n{}", usage_with_subcommands(release, command)),
            );
            log("fatal", why);
        }
        Failure::Silent(status) => return *status,
    }
    1
}

/// A line of the library that speaks to runtimes.
fn client_line(release: &Release, text: &str) {
    let calls = release.node.crictl_calls.iter();
    let place =
        calls.clone().find(|(call, _)| text[1..].starts_with(call)).map_or("log.go:32", |(_, place)| place);
    let line = klog::line(Severity::Error, jiff::Timestamp::now(), std::process::id(), place, text);
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

fn usage(release: &Release, command: &str) -> String {
    let help = args::help(release.node.crictl_help, command).unwrap_or_default();
    help.replace("{version}", release.node.crictl)
}

/// The help as it is shown of a command that was called wrongly.
fn usage_with_subcommands(release: &Release, command: &str) -> String {
    let help = usage(release, command);
    if help.contains("\nCOMMANDS:\n") {
        return help;
    }
    let (head, options) = help.split_once("\nOPTIONS:\n").unwrap_or((&help, ""));
    let head = match is_newer(release) {
        true => head.to_owned(),
        false => head.replace("[command options]", "command [command options]"),
    };
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

impl Endpoint {
    /// Where a service, `runtime` or `image`, is on this node.
    fn path(&self, service: &str) -> Result<PathBuf, Failure> {
        let shown = self.shown(service);
        match shown {
            config::CONTAINERD | "unix:///var/run/containerd/containerd.sock" => {
                Ok(client::socket_path(Whom::Runtime))
            }
            other if other.contains("://") && !other.starts_with("unix://") => {
                Err("only support unix socket endpoint".into())
            }
            other => {
                let path = other.strip_prefix("unix://").unwrap_or(other);
                let containerd = ["/run/containerd/containerd.sock", "/var/run/containerd/containerd.sock"];
                Ok(if containerd.contains(&path) { client::socket_path(Whom::Runtime) } else { path.into() })
            }
        }
    }

    fn shown(&self, service: &str) -> &str {
        let endpoint = if service == "image" { &self.image } else { &self.runtime };
        if endpoint.is_empty() { config::CONTAINERD } else { endpoint }
    }

    /// What runs on the node; `service` is `runtime` or `image`.
    fn state(&self, service: &str) -> Result<NodeState, Failure> {
        let given = if service == "image" { &self.image } else { &self.runtime };
        if given.is_empty() {
            let head = if service == "image" && is_newer(self.release) { "Image" } else { service };
            log(
                "warning",
                &format!(
                    "{head} connect using default endpoints: [{} unix:///run/crio/crio.sock unix:///var/run/cri-dockerd.sock]. \
                     As the default settings are now deprecated, you should set the endpoint instead.",
                    config::CONTAINERD
                ),
            );
        }
        let mut answers = self.ask(service, &Question::State)?;
        answers
            .next_message()
            .and_then(|state| state.ok_or_else(|| io::ErrorKind::ConnectionReset.into()))
            .map_err(|e| self.unreachable(service, &e))
    }

    /// Asks the runtime.
    fn ask(&self, service: &str, question: &Question) -> Result<client::Answers, Failure> {
        client::ask_at(&self.path(service)?, question).map_err(|e| self.unreachable(service, &e))
    }

    fn unreachable(&self, service: &str, error: &io::Error) -> Failure {
        let shown = self.shown(service);
        let path = shown.strip_prefix("unix://").unwrap_or(shown);
        let why = match error.kind() {
            _ if !path.starts_with('/') && is_newer(self.release) => {
                "dns resolver: missing address".to_owned()
            }
            _ if !path.starts_with('/') => dialing("dial unix: missing address"),
            io::ErrorKind::NotFound => {
                dialing(&format!("dial unix {path}: connect: no such file or directory"))
            }
            io::ErrorKind::PermissionDenied => {
                dialing(&format!("dial unix {path}: connect: permission denied"))
            }
            _ => dialing(&format!("dial unix {path}: connect: connection refused")),
        };
        Failure::Fatal(format!(
            "validate service connection: validate CRI v1 {service} API for endpoint {shown:?}: rpc error: code = Unavailable desc = {why}"
        ))
    }
}

fn dialing(why: &str) -> String {
    format!("connection error: desc = \"transport: Error while dialing: {why}\"")
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
