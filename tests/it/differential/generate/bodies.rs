//! Objects and changes of each kind, right and wrong ones.

use serde_json::{Value, json};

use super::{Dice, Kind, NS};

/// A whole object.
pub fn whole(dice: &mut Dice, kind: &Kind, name: &str) -> Value {
    let mut body = match kind.kind {
        "Pod" => pod(dice),
        "CertificateSigningRequest" => json!({"spec": {"request": "${csr}",
            "signerName": dice.of(&["kubernetes.io/kube-apiserver-client-kubelet", "example.com/x", "kubernetes.io/kube-apiserver-client", "bad"]),
            "usages": dice.value(&[json!(["digital signature", "key encipherment", "client auth"]), json!(["client auth"]), json!(["nope"]), json!([])])}}),
        "RoleBinding" | "ClusterRoleBinding" => {
            let mut body = change(dice, kind);
            let wrong = dice.one_in(10);
            let role = dice.of(&["ClusterRole", "ClusterRole", "Role"]);
            body["roleRef"] = json!({"apiGroup": if wrong { "x" } else { "rbac.authorization.k8s.io" }, "kind": role,
                "name": dice.of(&["view", "a", "small", "cluster-admin"])});
            body
        }
        "Namespace" => json!({}),
        _ => change(dice, kind),
    };
    body["metadata"] = json!({"name": name, "labels": {"run": "${run}"}});
    if dice.one_in(3) {
        body["metadata"]["labels"]["a"] = json!(dice.of(&["x", "y", "z"]));
    }
    if dice.one_in(12) {
        body["unknown"] = json!({"x": 1});
    }
    if dice.one_in(3) {
        body["apiVersion"] = json!(kind.api_version());
        body["kind"] = json!(kind.kind);
    }
    body
}

fn pod(dice: &mut Dice) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    for _ in 0..dice.below(4) {
        let (field, value) = dice.value_of(&[
            ("nodeName", json!("n1-${run}")),
            ("nodeName", json!("n2-${run}")),
            ("serviceAccountName", json!("robot")),
            ("serviceAccountName", json!("nope")),
            ("automountServiceAccountToken", json!(false)),
            ("hostNetwork", json!(true)),
            ("tolerations", json!([{"key": "a", "operator": "Exists", "effect": "NoSchedule"}])),
            ("tolerations", json!([{"key": "a", "operator": "x"}])),
            ("volumes", json!([{"name": "v", "configMap": {"name": "a"}}, {"name": "w", "secret": {"secretName": "a"}}])),
            ("volumes", json!([{"name": "v", "emptyDir": {}}, {"name": "v", "hostPath": {"path": "/x"}}])),
            ("volumes", json!([{"name": "v"}])),
            ("restartPolicy", json!("Never")),
            ("restartPolicy", json!("Nope")),
            ("terminationGracePeriodSeconds", json!(5)),
            ("priorityClassName", json!("system-node-critical")),
            ("priorityClassName", json!("nope")),
            ("securityContext", json!({"runAsUser": 1000, "fsGroup": 5})),
            ("containers", json!([{"name": "c", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}])),
            ("containers", json!([{"name": "c", "image": "i:v1", "ports": [{"containerPort": 80}, {"containerPort": 81, "protocol": "UDP", "name": "dns"}]}])),
            ("containers", json!([{"name": "c", "image": "i:v1", "resources": {"requests": {"cpu": "0.5", "memory": "1Gi"}, "limits": {"cpu": "1500m"}}}])),
            ("containers", json!([{"name": "c", "image": "i", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}])),
            ("containers", json!([{"name": "C!", "image": ""}])),
            ("containers", json!([{"name": "c", "image": "i", "livenessProbe": {"httpGet": {"path": "/", "port": 80}}, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}])),
            ("containers", json!([{"name": "c", "image": "i"}, {"name": "c", "image": "j"}])),
            ("containers", json!([])),
            ("containers", json!([{"name": "c", "image": "i", "securityContext": {"privileged": true, "capabilities": {"add": ["NET_ADMIN"]}}}])),
            ("initContainers", json!([{"name": "init", "image": "i@sha256:0"}])),
            ("nodeSelector", json!({"a": "x"})),
            ("hostAliases", json!([{"ip": "1.2.3.4", "hostnames": ["x"]}])),
            ("dnsPolicy", json!("None")),
            ("unknown", json!(1)),
            ("hostNetwork", json!("yes")),
        ]);
        spec[field] = value;
    }
    json!({"spec": spec})
}

