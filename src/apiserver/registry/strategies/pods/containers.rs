//! What may be wrong with a container.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`validateContainerCommon` and what it calls, in that order).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::{list, text};
use super::{duplicate, environment, not_found, one_of, resources};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{FieldError, go_diff};
use crate::release::Release;

const PORTS: &str = "must be between 1 and 65535, inclusive";
pub(super) const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Looks at all containers of a list.
pub(super) fn validate(
    release: &Release,
    spec: &Value,
    key: &str,
    volumes: &HashSet<&str>,
    seen: &mut HashSet<String>,
    errors: &mut Vec<FieldError>,
) {
    for (i, container) in list(&spec[key]).enumerate() {
        let path = format!("spec.{key}[{i}]");
        let name = text(container, "name");
        common(release, container, &path, volumes, errors);
        if !seen.insert(name.to_owned()) {
            errors.push(duplicate(format!("{path}.name"), name));
        }
        for hook in ["postStart", "preStop"] {
            let handler = &container["lifecycle"][hook];
            if !handler.is_null() {
                handlers(
                    handler,
                    &format!("{path}.lifecycle.{hook}"),
                    &["exec", "httpGet", "tcpSocket", "sleep"],
                    errors,
                );
            }
        }
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            let value = &container[probe];
            if !value.is_null() {
                validate_probe(value, probe != "readinessProbe", &format!("{path}.{probe}"), errors);
            }
        }
        let policy = text(container, "restartPolicy");
        if key == "initContainers" && !policy.is_empty() {
            one_of(format!("{path}.restartPolicy"), policy, release.wording.init_restart_policies, errors);
        }
    }
    host_port_conflicts(spec, key, errors);
}

/// The fields of a container that one which is there for a while may not have, as it has no say in the pod's life.
const NOT_FOR_A_WHILE: [&str; 6] =
    ["ports", "resources", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

/// Looks at the containers that are there for a while (`ValidatePodEphemeralContainersUpdate`).
pub(super) fn ephemeral(release: &Release, spec: &Value, before: &Value) -> Vec<FieldError> {
    let volumes: HashSet<&str> = list(&spec["volumes"]).map(|volume| text(volume, "name")).collect();
    let of = |key: &str| list(&spec[key]).map(|container| text(container, "name"));
    let lasting: HashSet<&str> = of("containers").chain(of("initContainers")).collect();
    let mut seen: HashSet<&str> = lasting.clone();
    let mut errors = Vec::new();
    for (i, container) in list(&spec["ephemeralContainers"]).enumerate() {
        let path = format!("spec.ephemeralContainers[{i}]");
        let (name, target) = (text(container, "name"), text(container, "targetContainerName"));
        common(release, container, &path, &volumes, &mut errors);
        if !seen.insert(name) {
            errors.push(duplicate(format!("{path}.name"), name));
        }
        if !target.is_empty() && !lasting.contains(target) {
            errors.push(not_found(format!("{path}.targetContainerName"), target));
        }
        for field in NOT_FOR_A_WHILE {
            let value = &container[field];
            let bare = field == "resources" && value.as_object().is_some_and(serde_json::Map::is_empty);
            let empty = bare || value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !empty {
                let detail = "cannot be set for an Ephemeral Container";
                errors.push(FieldError::forbidden(format!("{path}.{field}"), detail));
            }
        }
    }
    let now: Vec<&Value> = list(&spec["ephemeralContainers"]).collect();
    for old in list(&before["ephemeralContainers"]) {
        let name = text(old, "name");
        let detail = match now.iter().find(|new| text(new, "name") == name) {
            None => format!("existing ephemeral containers {name:?} may not be removed\n"),
            Some(new) if *new != old => {
                let difference = go_diff::difference(release, "core.EphemeralContainer", old, new);
                format!("existing ephemeral containers {name:?} may not be changed\n{difference}")
            }
            Some(_) => continue,
        };
        errors.push(FieldError::forbidden("spec.ephemeralContainers", detail));
    }
    errors
}

fn common(
    release: &Release,
    container: &Value,
    path: &str,
    volumes: &HashSet<&str>,
    errors: &mut Vec<FieldError>,
) {
    let name = text(container, "name");
    if name.is_empty() {
        errors.push(FieldError::required(format!("{path}.name"), ""));
    } else {
        let wrong = names::label(name).into_iter();
        errors.extend(wrong.map(|m| FieldError::invalid(format!("{path}.name"), name, m)));
    }
    let image = text(container, "image");
    if image.is_empty() {
        errors.push(FieldError::required(format!("{path}.image"), ""));
    } else if image.trim() != image {
        let detail = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(format!("{path}.image"), image, detail));
    }
    let policies = ["File", "FallbackToLogsOnError"];
    one_of(
        format!("{path}.terminationMessagePolicy"),
        text(container, "terminationMessagePolicy"),
        &policies,
        errors,
    );
    ports(container, path, errors);
    environment::variables(release, container, path, errors);
    environment::sources(release, container, path, errors);
    mounts(container, path, volumes, errors);
    let policies = ["Always", "IfNotPresent", "Never"];
    one_of(format!("{path}.imagePullPolicy"), text(container, "imagePullPolicy"), &policies, errors);
    resources::validate(&container["resources"], &format!("{path}.resources"), errors);
    security(&container["securityContext"], &format!("{path}.securityContext"), errors);
}

