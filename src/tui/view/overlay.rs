//! What lies on top of the window: help, palette, questions, requests.

use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::keymap::{BINDINGS, Context};
use super::super::layout::middle;
use super::super::markdown::Document;
use super::super::palette;
use super::super::state::{Entering, Overlay, Question};
use super::{Canvas, more_lines, shorten};
use crate::text::{pad, tr};

pub fn draw(canvas: &mut Canvas<'_>) {
    match canvas.state.overlay.clone() {
        None => {}
        Some(Overlay::Help) => help(canvas),
        Some(Overlay::Exam(selected)) => super::exam::overview(canvas, selected),
        Some(Overlay::Xray) => super::xray::overlay(canvas),
        Some(Overlay::Palette { query, selected }) => commands(canvas, &query, selected),
        Some(Overlay::Question(question)) => ask(canvas, question),
        Some(Overlay::Entry(entering, text)) => enter(canvas, entering, &text),
    }
}

/// Draws a frame with a title over what is there; returns the room inside.
pub fn frame(canvas: &mut Canvas<'_>, area: Rect, title: &str) -> Rect {
    let theme = canvas.theme;
    // What lies below must not be clicked through.
    canvas.drawn.hits.clear();
    canvas.fill(area, theme.text);
    let [top_left, top_right, bottom_left, bottom_right] = theme.glyphs.corners;
    let line = theme.glyphs.horizontal.repeat(usize::from(area.width.saturating_sub(2)));
    let bottom = area.bottom().saturating_sub(1);
    for (y, left, right) in [(area.y, top_left, top_right), (bottom, bottom_left, bottom_right)] {
        canvas.text(area.x, y, &format!("{left}{line}{right}"), theme.focus, area.width);
    }
    for y in area.y + 1..bottom {
        canvas.text(area.x, y, theme.glyphs.vertical, theme.focus, 1);
        canvas.text(area.right() - 1, y, theme.glyphs.vertical, theme.focus, 1);
    }
    let title = format!(" {title} ");
    canvas.text(area.x + 2, area.y, &title, theme.focus, area.width.saturating_sub(4));
    Rect::new(area.x + 2, area.y + 1, area.width.saturating_sub(4), area.height.saturating_sub(2))
}

/// Draws lines that can be scrolled.
fn reader(canvas: &mut Canvas<'_>, title: &str, width: u16, lines: &[Line<'static>]) {
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = middle(canvas.state, width, height);
    let inner = frame(canvas, area, title);
    let seen = usize::from(inner.height);
    let last = lines.len().saturating_sub(seen);
    let scroll = canvas.state.overlay_scroll.min(last);
    for (y, line) in (inner.y..inner.bottom()).zip(lines.iter().skip(scroll)) {
        canvas.put(inner.x, y, line, inner.width);
    }
    below(canvas, area, last - scroll);
    canvas.drawn.overlay = (lines.len(), seen);
}

/// Says on a frame's lower edge how many lines there are below.
fn below(canvas: &mut Canvas<'_>, area: Rect, lines: usize) {
    if lines > 0 {
        let text = format!(" {} ", more_lines(lines));
        let width = u16::try_from(Span::raw(text.as_str()).width()).unwrap_or(0);
        let x = area.right().saturating_sub(width + 2);
        canvas.text(x, area.bottom() - 1, &text, canvas.theme.quiet, width);
    }
}

/// The columns that keys take in the help: as many as the longest of them.
const KEYS: usize = 23;

fn help(canvas: &mut Canvas<'_>) {
    let theme = canvas.theme;
    let prefix = canvas.state.config.prefix;
    let width = 76.min(canvas.state.size.0.saturating_sub(2));
    let mut out = Document::default();
    let intro = tr!(tui_help_intro { prefix: prefix.name() });
    out.text(vec![], &intro, theme.text, width - 4);
    out.text(vec![], tr!(tui_help_glance), theme.text, width - 4);
    let groups = [
        (tr!(tui_help_everywhere), Context::Global),
        (tr!(tui_help_lesson), Context::Lesson),
        (tr!(tui_help_copy), Context::Copy),
        (tr!(tui_help_xray), Context::Xray),
    ];
    for (title, context) in groups {
        out.gap();
        out.text(vec![], title, theme.heading, width - 4);
        for binding in BINDINGS.iter().filter(|b| {
            b.context == context && !(b.long)().is_empty() && canvas.state.offers_action(b.action)
        }) {
            let typed = binding.typed(prefix);
            if typed.is_empty() {
                continue;
            }
            let after = binding.after_prefix.len();
            let count = if context == Context::Global { 1 + usize::from(after < typed.len()) } else { 2 };
            let keys = typed.iter().take(count).cloned().collect::<Vec<_>>().join(", ");
            out.text(
                vec![Span::styled(format!("{} ", pad(&keys, KEYS)), theme.key)],
                (binding.long)(),
                theme.text,
                width - 4,
            );
        }
    }
    out.gap();
    out.text(vec![], tr!(tui_help_mouse), theme.heading, width - 4);
    let mouse = tr!(tui_help_mouse_text);
    out.text(vec![], mouse, theme.text, width - 4);
    reader(canvas, tr!(tui_help_title), width, &out.lines);
}

