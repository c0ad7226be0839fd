//! Pods. Upstream: `kubernetes/pkg/registry/core/pod/strategy.go`, parts of `ValidatePod`.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::{default, keep, list, object, templates, text};
use crate::apiserver::registry::validation::names;
use crate::apiserver::registry::{Context, FieldError, FieldErrorType, Strategy, go_diff, quantity};
use crate::release::Release;

mod apparmor;
mod containers;
mod environment;
mod gated;
mod resources;
mod spec;
mod volumes;

pub(super) use volumes::csi as csi_driver;

/// Pods.
pub struct Pods;

fn qos(pod: &Value) -> &'static str {
    let (mut any, mut guaranteed) = (false, true);
    for container in list(&pod["spec"]["containers"]).chain(list(&pod["spec"]["initContainers"])) {
        for name in ["cpu", "memory"] {
            let of = |side: &str| quantity::nanos(text(&container["resources"][side], name));
            let (request, limit) = (of("requests"), of("limits"));
            any |= request > 0 || limit > 0;
            guaranteed &= limit > 0 && (request == limit || request == 0);
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn one_of(path: String, value: &str, known: &[&str], errors: &mut Vec<FieldError>) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if !known.contains(&value) {
        errors.push(FieldError::not_supported(path, value, known));
    }
}

fn duplicate(field: String, value: &str) -> FieldError {
    FieldError::new(FieldErrorType::Duplicate, field, json!(value), "")
}

fn not_found(field: String, value: &str) -> FieldError {
    FieldError::new(FieldErrorType::NotFound, field, json!(value), "")
}

/// What of a pod's spec may change (`ValidatePodUpdate`); an error that ends the search comes back early.
fn changes(release: &Release, pod: &Value, old: &Value, errors: &mut Vec<FieldError>) -> Option<()> {
    let (spec, before) = (&pod["spec"], &old["spec"]);
    for key in ["containers", "initContainers"] {
        let (new, old) = (list(&spec[key]), list(&before[key]));
        if new.count() != old.count() {
            let detail = "pod updates may not add or remove containers";
            errors.push(FieldError::forbidden(format!("spec.{key}"), detail));
            return None;
        }
        for (i, container) in list(&spec[key]).enumerate() {
            let (image, path) = (text(container, "image"), format!("spec.{key}[{i}].image"));
            if image.is_empty() {
                errors.push(FieldError::required(path.clone(), ""));
            }
            if image.trim() != image {
                let detail = "must not have leading or trailing whitespace";
                errors.push(FieldError::invalid(path, image, detail));
            }
        }
    }
    deadline(spec, before, errors)?;
    tolerations(spec, before, errors);
    gated::only_fewer(spec, before, errors);
    if spec == before {
        return Some(());
    }
    let class = qos(pod);
    if release.gates.pods_keep_their_class && text(&old["status"], "qosClass") != class {
        let shown = text(&pod["status"], "qosClass");
        errors.push(FieldError::invalid("metadata", shown, "Pod QoS is immutable"));
    }
    let mut allowed = spec.clone();
    for key in ["containers", "initContainers"] {
        let after = allowed.get_mut(key).and_then(Value::as_array_mut);
        for (new, old) in after.into_iter().flatten().zip(list(&before[key])) {
            keep(new, old, "image");
        }
    }
    for key in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        keep(&mut allowed, before, key);
    }
    let grace = "terminationGracePeriodSeconds";
    if before[grace].as_i64().is_some_and(|seconds| seconds < 0) && spec[grace] == 1 {
        keep(&mut allowed, before, grace);
    }
    gated::take_back(release, &mut allowed, before, errors);
    if allowed != *before {
        let difference = go_diff::difference(release, "core.PodSpec", before, &allowed);
        let detail = format!(
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
             `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
             `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n{difference}",
        );
        errors.push(FieldError::forbidden("spec", detail));
    }
    Some(())
}

/// The deadline may only come nearer.
fn deadline(spec: &Value, before: &Value, errors: &mut Vec<FieldError>) -> Option<()> {
    const KEY: &str = "activeDeadlineSeconds";
    let path = format!("spec.{KEY}");
    match (spec[KEY].as_i64(), before[KEY].as_i64()) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            let detail = "must be between 0 and 2147483647, inclusive";
            errors.push(FieldError::invalid(path, new, detail));
            return None;
        }
        (Some(new), Some(old)) if old < new => {
            errors.push(FieldError::invalid(path, new, "must be less than or equal to previous value"));
            return None;
        }
        (None, Some(_)) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid_shown(path, "\"null\"", "null", detail));
        }
        _ => {}
    }
    Some(())
}

/// Tolerations may only be added, and change their seconds (`validateOnlyAddedTolerations`).
fn tolerations(spec: &Value, before: &Value, errors: &mut Vec<FieldError>) {
    let timeless = |toleration: &Value| {
        let mut toleration = toleration.clone();
        if let Some(map) = toleration.as_object_mut() {
            map.remove("tolerationSeconds");
        }
        toleration
    };
    let new: HashSet<String> = list(&spec["tolerations"]).map(|new| timeless(new).to_string()).collect();
    if list(&before["tolerations"]).any(|old| !new.contains(&timeless(old).to_string())) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden("spec.tolerations", detail));
    }
}

