//! `kubectl describe pod`.

use serde_json::Value;

use super::{Writer, items, or, time, write_map};
use crate::kubectl::printer::go_value;

/// Describes a pod.
pub fn describe(w: &mut Writer, pod: &Value) {
    let (spec, status, metadata) = (&pod["spec"], &pod["status"], &pod["metadata"]);
    w.line(0, format!("Name:\t{}", or(&metadata["name"], "")));
    w.line(0, format!("Namespace:\t{}", or(&metadata["namespace"], "")));
    if let Some(priority) = spec["priority"].as_i64() {
        w.line(0, format!("Priority:\t{priority}"));
        if let Some(class) = spec["priorityClassName"].as_str() {
            w.line(0, format!("Priority Class Name:\t{class}"));
        }
    }
    if let Some(account) = spec["serviceAccountName"].as_str().filter(|a| !a.is_empty()) {
        w.line(0, format!("Service Account:\t{account}"));
    }
    match spec["nodeName"].as_str().filter(|n| !n.is_empty()) {
        Some(node) => w.line(0, format!("Node:\t{node}/{}", or(&status["hostIP"], ""))),
        None => w.line(0, "Node:\t<none>"),
    }
    if status["startTime"].is_string() {
        w.line(0, format!("Start Time:\t{}", time(&status["startTime"])));
    }
    write_map(w, "Labels", &metadata["labels"], "=");
    write_map(w, "Annotations", &metadata["annotations"], ": ");
    if metadata["deletionTimestamp"].is_string() {
        w.line(
            0,
            format!(
                "Status:\tTerminating (lasts {})",
                crate::kubectl::age(or(&metadata["deletionTimestamp"], ""))
            ),
        );
        w.line(
            0,
            format!("Termination Grace Period:\t{}s", go_value(&metadata["deletionGracePeriodSeconds"])),
        );
    } else {
        w.line(0, format!("Status:\t{}", or(&status["phase"], "")));
    }
    for (title, key) in [("Reason", "reason"), ("Message", "message")] {
        if let Some(text) = status[key].as_str().filter(|t| !t.is_empty()) {
            w.line(0, format!("{title}:\t{text}"));
        }
    }
    if let Some(profile) = spec["securityContext"]["seccompProfile"]["type"].as_str() {
        w.line(0, format!("SeccompProfile:\t{profile}"));
    }
    w.line(0, format!("IP:\t{}", or(&status["podIP"], "")));
    let ips: Vec<&str> = items(&status["podIPs"]).filter_map(|i| i["ip"].as_str()).collect();
    if ips.is_empty() {
        w.line(0, "IPs:\t<none>");
    } else {
        w.line(0, "IPs:");
        for ip in ips {
            w.line(1, format!("IP:\t{ip}"));
        }
    }
    for owner in items(&metadata["ownerReferences"]).filter(|o| o["controller"] == true) {
        w.line(0, format!("Controlled By:\t{}/{}", or(&owner["kind"], ""), or(&owner["name"], "")));
    }
    for (title, specs, statuses) in [
        ("Init Containers", "initContainers", "initContainerStatuses"),
        ("Containers", "containers", "containerStatuses"),
    ] {
        if items(&spec[specs]).next().is_some() {
            w.line(0, format!("{title}:"));
            for container in items(&spec[specs]) {
                let state =
                    items(&status[statuses]).find(|s| s["name"] == container["name"]).unwrap_or(&Value::Null);
                one(w, container, state, or(&status["podIP"], ""));
            }
        }
    }
    if items(&status["conditions"]).next().is_some() {
        w.line(0, "Conditions:\n  Type\tStatus");
        for c in items(&status["conditions"]) {
            w.line(1, format!("{} \t{} ", or(&c["type"], ""), or(&c["status"], "")));
        }
    }
    volumes(w, spec);
    if let Some(class) = status["qosClass"].as_str() {
        w.line(0, format!("QoS Class:\t{class}"));
    }
    write_map(w, "Node-Selectors", &spec["nodeSelector"], "=");
    tolerations(w, spec);
}

