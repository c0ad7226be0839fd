#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use crate::apiserver::admission::tests::{Write, environment, only, put};
use crate::apiserver::admission::{Environment, Operation};

/// An environment with one LimitRange in `default`.
fn limited(limit: Value) -> Environment {
    let environment = environment();
    put(&environment.store, "limitranges", "default", "limits", json!({"spec": {"limits": [limit]}}));
    environment
}

fn pod(resources: Value) -> Value {
    json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": resources}]}})
}

fn play(environment: &Environment, pod: Value) -> Result<Value, (u16, String)> {
    let write = Write::new(Operation::Create, "pods", "p", pod).inside("default");
    write.play(&only(&["LimitRanger"]), environment)
}

#[test]
fn containers_get_what_they_do_not_say() {
    let environment = limited(json!({"type": "Container", "default": {"cpu": "500m", "memory": "1Gi"},
        "defaultRequest": {"cpu": "250m"}}));
    let made = play(&environment, pod(json!({"limits": {"memory": "2Gi"}}))).unwrap();
    assert_eq!(
        made["spec"]["containers"][0]["resources"],
        json!({"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "500m", "memory": "2Gi"}})
    );
    assert_eq!(
        made["metadata"]["annotations"]["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c"
    );
    let elsewhere = Write::new(Operation::Create, "pods", "p", pod(json!({}))).inside("other");
    assert_eq!(elsewhere.play(&only(&["LimitRanger"]), &environment).unwrap(), pod(json!({})));
}

#[test]
fn what_is_out_of_bounds_is_refused() {
    let both = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
    let container = |cpu: &str| pod(both(cpu));
    let bounds = json!({"type": "Container", "min": {"cpu": "100m"}, "max": {"cpu": "1"}});
    let of_pods = json!({"type": "Pod", "max": {"cpu": "1"}});
    let ratio = json!({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}});
    for (limit, pod, why) in [
        (&bounds, container("1000m"), ""),
        (&bounds, pod(json!({})), ""),
        (&bounds, container("50m"), "minimum cpu usage per Container is 100m, but request is 50m"),
        (&bounds, container("2"), "maximum cpu usage per Container is 1, but limit is 2"),
        (&of_pods, pod(json!({})), "maximum cpu usage per Pod is 1.  No limit is specified"),
        (
            &ratio,
            pod(json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "300m"}})),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ] {
        let result = play(&limited(limit.clone()), pod).map(|_| ());
        let refused = || Err((403, format!("pods \"p\" is forbidden: {why}")));
        assert_eq!(result, if why.is_empty() { Ok(()) } else { refused() });
    }
}