/// `podIP` is the first of `podIPs`, and counts where they differ (`Convert_v1_PodStatus_To_core_PodStatus`).
fn same_address(status: &mut Map<String, Value>) {
    let one = status.get("podIP").and_then(Value::as_str).filter(|ip| !ip.is_empty());
    let first = status.get("podIPs").and_then(|all| all[0]["ip"].as_str()).filter(|ip| !ip.is_empty());
    match (one, first) {
        (Some(one), first) if first != Some(one) => {
            status.insert("podIPs".into(), json!([{"ip": one}]));
        }
        (None, Some(first)) => {
            status.insert("podIP".into(), json!(first));
        }
        _ => {}
    }
}

/// `ValidateTolerations`
fn toleration_errors(spec: &Value, errors: &mut Vec<FieldError>) {
    for (i, toleration) in list(&spec["tolerations"]).enumerate() {
        let at = |field: &str| format!("spec.tolerations[{i}].{field}");
        let of = |field: &str| text(toleration, field);
        let (key, operator, effect) = (of("key"), of("operator"), of("effect"));
        if !key.is_empty() {
            errors.extend(names::qualified(key).into_iter().map(|m| FieldError::invalid(at("key"), key, m)));
        } else if operator != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.push(FieldError::invalid(at("operator"), operator, why));
        }
        if !toleration["tolerationSeconds"].is_null() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.push(FieldError::invalid(at("effect"), effect, why));
        }
        match operator {
            "Equal" | "" => {
                let wrong = names::label_value(of("value"));
                if !wrong.is_empty() {
                    errors.push(FieldError::invalid(at("operator"), of("value"), wrong.join(";")));
                }
            }
            "Exists" => {
                if !of("value").is_empty() {
                    let why = "value must be empty when `operator` is 'Exists'";
                    let go = format!(
                        "core.Toleration{{Key:{key:?}, Operator:\"Exists\", Value:{:?}, Effect:{effect:?}, TolerationSeconds:(*int64)(nil)}}",
                        of("value")
                    );
                    let json = Value::from(of("value")).to_string();
                    errors.push(FieldError::invalid_shown(at("operator"), &go, &json, why));
                }
            }
            other => errors.push(FieldError::not_supported(at("operator"), other, &["Equal", "Exists"])),
        }
        let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
        if !effect.is_empty() && !effects.contains(&effect) {
            errors.push(FieldError::not_supported(at("effect"), effect, &effects));
        }
    }
}

/// `validatePodDNSConfig`
fn dns_config(release: &Release, spec: &Value, errors: &mut Vec<FieldError>) {
    let config = &spec["dnsConfig"];
    let none = text(spec, "dnsPolicy") == "None";
    if none && config.is_null() {
        let detail = "must provide `dnsConfig` when `dnsPolicy` is None";
        errors.push(FieldError::required("spec.dnsConfig", detail));
        return;
    }
    let servers: Vec<&str> = list(&config["nameservers"]).filter_map(Value::as_str).collect();
    if none && servers.is_empty() {
        let detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
        errors.push(FieldError::required("spec.dnsConfig.nameservers", detail));
        return;
    }
    if servers.len() > 3 {
        let detail = "must not have more than 3 nameservers";
        errors.push(FieldError::invalid("spec.dnsConfig.nameservers", config["nameservers"].clone(), detail));
    }
    for (i, server) in servers.iter().enumerate().filter(|(_, ip)| ip.parse::<IpAddr>().is_err()) {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(FieldError::invalid(format!("spec.dnsConfig.nameservers[{i}]"), *server, detail));
    }
    for (i, search) in list(&config["searches"]).filter_map(Value::as_str).enumerate() {
        let search = search.strip_suffix('.').unwrap_or(search);
        let path = format!("spec.dnsConfig.searches[{i}]");
        let wrong =
            if release.gates.relaxed_searches { names::search(search) } else { names::subdomain(search) };
        errors.extend(wrong.into_iter().map(|m| FieldError::invalid(path.clone(), search, m)));
    }
    for (i, _) in list(&config["options"]).enumerate().filter(|(_, option)| text(option, "name").is_empty()) {
        errors.push(FieldError::required(format!("spec.dnsConfig.options[{i}]"), "must not be empty"));
    }
}

