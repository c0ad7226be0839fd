//! The report as JSON; `assets/schema/report.schema.json` describes it.

use super::Report;

/// Renders it, with a newline at the end.
pub fn render(report: &Report) -> String {
    let text = serde_json::to_string_pretty(report).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
    text + "\n"
}
