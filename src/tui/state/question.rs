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
                words(
                    tr!(tui_quit),
                    match state.sitting() {
                        Some(_) => tr!(tui_quit_exam_text { unsaved }),
                        None => tr!(tui_quit_text { unsaved }),
                    },
                    tr!(tui_quit_yes),
                    tr!(tui_quit_no),
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
                let points = max.map_or_else(|| score.to_string(), |max| tr!(tui_points_of { score, max }));
                let passed =
                    (0..state.steps()).filter(|i| state.graded(*i).is_some_and(|r| r.passed)).count();
                let title = state.lesson().map_or("", |lesson| lesson.title.as_str());
                let minutes = state.seconds / 60;
                Words {
                    title: tr!(tui_welcome_back).to_owned(),
                    text: tr!(tui_welcome_text { title, passed, steps: state.steps(), points, minutes }),
                    yes: tr!(tui_go_on),
                    second: Some(('s', tr!(tui_start_over))),
                    no: tr!(tui_go_on),
                }
            }
            Self::Solution => words(
                tr!(tui_ask_solution),
                tr!(tui_ask_solution_text { step }),
                tr!(tui_show_it),
                tr!(tui_not_yet),
            ),
            Self::Solve => words(
                tr!(tui_ask_solve),
                tr!(tui_ask_solve_text { step }),
                tr!(tui_apply_it),
                tr!(tui_not_yet),
            ),
            Self::ResetStep => words(
                tr!(tui_ask_step),
                tr!(tui_ask_step_text { step }),
                tr!(tui_start_over),
                tr!(tui_keep_it),
            ),
            Self::ResetLesson => words(
                tr!(tui_ask_lesson),
                tr!(tui_ask_lesson_text).into(),
                tr!(tui_start_over),
                tr!(tui_keep_it),
            ),
            Self::CloseShell => {
                words(tr!(tui_ask_pane), tr!(tui_ask_pane_text).into(), tr!(tui_close_it), tr!(tui_keep_it))
            }
            Self::CloseFile => {
                words(tr!(tui_ask_file), tr!(tui_ask_file_text).into(), tr!(tui_close_it), tr!(tui_keep_it))
            }
        }
    }
}
