//! Finds out what a cluster is like before anything is changed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Options;
use super::access::{Found, LiveNode};
use super::connect::Connection;
use super::drivers::{DRIVERS, Place, Way, is_plain};
use super::journal::ObjectRecord;
use super::{guards, kinds, plan, quote};
use crate::check::manifest::Manifest;
use crate::cluster::sandbox::MANIFESTS;
use crate::error::{Error, Result};
use crate::node::Node;
use crate::text::tr;

/// The file that lessons edit.
pub const MANIFEST: &str = "kube-apiserver.yaml";

/// What was found.
pub struct Discovery {
    /// How it is reached.
    pub connection: Connection,
    /// `v1.31.0`
    pub version: String,
    /// See [`Connection::cluster_uid`].
    pub cluster_uid: String,
    /// The lesson's nodes with their machines' own names, the control plane first.
    pub nodes: Vec<(LiveNode, String)>,
    /// Every Node's labels and annotations.
    pub objects: BTreeMap<String, ObjectRecord>,
    /// Where the static pods' manifests are.
    pub manifests: String,
    /// The names there.
    pub names: Vec<String>,
    /// The API server's manifest.
    pub manifest: Found,
    /// The hash that the kubelet gave its pod.
    pub hash: Option<String>,
    /// What is missing, or worth knowing.
    pub notes: Vec<String>,
}

/// A Node as far as it matters here.
struct NodeFact {
    name: String,
    control_plane: bool,
    provider: String,
    profile: String,
    addresses: Vec<String>,
    runtime: String,
}

/// Looks at the cluster; changes nothing. `lesson_nodes` are the names that the lesson uses, the control plane first.
pub async fn discover(options: &Options, lesson_nodes: &[String]) -> Result<Discovery> {
    let connection = Connection::open(options.kubeconfig.as_deref(), options.context.as_deref()).await?;
    guards::check_rights(&connection, &guards::rights_to_look(options.read_only)).await?;
    let version = connection.get("/version").await?["gitVersion"].as_str().unwrap_or("unknown").to_owned();
    let cluster_uid = connection.cluster_uid().await?;
    let list = connection.get("/api/v1/nodes").await?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let facts: Vec<NodeFact> = items.iter().map(node_fact).collect();
    let objects = items.iter().map(|n| (text(n, "/metadata/name"), object_record(n))).collect();
    if let Some(odd) = facts.iter().map(|f| &f.name).find(|name| !is_plain(name)) {
        return Err(
            Error::new(tr!(live_odd_name { name: format!("{odd:?}") })).hint(tr!(live_nothing_changed))
        );
    }
    let control = api_server_node(&connection.get("/api/v1/namespaces/kube-system/pods").await?, &items)?;
    let mut notes = Vec::new();
    let mut real = vec![control.clone()];
    let mut workers: Vec<&NodeFact> = facts.iter().filter(|n| n.name != control).collect();
    workers.sort_by_key(|n| (n.control_plane, !lesson_nodes.contains(&n.name), n.name.clone()));
    let mut workers = workers.into_iter();
    for missing in lesson_nodes.iter().skip(1) {
        match workers.next() {
            Some(worker) => real.push(worker.name.clone()),
            None => {
                notes.push(tr!(live_one_node { missing, control }));
                real.push(control.clone());
            }
        }
    }
    let mut nodes: Vec<(LiveNode, String)> = Vec::new();
    for (name, real) in lesson_nodes.iter().zip(&real) {
        let Some(fact) = facts.iter().find(|f| f.name == *real) else { continue };
        let node = reach(name, fact, options, &connection).await?;
        let hostname = node.probe().await?;
        if hostname != *real && hostname.split('.').next() != real.split('.').next() {
            notes.push(tr!(live_calls_itself { real, hostname }));
        }
        nodes.push((node, hostname));
    }
    let Some((control_node, _)) = nodes.first() else { return Err(Error::new(tr!(live_lesson_no_node))) };
    let manifests = manifests_dir(control_node).await?;
    let names = control_node.list_dir(&manifests).await?.ok_or_else(|| not_static(&control, &manifests))?;
    let manifest = api_server_manifest(control_node, &manifests, &names).await?;
    runs_with_it(&connection, &control, &manifest.content).await?;
    let hash = super::prepare::running_hash(&connection, &control).await;
    Ok(Discovery {
        hash,
        connection,
        version,
        cluster_uid,
        nodes,
        objects,
        manifests,
        names,
        manifest,
        notes,
    })
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned()
}

