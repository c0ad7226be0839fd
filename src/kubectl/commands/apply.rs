//! `kubectl apply`, on the client and on the server.

use http::Method;
use serde_json::{Value, json};

use super::{DryRun, change_query, report};
use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::printer::compact;
use crate::kubectl::select::{self, Info};
use crate::kubectl::{Session, merge, out, with_query};

pub(super) const LAST: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Runs `apply`.
pub async fn run(session: &mut Session) -> Result<()> {
    if !session.args.rest.is_empty() {
        return crate::kubectl::fail::usage(
            "apply",
            format!("Unexpected args: [{}]", session.args.rest.join(" ")),
        );
    }
    if session.args.given("kustomize") {
        return plain(
            "the built-in kubectl does not build kustomizations; install kubectl on this machine to use -k",
        );
    }
    if session.args.list("filename").is_empty() {
        return plain("must specify one of -f and -k");
    }
    let server_side = session.args.is("server-side");
    let dry_run = DryRun::read(&session.args)?;
    if session.args.is("force-conflicts") && !server_side {
        return plain("--force-conflicts only works with --server-side");
    }
    if server_side && dry_run == DryRun::Client {
        return plain(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        );
    }
    let infos = select::from_files(session).await?;
    if infos.is_empty() {
        return plain("no objects passed to apply");
    }
    let mut fails = Vec::new();
    for info in infos {
        let source = info.source.clone().unwrap_or_default();
        let result = if server_side {
            on_server(session, info, dry_run).await
        } else {
            on_client(session, info, dry_run).await.map_err(|f| unreachable(f, &source))
        };
        if let Err(fail) = result {
            fails.push(fail);
        }
    }
    Fail::collect(fails)
}

/// A server that cannot be reached shows itself when the objects are to be validated.
pub fn unreachable(fail: Fail, source: &str) -> Fail {
    match fail {
        Fail::Connect { url, cause, .. } => {
            let start = url.find("://").map_or(0, |i| i + 3);
            let host = url[start..].split('/').next().unwrap_or_default();
            let base = format!("{}{host}", &url[..start]);
            Fail::Plain(format!(
                "error validating \"{source}\": error validating data: failed to download openapi: Get \"{base}/openapi/v2?timeout=32s\": {cause}; if you choose to ignore these errors, turn validation off with --validate=false"
            ))
        }
        other => other,
    }
}

async fn on_server(session: &Session, mut info: Info, dry_run: DryRun) -> Result<()> {
    if info.object["metadata"].get("managedFields").is_some_and(|m| !m.is_null()) {
        return plain("metadata.managedFields must be nil");
    }
    let mut query = change_query(session, "kubectl", dry_run, true)?;
    query.push(("force", session.args.is("force-conflicts").to_string()));
    let mut path = info.path();
    if let Some(sub) = session.args.text("subresource") {
        path += &format!("/{sub}");
    }
    let body = Some((media::APPLY, compact(&info.object).into_bytes()));
    info.object = session
        .client()?
        .json(Method::PATCH, &with_query(&path, &query), media::JSON, body)
        .await
        .map_err(|fail| conflict(session, fail))?;
    report(session, &info, "serverside-applied", dry_run)
}

/// Explains what to do about fields that belong to somebody else.
fn conflict(session: &Session, fail: Fail) -> Fail {
    let Fail::Status(status) = &fail else { return fail };
    if status["reason"] != "Conflict" || !status["details"]["causes"].is_array() {
        return fail;
    }
    let _ = session;
    Fail::Plain(format!(
        "{}\nPlease review the fields above--they currently have other managers. Here\nare the ways you can resolve this warning:\n* If you intend to manage all of these fields, please re-run the apply\n  command with the `--force-conflicts` flag.\n* If you do not intend to manage all of the fields, please edit your\n  manifest to remove references to the fields that should keep their\n  current managers.\n* You may co-own fields by updating your manifest to match the existing\n  value; in this case, you'll become the manager if the other manager(s)\n  stop managing the field (remove it from their configuration).\nSee https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts",
        fail.message()
    ))
}

