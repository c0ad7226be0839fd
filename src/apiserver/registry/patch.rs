//! The patch types JSON patch, merge patch and strategic merge patch.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`, `k8s.io/apimachinery/pkg/util/strategicpatch`.
//! Server-side apply is [`super::managed_fields::apply`].

mod json_patch;
mod strategic;

use serde_json::{Map, Value, json};

use super::decode::FieldValidation;
use super::json::{self, Node};
use super::schema::{Schema, Shape};
use super::typed::{self, Findings};
use super::validation::invalid_kind;
use super::{FieldError, ResourceType};
use crate::apiserver::status::Status;

/// How many operations a JSON patch may have.
const MOST_OPERATIONS: usize = 10_000;

/// The kind of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`
    Json,
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
    /// `application/apply-patch+yaml`
    Apply,
}

impl PatchType {
    /// The type of a `Content-Type` (parameters already stripped).
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        Some(match content_type {
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            "application/apply-patch+yaml" => Self::Apply,
            _ => return None,
        })
    }
}

/// Applies a JSON, merge or strategic merge patch to `current`; also gives the warnings.
///
/// The outcome has the shape the real server would store. Defaults, managed fields, admission and validation are the
/// caller's.
pub fn apply(
    rt: &ResourceType,
    subresource: &str,
    kind: PatchType,
    current: &Value,
    patch: &[u8],
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let schema = Schema::of(rt.release);
    let (group, version, name) = rt.wire_kind(subresource);
    let root = schema
        .kind(group, version, name)
        .ok_or_else(|| Status::internal(format!("no schema for {version}, Kind={name}")))?;
    let strict = validation != FieldValidation::Ignore;
    let mut found = Vec::new();
    let (patched, shown) = match kind {
        PatchType::Json => {
            let patched = json_patched(current, patch, strict, &mut found)?;
            let shown = patched.to_string();
            (patched, shown)
        }
        PatchType::Merge => {
            let node = merge_body(patch, strict)?;
            if strict {
                node.duplicates("", &mut found);
            }
            let mut patched = current.clone();
            ::json_patch::merge(&mut patched, &node.to_value());
            let shown = patched.to_string();
            (patched, shown)
        }
        PatchType::Strategic | PatchType::Apply => {
            let node = json::parse(patch).map_err(Status::bad_request)?;
            object_only(&node).map_err(Status::bad_request)?;
            if strict {
                node.duplicates("", &mut found);
            }
            let change = node.to_value();
            let shown = strategic::go_map(&change);
            (strategic_patch(schema, root, current, change)?, shown)
        }
    };
    let refuse = |error: String| {
        let value = Value::String(shown.clone());
        invalid_kind(rt.release, ("", ""), "", vec![FieldError::invalid("patch", value, error)])
    };
    let api_version = rt_version(group, version);
    // A strategic merge patch goes into an object of the right type, whatever it says of itself.
    let error = if kind == PatchType::Strategic {
        let said = [&patched["kind"], &patched["apiVersion"]];
        said.into_iter().find_map(no_text)
    } else {
        other_kind(schema, rt.release.wording.scheme, &patched, (group, version, name), &api_version)
    };
    if let Some(error) = error {
        return Err(refuse(error));
    }
    let mut findings = Findings::default();
    let mut object = typed::shape(schema, root, &Node::from_value(&patched), &mut findings);
    if let Some(error) = findings.error {
        return Err(refuse(if kind == PatchType::Strategic { converter_error(&error) } else { error }));
    }
    found.extend(findings.strict);
    if validation == FieldValidation::Strict && !found.is_empty() {
        return Err(refuse(format!("strict decoding error: {}", found.join(", "))));
    }
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(name);
    Ok((object, if validation == FieldValidation::Warn { found } else { Vec::new() }))
}

fn rt_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn object_only(node: &Node) -> Result<(), String> {
    match node {
        Node::Object(_) | Node::Null => Ok(()),
        other => {
            let word = other.word();
            Err(format!("json: cannot unmarshal {word} into Go value of type map[string]interface {{}}"))
        }
    }
}

fn merge_body(patch: &[u8], strict: bool) -> Result<Node, Status> {
    let wrong = |error: String| {
        Status::bad_request(if strict {
            format!("error decoding patch: {error}")
        } else {
            "Invalid JSON Patch".to_owned()
        })
    };
    let node = json::parse(patch).map_err(wrong)?;
    object_only(&node).map_err(wrong)?;
    if node == Node::Null {
        return Err(Status::bad_request("Invalid JSON Patch"));
    }
    Ok(node)
}

/// The answer to a JSON patch whose operations cannot be carried out.
fn unprocessable() -> Status {
    Status::generic(422, "Invalid", "the server rejected our request due to an error in our request")
}

