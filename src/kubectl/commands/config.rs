//! `kubectl config`: looking at and changing kubeconfig files.

use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::kubectl::fail::{Fail, Result, plain, usage};
use crate::kubectl::kubeconfig::{Kubeconfig, lookup};
use crate::kubectl::printer::Format;
use crate::kubectl::{Session, out, tabs};

/// Runs a subcommand.
pub fn run(session: &mut Session, name: &str) -> Result<()> {
    match name {
        "view" => view(session),
        "get-contexts" => contexts(session),
        "get-clusters" => names(session, "clusters"),
        "get-users" => names(session, "users"),
        "current-context" => {
            match session.config()?.content["current-context"].as_str().filter(|c| !c.is_empty()) {
                Some(context) => {
                    out::say(&format!("{context}\n"));
                    Ok(())
                }
                None => plain("current-context is not set"),
            }
        }
        "use-context" => use_context(session),
        "delete-context" => delete_context(session),
        _ => set(session, name),
    }
}

fn view(session: &Session) -> Result<()> {
    let format = Format::read(&session.args)?;
    let format = if format.is_human() { Format::Yaml } else { format };
    let config = session.config()?;
    let mut content = config.content.clone();
    if session.args.is("minify") {
        let (name, context) = config.context(&session.args)?;
        if name.is_empty() {
            return plain("current-context must exist in order to minify");
        }
        keep(&mut content, "contexts", &json!(name));
        keep(&mut content, "clusters", &context["cluster"]);
        keep(&mut content, "users", &context["user"]);
        content["current-context"] = json!(name);
    }
    if session.args.is("flatten") {
        flatten(&mut content);
    }
    if !session.args.is("raw") {
        redact(&mut content);
    }
    for list in ["clusters", "contexts", "users"] {
        if content[list].as_array().is_some_and(Vec::is_empty) {
            content[list] = Value::Null;
        }
    }
    out::say(&format.object(None, &content, true)?);
    Ok(())
}

fn keep(content: &mut Value, list: &str, name: &Value) {
    if let Some(entries) = content[list].as_array_mut() {
        entries.retain(|e| e["name"] == *name);
    }
}

const FILES: [(&str, &str, &[&str]); 2] = [
    ("clusters", "cluster", &["certificate-authority"]),
    ("users", "user", &["client-certificate", "client-key"]),
];

/// Puts the content of files in the place of their names.
fn flatten(content: &mut Value) {
    for (list, inner, keys) in FILES {
        for entry in content[list].as_array_mut().into_iter().flatten() {
            for key in keys {
                let bytes = entry[inner][*key].as_str().and_then(|file| std::fs::read(file).ok());
                if let (Some(bytes), Some(map)) = (bytes, entry[inner].as_object_mut()) {
                    map.remove(*key);
                    map.insert(
                        format!("{key}-data"),
                        json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
                    );
                }
            }
        }
    }
}

/// Hides what must not be shown.
fn redact(content: &mut Value) {
    let lists = [
        ("clusters", "cluster", &[("certificate-authority-data", "DATA+OMITTED")][..]),
        (
            "users",
            "user",
            &[
                ("client-certificate-data", "DATA+OMITTED"),
                ("client-key-data", "DATA+OMITTED"),
                ("token", "REDACTED"),
                ("password", "REDACTED"),
            ][..],
        ),
    ];
    for (list, inner, keys) in lists {
        for entry in content[list].as_array_mut().into_iter().flatten() {
            for (key, shown) in keys {
                if entry[inner][*key].as_str().is_some_and(|v| !v.is_empty()) {
                    entry[inner][*key] = json!(shown);
                }
            }
        }
    }
}

fn sorted<'a>(config: &'a Kubeconfig, list: &str) -> Vec<&'a Value> {
    let mut entries: Vec<&Value> = config.content[list].as_array().into_iter().flatten().collect();
    entries.sort_by_key(|e| e["name"].as_str().unwrap_or_default().to_owned());
    entries
}

fn contexts(session: &Session) -> Result<()> {
    let config = session.config()?;
    let wanted = &session.args.rest;
    let by_name = match session.args.one("output") {
        None | Some("") => false,
        Some("name") => true,
        Some(_) => return plain("output must be one of '' or 'name'"),
    };
    let mut text = if by_name || session.args.is("no-headers") {
        String::new()
    } else {
        "CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n".to_owned()
    };
    let mut fails = Vec::new();
    for name in wanted {
        if lookup(&config.content, "contexts", name).is_none() {
            fails.push(Fail::Plain(format!("context {name} not found")));
        }
    }
    for entry in sorted(config, "contexts") {
        let name = entry["name"].as_str().unwrap_or_default();
        if !wanted.is_empty() && !wanted.iter().any(|w| w == name) {
            continue;
        }
        if by_name {
            text += &format!("{name}\n");
            continue;
        }
        let star = if config.content["current-context"] == name { "*" } else { "" };
        let part = |key: &str| entry["context"][key].as_str().unwrap_or_default().to_owned();
        text += &format!("{star}\t{name}\t{}\t{}\t{}\n", part("cluster"), part("user"), part("namespace"));
    }
    out::say(&tabs::layout(&text, 6, 3));
    Fail::collect(fails)
}

