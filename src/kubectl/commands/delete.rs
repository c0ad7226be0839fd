//! `kubectl delete`.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::DryRun;
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Info, Narrow, Selection, selections};
use crate::kubectl::{Session, out, with_query};

const AT_ONCE: &str = "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\n";

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    if let Some(raw) = session.args.text("raw").map(str::to_owned) {
        out::say_bytes(&session.client()?.bytes(Method::DELETE, &raw, media::JSON, None).await?);
        return Ok(());
    }
    let dry_run = DryRun::read(&session.args)?;
    let force = session.args.is("force");
    let mut grace = session.args.number("grace-period")?.unwrap_or(-1);
    let now = session.args.is("now");
    if now && grace != -1 {
        return plain("--now and --grace-period cannot be specified together");
    }
    if now {
        grace = 1;
    }
    let wait_given = session.args.given("wait");
    let mut wait = session.args.unless_off("wait");
    if force && grace < 0 {
        grace = 0;
        wait = wait_given && wait;
    }
    if force && grace > 0 {
        return plain("--force and --grace-period greater than 0 cannot be specified together");
    }
    if grace == 0 && !force {
        // Zero alone means: one second, so that the API server still knows the pod while it ends.
        grace = 1;
        wait = true;
    }
    if grace == 0 {
        out::say_err(AT_ONCE);
    }
    let mut narrow = Narrow::read(session);
    let infos = chosen(session, &mut narrow).await?;
    let (infos, mut fails) = infos;
    let ignore = session.args.is("ignore-not-found")
        || narrow.all
        || narrow.labels.is_some()
        || narrow.fields.is_some();
    if infos.is_empty() && fails.iter().all(|f| ignore && f.is_not_found()) {
        if !session.args.is("ignore-not-found") || narrow.all || narrow.labels.is_some() {
            out::say("No resources found\n");
        }
        return Ok(());
    }
    let mut gone: Vec<Info> = Vec::new();
    for info in infos {
        if dry_run == DryRun::Client {
            say(session, &info, force, grace, dry_run);
            continue;
        }
        match delete(session, &info, grace, dry_run).await {
            Ok(()) => {
                say(session, &info, force, grace, dry_run);
                gone.push(info);
            }
            Err(fail) if ignore && fail.is_not_found() => {}
            Err(fail) => fails.push(fail),
        }
    }
    if wait && dry_run == DryRun::No {
        let limit = session
            .args
            .duration("timeout")?
            .filter(|t| !t.is_zero())
            .unwrap_or(Duration::from_secs(7 * 24 * 3600));
        for info in &gone {
            if let Err(fail) = until_gone(session, info, limit).await {
                fails.push(fail);
            }
        }
    }
    Fail::collect(fails)
}

async fn chosen(session: &mut Session, narrow: &mut Narrow) -> Result<(Vec<Info>, Vec<Fail>)> {
    if session.args.given("filename") {
        return Ok((select::from_files(session).await?, Vec::new()));
    }
    let words = session.args.rest.clone();
    if words.is_empty() {
        return plain(
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
        );
    }
    if narrow.all && words.len() > 1 {
        return plain("name cannot be provided when --all is specified")
            .map_err(|_: Fail| Fail::Plain("name cannot be provided when a selector is specified".into()));
    }
    let (mut found, mut fails) = (Vec::new(), Vec::new());
    for selection in selections(session, &words, narrow).await? {
        match selection {
            Selection::Named(resource, name) => {
                let namespace = session.namespace_for(&resource);
                found.push(Info { resource, namespace, name, object: json!(null), source: None });
            }
            Selection::Listed(_) if !narrow.all && narrow.labels.is_none() && narrow.fields.is_none() => {
                return plain("resource(s) were provided, but no name was specified");
            }
            Selection::Listed(resource) => match select::list(session, &resource, narrow).await {
                Ok(items) => {
                    found.extend(items.into_iter().map(|o| select::info_of(resource.clone(), o, None)))
                }
                Err(fail) => fails.push(fail),
            },
        }
    }
    Ok((found, fails))
}

async fn delete(session: &Session, info: &Info, grace: i64, dry_run: DryRun) -> Result<()> {
    let policy = match session.args.one("cascade").unwrap_or("background") {
        "background" | "true" => "Background",
        "foreground" => "Foreground",
        "orphan" | "false" => "Orphan",
        other => {
            return plain(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            ));
        }
    };
    let mut options = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": policy});
    if grace >= 0 {
        options["gracePeriodSeconds"] = json!(grace);
    }
    if dry_run == DryRun::Server {
        options["dryRun"] = json!(["All"]);
    }
    let body = Some((media::JSON, compact(&options).into_bytes()));
    session.client()?.json(Method::DELETE, &info.path(), media::JSON, body).await.map(drop)
}

fn say(session: &Session, info: &Info, force: bool, grace: i64, dry_run: DryRun) {
    if session.args.text("output") == Some("name") {
        out::say(&format!("{}\n", info.shown()));
        return;
    }
    let done = if force && grace == 0 { "force deleted" } else { "deleted" };
    out::say(&format!("{} \"{}\" {done}{}\n", info.resource.shown(), info.name, dry_run.suffix()));
}

/// Waits until the object is gone, or another of the same name is there.
pub async fn until_gone(session: &Session, info: &Info, limit: Duration) -> Result<()> {
    let client = session.client()?;
    let uid = info.object["metadata"]["uid"].as_str().map(str::to_owned);
    let collection = info.resource.path(info.namespace.as_deref(), None);
    let wait = async {
        loop {
            let object = match client.get(&info.path()).await {
                Ok(object) => object,
                Err(fail) if fail.is_not_found() => return Ok(()),
                // Whoever may delete but not look cannot wait.
                Err(fail) if matches!(fail.code(), Some(403 | 405)) => return Ok(()),
                Err(fail) => return Err(fail),
            };
            if uid.is_some() && object["metadata"]["uid"].as_str() != uid.as_deref() {
                return Ok(());
            }
            let query = [
                ("fieldSelector", format!("metadata.name={}", info.name)),
                (
                    "resourceVersion",
                    object["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned(),
                ),
                ("watch", "true".to_owned()),
                ("timeoutSeconds", "30".to_owned()),
            ];
            match client.open(Method::GET, &with_query(&collection, &query), media::JSON, None).await {
                Ok(response) => next_change(response).await,
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    };
    match tokio::time::timeout(limit, wait).await {
        Ok(result) => result,
        Err(_) => {
            plain(format!("timed out waiting for the condition on {}/{}", info.resource.name, info.name))
        }
    }
}

/// Waits for the first event of a watch.
async fn next_change(response: http::Response<hyper::body::Incoming>) {
    use http_body_util::BodyExt as _;
    let mut body = response.into_body();
    let _ = body.frame().await;
}
