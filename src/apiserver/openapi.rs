//! The OpenAPI v3 documents, as the real server serves them for the resources that are served here.
//!
//! Written by `hack/update-openapi.py`, one file for each group and one for all schemas, each shared by the releases. A line
//! is a piece of a document: section, key, the releases that have it, and JSON, with tabs between. The sections: `rest` the
//! document without paths and schemas; `path` an operation (the key: path and method); `schemas` the names of the schemas
//! that the document needs; `schema` one of them, in the group's file where groups differ. Documents are put together anew for each request, since they are large and
//! seldom read.

use std::collections::BTreeSet;
use std::io::Read;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::release::{OfRelease, Release};

macro_rules! documents {
    ($($path:literal => $file:literal),* $(,)?) => {
        [$(($path, include_bytes!(concat!("../../assets/openapi/", $file, ".gz")).as_slice())),*]
    };
}

static DOCUMENTS: [(&str, &[u8]); 13] = documents! {
    "api/v1" => "api_v1",
    "apis/apps/v1" => "apis_apps_v1",
    "apis/authentication.k8s.io/v1" => "apis_authentication.k8s.io_v1",
    "apis/authorization.k8s.io/v1" => "apis_authorization.k8s.io_v1",
    "apis/certificates.k8s.io/v1" => "apis_certificates.k8s.io_v1",
    "apis/coordination.k8s.io/v1" => "apis_coordination.k8s.io_v1",
    "apis/discovery.k8s.io/v1" => "apis_discovery.k8s.io_v1",
    "apis/events.k8s.io/v1" => "apis_events.k8s.io_v1",
    "apis/node.k8s.io/v1" => "apis_node.k8s.io_v1",
    "apis/policy/v1" => "apis_policy_v1",
    "apis/rbac.authorization.k8s.io/v1" => "apis_rbac.authorization.k8s.io_v1",
    "apis/scheduling.k8s.io/v1" => "apis_scheduling.k8s.io_v1",
    "apis/storage.k8s.io/v1" => "apis_storage.k8s.io_v1",
};

static SCHEMAS: &[u8] = include_bytes!("../../assets/openapi/schemas.gz");

/// Names a document of a release, as the `hash` of its address and as its ETag.
fn hash(release: &Release, packed: &[u8]) -> String {
    let digest = Sha512::new().chain_update(release.git_version).chain_update(packed).chain_update(SCHEMAS);
    digest.finalize().iter().map(|b| format!("{b:02X}")).collect()
}

/// The index at `/openapi/v3`.
pub fn index(release: &'static Release) -> Value {
    static INDEXES: OfRelease<Value> = OfRelease::new();
    let entry = |(path, packed): &(&str, &[u8])| {
        let url = format!("/openapi/v3/{path}?hash={}", hash(release, packed));
        ((*path).to_owned(), json!({"serverRelativeURL": url}))
    };
    let make = || json!({"paths": DOCUMENTS.iter().map(entry).collect::<Map<_, _>>()});
    INDEXES.get(release, make).clone()
}

/// The document at `/openapi/v3/{path}` (`api/v1`, `apis/apps/v1`), with its hash for the ETag.
pub fn document(release: &'static Release, path: &str) -> Option<(Vec<u8>, String)> {
    let (_, packed) = DOCUMENTS.iter().find(|(known, _)| *known == path)?;
    let (own, shared) = (unpack(packed)?, unpack(SCHEMAS)?);
    let mut needed = BTreeSet::new();
    let mut out = String::with_capacity(own.len());
    for (section, _, text) in pieces(&own, release) {
        match section {
            "schemas" => needed.extend(text.split(',').filter(|name| !name.is_empty())),
            "rest" => out = text.to_owned(),
            _ => {}
        }
    }
    let rest: Value = serde_json::from_str(&out).ok()?;
    let schemas = pieces(&shared, release).filter(|(_, name, _)| needed.contains(name));
    let schemas = schemas.chain(pieces(&own, release).filter(|(section, ..)| *section == "schema"));
    let schemas = object(schemas.map(|(_, name, text)| (name, text.to_owned())));
    let mut paths: Vec<(&str, Vec<(&str, String)>)> = Vec::new();
    for (_, key, text) in pieces(&own, release).filter(|(section, ..)| *section == "path") {
        let (path, method) = key.rsplit_once(' ')?;
        match paths.last_mut() {
            Some((last, methods)) if *last == path => methods.push((method, text.to_owned())),
            _ => paths.push((path, vec![(method, text.to_owned())])),
        }
    }
    let paths = object(paths.into_iter().map(|(path, methods)| (path, object(methods.into_iter()))));
    let mut components: Vec<(&str, String)> = vec![("schemas", schemas)];
    components.extend(
        rest["components"].as_object()?.iter().map(|(name, value)| (name.as_str(), value.to_string())),
    );
    let mut fields = vec![("components", object(components.into_iter())), ("paths", paths)];
    let others = rest.as_object()?.iter().filter(|(name, _)| *name != "components");
    fields.extend(others.map(|(name, value)| (name.as_str(), value.to_string())));
    Some((object(fields.into_iter()).into_bytes(), hash(release, packed)))
}

