//! Who owns which field: `metadata.managedFields` and server-side apply.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields`, `sigs.k8s.io/structured-merge-diff/merge`.

mod fields;
mod fieldset;
mod merge;
mod upgrade;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::fields::Fields;
use self::fieldset::{Path, Set};
use self::merge::Typed;
use super::ResourceType;
use super::decode::FieldValidation;
use super::json::Node;
use super::schema::Schema;
use super::typed::{self, time_text};
use super::yaml;
use crate::apiserver::status::{Cause, Status};

/// How many managers of updates are told apart.
const MOST_UPDATE_MANAGERS: usize = 10;

/// Who applies, and how.
#[derive(Debug, Clone)]
pub struct ApplyOptions<'a> {
    /// `fieldManager`; never empty (an empty one is refused when the options are validated).
    pub manager: &'a str,
    /// Take fields that others own.
    pub force: bool,
    /// What happens to duplicate fields.
    pub validation: FieldValidation,
    /// The time.
    pub now: Timestamp,
}

/// A manager's identity: for appliers the version does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    applies: bool,
    manager: String,
    version: String,
    subresource: String,
}

/// A manager's fields.
#[derive(Debug, Clone)]
struct Entry {
    id: Id,
    version: String,
    fields: Fields,
    time: Option<String>,
}

/// The managers of an object.
#[derive(Debug, Clone, Default)]
struct Managed(Vec<Entry>);

/// What an operation is done on.
struct Operation<'a> {
    typed: Typed,
    kind: (&'static str, &'static str, &'static str),
    version: String,
    subresource: &'a str,
    ignored: Vec<Path>,
}

impl Managed {
    fn decode(entries: &Value) -> Option<Self> {
        let mut out = Vec::new();
        for entry in entries.as_array().into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().unwrap_or("").to_owned();
            let applies = match entry["operation"].as_str() {
                Some("Apply") => true,
                Some("Update") => false,
                _ => return None,
            };
            let version = text("apiVersion");
            if version.is_empty() || entry["fieldsType"] != "FieldsV1" {
                return None;
            }
            let id = Id {
                applies,
                manager: text("manager"),
                version: if applies { String::new() } else { version.clone() },
                subresource: text("subresource"),
            };
            let time = entry["time"].as_str().map(str::to_owned);
            out.push(Entry { id, version, fields: Fields::written(&entry["fieldsV1"]), time });
        }
        Some(Self(out))
    }

    fn encode(&self) -> Value {
        fn key(e: &Entry) -> (bool, &str, &str, &str, &str) {
            let time = e.time.as_deref().unwrap_or_default();
            (!e.id.applies, time, &e.id.manager, &e.version, &e.id.subresource)
        }
        let mut entries: Vec<&Entry> = self.0.iter().collect();
        entries.sort_by(|a, b| key(a).cmp(&key(b)));
        let list = entries.iter().map(|e| {
            let mut out = Map::new();
            if !e.id.manager.is_empty() {
                out.insert("manager".into(), json!(e.id.manager));
            }
            out.insert("operation".into(), json!(if e.id.applies { "Apply" } else { "Update" }));
            out.insert("apiVersion".into(), json!(e.version));
            if let Some(time) = &e.time {
                out.insert("time".into(), json!(time));
            }
            out.insert("fieldsType".into(), json!("FieldsV1"));
            out.insert("fieldsV1".into(), e.fields.to_fields());
            if !e.id.subresource.is_empty() {
                out.insert("subresource".into(), json!(e.id.subresource));
            }
            Value::Object(out)
        });
        list.collect()
    }

    fn find(&self, id: &Id) -> Option<&Entry> {
        self.0.iter().find(|e| e.id == *id)
    }

    fn put(&mut self, entry: Entry) {
        self.0.retain(|e| e.id != entry.id);
        if !entry.fields.is_empty() {
            self.0.push(entry);
        }
    }

    /// Merges the oldest managers of updates into `ancient-changes` (`capmanagers.go`).
    fn cap(&mut self) {
        let mut updaters: Vec<Entry> = self.0.iter().filter(|e| !e.id.applies).cloned().collect();
        if updaters.len() <= MOST_UPDATE_MANAGERS {
            return;
        }
        updaters.sort_by(|a, b| (&a.time, &a.id).cmp(&(&b.time, &b.id)));
        let surplus = updaters.len() - MOST_UPDATE_MANAGERS;
        let mut bucket: Option<Entry> = None;
        for old in updaters.into_iter().take(surplus + 1) {
            self.0.retain(|e| e.id != old.id);
            bucket = Some(match bucket {
                None => old,
                Some(mut kept) => {
                    kept.fields = kept.fields.set().union(old.fields.set()).into();
                    kept.time = old.time;
                    kept
                }
            });
        }
        if let Some(mut entry) = bucket {
            entry.id = Id {
                applies: false,
                manager: "ancient-changes".into(),
                version: entry.version.clone(),
                subresource: String::new(),
            };
            if let Some(known) = self.find(&entry.id) {
                entry.fields = entry.fields.set().union(known.fields.set()).into();
            }
            self.put(entry);
        }
    }
}

