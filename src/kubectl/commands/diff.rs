//! `kubectl diff`: what a configuration would change.
//!
//! Upstream: `k8s.io/kubectl/pkg/cmd/diff/diff.go`. The two sides are compared here rather than by the program `diff`; what is
//! printed looks as if they were files in two temporary directories.

use http::Method;
use serde_json::{Value, json};

use super::apply::{LAST, is_builtin};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Info};
use crate::kubectl::{Session, discovery, merge, out, with_query, yaml};

/// How often a server-side apply is tried that meets a conflict.
const TRIES: usize = 4;

/// Runs `diff`: exit status 1 says that there is a difference, more that something went wrong.
pub async fn run(session: &mut Session) -> Result<()> {
    let more = |fail: Fail| {
        let (text, _) = fail.render();
        out::say_err(&text);
        Fail::Exit(2)
    };
    if session.args.list("filename").is_empty() {
        return Err(more(Fail::Plain("must specify one of -f and -k".into())));
    }
    let shows_fields = session.args.is("show-managed-fields");
    let number = || u32::from_le_bytes(uuid::Uuid::new_v4().into_bytes()[..4].try_into().unwrap_or_default());
    let directory =
        |name: &str| std::env::temp_dir().join(format!("{name}-{}", number())).display().to_string();
    let directories = [directory("LIVE"), directory("MERGED")];
    let mut differs = false;
    for info in select::from_files(session).await.map_err(more)? {
        let (mut live, mut merged) = sides(session, &info).await.map_err(more)?;
        for side in live.iter_mut().chain([&mut merged]) {
            if let Some(metadata) = side["metadata"].as_object_mut().filter(|_| !shows_fields) {
                metadata.remove("managedFields");
            }
        }
        if merged["kind"] == "Secret" && merged["apiVersion"] == "v1" {
            mask(live.as_mut(), &mut merged);
        }
        let (before, after) =
            (live.as_ref().map(yaml::to_string).unwrap_or_default(), yaml::to_string(&merged));
        if before != after {
            differs = true;
            print(&info, &directories, &before, &after);
        }
    }
    if differs { Err(Fail::Exit(1)) } else { Ok(()) }
}

fn print(info: &Info, directories: &[String; 2], before: &str, after: &str) {
    let file = format!(
        "{}.{}.{}.{}",
        info.resource.group_version().replace('/', "."),
        info.resource.kind,
        info.namespace.clone().unwrap_or_default(),
        info.name
    );
    let [live, merged] = directories.each_ref().map(|directory| format!("{directory}/{file}"));
    let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S.%9f %z").to_string();
    let diff = similar::TextDiff::from_lines(before, after);
    let changes =
        diff.unified_diff().header(&format!("{live}\t{now}"), &format!("{merged}\t{now}")).to_string();
    out::say(&format!("diff -u -N {live} {merged}\n{changes}"));
}

/// The object as it is, if it is, and as it would be.
async fn sides(session: &mut Session, info: &Info) -> Result<(Option<Value>, Value)> {
    let client = session.client()?;
    let live = match client.get(&info.path()).await {
        Ok(live) => Some(live),
        Err(fail) if fail.is_not_found() => None,
        Err(fail) => return Err(fail),
    };
    if session.args.is("server-side") {
        let merged = applied(session, info).await?;
        return Ok((live, merged));
    }
    let manager = session.args.text("field-manager").unwrap_or("kubectl-client-side-apply").to_owned();
    let Some(live) = live else {
        let query = [("dryRun", "All".to_owned())];
        let path = with_query(&info.resource.path(info.namespace.as_deref(), None), &query);
        let body = Some((media::JSON, compact(&info.object).into_bytes()));
        return Ok((None, client.json(Method::POST, &path, media::JSON, body).await?));
    };
    let last = live["metadata"]["annotations"][LAST].as_str().and_then(|t| serde_json::from_str(t).ok());
    // What is wanted has annotations, be there none, and says nothing of the one that remembers it.
    let mut wanted = info.object.clone();
    if !wanted["metadata"]["annotations"].is_object() {
        wanted["metadata"]["annotations"] = json!({});
    }
    if let Some(annotations) = wanted["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST);
    }
    let builtin = is_builtin(&info.resource.group);
    let patch = merge::three_way(&last.unwrap_or(Value::Null), &wanted, &live, builtin);
    let kind = if builtin { media::STRATEGIC_PATCH } else { media::MERGE_PATCH };
    let query = [("dryRun", "All".to_owned()), ("fieldManager", manager)];
    let body = Some((kind, compact(&patch).into_bytes()));
    let merged = client.json(Method::PATCH, &with_query(&info.path(), &query), media::JSON, body).await?;
    Ok((Some(live), merged))
}

/// The object as a server-side apply would leave it.
async fn applied(session: &mut Session, info: &Info) -> Result<Value> {
    let query = [
        ("dryRun", "All".to_owned()),
        ("fieldManager", session.args.text("field-manager").unwrap_or("kubectl").to_owned()),
        ("force", session.args.is("force-conflicts").to_string()),
    ];
    let path = with_query(&info.path(), &query);
    let client = session.client()?;
    for attempt in 1.. {
        let body = Some((media::APPLY, compact(&info.object).into_bytes()));
        match client.json(Method::PATCH, &path, media::JSON, body).await {
            Err(fail) if fail.is_conflict() && attempt < TRIES => {}
            Err(fail) if fail.is_conflict() && attempt == TRIES => {
                let (group, version) = info
                    .resource
                    .group_version()
                    .rsplit_once('/')
                    .map_or((String::new(), info.resource.group_version()), |(group, version)| {
                        (group.to_owned(), version.to_owned())
                    });
                discovery::warn(
                    "diff.go:723",
                    &format!(
                        "Object ({group}/{version}, Kind={}: {}) keeps changing, diffing without lock",
                        info.resource.kind, info.name
                    ),
                );
            }
            other => return other,
        }
    }
    Err(Fail::Plain("nothing was applied".into()))
}

/// Hides what is in a Secret, and shows what of it would change (`Masker`).
fn mask(live: Option<&mut Value>, merged: &mut Value) {
    const HIDDEN: &str = "***";
    let mut nothing = Value::Null;
    let live = live.unwrap_or(&mut nothing);
    let before = live["data"].as_object().cloned().unwrap_or_default();
    let after = merged["data"].as_object().cloned().unwrap_or_default();
    let shown = |key: &String, other: &serde_json::Map<String, Value>, own: &Value, when: &str| {
        let changed = other.get(key).is_some_and(|value| value != own);
        json!(if changed { format!("{HIDDEN} ({when})") } else { HIDDEN.to_owned() })
    };
    for (key, value) in &before {
        live["data"][key] = shown(key, &after, value, "before");
    }
    for (key, value) in &after {
        merged["data"][key] = shown(key, &before, value, "after");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_changes_are_not() {
        let mut live = json!({"data": {"a": "1", "b": "2", "gone": "3"}});
        let mut merged = json!({"data": {"a": "1", "b": "3", "new": "4"}});
        mask(Some(&mut live), &mut merged);
        assert_eq!(live, json!({"data": {"a": "***", "b": "*** (before)", "gone": "***"}}));
        assert_eq!(merged, json!({"data": {"a": "***", "b": "*** (after)", "new": "***"}}));
    }
}
