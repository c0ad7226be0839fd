//! The clipboard of whoever sits at the terminal.

use std::io::Write;
use std::sync::Arc;

use super::Runner;
use crate::tui::clipboard;
use crate::tui::event::Event;

impl Runner {
    /// Puts a text on the clipboard of whoever sits at the terminal.
    pub(super) fn copy(&self, text: &str) {
        if self.clipboard.is_empty() {
            return self.tell(Event::NotCopied(text.to_owned()));
        }
        let (ways, messages, text) = (Arc::clone(&self.clipboard), self.messages.clone(), text.to_owned());
        self.handle.spawn_blocking(move || {
            let taken = clipboard::give(&ways, &text);
            let event = if taken { Event::Copied(text.chars().count()) } else { Event::NotCopied(text) };
            let _ = messages.send(event.into());
        });
    }

    /// Writes a text to the clipboard of the window's terminal, whatever that may be.
    pub(super) fn osc52(&self, text: &str) {
        let in_screen = std::env::var_os("STY").is_some();
        let mut out = std::io::stdout();
        let sequence = clipboard::osc52(text, in_screen);
        if out.write_all(sequence.as_bytes()).and_then(|()| out.flush()).is_ok() {
            self.tell(Event::Copied(text.chars().count()));
        }
    }
}
