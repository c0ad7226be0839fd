//! Which audiences a kubelet may ask tokens for: those that a volume of the pod names, and those that it is allowed by name.
//!
//! Upstream: `noderestriction/admission.go` (`validateNodeServiceAccountAudience`), KEP-4412. In-tree volumes are not
//! translated to CSI.

use serde_json::Value;

use super::{Request, Status, quote};
use crate::apiserver::authorization::{self, Decision, node::references};
use crate::apiserver::requestinfo::RequestInfo;
use crate::apiserver::storage::Key;

/// Refuses a token for an audience that is not the pod's.
pub(super) fn check(request: &Request<'_>, pod: &Value) -> Result<(), Status> {
    let asked = &request.attributes.new_object()["spec"]["audiences"];
    let audience = match asked.as_array().map(Vec::as_slice).unwrap_or_default() {
        [] => "",
        [one] => one.as_str().unwrap_or(""),
        _ => return request.refuse("node may only request 0 or 1 audiences"),
    };
    let quoted = quote(audience);
    match named_by(request, pod, audience) {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(why) => return request.refuse(format!("error validating audience {quoted}: {why}")),
    }
    let attributes = authorization::Attributes {
        user: request.attributes.user.clone(),
        request: RequestInfo {
            is_resource_request: true,
            verb: "request-serviceaccounts-token-audience".into(),
            namespace: request.attributes.namespace.into(),
            api_version: "v1".into(),
            resource: audience.into(),
            name: request.attributes.name.into(),
            ..RequestInfo::default()
        },
    };
    if request.environment.authorizers.authorize(&attributes).decision == Decision::Allow {
        return Ok(());
    }
    let user = &attributes.user.name;
    request.refuse(format!(
        "audience {quoted} not found in pod spec volume, {user} is not authorized to request tokens for this audience"
    ))
}

/// Whether a volume of the pod names the audience, itself or by its CSI driver.
fn named_by(request: &Request<'_>, pod: &Value, audience: &str) -> Result<bool, String> {
    let mut errors = Vec::new();
    for volume in references::volumes(pod) {
        let tokens =
            references::items(&volume["projected"]["sources"]).map(|source| &source["serviceAccountToken"]);
        if tokens.filter(|t| t.is_object()).any(|t| t["audience"].as_str().unwrap_or("") == audience) {
            return Ok(true);
        }
        match driver(request, pod, volume).and_then(|driver| asks_for(request, &driver, audience)) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(why) => errors.push(why),
        }
    }
    match errors.as_slice() {
        [] => Ok(false),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

fn find(request: &Request<'_>, key: &Key, what: &str) -> Result<super::Object, String> {
    let found = request.environment.store.get(key);
    found.ok_or_else(|| format!("{what} {} not found", quote(&key.name)))
}

/// The CSI driver of a volume; empty where it has none.
fn driver(request: &Request<'_>, pod: &Value, volume: &Value) -> Result<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let namespace = request.attributes.namespace;
    let claim = if volume["ephemeral"]["volumeClaimTemplate"].is_object() {
        format!("{}-{}", text(&pod["metadata"]["name"]), text(&volume["name"]))
    } else if volume["persistentVolumeClaim"].is_object() {
        text(&volume["persistentVolumeClaim"]["claimName"])
    } else {
        return Ok(text(&volume["csi"]["driver"]));
    };
    let claim =
        find(request, &Key::new("", "persistentvolumeclaims", namespace, &claim), "persistentvolumeclaim")?;
    let name = text(&claim["spec"]["volumeName"]);
    let volume = find(request, &Key::new("", "persistentvolumes", "", &name), "persistentvolume")?;
    Ok(text(&volume["spec"]["csi"]["driver"]))
}

/// Whether a driver asks for tokens of the audience.
fn asks_for(request: &Request<'_>, driver: &str, audience: &str) -> Result<bool, String> {
    if driver.is_empty() {
        return Ok(false);
    }
    let driver =
        find(request, &Key::new("storage.k8s.io", "csidrivers", "", driver), "csidriver.storage.k8s.io")?;
    let mut asked = references::items(&driver["spec"]["tokenRequests"]);
    Ok(asked.any(|token| token["audience"].as_str().unwrap_or("") == audience))
}
