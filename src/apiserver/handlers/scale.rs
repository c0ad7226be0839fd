//! The scale subresource of workloads.
//!
//! Upstream: `pkg/registry/apps/deployment/storage/storage.go` (`ScaleREST`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::update::{Failure, replace};
use super::{Call, Reply, modified, options, text};
use crate::apiserver::registry::ResourceType;
use crate::apiserver::registry::patch::{self, PatchType};
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::version_of;

pub(super) fn serve(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    let current = call.find(rt).map_err(|status| unnamed(call, rt, status))?;
    let scale = scale_of(&current);
    let wanted = match call.info.verb.as_str() {
        "get" => return call.object(200, rt, &Arc::new(scale)),
        "update" => {
            options::check_write(call, "UpdateOptions", false)?;
            let scale = call.decode(rt)?;
            call.log_request(rt, &scale);
            scale
        }
        _ => {
            options::check_write(call, "PatchOptions", false)?;
            let kind = match PatchType::from_content_type(call.content_type()) {
                None | Some(PatchType::Apply) => return Err(options::unsupported_media_type()),
                Some(PatchType::Strategic) => PatchType::Merge,
                Some(kind) => kind,
            };
            let validation = options::field_validation(call.query)?;
            if let Some(trail) = &mut call.trail {
                trail.request_patch(&call.body);
            }
            patch::apply(rt, "scale", kind, &scale, &call.body, validation)?.0
        }
    };
    if version_of(&wanted) != 0 && version_of(&wanted) != version_of(&current) {
        return Err(modified(rt, &call.info.name));
    }
    let mut new = (*current).clone();
    new["spec"]["replicas"] = json!(wanted["spec"]["replicas"].as_i64().unwrap_or(0));
    match replace(call, rt, &current, new) {
        Ok(stored) => call.object(200, rt, &Arc::new(scale_of(&stored))),
        Err(Failure::Raced) => Err(modified(rt, &call.info.name)),
        Err(Failure::Refused(status)) => Err(status),
    }
}

/// What is not there, as the release calls it.
fn unnamed(call: &Call<'_>, rt: &ResourceType, status: Status) -> Status {
    if !call.release().gates.scales_have_names || call.info.verb == "patch" {
        return status;
    }
    let resource = format!("{}/scale", rt.plural);
    Status::not_found(GroupResource { group: rt.group, resource: &resource }, &call.info.name)
}

fn scale_of(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": text(metadata, "name"),
            "namespace": text(metadata, "namespace"),
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": object["spec"]["replicas"].as_i64().unwrap_or(0)},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0), "selector": selector.join(",")},
    })
}
