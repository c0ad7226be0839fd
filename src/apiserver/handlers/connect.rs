//! What the server passes on: streams to containers, requests to kubelets, pods and services.
//!
//! It is refused as the real server refuses it, up to the connection itself, which is not made here. Upstream:
//! `kubernetes/pkg/registry/core/{pod,node}/strategy.go` (`ResourceLocation`, `streamLocation`), `.../service/storage/storage.go`,
//! `pkg/kubelet/client/kubelet_client.go` (`GetConnectionInfo`), `k8s.io/apimachinery/pkg/util/net/port_split.go`.

use super::{Call, Reply, pods, text};
use crate::apiserver::registry::ResourceType;
use crate::apiserver::status::Status;
use crate::apiserver::storage::Key;
use crate::go_quote::quote;

/// What a node may be reached at where `--kubelet-preferred-address-types` says nothing.
const PREFERRED: [&str; 5] = ["Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"];

/// Answers a request for a connection.
pub(super) fn connect(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    match rt.plural {
        "nodes" => node(call, rt),
        "services" => service(call, rt),
        _ if call.info.subresource == "proxy" => pod(call, rt),
        _ => container(call, rt),
    }
}

/// The address of a node's kubelet; `resource` is what the request is about.
pub(super) fn kubelet(call: &Call<'_>, rt: &ResourceType, node: &str) -> Result<String, Status> {
    let found = call.store().get(&Key::new("", "nodes", "", node));
    let found = found.ok_or_else(|| Status::not_found(rt.group_resource(), node))?;
    let addresses: Vec<(&str, &str)> = found["status"]["addresses"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|address| (text(address, "type"), text(address, "address")))
        .collect();
    let asked = call.core.flags.list("kubelet-preferred-address-types");
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let preferred = if asked.is_empty() { &PREFERRED[..] } else { &asked };
    let first =
        |kind: &&str| addresses.iter().find(|(known, _)| known == kind).map(|(_, at)| (*at).to_owned());
    preferred.iter().find_map(first).ok_or_else(|| {
        let known: Vec<String> = addresses.iter().map(|(kind, at)| format!("{{{kind} {at}}}")).collect();
        let why = format!("no preferred addresses found; known addresses: [{}]", known.join(" "));
        Status::new(500, "", why)
    })
}

/// `name`, `name:port` or `scheme:name:port`: the name and the port (`SplitSchemeNamePort`).
fn split<'n>(kind: &str, id: &'n str) -> Result<(&'n str, &'n str), Status> {
    let parts: Vec<&str> = id.split(':').collect();
    let split = match parts.as_slice() {
        [name] => Some((*name, "")),
        [name, port] => Some((*name, *port)),
        ["" | "http" | "https", name, port] => Some((*name, *port)),
        _ => None,
    };
    let split = split.filter(|(name, _)| !name.is_empty());
    split.ok_or_else(|| Status::bad_request(format!("invalid {kind} request {}", quote(id))))
}

fn unavailable(why: impl Into<String>) -> Status {
    Status::new(503, "ServiceUnavailable", why.into())
}

/// Where the real server would begin to talk to somebody else.
pub(super) fn not_made() -> Status {
    unavailable(
        "the server is currently unable to handle the request: streams to containers are not served here",
    )
}

/// The kubelet's own API.
fn node(call: &Call<'_>, rt: &ResourceType) -> Result<Reply, Status> {
    let (name, _) = split("node", &call.info.name)?;
    kubelet(call, rt, name)?;
    Err(not_made())
}

/// A service, by one of its endpoints.
fn service(call: &Call<'_>, rt: &ResourceType) -> Result<Reply, Status> {
    let (name, port) = split("service", &call.info.name)?;
    let key = |resource: &str| Key::new("", resource, &call.info.namespace, name);
    let not_found = || Status::not_found(rt.group_resource(), name);
    if let Ok(number) = port.parse::<i64>() {
        let service = call.store().get(&key("services")).ok_or_else(not_found)?;
        let mut ports = service["spec"]["ports"].as_array().into_iter().flatten();
        if !ports.any(|port| port["port"] == number) {
            return Err(unavailable(format!("no service port {number} found for service {}", quote(name))));
        }
    }
    let endpoints = call.store().get(&key("endpoints")).ok_or_else(not_found)?;
    let mut subsets = endpoints["subsets"].as_array().into_iter().flatten();
    if !subsets.any(|subset| subset["addresses"].as_array().is_some_and(|all| !all.is_empty())) {
        return Err(unavailable(format!("no endpoints available for service {}", quote(name))));
    }
    Err(not_made())
}

/// A pod's own address.
fn pod(call: &Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    let (name, _) = split("pod", &call.info.name)?;
    let pod = call.store().get(&call.key(rt, name));
    let pod = pod.ok_or_else(|| Status::not_found(rt.group_resource(), name))?;
    let address = text(&pod["status"], "podIP").parse::<std::net::IpAddr>();
    if address.is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast()) {
        return Err(not_made());
    }
    Err(Status::bad_request("address not allowed"))
}

/// A stream to a container, by way of its kubelet.
fn container(call: &Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    let name = &call.info.name;
    let pod = call.find(rt)?;
    if matches!(call.info.subresource.as_str(), "exec" | "attach") {
        pods::container(&pod, name, call.query.get("container").unwrap_or(""))?;
    }
    let node = text(&pod["spec"], "nodeName");
    if node.is_empty() {
        return Err(Status::bad_request(format!("pod {name} does not have a host assigned")));
    }
    kubelet(call, rt, node)?;
    let asks = |name: &str, word: &str| {
        let value = call.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.to_ascii_lowercase().contains(word)
    };
    if !asks("connection", "upgrade") {
        return Err(Status::bad_request("Upgrade request required"));
    }
    Err(not_made())
}
