//! Pods and templates of pods.
//!
//! Upstream: `kubernetes/pkg/api/pod/warnings.go`, `applyAppArmorVersionSkew` in `pkg/registry/core/pod/strategy.go`.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::services::each;
use super::{
    MOST, deprecated_label, deprecated_labels, fractional, list, paths, selector_term, text, volumes,
};
use crate::go_quote::quote;
use crate::release::Release;

const APPARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP: &str = "container.seccomp.security.alpha.kubernetes.io/";
const NO_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// Annotations that do nothing any more.
const ANNOTATIONS: &[(&str, &str)] = &[
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

/// Kinds of volumes that are to go; the name in JSON and the one in paths.
const PLUGINS: &[(&str, &str, &str)] = &[
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "gitRepo", "deprecated in v1.11"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("ephemeral", "", ""),
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

/// A pod or a template, with the path that leads to it.
struct Pod<'a> {
    release: &'a Release,
    spec: &'a Value,
    annotations: &'a Value,
    path: &'a str,
}

/// What is said of a new pod.
pub(super) fn of_pod(release: &Release, pod: &Value) -> Vec<String> {
    of_template(release, pod, "")
}

/// What is said of a template whose fields are below `path`.
pub(super) fn of_template(release: &Release, template: &Value, path: &str) -> Vec<String> {
    let annotations = &template["metadata"]["annotations"];
    let pod = Pod { release, spec: &template["spec"], annotations, path };
    let mut told = Vec::new();
    pod.scheduling(&mut told);
    pod.deprecated(&mut told);
    pod.tokens(&mut told);
    if release.gates.newer_warnings {
        told.extend(paths::overlapping(&pod.spec["volumes"]));
    }
    pod.doubles(&mut told);
    pod.sizes(&mut told);
    pod.containers(&mut told);
    pod.ports(&mut told);
    if release.gates.newer_warnings {
        pod.port_names(&mut told);
    }
    pod.rest(&mut told);
    told
}

/// What is said of addresses in a pod's status.
pub(super) fn addresses(release: &Release, pod: &Value) -> Vec<String> {
    let mut told = each(release, &pod["status"]["podIPs"], "status.podIPs", "ip");
    told.extend(each(release, &pod["status"]["hostIPs"], "status.hostIPs", "ip"));
    told
}

/// The profile that an annotation of AppArmor means (`ApparmorFieldForAnnotation`).
pub fn profile_of(annotation: &str) -> Option<Value> {
    match annotation {
        "unconfined" => Some(json!({"type": "Unconfined"})),
        "runtime/default" => Some(json!({"type": "RuntimeDefault"})),
        other => {
            let name = other.strip_prefix("localhost/").filter(|name| !name.is_empty())?;
            Some(json!({"type": "Localhost", "localhostProfile": name}))
        }
    }
}

/// What is said of annotations that fields have replaced, before the fields are filled in.
pub(super) fn deprecated_profiles(pod: &Value) -> Vec<String> {
    let of_pod = &pod["spec"]["securityContext"]["appArmorProfile"];
    let mut told = Vec::new();
    for (_, container) in all_containers(&pod["spec"], "") {
        let key = format!("{APPARMOR}{}", text(container, "name"));
        let Some(annotation) = pod["metadata"]["annotations"][&key].as_str() else { continue };
        if container["securityContext"]["appArmorProfile"].is_null()
            && profile_of(annotation).is_none_or(|profile| profile != *of_pod)
        {
            told.push(format!(
                "metadata.annotations[{key}]: deprecated since v1.30; use the \"appArmorProfile\" field instead"
            ));
        }
    }
    told
}

/// The path, the node's address and the node's port of a container's port.
type Port<'a> = (String, &'a str, i64);

/// All containers with their paths, in the order in which they are visited.
fn all_containers<'v>(spec: &'v Value, path: &str) -> Vec<(String, &'v Value)> {
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    let of = |key: &'static str| {
        list(&spec[key]).enumerate().map(move |(i, one)| (format!("{path}spec.{key}[{i}]"), one))
    };
    kinds.into_iter().flat_map(of).collect()
}

