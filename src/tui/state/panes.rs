//! Tabs and panes: opened, halved, closed, moved between, kept for the next time.

use super::super::effect::Effect;
use super::super::event::PaneId;
use super::super::layout;
use super::super::saved::{Layout, SavedPane, SavedTab};
use super::super::tiles::{LEAST, Side, Tiles, Way};
use super::{Focus, Pane, Shell, State, Tab, What};
use crate::text::tr;

impl State {
    pub(super) fn pane_mut(&mut self, id: PaneId) -> Option<&mut Pane> {
        self.panes.iter_mut().find(|pane| pane.id == id)
    }

    fn add_pane(&mut self, node: String, what: What) -> PaneId {
        let id = self.next_pane;
        self.next_pane += 1;
        self.panes.push(Pane {
            id,
            node,
            what,
            shell: Shell::Waiting,
            news: false,
            copying: false,
            modified: false,
            size: (0, 0),
        });
        id
    }

    pub(super) fn add_tab(&mut self, node: String) -> usize {
        let id = self.add_pane(node, What::Shell);
        self.tabs.push(Tab { name: None, tiles: Tiles::One(id), focused: id });
        self.tabs.len() - 1
    }

    /// A tab for each node.
    pub(super) fn usual_tabs(&mut self) {
        for node in self.nodes() {
            self.add_tab(node);
        }
    }

    pub(super) fn open_tab(&mut self, node: String) {
        let index = self.add_tab(node);
        self.select_tab(index);
    }

    /// Opens a file of a node in a tab of its own; one that is open already is shown.
    pub(super) fn open_file(&mut self, node: String, path: String) {
        let what = What::File(path);
        let open = self.panes.iter().find(|pane| pane.node == node && pane.what == what).map(|pane| pane.id);
        let shown =
            open.and_then(|id| Some((id, self.tabs.iter().position(|t| t.tiles.panes().contains(&id))?)));
        match shown {
            Some((id, index)) => {
                self.select_tab(index);
                self.focus_pane(id);
            }
            None => {
                let id = self.add_pane(node, what);
                self.tabs.push(Tab { name: None, tiles: Tiles::One(id), focused: id });
                self.select_tab(self.tabs.len() - 1);
            }
        }
    }

    pub(super) fn select_tab(&mut self, index: usize) {
        let Some(tab) = self.tabs.get(index) else {
            return self.say(tr!(tui_no_tab { number: index + 1 }));
        };
        let shown = tab.tiles.panes();
        for pane in self.panes.iter_mut().filter(|pane| shown.contains(&pane.id)) {
            pane.news = false;
        }
        self.active = index;
        self.focus = Focus::Shell;
    }

    pub(super) fn focus_pane(&mut self, id: PaneId) {
        let active = self.active;
        if let Some(tab) = self.tabs.get_mut(active)
            && tab.tiles.panes().contains(&id)
        {
            tab.focused = id;
            self.focus = Focus::Shell;
        }
    }

    /// Halves the focused pane's room for a new shell on its node.
    pub(super) fn split(&mut self, way: Way) {
        let Some((id, node)) = self.pane().map(|pane| (pane.id, pane.node.clone())) else { return };
        self.zoom = false;
        let room = layout::shell_room(self);
        let area = self.tab().and_then(|tab| tab.tiles.areas(room).0.into_iter().find(|(p, _)| *p == id));
        let fits = area.is_some_and(|(_, area)| match way {
            Way::Beside => area.width > 2 * LEAST.0,
            Way::Below => area.height > 2 * LEAST.1,
        });
        if !fits {
            return self.say(tr!(tui_no_room));
        }
        let new = self.add_pane(node, What::Shell);
        let active = self.active;
        if let Some(tab) = self.tabs.get_mut(active) {
            tab.tiles.split(id, way, new);
        }
        self.focus_pane(new);
    }

    /// Moves to the pane on a side; where there is none to the left or right, to the tab there.
    pub(super) fn move_towards(&mut self, side: Side) {
        match (self.focus, side) {
            (Focus::Xray, Side::Up) => return self.focus = Focus::Shell,
            (Focus::Xray, Side::Down) => return,
            _ => {}
        }
        let room = layout::shell_room(self);
        let next = self.tab().and_then(|tab| tab.tiles.beside(tab.focused, side, room));
        match (next, side) {
            (Some(pane), _) => self.focus_pane(pane),
            (None, Side::Left) => self.step_tab(false),
            (None, Side::Right) => self.step_tab(true),
            (None, Side::Down) if self.sees_dock() => self.focus = Focus::Xray,
            (None, _) => {}
        }
    }

    pub(super) fn step_tab(&mut self, forward: bool) {
        let count = self.tabs.len().max(1);
        self.select_tab((self.active + if forward { 1 } else { count - 1 }) % count);
    }

    pub(super) fn next_pane_of_tab(&mut self) {
        let Some(tab) = self.tab() else { return };
        let panes = tab.tiles.panes();
        let at = panes.iter().position(|pane| *pane == tab.focused).unwrap_or(0);
        if let Some(next) = panes.get((at + 1) % panes.len().max(1)) {
            self.focus_pane(*next);
        }
    }

    pub(super) fn push_pane(&mut self, side: Side) {
        let room = layout::shell_room(self);
        let (active, docked) = (self.active, self.focus == Focus::Xray);
        let tab = self.tabs.get_mut(active).filter(|_| !docked);
        let pushed = tab.is_some_and(|tab| tab.tiles.push(tab.focused, side, room));
        if !pushed && self.sees_dock() && matches!(side, Side::Up | Side::Down) {
            self.push_dock(side);
        }
    }

