//! Request bodies: JSON or YAML to a checked object.
//!
//! Upstream: `k8s.io/apimachinery/pkg/runtime/serializer/{json,codec_factory}.go`, `sigs.k8s.io/json`, and the field
//! validation of `k8s.io/apiserver/pkg/endpoints/handlers/{create,update}.go`.

use serde_json::Value;

use super::json::{self, Node};
use super::schema::Schema;
use super::typed::{self, Findings};
use super::{ResourceType, yaml};
use crate::apiserver::status::Status;
use crate::release::Release;

/// What happens to unknown and duplicate fields (`fieldValidation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// They are dropped silently.
    Ignore,
    /// They are dropped with a warning.
    #[default]
    Warn,
    /// They make the request fail.
    Strict,
}

impl FieldValidation {
    /// The value of the `fieldValidation` parameter; empty is the default.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "Warn" => Self::Warn,
            "Ignore" => Self::Ignore,
            "Strict" => Self::Strict,
            _ => return None,
        })
    }
}

/// Decodes the body of a create or an update of `rt` (or of its subresource); the warnings go to the `Warning` header.
///
/// The object that comes back has the shape the real server would store: fields in their types, empty ones left out.
pub fn decode(
    rt: &ResourceType,
    subresource: &str,
    body: &[u8],
    content_type: &str,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let (group, version, kind) = rt.wire_kind(subresource);
    decode_kind(rt.release, (group, version, kind), body, content_type, validation)
}

/// Decodes a body of a kind.
fn decode_kind(
    release: &'static Release,
    (group, version, kind): (&str, &str, &str),
    body: &[u8],
    content_type: &str,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    let unrecognized = |error: &str| {
        let summary = summarize(body, 30);
        Status::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): {error} ({summary})"
        ))
    };
    let is_yaml = content_type.split(';').next().unwrap_or("").trim() == "application/yaml";
    let node = if is_yaml {
        yaml::parse(body).map_err(|e| unrecognized(&e))?
    } else {
        json::parse(body)
            .map_err(|e| unrecognized(&format!("couldn't get version/kind; json parse error: {e}")))?
    };
    let (said_version, said_kind) = interpret(&node).map_err(|e| unrecognized(&e))?;
    let expected = api_version(group, version);
    let said_kind = if said_kind.is_empty() { kind.to_owned() } else { said_kind };
    let said_version = if said_version.is_empty() { expected.clone() } else { said_version };
    let schema = Schema::of(release);
    if said_version != expected || said_kind != kind {
        return Err(mismatch((group, version, kind), &said_version, &said_kind, &node, release));
    }
    let cannot = |error: &str| {
        Status::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {error}"))
    };
    let root = schema.kind(group, version, kind).ok_or_else(|| {
        cannot(&format!("no kind {kind:?} is registered for version {expected:?} in scheme"))
    })?;
    let mut findings = Findings::default();
    let node = if node == Node::Null { Node::Object(Vec::new()) } else { node };
    let mut object = typed::shape(schema, root, &node, &mut findings);
    if let Some(error) = findings.error {
        return Err(cannot(&error));
    }
    if is_yaml {
        findings.strict.retain(|text| !text.starts_with("duplicate"));
        let mut twice = Vec::new();
        node.duplicates("", &mut twice);
        if let Some(first) = twice.first() {
            findings.strict.insert(0, yaml::duplicate_error(first, body));
        }
    }
    if validation == FieldValidation::Strict && !findings.strict.is_empty() {
        return Err(cannot(&format!("strict decoding error: {}", findings.strict.join(", "))));
    }
    object["apiVersion"] = Value::String(expected);
    object["kind"] = Value::String(kind.to_owned());
    let warnings = if validation == FieldValidation::Warn { findings.strict } else { Vec::new() };
    let warnings = warnings.iter().flat_map(|text| yaml::warnings(text)).collect();
    Ok((object, warnings))
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Decodes the options that a deletion may have in its body (`metainternalversion` codecs); the error is upstream's sentence.
pub fn delete_options(release: &'static Release, body: &[u8], is_yaml: bool) -> Result<Value, String> {
    let node = if is_yaml {
        yaml::parse(body)?
    } else {
        json::parse(body).map_err(|e| format!("couldn't get version/kind; json parse error: {e}"))?
    };
    let (version, kind) = interpret(&node)?;
    let version = if version.is_empty() { "meta.k8s.io/v1" } else { version.as_str() };
    if !matches!(kind.as_str(), "" | "DeleteOptions") {
        let scheme = release.wording.scheme;
        return Err(format!("no kind {kind:?} is registered for version {version:?} in scheme {scheme:?}"));
    }
    let schema = Schema::of(release);
    let Some(root) = schema.kind("", "v1", "DeleteOptions") else { return Ok(Value::Null) };
    let mut findings = Findings::default();
    let node = if node == Node::Null { Node::Object(Vec::new()) } else { node };
    let options = typed::shape(schema, root, &node, &mut findings);
    findings.error.map_or(Ok(options), Err)
}

