//! delete and deletecollection.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/delete.go`, `.../registry/rest/delete.go`,
//! `.../registry/generic/registry/store.go` (`Delete`, `deletionFinalizersForGarbageCollection`).

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::list::Selection;
use super::options::DeleteOptions;
use super::update::precondition_failed;
use super::{Call, Reply, modified, storage_failed, text, time_text};
use crate::apiserver::admission::Operation;
use crate::apiserver::registry::ResourceType;
use crate::apiserver::status::Status;
use crate::apiserver::storage::{StorageError, version_of};

/// Resources whose deletion is answered with the object instead of a Status (`ReturnDeletedObject`).
const RETURNED: &[&str] = &[
    "csidrivers",
    "csinodes",
    "namespaces",
    "persistentvolumeclaims",
    "persistentvolumes",
    "pods",
    "podtemplates",
    "resourcequotas",
    "serviceaccounts",
    "services",
    "storageclasses",
    "volumeattachments",
];

/// What became of an object.
struct Outcome {
    object: Arc<Value>,
    gone: bool,
}

pub(super) fn delete(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    let body = call.body.clone();
    let options = DeleteOptions::read(call, &body)?;
    let name = call.info.name.clone();
    let outcome = remove(call, rt, &name, &options)?;
    call.note_written(&outcome.object);
    let code = if !outcome.gone && options.orphan == Some(false) { 202 } else { 200 };
    if !outcome.gone || RETURNED.contains(&rt.plural) {
        return call.object(code, rt, &outcome.object);
    }
    let mut details = json!({"name": name, "kind": rt.plural, "uid": outcome.object["metadata"]["uid"]});
    if !rt.group.is_empty() {
        details["group"] = json!(rt.group);
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    call.object(code, rt, &Arc::new(status))
}

pub(super) fn collection(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    let body = call.body.clone();
    let options = DeleteOptions::read(call, &body)?;
    let selection = Selection::of(call, rt)?;
    let (_, objects) = call.store().list(rt.group, rt.plural, call.namespace(rt));
    let mut deleted = Vec::new();
    for object in objects.iter().filter(|object| selection.takes(object)) {
        match remove(call, rt, text(&object["metadata"], "name"), &options) {
            Ok(outcome) => deleted.push(outcome.object),
            Err(status) if status.reason == "NotFound" => {}
            Err(status) => return Err(status),
        }
    }
    let version = call.store().resource_version();
    call.objects(rt, json!({"resourceVersion": version.to_string()}), &deleted)
}

/// Deletes a pod for an eviction; admission sees the creation of the eviction, not the deletion.
pub(super) fn evict(
    call: &mut Call<'_>,
    rt: &'static ResourceType,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let name = call.info.name.clone();
    remove(call, rt, &name, options).map(|_| ())
}

fn remove(
    call: &mut Call<'_>,
    rt: &'static ResourceType,
    name: &str,
    options: &DeleteOptions,
) -> Result<Outcome, Status> {
    let key = call.key(rt, name);
    loop {
        let current = call.store().get(&key).ok_or_else(|| Status::not_found(rt.group_resource(), name))?;
        check_preconditions(call, rt, name, &current, options)?;
        // An eviction is admitted as the creation that it is.
        let operation = if call.info.subresource.is_empty() { Operation::Delete } else { Operation::Create };
        call.admit(rt, operation, name, None, Some(&current))?;
        call.validate(rt, operation, name, None, Some(&current))?;
        let expected = version_of(&current);
        let dry_run = options.dry_run || call.dry_run();
        let result = match plan(call, rt, &current, options) {
            Plan::Keep => return Ok(Outcome { object: current, gone: false }),
            Plan::Mark(object) if dry_run => return Ok(Outcome { object: Arc::new(object), gone: false }),
            Plan::Remove if dry_run => return Ok(Outcome { object: current, gone: true }),
            Plan::Mark(object) => {
                call.store().update(&key, expected, object).map(|object| Outcome { object, gone: false })
            }
            Plan::Remove => {
                call.store().delete(&key, Some(expected)).map(|object| Outcome { object, gone: true })
            }
        };
        match result {
            Err(StorageError::Conflict) => {}
            other => return other.map_err(|error| storage_failed(rt, name, error)),
        }
    }
}

fn check_preconditions(
    call: &Call<'_>,
    rt: &ResourceType,
    name: &str,
    current: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let metadata = &current["metadata"];
    if let Some(wanted) = &options.uid
        && wanted != text(metadata, "uid")
    {
        let why = format!("UID in precondition: {wanted}, UID in object meta: {}", text(metadata, "uid"));
        return Err(precondition_failed(call, rt, name, &why));
    }
    if let Some(wanted) = &options.resource_version
        && wanted != text(metadata, "resourceVersion")
    {
        let actual = text(metadata, "resourceVersion");
        let why =
            format!("ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {actual}");
        return Err(precondition_failed(call, rt, name, &why));
    }
    if call.info.name.is_empty() && version_of(current) == 0 {
        return Err(modified(rt, name));
    }
    Ok(())
}

/// What a deletion does.
enum Plan {
    /// Nothing: it is under way already.
    Keep,
    /// The object is marked and goes later.
    Mark(Value),
    /// The object goes now.
    Remove,
}

fn plan(call: &Call<'_>, rt: &ResourceType, current: &Value, options: &DeleteOptions) -> Plan {
    let metadata = &current["metadata"];
    let marked = metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null());
    let mut object = current.clone();
    let finalizers = wanted_finalizers(metadata, options);
    let changed = finalizers != strings(&metadata["finalizers"]);
    let waits = !finalizers.is_empty() || rt.strategy.waits_for_finalizers(current);
    if finalizers.is_empty() {
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("finalizers");
        }
    } else {
        object["metadata"]["finalizers"] = json!(finalizers);
    }
    let grace = rt.strategy.grace_period(current, options.grace_period);
    if marked {
        let before = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0);
        if grace.is_some_and(|grace| before > 0 && grace >= before) {
            return if changed { Plan::Mark(object) } else { Plan::Keep };
        }
        if let Some(grace) = grace.filter(|grace| before > 0 && *grace > 0) {
            mark(call, &mut object, grace);
            return Plan::Mark(object);
        }
    } else if let Some(grace) = grace.filter(|grace| *grace > 0) {
        mark(call, &mut object, grace);
        return Plan::Mark(object);
    }
    if !waits {
        return Plan::Remove;
    }
    if marked && !changed && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0 {
        return Plan::Keep;
    }
    if rt.plural == "namespaces" && rt.group.is_empty() {
        object["metadata"]["deletionTimestamp"] = json!(time_text(call.now()));
        object["status"]["phase"] = json!("Terminating");
    } else {
        mark(call, &mut object, 0);
    }
    Plan::Mark(object)
}

