//! nano's keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use edtui::Index2;
use edtui::actions::{DeleteLine, InsertChar, LineBreak, MoveToStartOfLine};

use super::{Editor, Prompt, Request};

impl Editor {
    pub(super) fn nano_key(&mut self, key: KeyEvent) -> Request {
        let cutting = std::mem::take(&mut self.cut.1);
        self.message.clear();
        if !key.modifiers.contains(KeyModifiers::CONTROL) {
            self.type_key(key);
            return Request::default();
        }
        match key.code {
            KeyCode::Char('x') if !self.modified() => return Request { save: None, quit: true },
            KeyCode::Char('x') => self.prompt = Some((Prompt::Confirm, String::new())),
            KeyCode::Char('o' | 's') => self.ask_name(false),
            KeyCode::Char('w') => self.prompt = Some((Prompt::Search, String::new())),
            KeyCode::Char('k') => {
                if !cutting {
                    self.cut.0.clear();
                }
                self.cut.0.push(self.row(self.state.cursor.row));
                self.cut.1 = true;
                self.state.execute(DeleteLine(1));
            }
            KeyCode::Char('u') => {
                self.state.execute(MoveToStartOfLine());
                for line in self.cut.0.clone() {
                    for c in line.chars() {
                        self.state.execute(InsertChar(c));
                    }
                    self.state.execute(LineBreak(1));
                }
            }
            KeyCode::Char('c') => {
                let (row, rows) = (self.state.cursor.row + 1, self.state.lines.len().max(1));
                self.message = format!("[ line {row}/{rows}, col {} ]", self.state.cursor.col + 1);
            }
            KeyCode::Char('g') => {
                self.message = "^O write, ^X exit, ^W search, ^K cut line, ^U paste, ^C position".into();
            }
            _ => self.type_key(key),
        }
        Request::default()
    }

    /// Takes the answer to whether to save before the end.
    pub(super) fn confirmed(&mut self, answer: char) -> Request {
        match answer.to_ascii_lowercase() {
            'y' => self.ask_name(true),
            'n' => return Request { save: None, quit: true },
            _ => self.prompt = Some((Prompt::Confirm, String::new())),
        }
        Request::default()
    }

    /// Takes what was typed at a prompt.
    pub(super) fn answered(&mut self, prompt: Prompt, typed: String) -> Request {
        match prompt {
            Prompt::Name(quit) if !typed.is_empty() => Request { save: Some(typed.into()), quit },
            Prompt::Search => {
                let wanted = if typed.is_empty() { self.last_search.clone() } else { typed };
                self.search(&wanted);
                Request::default()
            }
            other => {
                self.prompt = matches!(other, Prompt::Confirm).then_some((other, typed));
                Request::default()
            }
        }
    }

    fn ask_name(&mut self, quit: bool) {
        let name = self.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        self.prompt = Some((Prompt::Name(quit), name));
    }

    /// Moves to the next place that has the text, in any case of letters, from the top again after the end.
    fn search(&mut self, wanted: &str) {
        if wanted.is_empty() {
            return;
        }
        wanted.clone_into(&mut self.last_search);
        let wanted_lower = wanted.to_lowercase();
        let rows = self.rows();
        let here = self.state.cursor;
        let column = |row: &str, after: usize| {
            let skipped: usize = row.chars().take(after).map(char::len_utf8).sum();
            let rest = row.get(skipped..)?.to_lowercase();
            rest.find(&wanted_lower).map(|at| after + rest.get(..at).map_or(0, |s| s.chars().count()))
        };
        let found = (0..=rows.len()).find_map(|step| {
            let at = (here.row + step) % rows.len().max(1);
            let after = if step == 0 { here.col + 1 } else { 0 };
            column(rows.get(at)?, after).map(|col| Index2::new(at, col))
        });
        match found {
            Some(place) => self.state.cursor = place,
            None => self.message = format!("[ \"{wanted}\" not found ]"),
        }
    }
}