impl<'a> Operation<'a> {
    fn new(rt: &ResourceType, subresource: &'a str) -> Option<Self> {
        let schema = Schema::of(rt.release);
        let kind = rt.wire_kind(subresource);
        let root = schema.kind(kind.0, kind.1, kind.2)?;
        let has_status = rt.subresource("status").is_some();
        let ignored: &[&[&str]] = match subresource {
            "status" if rt.plural == "pods" => {
                &[&["spec"], &["metadata", "deletionTimestamp"], &["metadata", "ownerReferences"]]
            }
            "" if rt.plural == "certificatesigningrequests" => &[&["spec"], &["status"]],
            "status" if rt.plural == "certificatesigningrequests" => &[&["spec"], &["status", "conditions"]],
            "approval" => &[&["spec"], &["status", "certificate"]],
            "status" => &[&["spec"]],
            "" | "finalize" if has_status => &[&["status"]],
            _ => &[],
        };
        let ignored =
            ignored.iter().map(|path| Path(path.iter().map(|name| format!("f:{name}")).collect())).collect();
        let version = if kind.0.is_empty() { kind.1.to_owned() } else { format!("{}/{}", kind.0, kind.1) };
        Some(Self { typed: Typed { schema, root }, kind, version, subresource, ignored })
    }

    fn id(&self, manager: &str, applies: bool) -> Id {
        Id {
            applies,
            manager: if manager.is_empty() { "unknown".into() } else { manager.into() },
            version: if applies { String::new() } else { self.version.clone() },
            subresource: self.subresource.to_owned(),
        }
    }

    /// Whether the fields that an entry names can be those of such an object: there is the kind in its version.
    fn knows(&self, rt: &ResourceType, entry: &Entry) -> bool {
        let (group, version) = entry.version.split_once('/').unwrap_or(("", &entry.version));
        let is_own = self.typed.schema.kind(group, version, rt.kind).is_some();
        is_own && (group == rt.group || rt.plural == "events") || entry.id.subresource == "scale"
    }

    fn empty(&self) -> Value {
        typed::reshape(self.typed.schema, self.typed.root, &Value::Object(Map::new()))
    }

