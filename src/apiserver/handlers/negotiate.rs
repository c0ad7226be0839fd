//! The form of an answer: JSON, YAML or Protocol Buffers, the object itself, a Table, or metadata only.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/{negotiation/negotiate,response}.go`.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

use super::{Call, Reply};
use crate::apiserver::audit::trail::Said;
use crate::apiserver::registry::ordered::InOrder;
use crate::apiserver::registry::{ResourceType, protobuf};
use crate::apiserver::requestinfo::Query;
use crate::apiserver::status::Status;
use crate::apiserver::table::{self, IncludeObject, TableOptions};
use crate::go_quote::quote;
use crate::go_value::escape_html_bytes;
use crate::go_yaml;
use crate::release::Release;

/// What an answer is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Object,
    /// A `Table`, in a version of `meta.k8s.io`.
    Table(&'static str),
    /// `PartialObjectMetadata`, in a version of `meta.k8s.io`.
    Metadata(&'static str),
    /// `PartialObjectMetadataList`, in a version of `meta.k8s.io`.
    MetadataList(&'static str),
}

/// How an answer is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    Protobuf,
}

impl Format {
    /// Its media type.
    pub(crate) fn media(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    /// A value in this format; `None` where its type has no such form.
    pub(crate) fn bytes(self, release: &'static Release, pretty: bool, value: &Value) -> Option<Vec<u8>> {
        match self {
            Self::Json => Some(json_bytes(&InOrder::object(release, value), pretty)),
            Self::Yaml => Some(go_yaml::to_string(value).into_bytes()),
            Self::Protobuf => protobuf::answer(release, value),
        }
    }
}

const FORMATS: [(&str, Format); 3] =
    [("json", Format::Json), ("yaml", Format::Yaml), ("vnd.kubernetes.protobuf", Format::Protobuf)];

/// What a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) form: Form,
    pub(super) format: Format,
    pretty: bool,
}

/// The media types of an answer, as messages list them.
const MEDIA: &str = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
/// Those of a watch.
const STREAMS: &str = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch";

/// What a path answers with (`Produces` of its route).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Produces {
    /// Objects.
    Objects,
    /// Lists, which can also be watched.
    Lists,
    /// JSON, whatever else is asked.
    Json,
    /// A set of keys.
    KeySet,
}

/// Whether the route can answer so at all; go-restful looks before the handler does, and knows no `application/*`.
///
/// Upstream: `github.com/emicklei/go-restful/v3/{jsr311,route}.go`.
pub(crate) fn check_route(headers: &HeaderMap, produces: Produces) -> Result<(), Status> {
    let header = headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let gives = |media: &str| match (media, produces) {
        ("*/*", _) => true,
        ("application/jwk-set+json", _) => produces == Produces::KeySet,
        (_, Produces::KeySet) => false,
        ("application/json", _) => true,
        ("application/yaml" | "application/vnd.kubernetes.protobuf", _) => produces != Produces::Json,
        _ => false,
    };
    if header.is_empty()
        || header.split(',').any(|clause| gives(clause.split(';').next().unwrap_or("").trim()))
    {
        return Ok(());
    }
    let available = match produces {
        Produces::Objects => MEDIA.to_owned(),
        Produces::Lists => format!("{MEDIA}, {STREAMS}"),
        Produces::Json => "application/json".to_owned(),
        Produces::KeySet => "application/jwk-set+json".to_owned(),
    };
    let why = format!("406: Not Acceptable\n\nAvailable representations: {available}");
    Err(Status::generic(406, "NotAcceptable", why))
}

fn not_acceptable(supported: &str) -> Status {
    Status::new(406, "NotAcceptable", format!("only the following media types are accepted: {supported}"))
}

/// One clause of an `Accept` header.
struct Clause<'h> {
    kind: &'h str,
    subtype: &'h str,
    quality: f32,
    parameters: Vec<(&'h str, &'h str)>,
}

/// The clauses of an `Accept` header, the most wanted first (`goautoneg.ParseAccept`).
fn clauses(header: &str) -> Vec<Clause<'_>> {
    let mut all: Vec<Clause<'_>> = header
        .split(',')
        .filter_map(|clause| {
            let mut parts = clause.split(';').map(str::trim);
            let (kind, subtype) = match parts.next()?.split_once('/') {
                Some((kind, subtype)) => (kind.trim(), subtype.trim()),
                None if clause.trim() == "*" => ("*", "*"),
                None => return None,
            };
            let mut quality = 1.0;
            let mut parameters = Vec::new();
            for (key, value) in parts.filter_map(|part| part.split_once('=')) {
                match key.trim() {
                    "q" => quality = value.trim().parse().unwrap_or(1.0),
                    key => parameters.push((key, value.trim())),
                }
            }
            Some(Clause { kind, subtype, quality, parameters })
        })
        .collect();
    let rank = |clause: &Clause<'_>| (clause.kind == "*", clause.subtype == "*");
    all.sort_by(|a, b| b.quality.total_cmp(&a.quality).then_with(|| rank(a).cmp(&rank(b))));
    all
}

