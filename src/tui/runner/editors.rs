//! The editors of panes: the same as the built-in `vi` and `nano`, on files of a node that the lab reads and writes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::super::event::{Event, PaneId, Trouble};
use super::{Done, Message, Runner};
use crate::editor::{Editor, Keys, Request, view};
use crate::text::tr;

/// The largest file that is opened, in bytes.
const LARGEST: usize = 16 << 20;

/// A file in an editor.
pub struct Open {
    /// The node.
    pub node: String,
    editor: RefCell<Editor>,
    path: PathBuf,
    modified: bool,
    /// Where in the window it was drawn last.
    origin: Cell<(u16, u16)>,
}

/// What a key in an editor led to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// The file to write, with its text.
    pub save: Option<(PathBuf, String)>,
    /// Whether the editor is to be closed, after saving where that was asked for.
    pub quit: bool,
    /// Whether the file has changes that are not saved, where that is another answer than before.
    pub modified: Option<bool>,
}

impl Open {
    /// An editor with what a node gave of a file; what is no text is refused, so that saving never damages it.
    pub fn new(keys: Keys, node: String, path: &str, found: Option<Vec<u8>>) -> Result<Self, Trouble> {
        let trouble = |why: &str| Trouble {
            what: tr!(tui_cannot_edit { path, node }),
            why: Some(why.to_owned()),
            hints: vec![tr!(tui_cannot_edit_hint).to_owned()],
        };
        let new = found.is_none();
        let bytes = found.unwrap_or_default();
        if bytes.len() > LARGEST {
            return Err(trouble(tr!(tui_file_too_large)));
        }
        let text = String::from_utf8(bytes).map_err(|_| trouble(tr!(tui_file_no_text)))?;
        let path = PathBuf::from(path);
        let mut editor = Editor::new(keys, Some(path.clone()), &text);
        let about = if new { "[New]".to_owned() } else { editor.measure() };
        editor.say(format!("\"{}\" {about}", path.display()));
        Ok(Self { node, editor: RefCell::new(editor), path, modified: false, origin: Cell::default() })
    }

    fn came(&mut self, request: Request) -> Came {
        let editor = self.editor.get_mut();
        let modified = editor.modified();
        let changed = std::mem::replace(&mut self.modified, modified) != modified;
        // A name without a directory is one beside the file.
        let beside = |name: &Path| self.path.parent().map_or_else(|| name.to_owned(), |dir| dir.join(name));
        Came {
            save: request.save.map(|name| (beside(&name), editor.text())),
            quit: request.quit,
            modified: changed.then_some(modified),
        }
    }

    /// Takes a key in.
    pub fn key(&mut self, key: KeyEvent) -> Came {
        let request = self.editor.get_mut().key(key);
        self.came(request)
    }

    /// Takes a paste in.
    pub fn paste(&mut self, text: &str) -> Came {
        self.editor.get_mut().paste(text);
        self.came(Request::default())
    }

    /// Takes the mouse in, at a cell of the editor.
    pub fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16, modifiers: KeyModifiers) {
        let arrow = match kind {
            MouseEventKind::ScrollUp => KeyCode::Up,
            MouseEventKind::ScrollDown => KeyCode::Down,
            _ => {
                let (x, y) = self.origin.get();
                let mouse = MouseEvent { kind, column: x + column, row: y + row, modifiers };
                return self.editor.get_mut().mouse(mouse);
            }
        };
        for _ in 0..3 {
            self.editor.get_mut().key(KeyEvent::new(arrow, KeyModifiers::NONE));
        }
    }

    /// Takes in how saving went.
    pub fn saved(&mut self, path: PathBuf, result: Result<(), String>) -> Came {
        self.editor.get_mut().saved(path, result);
        self.came(Request::default())
    }

    /// Takes the other set of keys.
    pub fn set_keys(&mut self, keys: Keys) {
        self.editor.get_mut().set_keys(keys);
    }

    /// Draws the editor; returns where its cursor is to be seen.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect) -> Option<Position> {
        self.origin.set((area.x, area.y));
        view::draw_in(buffer, area, &mut self.editor.borrow_mut())
    }
}

/// All open editors.
pub type Editors = HashMap<PaneId, Open>;

impl Runner {
    pub(super) fn open_file(&self, pane: PaneId, node: String, path: String) {
        self.spawn(move |driver, messages| async move {
            let found = driver.read_file(&node, &path).await;
            let _ = messages.send(Message::File { pane, node, path, found });
        });
    }

    pub(super) fn complete_path(&self, node: String, path: String) {
        self.spawn(move |driver, messages| async move {
            let directory = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/");
            let names = driver.names(&node, directory).await.unwrap_or_default();
            let (longer, found) = complete(&path, &names);
            let _ = messages.send(Event::PathCompleted(path, longer, found).into());
        });
    }

