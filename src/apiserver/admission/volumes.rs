//! Volumes and claims: a default storage class, finalizers while in use, growing only where the class allows it.
//!
//! Upstream: `plugin/pkg/admission/storage`.

use serde_json::{Value, json};

use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::status::Status;
use crate::apiserver::storage::Key;

const DEFAULT_ANNOTATIONS: [&str; 2] =
    ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// `DefaultStorageClass`
pub(super) struct DefaultStorageClass;

impl Plugin for DefaultStorageClass {
    fn name(&self) -> &'static str {
        "DefaultStorageClass"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit(&self, attributes: &mut Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "persistentvolumeclaims", "") {
            return Ok(());
        }
        let (_, mut classes) = environment.store.list("storage.k8s.io", "storageclasses", "");
        classes.retain(|class| {
            let annotations = &class["metadata"]["annotations"];
            DEFAULT_ANNOTATIONS.into_iter().any(|key| annotations[key] == "true")
        });
        // of several the newest, then the first by name
        let newest = classes.iter().filter_map(|class| class["metadata"]["creationTimestamp"].as_str()).max();
        let class = classes.iter().find(|class| class["metadata"]["creationTimestamp"].as_str() == newest);
        let (Some(class), Some(claim)) = (class, attributes.object.as_deref_mut()) else { return Ok(()) };
        let old_way = &claim["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"];
        if claim["spec"]["storageClassName"].is_null() && old_way.is_null() {
            claim["spec"]["storageClassName"] = class["metadata"]["name"].clone();
        }
        Ok(())
    }
}

/// `StorageObjectInUseProtection`
pub(super) struct InUseProtection;

impl Plugin for InUseProtection {
    fn name(&self) -> &'static str {
        "StorageObjectInUseProtection"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit(&self, attributes: &mut Attributes<'_>, _environment: &Environment) -> Result<(), Status> {
        let finalizer = if attributes.is("", "persistentvolumes", "") {
            "kubernetes.io/pv-protection"
        } else if attributes.is("", "persistentvolumeclaims", "") {
            "kubernetes.io/pvc-protection"
        } else {
            return Ok(());
        };
        let Some(object) = attributes.object.as_deref_mut() else { return Ok(()) };
        let mut finalizers = object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default();
        if !finalizers.iter().any(|present| present == finalizer) {
            finalizers.push(json!(finalizer));
            object["metadata"]["finalizers"] = Value::Array(finalizers);
        }
        Ok(())
    }
}

/// `PersistentVolumeClaimResize`
pub(super) struct ClaimResize;

impl Plugin for ClaimResize {
    fn name(&self) -> &'static str {
        "PersistentVolumeClaimResize"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Update
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        if !attributes.is("", "persistentvolumeclaims", "") {
            return Ok(());
        }
        let size = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].clone();
        let (new, old) = (attributes.new_object(), attributes.current());
        if size(new) == size(old) {
            return Ok(());
        }
        if old["status"]["phase"] != "Bound" {
            return Err(attributes.forbid("Only bound persistent volume claims can be expanded"));
        }
        let class = old["spec"]["storageClassName"].as_str().unwrap_or_default();
        let class = environment.store.get(&Key::new("storage.k8s.io", "storageclasses", "", class));
        if class.is_some_and(|class| class["allowVolumeExpansion"] == true) {
            return Ok(());
        }
        Err(attributes.forbid(
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support \
             resize",
        ))
    }
}
