//! What a kubelet may do with pods: mirror its static pods, report status of and evict those that run on its node.

use serde_json::Value;

use super::{Operation, Request, Status, quote};
use crate::apiserver::authorization::node::references;

pub(super) fn admit(request: &Request<'_>) -> Result<(), Status> {
    match request.attributes.subresource {
        "" => pod(request),
        "status" => status(request),
        "eviction" => eviction(request),
        other => request.refuse(format!(
            "unexpected pod subresource {}, only 'status' and 'eviction' are allowed",
            quote(other)
        )),
    }
}

fn pod(request: &Request<'_>) -> Result<(), Status> {
    let me = request.quoted();
    match request.attributes.operation {
        Operation::Create => create(request),
        Operation::Delete => {
            let pod = request.find("pods", "pod", request.attributes.namespace, request.attributes.name)?;
            if pod["spec"]["nodeName"] != request.node {
                return request
                    .refuse(format!("node {me} can only delete pods with spec.nodeName set to itself"));
            }
            Ok(())
        }
        operation => {
            let operation = quote(operation.as_str());
            request.refuse(format!(
                "unexpected operation {operation}, node {me} can only create and delete mirror pods"
            ))
        }
    }
}

fn create(request: &Request<'_>) -> Result<(), Status> {
    let (me, pod) = (request.quoted(), request.attributes.new_object());
    if !references::is_mirror(pod) {
        let annotation = quote(references::MIRROR_ANNOTATION);
        return request.refuse(format!(
            "pod does not have {annotation} annotation, node {me} can only create mirror pods"
        ));
    }
    if pod["spec"]["nodeName"] != request.node {
        return request.refuse(format!("node {me} can only create pods with spec.nodeName set to itself"));
    }
    owner(request, pod)?;
    if request.environment.release.gates.mirror_pods_refer_to_nothing {
        return match reference(pod) {
            Some(what) => request.refuse(format!("node {me} can not create pods that reference {what}")),
            None => Ok(()),
        };
    }
    let spec = &pod["spec"];
    let account = ["serviceAccountName", "serviceAccount"];
    let has_account =
        account.into_iter().any(|field| spec[field].as_str().is_some_and(|name| !name.is_empty()));
    let mut volumes = references::volumes(pod);
    let refers = [
        ("a service account", has_account),
        ("secrets", references::secrets(pod).next().is_some()),
        ("configmaps", references::config_maps(pod).next().is_some()),
        ("clustertrustbundles", references::projected(pod).any(|s| s.get("clusterTrustBundle").is_some())),
        ("persistentvolumeclaims", volumes.any(|v| v.get("persistentVolumeClaim").is_some())),
    ];
    match refers.into_iter().find(|(_, refers)| *refers) {
        Some((what, _)) => request.refuse(format!("node {me} can not create pods that reference {what}")),
        None => Ok(()),
    }
}

/// The first object of the API that a pod refers to (`pkg/api/pod.HasAPIObjectReference`).
fn reference(pod: &Value) -> Option<&'static str> {
    const OF_VOLUMES: [(&str, &str); 8] = [
        ("configMap", "configmaps (via configmap volumes)"),
        ("secret", "secrets (via secret volumes)"),
        ("csi", "csidrivers (via CSI volumes)"),
        ("glusterfs", "endpoints (via glusterFS volumes)"),
        ("persistentVolumeClaim", "persistentvolumeclaims"),
        ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
        ("azureFile", "secrets (via azureFile volumes)"),
        ("projected", ""),
    ];
    const OF_SOURCES: [(&str, &str); 5] = [
        ("configMap", "configmaps (via projected volumes)"),
        ("secret", "secrets (via projected volumes)"),
        ("serviceAccountToken", "serviceaccounts (via projected volumes)"),
        ("clusterTrustBundle", "clustertrustbundles"),
        ("podCertificate", "podcertificates"),
    ];
    let spec = &pod["spec"];
    let account = ["serviceAccountName", "serviceAccount"];
    if account.into_iter().any(|field| spec[field].as_str().is_some_and(|name| !name.is_empty())) {
        return Some("serviceaccounts");
    }
    if references::secrets(pod).next().is_some() {
        return Some("secrets");
    }
    if references::config_maps(pod).next().is_some() {
        return Some("configmaps");
    }
    if references::items(&spec["resourceClaims"]).next().is_some() {
        return Some("resourceclaims");
    }
    let among = |value: &Value, all: &[(&str, &'static str)]| {
        all.iter().find(|(field, _)| value.get(*field).is_some_and(|v| !v.is_null())).map(|(_, what)| *what)
    };
    references::volumes(pod).find_map(|volume| match among(volume, &OF_VOLUMES) {
        Some("") => references::items(&volume["projected"]["sources"]).find_map(|s| among(s, &OF_SOURCES)),
        other => other,
    })
}

