//! `audit`: a request that was made, and by whom.
//!
//! Only real writes to the object itself count; dry runs, the checks' own among them, do not.

use serde_json::{Map, Value, json};

use super::{Facts, Found, Ground, Verdict, http};
use crate::apiserver::audit::Entry;
use crate::cluster::Identity;
use crate::lesson::schema::AuditCheck;
use crate::text::{Language, tr};

/// How many entries are looked at, the newest first.
const LIMIT: usize = 500;

/// Looks through the record. Without one, what the object itself tells is said, and nothing is graded.
pub async fn look(check: &AuditCheck, ground: &Ground<'_>) -> Found {
    let Some(log) = ground.cluster.audit() else {
        let trace = match &check.label {
            Some(label) => trace(check, label, ground).await,
            None => None,
        };
        let seen = trace.map_or_else(String::new, |t| format!("{t}; "));
        return Found::skipped(tr!(ground.language(), check_no_audit_log { seen }));
    };
    let settled = ground.cluster.record_settles().await;
    let entries = log.since(ground.since);
    let relevant: Vec<Value> = entries
        .iter()
        .rev()
        .filter(|e| is_write(e) && e.resource == check.resource)
        .filter(|e| check.name.is_empty() || e.name == check.name)
        .filter(|e| check.namespace.is_empty() || e.namespace == check.namespace)
        .map(described)
        .filter(|e| check.label.as_ref().is_none_or(|label| e["labels"].get(label).is_some()))
        .take(LIMIT)
        .collect();
    for entry in &relevant {
        let mut facts = Facts::new();
        facts.insert("entry".into(), entry.clone());
        let found = Found::by_expr(&check.expr, facts, sentence(entry, ground.language()));
        if found.verdict != Verdict::Fail {
            return found;
        }
    }
    if !settled {
        return Found::new(Verdict::Error, tr!(ground.language(), check_record_behind));
    }
    let observed = match (relevant.first(), &check.label) {
        (Some(entry), _) => sentence(entry, ground.language()),
        (None, Some(label)) => tr!(ground.language(), check_nobody_set_label { label, name: check.name }),
        (None, None) if check.name.is_empty() => {
            tr!(ground.language(), check_nobody_wrote_any { resource: check.resource })
        }
        (None, None) => tr!(ground.language(), check_nobody_wrote { name: check.name }),
    };
    let mut facts = Facts::new();
    facts.insert("entries".into(), Value::Array(relevant));
    Found::decided(false, observed, facts)
}

/// Who the object's managed fields say set the label, and when.
async fn trace(check: &AuditCheck, label: &str, ground: &Ground<'_>) -> Option<String> {
    let client = ground.cluster.client(&Identity::Admin).ok()?;
    let path = format!("/api/v1/{}/{}", check.resource, check.name);
    let object = http::get(&client, &path).await.ok()?.body;
    let field = format!("/fieldsV1/f:metadata/f:labels/f:{}", label.replace('~', "~0").replace('/', "~1"));
    let managed = object.pointer("/metadata/managedFields")?.as_array()?;
    let entry = managed.iter().find(|entry| entry.pointer(&field).is_some())?;
    let text = |key: &str| entry[key].as_str().unwrap_or("unknown").to_owned();
    Some(tr!(ground.language(), check_set_by_way_of { label, manager: text("manager"), time: text("time") }))
}

fn is_write(entry: &Entry) -> bool {
    !entry.dry_run
        && entry.subresource.is_empty()
        && matches!(entry.verb.as_str(), "patch" | "update" | "create")
}

fn described(entry: &Entry) -> Value {
    json!({
        "user": entry.user, "groups": entry.groups, "impersonator": entry.impersonator, "verb": entry.verb,
        "code": entry.code, "message": entry.message, "authenticated_by": entry.authenticated_by,
        "user_agent": entry.user_agent, "authorizer": entry.authorizer, "decision": entry.decision,
        "refused_by": entry.admission.iter().find(|n| n.refused.is_some()).map(|n| n.plugin.clone()),
        "name": entry.name, "namespace": entry.namespace, "labels": labels(entry),
    })
}

fn sentence(entry: &Value, lang: Language) -> String {
    let text = |key: &str| entry[key].as_str().unwrap_or("");
    let who = match entry["impersonator"].as_str() {
        Some(admin) => tr!(lang, check_impersonated_by { user: text("user"), admin }),
        None => text("user").to_owned(),
    };
    match text("message") {
        "" => tr!(lang, check_wrote { who, name: text("name"), code: entry["code"] }),
        message => tr!(lang, check_was_refused { who, message }),
    }
}

/// The labels that a request's body names, whatever kind of patch it is; a removed one has the value null.
fn labels(entry: &Entry) -> Map<String, Value> {
    let Some(text) = &entry.request_body else { return Map::new() };
    let body: Value = match serde_json::from_str(text) {
        Ok(body) => body,
        Err(_) => serde_yaml::from_str(text).unwrap_or(Value::Null),
    };
    if let Some(labels) = body.pointer("/metadata/labels").and_then(Value::as_object) {
        return labels.clone();
    }
    let mut found = Map::new();
    for operation in body.as_array().into_iter().flatten() {
        let path = operation["path"].as_str().unwrap_or("");
        let value = operation.get("value").cloned().unwrap_or(Value::Null);
        if let Some(key) = path.strip_prefix("/metadata/labels/") {
            found.insert(key.replace("~1", "/").replace("~0", "~"), value);
        } else if path == "/metadata/labels"
            && let Some(all) = value.as_object()
        {
            found.extend(all.clone());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn entry(body: &str) -> Entry {
        serde_json::from_value(json!({
            "sequence": 1, "at": "2026-11-24T08:00:00Z", "user": "u", "groups": [], "impersonator": null,
            "authenticated_by": "x509", "user_agent": "", "verb": "patch", "uri": "/", "group": "",
            "resource": "nodes", "subresource": "", "namespace": "", "name": "n", "dry_run": false,
            "authorizer": "", "decision": "allow", "reason": "", "admission": [], "request_body": body, "code": 200,
            "message": "", "resource_version": null, "micros": 1
        }))
        .unwrap()
    }

    #[test]
    fn labels_are_found_in_every_kind_of_patch() {
        let one = json!({"killercoda/one": "123"});
        for (body, expected) in [
            (r#"{"metadata":{"labels":{"killercoda/one":"123"}}}"#, one.clone()),
            ("apiVersion: v1\nkind: Node\nmetadata:\n  labels:\n    killercoda/one: '123'\n", one.clone()),
            (r#"[{"op":"add","path":"/metadata/labels/killercoda~1one","value":"123"}]"#, one.clone()),
            (r#"[{"op":"replace","path":"/metadata/labels","value":{"killercoda/one":"123"}}]"#, one),
            (r#"{"metadata":{"labels":{"killercoda/one":null}}}"#, json!({"killercoda/one": null})),
            (r#"{"metadata":{"annotations":{"killercoda/one":"123"}}}"#, json!({})),
            ("{{{", json!({})),
            ("", json!({})),
        ] {
            assert_eq!(Value::Object(labels(&entry(body))), expected, "{body}");
        }
    }

    #[test]
    fn only_real_writes_to_the_object_count() {
        assert!(is_write(&entry("")));
        assert!(!is_write(&Entry { dry_run: true, ..entry("") }));
        assert!(!is_write(&Entry { subresource: "status".into(), ..entry("") }));
        assert!(!is_write(&Entry { verb: "get".into(), ..entry("") }));
    }
}
