//! Random sequences of requests, the same for the same seed.
//!
//! A request is a step as the recorded cases have them (`tests/conformance/api`): `${run}` and saved values are filled in when it
//! is played, and `base` names a saved object that the body is merged into. Names come from small pools, so that requests meet.

use serde_json::{Value, json};

/// SplitMix64: small, seeded, good enough to choose.
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }

    /// True in one of `n` cases.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn value(&mut self, all: &[Value]) -> Value {
        all[self.below(all.len())].clone()
    }
}

const NS: &str = "d-${run}";

/// A kind that sequences are about.
pub struct Kind {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    names: &'static [&'static str],
    weight: usize,
}

const KINDS: &[Kind] = &[
    kind("", "ConfigMap", "configmaps", true, &["a", "b"], 6),
    kind("", "Secret", "secrets", true, &["a", "b"], 4),
    kind("", "ServiceAccount", "serviceaccounts", true, &["robot", "b"], 3),
    kind("", "Pod", "pods", true, &["a", "b"], 6),
    kind("coordination.k8s.io", "Lease", "leases", true, &["a", "n1-${run}"], 2),
    kind("rbac.authorization.k8s.io", "Role", "roles", true, &["a", "b"], 2),
    kind("rbac.authorization.k8s.io", "RoleBinding", "rolebindings", true, &["a", "b"], 2),
    kind("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", false, &["a-${run}", "b-${run}"], 2),
    kind("rbac.authorization.k8s.io", "ClusterRoleBinding", "clusterrolebindings", false, &["a-${run}"], 2),
    kind(
        "certificates.k8s.io",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        false,
        &["a-${run}"],
        2,
    ),
    kind("", "Node", "nodes", false, &["n1-${run}", "n2-${run}"], 7),
    kind("", "Namespace", "namespaces", false, &["e-${run}"], 2),
];

const fn kind(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    names: &'static [&'static str],
    weight: usize,
) -> Kind {
    Kind { group, kind, plural, namespaced, names, weight }
}

impl Kind {
    fn api_version(&self) -> String {
        if self.group.is_empty() { "v1".into() } else { format!("{}/v1", self.group) }
    }

    fn collection(&self) -> String {
        let root = if self.group.is_empty() { "/api/v1".into() } else { format!("/apis/{}/v1", self.group) };
        let plural = self.plural;
        if self.namespaced { format!("{root}/namespaces/{NS}/{plural}") } else { format!("{root}/{plural}") }
    }
}

/// What every sequence begins with; the same on both sides, and compared as well.
pub fn prelude() -> Vec<Value> {
    let post = |path: &str, body: Value| json!({"method": "POST", "path": path, "body": body});
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    vec![
        post("/api/v1/namespaces", json!({"metadata": {"name": NS}})),
        post(&format!("/api/v1/namespaces/{NS}/serviceaccounts"), json!({"metadata": {"name": "default"}})),
        post(&format!("/api/v1/namespaces/{NS}/serviceaccounts"), json!({"metadata": {"name": "robot"}})),
        post("/api/v1/nodes", json!({"metadata": {"name": "n1-${run}", "labels": {"run": "${run}"}}})),
        post(
            &format!("{rbac}/namespaces/{NS}/roles"),
            json!({"metadata": {"name": "small"}, "rules": [
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "create", "patch"]},
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "create"]},
                {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["*"]}]}),
        ),
        post(
            &format!("{rbac}/namespaces/{NS}/rolebindings"),
            json!({"metadata": {"name": "small"}, "subjects": [{"kind": "ServiceAccount", "name": "robot"}],
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "small"}}),
        ),
    ]
}

