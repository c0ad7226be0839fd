//! The checks of the Pod Security Standards, in the order in which they are reported.
//!
//! Upstream: `k8s.io/pod-security-admission/policy/check_*.go`; <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Level;
use crate::apiserver::authorization::node::references::{containers, items, volumes};
use crate::go_quote::quote;

/// A check: level, first minor version, the check that replaces it at the restricted level, and what it finds.
struct Check {
    level: Level,
    since: u32,
    replaced_when_restricted: bool,
    find: fn(&Value, u32) -> Option<(&'static str, String)>,
}

const fn baseline(find: fn(&Value, u32) -> Option<(&'static str, String)>) -> Check {
    Check { level: Level::Baseline, since: 0, replaced_when_restricted: false, find }
}

const fn replaced(find: fn(&Value, u32) -> Option<(&'static str, String)>) -> Check {
    Check { replaced_when_restricted: true, ..baseline(find) }
}

const fn restricted(since: u32, find: fn(&Value, u32) -> Option<(&'static str, String)>) -> Check {
    Check { level: Level::Restricted, since, replaced_when_restricted: false, find }
}

/// Baseline checks first, then restricted ones; each by its id.
const CHECKS: [Check; 17] = [
    baseline(app_armor),
    replaced(capabilities_baseline),
    baseline(host_namespaces),
    replaced(host_path),
    baseline(host_ports),
    baseline(privileged),
    baseline(proc_mount),
    baseline(selinux),
    replaced(seccomp_baseline),
    baseline(sysctls),
    baseline(host_process),
    restricted(8, privilege_escalation),
    restricted(22, capabilities_restricted),
    restricted(0, restricted_volumes),
    restricted(0, run_as_non_root),
    restricted(23, run_as_user),
    restricted(19, seccomp_restricted),
];

/// The replacements and the first version of each: capabilities, volumes, seccomp.
const REPLACED_SINCE: [u32; 3] = [22, 0, 19];

/// What a pod does that a level of the policy's version 1.`minor` forbids: reason and detail, one of each a check.
pub(super) fn violations(pod: &Value, level: Level, minor: u32) -> Vec<(&'static str, String)> {
    if level == Level::Privileged {
        return Vec::new();
    }
    let mut since = REPLACED_SINCE.into_iter();
    let mut found = Vec::new();
    for check in &CHECKS {
        let gone = check.replaced_when_restricted && since.next().is_some_and(|since| minor >= since);
        let applies = match check.level {
            Level::Restricted => level == Level::Restricted && minor >= check.since,
            _ => level == Level::Baseline || !gone,
        };
        found.extend(Some(check).filter(|_| applies).and_then(|check| (check.find)(pod, minor)));
    }
    found
}

type Found = Option<(&'static str, String)>;

fn plural<'a>(one: &'a str, many: &'a str, count: usize) -> &'a str {
    if count == 1 { one } else { many }
}

/// `"a", "b"`, without escapes, as upstream writes it.
fn join<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    quoted.join(", ")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `container "a"` or `containers "a", "b"`.
fn named(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), join(names))
}

/// The names of the containers for which `bad` holds.
fn bad_containers<'a>(pod: &'a Value, mut bad: impl FnMut(&'a Value) -> bool) -> Vec<&'a str> {
    let mut names = Vec::new();
    for container in containers(pod) {
        if bad(container) {
            names.push(text(container, "name"));
        }
    }
    names
}

/// The pod itself and its containers, those for which `bad` holds, in words: `pod and container "a"`.
fn bad_setters<'a>(pod: &'a Value, mut bad: impl FnMut(&'a Value) -> bool) -> Option<String> {
    let mut setters = Vec::new();
    if bad(&pod["spec"]["securityContext"]) {
        setters.push("pod".to_owned());
    }
    let names = bad_containers(pod, |container| bad(&container["securityContext"]));
    if !names.is_empty() {
        setters.push(named(&names));
    }
    (!setters.is_empty()).then(|| setters.join(" and "))
}

fn is_windows(pod: &Value, minor: u32) -> bool {
    minor >= 25 && pod["spec"]["os"]["name"] == "windows"
}

fn app_armor(pod: &Value, _: u32) -> Found {
    let mut values = BTreeSet::new();
    let setters = bad_setters(pod, |context| {
        let Some(kind) = context["appArmorProfile"].get("type").and_then(Value::as_str) else { return false };
        let bad = !["RuntimeDefault", "Localhost"].contains(&kind);
        if bad {
            values.insert(kind.to_owned());
        }
        bad
    });
    let mut annotations: Vec<String> = pod["metadata"]["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| key.starts_with("container.apparmor.security.beta.kubernetes.io/"))
        .filter_map(|(key, value)| Some((key, value.as_str()?)))
        .filter(|(_, value)| {
            !value.is_empty() && *value != "runtime/default" && !value.starts_with("localhost/")
        })
        .map(|(key, value)| format!("{key}={}", quote(value)))
        .collect();
    annotations.sort();
    let mut setters: Vec<String> = setters.into_iter().collect();
    if !annotations.is_empty() {
        setters.push(plural("annotation", "annotations", annotations.len()).to_owned());
    }
    if setters.is_empty() {
        return None;
    }
    let values: Vec<String> = values.into_iter().chain(annotations).collect();
    let reason = plural("forbidden AppArmor profile", "forbidden AppArmor profiles", values.len());
    Some((
        reason,
        format!("{} must not set AppArmor profile type to {}", setters.join(" and "), join(&values)),
    ))
}

const DEFAULT_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Containers that add a capability which is not one of `allowed`, and those capabilities, in words.
fn added_capabilities(pod: &Value, allowed: &[&str]) -> Option<String> {
    let mut forbidden = BTreeSet::new();
    let names = bad_containers(pod, |container| {
        let added = items(&container["securityContext"]["capabilities"]["add"]).filter_map(Value::as_str);
        let bad: Vec<&str> = added.filter(|capability| !allowed.contains(capability)).collect();
        forbidden.extend(bad.iter().copied());
        !bad.is_empty()
    });
    let detail = || {
        format!("{} must not include {} in securityContext.capabilities.add", named(&names), join(&forbidden))
    };
    (!names.is_empty()).then(detail)
}

fn capabilities_baseline(pod: &Value, _: u32) -> Found {
    added_capabilities(pod, &DEFAULT_CAPABILITIES).map(|detail| ("non-default capabilities", detail))
}

fn capabilities_restricted(pod: &Value, minor: u32) -> Found {
    if is_windows(pod, minor) {
        return None;
    }
    let keeps = bad_containers(pod, |container| {
        items(&container["securityContext"]["capabilities"]["drop"]).all(|capability| capability != "ALL")
    });
    let mut details = Vec::new();
    if !keeps.is_empty() {
        details.push(format!("{} must set securityContext.capabilities.drop=[\"ALL\"]", named(&keeps)));
    }
    details.extend(added_capabilities(pod, &["NET_BIND_SERVICE"]));
    (!details.is_empty()).then(|| ("unrestricted capabilities", details.join("; ")))
}

fn host_namespaces(pod: &Value, _: u32) -> Found {
    let fields = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|field| pod["spec"][field] == true);
    let shown: Vec<String> = fields.map(|field| format!("{field}=true")).collect();
    (!shown.is_empty()).then(|| ("host namespaces", shown.join(", ")))
}

fn host_path(pod: &Value, _: u32) -> Found {
    let paths = volumes(pod).filter(|volume| volume.get("hostPath").is_some());
    let names: Vec<&str> = paths.map(|volume| text(volume, "name")).collect();
    let detail = || format!("{} {}", plural("volume", "volumes", names.len()), join(&names));
    (!names.is_empty()).then(|| ("hostPath volumes", detail()))
}

fn host_ports(pod: &Value, _: u32) -> Found {
    let mut ports = BTreeSet::new();
    let names = bad_containers(pod, |container| {
        let mut bad = false;
        for port in
            items(&container["ports"]).filter_map(|port| port["hostPort"].as_i64()).filter(|port| *port != 0)
        {
            ports.insert(port.to_string());
            bad = true;
        }
        bad
    });
    let detail = || {
        let listed: Vec<String> = ports.iter().cloned().collect();
        let (uses, port) =
            (plural("uses", "use", names.len()), plural("hostPort", "hostPorts", listed.len()));
        format!("{} {uses} {port} {}", named(&names), listed.join(", "))
    };
    (!names.is_empty()).then(|| ("hostPort", detail()))
}

fn privileged(pod: &Value, _: u32) -> Found {
    let names = bad_containers(pod, |container| container["securityContext"]["privileged"] == true);
    let detail = || format!("{} must not set securityContext.privileged=true", named(&names));
    (!names.is_empty()).then(|| ("privileged", detail()))
}

fn proc_mount(pod: &Value, _: u32) -> Found {
    let mut types = BTreeSet::new();
    let names = bad_containers(pod, |container| {
        let kind = container["securityContext"]["procMount"].as_str().filter(|kind| *kind != "Default");
        types.extend(kind);
        kind.is_some()
    });
    let detail = || format!("{} must not set securityContext.procMount to {}", named(&names), join(&types));
    (!names.is_empty()).then(|| ("procMount", detail()))
}

fn selinux(pod: &Value, minor: u32) -> Found {
    let allowed = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let allowed = if minor >= 31 { &allowed[..] } else { &allowed[..4] };
    let (mut types, mut user, mut role) = (BTreeSet::new(), false, false);
    let setters = bad_setters(pod, |context| {
        let options = &context["seLinuxOptions"];
        let kind = text(options, "type");
        let bad_type = !allowed.contains(&kind);
        if bad_type {
            types.insert(kind);
        }
        let (sets_user, sets_role) = (!text(options, "user").is_empty(), !text(options, "role").is_empty());
        user |= sets_user;
        role |= sets_role;
        bad_type || sets_user || sets_role
    })?;
    let mut bad = Vec::new();
    if !types.is_empty() {
        bad.push(format!("{} {}", plural("type", "types", types.len()), join(&types)));
    }
    if user {
        bad.push("user may not be set".to_owned());
    }
    if role {
        bad.push("role may not be set".to_owned());
    }
    let detail = format!("{setters} set forbidden securityContext.seLinuxOptions: {}", bad.join("; "));
    Some(("seLinuxOptions", detail))
}

/// A seccomp profile's type, where there is a profile.
fn seccomp_type(context: &Value) -> Option<&str> {
    context.get("seccompProfile").filter(|profile| !profile.is_null()).map(|profile| text(profile, "type"))
}

fn good_seccomp(kind: &str) -> bool {
    ["Localhost", "RuntimeDefault"].contains(&kind)
}

fn seccomp_baseline(pod: &Value, minor: u32) -> Found {
    if minor < 19 { seccomp_annotations(pod) } else { seccomp_fields(pod) }
}

fn seccomp_fields(pod: &Value) -> Found {
    let mut values = BTreeSet::new();
    let setters = bad_setters(pod, |context| {
        let bad = seccomp_type(context).filter(|kind| !good_seccomp(kind));
        values.extend(bad);
        bad.is_some()
    })?;
    let detail = format!("{setters} must not set securityContext.seccompProfile.type to {}", join(&values));
    Some(("seccompProfile", detail))
}

fn seccomp_annotations(pod: &Value) -> Found {
    let names = containers(pod).map(|container| text(container, "name"));
    let of_containers = names.map(|name| format!("container.seccomp.security.alpha.kubernetes.io/{name}"));
    let keys = std::iter::once("seccomp.security.alpha.kubernetes.io/pod".to_owned()).chain(of_containers);
    let good = |value: &str| {
        ["runtime/default", "docker/default"].contains(&value) || value.starts_with("localhost/")
    };
    let forbidden: BTreeSet<String> = keys
        .filter_map(|key| {
            let value = pod["metadata"]["annotations"][&key].as_str().filter(|value| !good(value))?;
            Some(format!("{key}={}", quote(value)))
        })
        .collect();
    let listed: Vec<String> = forbidden.into_iter().collect();
    let noun = plural("annotation", "annotations", listed.len());
    (!listed.is_empty()).then(|| ("seccompProfile", format!("forbidden {noun} {}", listed.join(", "))))
}

fn seccomp_restricted(pod: &Value, minor: u32) -> Found {
    if is_windows(pod, minor) {
        return None;
    }
    if let Some(found) = seccomp_fields(pod) {
        return Some(found);
    }
    if seccomp_type(&pod["spec"]["securityContext"]).is_some() {
        return None;
    }
    let names = bad_containers(pod, |container| seccomp_type(&container["securityContext"]).is_none());
    let must = "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"";
    (!names.is_empty()).then(|| ("seccompProfile", format!("pod or {} {must}", named(&names))))
}

/// Sysctls that are safe, with the first version that says so.
const SAFE_SYSCTLS: [(&str, u32); 10] = [
    ("kernel.shm_rmid_forced", 0),
    ("net.ipv4.ip_local_port_range", 0),
    ("net.ipv4.tcp_syncookies", 0),
    ("net.ipv4.ping_group_range", 0),
    ("net.ipv4.ip_unprivileged_port_start", 0),
    ("net.ipv4.ip_local_reserved_ports", 27),
    ("net.ipv4.tcp_keepalive_time", 29),
    ("net.ipv4.tcp_fin_timeout", 29),
    ("net.ipv4.tcp_keepalive_intvl", 29),
    ("net.ipv4.tcp_keepalive_probes", 29),
];

fn sysctls(pod: &Value, minor: u32) -> Found {
    let safe = |name: &str| SAFE_SYSCTLS.iter().any(|(safe, since)| *safe == name && minor >= *since);
    let all = items(&pod["spec"]["securityContext"]["sysctls"]).map(|sysctl| text(sysctl, "name"));
    let forbidden: Vec<&str> = all.filter(|name| !safe(name)).collect();
    (!forbidden.is_empty()).then(|| ("forbidden sysctls", forbidden.join(", ")))
}

fn host_process(pod: &Value, _: u32) -> Found {
    let setters = bad_setters(pod, |context| context["windowsOptions"]["hostProcess"] == true)?;
    Some(("hostProcess", format!("{setters} must not set securityContext.windowsOptions.hostProcess=true")))
}

fn privilege_escalation(pod: &Value, minor: u32) -> Found {
    if is_windows(pod, minor) {
        return None;
    }
    let names =
        bad_containers(pod, |container| container["securityContext"]["allowPrivilegeEscalation"] != false);
    let detail = || format!("{} must set securityContext.allowPrivilegeEscalation=false", named(&names));
    (!names.is_empty()).then(|| ("allowPrivilegeEscalation != false", detail()))
}

const FREE_VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

const RESTRICTED_VOLUMES: [&str; 21] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
];

fn restricted_volumes(pod: &Value, _: u32) -> Found {
    let has = |volume: &Value, kinds: &[&'static str]| {
        kinds.iter().copied().find(|kind| volume.get(kind).is_some_and(|source| !source.is_null()))
    };
    let bad: Vec<&Value> = volumes(pod).filter(|volume| has(volume, &FREE_VOLUMES).is_none()).collect();
    let types: BTreeSet<&str> =
        bad.iter().map(|volume| has(volume, &RESTRICTED_VOLUMES).unwrap_or("unknown")).collect();
    let detail = || {
        format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", bad.len()),
            join(bad.iter().map(|volume| text(volume, "name"))),
            plural("uses", "use", bad.len()),
            plural("restricted volume type", "restricted volume types", types.len()),
            join(&types)
        )
    };
    (!bad.is_empty()).then(|| ("restricted volume types", detail()))
}

fn run_as_non_root(pod: &Value, _: u32) -> Found {
    const REASON: &str = "runAsNonRoot != true";
    if let Some(setters) = bad_setters(pod, |context| context["runAsNonRoot"] == false) {
        return Some((REASON, format!("{setters} must not set securityContext.runAsNonRoot=false")));
    }
    if pod["spec"]["securityContext"]["runAsNonRoot"] == true {
        return None;
    }
    let names = bad_containers(pod, |container| container["securityContext"]["runAsNonRoot"].is_null());
    (!names.is_empty())
        .then(|| (REASON, format!("pod or {} must set securityContext.runAsNonRoot=true", named(&names))))
}

fn run_as_user(pod: &Value, _: u32) -> Found {
    let setters = bad_setters(pod, |context| context["runAsUser"] == 0)?;
    Some(("runAsUser=0", format!("{setters} must not set runAsUser=0")))
}
