//! Keys, mouse and pastes: to actions, to the shell, or to the line being typed.

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::{Position, Rect};

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::event::PaneId;
use super::super::keymap::{self, Chord, Context};
use super::super::palette;
use super::super::selection::{Selection, Spot};
use super::{Drawn, Entering, Focus, Held, Overlay, Shell, Stage, State};
use crate::text::tr;

/// Lines that one notch of the wheel scrolls the lesson.
const WHEEL: i32 = 3;

impl State {
    pub(super) fn key(&mut self, key: KeyEvent, drawn: &Drawn, effects: &mut Vec<Effect>) -> bool {
        if key.kind == KeyEventKind::Release || matches!(key.code, KeyCode::Modifier(_)) {
            return false;
        }
        let chord = Chord::of(&key);
        let selected = self.selection.take().is_some();
        if self.overlay.is_some() {
            self.key_on_top(chord, &key, drawn, effects);
            return true;
        }
        if self.too_small() {
            return false;
        }
        if std::mem::take(&mut self.prefix) {
            self.prefix_waits = false;
            self.key_after_prefix(chord, key, drawn, effects);
            return true;
        }
        if chord == self.config.prefix {
            self.prefix = true;
            return true;
        }
        let context = self.context();
        let action = match context {
            Context::Lesson if self.focus == Focus::Glance => keymap::in_glance(chord, self.busy.is_some()),
            Context::Lesson => keymap::in_lesson(chord),
            context => keymap::direct(context, chord),
        };
        match action {
            Some(action) => {
                self.notice = None;
                self.act(action, drawn, effects);
                true
            }
            None if context == Context::Global => self.key_to_shell(key, drawn, effects) | selected,
            None if self.focus == Focus::Glance && context == Context::Lesson => {
                self.focus = Focus::Shell;
                self.key(key, drawn, effects);
                true
            }
            None => selected,
        }
    }

    fn key_to_shell(&mut self, key: KeyEvent, drawn: &Drawn, effects: &mut Vec<Effect>) -> bool {
        let Some(pane) = self.pane() else { return false };
        match pane.shell {
            Shell::Running => {
                effects.push(Effect::Key(pane.id, key));
                self.notice.take().is_some()
            }
            Shell::Ended(_) | Shell::Failed(_) if key.code == KeyCode::Enter => {
                self.act(Action::RestartShell, drawn, effects);
                true
            }
            _ => false,
        }
    }

    fn key_after_prefix(&mut self, chord: Chord, key: KeyEvent, drawn: &Drawn, effects: &mut Vec<Effect>) {
        let prefix = self.config.prefix;
        if chord == prefix {
            return self.act(Action::SendPrefix, drawn, effects);
        }
        match keymap::after_prefix(chord) {
            Some(action) => self.act(action, drawn, effects),
            // A function key after the prefix is the shell's.
            None if matches!(chord.code, KeyCode::F(_)) => {
                self.key_to_shell(key, drawn, effects);
            }
            None if chord.code == KeyCode::Esc => {}
            None => self.say(tr!(tui_key_does_nothing { prefix: prefix.name(), key: chord.name() })),
        }
    }

