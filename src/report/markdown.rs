//! The report as markdown. The evidence stands in a comment at its end.

use std::fmt::Write;

use super::words::{self, filled, word};
use super::{Report, evidence, time};

/// Renders it.
pub fn render(report: &Report) -> String {
    let say = |key| word(&report.lang, key);
    let mut text = format!("# {}\n\n", plain(&report.title));
    let points = filled(&report.lang, "points", &[&report.score, &report.max, &report.percent]);
    let reached = if report.reached { "reached" } else { "not-reached" };
    let _ = writeln!(
        text,
        "**{points}**: {}. {} {}, {} {}, Kubernetes {}.",
        filled(&report.lang, reached, &[&report.pass_mark]),
        say("time"),
        time(report.seconds),
        say("cluster"),
        plain(&report.cluster),
        plain(&report.kubernetes)
    );
    for (number, step) in report.steps.iter().enumerate() {
        let _ = writeln!(text, "\n## {}. {} ({}/{})\n", number + 1, plain(&step.title), step.score, step.max);
        let graded = filled(&report.lang, "graded", &[&step.attempts, &step.hints.0, &step.hints.1]);
        let solved = if step.solved { format!(", {}", say("solution")) } else { String::new() };
        let _ = writeln!(text, "{graded}{solved}.");
        if step.checks.is_empty() && step.open.is_empty() {
            continue;
        }
        let _ = writeln!(
            text,
            "\n| | {} | {} | {} |\n|---|---|---|---|",
            say("check"),
            say("score"),
            say("observed")
        );
        for check in &step.checks {
            let word = words::verdict(&report.lang, check);
            let (title, observed) = (plain(&check.title), plain(&check.observed));
            let _ = writeln!(text, "| {word} | {title} | {}/{} | {observed} |", check.points, check.max);
        }
        for task in &step.open {
            let _ = writeln!(text, "| - | {} | -/{} | {} |", plain(&task.title), task.max, say("not-graded"));
        }
    }
    if report.attempts.len() > 1 {
        let _ = writeln!(text, "\n## {}\n", say("attempts"));
        let _ = writeln!(
            text,
            "| | {} | {} | {} | {} | {} |\n|---|---|---|---|---|---|",
            say("started"),
            say("score"),
            say("time"),
            say("hints"),
            say("solutions")
        );
        for (number, a) in report.attempts.iter().enumerate() {
            let _ = writeln!(
                text,
                "| {} | {} | {}/{} | {} | {} | {} |",
                number + 1,
                plain(&a.started),
                a.score,
                a.max,
                time(a.seconds),
                a.hints,
                a.solutions
            );
        }
    }
    let _ = writeln!(text, "\n{}: `{}`", say("digest"), report.digest);
    let _ = writeln!(text, "\n<!-- evidence {} -->", evidence::embedded(report));
    text
}

/// Text that stays text inside its cell or line, whatever a lesson or a learner wrote.
fn plain(text: &str) -> String {
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
