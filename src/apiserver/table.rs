//! Tables, as kubectl get asks for them.
//!
//! Upstream: `kubernetes/pkg/printers/internalversion/printers.go`, `k8s.io/apiserver/.../handlers/response.go`. The columns
//! come from the real server (`hack/update-openapi.py`), the cells from [`rows`].

mod pods;
mod rows;

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::registry::ResourceType;
use crate::release::OfRelease;

/// How much of each object goes into its row (`includeObject`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IncludeObject {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// How a table is asked for.
#[derive(Debug, Clone)]
pub struct TableOptions {
    /// What goes along with each row.
    pub include: IncludeObject,
    /// Whether the column definitions are left out (all but the first event of a watch).
    pub no_headers: bool,
    /// The version in the `Accept` header (`v1`).
    pub version: &'static str,
    /// The time, for ages.
    pub now: Timestamp,
}

/// Renders objects as a `Table`; `list_meta` is the metadata of the list (or of the single object's answer).
pub fn render(rt: &ResourceType, items: &[Arc<Value>], list_meta: Value, options: &TableOptions) -> Value {
    let version = format!("meta.k8s.io/{}", options.version);
    let rows: Vec<Value> = items
        .iter()
        .map(|object| {
            let mut row = Map::new();
            row.insert("cells".into(), Value::Array(rows::cells(rt, object, options.now)));
            if rt.plural == "pods"
                && let Some(conditions) = pods::conditions(object)
            {
                row.insert("conditions".into(), conditions);
            }
            let shown = match options.include {
                IncludeObject::None => Value::Null,
                IncludeObject::Metadata => json!({
                    "kind": "PartialObjectMetadata", "apiVersion": version, "metadata": object["metadata"]}),
                IncludeObject::Object => (**object).clone(),
            };
            row.insert("object".into(), shown);
            Value::Object(row)
        })
        .collect();
    let columns = if options.no_headers { Value::Null } else { columns(rt) };
    let printed = !GENERIC.contains(&rt.plural);
    let rows = if rows.is_empty() && !printed { Value::Null } else { Value::Array(rows) };
    json!({"kind": "Table", "apiVersion": version, "metadata": list_meta, "columnDefinitions": columns, "rows": rows})
}

/// Resources without a printer of their own: no rows are `null` then.
const GENERIC: [&str; 3] = ["clusterroles", "limitranges", "roles"];

fn columns(rt: &ResourceType) -> Value {
    static COLUMNS: OfRelease<HashMap<String, Value>> = OfRelease::new();
    let all = COLUMNS.get(rt.release, || {
        let mut text = String::new();
        let read = flate2::read::GzDecoder::new(rt.release.assets.columns).read_to_string(&mut text);
        read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
    });
    let known = all.get(&format!("{}/{}", rt.group, rt.plural));
    known.or_else(|| all.get("/limitranges")).cloned().unwrap_or(Value::Null)
}

/// How long ago a time was, as `duration.HumanDuration` says it.
pub fn since(time: &Value, now: Timestamp) -> String {
    let Some(then) = time.as_str().and_then(|t| t.parse::<Timestamp>().ok()) else {
        return "<unknown>".to_owned();
    };
    human_duration(now.as_second() - then.as_second())
}

/// `5s`, `3m20s`, `47h`, `3d4h`: upstream `k8s.io/apimachinery/pkg/util/duration`.
pub fn human_duration(seconds: i64) -> String {
    let two =
        |a: i64, x: &str, b: i64, y: &str| if b == 0 { format!("{a}{x}") } else { format!("{a}{x}{b}{y}") };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 24 * 8 => two(hours / 24, "d", hours % 24, "h"),
        _ if hours < 24 * 365 * 2 => format!("{}d", hours / 24),
        _ if hours < 24 * 365 * 8 => two(hours / 24 / 365, "y", hours / 24 % 365, "d"),
        _ => format!("{}y", hours / 24 / 365),
    }
}

#[cfg(test)]
mod tests;
