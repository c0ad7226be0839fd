//! Volumes, claims, and where volumes come from.
//!
//! Upstream: `kubernetes/pkg/apis/core/v1/{defaults,zz_generated.defaults}.go`, `pkg/registry/core/{persistentvolume,
//! persistentvolumeclaim}/strategy.go`.

use serde_json::{Map, Value, json};

use super::other::WithStatus;
use super::{default, object};
use crate::apiserver::registry::{Context, FieldError, Strategy};

mod validation;

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

    fn validate(&self, context: &Context<'_>, volume: &Value) -> Vec<FieldError> {
        validation::volume(context.release, volume)
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        WithStatus.prepare_for_update(context, new, old);
        if context.subresource != "status" {
            return;
        }
        let (after, before) = (&new["status"], &old["status"]);
        let (changed, time) = (after["phase"] != before["phase"], &after["lastPhaseTransitionTime"]);
        let told = if changed && (time.is_null() || *time == before["lastPhaseTransitionTime"]) {
            json!(crate::apiserver::registry::typed::time_text(context.clock.now()))
        } else if !changed && time.is_null() {
            before["lastPhaseTransitionTime"].clone()
        } else {
            return;
        };
        if !told.is_null() {
            new["status"]["lastPhaseTransitionTime"] = told;
        }
    }

    fn validate_update(&self, context: &Context<'_>, new: &Value, old: &Value) -> Vec<FieldError> {
        if context.subresource == "status" {
            Vec::new()
        } else {
            validation::volume_update(context.release, new, old)
        }
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
        one_source(claim);
    }

    fn validate(&self, _: &Context<'_>, claim: &Value) -> Vec<FieldError> {
        validation::claim(claim)
    }

    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        WithStatus.prepare_for_update(context, new, old);
        one_source(new);
    }

    fn validate_update(&self, context: &Context<'_>, new: &Value, old: &Value) -> Vec<FieldError> {
        if context.subresource == "status" {
            Vec::new()
        } else {
            validation::claim_update(context.release, new, old)
        }
    }
}

/// A source in the old field is one in the new field, and the other way round (`NormalizeDataSources`).
fn one_source(claim: &mut Value) {
    let Some(spec) = object(claim, "spec") else { return };
    let of = |key: &str| spec.get(key).filter(|source| !source.is_null()).cloned();
    match (of("dataSource"), of("dataSourceRef")) {
        (Some(source), None) => {
            spec.insert("dataSourceRef".into(), source);
        }
        (None, Some(source)) if source["namespace"].as_str().is_none_or(str::is_empty) => {
            spec.insert("dataSource".into(), source);
        }
        _ => {}
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

/// Classes of volumes (`kubernetes/pkg/apis/storage/v1/defaults.go`).
pub struct StorageClasses;

impl Strategy for StorageClasses {
    fn set_defaults(&self, _: &Context<'_>, class: &mut Value) {
        if let Some(class) = class.as_object_mut() {
            default(class, "reclaimPolicy", "Delete");
            default(class, "volumeBindingMode", "Immediate");
        }
    }
}

/// Drivers of volumes (`SetDefaults_CSIDriver`).
pub struct CsiDrivers;

impl Strategy for CsiDrivers {
    fn set_defaults(&self, _: &Context<'_>, driver: &mut Value) {
        let Some(spec) = object(driver, "spec") else { return };
        for (key, value) in [
            ("attachRequired", true),
            ("podInfoOnMount", false),
            ("storageCapacity", false),
            ("requiresRepublish", false),
            ("seLinuxMount", false),
        ] {
            spec.entry(key).or_insert(json!(value));
        }
        default(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType");
        if spec.get("volumeLifecycleModes").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            spec.insert("volumeLifecycleModes".into(), json!(["Persistent"]));
        }
    }
}