    /// Takes what changed away from its owners; gives who owned it (`Updater.update`).
    fn take(
        &self,
        old: &Value,
        new: &Value,
        managed: &mut Managed,
        workflow: Option<&Id>,
        force: bool,
    ) -> Result<merge::Comparison, Vec<(Id, Path)>> {
        let mut compare = self.typed.compare(old, new);
        for set in [&mut compare.removed, &mut compare.modified, &mut compare.added] {
            *set = set.without_prefixes(&self.ignored);
        }
        let changed = compare.modified.union(&compare.added);
        let mut conflicts = Vec::new();
        let gone = changed.union(&compare.removed);
        let others = |entry: &&mut Entry| Some(&entry.id) != workflow && entry.fields.has_any(&gone);
        for entry in managed.0.iter_mut().filter(others) {
            let set = entry.fields.set();
            conflicts.extend(set.intersection(&changed).0.into_iter().map(|p| (entry.id.clone(), p)));
        }
        if !force && !conflicts.is_empty() {
            conflicts.sort();
            return Err(conflicts);
        }
        for entry in managed.0.iter_mut().filter(others) {
            entry.fields = entry.fields.set().difference(&gone).into();
        }
        managed.0.retain(|e| !e.fields.is_empty());
        Ok(compare)
    }

    fn update(&self, live: &Value, new: &Value, managed: &mut Managed, manager: &str, now: &str) {
        let Ok(compare) = self.take(live, new, managed, None, true) else { return };
        let mine = compare.modified.union(&compare.added).difference(&strip_set());
        if mine.0.is_empty() {
            return;
        }
        let id = self.id(manager, false);
        let set = match managed.find(&id) {
            Some(before) => before.fields.set().union(&mine),
            None => mine,
        };
        let version = self.version.clone();
        managed.put(Entry { id, version, fields: set.into(), time: Some(now.to_owned()) });
        managed.cap();
    }

    /// Removes what the manager applied before and does not any more, unless somebody else owns it (`Updater.prune`).
    fn prune(&self, merged: &Value, managed: &Managed, last: &Set) -> Value {
        if last.0.is_empty() {
            return merged.clone();
        }
        let typed = self.typed;
        let named = |set: &Set| set.with_named_fields(typed.schema, typed.root);
        let pruned = typed.remove(merged, &named(last));
        let owned = managed.0.iter().fold(Set::default(), |all, e| all.union(e.fields.set()));
        let merged_set = named(&typed.field_set(merged));
        let keep = named(&typed.field_set(&pruned)).union(&named(&owned));
        let pruned = typed.remove(merged, &merged_set.difference(&keep));
        let pruned_set = named(&typed.field_set(&pruned));
        typed.remove(merged, &merged_set.difference(&pruned_set).intersection(&named(last)))
    }
}

fn strip_set() -> Set {
    let metadata = ["name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation"];
    let mut set = Set::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.0.insert(Path(vec![format!("f:{name}")]));
    }
    for name in metadata.into_iter().chain(["managedFields", "resourceVersion"]) {
        set.0.insert(Path(vec!["f:metadata".into(), format!("f:{name}")]));
    }
    set
}

fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn set_managed_fields(object: &mut Value, managed: &Managed) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if managed.0.is_empty() {
        metadata.remove("managedFields");
    } else {
        metadata.insert("managedFields".into(), managed.encode());
    }
}

/// Whether the request asks to forget all owners: an empty list, or one empty entry.
fn is_reset(entries: &Value) -> bool {
    match entries.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([one]) => one.as_object().is_some_and(Map::is_empty),
        _ => false,
    }
}

/// Records what `manager` changed between `live` (Null on create) and `new`, in `new`'s `metadata.managedFields`.
///
/// The manager is the request's `fieldManager`, or the user agent up to its first slash. Call it after the defaults are
/// set and before admission.
pub fn update(
    rt: &ResourceType,
    subresource: &str,
    live: &Value,
    new: &mut Value,
    manager: &str,
    now: Timestamp,
) {
    let Some(operation) = Operation::new(rt, subresource) else { return };
    let metadata = new.get_mut("metadata").and_then(Value::as_object_mut);
    let asked = metadata.and_then(|metadata| metadata.remove("managedFields")).unwrap_or_default();
    let kept = || Managed::decode(&live["metadata"]["managedFields"]).unwrap_or_default();
    let mut managed = if !subresource.is_empty() {
        kept()
    } else if is_reset(&asked) {
        Managed::default()
    } else {
        Managed::decode(&asked).filter(|m| !m.0.is_empty()).unwrap_or_else(kept)
    };
    managed.0.retain(|entry| operation.knows(rt, entry));
    let created = live["metadata"]["uid"].as_str().is_none_or(str::is_empty);
    if created || !managed.0.is_empty() {
        let empty = live.is_null().then(|| operation.empty());
        operation.update(empty.as_ref().unwrap_or(live), new, &mut managed, manager, &time_text(now));
    }
    set_managed_fields(new, &managed);
}

