//! The terminal as a full-screen tool of a node needs it.

use std::io::{self, stdout};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// Raw mode, the alternate screen and bracketed paste; given back on drop, with the cursor shown.
pub struct FullScreen(());

impl FullScreen {
    /// Takes the terminal over.
    pub fn new() -> io::Result<Self> {
        enable_raw_mode()?;
        let taken = Self(());
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        Ok(taken)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        let _ = execute!(stdout(), DisableBracketedPaste, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
    }
}
