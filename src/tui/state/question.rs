//! Questions that are asked before something that cannot be taken back.

use super::State;
use crate::text::tr;

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether to leave.
    Quit,
    /// Whether to put the lesson under way aside for another.
    Switch,
    /// Whether to hand an exam in.
    HandIn,
    /// Whether to go on with the lab that is there.
    Resume,
    /// Whether to show the solution.
    Solution,
    /// Whether to apply it.
    Solve,
    /// Whether to start the step over.
    ResetStep,
    /// Whether to start the lesson over.
    ResetLesson,
    /// Whether to close a pane whose shell runs.
    CloseShell,
    /// Whether to close an editor whose file has changes that are not saved.
    CloseFile,
}

/// A question in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// What it is about.
    pub title: String,
    /// The question, with what would be lost.
    pub text: String,
    /// Yes: the key's name, and what it does.
    pub yes: &'static str,
    /// The key for the second answer, and what it does.
    pub second: Option<(char, &'static str)>,
    /// No.
    pub no: &'static str,
}

impl Question {
    /// The question in words.
    pub fn words(self, state: &State) -> Words {
        let step = state.step().map_or_else(String::new, |step| format!("\"{}\"", step.title));
        let words = |title: &str, text: String, yes, no| Words {
            title: title.to_owned(),
            text,
            yes,
            second: None,
            no,
        };
        match self {
            Self::Quit => {
                let unsaved = state.panes.iter().filter(|pane| pane.modified).count();
                let lost = match unsaved {
                    0 => "",
                    1 => " Changes in an editor are not saved, and go.",
                    _ => " Changes in editors are not saved, and go.",
                };
                words(
                    "Leave the lab?",
                    format!(
                        "Running shells end. The cluster, your files and your progress are kept: start cks-lab again and you are back here.{lost}"
                    ),
                    "leave",
                    "stay",
                )
            }
            Self::Switch => {
                let open = state.offers().iter().find(|offer| offer.open && !offer.exam);
                let open = open.map_or("", |offer| offer.title.as_str());
                let text = tr!(tui_pick_switch_text { open });
                words(tr!(tui_pick_switch), text, tr!(tui_pick_switch_yes), tr!(tui_pick_switch_no))
            }
            Self::HandIn => {
                let (left, flagged) = state
                    .exam
                    .as_ref()
                    .map_or((String::new(), 0), |exam| (exam.clock.shown(), exam.flagged()));
                let text = tr!(tui_exam_hand_in_text { left, flagged });
                words(tr!(tui_exam_hand_in), text, tr!(tui_exam_hand_in_yes), tr!(tui_exam_hand_in_no))
            }
            Self::Resume => {
                let (score, max) = state.points();
                let points = max.map_or_else(|| score.to_string(), |max| format!("{score} of {max}"));
                let passed =
                    (0..state.steps()).filter(|i| state.graded(*i).is_some_and(|r| r.passed)).count();
                let title = state.lesson().map_or("", |lesson| lesson.title.as_str());
                let minutes = state.seconds / 60;
                Words {
                    title: "Welcome back".to_owned(),
                    text: format!(
                        "{title}: {passed} of {} steps passed, {points} points, {minutes} min spent.\nEverything is as you left it.",
                        state.steps()
                    ),
                    yes: "go on",
                    second: Some(('s', "start over")),
                    no: "go on",
                }
            }
            Self::Solution => words(
                "Show the solution?",
                format!(
                    "The solution of {step} will be in the lesson pane. Hints come in levels and may be enough."
                ),
                "show it",
                "not yet",
            ),
            Self::Solve => words(
                "Apply the solution?",
                format!("The solution of {step} is typed on the nodes for you, and your progress notes it."),
                "apply it",
                "not yet",
            ),
            Self::ResetStep => words(
                "Start this step over?",
                format!("What you changed since {step} began is undone, and its points go."),
                "start over",
                "keep it",
            ),
            Self::ResetLesson => words(
                "Start the lesson over?",
                "The cluster and all files go back to the beginning; progress and points go.".into(),
                "start over",
                "keep it",
            ),
            Self::CloseShell => {
                words("Close this pane?", "What runs in its shell ends.".into(), "close it", "keep it")
            }
            Self::CloseFile => {
                words("Close this file?", "Changes that are not saved go.".into(), "close it", "keep it")
            }
        }
    }
}