impl Pod<'_> {
    /// Where pods run.
    fn scheduling(&self, told: &mut Vec<String>) {
        let (spec, path) = (self.spec, self.path);
        for (key, why) in deprecated_labels(&spec["nodeSelector"]) {
            told.push(format!("{path}spec.nodeSelector[{key}]: {why}"));
        }
        let (affinity, path) =
            (&spec["affinity"]["nodeAffinity"], format!("{path}spec.affinity.nodeAffinity"));
        let required = "requiredDuringSchedulingIgnoredDuringExecution";
        for (i, term) in list(&affinity[required]["nodeSelectorTerms"]).enumerate() {
            selector_term(term, false, &format!("{path}.{required}.nodeSelectorTerms[{i}]"), told);
        }
        let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
        for (i, term) in list(&affinity[preferred]).enumerate() {
            let path = format!("{path}.{preferred}[{i}].preference");
            selector_term(&term["preference"], self.release.gates.newer_warnings, &path, told);
        }
        for (i, constraint) in list(&spec["topologySpreadConstraints"]).enumerate() {
            let path = format!("{}spec.topologySpreadConstraints[{i}]", self.path);
            let key = text(constraint, "topologyKey");
            if let Some(why) = deprecated_label(key) {
                told.push(format!("{path}.topologyKey: {key} is {why}"));
            }
            if constraint["labelSelector"].is_null() {
                told.push(format!("{path}.labelSelector: {NO_SELECTOR}"));
            }
        }
    }

    /// Annotations and volumes that are to go.
    fn deprecated(&self, told: &mut Vec<String>) {
        for (key, why) in ANNOTATIONS.iter().filter(|(key, _)| self.annotations.get(*key).is_some()) {
            told.push(format!("{}metadata.annotations[{key}]: {why}", self.path));
        }
        for (i, volume) in list(&self.spec["volumes"]).enumerate() {
            let path = format!("{}spec.volumes[{i}]", self.path);
            for (key, name, why) in PLUGINS.iter().filter(|(key, ..)| !volume[*key].is_null()) {
                match *key {
                    "ephemeral" => {
                        let path = format!("{path}.ephemeral.volumeClaimTemplate.spec");
                        let template = &volume["ephemeral"]["volumeClaimTemplate"];
                        volumes::of_claim_spec(&template["spec"], &path, told);
                    }
                    "gitRepo" if self.release.gates.newer_warnings => {
                        told.push(format!("{path}.{name}: {why}, and disabled by default in v1.33+"));
                    }
                    _ => told.push(format!("{path}.{name}: {why}")),
                }
            }
        }
    }

    /// Files in the place of a token.
    fn tokens(&self, told: &mut Vec<String>) {
        fn sources(volume: &Value) -> impl Iterator<Item = &Value> {
            list(&volume["projected"]["sources"])
        }
        let tokens: HashSet<&str> = list(&self.spec["volumes"])
            .flat_map(sources)
            .filter(|source| source["serviceAccountToken"].is_object())
            .map(|source| text(&source["serviceAccountToken"], "path"))
            .collect();
        let mut check = |place: String, path: &str| {
            if tokens.contains(path) {
                told.push(format!("{place}: has duplicated path with ServiceAccountToken {}", quote(path)));
            }
        };
        for (i, volume) in list(&self.spec["volumes"]).enumerate() {
            let place = format!("{}spec.volumes[{i}].projected.sources", self.path);
            for source in sources(volume) {
                for (key, name) in
                    [("configMap", "configMap"), ("secret", "secrets"), ("downwardAPI", "downwardAPI")]
                {
                    for (j, item) in list(&source[key]["items"]).enumerate() {
                        check(format!("{place}.{name}[{j}]"), text(item, "path"));
                    }
                }
                if source["clusterTrustBundle"].is_object() {
                    let path = text(&source["clusterTrustBundle"], "path");
                    check(format!("{place}.ClusterTrustBundle"), path);
                }
            }
        }
    }

    /// Items that are there twice.
    fn doubles(&self, told: &mut Vec<String>) {
        for (key, field) in [("hostAliases", "ip"), ("imagePullSecrets", "name")] {
            let mut seen = HashSet::new();
            for (i, value) in list(&self.spec[key]).map(|item| text(item, field)).enumerate() {
                if !seen.insert(value) {
                    told.push(format!(
                        "{}spec.{key}[{i}].{field}: duplicate {field} {}",
                        self.path,
                        quote(value)
                    ));
                }
            }
        }
        for (i, _) in
            list(&self.spec["imagePullSecrets"]).enumerate().filter(|(_, s)| text(s, "name").is_empty())
        {
            told.push(format!("{}spec.imagePullSecrets[{i}].name: invalid empty name \"\"", self.path));
        }
    }

    /// Bytes that are no whole number, and the pod's own profile.
    fn sizes(&self, told: &mut Vec<String>) {
        for resource in ["memory", "ephemeral-storage"] {
            fractional(&self.spec["overhead"], resource, &format!("{}spec.overhead", self.path), told);
        }
        if self.spec["securityContext"]["seccompProfile"].is_null()
            && self.annotations.get(SECCOMP_POD).is_some()
        {
            told.push(self.seccomp(SECCOMP_POD));
        }
    }

    fn seccomp(&self, key: &str) -> String {
        let why = "non-functional in v1.27+; use the \"seccompProfile\" field instead";
        format!("{}metadata.annotations[{key}]: {why}", self.path)
    }

    /// Each container by itself.
    fn containers(&self, told: &mut Vec<String>) {
        let of_pod = &self.spec["securityContext"]["appArmorProfile"];
        for (path, container) in all_containers(self.spec, self.path) {
            let (name, context) = (text(container, "name"), &container["securityContext"]);
            let key = format!("{SECCOMP}{name}");
            if context["seccompProfile"].is_null() && self.annotations.get(&key).is_some() {
                told.push(self.seccomp(&key));
            }
            let key = format!("{APPARMOR}{name}");
            // That of a pod is told before the field is filled in.
            if !self.path.is_empty()
                && context["appArmorProfile"].is_null()
                && let Some(annotation) = self.annotations[&key].as_str()
            {
                let same = if self.release.gates.newer_warnings {
                    !of_pod.is_null() && profile_of(annotation).as_ref() == Some(of_pod)
                } else {
                    !of_pod.is_null()
                };
                if !same {
                    let why = "deprecated since v1.30; use the \"appArmorProfile\" field instead";
                    told.push(format!("{}metadata.annotations[{key}]: {why}", self.path));
                }
            }
            for resource in ["memory", "ephemeral-storage"] {
                for key in ["limits", "requests"] {
                    let path = format!("{path}.resources.{key}");
                    fractional(&container["resources"][key], resource, &path, told);
                }
            }
            variables(container, &path, told);
        }
    }

    /// Ports that several containers have.
    fn ports(&self, told: &mut Vec<String>) {
        let mut all: HashMap<(i64, &str), Vec<Port<'_>>> = HashMap::new();
        for (path, container) in all_containers(self.spec, self.path) {
            for (i, port) in list(&container["ports"]).enumerate() {
                let number = |key: &str| port[key].as_i64().unwrap_or(0);
                let path = format!("{path}.ports[{i}]");
                let (address, host, inner) =
                    (text(port, "hostIP"), number("hostPort"), number("containerPort"));
                let protocol = text(port, "protocol");
                if !address.is_empty() && host == 0 {
                    let name = text(port, "name");
                    told.push(format!(
                        "{path}: hostIP set without hostPort: {{Name:{name} HostPort:{host} ContainerPort:{inner} \
                         Protocol:{protocol} HostIP:{address}}}"
                    ));
                }
                if told.len() >= MOST {
                    return;
                }
                let others = all.entry((inner, protocol)).or_default();
                for (other, other_address, other_host) in others.iter() {
                    let how = if (address, host) == (*other_address, *other_host) {
                        "duplicate"
                    } else if host == 0 || *other_host == 0 {
                        "overlapping"
                    } else if host == *other_host && address.is_empty() != other_address.is_empty() {
                        "dangerously ambiguous"
                    } else {
                        continue;
                    };
                    told.push(format!("{path}: {how} port definition with {other}"));
                }
                others.push((path, address, host));
            }
        }
    }

    /// Names that several ports have.
    fn port_names(&self, told: &mut Vec<String>) {
        let mut all: BTreeMap<&str, String> = BTreeMap::new();
        for (path, container) in all_containers(self.spec, self.path) {
            for (i, port) in list(&container["ports"]).enumerate() {
                let (name, path) = (text(port, "name"), format!("{path}.ports[{i}]"));
                if let Some(other) = all.get(name) {
                    told.push(format!(
                        "{path}: duplicate port name {name:?} with {other}, services and probes that select ports by \
                         name will use {other}"
                    ));
                } else if !name.is_empty() {
                    all.insert(name, path);
                }
            }
        }
    }

    /// How pods end, what they are near, and their addresses.
    fn rest(&self, told: &mut Vec<String>) {
        let (spec, path) = (self.spec, self.path);
        if spec["terminationGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds < 0) {
            told.push(format!(
                "{path}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be \
                 treated as 1"
            ));
        }
        for kind in ["podAffinity", "podAntiAffinity"] {
            for (key, inner) in [
                ("requiredDuringSchedulingIgnoredDuringExecution", ""),
                ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
            ] {
                for (i, term) in list(&spec["affinity"][kind][key]).enumerate() {
                    let (term, dot) = if inner.is_empty() { (term, "") } else { (&term[inner], ".") };
                    if term["labelSelector"].is_null() {
                        let place = format!("{path}spec.affinity.{kind}.{key}[{i}]{dot}{inner}");
                        told.push(format!("{place}.labelSelector: {NO_SELECTOR}"));
                    }
                }
            }
        }
        if self.release.gates.newer_warnings {
            let servers = &spec["dnsConfig"]["nameservers"];
            told.extend(each(self.release, servers, &format!("{path}spec.dnsConfig.nameservers"), ""));
            told.extend(each(self.release, &spec["hostAliases"], &format!("{path}spec.hostAliases"), "ip"));
        }
    }
}

/// Variables that hide others of their name.
fn variables(container: &Value, path: &str, told: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for (i, variable) in list(&container["env"]).enumerate() {
        let (name, value) = (text(variable, "name"), text(variable, "value"));
        let reference = format!("$({name})");
        let hides = !variable["valueFrom"].is_null() || value == reference || !value.contains(&reference);
        if !seen.insert(name) && hides {
            told.push(format!(
                "{path}.env[{i}]: hides previous definition of {name:?}, which may be dropped when using apply"
            ));
        }
    }
}
