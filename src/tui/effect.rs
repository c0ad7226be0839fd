//! What the state wants done outside of itself.

use crossterm::event::{KeyEvent, MouseEventKind};

use super::event::PaneId;
use super::saved::Layout;
use super::starter::Choice;
use crate::terminal::screen::{CopyMove, ScrollBy};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Starts a shell on a node in a pane.
    OpenShell {
        /// The pane.
        pane: PaneId,
        /// The node.
        node: String,
    },
    /// Opens a file of a node in a pane.
    OpenFile {
        /// The pane.
        pane: PaneId,
        /// The node.
        node: String,
        /// The file's path there.
        path: String,
    },
    /// Looks for the names that go on from a path on a node.
    CompletePath {
        /// The node.
        node: String,
        /// What was typed.
        path: String,
    },
    /// Ends a pane's terminal or editor.
    ClosePane(PaneId),
    /// Gives a pane's terminal this size.
    Resize(PaneId, u16, u16),
    /// Sends a key to a shell.
    Key(PaneId, KeyEvent),
    /// Sends a paste to a shell.
    Paste(PaneId, String),
    /// Types a command and Enter into a shell.
    Run {
        /// The pane.
        pane: PaneId,
        /// The command.
        text: String,
        /// Whether to interrupt what runs there first.
        interrupt: bool,
    },
    /// A mouse event in a shell, at a cell of its screen.
    Mouse {
        /// The pane.
        pane: PaneId,
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
    Focus(PaneId, bool),
    /// Scrolls a shell's view.
    Scroll(PaneId, ScrollBy),
    /// Enters or leaves the copy mode.
    CopyMode(PaneId, bool),
    /// Moves the copy mode's cursor.
    CopyMove(PaneId, CopyMove),
    /// Starts or drops a selection, of whole lines or not.
    CopyMark(PaneId, bool),
    /// Copies the selection and leaves the copy mode.
    CopyTake(PaneId),
    /// Searches in the copy mode.
    CopySearch {
        /// The pane.
        pane: PaneId,
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
    /// Keeps how tabs and panes lie, for the next time.
    KeepLayout(Layout),
    /// Reads what the first screen offers.
    Offers,
    /// Brings up what was chosen.
    Start(Choice),
    /// Turns the exam to a task.
    ExamGoTo(usize),
    /// Marks a task of the exam, or takes the mark away.
    ExamFlag(usize),
    /// Looks at the exam's clock.
    ExamTick,
    /// Ends the exam and grades it.
    ExamFinish,
    /// Writes a text to the clipboard of the window's terminal (OSC 52).
    Osc52(String),
    /// Gives the terminal back and stops the program until it is continued.
    Suspend,
    /// Draws the window from nothing.
    Redraw,
    /// Ends the program.
    Quit,
}
