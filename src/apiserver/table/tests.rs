#![allow(clippy::unwrap_used)]

use super::*;
use crate::apiserver::registry::{all, find};

fn row(plural: &str, object: Value) -> Vec<String> {
    let rt = find(crate::release::default_release(), "", "v1", plural).unwrap();
    let now = "2024-01-01T00:10:00Z".parse().unwrap();
    let options = TableOptions { include: IncludeObject::Metadata, no_headers: false, version: "v1", now };
    let table = render(rt, &[Arc::new(object)], json!({}), &options);
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    cells.iter().map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned)).collect()
}

#[test]
fn every_listed_resource_has_a_cell_for_each_column() {
    for rt in all(crate::release::default_release()).iter().filter(|rt| rt.stored()) {
        let object = json!({"metadata": {"name": "x", "creationTimestamp": "2024-01-01T00:00:00Z"}});
        let cells = rows::cells(rt, &object, Timestamp::UNIX_EPOCH);
        assert_eq!(cells.len(), columns(rt).as_array().unwrap().len(), "{}", rt.plural);
    }
}

#[test]
fn ages() {
    for (seconds, text) in [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (10_800, "3h"),
        (11_100, "3h5m"),
        (36_000, "10h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (864_000, "10d"),
    ] {
        assert_eq!(human_duration(seconds), text);
    }
}

#[test]
fn nodes_and_pods() {
    let node = json!({"metadata": {"name": "cp", "creationTimestamp": "2024-01-01T00:00:00Z",
        "labels": {"node-role.kubernetes.io/control-plane": ""}}, "spec": {"unschedulable": true},
        "status": {"conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "172.30.1.2"}],
            "nodeInfo": {"kubeletVersion": "v1.31.0"}}});
    assert_eq!(
        row("nodes", node)[..7],
        ["cp", "Ready,SchedulingDisabled", "control-plane", "10m", "v1.31.0", "172.30.1.2", "<none>"]
    );
    let mut pod = json!({"metadata": {"name": "p", "creationTimestamp": "2024-01-01T00:00:00Z"},
        "spec": {"containers": [{"name": "c"}]}, "status": {"phase": "Running", "containerStatuses": [
            {"name": "c", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"finishedAt": "2024-01-01T00:09:30Z"}}}]}});
    assert_eq!(row("pods", pod.clone())[..5], ["p", "0/1", "CrashLoopBackOff", "3 (30s ago)", "10m"]);
    pod["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:09:30Z");
    assert_eq!(row("pods", pod)[2], "Terminating");
}
