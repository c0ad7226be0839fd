//! `crictl logs`, `exec`, `stop`, `rm`, `stopp`, `rmp` and `pull`.
//!
//! Upstream: `cmd/crictl/{logs,exec,container,sandbox,image}.go`.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::args::Options;
use super::{Endpoint, Failure, client_line, inspect, is_newer, list, log, print, release_of};
use crate::kubelet::runtime::images;
use crate::kubelet::runtime::logs::Entry;
use crate::kubelet::runtime::{Container, State};
use crate::kubelet::socket::{Done, NodeState, Question};

/// Runs one of the commands that do something.
pub fn run(
    endpoint: &Endpoint,
    command: &str,
    options: &Options,
    output: &mut impl Write,
) -> Result<(), Failure> {
    match command {
        "logs" => logs(endpoint, options),
        "exec" => exec(endpoint, options, output),
        "stop" => stop(endpoint, options, output),
        "rm" => remove(endpoint, options, output),
        "stopp" => stop_sandboxes(endpoint, options, output),
        "rmp" => remove_sandboxes(endpoint, options, output),
        "pull" => pull(endpoint, options, output),
        "start" | "attach" | "port-forward" | "rmi" => missing(endpoint, command, options),
        "update" | "checkpoint" if options.arguments.is_empty() => Err("ID cannot be empty".into()),
        "run" | "runp" | "create" if options.arguments.is_empty() => Err(Failure::Help),
        other => Err(format!("{other} is not emulated in this lab").into()),
    }
}

/// What the lab does not do to something that is there, and what the runtime says of something that is not.
fn missing(endpoint: &Endpoint, command: &str, options: &Options) -> Result<(), Failure> {
    let Some(id) = options.arguments.first() else {
        return Err(if ["rmi", "port-forward"].contains(&command) {
            Failure::Help
        } else {
            "ID cannot be empty".into()
        });
    };
    let state = endpoint.state("runtime")?;
    let not_emulated = || Failure::Fatal(format!("{command} is not emulated in this lab"));
    if command == "rmi" {
        let full = images::full_name(id);
        let wanted = id.strip_prefix("sha256:").unwrap_or(id);
        let is = |(name, hash, _): &(String, String, u64)| *name == full || hash.starts_with(wanted);
        if list::all_images(&state).iter().any(is) {
            return Err(not_emulated());
        }
        let why = format!("no such image {id}");
        if is_newer(endpoint.release) {
            return Err(why.into());
        }
        log("error", &why);
        return Err("unable to remove the image(s)".into());
    }
    let (call, key, why, said) = match command {
        "start" => (
            "StartContainer",
            "containerID",
            format!("an error occurred when try to find container {id:?}: not found"),
            format!("starting the container {id:?}"),
        ),
        "attach" => (
            "Attach container",
            "containerID",
            "failed to find container in store: not found".to_owned(),
            "attaching running container failed".to_owned(),
        ),
        _ => (
            "PortForward",
            "podSandboxID",
            format!("failed to find sandbox {id:?}: not found"),
            "port forward".to_owned(),
        ),
    };
    let is_there = match key {
        "podSandboxID" => inspect::find_sandbox(&state, id).is_ok(),
        _ => inspect::find(&state, id).is_ok(),
    };
    if is_there {
        return Err(not_emulated());
    }
    let why = format!("rpc error: code = NotFound desc = {why}");
    let line = format!("\"{call} from runtime service failed\" err={why:?} {key}={id:?}");
    Err(Failure::Runtime(line, format!("{said}: {why}")))
}

