//! What the lesson pane says: a page with its hints, a result, a solution.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::event::Trouble;
use super::super::markdown::Document;
use super::super::state::{Focus, Panel, State};
use super::super::theme::Theme;
use crate::check::Verdict;
use crate::grade::{CheckResult, LessonResult, PASS_MARK, StepResult};

/// Makes what the lesson pane says, at a width.
pub fn document(state: &State, theme: &Theme, width: u16) -> Document {
    let mut out = Document::default();
    match &state.panel {
        Panel::Text => page(state, theme, width, &mut out),
        Panel::Result(result, whole) => results(state, result, *whole, theme, width, &mut out),
        Panel::Solution => {
            let solution = state.step().map_or("", |step| step.solution.as_str());
            out.markdown(solution, width, theme);
            out.gap();
            out.text(vec![], &format!("{} goes back to the step.", back(state)), theme.quiet, width);
        }
        Panel::Solved(text) => {
            out.text(vec![], "Done for you:", theme.text, width);
            out.gap();
            for line in text.lines() {
                out.text(
                    vec![Span::styled(format!("{} ", theme.glyphs.gutter), theme.line)],
                    line,
                    theme.block,
                    width,
                );
            }
            out.gap();
            out.text(
                vec![],
                &format!("F5 checks the step. {} goes back to it.", back(state)),
                theme.quiet,
                width,
            );
        }
        Panel::Exam => {
            if let Some(exam) = &state.exam {
                super::exam::results(exam, theme, width, &mut out);
            }
        }
        Panel::Trouble(error) => {
            trouble(error, theme, width, &mut out);
            out.gap();
            out.text(vec![], &format!("{} goes back to the step.", back(state)), theme.quiet, width);
        }
    }
    out
}

/// The keys that lead from a result to the text: fewer where the lesson has the keyboard.
fn back(state: &State) -> String {
    match state.focus {
        Focus::Lesson => "Esc".to_owned(),
        Focus::Shell => format!("{} Backspace", state.config.prefix.name()),
    }
}

/// What went wrong, why, and what to do.
pub fn trouble(error: &Trouble, theme: &Theme, width: u16, out: &mut Document) {
    out.text(
        vec![Span::styled(theme.glyphs.error.trim_end().to_owned() + " ", theme.bad)],
        &error.what,
        theme.text,
        width,
    );
    if let Some(why) = &error.why {
        out.gap();
        labelled("why", why, theme.text, theme, width, 0, out);
    }
    for hint in &error.hints {
        out.gap();
        labelled("try", hint, theme.text, theme, width, 0, out);
    }
}

fn page(state: &State, theme: &Theme, width: u16, out: &mut Document) {
    let Some(lesson) = state.lesson() else { return };
    let heading = |out: &mut Document, text: &str, title: &str| {
        if !text.trim_start().starts_with('#') {
            out.text(vec![], title, theme.heading, width);
            out.gap();
        }
    };
    match state.step() {
        Some(step) => {
            heading(out, &step.text, &step.title);
            out.markdown(&step.text, width, theme);
            let shown = state
                .step_index()
                .and_then(|i| state.course.as_ref()?.standing.hints.get(i).copied())
                .unwrap_or(0);
            let all = step.hints.len();
            for (number, hint) in step.hints.iter().take(shown).enumerate() {
                out.gap();
                out.text(vec![], &format!("Hint {} of {all}", number + 1), theme.heading, width);
                out.markdown(hint, width, theme);
            }
        }
        None if state.page == 0 => {
            heading(out, &lesson.intro, &lesson.title);
            out.markdown(&lesson.intro, width, theme);
            out.gap();
            let minutes =
                format!("{}, about {} minutes, {} steps.", lesson.domain, lesson.minutes, lesson.steps.len());
            out.text(vec![], &minutes, theme.quiet, width);
            out.text(vec![], "F8 turns to the first step.", theme.text, width);
        }
        None => {
            score(state, theme, width, out);
            if state.finished() {
                heading(out, &lesson.finish, "Debrief");
                out.markdown(&lesson.finish, width, theme);
            } else {
                out.text(
                    vec![],
                    "The debrief comes when every step has passed. F5 checks them all.",
                    theme.text,
                    width,
                );
            }
        }
    }
}

