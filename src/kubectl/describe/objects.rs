//! Secrets, config maps, service accounts, services, namespaces, roles and bindings.

use base64::Engine as _;
use serde_json::Value;

use super::{Writer, items, or, write_head};
use crate::kubectl::Session;
use crate::kubectl::printer::go_value;

fn sorted(map: &Value) -> Vec<(&String, &Value)> {
    let mut pairs: Vec<_> = map.as_object().into_iter().flatten().collect();
    pairs.sort_by_key(|(k, _)| (*k).clone());
    pairs
}

/// A secret: how long its values are, never what they are.
pub fn secret(w: &mut Writer, object: &Value) {
    write_head(w, object);
    w.line(0, format!("\nType:\t{}", or(&object["type"], "")));
    w.line(0, "\nData\n====");
    for (key, value) in sorted(&object["data"]) {
        let bytes = base64::engine::general_purpose::STANDARD.decode(or(value, "")).unwrap_or_default();
        if object["type"] == "kubernetes.io/service-account-token" && key == "token" {
            w.line(0, format!("{key}:\t{}", String::from_utf8_lossy(&bytes)));
        } else {
            w.line(0, format!("{key}:\t{} bytes", bytes.len()));
        }
    }
}

/// A config map with its values.
pub fn config_map(w: &mut Writer, object: &Value) {
    write_head(w, object);
    w.line(0, "\nData\n====");
    for (key, value) in sorted(&object["data"]) {
        w.line(0, format!("{key}:\n----\n{}\n", or(value, "")));
    }
    w.line(0, "\nBinaryData\n====");
    for (key, value) in sorted(&object["binaryData"]) {
        let bytes = base64::engine::general_purpose::STANDARD.decode(or(value, "")).unwrap_or_default();
        w.line(0, format!("{key}: {} bytes", bytes.len()));
    }
    w.line(0, "");
}

/// A service account.
pub fn service_account(w: &mut Writer, object: &Value) {
    write_head(w, object);
    let names = |field: &str| items(&object[field]).filter_map(|s| s["name"].as_str()).collect::<Vec<_>>();
    for (title, names) in [
        ("Image pull secrets", names("imagePullSecrets")),
        ("Mountable secrets", names("secrets")),
        ("Tokens", Vec::new()),
    ] {
        if names.is_empty() {
            w.line(0, format!("{title}:\t<none>"));
        }
        for (i, name) in names.iter().enumerate() {
            let head = if i == 0 { format!("{title}:") } else { String::new() };
            w.line(0, format!("{head}\t{name}"));
        }
    }
}

/// A service.
pub fn service(w: &mut Writer, object: &Value) {
    write_head(w, object);
    let spec = &object["spec"];
    let selector: Vec<String> =
        sorted(&spec["selector"]).iter().map(|(k, v)| format!("{k}={}", or(v, ""))).collect();
    w.line(
        0,
        format!("Selector:\t{}", if selector.is_empty() { "<none>".into() } else { selector.join(",") }),
    );
    w.line(0, format!("Type:\t{}", or(&spec["type"], "")));
    let list = |value: &Value| items(value).filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    w.line(0, format!("IP Family Policy:\t{}", or(&spec["ipFamilyPolicy"], "<none>")));
    w.line(0, format!("IP Families:\t{}", list(&spec["ipFamilies"])));
    w.line(0, format!("IP:\t{}", or(&spec["clusterIP"], "")));
    w.line(0, format!("IPs:\t{}", list(&spec["clusterIPs"])));
    for port in items(&spec["ports"]) {
        let protocol = or(&port["protocol"], "TCP");
        w.line(0, format!("Port:\t{}\t{}/{protocol}", or(&port["name"], "<unset>"), go_value(&port["port"])));
        w.line(0, format!("TargetPort:\t{}/{protocol}", go_value(&port["targetPort"])));
        if port["nodePort"].as_i64().unwrap_or(0) != 0 {
            w.line(
                0,
                format!(
                    "NodePort:\t{}\t{}/{protocol}",
                    or(&port["name"], "<unset>"),
                    go_value(&port["nodePort"])
                ),
            );
        }
    }
    w.line(0, format!("Session Affinity:\t{}", or(&spec["sessionAffinity"], "None")));
    if let Some(policy) = spec["internalTrafficPolicy"].as_str() {
        w.line(0, format!("Internal Traffic Policy:\t{policy}"));
    }
}

