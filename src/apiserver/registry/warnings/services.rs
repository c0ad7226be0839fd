//! Services, and what is behind them.
//!
//! Upstream: `kubernetes/pkg/api/service/warnings.go`, `pkg/registry/{core/endpoint,discovery/endpointslice}/strategy.go`.

use serde_json::Value;

use super::{addresses, ip, list, text};
use crate::release::Release;

const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
const MODE: &str = "service.kubernetes.io/topology-mode";

/// What is said of a service.
pub(super) fn of_service(release: &Release, service: &Value) -> Vec<String> {
    let (spec, mut told) = (&service["spec"], Vec::new());
    let newer = release.gates.newer_warnings;
    if service["metadata"]["annotations"].get(HINTS).is_some() {
        told.push(format!("annotation {HINTS} is deprecated, please use {MODE} instead"));
    }
    let (kind, cluster_ip) = (text(spec, "type"), text(spec, "clusterIP"));
    if !matches!(cluster_ip, "" | "None") {
        told.extend(each(release, &spec["clusterIPs"], "spec.clusterIPs", ""));
    }
    let headless = kind == "ClusterIP" && cluster_ip == "None";
    let externals = list(&spec["externalIPs"]).next().is_some();
    let balancer = text(spec, "loadBalancerIP");
    if headless && newer {
        let sticky = text(spec, "sessionAffinity") != "None";
        let ignored = [
            (!balancer.is_empty(), "loadBalancerIP"),
            (externals, "externalIPs"),
            (sticky, "SessionAffinity"),
        ];
        let ignored = ignored.iter().filter(|(there, _)| *there);
        told.extend(ignored.map(|(_, field)| format!("spec.{field} is ignored for headless services")));
    }
    told.extend(each(release, &spec["externalIPs"], "spec.externalIPs", ""));
    if externals && newer && !headless && kind != "ExternalName" {
        told.push(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters".to_owned(),
        );
    }
    if !balancer.is_empty() {
        told.extend(ip(release, "spec.loadBalancerIP", balancer));
    }
    for (i, range) in list(&spec["loadBalancerSourceRanges"]).filter_map(Value::as_str).enumerate() {
        told.extend(addresses::range(release, &format!("spec.loadBalancerSourceRanges[{i}]"), range));
    }
    if kind == "ExternalName" && externals {
        told.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".to_owned());
    }
    if kind != "ExternalName" && !text(spec, "externalName").is_empty() {
        told.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if newer && text(spec, "trafficDistribution") == "PreferClose" {
        told.push(
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".to_owned(),
        );
    }
    told
}

/// What is said of where a service is reached from outside.
pub(super) fn of_status(release: &Release, service: &Value) -> Vec<String> {
    let ingress = list(&service["status"]["loadBalancer"]["ingress"]).enumerate();
    let told = ingress.filter(|(_, one)| !text(one, "ip").is_empty());
    told.filter_map(|(i, one)| ip(release, &format!("status.loadBalancer.ingress[{i}]"), text(one, "ip")))
        .collect()
}

/// What is said of endpoints that no controller has written.
pub(super) fn of_endpoints(release: &Release, endpoints: &Value) -> Vec<String> {
    const MANAGER: &str = "endpoints.kubernetes.io/managed-by";
    if endpoints["metadata"]["labels"][MANAGER] == "endpoint-controller" {
        return Vec::new();
    }
    let mut told = Vec::new();
    for (i, subset) in list(&endpoints["subsets"]).enumerate() {
        for key in ["addresses", "notReadyAddresses"] {
            for (j, address) in list(&subset[key]).enumerate() {
                told.extend(ip(release, &format!("subsets[{i}].{key}[{j}].ip"), text(address, "ip")));
            }
        }
    }
    told
}

/// What is said of a slice.
pub(super) fn of_slice(release: &Release, slice: &Value, old: Option<&Value>) -> Vec<String> {
    let mut told = Vec::new();
    if old.is_none() && slice["addressType"] == "FQDN" {
        told.push("spec.addressType: FQDN endpoints are deprecated".to_owned());
    }
    let manager = text(&slice["metadata"]["labels"], "endpointslice.kubernetes.io/managed-by");
    let known = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];
    if !release.gates.newer_warnings || known.contains(&manager) {
        return told;
    }
    for (i, endpoint) in list(&slice["endpoints"]).enumerate() {
        told.extend(each(release, &endpoint["addresses"], &format!("endpoints[{i}].addresses"), ""));
    }
    told
}

/// What is said of each of a list of addresses, or of their field.
pub(super) fn each(release: &Release, of: &Value, path: &str, field: &str) -> Vec<String> {
    let mut told = Vec::new();
    for (i, one) in list(of).enumerate() {
        let (address, path) = match field {
            "" => (one.as_str().unwrap_or(""), format!("{path}[{i}]")),
            field => (text(one, field), format!("{path}[{i}].{field}")),
        };
        told.extend(ip(release, &path, address));
    }
    told
}
