//! What can be asked of a pod: its log, a binding, an eviction.
//!
//! Upstream: `pkg/registry/core/pod/{strategy.go (LogLocation),storage/storage.go (BindingREST),storage/eviction.go}`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::options::{self, DeleteOptions};
use super::update::{Failure, replace};
use super::{Call, Reply, connect, delete, text, time_text};
use crate::apiserver::admission::Operation;
use crate::apiserver::registry::validation::invalid_kind;
use crate::apiserver::registry::{self, FieldError, ResourceType};
use crate::apiserver::server::LogRequest;
use crate::apiserver::serving;
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::{Key, version_of};

const PODS: GroupResource<'static> = GroupResource { group: "", resource: "pods" };

/// Checks what is asked of a log (`ValidatePodLogOptions`).
fn check_log_options(call: &Call<'_>) -> Result<(), Status> {
    let [tail, limit, since] =
        ["tailLines", "limitBytes", "sinceSeconds"].map(|key| options::number(call.query, key));
    let (tail, limit, since) = (tail?, limit?, since?);
    let mut errors = Vec::new();
    if let Some(tail) = tail.filter(|lines| *lines < 0) {
        errors.push(FieldError::invalid("tailLines", tail, "must be greater than or equal to 0"));
    }
    if let Some(limit) = limit.filter(|bytes| *bytes < 1) {
        errors.push(FieldError::invalid("limitBytes", limit, "must be greater than 0"));
    }
    if since.is_some() && call.query.get("sinceTime").is_some_and(|time| !time.is_empty()) {
        let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
        errors.push(FieldError::forbidden("", why));
    } else if let Some(since) = since.filter(|seconds| *seconds < 1) {
        errors.push(FieldError::invalid("sinceSeconds", since, "must be greater than 0"));
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(invalid_kind(call.core.dependencies.release, ("", "PodLogOptions"), &call.info.name, errors))
}

/// Answers with a container's log.
pub(super) async fn log(call: &mut Call<'_>, rt: &ResourceType) -> Result<Reply, Status> {
    let (namespace, name) = (call.info.namespace.clone(), call.info.name.clone());
    check_log_options(call)?;
    let pod = call
        .store()
        .get(&Key::new("", "pods", &namespace, &name))
        .ok_or_else(|| Status::not_found(PODS, &name))?;
    let container = container(&pod, &name, call.query.get("container").unwrap_or(""))?;
    let node = text(&pod["spec"], "nodeName").to_owned();
    if node.is_empty() {
        return Ok(Reply::new(204, "", ""));
    }
    connect::kubelet(call, rt, &node)?;
    let count = |key: &str| -> Result<Option<usize>, Status> {
        Ok(options::number(call.query, key)?.and_then(|number| usize::try_from(number).ok()))
    };
    let request = LogRequest {
        node,
        namespace,
        pod: name,
        container,
        follow: call.query.truth("follow"),
        previous: call.query.truth("previous"),
        tail_lines: count("tailLines")?,
        since_seconds: options::number(call.query, "sinceSeconds")?,
        timestamps: call.query.truth("timestamps"),
        limit_bytes: count("limitBytes")?.map(|bytes| bytes as u64),
    };
    let stream =
        call.core.dependencies.kubelets.container_logs(request).await.map_err(Status::bad_request)?;
    let stop = call.core.stop.clone();
    let stream = futures::StreamExt::take_until(stream, async move { stop.cancelled().await });
    Ok(Reply {
        code: 200,
        content_type: "text/plain".into(),
        body: serving::streamed(stream),
        headers: Vec::new(),
        said: None,
    })
}

/// Which container is meant (`LogLocation`).
pub(super) fn container(pod: &Value, name: &str, asked: &str) -> Result<String, Status> {
    let names = |key: &str| -> Vec<&str> {
        pod["spec"][key].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect()
    };
    let (own, init, ephemeral) = (names("containers"), names("initContainers"), names("ephemeralContainers"));
    if !asked.is_empty() {
        if [&own, &init, &ephemeral].iter().any(|all| all.contains(&asked)) {
            return Ok(asked.to_owned());
        }
        return Err(Status::bad_request(format!("container {asked} is not valid for pod {name}")));
    }
    match own.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(Status::bad_request(format!("a container name must be specified for pod {name}"))),
        many => {
            let all: Vec<&str> = init.iter().chain(many).chain(&ephemeral).copied().collect();
            Err(Status::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{}]",
                all.join(" ")
            )))
        }
    }
}

