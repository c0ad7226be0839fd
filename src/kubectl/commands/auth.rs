//! `kubectl auth can-i` and `kubectl auth whoami`.

use http::Method;
use serde_json::{Value, json};

use crate::kubectl::client::media;
use crate::kubectl::fail::{Fail, Result, plain};
use crate::kubectl::printer::{Format, compact, go_value};
use crate::kubectl::{Session, out, tabs};

const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];
const URL_VERBS: &[&str] = &["get", "put", "post", "head", "options", "delete", "patch", "*"];

async fn review(session: &Session, group: &str, resource: &str, kind: &str, spec: Value) -> Result<Value> {
    let mut body =
        json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"creationTimestamp": null}});
    if !spec.is_null() {
        body["spec"] = spec;
    }
    let body = Some((media::JSON, compact(&body).into_bytes()));
    session.client()?.json(Method::POST, &format!("/apis/{group}/v1/{resource}"), media::JSON, body).await
}

/// Runs `can-i`.
pub async fn can_i(session: &mut Session) -> Result<()> {
    let args = session.args.rest.clone();
    let quiet = session.args.is("quiet");
    if session.args.is("list") {
        if !args.is_empty() {
            return plain("list option must be specified with no arguments");
        }
        return list(session).await;
    }
    let more = || {
        plain(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        )
    };
    let [verb, what] = args.as_slice() else { return more() };
    if quiet && session.args.given("output") {
        return plain("--quiet and --output may not be specified together");
    }
    let warn = |text: String| {
        if !quiet {
            out::say_err(&format!("Warning: {text}\n\n"));
        }
    };
    let spec = if what.starts_with('/') {
        if !URL_VERBS.contains(&verb.as_str()) {
            warn(format!("verb '{verb}' is not a known verb"));
        }
        json!({"nonResourceAttributes": {"verb": verb, "path": what}})
    } else {
        let (kind, name) = what.split_once('/').map_or((what.as_str(), None), |(k, n)| (k, Some(n)));
        let all = session.args.is("all-namespaces");
        let (mut group, mut resource) = (String::new(), kind.to_owned());
        let mut namespaced = true;
        let mut unknown = false;
        if kind == "*" {
            group = "*".into();
        } else {
            match session.resolve(kind).await {
                Ok(found) => {
                    namespaced = found.namespaced;
                    (group, resource) = (found.group, found.name);
                }
                Err(Fail::Plain(_)) => {
                    if let Some((r, g)) = kind.split_once('.') {
                        (resource, group) = (r.into(), g.into());
                    }
                    unknown = true;
                    let named = if group.is_empty() {
                        format!("the server doesn't have a resource type '{resource}'")
                    } else {
                        format!("the server doesn't have a resource type '{resource}' in group '{group}'")
                    };
                    warn(named);
                }
                Err(fail) => return Err(fail),
            }
        }
        if !namespaced && !all {
            let shown = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
            warn(format!("resource '{resource}' is not namespace scoped{shown}"));
        }
        if !VERBS.contains(&verb.as_str()) {
            warn(format!("verb '{verb}' is not a known verb"));
        }
        let _ = unknown;
        let namespace = if all { String::new() } else { session.namespace()?.0 };
        let mut attributes =
            json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
        if let Some(name) = name {
            attributes["name"] = json!(name);
        }
        if let Some(sub) = session.args.text("subresource") {
            attributes["subresource"] = json!(sub);
        }
        json!({"resourceAttributes": attributes})
    };
    let answer =
        review(session, "authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview", spec)
            .await?;
    let status = &answer["status"];
    let allowed = status["allowed"] == json!(true);
    if !quiet {
        let mut line = if allowed { "yes".to_owned() } else { "no".to_owned() };
        if !allowed {
            if let Some(reason) = status["reason"].as_str().filter(|r| !r.is_empty()) {
                line += &format!(" - {reason}");
            }
            if let Some(error) = status["evaluationError"].as_str().filter(|e| !e.is_empty()) {
                line += &format!(" - {error}");
            }
        }
        out::say(&(line + "\n"));
    }
    if allowed { Ok(()) } else { Err(Fail::Exit(1)) }
}

async fn list(session: &Session) -> Result<()> {
    let (namespace, _) = session.namespace()?;
    let answer = review(
        session,
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        json!({"namespace": namespace}),
    )
    .await?;
    let status = &answer["status"];
    if status["incomplete"] == json!(true) {
        let why = status["evaluationError"].as_str().map(|e| format!(": {e}")).unwrap_or_default();
        out::say_err(&format!("Warning: the list may be incomplete{why}\n"));
    }
    let mut text = String::new();
    if !session.args.is("no-headers") {
        text += "Resources\tNon-Resource URLs\tResource Names\tVerbs\n";
    }
    out::say(&tabs::layout(&(text + &rule_lines(status)), 6, 3));
    Ok(())
}

