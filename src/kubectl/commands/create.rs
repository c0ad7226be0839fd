//! `kubectl create`, `run` and `replace`.

use http::Method;
use serde_json::{Value, json};

use super::{DryRun, apply, change_query, delete, generate, report};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain, usage};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Info};
use crate::kubectl::{Session, out, with_query};

/// Runs `create`.
pub async fn run(session: &mut Session) -> Result<()> {
    let words = session.args.rest.clone();
    if let Some(raw) = session.args.text("raw").map(str::to_owned) {
        let body = raw_body(session)?;
        let bytes = session.client()?.bytes(Method::POST, &raw, "*/*", Some((media::JSON, body))).await?;
        out::say_bytes(&bytes);
        return Ok(());
    }
    if session.args.given("filename") {
        return from_files(session).await;
    }
    let Some(kind) = words.first() else { return plain("must specify one of -f and -k") };
    if matches!(kind.as_str(), "token") {
        return token(session, &words[1..]).await;
    }
    let object = generate::object(session, kind, &words[1..]).await?;
    let wrapped = generate::failure_words(kind, &words[1..]);
    let made = create_made(session, object).await;
    made.map_err(|fail| match wrapped {
        Some(words) => Fail::Plain(format!("{words}{}", fail.message())),
        None => fail,
    })
}