fn one(w: &mut Writer, container: &Value, status: &Value, pod_ip: &str) {
    w.line(1, format!("{}:", or(&container["name"], "")));
    if !status.is_null() {
        w.line(2, format!("Container ID:\t{}", or(&status["containerID"], "")));
    }
    w.line(2, format!("Image:\t{}", or(&container["image"], "")));
    if !status.is_null() {
        w.line(2, format!("Image ID:\t{}", or(&status["imageID"], "")));
    }
    let ports = |key: &str| {
        let all: Vec<String> = items(&container["ports"])
            .map(|p| format!("{}/{}", p[key].as_i64().unwrap_or(0), or(&p["protocol"], "TCP")))
            .collect();
        if all.is_empty() { "<none>".to_owned() } else { all.join(", ") }
    };
    let word = if items(&container["ports"]).count() > 1 { "Ports" } else { "Port" };
    w.line(2, format!("{word}:\t{}", ports("containerPort")));
    w.line(2, format!("Host {word}:\t{}", ports("hostPort")));
    for (title, key) in [("Command", "command"), ("Args", "args")] {
        if items(&container[key]).next().is_some() {
            w.line(2, format!("{title}:"));
            for word in items(&container[key]) {
                for line in or(word, "").split('\n') {
                    w.line(3, line);
                }
            }
        }
    }
    if !status.is_null() {
        state(w, "State", &status["state"]);
        if status["lastState"]["terminated"].is_object() {
            state(w, "Last State", &status["lastState"]);
        }
        w.line(2, format!("Ready:\t{}", if status["ready"] == true { "True" } else { "False" }));
        w.line(2, format!("Restart Count:\t{}", status["restartCount"].as_i64().unwrap_or(0)));
    }
    for (title, key) in [("Limits", "limits"), ("Requests", "requests")] {
        if let Some(map) = container["resources"][key].as_object().filter(|m| !m.is_empty()) {
            w.line(2, format!("{title}:"));
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(k, _)| (*k).clone());
            for (name, value) in pairs {
                w.line(3, format!("{name}:\t{}", or(value, "")));
            }
        }
    }
    for (title, key) in
        [("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")]
    {
        if container[key].is_object() {
            w.line(2, format!("{title}:\t{}", probe(&container[key], pod_ip)));
        }
    }
    if items(&container["env"]).next().is_none() {
        w.line(2, "Environment:\t<none>");
    } else {
        w.line(2, "Environment:");
        for env in items(&container["env"]) {
            let value = match (&env["value"], &env["valueFrom"]) {
                (value, Value::Null) => or(value, "").to_owned(),
                (_, from) if from["fieldRef"].is_object() => format!(
                    " ({}:{})",
                    or(&from["fieldRef"]["apiVersion"], "v1"),
                    or(&from["fieldRef"]["fieldPath"], "")
                ),
                (_, from) if from["secretKeyRef"].is_object() => format!(
                    "<set to the key '{}' in secret '{}'>\tOptional: {}",
                    or(&from["secretKeyRef"]["key"], ""),
                    or(&from["secretKeyRef"]["name"], ""),
                    from["secretKeyRef"]["optional"].as_bool().unwrap_or(false)
                ),
                (_, from) => format!(
                    "<set to the key '{}' of config map '{}'>\tOptional: {}",
                    or(&from["configMapKeyRef"]["key"], ""),
                    or(&from["configMapKeyRef"]["name"], ""),
                    from["configMapKeyRef"]["optional"].as_bool().unwrap_or(false)
                ),
            };
            w.line(3, format!("{}:\t{value}", or(&env["name"], "")));
        }
    }
    let mut mounts: Vec<&Value> = items(&container["volumeMounts"]).collect();
    if mounts.is_empty() {
        w.line(2, "Mounts:\t<none>");
    } else {
        w.line(2, "Mounts:");
        mounts.sort_by_key(|m| or(&m["mountPath"], "").to_owned());
        for mount in mounts {
            let mut flags = vec![if mount["readOnly"] == true { "ro".to_owned() } else { "rw".to_owned() }];
            if let Some(path) = mount["subPath"].as_str().filter(|p| !p.is_empty()) {
                flags.push(format!("path=\"{path}\""));
            }
            w.line(
                3,
                format!(
                    "{} from {} ({})",
                    or(&mount["mountPath"], ""),
                    or(&mount["name"], ""),
                    flags.join(",")
                ),
            );
        }
    }
}

fn state(w: &mut Writer, title: &str, state: &Value) {
    if state["running"].is_object() {
        w.line(2, format!("{title}:\tRunning"));
        w.line(3, format!("Started:\t{}", time(&state["running"]["startedAt"])));
    } else if state["terminated"].is_object() {
        let end = &state["terminated"];
        w.line(2, format!("{title}:\tTerminated"));
        for (title, key) in [("Reason", "reason"), ("Message", "message")] {
            if let Some(text) = end[key].as_str().filter(|t| !t.is_empty()) {
                w.line(3, format!("{title}:\t{text}"));
            }
        }
        w.line(3, format!("Exit Code:\t{}", go_value(&end["exitCode"])));
        if let Some(signal) = end["signal"].as_i64().filter(|s| *s > 0) {
            w.line(3, format!("Signal:\t{signal}"));
        }
        w.line(3, format!("Started:\t{}", time(&end["startedAt"])));
        w.line(3, format!("Finished:\t{}", time(&end["finishedAt"])));
    } else {
        w.line(2, format!("{title}:\tWaiting"));
        if let Some(reason) = state["waiting"]["reason"].as_str().filter(|r| !r.is_empty()) {
            w.line(3, format!("Reason:\t{reason}"));
        }
    }
}