fn unpack(packed: &[u8]) -> Option<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Section, key and JSON of each piece that a release has.
fn pieces<'a>(text: &'a str, release: &Release) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let wanted = release.short();
    text.lines().filter_map(move |line| {
        let mut parts = line.splitn(4, '\t');
        let (section, key, releases) = (parts.next()?, parts.next()?, parts.next()?);
        let text = parts.next()?;
        releases.split(',').any(|one| one == wanted).then_some((section, key, text))
    })
}

/// An object of fields whose values are JSON already.
fn object<'a>(fields: impl Iterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<String> = fields.map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", fields.join(","))
}

/// The document at `/openapi/v2` as JSON, without paths and types: clients of these releases read v3, and of this one no more
/// than that it knows a type or not.
pub fn v2(release: &'static Release) -> Vec<u8> {
    let info = json!({"title": "Kubernetes", "version": release.git_version});
    json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}}).to_string().into_bytes()
}

/// The same in Protocol Buffers (`github.com/google/gnostic-models/openapiv2`: `Document`, `Info`).
pub fn v2_protobuf(release: &'static Release) -> Vec<u8> {
    let field = |number: u8, content: &[u8]| {
        let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap_or(0)];
        out.extend_from_slice(content);
        out
    };
    let info = [field(1, b"Kubernetes"), field(2, release.git_version.as_bytes())].concat();
    // swagger, info, paths, definitions
    [field(1, b"2.0"), field(2, &info), field(8, b""), field(9, b"")].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::release::RELEASES;

    /// The names of the schemas that a part of a document refers to.
    fn references<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                into.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| references(value, into));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, into)),
            _ => {}
        }
    }

    #[test]
    fn every_indexed_document_is_whole() {
        for release in &RELEASES {
            for path in index(release)["paths"].as_object().unwrap().keys() {
                let (body, _) = document(release, path).unwrap();
                let document: Value = serde_json::from_slice(&body).unwrap();
                let version = document["info"]["version"].as_str().unwrap();
                assert!(version.trim_start_matches('v').starts_with(&release.short()), "{version}");
                assert!(document["components"]["securitySchemes"].is_object(), "{path}");
                let text = String::from_utf8(body.clone()).unwrap();
                let schemas = document["components"]["schemas"].as_object().unwrap();
                for name in schemas.keys() {
                    assert_eq!(text.matches(&format!("\"{name}\":{{")).count(), 1, "{path}: {name}");
                }
                let mut all = Vec::new();
                references(&document, &mut all);
                assert!(!all.is_empty());
                for name in all {
                    let name = name.rsplit('/').next().unwrap();
                    assert!(document["components"]["schemas"][name].is_object(), "{path}: {name}");
                }
            }
            assert!(document(release, "apis/absent/v1").is_none());
        }
    }

    #[test]
    fn documents_differ_between_releases_where_the_types_do() {
        let node_info = |release: &'static Release| {
            let (body, hash) = document(release, "api/v1").unwrap();
            let document: Value = serde_json::from_slice(&body).unwrap();
            let info = &document["components"]["schemas"]["io.k8s.api.core.v1.NodeSystemInfo"]["properties"];
            (info.get("swap").is_some(), document["paths"]["/api/v1/nodes"]["get"].is_object(), hash)
        };
        let (old, new) = (node_info(&RELEASES[0]), node_info(&RELEASES[1]));
        assert_eq!((old.0, old.1, new.0, new.1), (false, true, true, true));
        assert_ne!(old.2, new.2);
    }
}
