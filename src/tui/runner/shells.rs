//! Terminals in panes: what is typed, pasted and clicked goes to them, and their screens are scrolled and copied from.

use std::time::{Duration, Instant};

use crossterm::event::{KeyEvent, KeyModifiers, MouseButton, MouseEventKind};

use super::{Done, Message, Runner};
use crate::error::Result;
use crate::node::Process;
use crate::terminal::screen::{ScrollBy, Select};
use crate::terminal::{Terminal, encode};
use crate::text::tr;
use crate::tui::event::{Event, PaneId, Trouble};

/// Lines that one notch of the wheel scrolls the shell.
const WHEEL: i32 = 3;

/// The clicks that make a double or triple one.
#[derive(Debug, Default)]
pub struct Clicks {
    last: Option<(Instant, u16, u16)>,
    count: u8,
}

impl Clicks {
    fn click(&mut self, now: Instant, column: u16, row: u16) -> u8 {
        let again = self.last.is_some_and(|(at, x, y)| {
            now.duration_since(at) < Duration::from_millis(400) && (x, y) == (column, row)
        });
        self.count = if again && self.count < 3 { self.count + 1 } else { 1 };
        self.last = Some((now, column, row));
        self.count
    }
}

impl Runner {
    pub(super) fn open_shell(&self, pane: PaneId, node: String) {
        let (columns, rows) = self.size(pane);
        self.spawn(move |driver, messages| async move {
            let process = driver.shell(&node, columns, rows).await;
            let _ = messages.send(Message::Process(pane, process));
        });
    }

    /// Takes a shell's process, and gives it its terminal.
    pub fn process(&mut self, pane: PaneId, process: Result<Process>) -> Event {
        let messages = self.messages.clone();
        let (columns, rows) = self.size(pane);
        let _runtime = self.handle.enter();
        let terminal = process.and_then(|process| {
            Terminal::start(process, columns, rows, move |notice| {
                let _ = messages.send(Event::Terminal(pane, notice).into());
            })
        });
        let result = terminal.map(|terminal| drop(self.terminals.insert(pane, terminal)));
        Event::Shell(pane, result.map_err(Trouble::from))
    }

    pub(super) fn key(&mut self, pane: PaneId, key: KeyEvent) -> Done {
        if let Some(open) = self.editors.get_mut(&pane) {
            let came = open.key(key);
            return self.came(pane, came);
        }
        self.with(pane, |terminal| {
            let (modes, moved) = terminal.with(|screen| {
                let moved = screen.scrolled().0 > 0 || screen.selected().is_some();
                if moved {
                    screen.deselect();
                    screen.scroll(ScrollBy::Bottom);
                }
                (screen.modes(), moved)
            });
            terminal.send(encode::key(&key, modes));
            if moved { Done::Drawable } else { Done::Quietly }
        })
    }

    pub(super) fn paste(&mut self, pane: PaneId, text: &str) -> Done {
        if let Some(open) = self.editors.get_mut(&pane) {
            let came = open.paste(text);
            return self.came(pane, came);
        }
        self.with(pane, |terminal| {
            terminal.send(encode::paste(text, terminal.modes()));
            Done::Quietly
        })
    }

    /// Types a command and Enter.
    pub(super) fn type_command(&self, pane: PaneId, text: String, interrupt: bool) -> Done {
        self.with(pane, |terminal| {
            terminal.with(|screen| screen.set_copying(false));
            if interrupt {
                terminal.send(*b"\x03");
            }
            let mut bytes =
                if text.contains('\n') { encode::paste(&text, terminal.modes()) } else { text.into_bytes() };
            bytes.push(b'\r');
            terminal.send(bytes);
            Done::Drawable
        })
    }

    pub(super) fn focus(&self, pane: PaneId, gained: bool) -> Done {
        self.with(pane, |terminal| {
            terminal.send(encode::focus(gained, terminal.modes()));
            Done::Quietly
        })
    }

    pub(super) fn copy_mode(&self, pane: PaneId, on: bool) -> Done {
        self.on_screen(pane, |screen| screen.set_copying(on));
        self.tell(Event::CopyMode(pane, on));
        Done::Drawable
    }

    pub(super) fn copy_take(&mut self, pane: PaneId) -> Done {
        let text = self.terminals.get(&pane).and_then(|t| t.with(|screen| screen.selected()));
        match text {
            Some(text) => self.copy(&text),
            None => self.tell(Event::Notice(tr!(tui_nothing_selected).to_owned())),
        }
        self.copy_mode(pane, false)
    }

    pub(super) fn search(&self, pane: PaneId, text: String, backwards: bool) -> Done {
        let found = self.terminals.get(&pane).map(|t| t.with(|screen| screen.search(&text, backwards)));
        if found == Some(false) {
            self.tell(Event::Notice(tr!(tui_not_found { text })));
        }
        Done::Drawable
    }

    fn with(&self, pane: PaneId, f: impl FnOnce(&Terminal) -> Done) -> Done {
        self.terminals.get(&pane).map_or(Done::Quietly, f)
    }

    pub(super) fn on_screen(&self, pane: PaneId, f: impl FnOnce(&mut crate::terminal::Screen)) -> Done {
        self.with(pane, |terminal| {
            terminal.with(f);
            Done::Drawable
        })
    }

    pub(super) fn mouse(
        &mut self,
        pane: PaneId,
        kind: MouseEventKind,
        column: u16,
        row: u16,
        modifiers: KeyModifiers,
    ) -> Done {
        if let Some(open) = self.editors.get_mut(&pane) {
            open.mouse(kind, column, row, modifiers);
            return Done::Drawable;
        }
        let Some(terminal) = self.terminals.get(&pane) else { return Done::Quietly };
        let modes = terminal.modes();
        if !modifiers.contains(KeyModifiers::SHIFT)
            && let Some(bytes) = encode::mouse(kind, column, row, modifiers, modes)
        {
            terminal.send(bytes);
            return Done::Quietly;
        }
        match kind {
            MouseEventKind::ScrollUp | MouseEventKind::ScrollDown => {
                let up = kind == MouseEventKind::ScrollUp;
                if modes.alternate_screen {
                    if modes.alternate_scroll {
                        let arrow = match (up, modes.application_cursor) {
                            (true, true) => "\x1bOA",
                            (true, false) => "\x1b[A",
                            (false, true) => "\x1bOB",
                            (false, false) => "\x1b[B",
                        };
                        terminal.send(arrow.repeat(3).into_bytes());
                    }
                    return Done::Quietly;
                }
                terminal.with(|screen| screen.scroll(ScrollBy::Lines(if up { WHEEL } else { -WHEEL })));
            }
            MouseEventKind::Down(MouseButton::Left) => {
                let clicks = self.clicks.click(Instant::now(), column, row);
                terminal.with(|screen| screen.select(Select::Start(clicks), column, row));
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                terminal.with(|screen| screen.select(Select::Extend, column, row));
            }
            MouseEventKind::Up(MouseButton::Left) => {
                if let Some(text) = terminal.with(|screen| screen.selected()) {
                    self.copy(&text);
                }
            }
            _ => return Done::Quietly,
        }
        Done::Drawable
    }
}
