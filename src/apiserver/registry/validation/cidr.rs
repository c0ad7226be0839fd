//! Address ranges as the releases read them.
//!
//! Upstream: `k8s.io/utils/net` (`ParseCIDRSloppy`), `k8s.io/apimachinery/pkg/util/validation/ip.go` (`IsValidCIDR`).

use std::net::{Ipv4Addr, Ipv6Addr};

/// An address with the length of its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    /// Whether it is of IPv4.
    pub is_v4: bool,
    bits: u32,
    address: u128,
    /// Whether a number begins with a needless zero.
    zeros: bool,
    /// Whether an IPv4 address is written as one of IPv6.
    mapped: bool,
}

impl Cidr {
    fn width(&self) -> u32 {
        if self.is_v4 && !self.mapped { 32 } else { 128 }
    }

    /// The bits beyond the prefix.
    fn host(&self) -> u128 {
        1_u128.checked_shl(self.width() - self.bits).map_or(u128::MAX, |one| one - 1)
    }

    /// Whether bits are set beyond the prefix.
    pub fn has_host(&self) -> bool {
        self.address & self.host() != 0
    }

    /// Whether a number begins with a needless zero.
    pub fn leads_with_zero(&self) -> bool {
        self.zeros
    }

    /// Whether an IPv4 address is written as one of IPv6.
    pub fn is_mapped(&self) -> bool {
        self.mapped
    }

    /// As it should be written, with all bits that are set.
    pub fn canonical(&self) -> String {
        format!("{}/{}", self.address_text(self.address, false), self.bits)
    }

    /// Without the bits beyond the prefix, as Go's `net` writes it.
    pub fn network(&self) -> String {
        let bits = if self.is_v4 && self.mapped { self.bits - 96 } else { self.bits };
        format!("{}/{bits}", self.address_text(self.address & !self.host(), true))
    }

    /// The address alone, as a range.
    pub fn single(&self) -> String {
        format!("{}/{}", self.address_text(self.address, true), self.width())
    }

    fn address_text(&self, address: u128, unmapped: bool) -> String {
        if self.width() == 32 {
            return Ipv4Addr::from(u32::try_from(address).unwrap_or(0)).to_string();
        }
        let v6 = Ipv6Addr::from(address);
        match v6.to_ipv4_mapped() {
            Some(v4) if unmapped => v4.to_string(),
            _ => v6.to_string(),
        }
    }
}

/// Reads a range as older releases do.
pub fn parse(text: &str) -> Option<Cidr> {
    let (address, length) = text.split_once('/')?;
    let number = |text: &str, most: u32| -> Option<u32> {
        let digits = !text.is_empty() && text.len() < 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number <= most)
    };
    let leads_with_zero = |text: &str| text.len() > 1 && text.starts_with('0');
    if address.contains(':') {
        let read: Ipv6Addr = address.parse().ok()?;
        let mapped = read.to_ipv4_mapped().is_some();
        let bits = number(length, 128)?;
        let zeros = leads_with_zero(length);
        return Some(Cidr { is_v4: mapped && bits >= 96, bits, address: read.to_bits(), zeros, mapped });
    }
    let parts: Vec<&str> = address.split('.').collect();
    let octets: Vec<u8> = parts.iter().filter_map(|part| u8::try_from(number(part, 255)?).ok()).collect();
    let octets: [u8; 4] = octets.try_into().ok().filter(|_| parts.len() == 4)?;
    let zeros = parts.iter().any(|part| leads_with_zero(part)) || leads_with_zero(length);
    let address = u128::from(Ipv4Addr::from(octets).to_bits());
    Some(Cidr { is_v4: true, bits: number(length, 32)?, address, zeros, mapped: false })
}

/// What is wrong with a range; `strict` is how newer releases read it.
pub fn validate(text: &str, strict: bool) -> Option<&'static str> {
    let Some(cidr) = parse(text) else {
        return Some("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
    };
    match () {
        () if !strict => None,
        () if cidr.zeros => Some("must not have leading 0s in IP or prefix length"),
        () if cidr.mapped => Some("must not have an IPv4-mapped IPv6 address"),
        () if cidr.has_host() => Some("must not have bits set beyond the prefix length"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_upstream_reads_them() {
        let invalid = "must be a valid CIDR value";
        for (text, lenient, strict) in [
            ("10.0.0.0/24", "", ""),
            ("10.0.0.1/24", "", "must not have bits set"),
            ("10.0.0.0/024", "", "must not have leading 0s"),
            ("010.0.0.0/24", "", "must not have leading 0s"),
            ("fd00::/64", "", ""),
            ("fd00::1/64", "", "must not have bits set"),
            ("::ffff:10.0.0.0/120", "", "must not have an IPv4-mapped"),
            ("0.0.0.0/0", "", ""),
            ("10.0.0.0/33", invalid, invalid),
            ("10.0.0/24", invalid, invalid),
            ("10.0.0.0", invalid, invalid),
            ("10.0.0.0/+4", invalid, invalid),
            ("x", invalid, invalid),
            ("", invalid, invalid),
        ] {
            for (is_strict, expected) in [(false, lenient), (true, strict)] {
                let found = validate(text, is_strict).unwrap_or("");
                assert!(
                    found.starts_with(expected) && found.is_empty() == expected.is_empty(),
                    "{text}: {found}"
                );
            }
        }
    }
}