/// The manager of `kubectl apply --server-side`, which takes over from the client-side `kubectl apply`.
const KUBECTL: &str = "kubectl";

/// Applies an apply patch (JSON or YAML) to `live` (Null where the object is created); also gives the warnings.
///
/// The outcome carries its managed fields. Defaults, admission and validation are the caller's.
pub fn apply(
    rt: &ResourceType,
    subresource: &str,
    live: &Value,
    patch: &[u8],
    options: &ApplyOptions<'_>,
) -> Result<(Value, Vec<String>), Status> {
    let unknown = |message: String| Status::new(500, "", message);
    let operation =
        Operation::new(rt, subresource).ok_or_else(|| unknown(format!("no schema for {}", rt.kind)))?;
    let node = yaml::parse(patch).map_err(|e| {
        Status::bad_request(format!("error decoding YAML: error converting YAML to JSON: {e}"))
    })?;
    if !matches!(node, Node::Object(_) | Node::Null) {
        let word = node.word();
        return Err(Status::bad_request(format!(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {word} into Go value \
             of type map[string]interface {{}}"
        )));
    }
    let change = node.to_value();
    let (group, version, kind) = operation.kind;
    let said = change["apiVersion"].as_str().unwrap_or("");
    let said_kind = change["kind"].as_str().unwrap_or("");
    if said != operation.version || said_kind != kind {
        let (said_group, said_version) = said.split_once('/').unwrap_or(("", said));
        // What is no version makes the whole of it nothing (`schema.FromAPIVersionAndKind`).
        let said = if said_version.contains('/') {
            "/, Kind=".to_owned()
        } else {
            format!("{said_group}/{said_version}, Kind={said_kind}")
        };
        return Err(Status::bad_request(format!("invalid object type: {said}")));
    }
    if change["metadata"].get("managedFields").is_some_and(|m| !m.is_null()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let now = time_text(options.now);
    let old = if live.is_null() { operation.empty() } else { without_managed_fields(live) };
    let mut managed = Managed::decode(&live["metadata"]["managedFields"])
        .ok_or_else(|| unknown("failed to decode managed fields".into()))?;
    if managed.0.is_empty() {
        operation.update(&operation.empty(), &old, &mut managed, "before-first-apply", &now);
    }
    operation.typed.validate(&change).map_err(|e| {
        let text = |key: &str| change["metadata"][key].as_str().unwrap_or("").to_owned();
        unknown(format!(
            "failed to create typed patch object ({}/{}; {group}/{version}, Kind={kind}): {e}",
            text("namespace"),
            text("name")
        ))
    })?;
    let id = operation.id(options.manager, true);
    let before = managed.find(&id).cloned();
    let merged = operation.typed.merge(&old, &change);
    let set = operation.typed.field_set(&change).without_prefixes(&operation.ignored);
    managed.0.retain(|e| e.id != id);
    let time = before.as_ref().and_then(|e| e.time.clone());
    let written_at = operation.version.clone();
    managed.0.push(Entry { id: id.clone(), version: written_at, fields: set.into(), time });
    let had = before.map(|e| e.fields.into_set());
    let last = had.clone().unwrap_or_default();
    let merged = operation.prune(&merged, &managed, &last);
    if let Err(mut conflicts) = operation.take(&old, &merged, &mut managed, Some(&id), options.force) {
        let own = upgrade::last_applied_fields(&operation, live, &old).filter(|_| options.manager == KUBECTL);
        conflicts.retain(|(_, path)| own.as_ref().is_none_or(|own| !own.has(path)));
        if !conflicts.is_empty() {
            return Err(conflict_status(&conflicts));
        }
        let _ = operation.take(&old, &merged, &mut managed, Some(&id), true);
    }
    let mut findings = typed::Findings::default();
    let node_of = Node::from_value(&merged);
    let mut object = typed::shape(operation.typed.schema, operation.typed.root, &node_of, &mut findings);
    if let Some(error) = findings.error {
        let text = |key: &str| change["metadata"][key].as_str().unwrap_or("").to_owned();
        let from = if error.starts_with("parsing time") { "" } else { "error decoding from json: " };
        return Err(unknown(format!(
            "failed to convert new object ({}/{}; {group}/{version}, Kind={kind}) to proper version: unable to convert \
             unstructured object to {group}/{version}, Kind={kind}: {from}{error}",
            text("namespace"),
            text("name")
        )));
    }
    // What is null counts: it was not there before.
    let noop = old == merged;
    if let Some(mut mine) = managed.find(&id).cloned() {
        mine.fields = mine.fields.set().difference(&strip_set()).into();
        if !noop {
            mine.time = Some(now);
        }
        managed.put(mine);
    }
    object["apiVersion"] = json!(operation.version);
    object["kind"] = json!(kind);
    set_managed_fields(&mut object, &managed);
    if options.manager == KUBECTL {
        upgrade::note_applied(&mut object, &change);
    }
    let mut warnings = Vec::new();
    if options.validation != FieldValidation::Ignore {
        node.duplicates("", &mut warnings);
        if options.validation == FieldValidation::Strict
            && let Some(first) = warnings.first()
        {
            let error = yaml::duplicate_error(first, patch);
            return Err(Status::bad_request(format!(
                "error strict decoding YAML: error converting YAML to JSON: {error}"
            )));
        }
    }
    Ok((object, warnings))
}

/// Whether managers and their fields are the same, whatever the times.
fn same_managers(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return a == b };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_but(a, b, &["time"]))
}

