//! The shells: tabs, and the panes of the one that is shown.

use ratatui::layout::{Position, Rect};
use ratatui::text::Span;

use super::super::action::Action;
use super::super::event::{PaneId, Trouble};
use super::super::layout::{self, Areas};
use super::super::markdown::Document;
use super::super::state::{Focus, Pane, Shell, Stage, State, Tab, What};
use super::super::tiles::{Line as TileLine, Way};
use super::{Canvas, Screens, document, shorten};
use crate::lab::Phase;
use crate::text::{tr, width};

pub fn draw(canvas: &mut Canvas<'_>, areas: &Areas, screens: &dyn Screens) {
    let (Some(tabs), Some(area)) = (areas.tabs, areas.shells) else { return };
    self::tabs(canvas, tabs, screens);
    match canvas.state.stage.clone() {
        Stage::Starting(phase) => phases(canvas, area, phase.as_ref()),
        Stage::Failed(trouble) => failed(canvas, area, &trouble),
        Stage::Picking => {}
        Stage::Ready => panes(canvas, area, screens),
    }
}

/// A pane's name: its node, or its file and whether that has changes.
fn name(pane: &Pane) -> String {
    match &pane.what {
        What::Shell => pane.node.clone(),
        What::File(path) => {
            let file = path.rsplit('/').next().unwrap_or(path);
            format!("{file}{}", if pane.modified { " +" } else { "" })
        }
    }
}

fn label(state: &State, number: usize, tab: &Tab, shown: bool) -> String {
    let panes = tab.tiles.panes();
    let found = |id| state.pane_of(id);
    let own = found(tab.focused).map(name).unwrap_or_default();
    let mut name = tab.name.clone().unwrap_or(own);
    if panes.len() > 1 {
        name.push_str(&format!(" ({})", panes.len()));
    }
    let news = if panes.iter().any(|id| found(*id).is_some_and(|pane| pane.news)) { "*" } else { "" };
    if shown { format!("[{number} {name}]") } else { format!(" {number} {name}{news} ") }
}

