//! `log`: a line of a pod's log that matches.

use serde_json::json;

use super::{Found, Ground, Verdict, http};
use crate::cluster::Identity;
use crate::error::{Error, Result};
use crate::lesson::schema::LogCheck;
use crate::text::tr;

/// Reads the log through the API.
pub async fn look(check: &LogCheck, ground: &Ground<'_>) -> Result<Found> {
    let (namespace, pod) = check.pod.split_once('/').unwrap_or(("default", &check.pod));
    let pattern = regex::RegexBuilder::new(&check.pattern).size_limit(1 << 20).build();
    let pattern = pattern.map_err(|e| {
        Error::new(tr!(ground.language(), check_no_pattern { pattern: check.pattern })).why(e)
    })?;
    let client = ground.cluster.client(&Identity::Admin)?;
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/log?limitBytes=2097152");
    let answer = match http::get(&client, &path).await {
        Ok(answer) => answer,
        Err(unreachable) => return Ok(unreachable.into()),
    };
    if answer.code != 200 {
        return Ok(Found::new(
            Verdict::Error,
            tr!(ground.language(), check_log_not_read { pod, message: answer.message() }),
        ));
    }
    let text = answer.body.as_str().map_or_else(|| answer.body.to_string(), str::to_owned);
    let line = text.lines().find(|line| pattern.is_match(line));
    let observed = match line {
        Some(line) => line.to_owned(),
        None => tr!(ground.language(), check_no_such_line { count: text.lines().count(), pod }),
    };
    let last = text.lines().next_back().unwrap_or("");
    let facts = json!({"line": line, "last": last});
    Ok(Found::decided(line.is_some(), observed, facts.as_object().cloned().unwrap_or_default()))
}
