//! `ResourceQuota`: how much a namespace may use in all.
//!
//! Usage is counted from the store at each request, where upstream keeps it in the quota's status, which stays empty
//! here; two requests at the same moment may therefore both be let pass where only one fits. Upstream: `k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`,
//! `pkg/quota/v1/evaluator/core`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::quantity::{self, Quantity, ResourceList, resource_list};
use super::{Attributes, Environment, Operation, Plugin};
use crate::apiserver::authorization::node::references::items;
use crate::apiserver::status::Status;
use crate::apiserver::storage::Store;

/// Resources of a pod that each container must name where a quota limits them.
const EXPLICIT: [&str; 6] =
    ["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// The plugin.
pub(super) struct ResourceQuota;

impl Plugin for ResourceQuota {
    fn name(&self) -> &'static str {
        "ResourceQuota"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    fn validate(&self, attributes: &Attributes<'_>, environment: &Environment) -> Result<(), Status> {
        let kind = (attributes.resource.group, attributes.resource.plural);
        let grows = ["persistentvolumeclaims", "services"].contains(&kind.1);
        let counted = attributes.operation == Operation::Create || (grows && kind.0.is_empty());
        if !counted || attributes.namespace.is_empty() || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let (_, quotas) = environment.store.list("", "resourcequotas", attributes.namespace);
        let object = attributes.new_object();
        let mut asked = usage(kind, object);
        if let Some(old) = attributes.old_object {
            for (name, before) in usage(kind, old) {
                let now = asked.get(&name).copied().unwrap_or_default();
                asked.insert(name, (now - before).max(Quantity::default()));
            }
        }
        for quota in quotas.iter().filter(|quota| matches_scopes(quota, kind, object)) {
            check(attributes, environment, quota, kind, &asked)?;
        }
        Ok(())
    }
}

fn check(
    attributes: &Attributes<'_>,
    environment: &Environment,
    quota: &Value,
    kind: (&str, &str),
    asked: &ResourceList,
) -> Result<(), Status> {
    let name = quota["metadata"]["name"].as_str().unwrap_or_default();
    let hard = resource_list(&quota["spec"]["hard"]);
    if kind == ("", "pods") {
        let missing = unspecified(attributes.new_object(), &hard);
        if !missing.is_empty() {
            return Err(attributes.forbid(format!("failed quota: {name}: must specify {missing}")));
        }
    }
    let asked: ResourceList = asked
        .iter()
        .filter(|(name, amount)| hard.contains_key(*name) && !amount.is_zero())
        .map(|(name, amount)| (name.clone(), *amount))
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let used = used(&environment.store, quota);
    let exceeded = |name: &&String| {
        let before = used.get(*name).copied().unwrap_or_default();
        before + asked[*name] > hard[*name]
    };
    let exceeded: Vec<&String> = asked.keys().filter(exceeded).collect();
    if exceeded.is_empty() {
        return Ok(());
    }
    let show = |list: &ResourceList| {
        let amount = |name: &&String| format!("{name}={}", list.get(*name).copied().unwrap_or_default());
        exceeded.iter().map(amount).collect::<Vec<_>>().join(",")
    };
    Err(attributes.forbid(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        show(&asked),
        show(&used),
        show(&hard)
    )))
}

/// What the namespace of a quota uses of what it limits.
fn used(store: &Store, quota: &Value) -> ResourceList {
    let namespace = quota["metadata"]["namespace"].as_str().unwrap_or_default();
    let hard = resource_list(&quota["spec"]["hard"]);
    let mut total: ResourceList = hard.keys().map(|name| (name.clone(), Quantity::default())).collect();
    for (group, resource) in counted_kinds(&hard) {
        let kind = (group.as_str(), resource.as_str());
        let (_, objects) = store.list(&group, &resource, namespace);
        for object in objects.iter().filter(|object| matches_scopes(quota, kind, object)) {
            let mut own = usage(kind, object);
            own.retain(|name, _| hard.contains_key(name));
            quantity::add(&mut total, &own);
        }
    }
    total
}

