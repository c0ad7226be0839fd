//! What a real API server is told to keep a record of.

use std::io;
use std::path::Path;

use super::DIRECTORY;
use crate::rooted::Rooted;

/// Reads are recorded without bodies, writes with what was sent; a service account's token request would show a secret.
const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: None
  nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/openapi*', '/api*']
- level: Metadata
  resources:
  - group: ''
    resources: [secrets, serviceaccounts/token, events]
  - group: coordination.k8s.io
  - group: authentication.k8s.io
- level: Request
  verbs: [create, update, patch]
- level: Metadata
";

/// Writes the policy below a node's root, and gives the flags that have the record written to standard output.
pub fn flags(root: &Path) -> io::Result<[String; 2]> {
    let policy = format!("{DIRECTORY}/audit-policy.yaml");
    Rooted::new(root).write(&policy, POLICY, 0o600)?;
    Ok([format!("--audit-policy-file=/{policy}"), "--audit-log-path=-".into()])
}
