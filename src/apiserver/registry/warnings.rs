//! What the writers of objects are warned of, in `Warning` headers.
//!
//! Upstream: `WarningsOnCreate` and `WarningsOnUpdate` of each `strategy.go`, `kubernetes/pkg/api/*/{warnings,util}.go`.

mod addresses;
mod paths;
mod pods;
mod services;
mod volumes;

use serde_json::Value;

use super::strategies::{config, list, text};
use super::validation::names;
use super::{Context, ResourceType, quantity};
use crate::release::Release;
use addresses::ip;
pub use pods::profile_of;

/// How many things are said of what meets each with each other; an answer's headers have room for fewer.
const MOST: usize = 4096;

/// What is said of an object that is made (without `old`) or changed, once it is found valid.
pub fn on_write(
    rt: &ResourceType,
    context: &Context<'_>,
    object: &Value,
    old: Option<&Value>,
) -> Vec<String> {
    let release = context.release;
    let newer = release.gates.newer_warnings;
    match (rt.plural, context.subresource) {
        ("pods", "") if old.is_none() => {
            let mut told = surprising_name(object, "the Pod's hostname");
            told.extend(pods::of_pod(release, object));
            told
        }
        ("pods", "status") if newer => pods::addresses(release, object),
        ("deployments" | "replicasets" | "daemonsets", "") => workload(rt, release, object, old),
        ("nodes", "") => node(release, object),
        ("secrets", "") => config::key_pair_warnings(object),
        ("serviceaccounts", "") if newer => mountable_secrets(object, old),
        ("services", "") => services::of_service(release, object),
        ("services", "status") if newer => services::of_status(release, object),
        ("endpoints", "") if newer => services::of_endpoints(release, object),
        ("endpointslices", "") => services::of_slice(release, object, old),
        ("persistentvolumes", "") => volumes::of_volume(object),
        ("persistentvolumeclaims", "") => volumes::of_claim(object),
        ("resourcequotas", "") if newer && old.is_none() => quota(object),
        ("runtimeclasses", "") => deprecated_labels(&object["scheduling"]["nodeSelector"])
            .map(|(_, why)| format!("scheduling.nodeSelector: {why}"))
            .collect(),
        ("storageclasses", "") => storage_class(object),
        ("csidrivers", "") if newer => csi_driver(object, old),
        _ => Vec::new(),
    }
}

/// What is said before deprecated fields give way to those that took their place (`PrepareForCreate`).
pub fn before_create(rt: &ResourceType, object: &Value) -> Vec<String> {
    match rt.plural {
        "pods" => pods::deprecated_profiles(object),
        _ => Vec::new(),
    }
}

/// What is said of a label of nodes that is to go (`GetNodeLabelDeprecatedMessage`).
fn deprecated_label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os" => "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"
        }
        "beta.kubernetes.io/instance-type" => {
            "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => {
            "deprecated since v1.22; use Taints and Tolerations instead"
        }
        "node-role.kubernetes.io/master" => "use \"node-role.kubernetes.io/control-plane\" instead",
        _ => return None,
    })
}

/// The keys of a map that are such labels, and what is said of them.
fn deprecated_labels(map: &Value) -> impl Iterator<Item = (&String, &'static str)> {
    let keys = map.as_object().into_iter().flatten();
    keys.filter_map(|(key, _)| Some((key, deprecated_label(key)?)))
}

/// `GetWarningsForNodeSelectorTerm`; values are looked at where validation does not.
fn selector_term(term: &Value, values_too: bool, path: &str, told: &mut Vec<String>) {
    for (i, expression) in list(&term["matchExpressions"]).enumerate() {
        let key = text(expression, "key");
        if let Some(why) = deprecated_label(key) {
            told.push(format!("{path}.matchExpressions[{i}].key: {key} is {why}"));
        }
        for (j, value) in list(&expression["values"]).filter_map(Value::as_str).enumerate() {
            let wrong = if values_too { names::label_value(value) } else { Vec::new() };
            told.extend(
                wrong.iter().map(|why| {
                    format!("{path}.matchExpressions[{i}].values[{j}]: {value} is invalid, {why}")
                }),
            );
        }
    }
}

