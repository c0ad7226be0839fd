//! What the audit log of a real kube-apiserver says of a list of requests (`tests/conformance/audit`), line by line against
//! the sandbox's.
//!
//! One policy has a namespace for each level. Times, ids, versions and secrets are masked, everything else is compared, the
//! order of fields too. `CKS_LAB_RECORD=1` has `long/audit.rs` write the recordings anew.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use regex::Regex;

use cks_lab::release::{RELEASES, Release};

use super::apiserver::{connect, start_with};

/// Tells this test's requests from others in a log.
const AGENT: &str = "corpus/1";

pub const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [Panic]
rules:
- level: None
  users: [system:node:controlplane]
- level: Metadata
  nonResourceURLs: [/apis*, /api]
- level: None
  nonResourceURLs: [/readyz*]
- level: RequestResponse
  nonResourceURLs: ['*']
- level: Metadata
  namespaces: [meta]
  omitStages: [RequestReceived]
- level: Request
  namespaces: [req]
- level: RequestResponse
  namespaces: [bare]
  omitManagedFields: true
- level: Request
  resources: [{group: rbac.authorization.k8s.io, resources: ['clusterroles/*']}]
- level: None
  resources: [{group: '', resources: [nodes], resourceNames: [quiet]}]
- level: RequestResponse
";

/// The namespaces, one a level.
const NAMESPACES: [&str; 4] = ["full", "bare", "req", "meta"];

