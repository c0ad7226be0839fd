#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use crate::apiserver::admission::tests::{Write, environment, only, put};
use crate::apiserver::admission::{Environment, Operation};

/// An environment with one quota, one pod and one ConfigMap in `default`.
fn limited(spec: Value) -> Environment {
    let environment = environment();
    put(
        &environment.store,
        "resourcequotas",
        "default",
        "q",
        json!({"metadata": {"namespace": "default"}, "spec": spec}),
    );
    put(&environment.store, "pods", "default", "there", pod("200m"));
    let mut over = pod("200m");
    over["status"] = json!({"phase": "Succeeded"});
    put(&environment.store, "pods", "default", "over", over);
    put(&environment.store, "configmaps", "default", "there", json!({}));
    environment
}

fn pod(cpu: &str) -> Value {
    json!({"metadata": {}, "spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]}})
}

fn play(spec: Value, resource: &'static str, object: Value) -> Result<(), (u16, String)> {
    let write = Write::new(Operation::Create, resource, "new", object).inside("default");
    write.play(&only(&["ResourceQuota"]), &limited(spec)).map(|_| ())
}

#[test]
fn a_namespace_uses_no_more_than_it_may() {
    let bare = json!({"spec": {"containers": [{"name": "c"}]}});
    let scoped = json!({"hard": {"pods": "0"}, "scopes": ["BestEffort"]});
    for (spec, resource, object, why) in [
        (json!({"hard": {"pods": "2"}}), "pods", pod("1"), ""),
        (
            json!({"hard": {"pods": "1"}}),
            "pods",
            pod("1"),
            "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
        ),
        (json!({"hard": {"requests.cpu": "1"}}), "pods", pod("800m"), ""),
        (
            json!({"hard": {"requests.cpu": "1"}}),
            "pods",
            pod("900m"),
            "exceeded quota: q, requested: requests.cpu=900m, used: requests.cpu=200m, limited: requests.cpu=1",
        ),
        (
            json!({"hard": {"requests.cpu": "1", "limits.memory": "1Gi"}}),
            "pods",
            bare.clone(),
            "failed quota: q: must specify limits.memory for: c; requests.cpu for: c",
        ),
        (
            json!({"hard": {"configmaps": "1"}}),
            "configmaps",
            json!({}),
            "exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1",
        ),
        (
            json!({"hard": {"count/deployments.apps": "0"}}),
            "deployments.apps",
            json!({}),
            "exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: \
             count/deployments.apps=0",
        ),
        (json!({"hard": {"pods": "0"}}), "secrets", json!({}), ""),
        (scoped.clone(), "pods", pod("1"), ""),
        (scoped, "pods", bare, "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"),
    ] {
        let (plural, _) = resource.split_once('.').unwrap_or((resource, ""));
        let group = if resource.contains('.') { ".apps" } else { "" };
        let refused = || Err((403, format!("{plural}{group} \"new\" is forbidden: {why}")));
        let result = play(spec.clone(), resource, object);
        assert_eq!(result, if why.is_empty() { Ok(()) } else { refused() }, "{spec}");
    }
}