/// A quantity that is no whole number, though it counts bytes.
fn fractional(resources: &Value, resource: &str, path: &str, told: &mut Vec<String>) {
    let value = text(resources, resource);
    if quantity::nanos(value) % 1_000_000_000 != 0 {
        told.push(format!(
            "{path}[{resource}]: fractional byte value {value:?} is invalid, must be an integer"
        ));
    }
}

/// A name with dots, which becomes a host's.
fn surprising_name(object: &Value, used: &str) -> Vec<String> {
    let wrong = names::label(text(&object["metadata"], "name"));
    if wrong.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "metadata.name: this is used in {used}, which can result in surprising behavior; a DNS label is recommended: [{}]",
        wrong.join(" ")
    )]
}

/// Kinds with a template of pods.
fn workload(rt: &ResourceType, release: &Release, object: &Value, old: Option<&Value>) -> Vec<String> {
    let mut told = match old {
        None if rt.plural != "daemonsets" => surprising_name(object, "Pod names and hostnames"),
        _ => Vec::new(),
    };
    // A daemon set counts the changes of its template by themselves.
    let changed = |part: fn(&Value) -> &Value| old.is_none_or(|old| part(old) != part(object));
    let counts = match rt.plural {
        "daemonsets" => changed(|set| &set["spec"]["template"]),
        _ => changed(|set| &set["spec"]),
    };
    if counts {
        told.extend(pods::of_template(release, &object["spec"]["template"], "spec.template."));
    }
    told
}

fn node(release: &Release, object: &Value) -> Vec<String> {
    let (spec, mut told) = (&object["spec"], Vec::new());
    if !spec["configSource"].is_null() {
        told.push("spec.configSource: the feature is removed".to_owned());
    }
    if !text(spec, "externalID").is_empty() {
        told.push("spec.externalID: this field is deprecated, and is unused by Kubernetes".to_owned());
    }
    if release.gates.newer_warnings {
        for (i, range) in list(&spec["podCIDRs"]).filter_map(Value::as_str).enumerate() {
            told.extend(addresses::range(release, &format!("spec.podCIDRs[{i}]"), range));
        }
    }
    told
}

fn mountable_secrets(account: &Value, old: Option<&Value>) -> Vec<String> {
    const KEY: &str = "kubernetes.io/enforce-mountable-secrets";
    let has = |account: &Value| account["metadata"]["annotations"].get(KEY).is_some();
    if old.is_some_and(has) || !has(account) {
        return Vec::new();
    }
    let why = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets";
    vec![format!("metadata.annotations[{KEY}]: {why}")]
}

/// Quotas that let more be asked for than be used.
fn quota(object: &Value) -> Vec<String> {
    let hard = &object["spec"]["hard"];
    let mut told = Vec::new();
    for resource in ["cpu", "memory", "storage", "ephemeral-storage"] {
        let bare = matches!(resource, "cpu" | "memory").then(|| resource.to_owned());
        let asked = [Some(format!("requests.{resource}")), bare].into_iter().flatten();
        let Some((name, asked)) = asked.filter_map(|name| Some((name.clone(), hard[&name].as_str()?))).next()
        else {
            continue;
        };
        let limit = format!("limits.{resource}");
        if let Some(most) = hard[&limit].as_str()
            && quantity::nanos(asked) > quantity::nanos(most)
        {
            told.push(format!("ResourceQuota {name} ({asked}) should be less than {limit} ({most})"));
        }
    }
    told
}

fn storage_class(class: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for (i, topology) in list(&class["allowedTopologies"]).enumerate() {
        for (j, expression) in list(&topology["matchLabelExpressions"]).enumerate() {
            if let Some(why) = deprecated_label(text(expression, "key")) {
                told.push(format!("allowedTopologies[{i}].matchLabelExpressions[{j}].key: {why}"));
            }
        }
    }
    told
}

fn csi_driver(driver: &Value, old: Option<&Value>) -> Vec<String> {
    let spec = &driver["spec"];
    let changed = old.is_none_or(|old| old["spec"]["tokenRequests"] != spec["tokenRequests"]);
    let asks = list(&spec["tokenRequests"]).next().is_some();
    if !changed || !asks || !spec["serviceAccountTokenInSecrets"].is_null() {
        return Vec::new();
    }
    vec![
        "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible \
         logging of tokens in volume attributes"
            .to_owned(),
    ]
}