fn json_patched(
    current: &Value,
    patch: &[u8],
    strict: bool,
    found: &mut Vec<String>,
) -> Result<Value, Status> {
    let decoding = |error: String| {
        Status::bad_request(if strict { format!("error decoding patch: {error}") } else { error })
    };
    let node = json::parse(patch).map_err(decoding)?;
    let operations = match &node {
        Node::Array(items) => items.clone(),
        Node::Null => Vec::new(),
        other => {
            let target = if strict { "[]handlers.jsonPatchOp" } else { "jsonpatch.Patch" };
            return Err(decoding(format!(
                "json: cannot unmarshal {} into Go value of type {target}",
                other.word()
            )));
        }
    };
    if operations.len() > MOST_OPERATIONS {
        let message = format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            operations.len()
        );
        return Err(Status::new(413, "RequestEntityTooLarge", message));
    }
    for (i, operation) in operations.iter().enumerate() {
        let Node::Object(entries) = operation else {
            let word = operation.word();
            return Err(decoding(format!(
                "json: cannot unmarshal {word} into Go value of type handlers.jsonPatchOp"
            )));
        };
        let mut seen = std::collections::HashSet::new();
        for (key, value) in entries {
            match key.as_str() {
                "value" => {}
                "op" | "path" | "from" if matches!(value, Node::String(_)) => {}
                "op" | "path" | "from" => {
                    let word = value.word();
                    return Err(decoding(format!(
                        "json: cannot unmarshal {word} into Go struct field jsonPatchOp.{key} of type string"
                    )));
                }
                other if strict => found.push(format!("json patch unknown field \"[{i}].{other}\"")),
                _ => {}
            }
            if !seen.insert(key) && strict {
                found.push(format!("json patch duplicate field \"[{i}].{key}\""));
            }
        }
    }
    let mut patched = current.clone();
    json_patch::apply(&mut patched, &operations).map_err(|json_patch::Refused| unprocessable())?;
    Ok(patched)
}

fn strategic_patch(schema: &Schema, root: u16, current: &Value, change: Value) -> Result<Value, Status> {
    let original = current.as_object().cloned().unwrap_or_default();
    let change = match change {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    match strategic::merge(schema, Some(Shape::Struct(root)), original, change) {
        Ok(merged) => Ok(Value::Object(merged)),
        Err(strategic::Error::BadRequest(why)) => Err(Status::bad_request(why)),
        Err(strategic::Error::Unprocessable) => Err(unprocessable()),
        Err(strategic::Error::Other(why)) => Err(Status::new(500, "", why)),
    }
}

/// What is wrong where a patch turned the object into another kind.
fn other_kind(
    schema: &Schema,
    scheme: &str,
    patched: &Value,
    (group, version, kind): (&str, &str, &str),
    expected: &str,
) -> Option<String> {
    let said = patched.get("apiVersion").and_then(Value::as_str).unwrap_or(expected);
    let said_kind = patched.get("kind").and_then(Value::as_str).unwrap_or(kind);
    if said == expected && said_kind == kind {
        return None;
    }
    let (said_group, said_version) = said.split_once('/').unwrap_or(("", said));
    if schema.kind(said_group, said_version, said_kind).is_none() {
        return Some(format!(
            "no kind {said_kind:?} is registered for version {said:?} in scheme {scheme:?}"
        ));
    }
    let hub = if group.is_empty() { "core" } else { group.split('.').next().unwrap_or(group) };
    let _ = version;
    Some(format!("converting ({said_version}.{said_kind}) to ({hub}.{kind}): unknown conversion"))
}

/// What the unstructured converter says of a value that ought to be a string.
fn no_text(value: &Value) -> Option<String> {
    let go = match value {
        Value::Null | Value::String(_) => return None,
        Value::Bool(_) => return Some("unrecognized type: string".into()),
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::Array(_) => "slice",
        Value::Object(_) => "map",
    };
    Some(format!("cannot convert {go} to string"))
}

/// Words a type error as the unstructured converter does, which strategic patches go through.
fn converter_error(error: &str) -> String {
    let Some(rest) = error.strip_prefix("json: cannot unmarshal ") else { return error.to_owned() };
    let (word, kind) = rest.split_once(" into Go ").unwrap_or((rest, ""));
    let kind = kind.rsplit(" of type ").next().unwrap_or("");
    let go = match word.split(' ').next().unwrap_or("") {
        "number" => "int64",
        "array" => "slice",
        "object" => "map",
        other => other,
    };
    if kind.starts_with("map[") {
        format!("cannot restore map from {go}")
    } else if kind.starts_with("[]") {
        format!("cannot restore slice from {go}")
    } else if kind == "string" {
        format!("cannot convert {go} to string")
    } else if kind.starts_with("v1.") && kind[3..].chars().next().is_some_and(char::is_uppercase) {
        format!("cannot restore struct from: {go}")
    } else {
        format!("unrecognized type: {kind}")
    }
}

#[cfg(test)]
mod tests;