fn logs(endpoint: &Endpoint, options: &Options) -> Result<(), Failure> {
    let id = match options.arguments.as_slice() {
        [] => return Err("ID cannot be empty".into()),
        [id] => id,
        // Flags after the id, for example, which are arguments.
        _ => return Err(Failure::Help),
    };
    let tail = options.number("tail").map_err(Failure::Usage)?.and_then(|n| usize::try_from(n).ok());
    let state = endpoint.state("runtime")?;
    let container = inspect::find(&state, id).map_err(|why| {
        let line = format!("\"ContainerStatus from runtime service failed\" err={why:?} containerID={id:?}");
        Failure::Runtime(line, why)
    })?;
    let since = options.value("since").map(|text| since(text, state.now)).transpose()?;
    let container = if options.has("previous") {
        let earlier = |c: &&Container| {
            c.pod == container.pod && c.spec.name == container.spec.name && c.attempt + 1 == container.attempt
        };
        state
            .containers
            .iter()
            .find(earlier)
            .ok_or_else(|| format!("previous terminated container {} not found", container.spec.name))?
    } else {
        container
    };
    let question = Question::Logs { id: container.id.clone(), follow: options.has("follow"), tail, since };
    let mut answers = endpoint.ask("runtime", &question)?;
    let mut left =
        options.number("limit-bytes").map_err(Failure::Usage)?.filter(|n| *n >= 0).map(|n| n as usize);
    while let Some(entry) = answers.next_message::<Entry>().map_err(|e| e.to_string())? {
        let mut line = if options.has("timestamps") {
            format!("{:.9} {}\n", entry.at, entry.text)
        } else {
            format!("{}\n", entry.text)
        };
        if let Some(left) = &mut left {
            let mut end = line.len().min(*left);
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            line.truncate(end);
            *left -= end;
        }
        if entry.stderr {
            print(&mut io::stderr().lock(), &line)?;
        } else {
            print(&mut io::stdout(), &line)?;
        }
        if left == Some(0) {
            break;
        }
    }
    Ok(())
}

/// A time, or how long ago it was: `5s`, `2m`, `1h30m`.
fn since(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let wrong = || format!("failed to parse value as time or duration: {text:?}");
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    if let Ok(at) = text.parse::<jiff::civil::DateTime>() {
        return at.to_zoned(jiff::tz::TimeZone::UTC).map(|z| z.timestamp()).map_err(|_| wrong());
    }
    let (mut seconds, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        seconds += number
            * match &rest[digits..end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                _ => return Err(wrong()),
            };
        rest = &rest[end..];
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Ok(now - SignedDuration::from_millis((seconds * 1000.0) as i64))
    }
}

fn exec(endpoint: &Endpoint, options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let Some((id, command)) = options.arguments.split_first().filter(|(_, command)| !command.is_empty())
    else {
        return Err(Failure::Help);
    };
    let state = endpoint.state("runtime")?;
    // At once, or by way of a stream: two calls of the runtime, each with words of its own.
    let named = if is_newer(endpoint.release) { format!(" {id}") } else { String::new() };
    let (call, said, inner) = match options.has("sync") {
        true => {
            let said = format!("execing command in container{named} synchronously");
            ("ExecSync", said, "failed to exec in container: ")
        }
        false => ("Exec", format!("execing command in container{named}"), ""),
    };
    let failed = |why: &str| Failure::Fatal(format!("{said}: {why}"));
    let Ok(container) = inspect::find(&state, id) else {
        let why = format!(
            "rpc error: code = NotFound desc = {inner}failed to find container {id:?} in store: not found"
        );
        let words = serde_json::to_string(command).unwrap_or_default();
        let line =
            format!("\"{call} cmd from runtime service failed\" err={why:?} containerID={id:?} cmd={words}");
        return Err(Failure::Runtime(line, format!("{said}: {why}")));
    };
    if container.state != State::Running {
        let word = list::state_word(container.state).to_uppercase();
        return Err(failed(&format!(
            "rpc error: code = Unknown desc = container is in CONTAINER_{word} state"
        )));
    }
    if options.has("tty") && options.has("interactive") && !io::IsTerminal::is_terminal(&io::stdin()) {
        return Err(failed("input is not a terminal"));
    }
    match images::output_of(&container.spec.image, command, release_of(&state)) {
        images::Exec::Prints(text) => print(output, &text),
        images::Exec::Etcdctl(words) => {
            output.flush().map_err(|e| e.to_string())?;
            match crate::kubelet::tools::etcdctl::main(words.into_iter().map(Into::into).collect()) {
                0 => Ok(()),
                status => {
                    log("fatal", &format!("{said}: command terminated with exit code {status}"));
                    Err(Failure::Silent(1))
                }
            }
        }
        images::Exec::Missing => Err(failed(&format!(
            "Internal error occurred: error executing command in container: failed to exec in container: failed to start exec \
             {:?}: OCI runtime exec failed: exec failed: unable to start container process: exec: {:?}: executable file not \
             found in $PATH: unknown",
            crate::kubelet::runtime::new_id(),
            command[0]
        ))),
        images::Exec::NotHere => Err(failed(
            "the lab runs no programs in this container: only what the cluster sees of it is emulated",
        )),
    }
}

