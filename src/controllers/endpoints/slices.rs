//! EndpointSlices: one for each set of ports.
//!
//! Upstream: `k8s.io/endpointslice/{reconciler,utils}.go`. A slice holds a hundred endpoints there; nodes of a lab never
//! have as many pods.

use serde_json::{Value, json};

use super::backends::{Backend, Port};

/// The label that names a slice's Service.
pub(super) const SERVICE: &str = "kubernetes.io/service-name";
/// The label that names who keeps a slice.
pub(super) const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Who keeps those of Services.
pub(super) const CONTROLLER: &str = "endpointslice-controller.k8s.io";

/// A Service's slices without their metadata.
pub(super) fn of(service: &Value, backends: &[Backend<'_>]) -> Vec<Value> {
    let mut groups: Vec<(&[Port<'_>], Vec<Value>)> = Vec::new();
    for backend in backends {
        let endpoint = endpoint(service, backend);
        match groups.iter_mut().find(|(ports, _)| *ports == backend.ports) {
            Some((_, group)) => group.push(endpoint),
            None => groups.push((&backend.ports, vec![endpoint])),
        }
    }
    if groups.is_empty() {
        groups.push((&[], Vec::new()));
    }
    let slice = |(ports, endpoints): (&[Port<'_>], Vec<Value>)| {
        json!({"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "endpoints": if endpoints.is_empty() { Value::Null } else { json!(endpoints) },
            "ports": if ports.is_empty() { Value::Null } else { ports.iter().map(port).collect() }})
    };
    groups.into_iter().map(slice).collect()
}

fn endpoint(service: &Value, backend: &Backend<'_>) -> Value {
    let (serving, terminating) = (backend.serves(), backend.ends());
    let ready = backend.always || serving && !terminating;
    let mut out = json!({"addresses": [backend.ip],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": backend.target()});
    if let Some(name) = backend.hostname(service) {
        out["hostname"] = name.clone();
    }
    if backend.node().is_string() {
        out["nodeName"] = backend.node().clone();
    }
    out
}

/// A port of a slice has a name, if an empty one.
fn port(port: &Port<'_>) -> Value {
    let mut out = port.unnamed();
    out["name"] = json!(port.name);
    out
}