fn probe(probe: &Value, pod_ip: &str) -> String {
    let number = |key: &str, default: i64| probe[key].as_i64().unwrap_or(default);
    let attributes = format!(
        "delay={}s timeout={}s period={}s #success={} #failure={}",
        number("initialDelaySeconds", 0),
        number("timeoutSeconds", 1),
        number("periodSeconds", 10),
        number("successThreshold", 1),
        number("failureThreshold", 3)
    );
    let _ = pod_ip;
    if probe["httpGet"].is_object() {
        let get = &probe["httpGet"];
        let scheme = or(&get["scheme"], "HTTP").to_lowercase();
        return format!(
            "http-get {scheme}://{}:{}{} {attributes}",
            or(&get["host"], ""),
            go_value(&get["port"]),
            or(&get["path"], "")
        );
    }
    if probe["exec"].is_object() {
        return format!("exec {} {attributes}", go_value(&probe["exec"]["command"]));
    }
    if probe["grpc"].is_object() {
        return format!(
            "grpc <pod>:{} {} {attributes}",
            go_value(&probe["grpc"]["port"]),
            or(&probe["grpc"]["service"], "")
        );
    }
    format!(
        "tcp-socket {}:{} {attributes}",
        or(&probe["tcpSocket"]["host"], ""),
        go_value(&probe["tcpSocket"]["port"])
    )
}

fn volumes(w: &mut Writer, spec: &Value) {
    if items(&spec["volumes"]).next().is_none() {
        w.line(0, "Volumes:\t<none>");
        return;
    }
    w.line(0, "Volumes:");
    for volume in items(&spec["volumes"]) {
        w.line(1, format!("{}:", or(&volume["name"], "")));
        let pairs: Vec<(&str, String)> = if volume["hostPath"].is_object() {
            let path = &volume["hostPath"];
            vec![
                ("Type", "HostPath (bare host directory volume)".into()),
                ("Path", or(&path["path"], "").into()),
                ("HostPathType", or(&path["type"], "").into()),
            ]
        } else if volume["emptyDir"].is_object() {
            let dir = &volume["emptyDir"];
            vec![
                ("Type", "EmptyDir (a temporary directory that shares a pod's lifetime)".into()),
                ("Medium", or(&dir["medium"], "").into()),
                ("SizeLimit", or(&dir["sizeLimit"], "<unset>").into()),
            ]
        } else if volume["secret"].is_object() {
            let secret = &volume["secret"];
            vec![
                ("Type", "Secret (a volume populated by a Secret)".into()),
                ("SecretName", or(&secret["secretName"], "").into()),
                ("Optional", secret["optional"].as_bool().unwrap_or(false).to_string()),
            ]
        } else if volume["configMap"].is_object() {
            let map = &volume["configMap"];
            vec![
                ("Type", "ConfigMap (a volume populated by a ConfigMap)".into()),
                ("Name", or(&map["name"], "").into()),
                ("Optional", map["optional"].as_bool().unwrap_or(false).to_string()),
            ]
        } else if volume["projected"].is_object() {
            let mut pairs = vec![(
                "Type",
                "Projected (a volume that contains injected data from multiple sources)".to_owned(),
            )];
            for source in items(&volume["projected"]["sources"]) {
                if source["serviceAccountToken"].is_object() {
                    pairs.push((
                        "TokenExpirationSeconds",
                        go_value(&source["serviceAccountToken"]["expirationSeconds"]),
                    ));
                } else if source["configMap"].is_object() {
                    pairs.push(("ConfigMapName", or(&source["configMap"]["name"], "").into()));
                    pairs.push((
                        "ConfigMapOptional",
                        source["configMap"].get("optional").map_or("<nil>".into(), go_value),
                    ));
                } else if source["downwardAPI"].is_object() {
                    pairs.push(("DownwardAPI", "true".into()));
                } else if source["secret"].is_object() {
                    pairs.push(("SecretName", or(&source["secret"]["name"], "").into()));
                }
            }
            pairs
        } else {
            let kind = volume
                .as_object()
                .into_iter()
                .flatten()
                .map(|(k, _)| k.as_str())
                .find(|k| *k != "name")
                .unwrap_or("<unknown>");
            vec![("Type", kind.to_owned())]
        };
        for (title, value) in pairs {
            w.line(2, format!("{title}:\t{value}"));
        }
    }
}

fn tolerations(w: &mut Writer, spec: &Value) {
    let mut all: Vec<String> = items(&spec["tolerations"])
        .map(|t| {
            let mut text = or(&t["key"], "").to_owned();
            if let Some(value) = t["value"].as_str().filter(|v| !v.is_empty()) {
                text += &format!("={value}");
            }
            if let Some(effect) = t["effect"].as_str().filter(|e| !e.is_empty()) {
                text += &format!(":{effect}");
            }
            if t["operator"] == "Exists" && t["value"].as_str().is_none_or(str::is_empty) {
                text += if or(&t["key"], "").is_empty() && t["effect"].is_null() {
                    "op=Exists"
                } else {
                    " op=Exists"
                };
            }
            if let Some(seconds) = t["tolerationSeconds"].as_i64() {
                text += &format!(" for {seconds}s");
            }
            text
        })
        .collect();
    all.sort();
    if all.is_empty() {
        w.line(0, "Tolerations:\t<none>");
    }
    for (i, text) in all.iter().enumerate() {
        w.line(0, format!("{}\t{text}", if i == 0 { "Tolerations:" } else { "" }));
    }
}