fn tabs(canvas: &mut Canvas<'_>, area: Rect, screens: &dyn Screens) {
    let theme = canvas.theme;
    let state = canvas.state;
    let focused = state.focus == Focus::Shell;
    let right = match state.pane() {
        Some(pane) if pane.copying => tr!(tui_in_copy_mode { place: scrolled(screens, pane) }),
        Some(pane) if screens.scrolled(pane.id).0 > 0 => tr!(tui_scrolled { place: scrolled(screens, pane) }),
        _ if state.zoom => tr!(tui_zoomed).to_owned(),
        _ => String::new(),
    };
    let right_width = u16::try_from(Span::raw(right.as_str()).width()).unwrap_or(0);
    let end = area.right().saturating_sub(if right_width > 0 { right_width + 1 } else { 0 });
    let mut x = area.x;
    // Names give way where there are many tabs.
    let room = usize::from(end.saturating_sub(area.x + 4)) / state.tabs.len().max(1);
    for (index, tab) in state.tabs.iter().enumerate() {
        let shown = index == state.active;
        let text = shorten(&label(state, index + 1, tab, shown), room.max(4), &theme);
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

fn scrolled(screens: &dyn Screens, pane: &Pane) -> String {
    let (offset, lines) = screens.scrolled(pane.id);
    format!("{offset}/{lines}")
}

fn panes(canvas: &mut Canvas<'_>, room: Rect, screens: &dyn Screens) {
    let (areas, lines) = layout::panes(canvas.state, room);
    let focused = canvas.state.tab().map(|tab| tab.focused);
    for (id, area) in &areas {
        let Some(pane) = canvas.state.pane_of(*id).cloned() else { continue };
        let cursor = screen(canvas, &pane, *area, screens);
        canvas.drawn.screens.push((*id, *area));
        if Some(*id) == focused && canvas.state.overlay.is_none() {
            canvas.cursor = cursor;
        }
    }
    let own = areas.iter().find(|(id, _)| Some(*id) == focused).map(|(_, area)| *area);
    for line in &lines {
        between(canvas, line, &areas, own);
    }
    canvas.drawn.lines_between = lines;
}

/// A line between panes; the part beside the focused pane stands out, and above a pane stands its name.
fn between(canvas: &mut Canvas<'_>, line: &TileLine, areas: &[(PaneId, Rect)], focused: Option<Rect>) {
    let theme = canvas.theme;
    let Rect { x, y, width, height } = line.area;
    for (column, row) in (y..y + height).flat_map(|row| (x..x + width).map(move |column| (column, row))) {
        let near = focused.is_some_and(|own| match line.way {
            Way::Beside => {
                (column + 1 == own.x || column == own.right()) && (own.y..own.bottom()).contains(&row)
            }
            Way::Below => (row + 1 == own.y || row == own.bottom()) && (own.x..own.right()).contains(&column),
        });
        let glyph = if line.way == Way::Beside { theme.glyphs.vertical } else { theme.glyphs.horizontal };
        canvas.text(column, row, glyph, if near { theme.focus } else { theme.line }, 1);
    }
    for (id, area) in areas.iter().filter(|(_, area)| line.way == Way::Below && area.y == y + 1) {
        if let Some(pane) = canvas.state.pane_of(*id).filter(|_| (x..x + width).contains(&area.x)) {
            let style = if focused == Some(*area) { theme.focus } else { theme.quiet };
            let text =
                shorten(&format!(" {} ", name(pane)), usize::from(area.width.saturating_sub(2)), &theme);
            canvas.text(area.x + 1, y, &text, style, area.width.saturating_sub(1));
        }
    }
}

/// Draws a pane; returns where its cursor is to be seen.
fn screen(canvas: &mut Canvas<'_>, pane: &Pane, area: Rect, screens: &dyn Screens) -> Option<Position> {
    match &pane.shell {
        Shell::Running => return screens.draw(pane.id, canvas.buffer, area, canvas.theme.colours),
        Shell::Waiting | Shell::Starting => {
            let text = match pane.what {
                What::Shell => tr!(tui_shell_starts),
                What::File(_) => tr!(tui_file_is_read),
            };
            canvas.text(area.x, area.y, text, canvas.theme.quiet, area.width);
        }
        Shell::Ended(status) => {
            screens.draw(pane.id, canvas.buffer, area, canvas.theme.colours);
            let text = tr!(tui_shell_ended { status });
            let y = area.bottom().saturating_sub(1);
            canvas.fill(Rect { y, height: 1, ..area }, canvas.theme.bar);
            canvas.text(area.x, y, &text, canvas.theme.bar, area.width);
        }
        Shell::Failed(trouble) => failed(canvas, area, trouble),
    }
    None
}

/// A phase, and what it is called.
type Named = (Phase, fn() -> &'static str);

const PHASES: [Named; 3] = [
    (Phase::Nodes, || tr!(tui_phase_nodes)),
    (Phase::ApiServer, || tr!(tui_phase_server)),
    (Phase::Lesson, || tr!(tui_phase_lesson)),
];

fn phases(canvas: &mut Canvas<'_>, area: Rect, phase: Option<&Phase>) {
    let theme = canvas.theme;
    let at = match phase {
        Some(Phase::Ready) => PHASES.len(),
        Some(phase) => PHASES.iter().position(|(p, _)| p == phase).unwrap_or(0),
        None => 0,
    };
    canvas.text(area.x + 1, area.y + 1, tr!(tui_lab_comes_up), theme.text, area.width);
    for (index, (_, name)) in PHASES.iter().enumerate() {
        let (mark, style) = match index.cmp(&at) {
            std::cmp::Ordering::Less => (theme.glyphs.ok, theme.good),
            std::cmp::Ordering::Equal => (theme.glyphs.busy, theme.warn),
            std::cmp::Ordering::Greater => (theme.glyphs.open, theme.quiet),
        };
        let y = area.y + 3 + u16::try_from(index).unwrap_or(0);
        canvas.text(area.x + 3, y, mark, style, area.width.saturating_sub(3));
        let x = area.x + 4 + u16::try_from(width(mark)).unwrap_or(6);
        canvas.text(x, y, name(), theme.text, area.right().saturating_sub(x));
    }
}

fn failed(canvas: &mut Canvas<'_>, area: Rect, trouble: &Trouble) {
    let mut out = Document::default();
    let theme = canvas.theme;
    let width = area.width.saturating_sub(2);
    document::trouble(trouble, &theme, width, &mut out);
    out.gap();
    let way_out =
        if canvas.state.stage == Stage::Ready { tr!(tui_enter_again) } else { tr!(tui_enter_leaves) };
    out.text(vec![], way_out, theme.quiet, width);
    for (y, line) in (area.y + 1..area.bottom()).zip(&out.lines) {
        canvas.put(area.x + 1, y, line, width);
    }
}
