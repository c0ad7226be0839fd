//! Services, leases, certificates, events and kinds with few rules.

use serde_json::{Value, json};

use super::{count_generation, default, keep, list, object, text};
use crate::apiserver::registry::validation::{cidr, names};
use crate::apiserver::registry::{Context, FieldError, FieldErrorType, Strategy};

/// A resource about which nothing is special.
pub struct Plain;

impl Strategy for Plain {}

/// Kinds with a status of their own and no other rules.
pub struct WithStatus;

impl Strategy for WithStatus {
    fn prepare_for_update(&self, context: &Context<'_>, new: &mut Value, old: &Value) {
        keep(new, old, if context.subresource == "status" { "spec" } else { "status" });
    }
}

/// How many pods may be away (`kubernetes/pkg/registry/policy/poddisruptionbudget/strategy.go`).
pub struct DisruptionBudgets;

impl Strategy for DisruptionBudgets {
    fn prepare_for_create(&self, _: &Context<'_>, budget: &mut Value) {
        first_generation(budget);
    }

    fn prepare_for_update(&self, context: &Context<'_>, budget: &mut Value, old: &Value) {
        WithStatus.prepare_for_update(context, budget, old);
        count_generation(budget, old);
    }
}

/// Classes of priority (`kubernetes/pkg/registry/scheduling/priorityclass/strategy.go`).
pub struct PriorityClasses;

impl Strategy for PriorityClasses {
    fn set_defaults(&self, _: &Context<'_>, class: &mut Value) {
        if let Some(class) = class.as_object_mut() {
            default(class, "preemptionPolicy", "PreemptLowerPriority");
        }
    }

    fn prepare_for_create(&self, _: &Context<'_>, class: &mut Value) {
        first_generation(class);
    }
}

pub(super) fn first_generation(new: &mut Value) {
    if let Some(metadata) = object(new, "metadata") {
        metadata.insert("generation".into(), json!(1));
    }
}

/// Leases: `kubernetes/pkg/registry/coordination/lease/strategy.go`.
pub struct Leases;

impl Strategy for Leases {
    fn validate(&self, _: &Context<'_>, lease: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (key, least, detail) in [
            ("leaseDurationSeconds", 1, "must be greater than 0"),
            ("leaseTransitions", 0, "must be greater than or equal to 0"),
        ] {
            if let Some(number) = lease["spec"][key].as_i64().filter(|n| *n < least) {
                errors.push(FieldError::invalid(format!("spec.{key}"), number, detail));
            }
        }
        errors
    }

    fn validate_update(&self, context: &Context<'_>, lease: &Value, _: &Value) -> Vec<FieldError> {
        self.validate(context, lease)
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}

/// Certificate requests: `kubernetes/pkg/registry/certificates/certificates/strategy.go`.
pub struct CertificateRequests;

