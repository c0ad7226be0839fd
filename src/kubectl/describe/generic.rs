//! Any object: its fields in alphabetical order under readable titles.

use serde_json::Value;

use super::{Writer, write_map};
use crate::kubectl::printer::go_value;
use crate::kubectl::select::Info;

const ACRONYMS: &[&str] =
    &["api", "cidr", "dns", "http", "https", "id", "ip", "tls", "uid", "url", "uri", "ca"];

/// Describes it.
pub fn describe(w: &mut Writer, object: &Value, info: &Info) {
    let metadata = &object["metadata"];
    w.line(0, format!("Name:\t{}", metadata["name"].as_str().unwrap_or_default()));
    w.line(0, format!("Namespace:\t{}", metadata["namespace"].as_str().unwrap_or_default()));
    write_map(w, "Labels", &metadata["labels"], "=");
    write_map(w, "Annotations", &metadata["annotations"], ": ");
    let mut body = object.clone();
    body["apiVersion"] = info.resource.group_version().into();
    body["kind"] = info.resource.kind.clone().into();
    if let Some(map) = body["metadata"].as_object_mut() {
        for key in ["name", "namespace", "labels", "annotations", "managedFields", "selfLink"] {
            map.remove(key);
        }
    }
    fields(w, 0, &body);
}

fn fields(w: &mut Writer, level: usize, value: &Value) {
    let Some(map) = value.as_object() else { return };
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort();
    for key in keys {
        let title = title(key);
        match &map[key] {
            Value::Object(inner) if inner.is_empty() => w.line(level, format!("{title}:")),
            inner @ Value::Object(_) => {
                w.line(level, format!("{title}:"));
                fields(w, level + 1, inner);
            }
            Value::Array(items) => {
                w.line(level, format!("{title}:"));
                for item in items {
                    if item.is_object() {
                        fields(w, level + 1, item);
                    } else {
                        w.line(level + 1, go_value(item));
                    }
                }
            }
            scalar => w.line(level, format!("{title}:\t{}", go_value(scalar))),
        }
    }
}

/// `creationTimestamp` -> `Creation Timestamp`, `podCIDR` -> `Pod CIDR`.
fn title(key: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = key.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before_upper = i > 0 && chars[i - 1].is_uppercase();
        let next_lower = chars.get(i + 1).is_some_and(|n| n.is_lowercase());
        let starts = i == 0 || (c.is_uppercase() && (!before_upper || next_lower));
        match words.last_mut() {
            Some(word) if !starts => word.push(c),
            _ => words.push(c.to_string()),
        }
    }
    let shown: Vec<String> = words
        .iter()
        .map(|word| {
            if ACRONYMS.contains(&word.to_lowercase().as_str()) {
                return word.to_uppercase();
            }
            let mut chars = word.chars();
            chars.next().map_or(String::new(), |c| c.to_uppercase().collect::<String>() + chars.as_str())
        })
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn titles() {
        for (key, wanted) in [
            ("creationTimestamp", "Creation Timestamp"),
            ("uid", "UID"),
            ("apiVersion", "API Version"),
            ("podCIDR", "Pod CIDR"),
            ("leaseDurationSeconds", "Lease Duration Seconds"),
        ] {
            assert_eq!(title(key), wanted);
        }
    }
}