/// A part of an object, as patches and updates bring it.
pub fn change(dice: &mut Dice, kind: &Kind) -> Value {
    match kind.kind {
        "ConfigMap" => dice.value(&[
            json!({"data": {"k": "1"}}),
            json!({"data": {"k": "2", "l": "3"}}),
            json!({"data": {"k": null}}),
            json!({"data": null}),
            json!({"data": {"bad key": "1"}}),
            json!({"data": {"k": 1}}),
            json!({"data": {"k": "1"}, "binaryData": {"k": "AAA="}}),
            json!({"binaryData": {"b": "AAAA"}}),
            json!({"binaryData": {"b": "!"}}),
            json!({"immutable": true}),
            json!({"immutable": "x"}),
            json!({"data": {"k": "1"}, "data2": {}}),
        ]),
        "Secret" => dice.value(&[
            json!({"data": {"k": "djE="}}),
            json!({"stringData": {"k": "v", "s": "t"}}),
            json!({"data": {"k": "not base64"}}),
            json!({"type": "Opaque", "data": {"k": "djI="}}),
            json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}}),
            json!({"type": "kubernetes.io/tls", "data": {"tls.crt": ""}}),
            json!({"type": "kubernetes.io/basic-auth", "stringData": {"x": "y"}}),
            json!({"type": "kubernetes.io/ssh-auth"}),
            json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}),
            json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "x"}}),
            json!({"type": "kubernetes.io/service-account-token"}),
            json!({"type": "example.com/any"}),
            json!({"immutable": true}),
            json!({"data": null}),
        ]),
        "ServiceAccount" => dice.value(&[
            json!({"secrets": [{"name": "x"}]}),
            json!({"secrets": [{"name": "x"}, {"name": "y"}]}),
            json!({"imagePullSecrets": [{"name": "p"}, {"name": "q"}]}),
            json!({"automountServiceAccountToken": false}),
            json!({"automountServiceAccountToken": null}),
            json!({"secrets": null}),
        ]),
        "Pod" => dice.value(&[
            json!({"spec": {"containers": [{"name": "c", "image": "k"}]}}),
            json!({"spec": {"tolerations": [{"key": "t", "operator": "Exists"}]}}),
            json!({"spec": {"activeDeadlineSeconds": 10}}),
            json!({"spec": {"activeDeadlineSeconds": 20}}),
            json!({"spec": {"terminationGracePeriodSeconds": 1}}),
            json!({"spec": {"nodeName": "n2-${run}"}}),
            json!({"spec": {"hostNetwork": true}}),
            json!({"spec": {"containers": [{"name": "c", "image": ""}]}}),
            json!({"spec": {"unknown": 1}}),
            json!({"status": {"phase": "Running"}}),
            json!({"spec": {"serviceAccountName": "other"}}),
        ]),
        "Lease" => dice.value(&[
            json!({"spec": {"holderIdentity": "x", "leaseDurationSeconds": 40, "renewTime": "2024-01-01T00:00:00.000000Z"}}),
            json!({"spec": {"leaseDurationSeconds": 0}}),
            json!({"spec": {"leaseTransitions": -1}}),
            json!({"spec": {"renewTime": "2024-01-01T00:00:00Z"}}),
            json!({"spec": {"acquireTime": "x"}}),
            json!({"spec": {"holderIdentity": ""}}),
            json!({"spec": {"holderIdentity": null}}),
        ]),
        "Role" | "ClusterRole" => dice.value(&[
            json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}),
            json!({"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"], "resourceNames": ["a"]}]}),
            json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
            json!({"rules": [{"resources": ["pods"], "verbs": ["get"]}]}),
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"]}]}),
            json!({"rules": [{"nonResourceURLs": ["/healthz"], "verbs": ["get"]}]}),
            json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": [], "nonResourceURLs": ["x"]}]}),
            json!({"rules": null}),
            json!({"rules": []}),
            json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "x"}}]}}),
        ]),
        "RoleBinding" | "ClusterRoleBinding" => dice.value(&[
            json!({"subjects": [{"kind": "User", "name": "alice"}]}),
            json!({"subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}, {"kind": "Group", "name": "g"}]}),
            json!({"subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": NS}]}),
            json!({"subjects": [{"kind": "ServiceAccount", "name": "robot"}]}),
            json!({"subjects": [{"kind": "Nope", "name": "x"}]}),
            json!({"subjects": [{"kind": "User"}]}),
            json!({"subjects": null}),
            json!({"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}}),
        ]),
        "CertificateSigningRequest" => dice.value(&[
            json!({"spec": {"expirationSeconds": 600}}),
            json!({"spec": {"expirationSeconds": 5}}),
            json!({"spec": {"username": "x"}}),
            json!({"status": {"certificate": "AAAA"}}),
            json!({"spec": {"signerName": "example.com/other"}}),
        ]),
        "Node" => dice.value(&[
            json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}),
            json!({"spec": {"taints": [{"key": "b", "value": "v", "effect": "NoExecute"}]}}),
            json!({"spec": {"taints": [{"key": "a", "effect": "Nope"}]}}),
            json!({"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}]}}),
            json!({"spec": {"taints": null}}),
            json!({"spec": {"unschedulable": true}}),
            json!({"spec": {"unschedulable": false}}),
            json!({"spec": {"podCIDR": "10.0.0.0/24"}}),
            json!({"spec": {"podCIDR": "10.0.1.0/24", "podCIDRs": ["10.0.1.0/24"]}}),
            json!({"spec": {"providerID": "p"}}),
            json!({"spec": {"providerID": "q"}}),
            json!({"status": {"capacity": {"cpu": "2"}}}),
            json!({"spec": {"configSource": null}}),
        ]),
        "Namespace" => dice.value(&[
            json!({"spec": {"finalizers": ["example.com/x"]}}),
            json!({"spec": {"finalizers": []}}),
            json!({"status": {"phase": "Terminating"}}),
            json!({"metadata": {"labels": {"kubernetes.io/metadata.name": "other"}}}),
            json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "nope"}}}),
        ]),
        _ => json!({}),
    }
}

