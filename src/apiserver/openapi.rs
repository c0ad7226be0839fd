//! The OpenAPI v3 documents, as the real server serves them for the resources that are served here.
//!
//! Written by `hack/update-openapi.py`; unpacked anew for each request, since they are large and seldom read.

use std::io::Read;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

use crate::release::Release;

macro_rules! documents {
    ($($path:literal => $file:literal),* $(,)?) => {
        &[$(($path, include_bytes!(concat!("../../assets/openapi-1.31/", $file, ".json.gz")))),*]
    };
}

static V131: &[(&str, &[u8])] = documents! {
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

fn documents(release: &'static Release) -> &'static [(&'static str, &'static [u8])] {
    let _ = release;
    V131
}

fn hash(packed: &[u8]) -> String {
    Sha512::digest(packed).iter().map(|b| format!("{b:02X}")).collect()
}

/// The index at `/openapi/v3`.
pub fn index(release: &'static Release) -> Value {
    let paths: Map<String, Value> = documents(release)
        .iter()
        .map(|(path, packed)| {
            let url = format!("/openapi/v3/{path}?hash={}", hash(packed));
            ((*path).to_owned(), json!({"serverRelativeURL": url}))
        })
        .collect();
    json!({"paths": paths})
}

/// The document at `/openapi/v3/{path}` (`api/v1`, `apis/apps/v1`), with its hash for the ETag.
pub fn document(release: &'static Release, path: &str) -> Option<(Vec<u8>, String)> {
    let (_, packed) = documents(release).iter().find(|(known, _)| *known == path)?;
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(*packed).read_to_end(&mut out).ok()?;
    Some((out, hash(packed)))
}

/// The document at `/openapi/v2`, as JSON: clients of this release read v3, and only ask whether this one is there.
pub fn v2(release: &'static Release) -> Vec<u8> {
    let version = release.git_version;
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": version}, "paths": {}, "definitions": {}})
        .to_string()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_indexed_document_is_there() {
        let release = crate::release::default_release();
        for path in index(release)["paths"].as_object().unwrap().keys() {
            let (body, _) = document(release, path).unwrap();
            let document: Value = serde_json::from_slice(&body).unwrap();
            assert!(document["components"]["schemas"].is_object(), "{path}");
        }
        assert!(document(release, "apis/absent/v1").is_none());
    }
}
