//! What may be wrong with volumes of the cluster and with claims, and what of them may change.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`ValidatePersistentVolume*`), `pkg/volume/validation/pv_validation.go`.

use serde_json::{Value, json};

use super::super::pods::csi_driver;
use super::super::{keep, list, text};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{FieldError, go_diff, quantity};
use crate::release::Release;

/// The kinds of volumes, in the order in which they are looked at; whether mount options mean something to one.
const SOURCES: &[(&str, bool)] = &[
    ("hostPath", false),
    ("gcePersistentDisk", true),
    ("awsElasticBlockStore", true),
    ("glusterfs", true),
    ("flocker", false),
    ("nfs", true),
    ("rbd", true),
    ("quobyte", true),
    ("cephfs", true),
    ("iscsi", true),
    ("cinder", true),
    ("fc", false),
    ("azureFile", true),
    ("vsphereVolume", true),
    ("photonPersistentDisk", true),
    ("portworxVolume", false),
    ("azureDisk", true),
    ("scaleIO", false),
    ("local", false),
    ("storageos", false),
    ("csi", false),
];

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const MOUNT_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";
const STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const NOT_POSITIVE: &str = "must be greater than zero";

fn access_modes(spec: &Value, missing: &str, errors: &mut Vec<FieldError>) {
    let modes: Vec<&str> = list(&spec["accessModes"]).filter_map(Value::as_str).collect();
    if modes.is_empty() {
        errors.push(FieldError::required("spec.accessModes", missing));
    }
    for mode in modes.iter().filter(|mode| !MODES.contains(mode)) {
        errors.push(FieldError::not_supported("spec.accessModes", mode, &MODES));
    }
}

fn alone(spec: &Value, errors: &mut Vec<FieldError>) {
    let alone = |mode: &Value| mode == "ReadWriteOncePod";
    let others = |mode: &Value| !alone(mode) && mode.as_str().is_some_and(|mode| MODES.contains(&mode));
    if list(&spec["accessModes"]).any(alone) && list(&spec["accessModes"]).any(others) {
        let why = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden("spec.accessModes", why));
    }
}

fn class_and_mode(spec: &Value, errors: &mut Vec<FieldError>) {
    let class = text(spec, "storageClassName");
    if !class.is_empty() {
        let wrong = names::subdomain(class).into_iter();
        errors.extend(wrong.map(|why| FieldError::invalid("spec.storageClassName", class, why)));
    }
    if let Some(mode) = spec["volumeMode"].as_str().filter(|mode| !["Block", "Filesystem"].contains(mode)) {
        errors.push(FieldError::not_supported("spec.volumeMode", mode, &["Block", "Filesystem"]));
    }
}

/// `ValidatePersistentVolumeSpec`, and what kinds of volumes know mount options.
pub(super) fn volume(release: &Release, volume: &Value) -> Vec<FieldError> {
    let mut errors = spec(release, &volume["spec"]);
    errors.extend(mount_options(volume));
    errors
}

fn mount_options(volume: &Value) -> Option<FieldError> {
    let knows = SOURCES.iter().any(|(kind, knows)| *knows && !volume["spec"][*kind].is_null());
    let has = volume["metadata"]["annotations"].get(MOUNT_OPTIONS).is_some();
    let why = "may not specify mount options for this volume type";
    (has && !knows).then(|| FieldError::forbidden(format!("metadata.annotations.{MOUNT_OPTIONS}"), why))
}

fn spec(release: &Release, spec: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    access_modes(spec, "", &mut errors);
    alone(spec, &mut errors);
    let capacity = spec["capacity"].as_object().filter(|capacity| !capacity.is_empty());
    match capacity {
        None => {
            errors.push(FieldError::required("spec.capacity", ""));
            errors.push(only_storage("core.ResourceList(nil)", "null"));
        }
        Some(capacity) => {
            if !capacity.contains_key("storage") || capacity.len() > 1 {
                let (go, json) = go_diff::shown(release, "core.ResourceList", &spec["capacity"]);
                errors.push(only_storage(&go, &json));
            }
            for (resource, value) in capacity {
                let value = value.as_str().unwrap_or("");
                let (nanos, field) = (quantity::nanos(value), format!("spec.capacity[{resource}]"));
                if nanos < 0 {
                    let whole = i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MIN);
                    errors.push(FieldError::invalid(
                        field.clone(),
                        whole,
                        "must be a valid resource quantity",
                    ));
                }
                if nanos <= 0 {
                    errors.push(FieldError::invalid(field, value, NOT_POSITIVE));
                }
            }
        }
    }
    let policy = text(spec, "persistentVolumeReclaimPolicy");
    let known = ["Delete", "Recycle", "Retain"];
    if !policy.is_empty() && !known.contains(&policy) {
        errors.push(FieldError::not_supported("spec.persistentVolumeReclaimPolicy", policy, &known));
    }
    let sources: Vec<&str> =
        SOURCES.iter().map(|(kind, _)| *kind).filter(|kind| !spec[*kind].is_null()).collect();
    for (at, kind) in sources.iter().enumerate() {
        let (field, source) = (format!("spec.{kind}"), &spec[*kind]);
        if at > 0 {
            errors.push(FieldError::forbidden(field, "may not specify more than 1 volume type"));
            continue;
        }
        let (needed, path): (&[&str], &str) = match *kind {
            "hostPath" | "local" => (&["path"], "path"),
            "nfs" => (&["server", "path"], ""),
            "csi" => (&["volumeHandle"], ""),
            _ => (&[], ""),
        };
        if *kind == "csi" {
            csi_driver(release, source, &field, &mut errors);
        }
        for key in needed.iter().filter(|key| text(source, key).is_empty()) {
            errors.push(FieldError::required(format!("{field}.{key}"), ""));
        }
        let path = text(source, path);
        if path.split('/').any(|part| part == "..") {
            errors.push(FieldError::invalid(format!("{field}.path"), path, "must not contain '..'"));
        }
        if *kind == "nfs" && !text(source, "path").is_empty() && !text(source, "path").starts_with('/') {
            let why = "must be an absolute path";
            errors.push(FieldError::invalid(format!("{field}.path"), text(source, "path"), why));
        }
    }
    if sources.is_empty() {
        errors.push(FieldError::required("spec", "must specify a volume type"));
    }
    if text(&spec["hostPath"], "path") == "/" && policy == "Recycle" {
        let field = "spec.persistentVolumeReclaimPolicy";
        let why = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(FieldError::forbidden(field, why));
    }
    if sources.first() == Some(&"local") && spec["nodeAffinity"].is_null() {
        errors.push(FieldError::required("spec.nodeAffinity", "Local volume requires node affinity"));
    }
    class_and_mode(spec, &mut errors);
    errors
}

