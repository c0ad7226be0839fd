//! `access`: what a kubelet may do, tried as an impersonated server-side dry run, which changes nothing.
//!
//! A refusal counts only by its sentence: while a server starts it refuses for other reasons too.

use serde_json::{Value, json};

use super::{Found, Ground, Verdict, http};
use crate::cluster::Identity;
use crate::error::Result;
use crate::lesson::schema::AccessCheck;
use crate::text::tr;

/// Tries it.
pub async fn look(check: &AccessCheck, ground: &Ground<'_>) -> Result<Found> {
    let client = ground.cluster.client(&Identity::kubelet(&check.kubelet))?;
    let (content_type, query) = if check.apply {
        ("application/apply-patch+yaml", "&force=true")
    } else {
        ("application/merge-patch+json", "")
    };
    let path = format!("{}?dryRun=All&fieldManager=cks-lab-check{query}", check.path);
    let answer = match http::patch(&client, &path, content_type, &check.patch).await {
        Ok(answer) => answer,
        Err(unreachable) => return Ok(unreachable.into()),
    };
    let message = answer.message();
    let facts = json!({"code": answer.code, "message": message});
    let facts = facts.as_object().cloned().unwrap_or_default();
    let who = format!("system:node:{}", check.kubelet);
    let found = match (&check.refused, answer.code) {
        (_, 429 | 500..) => Found {
            unreachable: true,
            ..Found::new(Verdict::Error, tr!(ground.language(), check_server_answers { message }))
        },
        (Some(_), 200..=299) => {
            Found::decided(false, tr!(ground.language(), check_was_allowed { who }), facts)
        }
        (None, 200..=299) => Found::decided(true, tr!(ground.language(), check_is_allowed { who }), facts),
        (Some(text), 403) if message.contains(text.as_str()) => {
            Found::decided(true, tr!(ground.language(), check_refused { message }), facts)
        }
        (_, code) if code != 403 => {
            Found::new(Verdict::Error, tr!(ground.language(), check_could_not_be_tried { message }))
        }
        (Some(_), _) => {
            Found::decided(false, tr!(ground.language(), check_refused_by_other { message }), facts)
        }
        (None, _) => Found::decided(false, tr!(ground.language(), check_refused { message }), facts),
    };
    if found.verdict == Verdict::Fail && answer.code == 403 && !is_ready(ground).await {
        return Ok(Found::new(Verdict::Error, tr!(ground.language(), check_still_starting { message })));
    }
    Ok(found)
}

async fn is_ready(ground: &Ground<'_>) -> bool {
    let Ok(client) = ground.cluster.client(&Identity::Admin) else { return false };
    let ready = Value::String("ok".into());
    matches!(http::get(&client, "/readyz").await, Ok(answer) if answer.code == 200 && answer.body == ready)
}