/// `IsValidPortName`
fn port_name(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let bytes = name.as_bytes();
    if name.len() > 15 {
        wrong.push("must be no more than 15 characters".to_owned());
    }
    if !bytes.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !bytes.iter().any(u8::is_ascii_lowercase) {
        wrong.push("must contain at least one letter (a-z)".into());
    }
    if name.contains("--") {
        wrong.push("must not contain consecutive hyphens".into());
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".into());
    }
    wrong
}

fn port_number(field: String, number: i64, errors: &mut Vec<FieldError>) {
    if !(1..=65535).contains(&number) {
        errors.push(FieldError::invalid(field, number, PORTS));
    }
}

/// A port by its number or its name.
fn port(field: &str, value: &Value, errors: &mut Vec<FieldError>) {
    match value.as_str() {
        Some(name) => {
            errors.extend(port_name(name).into_iter().map(|m| FieldError::invalid(field, name, m)));
        }
        None => port_number(field.to_owned(), value.as_i64().unwrap_or(0), errors),
    }
}

fn ports(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (i, port) in list(&container["ports"]).enumerate() {
        let at = |field: &str| format!("{path}.ports[{i}].{field}");
        let name = text(port, "name");
        if !name.is_empty() {
            let wrong = port_name(name);
            if wrong.is_empty() && !seen.insert(name) {
                errors.push(duplicate(at("name"), name));
            }
            errors.extend(wrong.into_iter().map(|m| FieldError::invalid(at("name"), name, m)));
        }
        match port["containerPort"].as_i64().unwrap_or(0) {
            0 => errors.push(FieldError::required(at("containerPort"), "")),
            number => port_number(at("containerPort"), number, errors),
        }
        let host = port["hostPort"].as_i64().unwrap_or(0);
        if host != 0 {
            port_number(at("hostPort"), host, errors);
        }
        one_of(at("protocol"), text(port, "protocol"), &["SCTP", "TCP", "UDP"], errors);
    }
}

fn host_port_conflicts(spec: &Value, key: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (i, container) in list(&spec[key]).enumerate() {
        for (j, port) in list(&container["ports"]).enumerate() {
            let host = port["hostPort"].as_i64().unwrap_or(0);
            let taken = format!("{}/{}/{host}", text(port, "protocol"), text(port, "hostIP"));
            if host != 0 && !seen.insert(taken.clone()) {
                errors.push(duplicate(format!("spec.{key}[{i}].ports[{j}].hostPort"), &taken));
            }
        }
    }
}

fn mounts(container: &Value, path: &str, volumes: &HashSet<&str>, errors: &mut Vec<FieldError>) {
    let mut points = HashSet::new();
    for (i, mount) in list(&container["volumeMounts"]).enumerate() {
        let at = format!("{path}.volumeMounts[{i}]");
        let (name, point) = (text(mount, "name"), text(mount, "mountPath"));
        if name.is_empty() {
            errors.push(FieldError::required(format!("{at}.name"), ""));
        }
        if !volumes.contains(name) {
            errors.push(not_found(format!("{at}.name"), name));
        }
        if point.is_empty() {
            errors.push(FieldError::required(format!("{at}.mountPath"), ""));
        }
        if !points.insert(point) {
            errors.push(FieldError::invalid(format!("{at}.mountPath"), point, "must be unique"));
        }
        for field in ["subPath", "subPathExpr"] {
            local_path(mount, field, &format!("{path}.volumeMounts.{field}"), errors);
        }
    }
}

/// A path inside of a volume (`validateLocalDescendingPath`).
pub(super) fn local_path(value: &Value, field: &str, at: &str, errors: &mut Vec<FieldError>) {
    let path = text(value, field);
    if path.starts_with('/') {
        errors.push(FieldError::invalid(at, path, "must be a relative path"));
    }
    if path.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid(at, path, "must not contain '..'"));
    }
}

