//! delete and deletecollection.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/delete.go`, `.../registry/rest/delete.go`,
//! `.../registry/generic/registry/store.go` (`Delete`, `deletionFinalizersForGarbageCollection`).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::list::{self, Selection};
use super::options::{self, DeleteOptions};
use super::{Call, Reply, storage_failed, text, time_text};
use crate::apiserver::admission::Operation;
use crate::apiserver::registry::ResourceType;
use crate::apiserver::status::{GroupResource, Status};
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

/// More than any collection here has: the deletion of all reads them in one page.
const PAGE: usize = usize::MAX;

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
    options::check_list(call.query, false, rt.release)?;
    let limit = list::limit(call)?;
    let selection = Selection::of(call, rt)?;
    let options = DeleteOptions::read(call, &body)?;
    // Without a limit all go, from the store page by page.
    let page = match list::page(call, rt, &selection, if limit == 0 { PAGE } else { limit })? {
        Ok(page) => page,
        Err(expired) => return Ok(expired),
    };
    for object in &page.objects {
        match remove(call, rt, text(&object["metadata"], "name"), &options) {
            Err(status) if status.reason != "NotFound" => return Err(status),
            _ => {}
        }
    }
    // The answer is what was there before.
    call.objects(rt, page.metadata, &page.objects)
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
        check_preconditions(rt, name, &current, options)?;
        let plan = plan(call, rt, &current, options);
        if let Plan::Keep = plan {
            return Ok(Outcome { object: current, gone: false });
        }
        // An eviction is admitted as the creation that it is.
        let operation = if call.info.subresource.is_empty() { Operation::Delete } else { Operation::Create };
        call.admit(rt, operation, name, None, Some(&current))?;
        call.validate(rt, operation, name, None, Some(&current))?;
        let expected = version_of(&current);
        let dry_run = options.dry_run || call.dry_run();
        let result = match plan {
            Plan::Keep => Ok(Outcome { object: current, gone: false }),
            Plan::Mark { object, gone } if dry_run => Ok(Outcome { object: Arc::new(object), gone }),
            Plan::Remove if dry_run => Ok(Outcome { object: current, gone: true }),
            Plan::Mark { object, gone } => call.store().update(&key, expected, object).and_then(|object| {
                if gone {
                    let expected = version_of(&object);
                    return call.store().delete(&key, Some(expected)).map(|object| Outcome { object, gone });
                }
                Ok(Outcome { object, gone })
            }),
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

/// Whether it is the object that is meant (`BeforeDelete`; namespaces say it in their own words).
fn check_preconditions(
    rt: &ResourceType,
    name: &str,
    current: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let metadata = &current["metadata"];
    let wanted = [
        ("UID", "uid", &options.uid, "The object might have been deleted and then recreated"),
        (
            "ResourceVersion",
            "resourceVersion",
            &options.resource_version,
            "The object might have been modified",
        ),
    ];
    for (what, key, wanted, maybe) in wanted {
        let Some(wanted) = wanted else { continue };
        let actual = text(metadata, key);
        if wanted == actual {
            continue;
        }
        if is_namespace(rt) {
            let why = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {actual}"
            );
            return Err(Status::conflict(rt.group_resource(), name, &why));
        }
        let why = format!(
            "the {what} in the precondition ({wanted}) does not match the {what} in record ({actual}). {maybe}"
        );
        let kind = GroupResource { group: rt.group, resource: rt.kind };
        return Err(Status::conflict(kind, name, &why));
    }
    Ok(())
}

fn is_namespace(rt: &ResourceType) -> bool {
    rt.plural == "namespaces" && rt.group.is_empty()
}

/// What a deletion does.
enum Plan {
    /// Nothing: it is under way already.
    Keep,
    /// The object is marked, and goes later or (`gone`) at once.
    Mark {
        /// The marked object.
        object: Value,
        /// Whether it goes at once.
        gone: bool,
    },
    /// The object goes now.
    Remove,
}

