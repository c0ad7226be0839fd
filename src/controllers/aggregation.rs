//! Fills ClusterRoles that gather the rules of others (`admin`, `edit`, `view`).
//!
//! Upstream: `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::trigger::{self, Trigger};
use crate::apiserver::authorization::rbac::aggregation::aggregated_rules;

const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

/// Keeps the rules of aggregating ClusterRoles as they should be.
pub async fn run(context: &Context) {
    let client = context.controller_client("clusterrole-aggregation-controller");
    let trigger = Trigger {
        client: client.clone(),
        paths: vec![CLUSTER_ROLES.into()],
        counts: trigger::any,
        period: None,
    };
    trigger::run(trigger, || async { reconcile(&client).await.is_ok() }).await;
}

/// One role may gather from another that gathers itself: what was written is a change that comes back here.
async fn reconcile(client: &Client) -> Result<(), ClientError> {
    let (roles, _) = client.list(CLUSTER_ROLES).await?;
    let roles: Vec<Arc<Value>> = roles.into_iter().map(Arc::new).collect();
    for role in &roles {
        let (Some(rules), Some(name)) = (aggregated_rules(role, &roles), role["metadata"]["name"].as_str())
        else {
            continue;
        };
        client.patch(&format!("{CLUSTER_ROLES}/{name}"), &json!({"rules": rules})).await?;
    }
    Ok(())
}