/// A namespace with its quotas and limits.
pub async fn namespace(session: &Session, w: &mut Writer, object: &Value) {
    w.line(0, format!("Name:\t{}", or(&object["metadata"]["name"], "")));
    super::write_map(w, "Labels", &object["metadata"]["labels"], "=");
    super::write_map(w, "Annotations", &object["metadata"]["annotations"], ": ");
    w.line(0, format!("Status:\t{}", or(&object["status"]["phase"], "")));
    let name = or(&object["metadata"]["name"], "");
    for (resource, title, none) in [
        ("resourcequotas", "Resource Quotas", "No resource quota."),
        ("limitranges", "Resource Limits", "No LimitRange resource."),
    ] {
        let found = match session.client() {
            Ok(client) => {
                client.get(&format!("/api/v1/namespaces/{name}/{resource}")).await.unwrap_or(Value::Null)
            }
            Err(_) => Value::Null,
        };
        let names: Vec<&str> =
            items(&found["items"]).filter_map(|i| i["metadata"]["name"].as_str()).collect();
        w.line(0, "");
        if names.is_empty() {
            w.line(0, none);
        } else {
            w.line(0, title);
            for name in names {
                w.line(1, format!("Name:\t{name}"));
            }
        }
    }
}

/// A line of a role: resource, non-resource URLs, resource names, verbs.
type Rule = (String, Vec<String>, Vec<String>, Vec<String>);

/// A role: one line for each resource or URL of its rules.
pub fn role(w: &mut Writer, object: &Value) {
    let metadata = &object["metadata"];
    w.line(0, format!("Name:\t{}", or(&metadata["name"], "")));
    super::write_map(w, "Labels", &metadata["labels"], "=");
    super::write_map(w, "Annotations", &metadata["annotations"], ": ");
    w.line(0, "PolicyRule:");
    w.line(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    w.line(1, "---------\t-----------------\t--------------\t-----");
    let words =
        |value: &Value| items(value).filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>();
    let mut lines: Vec<Rule> = Vec::new();
    for rule in items(&object["rules"]) {
        let (names, verbs) = (words(&rule["resourceNames"]), words(&rule["verbs"]));
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                let full = match resource.split_once('/') {
                    _ if group.is_empty() => resource.clone(),
                    Some((name, sub)) => format!("{name}.{group}/{sub}"),
                    None => format!("{resource}.{group}"),
                };
                let one_each = if names.is_empty() {
                    vec![Vec::new()]
                } else {
                    names.iter().map(|n| vec![n.clone()]).collect()
                };
                for names in one_each {
                    match lines.iter_mut().find(|(r, u, n, _)| *r == full && u.is_empty() && *n == names) {
                        Some((_, _, _, have)) => have
                            .extend(verbs.iter().filter(|v| !have.contains(v)).cloned().collect::<Vec<_>>()),
                        None => lines.push((full.clone(), Vec::new(), names, verbs.clone())),
                    }
                }
            }
        }
        for url in words(&rule["nonResourceURLs"]) {
            lines.push((String::new(), vec![url], Vec::new(), verbs.clone()));
        }
    }
    // Those that allow more come first, as kubectl sorts by how the rule reads.
    lines.sort_by_key(|(r, u, n, v)| (r.is_empty(), r.clone(), u.clone(), n.clone(), v.clone()));
    for (resource, urls, names, verbs) in lines {
        let list = |words: &[String]| format!("[{}]", words.join(" "));
        w.line(1, format!("{resource}\t{}\t{}\t{}", list(&urls), list(&names), list(&verbs)));
    }
}

/// A binding: its role and its subjects.
pub fn binding(w: &mut Writer, object: &Value) {
    let metadata = &object["metadata"];
    w.line(0, format!("Name:\t{}", or(&metadata["name"], "")));
    super::write_map(w, "Labels", &metadata["labels"], "=");
    super::write_map(w, "Annotations", &metadata["annotations"], ": ");
    w.line(0, "Role:");
    w.line(1, format!("Kind:\t{}", or(&object["roleRef"]["kind"], "")));
    w.line(1, format!("Name:\t{}", or(&object["roleRef"]["name"], "")));
    w.line(0, "Subjects:");
    w.line(1, "Kind\tName\tNamespace");
    w.line(1, "----\t----\t---------");
    for subject in items(&object["subjects"]) {
        w.line(
            1,
            format!(
                "{}\t{}\t{}",
                or(&subject["kind"], ""),
                or(&subject["name"], ""),
                or(&subject["namespace"], "")
            ),
        );
    }
}