/// How a clause wants an answer in a format; `None` where it cannot be so (`acceptMediaTypeOptions`).
fn wanted(clause: &Clause<'_>, format: Format, transforms: bool) -> Option<Accepted> {
    let mut pretty = false;
    let mut target = None;
    for (key, value) in &clause.parameters {
        let (kind, group, version) = target.unwrap_or_default();
        match *key {
            "as" => target = Some((*value, group, version)),
            "g" => target = Some((kind, *value, version)),
            "v" => target = Some((kind, group, *value)),
            "stream" if !value.is_empty() && (format == Format::Yaml || *value != "watch") => return None,
            "sv" if !value.is_empty() && *value != "v1" => return None,
            "pretty" => pretty = *value == "1",
            _ => {}
        }
    }
    let form = match target {
        None => Form::Object,
        Some((kind, "meta.k8s.io", version)) if transforms => {
            let version = ["v1", "v1beta1"].into_iter().find(|known| *known == version)?;
            match kind {
                "Table" if format == Format::Protobuf => return None,
                "Table" => Form::Table(version),
                "PartialObjectMetadata" => Form::Metadata(version),
                "PartialObjectMetadataList" => Form::MetadataList(version),
                _ => return None,
            }
        }
        Some(_) => return None,
    };
    Some(Accepted { form, format, pretty })
}

fn negotiate(headers: &HeaderMap, transforms: bool) -> Option<Accepted> {
    let header = headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    if header.is_empty() {
        return Some(Accepted { form: Form::Object, format: Format::Json, pretty: false });
    }
    clauses(header).iter().find_map(|clause| {
        FORMATS.into_iter().find_map(|(subtype, format)| {
            let fits = match (clause.kind, clause.subtype) {
                ("*", "*") => true,
                ("application", wanted) => wanted == "*" || wanted == subtype,
                _ => false,
            };
            if fits { wanted(clause, format, transforms) } else { None }
        })
    })
}

/// The first form in the `Accept` header that an object can be given in.
pub(super) fn accepted(headers: &HeaderMap) -> Result<Accepted, Status> {
    negotiate(headers, true).ok_or_else(|| not_acceptable(MEDIA))
}

/// The form of a watch's events: these are not in YAML.
pub(super) fn accepted_stream(headers: &HeaderMap) -> Result<Accepted, Status> {
    let accepted = accepted(headers)?;
    if accepted.format == Format::Yaml { Err(not_acceptable(STREAMS)) } else { Ok(accepted) }
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
    let written = if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
    let mut bytes = escape_html_bytes(written.unwrap_or_default());
    if !pretty {
        bytes.push(b'\n');
    }
    bytes
}

struct Items<'v>(&'static Release, &'v [Arc<Value>]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|object| InOrder::item(self.0, object)))
    }
}

struct List<'v> {
    release: &'static Release,
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
        map.serialize_entry("items", &Items(self.release, self.items))?;
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

/// What is asked of a Table (`ValidateTableOptions`).
pub(super) fn table_options(
    query: &Query,
    version: &'static str,
    now: Timestamp,
) -> Result<TableOptions, Status> {
    let include = match query.get("includeObject").unwrap_or("") {
        "" | "Metadata" => IncludeObject::Metadata,
        "None" => IncludeObject::None,
        "Object" => IncludeObject::Object,
        other => {
            let why = format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {}: must be 'Metadata', \
                 'Object', 'None', or empty",
                quote(other)
            );
            return Err(Status::bad_request(why));
        }
    };
    Ok(TableOptions { include, no_headers: false, version, now })
}

/// A value as an answer in the format that the client asks for, and indented JSON where it asks for one that there is not
/// (`WriteRawJSON`).
pub(crate) fn reply_of(
    release: &'static Release,
    code: u16,
    value: &Value,
    headers: &HeaderMap,
    query: &Query,
) -> Reply {
    let accepted = negotiate(headers, false);
    let format = accepted.map_or(Format::Json, |accepted| accepted.format);
    let pretty = accepted.is_none_or(|accepted| accepted.pretty) || wants_pretty(headers, query);
    let written = [format, Format::Json]
        .into_iter()
        .find_map(|format| Some(Reply::new(code, format.media(), format.bytes(release, pretty, value)?)));
    written.unwrap_or_else(|| Reply::new(code, Format::Json.media(), ""))
}