    /// Closes a pane; its tab goes with its last one, and of the last tab a new shell remains.
    pub(super) fn close_pane(&mut self, id: PaneId, effects: &mut Vec<Effect>) {
        let Some(index) = self.tabs.iter().position(|tab| tab.tiles.panes().contains(&id)) else { return };
        let node = self.pane_of(id).map(|pane| pane.node.clone()).unwrap_or_default();
        self.panes.retain(|pane| pane.id != id);
        effects.push(Effect::ClosePane(id));
        let tab = self.tabs.remove(index);
        if let Some(tiles) = tab.tiles.without(id) {
            let focused =
                if tab.focused == id { tiles.panes().first().copied().unwrap_or(id) } else { tab.focused };
            self.tabs.insert(index, Tab { name: tab.name, tiles, focused });
        } else if index < self.active {
            self.active -= 1;
        }
        if self.tabs.is_empty() {
            self.add_tab(node);
        }
        self.active = self.active.min(self.tabs.len() - 1);
    }

    /// The running shell into which a command of the lesson is typed: the focused pane's, or another of its tab.
    pub(super) fn shell_for_code(&self) -> Option<PaneId> {
        let tab = self.tab()?;
        let usable = |id: &PaneId| {
            self.pane_of(*id).is_some_and(|pane| pane.what == What::Shell && pane.shell == Shell::Running)
        };
        std::iter::once(tab.focused).chain(tab.tiles.panes()).find(usable)
    }

    /// Starts what the shown tab's panes wait for.
    pub(super) fn open_shown_panes(&mut self, effects: &mut Vec<Effect>) {
        let shown = self.tab().map(|tab| tab.tiles.panes()).unwrap_or_default();
        for pane in self.panes.iter_mut().filter(|p| p.shell == Shell::Waiting && shown.contains(&p.id)) {
            pane.shell = Shell::Starting;
            let (id, node) = (pane.id, pane.node.clone());
            effects.push(match &pane.what {
                What::Shell => Effect::OpenShell { pane: id, node },
                What::File(path) => Effect::OpenFile { pane: id, node, path: path.clone() },
            });
        }
    }

    /// Tells each terminal whose pane has another size now.
    pub(super) fn tell_sizes(&mut self, effects: &mut Vec<Effect>) {
        for (id, size) in layout::pane_sizes(self) {
            if let Some(pane) = self.pane_mut(id)
                && pane.size != size
            {
                pane.size = size;
                effects.push(Effect::Resize(id, size.0, size.1));
            }
        }
    }

    /// How tabs and panes lie now.
    pub fn layout(&self) -> Layout {
        let pane = |id: PaneId, tab: &Tab| {
            let found = self.pane_of(id);
            SavedPane {
                node: found.map(|pane| pane.node.clone()).unwrap_or_default(),
                file: found.and_then(|pane| match &pane.what {
                    What::File(path) => Some(path.clone()),
                    What::Shell => None,
                }),
                focused: tab.focused == id,
            }
        };
        let tab =
            |tab: &Tab| SavedTab { name: tab.name.clone(), tiles: tab.tiles.map(&mut |id| pane(id, tab)) };
        Layout {
            course: self.lesson().map(|lesson| lesson.id.clone()).unwrap_or_default(),
            tabs: self.tabs.iter().map(tab).collect(),
            active: self.active,
            split: self.split,
            zoom: self.zoom,
            lesson: self.focus == Focus::Lesson,
            xray: self.docked.then_some(self.dock_share),
        }
    }

    /// Keeps the layout if it is another than the one kept last.
    pub(super) fn keep_layout(&mut self, effects: &mut Vec<Effect>) {
        if self.course.is_none() {
            return;
        }
        let layout = self.layout();
        if self.kept.as_ref() != Some(&layout) {
            self.kept = Some(layout.clone());
            effects.push(Effect::KeepLayout(layout));
        }
    }

    /// Takes a kept layout; `false` where it is of another lesson, names a node that is not there, or nothing at all.
    pub(super) fn restore(&mut self, layout: &Layout) -> bool {
        let nodes = self.nodes();
        let mut known =
            !layout.tabs.is_empty() && self.lesson().is_some_and(|lesson| lesson.id == layout.course);
        for tab in &layout.tabs {
            tab.tiles.each(&mut |pane| known &= nodes.contains(&pane.node));
        }
        if !known {
            return false;
        }
        for tab in &layout.tabs {
            let mut focused = None;
            let tiles = tab.tiles.each_to(&mut |pane: &SavedPane| {
                let what = pane.file.clone().map_or(What::Shell, What::File);
                let id = self.add_pane(pane.node.clone(), what);
                focused = focused.or(pane.focused.then_some(id));
                id
            });
            let focused = focused.or_else(|| tiles.panes().first().copied()).unwrap_or_default();
            self.tabs.push(Tab { name: tab.name.clone(), tiles, focused });
        }
        self.active = layout.active.min(self.tabs.len() - 1);
        self.kept = Some(layout.clone());
        true
    }

    /// Divides the window as it was when a layout was kept.
    pub(super) fn restore_window(&mut self, layout: &Layout) {
        self.set_split(layout.split);
        self.zoom = layout.zoom;
        self.docked = layout.xray.is_some();
        self.dock_share = layout.xray.unwrap_or(self.dock_share);
        if layout.lesson {
            self.focus = Focus::Lesson;
        }
    }
}
