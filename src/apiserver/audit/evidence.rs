//! The record of requests that a real API server writes, read as this program's own.
//!
//! Upstream: `k8s.io/apiserver/pkg/apis/audit/v1` (`Event`), `pkg/audit`.

use serde_json::Value;

use super::{AdmissionNote, Entry, recorded_body};

/// Whether the record can be taken from a server with these words: one that keeps a record of its own writes it by its
/// own policy, and to where it says.
pub fn may_be_taken(argv: &[String]) -> bool {
    !argv.iter().any(|word| word.starts_with("--audit-"))
}

/// A line of output, if it is one of the record's.
pub fn event(line: &[u8]) -> Option<Value> {
    if !line.starts_with(b"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/") {
        return None;
    }
    serde_json::from_slice(line).ok()
}

/// One answered request.
pub fn entry(event: &Value) -> Option<Entry> {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    if event["stage"] != "ResponseComplete" {
        return None;
    }
    let impersonated = event.get("impersonatedUser").filter(|user| !user.is_null());
    let user = impersonated.unwrap_or(&event["user"]);
    let groups = user["groups"].as_array().into_iter().flatten();
    let at: jiff::Timestamp = text("/requestReceivedTimestamp").parse().ok()?;
    let done: jiff::Timestamp = text("/stageTimestamp").parse().ok()?;
    let uri = text("/requestURI");
    let code = event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default();
    let message = text("/responseStatus/message");
    let name = user["username"].as_str().unwrap_or_default().to_owned();
    let decision = text("/annotations/authorization.k8s.io~1decision");
    // What was allowed and refused all the same was refused by admission; the plugin is not named.
    let refused = code == 403 && decision == "allow";
    let admission = if refused {
        vec![AdmissionNote { plugin: plugin(&message).into(), refused: Some(message.clone()) }]
    } else {
        Vec::new()
    };
    Some(Entry {
        sequence: 0,
        at,
        authenticated_by: authenticated_by(&event["user"]).into(),
        user: name,
        groups: groups.filter_map(|g| g.as_str().map(str::to_owned)).collect(),
        impersonator: impersonated.map(|_| text("/user/username")),
        user_agent: text("/userAgent"),
        verb: text("/verb"),
        dry_run: uri.split_once('?').is_some_and(|(_, q)| q.split('&').any(|p| p.starts_with("dryRun="))),
        group: text("/objectRef/apiGroup"),
        resource: text("/objectRef/resource"),
        subresource: text("/objectRef/subresource"),
        namespace: text("/objectRef/namespace"),
        name: text("/objectRef/name"),
        authorizer: authorizer(&text("/annotations/authorization.k8s.io~1reason")).into(),
        decision,
        reason: text("/annotations/authorization.k8s.io~1reason"),
        admission,
        request_body: event.get("requestObject").map(|body| recorded_body(body.to_string().as_bytes())),
        code: u16::try_from(code).unwrap_or_default(),
        message: if code >= 400 { message } else { String::new() },
        resource_version: None,
        micros: u64::try_from(done.duration_since(at).as_micros()).unwrap_or_default(),
        uri,
    })
}

/// The plugin whose words a refusal has; the record itself does not tell.
fn plugin(message: &str) -> &'static str {
    const WORDS: [(&str, &str); 4] = [
        ("is not allowed to modify", "NodeRestriction"),
        ("node \"", "NodeRestriction"),
        ("violates PodSecurity", "PodSecurity"),
        ("exceeded quota", "ResourceQuota"),
    ];
    WORDS.iter().find(|(words, _)| message.contains(words)).map_or("", |(_, plugin)| plugin)
}

fn authenticated_by(user: &Value) -> &'static str {
    let name = user["username"].as_str().unwrap_or_default();
    if name == "system:anonymous" {
        "anonymous"
    } else if name.starts_with("system:serviceaccount:") || name == "system:apiserver" {
        "token"
    } else {
        "x509"
    }
}

/// Who decided: RBAC gives its reason, the node authorizer none.
fn authorizer(reason: &str) -> &'static str {
    if reason.starts_with("RBAC") { "RBAC" } else { "Node" }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const LINE: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a","stage":"ResponseComplete","requestURI":"/api/v1/nodes/controlplane?fieldManager=kubectl-label","verb":"patch","user":{"username":"system:node:node01","groups":["system:nodes","system:authenticated"]},"sourceIPs":["172.30.2.2"],"userAgent":"kubectl/v1.31.0","objectRef":{"resource":"nodes","name":"controlplane","apiVersion":"v1"},"responseStatus":{"metadata":{},"status":"Failure","message":"nodes \"controlplane\" is forbidden: node \"node01\" is not allowed to modify node \"controlplane\"","reason":"Forbidden","code":403},"requestObject":{"metadata":{"labels":{"killercoda/two":"123"}}},"requestReceivedTimestamp":"2026-11-24T08:00:00.000100Z","stageTimestamp":"2026-11-24T08:00:00.000350Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}"#;

    #[test]
    fn a_refused_patch_is_read() {
        let entry = entry(&event(LINE.as_bytes()).unwrap()).unwrap();
        assert_eq!(
            (entry.user.as_str(), entry.verb.as_str(), entry.code),
            ("system:node:node01", "patch", 403)
        );
        assert_eq!((entry.resource.as_str(), entry.name.as_str()), ("nodes", "controlplane"));
        assert_eq!((entry.authorizer.as_str(), entry.decision.as_str()), ("Node", "allow"));
        assert_eq!(entry.admission[0].plugin, "NodeRestriction");
        assert_eq!((entry.impersonator, entry.dry_run, entry.micros), (None, false, 250));
        assert!(entry.request_body.unwrap().contains("killercoda/two"));
    }

    #[test]
    fn an_impersonated_dry_run_is_told_from_the_real_thing() {
        let mut event = event(LINE.as_bytes()).unwrap();
        event["requestURI"] = json!("/api/v1/nodes/controlplane?a=b&dryRun=All");
        event["impersonatedUser"] = json!({"username": "alice", "groups": ["g"]});
        let entry = entry(&event).unwrap();
        assert!(entry.dry_run);
        assert_eq!(
            (entry.user.as_str(), entry.impersonator.as_deref()),
            ("alice", Some("system:node:node01"))
        );
    }

    #[test]
    fn other_output_is_no_record() {
        for line in ["I1124 08:00:00.000000       1 server.go:1] x", "{\"level\":\"info\"}", ""] {
            assert_eq!(event(line.as_bytes()), None);
        }
        assert!(may_be_taken(&["kube-apiserver".into(), "--secure-port=6443".into()]));
        assert!(!may_be_taken(&["kube-apiserver".into(), "--audit-log-path=/x".into()]));
    }
}