fn commands(canvas: &mut Canvas<'_>, query: &str, selected: usize) {
    let theme = canvas.theme;
    let found = palette::matching(canvas.state, query);
    let rows = canvas.state.size.1.saturating_sub(8).clamp(4, 16);
    let area = middle(canvas.state, 76, rows + 4);
    let inner = frame(canvas, area, tr!(tui_palette_title));
    let x = canvas.text(inner.x, inner.y, "> ", theme.key, inner.width);
    let x = canvas.text(x, inner.y, query, theme.text, inner.width.saturating_sub(2));
    canvas.cursor = Some(Position::new(x, inner.y));
    let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    let selected = selected.min(found.len().saturating_sub(1));
    let first = (selected + 1).saturating_sub(usize::from(list.height));
    below(canvas, area, found.len().saturating_sub(first + usize::from(list.height)));
    if found.is_empty() {
        canvas.text(list.x, list.y, tr!(tui_palette_none), theme.quiet, list.width);
    }
    for (y, (index, entry)) in (list.y..list.bottom()).zip(found.iter().enumerate().skip(first)) {
        let keys_width = Span::raw(entry.keys.as_str()).width();
        let room = usize::from(list.width).saturating_sub(keys_width + 3);
        let sign = if index == selected { ">" } else { " " };
        let label = format!("{sign} {} ", pad(&shorten(&entry.label, room, &theme), room));
        let mut line =
            Line::from(vec![Span::styled(label, theme.text), Span::styled(entry.keys.clone(), theme.key)]);
        if index == selected {
            line = line.patch_style(theme.selected);
        }
        canvas.put(list.x, y, &line, list.width);
        canvas.drawn.hits.push((Rect { y, height: 1, ..list }, Action::PaletteEntry(index)));
    }
}

fn ask(canvas: &mut Canvas<'_>, question: Question) {
    let theme = canvas.theme;
    let words = question.words(canvas.state);
    let width = 60.min(canvas.state.size.0.saturating_sub(2));
    let mut out = Document::default();
    out.text(vec![], &words.text, theme.text, width - 4);
    let height = u16::try_from(out.lines.len()).unwrap_or(u16::MAX).saturating_add(4);
    let area = middle(canvas.state, width, height);
    let inner = frame(canvas, area, &words.title);
    for (y, line) in (inner.y..inner.bottom()).zip(&out.lines) {
        canvas.put(inner.x, y, line, inner.width);
    }
    let y = inner.bottom().saturating_sub(1);
    let mut answers = vec![("Enter".to_owned(), words.yes, Action::Accept)];
    answers.extend(words.second.map(|(key, what)| (key.to_string(), what, Action::Second)));
    if words.no != words.yes {
        answers.push(("Esc".to_owned(), words.no, Action::Back));
    }
    let mut x = inner.x;
    for (key, what, action) in answers {
        let line = Line::from(vec![
            Span::styled(format!("[{key}]"), theme.key),
            Span::styled(format!(" {what}"), theme.text.add_modifier(Modifier::BOLD)),
        ]);
        let from = x;
        x = canvas.put(x, y, &line, inner.right().saturating_sub(x));
        canvas.drawn.hits.push((Rect::new(from, y, x - from, 1), action));
        x += 3;
    }
}

fn enter(canvas: &mut Canvas<'_>, entering: Entering, text: &str) {
    let title = match entering {
        Entering::Name => tr!(tui_enter_name),
        Entering::Search => tr!(tui_enter_search),
        Entering::File => tr!(tui_enter_file),
    };
    let area = middle(canvas.state, 64, 3);
    let inner = frame(canvas, area, title);
    // Of a text that is too long its end is seen.
    let mut seen = text;
    while Span::raw(seen).width() >= usize::from(inner.width.max(2)) {
        seen = crate::terminal::width::cut(seen, 1).1;
    }
    let x = canvas.text(inner.x, inner.y, seen, canvas.theme.text, inner.width);
    canvas.cursor = Some(Position::new(x.min(inner.right().saturating_sub(1)), inner.y));
}