/// The final score, step by step.
fn score(state: &State, theme: &Theme, width: u16, out: &mut Document) {
    let (points, max) = state.points();
    let total = max.map_or_else(|| format!("{points} points"), |max| format!("{points} of {max} points"));
    let percent = max.filter(|max| *max > 0).map_or(0, |max| points * 100 / max);
    let verdict = if percent >= PASS_MARK { "passed" } else { "not passed yet" };
    let style = if percent >= PASS_MARK { theme.good } else { theme.bad };
    let line = format!("{total}, {percent} %: {verdict} (pass mark {PASS_MARK} %)");
    out.text(vec![], &line, style, width);
    out.gap();
    let Some(lesson) = state.lesson() else { return };
    for (index, step) in lesson.steps.iter().enumerate() {
        let result = state.graded(index);
        let (mark, style) = match result {
            Some(result) if result.passed => (theme.glyphs.ok, theme.good),
            Some(_) => (theme.glyphs.fail, theme.bad),
            None => (theme.glyphs.open, theme.quiet),
        };
        let points = result.map_or_else(|| "not checked".to_owned(), |r| format!("{}/{}", r.score, r.max));
        let hints = state.course.as_ref().and_then(|c| c.standing.hints.get(index).copied()).unwrap_or(0);
        let mut text = format!("{}: {points}", step.title);
        if hints > 0 {
            text.push_str(&format!(", {hints} hint{}", if hints == 1 { "" } else { "s" }));
        }
        if state.course.as_ref().and_then(|c| c.standing.solved.get(index).copied()).unwrap_or(false) {
            text.push_str(", with the solution");
        }
        out.text(vec![Span::styled(format!("{mark} "), style)], &text, theme.text, width);
    }
    out.push(Line::default());
}

fn results(state: &State, result: &LessonResult, whole: bool, theme: &Theme, width: u16, out: &mut Document) {
    for step in &result.steps {
        step_result(step, theme, width, out);
        out.gap();
    }
    let last = state.step_index().is_some_and(|index| index + 1 == state.steps());
    let next = match (result.passed, whole) {
        (false, false) => format!("{} goes back to the step, F5 checks again, F6 gives a hint.", back(state)),
        (false, true) => format!("{} goes back to the lesson.", back(state)),
        (true, false) if last => "F8 turns to the debrief.".to_owned(),
        (true, false) => "F8 turns to the next step.".to_owned(),
        (true, true) => "Every step passed.".to_owned(),
    };
    out.text(vec![], &next, theme.text, width);
}

pub fn step_result(step: &StepResult, theme: &Theme, width: u16, out: &mut Document) {
    let errors = step.checks.iter().any(|check| check.verdict == Verdict::Error);
    let (word, style) = match (step.passed, errors) {
        (true, _) => ("passed", theme.good),
        (false, true) => ("could not all be checked", theme.warn),
        (false, false) => ("not passed yet", theme.bad),
    };
    out.text(vec![], &step.title, theme.heading, width);
    out.text(vec![], &format!("{}/{} points, {word}", step.score, step.max), style, width);
    out.gap();
    // What is open comes first: it is what one looks for.
    let open = |check: &&CheckResult| check.verdict != Verdict::Pass;
    for check in step.checks.iter().filter(open).chain(step.checks.iter().filter(|check| !open(check))) {
        check_result(check, theme, width, out);
    }
}

fn check_result(check: &CheckResult, theme: &Theme, width: u16, out: &mut Document) {
    let (mark, style) = mark(check.verdict, theme);
    let title = format!("{} ({}/{})", check.title, check.points, check.max);
    out.text(vec![Span::styled(format!("{mark} "), style)], &title, theme.text, width);
    if check.verdict != Verdict::Pass {
        for (label, text) in [("expected", &check.expected), ("seen", &check.observed), ("look", &check.hint)]
        {
            if !text.is_empty() {
                labelled(label, text, theme.text, theme, width, 2, out);
            }
        }
        out.gap();
    }
}

fn labelled(
    label: &str,
    text: &str,
    style: Style,
    theme: &Theme,
    width: u16,
    indent: usize,
    out: &mut Document,
) {
    let size = if indent > 0 { 9 } else { 4 };
    let first = Span::styled(format!("{}{label:<size$}", " ".repeat(indent)), theme.quiet);
    out.text(vec![first], text, style, width);
}

/// The mark of a verdict, in words and style.
pub fn mark(verdict: Verdict, theme: &Theme) -> (&'static str, Style) {
    match verdict {
        Verdict::Pass => (theme.glyphs.ok, theme.good),
        Verdict::Fail => (theme.glyphs.fail, theme.bad),
        Verdict::Error => (theme.glyphs.error, theme.warn),
    }
}