fn node_fact(node: &Value) -> NodeFact {
    let labels = &node["metadata"]["labels"];
    let role = |name: &str| labels.get(format!("node-role.kubernetes.io/{name}")).is_some();
    let addresses = node.pointer("/status/addresses").and_then(Value::as_array).cloned().unwrap_or_default();
    NodeFact {
        name: text(node, "/metadata/name"),
        control_plane: role("control-plane") || role("master"),
        provider: text(node, "/spec/providerID"),
        profile: labels["minikube.k8s.io/name"].as_str().filter(|p| is_plain(p)).unwrap_or("").to_owned(),
        addresses: addresses
            .iter()
            .filter(|a| a["type"] != "Hostname")
            .map(|a| text(a, "/address"))
            .filter(|a| is_plain(a))
            .collect(),
        runtime: text(node, "/status/nodeInfo/containerRuntimeVersion"),
    }
}

/// What is remembered of a Node.
pub fn object_record(node: &Value) -> ObjectRecord {
    let map = |pointer: &str| {
        let entries = node.pointer(pointer).and_then(Value::as_object);
        entries.into_iter().flatten().map(|(k, v)| (k.clone(), v.as_str().unwrap_or("").to_owned())).collect()
    };
    let managed = node.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut managers: Vec<String> = managed
        .into_iter()
        .flatten()
        .map(|m| text(m, "/manager"))
        .filter(|m| !m.starts_with("kubectl"))
        .collect();
    managers.sort();
    managers.dedup();
    ObjectRecord { labels: map("/metadata/labels"), annotations: map("/metadata/annotations"), managers }
}

