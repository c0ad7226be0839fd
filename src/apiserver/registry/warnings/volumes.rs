//! Volumes and claims.
//!
//! Upstream: `kubernetes/pkg/api/{persistentvolume,persistentvolumeclaim}/util.go`.

use serde_json::Value;

use super::{fractional, list, selector_term, text};

const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Annotations of volumes that are to go.
const ANNOTATIONS: &[(&str, &str)] = &[
    (CLASS, "deprecated since v1.8; use \"storageClassName\" attribute instead"),
    (
        "volume.beta.kubernetes.io/mount-options",
        "deprecated since v1.31; use \"mountOptions\" attribute instead",
    ),
];

/// Kinds of volumes that are to go.
const PLUGINS: &[(&str, &str)] = &[
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// What is said of a volume.
pub(super) fn of_volume(volume: &Value) -> Vec<String> {
    let (spec, mut told) = (&volume["spec"], Vec::new());
    for (key, why) in ANNOTATIONS {
        if volume["metadata"]["annotations"].get(*key).is_some() {
            told.push(format!("metadata.annotations[{key}]: {why}"));
        }
    }
    if text(spec, "persistentVolumeReclaimPolicy") == "Recycle" {
        told.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended \
             approach is to use dynamic provisioning."
                .to_owned(),
        );
    }
    let path = "spec.nodeAffinity.required.nodeSelectorTerms";
    for (i, term) in list(&spec["nodeAffinity"]["required"]["nodeSelectorTerms"]).enumerate() {
        selector_term(term, false, &format!("{path}[{i}]"), &mut told);
    }
    for (key, why) in PLUGINS.iter().filter(|(key, _)| !spec[*key].is_null()) {
        // The path has the name in Go.
        let key = if *key == "storageos" { "storageOS" } else { key };
        told.push(format!("spec.{key}: {why}"));
    }
    told
}

/// What is said of a claim.
pub(super) fn of_claim(claim: &Value) -> Vec<String> {
    let mut told = Vec::new();
    if claim["metadata"]["annotations"].get(CLASS).is_some() {
        told.push(format!(
            "metadata.annotations[{CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
        ));
    }
    of_claim_spec(&claim["spec"], "spec", &mut told);
    told
}

/// What is said of the wishes of a claim.
pub(super) fn of_claim_spec(spec: &Value, path: &str, told: &mut Vec<String>) {
    for key in ["requests", "limits"] {
        fractional(&spec["resources"][key], "storage", &format!("{path}.resources.{key}"), told);
    }
}
