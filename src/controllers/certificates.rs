//! Approves and signs the certificate requests of kubelets, and signs what somebody approved.
//!
//! Upstream: `pkg/controller/certificates/{approver,signer}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::leader::seconds;
use super::trigger::{self, Trigger};
use crate::pki::Authority;

const CSRS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// The signers whose approved requests this controller signs.
const SIGNERS: [&str; 3] =
    ["kubernetes.io/kube-apiserver-client", KUBELET_CLIENT, "kubernetes.io/kubelet-serving"];

/// Runs approver and signer.
pub async fn run(context: &Context) {
    let Some((certificate, key)) = &context.signing else { return std::future::pending().await };
    let client = context.controller_client("certificate-controller");
    let trigger = Trigger {
        client: client.clone(),
        paths: vec![CSRS.into()],
        counts: |_, change| change.kind != "DELETED",
        period: None,
    };
    trigger::run(trigger, || async {
        let Ok(authority) = Authority::from_pem(certificate, key) else { return true };
        reconcile(context, &client, &authority).await.is_ok()
    })
    .await;
}

async fn reconcile(context: &Context, client: &Client, authority: &Authority) -> Result<(), ClientError> {
    for mut csr in client.list(CSRS).await?.0 {
        let Some(name) = csr["metadata"]["name"].as_str().map(str::to_owned) else { continue };
        let now = seconds(context.clock.now());
        if approvable(&csr) {
            let condition = json!({"type": "Approved", "status": "True", "reason": "AutoApproved",
                "message": "Auto approving kubelet client certificate after SubjectAccessReview.",
                "lastUpdateTime": now, "lastTransitionTime": now});
            csr["status"]["conditions"] = json!([condition]);
            csr = client.update(&format!("{CSRS}/{name}/approval"), &csr).await?;
        }
        if !signable(&csr) {
            continue;
        }
        let request =
            csr["spec"]["request"].as_str().and_then(|r| STANDARD.decode(r).ok()).unwrap_or_default();
        match authority.sign_request(&String::from_utf8_lossy(&request), context.clock.now()) {
            Ok(certificate) => csr["status"]["certificate"] = json!(STANDARD.encode(certificate)),
            Err(error) => {
                let failed = json!({"type": "Failed", "status": "True", "reason": "SignerValidationFailure",
                    "message": error.to_string(), "lastUpdateTime": now, "lastTransitionTime": now});
                if let Some(conditions) = csr["status"]["conditions"].as_array_mut() {
                    conditions.push(failed);
                }
            }
        }
        client.update(&format!("{CSRS}/{name}/status"), &csr).await?;
    }
    Ok(())
}

fn has_condition(csr: &Value, kind: &str) -> bool {
    csr["status"]["conditions"].as_array().is_some_and(|c| c.iter().any(|c| c["type"] == kind))
}

/// Whether a request is a kubelet's for itself, or a bootstrap token's for a kubelet.
fn approvable(csr: &Value) -> bool {
    let spec = &csr["spec"];
    let user = spec["username"].as_str().unwrap_or_default();
    let kubelet = user.starts_with("system:node:") || user.starts_with("system:bootstrap:");
    let decided = ["Approved", "Denied", "Failed"].iter().any(|kind| has_condition(csr, kind));
    spec["signerName"] == KUBELET_CLIENT && kubelet && !decided
}

fn signable(csr: &Value) -> bool {
    SIGNERS.iter().any(|s| csr["spec"]["signerName"] == *s)
        && has_condition(csr, "Approved")
        && !has_condition(csr, "Denied")
        && !has_condition(csr, "Failed")
        && csr["status"]["certificate"].as_str().is_none_or(str::is_empty)
}