    /// Takes a file that was read, and gives it its editor.
    pub fn file(
        &mut self,
        pane: PaneId,
        node: String,
        path: &str,
        found: crate::error::Result<Option<Vec<u8>>>,
    ) -> Event {
        let opened = found.map_err(Trouble::from).and_then(|found| Open::new(self.keys, node, path, found));
        Event::Shell(pane, opened.map(|open| drop(self.editors.insert(pane, open))))
    }

    /// Takes in how saving a file went.
    pub fn saved(
        &mut self,
        pane: PaneId,
        path: PathBuf,
        result: std::result::Result<(), String>,
        quit: bool,
    ) {
        let quit = quit && result.is_ok();
        if let Some(open) = self.editors.get_mut(&pane) {
            let came = open.saved(path, result);
            self.came(pane, Came { quit, ..came });
        }
    }

    /// Does what a key in an editor led to.
    pub(super) fn came(&self, pane: PaneId, came: Came) -> Done {
        if let Some(modified) = came.modified {
            self.tell(Event::Modified(pane, modified));
        }
        match (came.save, self.editors.get(&pane)) {
            (Some((path, text)), Some(open)) => {
                let node = open.node.clone();
                self.spawn(move |driver, messages| async move {
                    let name = path.to_string_lossy().into_owned();
                    let written = driver.write_file(&node, &name, text.as_bytes()).await;
                    let result = written.map_err(|e| e.to_string().replace('\n', ";"));
                    let _ = messages.send(Message::Saved(pane, path, result, came.quit));
                });
            }
            _ if came.quit => self.tell(Event::EditorClosed(pane)),
            _ => {}
        }
        Done::Drawable
    }
}

/// What a path that is being typed comes to, among the names of its directory; directories end with a slash.
pub fn complete(typed: &str, names: &[String]) -> (String, Vec<String>) {
    let start = typed.rfind('/').map_or(0, |slash| slash + 1);
    let (directory, begun) = typed.split_at(start);
    let mut found: Vec<String> = names.iter().filter(|name| name.starts_with(begun)).cloned().collect();
    if begun.is_empty() {
        found.retain(|name| !name.starts_with('.'));
    }
    let Some(first) = found.first() else { return (typed.to_owned(), Vec::new()) };
    let shared = found.iter().fold(first.as_str(), |shared, name| {
        let same = shared.char_indices().zip(name.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(shared.len().min(name.len()), |((at, _), _)| at);
        shared.get(..end).unwrap_or_default()
    });
    (format!("{directory}{shared}"), found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn type_in(open: &mut Open, text: &str) -> Came {
        let mut last = Came::default();
        for c in text.chars() {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                c => KeyCode::Char(c),
            };
            let came = open.key(KeyEvent::new(code, KeyModifiers::NONE));
            last = Came { modified: came.modified.or(last.modified), ..came };
        }
        last
    }

    #[test]
    fn a_file_is_changed_saved_and_left_as_in_vi() {
        let found = Some(b"spec:\n  a: 1\n".to_vec());
        let mut open = Open::new(Keys::Vi, "controlplane".into(), "/etc/x/a.yaml", found).unwrap();
        let came = type_in(&mut open, "oname: b\x1b");
        assert_eq!(came.modified, Some(true));
        let came = type_in(&mut open, ":wq\n");
        let (path, text) = came.save.unwrap();
        assert_eq!(
            (path.to_str().unwrap(), text.as_str(), came.quit),
            ("/etc/x/a.yaml", "spec:\nname: b\n  a: 1\n", true)
        );
        assert_eq!(open.saved(path, Ok(())).modified, Some(false));
        let came = type_in(&mut open, ":w copy.yaml\n");
        assert_eq!(came.save.unwrap().0.to_str(), Some("/etc/x/copy.yaml"));
    }

    #[test]
    fn the_plain_keys_type_at_once() {
        let mut open = Open::new(Keys::Nano, "node01".into(), "/root/new", None).unwrap();
        type_in(&mut open, "hello");
        open.key(KeyEvent::new(KeyCode::Char('o'), KeyModifiers::CONTROL));
        let came = type_in(&mut open, "\n");
        assert_eq!(came.save.unwrap().1, "hello\n");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let refused =
            Open::new(Keys::Vi, "node01".into(), "/bin/true", Some(vec![0xff, 0xfe])).err().unwrap();
        assert!(refused.what.contains("/bin/true on node01") && refused.why.unwrap().contains("UTF-8"));
    }

    #[test]
    fn paths_are_completed_as_far_as_names_agree() {
        let names = ["etcd.yaml", "kube-apiserver.yaml", "kube-scheduler.yaml", ".hidden"].map(str::to_owned);
        assert_eq!(complete("/m/k", &names).0, "/m/kube-");
        assert_eq!(complete("/m/kube-a", &names), ("/m/kube-apiserver.yaml".into(), vec![names[1].clone()]));
        assert_eq!(complete("/m/x", &names), ("/m/x".into(), vec![]));
        assert_eq!(complete("/m/", &names).1.len(), 3);
        let wide = ["あい", "あう"].map(str::to_owned);
        assert_eq!(complete("/", &wide).0, "/あ");
    }
}
