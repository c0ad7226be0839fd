//! `kubectl label` and `kubectl annotate`: the same work on two maps.

use http::Method;
use serde_json::{Map, Value, json};

use super::{DryRun, change_query};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::printer::{Format, compact};
use crate::kubectl::select::{self, Info, Narrow};
use crate::kubectl::{Session, merge, out, with_query};

/// What differs between the two commands.
pub struct Words {
    field: &'static str,
    done: &'static str,
    nothing: &'static str,
    undone: &'static str,
}

/// `kubectl label`.
pub const LABELS: Words =
    Words { field: "labels", done: "labeled", nothing: "not labeled", undone: "unlabeled" };
/// `kubectl annotate`.
pub const ANNOTATIONS: Words =
    Words { field: "annotations", done: "annotated", nothing: "annotated", undone: "annotated" };

/// What to set and what to remove.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

/// Splits arguments into resources and pairs; pairs start at the first word with `=` or a last `-`.
fn split(words: &[String], what: &str) -> Result<(Vec<String>, Vec<String>)> {
    let (mut resources, mut pairs) = (Vec::new(), Vec::new());
    for word in words {
        let is_pair = (word.contains('=') && !word.starts_with('=')) || (word.ends_with('-') && word != "-");
        match (is_pair, pairs.is_empty()) {
            (true, _) => pairs.push(word.clone()),
            (false, true) => resources.push(word.clone()),
            (false, false) => {
                return plain(format!("all resources must be specified before {what} changes: {word}"));
            }
        }
    }
    Ok((resources, pairs))
}

const VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Reads label pairs.
fn label_changes(pairs: &[String]) -> Result<Changes> {
    let mut changes = Changes::default();
    for pair in pairs {
        if pair.contains('=') {
            let parts: Vec<&str> = pair.split('=').collect();
            let [key, value] = parts.as_slice() else { return plain(format!("invalid label spec: {pair}")) };
            let problems = value_problems(value);
            if !problems.is_empty() {
                return plain(format!("invalid label value: \"{pair}\": {}", problems.join(";")));
            }
            changes.set.retain(|(k, _)| k != key);
            changes.set.push(((*key).into(), (*value).into()));
        } else if let Some(key) = pair.strip_suffix('-') {
            changes.remove.push(key.into());
        } else {
            return plain(format!("unknown label spec: {pair}"));
        }
    }
    if changes.remove.iter().any(|r| changes.set.iter().any(|(k, _)| k == r)) {
        return plain("can not both modify and remove a label in the same command");
    }
    Ok(changes)
}

const NAME_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What is wrong with a key: its name, after the prefix.
pub fn name_problems(key: &str) -> Vec<String> {
    let name = key.rsplit('/').next().unwrap_or(key);
    let mut problems = value_problems(name);
    if name.is_empty() {
        problems.push("name part must be non-empty".to_owned());
        problems.push(VALUE_RULE.to_owned());
    }
    for problem in &mut problems {
        if problem == VALUE_RULE {
            *problem = NAME_RULE.to_owned();
        } else if problem.starts_with("must be no more") {
            *problem = format!("name part {problem}");
        }
    }
    problems
}

/// What is wrong with a value.
pub fn value_problems(value: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if value.len() > 63 {
        problems.push("must be no more than 63 characters".to_owned());
    }
    let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    if !(value.chars().all(inside) && edge(value.chars().next()) && edge(value.chars().last())) {
        problems.push(VALUE_RULE.to_owned());
    }
    problems
}

/// Reads annotation pairs; values may hold anything.
fn annotation_changes(pairs: &[String]) -> Result<Changes> {
    let mut changes = Changes::default();
    for pair in pairs {
        if let Some((key, value)) = pair.split_once('=') {
            changes.set.retain(|(k, _)| k != key);
            changes.set.push((key.into(), value.into()));
        } else if let Some(key) = pair.strip_suffix('-') {
            changes.remove.push(key.into());
        }
    }
    if changes.remove.iter().any(|r| changes.set.iter().any(|(k, _)| k == r)) {
        return plain(
            "can not both modify and remove the following annotation(s) in the same command".to_owned(),
        );
    }
    Ok(changes)
}

