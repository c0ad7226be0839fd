//! What may be wrong with a pod beside its containers and volumes.
//!
//! Upstream: `kubernetes/pkg/apis/core/validation/validation.go` (`ValidatePodSpec`, `ValidatePodSpecificAnnotations`).

use crate::release::Release;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

use super::super::{list, text};
use super::containers::{identity, profile};
use super::{duplicate, one_of};
use crate::apiserver::registry::FieldError;
use crate::apiserver::registry::validation::names;

const MIRROR: &str = "kubernetes.io/config.mirror";
const SECCOMP: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_OF: &str = "container.seccomp.security.alpha.kubernetes.io/";
const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";

/// The annotations that mean something.
pub(super) fn annotations(pod: &Value, errors: &mut Vec<FieldError>) {
    let (all, spec) = (&pod["metadata"]["annotations"], &pod["spec"]);
    if let Some(value) = all[MIRROR].as_str()
        && text(spec, "nodeName").is_empty()
    {
        let detail = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(FieldError::invalid(format!("metadata.annotations[{MIRROR}]"), value, detail));
    }
    let own = all[SECCOMP].as_str().map(|value| (SECCOMP, value));
    let of_containers = all.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with(SECCOMP_OF));
    let of_containers = of_containers.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or("")));
    for (key, value) in own.into_iter().chain(of_containers) {
        let known = ["runtime/default", "docker/default", "unconfined"].contains(&value);
        if !known && !value.starts_with("localhost/") {
            let detail = "must be a valid seccomp profile";
            errors.push(FieldError::invalid(format!("metadata.annotations.{key}"), value, detail));
        }
    }
    let containers = ["initContainers", "containers", "ephemeralContainers"];
    let has = |name: &str| containers.iter().any(|key| list(&spec[*key]).any(|c| text(c, "name") == name));
    for (key, value) in all.as_object().into_iter().flatten() {
        let Some(name) = key.strip_prefix(APPARMOR) else { continue };
        let (field, value) = (format!("metadata.annotations[{key}]"), value.as_str().unwrap_or(""));
        if !has(name) {
            errors.push(FieldError::invalid(field.clone(), name, "container not found"));
        }
        let known = ["", "runtime/default", "unconfined"].contains(&value);
        if !known && !value.starts_with("localhost/") {
            errors.push(FieldError::invalid(
                field,
                value,
                format!("invalid AppArmor profile name: {value:?}"),
            ));
        }
    }
}

/// The security context of the whole pod, and what depends on the node's namespaces.
///
/// Host ports are defaulted for pods by themselves alone, so that a template may leave them out.
pub(super) fn security(spec: &Value, in_template: bool, errors: &mut Vec<FieldError>) {
    let (context, path) = (&spec["securityContext"], "spec.securityContext");
    if spec["hostNetwork"] == true {
        for key in ["containers", "initContainers"] {
            for (i, container) in list(&spec[key]).enumerate() {
                for (j, port) in list(&container["ports"]).enumerate() {
                    let host = port["hostPort"].as_i64().unwrap_or(0);
                    let left_out = in_template && host == 0;
                    if !left_out && host != port["containerPort"].as_i64().unwrap_or(0) {
                        let detail = "must match `containerPort` when `hostNetwork` is true";
                        let field = format!("spec.{key}[{i}].ports[{j}].hostPort");
                        errors.push(FieldError::invalid(field, host, detail));
                    }
                }
            }
        }
    }
    for field in ["fsGroup", "runAsUser", "runAsGroup"] {
        identity(&context[field], format!("{path}.{field}"), errors);
    }
    for (i, group) in list(&context["supplementalGroups"]).enumerate() {
        identity(group, format!("{path}.supplementalGroups[{i}]"), errors);
    }
    if spec["shareProcessNamespace"] == true && spec["hostPID"] == true {
        let detail = "ShareProcessNamespace and HostPID cannot both be enabled";
        errors.push(FieldError::invalid(format!("{path}.shareProcessNamespace"), true, detail));
    }
    sysctls(context, path, errors);
    let change = text(context, "fsGroupChangePolicy");
    if !change.is_empty() {
        one_of(format!("{path}.fsGroupChangePolicy"), change, &["Always", "OnRootMismatch"], errors);
    }
    profile(context, "seccompProfile", "seccomp", path, errors);
    profile(context, "appArmorProfile", "AppArmor", path, errors);
}

fn is_sysctl(name: &str) -> bool {
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        !bytes.is_empty()
            && bytes.iter().all(|c| plain(*c) || b"-_".contains(c))
            && plain(bytes[0])
            && plain(bytes[bytes.len() - 1])
    };
    name.len() <= 253 && name.split(['.', '/']).all(part)
}

fn sysctls(context: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (i, sysctl) in list(&context["sysctls"]).enumerate() {
        let (name, field) = (text(sysctl, "name"), format!("{path}.sysctls[{i}].name"));
        if name.is_empty() {
            errors.push(FieldError::required(field, ""));
        } else if !is_sysctl(name) {
            let detail = "must have at most 253 characters and match regex \
                          ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            errors.push(FieldError::invalid(field, name, detail));
        } else if !seen.insert(name) {
            errors.push(duplicate(field, name));
        }
    }
}

