//! `--feature-gates`.
//!
//! Upstream: `k8s.io/component-base/{version/registry,featuregate/feature_gate}.go`.

use super::values;
use crate::release::Release;

/// What is wrong with the gates that are given.
pub(super) fn check(gates: &str, release: &Release) -> Result<(), String> {
    let mut given = Vec::new();
    for gate in gates.split(',').map(str::trim).filter(|gate| !gate.is_empty()) {
        let (component, gate) = gate.split_once(':').unwrap_or(("kube", gate));
        if component != "kube" {
            return Err(format!("component not registered: {component}"));
        }
        let Some((name, value)) = gate.split_once('=') else {
            return Err(format!("missing bool value for {gate}"));
        };
        let (name, value) = (name.trim(), value.trim());
        values::boolean(value).map_err(|why| format!("invalid value of {name}={value}, err: {why}"))?;
        given.push((name, values::is_true(value)));
    }
    for (name, value) in given {
        let known =
            release.assets.feature_gates.lines().map(|line| line.split_once(' ').unwrap_or((line, "")));
        match known.into_iter().find(|(gate, _)| *gate == name) {
            None => return Err(format!("unrecognized feature gate: {name}")),
            Some((_, lock)) if !lock.is_empty() && values::is_true(lock) != value => {
                return Err(format!(
                    "cannot set feature gate {name} to {value}, feature is locked to {lock}"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether a gate is on, by what is given and its default.
pub(super) fn is_on(gates: &str, name: &str, default: bool) -> bool {
    let mut pairs = gates.split(',').rev().filter_map(|gate| gate.split_once('='));
    let given = pairs.find(|(gate, _)| gate.trim().trim_start_matches("kube:") == name);
    given.map_or(default, |(_, value)| values::is_true(value.trim()))
}
