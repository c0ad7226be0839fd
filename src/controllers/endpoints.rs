//! Keeps the addresses behind each Service: its Endpoints and its EndpointSlice.
//!
//! ```text
//! Service, Pods ── backends ──> Endpoints (subsets)
//!                          └──> EndpointSlice (slices)
//! ```
//! Upstream: `pkg/controller/endpoint/endpoints_controller.go`, `k8s.io/endpointslice/reconciler.go`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use self::backends::{Backend, backends};
use super::client::{Client, ClientError};
use super::trigger::{self, Trigger};
use super::workloads::{deleting, ignore_races, reference, text};
use super::{Context, PODS};

mod backends;
mod slices;
mod subsets;

const SERVICES: &str = "/api/v1/services";
const ENDPOINTS: &str = "/api/v1/endpoints";
const SLICES: &str = "/apis/discovery.k8s.io/v1/endpointslices";

/// When what is behind a Service last changed, as far as that is known.
const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// What is said of a Service without an address of its own.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// A Service, by namespace and name.
type Key = (String, String);

/// Runs both controllers.
pub async fn run(context: &Context) {
    let controllers = Controllers {
        endpoints: context.controller_client("endpoint-controller"),
        slices: context.controller_client("endpointslice-controller"),
        managed_by: context.release.gates.endpoints_deprecated,
        known: Mutex::default(),
    };
    let trigger = Trigger {
        client: controllers.endpoints.clone(),
        paths: [SERVICES, PODS, ENDPOINTS, SLICES].map(str::to_owned).to_vec(),
        counts: trigger::any,
        period: None,
    };
    trigger::run(trigger, || async { controllers.reconcile().await.is_ok() }).await;
}

struct Controllers {
    endpoints: Client,
    slices: Client,
    /// Whether Endpoints tell who made them, as they do since they are deprecated.
    managed_by: bool,
    /// The Services whose Endpoints go with them; none before the first look.
    known: Mutex<Option<HashSet<Key>>>,
}

impl Controllers {
    async fn reconcile(&self) -> Result<(), ClientError> {
        let (services, _) = self.endpoints.list(SERVICES).await?;
        let (pods, _) = self.endpoints.list(PODS).await?;
        let (endpoints, _) = self.endpoints.list(ENDPOINTS).await?;
        let (slices, _) = self.slices.list(SLICES).await?;
        for service in services.iter().filter(|service| !deleting(service) && has_selector(service)) {
            let backends = backends(service, &pods);
            let same = |object: &&Value| key(object) == key(service);
            self.write_endpoints(service, &backends, endpoints.iter().find(same)).await?;
            self.write_slices(service, &backends, &slices).await?;
        }
        self.remove_left_over(&services, &endpoints).await
    }

