//! Fields for AppArmor, and the annotations that they replaced.
//!
//! Upstream: `applyAppArmorVersionSkew` in `kubernetes/pkg/registry/core/pod/strategy.go` (KEP-24).

use serde_json::{Value, json};

use super::{object, text};
use crate::apiserver::registry::warnings::profile_of;

const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
/// The longest path of a profile (`maxLocalHostProfileLength`).
const LONGEST: usize = 4095;

/// Fills in the field where only the annotation is there; with `both` also the other way round.
pub(super) fn align(pod: &mut Value, both: bool) {
    let at = |path: &str| pod.pointer(path).cloned().unwrap_or_default();
    if at("/spec/os/name") == "windows" {
        return;
    }
    let (of_pod, annotations) = (at("/spec/securityContext/appArmorProfile"), at("/metadata/annotations"));
    let mut noted = Vec::new();
    for kind in ["initContainers", "containers", "ephemeralContainers"] {
        let containers = pod.pointer_mut(&format!("/spec/{kind}")).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let key = format!("{ANNOTATION}{}", text(container, "name"));
            let own = container.pointer("/securityContext/appArmorProfile").cloned().unwrap_or_default();
            let annotation = annotations[&key].as_str();
            match annotation {
                None if both => {
                    let profile = if own.is_null() { &of_pod } else { &own };
                    noted.extend(annotation_of(profile).map(|value| (key, value)));
                }
                Some(annotation) if own.is_null() => {
                    let profile = profile_of(annotation).filter(is_valid).filter(|new| *new != of_pod);
                    if let Some(profile) = profile
                        && let Some(context) = object(container, "securityContext")
                    {
                        context.insert("appArmorProfile".into(), profile);
                    }
                }
                _ => {}
            }
        }
    }
    for (key, value) in noted {
        pod["metadata"]["annotations"][key] = json!(value);
    }
}

fn is_valid(profile: &Value) -> bool {
    let name = text(profile, "localhostProfile");
    name.trim() == name && name.len() <= LONGEST
}

/// `appArmorAnnotationForField`
fn annotation_of(profile: &Value) -> Option<String> {
    match text(profile, "type") {
        "Unconfined" => Some("unconfined".to_owned()),
        "RuntimeDefault" => Some("runtime/default".to_owned()),
        "Localhost" => Some(format!("localhost/{}", profile["localhostProfile"].as_str()?)),
        _ => None,
    }
}
