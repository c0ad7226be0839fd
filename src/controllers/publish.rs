//! What every namespace gets: the ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`.
//!
//! Upstream: `pkg/controller/serviceaccount/serviceaccounts_controller.go`,
//! `pkg/controller/certificates/rootcacertpublisher/publisher.go`.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::client::{Client, ClientError};
use super::trigger::{self, Trigger};
use super::{Context, client};

const NAMESPACES: &str = "/api/v1/namespaces";

/// Makes the ServiceAccount `default` in every namespace that lives.
pub async fn service_accounts(context: &Context) {
    let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    everywhere(context.controller_client("service-account-controller"), "serviceaccounts", object).await;
}

/// Makes the ConfigMap `kube-root-ca.crt` in every namespace that lives.
pub async fn root_ca(context: &Context) {
    let Some(ca) = &context.root_ca else { return std::future::pending().await };
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-root-ca.crt", "annotations": {"kubernetes.io/description":
            "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as \
             the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
             Kubernetes clusters."}},
        "data": {"ca.crt": ca}});
    everywhere(context.controller_client("root-ca-cert-publisher"), "configmaps", object).await;
}

async fn everywhere(client: client::Client, plural: &'static str, object: Value) {
    let trigger = Trigger {
        client: client.clone(),
        paths: vec![NAMESPACES.into(), format!("/api/v1/{plural}")],
        counts: |_, change| change.kind != "MODIFIED",
        period: None,
    };
    trigger::run(trigger, || async { reconcile(&client, plural, &object).await.is_ok() }).await;
}

async fn reconcile(client: &Client, plural: &str, object: &Value) -> Result<(), ClientError> {
    let (there, _) = client.list(&format!("/api/v1/{plural}")).await?;
    let name = &object["metadata"]["name"];
    let have: HashSet<&str> = there
        .iter()
        .filter(|o| o["metadata"]["name"] == *name)
        .filter_map(|o| o["metadata"]["namespace"].as_str())
        .collect();
    for namespace in &client.list(NAMESPACES).await?.0 {
        let Some(namespace_name) = namespace["metadata"]["name"].as_str() else { continue };
        if namespace["metadata"].get("deletionTimestamp").is_some() || have.contains(namespace_name) {
            continue;
        }
        match client.create(&format!("{NAMESPACES}/{namespace_name}/{plural}"), object).await {
            Err(error) if !error.is_code(409) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
