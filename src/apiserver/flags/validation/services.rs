//! The addresses and ports of services.
//!
//! Upstream: `cmd/kube-apiserver/app/options/{completion,validation}.go`, `pkg/controlplane/apiserver/options`.

use std::net::IpAddr;

use super::{Flags, node_ports};
use crate::release::Release;

/// A network: address, bits of its prefix, bits of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u32,
    bits: u32,
}

/// `netutils.ParseCIDRSloppy`: zeros before a number are overlooked.
fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/')?;
    let sloppy: Vec<String> = address
        .split('.')
        .map(|part| {
            let plain = part.trim_start_matches('0');
            if plain.is_empty() && !part.is_empty() { "0".into() } else { plain.to_owned() }
        })
        .collect();
    let address: IpAddr =
        if address.contains(':') { address.parse().ok()? } else { sloppy.join(".").parse().ok()? };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
    let prefix = prefix.parse().ok().filter(|prefix| digits && *prefix <= bits)?;
    Some(Network { address, prefix, bits })
}

fn ranges(flags: &Flags) -> Vec<&str> {
    flags.text("service-cluster-ip-range").map(|text| text.split(',').collect()).unwrap_or_default()
}

/// What is wrong before anything else is looked at.
pub(super) fn complete(flags: &Flags) -> Result<(), String> {
    let ranges = ranges(flags);
    let Some(first) = ranges.first() else { return Ok(()) };
    let Some(first) = network(first) else {
        return Err("service-cluster-ip-range[0] is not a valid cidr".into());
    };
    if first.bits - first.prefix < 3 {
        return Err(
            "error determining service IP ranges for primary service cidr: the service cluster IP range \
                    must be at least 8 IP addresses"
                .into(),
        );
    }
    match ranges.get(1) {
        Some(second) if network(second).is_none() => {
            Err("service-cluster-ip-range[1] is not an ip net".into())
        }
        _ => Ok(()),
    }
}

pub(super) fn validate(flags: &Flags, release: &Release, errors: &mut Vec<String>) {
    let given = ranges(flags);
    if given.len() > 2 {
        errors.push("--service-cluster-ip-range must not contain more than two entries".into());
    }
    let first = given.first().and_then(|text| network(text));
    let second = given.get(1).and_then(|text| network(text));
    let too_large = |network: Network, flag: &str| {
        (release.flags.service_ranges_are_small && network.bits - network.prefix > 20).then(|| {
            format!(
                "specified {flag} is too large; for {}-bit addresses, the mask must be >= {}",
                network.bits,
                network.bits - 20
            )
        })
    };
    errors.extend(first.and_then(|network| too_large(network, "--service-cluster-ip-range")));
    if let (Some(first), Some(second)) = (first, second) {
        if first.bits == second.bits {
            let why = "--service-cluster-ip-range[0] and --service-cluster-ip-range[1] must be of different IP family";
            errors.push(why.into());
        }
        errors.extend(too_large(second, "--service-cluster-ip-range[1]"));
    }
    let port = flags.int("kubernetes-service-node-port", 0);
    if !(0..=65535).contains(&port) {
        errors.push(format!(
            "--kubernetes-service-node-port {port} must be between 0 and 65535, inclusive. If 0, the Kubernetes \
             master service will be of type ClusterIP"
        ));
    }
    let (low, high) = node_ports(flags);
    if port > 0 && !(low..=high).contains(&port) {
        errors.push(format!("kubernetes service node port range {low}-{high} doesn't contain {port}"));
    }
    let advertised = flags.text("advertise-address").and_then(|text| text.trim().parse::<IpAddr>().ok());
    if let (Some(first), Some(own)) = (first, advertised)
        && flags.text("endpoint-reconciler-type") != Some("none")
        && first.address.is_ipv4() != own.is_ipv4()
    {
        let range = given.first().copied().unwrap_or_default();
        errors.push(format!("service IP family {range:?} must match public address family \"{own}\""));
    }
    let count = flags.int("apiserver-count", 1);
    if count <= 0 {
        errors.push(format!("--apiserver-count should be a positive number, but value '{count}' provided"));
    }
}
