//! The last line: what runs, what was said, or the keys for where one is.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::keymap::{BINDINGS, Binding, Context, Footer};
use super::super::state::{Entering, Overlay, Panel, State};
use super::{Canvas, shorten};
use crate::text::{tr, width as width_of};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let theme = canvas.theme;
    let state = canvas.state;
    if let Some(what) = state.busy {
        let key = if state.focus.on_lesson() { "Esc" } else { "F2 Esc" };
        let text = tr!(tui_busy { what, dots: theme.glyphs.ellipsis, key });
        canvas.fill(area, theme.bar);
        canvas.text(area.x, area.y, &text, theme.bar, area.width);
        return;
    }
    if let (Some((text, _)), false) = (&state.notice, state.prefix) {
        let text = shorten(&format!(" {text}"), usize::from(area.width), &theme);
        canvas.fill(area, theme.bar);
        canvas.text(area.x, area.y, &text, theme.bar, area.width);
        return;
    }
    show(canvas, area);
}

/// Which keys count now; a question has its own in its box.
fn which(state: &State) -> Option<Footer> {
    Some(match state.context() {
        Context::Question => return None,
        Context::Reader => Footer::Reader,
        Context::Xray => Footer::Xray,
        Context::Exam => Footer::Exam,
        Context::Palette => Footer::Palette,
        Context::Entry => Footer::Entry,
        Context::Picker => Footer::Picker,
        Context::Waiting | Context::Failed => Footer::Waiting,
        _ if state.prefix => Footer::Prefix,
        Context::Lesson => Footer::Lesson,
        Context::Copy => Footer::Copy,
        Context::Global => Footer::Shell,
    })
}

/// The most hints that are shown.
const MOST: usize = 5;

/// Whether a hint leads on from where one is; the others are found by way of the commands.
fn leads_on(state: &State, action: Action) -> bool {
    let open = state.step_index().is_some_and(|index| !state.graded(index).is_some_and(|step| step.passed));
    let result = state.panel != Panel::Text;
    let selected = state.code.is_some();
    match action {
        Action::Check => open,
        Action::Hint => open && !selected,
        Action::NextPage => state.exam.is_some() || (!open && state.page <= state.steps()),
        Action::RunSelected | Action::CopySelected => selected,
        Action::NextCode => !selected && !result,
        Action::Back if state.context() == Context::Lesson => result,
        Action::EntryComplete => matches!(state.overlay, Some(Overlay::Entry(Entering::File, _))),
        _ => true,
    }
}

fn word(state: &State, binding: &Binding, footer: Footer) -> &'static str {
    match (binding.action, footer) {
        (Action::Back, Footer::Xray) if state.xray.open => tr!(tui_word_back),
        (Action::Back, Footer::Xray) if state.overlay.is_none() => tr!(tui_word_shell),
        (Action::ToggleFocus, Footer::Shell) => tr!(tui_word_to_lesson),
        (Action::ToggleFocus, Footer::Lesson) => tr!(tui_word_shell),
        _ => (binding.short)(),
    }
}

/// The key to show: the one that needs no prefix, unless the prefix was pressed.
fn key(binding: &Binding, footer: Footer) -> Option<String> {
    let keys = if footer == Footer::Prefix { binding.after_prefix } else { binding.keys };
    keys.first().map(|key| key.name())
}

/// A key, what it does in a word, and the action of a click on it.
type Hint = (String, &'static str, Option<Action>);

/// The few keys that lead on from where one is, as far as there is room. The way to the commands stays, since it leads
/// to all others.
pub fn hints(state: &State, room: usize) -> Vec<Hint> {
    let Some(footer) = which(state) else { return Vec::new() };
    let mut items: Vec<Hint> = BINDINGS
        .iter()
        .filter(|binding| binding.footer.contains(&footer) && state.offers_action(binding.action))
        .filter(|binding| leads_on(state, binding.action))
        .filter_map(|binding| {
            Some((key(binding, footer)?, word(state, binding, footer), Some(binding.action)))
        })
        .collect();
    // What leads on comes first, then the ways to all that there is.
    items.sort_by_key(|(_, _, action)| match action {
        Some(Action::Help) => 1,
        Some(Action::Palette) => 2,
        _ => 0,
    });
    let prefix = state.config.prefix.name();
    match footer {
        Footer::Shell => items.push((prefix, tr!(tui_word_more), None)),
        Footer::Prefix => items.push((prefix, tr!(tui_word_send), None)),
        _ => {}
    }
    let width = |items: &[Hint]| {
        1 + items.iter().map(|(key, word, _)| width_of(key) + width_of(word) + 3).sum::<usize>()
    };
    while items.len() > MOST || width(&items) > room + 2 {
        let stays = |action: &Option<Action>| matches!(action, None | Some(Action::Palette));
        match items.iter().rposition(|(_, _, action)| !stays(action)) {
            Some(index) => drop(items.remove(index)),
            None => break,
        }
    }
    items
}

fn show(canvas: &mut Canvas<'_>, area: Rect) {
    let theme = canvas.theme;
    let mut x = area.x + 1;
    for (key, word, action) in hints(canvas.state, usize::from(area.width)) {
        let line =
            Line::from(vec![Span::styled(key, theme.key), Span::raw(" "), Span::styled(word, theme.text)]);
        let from = x;
        x = canvas.put(x, area.y, &line, area.right().saturating_sub(x));
        if let Some(action) = action {
            canvas.drawn.hits.push((Rect::new(from, area.y, x - from, 1), action));
        }
        x += 2;
    }
}

/// All keys after the prefix, for whoever waits after it: a table above the last line.
pub fn keys(canvas: &mut Canvas<'_>, footer: Rect) {
    let theme = canvas.theme;
    let state = canvas.state;
    let items: Vec<(String, &str, Action)> = BINDINGS
        .iter()
        .filter(|binding| state.offers_action(binding.action) && !(binding.short)().is_empty())
        .filter_map(|binding| Some((binding.after_prefix.first()?.name(), (binding.short)(), binding.action)))
        .collect();
    let cell = items.iter().map(|(key, word, _)| width_of(key) + width_of(word) + 3).max().unwrap_or(1);
    let columns = (usize::from(footer.width.saturating_sub(4)) / cell).max(1);
    let rows = items.len().div_ceil(columns);
    let height = u16::try_from(rows + 2).unwrap_or(footer.y).min(footer.y);
    let area = Rect { y: footer.y - height, height, ..footer };
    let inner = super::overlay::frame(canvas, area, &state.config.prefix.name());
    let cell = u16::try_from(cell).unwrap_or(footer.width);
    for (index, (key, word, action)) in items.into_iter().enumerate() {
        let (column, row) =
            (u16::try_from(index / rows).unwrap_or(0), u16::try_from(index % rows).unwrap_or(0));
        let (x, y) = (inner.x + column * cell, inner.y + row);
        let line =
            Line::from(vec![Span::styled(key, theme.key), Span::raw(" "), Span::styled(word, theme.text)]);
        let end = canvas.put(x, y, &line, inner.right().saturating_sub(x));
        canvas.drawn.hits.push((Rect::new(x, y, end - x, 1), action));
    }
    show(canvas, footer);
}
