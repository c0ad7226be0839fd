//! TokenRequest: a token for a service account.
//!
//! Upstream: `pkg/registry/core/serviceaccount/storage/token.go`, `pkg/apis/authentication/validation/validation.go`.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Call, Reply, create, options, text, time_text};
use crate::apiserver::admission::Operation;
use crate::apiserver::authentication::token::Subject;
use crate::apiserver::registry::{FieldError, ResourceType, managed_fields, validation};
use crate::apiserver::status::{GroupResource, Status};
use crate::apiserver::storage::Key;

/// How long a token lasts when nobody says.
const HOUR: i64 = 3600;

pub(super) fn create(call: &mut Call<'_>, rt: &'static ResourceType) -> Result<Reply, Status> {
    call.decodable()?;
    options::check_write(call, "CreateOptions", false)?;
    let mut request = call.decode(rt)?;
    call.log_request(rt, &request);
    create::check_namespace(call, rt, &mut request)?;
    let (namespace, name) = (call.info.namespace.clone(), call.info.name.clone());
    let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(HOUR);
    request["spec"]["expirationSeconds"] = json!(seconds);
    managed_fields::update(rt, "token", &Value::Null, &mut request, &call.manager(), call.now());
    call.admit(rt, Operation::Create, &name, Some(&mut request), None)?;
    let given = text(&request["metadata"], "name");
    if !given.is_empty() && given != name {
        let why = "must match the service account name if specified";
        let errors = vec![FieldError::invalid("metadata.name", given, why)];
        return Err(validation::invalid_kind(
            rt.release,
            ("authentication.k8s.io", "TokenRequest"),
            &name,
            errors,
        ));
    }
    let account = call.find(rt)?;
    let metadata = &account["metadata"];
    request["metadata"]["name"] = json!(name);
    request["metadata"]["creationTimestamp"] = json!(time_text(call.now()));
    if rt.release.gates.token_requests_have_uids {
        let (given, actual) = (text(&request["metadata"], "uid"), text(metadata, "uid"));
        if !given.is_empty() && given != actual {
            let why = format!(
                "the UID in the token request ({given}) does not match the UID of the service account ({actual})"
            );
            let kind = GroupResource { group: "authentication.k8s.io", resource: "TokenRequest" };
            return Err(Status::conflict(kind, &name, &why));
        }
        request["metadata"]["uid"] = json!(actual);
    }
    check_seconds(rt.release, seconds)?;
    call.validate(rt, Operation::Create, &name, Some(&mut request), None)?;
    let tokens = &call.core.tokens;
    let mut audiences: Vec<String> = request["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if audiences.is_empty() {
        audiences.clone_from(&tokens.audiences);
        request["spec"]["audiences"] = json!(audiences);
    }
    let bound = bound_object(call, &request["spec"]["boundObjectRef"], &namespace, text(metadata, "name"))?;
    let node = bound.as_ref().and_then(|object| pod_node(call, object));
    let now = call.now();
    let expires = now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
    let subject = Subject {
        account: &account,
        audiences: &audiences,
        expires,
        bound: bound.as_ref().map(|object| {
            (text(object, "kind"), text(&object["metadata"], "name"), text(&object["metadata"], "uid"))
        }),
        node: node.as_ref().map(|(name, uid)| (name.as_str(), uid.as_str())),
    };
    let id = uuid::Uuid::new_v4().to_string();
    call.annotate("authentication.kubernetes.io/issued-credential-id", &format!("JTI={id}"));
    let tokens = &call.core.tokens;
    let token = tokens
        .issue(&subject, now, &id)
        .ok_or_else(|| Status::internal("failed to generate token: no signing key"))?;
    request["status"] = json!({"token": token, "expirationTimestamp": time_text(expires)});
    call.object(201, rt, &Arc::new(request))
}

fn check_seconds(release: &crate::release::Release, seconds: i64) -> Result<(), Status> {
    let why = if seconds < 600 {
        "may not specify a duration less than 10 minutes"
    } else if seconds > 1 << 32 {
        "may not specify a duration larger than 2^32 seconds"
    } else {
        return Ok(());
    };
    let errors = vec![FieldError::invalid("spec.expirationSeconds", seconds, why)];
    Err(validation::invalid_kind(release, ("authentication.k8s.io", "TokenRequest"), "", errors))
}

/// The object that the token ends with.
fn bound_object(
    call: &Call<'_>,
    reference: &Value,
    namespace: &str,
    account: &str,
) -> Result<Option<Value>, Status> {
    if !reference.is_object() {
        return Ok(None);
    }
    let (kind, name, uid) = (text(reference, "kind"), text(reference, "name"), text(reference, "uid"));
    let resource = match (kind, text(reference, "apiVersion")) {
        ("Pod", "v1") => "pods",
        ("Secret", "v1") => "secrets",
        ("Node", "v1") => "nodes",
        (kind, version) => {
            let (group, version) = version.split_once('/').unwrap_or(("", version));
            return Err(Status::bad_request(format!(
                "cannot bind token to object of type {group}/{version}, Kind={kind}"
            )));
        }
    };
    let space = if resource == "nodes" { "" } else { namespace };
    let group = GroupResource { group: "", resource };
    let found = call.store().get(&Key::new("", resource, space, name));
    let mut object = (*found.ok_or_else(|| Status::not_found(group, name))?).clone();
    if resource == "pods" && text(&object["spec"], "serviceAccountName") != account {
        return Err(Status::bad_request(format!(
            "cannot bind token for serviceaccount {account:?} to pod running with different serviceaccount name."
        )));
    }
    let actual = text(&object["metadata"], "uid");
    if !uid.is_empty() && uid != actual {
        let why = format!(
            "the UID in the bound object reference ({uid}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        let named = GroupResource { resource: kind, ..group };
        return Err(Status::conflict(named, name, &why));
    }
    object["kind"] = json!(kind);
    Ok(Some(object))
}

/// Name and uid of the node that a bound pod is on.
fn pod_node(call: &Call<'_>, object: &Value) -> Option<(String, String)> {
    let name = text(&object["spec"], "nodeName");
    if object["kind"] != "Pod" || name.is_empty() {
        return None;
    }
    let node = call.store().get(&Key::new("", "nodes", "", name));
    let uid = node.map(|node| text(&node["metadata"], "uid").to_owned()).unwrap_or_default();
    Some((name.to_owned(), uid))
}
