//! The report as markdown. The evidence stands in a comment at its end.

use std::fmt::Write;

use super::words;
use super::{Report, evidence, time};
use crate::grade::CheckResult;
use crate::text::{Language, tr};

/// Renders it.
pub fn render(report: &Report) -> String {
    let lang = report.language();
    let mut text = format!("# {}\n\n", plain(&report.title));
    let points = words::points(report);
    let _ = writeln!(
        text,
        "**{points}**: {}. {} {}, {} {}, Kubernetes {}.",
        words::reached(report),
        tr!(lang, report_time),
        time(lang, report.seconds),
        tr!(lang, report_cluster),
        plain(&report.cluster),
        plain(&report.kubernetes)
    );
    for (number, step) in report.steps.iter().enumerate() {
        let _ = writeln!(text, "\n## {}. {} ({}/{})\n", number + 1, plain(&step.title), step.score, step.max);
        let graded = words::graded(lang, step);
        let solved = if step.solved { format!(", {}", tr!(lang, report_solution)) } else { String::new() };
        let _ = writeln!(text, "{graded}{solved}.");
        if step.checks.is_empty() && step.open.is_empty() {
            continue;
        }
        text.push('\n');
        head(lang, &mut text);
        for check in &step.checks {
            check_row(lang, check, &mut text);
        }
        for task in &step.open {
            let _ = writeln!(
                text,
                "| - | {} | -/{} | {} |",
                plain(&task.title),
                task.max,
                tr!(lang, report_not_graded)
            );
        }
    }
    if report.attempts.len() > 1 {
        let _ = writeln!(text, "\n## {}\n", tr!(lang, report_attempts));
        let _ = writeln!(
            text,
            "| | {} | {} | {} | {} | {} |\n|---|---|---|---|---|---|",
            tr!(lang, report_started),
            tr!(lang, report_score),
            tr!(lang, report_time),
            tr!(lang, report_hints),
            tr!(lang, report_solutions)
        );
        for (number, a) in report.attempts.iter().enumerate() {
            let _ = writeln!(
                text,
                "| {} | {} | {}/{} | {} | {} | {} |",
                number + 1,
                plain(&a.started),
                a.score,
                a.max,
                time(lang, a.seconds),
                a.hints,
                a.solutions
            );
        }
    }
    let _ = writeln!(text, "\n{}: `{}`", tr!(lang, report_digest), report.digest);
    let _ = writeln!(text, "\n<!-- evidence {} -->", evidence::embedded(report));
    text
}

/// The head of a table of checks.
pub(super) fn head(lang: Language, text: &mut String) {
    let (check, score, seen) = (tr!(lang, report_check), tr!(lang, report_score), tr!(lang, report_observed));
    let _ = writeln!(text, "| | {check} | {score} | {seen} |\n|---|---|---|---|");
}

/// A check as a row of it.
pub(super) fn check_row(lang: Language, check: &CheckResult, text: &mut String) {
    let word = words::verdict(lang, check);
    let (title, observed) = (plain(&check.title), plain(&check.observed));
    let _ = writeln!(text, "| {word} | {title} | {}/{} | {observed} |", check.points, check.max);
}

/// Text that stays text inside its cell or line, whatever a lesson or a learner wrote.
pub(super) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => safe.push(' '),
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '#' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            c if c.is_control() => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
