//! What is behind Services: Endpoints and EndpointSlices.
//!
//! Upstream: `kubernetes/pkg/apis/{core,discovery}/v1/defaults.go`, `pkg/registry/{core/endpoint,discovery/endpointslice}/strategy.go`.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::other::first_generation;
use super::{default, list};
use crate::apiserver::registry::{Context, FieldError, Strategy};

/// Addresses and ports in subsets; PUT may create them.
pub struct Endpoints;

impl Strategy for Endpoints {
    fn set_defaults(&self, _: &Context<'_>, endpoints: &mut Value) {
        let subsets = endpoints.get_mut("subsets").and_then(Value::as_array_mut);
        for subset in subsets.into_iter().flatten() {
            each_port(subset, &[("protocol", "TCP")]);
        }
    }

    fn allow_create_on_update(&self) -> bool {
        true
    }
}

/// Endpoints of one kind of address and one set of ports.
pub struct EndpointSlices;

impl Strategy for EndpointSlices {
    fn set_defaults(&self, _: &Context<'_>, slice: &mut Value) {
        each_port(slice, &[("name", ""), ("protocol", "TCP")]);
    }

    fn prepare_for_create(&self, _: &Context<'_>, slice: &mut Value) {
        first_generation(slice);
    }

    fn validate(&self, context: &Context<'_>, slice: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if slice["addressType"] != "IPv6" || !context.release.gates.strict_addresses {
            return errors;
        }
        for (i, endpoint) in list(&slice["endpoints"]).enumerate() {
            for (j, address) in list(&endpoint["addresses"]).filter_map(Value::as_str).enumerate() {
                let field = format!("endpoints[{i}].addresses[{j}]");
                match address.parse::<IpAddr>() {
                    Ok(read) if read.to_string() != address => {
                        let why = format!("must be in canonical form (\"{read}\")");
                        errors.push(FieldError::invalid(field, address, why));
                    }
                    Ok(_) => {}
                    Err(_) => {
                        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
                        errors.push(FieldError::invalid(field, address, why));
                    }
                }
            }
        }
        errors
    }

    /// Whatever is not metadata counts.
    fn prepare_for_update(&self, _: &Context<'_>, slice: &mut Value, old: &Value) {
        let changed = ["addressType", "endpoints", "ports"].iter().any(|field| slice[*field] != old[*field]);
        let before = old["metadata"]["generation"].as_i64().unwrap_or(0);
        slice["metadata"]["generation"] = json!(before + i64::from(changed));
    }
}

fn each_port(of: &mut Value, defaults: &[(&str, &str)]) {
    let ports = of.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
        for (key, value) in defaults {
            default(port, key, *value);
        }
    }
}
