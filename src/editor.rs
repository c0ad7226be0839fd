//! The built-in editor: `vi` and `nano` on a node whose machine has none.
//!
//! ```text
//! key -> Editor::key -> Request -> program (reads and writes the file) -> Editor::saved
//!            |
//!          view (draws the editor, does no I/O)
//! ```
//!
//! Text, motions, undo and registers are edtui's. This room adds what makes it an editor of files: ex commands, nano's keys,
//! indentation as a node's `.vimrc` sets it for YAML, and saving.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};
use edtui::actions::{InsertChar, ReplaceChar};
use edtui::{EditorEventHandler, EditorMode, EditorState, Index2, Lines, RowIndex};

pub mod ex;
pub mod file;
mod nano;
pub mod program;
pub mod view;

/// Columns that the Tab key indents by, as `.vimrc` on a node sets it.
const SHIFT: usize = 2;

/// Whose keys an editor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// vi's.
    Vi,
    /// nano's.
    Nano,
}

/// What an editor asks its program to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Write the text to this file.
    pub save: Option<PathBuf>,
    /// End, once the text is saved where that was asked for.
    pub quit: bool,
}

/// What the bottom line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Prompt {
    /// An ex command.
    Command,
    /// nano: what to look for.
    Search,
    /// nano: the file to write to; `true` ends the editor after it.
    Name(bool),
    /// nano: whether to save before the end.
    Confirm,
}

/// A text being edited; pure.
pub struct Editor {
    keys: Keys,
    path: Option<PathBuf>,
    readonly: bool,
    saved: String,
    state: EditorState,
    handler: EditorEventHandler,
    prompt: Option<(Prompt, String)>,
    message: String,
    /// The first `Z` of `ZZ` and `ZQ` was typed.
    pending_z: bool,
    /// nano's cut lines, and whether the last key cut one.
    cut: (Vec<String>, bool),
    last_search: String,
}

impl Editor {
    /// An editor of a file with this text.
    pub fn new(keys: Keys, path: Option<PathBuf>, text: &str) -> Self {
        let body = text.strip_suffix('\n').unwrap_or(text);
        let mut state = EditorState::new(Lines::from(body));
        let handler = match keys {
            Keys::Vi => EditorEventHandler::vim_mode(),
            Keys::Nano => {
                state.mode = EditorMode::Insert;
                EditorEventHandler::emacs_mode()
            }
        };
        Self {
            keys,
            path,
            readonly: false,
            saved: text.to_owned(),
            state,
            handler,
            prompt: None,
            message: String::new(),
            pending_z: false,
            cut: (Vec::new(), false),
            last_search: String::new(),
        }
    }

    /// The text as it would be saved: every line ends with a line break, as vi and nano write it.
    pub fn text(&self) -> String {
        let rows = self.rows();
        if rows.iter().all(String::is_empty) && rows.len() <= 1 {
            return String::new();
        }
        rows.into_iter().flat_map(|row| [row, "\n".to_owned()]).collect()
    }

    /// Whether the text differs from what is in the file.
    pub fn modified(&self) -> bool {
        let text = self.text();
        text != self.saved && text.strip_suffix('\n') != Some(self.saved.as_str())
    }

