//! An exam: the overview of its tasks, and its results.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::exam::Exam;
use super::super::layout::middle;
use super::super::markdown::Document;
use super::super::theme::Theme;
use super::{Canvas, document, overlay, shorten};
use crate::exam::Row;
use crate::text::{pad, tr, width};

/// Draws all tasks, one a line.
pub fn overview(canvas: &mut Canvas<'_>, selected: usize) {
    let Some(exam) = canvas.state.exam.clone() else { return };
    let rows = u16::try_from(exam.rows.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = middle(canvas.state, 100, rows);
    let inner = overlay::frame(canvas, area, tr!(tui_exam_overview));
    let seen = usize::from(inner.height);
    let skip = (selected + 1).saturating_sub(seen);
    for (y, (index, row)) in (inner.y..inner.bottom()).zip(exam.rows.iter().enumerate().skip(skip)) {
        let line = line(canvas, row, index == selected, usize::from(inner.width));
        canvas.put(inner.x, y, &line, inner.width);
        canvas.drawn.hits.push((Rect { y, height: 1, ..inner }, Action::GoToStep(index)));
    }
    canvas.drawn.overlay = (exam.rows.len(), seen);
}

fn line(canvas: &Canvas<'_>, row: &Row, selected: bool, room: usize) -> Line<'static> {
    let theme = canvas.theme;
    let sign = if selected { ">" } else { " " };
    let flag = if row.flagged { format!("{} ", tr!(tui_exam_flagged)) } else { String::new() };
    let right = format!("{flag}{}", tr!(tui_exam_row { points: row.points, weight: row.weight }));
    let here = match (row.current, row.opened) {
        (true, _) => "*",
        (false, true) => theme.glyphs.dot,
        (false, false) => " ",
    };
    let left = room.saturating_sub(width(&right) + 1);
    let title = format!("{sign} {here} {:>2} {} ({})", row.number, row.title, row.lesson);
    let text = format!("{} {right}", pad(&shorten(&title, left, &theme), left));
    let style = match (selected, row.flagged) {
        (true, _) => theme.selected,
        (false, true) => theme.warn,
        (false, false) => theme.text,
    };
    Line::from(Span::styled(text, style))
}

/// What the exam came to, down to each check.
pub fn results(exam: &Exam, theme: &Theme, room: u16, out: &mut Document) {
    let Some(outcome) = &exam.outcome else { return };
    let (verdict, style) = match outcome.passed {
        true => (tr!(tui_pick_passed), theme.good),
        false => (tr!(tui_pick_open), theme.bad),
    };
    out.text(vec![], &exam.title, theme.heading, room);
    let (percent, mark) = (outcome.percent, outcome.pass_mark);
    out.text(vec![], &tr!(tui_exam_result { percent, verdict, mark }), style, room);
    out.text(vec![], tr!(tui_exam_report), theme.text, room);
    let all: u32 = outcome.lessons.iter().map(|lesson| lesson.weight).sum();
    for lesson in &outcome.lessons {
        out.gap();
        let weight = (lesson.weight * 100).checked_div(all).unwrap_or(0);
        let (title, score, max) = (&lesson.title, lesson.score, lesson.max);
        out.text(vec![], &tr!(tui_exam_lesson { title, score, max, weight }), theme.heading, room);
        for step in &lesson.steps {
            out.gap();
            document::step_result(step, theme, room, out);
        }
    }
}