    async fn write_endpoints(
        &self,
        service: &Value,
        backends: &[Backend<'_>],
        now: Option<&Value>,
    ) -> Result<(), ClientError> {
        let mut labels = labels(service);
        if self.managed_by {
            labels["endpoints.kubernetes.io/managed-by"] = json!("endpoint-controller");
        }
        let subsets = subsets::of(service, backends);
        let metadata = json!({"name": service["metadata"]["name"], "namespace": service["metadata"]["namespace"],
            "labels": labels, "annotations": {TRIGGER_TIME: changed(service, backends)}});
        let wanted =
            json!({"kind": "Endpoints", "apiVersion": "v1", "metadata": metadata, "subsets": subsets});
        let collection = format!("/api/v1/namespaces/{}/endpoints", text(service, "namespace"));
        write(&self.endpoints, &collection, now, wanted, &["subsets"]).await
    }

    /// Each set of ports has a slice of its own; a Service that nothing is behind has an empty one.
    async fn write_slices(
        &self,
        service: &Value,
        backends: &[Backend<'_>],
        slices: &[Value],
    ) -> Result<(), ClientError> {
        let ours = |slice: &&Value| {
            slice["metadata"]["namespace"] == service["metadata"]["namespace"]
                && slice["metadata"]["labels"][slices::SERVICE] == service["metadata"]["name"]
                && slice["metadata"]["labels"][slices::MANAGED_BY] == slices::CONTROLLER
                && !deleting(slice)
        };
        let mut left: Vec<&Value> = slices.iter().filter(ours).collect();
        let collection =
            format!("/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices", text(service, "namespace"));
        for mut wanted in slices::of(service, backends) {
            let same_ports = |slice: &&Value| slice["ports"] == wanted["ports"];
            let found = left.iter().position(same_ports).or(if left.is_empty() { None } else { Some(0) });
            let now = found.map(|at| left.remove(at));
            let mut labels = labels(service);
            labels[slices::MANAGED_BY] = json!(slices::CONTROLLER);
            labels[slices::SERVICE] = service["metadata"]["name"].clone();
            let mut owner = reference(service, "Service");
            owner["apiVersion"] = json!("v1");
            wanted["metadata"] = json!({"generateName": format!("{}-", text(service, "name")),
                "namespace": service["metadata"]["namespace"], "labels": labels, "ownerReferences": [owner],
                "annotations": {TRIGGER_TIME: changed(service, backends)}});
            write(&self.slices, &collection, now, wanted, &["endpoints", "ports"]).await?;
        }
        for slice in left {
            ignore_races(self.slices.delete(&format!("{collection}/{}", text(slice, "name"))).await)?;
        }
        Ok(())
    }

    /// Removes the Endpoints of Services that are gone; at the first look all that have no Service.
    async fn remove_left_over(&self, services: &[Value], endpoints: &[Value]) -> Result<(), ClientError> {
        let there: HashSet<Key> = services.iter().map(key).collect();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let goes = |object: &&Value| {
            !there.contains(&key(object)) && known.as_ref().is_none_or(|known| known.contains(&key(object)))
        };
        for object in endpoints.iter().filter(goes) {
            let (namespace, name) = key(object);
            let path = format!("/api/v1/namespaces/{namespace}/endpoints/{name}");
            ignore_races(self.endpoints.delete(&path).await)?;
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(there);
        Ok(())
    }
}

fn key(object: &Value) -> Key {
    (text(object, "namespace").to_owned(), text(object, "name").to_owned())
}

/// A Service without one has Endpoints that somebody writes by hand.
fn has_selector(service: &Value) -> bool {
    service["spec"]["selector"].as_object().is_some_and(|selector| !selector.is_empty())
        && service["spec"]["type"] != "ExternalName"
}

/// The labels that what belongs to a Service has from it.
fn labels(service: &Value) -> Value {
    let own = &service["metadata"]["labels"];
    let mut labels = if own.is_object() { own.clone() } else { json!({}) };
    if let Some(labels) = labels.as_object_mut() {
        labels.remove(HEADLESS);
    }
    if service["spec"]["clusterIP"] == "None" {
        labels[HEADLESS] = json!("");
    }
    labels
}

/// The last of the times at which the Service was made and its pods became what they are.
fn changed(service: &Value, backends: &[Backend<'_>]) -> Value {
    let ready = backends.iter().filter_map(|backend| backend.since());
    json!(ready.chain([text(service, "creationTimestamp")]).max())
}

/// Creates an object, or brings one up to date where its labels or one of `fields` are others.
async fn write(
    client: &Client,
    collection: &str,
    now: Option<&Value>,
    wanted: Value,
    fields: &[&str],
) -> Result<(), ClientError> {
    let Some(now) = now else {
        return ignore_races(client.create(collection, &wanted).await).map(|_| ());
    };
    let empty =
        |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty) || *value == json!({});
    let alike = |a: &Value, b: &Value| a == b || empty(a) && empty(b);
    if alike(&now["metadata"]["labels"], &wanted["metadata"]["labels"])
        && fields.iter().all(|field| alike(&now[field], &wanted[field]))
    {
        return Ok(());
    }
    let mut object = now.clone();
    object["metadata"]["labels"] = wanted["metadata"]["labels"].clone();
    object["metadata"]["annotations"][TRIGGER_TIME] = wanted["metadata"]["annotations"][TRIGGER_TIME].clone();
    for field in fields {
        object[field] = wanted[field].clone();
    }
    let path = format!("{collection}/{}", text(now, "name"));
    ignore_races(client.update(&path, &object).await).map(|_| ())
}

#[cfg(test)]
mod tests;
