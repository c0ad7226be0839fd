//! The shell pane: tabs, and the screen of the one that is shown.

use ratatui::layout::Rect;
use ratatui::text::Span;

use super::super::action::Action;
use super::super::event::Trouble;
use super::super::layout::Areas;
use super::super::markdown::Document;
use super::super::state::{Focus, Shell, Stage, Tab};
use super::{Canvas, Screens, document, shorten};
use crate::lab::Phase;

pub fn draw(canvas: &mut Canvas<'_>, areas: &Areas, screens: &dyn Screens) {
    let (Some(tabs), Some(area)) = (areas.tabs, areas.screen) else { return };
    self::tabs(canvas, tabs, screens);
    match canvas.state.stage.clone() {
        Stage::Starting(phase) => phases(canvas, area, phase.as_ref()),
        Stage::Failed(trouble) => failed(canvas, area, &trouble),
        Stage::Ready => screen(canvas, area, screens),
    }
}

fn label(number: usize, tab: &Tab, shown: bool) -> String {
    let name = tab.name.as_ref().unwrap_or(&tab.node);
    let news = if tab.news { "*" } else { "" };
    if shown { format!("[{number} {name}]") } else { format!(" {number} {name}{news} ") }
}

fn tabs(canvas: &mut Canvas<'_>, area: Rect, screens: &dyn Screens) {
    let theme = canvas.theme;
    let state = canvas.state;
    let focused = state.focus == Focus::Shell;
    let right = match state.tab() {
        Some(tab) if tab.copying => format!("copy mode {}", scrolled(screens, tab)),
        Some(tab) if screens.scrolled(tab.id).0 > 0 => format!("scrolled back {}", scrolled(screens, tab)),
        _ if state.zoom => "zoomed".to_owned(),
        _ => String::new(),
    };
    let right_width = u16::try_from(Span::raw(right.as_str()).width()).unwrap_or(0);
    let end = area.right().saturating_sub(if right_width > 0 { right_width + 1 } else { 0 });
    let mut x = area.x;
    // Names give way where there are many tabs.
    let room = usize::from(end.saturating_sub(area.x + 4)) / state.tabs.len().max(1);
    for (index, tab) in state.tabs.iter().enumerate() {
        let shown = index == state.active;
        let text = shorten(&label(index + 1, tab, shown), room.max(4), &theme);
        let style = match (shown, focused) {
            (true, true) => theme.selected,
            (true, false) => theme.focus,
            _ => theme.quiet,
        };
        let from = x;
        x = canvas.text(x, area.y, &text, style, end.saturating_sub(x));
        canvas.drawn.hits.push((Rect::new(from, area.y, x - from, 1), Action::SelectTab(index)));
    }
    if !state.tabs.is_empty() {
        let from = x;
        x = canvas.text(x, area.y, " + ", theme.button, end.saturating_sub(x));
        canvas.drawn.hits.push((Rect::new(from, area.y, x - from, 1), Action::NewTab));
    }
    canvas.text(end, area.y, &right, theme.key, right_width);
}

fn scrolled(screens: &dyn Screens, tab: &Tab) -> String {
    let (offset, lines) = screens.scrolled(tab.id);
    format!("{offset}/{lines}")
}

fn screen(canvas: &mut Canvas<'_>, area: Rect, screens: &dyn Screens) {
    let Some(tab) = canvas.state.tab() else { return };
    canvas.drawn.screen = Some(area);
    let cursor = match &tab.shell {
        Shell::Running => screens.draw(tab.id, canvas.buffer, area, canvas.theme.colours),
        Shell::Waiting | Shell::Starting => {
            canvas.text(area.x, area.y, "The shell starts.", canvas.theme.quiet, area.width);
            None
        }
        Shell::Ended(status) => {
            screens.draw(tab.id, canvas.buffer, area, canvas.theme.colours);
            let text = format!(" The shell ended with status {status}. Enter starts a new one. ");
            let y = area.bottom().saturating_sub(1);
            canvas.fill(Rect { y, height: 1, ..area }, canvas.theme.bar);
            canvas.text(area.x, y, &text, canvas.theme.bar, area.width);
            None
        }
        Shell::Failed(trouble) => {
            let trouble = trouble.clone();
            failed(canvas, area, &trouble);
            None
        }
    };
    if canvas.state.overlay.is_none() {
        canvas.cursor = cursor;
    }
}

const PHASES: [(Phase, &str); 3] = [
    (Phase::Nodes, "controlplane and node01"),
    (Phase::ApiServer, "the API server"),
    (Phase::Lesson, "the lesson's objects"),
];

fn phases(canvas: &mut Canvas<'_>, area: Rect, phase: Option<&Phase>) {
    let theme = canvas.theme;
    let at = match phase {
        Some(Phase::Ready) => PHASES.len(),
        Some(phase) => PHASES.iter().position(|(p, _)| p == phase).unwrap_or(0),
        None => 0,
    };
    canvas.text(area.x + 1, area.y + 1, "The lab comes up:", theme.text, area.width);
    for (index, (_, name)) in PHASES.iter().enumerate() {
        let (mark, style) = match index.cmp(&at) {
            std::cmp::Ordering::Less => (theme.glyphs.ok, theme.good),
            std::cmp::Ordering::Equal => (theme.glyphs.busy, theme.warn),
            std::cmp::Ordering::Greater => (theme.glyphs.open, theme.quiet),
        };
        let y = area.y + 3 + u16::try_from(index).unwrap_or(0);
        canvas.text(area.x + 3, y, mark, style, area.width.saturating_sub(3));
        canvas.text(area.x + 10, y, name, theme.text, area.width.saturating_sub(10));
    }
}

fn failed(canvas: &mut Canvas<'_>, area: Rect, trouble: &Trouble) {
    let mut out = Document::default();
    let theme = canvas.theme;
    let width = area.width.saturating_sub(2);
    document::trouble(trouble, &theme, width, &mut out);
    out.gap();
    let way_out = if canvas.state.stage == Stage::Ready { "Enter tries again." } else { "Enter leaves." };
    out.text(vec![], way_out, theme.quiet, width);
    for (y, line) in (area.y + 1..area.bottom()).zip(&out.lines) {
        canvas.put(area.x + 1, y, line, width);
    }
}
