//! Addresses and ranges that are not written as they should be.
//!
//! Upstream: `GetWarningsForIP` and `GetWarningsForCIDR` in `k8s.io/apimachinery/pkg/util/validation/ip.go`; of the oldest
//! release in `kubernetes/pkg/api/service/warnings.go`.

use std::net::{IpAddr, Ipv4Addr};

use super::super::validation::cidr;
use crate::release::Release;

const LATER: &str = "was accepted, but will be invalid in a future Kubernetes release";
const LEADING_ZERO: &str = "IPv4 field has octet with leading zero";

/// What is said of an address.
pub(super) fn ip(release: &Release, field: &str, text: &str) -> Option<String> {
    let strict = text.parse::<IpAddr>().ok();
    let address = strict.or_else(|| sloppy(text).map(IpAddr::V4))?;
    let newer = release.gates.newer_warnings;
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) if newer => {
                Some(format!("{field}: non-standard IP address {text:?} is invalid: use \"{v4}\""))
            }
            _ if v6.to_string() == text => None,
            _ if newer => Some(format!(
                "{field}: IPv6 address {text:?} should be in RFC 5952 canonical format (\"{v6}\")"
            )),
            _ => Some(format!(
                "{field}: IPv6 address {text:?} is not in RFC 5952 canonical format (\"{v6}\"), which may cause \
                 controller apply-loops"
            )),
        },
        IpAddr::V4(_) if strict.is_some() => None,
        IpAddr::V4(v4) if newer => {
            Some(format!("{field}: non-standard IP address {text:?} is invalid: use \"{v4}\""))
        }
        IpAddr::V4(_) => Some(format!("{field}: IP address {LATER}: ParseAddr({text:?}): {LEADING_ZERO}")),
    }
}

/// An address of IPv4 whose numbers may have leading zeros.
fn sloppy(text: &str) -> Option<Ipv4Addr> {
    let octet = |part: &str| part.parse::<u8>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
    let octets: Option<Vec<u8>> = text.split('.').map(octet).collect();
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets?).ok()?))
}

/// What is said of a range.
pub(super) fn range(release: &Release, field: &str, text: &str) -> Vec<String> {
    let Some(range) = cidr::parse(text) else { return Vec::new() };
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    if !release.gates.newer_warnings {
        let wrong = if address.contains(':') || address.parse::<Ipv4Addr>().is_ok() {
            range.leads_with_zero().then(|| format!("bad bits after slash: {length:?}"))
        } else {
            Some(format!("ParseAddr({address:?}): {LEADING_ZERO}"))
        };
        let canonical = range.canonical();
        return match wrong {
            Some(why) => vec![format!("{field}: IP prefix {LATER}: netip.ParsePrefix({text:?}): {why}")],
            None if address.contains(':') && canonical != text => vec![format!(
                "{field}: IPv6 prefix {text:?} is not in RFC 5952 canonical format ({canonical:?}), which may cause \
                 controller apply-loops"
            )],
            None => Vec::new(),
        };
    }
    let mut told = Vec::new();
    let (network, single) = (range.network(), range.single());
    if range.has_host() {
        told.push(format!(
            "{field}: CIDR value {text:?} is ambiguous in this context (should be {network:?} or {single:?}?)"
        ));
    }
    if range.leads_with_zero() || range.is_mapped() {
        told.push(format!("{field}: non-standard CIDR value {text:?} is invalid: use {network:?}"));
    }
    let canonical = range.canonical();
    if told.is_empty() && address.contains(':') && canonical != text {
        told.push(format!(
            "{field}: IPv6 CIDR value {text:?} should be in RFC 5952 canonical format ({canonical:?})"
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::RELEASES;

    #[test]
    fn what_is_not_canonical_is_told() {
        let said = |release: usize, text: &str| ip(&RELEASES[release], "f", text).unwrap_or_default();
        assert_eq!(said(0, "10.0.0.1"), "");
        assert_eq!(
            said(0, "010.0.0.1"),
            "f: IP address was accepted, but will be invalid in a future Kubernetes release: ParseAddr(\"010.0.0.1\"): \
             IPv4 field has octet with leading zero"
        );
        assert_eq!(
            said(1, "010.0.0.1"),
            "f: non-standard IP address \"010.0.0.1\" is invalid: use \"10.0.0.1\""
        );
        assert_eq!(
            said(1, "FD00::1"),
            "f: IPv6 address \"FD00::1\" should be in RFC 5952 canonical format (\"fd00::1\")"
        );
        assert_eq!(
            range(&RELEASES[1], "f", "10.0.0.1/8"),
            [
                "f: CIDR value \"10.0.0.1/8\" is ambiguous in this context (should be \"10.0.0.0/8\" or \"10.0.0.1/32\"?)"
            ]
        );
        assert!(range(&RELEASES[0], "f", "10.0.0.1/8").is_empty());
    }
}
