#![allow(clippy::unwrap_used)]

use super::*;
use crate::apiserver::requestinfo::Query;
use crate::release::default_release;

/// Policies with the warning and the error that kube-apiserver v1.31.0 has for them.
type Recorded = (&'static str, Option<&'static str>, Option<&'static str>);

#[rustfmt::skip]
const RECORDED: &[Recorded] = &[
    (r#""#, None, Some(r#"unknown group version field audit.k8s.io/__internal, Kind=Policy in policy"#)),
    (r#"apiVersion: audit.k8s.io/v1
rules: [{level: None}]
"#, None, None),
    (r#"kind: Policy
rules: [{level: None}]
"#, Some(r#"Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "rules""#), Some(r#"unknown group version field audit.k8s.io/__internal, Kind=Policy in policy"#)),
    (r#"rules: [{level: None}]
"#, Some(r#"Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "rules""#), Some(r#"unknown group version field audit.k8s.io/__internal, Kind=Policy in policy"#)),
    (r#"apiVersion: audit.k8s.io/v1beta1
kind: Policy
rules: [{level: None}]
"#, None, Some(r#"failed decoding: no kind "Policy" is registered for version "audit.k8s.io/v1beta1" in scheme "pkg/runtime/scheme.go:100""#)),
    (r#"apiVersion: v1
kind: Policy
rules: [{level: None}]
"#, None, Some(r#"failed decoding: no kind "Policy" is registered for version "v1" in scheme "pkg/runtime/scheme.go:100""#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Event
rules: [{level: None}]
"#, None, Some(r#"failed decoding: converting (v1.Event) to (audit.Policy): unknown conversion"#)),
    (r#"apiVersion: v1
kind: Pod
"#, None, Some(r#"failed decoding: no kind "Pod" is registered for version "v1" in scheme "pkg/runtime/scheme.go:100""#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: [a
"#, None, Some(r#"failed decoding: yaml: line 5: did not find expected ',' or ']'"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
	- level: None
"#, None, Some(r#"failed decoding: yaml: line 4: found character that cannot start any token"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
"#, None, Some(r#"loaded illegal policy with 0 rules"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules: []
"#, None, Some(r#"loaded illegal policy with 0 rules"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- users: [a]
"#, None, Some(r#"rules[0].level: Required value"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: metadata
- level: RequestResponses
"#, None, Some(r#"[rules[0].level: Unsupported value: "metadata": supported values: "None", "Metadata", "Request", "RequestResponse", rules[1].level: Unsupported value: "RequestResponses": supported values: "None", "Metadata", "Request", "RequestResponse"]"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [Foo, RequestReceived]
rules:
- level: None
  omitStages: [bar]
"#, None, Some(r#"[omitStages[0]: Invalid value: "Foo": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic, rules[0].omitStages[0]: Invalid value: "bar": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic]"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  user: [a]
  foo: bar
bar: baz
"#, Some(r#"Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "bar", unknown field "rules[0].foo", unknown field "rules[0].user""#), None),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules: foo
"#, None, Some(r#"failed decoding: json: cannot unmarshal string into Go struct field Policy.rules of type []v1.PolicyRule"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: foo
"#, None, Some(r#"failed decoding: json: cannot unmarshal string into Go struct field PolicyRule.rules.users of type []string"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: 3
"#, None, Some(r#"failed decoding: json: cannot unmarshal number into Go struct field PolicyRule.rules.level of type v1.Level"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: yes please
rules:
- level: None
"#, None, Some(r#"failed decoding: json: cannot unmarshal string into Go struct field Policy.omitManagedFields of type bool"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  nonResourceURLs: [api, '/a*b', '*', '/ok*', '']
  namespaces: [x]
"#, None, Some(r#"[rules[0].nonResourceURLs[0]: Invalid value: "api": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: "/a*b": non-resource URL wildcards '*' must be the final character of the rule, rules[0].nonResourceURLs[4]: Invalid value: "": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs: Invalid value: []string{"api", "/a*b", "*", "/ok*", ""}: rules cannot apply to both regular resources and non-resource URLs]"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  resources: [{group: rbac.authorization.k8s.io/v1, resources: [roles]}, {group: '', resourceNames: [a]}, {group: Upper}]
"#, None, Some(r#"[rules[0].resources.group: Invalid value: "rbac.authorization.k8s.io/v1": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*'), rules[0].resources.resourceNames: Invalid value: []string{"a"}: using resourceNames requires at least one resource, rules[0].resources.group: Invalid value: "Upper": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')]"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  level: Metadata
"#, Some(r#"Audit policy contains errors, falling back to lenient decoding: strict decoding error: yaml: unmarshal errors:
  line 5: key "level" already set in map"#), None),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  resources: [pods]
"#, None, Some(r#"failed decoding: json: cannot unmarshal string into Go struct field PolicyRule.rules.resources of type v1.GroupResources"#)),
    (r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None"}]}x"#, None, Some(r#"failed decoding: couldn't get version/kind; json parse error: invalid character 'x' after top-level value"#)),
    (r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"Nope"}]}"#, None, Some(r#"rules[0].level: Unsupported value: "Nope": supported values: "None", "Metadata", "Request", "RequestResponse""#)),
    (r#"{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"None","x":1,"x":2}],"rules":[]}"#, Some(r#"Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "rules[0].x", duplicate field "rules""#), Some(r#"loaded illegal policy with 0 rules"#)),
    (r#"- a
- b
"#, None, Some(r#"failed decoding: couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#)),
    (r#"hello
"#, None, Some(r#"failed decoding: couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#)),
    (r#"apiVersion: 1
kind: Policy
"#, None, Some(r#"failed decoding: couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .apiVersion of type string"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: [Policy]
"#, None, Some(r#"failed decoding: couldn't get version/kind; json parse error: json: cannot unmarshal array into Go struct field .kind of type string"#)),
    (r#"apiVersion: a/b/c
kind: Policy
"#, None, Some(r#"failed decoding: unexpected GroupVersion string: a/b/c"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  nonResourceURLs: ['/x']
  resources: [{group: ''}]
"#, None, Some(r#"rules[0].nonResourceURLs: Invalid value: []string{"/x"}: rules cannot apply to both regular resources and non-resource URLs"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: policy
rules: [{level: None}]
"#, None, Some(r#"failed decoding: no kind "policy" is registered for version "audit.k8s.io/v1" in scheme "pkg/runtime/scheme.go:100""#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: None}]
---
foo: bar
"#, None, None),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- &a {level: None}
- *b
"#, None, Some(r#"failed decoding: yaml: unknown anchor 'b' referenced"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
 users: [a]
"#, None, Some(r#"failed decoding: yaml: line 4: did not find expected key"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
metadata: {name: 3}
rules: [{level: None}]
"#, None, Some(r#"failed decoding: json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: None, omitManagedFields: 'x'}]
"#, None, Some(r#"failed decoding: json: cannot unmarshal string into Go struct field PolicyRule.rules.omitManagedFields of type bool"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules: [null]
"#, None, Some(r#"rules[0].level: Required value"#)),
    (r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules: [{level: None, resources: [{group: 'a..b'}]}]
"#, None, Some(r#"rules[0].resources.group: Invalid value: "a..b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#)),
];

#[test]
fn wrong_policies_get_the_real_sentences() {
    for (text, warning, error) in RECORDED {
        let got = match load(text.as_bytes(), default_release()) {
            Ok(loaded) => (loaded.warning, None),
            Err((warning, error)) => (warning, Some(error)),
        };
        assert_eq!((got.0.as_deref(), got.1.as_deref()), (*warning, *error), "{text}");
    }
}

fn level(policy: &str, user: &str, groups: &[&str], method: &str, uri: &str) -> Level {
    let policy = load(policy.as_bytes(), default_release()).unwrap().policy;
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let info = RequestInfo::parse(method, path, &Query::parse(query));
    policy.decide(Some(&UserInfo::new(user, groups)), &info).level
}

#[test]
fn the_first_rule_that_matches_counts() {
    let policy = "apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, users: ['system:kube-proxy'], verbs: [watch]}
- {level: None, userGroups: ['system:authenticated'], nonResourceURLs: ['/api*', /version]}
- {level: Request, resources: [{group: '', resources: [configmaps], resourceNames: [leader]}], namespaces: [kube-system]}
- {level: Metadata, resources: [{group: '', resources: [secrets, configmaps, 'pods/*', '*/scale']}]}
- {level: RequestResponse, resources: [{group: '', resources: [pods]}, {group: apps}]}
- {level: Metadata, namespaces: ['']}
- {level: None, resources: [{group: batch, resources: ['*']}]}
- {level: Request, nonResourceURLs: ['*']}
";
    let cluster = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    for (user, groups, method, uri, expected) in [
        ("system:kube-proxy", &[][..], "GET", "/api/v1/services?watch=1", Level::None),
        ("system:kube-proxy", &[], "GET", "/api/v1/namespaces/a/pods", Level::Metadata),
        ("a", &["system:authenticated"], "GET", "/api/v1", Level::None),
        ("a", &["system:authenticated"], "GET", "/version", Level::None),
        ("a", &["system:authenticated"], "GET", "/versions", Level::Request),
        ("a", &[], "GET", "/api", Level::Request),
        ("a", &[], "GET", "/api/v1/namespaces/kube-system/configmaps/leader", Level::Request),
        ("a", &[], "GET", "/api/v1/namespaces/kube-system/configmaps/other", Level::Metadata),
        ("a", &[], "GET", "/api/v1/namespaces/x/secrets", Level::Metadata),
        ("a", &[], "GET", "/api/v1/namespaces/x/pods/p", Level::Metadata),
        ("a", &[], "GET", "/api/v1/namespaces/x/pods/p/log", Level::Metadata),
        ("a", &[], "GET", "/api/v1/namespaces/x/replicationcontrollers/p/scale", Level::Metadata),
        ("a", &[], "GET", "/apis/apps/v1/namespaces/x/deployments/d/status", Level::RequestResponse),
        ("a", &[], "GET", cluster, Level::Metadata),
        ("a", &[], "GET", "/apis/batch/v1/namespaces/x/jobs/j/status", Level::None),
        ("a", &[], "GET", "/apis/policy/v1/namespaces/x/poddisruptionbudgets", Level::None),
    ] {
        assert_eq!(level(policy, user, groups, method, uri), expected, "{user} {uri}");
    }
}

#[test]
fn omissions_add_up_and_rules_have_the_last_word_about_managed_fields() {
    let policy = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: Metadata, verbs: [get], omitStages: [ResponseStarted, RequestReceived], omitManagedFields: false}
- {level: Metadata}
";
    let policy = load(policy.as_bytes(), default_release()).unwrap().policy;
    let decide = |method| policy.decide(None, &RequestInfo::parse(method, "/x", &Query::default()));
    let read = decide("GET");
    assert_eq!(read.omit_stages, [Stage::RequestReceived, Stage::ResponseStarted]);
    assert!(!read.omit_managed_fields);
    let write = decide("POST");
    assert_eq!(write.omit_stages, [Stage::RequestReceived]);
    assert!(write.omit_managed_fields);
}