/// A value in a format.
fn written(
    release: &'static Release,
    code: u16,
    format: Format,
    pretty: bool,
    value: &Value,
) -> Result<Reply, Status> {
    let bytes = format.bytes(release, pretty, value).ok_or_else(|| no_protobuf(value))?;
    Ok(Reply::new(code, format.media(), bytes))
}

/// The value's type has no form in Protocol Buffers (`errNotMarshalable`).
fn no_protobuf(value: &Value) -> Status {
    let why = format!(
        "object *v1.{} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message",
        value["kind"].as_str().unwrap_or_default()
    );
    Status::new(406, "NotAcceptable", why)
}

/// Whether a client accepts a media type.
pub(crate) fn accepts(headers: &HeaderMap, kind: &str, subtype: &str) -> bool {
    let header = headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let fits = |given: &str, wanted: &str| given == "*" || given == wanted;
    header.is_empty()
        || clauses(header).iter().any(|clause| fits(clause.kind, kind) && fits(clause.subtype, subtype))
}

/// The format and version in which the aggregated form of discovery is asked for, if any (`DiscoveryEndpointRestrictions`).
pub(crate) fn aggregated(release: &'static Release, headers: &HeaderMap) -> Option<(Format, &'static str)> {
    let header = headers.get(http::header::ACCEPT)?.to_str().ok()?;
    for clause in clauses(header) {
        let value = |key: &str| clause.parameters.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
        let target = (value("g").unwrap_or(""), value("as").unwrap_or(""));
        let format = match (clause.kind, clause.subtype) {
            ("*", "*") | ("application", "*" | "json") => Format::Json,
            ("application", "yaml") => Format::Yaml,
            ("application", "vnd.kubernetes.protobuf") => Format::Protobuf,
            _ => continue,
        };
        if value("as").is_none() && value("g").is_none() && value("v").is_none() {
            return None;
        }
        let version = release.gates.discovery_versions.iter().find(|known| Some(**known) == value("v"));
        if target == ("apidiscovery.k8s.io", "APIGroupDiscoveryList")
            && let Some(version) = version
        {
            return Some((format, version));
        }
    }
    None
}

/// Whether a Status can be given in a form that the client accepts; an audit event shows no other.
pub(crate) fn accepts_status(headers: &HeaderMap) -> bool {
    negotiate(headers, false).is_some()
}

/// An answer about the API itself, which has one form only.
pub(crate) fn discovery_reply(
    release: &'static Release,
    value: &Value,
    headers: &HeaderMap,
    query: &Query,
) -> Result<Reply, Status> {
    negotiate(headers, false).ok_or_else(|| not_acceptable(MEDIA))?;
    Ok(reply_of(release, 200, value, headers, query))
}

