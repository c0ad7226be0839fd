//! The last line: what runs, what was said, or the keys for where one is.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::action::Action;
use super::super::keymap::{BINDINGS, Binding, Footer};
use super::super::state::{Focus, Overlay, Stage, State};
use super::{Canvas, shorten};
use crate::text::{tr, width as width_of};

pub fn draw(canvas: &mut Canvas<'_>, area: Rect) {
    let theme = canvas.theme;
    let state = canvas.state;
    if let Some(what) = state.busy {
        let text = tr!(tui_busy { what, dots: theme.glyphs.ellipsis });
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
    hints(canvas, area);
}

/// Which keys count now.
fn which(state: &State) -> Option<Footer> {
    match &state.overlay {
        Some(Overlay::Help) => return Some(Footer::Reader),
        Some(Overlay::Xray) => return Some(Footer::Xray),
        Some(Overlay::Exam(_)) => return Some(Footer::Exam),
        Some(_) => return None,
        None => {}
    }
    Some(match state.focus {
        _ if state.stage == Stage::Picking => Footer::Picker,
        _ if state.prefix => Footer::Prefix,
        Focus::Lesson => Footer::Lesson,
        Focus::Shell if state.copying() => Footer::Copy,
        Focus::Shell => Footer::Shell,
    })
}

fn word(binding: &Binding, footer: Footer) -> &'static str {
    match (binding.action, footer) {
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

fn hints(canvas: &mut Canvas<'_>, area: Rect) {
    let state = canvas.state;
    let prefix = state.config.prefix.name();
    let Some(footer) = which(state) else { return };
    if matches!(state.stage, Stage::Failed(_) | Stage::Starting(_)) && state.overlay.is_none() {
        canvas.text(area.x + 1, area.y, tr!(tui_q_quits), canvas.theme.text, area.width);
        return;
    }
    let mut items: Vec<(String, &str, Option<Action>)> = BINDINGS
        .iter()
        .filter(|binding| binding.footer.contains(&footer) && state.offers_action(binding.action))
        .filter_map(|binding| Some((key(binding, footer)?, word(binding, footer), Some(binding.action))))
        .collect();
    match footer {
        Footer::Shell | Footer::Lesson => items.push((prefix.clone(), tr!(tui_word_more), None)),
        Footer::Prefix => items.push((prefix.clone(), tr!(tui_word_send), None)),
        Footer::Copy | Footer::Reader | Footer::Xray | Footer::Picker | Footer::Exam => {}
    }
    // Where there is no room for all, the later ones give way; commands and prefix stay, since they lead to the rest.
    let width = |items: &[(String, &str, Option<Action>)]| {
        items.iter().map(|(key, word, _)| width_of(key) + width_of(word) + 3).sum::<usize>()
    };
    while width(&items) > usize::from(area.width) {
        let stays = |action: &Option<Action>| matches!(action, None | Some(Action::Palette));
        match items.iter().rposition(|(_, _, action)| !stays(action)) {
            Some(index) => drop(items.remove(index)),
            None => break,
        }
    }
    let theme = canvas.theme;
    let mut x = area.x + 1;
    for (key, word, action) in items {
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