/// A request.
pub fn step(dice: &mut Dice) -> Value {
    let mut step = match dice.below(24) {
        0 => review(dice),
        1 | 2 => subresource(dice),
        3 => elsewhere(dice),
        4 | 5 => collective(dice),
        _ => {
            let total = KINDS.iter().map(|kind| kind.weight).sum();
            let mut at = dice.below(total);
            let chosen = KINDS.iter().find(|kind| {
                let hit = at < kind.weight;
                at = at.wrapping_sub(kind.weight);
                hit
            });
            request(dice, chosen.unwrap())
        }
    };
    if step.get("headers").is_some() {
        return step;
    }
    match dice.below(12) {
        0 | 1 => {
            step["as"] =
                json!({"user": "system:node:n1-${run}", "groups": ["system:nodes", "system:authenticated"]});
        }
        2 => {
            step["as"] =
                json!({"user": "system:node:n2-${run}", "groups": ["system:nodes", "system:authenticated"]});
        }
        3 => {
            step["as"] = json!({"user": format!("system:serviceaccount:{NS}:robot"),
                "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{NS}"), "system:authenticated"]});
        }
        4 if dice.one_in(2) => step["who"] = json!("anonymous"),
        _ => {}
    }
    step
}

fn request(dice: &mut Dice, kind: &Kind) -> Value {
    let name = dice.of(kind.names);
    let (collection, object) = (kind.collection(), format!("{}/{name}", kind.collection()));
    match dice.below(14) {
        0..=2 => create(dice, kind, name, &collection),
        3 => json!({"method": "GET", "path": object, "save": {"object": ""}}),
        4 => json!({"method": "GET", "path": format!("{collection}?{}", selection(dice))}),
        5 => delete(dice, &object),
        6 | 7 => update(dice, kind, name, &object),
        8 | 9 => patched(dice, kind, &object, "application/merge-patch+json"),
        10 => patched(dice, kind, &object, "application/strategic-merge-patch+json"),
        11 => json_patch(dice, &object),
        _ => apply(dice, kind, name, &object),
    }
}

fn query(dice: &mut Dice, path: &str, more: &[&str]) -> String {
    let mut words: Vec<&str> = Vec::new();
    if dice.one_in(8) {
        words.push(dice.of(&["dryRun=All", "dryRun=All", "dryRun=x", "pretty=true"]));
    }
    if dice.one_in(4) {
        words.push(dice.of(&[
            "fieldValidation=Strict",
            "fieldValidation=Warn",
            "fieldValidation=Ignore",
            "fieldValidation=x",
        ]));
    }
    if dice.one_in(3) {
        words.push(dice.of(&[
            "fieldManager=one",
            "fieldManager=two",
            "fieldManager=one",
            "fieldManager=a%0Ab",
        ]));
    }
    words.extend(more);
    if words.is_empty() { path.into() } else { format!("{path}?{}", words.join("&")) }
}

