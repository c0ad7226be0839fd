//! Where things are in a window of a given size. Pure.

use ratatui::layout::Rect;

use super::state::{Focus, State};

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
    /// The shell's screen.
    pub screen: Option<Rect>,
    /// The last line: keys or a notice.
    pub footer: Rect,
}

/// The least width of a pane side by side.
const NARROWEST: u16 = 30;

/// Lays the window out.
pub fn areas(state: &State) -> Areas {
    lay(state, state.focus)
}

fn lay(state: &State, focus: Focus) -> Areas {
    let (width, height) = state.size;
    let row = |y| Rect::new(0, y, width, 1.min(height));
    let body = Rect::new(0, 2, width, height.saturating_sub(3));
    let mut areas =
        Areas { header: row(0), steps: row(1), footer: row(height.saturating_sub(1)), ..Areas::default() };
    let shell = if state.side_by_side() {
        let left = (u32::from(width) * u32::from(state.split) / 100) as u16;
        let left = left.clamp(NARROWEST, width.saturating_sub(NARROWEST + 1));
        areas.lesson = Some(Rect { width: left, ..body });
        areas.divider = Some(Rect { x: left, width: 1, ..body });
        Some(Rect { x: left + 1, width: width - left - 1, ..body })
    } else if focus == Focus::Lesson {
        areas.lesson = Some(body);
        None
    } else {
        Some(body)
    };
    if let Some(shell) = shell {
        areas.tabs = Some(Rect { height: 1.min(shell.height), ..shell });
        areas.screen = Some(Rect { y: shell.y + 1, height: shell.height.saturating_sub(1), ..shell });
    }
    areas
}

/// The size of the terminals: of the shell's screen, whether it is shown or not.
pub fn screen_size(state: &State) -> (u16, u16) {
    lay(state, Focus::Shell).screen.map_or((80, 24), |area| (area.width.max(2), area.height.max(1)))
}

/// A box of at most this size in the middle.
pub fn middle(state: &State, width: u16, height: u16) -> Rect {
    let width = width.min(state.size.0.saturating_sub(2));
    let height = height.min(state.size.1.saturating_sub(2));
    Rect::new((state.size.0 - width) / 2, (state.size.1 - height) / 2, width, height)
}
