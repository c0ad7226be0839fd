//! The report as markdown.

use std::fmt::Write;

use super::Report;
use crate::check::Verdict;

/// Renders it.
pub fn render(report: &Report) -> String {
    let mut text = format!("# {}\n\n", report.title);
    let verdict = if report.reached { "reached" } else { "not reached" };
    let _ = writeln!(
        text,
        "**{} of {} points ({} %)**: the pass mark of {} % is {verdict}. Time {}, cluster {}, Kubernetes {}.",
        report.score,
        report.max,
        report.percent,
        report.pass_mark,
        report.time(),
        report.cluster,
        report.kubernetes
    );
    for (number, step) in report.steps.iter().enumerate() {
        let _ = writeln!(text, "\n## {}. {} ({}/{})\n", number + 1, step.title, step.score, step.max);
        let _ =
            writeln!(text, "Graded {} times, hints {} of {}.\n", step.attempts, step.hints.0, step.hints.1);
        if step.checks.is_empty() {
            continue;
        }
        text += "| | check | points | observed |\n|---|---|---|---|\n";
        for check in &step.checks {
            let word = match check.verdict {
                Verdict::Pass => "ok",
                Verdict::Fail => "FAIL",
                Verdict::Error => "ERROR",
            };
            let (title, observed) = (cell(&check.title), cell(&check.observed));
            let _ = writeln!(text, "| {word} | {title} | {}/{} | {observed} |", check.points, check.max);
        }
    }
    text
}

/// Text that stays inside its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