/// Whether two objects have the same fields, some names not counted.
fn same_but(a: &Value, b: &Value, but: &[&str]) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let counts = |(name, _): &(&String, &Value)| !but.contains(&name.as_str());
    a.iter().filter(counts).eq(b.iter().filter(counts))
}

/// Keeps the old times where nothing but times differs, so that a write that changes nothing stays one.
///
/// Upstream: `fieldmanager.IgnoreManagedFieldsTimestampsTransformer`; call it last, before the object is stored.
pub fn ignore_timestamps(new: &mut Value, old: &Value) {
    let (now, then) = (&new["metadata"]["managedFields"], &old["metadata"]["managedFields"]);
    if now != then && same_managers(now, then) && same_but(new, old, &["metadata"]) && {
        let but = ["managedFields", "resourceVersion"];
        same_but(&new["metadata"], &old["metadata"], &but)
    } {
        new["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
    }
}

fn conflict_status(conflicts: &[(Id, Path)]) -> Status {
    let name = |id: &Id| {
        let mut text = format!("{:?}", id.manager);
        if !id.subresource.is_empty() {
            text.push_str(&format!(" with subresource {:?}", id.subresource));
        }
        if !id.applies {
            text.push_str(&format!(" using {}", id.version));
        }
        text
    };
    let message = match conflicts {
        [(id, path)] => format!("Apply failed with 1 conflict: conflict with {}: {path}", name(id)),
        many => {
            let mut lines = Vec::new();
            let mut last = None;
            for (id, path) in many {
                if last != Some(id) {
                    lines.push(format!("conflicts with {}:", name(id)));
                    last = Some(id);
                }
                lines.push(format!("- {path}"));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    let mut status = Status::new(409, "Conflict", message);
    status.causes = conflicts
        .iter()
        .map(|(id, path)| Cause {
            reason: "FieldManagerConflict".into(),
            message: format!("conflict with {}", name(id)),
            field: path.to_string(),
        })
        .collect();
    status
}

#[cfg(test)]
mod tests;
