//! The report as plain text.

use std::fmt::Write;

use super::words::{self, filled, word};
use super::{Report, time};
use crate::check::Verdict;

/// Renders it.
pub fn render(report: &Report) -> String {
    let say = |key| word(&report.lang, key);
    let mut text = format!("{} ({})\n", report.title, report.domain);
    let points = filled(&report.lang, "points", &[&report.score, &report.max, &report.percent]);
    let reached = if report.reached { "reached" } else { "not-reached" };
    let _ = writeln!(text, "{points}: {}", filled(&report.lang, reached, &[&report.pass_mark]));
    let _ = writeln!(
        text,
        "{} {}, {} {}, Kubernetes {}",
        say("time"),
        time(report.seconds),
        say("cluster"),
        report.cluster,
        report.kubernetes
    );
    for (number, step) in report.steps.iter().enumerate() {
        let state = match (step.attempts, step.passed) {
            (0, _) => say("not-graded"),
            (_, true) => say("passed"),
            (_, false) => say("not-passed"),
        };
        let _ = writeln!(text, "\n{}. {}: {state}, {}/{}", number + 1, step.title, step.score, step.max);
        let solved = if step.solved { format!(", {}", say("solution")) } else { String::new() };
        let graded = filled(&report.lang, "graded", &[&step.attempts, &step.hints.0, &step.hints.1]);
        let _ = writeln!(text, "   {graded}{solved}");
        for check in &step.checks {
            let _ = writeln!(
                text,
                "   {} {}  {}/{}",
                padded(words::verdict(&report.lang, check), 8),
                check.title,
                check.points,
                check.max
            );
            if check.verdict != Verdict::Pass {
                for (name, value) in [("expected", &check.expected), ("observed", &check.observed)] {
                    let _ =
                        writeln!(text, "            {} {}", say(name), value.replace('\n', "\n            "));
                }
            }
        }
        for task in &step.open {
            let _ = writeln!(text, "   {} {}  -/{}", padded("-", 8), task.title, task.max);
        }
    }
    if report.attempts.len() > 1 {
        let _ = writeln!(text, "\n{}", say("attempts"));
        for (number, attempt) in report.attempts.iter().enumerate() {
            let started = if attempt.started.is_empty() { say("unknown") } else { &attempt.started };
            let _ = writeln!(
                text,
                "   {}. {started}  {}/{}  {}  {} {}, {} {}",
                number + 1,
                attempt.score,
                attempt.max,
                time(attempt.seconds),
                say("hints"),
                attempt.hints,
                say("solutions"),
                attempt.solutions
            );
        }
    }
    let _ = writeln!(text, "\n{} {}", say("digest"), report.digest);
    text
}

/// Fills up with blanks to a width in cells.
fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(unicode_width::UnicodeWidthStr::width(text));
    format!("{text}{}", " ".repeat(blanks))
}