/// Has the node do something; its error is the runtime's.
fn act(endpoint: &Endpoint, what: &str, id: &str, seconds: i64) -> Result<(), Failure> {
    let question =
        Question::Act { what: what.into(), id: id.into(), seconds: u64::try_from(seconds).unwrap_or(0) };
    let mut answers = endpoint.ask("runtime", &question)?;
    match answers.next_message::<Done>() {
        Ok(Some(Done { error: None })) => Ok(()),
        Ok(Some(Done { error: Some(why) })) => Err(why.into()),
        _ => Err(endpoint.unreachable("runtime", &io::ErrorKind::ConnectionReset.into())),
    }
}

fn stop(endpoint: &Endpoint, options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    if options.arguments.is_empty() && is_newer(endpoint.release) {
        return Err(Failure::Plain("you must specify at least one CONTAINER-ID or use --all".into()));
    }
    if options.arguments.is_empty() {
        return Err("ID cannot be empty".into());
    }
    let seconds = options.number("timeout").map_err(Failure::Usage)?.unwrap_or(0);
    let state = endpoint.state("runtime")?;
    for id in &options.arguments {
        let container = inspect::find(&state, id).map_err(|why| {
            let line =
                format!("\"StopContainer from runtime service failed\" err={why:?} containerID={id:?}");
            Failure::Runtime(line, format!("stopping the container {id:?}: {why}"))
        })?;
        act(endpoint, "stop", &container.id, seconds)?;
        print(output, &format!("{id}\n"))?;
    }
    Ok(())
}

/// The ids that are meant: those of the command line, or with `--all` all that there are.
fn named<'a>(options: &Options, all: impl Iterator<Item = &'a String>) -> Vec<String> {
    if options.has("all") { all.cloned().collect() } else { options.arguments.clone() }
}

fn remove(endpoint: &Endpoint, options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let state = endpoint.state("runtime")?;
    let ids = named(options, state.containers.iter().map(|c| &c.id));
    if ids.is_empty() && options.has("all") {
        log("info", "No containers to remove");
        return Ok(());
    }
    if ids.is_empty() {
        return Err(Failure::Help);
    }
    let mut failed = Vec::new();
    for id in &ids {
        match removable(&state, id, options) {
            Ok(container) => {
                if container.state != State::Exited {
                    act(endpoint, "stop", &container.id, 0)?;
                }
                act(endpoint, "rm", &container.id, 0)?;
                print(output, &format!("{id}\n"))?;
            }
            Err(why) => failed.push(why),
        }
    }
    match (failed.is_empty(), is_newer(endpoint.release)) {
        (true, _) => Ok(()),
        (_, true) => Err(together(failed)),
        (_, false) => {
            failed.iter().for_each(|why| log("error", why));
            Err("unable to remove container(s)".into())
        }
    }
}

/// Several failures in one, as Kubernetes' libraries aggregate them.
fn together(mut failed: Vec<String>) -> Failure {
    if failed.len() == 1 { failed.remove(0).into() } else { format!("[{}]", failed.join(", ")).into() }
}

