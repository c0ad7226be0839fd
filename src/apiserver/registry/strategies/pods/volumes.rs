//! What may be wrong with a pod's volumes.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`ValidateVolumes`, `validateVolumeSource`).

use std::collections::HashSet;

use serde_json::Value;

use super::super::{list, text};
use super::containers::local_path;
use super::duplicate;
use super::environment::field_path;
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{FieldError, quantity};
use crate::release::Release;

/// Looks at a kind of volume: the source, its path, and where to put what is wrong.
type Check = fn(&Release, &Value, &str, &mut Vec<FieldError>);

/// The kinds of volumes in the order in which they are looked at.
const SOURCES: [(&str, Check); 10] = [
    ("emptyDir", empty_dir),
    ("hostPath", host_path),
    ("secret", secret),
    ("nfs", nfs),
    ("iscsi", nothing),
    ("persistentVolumeClaim", claim),
    ("downwardAPI", downward),
    ("configMap", config_map),
    ("projected", projected),
    ("csi", csi),
];

/// Looks at all volumes; gives the names of those that are right.
pub(super) fn validate<'s>(
    release: &Release,
    spec: &'s Value,
    errors: &mut Vec<FieldError>,
) -> HashSet<&'s str> {
    let mut names_seen = HashSet::new();
    for (i, volume) in list(&spec["volumes"]).enumerate() {
        let path = format!("spec.volumes[{i}]");
        let mut wrong = Vec::new();
        let mut seen = 0;
        for (kind, check) in SOURCES.iter().filter(|(kind, _)| !volume[*kind].is_null()) {
            let at = format!("{path}.{kind}");
            seen += 1;
            if seen > 1 {
                wrong.push(FieldError::forbidden(at, "may not specify more than 1 volume type"));
            } else {
                check(release, &volume[*kind], &at, &mut wrong);
            }
        }
        let (name, at) = (text(volume, "name"), format!("{path}.name"));
        if name.is_empty() {
            wrong.push(FieldError::required(at.clone(), ""));
        } else {
            wrong.extend(names::label(name).into_iter().map(|m| FieldError::invalid(at.clone(), name, m)));
        }
        if names_seen.contains(name) {
            wrong.push(duplicate(at, name));
        }
        if wrong.is_empty() {
            names_seen.insert(name);
        }
        errors.extend(wrong);
    }
    names_seen
}

fn nothing(_: &Release, _: &Value, _: &str, _: &mut Vec<FieldError>) {}

fn required(value: &Value, field: &str, at: &str, errors: &mut Vec<FieldError>) -> bool {
    let missing = text(value, field).is_empty();
    if missing {
        errors.push(FieldError::required(format!("{at}.{field}"), ""));
    }
    !missing
}

fn empty_dir(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    if quantity::nanos(text(source, "sizeLimit")) < 0 {
        let detail = "SizeLimit field must be a valid resource quantity";
        errors.push(FieldError::forbidden(format!("{at}.sizeLimit"), detail));
    }
}

fn host_path(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let path = text(source, "path");
    if required(source, "path", at, errors) && path.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid(format!("{at}.path"), path, "must not contain '..'"));
    }
    let known =
        ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
    let kind = text(source, "type");
    if !known.contains(&kind) {
        errors.push(FieldError::not_supported(format!("{at}.type"), kind, &known));
    }
}

fn mode(source: &Value, field: &str, at: &str, errors: &mut Vec<FieldError>) {
    if let Some(mode) = source[field].as_i64()
        && !(0..=0o777).contains(&mode)
    {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(format!("{at}.{field}"), mode, detail));
    }
}

fn items(source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    for (i, item) in list(&source["items"]).enumerate() {
        let at = format!("{at}.items[{i}]");
        required(item, "key", &at, errors);
        required(item, "path", &at, errors);
        local_path(item, "path", &format!("{at}.path"), errors);
        mode(item, "mode", &at, errors);
    }
}

