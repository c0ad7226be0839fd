//! A pod's row: ready containers, the status word, restarts.
//!
//! Upstream: `printPod` in `kubernetes/pkg/printers/internalversion/printers.go`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::since;

/// The row's conditions: finished pods may be hidden by clients.
pub fn conditions(pod: &Value) -> Option<Value> {
    let (reason, message) = match pod["status"]["phase"].as_str()? {
        "Succeeded" => ("Succeeded", "The pod has completed successfully."),
        "Failed" => ("Failed", "The pod failed."),
        _ => return None,
    };
    Some(json!([{"type": "Completed", "status": "True", "reason": reason, "message": message}]))
}

fn list(value: &Value) -> impl DoubleEndedIterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, or: &'a str) -> &'a str {
    value.as_str().filter(|s| !s.is_empty()).unwrap_or(or)
}

fn condition<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    list(&pod["status"]["conditions"]).find(|c| c["type"] == kind)
}

#[derive(Default)]
struct Count {
    restarts: i64,
    last: String,
}

impl Count {
    fn add(&mut self, status: &Value) {
        self.restarts += status["restartCount"].as_i64().unwrap_or(0);
        let finished = status["lastState"]["terminated"]["finishedAt"].as_str().unwrap_or("");
        if finished > self.last.as_str() {
            self.last = finished.to_owned();
        }
    }
}

fn ended(terminated: &Value) -> String {
    match (terminated["reason"].as_str().unwrap_or(""), terminated["signal"].as_i64().unwrap_or(0)) {
        ("", 0) => format!("ExitCode:{}", terminated["exitCode"].as_i64().unwrap_or(0)),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

/// The cells of a pod.
pub fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let phase = status["phase"].as_str().unwrap_or("");
    let mut reason = text(&status["reason"], phase).to_owned();
    if condition(pod, "PodScheduled").is_some_and(|c| c["reason"] == "SchedulingGated") {
        reason = "SchedulingGated".into();
    }
    let restartable = |name: &Value| {
        list(&spec["initContainers"]).any(|c| c["name"] == *name && c["restartPolicy"] == "Always")
    };
    let inits = list(&spec["initContainers"]).count();
    let total = list(&spec["containers"]).count()
        + list(&spec["initContainers"]).filter(|c| c["restartPolicy"] == "Always").count();
    let (mut all, mut sidecars) = (Count::default(), Count::default());
    let (mut ready, mut initializing) = (0, false);
    for (i, container) in list(&status["initContainerStatuses"]).enumerate() {
        all.add(container);
        let state = &container["state"];
        let sidecar = restartable(&container["name"]);
        if sidecar {
            sidecars.add(container);
        }
        let waiting = state["waiting"]["reason"].as_str().unwrap_or("");
        if state["terminated"].is_object() && state["terminated"]["exitCode"] == 0 {
            continue;
        } else if sidecar && container["started"] == true {
            ready += usize::from(container["ready"] == true);
            continue;
        } else if state["terminated"].is_object() {
            reason = format!("Init:{}", ended(&state["terminated"]));
        } else if !waiting.is_empty() && waiting != "PodInitializing" {
            reason = format!("Init:{waiting}");
        } else {
            reason = format!("Init:{i}/{inits}");
        }
        initializing = true;
        break;
    }
    let mut count = all;
    if !initializing || condition(pod, "Initialized").is_some_and(|c| c["status"] == "True") {
        count = sidecars;
        let mut running = false;
        for container in list(&status["containerStatuses"]).rev() {
            count.add(container);
            let state = &container["state"];
            let waiting = state["waiting"]["reason"].as_str().unwrap_or("");
            if !waiting.is_empty() {
                reason = waiting.to_owned();
            } else if state["terminated"].is_object() {
                reason = ended(&state["terminated"]);
            } else if container["ready"] == true && state["running"].is_object() {
                running = true;
                ready += 1;
            }
        }
        if reason == "Completed" && running {
            let is_ready = condition(pod, "Ready").is_some_and(|c| c["status"] == "True");
            reason = if is_ready { "Running" } else { "NotReady" }.into();
        }
    }
    if pod["metadata"]["deletionTimestamp"].is_string() {
        if status["reason"] == "NodeLost" {
            reason = "Unknown".into();
        } else if phase != "Succeeded" && phase != "Failed" {
            reason = "Terminating".into();
        }
    }
    let restarts = if count.restarts != 0 && !count.last.is_empty() {
        format!("{} ({} ago)", count.restarts, since(&Value::String(count.last), now))
    } else {
        count.restarts.to_string()
    };
    let gates: Vec<&Value> = list(&spec["readinessGates"]).collect();
    let gates = if gates.is_empty() {
        "<none>".to_owned()
    } else {
        let open = gates.iter().filter(|g| {
            condition(pod, g["conditionType"].as_str().unwrap_or("")).is_some_and(|c| c["status"] == "True")
        });
        format!("{}/{}", open.count(), gates.len())
    };
    vec![
        json!(pod["metadata"]["name"].as_str().unwrap_or("")),
        json!(format!("{ready}/{total}")),
        json!(reason),
        json!(restarts),
        json!(since(&pod["metadata"]["creationTimestamp"], now)),
        json!(text(&status["podIPs"][0]["ip"], "<none>")),
        json!(text(&spec["nodeName"], "<none>")),
        json!(text(&status["nominatedNodeName"], "<none>")),
        json!(gates),
    ]
}
