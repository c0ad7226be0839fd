//! Endpoints: addresses that have the same ports, together.
//!
//! Upstream: `pkg/controller/endpoint/endpoints_controller.go` (`syncService`), `pkg/api/v1/endpoints/util.go`
//! (`RepackSubsets`).

use serde_json::{Value, json};

use super::backends::{Backend, Port};

/// The subsets of a Service's Endpoints. Pods on their way out are in none.
pub(super) fn of(service: &Value, backends: &[Backend<'_>]) -> Vec<Value> {
    let headless = service["spec"]["clusterIP"] == "None";
    let mut groups: Vec<(&[Port<'_>], Vec<&Backend<'_>>)> = Vec::new();
    let portless = service["spec"]["ports"].as_array().is_none_or(Vec::is_empty);
    let counts = |backend: &&Backend<'_>| {
        (backend.always || !backend.ends()) && (!backend.ports.is_empty() || headless && portless)
    };
    for backend in backends.iter().filter(counts) {
        match groups.iter_mut().find(|(ports, _)| *ports == backend.ports) {
            Some((_, group)) => group.push(backend),
            None => groups.push((&backend.ports, vec![backend])),
        }
    }
    groups.iter().map(|(ports, group)| subset(service, ports, group)).collect()
}

fn subset(service: &Value, ports: &[Port<'_>], group: &[&Backend<'_>]) -> Value {
    let mut subset = json!({});
    for (field, usable) in [("addresses", true), ("notReadyAddresses", false)] {
        let these = group.iter().filter(|backend| (backend.always || backend.serves()) == usable);
        let these: Vec<Value> = these.map(|backend| address(service, backend)).collect();
        if !these.is_empty() {
            subset[field] = json!(these);
        }
    }
    if !ports.is_empty() {
        subset["ports"] = ports.iter().map(port).collect();
    }
    subset
}

fn address(service: &Value, backend: &Backend<'_>) -> Value {
    let mut address = json!({"ip": backend.ip, "targetRef": backend.target()});
    if let Some(name) = backend.hostname(service) {
        address["hostname"] = name.clone();
    }
    if backend.node().is_string() {
        address["nodeName"] = backend.node().clone();
    }
    address
}

fn port(port: &Port<'_>) -> Value {
    let mut out = port.unnamed();
    if !port.name.is_empty() {
        out["name"] = json!(port.name);
    }
    out
}