/// Where a pod wants to be, as far as selectors without terms and topologies without keys go.
pub(super) fn affinity(spec: &Value, errors: &mut Vec<FieldError>) {
    const MUST: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let node = &spec["affinity"]["nodeAffinity"][MUST];
    if !node.is_null() && list(&node["nodeSelectorTerms"]).next().is_none() {
        let field = format!("spec.affinity.nodeAffinity.{MUST}.nodeSelectorTerms");
        errors.push(FieldError::required(field, "must have at least one node selector term"));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        for (i, term) in list(&spec["affinity"][kind][MUST]).enumerate() {
            let (key, field) =
                (text(term, "topologyKey"), format!("spec.affinity.{kind}.{MUST}[{i}].topologyKey"));
            if key.is_empty() {
                errors.push(FieldError::required(field.clone(), "can not be empty"));
            }
            errors.extend(
                names::qualified(key).into_iter().map(|m| FieldError::invalid(field.clone(), key, m)),
            );
        }
    }
}

/// Gates and constraints of scheduling.
pub(super) fn scheduling(spec: &Value, errors: &mut Vec<FieldError>) {
    for (i, gate) in list(&spec["readinessGates"]).enumerate() {
        let (kind, field) = (text(gate, "conditionType"), format!("spec.readinessGates[{i}].conditionType"));
        errors
            .extend(names::qualified(kind).into_iter().map(|m| FieldError::invalid(field.clone(), kind, m)));
    }
    let mut seen = HashSet::new();
    for (i, gate) in list(&spec["schedulingGates"]).enumerate() {
        let (name, field) = (text(gate, "name"), format!("spec.schedulingGates[{i}]"));
        errors.extend(
            names::qualified(name).into_iter().map(|m| FieldError::invalid(format!("{field}.name"), name, m)),
        );
        if !seen.insert(name) {
            errors.push(duplicate(field, name));
        }
    }
    for (i, constraint) in list(&spec["topologySpreadConstraints"]).enumerate() {
        let at = |field: &str| format!("spec.topologySpreadConstraints[{i}].{field}");
        let skew = constraint["maxSkew"].as_i64().unwrap_or(0);
        if skew <= 0 {
            errors.push(FieldError::invalid(at("maxSkew"), skew, "must be greater than zero"));
        }
        if text(constraint, "topologyKey").is_empty() {
            errors.push(FieldError::required(at("topologyKey"), "can not be empty"));
        }
        let when = text(constraint, "whenUnsatisfiable");
        let known = ["DoNotSchedule", "ScheduleAnyway"];
        if !known.contains(&when) {
            errors.push(FieldError::not_supported(at("whenUnsatisfiable"), when, &known));
        }
    }
}

/// Names of the pod and of what it belongs to.
pub(super) fn names_of(spec: &Value, errors: &mut Vec<FieldError>) {
    for (field, rule) in
        [("serviceAccountName", names::subdomain as fn(&str) -> Vec<String>), ("nodeName", names::subdomain)]
    {
        named(spec, field, rule, errors);
    }
    if let Some(seconds) = spec["activeDeadlineSeconds"].as_i64()
        && !(1..=2_147_483_647).contains(&seconds)
    {
        let detail = "must be between 1 and 2147483647, inclusive";
        errors.push(FieldError::invalid("spec.activeDeadlineSeconds", seconds, detail));
    }
    named(spec, "hostname", names::label, errors);
    named(spec, "subdomain", names::label, errors);
}

fn named(spec: &Value, field: &str, rule: fn(&str) -> Vec<String>, errors: &mut Vec<FieldError>) {
    let name = text(spec, field);
    if !name.is_empty() {
        let wrong = rule(name).into_iter();
        errors.extend(wrong.map(|m| FieldError::invalid(format!("spec.{field}"), name, m)));
    }
}

/// What comes after the tolerations.
pub(super) fn last(release: &Release, spec: &Value, errors: &mut Vec<FieldError>) {
    for (i, alias) in list(&spec["hostAliases"]).enumerate() {
        let address = text(alias, "ip");
        let mapped = |v6: Ipv6Addr| release.gates.strict_addresses && v6.to_ipv4_mapped().is_some();
        let wrong = match address.parse() {
            Err(_) => Some("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            Ok(IpAddr::V6(v6)) if mapped(v6) => Some("must not be an IPv4-mapped IPv6 address"),
            Ok(_) => None,
        };
        let field = format!("spec.hostAliases[{i}].ip");
        errors.extend(wrong.map(|detail| FieldError::invalid(field, address, detail)));
        for (j, name) in list(&alias["hostnames"]).filter_map(Value::as_str).enumerate() {
            let field = format!("spec.hostAliases[{i}].hostnames[{j}]");
            errors.extend(
                names::subdomain(name).into_iter().map(|m| FieldError::invalid(field.clone(), name, m)),
            );
        }
    }
    named(spec, "priorityClassName", names::subdomain, errors);
    named(spec, "runtimeClassName", names::subdomain, errors);
    if !spec["os"].is_null() {
        one_of("spec.os".into(), text(&spec["os"], "name"), &["linux", "windows"], errors);
    }
}
