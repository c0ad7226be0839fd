//! `api`: objects read as the admin, held against an expression.

use serde_json::{Map, Value};

use super::{Facts, Found, Ground, Verdict, http};
use crate::cluster::Identity;
use crate::error::Result;
use crate::lesson::schema::ApiCheck;
use crate::text::tr;

/// Reads the objects and evaluates.
pub async fn look(check: &ApiCheck, ground: &Ground<'_>) -> Result<Found> {
    let client = ground.cluster.client(&Identity::Admin)?;
    let mut facts = Facts::new();
    for (name, path) in &check.objects {
        let answer = match http::get(&client, path).await {
            Ok(answer) => answer,
            Err(unreachable) => return Ok(unreachable.into()),
        };
        let object = match answer.code {
            200 => answer.body,
            404 => Value::Null,
            _ => {
                let observed =
                    tr!(ground.language(), check_cannot_be_read { path, message: answer.message() });
                return Ok(Found { unreachable: answer.code >= 500, ..Found::new(Verdict::Error, observed) });
            }
        };
        facts.insert(name.clone(), with_metadata(object));
    }
    let seen = |(name, object): (&String, &Value)| match object {
        Value::Null => tr!(ground.language(), check_there_is_no { name }),
        Value::Object(_) => {
            tr!(ground.language(), check_has_labels { name, labels: object["metadata"]["labels"] })
        }
        other => tr!(ground.language(), check_is_value { name, other }),
    };
    let observed = facts.iter().map(seen).collect::<Vec<_>>().join("; ");
    Ok(Found::by_expr(&check.expr, facts, observed))
}

/// An object without labels or annotations has empty ones, so that expressions need not ask.
fn with_metadata(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["labels", "annotations"] {
            metadata.entry(key).or_insert_with(|| Value::Object(Map::new()));
        }
    }
    object
}
