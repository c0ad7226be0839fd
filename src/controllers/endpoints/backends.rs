//! Which pods are behind a Service, and how.

use serde_json::{Value, json};

use crate::controllers::workloads::{deleting, ready, text};

/// A pod that a Service leads to.
pub(super) struct Backend<'p> {
    pod: &'p Value,
    /// Its address.
    pub(super) ip: &'p str,
    /// Whether it may be sent what comes in, whatever its state says (`publishNotReadyAddresses`).
    pub(super) always: bool,
    /// The Service's ports, as numbers of this pod; those it does not have are left out.
    pub(super) ports: Vec<Port<'p>>,
}

/// A port of a Service, resolved for a pod.
#[derive(PartialEq, Eq)]
pub(super) struct Port<'p> {
    pub(super) name: &'p str,
    pub(super) number: u64,
    pub(super) protocol: &'p str,
    application: Option<&'p str>,
}

impl Port<'_> {
    /// The port without its name, which Endpoints and slices treat differently.
    pub(super) fn unnamed(&self) -> Value {
        let mut out = json!({"port": self.number, "protocol": self.protocol});
        if let Some(application) = self.application {
            out["appProtocol"] = json!(application);
        }
        out
    }
}

impl Backend<'_> {
    /// Whether its containers are ready.
    pub(super) fn serves(&self) -> bool {
        ready(self.pod)
    }

    /// Whether it is on its way out.
    pub(super) fn ends(&self) -> bool {
        deleting(self.pod)
    }

    /// Its node, where it has one.
    pub(super) fn node(&self) -> &Value {
        &self.pod["spec"]["nodeName"]
    }

    /// What an address points at.
    pub(super) fn target(&self) -> Value {
        let metadata = &self.pod["metadata"];
        json!({"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]})
    }

    /// The name it has below its Service's, where it has one.
    pub(super) fn hostname(&self, service: &Value) -> Option<&Value> {
        let below = self.pod["spec"]["subdomain"] == service["metadata"]["name"];
        self.pod["spec"].get("hostname").filter(|_| below)
    }

    /// Since when it is ready, or not.
    pub(super) fn since(&self) -> Option<&str> {
        let conditions = self.pod["status"]["conditions"].as_array()?;
        conditions.iter().find(|condition| condition["type"] == "Ready")?["lastTransitionTime"].as_str()
    }
}

/// The pods behind a Service, in the order of their addresses: those with an address that are not at their end.
pub(super) fn backends<'p>(service: &'p Value, pods: &'p [Value]) -> Vec<Backend<'p>> {
    let always = service["spec"]["publishNotReadyAddresses"] == true;
    let counts = |pod: &&Value| {
        pod["metadata"]["namespace"] == service["metadata"]["namespace"]
            && selected(&service["spec"]["selector"], pod)
            && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
    };
    let mut found: Vec<Backend<'p>> = pods
        .iter()
        .filter(counts)
        .filter_map(|pod| {
            let ip = pod["status"]["podIP"].as_str().filter(|ip| !ip.is_empty())?;
            Some(Backend { pod, ip, always, ports: ports(service, pod) })
        })
        .collect();
    found.sort_by_key(|backend| (backend.ip, text(backend.pod, "name")));
    found
}

fn selected(selector: &Value, pod: &Value) -> bool {
    let labels = &pod["metadata"]["labels"];
    selector
        .as_object()
        .is_some_and(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
}

/// A target port is a number, or the name of a port of the pod's (`podutil.FindPort`).
fn ports<'p>(service: &'p Value, pod: &'p Value) -> Vec<Port<'p>> {
    let resolve = |port: &'p Value| {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let target = &port["targetPort"];
        let number = match target.as_str() {
            None => target.as_u64().or(port["port"].as_u64()),
            Some(name) => container_port(pod, name, protocol),
        };
        Some(Port {
            name: port["name"].as_str().unwrap_or_default(),
            number: number?,
            protocol,
            application: port["appProtocol"].as_str(),
        })
    };
    service["spec"]["ports"].as_array().into_iter().flatten().filter_map(resolve).collect()
}

fn container_port(pod: &Value, name: &str, protocol: &str) -> Option<u64> {
    let containers = pod["spec"]["containers"].as_array()?;
    let mut ports = containers.iter().filter_map(|container| container["ports"].as_array()).flatten();
    let found =
        ports.find(|port| port["name"] == name && port["protocol"].as_str().unwrap_or("TCP") == protocol)?;
    found["containerPort"].as_u64()
}