impl Pods {
    /// What is wrong with a new pod, or with a template of pods.
    pub(super) fn faults(&self, context: &Context<'_>, pod: &Value, in_template: bool) -> Vec<FieldError> {
        let spec = &pod["spec"];
        let mut errors = Vec::new();
        spec::annotations(pod, &mut errors);
        let volumes = volumes::validate(context.release, spec, &mut errors);
        let mut seen = HashSet::new();
        if list(&spec["containers"]).next().is_none() {
            errors.push(FieldError::required("spec.containers", ""));
        }
        for key in ["containers", "initContainers"] {
            containers::validate(context.release, spec, key, &volumes, &mut seen, &mut errors);
        }
        let policies = ["Always", "OnFailure", "Never"];
        one_of("spec.restartPolicy".into(), text(spec, "restartPolicy"), &policies, &mut errors);
        let dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
        one_of("spec.dnsPolicy".into(), text(spec, "dnsPolicy"), &dns, &mut errors);
        for (key, value) in spec["nodeSelector"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or("");
            let wrong = names::qualified(key).into_iter().map(|m| (key.as_str(), m));
            for (shown, message) in wrong.chain(names::label_value(value).into_iter().map(|m| (value, m))) {
                errors.push(FieldError::invalid("spec.nodeSelector", shown, message));
            }
        }
        spec::security(spec, in_template, &mut errors);
        spec::affinity(spec, &mut errors);
        dns_config(context.release, spec, &mut errors);
        spec::scheduling(spec, &mut errors);
        spec::names_of(spec, &mut errors);
        toleration_errors(spec, &mut errors);
        spec::last(context.release, spec, &mut errors);
        let is_new = text(&pod["metadata"], "resourceVersion").is_empty();
        if is_new {
            apparmor::agree(pod, &mut errors);
        }
        if is_new && list(&spec["ephemeralContainers"]).next().is_some() {
            let why = if in_template {
                "ephemeral containers not allowed in pod template"
            } else {
                "cannot be set on create"
            };
            errors.push(FieldError::forbidden("spec.ephemeralContainers", why));
        }
        errors
    }
}

impl Strategy for Pods {
    fn set_defaults(&self, _: &Context<'_>, pod: &mut Value) {
        if let Some(spec) = object(pod, "spec") {
            templates::pod_spec(spec);
            templates::pod(spec);
        }
        if let Some(status) = object(pod, "status") {
            same_address(status);
        }
    }

    fn prepare_for_create(&self, context: &Context<'_>, pod: &mut Value) {
        if context.release.gates.pods_have_generation {
            pod["metadata"]["generation"] = json!(1);
        }
        pod["status"] = json!({"phase": "Pending", "qosClass": qos(pod)});
        apparmor::align(pod, context.release.gates.apparmor_annotations);
    }

    fn validate(&self, context: &Context<'_>, pod: &Value) -> Vec<FieldError> {
        self.faults(context, pod, false)
    }

    fn prepare_for_update(&self, context: &Context<'_>, pod: &mut Value, old: &Value) {
        match context.subresource {
            "status" => {
                keep(pod, old, "spec");
                if let Some(metadata) = pod.get_mut("metadata") {
                    keep(metadata, &old["metadata"], "ownerReferences");
                }
                let class = qos(pod);
                if let Some(status) = object(pod, "status") {
                    default(status, "qosClass", class);
                }
            }
            "ephemeralcontainers" => {
                let added = pod["spec"]["ephemeralContainers"].clone();
                keep(pod, old, "spec");
                keep(pod, old, "status");
                if let Some(spec) = object(pod, "spec") {
                    match added {
                        Value::Array(_) => spec.insert("ephemeralContainers".into(), added),
                        _ => spec.remove("ephemeralContainers"),
                    };
                }
            }
            // What puts a pod on a node says so in its status.
            "binding" => return,
            _ => keep(pod, old, "status"),
        }
        if context.release.gates.pods_have_generation && pod["spec"] != old["spec"] {
            let before = old["metadata"]["generation"].as_i64().unwrap_or(0);
            pod["metadata"]["generation"] = json!(before + 1);
        }
    }

    fn validate_update(&self, context: &Context<'_>, pod: &Value, old: &Value) -> Vec<FieldError> {
        match context.subresource {
            "" => {}
            "ephemeralcontainers" => {
                return containers::ephemeral(context.release, &pod["spec"], &old["spec"]);
            }
            _ => return Vec::new(),
        }
        let mut errors = self.validate(context, pod);
        let _ = changes(context.release, pod, old, &mut errors);
        errors
    }

    fn selectable_fields(&self, pod: &Value) -> Vec<(&'static str, String)> {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        vec![
            ("spec.nodeName", text(spec, "nodeName").to_owned()),
            ("spec.restartPolicy", text(spec, "restartPolicy").to_owned()),
            ("spec.schedulerName", text(spec, "schedulerName").to_owned()),
            ("spec.serviceAccountName", text(spec, "serviceAccountName").to_owned()),
            ("spec.hostNetwork", (spec["hostNetwork"] == true).to_string()),
            ("status.phase", text(status, "phase").to_owned()),
            ("status.podIP", text(status, "podIP").to_owned()),
            ("status.nominatedNodeName", text(status, "nominatedNodeName").to_owned()),
        ]
    }

    fn grace_period(&self, pod: &Value, asked: Option<i64>) -> Option<i64> {
        let spec = &pod["spec"];
        let period = asked.unwrap_or_else(|| spec["terminationGracePeriodSeconds"].as_i64().unwrap_or(0));
        let over = matches!(text(&pod["status"], "phase"), "Failed" | "Succeeded");
        let period = if over || text(spec, "nodeName").is_empty() { 0 } else { period };
        Some(if period < 0 { 1 } else { period })
    }
}
