//! The lesson pane: its title, its text, the tasks below.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::super::action::Action;
use super::super::markdown::{Document, Place};
use super::super::state::{Panel, Stage, State};
use super::document::{document, mark};
use super::{Canvas, more_lines, shorten};
use crate::check::Verdict;
use crate::text::{tr, width};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    if area.height < 3 {
        return;
    }
    title(canvas, area);
    let inner =
        Rect { x: area.x + 1, y: area.y + 1, width: area.width.saturating_sub(2), height: area.height - 1 };
    if canvas.state.course.is_none() {
        return waiting(canvas, inner);
    }
    let mut tasks = tasks(canvas, inner);
    let reserved = match (&canvas.state.panel, tasks.len()) {
        (_, 0) => 0,
        // A result names them already, and needs the room.
        (Panel::Result(..), _) => {
            tasks.clear();
            1
        }
        (_, count) => u16::try_from(count).unwrap_or(0) + 1,
    };
    let text = Rect { height: inner.height - reserved.min(inner.height - 1), ..inner };
    let position = body(canvas, text);
    if reserved > 0 {
        let y = text.bottom();
        let (done, all) = counts(canvas.state);
        let title = match canvas.state.exam {
            Some(_) => tr!(tui_exam_at_end).to_owned(),
            None => tr!(tui_tasks_done { done, all }),
        };
        canvas.rule(inner, y, &title, &position, canvas.theme.heading);
        for (row, line) in (y + 1..inner.bottom()).zip(tasks) {
            canvas.put(inner.x, row, &line, inner.width);
        }
    } else if !position.is_empty() {
        let long = u16::try_from(width(&position)).unwrap_or(0);
        canvas.text(area.right().saturating_sub(long + 1), area.y, &position, canvas.theme.quiet, long);
    }
}

fn title(canvas: &mut Canvas<'_>, area: Rect) {
    let focused = canvas.state.focus.on_lesson();
    let name = match &canvas.state.panel {
        Panel::Text => tr!(tui_pane_lesson),
        Panel::Result(..) => tr!(tui_pane_result),
        Panel::Solution => tr!(tui_pane_solution),
        Panel::Exam => tr!(tui_pane_exam),
        Panel::Solved(_) => tr!(tui_pane_solved),
        Panel::Trouble(_) => tr!(tui_pane_trouble),
    };
    let (style, sign) = if focused { (canvas.theme.selected, ">") } else { (canvas.theme.quiet, " ") };
    canvas.text(area.x, area.y, &format!("{sign}{name} "), style, area.width);
    canvas.drawn.hits.push((Rect { height: 1, ..area }, Action::FocusLesson));
    if canvas.state.panel != Panel::Text {
        let x = area.x + 3 + u16::try_from(width(name)).unwrap_or(0);
        let end =
            canvas.text(x, area.y, tr!(tui_button_back), canvas.theme.button, area.right().saturating_sub(x));
        canvas.drawn.hits.push((Rect::new(x, area.y, end - x, 1), Action::CloseText));
    }
}

/// The phases of a lab on its way up are shown in the shell's place; here is room for the name.
fn waiting(canvas: &mut Canvas<'_>, area: Rect) {
    if matches!(canvas.state.stage, Stage::Starting(_)) {
        canvas.text(area.x, area.y + 1, tr!(tui_lesson_comes), canvas.theme.quiet, area.width);
    }
}