fn plan(call: &Call<'_>, rt: &ResourceType, current: &Value, options: &DeleteOptions) -> Plan {
    let mut object = current.clone();
    if is_namespace(rt) {
        if is_marked(current) {
            if rt.strategy.waits_for_finalizers(current) {
                return Plan::Keep;
            }
        } else {
            set_finalizers(&mut object, &wanted_finalizers(&current["metadata"], options));
            object["metadata"]["deletionTimestamp"] = json!(time_text(call.now()));
            object["status"]["phase"] = json!("Terminating");
            return Plan::Mark { object, gone: false };
        }
    }
    let asked = options.grace_period.map(|grace| if grace < 0 { 1 } else { grace });
    // Only pods go gracefully; `graceful` is what is left for them.
    let graceful = match rt.strategy.grace_period(current, asked) {
        None => None,
        Some(period) if !is_marked(current) => {
            let at = call.now().checked_add(SignedDuration::from_secs(period)).unwrap_or_else(|_| call.now());
            object["metadata"]["deletionTimestamp"] = json!(time_text(at));
            object["metadata"]["deletionGracePeriodSeconds"] = json!(period);
            count_up(&mut object);
            Some(period)
        }
        Some(_) => match current["metadata"]["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) {
            0 => None,
            before => match asked.filter(|asked| *asked < before) {
                None => return Plan::Keep,
                Some(asked) => Some(shorten(call, rt, &mut object, before, asked)),
            },
        },
    };
    let finalizers = wanted_finalizers(&current["metadata"], options);
    let changed = finalizers != strings(&current["metadata"]["finalizers"]);
    set_finalizers(&mut object, &finalizers);
    match graceful {
        Some(period) => Plan::Mark { object, gone: period == 0 && finalizers.is_empty() },
        None if finalizers.is_empty() => Plan::Remove,
        None => {
            mark(call, &mut object);
            if !changed && object == *current { Plan::Keep } else { Plan::Mark { object, gone: false } }
        }
    }
}

fn is_marked(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some_and(|at| !at.is_null())
}

fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    let Some(metadata) = object["metadata"].as_object_mut() else { return };
    if finalizers.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".into(), json!(finalizers));
    }
}

/// A deletion that is under way is to take less time; gives what is left.
fn shorten(call: &Call<'_>, rt: &ResourceType, object: &mut Value, before: i64, asked: i64) -> i64 {
    let metadata = &mut object["metadata"];
    let ends: Option<Timestamp> = text(metadata, "deletionTimestamp").parse().ok();
    let earlier = ends.and_then(|ends| ends.checked_sub(SignedDuration::from_secs(before - asked)).ok());
    let now = call.now();
    let (mut at, mut period) = (earlier.unwrap_or(now), asked);
    if rt.release.gates.deletions_end_in_the_future && at < now {
        (at, period) = (now, period.min(1));
    }
    metadata["deletionTimestamp"] = json!(time_text(at));
    metadata["deletionGracePeriodSeconds"] = json!(period);
    asked
}

/// Marks an object that waits for its finalizers (`markAsDeleting`).
fn mark(call: &Call<'_>, object: &mut Value) {
    if !is_marked(object) {
        count_up(object);
    }
    let now = call.now();
    let before: Option<Timestamp> = text(&object["metadata"], "deletionTimestamp").parse().ok();
    if before.is_none_or(|before| before > now) {
        object["metadata"]["deletionTimestamp"] = json!(time_text(now));
    }
    object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
}

fn count_up(object: &mut Value) {
    let generation = &mut object["metadata"]["generation"];
    match generation.as_i64().filter(|generation| *generation > 0) {
        Some(count) => *generation = json!(count + 1),
        None => {
            if generation.is_null()
                && let Some(metadata) = object["metadata"].as_object_mut()
            {
                metadata.remove("generation");
            }
        }
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