/// The rules, one resource or URL a line, compacted and sorted as kubectl does.
fn rule_lines(status: &Value) -> String {
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
    };
    // One resource and one name a rule; rules for the same ones share their verbs.
    let mut rules: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
    for rule in status["resourceRules"].as_array().into_iter().flatten() {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                let full = if group.is_empty() { resource } else { combined(&resource, &group) };
                let names = words(&rule["resourceNames"]);
                match rules.iter_mut().find(|(r, n, _)| *r == full && *n == names && n.len() <= 1) {
                    Some((_, _, verbs)) => {
                        for verb in words(&rule["verbs"]) {
                            if !verbs.contains(&verb) {
                                verbs.push(verb);
                            }
                        }
                    }
                    None => rules.push((full, names, words(&rule["verbs"]))),
                }
            }
        }
    }
    let key = |(r, n, v): &(String, Vec<String>, Vec<String>)| format!("{r} {} {}", n.join(" "), v.join(" "));
    // The widest rules come first: `*` sorts before letters, and longer verb lists before shorter ones.
    rules.sort_by_key(key);
    rules.sort_by_key(|(r, _, _)| u8::from(!r.contains('*')));
    let brackets = |list: &[String]| format!("[{}]", list.join(" "));
    let mut text = String::new();
    for (resource, names, verbs) in rules {
        text += &format!("{resource}\t[]\t{}\t{}\n", brackets(&names), brackets(&verbs));
    }
    let mut urls: Vec<(Vec<String>, Vec<String>)> = status["nonResourceRules"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| (words(&r["nonResourceURLs"]), words(&r["verbs"])))
        .collect();
    urls.sort_by_key(|(u, _)| u.first().cloned().unwrap_or_default());
    for (url, verbs) in urls {
        for one in url {
            text += &format!("\t[{one}]\t[]\t{}\n", brackets(&verbs));
        }
    }
    text
}

fn combined(resource: &str, group: &str) -> String {
    match resource.split_once('/') {
        Some((name, sub)) => format!("{name}.{group}/{sub}"),
        None => format!("{resource}.{group}"),
    }
}

/// Runs `whoami`.
pub async fn whoami(session: &mut Session) -> Result<()> {
    let format = Format::read(&session.args)?;
    let answer =
        review(session, "authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", Value::Null)
            .await;
    let answer = answer.map_err(|fail| match fail.code() {
        Some(404) => Fail::Plain("the selfsubjectreviews API is not enabled in the cluster\nenable APISelfSubjectReview feature gate and authentication.k8s.io/v1alpha1 or authentication.k8s.io/v1beta1 API".into()),
        _ => fail,
    })?;
    if !format.is_human() {
        let mut answer = answer;
        answer["apiVersion"] = json!("authentication.k8s.io/v1");
        answer["kind"] = json!("SelfSubjectReview");
        out::say(&format.object(None, &answer, session.args.is("show-managed-fields"))?);
        return Ok(());
    }
    let user = &answer["status"]["userInfo"];
    let mut text = String::from("ATTRIBUTE\tVALUE\n");
    for (key, shown) in [("username", "Username"), ("uid", "UID")] {
        if let Some(value) = user[key].as_str().filter(|v| !v.is_empty()) {
            text += &format!("{shown}\t{value}\n");
        }
    }
    if user["groups"].as_array().is_some_and(|g| !g.is_empty()) {
        text += &format!("Groups\t{}\n", go_value(&user["groups"]));
    }
    for (key, value) in user["extra"].as_object().into_iter().flatten() {
        text += &format!("Extra: {key}\t{}\n", go_value(value));
    }
    out::say(&tabs::layout(&text, 6, 3));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_listed_in_kubectls_order() {
        let status = json!({
            "resourceRules": [
                {"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]},
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
                {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]},
            ],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/api"]}],
        });
        assert_eq!(
            rule_lines(&status),
            "*.*\t[]\t[]\t[*]\npods\t[]\t[]\t[get list]\nselfsubjectaccessreviews.authorization.k8s.io\t[]\t[]\t[create]\n\t[/healthz]\t[]\t[get]\n\t[/api]\t[]\t[get]\n"
        );
    }
}