/// What certificates are for, as the real server lists it.
const USAGES: &[&str] = &[
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

fn decoded(request: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(request).unwrap_or_default()
}

fn is_request(request: &str) -> bool {
    String::from_utf8_lossy(&decoded(request)).contains("-----BEGIN CERTIFICATE REQUEST-----")
}

/// Bytes as Go prints them with `%#v`.
fn go_bytes(request: &str) -> String {
    let bytes: Vec<String> = decoded(request).iter().map(|byte| format!("{byte:#x}")).collect();
    format!("[]byte{{{}}}", bytes.join(", "))
}

impl Strategy for CertificateRequests {
    fn prepare_for_create(&self, context: &Context<'_>, request: &mut Value) {
        let user = context.user;
        if let Some(spec) = object(request, "spec") {
            for key in ["username", "uid", "groups", "extra"] {
                spec.remove(key);
            }
            spec.insert("username".into(), json!(user.name));
            if !user.uid.is_empty() {
                spec.insert("uid".into(), json!(user.uid));
            }
            if !user.groups.is_empty() {
                spec.insert("groups".into(), json!(user.groups));
            }
            if !user.extra.is_empty() {
                spec.insert("extra".into(), json!(user.extra));
            }
        }
        request["status"] = json!({});
    }

    fn validate(&self, _: &Context<'_>, request: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let spec = &request["spec"];
        if !is_request(text(spec, "request")) {
            let given = text(spec, "request");
            let go = if given.is_empty() { "[]byte(nil)".into() } else { go_bytes(given) };
            let json = if given.is_empty() { "null".into() } else { format!("{given:?}") };
            let why = "PEM block type must be CERTIFICATE REQUEST";
            errors.push(FieldError::invalid_shown("spec.request", &go, &json, why));
        }
        let usages: Vec<&str> = list(&spec["usages"]).filter_map(Value::as_str).collect();
        if usages.is_empty() {
            errors.push(FieldError::required("spec.usages", ""));
        }
        for (i, usage) in usages.iter().enumerate().filter(|(_, usage)| !USAGES.contains(usage)) {
            errors.push(FieldError::not_supported(format!("spec.usages[{i}]"), usage, USAGES));
        }
        let mut seen = std::collections::HashSet::new();
        for (i, usage) in usages.iter().enumerate().filter(|(_, usage)| !seen.insert(**usage)) {
            let path = format!("spec.usages[{i}]");
            errors.push(FieldError::new(FieldErrorType::Duplicate, path, json!(usage), ""));
        }
        let signer = text(spec, "signerName");
        if signer.is_empty() {
            errors.push(FieldError::required("spec.signerName", ""));
        } else if signer == "kubernetes.io/legacy-unknown" {
            let detail = "the legacy signerName is not allowed via this API version";
            errors.push(FieldError::invalid("spec.signerName", signer, detail));
        } else {
            signer_name(signer, &mut errors);
        }
        if let Some(seconds) = spec["expirationSeconds"].as_i64().filter(|seconds| *seconds < 600) {
            let why = "may not specify a duration less than 600 seconds (10 minutes)";
            errors.push(FieldError::invalid("spec.expirationSeconds", seconds, why));
        }
        errors
    }

    fn prepare_for_update(&self, context: &Context<'_>, request: &mut Value, old: &Value) {
        keep(request, old, "spec");
        match context.subresource {
            "approval" => {
                let conditions = request["status"]["conditions"].clone();
                keep(request, old, "status");
                if let Some(status) = object(request, "status")
                    && conditions.is_array()
                {
                    status.insert("conditions".into(), conditions);
                }
            }
            "status" => {}
            _ => keep(request, old, "status"),
        }
        let now = json!(crate::apiserver::registry::typed::time_text(context.clock.now()));
        let conditions = request.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
            default(condition, "lastUpdateTime", now.clone());
            default(condition, "lastTransitionTime", now.clone());
        }
    }

    fn validate_update(&self, context: &Context<'_>, request: &Value, _: &Value) -> Vec<FieldError> {
        if context.subresource.is_empty() { Vec::new() } else { condition_errors(request) }
    }

    fn selectable_fields(&self, request: &Value) -> Vec<(&'static str, String)> {
        vec![("spec.signerName", text(&request["spec"], "signerName").to_owned())]
    }
}

/// `ValidateSignerName`
fn signer_name(signer: &str, errors: &mut Vec<FieldError>) {
    let field = "spec.signerName";
    let segments: Vec<&str> = signer.split('/').collect();
    let [domain, path] = segments.as_slice() else {
        let detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        errors.push(FieldError::invalid(field, signer, detail));
        return;
    };
    // The first label that is wrong is told, no other.
    let wrong = |segment: &str, rule: fn(&str) -> Vec<String>| -> Vec<FieldError> {
        let found = segment.split('.').map(|label| (label, rule(label))).find(|(_, wrong)| !wrong.is_empty());
        let (label, wrong) = found.unwrap_or_default();
        let told =
            |why: String| FieldError::invalid(field, segment, format!("validating label {label:?}: {why}"));
        wrong.into_iter().map(told).collect()
    };
    errors.extend(wrong(domain, names::label));
    if !domain.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(field, *domain, detail));
    }
    errors.extend(wrong(path, names::subdomain));
}