fn only_storage(go: &str, json: &str) -> FieldError {
    let mut error = FieldError::invalid_shown("spec.capacity", go, json, "supported values: \"storage\"");
    error.kind = crate::apiserver::registry::FieldErrorType::NotSupported;
    error
}

/// `ValidatePersistentVolumeUpdate`; the rules for new ones are looked at twice, as upstream does.
pub(super) fn volume_update(release: &Release, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = volume(release, new);
    errors.extend(spec(release, &new["spec"]));
    let (mut after, before) = (new["spec"].clone(), &old["spec"]);
    if before["csi"].is_object()
        && before["csi"]["controllerExpandSecretRef"].is_null()
        && let Some(csi) = after.get_mut("csi").and_then(Value::as_object_mut)
    {
        csi.remove("controllerExpandSecretRef");
    }
    if SOURCES.iter().any(|(kind, _)| after[*kind] != before[*kind]) {
        let difference = go_diff::difference(release, "core.PersistentVolumeSource", before, &after);
        let why = format!("spec.persistentvolumesource is immutable after creation\n{difference}");
        errors.push(FieldError::forbidden("spec.persistentvolumesource", why));
    }
    errors.extend(same_mode(&after, before));
    errors
}

fn same_mode(new: &Value, old: &Value) -> Option<FieldError> {
    let mode = &new["volumeMode"];
    (*mode != old["volumeMode"])
        .then(|| FieldError::invalid("volumeMode", mode.clone(), "field is immutable"))
}

/// `ValidatePersistentVolumeClaimSpec`
pub(super) fn claim(claim: &Value) -> Vec<FieldError> {
    let (spec, mut errors) = (&claim["spec"], Vec::new());
    access_modes(spec, "at least 1 access mode is required", &mut errors);
    alone(spec, &mut errors);
    let field = "spec.resources[storage]";
    match spec["resources"]["requests"]["storage"].as_str() {
        None => errors.push(FieldError::required(field, "")),
        Some(value) if quantity::nanos(value) <= 0 => {
            errors.push(FieldError::invalid(field, value, NOT_POSITIVE));
        }
        Some(_) => {}
    }
    class_and_mode(spec, &mut errors);
    errors
}

/// `ValidatePersistentVolumeClaimUpdate`
pub(super) fn claim_update(release: &Release, new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = claim(new);
    let (mut after, mut before) = (new["spec"].clone(), old["spec"].clone());
    if text(&before, "volumeName").is_empty() {
        keep(&mut before, &after, "volumeName");
    }
    let note = |claim: &Value| claim["metadata"]["annotations"][STORAGE_CLASS].clone();
    let (noted, was) = (note(new), note(old));
    let class = &after["storageClassName"];
    if !was.is_null()
        && before["storageClassName"].is_null()
        && *class == was
        && (noted.is_null() || noted == was)
    {
        after["storageClassName"] = Value::Null;
    } else {
        if noted != was {
            let value = json!(noted.as_str().unwrap_or(""));
            let field = format!("metadata.annotations.{STORAGE_CLASS}");
            errors.push(FieldError::invalid(field, value, "field is immutable"));
        }
        if was.is_null() && before["storageClassName"].is_null() && !class.is_null() {
            keep(&mut after, &before, "storageClassName");
        }
    }
    if new["status"]["phase"] == "Bound" {
        if after["resources"]["requests"].is_object() {
            let asked = before["resources"]["requests"]["storage"].clone();
            after["resources"]["requests"]["storage"] = asked;
        }
        keep(&mut after, &before, "volumeAttributesClassName");
    }
    if forgetting_nothing(&after) != forgetting_nothing(&before) {
        let difference = go_diff::difference(release, "core.PersistentVolumeClaimSpec", &before, &after);
        let why = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n\
             {difference}"
        );
        errors.push(FieldError::forbidden("spec", why));
    }
    let size = |of: &Value| quantity::nanos(of.as_str().unwrap_or("0"));
    let asked = |claim: &Value| size(&claim["spec"]["resources"]["requests"]["storage"]);
    if asked(new) < asked(old) {
        let field = "spec.resources.requests.storage";
        if !release.gates.claims_recover {
            errors.push(FieldError::forbidden(field, "field can not be less than previous value"));
        } else if asked(new) <= size(&old["status"]["capacity"]["storage"]) {
            errors.push(FieldError::forbidden(field, "field can not be less than status.capacity"));
        }
    }
    errors.extend(same_mode(&new["spec"], &old["spec"]));
    errors
}

/// A spec without the fields that are none.
fn forgetting_nothing(spec: &Value) -> Value {
    let kept = spec.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}
