//! update and patch.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/{update,patch}.go`, `.../registry/rest/update.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Reply, create, modified, options, storage_failed, text};
use crate::apiserver::admission::Operation;
use crate::apiserver::registry::managed_fields::{self, ApplyOptions};
use crate::apiserver::registry::patch::{self, PatchType};
use crate::apiserver::registry::{FieldError, ResourceType, validation, warnings};
use crate::apiserver::status::{Cause, Status};
use crate::apiserver::storage::{StorageError, version_of};
use crate::go_quote::quote;

/// How often a patch is tried anew on what others have changed meanwhile.
const TRIES: usize = 6;

pub(super) fn update(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    options::check_write(call, "UpdateOptions", false)?;
    let mut object = call.decode(rt)?;
    call.log_request(rt, &object);
    create::check_namespace(call, rt, &mut object)?;
    check_name(call, rt, &object)?;
    rt.strategy.set_defaults(&call.context(rt), &mut object);
    call.single_owners(&mut object, false);
    let manager = call.manager();
    let mut tries = 0;
    loop {
        tries += 1;
        let found = call.store().get(&call.key(rt, &call.info.name));
        let creates = rt.strategy.allow_create_on_update() && call.info.subresource.is_empty();
        if found.is_none() && !creates && rt.release.gates.updates_find_first {
            return Err(Status::not_found(rt.group_resource(), &call.info.name));
        }
        check_uid(call, rt, &call.info.name, &object, found.as_deref().unwrap_or(&Value::Null))?;
        let Some(current) = found else {
            if !creates {
                return Err(Status::not_found(rt.group_resource(), &call.info.name));
            }
            check_version_text(&object)?;
            let stored = create::insert(call, rt, object, Some(&manager))?;
            return call.object(201, rt, &stored);
        };
        let mut new = object.clone();
        managed_fields::update(rt, &call.info.subresource, &current, &mut new, &manager, call.now());
        let unconditional = version_of(&new) == 0;
        match replace(call, rt, &current, new) {
            Err(Failure::Raced) if unconditional && tries < TRIES => {}
            Err(Failure::Raced) => return Err(modified(rt, &call.info.name)),
            Err(Failure::Refused(status)) => return Err(status),
            Ok(stored) => return call.object(200, rt, &stored),
        }
    }
}

pub(super) fn patch(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    let Some(kind) = PatchType::from_content_type(call.content_type()) else {
        return Err(no_such_patch(call, rt));
    };
    let applies = kind == PatchType::Apply;
    options::check_write(call, "PatchOptions", applies)?;
    let validation = options::field_validation(call.query)?;
    let manager = call.manager();
    if let Some(trail) = &mut call.trail {
        trail.request_patch(&call.body);
    }
    let (body, name) = (call.body.clone(), call.info.name.clone());
    let mut tries = 0;
    loop {
        tries += 1;
        let current = call.store().get(&call.key(rt, &name));
        let apply_options =
            ApplyOptions { manager: &manager, force: call.query.truth("force"), validation, now: call.now() };
        let Some(current) = current else {
            if !applies || !call.info.subresource.is_empty() {
                return Err(Status::not_found(rt.group_resource(), &name));
            }
            return apply_new(call, rt, &body, &apply_options);
        };
        let (mut new, warnings) = if applies {
            managed_fields::apply(rt, &call.info.subresource, &current, &body, &apply_options)?
        } else {
            patch::apply(rt, &call.info.subresource, kind, &current, &body, validation)?
        };
        call.warnings.extend(warnings);
        check_name(call, rt, &new)?;
        rt.strategy.set_defaults(&call.context(rt), &mut new);
        if !applies {
            managed_fields::update(rt, &call.info.subresource, &current, &mut new, &manager, call.now());
        }
        let own_version = version_of(&new) != version_of(&current);
        match replace(call, rt, &current, new) {
            Err(Failure::Raced) if !own_version && tries < TRIES => {}
            Err(Failure::Raced) => return Err(modified(rt, &name)),
            Err(Failure::Refused(status)) => return Err(status),
            Ok(stored) => return call.object(200, rt, &stored),
        }
    }
}