/// `validateConditions`
fn condition_errors(request: &Value) -> Vec<FieldError> {
    let path = "status.conditions";
    let (mut errors, mut seen) = (Vec::new(), std::collections::HashSet::new());
    for (i, condition) in list(&request["status"]["conditions"]).enumerate() {
        let (kind, status) = (text(condition, "type"), text(condition, "status"));
        if kind.is_empty() {
            errors.push(FieldError::required(format!("{path}[{i}].type"), ""));
        }
        let known: &[&str] = match kind {
            "Approved" | "Denied" | "Failed" => &["True"],
            _ => &["False", "True", "Unknown"],
        };
        if status.is_empty() {
            errors.push(FieldError::required(format!("{path}[{i}].status"), ""));
        } else if !known.contains(&status) {
            errors.push(FieldError::not_supported(format!("{path}[{i}].status"), status, known));
        }
        let other = if kind == "Approved" { "Denied" } else { "Approved" };
        if matches!(kind, "Approved" | "Denied") && seen.contains(other) {
            let why = "Approved and Denied conditions are mutually exclusive";
            errors.push(FieldError::invalid(path, kind, why));
        }
        if !seen.insert(kind) {
            let path = format!("{path}[{i}].type");
            errors.push(FieldError::new(FieldErrorType::Duplicate, path, json!(kind), ""));
        }
    }
    errors
}

/// Services: defaults, and an address of their own.
pub struct Services;

impl Strategy for Services {
    fn set_defaults(&self, _: &Context<'_>, service: &mut Value) {
        let Some(spec) = object(service, "spec") else { return };
        default(spec, "sessionAffinity", "None");
        default(spec, "type", "ClusterIP");
        if spec.get("type").and_then(Value::as_str) != Some("ExternalName") {
            default(spec, "internalTrafficPolicy", "Cluster");
        }
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            default(port, "protocol", "TCP");
            let number = port.get("port").cloned().unwrap_or(json!(0));
            if port.get("targetPort").is_none_or(|t| t == 0) {
                port.insert("targetPort".into(), number);
            }
        }
    }

    fn prepare_for_create(&self, context: &Context<'_>, service: &mut Value) {
        service["status"] = json!({"loadBalancer": {}});
        let Some(spec) = object(service, "spec") else { return };
        if spec.get("type").and_then(Value::as_str) == Some("ExternalName") {
            return;
        }
        let [a, b, ..] = *uuid::Uuid::new_v4().as_bytes();
        // Nothing is taken from the range where nothing is kept.
        let address = if context.dry_run {
            "10.96.0.0".to_owned()
        } else {
            format!("10.{}.{}.{}", 96 + (a & 7), b, 2 + (a >> 3))
        };
        default(spec, "clusterIP", address);
        let ip = spec.get("clusterIP").cloned().unwrap_or(Value::Null);
        default(spec, "clusterIPs", json!([ip]));
        default(spec, "ipFamilies", json!(["IPv4"]));
        default(spec, "ipFamilyPolicy", "SingleStack");
    }

    fn prepare_for_update(&self, context: &Context<'_>, service: &mut Value, old: &Value) {
        if context.subresource == "status" {
            keep(service, old, "spec");
            return;
        }
        keep(service, old, "status");
        if let Some(spec) = object(service, "spec") {
            for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if let Some(value) = old["spec"].get(key) {
                    default(spec, key, value.clone());
                }
            }
        }
    }

    fn validate(&self, context: &Context<'_>, service: &Value) -> Vec<FieldError> {
        let (spec, path) = (&service["spec"], "spec.LoadBalancerSourceRanges");
        let ranges: Vec<&str> = list(&spec["loadBalancerSourceRanges"]).filter_map(Value::as_str).collect();
        if !context.release.gates.strict_addresses || ranges.is_empty() {
            return Vec::new();
        }
        if text(spec, "type") != "LoadBalancer" {
            return vec![FieldError::forbidden(path, "may only be used when `type` is 'LoadBalancer'")];
        }
        let wrong = |(i, range): (usize, &&str)| {
            let range = range.trim();
            Some(FieldError::invalid(format!("{path}[{i}]"), range, cidr::validate(range, true)?))
        };
        ranges.iter().enumerate().filter_map(wrong).collect()
    }

    fn selectable_fields(&self, service: &Value) -> Vec<(&'static str, String)> {
        let spec = &service["spec"];
        vec![
            ("spec.clusterIP", text(spec, "clusterIP").to_owned()),
            ("spec.type", text(spec, "type").to_owned()),
        ]
    }
}