    fn key_on_top(&mut self, chord: Chord, key: &KeyEvent, drawn: &Drawn, effects: &mut Vec<Effect>) {
        let typed = match chord.code {
            KeyCode::Char(c) if (chord.modifiers - KeyModifiers::SHIFT).is_empty() => Some(c),
            _ => None,
        };
        if let Some(Overlay::Question(question)) = self.overlay
            && typed.is_some()
            && typed == question.words(self).second.map(|(key, _)| key)
        {
            return self.act(Action::Second, drawn, effects);
        }
        let interrupt = chord == Chord::of(&KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL));
        match keymap::direct(self.context(), chord) {
            // The key that opened it closes it, too.
            Some(Action::Help) if self.overlay == Some(Overlay::Help) => self.overlay = None,
            Some(Action::Xray) if self.overlay == Some(Overlay::Xray) => self.overlay = None,
            Some(Action::ExamOverview) if matches!(self.overlay, Some(Overlay::Exam(_))) => {
                self.overlay = None
            }
            Some(action) => self.act(action, drawn, effects),
            None => match (&mut self.overlay, typed) {
                (Some(Overlay::Palette { query, selected }), Some(c)) => {
                    query.push(c);
                    *selected = 0;
                }
                (Some(Overlay::Entry(_, text)), Some(c)) => text.push(c),
                (Some(Overlay::Help | Overlay::Xray | Overlay::Exam(_)), _)
                    if interrupt || key.code == KeyCode::Char('?') =>
                {
                    self.overlay = None
                }
                _ => {}
            },
        }
    }

    pub(super) fn in_palette(&mut self, action: Action, drawn: &Drawn, effects: &mut Vec<Effect>) {
        let Some(Overlay::Palette { query, selected }) = self.overlay.clone() else { return };
        match action {
            Action::PaletteStep(by) => {
                let last = palette::matching(self, &query).len().saturating_sub(1);
                // Around its ends; the other lists stop at theirs.
                let to = match by < 0 {
                    true => selected.checked_sub(1).unwrap_or(last),
                    false if selected < last => selected + 1,
                    false => 0,
                };
                self.overlay = Some(Overlay::Palette { query, selected: to });
            }
            _ => self.act(Action::PaletteEntry(selected), drawn, effects),
        }
    }

    pub(super) fn in_entry(&mut self, action: Action, effects: &mut Vec<Effect>) {
        let Some(Overlay::Entry(entering, text)) = self.overlay.clone() else { return };
        if action == Action::EntryTake {
            self.overlay = None;
            self.entered(entering, text, effects);
        } else if entering == Entering::File {
            let node = self.node_here().unwrap_or_default();
            effects.push(Effect::CompletePath { node, path: text });
        }
    }

    /// Takes back the last character of what is typed, or all of it.
    pub(super) fn erase(&mut self, all: bool) {
        let text = match &mut self.overlay {
            Some(Overlay::Palette { query, selected }) => {
                *selected = 0;
                query
            }
            Some(Overlay::Entry(_, text)) => text,
            _ => return,
        };
        if all {
            text.clear();
        } else {
            text.pop();
        }
    }

    fn entered(&mut self, entering: Entering, text: String, effects: &mut Vec<Effect>) {
        match entering {
            Entering::Name => {
                let active = self.active;
                let node = self.pane().map(|pane| pane.node.clone()).unwrap_or_default();
                if let Some(tab) = self.tabs.get_mut(active) {
                    let name = text.trim().to_owned();
                    tab.name = Some(name).filter(|name| !name.is_empty() && *name != node);
                }
            }
            Entering::File => {
                let path = text.trim();
                match self.node_here() {
                    Some(node) if path.starts_with('/') && !path.ends_with('/') => {
                        self.open_file(node, path.to_owned());
                    }
                    Some(_) if path.is_empty() => {}
                    _ => self.say(tr!(tui_path_is_absolute)),
                }
            }
            Entering::Search if text.is_empty() => {}
            Entering::Search => {
                self.searched = (text, true);
                self.search_on(true, effects);
            }
        }
    }

    pub(super) fn paste(&mut self, pasted: String, effects: &mut Vec<Effect>) -> bool {
        match &mut self.overlay {
            Some(Overlay::Palette { query: text, .. } | Overlay::Entry(_, text)) => {
                text.extend(pasted.chars().filter(|c| !c.is_control()));
                true
            }
            Some(_) => false,
            None => {
                let running =
                    self.pane().filter(|pane| pane.shell == Shell::Running && self.focus != Focus::Lesson);
                match running.map(|pane| pane.id) {
                    Some(pane) => {
                        effects.push(Effect::Paste(pane, pasted));
                        std::mem::replace(&mut self.focus, Focus::Shell) != Focus::Shell
                    }
                    None => {
                        self.say(tr!(tui_paste_where));
                        true
                    }
                }
            }
        }
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent, drawn: &Drawn, effects: &mut Vec<Effect>) -> bool {
        let at = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let selected = self.selection.take().is_some();
                if let Some((_, action)) = drawn.hits.iter().rev().find(|(area, _)| area.contains(at)) {
                    self.act(*action, drawn, effects);
                    return true;
                }
                if self.overlay.is_some() {
                    return selected;
                }
                if drawn.divider.is_some_and(|divider| divider.contains(at)) {
                    self.held = Held::Divider;
                    return false;
                }
                if let Some(line) = drawn.lines_between.iter().find(|line| line.area.contains(at)) {
                    self.held = Held::Tile(*line);
                    return false;
                }
                if let Some((area, line)) = drawn.dock {
                    if line.contains(at) {
                        self.held = Held::Dock;
                        return false;
                    }
                    if area.contains(at) {
                        self.focus = Focus::Xray;
                        return true;
                    }
                }
                if drawn.text.is_some_and(|text| text.contains(at)) {
                    // What is selected may be meant for the shell, where it is pasted without going there first.
                    self.attend();
                    self.held = Held::Text(self.spot(at, drawn));
                    return true;
                }
                if let Some(pane) = screen_at(drawn, at) {
                    self.held = Held::Screen(pane);
                    self.focus_pane(pane);
                    self.mouse_to_pane(pane, mouse, drawn, effects);
                    return true;
                }
            }
            MouseEventKind::Drag(MouseButton::Left) => match self.held {
                Held::Divider => {
                    let width = self.size.0.max(1);
                    self.set_split(
                        u16::try_from(u32::from(mouse.column) * 100 / u32::from(width)).unwrap_or(50),
                    );
                    return true;
                }
                Held::Tile(line) => {
                    let active = self.active;
                    if let Some(tab) = self.tabs.get_mut(active) {
                        tab.tiles.drag(&line, mouse.column, mouse.row);
                    }
                    return true;
                }
                Held::Dock => {
                    self.drag_dock(mouse.row);
                    return true;
                }
                Held::Text(from) => {
                    let Some(text) = drawn.text else { return false };
                    // Beyond the edges the text comes along.
                    match mouse.row {
                        row if row < text.y => self.scroll_reading(-1, drawn),
                        row if row >= text.bottom() => self.scroll_reading(1, drawn),
                        _ => {}
                    }
                    self.selection = Some(Selection { from, to: self.spot(at, drawn) });
                    return true;
                }
                Held::Screen(pane) => self.mouse_to_pane(pane, mouse, drawn, effects),
                Held::Nothing => {}
            },
            MouseEventKind::Up(MouseButton::Left) => match std::mem::replace(&mut self.held, Held::Nothing) {
                Held::Screen(pane) => self.mouse_to_pane(pane, mouse, drawn, effects),
                Held::Text(_) => {
                    let text = self.selection.map(|selection| selection.text(&drawn.words));
                    effects.extend(text.filter(|text| !text.is_empty()).map(Effect::Copy));
                }
                _ => {}
            },
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let by = if mouse.kind == MouseEventKind::ScrollUp { -WHEEL } else { WHEEL };
                if self.stage == Stage::Picking {
                    self.pick_step(by.signum());
                    return true;
                }
                let docked = drawn.dock.is_some_and(|(area, _)| area.contains(at));
                if self.overlay == Some(Overlay::Xray) || (docked && self.overlay.is_none()) {
                    self.act(Action::XrayStep(by.signum()), drawn, effects);
                    return true;
                }
                if self.overlay.is_some() || drawn.text.is_some_and(|text| text.contains(at)) {
                    self.scroll_reading(by, drawn);
                    return true;
                }
                if let Some(pane) = screen_at(drawn, at) {
                    self.mouse_to_pane(pane, mouse, drawn, effects);
                }
            }
            _ => {
                if let (None, Some(pane)) = (&self.overlay, screen_at(drawn, at)) {
                    self.mouse_to_pane(pane, mouse, drawn, effects);
                }
            }
        }
        false
    }

    /// The cell of the lesson's text at a cell of the window; beyond an edge it is the one at the edge.
    fn spot(&self, at: Position, drawn: &Drawn) -> Spot {
        let text = drawn.text.unwrap_or_default();
        let scroll = self.scroll.min(drawn.lines.saturating_sub(usize::from(text.height)));
        let row = at.y.clamp(text.y, text.bottom().max(text.y + 1) - 1) - text.y;
        let x = at.x.clamp(text.x, text.right().max(text.x + 1) - 1) - text.x;
        Spot { line: scroll + usize::from(row), x }
    }

    fn mouse_to_pane(&self, pane: PaneId, mouse: MouseEvent, drawn: &Drawn, effects: &mut Vec<Effect>) {
        let Some((_, area)) = drawn.screens.iter().find(|(id, _)| *id == pane) else { return };
        let Rect { x, y, width, height } = *area;
        effects.push(Effect::Mouse {
            pane,
            kind: mouse.kind,
            column: mouse.column.clamp(x, x + width.max(1) - 1) - x,
            row: mouse.row.clamp(y, y + height.max(1) - 1) - y,
            modifiers: mouse.modifiers,
        });
    }
}

/// The pane whose screen is at a cell.
fn screen_at(drawn: &Drawn, at: Position) -> Option<PaneId> {
    drawn.screens.iter().find(|(_, area)| area.contains(at)).map(|(id, _)| *id)
}