/// What the router says where no patch has such a content type.
///
/// Upstream: `github.com/emicklei/go-restful/v3/jsr311.go`; the oldest release's goes on to `Accept` unless a length is known.
fn no_such_patch(call: &Call<'_>, rt: &ResourceType) -> Status {
    let (unsupported, none) = ("415: Unsupported Media Type", "\n\nAvailable representations: ");
    let length = call.headers.get(http::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length {
        None if rt.release.gates.patches_without_length_go_on => {
            Status::generic(415, "UnsupportedMediaType", format!("{unsupported}{none}"))
        }
        Some("0") if rt.release.gates.patches_without_length_go_on => {
            Status::generic(406, "NotAcceptable", format!("406: Not Acceptable{none}"))
        }
        _ => Status::generic(415, "UnsupportedMediaType", unsupported),
    }
}

/// Applies to what is not there: it is made.
fn apply_new(
    call: &mut Call<'_>,
    rt: &'static ResourceType,
    body: &[u8],
    apply_options: &ApplyOptions<'_>,
) -> Result<Reply, Status> {
    let (mut new, warnings) = managed_fields::apply(rt, "", &Value::Null, body, apply_options)?;
    call.warnings.extend(warnings);
    let uid = text(&new["metadata"], "uid");
    if !uid.is_empty() {
        let why = format!(
            "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        );
        return Err(Status::conflict(rt.group_resource(), &call.info.name, &why));
    }
    check_name(call, rt, &new)?;
    create::check_namespace(call, rt, &mut new)?;
    if let Some(metadata) = new["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    rt.strategy.set_defaults(&call.context(rt), &mut new);
    let stored = create::insert(call, rt, new, None)?;
    call.object(201, rt, &stored)
}

/// `checkName`
fn check_name(call: &Call<'_>, rt: &ResourceType, object: &Value) -> Result<(), Status> {
    let (name, wanted) = (text(&object["metadata"], "name"), call.info.name.as_str());
    if name.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        )));
    }
    if name != wanted {
        return Err(Status::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({wanted})"
        )));
    }
    let (namespace, wanted) = (text(&object["metadata"], "namespace"), call.namespace(rt));
    if rt.namespaced && !namespace.is_empty() && namespace != wanted {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the request ({wanted})"
        )));
    }
    Ok(())
}

/// Why an object was not replaced.
pub(super) enum Failure {
    /// It was changed meanwhile.
    Raced,
    /// It may not be.
    Refused(Status),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(status)
    }
}

/// Takes a changed object through admission, strategy and validation into the store, in the place of `current`.
pub(super) fn replace(
    call: &mut Call<'_>,
    rt: &'static ResourceType,
    current: &Arc<Value>,
    mut new: Value,
) -> Result<Arc<Value>, Failure> {
    let name = call.info.name.clone();
    call.admit(rt, Operation::Update, &name, Some(&mut new), Some(current))?;
    call.single_owners(&mut new, true);
    call.check_escalation(rt, &new, Some(current))?;
    check_version(rt, &name, &new, current)?;
    keep_metadata(rt, &mut new, current);
    let context = call.context(rt);
    rt.strategy.prepare_for_update(&context, &mut new, current);
    let mut errors = validation::validate_metadata_update(rt, &new, current);
    errors.extend(rt.strategy.validate_update(&context, &new, current));
    if !errors.is_empty() {
        return Err(validation::invalid(rt, &name, errors).into());
    }
    let warnings = warnings::on_write(rt, &context, &new, Some(current));
    call.validate(rt, Operation::Update, &name, Some(&mut new), Some(current))?;
    managed_fields::ignore_timestamps(&mut new, current);
    let expected = version_of(current);
    new["metadata"]["resourceVersion"] = json!(expected.to_string());
    call.warnings.extend(warnings);
    create::forget_empty_lists(rt, &mut new);
    if call.dry_run() {
        return Ok(Arc::new(new));
    }
    let key = call.key(rt, &name);
    let result = if ends_with_this(rt, &new) {
        call.store().delete(&key, Some(expected)).map(|_| Arc::new(new))
    } else {
        call.store().update(&key, expected, new)
    };
    match result {
        Ok(stored) => {
            call.note_written(&stored);
            Ok(stored)
        }
        Err(StorageError::Conflict) => Err(Failure::Raced),
        Err(error) => Err(storage_failed(rt, &name, error).into()),
    }
}

