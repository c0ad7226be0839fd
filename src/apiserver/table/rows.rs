//! The cells of each kind's rows, in the order of its columns.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::registry::ResourceType;
use super::{human_duration, pods, since};

const NONE: &str = "<none>";
const UNSET: &str = "<unset>";
const UNKNOWN: &str = "<unknown>";
/// The time that is none, in Go.
const NEVER: &str = "0001-01-01T00:00:00Z";

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, or: &'a str) -> &'a str {
    value.as_str().filter(|s| !s.is_empty()).unwrap_or(or)
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { NONE.to_owned() } else { words.join(",") }
}

fn count(value: &Value) -> usize {
    value.as_array().map_or_else(|| value.as_object().map_or(0, serde_json::Map::len), Vec::len)
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

/// `a=b,c=d`, or `<none>`.
fn labels(value: &Value) -> String {
    let words: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("")))
        .collect();
    or_none(&words)
}

/// A label selector as `metav1.FormatLabelSelector` prints it.
fn selector(value: &Value) -> String {
    let mut words: Vec<String> = value["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or("")))
        .collect();
    for expression in list(&value["matchExpressions"]) {
        let key = text(&expression["key"], "");
        let values: Vec<&str> = list(&expression["values"]).filter_map(Value::as_str).collect();
        let values = values.join(",");
        words.push(match text(&expression["operator"], "") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            _ => format!("!{key}"),
        });
    }
    words.sort();
    or_none(&words)
}

fn containers(template: &Value, key: &str) -> String {
    let names: Vec<&str> = list(&template["spec"]["containers"]).map(|c| text(&c[key], "")).collect();
    names.join(",")
}

fn access_modes(modes: &Value) -> String {
    let short = list(modes).map(|m| match m.as_str().unwrap_or("") {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        _ => "RWOP",
    });
    short.collect::<Vec<_>>().join(",")
}

/// What a component's health is, and why.
fn component(object: &Value, name: Value) -> Vec<Value> {
    let healthy = list(&object["conditions"]).find(|condition| condition["type"] == "Healthy");
    let status = match healthy.map(|condition| &condition["status"]) {
        None => "Unknown",
        Some(status) if status == "True" => "Healthy",
        Some(_) => "Unhealthy",
    };
    let word = |key: &str| json!(healthy.map_or("", |condition| text(&condition[key], "")));
    vec![name, json!(status), word("message"), word("error")]
}