/// A question to the server.
pub fn review(dice: &mut Dice) -> Value {
    let attributes = dice.value(&[
        json!({"namespace": NS, "verb": "get", "resource": "configmaps"}),
        json!({"namespace": NS, "verb": "delete", "resource": "configmaps", "name": "a"}),
        json!({"verb": "get", "resource": "nodes", "name": "n1-${run}"}),
        json!({"namespace": NS, "verb": "get", "resource": "secrets", "name": "a"}),
        json!({"verb": "*", "resource": "*", "group": "*"}),
        json!({"namespace": NS, "verb": "create", "resource": "serviceaccounts", "subresource": "token", "name": "robot"}),
    ]);
    let users = [
        format!("system:serviceaccount:{NS}:robot"),
        "system:node:n1-${run}".to_owned(),
        "alice".into(),
        String::new(),
    ];
    let user = users[dice.below(users.len())].clone();
    let node = user.starts_with("system:node");
    let authorization = "/apis/authorization.k8s.io/v1";
    let mut spec = json!({"resourceAttributes": attributes});
    if dice.one_in(5) {
        spec = dice.value(&[
            json!({"nonResourceAttributes": {"path": "/healthz", "verb": "get"}}),
            json!({}),
            json!({"resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"path": "/x", "verb": "get"}}),
        ]);
    }
    let (path, body) = match dice.below(6) {
        0 | 1 => {
            spec["user"] = json!(user);
            if node {
                spec["groups"] = json!(["system:nodes", "system:authenticated"]);
            }
            (format!("{authorization}/subjectaccessreviews"), json!({"spec": spec}))
        }
        2 => (format!("{authorization}/selfsubjectaccessreviews"), json!({"spec": spec})),
        3 => {
            spec["user"] = json!(user);
            (format!("{authorization}/namespaces/{NS}/localsubjectaccessreviews"), json!({"spec": spec}))
        }
        4 => ("/apis/authentication.k8s.io/v1/selfsubjectreviews".into(), json!({})),
        _ => (
            "/apis/authentication.k8s.io/v1/tokenreviews".into(),
            dice.value(&[
                json!({"spec": {"token": "nonsense"}}),
                json!({"spec": {}}),
                json!({"spec": {"token": "${token}"}}),
                json!({"spec": {"token": "${token}", "audiences": ["other"]}}),
            ]),
        ),
    };
    json!({"method": "POST", "path": path, "body": body})
}

/// A request to a subresource.
pub fn subresource(dice: &mut Dice) -> Value {
    let namespaced = format!("/api/v1/namespaces/{NS}");
    let merge = |path: String, body: Value| json!({"method": "PATCH", "path": path, "type": "application/merge-patch+json", "body": body});
    let csr = "/apis/certificates.k8s.io/v1/certificatesigningrequests/a-${run}";
    match dice.below(12) {
        0 | 1 => {
            let spec = dice.value(&[
                json!({}),
                json!({"expirationSeconds": 600}),
                json!({"expirationSeconds": 60}),
                json!({"audiences": ["x"]}),
                json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "a"}}),
                json!({"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "a"}}),
                json!({"boundObjectRef": {"kind": "Nope", "apiVersion": "v1", "name": "a"}}),
                json!({"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "n1-${run}"}}),
            ]);
            let name = dice.of(&["robot", "robot", "nope"]);
            json!({"method": "POST", "path": format!("{namespaced}/serviceaccounts/{name}/token"), "body": {"spec": spec},
                "save": {"token": "status.token"}})
        }
        2 => merge(format!("{namespaced}/pods/a/status"), dice.value(&[
            json!({"status": {"phase": "Running", "podIP": "10.0.0.1"}}),
            json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
            json!({"status": {"phase": "Failed"}, "metadata": {"labels": {"a": "x"}}}),
            json!({"spec": {"activeDeadlineSeconds": 4}}),
        ])),
        3 => json!({"method": "POST", "path": format!("{namespaced}/pods/a/binding"),
            "body": {"target": {"kind": dice.of(&["Node", "Nope"]), "name": dice.of(&["n1-${run}", ""])}, "metadata": {"name": "a"}}}),
        4 => json!({"method": "POST", "path": format!("{namespaced}/pods/a/eviction"), "body": {"metadata": {"name": dice.of(&["a", "b"])}}}),
        5 | 6 => merge(format!("/api/v1/nodes/{}/status", dice.of(&["n1-${run}", "n2-${run}"])), dice.value(&[
            json!({"status": {"capacity": {"cpu": "2", "memory": "0.5Gi"}}}),
            json!({"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2024-01-01T00:00:00Z"}]}}),
            json!({"status": {"addresses": [{"type": "InternalIP", "address": "1.2.3.4"}]}, "metadata": {"labels": {"b": "s"}}}),
            json!({"spec": {"unschedulable": true}}),
            json!({"status": {"capacity": {"cpu": "x"}}}),
        ])),
        7 => merge("/api/v1/namespaces/e-${run}/status".into(), json!({"status": {"phase": "Active"}})),
        8 => json!({"method": "PUT", "path": "/api/v1/namespaces/e-${run}/finalize", "body": {"metadata": {"name": "e-${run}"}, "spec": {"finalizers": dice.value(&[json!([]), json!(["example.com/x"])])}}}),
        9 | 10 => merge(format!("{csr}/approval"), dice.value(&[
            json!({"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "r"}]}}),
            json!({"status": {"conditions": [{"type": "Denied", "status": "True", "reason": "r"}]}}),
            json!({"status": {"conditions": [{"type": "Approved", "status": "False"}]}}),
            json!({"status": {"certificate": "AAAA"}}),
        ])),
        _ => json!({"method": "GET", "path": format!("{namespaced}/{}", dice.of(&["pods/a/status", "pods/a/log", "nope/a", "pods/a/nope", "configmaps/a/status"]))}),
    }
}
