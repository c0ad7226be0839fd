//! What crictl prints as JSON and YAML.
//!
//! Lists are printed as the messages that they are, fields in the order of the runtime's API; what is inspected has its keys sorted.
//! Upstream: `cmd/crictl/util.go`; `k8s.io/cri-api/pkg/apis/runtime/v1/api.proto`.

use serde_json::Value;

use crate::go_yaml;

/// Fields in the order of their messages; what is not here comes after them.
const ORDER: [&str; 44] = [
    "id",
    "podSandboxId",
    "metadata",
    "name",
    "uid",
    "namespace",
    "attempt",
    "image",
    "imageRef",
    "state",
    "createdAt",
    "labels",
    "annotations",
    "userSpecifiedImage",
    "runtimeHandler",
    "imageId",
    "repoTags",
    "repoDigests",
    "size",
    "username",
    "spec",
    "pinned",
    "attributes",
    "linux",
    "windows",
    "cpu",
    "memory",
    "writableLayer",
    "swap",
    "network",
    "process",
    "containers",
    "io",
    "timestamp",
    "fsId",
    "usedBytes",
    "inodesUsed",
    "usageCoreNanoSeconds",
    "workingSetBytes",
    "availableBytes",
    "usageBytes",
    "rssBytes",
    "pageFaults",
    "majorPageFaults",
];

/// A list in a format that is not a table; `None` where crictl does not know the format.
pub fn listed(value: &Value, format: &str) -> Option<String> {
    match format {
        "json" => {
            let mut out = String::new();
            message(value, 0, "", &mut out);
            Some(out + "\n")
        }
        other => inspected(value, other),
    }
}

/// The same of something whose keys are sorted.
pub fn inspected(value: &Value, format: &str) -> Option<String> {
    match format {
        "json" => Some(format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default())),
        "yaml" => Some(format!("{}\n", go_yaml::to_string(value))),
        _ => None,
    }
}

/// Writes a message, which is the value of a field.
fn message(value: &Value, depth: usize, field: &str, out: &mut String) {
    let indent = |depth: usize| "  ".repeat(depth);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let mut keys: Vec<&String> = fields.keys().collect();
            if !["labels", "annotations"].contains(&field) {
                keys.sort_by_key(|key| match (field, key.as_str()) {
                    // Of an image it is the last.
                    ("image", "imageRef") => ORDER.len(),
                    (_, key) => ORDER.iter().position(|known| *known == key).unwrap_or(ORDER.len()),
                });
            }
            out.push_str("{\n");
            for (at, key) in keys.iter().enumerate() {
                let comma = if at + 1 == keys.len() { "" } else { "," };
                *out += &format!("{}{}: ", indent(depth + 1), Value::from(key.as_str()));
                message(&fields[*key], depth + 1, key, out);
                *out += &format!("{comma}\n");
            }
            *out += &format!("{}}}", indent(depth));
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str("[\n");
            for (at, item) in items.iter().enumerate() {
                *out += &indent(depth + 1);
                message(item, depth + 1, "", out);
                *out += if at + 1 == items.len() { "\n" } else { ",\n" };
            }
            *out += &format!("{}]", indent(depth));
        }
        scalar => *out += &scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_messages_keep_their_order() {
        let value = json!({"items": [{"annotations": {"id": "b", "a": "c"}, "state": "S", "metadata": {"attempt": 0, "name": "n"},
            "id": "x", "runtimeHandler": ""}], "none": []});
        assert_eq!(
            listed(&value, "json").unwrap(),
            "{\n  \"items\": [\n    {\n      \"id\": \"x\",\n      \"metadata\": {\n        \"name\": \"n\",\n        \"attempt\": 0\n      },\n      \
             \"state\": \"S\",\n      \"annotations\": {\n        \"a\": \"c\",\n        \"id\": \"b\"\n      },\n      \"runtimeHandler\": \"\"\n    }\n  ],\n  \
             \"none\": []\n}\n"
        );
        assert_eq!(listed(&json!({"a": "1"}), "yaml").unwrap(), "a: \"1\"\n\n");
        assert_eq!(listed(&value, "wide"), None);
    }
}
