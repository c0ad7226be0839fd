//! Volumes, claims, and where volumes come from.
//!
//! Upstream: `kubernetes/pkg/apis/core/v1/{defaults,zz_generated.defaults}.go`, `pkg/registry/core/{persistentvolume,
//! persistentvolumeclaim}/strategy.go`.

use serde_json::{Map, Value, json};

use super::other::WithStatus;
use super::{default, object};
use crate::apiserver::registry::{Context, Strategy};

/// What a source of a volume has where nothing is said of it.
const SOURCES: &[(&str, &[(&str, &str)])] = &[
    ("iscsi", &[("iscsiInterface", "default")]),
    ("rbd", &[("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")]),
    ("scaleIO", &[("storageMode", "ThinProvisioned"), ("fsType", "xfs")]),
    ("azureDisk", &[("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("kind", "Shared")]),
];

/// Sets the defaults of a source, in a pod or in a volume of the cluster.
pub(super) fn source(volume: &mut Map<String, Value>) {
    for (key, fields) in SOURCES {
        if let Some(source) = volume.get_mut(*key).and_then(Value::as_object_mut) {
            fields.iter().for_each(|(field, value)| default(source, field, *value));
        }
    }
    if let Some(disk) = volume.get_mut("azureDisk").and_then(Value::as_object_mut) {
        disk.entry("readOnly").or_insert(json!(false));
    }
    if let Some(path) = volume.get_mut("hostPath").and_then(Value::as_object_mut) {
        path.entry("type").or_insert(json!(""));
    }
}

/// Volumes of the cluster.
pub struct Volumes;

impl Strategy for Volumes {
    fn set_defaults(&self, _: &Context<'_>, volume: &mut Value) {
        if let Some(spec) = object(volume, "spec") {
            default(spec, "persistentVolumeReclaimPolicy", "Retain");
            default(spec, "volumeMode", "Filesystem");
            source(spec);
        }
        if let Some(status) = object(volume, "status") {
            default(status, "phase", "Pending");
        }
    }

    fn prepare_for_create(&self, context: &Context<'_>, volume: &mut Value) {
        volume["status"] = json!({"phase": "Pending"});
        let now = crate::apiserver::registry::typed::time_text(context.clock.now());
        volume["status"]["lastPhaseTransitionTime"] = json!(now);
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        WithStatus.prepare_for_update(context, new, old);
    }
}

/// Claims of volumes.
pub struct Claims;

impl Strategy for Claims {
    fn set_defaults(&self, _: &Context<'_>, claim: &mut Value) {
        if let Some(spec) = object(claim, "spec") {
            default(spec, "volumeMode", "Filesystem");
        }
        if let Some(status) = object(claim, "status") {
            default(status, "phase", "Pending");
        }
    }

    fn prepare_for_create(&self, _: &Context<'_>, claim: &mut Value) {
        claim["status"] = json!({"phase": "Pending"});
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        WithStatus.prepare_for_update(context, new, old);
    }
}

/// Ranges of what may be asked for (`SetDefaults_LimitRangeItem`).
pub struct LimitRanges;

impl Strategy for LimitRanges {
    fn set_defaults(&self, _: &Context<'_>, range: &mut Value) {
        let limits = range.pointer_mut("/spec/limits").and_then(Value::as_array_mut);
        let containers = limits.into_iter().flatten().filter(|limit| limit["type"] == "Container");
        for limit in containers.filter_map(Value::as_object_mut) {
            for (from, to) in [("max", "default"), ("default", "defaultRequest"), ("min", "defaultRequest")] {
                let Some(Value::Object(known)) = limit.get(from).cloned() else { continue };
                let Some(wanted) = limit.entry(to).or_insert_with(|| json!({})).as_object_mut() else {
                    continue;
                };
                known.into_iter().for_each(|(key, value)| {
                    wanted.entry(key).or_insert(value);
                });
            }
        }
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}