fn secret(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    required(source, "secretName", at, errors);
    mode(source, "defaultMode", at, errors);
    items(source, at, errors);
}

fn config_map(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    required(source, "name", at, errors);
    mode(source, "defaultMode", at, errors);
    items(source, at, errors);
}

fn nfs(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    required(source, "server", at, errors);
    let path = text(source, "path");
    if required(source, "path", at, errors) && !path.starts_with('/') {
        errors.push(FieldError::invalid(format!("{at}.path"), path, "must be an absolute path"));
    }
}

fn claim(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    required(source, "claimName", at, errors);
}

fn downward(_: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    mode(source, "defaultMode", at, errors);
    let known =
        ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
    for item in list(&source["items"]) {
        required(item, "path", at, errors);
        local_path(item, "path", &format!("{at}.path"), errors);
        let (field, resource) = (&item["fieldRef"], &item["resourceFieldRef"]);
        if !field.is_null() {
            field_path(field, &format!("{at}.fieldRef"), &known, errors);
        } else if resource.is_null() {
            let detail = "one of fieldRef and resourceFieldRef is required";
            errors.push(FieldError::required(format!("{at}.fieldRef"), detail));
        }
        mode(item, "mode", at, errors);
    }
}

/// `validateProjectionSources`
fn projected(release: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    const KINDS: [&str; 5] =
        ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle"];
    mode(source, "defaultMode", at, errors);
    let mut seen = HashSet::new();
    let mut twice = |path: &str, shown: &str, errors: &mut Vec<FieldError>| {
        if !path.is_empty() && !seen.insert(path.to_owned()) {
            errors.push(FieldError::invalid(at, shown, "conflicting duplicate paths"));
        }
    };
    for (i, one) in list(&source["sources"]).enumerate() {
        let path = format!("{at}.sources[{i}]");
        for kind in ["secret", "configMap"].iter().filter(|kind| !one[**kind].is_null()) {
            let (of, at) = (&one[*kind], format!("{path}.{kind}"));
            required(of, "name", &at, errors);
            items(of, &at, errors);
            for item in list(&of["items"]) {
                twice(text(item, "path"), text(of, "name"), errors);
            }
        }
        if !one["downwardAPI"].is_null() {
            downward(release, &one["downwardAPI"], &format!("{path}.downwardAPI"), errors);
            for item in list(&one["downwardAPI"]["items"]) {
                twice(text(item, "path"), text(item, "path"), errors);
            }
        }
        let token = &one["serviceAccountToken"];
        if !token.is_null() {
            let at = format!("{path}.serviceAccountToken");
            if let Some(seconds) = token["expirationSeconds"].as_i64() {
                let why = match seconds {
                    ..600 => "may not specify a duration less than 10 minutes",
                    4_294_967_297.. => "may not specify a duration larger than 2^32 seconds",
                    _ => "",
                };
                if !why.is_empty() {
                    errors.push(FieldError::invalid(format!("{at}.expirationSeconds"), seconds, why));
                }
            }
            required(token, "path", &at, errors);
            local_path(token, "path", &format!("{at}.path"), errors);
        }
        if KINDS.iter().filter(|kind| !one[**kind].is_null()).count() > 1 {
            errors.push(FieldError::forbidden(path, "may not specify more than 1 volume type"));
        }
    }
}

/// `ValidateCSIDriverName`
pub(in super::super) fn csi(release: &Release, source: &Value, at: &str, errors: &mut Vec<FieldError>) {
    let (driver, field) = (text(source, "driver"), format!("{at}.driver"));
    if !required(source, "driver", at, errors) && release.gates.empty_driver_names_end_there {
        return;
    }
    if driver.len() > 63 {
        errors.push(FieldError::too_long(field.clone(), 63));
    }
    let wrong = names::subdomain(&driver.to_lowercase()).into_iter();
    errors.extend(wrong.map(|m| FieldError::invalid(field.clone(), driver, m)));
}
