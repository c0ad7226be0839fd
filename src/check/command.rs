//! `command`: a script on a node; exit status 0 passes, as killercoda's `verify.sh` has it.

use std::time::Duration;

use serde_json::json;

use super::{Found, Ground};
use crate::error::{Error, Result};
use crate::lesson::schema::CommandCheck;
use crate::node::Command;
use crate::text::tr;

/// How long a script may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Runs it.
pub async fn look(check: &CommandCheck, ground: &Ground<'_>) -> Result<Found> {
    let node = ground.cluster.node(&check.node);
    let node = node.ok_or_else(|| Error::new(tr!(ground.language(), check_no_node { node: check.node })))?;
    let output = node.run(Command::script(&check.script), b"", TIME_LIMIT).await?;
    let text = output.text();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = text.trim_end().lines().last().or_else(|| errors.trim_end().lines().last()).unwrap_or("");
    let observed = tr!(ground.language(), check_exit_status { status: output.status, last });
    let facts = json!({"status": output.status, "stdout": text, "stderr": errors});
    let facts = facts.as_object().cloned().unwrap_or_default();
    Ok(Found::decided(output.status == 0, observed.trim_end(), facts))
}