/// Draws the text; returns how far it is read, empty where all is seen.
fn body(canvas: &mut Canvas<'_>, area: Rect) -> String {
    let theme = canvas.theme;
    let document = document(canvas.state, &theme, area.width);
    let height = usize::from(area.height);
    let last = document.lines.len().saturating_sub(height);
    let scroll = canvas.state.scroll.min(last);
    for (y, line) in (area.y..area.bottom()).zip(document.lines.iter().skip(scroll)) {
        canvas.put(area.x, y, line, area.width);
    }
    let selected = canvas.state.code;
    for (index, code) in document.codes.iter().enumerate() {
        for (place, action) in &code.buttons {
            if let Some(rect) = seen(*place, area, scroll) {
                canvas.drawn.hits.push((rect, *action));
            }
        }
        if selected == Some(index) {
            let places = code.places.iter().chain(code.buttons.iter().map(|(place, _)| place));
            for rect in places.filter_map(|place| seen(*place, area, scroll)) {
                canvas.buffer.set_style(rect, theme.selected);
            }
        }
    }
    canvas.drawn.words = document.words();
    if let Some(selection) = canvas.state.selection {
        for (y, (index, words)) in
            (area.y..area.bottom()).zip(canvas.drawn.words.iter().enumerate().skip(scroll))
        {
            let text = u16::try_from(width(words.text.trim_end())).unwrap_or(area.width);
            if let Some((from, to)) = selection.of_line(index, words) {
                let to = to.min(text.max(from + 1));
                let cells = Rect { x: area.x + from, y, width: to.saturating_sub(from), height: 1 };
                canvas.buffer.set_style(cells.intersection(area), theme.selected);
            }
        }
    }
    canvas.drawn.text = Some(area);
    canvas.drawn.lines = document.lines.len();
    let Document { codes, .. } = document;
    canvas.drawn.codes = codes;
    if last == 0 {
        String::new()
    } else if scroll >= last {
        tr!(tui_end).to_owned()
    } else {
        more_lines(last - scroll)
    }
}

fn seen(place: Place, area: Rect, scroll: usize) -> Option<Rect> {
    let row = u16::try_from(place.line.checked_sub(scroll)?).ok()?;
    let rect = Rect::new(area.x + place.x, area.y + row, place.width, 1);
    (row < area.height).then(|| rect.intersection(area)).filter(|rect| rect.width > 0)
}

fn verdicts(state: &State) -> Vec<(String, Option<Verdict>)> {
    let Some((index, step)) = state.step_index().zip(state.step()) else { return Vec::new() };
    let result = state.step_result(index);
    step.tasks
        .iter()
        .map(|(id, title)| {
            let check = result.and_then(|result| result.checks.iter().find(|check| check.id == *id));
            (title.clone(), check.map(|check| check.verdict))
        })
        .collect()
}

fn counts(state: &State) -> (usize, usize) {
    let verdicts = verdicts(state);
    (verdicts.iter().filter(|(_, verdict)| *verdict == Some(Verdict::Pass)).count(), verdicts.len())
}

/// The tasks' lines; at most about a third of the pane.
fn tasks(canvas: &Canvas<'_>, area: Rect) -> Vec<ratatui::text::Line<'static>> {
    let theme = canvas.theme;
    let mut out = Document::default();
    let verdicts = verdicts(canvas.state);
    let room = usize::from(area.height / 3).max(3);
    let wrapped = |out: &mut Document, whole: bool| {
        for (title, verdict) in &verdicts {
            let (sign, style): (&str, Style) = match verdict {
                // A task that is not done is open; that it failed is said by a check that was asked for.
                Some(Verdict::Pass) => mark(Verdict::Pass, &theme),
                Some(Verdict::Error) => mark(Verdict::Error, &theme),
                Some(Verdict::Fail) | None => (theme.glyphs.open, theme.quiet),
            };
            let first = vec![Span::styled(format!("{sign} "), style)];
            let indent = Span::raw(sign).width() + 1;
            let room = usize::from(area.width).saturating_sub(indent);
            let title = if whole { title.clone() } else { shorten(title, room, &theme) };
            out.text(first, &title, theme.text, area.width);
        }
    };
    wrapped(&mut out, true);
    if out.lines.len() > room {
        out = Document::default();
        wrapped(&mut out, false);
    }
    if out.lines.len() > room {
        let more = out.lines.len() - room + 1;
        out.lines.truncate(room - 1);
        let told = match canvas.state.exam {
            Some(_) => tr!(tui_more_tasks_exam { more }),
            None => tr!(tui_more_tasks { more }),
        };
        out.text(vec![], &told, theme.quiet, area.width);
    }
    out.lines
}