/// Creates an object that the command line described.
async fn create_made(session: &mut Session, mut object: Value) -> Result<()> {
    let dry_run = DryRun::read(&session.args)?;
    let (version, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
    let client = session.client()?;
    let resource = if dry_run == DryRun::Client {
        generate::known_resource(&version, &kind)
    } else {
        match session.discovery().await?.of_kind(&client, &version, &kind).await? {
            Some(resource) => resource,
            None => return plain(format!("no matches for kind \"{kind}\" in version \"{version}\"")),
        }
    };
    let (namespace, given) = session.namespace()?;
    if resource.namespaced && (given || dry_run != DryRun::Client) {
        object["metadata"]["namespace"] = json!(namespace);
    }
    let mut info = select::info_of(resource, object, None);
    if dry_run != DryRun::Client {
        let manager = if session.args.command == "run" { "kubectl-run" } else { "kubectl-create" };
        let query = change_query(session, manager, dry_run, session.args.command != "run")?;
        let path = info.resource.path(Some(&namespace), None);
        let body = Some((media::JSON, compact(&info.object).into_bytes()));
        info.object = client.json(Method::POST, &with_query(&path, &query), media::JSON, body).await?;
    }
    report(session, &info, "created", dry_run)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn from_files(session: &mut Session) -> Result<()> {
    if !session.args.rest.is_empty() {
        return usage("create", format!("Unexpected args: [{}]", session.args.rest.join(" ")));
    }
    let dry_run = DryRun::read(&session.args)?;
    let mut fails = Vec::new();
    for mut info in select::from_files(session).await? {
        let source = info.source.clone().unwrap_or_default();
        if dry_run != DryRun::Client {
            let query = change_query(session, "kubectl-create", dry_run, true)?;
            let path = with_query(&info.resource.path(info.namespace.as_deref(), None), &query);
            let body = Some((media::JSON, compact(&info.object).into_bytes()));
            match session.client()?.json(Method::POST, &path, media::JSON, body).await {
                Ok(object) => info.object = object,
                Err(fail @ Fail::Connect { .. }) => {
                    fails.push(apply::unreachable(fail, &source));
                    continue;
                }
                Err(fail) => {
                    fails.push(fail.prefix(&format!("error when creating \"{source}\"")));
                    continue;
                }
            }
            info.name = text(&info.object["metadata"]["name"]);
        }
        report(session, &info, "created", dry_run)?;
    }
    Fail::collect(fails)
}

async fn token(session: &mut Session, words: &[String]) -> Result<()> {
    let [name] = words else {
        return usage("create token", format!("exactly one NAME is required, got {}", words.len()));
    };
    let (namespace, _) = session.namespace()?;
    let mut spec = json!({"audiences": session.args.all("audience")});
    if let Some(duration) = session.args.duration("duration")?.filter(|d| !d.is_zero()) {
        spec["expirationSeconds"] = json!(duration.as_secs());
    }
    if let Some(kind) = session.args.text("bound-object-kind") {
        if !["Pod", "Secret", "Node"].contains(&kind) {
            return plain("supported --bound-object-kind values are Pod, Secret");
        }
        let Some(bound) = session.args.text("bound-object-name") else {
            return plain("--bound-object-name is required if --bound-object-kind is provided");
        };
        spec["boundObjectRef"] = json!({"kind": kind, "apiVersion": "v1", "name": bound, "uid": session.args.text("bound-object-uid").unwrap_or_default()});
    }
    let request = json!({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {"creationTimestamp": null}, "spec": spec, "status": {"token": "", "expirationTimestamp": null}});
    let path = format!(
        "/api/v1/namespaces/{}/serviceaccounts/{}/token",
        crate::kubectl::percent(&namespace),
        crate::kubectl::percent(name)
    );
    let body = Some((media::JSON, compact(&request).into_bytes()));
    let answer =
        session.client()?.json(Method::POST, &path, media::JSON, body).await.map_err(|f| match f {
            Fail::Connect { .. } => f,
            f => f.wrap("failed to create token"),
        })?;
    let format = crate::kubectl::printer::Format::read(&session.args)?;
    if format.is_human() {
        out::say(&format!("{}\n", answer["status"]["token"].as_str().unwrap_or_default()));
    } else {
        out::say(&format.object(None, &answer, true)?);
    }
    Ok(())
}

/// Runs `run`: one pod.
pub async fn pod(session: &mut Session) -> Result<()> {
    if !session.args.given("image") {
        return plain("required flag(s) \"image\" not set");
    }
    if session.args.rest.is_empty() {
        return usage("run", "NAME is required for run");
    }
    let object = generate::pod(session)?;
    create_made(session, object).await
}

fn raw_body(session: &Session) -> Result<Vec<u8>> {
    let files = session.args.list("filename");
    let [file] = files.as_slice() else {
        return plain("--raw can only use a single local file or stdin");
    };
    if file == "-" {
        let mut bytes = Vec::new();
        let read = std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes);
        return read.map(|_| bytes).map_err(|e| Fail::Plain(e.to_string()));
    }
    std::fs::read(file)
        .map_err(|e| Fail::Plain(format!("open {file}: {}", crate::kubectl::kubeconfig::go_io(&e))))
}

/// Runs `replace`.
pub async fn replace(session: &mut Session) -> Result<()> {
    if let Some(raw) = session.args.text("raw").map(str::to_owned) {
        let body = raw_body(session)?;
        let bytes = session.client()?.bytes(Method::PUT, &raw, "*/*", Some((media::JSON, body))).await?;
        out::say_bytes(&bytes);
        return Ok(());
    }
    if session.args.list("filename").is_empty() {
        return plain("must specify one of -f and -k");
    }
    let dry_run = DryRun::read(&session.args)?;
    let force = session.args.is("force");
    let mut fails = Vec::new();
    for mut info in select::from_files(session).await? {
        let source = info.source.clone().unwrap_or_default();
        if dry_run == DryRun::Client {
            report(session, &info, "replaced", dry_run)?;
            continue;
        }
        if force {
            remove_first(session, &info).await?;
        }
        let query = change_query(session, "kubectl-replace", dry_run, true)?;
        let (method, path) = if force {
            (Method::POST, info.resource.path(info.namespace.as_deref(), None))
        } else {
            (Method::PUT, info.path())
        };
        let body = Some((media::JSON, compact(&info.object).into_bytes()));
        match session.client()?.json(method, &with_query(&path, &query), media::JSON, body).await {
            Ok(object) => {
                info.object = object;
                report(session, &info, "replaced", dry_run)?;
            }
            Err(fail) => fails.push(fail.prefix(&format!("error when replacing \"{source}\""))),
        }
    }
    Fail::collect(fails)
}

async fn remove_first(session: &Session, info: &Info) -> Result<()> {
    match session.client()?.json(Method::DELETE, &info.path(), media::JSON, None).await {
        Err(fail) if !fail.is_not_found() => return Err(fail),
        Err(_) => return Ok(()),
        Ok(_) => out::say(&format!("{} \"{}\" deleted\n", info.resource.shown(), info.name)),
    }
    delete::until_gone(
        session,
        &Info { object: Value::Null, ..info.clone() },
        std::time::Duration::from_secs(120),
    )
    .await
}