impl Call<'_> {
    /// The emulated release.
    pub(super) fn release(&self) -> &'static Release {
        self.core.dependencies.release
    }

    fn encode(&self, code: u16, accepted: Accepted, value: &Value) -> Result<Reply, Status> {
        let pretty = accepted.pretty || wants_pretty(self.headers, self.query);
        written(self.release(), code, accepted.format, pretty, value)
    }

    /// What an audit event shows of an answer.
    fn said(&self, value: &impl Serialize) -> Option<Said> {
        let wanted = self.trail.as_ref().is_some_and(|trail| trail.wants_answer());
        wanted.then(|| Said { status: Value::Null, object: serde_json::to_value(value).ok() })
    }

    fn encoded(&self, code: u16, accepted: Accepted, value: &Value) -> Result<Reply, Status> {
        Ok(Reply { said: self.said(value), ..self.encode(code, accepted, value)? })
    }

    /// An answer with one object.
    pub(super) fn object(&self, code: u16, rt: &ResourceType, object: &Arc<Value>) -> Result<Reply, Status> {
        let accepted = accepted(self.headers)?;
        match accepted.form {
            _ if object["kind"] == "Status" => {
                let said = self.trail.as_ref().map(|_| Said::status((**object).clone()));
                Ok(Reply { said, ..self.encode(code, accepted, object)? })
            }
            Form::Object => self.encoded(code, accepted, object),
            Form::Table(version) => {
                let options = table_options(self.query, version, self.now())?;
                let metadata = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                let table = table::render(rt, std::slice::from_ref(object), metadata, &options);
                self.encoded(code, accepted, &table)
            }
            Form::Metadata(version) => self.encoded(code, accepted, &partial(object, version)),
            Form::MetadataList(_) => {
                let why = format!(
                    "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
                    go_type(rt, "")
                );
                Err(Status::new(406, "NotAcceptable", why))
            }
        }
    }

    /// An answer with many.
    pub(super) fn objects(
        &self,
        rt: &ResourceType,
        metadata: Value,
        objects: &[Arc<Value>],
    ) -> Result<Reply, Status> {
        let accepted = accepted(self.headers)?;
        match accepted.form {
            Form::Object => self.list(accepted, rt, &metadata, objects),
            Form::Table(version) => {
                let options = table_options(self.query, version, self.now())?;
                let table = table::render(rt, objects, metadata, &options);
                self.encoded(200, accepted, &table)
            }
            Form::MetadataList(version) => {
                let items: Vec<Value> = objects.iter().map(|object| partial(object, version)).collect();
                let list = json!({
                    "kind": "PartialObjectMetadataList",
                    "apiVersion": format!("meta.k8s.io/{version}"),
                    "metadata": metadata,
                    "items": if items.is_empty() { Value::Null } else { Value::Array(items) },
                });
                self.encoded(200, accepted, &list)
            }
            Form::Metadata(_) => {
                let why = format!(
                    "you requested PartialObjectMetadata, but the requested object is a list ({})",
                    go_type(rt, "List")
                );
                Err(Status::new(406, "NotAcceptable", why))
            }
        }
    }

    fn list(
        &self,
        accepted: Accepted,
        rt: &ResourceType,
        metadata: &Value,
        objects: &[Arc<Value>],
    ) -> Result<Reply, Status> {
        let release = self.release();
        let (kind, version) = (format!("{}List", rt.kind), rt.api_version());
        let list = List { release, kind, version, metadata, items: objects };
        let reply = match accepted.format {
            Format::Json => {
                let pretty = accepted.pretty || wants_pretty(self.headers, self.query);
                Reply::new(200, "application/json", json_bytes(&list, pretty))
            }
            Format::Yaml => {
                let yaml = serde_json::to_value(&list).map(|value| go_yaml::to_string(&value));
                Reply::new(200, "application/yaml", yaml.unwrap_or_default())
            }
            Format::Protobuf => {
                let items = objects.iter().map(|object| &**object);
                let bytes = protobuf::list(release, (&list.version, rt.kind), metadata, items);
                Reply::new(
                    200,
                    Format::Protobuf.media(),
                    bytes.ok_or_else(|| no_protobuf(&json!({"kind": list.kind})))?,
                )
            }
        };
        Ok(Reply { said: self.said(&list), ..reply })
    }
}

/// The internal Go type of a kind, as messages show it (`*core.NodeList`).
fn go_type(rt: &ResourceType, suffix: &str) -> String {
    let package = if rt.group.is_empty() { "core" } else { rt.group.split('.').next().unwrap_or("") };
    format!("*{package}.{}{suffix}", rt.kind)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn of(accept: &'static str) -> Option<(Form, Format)> {
        let headers = HeaderMap::from_iter([(http::header::ACCEPT, accept.parse().unwrap())]);
        negotiate(&headers, true).map(|accepted| (accepted.form, accepted.format))
    }

    #[test]
    fn the_most_wanted_form_that_there_is_wins() {
        for (accept, expected) in [
            ("application/json;q=0.1,application/yaml", Some((Form::Object, Format::Yaml))),
            ("*/*,application/yaml", Some((Form::Object, Format::Yaml))),
            ("text/html,application/*;q=0.2", Some((Form::Object, Format::Json))),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Some((Form::Table("v1"), Format::Json)),
            ),
            ("application/vnd.kubernetes.protobuf,application/json", Some((Form::Object, Format::Protobuf))),
            ("application/json;as=Table;v=v1", None),
            (
                "application/json;as=Table;v=v3;g=meta.k8s.io,application/json",
                Some((Form::Object, Format::Json)),
            ),
            ("application/yaml;stream=watch", None),
            ("text/html", None),
        ] {
            assert_eq!(of(accept), expected, "{accept}");
        }
    }

    #[test]
    fn routes_look_at_the_media_type_alone() {
        let check = |accept: &'static str, produces| {
            let headers = HeaderMap::from_iter([(http::header::ACCEPT, accept.parse().unwrap())]);
            check_route(&headers, produces).map_err(|status| status.message)
        };
        assert!(check("application/json;as=Foo", Produces::Objects).is_ok());
        assert!(check("text/html, */*;q=0.1", Produces::Json).is_ok());
        assert!(check("application/*", Produces::Objects).unwrap_err().ends_with("protobuf"));
        assert!(check("text/html", Produces::Lists).unwrap_err().ends_with("protobuf;stream=watch"));
        assert!(check("application/yaml", Produces::Json).unwrap_err().ends_with(": application/json"));
    }
}
