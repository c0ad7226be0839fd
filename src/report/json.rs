//! The report as JSON; `assets/schema/report.schema.json` describes it, `exam-report.schema.json` an exam's.

use serde::Serialize;

/// Renders it, with a newline at the end.
pub fn render(report: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(report).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
    text + "\n"
}
