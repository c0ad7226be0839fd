//! Fields for AppArmor, and the annotations that they replaced.
//!
//! Upstream: `applyAppArmorVersionSkew` in `kubernetes/pkg/registry/core/pod/strategy.go` (KEP-24).

use serde_json::{Value, json};

use super::{list, object, text};
use crate::apiserver::registry::FieldError;
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

/// Annotation and field of a container say the same (`validateAppArmorAnnotationsAndFieldsMatchOnCreate`).
pub(super) fn agree(pod: &Value, errors: &mut Vec<FieldError>) {
    if pod["spec"]["os"]["name"] == "windows" {
        return;
    }
    let of_pod = &pod["spec"]["securityContext"]["appArmorProfile"];
    for kind in ["initContainers", "containers", "ephemeralContainers"] {
        for (i, container) in list(&pod["spec"][kind]).enumerate() {
            let own = &container["securityContext"]["appArmorProfile"];
            let profile = if own.is_null() { of_pod } else { own };
            let key = format!("{ANNOTATION}{}", text(container, "name"));
            let Some(annotation) = pod["metadata"]["annotations"][&key].as_str() else { continue };
            let path = format!("spec.{kind}[{i}].securityContext.appArmorProfile");
            let local = annotation.strip_prefix("localhost/");
            let wrong = match text(profile, "type") {
                "Unconfined" => annotation != "unconfined",
                "RuntimeDefault" => annotation != "runtime/default",
                "Localhost" => local.is_none(),
                _ => false,
            };
            if wrong {
                let why = "apparmor type in annotation and field must match";
                errors.push(FieldError::forbidden(format!("{path}.type"), why));
            } else if text(profile, "type") == "Localhost"
                && profile["localhostProfile"].as_str().is_none_or(|name| Some(name) != local)
            {
                let why = "apparmor profile in annotation and field must match";
                errors.push(FieldError::forbidden(format!("{path}.localhostProfile"), why));
            }
        }
    }
}
