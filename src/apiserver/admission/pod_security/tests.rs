#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::super::tests::{Write, environment, only, put};
use super::*;

/// Pods with the answers of a real v1.31.0 server in namespaces of several policies; null where it took the pod.
const RECORDED: &str = include_str!("recorded.json");

#[test]
fn pods_are_judged_as_the_real_server_does() {
    let environment = environment();
    let chain = only(&["PodSecurity"]);
    let rows: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    let mut judged = 0;
    for row in &rows {
        for (policy, want) in row.as_object().unwrap().iter().filter(|(key, _)| key.contains(':')) {
            let (level, version) = policy.split_once(':').unwrap();
            let namespace: &'static str = Box::leak(format!("{level}-{version}").into_boxed_str());
            if environment.store.get(&Key::new("", "namespaces", "", namespace)).is_none() {
                let labels = json!({
                    "pod-security.kubernetes.io/enforce": level,
                    "pod-security.kubernetes.io/enforce-version": version,
                });
                put(&environment.store, "namespaces", "", namespace, json!({"metadata": {"labels": labels}}));
            }
            let pod =
                json!({"metadata": {"name": "p", "annotations": row["annotations"]}, "spec": row["spec"]});
            let got =
                Write::new(Operation::Create, "pods", "", pod).inside(namespace).play(&chain, &environment);
            let got = got.err().map_or(Value::Null, |(_, message)| json!(message));
            assert_eq!(&got, want, "{policy} {}", row["spec"]);
            judged += 1;
        }
    }
    assert!(judged > 120, "{judged}");
}

fn namespace(labels: Value) -> Value {
    json!({"metadata": {"name": "ns", "labels": labels}})
}

#[test]
fn labels_must_be_readable() {
    let environment = environment();
    let chain = only(&["PodSecurity"]);
    let strict = || {
        namespace(
            json!({"pod-security.kubernetes.io/enforce": "strict", "pod-security.kubernetes.io/warn-version": "1.2"}),
        )
    };
    let good = || {
        namespace(
            json!({"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/audit-version": "v1.31"}),
        )
    };
    let message = "Namespace \"ns\" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \
                   \"strict\": must be one of privileged, baseline, restricted, \
                   metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"1.2\": must be \"latest\" \
                   or \"v1.x\"]";
    let create =
        |object| Write::new(Operation::Create, "namespaces", "", object).play(&chain, &environment).map(drop);
    let update = |object, old| {
        Write::new(Operation::Update, "namespaces", "ns", object)
            .over(old)
            .play(&chain, &environment)
            .map(drop)
    };
    assert_eq!(create(good()), Ok(()));
    assert_eq!(create(strict()), Err((422, message.into())));
    assert_eq!(update(strict(), good()), Err((422, message.into())));
    assert_eq!(update(strict(), strict()), Ok(()), "it was so before");
}

#[test]
fn the_default_is_privileged_and_updates_count_when_images_change() {
    let environment = environment();
    let chain = only(&["PodSecurity"]);
    let pod = |image: &str| json!({"metadata": {"name": "p"}, "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": image}]}});
    put(
        &environment.store,
        "namespaces",
        "",
        "strict",
        json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "nonsense"}}}),
    );
    let create =
        |space| Write::new(Operation::Create, "pods", "", pod("i")).inside(space).play(&chain, &environment);
    let update = |resource, image| {
        let write = Write::new(Operation::Update, resource, "p", pod(image)).over(pod("i")).inside("strict");
        write.play(&chain, &environment)
    };
    assert!(create("default").is_ok());
    assert!(create("strict").unwrap_err().1.contains("violates PodSecurity \"restricted:latest\""));
    assert!(update("pods", "i").is_ok());
    assert!(update("pods", "j").is_err());
    assert!(update("pods/status", "j").is_ok());
}

#[test]
fn two_modes_only_tell() {
    let environment = environment();
    let chain = only(&["PodSecurity"]);
    let label = |mode: &str| format!("pod-security.kubernetes.io/{mode}");
    let labels =
        json!({label("audit"): "restricted", label("audit-version"): "v1.19", label("warn"): "baseline"});
    put(&environment.store, "namespaces", "", "told", namespace(labels));
    let pod = json!({"metadata": {"name": "p"}, "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": "i"}]}});
    let create = |resource, object: Value| {
        Write::new(Operation::Create, resource, "p", object).inside("told").notes(&chain, &environment)
    };
    let warning = "would violate PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true)";
    let violations = "would violate PodSecurity \"restricted:v1.19\": host namespaces (hostNetwork=true), \
                      allowPrivilegeEscalation != false (container \"c\" must set \
                      securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container \"c\" must set \
                      securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" must set \
                      securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")";
    let told = create("pods", pod.clone());
    assert_eq!(told.warnings, [warning]);
    let audited = (label("audit-violations"), violations.to_owned());
    assert_eq!(
        told.annotations,
        [(label("enforce-policy"), "privileged:latest".to_owned()), audited.clone()]
    );
    let template = json!({"metadata": {"name": "p"}, "spec": {"template": pod}});
    let told = create("deployments.apps", template);
    assert_eq!((told.warnings, told.annotations), (vec![warning.to_owned()], vec![audited]));
}

#[test]
fn stricter_rules_name_the_pods_that_break_them() {
    let environment = environment();
    let chain = only(&["PodSecurity"]);
    let owned = |uid: &str| json!([{"uid": uid, "controller": true}]);
    for (name, host, owners) in
        [("b", true, json!([])), ("a", true, owned("1")), ("c", false, json!([])), ("d", true, owned("1"))]
    {
        let pod = json!({"metadata": {"name": name, "ownerReferences": owners},
            "spec": {"hostNetwork": host, "containers": [{"name": "c", "image": "i"}]}});
        put(&environment.store, "pods", "ns", name, pod);
    }
    let strict = |level: &str| namespace(json!({"pod-security.kubernetes.io/enforce": level}));
    let update = |new: &str, old: Value| {
        let write = Write::new(Operation::Update, "namespaces", "ns", strict(new)).over(old);
        write.notes(&chain, &environment).warnings
    };
    assert_eq!(
        update("baseline", namespace(json!({}))),
        [
            "existing pods in namespace \"ns\" violate the new PodSecurity enforce level \"baseline:latest\"",
            "a (and 2 other pods): host namespaces",
        ]
    );
    assert!(update("baseline", strict("restricted")).is_empty(), "it is relaxed");
    assert!(update("privileged", namespace(json!({}))).is_empty());
}
