//! `kubectl patch`.

use http::Method;
use serde_json::Value;

use super::{DryRun, change_query, labels, report};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Narrow};
use crate::kubectl::{Session, with_query};

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    let dry_run = DryRun::read(&session.args)?;
    let kind = session.args.text("type").unwrap_or("strategic").to_lowercase();
    let media = match kind.as_str() {
        "strategic" => media::STRATEGIC_PATCH,
        "merge" => media::MERGE_PATCH,
        "json" => media::JSON_PATCH,
        other => return plain(format!("--type must be one of [json merge strategic], not \"{other}\"")),
    };
    let text = match (session.args.text("patch"), session.args.text("patch-file")) {
        (Some(_), Some(_)) => return plain("cannot specify --patch and --patch-file together"),
        (Some(patch), None) => patch.to_owned(),
        (None, Some(file)) => std::fs::read_to_string(file).map_err(|e| {
            Fail::Plain(format!(
                "unable to read patch file: open {file}: {}",
                crate::kubectl::kubeconfig::go_io(&e)
            ))
        })?,
        (None, None) => {
            return plain("must specify --patch or --patch-file containing the contents of the patch");
        }
    };
    // What looks like JSON goes to the server as it is, which then says what is wrong with it.
    let body = if text.trim_start().starts_with(['{', '[']) {
        text.clone()
    } else {
        let value: Value = serde_yaml::from_str(&text).map_err(|e| {
            Fail::Plain(format!("unable to parse {}: {}", crate::go_quote::quote(&text), yaml_text(&e)))
        })?;
        compact(&value)
    };
    let words = session.args.rest.clone();
    let narrow = Narrow::default();
    let (infos, mut fails) = if session.args.given("filename") {
        labels::fetched(session).await?
    } else if words.is_empty() {
        return plain("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    } else {
        select::infos(session, &words, &narrow).await?
    };
    for mut info in infos {
        let before = compact(&info.object);
        let mut path = info.path();
        if let Some(sub) = session.args.text("subresource") {
            path += &format!("/{sub}");
        }
        if dry_run == DryRun::Client || session.args.is("local") {
            let patch = serde_json::from_str(&body)
                .map_err(|_| Fail::Plain("unexpected end of JSON input".into()))?;
            info.object = applied_here(&kind, &info.object, &patch)?;
        } else {
            let query = change_query(session, "kubectl-patch", dry_run, false)?;
            let body = Some((media, body.clone().into_bytes()));
            match session.client()?.json(Method::PATCH, &with_query(&path, &query), media::JSON, body).await {
                Ok(object) => info.object = object,
                Err(fail) => {
                    fails.push(fail);
                    continue;
                }
            }
        }
        let done = if compact(&info.object) == before { "patched (no change)" } else { "patched" };
        report(session, &info, done, dry_run)?;
    }
    Fail::collect(fails)
}

/// Applies a patch without the server.
fn applied_here(kind: &str, object: &Value, patch: &Value) -> Result<Value> {
    let mut object = object.clone();
    if kind == "json" {
        let patch: json_patch::Patch = serde_json::from_value(patch.clone())
            .map_err(|e| Fail::Plain(format!("unable to decode patch: {e}")))?;
        json_patch::patch(&mut object, &patch).map_err(|e| Fail::Plain(e.to_string()))?;
    } else {
        json_patch::merge(&mut object, patch);
    }
    Ok(object)
}

/// The words of go-yaml for the commonest mistakes.
fn yaml_text(error: &serde_yaml::Error) -> String {
    let line = error.location().map_or(1, |l| l.line());
    format!("yaml: line {line}: did not find expected node content")
}
