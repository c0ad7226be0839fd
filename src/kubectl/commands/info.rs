//! `kubectl version`, `api-resources`, `api-versions` and `cluster-info`.

use std::io::IsTerminal as _;

use serde_json::json;

use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::{Session, VERSION, arch, out, printer, tabs, yaml};

const KUSTOMIZE: &str = "v5.4.2";

/// Runs `version`.
pub async fn version(session: &mut Session) -> Result<()> {
    let format = session.args.text("output").map(str::to_owned);
    if format.as_deref().is_some_and(|f| f != "json" && f != "yaml") {
        return plain("--output must be 'yaml' or 'json'");
    }
    let mut minor = VERSION.trim_start_matches('v').split('.');
    let client = json!({"major": minor.next(), "minor": minor.next(), "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc", "platform": format!("linux/{}", arch())});
    let mut fail = None;
    let server = if session.args.is("client") {
        None
    } else {
        match session.client() {
            Ok(client) => client.get("/version").await.map_err(|f| fail = Some(with_timeout(f))).ok(),
            Err(f) => {
                fail = Some(f);
                None
            }
        }
    };
    match format.as_deref() {
        None => {
            let mut text = format!("Client Version: {VERSION}\nKustomize Version: {KUSTOMIZE}\n");
            if let Some(server) = &server {
                text += &format!("Server Version: {}\n", server["gitVersion"].as_str().unwrap_or_default());
            }
            out::say(&text);
        }
        Some(format) => {
            let mut all = json!({"clientVersion": client, "kustomizeVersion": KUSTOMIZE});
            if let Some(server) = server {
                all["serverVersion"] = server;
            }
            out::say(&if format == "json" { printer::pretty_two(&all) } else { yaml::to_string(&all) });
        }
    }
    fail.map_or(Ok(()), Err)
}

fn with_timeout(fail: Fail) -> Fail {
    match fail {
        Fail::Connect { method, url, cause } => {
            Fail::Connect { method, url: format!("{url}?timeout=32s"), cause }
        }
        other => other,
    }
}

/// Runs `api-resources`.
pub async fn api_resources(session: &mut Session) -> Result<()> {
    let format = session.args.text("output").unwrap_or_default().to_owned();
    if !["", "wide", "name"].contains(&format.as_str()) {
        return plain(format!("--output {format} is not available")).map_err(|_: Fail| {
            Fail::Plain(format!("unable to match a printer suitable for the output format \"{format}\", allowed formats are: name,wide"))
        });
    }
    let client = session.client()?;
    let args = session.args.clone();
    let discovery = session.discovery().await?;
    if !args.is("cached") {
        discovery.ask(&client).await?;
    }
    let (verbs, categories) = (args.list("verbs"), args.list("categories"));
    let mut rows: Vec<_> = discovery
        .resources
        .iter()
        .filter(|r| r.preferred && !r.verbs.is_empty())
        .filter(|r| args.one("api-group").is_none_or(|g| r.group == g))
        .filter(|r| !args.given("namespaced") || r.namespaced == args.is("namespaced"))
        .filter(|r| {
            verbs.iter().all(|v| r.verbs.contains(v)) && categories.iter().all(|c| r.categories.contains(c))
        })
        .cloned()
        .collect();
    match args.text("sort-by") {
        None => rows.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name))),
        Some("name") => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        Some("kind") => rows.sort_by(|a, b| a.kind.cmp(&b.kind)),
        Some(_) => return plain("--sort-by accepts only name or kind"),
    }
    if format == "name" {
        out::say(&rows.iter().map(|r| format!("{}\n", r.qualified())).collect::<String>());
        return Ok(());
    }
    let mut text = String::new();
    if !args.is("no-headers") {
        text += "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND";
        text += if format == "wide" { "\tVERBS\tCATEGORIES\n" } else { "\n" };
    }
    for r in rows {
        text += &format!(
            "{}\t{}\t{}\t{}\t{}",
            r.name,
            r.short.join(","),
            r.group_version(),
            r.namespaced,
            r.kind
        );
        if format == "wide" {
            text += &format!("\t{}\t{}", r.verbs.join(","), r.categories.join(","));
        }
        text.push('\n');
    }
    out::say(&tabs::layout(&text, 6, 3));
    Ok(())
}

/// Runs `api-versions`.
pub async fn api_versions(session: &mut Session) -> Result<()> {
    let client = session.client()?;
    let discovery = session.discovery().await?;
    discovery.ask(&client).await.map_err(|fail| match fail {
        fail @ Fail::Connect { .. } => fail,
        fail => Fail::Plain(format!("couldn't get available api versions from server: {}", fail.message())),
    })?;
    let mut versions: Vec<String> =
        discovery.resources.iter().map(super::super::discovery::Resource::group_version).collect();
    versions.sort();
    versions.dedup();
    out::say(&versions.iter().map(|v| format!("{v}\n")).collect::<String>());
    Ok(())
}

/// Runs `cluster-info`; it is coloured even where no terminal is, as kubectl's is.
pub async fn cluster_info(session: &mut Session) -> Result<()> {
    if session.args.rest.first().is_some_and(|w| w == "dump") {
        return plain(
            "the built-in kubectl has no \"cluster-info dump\"; install kubectl on this machine to use it",
        );
    }
    let services = session.resolve("services").await?;
    let client = session.client()?;
    let path =
        services.path(Some("kube-system"), None) + "?labelSelector=kubernetes.io%2Fcluster-service%3Dtrue";
    let more = |fail: Fail| {
        out::say("\n");
        out::say("To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
        fail
    };
    let list = client.get(&path).await.map_err(more)?;
    let line = |name: &str, link: &str| {
        if std::env::var_os("NO_COLOR").is_some() && !std::io::stdout().is_terminal() {
            format!("{name} is running at {link}\n")
        } else {
            format!("\u{1b}[0;32m{name}\u{1b}[0m is running at \u{1b}[0;33m{link}\u{1b}[0m\n")
        }
    };
    let mut text = line("Kubernetes control plane", client.server());
    for service in list["items"].as_array().into_iter().flatten() {
        let name = service["metadata"]["labels"]["kubernetes.io/name"]
            .as_str()
            .or(service["metadata"]["name"].as_str())
            .unwrap_or_default();
        let port = service["spec"]["ports"][0]["name"].as_str().map(|p| format!(":{p}")).unwrap_or_default();
        let link = format!(
            "{}/api/v1/namespaces/kube-system/services/{}{port}/proxy",
            client.server(),
            service["metadata"]["name"].as_str().unwrap_or_default()
        );
        text += &line(name, &link);
    }
    out::say(
        &(text + "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n"),
    );
    Ok(())
}
