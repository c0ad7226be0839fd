//! The X-ray: beside the shells where the window is large enough, else on top of it.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::event::Course;
use super::super::layout;
use super::super::tiles::Side;
use super::super::xray::{Filter, Xray};
use super::{Drawn, Focus, Overlay, State};

impl State {
    /// Shows the X-ray and gives it the keyboard; where it has that already, closes it.
    pub(super) fn toggle_xray(&mut self, effects: &mut Vec<Effect>) {
        if self.focus == Focus::Xray {
            return self.close_xray();
        }
        if self.dock_fits() {
            self.docked = true;
            self.focus = Focus::Xray;
        } else {
            self.lay(Overlay::Xray);
        }
        self.xray.newest();
        self.xray.paused = false;
        effects.push(Effect::Requests);
    }

    pub(super) fn close_xray(&mut self) {
        if self.overlay == Some(Overlay::Xray) {
            self.overlay = None;
            return;
        }
        self.docked = false;
        if self.focus == Focus::Xray {
            self.focus = Focus::Shell;
        }
    }

    /// Leaves what is explained, then the X-ray.
    pub(super) fn leave_xray(&mut self) {
        if self.xray.open {
            self.xray.fold();
        } else if self.overlay.take().is_none() {
            self.focus = Focus::Shell;
        }
    }

    pub(super) fn in_xray(&mut self, action: Action, drawn: &Drawn, effects: &mut Vec<Effect>) {
        match action {
            Action::XrayStep(by) => self.xray.step(&self.requests, by, drawn.xray),
            Action::XrayPages(pages) => {
                // A request has two lines, one that is explained has many.
                let lines = if self.xray.open { drawn.xray.1 } else { drawn.xray.1 / 2 };
                let page = i32::try_from(lines).unwrap_or(1).max(1);
                self.xray.step(&self.requests, pages * page, drawn.xray);
            }
            Action::XrayThis(number) => {
                if self.overlay.is_none() {
                    self.focus = Focus::Xray;
                }
                self.xray.pick(&self.requests, number);
            }
            Action::XrayOpen => self.xray.toggle(&self.requests),
            Action::XrayFilter => {
                self.xray.filter = self.xray.filter.next();
                self.xray.newest();
            }
            Action::XrayPause => {
                self.xray.paused = !self.xray.paused;
                if !self.xray.paused {
                    effects.push(Effect::Requests);
                }
            }
            _ => self.close_xray(),
        }
    }

    /// Takes a lab whose requests are to be shown from now on.
    pub(super) fn record_of(&mut self, course: &Course) {
        self.requests.clear();
        let filter = match (course.own_requests, self.xray.filter) {
            // Those of checks are nobody else's.
            (true, _) => Filter::All,
            (false, filter) => filter,
        };
        self.xray = Xray { filter, own: course.own_requests, ..Xray::default() };
    }

    /// Moves the line above the X-ray to a row of the window.
    pub(super) fn drag_dock(&mut self, row: u16) {
        let bottom = self.size.1.saturating_sub(1);
        self.set_dock(bottom.saturating_sub(row + 1));
    }

    /// Moves it by a row.
    pub(super) fn push_dock(&mut self, side: Side) {
        let rows = layout::areas(self).dock.map_or(0, |area| area.height);
        self.set_dock(if side == Side::Up { rows + 1 } else { rows.saturating_sub(1) });
    }

    fn set_dock(&mut self, rows: u16) {
        let room = u32::from(layout::undocked(self).max(1));
        // Rounded up, so that rounding down finds the same row again.
        let share = (u32::from(rows) * 1000).div_ceil(room);
        self.dock_share = u16::try_from(share.clamp(50, 950)).unwrap_or(350);
    }
}
