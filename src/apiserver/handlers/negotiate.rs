//! The form of an answer: JSON or YAML, the object itself, a Table, or metadata only.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/{negotiation/negotiate,response}.go`.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{Call, Reply};
use crate::apiserver::registry::ResourceType;
use crate::apiserver::requestinfo::Query;
use crate::apiserver::status::Status;
use crate::apiserver::table::{self, IncludeObject, TableOptions};

/// What an answer is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Object,
    /// A `Table`, in a version of `meta.k8s.io`.
    Table(&'static str),
    /// `PartialObjectMetadata`, in a version of `meta.k8s.io`.
    Metadata(&'static str),
}

/// What a client accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepted {
    pub(super) form: Form,
    yaml: bool,
}

/// The first form in the `Accept` header that can be given.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Accepted, Status> {
    let header = headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if header.trim().is_empty() {
        return Ok(Accepted { form: Form::Object, yaml: false });
    }
    for clause in header.split(',') {
        let mut parts = clause.split(';').map(str::trim);
        let media = parts.next().unwrap_or("");
        let yaml = media == "application/yaml";
        if !yaml && !matches!(media, "application/json" | "*/*" | "application/*") {
            continue;
        }
        let (mut kind, mut version) = ("", "v1");
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match (key.trim(), value.trim()) {
                ("as", value) => kind = value,
                ("v", "v1beta1") => version = "v1beta1",
                ("v", "v1") => version = "v1",
                ("v", _) if !kind.is_empty() => version = "",
                _ => {}
            }
        }
        let form = match kind {
            "" => Form::Object,
            "Table" if !version.is_empty() => Form::Table(version),
            "PartialObjectMetadata" | "PartialObjectMetadataList" if !version.is_empty() => {
                Form::Metadata(version)
            }
            _ => continue,
        };
        return Ok(Accepted { form, yaml });
    }
    Err(Status::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json, application/yaml, \
         application/vnd.kubernetes.protobuf",
    ))
}

/// Whether an answer is for a person's eyes (`isPrettyPrint`).
pub(super) fn wants_pretty(headers: &HeaderMap, query: &Query) -> bool {
    if query.get("pretty").is_some() {
        return query.truth("pretty");
    }
    let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("");
    ["curl", "Wget", "Mozilla/5.0"].iter().any(|name| agent.starts_with(name))
}

/// A value as the server writes it: `kind` and `apiVersion` come first.
pub(crate) fn json_bytes(value: &impl Serialize, pretty: bool) -> Vec<u8> {
    let mut bytes =
        if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) }.unwrap_or_default();
    if !pretty {
        bytes.push(b'\n');
    }
    bytes
}

/// An object with its keys in the order of upstream's types.
pub(crate) struct Ordered<'v>(pub(crate) &'v Value);

const FIRST: [&str; 5] = ["kind", "apiVersion", "metadata", "spec", "status"];

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(object) = self.0.as_object() else { return self.0.serialize(serializer) };
        let mut map = serializer.serialize_map(None)?;
        for key in FIRST {
            if let Some(value) = object.get(key) {
                map.serialize_entry(key, value)?;
            }
        }
        for (key, value) in object.iter().filter(|(key, _)| !FIRST.contains(&key.as_str())) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// An object in a list: its kind is the list's business.
struct Item<'v>(&'v Value);

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(object) = self.0.as_object() else { return self.0.serialize(serializer) };
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in object.iter().filter(|(key, _)| !matches!(key.as_str(), "kind" | "apiVersion")) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

struct Items<'v>(&'v [Arc<Value>]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|object| Item(object)))
    }
}

struct List<'v> {
    kind: String,
    version: String,
    metadata: &'v Value,
    items: &'v [Arc<Value>],
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("apiVersion", &self.version)?;
        map.serialize_entry("metadata", self.metadata)?;
        map.serialize_entry("items", &Items(self.items))?;
        map.end()
    }
}

/// `PartialObjectMetadata` of an object.
pub(super) fn partial(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object["metadata"],
    })
}

/// What is asked of a Table.
pub(super) fn table_options(query: &Query, version: &'static str, now: Timestamp) -> TableOptions {
    let include = match query.get("includeObject") {
        Some("None") => IncludeObject::None,
        Some("Object") => IncludeObject::Object,
        _ => IncludeObject::Metadata,
    };
    TableOptions { include, no_headers: false, version, now }
}

/// A value as an answer, with what the client's agent says about how to print it.
pub(crate) fn reply_of(code: u16, value: &Value, headers: &HeaderMap, query: &Query) -> Reply {
    Reply::new(code, "application/json", json_bytes(&Ordered(value), wants_pretty(headers, query)))
}

impl Call<'_> {
    fn encode(&self, code: u16, accepted: Accepted, value: &impl Serialize) -> Reply {
        if accepted.yaml {
            let yaml = serde_json::to_value(value).ok().and_then(|value| serde_yaml::to_string(&value).ok());
            return Reply::new(code, "application/yaml", yaml.unwrap_or_default());
        }
        Reply::new(code, "application/json", json_bytes(value, wants_pretty(self.headers, self.query)))
    }

    /// An answer with one object.
    pub(super) fn object(&self, code: u16, rt: &ResourceType, object: &Arc<Value>) -> Result<Reply, Status> {
        let accepted = accepted(self.headers)?;
        Ok(match accepted.form {
            _ if object["kind"] == "Status" => self.encode(code, accepted, &Ordered(object)),
            Form::Object => self.encode(code, accepted, &Ordered(object)),
            Form::Table(version) => {
                let options = table_options(self.query, version, self.now());
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let table = table::render(rt, std::slice::from_ref(object), metadata, &options);
                self.encode(code, accepted, &Ordered(&table))
            }
            Form::Metadata(version) => self.encode(code, accepted, &Ordered(&partial(object, version))),
        })
    }

    /// An answer with many.
    pub(super) fn objects(
        &self,
        rt: &ResourceType,
        metadata: Value,
        objects: &[Arc<Value>],
    ) -> Result<Reply, Status> {
        let accepted = accepted(self.headers)?;
        Ok(match accepted.form {
            Form::Object => {
                let list = List {
                    kind: format!("{}List", rt.kind),
                    version: rt.api_version(),
                    metadata: &metadata,
                    items: objects,
                };
                self.encode(200, accepted, &list)
            }
            Form::Table(version) => {
                let options = table_options(self.query, version, self.now());
                let table = table::render(rt, objects, metadata, &options);
                self.encode(200, accepted, &Ordered(&table))
            }
            Form::Metadata(version) => {
                let items: Vec<Value> = objects.iter().map(|object| partial(object, version)).collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": format!("meta.k8s.io/{version}"),
                    "metadata": metadata,
                    "items": items,
                });
                self.encode(200, accepted, &Ordered(&list))
            }
        })
    }
}
