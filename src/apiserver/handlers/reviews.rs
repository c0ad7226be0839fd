//! What is only answered and not kept: reviews of access, of tokens, of oneself; bindings.
//!
//! Upstream: `pkg/registry/{authorization,authentication}`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Call, Reply, create, text, time_text};
use crate::apiserver::admission::Operation;
use crate::apiserver::authentication::UserInfo;
use crate::apiserver::authorization::review;
use crate::apiserver::registry::{ResourceType, managed_fields};
use crate::apiserver::status::Status;

pub(super) fn create(
    call: &mut Call<'_>,
    rt: &'static ResourceType,
    mut object: Value,
) -> Result<Reply, Status> {
    create::check_namespace(call, rt, &mut object)?;
    managed_fields::update(rt, "", &Value::Null, &mut object, &call.manager(), call.now());
    call.admit(rt, Operation::Create, "", Some(&mut object), None)?;
    call.validate(rt, Operation::Create, "", Some(&mut object), None)?;
    if rt.release.gates.shows_unset_times
        && !rt.namespaced
        && let Some(metadata) = object["metadata"].as_object_mut()
    {
        metadata.entry("creationTimestamp").or_insert(Value::Null);
    }
    let answer = match rt.kind {
        "TokenReview" => token_review(call, object)?,
        "SelfSubjectReview" => {
            object["metadata"]["creationTimestamp"] = json!(time_text(call.now()));
            object["status"] = json!({"userInfo": user_info(call.user)});
            object
        }
        "Binding" => {
            return Err(Status::new(404, "NotFound", "the server could not find the requested resource"));
        }
        kind => review::evaluate(
            rt.release,
            kind,
            object,
            call.user,
            call.namespace(rt),
            &call.core.environment.authorizers,
        )?,
    };
    call.object(201, rt, &Arc::new(answer))
}

/// A user as reviews show it.
fn user_info(user: &UserInfo) -> Value {
    let mut info = json!({"username": user.name});
    if !user.uid.is_empty() {
        info["uid"] = json!(user.uid);
    }
    if !user.groups.is_empty() {
        info["groups"] = json!(user.groups);
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

fn token_review(call: &Call<'_>, mut object: Value) -> Result<Value, Status> {
    let token = text(&object["spec"], "token");
    if token.is_empty() {
        return Err(Status::bad_request("token is required for TokenReview in authentication"));
    }
    let tokens = &call.core.tokens;
    let asked: Vec<String> = object["spec"]["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let audiences = if asked.is_empty() { &tokens.audiences } else { &asked };
    object["status"] = match tokens.authenticate(token, audiences, call.store(), call.now()) {
        Ok((user, audiences)) => {
            let mut status = json!({"authenticated": true, "user": user_info(&user)});
            status["audiences"] = json!(audiences);
            status
        }
        Err(error) => json!({"user": {}, "error": error}),
    };
    Ok(object)
}