/// The cells of an object.
pub fn cells(rt: &ResourceType, object: &Value, now: Timestamp) -> Vec<Value> {
    let (meta, spec, status) = (&object["metadata"], &object["spec"], &object["status"]);
    let name = json!(text(&meta["name"], ""));
    let age = json!(since(&meta["creationTimestamp"], now));
    match rt.plural {
        "pods" => pods::cells(object, now),
        "nodes" => node(object, name, age),
        "componentstatuses" => component(object, name),
        "namespaces" => vec![name, json!(text(&status["phase"], "")), age],
        "configmaps" => vec![name, json!(count(&object["data"]) + count(&object["binaryData"])), age],
        "secrets" => vec![name, json!(text(&object["type"], "")), json!(count(&object["data"])), age],
        "serviceaccounts" if !rt.release.gates.accounts_count_secrets => vec![name, age],
        "serviceaccounts" => vec![name, json!(count(&object["secrets"])), age],
        "services" => service(object, name, age),
        "endpoints" => vec![name, json!(endpoints(object)), age],
        "events" => event(object, name, now),
        "persistentvolumes" => {
            let claim = match &spec["claimRef"] {
                Value::Object(_) => format!(
                    "{}/{}",
                    text(&spec["claimRef"]["namespace"], ""),
                    text(&spec["claimRef"]["name"], "")
                ),
                _ => String::new(),
            };
            vec![
                name,
                json!(text(&spec["capacity"]["storage"], "0")),
                json!(access_modes(&spec["accessModes"])),
                json!(text(&spec["persistentVolumeReclaimPolicy"], "")),
                json!(terminating(meta, text(&status["phase"], ""))),
                json!(claim),
                json!(text(&spec["storageClassName"], "")),
                json!(text(&spec["volumeAttributesClassName"], UNSET)),
                json!(text(&status["reason"], "")),
                age,
                json!(text(&spec["volumeMode"], UNSET)),
            ]
        }
        "persistentvolumeclaims" => {
            let bound = !text(&spec["volumeName"], "").is_empty();
            vec![
                name,
                json!(terminating(meta, text(&status["phase"], ""))),
                json!(text(&spec["volumeName"], "")),
                json!(if bound { text(&status["capacity"]["storage"], "0") } else { "" }),
                json!(if bound { access_modes(&status["accessModes"]) } else { String::new() }),
                json!(text(&spec["storageClassName"], "")),
                json!(text(&spec["volumeAttributesClassName"], UNSET)),
                age,
                json!(text(&spec["volumeMode"], UNSET)),
            ]
        }
        "resourcequotas" => {
            let side = |limits: bool| {
                let hard = status["hard"].as_object().into_iter().flatten();
                let shown = hard.filter(|(k, _)| k.starts_with("limits.") == limits);
                let used = |k: &str| text(&status["used"][k], "0").to_owned();
                shown.map(|(k, v)| format!("{k}: {}/{}", used(k), text(v, ""))).collect::<Vec<_>>().join(", ")
            };
            let (requests, limits) = (json!(side(false)), json!(side(true)));
            if rt.release.gates.quotas_age_last {
                vec![name, requests, limits, age]
            } else {
                vec![name, age, requests, limits]
            }
        }
        "leases" => vec![name, json!(text(&spec["holderIdentity"], "")), age],
        "csinodes" => vec![name, json!(count(&spec["drivers"])), age],
        "runtimeclasses" => vec![name, json!(text(&object["handler"], "")), age],
        "priorityclasses" => {
            let mut cells =
                vec![name, json!(number(&object["value"])), json!(object["globalDefault"] == true), age];
            if rt.release.gates.classes_show_preemption {
                cells.push(json!(text(&object["preemptionPolicy"], "")));
            }
            cells
        }
        "storageclasses" => {
            let default = meta["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true";
            let shown = text(&name, "").to_owned() + if default { " (default)" } else { "" };
            vec![
                json!(shown),
                json!(text(&object["provisioner"], "")),
                json!(text(&object["reclaimPolicy"], "Delete")),
                json!(text(&object["volumeBindingMode"], "Immediate")),
                json!(object["allowVolumeExpansion"] == true),
                age,
            ]
        }
        "csidrivers" => {
            let requests: Vec<String> =
                list(&spec["tokenRequests"]).map(|t| text(&t["audience"], "").to_owned()).collect();
            let modes: Vec<String> =
                list(&spec["volumeLifecycleModes"]).map(|m| text(m, "").to_owned()).collect();
            vec![
                name,
                json!(spec["attachRequired"] != false),
                json!(spec["podInfoOnMount"] == true),
                json!(spec["storageCapacity"] == true),
                json!(if requests.is_empty() { UNSET.to_owned() } else { requests.join(",") }),
                json!(spec["requiresRepublish"] == true),
                json!(or_none(&modes)),
                age,
            ]
        }
        "rolebindings" | "clusterrolebindings" => binding(object, name, age),
        "certificatesigningrequests" => {
            let duration = spec["expirationSeconds"].as_i64().map_or_else(|| NONE.to_owned(), human_duration);
            vec![
                name,
                age,
                json!(text(&spec["signerName"], NONE)),
                json!(text(&spec["username"], "")),
                json!(duration),
                json!(csr_status(status)),
            ]
        }
        "deployments" => vec![
            name,
            json!(format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"]))),
            json!(number(&status["updatedReplicas"])),
            json!(number(&status["availableReplicas"])),
            age,
            json!(containers(&spec["template"], "name")),
            json!(containers(&spec["template"], "image")),
            // Unlike the others, it says nothing of a selector that is none.
            json!(if spec["selector"].is_null() { String::new() } else { selector(&spec["selector"]) }),
        ],
        "replicasets" => vec![
            name,
            json!(number(&spec["replicas"])),
            json!(number(&status["replicas"])),
            json!(number(&status["readyReplicas"])),
            age,
            json!(containers(&spec["template"], "name")),
            json!(containers(&spec["template"], "image")),
            json!(selector(&spec["selector"])),
        ],
        "daemonsets" => vec![
            name,
            json!(number(&status["desiredNumberScheduled"])),
            json!(number(&status["currentNumberScheduled"])),
            json!(number(&status["numberReady"])),
            json!(number(&status["updatedNumberScheduled"])),
            json!(number(&status["numberAvailable"])),
            json!(labels(&spec["template"]["spec"]["nodeSelector"])),
            age,
            json!(containers(&spec["template"], "name")),
            json!(containers(&spec["template"], "image")),
            json!(selector(&spec["selector"])),
        ],
        "poddisruptionbudgets" => {
            let shown = |v: &Value| match v {
                Value::Null => "N/A".to_owned(),
                Value::String(s) => s.clone(),
                other => other.to_string(),
            };
            vec![
                name,
                json!(shown(&spec["minAvailable"])),
                json!(shown(&spec["maxUnavailable"])),
                json!(number(&status["disruptionsAllowed"])),
                age,
            ]
        }
        "endpointslices" => {
            let ports: Vec<String> = list(&object["ports"]).map(|p| number(&p["port"]).to_string()).collect();
            let addresses: Vec<String> = list(&object["endpoints"])
                .flat_map(|e| list(&e["addresses"]).map(|a| text(a, "").to_owned()))
                .collect();
            let unset = |words: &[String]| if words.is_empty() { UNSET.to_owned() } else { first(words, 3) };
            vec![
                name,
                json!(text(&object["addressType"], "")),
                json!(unset(&ports)),
                json!(unset(&addresses)),
                age,
            ]
        }
        _ => vec![name, json!(text(&meta["creationTimestamp"], NEVER))],
    }
}

fn first(words: &[String], most: usize) -> String {
    if words.len() <= most {
        words.join(",")
    } else {
        format!("{} + {} more...", words[..most].join(","), words.len() - most)
    }
}

fn terminating<'a>(meta: &Value, phase: &'a str) -> &'a str {
    if meta["deletionTimestamp"].is_string() { "Terminating" } else { phase }
}

