//! `kubectl describe node`.

use serde_json::Value;

use super::{Writer, events, items, or, time, write_events, write_map};
use crate::kubectl::fail::Result;
use crate::kubectl::select::Info;
use crate::kubectl::{Session, age};

/// Describes a node with its lease, its pods and what they ask for.
pub async fn describe(session: &Session, info: &Info) -> Result<String> {
    let node = &info.object;
    let client = session.client()?;
    let lease = client
        .get(&format!("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{}", info.name))
        .await;
    let pods = client
        .get(&format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{},status.phase!%3DSucceeded,status.phase!%3DFailed&limit=500", info.name))
        .await;
    let mut w = Writer::default();
    let metadata = &node["metadata"];
    w.line(0, format!("Name:\t{}", info.name));
    let mut roles: Vec<&str> = metadata["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    roles.sort_unstable();
    w.line(0, format!("Roles:\t{}", if roles.is_empty() { "<none>".into() } else { roles.join(",") }));
    write_map(&mut w, "Labels", &metadata["labels"], "=");
    write_map(&mut w, "Annotations", &metadata["annotations"], ": ");
    w.line(0, format!("CreationTimestamp:\t{}", time(&metadata["creationTimestamp"])));
    let mut taints: Vec<String> = items(&node["spec"]["taints"])
        .map(|t| {
            let value =
                t["value"].as_str().filter(|v| !v.is_empty()).map(|v| format!("={v}")).unwrap_or_default();
            format!("{}{value}:{}", or(&t["key"], ""), or(&t["effect"], ""))
        })
        .collect();
    taints.sort();
    for (i, taint) in taints.iter().enumerate() {
        w.line(0, format!("{}\t{taint}", if i == 0 { "Taints:" } else { "" }));
    }
    if taints.is_empty() {
        w.line(0, "Taints:\t<none>");
    }
    w.line(0, format!("Unschedulable:\t{}", node["spec"]["unschedulable"].as_bool().unwrap_or(false)));
    match &lease {
        Err(fail) => w.line(0, format!("Lease:\tFailed to get lease: {}", fail.message())),
        Ok(lease) => {
            w.line(0, "Lease:");
            w.line(1, format!("HolderIdentity:\t{}", or(&lease["spec"]["holderIdentity"], "<unset>")));
            w.line(1, format!("AcquireTime:\t{}", time(&lease["spec"]["acquireTime"])));
            w.line(1, format!("RenewTime:\t{}", time(&lease["spec"]["renewTime"])));
        }
    }
    conditions(&mut w, node);
    w.line(0, "Addresses:");
    for address in items(&node["status"]["addresses"]) {
        w.line(1, format!("{}:\t{}", or(&address["type"], ""), or(&address["address"], "")));
    }
    for (field, title) in [("capacity", "Capacity:"), ("allocatable", "Allocatable:")] {
        if let Some(map) = node["status"][field].as_object().filter(|m| !m.is_empty()) {
            w.line(0, title);
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(k, _)| (*k).clone());
            for (key, value) in pairs {
                w.line(1, format!("{key}:\t{}", or(value, "")));
            }
        }
    }
    system_info(&mut w, node);
    match &pods {
        Ok(list) => allocated(&mut w, node, &items(&list["items"]).collect::<Vec<_>>()),
        Err(_) => w.line(0, "Pods:\tnot authorized"),
    }
    let found = events(session, info).await;
    write_events(&mut w, &found);
    Ok(w.finish())
}

fn conditions(w: &mut Writer, node: &Value) {
    let mut all = items(&node["status"]["conditions"]).peekable();
    if all.peek().is_none() {
        return;
    }
    w.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    w.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for c in all {
        w.line(
            1,
            format!(
                "{} \t{} \t{} \t{} \t{} \t{}",
                or(&c["type"], ""),
                or(&c["status"], ""),
                time(&c["lastHeartbeatTime"]),
                time(&c["lastTransitionTime"]),
                or(&c["reason"], ""),
                or(&c["message"], "")
            ),
        );
    }
}

fn system_info(w: &mut Writer, node: &Value) {
    let info = &node["status"]["nodeInfo"];
    w.line(0, "System Info:");
    for (title, key) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
        ("Kube-Proxy Version", "kubeProxyVersion"),
    ] {
        w.line(1, format!("{title}:\t{}", or(&info[key], "")));
    }
    for (title, key) in [("PodCIDR", "podCIDR"), ("ProviderID", "providerID")] {
        if let Some(value) = node["spec"][key].as_str().filter(|v| !v.is_empty()) {
            w.line(0, format!("{title}:\t{value}"));
        }
    }
    let cidrs: Vec<&str> = items(&node["spec"]["podCIDRs"]).filter_map(Value::as_str).collect();
    if !cidrs.is_empty() {
        w.line(0, format!("PodCIDRs:\t{}", cidrs.join(",")));
    }
}

