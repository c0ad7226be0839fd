//! The first two lines: lesson, cluster, points and time; the steps.

use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::exam::Exam;
use super::super::layout::Areas;
use super::super::state::{Stage, State};
use super::{Canvas, shorten};
use crate::text::{tr, width};

pub fn draw(canvas: &mut Canvas<'_>, areas: &Areas) {
    first(canvas, areas.header);
    steps(canvas, areas.steps);
}

/// The parts at the right, each with the width of the window from which it is shown.
fn parts(state: &State) -> Vec<(u16, String)> {
    let mut parts = Vec::new();
    if let Some(course) = &state.course {
        let version = course.facts.version.trim_start_matches('v');
        parts.push((90, format!("{} {version}", course.facts.kind.as_str())));
        parts.push((0, if course.server_up { tr!(tui_api_up) } else { tr!(tui_api_down) }.to_owned()));
        if let Some(exam) = &state.exam {
            let (number, count) = (exam.at + 1, exam.rows.len());
            parts.push((0, tr!(tui_exam_task { number, count })));
            parts.push((
                0,
                match (&exam.outcome, exam.over) {
                    (Some(_), _) => tr!(tui_exam_graded).to_owned(),
                    (None, true) => tr!(tui_exam_over).to_owned(),
                    (None, false) => tr!(tui_exam_left { time: exam.clock.shown() }),
                },
            ));
            return parts;
        }
        let steps = state.steps();
        parts.push((
            0,
            match state.step_index() {
                Some(index) => tr!(tui_step_of { number: index + 1, steps }),
                None if state.page == 0 => tr!(tui_intro_of { steps }),
                None => tr!(tui_in_debrief).to_owned(),
            },
        ));
        let (score, max) = state.points();
        parts.push((0, max.map_or_else(|| tr!(tui_pts { score }), |max| tr!(tui_pts_of { score, max }))));
    }
    if state.stage == Stage::Picking {
        return parts;
    }
    let (minutes, seconds) = (state.seconds / 60, state.seconds % 60);
    parts.push((0, format!("{minutes:02}:{seconds:02}")));
    parts
}

fn first(canvas: &mut Canvas<'_>, area: Rect) {
    let theme = canvas.theme;
    canvas.fill(area, theme.bar);
    let parts: Vec<String> = parts(canvas.state)
        .into_iter()
        .filter(|(from, _)| area.width >= *from)
        .map(|(_, text)| text)
        .collect();
    let right = format!("{} ", parts.join(&format!(" {} ", theme.glyphs.dot)));
    let right_width = u16::try_from(Span::raw(right.as_str()).width()).unwrap_or(area.width);
    let room = usize::from(area.width.saturating_sub(right_width + 1));
    let title = match &canvas.state.exam {
        Some(exam) => exam.title.as_str(),
        None => canvas.state.lesson().map_or("", |lesson| lesson.title.as_str()),
    };
    let name = if area.width >= 90 || title.is_empty() { " cks-lab  " } else { " " };
    let left = shorten(&format!("{name}{title}"), room, &theme);
    let bold = theme.bar.add_modifier(Modifier::BOLD);
    canvas.text(area.x, area.y, &left, bold, area.width);
    canvas.text(area.right().saturating_sub(right_width), area.y, &right, theme.bar, right_width);
}

/// One step's words: with its title, shortened, or its number alone.
fn step_text(canvas: &Canvas<'_>, index: usize, detail: u8) -> String {
    let state = canvas.state;
    let Some(step) = state.lesson().and_then(|lesson| lesson.steps.get(index)) else { return String::new() };
    let mut text = (index + 1).to_string();
    if detail > 1 || (detail == 1 && state.step_index() == Some(index)) {
        text = format!("{text} {}", step.title);
    }
    match (state.graded(index), state.step_result(index)) {
        (Some(graded), _) if graded.passed => text.push_str(tr!(tui_step_ok)),
        (_, Some(result)) => {
            let done = result.checks.iter().filter(|c| c.verdict == crate::check::Verdict::Pass).count();
            text.push_str(&format!(" {done}/{}", result.checks.len()));
        }
        _ => {}
    }
    if state.step_index() == Some(index) { format!("[{text}]") } else { format!(" {text} ") }
}

/// One task's words: its number, with the title where it is looked at; marked ones have a sign.
fn task_text(exam: &Exam, index: usize, title: bool) -> String {
    let Some(row) = exam.rows.get(index) else { return String::new() };
    let flag = if row.flagged { "!" } else { "" };
    match index == exam.at {
        true if title => format!("[{}{flag} {}]", row.number, row.title),
        true => format!("[{}{flag}]", row.number),
        false => format!(" {}{flag} ", row.number),
    }
}

fn tasks(canvas: &mut Canvas<'_>, exam: &Exam, area: Rect) {
    let theme = canvas.theme;
    let mut x = area.x;
    let count = exam.rows.len();
    let long = |title: bool| (0..count).map(|i| width(&task_text(exam, i, title))).sum::<usize>();
    let title = long(true) <= usize::from(area.width);
    for (index, row) in exam.rows.iter().enumerate() {
        let style = match (index == exam.at, row.flagged, row.opened) {
            (true, ..) => theme.focus,
            (false, true, _) => theme.warn,
            (false, false, true) => theme.text,
            (false, false, false) => theme.quiet,
        };
        let from = x;
        x = canvas.text(x, area.y, &task_text(exam, index, title), style, area.right().saturating_sub(x));
        canvas.drawn.hits.push((Rect::new(from, area.y, x - from, 1), Action::GoToStep(index)));
    }
}

fn steps(canvas: &mut Canvas<'_>, area: Rect) {
    if let Some(exam) = &canvas.state.exam {
        return tasks(canvas, exam, area);
    }
    let theme = canvas.theme;
    let count = canvas.state.steps();
    let between = format!(" {} ", theme.glyphs.arrow);
    let width_of = |texts: &[String]| texts.iter().map(|t| Span::raw(t.as_str()).width() + 3).sum::<usize>();
    let texts = [2, 1, 0]
        .into_iter()
        .map(|detail| (0..count).map(|i| step_text(canvas, i, detail)).collect::<Vec<_>>())
        .find(|texts| width_of(texts) <= usize::from(area.width))
        .unwrap_or_else(|| (0..count).map(|i| step_text(canvas, i, 0)).collect());
    let mut x = area.x;
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            x = canvas.text(x, area.y, &between, theme.quiet, area.right().saturating_sub(x));
        }
        let passed = canvas.state.graded(index).is_some_and(|result| result.passed);
        let style = match (canvas.state.step_index() == Some(index), passed) {
            (true, _) => theme.focus,
            (false, true) => theme.good,
            (false, false) => theme.quiet,
        };
        let from = x;
        x = canvas.put(
            x,
            area.y,
            &Line::from(Span::styled(text.as_str(), style)),
            area.right().saturating_sub(x),
        );
        canvas.drawn.hits.push((Rect::new(from, area.y, x - from, 1), Action::GoToStep(index)));
    }
}