fn create(dice: &mut Dice, kind: &Kind, name: &str, collection: &str) -> Value {
    let mut body = whole(dice, kind, name);
    if dice.one_in(15) {
        body["metadata"]["name"] =
            dice.value(&[json!("Bad_Name"), json!(""), json!("x..${run}"), json!("-a"), json!(5)]);
    }
    if dice.one_in(12) {
        let (field, value) = dice.value_of(&[
            ("namespace", json!("other")),
            ("uid", json!("11111111-1111-1111-1111-111111111111")),
            ("resourceVersion", json!("5")),
            ("generation", json!(7)),
            ("finalizers", json!(["example.com/x"])),
            ("finalizers", json!(["bad"])),
            ("ownerReferences", json!([{"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "1"}])),
            ("ownerReferences", json!([{"apiVersion": "v1", "kind": "", "name": "x"}])),
            ("annotations", json!({"a/b/c": "x"})),
            ("creationTimestamp", json!("2020-01-01T00:00:00Z")),
            ("creationTimestamp", json!("yesterday")),
            (
                "managedFields",
                json!([{"manager": "m", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                "fieldsV1": {"f:data": {}}}]),
            ),
        ]);
        body["metadata"][field] = value;
    }
    let kind = dice.of(&[
        "application/json",
        "application/json",
        "application/json",
        "application/json",
        "application/yaml",
        "text/plain",
    ]);
    let mut step =
        json!({"method": "POST", "path": query(dice, collection, &[]), "body": body, "save": {"object": ""}});
    if dice.one_in(6) {
        step["type"] = json!(kind);
    }
    if dice.one_in(30) {
        step["body"] = json!(dice.of(&[
            "{",
            "",
            "[]",
            "null",
            "{\"kind\":\"Nope\",\"apiVersion\":\"v1\"}",
            "{\"apiVersion\":\"v2\"}",
            "{\"a\":1}",
            "x"
        ]));
    }
    step
}

impl Dice {
    fn value_of(&mut self, all: &[(&'static str, Value)]) -> (&'static str, Value) {
        all[self.below(all.len())].clone()
    }
}

fn selection(dice: &mut Dice) -> String {
    let own = "labelSelector=run%3D${run}";
    let word = dice.of(&[
        own,
        "labelSelector=run%3D${run},a",
        "labelSelector=run%3D${run},a%3Dx",
        "labelSelector=run%3D${run},a!%3Dx",
        "labelSelector=run%3D${run},a%20in%20(x,y)",
        "labelSelector=run%3D${run},a%20notin%20(x)",
        "labelSelector=run%3D${run},!a",
        "labelSelector=a%3D%3D%3Db",
        "labelSelector=a%20in%20x",
        "labelSelector=A_%2Fx",
        "labelSelector=,",
        "labelSelector=run%3D${run},n%3E3",
        "fieldSelector=metadata.name%3Da&labelSelector=run%3D${run}",
        "fieldSelector=metadata.name!%3Da&labelSelector=run%3D${run}",
        "fieldSelector=spec.nodeName%3Dn1-${run}&labelSelector=run%3D${run}",
        "fieldSelector=nope%3Da",
        "fieldSelector=metadata.name",
        "fieldSelector=type%3DOpaque&labelSelector=run%3D${run}",
        "labelSelector=run%3D${run}&limit=1",
        "labelSelector=run%3D${run}&limit=x",
        "labelSelector=run%3D${run}&resourceVersion=0&resourceVersionMatch=Exact",
        "labelSelector=run%3D${run}&resourceVersionMatch=NotOlderThan",
        "labelSelector=run%3D${run}&resourceVersion=x",
        "labelSelector=run%3D${run}&continue=x",
        "labelSelector=run%3D${run}&timeoutSeconds=x",
    ]);
    word.to_owned()
}

fn delete(dice: &mut Dice, object: &str) -> Value {
    let mut step = json!({"method": "DELETE", "path": object});
    if dice.one_in(4) {
        let options = dice.of(&[
            "gracePeriodSeconds=0",
            "gracePeriodSeconds=x",
            "propagationPolicy=Orphan",
            "propagationPolicy=x",
            "orphanDependents=true",
            "orphanDependents=x",
            "orphanDependents=false&propagationPolicy=Background",
            "uid=11111111-1111-1111-1111-111111111111",
            "resourceVersion=1",
            "resourceVersion=x",
            "dryRun=All",
        ]);
        step["path"] = json!(format!("{object}?{options}"));
    } else if dice.one_in(2) {
        step["body"] = dice.value(&[
            json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Orphan"}),
            json!({"propagationPolicy": "Foreground"}),
            json!({"propagationPolicy": "Nope"}),
            json!({"gracePeriodSeconds": 0}),
            json!({"gracePeriodSeconds": 30}),
            json!({"gracePeriodSeconds": -1}),
            json!({"dryRun": ["All"]}),
            json!({"preconditions": {"uid": "11111111-1111-1111-1111-111111111111"}}),
            json!({"preconditions": {"resourceVersion": "1"}}),
            json!({"orphanDependents": true, "propagationPolicy": "Orphan"}),
            json!({"kind": "Pod", "apiVersion": "v1"}),
            json!({"unknown": 1}),
        ]);
    }
    step
}

fn update(dice: &mut Dice, kind: &Kind, name: &str, object: &str) -> Value {
    if dice.one_in(2) {
        let body =
            if dice.one_in(2) { change(dice, kind) } else { json!({"metadata": {"labels": label(dice)}}) };
        return json!({"method": "PUT", "path": query(dice, object, &[]), "base": "object", "body": body, "save": {"object": ""}});
    }
    let mut body = whole(dice, kind, name);
    match dice.below(8) {
        0 => body["metadata"]["resourceVersion"] = json!("1"),
        1 => body["metadata"]["resourceVersion"] = json!("x"),
        2 => body["metadata"]["uid"] = json!("11111111-1111-1111-1111-111111111111"),
        3 => body["metadata"]["name"] = json!("other"),
        4 => body["metadata"]["namespace"] = json!("other"),
        _ => {}
    }
    json!({"method": "PUT", "path": query(dice, object, &[]), "body": body})
}

fn patched(dice: &mut Dice, kind: &Kind, object: &str, content: &str) -> Value {
    let mut body = match dice.below(3) {
        0 => json!({"metadata": {"labels": label(dice)}}),
        1 => metadata_change(dice),
        _ => change(dice, kind),
    };
    if content.contains("strategic") && dice.one_in(2) {
        body = dice.value(&[
            json!({"$patch": "replace", "metadata": {"labels": {"a": "z"}}}),
            json!({"metadata": {"labels": {"$patch": "replace", "run": "${run}"}}}),
            json!({"metadata": {"finalizers": ["example.com/z"]}}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/z"]}}),
            json!({"metadata": {"$setElementOrder/finalizers": ["example.com/x", "example.com/z"], "finalizers": ["example.com/x"]}}),
            json!({"spec": {"containers": [{"name": "c", "image": "z"}]}}),
            json!({"spec": {"containers": [{"image": "z"}]}}),
            json!({"spec": {"tolerations": [{"key": "z", "operator": "Exists"}]}}),
            json!({"spec": {"taints": [{"key": "b", "$patch": "delete"}]}}),
            json!({"spec": {"taints": [{"key": "b", "effect": "NoSchedule"}]}}),
            json!({"secrets": [{"name": "z"}]}),
            json!({"secrets": [{"name": "z", "$patch": "delete"}]}),
            json!({"imagePullSecrets": [{"$patch": "replace"}, {"name": "q"}]}),
            json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "y", "uid": "2"}]}}),
            json!({"subjects": [{"kind": "User", "name": "z"}]}),
            json!({"data": {"$retainKeys": ["a"], "a": "5"}}),
            json!({"$patch": "delete"}),
            json!({"$patch": "nope"}),
        ]);
    }
    let mut step =
        json!({"method": "PATCH", "path": query(dice, object, &[]), "type": content, "body": body});
    if dice.one_in(25) {
        step["body"] = json!(dice.of(&[
            "{",
            "[]",
            "\"x\"",
            "null",
            "5",
            "{\"metadata\":5}",
            "{\"metadata\":{\"labels\":[]}}"
        ]));
    }
    if dice.one_in(40) {
        step["type"] = json!(dice.of(&[
            "application/json",
            "text/plain",
            "application/merge-patch+json; charset=utf-8"
        ]));
    }
    step
}

fn json_patch(dice: &mut Dice, object: &str) -> Value {
    let operation = |dice: &mut Dice| {
        dice.value(&[
            json!({"op": "add", "path": "/metadata/labels/a", "value": "j"}),
            json!({"op": "remove", "path": "/metadata/labels/a"}),
            json!({"op": "replace", "path": "/metadata/labels/run", "value": "${run}"}),
            json!({"op": "replace", "path": "/metadata/labels/zz", "value": "1"}),
            json!({"op": "test", "path": "/metadata/labels/run", "value": "${run}"}),
            json!({"op": "test", "path": "/metadata/labels/run", "value": "no"}),
            json!({"op": "copy", "from": "/metadata/labels/run", "path": "/metadata/labels/b"}),
            json!({"op": "move", "from": "/metadata/labels/b", "path": "/metadata/labels/c"}),
            json!({"op": "move", "from": "/metadata/labels/nope", "path": "/metadata/labels/c"}),
            json!({"op": "add", "path": "/metadata/finalizers", "value": ["example.com/j"]}),
            json!({"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/k"}),
            json!({"op": "remove", "path": "/metadata/finalizers/0"}),
            json!({"op": "remove", "path": "/metadata/finalizers/9"}),
            json!({"op": "add", "path": "/data/k", "value": "djE="}),
            json!({"op": "add", "path": "/spec/unschedulable", "value": true}),
            json!({"op": "add", "path": "/spec/containers/0/image", "value": "j"}),
            json!({"op": "add", "path": "/spec/taints/0", "value": {"key": "j", "effect": "NoExecute"}}),
            json!({"op": "add", "path": "/metadata/labels", "value": {"run": "${run}"}}),
            json!({"op": "add", "path": "/metadata/annotations/x~1y", "value": "1"}),
            json!({"op": "nope", "path": "/metadata"}),
            json!({"op": "add", "path": "/unknown", "value": 1}),
            json!({"op": "add", "path": "/metadata/name", "value": "other"}),
            json!({"path": "/metadata"}),
            json!({"op": "add", "path": "/metadata/labels/q", "value": 5}),
        ])
    };
    let mut body: Vec<Value> = (0..=dice.below(2)).map(|_| operation(dice)).collect();
    if dice.one_in(40) {
        body = vec![json!(1)];
    }
    json!({"method": "PATCH", "path": query(dice, object, &[]), "type": "application/json-patch+json", "body": body})
}

fn apply(dice: &mut Dice, kind: &Kind, name: &str, object: &str) -> Value {
    let mut body = match dice.below(4) {
        0 => whole(dice, kind, name),
        1 => json!({"metadata": {"labels": label(dice)}}),
        2 => metadata_change(dice),
        _ => change(dice, kind),
    };
    if !dice.one_in(25) {
        body["apiVersion"] = json!(kind.api_version());
        body["kind"] = json!(kind.kind);
    }
    if !dice.one_in(5) {
        body["metadata"]["name"] = json!(name);
    }
    let manager = dice.of(&[
        "fieldManager=one",
        "fieldManager=two",
        "fieldManager=three",
        "fieldManager=one",
        "fieldManager=two",
        "",
    ]);
    let mut words = vec![manager];
    if dice.one_in(3) {
        words.push(dice.of(&["force=true", "force=true", "force=false", "force=x"]));
    }
    if dice.one_in(8) {
        words.push(dice.of(&["dryRun=All", "fieldValidation=Strict", "fieldValidation=Warn"]));
    }
    words.retain(|word| !word.is_empty());
    let path = if words.is_empty() { object.to_owned() } else { format!("{object}?{}", words.join("&")) };
    json!({"method": "PATCH", "path": path, "type": "application/apply-patch+yaml", "body": body, "save": {"object": ""}})
}

fn label(dice: &mut Dice) -> Value {
    let key = dice.of(&[
        "a",
        "b",
        "example.com/c",
        "node-restriction.kubernetes.io/x",
        "kubernetes.io/os",
        "node.kubernetes.io/y",
        "bad key!",
        "foo.k8s.io/z",
    ]);
    let value =
        dice.value(&[json!("x"), json!("y"), json!(""), Value::Null, json!("bad value!"), json!("x")]);
    let mut labels = json!({});
    labels[key] = value;
    if dice.one_in(3) {
        labels["a"] = dice.value(&[json!("x"), json!("y"), Value::Null]);
    }
    labels
}

fn metadata_change(dice: &mut Dice) -> Value {
    let (field, value) = dice.value_of(&[
        ("annotations", json!({"n": "1"})),
        ("annotations", json!({"n": null, "m": "2"})),
        ("annotations", Value::Null),
        ("finalizers", json!(["example.com/x"])),
        ("finalizers", json!(["example.com/x", "example.com/y"])),
        ("finalizers", Value::Null),
        ("finalizers", json!(["bad"])),
        ("labels", json!({"run": "${run}", "a": "q"})),
        ("labels", json!({"run": "${run}", "a": 1})),
        ("generation", json!(4)),
        ("uid", json!("11111111-1111-1111-1111-111111111111")),
        ("resourceVersion", json!("1")),
        ("creationTimestamp", Value::Null),
        ("deletionTimestamp", json!("2020-01-01T00:00:00Z")),
        ("managedFields", json!([{}])),
        ("managedFields", json!([])),
        ("managedFields", Value::Null),
        (
            "ownerReferences",
            json!([{"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "1", "controller": true}]),
        ),
        ("unknown", json!(1)),
        ("name", json!("other")),
        ("generateName", json!("gen-")),
    ]);
    let mut out = json!({"metadata": {}});
    out["metadata"][field] = value;
    out
}

mod more;
pub use more::watch;
use more::{collective, elsewhere};

mod bodies;
use bodies::{change, review, subresource, whole};
