//! `api`: objects read as the admin, held against an expression.

use serde_json::{Map, Value};

use super::{Facts, Found, Ground, Verdict, http};
use crate::cluster::Identity;
use crate::error::Result;
use crate::lesson::schema::ApiCheck;

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
                let observed = format!("{path} cannot be read: {}", answer.message());
                return Ok(Found { unreachable: answer.code >= 500, ..Found::new(Verdict::Error, observed) });
            }
        };
        facts.insert(name.clone(), with_metadata(object));
    }
    let seen = |(name, object): (&String, &Value)| match object {
        Value::Null => format!("there is no {name}"),
        Value::Object(_) => format!("{name} has the labels {}", object["metadata"]["labels"]),
        other => format!("{name} is {other}"),
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
