//! Requests to collections as a whole, in other forms, as others, and to paths beside the resources.

use serde_json::{Value, json};

use super::{Dice, KINDS, Kind, selection};

/// A kind whose collection holds only what the sequence made, or is selected by its label.
fn collection(dice: &mut Dice) -> (&'static Kind, String) {
    let kind = &KINDS[dice.below(KINDS.len())];
    (kind, kind.collection())
}

/// A form that an answer may be asked for in.
fn form(dice: &mut Dice) -> &'static str {
    const TABLE: &str = "as=Table;v=v1;g=meta.k8s.io,application/json";
    dice.of(&[
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        "application/json;as=Table;v=v9;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
        "application/json;as=Nope;v=v1;g=meta.k8s.io",
        "application/yaml",
        "text/html",
        "*/*",
        "application/*",
        "text/plain, application/json;q=0.5",
        TABLE,
        "",
    ])
}

/// A list, a watch, or a deletion of many.
pub fn collective(dice: &mut Dice) -> Value {
    let (kind, path) = collection(dice);
    let own = format!("{path}?labelSelector=run%3D${{run}}");
    match dice.below(9) {
        0 => {
            let body = dice.value(&[
                Value::Null,
                json!({"propagationPolicy": "Background"}),
                json!({"dryRun": ["All"]}),
                json!({"gracePeriodSeconds": 0}),
                json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"}),
                json!({"propagationPolicy": "x"}),
                json!([]),
            ]);
            let more = dice.of(&[
                "",
                "",
                "&fieldSelector=metadata.name%3Da",
                "&limit=1",
                "&limit=2",
                "&limit=1&continue=${continue}",
                "&continue=${continue}",
                "&limit=x",
                "&resourceVersion=0&limit=1",
                "&resourceVersion=0",
                "&resourceVersion=x",
                "&resourceVersionMatch=Exact",
                "&timeoutSeconds=x",
                "&fieldSelector=x",
                "&dryRun=All",
            ]);
            let mut step = json!({"method": "DELETE", "path": format!("{own}{more}")});
            if !body.is_null() {
                step["body"] = body;
            }
            step
        }
        1 | 2 => {
            json!({"method": "GET", "path": format!("{own}&limit=1"), "save": {"continue": "metadata.continue", "at": "metadata.resourceVersion"}})
        }
        3 => json!({"method": "GET", "path": format!("{own}&limit=1&continue=${{continue}}")}),
        4 => json!({"method": "GET", "path": format!("{path}?{}", selection(dice)), "accept": form(dice)}),
        5 => {
            let name = dice.of(kind.names);
            json!({"method": "GET", "path": format!("{path}/{name}"), "accept": form(dice)})
        }
        6 => {
            let more = dice.of(&[
                "",
                "&resourceVersion=0",
                "&includeObject=Object",
                "&includeObject=x",
                "&noHeaders=true",
            ]);
            json!({"method": "GET", "path": format!("{own}{more}"), "accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
        }
        _ => {
            let how = dice.of(&[
                "watch=1&timeoutSeconds=1&resourceVersion=0",
                "watch=true&timeoutSeconds=1",
                "watch=1&timeoutSeconds=1&resourceVersion=x",
                "watch=1&timeoutSeconds=1&resourceVersion=${at}",
                "watch=1&timeoutSeconds=1&sendInitialEvents=true",
                "watch=1&timeoutSeconds=1&resourceVersionMatch=Exact",
                "watch=1&timeoutSeconds=x",
                "watch=1&timeoutSeconds=1&fieldSelector=nope%3D1",
            ]);
            let mut step = json!({"method": "GET", "path": format!("{own}&{how}")});
            if dice.one_in(4) {
                step["accept"] = json!(form(dice));
            }
            step
        }
    }
}

/// What is served.
fn discovery(dice: &mut Dice) -> Value {
    let path = dice.of(&[
        "/",
        "/api",
        "/api/",
        "/apis",
        "/apis/",
        "/api/v1",
        "/api/v1/",
        "/apis/apps/v1",
        "/apis/rbac.authorization.k8s.io",
        "/apis/rbac.authorization.k8s.io/",
        "/apis/rbac.authorization.k8s.io/v1",
        "/apis/coordination.k8s.io/v1",
        "/apis/certificates.k8s.io",
        "/apis/nope.example.com/v1",
        "/apis/rbac.authorization.k8s.io/v1beta1",
        "/.well-known/openid-configuration",
    ]);
    let mut step =
        json!({"method": dice.of(&["GET", "GET", "GET", "GET", "HEAD", "POST", "DELETE"]), "path": path});
    let accept = dice.of(&[
        "application/json",
        "application/json",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
        "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json",
        "*/*",
        "text/html",
    ]);
    step["accept"] = json!(accept);
    step
}

/// A watch that is open during the whole sequence, and what is made last, so that its end is known.
pub fn watch(dice: &mut Dice) -> Value {
    let kind =
        dice.of(&["ConfigMap", "Secret", "ServiceAccount", "Pod", "Lease", "Role", "Node", "ClusterRole"]);
    let kind = KINDS.iter().find(|one| one.kind == kind).unwrap();
    let path = kind.collection();
    let marker = json!({"metadata": {"name": "the-last-one-${run}", "labels": {"run": "${run}", "a": "x"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let more = dice.of(&["", "", ",a", ",a%3Dx", "&resourceVersion=0", "&allowWatchBookmarks=true"]);
    let accept = dice.of(&[
        "application/json",
        "application/json",
        "application/json",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
    ]);
    json!({"method": "GET", "path": format!("{path}?watch=1&labelSelector=run%3D${{run}}{more}"), "accept": accept,
        "marker": {"method": "POST", "path": path, "body": marker}})
}

/// A path beside the resources, or a request under an odd name.
pub fn elsewhere(dice: &mut Dice) -> Value {
    if dice.one_in(2) {
        let headers = dice.value(&[
            json!({"impersonate-group": "g"}),
            json!({"impersonate-user": "alice", "impersonate-extra-scopes": "a"}),
            json!({"impersonate-user": "alice", "impersonate-uid": "1"}),
            json!({"impersonate-uid": "1"}),
            json!({"impersonate-extra-a": "b"}),
            json!({"impersonate-user": "system:anonymous"}),
            json!({"impersonate-user": "system:serviceaccount:default:x"}),
            json!({"impersonate-user": "system:serviceaccount:bad"}),
            json!({"impersonate-user": "system:node:x", "impersonate-group": "system:nodes"}),
            json!({"impersonate-user": "alice", "impersonate-group": "system:masters"}),
            json!({"impersonate-user": ""}),
            json!({"authorization": "Bearer nonsense"}),
            json!({"x-http-method-override": "DELETE"}),
            json!({"content-type": "application/json"}),
        ]);
        let path =
            dice.of(&["/api/v1/nodes/n1-${run}", "/api/v1/namespaces/d-${run}/configmaps/a", "/version"]);
        return json!({"method": "GET", "path": path, "headers": headers});
    }
    if dice.one_in(3) {
        return discovery(dice);
    }
    let path = dice.of(&[
        "/api/v2",
        "/apis/apps",
        "/apis/apps/v9",
        "/apis/nope.example.com",
        "/apis/rbac.authorization.k8s.io/v1",
        "/apis/certificates.k8s.io/v1/",
        "/version",
        "/version/",
        "/healthz",
        "/healthz/ping",
        "/healthz/nope",
        "/livez/etcd",
        "/readyz/poststarthook/rbac/bootstrap-roles",
        "/nope",
        "/api/v1/nope",
        "/api/v1/nodes/",
        "/api/v1/namespaces/d-${run}",
        "/api/v1/namespaces/d-${run}/nope/x",
        "/api/v1/namespaces/d-${run}/nodes",
        "/api/v1/configmaps/a",
        "/api/v1/namespaces/d-${run}/configmaps/a/b/c",
        "/api/v1/watch/namespaces/d-${run}/configmaps/a?timeoutSeconds=1",
        "/apis/rbac.authorization.k8s.io/v1/namespaces/d-${run}/roles/small",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "/openapi/v3/nope",
    ]);
    let method = dice.of(&["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "NOPE"]);
    let mut step = json!({"method": method, "path": path});
    if matches!(method, "POST" | "PUT") {
        step["body"] = dice.value(&[json!({}), json!({"metadata": {"name": "a"}}), json!("x")]);
    }
    // Deleting the namespace under the sequence's feet would leave nothing to compare.
    if path.ends_with("d-${run}") && method == "DELETE" {
        step["method"] = json!("GET");
    }
    step
}
