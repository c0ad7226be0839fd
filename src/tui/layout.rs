//! Where things are in a window of a given size. Pure.

use ratatui::layout::Rect;

use super::event::PaneId;
use super::state::{DOCKS, Focus, SIDE_BY_SIDE, State};
use super::tiles::Line;

/// The areas of a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Areas {
    /// The first line: lesson, cluster, points, time.
    pub header: Rect,
    /// The second: the steps.
    pub steps: Rect,
    /// The lesson.
    pub lesson: Option<Rect>,
    /// The line between lesson and shell.
    pub divider: Option<Rect>,
    /// The line of tabs.
    pub tabs: Option<Rect>,
    /// The room of the shells.
    pub shells: Option<Rect>,
    /// The line above the X-ray, where that is beside the shells.
    pub dock_line: Option<Rect>,
    /// The X-ray there.
    pub dock: Option<Rect>,
    /// The last line: keys or a notice.
    pub footer: Rect,
}

/// The least width of a pane side by side.
const NARROWEST: u16 = 30;

/// The least height of the X-ray beside the shells.
const LOWEST: u16 = 4;

/// Lays the window out.
pub fn areas(state: &State) -> Areas {
    lay(state, state.focus)
}

fn lay(state: &State, focus: Focus) -> Areas {
    room(state, focus, state.zoom)
}

fn room(state: &State, focus: Focus, zoom: bool) -> Areas {
    let (width, height) = state.size;
    let row = |y| Rect::new(0, y, width, 1.min(height));
    let body = Rect::new(0, 2, width, height.saturating_sub(3));
    let mut areas =
        Areas { header: row(0), steps: row(1), footer: row(height.saturating_sub(1)), ..Areas::default() };
    let shell = if state.size.0 >= SIDE_BY_SIDE && !zoom {
        let left = (u32::from(width) * u32::from(state.split) / 100) as u16;
        let left = left.clamp(NARROWEST, width.saturating_sub(NARROWEST + 1));
        areas.lesson = Some(Rect { width: left, ..body });
        areas.divider = Some(Rect { x: left, width: 1, ..body });
        Some(Rect { x: left + 1, width: width - left - 1, ..body })
    } else if focus.on_lesson() {
        areas.lesson = Some(body);
        None
    } else {
        Some(body)
    };
    if let Some(shell) = shell {
        areas.tabs = Some(Rect { height: 1.min(shell.height), ..shell });
        let room = Rect { y: shell.y + 1, height: shell.height.saturating_sub(1), ..shell };
        areas.shells = Some(room);
        if state.docked && size_docks(state) && !zoom {
            let rows = (u32::from(room.height) * u32::from(state.dock_share) / 1000) as u16;
            let rows = rows.clamp(LOWEST, room.height.saturating_sub(2 * LOWEST));
            let y = room.bottom() - rows;
            areas.dock = Some(Rect { y, height: rows, ..room });
            areas.dock_line = Some(Rect { y: y - 1, height: 1, ..room });
            areas.shells = Some(Rect { height: room.height - rows - 1, ..room });
        }
    }
    areas
}

/// Whether the window is large enough for the X-ray beside the shells.
fn size_docks(state: &State) -> bool {
    state.size.0 >= SIDE_BY_SIDE && state.size.1 >= DOCKS
}

/// How many rows shells and X-ray share.
pub fn undocked(state: &State) -> u16 {
    let areas = areas(state);
    let rows = |area: Option<Rect>| area.map_or(0, |area| area.height);
    rows(areas.shells) + rows(areas.dock) + rows(areas.dock_line)
}

/// The room of the shells, whether it is shown or not.
pub fn shell_room(state: &State) -> Rect {
    lay(state, Focus::Shell).shells.unwrap_or(Rect::new(0, 0, 80, 24))
}

/// Where the shown tab's panes are in a room, and the lines between them; zoomed, one pane has it all.
pub fn panes(state: &State, room: Rect) -> (Vec<(PaneId, Rect)>, Vec<Line>) {
    match state.tab() {
        Some(tab) if state.zoom => (vec![(tab.focused, room)], Vec::new()),
        Some(tab) => tab.tiles.areas(room),
        None => (Vec::new(), Vec::new()),
    }
}

/// The sizes of all terminals, shown or not. Zoomed, those that have not the keyboard keep theirs.
pub fn pane_sizes(state: &State) -> Vec<(PaneId, (u16, u16))> {
    let zoomed = shell_room(state);
    let usual = room(state, Focus::Shell, false).shells.unwrap_or(zoomed);
    let mut sizes: Vec<(PaneId, (u16, u16))> = Vec::new();
    for tab in &state.tabs {
        for (id, area) in tab.tiles.areas(usual).0 {
            let area = if state.zoom && id == tab.focused { zoomed } else { area };
            sizes.push((id, (area.width.max(2), area.height.max(1))));
        }
    }
    sizes
}

/// A box of at most this size in the middle.
pub fn middle(state: &State, width: u16, height: u16) -> Rect {
    let width = width.min(state.size.0.saturating_sub(2));
    let height = height.min(state.size.1.saturating_sub(2));
    Rect::new((state.size.0 - width) / 2, (state.size.1 - height) / 2, width, height)
}
