//! `ip` with the interfaces that a node would have: the one of the lab's network, and those that pods' networks make.
//!
//! Layouts: iproute2's `ip address`, `ip -brief address`, `ip route`; anything else is the machine's.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;

use super::client::{self, Whom};
use crate::kubelet::socket::{NodeState, Question};

/// An interface: its name, its flags, its MTU, its queue, its state, its kind, its hardware address, its addresses.
struct Interface {
    name: &'static str,
    flags: &'static str,
    mtu: u32,
    queue: &'static str,
    state: &'static str,
    kind: &'static str,
    hardware: String,
    addresses: Vec<(String, &'static str)>,
}

/// The interfaces of the node with this address.
fn interfaces(address: &str) -> Vec<Interface> {
    let third: u8 = address.split('.').nth(2).and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut parts = address.rsplitn(2, '.');
    let (_, network) = (parts.next(), parts.next().unwrap_or_default());
    vec![
        Interface {
            name: "lo",
            flags: "LOOPBACK,UP,LOWER_UP",
            mtu: 65_536,
            queue: "noqueue",
            state: "UNKNOWN",
            kind: "loopback",
            hardware: "00:00:00:00:00:00 brd 00:00:00:00:00:00".into(),
            addresses: vec![
                ("127.0.0.1/8".into(), "scope host lo"),
                ("::1/128".into(), "scope host noprefixroute"),
            ],
        },
        Interface {
            name: "enp1s0",
            flags: "BROADCAST,MULTICAST,UP,LOWER_UP",
            mtu: 1500,
            queue: "fq_codel",
            state: "UP",
            kind: "ether",
            hardware: format!("52:54:00:1e:{third:02x}:02 brd ff:ff:ff:ff:ff:ff"),
            addresses: vec![(format!("{address}/24 brd {network}.255"), "scope global enp1s0")],
        },
        Interface {
            name: "flannel.1",
            flags: "BROADCAST,MULTICAST,UP,LOWER_UP",
            mtu: 1450,
            queue: "noqueue",
            state: "UNKNOWN",
            kind: "ether",
            hardware: format!("c2:7d:4e:0a:{third:02x}:31 brd ff:ff:ff:ff:ff:ff"),
            addresses: vec![(format!("192.168.{}.0/32", third - 1), "scope global flannel.1")],
        },
    ]
}

fn address(address: &str, only: Option<&str>) -> Result<String, String> {
    let mut out = String::new();
    for (index, i) in
        interfaces(address).iter().enumerate().filter(|(_, i)| only.is_none_or(|name| name == i.name))
    {
        out += &format!(
            "{}: {}: <{}> mtu {} qdisc {} state {} group default{}\n    link/{} {}\n",
            index + 1,
            i.name,
            i.flags,
            i.mtu,
            i.queue,
            i.state,
            if i.name == "flannel.1" { "" } else { " qlen 1000" },
            i.kind,
            i.hardware
        );
        for (address, scope) in &i.addresses {
            let family = if address.contains(':') { "inet6" } else { "inet" };
            out +=
                &format!("    {family} {address} {scope}\n       valid_lft forever preferred_lft forever\n");
        }
    }
    match only {
        Some(name) if out.is_empty() => Err(format!("Device \"{name}\" does not exist.\n")),
        _ => Ok(out),
    }
}

fn brief(address: &str) -> String {
    let one = |i: &Interface| {
        let all: Vec<&str> = i.addresses.iter().filter_map(|(a, _)| a.split(' ').next()).collect();
        format!("{:<16} {:<14} {} \n", i.name, i.state, all.join(" "))
    };
    interfaces(address).iter().map(one).collect()
}

fn route(address: &str) -> String {
    let network = address.rsplit_once('.').map_or(address, |(network, _)| network);
    let (own, other) = if network.ends_with(".1") { (0, 1) } else { (1, 0) };
    format!(
        "default via {network}.1 dev enp1s0 \n{network}.0/24 dev enp1s0 proto kernel scope link src {address} \n192.168.{other}.0/24 via \
         192.168.{other}.0 dev flannel.1 onlink \nblackhole 192.168.{own}.0/26 proto bird \n"
    )
}

/// Runs ip; the exit status comes back.
pub fn main(args: Vec<OsString>) -> i32 {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let state = client::ask_one::<NodeState>(Whom::Manager, &Question::State).ok();
    let own = state.map(|s| s.address);
    let plain: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('-')).collect();
    let is_brief = words.iter().any(|w| "-brief".starts_with(w.as_str()) && w.len() > 2);
    let is = |word: &str, whole: &str| !word.is_empty() && whole.starts_with(word);
    let answer = match (&own, plain.as_slice()) {
        (Some(own), [object]) if is(object, "address") && is_brief => Ok(brief(own)),
        (Some(own), [object]) if is(object, "address") => address(own, None),
        (Some(own), [object, show]) if is(object, "address") && is(show, "show") => address(own, None),
        (Some(own), [object, show, name]) if is(object, "address") && is(show, "show") => {
            address(own, Some(*name))
        }
        (Some(own), [object, show, "dev", name]) if is(object, "address") && is(show, "show") => {
            address(own, Some(*name))
        }
        (Some(own), [object] | [object, "show"]) if is(object, "route") => Ok(route(own)),
        _ => return machines(&args),
    };
    match answer {
        Ok(text) => i32::from(io::stdout().write_all(text.as_bytes()).is_err()),
        Err(why) => {
            let _ = io::stderr().write_all(why.as_bytes());
            1
        }
    }
}

/// Becomes the machine's own ip.
fn machines(args: &[OsString]) -> i32 {
    let found = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let why = match found {
        Some(path) => std::process::Command::new(path).args(args).exec().to_string(),
        None => "this machine has no ip; the lab's shows addresses and routes".into(),
    };
    let _ = writeln!(io::stderr(), "ip: {why}");
    1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_node_has_its_own_address_alone() {
        let text = address("172.30.2.2", None).unwrap();
        assert!(text.contains("    inet 172.30.2.2/24 brd 172.30.2.255 scope global enp1s0\n"), "{text}");
        assert!(!text.contains("172.30.1.2"));
        assert_eq!(address("172.30.1.2", Some("lo")).unwrap().lines().count(), 6);
        assert_eq!(address("172.30.1.2", Some("eth9")).unwrap_err(), "Device \"eth9\" does not exist.\n");
        assert!(brief("172.30.1.2").contains("enp1s0           UP             172.30.1.2/24 \n"));
        assert!(route("172.30.1.2").starts_with("default via 172.30.1.1 dev enp1s0 \n"));
    }
}