fn node(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let ready = list(&status["conditions"]).find(|c| c["type"] == "Ready");
    let mut word = match ready {
        Some(c) if c["status"] == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if spec["unschedulable"] == true {
        word.push_str(",SchedulingDisabled");
    }
    let mut roles: Vec<String> = Vec::new();
    for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        let role = match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => role,
            None if key == "kubernetes.io/role" => value.as_str().unwrap_or(""),
            None => "",
        };
        if !role.is_empty() && !roles.iter().any(|r| r == role) {
            roles.push(role.to_owned());
        }
    }
    roles.sort();
    let address = |kind: &str| {
        let found = list(&status["addresses"]).find(|a| a["type"] == kind);
        json!(found.map_or(NONE, |a| text(&a["address"], NONE)))
    };
    let info = &status["nodeInfo"];
    vec![
        name,
        json!(word),
        json!(or_none(&roles)),
        age,
        json!(text(&info["kubeletVersion"], "")),
        address("InternalIP"),
        address("ExternalIP"),
        json!(text(&info["osImage"], UNKNOWN)),
        json!(text(&info["kernelVersion"], UNKNOWN)),
        json!(text(&info["containerRuntimeVersion"], UNKNOWN)),
    ]
}

fn service(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let spec = &object["spec"];
    let external: Vec<String> = list(&spec["externalIPs"]).map(|ip| text(ip, "").to_owned()).collect();
    let kind = text(&spec["type"], "");
    let external = match kind {
        "" => UNKNOWN.to_owned(),
        "ExternalName" => text(&spec["externalName"], "").to_owned(),
        "LoadBalancer" if external.is_empty() => {
            let ips: Vec<String> = list(&object["status"]["loadBalancer"]["ingress"])
                .map(|i| text(&i["ip"], text(&i["hostname"], "")).to_owned())
                .collect();
            if ips.is_empty() { "<pending>".to_owned() } else { ips.join(",") }
        }
        _ => or_none(&external),
    };
    let ports: Vec<String> = list(&spec["ports"])
        .map(|p| match number(&p["nodePort"]) {
            0 => format!("{}/{}", number(&p["port"]), text(&p["protocol"], "TCP")),
            node => format!("{}:{node}/{}", number(&p["port"]), text(&p["protocol"], "TCP")),
        })
        .collect();
    vec![
        name,
        json!(kind),
        json!(text(&spec["clusterIP"], NONE)),
        json!(external),
        json!(or_none(&ports)),
        age,
        json!(labels(&spec["selector"])),
    ]
}

