//! What the state wants done outside of itself.

use crossterm::event::{KeyEvent, MouseEventKind};

use super::event::TabId;
use crate::terminal::screen::{CopyMove, ScrollBy};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Starts a shell on a node in a tab.
    OpenShell {
        /// The tab.
        tab: TabId,
        /// The node.
        node: String,
    },
    /// Closes a tab's terminal.
    CloseShell(TabId),
    /// Gives all terminals this size.
    Resize(u16, u16),
    /// Sends a key to a shell.
    Key(TabId, KeyEvent),
    /// Sends a paste to a shell.
    Paste(TabId, String),
    /// Types a command and Enter into a shell.
    Run {
        /// The tab.
        tab: TabId,
        /// The command.
        text: String,
        /// Whether to interrupt what runs there first.
        interrupt: bool,
    },
    /// A mouse event in a shell, at a cell of its screen.
    Mouse {
        /// The tab.
        tab: TabId,
        /// What the mouse did.
        kind: MouseEventKind,
        /// The column.
        column: u16,
        /// The row.
        row: u16,
        /// The modifiers held.
        modifiers: crossterm::event::KeyModifiers,
    },
    /// Tells a shell of the window's focus.
    Focus(TabId, bool),
    /// Scrolls a shell's view.
    Scroll(TabId, ScrollBy),
    /// Enters or leaves the copy mode.
    CopyMode(TabId, bool),
    /// Moves the copy mode's cursor.
    CopyMove(TabId, CopyMove),
    /// Starts or drops a selection, of whole lines or not.
    CopyMark(TabId, bool),
    /// Copies the selection and leaves the copy mode.
    CopyTake(TabId),
    /// Searches in the copy mode.
    CopySearch {
        /// The tab.
        tab: TabId,
        /// What for.
        text: String,
        /// Towards older lines.
        backwards: bool,
    },
    /// Puts a text on the clipboard.
    Copy(String),
    /// Grades a step, or all.
    Check(Option<String>),
    /// Shows the next hint of a step.
    Hint(String),
    /// Applies the solution of a step.
    Solve(String),
    /// Moves the learner to a step.
    GoTo(usize),
    /// Starts a step over, or all.
    Reset(Option<String>),
    /// Reads the latest requests to the API server.
    Requests,
    /// Stops the work that runs.
    Cancel,
    /// Takes or gives up the mouse.
    Mouseable(bool),
    /// Draws the window from nothing.
    Redraw,
    /// Ends the program.
    Quit,
}
