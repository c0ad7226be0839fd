//! The report as plain text.

use std::fmt::Write;

use super::Report;
use crate::check::Verdict;

/// Renders it.
pub fn render(report: &Report) -> String {
    let mut text = format!("{} ({})\n", report.title, report.domain);
    let verdict = if report.reached { "reached" } else { "not reached" };
    let _ = writeln!(
        text,
        "{} of {} points, {} %: the pass mark of {} % is {verdict}",
        report.score, report.max, report.percent, report.pass_mark
    );
    let _ = writeln!(
        text,
        "time {}, cluster {}, Kubernetes {}",
        report.time(),
        report.cluster,
        report.kubernetes
    );
    for (number, step) in report.steps.iter().enumerate() {
        let state = match (step.attempts, step.passed) {
            (0, _) => "not graded yet",
            (_, true) => "passed",
            (_, false) => "not passed",
        };
        let _ =
            writeln!(text, "\n{}. {}: {state}, {}/{} points", number + 1, step.title, step.score, step.max);
        let solved = if step.solved { ", solution used" } else { "" };
        let _ = writeln!(
            text,
            "   graded {} times, hints {} of {}{solved}",
            step.attempts, step.hints.0, step.hints.1
        );
        for check in &step.checks {
            let word = match check.verdict {
                Verdict::Pass => "ok   ",
                Verdict::Fail => "FAIL ",
                Verdict::Error => "ERROR",
            };
            let _ = writeln!(text, "   {word} {}  {}/{}", check.title, check.points, check.max);
            if check.verdict != Verdict::Pass {
                let _ = writeln!(text, "         expected {}", check.expected);
                let _ = writeln!(text, "         observed {}", check.observed);
            }
        }
    }
    text
}
