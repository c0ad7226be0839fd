//! What is served at paths that name no resource: health, discovery, OpenAPI, keys, metrics.
//!
//! Upstream: `k8s.io/apiserver/pkg/server/{routes,healthz}`, `pkg/endpoints/discovery`, `pkg/routes/openidmetadata.go`.

use http::request::Parts;
use serde_json::{Value, json};

use super::core::Core;
use crate::apiserver::audit::trail::Said;
use crate::apiserver::handlers::{self, Produces, Reply};
use crate::apiserver::requestinfo::{Query, RequestInfo};
use crate::apiserver::status::Status;
use crate::apiserver::{discovery, openapi, version};

/// Answers at a path that names no resource.
pub(super) fn serve(
    core: &Core,
    parts: &Parts,
    info: &RequestInfo,
    query: &Query,
    wants_answer: bool,
) -> Result<Reply, Status> {
    let release = core.dependencies.release;
    let pieces: Vec<&str> = info.path.split('/').filter(|piece| !piece.is_empty()).collect();
    // Only what has a route is the same with a slash at its end.
    let slashed = info.path.len() > 1 && info.path.ends_with('/');
    if slashed && !matches!(pieces.first(), Some(&("api" | "apis" | "version" | "openid" | ".well-known"))) {
        return Ok(if info.path.starts_with("/openapi/v3") {
            no_document()
        } else {
            handlers::page_not_found()
        });
    }
    if let Some(reply) = core.health.answer(release, &info.path, query) {
        return Ok(reply);
    }
    let json = |value: &Value| {
        let said = || Said { object: Some(value.clone()), ..Said::default() };
        let reply = handlers::discovery_reply(release, value, &parts.headers, query)?;
        Ok(Some(Reply { said: wants_answer.then(said), ..reply }))
    };
    let is_route = match pieces.as_slice() {
        ["version" | "api"] | [".well-known", "openid-configuration"] | ["openid", "v1", "jwks"] => true,
        ["api", version] => discovery::has_version(release, "", version),
        ["apis", group, version] => discovery::has_version(release, group, version),
        _ => false,
    };
    if is_route && parts.method != http::Method::GET {
        return Err(handlers::no_such_method());
    }
    if is_route && !matches!(pieces[0], "version" | ".well-known" | "openid") {
        handlers::check_accept(&parts.headers, Produces::Objects)?;
    }
    let found = match pieces.as_slice() {
        ["version"] => {
            handlers::check_accept(&parts.headers, Produces::Json)?;
            Some(Reply::new(200, "application/json", version::document(release)))
        }
        [".well-known", "openid-configuration"] => Some(openid_configuration(core, parts)?),
        ["openid", "v1", "jwks"] => Some(key_set(core, parts)?),
        ["api" | "apis"] => {
            let core_group = pieces[0] == "api";
            match handlers::aggregated(release, &parts.headers) {
                Some((format, version)) => {
                    let document = discovery::aggregated(release, core_group, version);
                    let media = format.media();
                    let said = format!("{media};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
                    let written = format.bytes(release, false, &document).unwrap_or_default();
                    let mut reply = tagged(parts, written, None, &said);
                    reply.headers.push(("vary", "Accept".into()));
                    reply.headers.push(("cache-control", "public".into()));
                    Some(reply)
                }
                None if core_group => json(&discovery::core_versions(&core.address()))?,
                None => json(&discovery::group_list(release))?,
            }
        }
        ["api", version] => match discovery::resource_list(release, "", version) {
            Some(list) => json(&list)?,
            None => None,
        },
        ["apis", group] => match discovery::group(release, group) {
            Some(group) => json(&group)?,
            None => None,
        },
        ["apis", group, version] => match discovery::resource_list(release, group, version) {
            Some(list) => json(&list)?,
            None => None,
        },
        ["openapi", "v2"] => Some(openapi_v2(core, parts)),
        ["openapi", "v3"] => {
            let index = openapi::index(release).to_string();
            Some(Reply::new(200, "text/plain; charset=utf-8", index))
        }
        ["openapi", "v3", rest @ ..] => {
            Some(openapi::document(release, &rest.join("/")).map_or_else(no_document, |(bytes, hash)| {
                if !handlers::accepts(&parts.headers, "application", "json") {
                    return varied(Reply::new(406, "", ""));
                }
                varied(tagged(parts, bytes, Some(format!("\"{hash}\"")), "application/json"))
            }))
        }
        [] | ["index.html"] => Some(Reply::new(200, "application/json", indented(&root(core)))),
        ["metrics"] => Some(metrics(
            core,
            &format!(
                "# TYPE apiserver_storage_objects gauge\napiserver_resource_version {}\n",
                core.dependencies.store.resource_version()
            ),
        )),
        ["metrics", "slis"] => Some(metrics(core, &core.health.indicators(release))),
        _ => None,
    };
    found.map_or_else(|| handlers::not_served(release, &info.path), Ok)
}

/// There is no such OpenAPI document; the real server says nothing about it.
fn no_document() -> Reply {
    Reply::new(404, "", "")
}

/// An answer that is another where another form is accepted.
fn varied(mut reply: Reply) -> Reply {
    reply.headers.push(("vary", "Accept".into()));
    reply
}

/// `k8s.io/kube-openapi/pkg/handler`
fn openapi_v2(core: &Core, parts: &Parts) -> Reply {
    let release = core.dependencies.release;
    let tag = discovery::etag(&openapi::v2(release));
    let accepts = |subtype| handlers::accepts(&parts.headers, "application", subtype);
    let protobuf =
        ["com.github.proto-openapi.spec.v2@v1.0+protobuf", "com.github.proto-openapi.spec.v2.v1.0+protobuf"];
    let mut reply = if accepts("json") {
        tagged(parts, openapi::v2(release), Some(tag), "application/json")
    } else if protobuf.into_iter().any(accepts) {
        let media = format!("application/{}", protobuf[1]);
        tagged(parts, openapi::v2_protobuf(release), Some(tag), &media)
    } else {
        Reply::new(406, "", "")
    };
    reply.headers.push(("vary", "Accept-Encoding".into()));
    varied(reply)
}

fn metrics(core: &Core, text: &str) -> Reply {
    let escaping = core.dependencies.release.wording.metrics_escaping;
    let kind = format!("text/plain; version=0.0.4; charset=utf-8; escaping={escaping}");
    Reply::new(200, &kind, text.to_owned())
}

/// How tokens of service accounts are checked by others (OpenID Connect Discovery 1.0).
fn openid_configuration(core: &Core, parts: &Parts) -> Result<Reply, Status> {
    handlers::check_accept(&parts.headers, Produces::Json)?;
    let address = core.address();
    let mut algorithms: Vec<&str> = core.tokens.verifying.iter().map(|key| key.algorithm).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let text = format!(
        "{{\"issuer\":{},\"jwks_uri\":{},\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":[\"public\"],\
         \"id_token_signing_alg_values_supported\":{}}}",
        json!(core.tokens.issuers.first()),
        json!(format!("https://{address}/openid/v1/jwks")),
        json!(algorithms)
    );
    Ok(public("application/json", text))
}

/// The public keys of service accounts' tokens (RFC 7517).
fn key_set(core: &Core, parts: &Parts) -> Result<Reply, Status> {
    handlers::check_accept(&parts.headers, Produces::KeySet)?;
    let keys: Vec<String> = core.tokens.verifying.iter().filter_map(|key| key.to_jwk()).collect();
    Ok(public("application/jwk-set+json", format!("{{\"keys\":[{}]}}", keys.join(","))))
}

/// An answer that may be kept for an hour.
fn public(kind: &str, text: String) -> Reply {
    let mut reply = Reply::new(200, kind, text);
    reply.headers.push(("cache-control", "public, max-age=3600".into()));
    reply
}

/// JSON for people to read, without an end of its last line.
fn indented(value: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}

/// The paths that `/` lists.
fn root(core: &Core) -> Value {
    let release = core.dependencies.release;
    let mut paths: Vec<String> = ["/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/"]
        .into_iter()
        .chain(["/metrics", "/metrics/slis", "/openapi/v2", "/openapi/v3", "/openapi/v3/"])
        .chain(["/openid/v1/jwks", "/version"])
        .map(str::to_owned)
        .collect();
    for rt in crate::apiserver::registry::all(release).iter().filter(|rt| !rt.group.is_empty()) {
        for path in [format!("/apis/{}", rt.group), format!("/apis/{}/{}", rt.group, rt.version)] {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths.extend(core.health.paths(release));
    paths.sort();
    json!({"paths": paths})
}

/// An answer with an ETag; 304 where the client has it already.
fn tagged(parts: &Parts, bytes: Vec<u8>, tag: Option<String>, media: &str) -> Reply {
    let tag = tag.unwrap_or_else(|| discovery::etag(&bytes));
    let known = parts.headers.get(http::header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut reply =
        if known == Some(&tag) { Reply::new(304, media, "") } else { Reply::new(200, media, bytes) };
    reply.headers.push(("etag", tag));
    reply
}
