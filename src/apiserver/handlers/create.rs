//! create.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/create.go`, `.../registry/rest/create.go`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Call, Reply, options, reviews, storage_failed, text, time_text};
use crate::apiserver::admission::Operation;
use crate::apiserver::registry::{ResourceType, managed_fields, validation, warnings};
use crate::apiserver::status::Status;
use crate::apiserver::storage::StorageError;

/// The letters of generated names (`rand.String`).
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How often a generated name is tried.
const TRIES: usize = 8;

pub(super) fn create(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    call.decodable()?;
    options::check_write(call, "CreateOptions", false)?;
    let mut object = call.decode(rt)?;
    call.log_request(rt, &object);
    if !rt.stored() {
        return reviews::create(call, rt, object);
    }
    check_namespace(call, rt, &mut object)?;
    // What is made by an update or an apply keeps these (`WipeObjectMetaSystemFields`).
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "selfLink", "uid"]
        {
            metadata.remove(key);
        }
    }
    rt.strategy.set_defaults(&call.context(rt), &mut object);
    call.single_owners(&mut object, false);
    let manager = call.manager();
    let stored = insert(call, rt, object, Some(&manager))?;
    call.object(201, rt, &stored)
}

/// `EnsureObjectNamespaceMatchesRequestNamespace`
pub(super) fn check_namespace(
    call: &Call<'_>,
    rt: &'static ResourceType,
    object: &mut Value,
) -> Result<(), Status> {
    let wanted = call.namespace(rt);
    let given = text(&object["metadata"], "namespace");
    // What has no namespace forgets the one that it was given.
    if !given.is_empty() && given != wanted && !wanted.is_empty() {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if !object["metadata"].is_object() {
        object["metadata"] = Value::Object(Map::new());
    }
    if rt.namespaced {
        object["metadata"]["namespace"] = json!(wanted);
    } else if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    Ok(())
}

/// Takes a decoded new object through admission, strategy and validation into the store.
///
/// `manager` is whose fields they are; `None` where the object has its managed fields already.
pub(super) fn insert(
    call: &mut Call<'_>,
    rt: &'static ResourceType,
    mut object: Value,
    manager: Option<&str>,
) -> Result<Arc<Value>, Status> {
    let now = call.now();
    if let Some(manager) = manager {
        managed_fields::update(rt, &call.info.subresource, &Value::Null, &mut object, manager, now);
    }
    let given = text(&object["metadata"], "name").to_owned();
    call.admit(rt, Operation::Create, &given, Some(&mut object), None)?;
    call.single_owners(&mut object, true);
    call.check_escalation(rt, &object, None)?;
    let base = text(&object["metadata"], "generateName").to_owned();
    let generates = text(&object["metadata"], "name").is_empty() && !base.is_empty();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.insert("uid".into(), json!(uuid::Uuid::new_v4().to_string()));
        metadata.insert("creationTimestamp".into(), json!(time_text(now)));
    }
    for attempt in 1.. {
        let mut candidate = if generates { object.clone() } else { std::mem::take(&mut object) };
        if generates {
            candidate["metadata"]["name"] = json!(generated(&base));
        }
        match finish(call, rt, candidate) {
            Err(status) if generates && status.reason == "AlreadyExists" => {
                if attempt == TRIES {
                    let mut status = status;
                    status
                        .message
                        .push_str(", the server was not able to generate a unique name for the object");
                    status.retry_after_seconds = 1;
                    return Err(status);
                }
            }
            other => return other,
        }
    }
    Err(Status::internal("no name was generated"))
}

fn finish(call: &mut Call<'_>, rt: &'static ResourceType, mut object: Value) -> Result<Arc<Value>, Status> {
    let name = text(&object["metadata"], "name").to_owned();
    call.warnings.extend(warnings::before_create(rt, &object));
    let context = call.context(rt);
    rt.strategy.prepare_for_create(&context, &mut object);
    let mut errors = validation::validate_metadata_create(rt, &object);
    errors.extend(rt.strategy.validate(&context, &object));
    if !errors.is_empty() {
        return Err(validation::invalid(rt, &name, errors));
    }
    let told = warnings::on_write(rt, &context, &object, None);
    call.warnings.extend(told);
    call.validate(rt, Operation::Create, &name, Some(&mut object), None)?;
    forget_empty_lists(rt, &mut object);
    let key = call.key(rt, &name);
    if call.dry_run() {
        return match call.store().get(&key) {
            Some(present) => Err(exists(rt, &name, &present)),
            None => Ok(Arc::new(object)),
        };
    }
    // An update that makes what it does not find has no such check.
    let created = call.info.verb == "create";
    if created && !matches!(text(&object["metadata"], "resourceVersion"), "" | "0") {
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let stored = match call.store().create(key.clone(), object) {
        Err(StorageError::Exists) => {
            return Err(exists(rt, &name, &call.store().get(&key).unwrap_or_default()));
        }
        other => other.map_err(|error| storage_failed(rt, &name, error))?,
    };
    call.note_written(&stored);
    Ok(stored)
}

/// The answer where there is such an object already.
fn exists(rt: &ResourceType, name: &str, present: &Value) -> Status {
    let mut status = Status::already_exists(rt.group_resource(), name);
    if present["metadata"]["deletionTimestamp"].is_string() {
        status.message = format!("object is being deleted: {}", status.message);
    }
    status
}

/// The store keeps no empty lists (upstream: protobuf); the fields that are written even so are `null` when they come back.
pub(super) fn forget_empty_lists(rt: &ResourceType, object: &mut Value) {
    let fields: &[&str] = match rt.plural {
        "roles" | "clusterroles" => &["rules"],
        "endpointslices" => &["endpoints", "ports"],
        "csinodes" => &["spec/drivers"],
        _ => &[],
    };
    for field in fields {
        if let Some(list) = object.pointer_mut(&format!("/{field}"))
            && list.as_array().is_some_and(Vec::is_empty)
        {
            *list = Value::Null;
        }
    }
}

/// A name that begins as asked (`names.SimpleNameGenerator`).
fn generated(base: &str) -> String {
    let mut name: String = base.chars().take(58).collect();
    for byte in &uuid::Uuid::new_v4().as_bytes()[..5] {
        name.push(char::from(LETTERS[usize::from(*byte) % LETTERS.len()]));
    }
    name
}
