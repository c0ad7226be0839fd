//! What may be wrong with a container's environment.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`ValidateEnv`, `ValidateEnvFrom`).

use serde_json::Value;

use super::super::{list, text};
use crate::apiserver::registry::FieldError;
use crate::apiserver::registry::validation::names;
use crate::release::Release;

/// `IsEnvVarName`, `IsRelaxedEnvVarName`
fn variable_name(release: &Release, name: &str) -> Vec<String> {
    if release.gates.relaxed_variable_names {
        let fits = name.bytes().all(|c| (0x20..0x7f).contains(&c) && c != b'=');
        let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
        return if fits { Vec::new() } else { vec![why.to_owned()] };
    }
    let fits = name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-._".contains(&c))
        && !name.starts_with(|c: char| c.is_ascii_digit());
    let mut wrong = Vec::new();
    if !fits {
        wrong.push(
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not \
             start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is \
             '[-._a-zA-Z][-._a-zA-Z0-9]*')"
                .to_owned(),
        );
    }
    match name {
        "." => wrong.push("must not be '.'".into()),
        ".." => wrong.push("must not be '..'".into()),
        _ if name.starts_with("..") => wrong.push("must not start with '..'".into()),
        _ => {}
    }
    wrong
}

/// The fields of a pod that its containers may see.
pub(super) fn field_path(reference: &Value, path: &str, known: &[&str], errors: &mut Vec<FieldError>) {
    let given = text(reference, "fieldPath");
    let at = format!("{path}.fieldPath");
    if given.is_empty() {
        errors.push(FieldError::required(at, ""));
        return;
    }
    let bare = given.split_once("['").map_or(given, |(bare, _)| bare);
    let labels = ["metadata.annotations", "metadata.labels"];
    let subscripted = bare != given && labels.contains(&bare);
    let exists = [
        "metadata.annotations",
        "metadata.labels",
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.serviceAccountName",
        "spec.schedulerName",
        "status.phase",
        "spec.hostNetwork",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    ]
    .contains(&bare);
    if !exists {
        let why = format!("error converting fieldPath: field label not supported: {given}");
        errors.push(FieldError::invalid(at, given, why));
    } else if !subscripted && !known.contains(&given) {
        errors.push(FieldError::not_supported(at, given, known));
    }
}

const VARIABLE_FIELDS: [&str; 8] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
];

const VARIABLE_RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// Looks at a container's variables (`ValidateEnv`).
pub(super) fn variables(release: &Release, container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (i, variable) in list(&container["env"]).enumerate() {
        let at = format!("{path}.env[{i}]");
        let name = text(variable, "name");
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        } else {
            let wrong = variable_name(release, name).into_iter();
            errors.extend(wrong.map(|m| FieldError::invalid(format!("{at}.name"), name, m)));
        }
        let from = &variable["valueFrom"];
        let Some(sources) = from.as_object() else { continue };
        let at = format!("{at}.valueFrom");
        let sources = sources.iter().filter(|(_, source)| !source.is_null()).count();
        if sources == 0 {
            let why = format!("must specify one of: {}", release.wording.variable_sources);
            errors.push(FieldError::invalid(at.clone(), "", why));
        } else if !text(variable, "value").is_empty() {
            errors.push(FieldError::invalid(
                at.clone(),
                "",
                "may not be specified when `value` is not empty",
            ));
        } else if sources > 1 {
            errors.push(FieldError::invalid(
                at.clone(),
                "",
                "may not have more than one field specified at a time",
            ));
        }
        if !from["fieldRef"].is_null() {
            let known: Vec<&str> = VARIABLE_FIELDS.into_iter().chain(["status.podIPs"]).collect();
            field_path(&from["fieldRef"], &format!("{at}.fieldRef"), &known, errors);
        }
        let resource = &from["resourceFieldRef"];
        if !resource.is_null() {
            let wanted = text(resource, "resource");
            let field = format!("{at}.resourceFieldRef.resource");
            if wanted.is_empty() {
                errors.push(FieldError::required(field, ""));
            } else if !VARIABLE_RESOURCES.contains(&wanted) && !wanted.contains("hugepages-") {
                errors.push(FieldError::not_supported(field, wanted, &VARIABLE_RESOURCES));
            }
        }
        for kind in ["configMapKeyRef", "secretKeyRef"] {
            let reference = &from[kind];
            if reference.is_null() {
                continue;
            }
            let (name, key) = (text(reference, "name"), text(reference, "key"));
            let wrong = names::subdomain(name).into_iter();
            errors.extend(wrong.map(|m| FieldError::invalid(format!("{at}.{kind}.name"), name, m)));
            if key.is_empty() {
                errors.push(FieldError::required(format!("{at}.{kind}.key"), ""));
            } else {
                let wrong = names::config_key(key).into_iter();
                errors.extend(wrong.map(|m| FieldError::invalid(format!("{at}.{kind}.key"), key, m)));
            }
        }
    }
}

/// Looks at what a container takes variables from (`ValidateEnvFrom`).
pub(super) fn sources(release: &Release, container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (i, source) in list(&container["envFrom"]).enumerate() {
        let (all, at) = (format!("{path}.envFrom"), format!("{path}.envFrom[{i}]"));
        let prefix = text(source, "prefix");
        if !prefix.is_empty() {
            let wrong = variable_name(release, prefix).into_iter();
            errors.extend(wrong.map(|m| FieldError::invalid(format!("{at}.prefix"), prefix, m)));
        }
        let kinds = ["configMapRef", "secretRef"];
        let there = kinds.iter().filter(|kind| !source[**kind].is_null()).count();
        for kind in kinds.iter().filter(|kind| !source[**kind].is_null()) {
            let name = text(&source[*kind], "name");
            if name.is_empty() {
                errors.push(FieldError::required(format!("{at}.{kind}.name"), ""));
            } else {
                let wrong = names::subdomain(name).into_iter();
                errors.extend(wrong.map(|m| FieldError::invalid(format!("{at}.{kind}.name"), name, m)));
            }
        }
        if there == 0 {
            errors.push(FieldError::invalid(all, "", "must specify one of: `configMapRef` or `secretRef`"));
        } else if there > 1 {
            errors.push(FieldError::invalid(all, "", "may not have more than one field specified at a time"));
        }
    }
}
