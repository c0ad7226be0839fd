//! componentstatuses: how the control plane's parts are, asked anew at each request.
//!
//! The real server asks the scheduler's and the controller manager's `/healthz` on its own node. Here their pods tell:
//! a kubelet that runs one says whether it is ready. Upstream: `pkg/registry/core/componentstatus/{rest,validator}.go`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::list::Selection;
use super::{Call, Reply, options};
use crate::apiserver::registry::ResourceType;
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::Store;
use crate::release::Release;

/// The plural name.
pub(super) const RESOURCE: &str = "componentstatuses";

/// Name, the label of its pod, and the port of its `/healthz`.
const SERVERS: [(&str, &str, u16); 2] =
    [("scheduler", "kube-scheduler", 10259), ("controller-manager", "kube-controller-manager", 10257)];

/// Answers get and list.
pub(super) fn serve(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    call.warnings.push("v1 ComponentStatus is deprecated in v1.19+".into());
    call.annotate("k8s.io/deprecated", "true");
    let all = all(call.store(), rt.release);
    if call.info.verb == "get" {
        let name = &call.info.name;
        let found = all.iter().find(|component| component["metadata"]["name"] == name.as_str());
        let found = found.ok_or_else(|| {
            if call.release().gates.missing_components_not_found {
                Status::not_found(GroupResource { group: "", resource: "componentstatus" }, name)
            } else {
                Status::new(500, "", format!("Component not found: {name}"))
            }
        })?;
        return call.object(200, rt, found);
    }
    options::check_list(call.query, false, call.core.dependencies.release)?;
    let selection = Selection::of(call, rt)?;
    let chosen: Vec<Arc<Value>> = all.into_iter().filter(|component| selection.takes(component)).collect();
    call.objects(rt, json!({}), &chosen)
}

fn all(store: &Store, release: &Release) -> Vec<Arc<Value>> {
    let (_, pods) = store.list("", "pods", "kube-system");
    let mut all: Vec<Arc<Value>> = SERVERS
        .into_iter()
        .map(|(name, component, port)| {
            let answers = pods.iter().any(|pod| {
                pod["metadata"]["labels"]["component"] == component && is_ready(pod)
            });
            let refused = || {
                format!(
                    "Get \"https://127.0.0.1:{port}/healthz\": dial tcp 127.0.0.1:{port}: connect: connection refused"
                )
            };
            Arc::new(status(release, name, answers, &if answers { "ok".to_owned() } else { refused() }))
        })
        .collect();
    // the store is in this process
    all.push(Arc::new(status(release, "etcd-0", true, "ok")));
    all
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn status(release: &Release, name: &str, healthy: bool, message: &str) -> Value {
    let status = if healthy { "True" } else { "False" };
    let mut component = json!({
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "conditions": [{"type": "Healthy", "status": status, "message": message}],
    });
    if release.gates.shows_unset_times {
        component["metadata"]["creationTimestamp"] = Value::Null;
    }
    component
}
