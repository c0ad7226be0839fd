//! The report as plain text.

use std::fmt::Write;

use super::words;
use super::{Report, time};
use crate::check::Verdict;
use crate::grade::CheckResult;
use crate::lesson::domain;
use crate::text::{Language, pad, tr};

/// Renders it.
pub fn render(report: &Report) -> String {
    let lang = report.language();
    let mut text = format!("{} ({})\n", report.title, domain::shown(&report.domain, lang));
    let points = words::points(report);
    let _ = writeln!(text, "{points}: {}", words::reached(report));
    let _ = writeln!(
        text,
        "{} {}, {} {}, Kubernetes {}",
        tr!(lang, report_time),
        time(lang, report.seconds),
        tr!(lang, report_cluster),
        report.cluster,
        report.kubernetes
    );
    for (number, step) in report.steps.iter().enumerate() {
        let state = match (step.attempts, step.passed) {
            (0, _) => tr!(lang, report_not_graded),
            (_, true) => tr!(lang, report_passed),
            (_, false) => tr!(lang, report_not_passed),
        };
        let _ = writeln!(text, "\n{}. {}: {state}, {}/{}", number + 1, step.title, step.score, step.max);
        let solved = if step.solved { format!(", {}", tr!(lang, report_solution)) } else { String::new() };
        let graded = words::graded(lang, step);
        let _ = writeln!(text, "   {graded}{solved}");
        for check in &step.checks {
            check_lines(lang, check, &mut text);
        }
        for task in &step.open {
            let _ = writeln!(text, "   {} {}  -/{}", pad("-", 8), task.title, task.max);
        }
    }
    if report.attempts.len() > 1 {
        let _ = writeln!(text, "\n{}", tr!(lang, report_attempts));
        for (number, attempt) in report.attempts.iter().enumerate() {
            let started =
                if attempt.started.is_empty() { tr!(lang, report_unknown) } else { &attempt.started };
            let _ = writeln!(
                text,
                "   {}. {started}  {}/{}  {}  {} {}, {} {}",
                number + 1,
                attempt.score,
                attempt.max,
                time(lang, attempt.seconds),
                tr!(lang, report_hints),
                attempt.hints,
                tr!(lang, report_solutions),
                attempt.solutions
            );
        }
    }
    let _ = writeln!(text, "\n{} {}", tr!(lang, report_digest), report.digest);
    text
}

/// A check with what it found.
pub(super) fn check_lines(lang: Language, check: &CheckResult, text: &mut String) {
    let word = pad(words::verdict(lang, check), 8);
    let _ = writeln!(text, "   {word} {}  {}/{}", check.title, check.points, check.max);
    if check.verdict != Verdict::Pass {
        let said = words::details(lang, check).into_iter().take(2).filter(|(_, value)| !value.is_empty());
        for (name, value) in said {
            let _ = writeln!(text, "            {name} {}", value.replace('\n', "\n            "));
        }
    }
}