/// The resources whose objects a quota counts, by the names in `hard`.
fn counted_kinds(hard: &ResourceList) -> Vec<(String, String)> {
    let mut kinds = Vec::new();
    for name in hard.keys() {
        let (resource, group) = match name.strip_prefix("count/") {
            Some(counted) => counted.split_once('.').unwrap_or((counted, "")),
            None if name.starts_with("services") => ("services", ""),
            None if name == "requests.storage" || name.contains("storageclass.storage.k8s.io/") => {
                ("persistentvolumeclaims", "")
            }
            None if NAMED.contains(&name.as_str()) => (name.as_str(), ""),
            None => ("pods", ""),
        };
        let kind = (group.to_owned(), resource.to_owned());
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// Kinds that are counted under their own name too.
const NAMED: [&str; 7] = [
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
];

/// What one object uses.
fn usage(kind: (&str, &str), object: &Value) -> ResourceList {
    let one = || Quantity::whole(1);
    let (group, resource) = kind;
    let name = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let mut list = ResourceList::from([(format!("count/{name}"), one())]);
    if group.is_empty() && NAMED.contains(&resource) && resource != "pods" {
        list.insert(resource.to_owned(), one());
    }
    match kind {
        ("", "pods") if !is_over(object) => list.extend(of_pod(object)),
        ("", "services") => list.extend(of_service(object)),
        ("", "persistentvolumeclaims") => list.extend(of_claim(object)),
        _ => {}
    }
    list
}

fn is_over(pod: &Value) -> bool {
    ["Succeeded", "Failed"].into_iter().any(|phase| pod["status"]["phase"] == phase)
}

fn of_pod(pod: &Value) -> ResourceList {
    let mut list = compute(&quantity::of_pod(pod, "requests"), &quantity::of_pod(pod, "limits"));
    list.insert("pods".into(), Quantity::whole(1));
    list
}

/// Requests and limits under the names that quotas have for them.
fn compute(requests: &ResourceList, limits: &ResourceList) -> ResourceList {
    let mut list = ResourceList::new();
    for (name, amount) in requests {
        if ["cpu", "memory", "ephemeral-storage"].contains(&name.as_str()) || name.starts_with("hugepages-") {
            list.insert(name.clone(), *amount);
        }
        list.insert(format!("requests.{name}"), *amount);
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(amount) = limits.get(name) {
            list.insert(format!("limits.{name}"), *amount);
        }
    }
    list
}

fn of_service(service: &Value) -> ResourceList {
    let spec = &service["spec"];
    let ports = i128::try_from(items(&spec["ports"]).count()).unwrap_or_default();
    let mut list = ResourceList::new();
    if spec["type"] == "LoadBalancer" {
        list.insert("services.loadbalancers".into(), Quantity::whole(1));
    }
    if spec["type"] == "NodePort"
        || (spec["type"] == "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] != false)
    {
        list.insert("services.nodeports".into(), Quantity::whole(ports));
    }
    list
}

fn of_claim(claim: &Value) -> ResourceList {
    let mut list = ResourceList::new();
    let storage = Quantity::of(&claim["spec"]["resources"]["requests"]["storage"]);
    let class = claim["spec"]["storageClassName"].as_str().filter(|class| !class.is_empty());
    if let Some(class) = class {
        list.insert(
            format!("{class}.storageclass.storage.k8s.io/persistentvolumeclaims"),
            Quantity::whole(1),
        );
    }
    if let Some(storage) = storage {
        list.insert("requests.storage".into(), storage);
        if let Some(class) = class {
            list.insert(format!("{class}.storageclass.storage.k8s.io/requests.storage"), storage);
        }
    }
    list
}

/// What the containers of a pod leave out although a quota limits it: `cpu for: a,b; memory for: a`.
fn unspecified(pod: &Value, hard: &ResourceList) -> String {
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in ["containers", "initContainers"] {
        for container in items(&pod["spec"][kind]) {
            let list = |which: &str| resource_list(&container["resources"][which]);
            let has = compute(&list("requests"), &list("limits"));
            for name in
                EXPLICIT.into_iter().filter(|name| hard.contains_key(*name) && !has.contains_key(*name))
            {
                missing.entry(name).or_default().push(container["name"].as_str().unwrap_or_default());
            }
        }
    }
    let shown = missing.into_iter().map(|(name, mut containers)| {
        containers.sort_unstable();
        containers.dedup();
        format!("{name} for: {}", containers.join(","))
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// Whether a quota is about an object: all its scopes hold. Only pods have scopes.
fn matches_scopes(quota: &Value, kind: (&str, &str), object: &Value) -> bool {
    let spec = &quota["spec"];
    let plain = items(&spec["scopes"]).map(|scope| json!({"scopeName": scope, "operator": "Exists"}));
    let selected = items(&spec["scopeSelector"]["matchExpressions"]).cloned();
    let mut scopes = plain.chain(selected).peekable();
    if scopes.peek().is_none() {
        return true;
    }
    kind == ("", "pods") && scopes.all(|scope| in_scope(&scope, object))
}

fn in_scope(scope: &Value, pod: &Value) -> bool {
    let terminating = pod["spec"]["activeDeadlineSeconds"].as_i64().is_some_and(|seconds| seconds >= 0);
    let best_effort = ["requests", "limits"].into_iter().all(|kind| quantity::of_pod(pod, kind).is_empty());
    match scope["scopeName"].as_str() {
        Some("Terminating") => terminating,
        Some("NotTerminating") => !terminating,
        Some("BestEffort") => best_effort,
        Some("NotBestEffort") => !best_effort,
        Some("PriorityClass") => {
            let class = &pod["spec"]["priorityClassName"];
            let given = class.as_str().is_some_and(|class| !class.is_empty());
            let listed = items(&scope["values"]).any(|value| value == class);
            match scope["operator"].as_str() {
                Some("In") => listed,
                Some("NotIn") => !listed,
                Some("DoesNotExist") => !given,
                _ => given,
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
