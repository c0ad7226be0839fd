//! Deployments, ReplicaSets and DaemonSets: enough that workloads come, scale, roll over and go.
//!
//! Upstream: `pkg/controller/{deployment,replicaset,daemon}`.

use std::hash::Hasher;

use serde_json::{Value, json};

use super::client::{Client, ClientError};

pub mod daemonset;
pub mod deployment;
pub mod replicaset;

/// Whether `object` is controlled by `owner`.
fn controlled_by(object: &Value, owner: &Value) -> bool {
    object["metadata"]["ownerReferences"].as_array().is_some_and(|refs| {
        refs.iter().any(|r| r["controller"] == true && r["uid"] == owner["metadata"]["uid"])
    })
}

/// The owner reference that makes an object `owner`'s.
pub(super) fn reference(owner: &Value, kind: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true})
}

pub(super) fn deleting(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

pub(super) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

/// Whether a pod's Ready condition is true.
pub(super) fn ready(pod: &Value) -> bool {
    pod["status"]["conditions"]
        .as_array()
        .is_some_and(|c| c.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

/// Whether an object has an owner of this kind.
fn owned_by(object: &Value, kind: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|owners| owners.iter().any(|owner| owner["kind"] == kind))
}

/// Whether a pod still counts: it is neither on its way out nor at its end.
fn active(pod: &Value) -> bool {
    !deleting(pod) && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// A short name for a pod template, the same for the same template.
///
/// FNV-1a over its JSON, in the letters of upstream's `rand.SafeEncodeString`.
fn template_hash(template: &Value) -> String {
    struct Fnv(u32);
    impl Hasher for Fnv {
        fn finish(&self) -> u64 {
            u64::from(self.0)
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
            }
        }
    }
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hasher = Fnv(0x811c_9dc5);
    hasher.write(template.to_string().as_bytes());
    let digits = hasher.finish().to_string();
    digits.bytes().map(|b| char::from(ALPHABET[usize::from(b) % ALPHABET.len()])).collect()
}

/// A pod of this template with its owner and labels.
fn pod_from(template: &Value, owner: &Value, kind: &str) -> Value {
    let mut metadata = template["metadata"].clone();
    if !metadata.is_object() {
        metadata = json!({});
    }
    metadata["generateName"] = json!(format!("{}-", text(owner, "name")));
    metadata["namespace"] = owner["metadata"]["namespace"].clone();
    metadata["ownerReferences"] = json!([reference(owner, kind)]);
    if let Some(fields) = metadata.as_object_mut() {
        fields.retain(|key, value| key != "creationTimestamp" && !value.is_null());
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
}

/// Writes a status where it differs from what is there.
async fn write_status(client: &Client, path: &str, object: &Value, status: Value) -> Result<(), ClientError> {
    let differs = status.as_object().is_some_and(|want| {
        want.iter().any(|(key, value)| {
            let have = &object["status"][key];
            have != value && !(have.is_null() && (*value == 0 || value.is_null()))
        })
    });
    if differs {
        let mut changed = object.clone();
        for (key, value) in status.as_object().into_iter().flatten() {
            changed["status"][key] = value.clone();
        }
        ignore_races(client.update(&format!("{path}/status"), &changed).await)?;
    }
    Ok(())
}

/// What somebody else changed or deleted meanwhile comes again as a change.
pub(super) fn ignore_races(answer: Result<Value, ClientError>) -> Result<Value, ClientError> {
    match answer {
        Err(error) if error.is_code(404) || error.is_code(409) => Ok(Value::Null),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_template_has_the_same_hash() {
        let a = json!({"spec": {"containers": [{"name": "a"}]}});
        let b = json!({"spec": {"containers": [{"name": "b"}]}});
        assert_eq!(template_hash(&a), template_hash(&a));
        assert_ne!(template_hash(&a), template_hash(&b));
    }

    #[test]
    fn a_pod_of_a_template_belongs_to_its_owner() {
        let owner = json!({"metadata": {"name": "web", "namespace": "n", "uid": "u"}});
        let template =
            json!({"metadata": {"labels": {"app": "web"}, "creationTimestamp": null}, "spec": {"x": 1}});
        let pod = pod_from(&template, &owner, "ReplicaSet");
        assert!(controlled_by(&pod, &owner));
        assert_eq!(pod["metadata"]["generateName"], "web-");
        assert_eq!(pod["metadata"]["labels"]["app"], "web");
        assert!(pod["metadata"].get("creationTimestamp").is_none());
    }
}