fn removable<'a>(state: &'a NodeState, id: &str, options: &Options) -> Result<&'a Container, String> {
    let container = inspect::find(state, id).inspect_err(|why| {
        let line = format!("\"ContainerStatus from runtime service failed\" err={why:?} containerID={id:?}");
        client_line(release_of(state), &line);
    });
    let container = container.map_err(|why| match is_newer(release_of(state)) {
        true => format!("getting container status {id:?}: {why}"),
        false => why,
    })?;
    if container.state == State::Running && !options.has("force") {
        return Err(format!("container {id:?} is running, please stop it first"));
    }
    Ok(container)
}

fn stop_sandboxes(endpoint: &Endpoint, options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    if options.arguments.is_empty() {
        return Err(Failure::Help);
    }
    let state = endpoint.state("runtime")?;
    for id in &options.arguments {
        let Ok(sandbox) = inspect::find_sandbox(&state, id) else {
            let why = format!(
                "rpc error: code = NotFound desc = an error occurred when try to find sandbox {id:?}: not found"
            );
            let line =
                format!("\"StopPodSandbox from runtime service failed\" err={why:?} podSandboxID={id:?}");
            return Err(Failure::Runtime(line, format!("stopping the pod sandbox {id:?}: {why}")));
        };
        act(endpoint, "stopp", &sandbox.id, 0)?;
        print(output, &format!("Stopped sandbox {id}\n"))?;
    }
    Ok(())
}

fn remove_sandboxes(endpoint: &Endpoint, options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let state = endpoint.state("runtime")?;
    let ids = named(options, state.sandboxes.iter().map(|s| &s.id));
    if ids.is_empty() {
        return Err(Failure::Help);
    }
    let mut failed = Vec::new();
    for id in &ids {
        match inspect::find_sandbox(&state, id) {
            Err(why) => failed.push(format!("getting sandbox status of pod {id:?}: {why}")),
            Ok(sandbox) if sandbox.ready && !options.has("force") => {
                failed.push(format!("pod sandbox {id:?} is running, please stop it first"));
            }
            Ok(sandbox) => {
                act(endpoint, "stopp", &sandbox.id, 0)?;
                act(endpoint, "rmp", &sandbox.id, 0)?;
                print(output, &format!("Removed sandbox {id}\n"))?;
            }
        }
    }
    match (failed.is_empty(), is_newer(endpoint.release)) {
        (true, _) => Ok(()),
        (_, true) => Err(together(failed)),
        (_, false) => Err(Failure::Plain(failed.join("\n"))),
    }
}

fn pull(endpoint: &Endpoint, options: &Options, output: &mut impl Write) -> Result<(), Failure> {
    let Some(image) = options.arguments.first() else { return Err("image name cannot be empty".into()) };
    let state = endpoint.state("image")?;
    match images::pull(image, release_of(&state)) {
        Ok(()) => print(
            output,
            &format!("Image is up to date for sha256:{}\n", images::id(&images::full_name(image))),
        ),
        Err(why) => {
            let line = format!("\"PullImage from image service failed\" err={why:?} image={image:?}");
            let why = why.split_once("desc = ").map_or(why.as_str(), |(_, why)| why).to_owned();
            Err(Failure::Runtime(line, format!("pulling image: {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_stamps_or_durations() {
        let now: Timestamp = "2026-11-24T07:30:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-11-24T07:21:56Z", "2026-11-24T07:21:56Z"),
            ("2026-11-24T07:21:56", "2026-11-24T07:21:56Z"),
            ("10s", "2026-11-24T07:29:50Z"),
            ("1h30m", "2026-11-24T06:00:00Z"),
        ] {
            assert_eq!(since(text, now).unwrap().to_string(), expected, "{text}");
        }
        for text in ["x", "", "5", "5d"] {
            assert_eq!(
                since(text, now).unwrap_err(),
                format!("failed to parse value as time or duration: {text:?}")
            );
        }
    }
}
