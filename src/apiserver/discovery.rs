//! What the server serves: /api, /apis, and the aggregated form.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/discovery`, KEP-3352 (aggregated discovery).

use base64::Engine;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256, Sha512};

use super::registry::{self, ResourceType};
use crate::release::Release;

/// Groups in the order in which upstream lists them; others follow by name.
const ORDER: &[&str] = &[
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "flowcontrol.apiserver.k8s.io",
];

fn resources(release: &'static Release) -> impl Iterator<Item = &'static ResourceType> {
    registry::all(release).iter()
}

/// The groups, the core group excepted, with their versions.
fn groups(release: &'static Release) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for rt in resources(release).filter(|rt| !rt.group.is_empty()) {
        match groups.iter_mut().find(|(group, _)| *group == rt.group) {
            Some((_, versions)) if versions.contains(&rt.version) => {}
            Some((_, versions)) => versions.push(rt.version),
            None => groups.push((rt.group, vec![rt.version])),
        }
    }
    let place = |group: &str| ORDER.iter().position(|known| *known == group).unwrap_or(ORDER.len());
    groups.sort_by_key(|(group, _)| (place(group), *group));
    groups
}

/// Whether a version of a group is served.
pub fn has_version(release: &'static Release, group: &str, version: &str) -> bool {
    resources(release).any(|rt| rt.group == group && rt.version == version)
}

/// `/api`
pub fn core_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// `/apis`
pub fn group_list(release: &'static Release) -> Value {
    let all: Vec<Value> =
        groups(release).iter().map(|(group, versions)| group_entry(group, versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": all})
}

/// `/apis/GROUP`
pub fn group(release: &'static Release, name: &str) -> Option<Value> {
    let (group, versions) = groups(release).into_iter().find(|(group, _)| *group == name)?;
    let mut entry = group_entry(group, &versions);
    entry["kind"] = json!("APIGroup");
    entry["apiVersion"] = json!("v1");
    Some(entry)
}

fn group_entry(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let all: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": group, "versions": all, "preferredVersion": all.first()})
}

/// `/api/v1`, `/apis/GROUP/VERSION`
pub fn resource_list(release: &'static Release, group: &str, version: &str) -> Option<Value> {
    let mut list = Vec::new();
    for rt in resources(release).filter(|rt| rt.group == group && rt.version == version) {
        list.push(resource_entry(rt));
        for sub in &rt.subresources {
            let mut entry = json!({
                "name": format!("{}/{}", rt.plural, sub.name),
                "singularName": "",
                "namespaced": rt.namespaced,
                "kind": sub.kind,
                "verbs": sub.verbs,
            });
            if !sub.group.is_empty() {
                entry["group"] = json!(sub.group);
                entry["version"] = json!(sub.version);
            }
            list.push(entry);
        }
    }
    if list.is_empty() {
        return None;
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut out = json!({"kind": "APIResourceList", "groupVersion": group_version, "resources": list});
    if !group.is_empty() {
        out["apiVersion"] = json!("v1");
    }
    Some(out)
}

fn resource_entry(rt: &ResourceType) -> Value {
    let mut entry = json!({
        "name": rt.plural,
        "singularName": rt.singular,
        "namespaced": rt.namespaced,
        "kind": rt.kind,
        "verbs": rt.verbs,
    });
    add_names(&mut entry, rt);
    // What can be watched is stored.
    if rt.verbs.contains(&"watch") {
        entry["storageVersionHash"] = json!(storage_version_hash(rt));
    }
    entry
}

/// A hash of the version that objects are stored in (`discovery.StorageVersionHash`).
fn storage_version_hash(rt: &ResourceType) -> String {
    let (group, version) = if rt.kind == "Event" { ("", "v1") } else { (rt.group, rt.version) };
    let hash = Sha256::digest(format!("{group}/{version}/{}", rt.kind));
    base64::engine::general_purpose::STANDARD.encode(&hash[..8])
}

fn add_names(entry: &mut Value, rt: &ResourceType) {
    if !rt.short_names.is_empty() {
        entry["shortNames"] = json!(rt.short_names);
    }
    if !rt.categories.is_empty() {
        entry["categories"] = json!(rt.categories);
    }
}

/// The aggregated form of `/api` (`core`) or `/apis`, in a version of `apidiscovery.k8s.io`.
pub fn aggregated(release: &'static Release, core: bool, version: &str) -> Value {
    let all = if core { vec![("", vec!["v1"])] } else { groups(release) };
    let items: Vec<Value> = all
        .iter()
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let of = resources(release).filter(|rt| rt.group == *group && rt.version == *version);
                    let all: Vec<Value> = of.map(aggregated_entry).collect();
                    json!({"version": version, "resources": all, "freshness": "Current"})
                })
                .collect();
            let mut metadata = Map::new();
            if !group.is_empty() {
                metadata.insert("name".into(), json!(group));
            }
            if release.gates.shows_unset_times {
                metadata.insert("creationTimestamp".into(), Value::Null);
            }
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

fn aggregated_entry(rt: &'static ResourceType) -> Value {
    // Of its own group and version nothing is said (`APIResource`: empty implies those of the list).
    let kind =
        |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut entry = json!({
        "resource": rt.plural,
        "responseKind": kind("", "", rt.kind),
        "scope": if rt.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": rt.singular,
        "verbs": rt.verbs,
    });
    add_names(&mut entry, rt);
    if !rt.subresources.is_empty() {
        let all: Vec<Value> = rt
            .subresources
            .iter()
            .map(|sub| {
                let version = if sub.group.is_empty() { "" } else { sub.version };
                json!({"subresource": sub.name, "responseKind": kind(sub.group, version, sub.kind), "verbs": sub.verbs})
            })
            .collect();
        entry["subresources"] = json!(all);
    }
    entry
}

/// The ETag of an answer.
pub fn etag(bytes: &[u8]) -> String {
    let hash: String = Sha512::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect();
    format!("\"{hash}\"")
}
