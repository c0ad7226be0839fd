//! Printing: stdout for machines and results, stderr for talk; colour only where it is wanted.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use crate::check::Verdict;
use crate::error::Error;
use crate::grade::{LessonResult, StepResult};

/// Writes to stdout; a reader that went away is no error.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Writes a line to stderr.
pub fn talk(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Whether `stream` wants colour.
pub fn coloured(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    stream.is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Tells a person what went wrong and what to do.
pub fn error(e: &Error) {
    let (red, reset) = if coloured(&std::io::stderr()) { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    talk(&format!("{red}error:{reset} {e}"));
}

/// A result as a person reads it.
pub fn result(result: &LessonResult, colour: bool) -> String {
    let mut text = String::new();
    for step in &result.steps {
        text += &step_result(step, colour);
    }
    let _ = writeln!(text, "{}/{} points", result.score, result.max);
    text
}

/// A step's result as a person reads it.
pub fn step_result(step: &StepResult, colour: bool) -> String {
    let mut text = format!("{} ({}/{} points)\n", step.title, step.score, step.max);
    for check in &step.checks {
        let (word, paint) = match check.verdict {
            Verdict::Pass => ("ok   ", "\x1b[32m"),
            Verdict::Fail => ("FAIL ", "\x1b[31m"),
            Verdict::Error => ("ERROR", "\x1b[33m"),
        };
        let (paint, reset) = if colour { (paint, "\x1b[0m") } else { ("", "") };
        let _ = writeln!(text, "  {paint}{word}{reset} {}  {}/{}", check.title, check.points, check.max);
        if check.verdict != Verdict::Pass {
            for (name, value) in
                [("expected", &check.expected), ("observed", &check.observed), ("hint", &check.hint)]
            {
                if !value.is_empty() {
                    let _ = writeln!(text, "          {name:<9} {value}");
                }
            }
        }
    }
    text
}

/// Markdown for a plain terminal: markers go.
pub fn markdown(text: &str) -> String {
    let text = text.replace("{{exec}}", "").replace("{{copy}}", "");
    format!("{}\n", text.trim_end())
}

/// A table with columns as wide as they must be.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        rows.iter()
            .filter_map(|r| r.get(c))
            .map(|cell| unicode_width::UnicodeWidthStr::width(cell.as_str()))
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|c| width(c).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width.saturating_sub(unicode_width::UnicodeWidthStr::width(cell.as_str()));
            line += cell;
            line += &" ".repeat(pad + 3);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}
