//! What the lesson pane says: a page with its hints, a result, a solution.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::super::event::Trouble;
use super::super::markdown::Document;
use super::super::state::{Focus, Panel, State};
use super::super::theme::Theme;
use crate::check::Verdict;
use crate::grade::{CheckResult, LessonResult, PASS_MARK, StepResult};
use crate::text::tr;

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
            out.text(vec![], &tr!(tui_back_to_step { key: back(state) }), theme.quiet, width);
        }
        Panel::Solved(text) => {
            out.text(vec![], tr!(tui_done_for_you), theme.text, width);
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
            out.text(vec![], &tr!(tui_check_or_back { key: back(state) }), theme.quiet, width);
        }
        Panel::Exam => {
            if let Some(exam) = &state.exam {
                super::exam::results(exam, theme, width, &mut out);
            }
        }
        Panel::Trouble(error) => {
            trouble(error, theme, width, &mut out);
            out.gap();
            out.text(vec![], &tr!(tui_back_to_step { key: back(state) }), theme.quiet, width);
        }
    }
    out
}

/// The keys that lead from a result to the text: fewer where the lesson has the keyboard.
fn back(state: &State) -> String {
    match state.focus {
        Focus::Lesson | Focus::Glance => "Esc".to_owned(),
        Focus::Shell | Focus::Xray => format!("{} Backspace", state.config.prefix.name()),
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
        labelled(tr!(tui_why), why, theme.text, theme, width, 0, out);
    }
    for hint in &error.hints {
        out.gap();
        labelled(tr!(tui_try), hint, theme.text, theme, width, 0, out);
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
            if state.exam.is_some() && !step.tasks.is_empty() {
                // Nothing else lists all of them: there are no checks in an exam.
                out.gap();
                out.text(vec![], tr!(tui_exam_is_graded), theme.heading, width);
                for (_, title) in &step.tasks {
                    out.text(
                        vec![Span::styled(format!("{} ", theme.glyphs.bullet), theme.quiet)],
                        title,
                        theme.text,
                        width,
                    );
                }
            }
            let all = step.hints.len();
            for (number, hint) in step.hints.iter().take(shown).enumerate() {
                out.gap();
                out.text(vec![], &tr!(tui_hint_of { number: number + 1, all }), theme.heading, width);
                out.markdown(hint, width, theme);
            }
        }
        None if state.page == 0 => {
            heading(out, &lesson.intro, &lesson.title);
            out.markdown(&lesson.intro, width, theme);
            out.gap();
            let about = tr!(tui_pick_steps {
                domain: lesson.domain,
                steps: lesson.steps.len(),
                minutes: lesson.minutes
            });
            out.text(vec![], &about, theme.quiet, width);
            out.text(vec![], tr!(tui_to_first_step), theme.text, width);
        }
        None => {
            score(state, theme, width, out);
            if state.finished() {
                heading(out, &lesson.finish, tr!(tui_debrief));
                out.markdown(&lesson.finish, width, theme);
            } else {
                out.text(vec![], tr!(tui_debrief_later), theme.text, width);
            }
        }
    }
}

/// The final score, step by step.
fn score(state: &State, theme: &Theme, width: u16, out: &mut Document) {
    let (points, max) = state.points();
    let total =
        max.map_or_else(|| tr!(tui_points_alone { points }), |max| tr!(tui_points_total { points, max }));
    let percent = max.filter(|max| *max > 0).map_or(0, |max| points * 100 / max);
    let verdict = if percent >= PASS_MARK { tr!(tui_passed) } else { tr!(tui_not_passed) };
    let style = if percent >= PASS_MARK { theme.good } else { theme.bad };
    let line = tr!(tui_total { total, percent, verdict, mark: PASS_MARK });
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
        let points =
            result.map_or_else(|| tr!(tui_not_checked).to_owned(), |r| format!("{}/{}", r.score, r.max));
        let hints = state.course.as_ref().and_then(|c| c.standing.hints.get(index).copied()).unwrap_or(0);
        let mut text = format!("{}: {points}", step.title);
        if hints > 0 {
            text.push_str(&tr!(tui_with_hints { hints }));
        }
        if state.course.as_ref().and_then(|c| c.standing.solved.get(index).copied()).unwrap_or(false) {
            text.push_str(tr!(tui_with_solution));
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
        (false, false) => tr!(tui_try_again { key: back(state) }),
        (false, true) => tr!(tui_back_to_lesson { key: back(state) }),
        (true, false) if last => tr!(tui_to_debrief).to_owned(),
        (true, false) => tr!(tui_to_next_step).to_owned(),
        (true, true) => tr!(tui_every_step).to_owned(),
    };
    out.text(vec![], &next, theme.text, width);
}

pub fn step_result(step: &StepResult, theme: &Theme, width: u16, out: &mut Document) {
    let errors = step.checks.iter().any(|check| check.verdict == Verdict::Error);
    let (word, style) = match (step.passed, errors) {
        (true, _) => (tr!(tui_passed), theme.good),
        (false, true) => (tr!(tui_not_all_checked), theme.warn),
        (false, false) => (tr!(tui_not_passed), theme.bad),
    };
    out.text(vec![], &step.title, theme.heading, width);
    out.text(vec![], &tr!(tui_step_points { score: step.score, max: step.max, word }), style, width);
    out.gap();
    // What is open comes first: it is what one looks for.
    let open = |check: &&CheckResult| check.verdict != Verdict::Pass;
    for check in step.checks.iter().filter(open).chain(step.checks.iter().filter(|check| !open(check))) {
        check_result(check, theme, width, out);
    }
}

fn check_result(check: &CheckResult, theme: &Theme, width: u16, out: &mut Document) {
    let (mark, style) = mark(check.verdict, theme);
    let title = match check.max {
        // What others need, and what cannot be looked at here, gives no points.
        0 => check.title.clone(),
        max => format!("{} ({}/{max})", check.title, check.points),
    };
    out.text(vec![Span::styled(format!("{mark} "), style)], &title, theme.text, width);
    if check.verdict != Verdict::Pass {
        for (label, text) in [
            (tr!(tui_expected), &check.expected),
            (tr!(tui_seen), &check.observed),
            (tr!(tui_look), &check.hint),
        ] {
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
    let size = match indent {
        0 => [tr!(tui_why), tr!(tui_try)].map(crate::text::width).into_iter().max().unwrap_or(0) + 1,
        _ => {
            let labels = [tr!(tui_expected), tr!(tui_seen), tr!(tui_look)];
            labels.map(crate::text::width).into_iter().max().unwrap_or(0) + 1
        }
    };
    let first = Span::styled(format!("{}{}", " ".repeat(indent), crate::text::pad(label, size)), theme.quiet);
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