fn names(session: &Session, list: &str) -> Result<()> {
    let mut text = "NAME\n".to_owned();
    for entry in sorted(session.config()?, list) {
        text += &format!("{}\n", entry["name"].as_str().unwrap_or_default());
    }
    out::say(&text);
    Ok(())
}

fn use_context(session: &Session) -> Result<()> {
    let [name] = session.args.rest.as_slice() else {
        return plain(format!("Unexpected args: [{}]", session.args.rest.join(" ")));
    };
    let config = session.config()?;
    if lookup(&config.content, "contexts", name).is_none() {
        return plain(format!("no context exists with the name: \"{name}\""));
    }
    config.change(
        |c| c["current-context"].as_str().is_some_and(|n| !n.is_empty()),
        |c| c["current-context"] = json!(name),
    )?;
    out::say(&format!("Switched to context \"{name}\".\n"));
    Ok(())
}

fn delete_context(session: &Session) -> Result<()> {
    let [name] = session.args.rest.as_slice() else {
        return usage("config delete-context", "you must specify the context to delete");
    };
    let config = session.config()?;
    if lookup(&config.content, "contexts", name).is_none() {
        let file = config.files.first().map(|f| f.display().to_string()).unwrap_or_default();
        return plain(format!("cannot delete context {name}, not in {file}"));
    }
    if config.content["current-context"] == name.as_str() {
        out::say_err(
            "warning: this removed your active context, use \"kubectl config use-context\" to select a different one\n",
        );
    }
    let path = config.change(
        |c| lookup(c, "contexts", name).is_some(),
        |c| {
            if let Some(entries) = c["contexts"].as_array_mut() {
                entries.retain(|e| e["name"] != name.as_str());
            }
        },
    )?;
    out::say(&format!("deleted context {name} from {}\n", path.display()));
    Ok(())
}

/// `set-context`, `set-cluster`, `set-credentials`.
fn set(session: &Session, name: &str) -> Result<()> {
    let args = &session.args;
    let config = session.config()?;
    let (list, inner, what) = match name {
        "set-context" => ("contexts", "context", "Context"),
        "set-cluster" => ("clusters", "cluster", "Cluster"),
        _ => ("users", "user", "User"),
    };
    let entry = match args.rest.as_slice() {
        [one] if !args.is("current") => one.clone(),
        [] if args.is("current") => {
            match config.content["current-context"].as_str().filter(|c| !c.is_empty()) {
                Some(current) => current.to_owned(),
                None => return plain("no current context is set"),
            }
        }
        _ if name == "set-context" => return plain("you must specify a non-empty context name or --current"),
        _ => return plain(format!("Unexpected args: [{}]", args.rest.join(" "))),
    };
    let mut values: Vec<(String, Value)> = Vec::new();
    let keys: &[(&str, &str)] = match name {
        "set-context" => &[("cluster", "cluster"), ("user", "user"), ("namespace", "namespace")],
        "set-cluster" => &[
            ("server", "server"),
            ("tls-server-name", "tls-server-name"),
            ("certificate-authority", "certificate-authority"),
            ("proxy-url", "proxy-url"),
        ],
        _ => &[
            ("client-certificate", "client-certificate"),
            ("client-key", "client-key"),
            ("token", "token"),
            ("username", "username"),
            ("password", "password"),
        ],
    };
    for (flag, key) in keys {
        let Some(value) = args.one(flag) else { continue };
        let is_file = ["certificate-authority", "client-certificate", "client-key"].contains(key);
        if is_file && args.is("embed-certs") {
            let bytes = std::fs::read(value).map_err(|e| {
                Fail::Plain(format!(
                    "could not read {key} data from {value}: open {value}: {}",
                    crate::kubectl::kubeconfig::go_io(&e)
                ))
            })?;
            values.push((
                format!("{key}-data"),
                json!(base64::engine::general_purpose::STANDARD.encode(bytes)),
            ));
        } else if is_file {
            let full =
                std::path::absolute(Path::new(value)).map_or(value.to_owned(), |p| p.display().to_string());
            values.push(((*key).to_owned(), json!(full)));
        } else {
            values.push(((*key).to_owned(), json!(value)));
        }
    }
    if name == "set-cluster" && args.given("insecure-skip-tls-verify") {
        values.push(("insecure-skip-tls-verify".into(), json!(args.is("insecure-skip-tls-verify"))));
    }
    let known = lookup(&config.content, list, &entry).is_some();
    config.change(
        |c| lookup(c, list, &entry).is_some(),
        |c| {
            if !c[list].is_array() {
                c[list] = json!([]);
            }
            let Some(entries) = c[list].as_array_mut() else { return };
            let at = entries.iter().position(|e| e["name"] == entry.as_str()).unwrap_or_else(|| {
                entries.push(json!({"name": entry, inner: {}}));
                entries.len() - 1
            });
            for (key, value) in values {
                entries[at][inner][key] = value;
            }
        },
    )?;
    let done = if known { "modified" } else { "created" };
    match what {
        "Context" => out::say(&format!("Context \"{entry}\" {done}.\n")),
        "Cluster" => out::say(&format!("Cluster \"{entry}\" set.\n")),
        _ => out::say(&format!("User \"{entry}\" set.\n")),
    }
    Ok(())
}