/// Whether the update takes the last finalizer from an object that is being deleted (`ShouldDeleteDuringUpdate`).
fn ends_with_this(rt: &ResourceType, new: &Value) -> bool {
    let metadata = &new["metadata"];
    metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null())
        && metadata["finalizers"].as_array().is_none_or(Vec::is_empty)
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && !rt.strategy.waits_for_finalizers(new)
}

/// A version is a number.
fn check_version_text(object: &Value) -> Result<(), Status> {
    let given = text(&object["metadata"], "resourceVersion");
    if given.is_empty() || given.parse::<u64>().is_ok() {
        return Ok(());
    }
    Err(Status::new(500, "", format!("strconv.ParseUint: parsing {}: invalid syntax", quote(given))))
}

fn check_version(rt: &ResourceType, name: &str, new: &Value, current: &Value) -> Result<(), Status> {
    check_version_text(new)?;
    let given = text(&new["metadata"], "resourceVersion");
    if given.is_empty() || given == "0" {
        if rt.strategy.allow_unconditional_update() {
            return Ok(());
        }
        let mut status = validation::invalid(
            rt,
            name,
            vec![FieldError::invalid(
                "metadata.resourceVersion",
                Value::Null,
                "must be specified for an update",
            )],
        );
        status.message = status.message.replace("Invalid value: null", "Invalid value: 0x0");
        status.causes = vec![Cause {
            reason: "FieldValueInvalid".into(),
            message: "Invalid value: 0x0: must be specified for an update".into(),
            field: "metadata.resourceVersion".into(),
        }];
        return Err(status);
    }
    if version_of(new) == version_of(current) { Ok(()) } else { Err(modified(rt, name)) }
}

/// An update that names a uid is about that object only.
fn check_uid(
    call: &Call<'_>,
    rt: &ResourceType,
    name: &str,
    new: &Value,
    current: &Value,
) -> Result<(), Status> {
    let (given, actual) = (text(&new["metadata"], "uid"), text(&current["metadata"], "uid"));
    if given.is_empty() || given == actual {
        return Ok(());
    }
    Err(precondition_failed(
        call,
        rt,
        name,
        &format!("UID in precondition: {given}, UID in object meta: {actual}"),
    ))
}

/// The answer to a precondition that does not hold (`storage.Preconditions.Check`).
pub(super) fn precondition_failed(call: &Call<'_>, rt: &ResourceType, name: &str, why: &str) -> Status {
    let place = match rt.plural {
        "nodes" => "minions",
        "services" => "services/specs",
        "endpoints" => "services/endpoints",
        other => other,
    };
    // A dry run looks by itself, at the key as it is before the store adds its prefix.
    let mut key = format!("{}/{place}", if call.dry_run() { "" } else { "/registry" });
    if rt.namespaced {
        key.push('/');
        key.push_str(call.namespace(rt));
    }
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: {key}/{name}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: {why}"
    );
    Status::conflict(rt.group_resource(), name, &why)
}

/// What of the metadata an update cannot change, and what it keeps where it says nothing.
fn keep_metadata(rt: &ResourceType, new: &mut Value, current: &Value) {
    let old = &current["metadata"];
    let Some(metadata) = new["metadata"].as_object_mut() else { return };
    if !rt.namespaced {
        metadata.remove("namespace");
    }
    metadata.remove("selfLink");
    // A patch that changes it is refused by validation.
    if metadata.get("uid").and_then(Value::as_str).is_none_or(str::is_empty) {
        metadata.insert("uid".into(), old["uid"].clone());
    }
    if let Some(at) = old.get("deletionTimestamp") {
        metadata.insert("deletionTimestamp".into(), at.clone());
    }
    for key in ["creationTimestamp", "generation"] {
        match old.get(key) {
            Some(value) => metadata.insert(key.into(), value.clone()),
            None => metadata.remove(key),
        };
    }
    for key in ["deletionGracePeriodSeconds", "generateName"] {
        if let Some(value) = old.get(key) {
            metadata.entry(key).or_insert_with(|| value.clone());
        }
    }
}