/// `apiVersion` and `kind` of a body (`SimpleMetaFactory.Interpret`).
pub(crate) fn interpret(node: &Node) -> Result<(String, String), String> {
    if !matches!(node, Node::Object(_) | Node::Null) {
        return Err(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ APIVersion string \
             \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            node.word()
        ));
    }
    let text = |key: &str| match node.get(key) {
        None | Some(Node::Null) => Ok(String::new()),
        Some(Node::String(s)) => Ok(s.clone()),
        Some(other) => Err(format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go struct field .{key} of type string",
            other.word()
        )),
    };
    let version = text("apiVersion")?;
    if version.matches('/').count() > 1 {
        return Err(format!("unexpected GroupVersion string: {version}"));
    }
    Ok((version, text("kind")?))
}

fn mismatch(
    (group, version, kind): (&str, &str, &str),
    said_version: &str,
    said_kind: &str,
    node: &Node,
    release: &'static Release,
) -> Status {
    let (schema, scheme) = (Schema::of(release), release.wording.scheme);
    let (said_group, said_short) = said_version.split_once('/').unwrap_or(("", said_version));
    let hub = |g: &str| match g {
        "" => "core".to_owned(),
        g => g.split('.').next().unwrap_or(g).to_owned(),
    };
    let cannot = |why: &str| {
        Status::bad_request(format!(
            "{said_kind} in version {said_short:?} cannot be handled as a {kind}: {why}"
        ))
    };
    let Some(root) = schema.kind(said_group, said_short, said_kind) else {
        return cannot(&format!(
            "no kind {said_kind:?} is registered for version {said_version:?} in scheme {scheme:?}"
        ));
    };
    // What it says it is comes first: of that kind it has to be whole.
    let mut findings = Findings::default();
    typed::shape(schema, root, node, &mut findings);
    if let Some(error) = findings.error {
        return cannot(&error);
    }
    if said_kind == kind && said_group == group {
        let expected = api_version(group, version);
        return Status::bad_request(format!(
            "the API version in the data ({said_version}) does not match the expected API version ({expected})"
        ));
    }
    cannot(&format!("converting ({said_short}.{said_kind}) to ({}.{kind}): unknown conversion", hub(group)))
}

fn summarize(data: &[u8], most: usize) -> String {
    let shown = data.get(..most).unwrap_or(data);
    let more = if data.len() > most { " ..." } else { "" };
    match data.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => format!("{}{more}", String::from_utf8_lossy(shown)),
        Some(_) => format!("{}{more}", crate::digest::hex(shown)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::apiserver::registry::find;
    use serde_json::json;

    fn node(body: &str, validation: FieldValidation) -> Result<(Value, Vec<String>), Status> {
        let rt = find(crate::release::default_release(), "", "v1", "nodes").unwrap();
        decode(rt, "", body.as_bytes(), "application/json", validation)
    }

    #[test]
    fn refusals_have_the_real_texts() {
        for (body, message) in [
            (
                "{",
                "the object provided is unrecognized (must be of type Node): couldn't get version/kind; json parse error: \
                 unexpected end of JSON input ({)",
            ),
            (
                "[]",
                "the object provided is unrecognized (must be of type Node): couldn't get version/kind; json parse error: \
                 json: cannot unmarshal array into Go value of type struct { APIVersion string \
                 \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" } (5b5d)",
            ),
            (
                r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}"#,
                "Pod in version \"v1\" cannot be handled as a Node: converting (v1.Pod) to (core.Node): unknown conversion",
            ),
            (
                r#"{"kind":"Node","spec":{"unschedulable":"yes"}}"#,
                "Node in version \"v1\" cannot be handled as a Node: json: cannot unmarshal string into Go struct field \
                 NodeSpec.spec.unschedulable of type bool",
            ),
            (
                r#"{"kind":"Node","apiVersion":"v1","metadata":{"labels":{"a":"1","a":"2"}},"spec":{"nope":1}}"#,
                "Node in version \"v1\" cannot be handled as a Node: strict decoding error: duplicate field \
                 \"metadata.labels.a\", unknown field \"spec.nope\"",
            ),
        ] {
            assert_eq!(node(body, FieldValidation::Strict).unwrap_err().message, message);
        }
    }

    #[test]
    fn the_shape_is_the_real_one() {
        let (object, warnings) = node(
            r#"{"metadata":{"name":"n","labels":{},"namespace":""},"spec":{"unschedulable":false,"nope":1},
                "status":{"capacity":{"cpu":"2000m"}}}"#,
            FieldValidation::Warn,
        )
        .unwrap();
        assert_eq!(warnings, ["unknown field \"spec.nope\""]);
        assert_eq!(
            object,
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"creationTimestamp": null, "name": "n"}, "spec": {},
                "status": {"capacity": {"cpu": "2"}, "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
                "nodeInfo": {"architecture": "", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "",
                "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "", "operatingSystem": "", "osImage": "",
                "systemUUID": ""}}})
        );
    }
}
