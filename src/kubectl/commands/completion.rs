//! Completion: the script for bash, and the answers it asks this program for.

use super::COMMANDS;
use crate::kubectl::args::{Args, GLOBAL, command_at};
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::select::{self, Narrow};
use crate::kubectl::{Session, out};

/// The script: it asks `kubectl __complete WORDS...` and works without the bash-completion package. It completes
/// `k` too, once `complete -o default -F __start_kubectl k` says so.
pub const BASH: &str = include_str!("../../../assets/node/kubectl-completion.bash");

/// Runs `completion`.
pub fn script(session: &Session) -> Result<()> {
    match session.args.rest.as_slice() {
        [shell] if shell == "bash" => {
            out::say(BASH);
            Ok(())
        }
        [] => plain("Shell not specified.\nSee 'kubectl completion -h' for help and examples"),
        [shell] => plain(format!(
            "Unsupported shell type \"{shell}\".\nSee 'kubectl completion -h' for help and examples"
        )),
        _ => plain(
            "Too many arguments. Expected only the shell type.\nSee 'kubectl completion -h' for help and examples",
        ),
    }
}

/// Answers `__complete WORDS... LAST`: one candidate a line, then `:4`, which says to complete no files.
pub async fn complete(words: &[String]) -> Result<()> {
    let (last, before) = match words.split_last() {
        Some((last, before)) => (last.clone(), before.to_vec()),
        None => (String::new(), Vec::new()),
    };
    let mut found = candidates(&before, &last).await.unwrap_or_default();
    found.retain(|c| c.starts_with(&last));
    found.sort();
    found.dedup();
    let directive = if found.is_empty() && wants_file(&before) { 0 } else { 4 };
    out::say(&(found.iter().map(|c| format!("{c}\n")).collect::<String>() + &format!(":{directive}\n")));
    Ok(())
}

fn wants_file(before: &[String]) -> bool {
    before.last().is_some_and(|w| ["-f", "--filename", "--kubeconfig", "-k"].contains(&w.as_str()))
}

async fn candidates(before: &[String], last: &str) -> Result<Vec<String>> {
    let Some(at) = command_at(before) else {
        if last.starts_with('-') {
            return Ok(flag_names(&[GLOBAL]));
        }
        return Ok(COMMANDS.iter().filter_map(|c| c.name.split(' ').next().map(str::to_owned)).collect());
    };
    let mut name = before[at].clone();
    let mut rest: Vec<String> =
        before.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, w)| w.clone()).collect();
    if super::is_family(&name) {
        let Some(sub) = command_at(&before[at + 1..]).map(|i| i + at + 1) else {
            return Ok(COMMANDS
                .iter()
                .filter_map(|c| c.name.strip_prefix(&format!("{name} ")).map(str::to_owned))
                .collect());
        };
        name = format!("{name} {}", before[sub]);
        rest = before
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != at && *i != sub)
            .map(|(_, w)| w.clone())
            .collect();
    }
    let Some(command) = super::find(&name) else { return Ok(Vec::new()) };
    if last.starts_with('-') {
        return Ok(flag_names(&[command.flags, &[GLOBAL]].concat()));
    }
    if let Some(flag) = rest.last().filter(|w| w.starts_with('-') && !w.contains('=')).cloned() {
        // The value of a flag, when the flag takes one.
        let bare = Args::parse(command.name, &command.flags.join(" "), &rest);
        if matches!(&bare, Err(Fail::Plain(text)) if text.starts_with("flag needs")) {
            rest.pop();
            let args = Args::parse(command.name, &command.flags.join(" "), &rest)?;
            return flag_values(&mut Session::new(args), &flag).await;
        }
    }
    let args = Args::parse(command.name, &command.flags.join(" "), &rest)?;
    let mut session = Session::new(args);
    operands(&mut session, command.name, last).await
}

fn flag_names(specs: &[&str]) -> Vec<String> {
    specs
        .iter()
        .flat_map(|s| s.split_whitespace())
        .map(|word| {
            let name = word.split(['/', '?', '=']).next().unwrap_or(word);
            if word.ends_with('=') { format!("--{name}=") } else { format!("--{name}") }
        })
        .collect()
}

async fn flag_values(session: &mut Session, flag: &str) -> Result<Vec<String>> {
    Ok(match flag {
        "-n" | "--namespace" => names(session, "namespaces").await?,
        "-o" | "--output" => {
            ["json", "yaml", "name", "wide", "jsonpath=", "custom-columns="].map(str::to_owned).to_vec()
        }
        "--context" => config_names(session, "contexts")?,
        "--cluster" => config_names(session, "clusters")?,
        "--user" => config_names(session, "users")?,
        "--type" => ["json", "merge", "strategic"].map(str::to_owned).to_vec(),
        _ => Vec::new(),
    })
}

fn config_names(session: &Session, list: &str) -> Result<Vec<String>> {
    let config = session.config()?;
    Ok(config.content[list]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|e| e["name"].as_str().map(str::to_owned))
        .collect())
}

async fn operands(session: &mut Session, command: &str, last: &str) -> Result<Vec<String>> {
    const TYPED: &[&str] =
        &["get", "label", "annotate", "describe", "delete", "patch", "edit", "wait", "explain", "taint"];
    let have = session.args.rest.clone();
    match command {
        "cordon" | "uncordon" => names(session, "nodes").await,
        "logs" if have.is_empty() => names(session, "pods").await,
        "config use-context" | "config set-context" | "config delete-context" => {
            config_names(session, "contexts")
        }
        "completion" => Ok(vec!["bash".into()]),
        "create" if have.is_empty() => Ok([
            "namespace",
            "configmap",
            "secret",
            "serviceaccount",
            "role",
            "rolebinding",
            "clusterrole",
            "clusterrolebinding",
            "deployment",
            "token",
        ]
        .map(str::to_owned)
        .to_vec()),
        "create" if have[0] == "token" => names(session, "serviceaccounts").await,
        _ if !TYPED.contains(&command) => Ok(Vec::new()),
        "taint" if have.is_empty() => Ok(vec!["node".into()]),
        _ if have.is_empty() && last.contains('/') => {
            let kind = last.split('/').next().unwrap_or_default().to_owned();
            Ok(names(session, &kind).await?.into_iter().map(|n| format!("{kind}/{n}")).collect())
        }
        _ if have.is_empty() => Ok(session
            .discovery()
            .await?
            .resources
            .iter()
            .filter(|r| r.preferred && r.verbs.iter().any(|v| v == "get"))
            .map(super::super::discovery::Resource::qualified)
            .collect()),
        "explain" => Ok(Vec::new()),
        _ if have[0].contains('/') => Ok(Vec::new()),
        _ => {
            let found = names(session, &have[0]).await?;
            Ok(found.into_iter().filter(|n| !have[1..].contains(n)).collect())
        }
    }
}

async fn names(session: &mut Session, kind: &str) -> Result<Vec<String>> {
    let resource = session.resolve(kind).await?;
    let items = select::list(session, &resource, &Narrow::default()).await?;
    Ok(items.iter().filter_map(|i| i["metadata"]["name"].as_str().map(str::to_owned)).collect())
}