fn endpoints(object: &Value) -> String {
    let mut found = Vec::new();
    for subset in list(&object["subsets"]) {
        for address in list(&subset["addresses"]) {
            let ip = text(&address["ip"], "");
            if count(&subset["ports"]) == 0 {
                found.push(ip.to_owned());
            }
            found.extend(list(&subset["ports"]).map(|p| format!("{ip}:{}", number(&p["port"]))));
        }
    }
    if found.is_empty() { NONE.to_owned() } else { first(&found, 3) }
}

fn event(object: &Value, name: Value, now: Timestamp) -> Vec<Value> {
    let regarding =
        if object["involvedObject"].is_object() { &object["involvedObject"] } else { &object["regarding"] };
    let pick = |a: &str, b: &str| if object[a].is_null() { object[b].clone() } else { object[a].clone() };
    let stamp = |v: Value| if v.is_string() { v } else { object["eventTime"].clone() };
    let first = stamp(pick("firstTimestamp", "deprecatedFirstTimestamp"));
    let mut last = pick("lastTimestamp", "deprecatedLastTimestamp");
    if object["series"].is_object() {
        last = object["series"]["lastObservedTime"].clone();
    } else if !last.is_string() {
        last = first.clone();
    }
    let source = if object["source"].is_object() { &object["source"] } else { &object["deprecatedSource"] };
    let mut from = text(&source["component"], text(&object["reportingComponent"], "")).to_owned();
    let host = text(&source["host"], "");
    if !host.is_empty() {
        from = format!("{from}, {host}");
    }
    let times = number(&object["series"]["count"])
        .max(number(&object["count"]))
        .max(number(&object["deprecatedCount"]))
        .max(1);
    let mut about = text(&regarding["kind"], "").to_lowercase();
    let named = text(&regarding["name"], "");
    if !named.is_empty() {
        about = format!("{about}/{named}");
    }
    vec![
        json!(since(&last, now)),
        json!(text(&object["type"], "")),
        json!(text(&object["reason"], "")),
        json!(about),
        json!(text(&regarding["fieldPath"], "")),
        json!(from),
        json!(text(&object["message"], text(&object["note"], "")).trim()),
        json!(since(&first, now)),
        json!(times),
        name,
    ]
}

fn binding(object: &Value, name: Value, age: Value) -> Vec<Value> {
    let role = format!("{}/{}", text(&object["roleRef"]["kind"], ""), text(&object["roleRef"]["name"], ""));
    let of = |kind: &str| {
        let found = list(&object["subjects"]).filter(|s| s["kind"] == kind);
        let names = found.map(|s| match kind {
            "ServiceAccount" => format!("{}/{}", text(&s["namespace"], ""), text(&s["name"], "")),
            _ => text(&s["name"], "").to_owned(),
        });
        json!(names.collect::<Vec<_>>().join(", "))
    };
    vec![name, json!(role), age, of("User"), of("Group"), of("ServiceAccount")]
}

fn csr_status(status: &Value) -> String {
    let has = |kind: &str| list(&status["conditions"]).any(|c| c["type"] == kind);
    let mut words = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied".to_owned(),
        (_, true) => "Approved".to_owned(),
        _ => "Pending".to_owned(),
    };
    if has("Failed") {
        words.push_str(",Failed");
    }
    if !text(&status["certificate"], "").is_empty() {
        words.push_str(",Issued");
    }
    words
}
