//! What a learner can ask for, whichever key, click or palette entry asks.

use super::event::PaneId;
use super::tiles::Side;
use crate::terminal::screen::CopyMove;

/// One thing a learner can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Shows all keys.
    Help,
    /// Opens the command palette.
    Palette,
    /// Moves between lesson and shell.
    ToggleFocus,
    /// Moves to the shell.
    FocusShell,
    /// Moves to the lesson.
    FocusLesson,
    /// Grades the step on the page.
    Check,
    /// Grades every step.
    CheckAll,
    /// Shows the next hint.
    Hint,
    /// Shows the solution, after a question.
    Solution,
    /// Applies the solution, after a question.
    Solve,
    /// Turns to the next page of the lesson.
    NextPage,
    /// Turns back a page.
    PreviousPage,
    /// Turns to a step's page.
    GoToStep(usize),
    /// Starts the step over, after a question.
    ResetStep,
    /// Starts the lesson over, after a question.
    ResetLesson,
    /// Opens a shell on the node of the current tab.
    NewTab,
    /// Opens a shell on the node with this index.
    NewTabOn(usize),
    /// Closes the pane with the keyboard, and its tab with its last pane.
    ClosePane,
    /// Opens a shell to the right of the pane.
    SplitBeside,
    /// Opens a shell below the pane.
    SplitBelow,
    /// Moves to the next pane of the tab.
    OtherPane,
    /// Moves to the pane on a side, or to the tab there.
    PaneTowards(Side),
    /// Moves the line beside the pane towards a side.
    PushPane(Side),
    /// Moves to a pane.
    FocusPane(PaneId),
    /// Asks for a file of the node, and opens it in an editor.
    EditFile,
    /// Stops the program until its shell continues it.
    Suspend,
    /// Names the current tab.
    RenameTab,
    /// Shows the next tab.
    NextTab,
    /// Shows the previous tab.
    PreviousTab,
    /// Shows the tab with this index.
    SelectTab(usize),
    /// Starts a shell again in a tab whose shell ended.
    RestartShell,
    /// Gives the focused pane the whole window, or takes it back.
    Zoom,
    /// Makes the lesson pane wider.
    GrowLesson,
    /// Makes the lesson pane narrower.
    ShrinkLesson,
    /// Scrolls the shell a page back.
    ShellPageUp,
    /// Scrolls the shell a page on.
    ShellPageDown,
    /// Enters the copy mode of the shell.
    CopyMode,
    /// Gives the mouse to the terminal, or takes it.
    ToggleMouse,
    /// Takes the next theme.
    NextTheme,
    /// Switches the ASCII mode.
    ToggleAscii,
    /// Shows the latest requests to the API server.
    Xray,
    /// Selects a request further on in the X-ray.
    XrayStep(i32),
    /// The same by pages.
    XrayPages(i32),
    /// Shows all fields of the selected request, or its line alone.
    XrayOpen,
    /// Shows other requests.
    XrayFilter,
    /// Stops the X-ray, or lets it go on.
    XrayPause,
    /// Selects the request with this number; a second time explains it.
    XrayThis(u64),
    /// Closes the X-ray, wherever it is.
    XrayClose,
    /// Selects another lesson or exam on the first screen.
    PickStep(i32),
    /// Selects this one; a second time takes it.
    PickThis(usize),
    /// Begins what is selected.
    Pick,
    /// Leaves without a question.
    Leave,
    /// Shows all tasks of the exam.
    ExamOverview,
    /// Selects another task in the overview.
    ExamStep(i32),
    /// Turns to the selected task.
    ExamTurn,
    /// Marks a task to come back to, or takes the mark away.
    ExamFlag,
    /// Hands the exam in, after a question; shows the results once it is graded.
    ExamHandIn,
    /// Draws the whole window again.
    Redraw,
    /// Leaves, after a question.
    Quit,
    /// Sends the prefix key to the shell.
    SendPrefix,
    /// Scrolls what is read by lines; down is positive.
    Lines(i32),
    /// Scrolls what is read by pages; down is positive.
    Pages(i32),
    /// Scrolls to the start.
    Top,
    /// Scrolls to the end.
    Bottom,
    /// Selects the next piece of code.
    NextCode,
    /// Selects the previous piece of code.
    PreviousCode,
    /// Runs the selected piece of code.
    RunSelected,
    /// Copies the selected piece of code.
    CopySelected,
    /// Runs a piece of code.
    Run(usize),
    /// Copies a piece of code.
    Copy(usize),
    /// Goes back: closes what is on top, stops what runs, or returns to the shell.
    Back,
    /// Goes back from a result or a solution to the page's text.
    CloseText,
    /// Says yes to the question on top.
    Accept,
    /// Chooses the second answer of a question.
    Second,
    /// Takes the palette's entry with this index.
    PaletteEntry(usize),
    /// Selects another entry of the palette.
    PaletteStep(i32),
    /// Takes the selected entry of the palette.
    PaletteTake,
    /// Takes the line of text that was typed.
    EntryTake,
    /// Completes the path that is typed.
    EntryComplete,
    /// Takes back the last character of what is typed.
    Erase,
    /// Takes back all that was typed.
    EraseAll,
    /// Moves the copy mode's cursor.
    CopyMove(CopyMove),
    /// Starts or drops a selection in the copy mode.
    CopyMark,
    /// Selects whole lines in the copy mode.
    CopyMarkLines,
    /// Copies the selection and leaves the copy mode.
    CopyTake,
    /// Asks for a text to search for in the copy mode.
    CopySearch,
    /// Goes to the next match; backwards is towards older lines.
    CopyNext {
        /// Towards older lines.
        backwards: bool,
    },
}

impl Action {
    /// Whether it can be asked for before a lab is there.
    pub fn is_of_every_stage(self) -> bool {
        matches!(
            self,
            Self::Quit
                | Self::Help
                | Self::Palette
                | Self::PaletteStep(_)
                | Self::PaletteTake
                | Self::PaletteEntry(_)
                | Self::Erase
                | Self::EraseAll
                | Self::Back
                | Self::Accept
                | Self::Leave
                | Self::Pick
                | Self::PickStep(_)
                | Self::PickThis(_)
                | Self::Suspend
                | Self::Redraw
                | Self::NextTheme
                | Self::ToggleAscii
                | Self::ToggleMouse
        )
    }

    /// Whether it is a help that an exam does not give.
    pub fn is_help_with_a_step(self) -> bool {
        matches!(
            self,
            Self::Check
                | Self::CheckAll
                | Self::Hint
                | Self::Solution
                | Self::Solve
                | Self::ResetStep
                | Self::ResetLesson
        )
    }

    /// Whether it is for exams alone.
    pub fn is_of_exams(self) -> bool {
        matches!(self, Self::ExamOverview | Self::ExamFlag | Self::ExamHandIn)
    }
}
