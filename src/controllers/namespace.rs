//! Empties namespaces that are being deleted, then lets them go.
//!
//! Upstream: `pkg/controller/namespace/deletion/namespaced_resources_deleter.go`.

use serde_json::{Value, json};

use super::Context;
use super::client::{Client, ClientError};
use super::trigger::{self, Trigger};

/// Runs the controller.
pub async fn run(context: &Context) {
    let client = context.controller_client("namespace-controller");
    let trigger = Trigger {
        client: client.clone(),
        paths: vec!["/api/v1/namespaces".into()],
        counts: |_, change| {
            change.kind != "DELETED" && change.object()["metadata"].get("deletionTimestamp").is_some()
        },
        period: None,
    };
    trigger::run(trigger, || async { reconcile(&client).await.unwrap_or(false) }).await;
}

/// Returns whether no namespace waits any more.
async fn reconcile(client: &Client) -> Result<bool, ClientError> {
    let (namespaces, _) = client.list("/api/v1/namespaces").await?;
    let mut done = true;
    for mut namespace in namespaces {
        let metadata = &namespace["metadata"];
        let Some(name) = metadata["name"].as_str().map(str::to_owned) else { continue };
        if metadata.get("deletionTimestamp").is_none() {
            continue;
        }
        if !empty(client, &name).await? {
            done = false;
            continue;
        }
        if let Some(finalizers) = namespace["spec"]["finalizers"].as_array() {
            let rest: Vec<Value> = finalizers.iter().filter(|f| *f != "kubernetes").cloned().collect();
            namespace["spec"]["finalizers"] = json!(rest);
        }
        match client.update(&format!("/api/v1/namespaces/{name}/finalize"), &namespace).await {
            Err(error) if !error.is_code(404) && !error.is_code(409) => return Err(error),
            Err(error) if error.is_code(409) => done = false,
            _ => {}
        }
    }
    Ok(done)
}

/// Deletes everything in a namespace; returns whether nothing is left.
async fn empty(client: &Client, namespace: &str) -> Result<bool, ClientError> {
    let mut left = false;
    let mut all = served(client).await?;
    all.retain(|resource| resource.namespaced);
    for Served { prefix, plural, .. } in &all {
        let collection = format!("{prefix}/namespaces/{namespace}/{plural}");
        for item in client.list(&collection).await?.0 {
            left = true;
            let metadata = &item["metadata"];
            if metadata.get("deletionTimestamp").is_some() && *plural != "pods" {
                continue;
            }
            let name = metadata["name"].as_str().unwrap_or_default();
            match client.delete(&format!("{collection}/{name}")).await {
                Err(error) if !error.is_code(404) => return Err(error),
                _ => {}
            }
        }
    }
    // A second look tells whether the deletions were carried out already.
    if left {
        for Served { prefix, plural, .. } in &all {
            if !client.list(&format!("{prefix}/namespaces/{namespace}/{plural}")).await?.0.is_empty() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A resource whose objects can be listed and deleted.
pub struct Served {
    /// `/apis/apps/v1`
    pub prefix: String,
    /// Its plural name.
    pub plural: String,
    /// The kind of its objects.
    pub kind: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

impl Served {
    /// The collection of its objects in all namespaces.
    pub fn path(&self) -> String {
        format!("{}/{}", self.prefix, self.plural)
    }
}

/// All such resources, by discovery.
pub async fn served(client: &Client) -> Result<Vec<Served>, ClientError> {
    let mut prefixes = vec!["/api/v1".to_owned()];
    for group in client.get("/apis").await?["groups"].as_array().unwrap_or(&Vec::new()) {
        if let Some(version) = group["preferredVersion"]["groupVersion"].as_str() {
            prefixes.push(format!("/apis/{version}"));
        }
    }
    let mut out = Vec::new();
    for prefix in prefixes {
        for resource in client.get(&prefix).await?["resources"].as_array().unwrap_or(&Vec::new()) {
            let verbs = resource["verbs"].as_array();
            let can = |verb: &str| verbs.is_some_and(|v| v.iter().any(|x| x == verb));
            let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
            let (prefix, plural) = (prefix.clone(), text("name"));
            if !plural.contains('/') && can("list") && can("delete") {
                let namespaced = resource["namespaced"] == true;
                out.push(Served { prefix, plural, kind: text("kind"), namespaced });
            }
        }
    }
    Ok(out)
}