fn mark(call: &Call<'_>, object: &mut Value, grace: i64) {
    let at = call.now().checked_add(SignedDuration::from_secs(grace)).unwrap_or_else(|_| call.now());
    let metadata = &mut object["metadata"];
    metadata["deletionTimestamp"] = json!(time_text(at));
    metadata["deletionGracePeriodSeconds"] = json!(grace);
    if let Some(generation) = metadata["generation"].as_i64().filter(|generation| *generation > 0) {
        metadata["generation"] = json!(generation + 1);
    }
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The finalizers that the object has to have for the policy that was asked for.
fn wanted_finalizers(metadata: &Value, options: &DeleteOptions) -> Vec<String> {
    let mut finalizers = strings(&metadata["finalizers"]);
    let policy = match (&options.policy, options.orphan) {
        (Some(policy), _) => policy.as_str(),
        (None, Some(true)) => "Orphan",
        (None, Some(false)) => "Background",
        // Whoever put such a finalizer on the object has already chosen.
        (None, None) => return finalizers,
    };
    finalizers.retain(|one| one != "orphan" && one != "foregroundDeletion");
    match policy {
        "Orphan" => finalizers.push("orphan".into()),
        "Foreground" => finalizers.push("foregroundDeletion".into()),
        _ => {}
    }
    finalizers
}