/// The object with the annotation that holds it as it is now.
fn with_last_applied(object: &Value) -> Value {
    let mut bare = object.clone();
    if !bare["metadata"]["annotations"].is_object() {
        bare["metadata"]["annotations"] = json!({});
    }
    if let Some(annotations) = bare["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST);
    }
    let text = compact(&bare) + "\n";
    bare["metadata"]["annotations"][LAST] = json!(text);
    bare
}

async fn on_client(session: &Session, mut info: Info, dry_run: DryRun) -> Result<()> {
    let source = info.source.clone().unwrap_or_default();
    if info.name.is_empty() {
        return plain(format!("error from server (NotFound): {}", "name must be provided"))
            .map_err(|_: Fail| Fail::Plain("resource name may not be empty".into()));
    }
    let client = session.client()?;
    let wanted = with_last_applied(&info.object);
    let live = match client.get(&info.path()).await {
        Ok(live) => live,
        Err(fail) if fail.is_not_found() => {
            info.object = wanted.clone();
            if dry_run != DryRun::Client {
                let query = change_query(session, "kubectl-client-side-apply", dry_run, true)?;
                let path = info.resource.path(info.namespace.as_deref(), None);
                let body = Some((media::JSON, compact(&wanted).into_bytes()));
                info.object = client
                    .json(Method::POST, &with_query(&path, &query), media::JSON, body)
                    .await
                    .map_err(|f| f.prefix(&format!("error when creating \"{source}\"")))?;
            }
            return report(session, &info, "created", dry_run);
        }
        Err(fail @ Fail::Connect { .. }) => return Err(fail),
        Err(fail) => {
            return Err(fail.prefix(&format!("error when retrieving current configuration of:\nResource: \"{}, Resource={}\", GroupVersionKind: \"{}, Kind={}\"\nName: \"{}\", Namespace: \"{}\"\nfrom server for: \"{source}\"", info.resource.group_version(), info.resource.name, info.resource.group_version(), info.resource.kind, info.name, info.namespace.clone().unwrap_or_default())));
        }
    };
    let last_text = live["metadata"]["annotations"][LAST].as_str();
    if last_text.is_none() {
        out::say_err(&format!(
            "Warning: resource {}/{} is missing the {LAST} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.\n",
            info.resource.name, info.name
        ));
    }
    let last: Value = last_text.and_then(|t| serde_json::from_str(t).ok()).unwrap_or(Value::Null);
    let strategic = is_builtin(&info.resource.group);
    let patch = merge::three_way(&last, &wanted, &live, strategic);
    if patch == json!({}) {
        info.object = live;
        return report(session, &info, "unchanged", dry_run);
    }
    let changed = if dry_run == DryRun::Client {
        wanted
    } else {
        let query = change_query(session, "kubectl-client-side-apply", dry_run, true)?;
        let kind = if strategic { media::STRATEGIC_PATCH } else { media::MERGE_PATCH };
        let body = Some((kind, compact(&patch).into_bytes()));
        client.json(Method::PATCH, &with_query(&info.path(), &query), media::JSON, body).await.map_err(|f| {
            f.prefix(&format!("error when applying patch:\n{}\nto:\nResource: \"{}, Resource={}\", GroupVersionKind: \"{}, Kind={}\"\nName: \"{}\", Namespace: \"{}\"\nfor: \"{source}\": error when patching \"{source}\"", compact(&patch), info.resource.group_version(), info.resource.name, info.resource.group_version(), info.resource.kind, info.name, info.namespace.clone().unwrap_or_default()))
        })?
    };
    let same = dry_run == DryRun::No
        && changed["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"];
    info.object = changed;
    report(session, &info, if same { "unchanged" } else { "configured" }, dry_run)
}

/// Strategic patches are for the types that Kubernetes itself brings.
pub(super) fn is_builtin(group: &str) -> bool {
    group.is_empty() || !group.contains('.') || group.ends_with(".k8s.io")
}
