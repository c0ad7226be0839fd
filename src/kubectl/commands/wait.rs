//! `kubectl wait`.

use std::time::Duration;

use serde_json::Value;

use super::delete;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::jsonpath::{Template, relaxed, shown};
use crate::kubectl::select::{self, Narrow, Selection};
use crate::kubectl::{Session, out};

/// What is waited for.
enum Condition {
    Gone,
    There,
    Status(String, String),
    Path(Template, Option<String>),
}

fn condition(text: &str) -> Result<Condition> {
    let lower = text.to_lowercase();
    if lower == "delete" {
        return Ok(Condition::Gone);
    }
    if lower == "create" {
        return Ok(Condition::There);
    }
    if let Some(name) = text.strip_prefix("condition=") {
        let (name, value) = name.split_once('=').unwrap_or((name, "true"));
        return Ok(Condition::Status(name.to_lowercase(), value.to_lowercase()));
    }
    if let Some(path) = text.strip_prefix("jsonpath=") {
        let (path, value) = match path.rfind("}=") {
            Some(at) => (&path[..=at], Some(path[at + 2..].trim_matches(['\'', '"']).to_owned())),
            None => (path, None),
        };
        return Ok(Condition::Path(Template::parse(&relaxed(path)?)?, value));
    }
    plain(format!("unrecognized condition: {}", crate::go_quote::quote(text)))
}

fn met(condition: &Condition, object: &Value) -> Result<bool> {
    Ok(match condition {
        Condition::Gone => false,
        Condition::There => true,
        Condition::Status(name, wanted) => {
            object["status"]["conditions"].as_array().into_iter().flatten().any(|c| {
                c["type"].as_str().is_some_and(|t| t.to_lowercase() == *name)
                    && c["status"].as_str().is_some_and(|s| s.to_lowercase() == *wanted)
            })
        }
        Condition::Path(template, wanted) => {
            let found = template.values(object)?;
            match wanted {
                None => !found.is_empty(),
                Some(wanted) => found.first().is_some_and(|v| shown(v) == *wanted),
            }
        }
    })
}

/// Runs the command.
pub async fn run(session: &mut Session) -> Result<()> {
    let condition = condition(session.args.one("for").unwrap_or_default())?;
    let limit = match session.args.text("timeout") {
        Some(text) if text.starts_with('-') => Duration::from_secs(7 * 24 * 3600),
        _ => session.args.duration("timeout")?.unwrap_or(Duration::from_secs(30)),
    };
    let narrow = Narrow::read(session);
    let words = session.args.rest.clone();
    let mut targets = Vec::new();
    if session.args.given("filename") {
        targets = select::from_files(session).await?;
    } else {
        for selection in select::selections(session, &words, &narrow).await? {
            match selection {
                Selection::Named(resource, name) => {
                    let namespace = session.namespace_for(&resource);
                    targets.push(select::Info {
                        resource,
                        namespace,
                        name,
                        object: Value::Null,
                        source: None,
                    });
                }
                Selection::Listed(_) if !narrow.all && narrow.labels.is_none() && narrow.fields.is_none() => {
                    return plain("resource(s) were provided, but no name was specified");
                }
                Selection::Listed(resource) => {
                    let items = select::list(session, &resource, &narrow).await?;
                    targets.extend(items.into_iter().map(|o| select::info_of(resource.clone(), o, None)));
                }
            }
        }
    }
    if targets.is_empty() {
        return if matches!(condition, Condition::Gone) {
            Ok(())
        } else {
            plain("no matching resources found")
        };
    }
    let mut fails = Vec::new();
    for info in targets {
        let timed_out = || {
            Fail::Plain(format!(
                "timed out waiting for the condition on {}/{}",
                info.resource.name, info.name
            ))
        };
        if let Condition::Gone = condition {
            match delete::until_gone(session, &info, limit).await {
                Ok(()) => out::say(&format!("{} condition met\n", info.shown())),
                Err(fail) => fails.push(fail),
            }
            continue;
        }
        let client = session.client()?;
        let path = info.path();
        let check = async {
            loop {
                match client.get(&path).await {
                    Ok(object) if met(&condition, &object)? => return Ok(()),
                    Ok(_) => {}
                    Err(fail) if fail.is_not_found() && matches!(condition, Condition::There) => {}
                    Err(fail) => return Err(fail),
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        };
        match tokio::time::timeout(limit.max(Duration::from_millis(1)), check).await {
            Ok(Ok(())) => out::say(&format!("{} condition met\n", info.shown())),
            Ok(Err(fail)) => fails.push(fail),
            Err(_) => fails.push(timed_out()),
        }
    }
    Fail::collect(fails)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn conditions() {
        let node = json!({"status": {"phase": "Up", "conditions": [{"type": "Ready", "status": "True"}]}});
        for (text, wanted) in [
            ("condition=Ready", true),
            ("condition=ready=False", false),
            ("jsonpath={.status.phase}=Up", true),
            ("jsonpath='{.status.phase}'=Down".trim_matches('\''), false),
            ("jsonpath={.status.none}", false),
            ("create", true),
        ] {
            let text = text.replace('\'', "");
            assert_eq!(met(&condition(&text).unwrap(), &node).unwrap(), wanted, "{text}");
        }
        assert_eq!(condition("").err().unwrap().render().0, "error: unrecognized condition: \"\"\n");
    }
}