/// A quantity in thousandths; enough for what is summed up here.
fn milli(text: &str) -> i128 {
    const UNITS: &[(&str, i128)] = &[
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    if let Some(number) = text.strip_suffix('m') {
        return number.parse().unwrap_or(0);
    }
    let (number, factor) =
        UNITS.iter().find_map(|(u, f)| text.strip_suffix(u).map(|n| (n, *f))).unwrap_or((text, 1));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = whole.parse().unwrap_or(0);
    let part: i128 = format!("{part:0<3}")[..3].parse().unwrap_or(0);
    (whole * 1000 + part) * factor
}

fn shown(resource: &str, milli: i128) -> String {
    if resource == "cpu" {
        return if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") };
    }
    let bytes = milli / 1000;
    for (unit, factor) in [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1_i128 << 10)] {
        if bytes != 0 && bytes % factor == 0 {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}

/// What the containers of a pod ask for, or may use, of a resource.
fn asked(pod: &Value, kind: &str, resource: &str) -> i128 {
    let of = |c: &Value| c["resources"][kind][resource].as_str().map_or(0, milli);
    let sum: i128 = items(&pod["spec"]["containers"]).map(of).sum();
    let init = items(&pod["spec"]["initContainers"]).map(of).max().unwrap_or(0);
    sum.max(init)
}

fn allocated(w: &mut Writer, node: &Value, pods: &[&Value]) {
    let capacity = |resource: &str| {
        let status = &node["status"];
        status["allocatable"][resource].as_str().or(status["capacity"][resource].as_str()).map_or(0, milli)
    };
    let percent = |used: i128, resource: &str| match capacity(resource) {
        0 => 0,
        all => used * 100 / all,
    };
    w.line(0, format!("Non-terminated Pods:\t({} in total)", pods.len()));
    w.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    w.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let cell =
        |used: i128, resource: &str| format!("{} ({}%)", shown(resource, used), percent(used, resource));
    for pod in pods {
        let cells: Vec<String> =
            [("cpu", "requests"), ("cpu", "limits"), ("memory", "requests"), ("memory", "limits")]
                .iter()
                .map(|(resource, kind)| cell(asked(pod, kind, resource), resource))
                .collect();
        w.line(
            1,
            format!(
                "{}\t{}\t\t{}\t{}",
                or(&pod["metadata"]["namespace"], ""),
                or(&pod["metadata"]["name"], ""),
                cells.join("\t"),
                age(or(&pod["metadata"]["creationTimestamp"], ""))
            ),
        );
    }
    w.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    w.line(1, "Resource\tRequests\tLimits");
    w.line(1, "--------\t--------\t------");
    let mut resources = vec!["cpu", "memory", "ephemeral-storage"];
    let huge: Vec<&String> = node["status"]["allocatable"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, _)| k)
        .filter(|k| k.starts_with("hugepages-"))
        .collect();
    resources.extend(huge.iter().map(|k| k.as_str()));
    for resource in resources {
        let sum = |kind: &str| pods.iter().map(|p| asked(p, kind, resource)).sum::<i128>();
        w.line(
            1,
            format!("{resource}\t{}\t{}", cell(sum("requests"), resource), cell(sum("limits"), resource)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        assert_eq!(milli("250m"), 250);
        assert_eq!(milli("1.5"), 1500);
        assert_eq!(shown("cpu", milli("850m")), "850m");
        assert_eq!(shown("memory", milli("170Mi")), "170Mi");
        assert_eq!(shown("memory", 0), "0");
    }
}