struct Request {
    who: &'static str,
    method: &'static str,
    uri: String,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

fn request(
    who: &'static str,
    method: &'static str,
    uri: impl Into<String>,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> Request {
    Request { who, method, uri: uri.into(), headers: headers.to_vec(), body }
}

/// What is asked in each namespace.
fn namespaced(namespace: &str) -> Vec<Request> {
    const TABLE: (&str, &str) = ("accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    const PARTIAL: (&str, &str) = ("accept", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
    const JSON: (&str, &str) = ("content-type", "application/json");
    const MERGE: (&str, &str) = ("content-type", "application/merge-patch+json");
    const JSON_PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
    const APPLY: (&str, &str) = ("content-type", "application/apply-patch+yaml");
    let at = |path: &str| format!("/api/v1/namespaces/{namespace}{path}");
    let apps = |path: &str| format!("/apis/apps/v1/namespaces/{namespace}{path}");
    let mut all = vec![
        request("admin", "GET", at(""), &[], ""),
        request("admin", "GET", at(""), &[TABLE], ""),
        request("admin", "GET", at(""), &[PARTIAL], ""),
        request("admin", "GET", at(""), &[("accept", "application/yaml")], ""),
        request("admin", "GET", at(""), &[("accept", "text/html")], ""),
        request("admin", "HEAD", at(""), &[], ""),
        request("admin", "GET", at("/configmaps/nope?pretty=1&x=a%20b"), &[], ""),
        request(
            "admin",
            "POST",
            at("/configmaps"),
            &[JSON],
            r#"{"metadata":{"name":"cm","uid":"x","labels":{"b":"1","a":"2"}},"data":{"a":"<b>&c"},"bogus":1}"#,
        ),
        request(
            "admin",
            "POST",
            at("/configmaps?dryRun=All&fieldManager=m"),
            &[JSON],
            r#"{"metadata":{"generateName":"cm-"}}"#,
        ),
        request("admin", "POST", at("/configmaps"), &[JSON], r#"{"metadata":{"name":"cm"}}"#),
        request("admin", "POST", at("/configmaps"), &[JSON], r#"{"metadata":{"name":"BAD"}}"#),
        request("admin", "POST", at("/configmaps"), &[JSON], "{bad"),
        request("admin", "POST", at("/configmaps"), &[("content-type", "text/plain")], "x"),
        request(
            "admin",
            "POST",
            at("/configmaps"),
            &[("content-type", "application/yaml")],
            "metadata: {name: yaml}\ndata:\n  k: v\n",
        ),
        request(
            "admin",
            "PUT",
            at("/configmaps/cm"),
            &[JSON],
            r#"{"metadata":{"name":"cm"},"data":{"a":"2"}}"#,
        ),
        request(
            "admin",
            "PUT",
            at("/configmaps/cm"),
            &[JSON],
            r#"{"metadata":{"name":"cm","resourceVersion":"1"},"data":{"a":"2"}}"#,
        ),
        request("admin", "PATCH", at("/configmaps/cm"), &[MERGE], "{\"data\": {\"b\" : \"3 <\"}}"),
        request(
            "admin",
            "PATCH",
            at("/configmaps/cm"),
            &[JSON_PATCH],
            r#"[{"op":"test","path":"/data/a","value":"nope"}]"#,
        ),
        request(
            "admin",
            "PATCH",
            at("/configmaps/cm2?fieldManager=f"),
            &[APPLY],
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"cm2"},"data":{"x":"y"}}"#,
        ),
        request(
            "admin",
            "PATCH",
            at("/configmaps/cm3?fieldManager=f"),
            &[APPLY],
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm3\n",
        ),
        request("admin", "POST", at("/serviceaccounts"), &[JSON], r#"{"metadata":{"name":"default"}}"#),
        request(
            "admin",
            "POST",
            at("/serviceaccounts/default/token"),
            &[JSON],
            r#"{"spec":{"expirationSeconds":3600}}"#,
        ),
        request(
            "admin",
            "POST",
            at("/secrets"),
            &[JSON],
            r#"{"metadata":{"name":"s"},"stringData":{"password":"hunter2"}}"#,
        ),
        request(
            "admin",
            "POST",
            at("/pods"),
            &[JSON],
            r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}"#,
        ),
        request(
            "admin",
            "POST",
            at("/pods"),
            &[JSON],
            r#"{"metadata":{"name":"q"},"spec":{"hostNetwork":true,"containers":[{"name":"c","image":"nginx","securityContext":{"privileged":true}}]}}"#,
        ),
        request(
            "admin",
            "POST",
            apps("/deployments"),
            &[JSON],
            r#"{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}"#,
        ),
        request(
            "admin",
            "POST",
            at("/pods/p/binding"),
            &[JSON],
            r#"{"apiVersion":"v1","kind":"Binding","metadata":{"name":"p"},"target":{"kind":"Node","name":"n"}}"#,
        ),
        request(
            "admin",
            "POST",
            at("/pods/q/eviction"),
            &[JSON],
            r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"q"}}"#,
        ),
        request("admin", "PATCH", apps("/deployments/d/scale"), &[MERGE], r#"{"spec":{"replicas":2}}"#),
        request("admin", "GET", at("/configmaps?limit=1"), &[], ""),
        request("admin", "GET", at("/configmaps"), &[TABLE], ""),
        request("admin", "GET", at("/configmaps?fieldSelector=metadata.name%3Dcm2"), &[], ""),
        request("admin", "GET", at("/configmaps?watch=1&timeoutSeconds=1"), &[], ""),
        request(
            "admin",
            "GET",
            at("/secrets"),
            &[("impersonate-user", "jane"), ("impersonate-group", "dev"), ("impersonate-extra-scopes", "a")],
            "",
        ),
        request("node01", "GET", at("/secrets"), &[("impersonate-user", "jane")], ""),
        request("node01", "GET", at("/secrets/s"), &[], ""),
        request("node01", "GET", at("/configmaps/cm"), &[], ""),
        request("", "GET", at("/secrets"), &[], ""),
        request("", "GET", at("/secrets"), &[("authorization", "Bearer nonsense")], ""),
        request("", "GET", at("/secrets"), &[("authorization", "Basic Zm9vOmJhcg==")], ""),
        request("stranger", "GET", at("/secrets"), &[], ""),
        request("", "GET", at("/secrets?watch=1"), &[("authorization", "Bearer nonsense")], ""),
        request("admin", "GET", at("/nonsense"), &[], ""),
        request("admin", "POST", at("/pods/p/exec?command=ls"), &[], ""),
        request("admin", "DELETE", at("/configmaps/cm"), &[], ""),
        request(
            "admin",
            "DELETE",
            at("/configmaps/cm2"),
            &[JSON],
            r#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}"#,
        ),
        request("admin", "DELETE", at("/pods/p?gracePeriodSeconds=0"), &[], ""),
        request("admin", "DELETE", at("/pods/p"), &[JSON], r#"{"gracePeriodSeconds":0,"dryRun":["All"]}"#),
        request("admin", "DELETE", at("/configmaps"), &[JSON], r#"{"propagationPolicy":"Background"}"#),
    ];
    all.push(request("admin", "DELETE", apps("/deployments/d"), &[], ""));
    all.push(request("admin", "DELETE", at(""), &[], ""));
    all
}

/// What is asked once.
fn others() -> Vec<Request> {
    const JSON: (&str, &str) = ("content-type", "application/json");
    vec![
        request("admin", "GET", "/api/v1/namespaces?limit=1&x=a%20b&y=%3Cz%3E", &[], ""),
        request(
            "admin",
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &[JSON],
            r#"{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","spec":{"resourceAttributes":{"verb":"get","resource":"pods"}}}"#,
        ),
        request("", "GET", "/healthz", &[], ""),
        request("admin", "GET", "/readyz?verbose", &[], ""),
        request(
            "",
            "GET",
            "/version",
            &[("audit-id", "my-own-id"), ("x-forwarded-for", "1.2.3.4, 5.6.7.8"), ("x-real-ip", "9.9.9.9")],
            "",
        ),
        request("admin", "GET", "/apis", &[], ""),
        request("admin", "GET", "/apis/apps/v1", &[], ""),
        request("admin", "GET", "/api", &[], ""),
        request("admin", "GET", "/nope", &[], ""),
        request("admin", "GET", "/apis/nope/v1/x", &[], ""),
        request("admin", "GET", "/openapi/v3", &[], ""),
        request("admin", "POST", "/version", &[], ""),
        request("node01", "GET", "/metrics", &[], ""),
        request("admin", "GET", "/api/v1/componentstatuses/etcd-0", &[], ""),
        request("admin", "GET", "/api/v1/nodes/quiet", &[], ""),
        request("controlplane", "GET", "/api/v1/nodes/controlplane", &[], ""),
        request(
            "admin",
            "POST",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            &[JSON],
            r#"{"metadata":{"name":"r"},"rules":[{"verbs":["*"],"resources":["*"],"apiGroups":["*"]}]}"#,
        ),
        request("admin", "DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/r", &[], ""),
    ]
}

/// Sends everything to a server.
pub async fn play(dir: &Path, port: u16) {
    let labels =
        r#""pod-security.kubernetes.io/enforce":"baseline","pod-security.kubernetes.io/audit":"restricted""#;
    let mut all = Vec::new();
    for namespace in NAMESPACES {
        let body = format!(r#"{{"metadata":{{"name":"{namespace}","labels":{{{labels}}}}}}}"#);
        let body: &'static str = Box::leak(body.into_boxed_str());
        all.push(request(
            "admin",
            "POST",
            "/api/v1/namespaces",
            &[("content-type", "application/json")],
            body,
        ));
        all.extend(namespaced(namespace));
    }
    all.extend(others());
    for (at, one) in all.iter().enumerate() {
        let mut builder = http::Request::builder().method(one.method).uri(&one.uri).header("host", "x");
        for (name, value) in &one.headers {
            builder = builder.header(*name, *value);
        }
        if !one.headers.iter().any(|(name, _)| *name == "audit-id") {
            builder = builder.header("audit-id", format!("request-{at:04}"));
        }
        let request = builder.header("user-agent", AGENT).body(Full::new(Bytes::from(one.body))).unwrap();
        let mut sender = connect(dir, port, one.who).await;
        let answer = sender.send_request(request).await.unwrap();
        let _ = answer.into_body().collect().await;
    }
}

/// The lines of the log that are about the requests of this test, masked.
pub fn masked(log: &str) -> Vec<String> {
    let masks: Vec<(Regex, &str)> = [
        ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
        (r#""(resourceVersion|continue|remainingItemCount|token)":("[^"]{2,}"|\d+)"#, "\"$1\":<$1>"),
        (r#""Age"|"<unknown>"|"\d+s""#, "<age>"),
        (r"(cm-|kube-api-access-)[a-z0-9]{5}", "${1}<random>"),
        (r"(resource version|ResourceVersion) \d+", "$1 <version>"),
        ("X509SHA256=[0-9a-f]{64}", "X509SHA256=<sum>"),
        (r#"RBAC: allowed by [^,}]*"#, "<rbac>"),
    ]
    .into_iter()
    .map(|(pattern, with)| (Regex::new(pattern).unwrap(), with))
    .collect();
    let own = format!("\"userAgent\":\"{AGENT}\"");
    let mask = |line: &str| {
        masks
            .iter()
            .fold(line.to_owned(), |text, (pattern, with)| pattern.replace_all(&text, *with).into_owned())
    };
    let id = |line: &str| {
        line.split("\"auditID\":\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
    };
    let mut lines: Vec<String> = log.lines().filter(|line| line.contains(&own)).map(mask).collect();
    // An event may be written a moment after the answer has arrived.
    lines.sort_by_key(|line| id(line));
    lines
}

/// Where the recording of a release is.
pub fn recording(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/conformance/audit/{version}.jsonl"))
}

/// Where two logs differ, a line each.
pub fn differences(got: &[String], want: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for at in 0..got.len().max(want.len()) {
        let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        if line(got) != line(want) {
            all.push(format!("{at}:\n  got  {}\n  want {}", line(got), line(want)));
            if all.len() == 12 || got.get(at).is_none() || want.get(at).is_none() {
                break;
            }
        }
    }
    all
}

/// Plays everything on the sandbox's server, and gives its log.
async fn sandbox(release: &'static Release) -> Vec<String> {
    let flags = ["--audit-policy-file=/policy.yaml", "--audit-log-path=/log/audit.log"];
    let policy = |dir: &Path| std::fs::write(dir.join("policy.yaml"), POLICY).unwrap();
    let server = start_with(release, &flags, policy).await;
    play(server.dir.path(), server.port).await;
    server.server.stop().await;
    masked(&std::fs::read_to_string(server.dir.path().join("log/audit.log")).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_the_recorded_ones() {
    for release in &RELEASES {
        let want: Vec<String> = std::fs::read_to_string(recording(release.git_version))
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        let got = sandbox(release).await;
        let wrong = differences(&got, &want);
        assert!(wrong.is_empty(), "{}: {} lines\n{}", release.git_version, want.len(), wrong.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_can_go_to_standard_output_in_the_older_format() {
    let flags = ["--audit-policy-file=/policy.yaml", "--audit-log-path=-", "--audit-log-format=legacy"];
    let policy = |dir: &Path| std::fs::write(dir.join("policy.yaml"), POLICY).unwrap();
    let server = start_with(cks_lab::release::default_release(), &flags, policy).await;
    let (code, headers, _) =
        server.ask("admin", "GET", "/api/v1/namespaces/default", &[("audit-id", "mine")], &().into()).await;
    assert_eq!((code, headers["audit-id"].to_str().unwrap()), (200, "mine"));
    let line = server
        .log
        .text()
        .lines()
        .find(|line| line.contains("id=\"mine\" stage=\"ResponseComplete\""))
        .map(str::to_owned);
    let line = line.unwrap();
    assert!(
        line.ends_with("namespace=\"default\" uri=\"/api/v1/namespaces/default\" response=\"200\""),
        "{line}"
    );
    server.server.stop().await;
}

/// What keeps a server from starting, and its last words.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_files_end_the_server() {
    for (policy, flags, words) in [
        (
            None,
            vec!["--audit-policy-file=/policy.yaml"],
            "err=\"loading audit policy file: failed to read file path \\\"/policy.yaml\\\": open /policy.yaml: no such file or directory\"",
        ),
        (
            Some("rules: []\napiVersion: audit.k8s.io/v1\nkind: Policy\n"),
            vec!["--audit-policy-file=/policy.yaml"],
            "err=\"loading audit policy file: loaded illegal policy with 0 rules: from file /policy.yaml\"",
        ),
        (
            Some(POLICY),
            vec!["--audit-policy-file=/policy.yaml", "--audit-log-path=/policy.yaml/audit.log"],
            "err=\"ensureLogFile: mkdir /policy.yaml: not a directory\"",
        ),
        (None, vec!["--audit-log-path=/store"], "err=\"ensureLogFile: open /store: is a directory\""),
    ] {
        let prepare = |dir: &Path| {
            std::fs::create_dir_all(dir.join("store")).unwrap();
            if let Some(policy) = policy {
                std::fs::write(dir.join("policy.yaml"), policy).unwrap();
            }
        };
        let (status, log) = super::apiserver::refused_with(&flags, prepare).await;
        assert_eq!(status, 1);
        assert!(log.contains(words), "{log}");
    }
}