/// A number that a user or group may have.
pub(super) fn identity(value: &Value, at: String, errors: &mut Vec<FieldError>) {
    if let Some(number) = value.as_i64()
        && !(0..=2_147_483_647).contains(&number)
    {
        errors.push(FieldError::invalid(at, number, "must be between 0 and 2147483647, inclusive"));
    }
}

/// A profile of seccomp or AppArmor (`validateSeccompProfileField`, `ValidateAppArmorProfileField`).
pub(super) fn profile(value: &Value, key: &str, word: &str, path: &str, errors: &mut Vec<FieldError>) {
    let profile = &value[key];
    if profile.is_null() {
        return;
    }
    let (kind, local) = (text(profile, "type"), &profile["localhostProfile"]);
    let at = |field: &str| format!("{path}.{key}.{field}");
    match kind {
        "Localhost" if local.is_null() => {
            let detail = format!("must be set when {word} type is Localhost");
            errors.push(FieldError::required(at("localhostProfile"), detail));
        }
        "Localhost" => {}
        "RuntimeDefault" | "Unconfined" => {
            if let Some(given) = local.as_str() {
                let detail = format!("can only be set when {word} type is Localhost");
                errors.push(FieldError::invalid(at("localhostProfile"), given, detail));
            }
        }
        "" => errors.push(FieldError::required(at("type"), "type is required when seccompProfile is set")),
        other => {
            let known = ["Localhost", "RuntimeDefault", "Unconfined"];
            errors.push(FieldError::not_supported(at("type"), other, &known));
        }
    }
}

fn security(context: &Value, path: &str, errors: &mut Vec<FieldError>) {
    if context.is_null() {
        return;
    }
    for field in ["runAsUser", "runAsGroup"] {
        identity(&context[field], format!("{path}.{field}"), errors);
    }
    let mount = text(context, "procMount");
    if !mount.is_empty() && !["Default", "Unmasked"].contains(&mount) {
        let at = format!("{path}.procMount");
        errors.push(FieldError::not_supported(at, mount, &["Default", "Unmasked"]));
    }
    profile(context, "seccompProfile", "seccomp", path, errors);
    profile(context, "appArmorProfile", "AppArmor", path, errors);
    if context["allowPrivilegeEscalation"] == false {
        let added = list(&context["capabilities"]["add"]).any(|name| name == "CAP_SYS_ADMIN");
        for (is, detail) in [
            (
                context["privileged"] == true,
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
            ),
            (added, "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"),
        ] {
            if is {
                errors.push(FieldError::invalid(path, context.clone(), detail));
            }
        }
    }
}

/// What a probe or a hook does; exactly one thing.
fn handlers(handler: &Value, path: &str, kinds: &[&str], errors: &mut Vec<FieldError>) {
    let mut seen = 0;
    for kind in kinds.iter().filter(|kind| !handler[**kind].is_null()) {
        let (value, at) = (&handler[*kind], format!("{path}.{kind}"));
        seen += 1;
        if seen > 1 {
            errors.push(FieldError::forbidden(at, "may not specify more than 1 handler type"));
            continue;
        }
        match *kind {
            "exec" if list(&value["command"]).next().is_none() => {
                errors.push(FieldError::required(format!("{at}.command"), ""));
            }
            "httpGet" => {
                if text(value, "path").is_empty() {
                    errors.push(FieldError::required(format!("{at}.path"), ""));
                }
                port(&format!("{at}.port"), &value["port"], errors);
                let scheme = text(value, "scheme");
                one_of(format!("{at}.scheme"), scheme, &["HTTP", "HTTPS"], errors);
            }
            "tcpSocket" => port(&format!("{at}.port"), &value["port"], errors),
            "grpc" => port_number(format!("{at}.port"), value["port"].as_i64().unwrap_or(0), errors),
            _ => {}
        }
    }
    if seen == 0 {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
}

fn validate_probe(probe: &Value, once: bool, path: &str, errors: &mut Vec<FieldError>) {
    handlers(probe, path, &["exec", "httpGet", "tcpSocket", "grpc"], errors);
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        if let Some(number) = probe[field].as_i64()
            && number < 0
        {
            errors.push(FieldError::invalid(format!("{path}.{field}"), number, NOT_NEGATIVE));
        }
    }
    if let Some(grace) = probe["terminationGracePeriodSeconds"].as_i64()
        && grace <= 0
    {
        let at = format!("{path}.terminationGracePeriodSeconds");
        errors.push(FieldError::invalid(at, grace, "must be greater than 0"));
    }
    let successes = probe["successThreshold"].as_i64().unwrap_or(1);
    if once && successes != 1 {
        errors.push(FieldError::invalid(format!("{path}.successThreshold"), json!(successes), "must be 1"));
    }
}
