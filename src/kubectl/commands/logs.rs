//! `kubectl logs`.

use http::Method;
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::kubectl::fail::{Fail, Result, plain, usage};
use crate::kubectl::select::{self, Narrow};
use crate::kubectl::{Session, out, with_query};

const USAGE: &str = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command";

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    let words = session.args.rest.clone();
    let narrow = Narrow::read(session);
    let mut tail = session.args.number("tail")?.unwrap_or(-1);
    let pods: Vec<Value> = match words.as_slice() {
        [] if narrow.labels.is_some() => {
            if tail < 0 {
                tail = 10;
            }
            let resource = session.resolve("pods").await?;
            let found = select::list(session, &resource, &narrow).await?;
            if found.is_empty() {
                let (namespace, _) = session.namespace()?;
                out::say_err(&format!("No resources found in {namespace} namespace.\n"));
            }
            found
        }
        [name] | [name, _] if !name.is_empty() => vec![pod(session, name).await?],
        _ => return usage("logs", USAGE),
    };
    let container = words.get(1).map(String::as_str).or(session.args.text("container")).map(str::to_owned);
    if session.args.is("all-containers") && container.is_some() {
        return plain("--all-containers=true should not be specified with container name");
    }
    for pod in &pods {
        for name in containers(session, pod, container.as_deref())? {
            one(session, pod, &name, tail).await?;
        }
    }
    Ok(())
}

/// The pod of `POD`, `pod/POD`, or of something that has pods.
async fn pod(session: &mut Session, word: &str) -> Result<Value> {
    let (kind, name) = word.split_once('/').unwrap_or(("pods", word));
    let resource = session.resolve(kind).await?;
    let namespace = session.namespace_for(&resource);
    let object = match session.client()?.get(&resource.path(namespace.as_deref(), Some(name))).await {
        Ok(object) => object,
        Err(fail) if fail.is_not_found() && kind == "pods" => {
            return plain(format!(
                "error from server (NotFound): pods \"{name}\" not found in namespace \"{}\"",
                namespace.unwrap_or_default()
            ));
        }
        Err(fail) => return Err(fail),
    };
    if resource.name == "pods" {
        return Ok(object);
    }
    let labels =
        object["spec"]["selector"]["matchLabels"].as_object().or(object["spec"]["selector"].as_object());
    let Some(labels) = labels else {
        return plain(format!("cannot get the logs from {}: selector is missing", resource.shown()));
    };
    let selector: Vec<String> =
        labels.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    let pods = session.resolve("pods").await?;
    let narrow = Narrow { labels: Some(selector.join(",")), ..Narrow::default() };
    select::list(session, &pods, &narrow)
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| Fail::Plain("timed out waiting for the condition".into()))
}

/// The containers whose logs are wanted.
fn containers(session: &Session, pod: &Value, wanted: Option<&str>) -> Result<Vec<String>> {
    let names = |field: &str| -> Vec<String> {
        pod["spec"][field]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|c| c["name"].as_str().map(str::to_owned))
            .collect()
    };
    let (init, main) = (names("initContainers"), names("containers"));
    let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
    if session.args.is("all-containers") {
        return Ok(init.into_iter().chain(main).collect());
    }
    if let Some(name) = wanted {
        if init.iter().chain(&main).any(|n| n == name) {
            return Ok(vec![name.to_owned()]);
        }
        return plain(format!("container {name} is not valid for pod {pod_name}"));
    }
    let annotated = pod["metadata"]["annotations"]["kubectl.kubernetes.io/default-container"].as_str();
    let first = annotated.map(str::to_owned).or_else(|| main.first().cloned()).unwrap_or_default();
    if main.len() > 1 && annotated.is_none() {
        let mut all = main.join(", ");
        if !init.is_empty() {
            all += &format!(", {} (init)", init.join(", "));
        }
        out::say_err(&format!("Defaulted container \"{first}\" out of: {all}\n"));
    }
    Ok(vec![first])
}

async fn one(session: &Session, pod: &Value, container: &str, tail: i64) -> Result<()> {
    let args = &session.args;
    let mut query = vec![("container", container.to_owned())];
    for (flag, key) in [("follow", "follow"), ("previous", "previous"), ("timestamps", "timestamps")] {
        if args.is(flag) {
            query.push((key, "true".into()));
        }
    }
    if tail >= 0 {
        query.push(("tailLines", tail.to_string()));
    }
    if let Some(since) = args.duration("since")? {
        query.push(("sinceSeconds", since.as_secs().to_string()));
    }
    if let Some(time) = args.text("since-time") {
        query.push(("sinceTime", time.to_owned()));
    }
    if let Some(limit) = args.number("limit-bytes")? {
        query.push(("limitBytes", limit.to_string()));
    }
    let (namespace, name) = (
        pod["metadata"]["namespace"].as_str().unwrap_or("default"),
        pod["metadata"]["name"].as_str().unwrap_or_default(),
    );
    let path = with_query(&format!("/api/v1/namespaces/{namespace}/pods/{name}/log"), &query);
    let response = session.client()?.open(Method::GET, &path, "application/json, */*", None).await?;
    let mut body = response.into_body();
    let prefix = args.is("prefix").then(|| format!("[pod/{name}/{container}] "));
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return plain("unexpected EOF") };
        let data = frame.into_data().unwrap_or_default();
        let Some(prefix) = &prefix else {
            out::say_bytes(&data);
            continue;
        };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            out::say(prefix);
            out::say_bytes(&line);
        }
    }
    out::say_bytes(&rest);
    Ok(())
}
