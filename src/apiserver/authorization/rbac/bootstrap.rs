//! The roles and bindings that an API server makes when it starts, and those that kubeadm adds.
//!
//! The data are in `assets/rbac`, one object a line, without the label and the annotation that all of them carry.
//! Upstream: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`, `pkg/registry/rbac/rest/storage_rbac.go`
//! (reconciliation), `cmd/kubeadm/app/phases`.

use serde_json::{Map, Value, json};

use super::covers::uncovered;
use super::{GROUP, PolicyRule};
use crate::apiserver::registry::{self, managed_fields};
use crate::apiserver::storage::{Key, StorageError, Store};
use crate::clock::SharedClock;
use crate::release::Release;

static KUBEADM: &str = include_str!("../../../../assets/rbac/kubeadm.jsonl");

const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

/// A role or binding with its place in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Where it belongs.
    pub key: Key,
    /// The object, without uid and times.
    pub object: Value,
}

/// The roles and bindings that the API server of a release makes.
pub fn policy(release: &Release) -> Vec<Object> {
    parse(release.assets.rbac_policy, true)
}

/// The roles and bindings that kubeadm adds to a cluster.
pub fn kubeadm() -> Vec<Object> {
    parse(KUBEADM, false)
}

/// The rules of one bootstrap ClusterRole, e.g. `system:node` for the Node authorizer.
pub fn cluster_role_rules(release: &Release, name: &str) -> Vec<PolicyRule> {
    let key = Key::new(GROUP, "clusterroles", "", name);
    let named: Vec<_> = release.assets.rbac_policy.lines().filter(|line| line.contains(name)).collect();
    let role = parse(&named.join("\n"), true).into_iter().find(|object| object.key == key);
    role.map(|role| PolicyRule::of_role(&role.object)).unwrap_or_default()
}

fn parse(lines: &str, marked: bool) -> Vec<Object> {
    lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .map(|line| expand(line, marked))
        .collect()
}

/// Makes the object of a line.
fn expand(mut line: Map<String, Value>, marked: bool) -> Object {
    let mut take = |key: &str| line.remove(key);
    let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text(take("kind"));
    let name = text(take("name"));
    let namespace = text(take("namespace"));
    let mut labels = take("labels").unwrap_or_else(|| json!({}));
    let mut metadata = json!({"name": name});
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    if marked {
        labels[BOOTSTRAPPING] = json!("rbac-defaults");
        metadata["annotations"] = json!({AUTOUPDATE: "true"});
        metadata["labels"] = labels;
    }
    let mut object = json!({"apiVersion": format!("{GROUP}/v1"), "kind": kind, "metadata": metadata});
    // an aggregating role starts without rules
    if kind.ends_with("Role") && !line.contains_key("rules") {
        line.insert("rules".into(), Value::Null);
    }
    for (field, value) in line {
        object[field] = value;
    }
    let resource = format!("{}s", kind.to_lowercase());
    Object { key: Key::new(GROUP, &resource, &namespace, &name), object }
}

/// Brings the bootstrap policy into the store, as an API server does when it starts (`rbac/bootstrap-roles`).
///
/// What is missing is made; a role that lacks rules gets them, a binding that lacks subjects gets them, a binding to
/// another role is made anew; nothing is taken away; objects whose `autoupdate` annotation is `false` stay as they are.
pub fn reconcile(
    store: &Store,
    release: &'static Release,
    clock: &SharedClock,
    policy: Vec<Object>,
) -> Result<(), StorageError> {
    for wanted in policy {
        ensure(store, release, wanted, clock)?;
    }
    Ok(())
}

/// The policy for a store: where that has none yet, with the notes of who wrote what, which are most of the work.
pub fn prepared(store: &Store, release: &'static Release, clock: &SharedClock) -> Vec<Object> {
    let mut policy = policy(release);
    if store.list(GROUP, "clusterroles", "").1.is_empty() {
        for Object { key, object } in &mut policy {
            written_by_server(release, key, &Value::Null, object, clock);
        }
    }
    policy
}

/// Notes that the server itself has written an object (`metadata.managedFields`).
pub fn written_by_server(
    release: &'static Release,
    key: &Key,
    live: &Value,
    object: &mut Value,
    clock: &SharedClock,
) {
    if let Some(rt) = registry::find(release, &key.group, "v1", &key.resource) {
        managed_fields::update(rt, "", live, object, "kube-apiserver", clock.now());
    }
}

/// Makes an object where there is none, and completes one that lacks something.
fn ensure(
    store: &Store,
    release: &'static Release,
    wanted: Object,
    clock: &SharedClock,
) -> Result<(), StorageError> {
    let Object { key, object } = wanted;
    let Some(present) = store.get(&key) else {
        return create(store, release, key, object, clock);
    };
    if present["metadata"]["annotations"][AUTOUPDATE] != "true" {
        return Ok(());
    }
    if object.get("roleRef").is_some_and(|role| *role != present["roleRef"]) {
        store.delete(&key, None)?;
        return create(store, release, key, object, clock);
    }
    let mut merged = (*present).clone();
    complete(&mut merged, &object);
    if merged != *present {
        let version =
            present["metadata"]["resourceVersion"].as_str().and_then(|v| v.parse().ok()).unwrap_or(0);
        written_by_server(release, &key, &present, &mut merged, clock);
        store.update(&key, version, merged)?;
    }
    Ok(())
}

fn create(
    store: &Store,
    release: &'static Release,
    key: Key,
    mut object: Value,
    clock: &SharedClock,
) -> Result<(), StorageError> {
    if object["metadata"].get("managedFields").is_none() {
        written_by_server(release, &key, &Value::Null, &mut object, clock);
    }
    let metadata = &mut object["metadata"];
    metadata["uid"] = json!(uuid::Uuid::new_v4().to_string());
    metadata["creationTimestamp"] = json!(clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    match store.create(key, object) {
        Ok(_) | Err(StorageError::Exists) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Adds to `present` the labels, annotations, rules and subjects of `wanted` that it lacks.
fn complete(present: &mut Value, wanted: &Value) {
    for map in ["labels", "annotations"] {
        for (key, value) in wanted["metadata"][map].as_object().into_iter().flatten() {
            if present["metadata"][map].get(key).is_none() {
                present["metadata"][map][key] = value.clone();
            }
        }
    }
    if let Some(rule) = wanted.get("aggregationRule") {
        present["aggregationRule"] = rule.clone();
    } else if wanted.get("rules").is_some() {
        let missing = uncovered(&PolicyRule::of_role(present), &PolicyRule::of_role(wanted));
        append(present, "rules", missing.into_iter().map(|rule| json!(rule)));
    }
    let subjects: Vec<Value> = wanted["subjects"].as_array().cloned().unwrap_or_default();
    let has = |subject: &Value| present["subjects"].as_array().is_some_and(|all| all.contains(subject));
    let missing: Vec<Value> = subjects.into_iter().filter(|subject| !has(subject)).collect();
    append(present, "subjects", missing.into_iter());
}

/// Appends to a list that may be missing; where nothing is appended the object stays as it is.
fn append(object: &mut Value, field: &str, more: impl Iterator<Item = Value>) {
    let mut more = more.peekable();
    if more.peek().is_none() {
        return;
    }
    let mut list = object[field].as_array().cloned().unwrap_or_default();
    list.extend(more);
    object[field] = Value::Array(list);
}