/// The only owner of a mirror pod is the kubelet's Node, by its present uid.
fn owner(request: &Request<'_>, pod: &Value) -> Result<(), Status> {
    let me = request.quoted();
    let owners: Vec<&Value> = references::items(&pod["metadata"]["ownerReferences"]).collect();
    let not_itself = || format!("node {me} can only create pods with an owner reference set to itself");
    let owner = match owners.as_slice() {
        [] => return request.refuse(not_itself()),
        [owner] => *owner,
        _ => {
            return request.refuse(format!(
                "node {me} can only create pods with a single owner reference set to itself"
            ));
        }
    };
    if owner["apiVersion"] != "v1" || owner["kind"] != "Node" || owner["name"] != request.node {
        return request.refuse(not_itself());
    }
    if owner["controller"] != true {
        return request.refuse(format!(
            "node {me} can only create pods with a controller owner reference set to itself"
        ));
    }
    if owner["blockOwnerDeletion"] == true {
        return request.refuse(format!("node {me} must not set blockOwnerDeletion on an owner reference"));
    }
    let node = request.find("nodes", "node", "", request.node)?;
    let uid = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (claimed, real) = (uid(&owner["uid"]), uid(&node["metadata"]["uid"]));
    if claimed != real {
        return request.refuse(format!("node {} UID mismatch: expected {claimed} got {real}", request.node));
    }
    Ok(())
}

fn status(request: &Request<'_>) -> Result<(), Status> {
    if request.attributes.operation != Operation::Update {
        return request.unexpected_operation();
    }
    let me = request.quoted();
    let (new, old) = (request.attributes.new_object(), request.attributes.current());
    if old["spec"]["nodeName"] != request.node {
        return request.refuse(format!(
            "node {me} can only update pod status for pods with spec.nodeName set to itself"
        ));
    }
    let labels = |pod: &Value| pod["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    if labels(new) != labels(old) {
        return request.refuse(format!("node {me} cannot update labels through pod status"));
    }
    let claims = |pod: &Value| -> Vec<(Value, Value)> {
        references::items(&pod["status"]["resourceClaimStatuses"])
            .map(|claim| (claim["name"].clone(), claim["resourceClaimName"].clone()))
            .collect()
    };
    if claims(new) != claims(old) {
        return request.refuse(format!("node {me} cannot update resource claim statues"));
    }
    let extended = |pod: &Value| pod["status"]["extendedResourceClaimStatus"].clone();
    if extended(new) != extended(old) {
        return request.refuse(format!("node {me} cannot update extended resource claim status"));
    }
    Ok(())
}

fn eviction(request: &Request<'_>) -> Result<(), Status> {
    let attributes = request.attributes;
    if attributes.operation != Operation::Create {
        return request.refuse(format!("unexpected operation {}", attributes.operation.as_str()));
    }
    let name = attributes.object_name();
    if name.is_empty() {
        return request.refuse("could not determine pod from request data");
    }
    let pod = request.find("pods", "pod", attributes.namespace, name)?;
    if pod["spec"]["nodeName"] != request.node {
        return request
            .refuse(format!("node {} can only evict pods with spec.nodeName set to itself", request.node));
    }
    Ok(())
}
