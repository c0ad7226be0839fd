//! Printing: stdout for machines and results, stderr for talk; colour only where it is wanted.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use crate::check::Verdict;
use crate::error::Error;
use crate::grade::{LessonResult, StepResult};
use crate::text::{pad, tr, width};

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
    talk(&format!("{red}{}{reset} {e}", tr!(cli_error)));
}

/// A result as a person reads it.
pub fn result(result: &LessonResult, colour: bool) -> String {
    let mut text = String::new();
    for step in &result.steps {
        text += &step_result(step, colour);
    }
    let _ = writeln!(text, "{}", tr!(cli_points { score: result.score, max: result.max }));
    text
}

/// A step's result as a person reads it.
pub fn step_result(step: &StepResult, colour: bool) -> String {
    let points = tr!(cli_points { score: step.score, max: step.max });
    let mut text = format!("{} ({points})\n", step.title);
    let names = [tr!(report_expected), tr!(report_observed), tr!(report_hint)];
    let wide = names.iter().map(|name| width(name)).max().unwrap_or(0).max(9);
    let words =
        [tr!(report_ok), tr!(report_fail), tr!(report_error)].map(width).into_iter().max().unwrap_or(0);
    for check in &step.checks {
        let (word, paint) = match check.verdict {
            Verdict::Pass => (tr!(report_ok), "\x1b[32m"),
            Verdict::Fail => (tr!(report_fail), "\x1b[31m"),
            Verdict::Error => (tr!(report_error), "\x1b[33m"),
        };
        let (paint, reset) = if colour { (paint, "\x1b[0m") } else { ("", "") };
        let word = pad(word, words);
        let _ = writeln!(text, "  {paint}{word}{reset} {}  {}/{}", check.title, check.points, check.max);
        if check.verdict != Verdict::Pass {
            for (name, value) in names.iter().zip([&check.expected, &check.observed, &check.hint]) {
                if !value.is_empty() {
                    let _ = writeln!(text, "          {} {value}", pad(name, wide));
                }
            }
        }
    }
    text
}

/// Markdown for a plain terminal: markup and markers go.
pub fn markdown(text: &str) -> String {
    super::plain::markdown::render(text)
}

/// How wide stdout is, where it is a terminal.
pub fn columns() -> Option<usize> {
    std::io::stdout().is_terminal().then(crossterm::terminal::size)?.ok().map(|(columns, _)| columns.into())
}

/// A table without as many of its dispensable columns, the first to go first, as it takes to fit into `room`.
pub fn fitted(rows: Vec<Vec<String>>, room: Option<usize>, dispensable: &[usize]) -> Vec<Vec<String>> {
    let mut gone = 0;
    loop {
        let kept: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let stays = |(column, _): &(usize, _)| !dispensable[..gone].contains(column);
                row.iter().enumerate().filter(stays).map(|(_, cell)| cell.clone()).collect()
            })
            .collect();
        let widest = table(&kept).lines().map(width).max().unwrap_or(0);
        if gone == dispensable.len() || room.is_none_or(|room| widest <= room) {
            return kept;
        }
        gone += 1;
    }
}

/// A table with columns as wide as they must be.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widest = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|cell| width(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|c| widest(c).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, cells) in row.iter().zip(&widths) {
            line += &pad(cell, cells + 3);
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_goes_without_columns_until_it_fits() {
        let rows = ["id domain title score", "a cluster-setup A 1/2"];
        let rows = || rows.iter().map(|row| row.split(' ').map(str::to_owned).collect()).collect::<Vec<_>>();
        for (room, head) in [
            (None, "id domain title score"),
            (Some(80), "id domain title score"),
            (Some(25), "id title score"),
            (Some(15), "id score"),
            (Some(1), "id score"),
        ] {
            assert_eq!(fitted(rows(), room, &[1, 2])[0].join(" "), head, "{room:?}");
        }
    }
}
