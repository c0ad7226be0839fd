//! The nodes' network: each has a network namespace of its own, and one cable leads from the first node to every other.
//!
//! ```text
//! controlplane  enp1s0 172.30.1.2/24 ──── veth ──── 172.30.2.2/24 enp1s0  node01
//! ```
//! No route leads anywhere else. Where the kernel has no veth, the nodes share one network namespace whose loopback has
//! all their addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::node::plan::NodeSpec;

/// Message types, flags and attributes of `rtnetlink(7)` and `linux/if_link.h`.
const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
const CREATE_NEW: u16 = 0x400 | 0x200;
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const NAMESPACE_OF_PROCESS: u16 = 19;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
const VETH_PEER: u16 = 1;

/// An end of a cable: its name, and the process in whose namespace it is to be.
struct End {
    name: String,
    process: Option<i32>,
}

/// The name of a node's interface that leads to the `index`th other one.
fn interface(index: usize) -> String {
    format!("enp{}s0", index + 1)
}

/// Whether this kernel has cables; tried in the network namespace of this process, which is nobody's yet.
pub fn has_cables() -> bool {
    try_cable().is_ok()
}

/// Makes a cable in the network namespace of this process, and takes it away.
pub fn try_cable() -> io::Result<()> {
    let end = |name: &str| End { name: name.into(), process: None };
    cable(&end("try0"), &end("try1"))?;
    talk(DELETE_LINK, 0, &named("try0"))
}

/// Connects the nodes whose namespaces these processes are in.
pub fn connect(keepers: &[i32]) -> io::Result<()> {
    for (index, worker) in keepers.iter().skip(1).enumerate() {
        let here = End { name: interface(index), process: keepers.first().copied() };
        cable(&here, &End { name: interface(0), process: Some(*worker) })?;
    }
    Ok(())
}

/// Sets up the network of the node that this process is in, with what leads to the others.
pub fn set_up(nodes: &[NodeSpec], own: usize) -> io::Result<()> {
    up("lo")?;
    let others: Vec<_> = nodes.iter().enumerate().filter(|(other, _)| *other != own).collect();
    // All but the first have one cable, to the first; nodes of one lab are few.
    let cables = if own == 0 { others.len() } else { others.len().min(1) };
    for (index, (_, other)) in others.iter().take(cables).enumerate() {
        let name = interface(index);
        address(&name, nodes[own].address, Ipv4Addr::new(255, 255, 255, 0))?;
        up(&name)?;
        route(&name, other.address)?;
    }
    Ok(())
}

/// Gives the loopback of a network that all nodes share their addresses; anybody may take any port there.
pub fn share(nodes: &[NodeSpec]) -> io::Result<()> {
    up("lo")?;
    for (number, node) in nodes.iter().enumerate() {
        address(&format!("lo:{}", number + 1), node.address, Ipv4Addr::BROADCAST)?;
    }
    std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0")
}

/// An attribute: length and type before its content, all aligned to four bytes.
fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + content.len()).unwrap_or(u16::MAX);
    let mut out = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    out.extend(content);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// `struct ifinfomsg` of nothing in particular.
fn any_link() -> Vec<u8> {
    vec![0; 16]
}

fn named(name: &str) -> Vec<u8> {
    [any_link(), attribute(NAME, format!("{name}\0").as_bytes())].concat()
}

fn end(end: &End) -> Vec<u8> {
    let mut out = named(&end.name);
    if let Some(process) = end.process {
        out.extend(attribute(NAMESPACE_OF_PROCESS, &process.to_ne_bytes()));
    }
    out
}

fn cable(one: &End, other: &End) -> io::Result<()> {
    let data = attribute(VETH_PEER, &end(other));
    let info = [attribute(INFO_KIND, b"veth\0"), attribute(INFO_DATA, &data)].concat();
    talk(NEW_LINK, CREATE_NEW, &[end(one), attribute(LINK_INFO, &info)].concat())
}

/// Asks the kernel for something and waits for its answer.
fn talk(kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
    // SAFETY: makes a socket and passes no memory.
    let made =
        unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and is nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(made) };
    let length = u32::try_from(16 + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend((REQUEST_AND_ACKNOWLEDGE | flags).to_ne_bytes());
    message.extend([0; 8]);
    message.extend(body);
    rustix::io::write(&socket, &message)?;
    let mut answer = [0; 4096];
    let length = rustix::io::read(&socket, &mut answer)?;
    match answer.get(16..20).filter(|_| length >= 20) {
        Some(number) => match i32::from_ne_bytes([number[0], number[1], number[2], number[3]]) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(-error)),
        },
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn request_named(name: &str) -> libc::ifreq {
    // SAFETY: an ifreq of zeroes is a valid one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
        *to = from.cast_signed();
    }
    request
}

fn ioctl<T>(number: libc::c_ulong, request: &mut T) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: each number here takes the request that it is called with, whole.
    match unsafe { libc::ioctl(socket.as_raw_fd(), number as _, request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn up(name: &str) -> io::Result<()> {
    let mut request = request_named(name);
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or_default();
    ioctl(libc::SIOCSIFFLAGS, &mut request)
}

fn socket_address(address: Ipv4Addr) -> libc::sockaddr {
    // SAFETY: a sockaddr_in of zeroes is a valid one, and it is as large as the sockaddr it becomes.
    unsafe {
        let mut out: libc::sockaddr_in = std::mem::zeroed();
        out.sin_family = libc::sa_family_t::try_from(libc::AF_INET).unwrap_or_default();
        out.sin_addr.s_addr = u32::from(address).to_be();
        std::mem::transmute::<libc::sockaddr_in, libc::sockaddr>(out)
    }
}

fn v4(address: IpAddr) -> io::Result<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Adds an address to an interface or to an alias of one (`lo:1`).
fn address(name: &str, address: IpAddr, mask: Ipv4Addr) -> io::Result<()> {
    let mut request = request_named(name);
    request.ifr_ifru.ifru_addr = socket_address(v4(address)?);
    ioctl(libc::SIOCSIFADDR, &mut request)?;
    let mut request = request_named(name);
    request.ifr_ifru.ifru_netmask = socket_address(mask);
    ioctl(libc::SIOCSIFNETMASK, &mut request)
}

/// Sends what is for the network of an address through an interface.
fn route(name: &str, to: IpAddr) -> io::Result<()> {
    let mask = Ipv4Addr::new(255, 255, 255, 0);
    let network = Ipv4Addr::from(u32::from(v4(to)?) & u32::from(mask));
    let mut device = request_named(name).ifr_name;
    // SAFETY: an rtentry of zeroes is a valid one.
    let mut entry: libc::rtentry = unsafe { std::mem::zeroed() };
    entry.rt_dst = socket_address(network);
    entry.rt_genmask = socket_address(mask);
    entry.rt_flags = libc::RTF_UP;
    entry.rt_dev = device.as_mut_ptr();
    ioctl(libc::SIOCADDRT, &mut entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_aligned_and_say_their_length() {
        assert_eq!(
            attribute(NAME, b"lo\0"),
            [7u16.to_ne_bytes(), 3u16.to_ne_bytes(), *b"lo", [0, 0]].concat()
        );
        let whole = end(&End { name: "enp1s0".into(), process: Some(7) });
        assert_eq!((whole.len(), whole.len() % 4), (16 + 12 + 8, 0));
    }
}