    /// Tells that saving worked, or why it did not.
    pub fn saved(&mut self, path: PathBuf, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.saved = self.text();
                self.message = match self.keys {
                    Keys::Vi => format!("\"{}\" {} written", path.display(), self.measure()),
                    Keys::Nano => format!("[ Wrote {} lines ]", self.saved.lines().count()),
                };
                self.path.get_or_insert(path);
            }
            Err(why) => self.message = why,
        }
    }

    /// Shows a message on the bottom line.
    pub fn say(&mut self, message: impl Into<String>) {
        self.message = message.into();
    }

    /// Refuses `:w` without `!`.
    pub fn set_readonly(&mut self) {
        self.readonly = true;
    }

    /// Moves to a line, counted from 1; beyond the last is the last.
    pub fn goto(&mut self, line: usize) {
        let last = self.state.lines.len().saturating_sub(1);
        self.state.cursor = Index2::new(line.saturating_sub(1).min(last), 0);
    }

    /// Lines and bytes, as vim counts them.
    pub fn measure(&self) -> String {
        let text = self.text();
        format!("{}L, {}B", text.lines().count(), text.len())
    }

    /// Takes pasted text in where the cursor is.
    pub fn paste(&mut self, text: &str) {
        if let Some((_, typed)) = &mut self.prompt {
            typed.extend(text.chars().filter(|c| !c.is_control()));
        } else if self.state.mode == EditorMode::Insert {
            self.handler.on_paste_event(text.replace('\r', "\n"), &mut self.state);
        }
    }

    /// Takes a click or a drag in, at a cell of the window.
    pub fn mouse(&mut self, mouse: MouseEvent) {
        if self.prompt.is_none() {
            self.handler.on_mouse_event(mouse, &mut self.state);
            // nano has no modes: what a drag selected is let go.
            if self.keys == Keys::Nano {
                self.state.selection = None;
                self.state.mode = EditorMode::Insert;
            }
        }
    }

    /// Takes the other set of keys.
    pub fn set_keys(&mut self, keys: Keys) {
        self.keys = keys;
        self.prompt = None;
        self.state.selection = None;
        (self.handler, self.state.mode) = match keys {
            Keys::Vi => (EditorEventHandler::vim_mode(), EditorMode::Normal),
            Keys::Nano => (EditorEventHandler::emacs_mode(), EditorMode::Insert),
        };
    }

    /// Takes a key in.
    pub fn key(&mut self, key: KeyEvent) -> Request {
        if self.prompt.is_some() {
            return self.prompt_key(key);
        }
        match self.keys {
            Keys::Vi => self.vi_key(key),
            Keys::Nano => self.nano_key(key),
        }
    }

    fn vi_key(&mut self, key: KeyEvent) -> Request {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        if self.state.mode == EditorMode::Normal && plain {
            match (self.pending_z, key.code) {
                (true, KeyCode::Char('Z')) => {
                    return self.run(&ex::Ex::WriteQuit { path: None, always: false });
                }
                (true, KeyCode::Char('Q')) => return self.run(&ex::Ex::Quit { force: true }),
                (_, KeyCode::Char('Z')) => {
                    self.pending_z = true;
                    return Request::default();
                }
                (_, KeyCode::Char(':')) => {
                    self.prompt = Some((Prompt::Command, String::new()));
                    self.message.clear();
                    return Request::default();
                }
                _ => self.pending_z = false,
            }
        }
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            if self.state.mode == EditorMode::Normal {
                self.message = "Type  :qa!  and press <Enter> to abandon all changes and exit Vim".into();
            }
            self.type_key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
            return Request::default();
        }
        self.type_key(key);
        Request::default()
    }

    /// Hands a key to the text, and indents as `.vimrc` on a node asks for.
    fn type_key(&mut self, key: KeyEvent) {
        let inserting = self.state.mode == EditorMode::Insert;
        if inserting && key.code == KeyCode::Tab {
            let column = self.state.cursor.col;
            for _ in 0..SHIFT - column % SHIFT {
                self.state.execute(InsertChar(' '));
            }
            return;
        }
        if !understood(key.code) {
            return;
        }
        let rows = self.state.lines.len();
        self.handler.on_key_event(key, &mut self.state);
        if self.state.mode == EditorMode::Insert && self.state.lines.len() == rows + 1 {
            let row = self.state.cursor.row;
            // A line opened above takes the indentation of the one it was opened from.
            let from = if key.code == KeyCode::Char('O') { row + 1 } else { row.saturating_sub(1) };
            let indent = self.row(from).chars().take_while(|c| *c == ' ').count();
            if self.state.cursor.col == 0 {
                for _ in 0..indent {
                    self.state.execute(InsertChar(' '));
                }
            }
        }
    }

    fn prompt_key(&mut self, key: KeyEvent) -> Request {
        let Some((prompt, mut typed)) = self.prompt.take() else { return Request::default() };
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return Request::default(),
            KeyCode::Char('c') if control => {
                if self.keys == Keys::Nano {
                    self.message = "[ Cancelled ]".into();
                }
                return Request::default();
            }
            KeyCode::Enter if prompt == Prompt::Command => {
                return match ex::parse(&typed, self.state.cursor.row, self.state.lines.len()) {
                    Ok(command) => self.run(&command),
                    Err(why) => {
                        self.message = why;
                        Request::default()
                    }
                };
            }
            KeyCode::Backspace if typed.is_empty() && prompt == Prompt::Command => return Request::default(),
            KeyCode::Backspace => {
                typed.pop();
            }
            KeyCode::Char(c) if prompt == Prompt::Confirm => return self.confirmed(c),
            KeyCode::Enter => return self.answered(prompt, typed),
            KeyCode::Char(c) if !control => typed.push(c),
            _ => {}
        }
        self.prompt = Some((prompt, typed));
        Request::default()
    }

    fn run(&mut self, command: &ex::Ex) -> Request {
        use ex::Ex;
        self.message.clear();
        match command {
            Ex::Nothing => {}
            Ex::Goto(line) => self.goto(*line),
            Ex::Write { path, force } => return self.write(path.clone(), *force, false),
            Ex::WriteQuit { path, always } => {
                if !always && path.is_none() && !self.modified() {
                    return Request { save: None, quit: true };
                }
                return self.write(path.clone(), false, true);
            }
            Ex::Quit { force } => {
                if !force && self.modified() {
                    self.message = "E37: No write since last change (add ! to override)".into();
                } else {
                    return Request { save: None, quit: true };
                }
            }
            Ex::Revert => {
                let (keys, path, saved) = (self.keys, self.path.clone(), self.saved.clone());
                *self = Self::new(keys, path, &saved);
            }
            Ex::Delete { from, to } => self.replace_rows(*from, *to, Vec::new()),
            Ex::Substitute { from, to, with } => self.substitute(*from, *to, with),
        }
        Request::default()
    }

    fn write(&mut self, path: Option<PathBuf>, force: bool, quit: bool) -> Request {
        if self.readonly && !force && path.is_none() {
            self.message = "E45: 'readonly' option is set (add ! to override)".into();
            return Request::default();
        }
        match path.or_else(|| self.path.clone()) {
            Some(path) => Request { save: Some(path), quit },
            None => {
                self.message = "E32: No file name".into();
                Request::default()
            }
        }
    }

    fn substitute(&mut self, from: usize, to: usize, with: &ex::Substitution) {
        let rows = self.rows();
        let old = rows.get(from..=to.min(rows.len().saturating_sub(1))).unwrap_or_default();
        let new: Vec<String> = old.iter().map(|row| with.apply(row)).collect();
        match old.iter().zip(&new).rposition(|(a, b)| a != b) {
            Some(last) => {
                self.replace_rows(from, from + old.len() - 1, new);
                self.goto(from + last + 1);
            }
            None if old.iter().any(|row| with.matches(row)) => {}
            None => self.message = format!("E486: Pattern not found: {}", with.pattern),
        }
    }

    /// Puts rows in the place of others, as one step of undo.
    fn replace_rows(&mut self, from: usize, to: usize, new: Vec<String>) {
        let mut rows = self.rows();
        let to = to.min(rows.len().saturating_sub(1));
        if from > to {
            return;
        }
        self.remember(from, to);
        rows.splice(from..=to, new);
        self.state.lines = Lines::from(rows.join("\n").as_str());
        self.goto(from + 1);
    }

    /// Makes the text as it is a step that undo goes back to: edtui does so before a change of its own.
    fn remember(&mut self, from: usize, to: usize) {
        let full = (from..=to).chain(0..self.state.lines.len()).find(|row| !self.row(*row).is_empty());
        if let Some(row) = full
            && let Some(first) = self.row(row).chars().next()
        {
            self.state.cursor = Index2::new(row, 0);
            self.state.execute(ReplaceChar(first));
        }
    }

    fn rows(&self) -> Vec<String> {
        self.state.lines.to_vecs().into_iter().map(|row| row.into_iter().collect()).collect()
    }

    fn row(&self, at: usize) -> String {
        self.state.lines.get(RowIndex::new(at)).map(|row| row.iter().collect()).unwrap_or_default()
    }
}

/// Whether edtui knows what to do with a key.
fn understood(code: KeyCode) -> bool {
    use KeyCode::{
        Backspace, Char, Delete, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up,
    };
    matches!(
        code,
        Backspace
            | Char(_)
            | Delete
            | Down
            | End
            | Enter
            | Esc
            | Home
            | Left
            | PageDown
            | PageUp
            | Right
            | Tab
            | Up
    )
}

#[cfg(test)]
mod tests;