fn success(code: u16) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code})
}

/// Puts a pod on a node.
pub(super) fn bind(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    options::check_write(call, "CreateOptions", false)?;
    let mut binding = call.decode(rt)?;
    call.log_request(rt, &binding);
    call.admit(rt, Operation::Create, &call.info.name.clone(), Some(&mut binding), None)?;
    let (target, name) = (text(&binding["target"], "name").to_owned(), call.info.name.clone());
    if text(&binding["metadata"], "name") != name {
        return Err(Status::bad_request("name in URL does not match name in Binding object"));
    }
    let mut errors = Vec::new();
    let kind = text(&binding["target"], "kind");
    if !matches!(kind, "" | "Node") {
        errors.push(registry::FieldError::not_supported("target.kind", kind, &["Node", "<empty>"]));
    }
    if target.is_empty() {
        errors.push(registry::FieldError::required("target.name", ""));
    }
    let release = call.core.dependencies.release;
    let errors: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.body(release))).collect();
    match errors.as_slice() {
        [] => {}
        [one] => return Err(Status::new(500, "", one.clone())),
        many => return Err(Status::new(500, "", format!("[{}]", many.join(", ")))),
    }
    loop {
        let pod = call.find(rt)?;
        let conflict =
            |why: &str| Status::conflict(GroupResource { group: "", resource: "pods/binding" }, &name, why);
        if !pod["metadata"]["deletionTimestamp"].is_null() {
            return Err(conflict(&format!("pod {name} is being deleted, cannot be assigned to a host")));
        }
        let assigned = text(&pod["spec"], "nodeName");
        if !assigned.is_empty() {
            return Err(conflict(&format!("pod {name} is already assigned to node \"{assigned}\"")));
        }
        let mut new = (*pod).clone();
        new["spec"]["nodeName"] = json!(target);
        for (key, value) in binding["metadata"]["annotations"].as_object().into_iter().flatten() {
            new["metadata"]["annotations"][key] = value.clone();
        }
        let now = time_text(call.now());
        set_condition(
            &mut new,
            json!({"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now}),
        );
        match replace(call, rt, &pod, new) {
            Err(Failure::Raced) => {}
            Err(Failure::Refused(status)) => return Err(status),
            Ok(_) => return call.object(201, rt, &Arc::new(success(201))),
        }
    }
}

fn set_condition(pod: &mut Value, condition: Value) {
    let conditions = &mut pod["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    if let Some(all) = conditions.as_array_mut() {
        all.retain(|one| one["type"] != condition["type"]);
        all.push(condition);
    }
}

/// Says in a pod's status why it goes (KEP-3329); where somebody else was faster it goes without.
fn condemn(call: &Call<'_>, rt: &'static ResourceType, pod: &Arc<Value>) {
    let mut new = (**pod).clone();
    let condition = json!({
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": null,
        "lastTransitionTime": time_text(call.now()),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    });
    set_condition(&mut new, condition);
    let _ = call.store().update(&call.key(rt, &call.info.name), version_of(pod), new);
}

/// Removes a pod with the consent of its disruption budgets (there are none that object here).
pub(super) fn evict(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    options::check_write(call, "CreateOptions", false)?;
    let mut eviction = call.decode(rt)?;
    call.log_request(rt, &eviction);
    call.admit(rt, Operation::Create, &call.info.name.clone(), Some(&mut eviction), None)?;
    let given = text(&eviction["metadata"], "name");
    if given != call.info.name {
        return Err(Status::bad_request("name in URL does not match name in Eviction object"));
    }
    let body = serde_json::to_vec(&eviction["deleteOptions"]).unwrap_or_default();
    let body = if eviction["deleteOptions"].is_object() { body } else { Vec::new() };
    let options = DeleteOptions::read(call, &body)?;
    let pod = call.find(rt)?;
    if !call.dry_run() {
        condemn(call, rt, &pod);
    }
    delete::evict(call, rt, &options)?;
    call.object(201, rt, &Arc::new(success(201)))
}