/// Runs the command.
pub async fn run(session: &mut Session, words: &Words) -> Result<()> {
    let dry_run = DryRun::read(&session.args)?;
    Format::read(&session.args)?;
    let args = session.args.rest.clone();
    let what = words.field.trim_end_matches('s');
    let (resources, pairs) = split(&args, what)?;
    let changes = if words.field == "labels" { label_changes(&pairs)? } else { annotation_changes(&pairs)? };
    let list = session.args.is("list");
    if list && session.args.given("output") {
        return plain("--list and --output may not be specified together");
    }
    let narrow = Narrow::read(session);
    if narrow.all && narrow.labels.is_some() {
        return plain("cannot set --all and --selector at the same time");
    }
    if narrow.all && narrow.fields.is_some() {
        return plain("cannot set --all and --field-selector at the same time");
    }
    if resources.is_empty() && !session.args.given("filename") {
        return plain("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if changes.set.is_empty() && changes.remove.is_empty() && !list {
        return plain(format!("at least one {what} update is required"));
    }
    let (infos, mut fails) = if session.args.given("filename") {
        fetched(session).await?
    } else {
        select::infos(session, &resources, &narrow).await?
    };
    if session.args.given("resource-version") && infos.len() != 1 {
        return plain("--resource-version may only be used with a single resource");
    }
    let one = infos.len() == 1;
    for info in infos {
        if let Err(fail) = change(session, words, &changes, info, dry_run, one).await {
            fails.push(fail);
        }
    }
    Fail::collect(fails)
}

/// The objects of `-f` as the server has them now.
pub async fn fetched(session: &mut Session) -> Result<(Vec<Info>, Vec<Fail>)> {
    let (mut found, mut fails) = (Vec::new(), Vec::new());
    for mut info in select::from_files(session).await? {
        match session.client()?.get(&info.path()).await {
            Ok(object) => {
                info.object = object;
                found.push(info);
            }
            Err(fail) => fails.push(fail),
        }
    }
    Ok((found, fails))
}

async fn change(
    session: &Session,
    words: &Words,
    changes: &Changes,
    mut info: Info,
    dry_run: DryRun,
    one: bool,
) -> Result<()> {
    let overwrite = session.args.is("overwrite");
    let list = session.args.is("list");
    let version = session.args.text("resource-version");
    if version.is_some()
        && let Some(metadata) = info.object["metadata"].as_object_mut()
    {
        metadata.remove("resourceVersion");
    }
    let before = info.object.clone();
    let current = before["metadata"][words.field].as_object().cloned().unwrap_or_default();
    let sends = dry_run != DryRun::Client && !session.args.is("local") && !list;
    if sends && words.field == "labels" {
        for key in changes.remove.iter().filter(|k| !current.contains_key(*k)) {
            out::say(&format!("label \"{key}\" not found.\n"));
        }
    }
    if !overwrite {
        let held: Vec<String> = changes
            .set
            .iter()
            .filter_map(|(key, value)| match current.get(key).and_then(Value::as_str) {
                Some(have) if have != value => Some(held_text(words, key, have)),
                _ => None,
            })
            .collect();
        match held.as_slice() {
            [] => {}
            [one] => return plain(one.clone()),
            many => return plain(format!("[{}]", many.join(", "))),
        }
    }
    let mut after = current;
    for (key, value) in &changes.set {
        after.insert(key.clone(), json!(value));
    }
    for key in &changes.remove {
        after.remove(key);
    }
    set_map(&mut info.object, words.field, after);
    if let Some(version) = version {
        info.object["metadata"]["resourceVersion"] = json!(version);
    }
    let done = if compact(&before) == compact(&info.object) {
        words.nothing
    } else if !overwrite && compact(&info.object).len() < compact(&before).len() {
        words.undone
    } else {
        words.done
    };
    if sends {
        let patch = merge::two_way(&before, &info.object);
        let manager = if words.field == "labels" { "kubectl-label" } else { "kubectl-annotate" };
        let query = change_query(session, manager, dry_run, false)?;
        let body = Some((media::MERGE_PATCH, compact(&patch).into_bytes()));
        info.object = session
            .client()?
            .json(Method::PATCH, &with_query(&info.path(), &query), media::JSON, body)
            .await?;
    }
    if list {
        return list_map(words, &info, one);
    }
    super::report(session, &info, done, dry_run)
}

fn held_text(words: &Words, key: &str, have: &str) -> String {
    if words.field == "labels" {
        format!("'{key}' already has a value ({have}), and --overwrite is false")
    } else {
        format!(
            "--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({have})"
        )
    }
}

fn set_map(object: &mut Value, field: &str, map: Map<String, Value>) {
    object["metadata"][field] = Value::Object(map);
}

fn list_map(words: &Words, info: &Info, one: bool) -> Result<()> {
    let indent = if one { "" } else { " " };
    if !one {
        out::say(&format!(
            "Listing {} for {}.{}/{}:\n",
            words.field, info.resource.kind, info.resource.group, info.name
        ));
    }
    for (key, value) in info.object["metadata"][words.field].as_object().into_iter().flatten() {
        out::say(&format!("{indent}{key}={}\n", value.as_str().unwrap_or_default()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn pairs_follow_resources() {
        let (resources, pairs) = split(&words("node|n|a=1|b-"), "label").unwrap();
        assert_eq!((resources.len(), pairs.len()), (2, 2));
        let late = split(&words("node|a=1|n"), "label").unwrap_err();
        assert_eq!(late.render().0, "error: all resources must be specified before label changes: n\n");
        let changes = label_changes(&pairs).unwrap();
        assert_eq!(changes, Changes { set: vec![("a".into(), "1".into())], remove: vec!["b".into()] });
    }

    #[test]
    fn wrong_pairs_are_refused() {
        let text = |pair: &str| label_changes(&[pair.to_owned()]).unwrap_err().render().0;
        assert_eq!(text("a=b=c"), "error: invalid label spec: a=b=c\n");
        assert!(
            text("a=no good").starts_with("error: invalid label value: \"a=no good\": a valid label must be")
        );
        assert!(text(&format!("a={}", "x".repeat(64))).contains("must be no more than 63 characters"));
        assert!(label_changes(&words("a=1|a-")).is_err());
        assert_eq!(annotation_changes(&words("a=b=c d")).unwrap().set[0].1, "b=c d");
    }
}
