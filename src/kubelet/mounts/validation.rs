//! What is wrong with the volumes of a static pod and with what its containers mount.
//!
//! Upstream: `pkg/apis/core/validation/validation.go` (`ValidateVolumes`, `ValidateVolumeMounts`).

use serde_json::Value;

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// The mistakes of the volumes.
pub(crate) fn volumes(pod: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for (at, volume) in list(&pod["spec"]["volumes"]).enumerate() {
        let path = format!("spec.volumes[{at}]");
        let sources = volume.as_object().into_iter().flatten();
        if sources.filter(|(key, value)| *key != "name" && !value.is_null()).count() == 0 {
            errors.push(format!("{path}: Required value: must specify a volume type"));
        }
        if let Some(source) = volume.get("hostPath").filter(|source| source.is_object()) {
            let place = source["path"].as_str().unwrap_or_default();
            if place.is_empty() {
                errors.push(format!("{path}.hostPath.path: Required value"));
            } else if place.split('/').any(|part| part == "..") {
                errors.push(format!("{path}.hostPath.path: Invalid value: {place:?}: must not contain '..'"));
            }
            let kind = source["type"].as_str().unwrap_or_default();
            if !HOST_PATH_TYPES.contains(&kind) {
                let known: Vec<String> = HOST_PATH_TYPES.iter().map(|kind| format!("{kind:?}")).collect();
                let known = known.join(", ");
                errors.push(format!(
                    "{path}.hostPath.type: Unsupported value: {kind:?}: supported values: {known}"
                ));
            }
        }
        let name = volume["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(format!("{path}.name: Required value"));
        } else if names.contains(&name) {
            errors.push(format!("{path}.name: Duplicate value: {name:?}"));
        }
        names.push(name);
    }
    errors
}

/// The mistakes of what a container mounts; `path` is the container's.
pub(crate) fn volume_mounts(pod: &Value, container: &Value, path: &str) -> Vec<String> {
    let mut errors = Vec::new();
    let mut places: Vec<&str> = Vec::new();
    for (at, mount) in list(&container["volumeMounts"]).enumerate() {
        let path = format!("{path}.volumeMounts[{at}]");
        let name = mount["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            errors.push(format!("{path}.name: Required value"));
        }
        if !list(&pod["spec"]["volumes"]).any(|volume| volume["name"] == name) {
            errors.push(format!("{path}.name: Not found: {name:?}"));
        }
        let place = mount["mountPath"].as_str().unwrap_or_default();
        if place.is_empty() {
            errors.push(format!("{path}.mountPath: Required value"));
        }
        if places.contains(&place) {
            errors.push(format!("{path}.mountPath: Invalid value: {place:?}: must be unique"));
        }
        places.push(place);
    }
    errors
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn mistakes_are_told_as_upstream_tells_them() {
        let pod = json!({"spec": {"volumes": [
            {"name": "a", "hostPath": {"path": "/x", "type": "Fil"}}, {"name": "a", "hostPath": {"path": ""}}, {"name": "b"}
        ]}});
        assert_eq!(
            volumes(&pod),
            [
                "spec.volumes[0].hostPath.type: Unsupported value: \"Fil\": supported values: \"\", \"BlockDevice\", \
                 \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\"",
                "spec.volumes[1].hostPath.path: Required value",
                "spec.volumes[1].name: Duplicate value: \"a\"",
                "spec.volumes[2]: Required value: must specify a volume type",
            ]
        );
        let container =
            json!({"volumeMounts": [{"name": "audit", "mountPath": "/x"}, {"name": "a", "mountPath": "/x"}]});
        assert_eq!(
            volume_mounts(&pod, &container, "spec.containers[0]"),
            [
                "spec.containers[0].volumeMounts[0].name: Not found: \"audit\"",
                "spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/x\": must be unique",
            ]
        );
    }
}
