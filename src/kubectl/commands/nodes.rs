//! `kubectl taint`, `cordon` and `uncordon`.

use http::Method;
use serde_json::{Value, json};

use super::{DryRun, change_query, labels, report};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain, usage};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Info, Narrow};
use crate::kubectl::{Session, merge, out, with_query};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Reads `KEY=VALUE:EFFECT`, `KEY:EFFECT` and `KEY[:EFFECT]-`.
fn parse(specs: &[String]) -> Result<(Vec<Value>, Vec<Value>)> {
    let (mut add, mut remove): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for spec in specs {
        let bare = spec.strip_suffix('-');
        let text = bare.unwrap_or(spec);
        let (pair, effect) = match text.split(':').collect::<Vec<_>>().as_slice() {
            [pair] => (*pair, ""),
            [pair, effect] => (*pair, *effect),
            _ => return plain(format!("invalid taint spec: {text}")),
        };
        if !effect.is_empty() && !EFFECTS.contains(&effect) {
            return plain(format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
        let (key, value) = match pair.split('=').collect::<Vec<_>>().as_slice() {
            _ if effect.is_empty() => (pair, ""),
            [key] => (*key, ""),
            [key, value] => (*key, *value),
            _ => return plain(format!("invalid taint spec: {text}")),
        };
        let mut problems = labels::value_problems(value);
        problems.extend(labels::name_problems(key));
        if !problems.is_empty() {
            return plain(format!("invalid taint spec: {text}, {}", problems.join("; ")));
        }
        let mut taint = json!({"key": key});
        if !value.is_empty() {
            taint["value"] = json!(value);
        }
        if !effect.is_empty() {
            taint["effect"] = json!(effect);
        }
        if bare.is_some() {
            remove.push(taint);
        } else if effect.is_empty() {
            return plain(format!("invalid taint spec: {spec}"));
        } else if add.iter().any(|t| same(t, &taint)) {
            return plain("duplicated taints with the same key and effect: ".to_owned() + spec);
        } else {
            add.push(taint);
        }
    }
    Ok((add, remove))
}

fn same(a: &Value, b: &Value) -> bool {
    a["key"] == b["key"] && a["effect"] == b["effect"]
}

/// Runs `taint`.
pub async fn taint(session: &mut Session) -> Result<()> {
    let dry_run = DryRun::read(&session.args)?;
    let (resources, pairs) = taint_words(&session.args.rest.clone())?;
    if resources.is_empty() {
        return plain("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if pairs.is_empty() {
        return plain("at least one taint update is required");
    }
    let (add, remove) = parse(&pairs).or_else(|fail| usage("taint", fail.message()))?;
    if !session.resolve(resources[0].split('/').next().unwrap_or_default()).await?.name.eq("nodes") {
        return plain(format!("invalid resource type {}, only node types are supported", resources[0]));
    }
    let narrow = Narrow::read(session);
    let (infos, mut fails) = select::infos(session, &resources, &narrow).await?;
    for info in infos {
        if let Err(fail) = taint_one(session, info, &add, &remove, dry_run).await {
            fails.push(fail);
        }
    }
    Fail::collect(fails)
}

/// A taint is a word with `=`, with `:`, or with a last `-`.
fn taint_words(words: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let at = words.iter().position(|w| w.contains(['=', ':']) || w.ends_with('-')).unwrap_or(words.len());
    let (resources, pairs) = words.split_at(at);
    match pairs.iter().find(|w| !(w.contains(['=', ':']) || w.ends_with('-'))) {
        Some(late) => plain(format!("all resources must be specified before taint changes: {late}")),
        None => Ok((resources.to_vec(), pairs.to_vec())),
    }
}

async fn taint_one(
    session: &Session,
    mut info: Info,
    add: &[Value],
    remove: &[Value],
    dry_run: DryRun,
) -> Result<()> {
    let before = info.object.clone();
    let have = before["spec"]["taints"].as_array().cloned().unwrap_or_default();
    if !session.args.is("overwrite") {
        let held: Vec<String> = add
            .iter()
            .filter(|t| have.iter().any(|h| same(h, t)))
            .map(|t| {
                format!(
                    "{}:{}",
                    t["key"].as_str().unwrap_or_default(),
                    t["effect"].as_str().unwrap_or_default()
                )
            })
            .collect();
        if !held.is_empty() {
            let what: String = held
                .iter()
                .map(|h| {
                    format!(
                        "\nnode {} already has {} taint(s) with same effect(s) and --overwrite is false",
                        info.name,
                        h.split(':').next().unwrap_or_default()
                    )
                })
                .collect();
            return plain(what.trim_start().to_owned());
        }
    }
    let gone = |taint: &Value| {
        remove
            .iter()
            .any(|r| r["key"] == taint["key"] && (r["effect"].is_null() || r["effect"] == taint["effect"]))
    };
    if let Some(absent) = remove.iter().find(|r| {
        !have.iter().any(|h| r["key"] == h["key"] && (r["effect"].is_null() || r["effect"] == h["effect"]))
    }) {
        let key = absent["key"].as_str().unwrap_or_default();
        let effect = absent["effect"].as_str().map(|e| format!(":{e}")).unwrap_or_default();
        return plain(format!("taint \"{key}{effect}\" not found"));
    }
    let mut after: Vec<Value> = add.to_vec();
    after.extend(have.iter().filter(|h| !add.iter().any(|a| same(a, h)) && !gone(h)).cloned());
    if after.is_empty() {
        if let Some(spec) = info.object["spec"].as_object_mut() {
            spec.remove("taints");
        }
    } else {
        info.object["spec"]["taints"] = Value::Array(after);
    }
    let done = match (add.is_empty(), remove.is_empty()) {
        _ if session.args.is("overwrite") => "modified",
        (true, _) => "untainted",
        (false, true) => "tainted",
        (false, false) => "modified",
    };
    if dry_run != DryRun::Client {
        info.object = send(session, &info, &before, "kubectl-taint", dry_run).await?;
    }
    report(session, &info, done, dry_run)
}

async fn send(
    session: &Session,
    info: &Info,
    before: &Value,
    manager: &str,
    dry_run: DryRun,
) -> Result<Value> {
    let patch = merge::two_way(before, &info.object);
    let query = change_query(session, manager, dry_run, false)?;
    let body = Some((media::STRATEGIC_PATCH, compact(&patch).into_bytes()));
    session.client()?.json(Method::PATCH, &with_query(&info.path(), &query), media::JSON, body).await
}

/// Runs `cordon` (`true`) or `uncordon`.
pub async fn cordon(session: &mut Session, unschedulable: bool) -> Result<()> {
    let command = session.args.command.clone();
    let dry_run = DryRun::read(&session.args)?;
    let names = session.args.rest.clone();
    let narrow = Narrow::read(session);
    if names.is_empty() && narrow.labels.is_none() {
        return usage(&command, format!("USAGE: {command} NODE [flags]"));
    }
    if !names.is_empty() && narrow.labels.is_some() {
        return plain("error: cannot specify both a node name and a --selector option");
    }
    let words: Vec<String> = if names.iter().any(|n| n.contains('/')) {
        names
    } else {
        std::iter::once("nodes".to_owned()).chain(names).collect()
    };
    let (infos, mut fails) = select::infos(session, &words, &narrow).await?;
    let word = if unschedulable { "cordoned" } else { "uncordoned" };
    for mut info in infos {
        if info.object["spec"]["unschedulable"].as_bool().unwrap_or(false) == unschedulable {
            out::say(&format!("{} already {word}{}\n", info.shown(), dry_run.suffix()));
            continue;
        }
        let before = info.object.clone();
        info.object["spec"]["unschedulable"] = if unschedulable { json!(true) } else { Value::Null };
        if !unschedulable && let Some(spec) = info.object["spec"].as_object_mut() {
            spec.remove("unschedulable");
        }
        if dry_run != DryRun::Client {
            match send(session, &info, &before, "kubectl", dry_run).await {
                Ok(object) => info.object = object,
                Err(fail) => {
                    out::say_err(&format!(
                        "error: unable to {command} node \"{}\": {}\n",
                        info.name,
                        fail.message()
                    ));
                    fails.push(Fail::Exit(1));
                    continue;
                }
            }
        }
        report(session, &info, word, dry_run)?;
    }
    match fails.iter().find(|f| **f != Fail::Exit(1)) {
        None if fails.is_empty() => Ok(()),
        None => Err(Fail::Exit(1)),
        Some(_) => Fail::collect(fails.into_iter().filter(|f| *f != Fail::Exit(1)).collect()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn taints() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let (add, remove) = parse(&words("a=b:NoSchedule c:NoExecute d- e:NoSchedule-")).unwrap();
        assert_eq!(
            add,
            [
                json!({"key": "a", "value": "b", "effect": "NoSchedule"}),
                json!({"key": "c", "effect": "NoExecute"})
            ]
        );
        assert_eq!(remove, [json!({"key": "d"}), json!({"key": "e", "effect": "NoSchedule"})]);
        for bad in ["a=b", "a=b:Nope", "a:b:c"] {
            assert!(parse(&words(bad)).is_err(), "{bad}");
        }
        assert_eq!(taint_words(&words("node n k:NoSchedule")).unwrap().0, words("node n"));
    }
}