/// The node whose static pod the API server is, from the pods of kube-system.
fn api_server_node(pods: &Value, nodes: &[Value]) -> Result<String> {
    let is_server = |pod: &&Value| {
        let mirror = pod.pointer("/metadata/annotations/kubernetes.io~1config.mirror").is_some();
        let name = text(pod, "/metadata/name");
        mirror
            && (pod.pointer("/metadata/labels/component").is_some_and(|c| c == "kube-apiserver")
                || name.starts_with("kube-apiserver-"))
    };
    let found: Vec<String> = pods["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(is_server)
        .map(|p| text(p, "/spec/nodeName"))
        .collect();
    if let Some(why) = kinds::why_not(nodes, !found.is_empty()) {
        let what = if found.is_empty() { tr!(live_no_static_pod) } else { tr!(live_not_ones_own) };
        return Err(Error::new(what)
            .why(why)
            .hint(tr!(live_needs_control_plane))
            .hint(tr!(live_use_sandbox)));
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        several => Err(Error::new(tr!(live_several_servers { count: several.len() }))
            .why(tr!(live_run_on { nodes: several.join(", ") }))
            .hint(tr!(live_needs_one_control_plane))),
    }
}

/// How long the kubelet may take to tell of the pod that it runs.
const TOLD: Duration = Duration::from_secs(45);

/// Waits until the API server's mirror pod says what the manifest says.
///
/// A way that leads to a node of another cluster, or a manifest that the kubelet does not run, would otherwise show
/// only after the change.
async fn runs_with_it(connection: &Connection, control: &str, manifest: &[u8]) -> Result<()> {
    let path = format!("/api/v1/namespaces/kube-system/pods/kube-apiserver-{control}");
    let end = Instant::now() + TOLD;
    let (mut last, mut failed) = (None, None);
    loop {
        // Looking is for free, and a server that is just starting again may not answer.
        match connection.get(&path).await {
            Ok(pod) if pod.is_object() => match plan::other_words(manifest, &pod) {
                None => return Ok(()),
                some => last = some,
            },
            // Not called so: who is it then is seen by its label, and what it runs with is left open.
            Ok(_) if last.is_none() => return Ok(()),
            Ok(_) => {}
            Err(why) => failed = Some(why),
        }
        if Instant::now() >= end {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    if let (None, Some(why)) = (&last, failed) {
        return Err(why);
    }
    Err(Error::new(tr!(live_runs_otherwise { node: control }))
        .why(last.unwrap_or_default())
        .hint(tr!(live_way_or_kubelet))
        .hint(tr!(live_nothing_changed)))
}

/// Finds the way to a node: the one that was named, or the ones that fit, in turn.
async fn reach(name: &str, fact: &NodeFact, options: &Options, connection: &Connection) -> Result<LiveNode> {
    if let Some(command) = named(&options.node_access, name, &fact.name) {
        return by_name(name, fact, command, connection).await;
    }
    let mut tried = Vec::new();
    for (driver, host) in likely(fact) {
        match by_driver(name, fact, driver, &host, connection).await {
            Ok(node) => return Ok(node),
            Err(e) => tried.push(format!("{driver}: {}", e.to_string().replace('\n', " "))),
        }
    }
    Err(Error::new(tr!(live_no_way { node: fact.name }))
        .why(tried.join("; "))
        .hint(tr!(live_name_way { node: fact.name }))
        .hint(tr!(live_or_driver)))
}

/// What was given as the way to a node: for it by name, else for all.
pub fn named<'a>(given: &'a [String], name: &str, real: &str) -> Option<&'a str> {
    let mut all = None;
    for given in given {
        match given.split_once('=').filter(|(n, _)| !n.contains(' ')) {
            Some((n, command)) if n == name || n == real => return Some(command),
            None => all = Some(given.as_str()),
            _ => {}
        }
    }
    all
}

/// The drivers that may lead to a node, with what ssh calls it.
fn likely(fact: &NodeFact) -> Vec<(&'static str, String)> {
    if fact.provider.starts_with("kind://") {
        return vec![("docker", fact.name.clone())];
    }
    if !fact.profile.is_empty() {
        return vec![("minikube", fact.name.clone())];
    }
    let mut ways = Vec::new();
    let here = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if here == fact.name && std::path::Path::new("/etc/kubernetes/kubelet.conf").exists() {
        ways.push(("local", fact.name.clone()));
    }
    if !fact.runtime.is_empty() {
        ways.push(("ssh", fact.name.clone()));
    }
    ways.extend(fact.addresses.iter().take(2).map(|a| ("ssh", a.clone())));
    ways
}

async fn by_name(name: &str, fact: &NodeFact, command: &str, connection: &Connection) -> Result<LiveNode> {
    let known = DRIVERS.iter().find(|d| d.name == command.trim());
    if let Some(driver) = known {
        return by_driver(name, fact, driver.name, &fact.name, connection).await;
    }
    by_words(name, &fact.name, command).await
}

/// A node by a command of the person's own; while no API server answers, so that an undo may take it.
pub async fn by_words(name: &str, real: &str, command: &str) -> Result<LiveNode> {
    let words = quote::split(command)
        .filter(|w| !w.is_empty())
        .ok_or_else(|| Error::new(tr!(live_no_command { command })).hint(tr!(live_quote_open)))?;
    LiveNode::by_command(name, real, words).await
}

async fn by_driver(
    name: &str,
    fact: &NodeFact,
    driver: &str,
    host: &str,
    connection: &Connection,
) -> Result<LiveNode> {
    let place = Place {
        node: fact.name.clone(),
        host: host.to_owned(),
        profile: fact.profile.clone(),
        kubeconfig: connection.kubeconfig.display().to_string(),
        context: connection.context.clone(),
    };
    let mut first = None;
    for row in DRIVERS.iter().filter(|d| d.name == driver) {
        let node = LiveNode::new(name, &fact.name, Way::of_driver(row, &place));
        match node.probe().await {
            Ok(_) => return Ok(node),
            Err(e) => first = first.or(Some(e)),
        }
    }
    Err(first.unwrap_or_else(|| Error::new(tr!(live_no_driver { driver }))))
}

/// Where the kubelet's own configuration says that manifests are.
async fn manifests_dir(node: &LiveNode) -> Result<String> {
    let config = node.read_file("/var/lib/kubelet/config.yaml").await?.unwrap_or_default();
    let named =
        Manifest::parse(&config).doc["staticPodPath"].as_str().map(|p| p.trim_end_matches('/').to_owned());
    Ok(named.filter(|p| p.starts_with('/')).unwrap_or_else(|| MANIFESTS.into()))
}

fn not_static(node: &str, dir: &str) -> Error {
    Error::new(tr!(live_node_has_no { node, dir })).hint(tr!(live_static_pod_needed))
}

/// The manifest, if it is the only one of the API server and called as lessons call it.
async fn api_server_manifest(node: &LiveNode, dir: &str, names: &[String]) -> Result<Found> {
    let mut servers = Vec::new();
    for name in names.iter().filter(|n| !n.starts_with('.')) {
        let Ok(Some(found)) = node.fetch(&format!("{dir}/{name}")).await else { continue };
        if is_server(&found.content) {
            servers.push((name.clone(), found));
        }
    }
    let listed: Vec<String> = servers.iter().map(|(n, _)| n.clone()).collect();
    match (servers.pop(), servers.is_empty()) {
        (Some((name, found)), true) if name == MANIFEST => Ok(found),
        (None, _) => Err(not_static(node.real(), &format!("{dir}/{MANIFEST}"))),
        _ => {
            Err(Error::new(tr!(live_several_manifests { dir, node: node.real(), files: listed.join(", ") }))
                .why(tr!(live_only_one_manifest { manifest: MANIFEST }))
                .hint(tr!(live_move_others)))
        }
    }
}

/// Whether a file describes the API server's pod.
pub fn is_server(content: &[u8]) -> bool {
    Manifest::parse(content).pod().as_deref() == Some("kube-system/kube-apiserver")
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
