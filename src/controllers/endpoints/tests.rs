//! What is behind Services of all sorts.

use serde_json::{Value, json};

use super::backends::backends;
use super::*;

fn service(spec: Value) -> Value {
    let mut spec = spec;
    spec["selector"] = json!({"app": "web"});
    json!({"metadata": {"name": "web", "namespace": "n", "labels": {"app": "web"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": spec})
}

fn pod(name: &str, ip: &str, is_ready: bool) -> Value {
    json!({"metadata": {"name": name, "namespace": "n", "uid": name, "labels": {"app": "web", "more": "x"}},
        "spec": {"nodeName": "node01", "containers": [{"ports": [{"name": "http", "containerPort": 8080}]}]},
        "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": if is_ready { "True" } else { "False" },
            "lastTransitionTime": format!("2026-01-0{}T00:00:00Z", name.len())}]}})
}

fn target(name: &str) -> Value {
    json!({"kind": "Pod", "namespace": "n", "name": name, "uid": name})
}

fn subsets_of(spec: Value, pods: &[Value]) -> Value {
    let service = service(spec);
    json!(subsets::of(&service, &backends(&service, pods)))
}

fn slices_of(spec: Value, pods: &[Value]) -> Vec<Value> {
    let service = service(spec);
    slices::of(&service, &backends(&service, pods))
}

#[test]
fn pods_that_are_ready_are_addresses_and_others_are_told_apart() {
    let pods = [pod("b", "10.0.0.2", true), pod("a", "10.0.0.1", false), pod("none", "", true)];
    let port = json!({"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]});
    assert_eq!(
        subsets_of(port.clone(), &pods),
        json!([{"addresses": [{"ip": "10.0.0.2", "nodeName": "node01", "targetRef": target("b")}],
            "notReadyAddresses": [{"ip": "10.0.0.1", "nodeName": "node01", "targetRef": target("a")}],
            "ports": [{"port": 80, "protocol": "TCP"}]}])
    );
    let slices = slices_of(port.clone(), &pods);
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0]["ports"], json!([{"name": "", "port": 80, "protocol": "TCP"}]));
    let conditions: Vec<&Value> = slices[0]["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|endpoint| &endpoint["conditions"]["ready"])
        .collect();
    assert_eq!(conditions, [&json!(false), &json!(true)]);
    let mut all = port;
    all["publishNotReadyAddresses"] = json!(true);
    assert_eq!(subsets_of(all, &pods)[0]["addresses"].as_array().unwrap().len(), 2);
}

#[test]
fn target_ports_are_found_by_name_where_pods_have_them() {
    let mut other = pod("other", "10.0.0.3", true);
    other["spec"]["containers"][0]["ports"][0]["containerPort"] = json!(9090);
    let mut without = pod("without", "10.0.0.4", true);
    without["spec"]["containers"][0]["ports"][0]["name"] = json!("metrics");
    let pods = [pod("a", "10.0.0.1", true), other, without];
    let named = json!({"ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"}]});
    let subsets = subsets_of(named.clone(), &pods);
    let seen: Vec<(&Value, &Value)> = subsets
        .as_array()
        .unwrap()
        .iter()
        .map(|subset| (&subset["addresses"][0]["ip"], &subset["ports"][0]["port"]))
        .collect();
    assert_eq!(seen, [(&json!("10.0.0.1"), &json!(8080)), (&json!("10.0.0.3"), &json!(9090))]);
    // A slice tells of the third, too, without a port.
    let slices = slices_of(named, &pods);
    assert_eq!(slices.len(), 3);
    assert_eq!(slices[2]["ports"], Value::Null);
}

#[test]
fn pods_on_their_way_out_or_at_their_end_are_not_sent_anything() {
    let mut leaving = pod("a", "10.0.0.1", true);
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut done = pod("b", "10.0.0.2", false);
    done["status"]["phase"] = json!("Succeeded");
    let port = json!({"ports": [{"port": 80}]});
    assert_eq!(subsets_of(port.clone(), &[leaving.clone(), done.clone()]), json!([]));
    let slices = slices_of(port.clone(), &[leaving, done]);
    assert_eq!(
        slices[0]["endpoints"][0]["conditions"],
        json!({"ready": false, "serving": true, "terminating": true})
    );
    let none = slices_of(port, &[]);
    assert_eq!((&none[0]["endpoints"], &none[0]["ports"]), (&Value::Null, &Value::Null));
}

#[test]
fn headless_services_say_so_and_need_no_ports() {
    let mut named = pod("a", "10.0.0.1", true);
    named["spec"]["hostname"] = json!("first");
    named["spec"]["subdomain"] = json!("web");
    let spec = json!({"clusterIP": "None"});
    assert_eq!(labels(&service(spec.clone())), json!({"app": "web", (HEADLESS): ""}));
    let subsets = subsets_of(spec, std::slice::from_ref(&named));
    assert_eq!(subsets[0]["addresses"][0]["hostname"], "first");
    assert!(subsets[0].get("ports").is_none());
    assert_eq!(subsets_of(json!({}), &[named]), json!([]));
}

#[test]
fn what_is_written_by_hand_is_left_alone() {
    assert!(has_selector(&service(json!({}))));
    assert!(!has_selector(&service(json!({"type": "ExternalName"}))));
    assert!(!has_selector(&json!({"spec": {"selector": {}}})));
    assert!(!has_selector(&json!({"spec": {}})));
}

#[test]
fn the_last_change_counts() {
    let service = service(json!({}));
    let pods = [pod("aaa", "10.0.0.1", true), pod("bb", "10.0.0.2", true)];
    assert_eq!(changed(&service, &backends(&service, &pods)), "2026-01-03T00:00:00Z");
    assert_eq!(changed(&service, &[]), "2026-01-01T00:00:00Z");
}
