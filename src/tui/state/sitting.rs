//! An exam: its tasks, its clock, its end.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::event::{Course, Trouble};
use super::super::exam::Exam;
use super::{Focus, Overlay, Panel, Stage, State, Tab};
use crate::exam::{Clock, Outcome};
use crate::text::tr;

/// The tabs of a lesson of the exam that is not looked at.
pub type Shelf = (usize, Vec<Tab>, usize);

impl State {
    /// Whether an action makes sense here: before a lab is there little does, an exam gives no help, and only an exam has tasks.
    pub fn offers_action(&self, action: Action) -> bool {
        if self.stage != Stage::Ready && !action.is_of_every_stage() {
            return false;
        }
        if self.exam.is_some() { !action.is_help_with_a_step() } else { !action.is_of_exams() }
    }

    /// The exam that is held and not graded yet.
    pub fn sitting(&self) -> Option<&Exam> {
        self.exam.as_ref().filter(|exam| exam.outcome.is_none())
    }

    /// Takes the lab of a task; the tabs of each lesson are there again when it is turned to.
    pub(super) fn turned(&mut self, course: Course, exam: Exam) {
        self.busy = None;
        let before = self.exam.as_ref().map(Exam::lesson);
        if let Some(before) = before.filter(|lesson| *lesson != exam.lesson()) {
            let tabs = std::mem::take(&mut self.tabs);
            self.shelves.push((before, tabs, self.active));
        }
        if before != Some(exam.lesson()) {
            let shelf = self.shelves.iter().position(|(lesson, ..)| *lesson == exam.lesson());
            (self.tabs, self.active) = match shelf.map(|at| self.shelves.remove(at)) {
                Some((_, tabs, active)) => (tabs, active),
                None => (Vec::new(), 0),
            };
        }
        self.tasks = vec![None; course.lesson.steps.len()];
        self.page = exam.places.get(exam.at).map_or(1, |place| place.1 + 1);
        self.panel = Panel::Text;
        self.scroll = 0;
        self.code = None;
        let layout = course.layout.clone();
        self.course = Some(course);
        if before.is_none() {
            self.focus = Focus::Glance;
        }
        if self.tabs.is_empty() {
            match layout {
                Some(layout) if self.restore(&layout) => {
                    // How the window is divided is the same for all lessons of the exam.
                    if before.is_none() {
                        self.restore_window(&layout);
                    }
                }
                _ => self.usual_tabs(),
            }
        }
        self.exam = Some(exam);
    }

    pub(super) fn turn_exam(&mut self, task: usize, effects: &mut Vec<Effect>) {
        if self.exam.as_ref().is_some_and(|exam| task < exam.rows.len()) {
            // The tabs are kept with the lab that they belong to.
            self.keep_layout(effects);
            self.ask(tr!(tui_exam_opening), Effect::ExamGoTo(task), effects);
        }
    }

    /// Turns to the task before or after.
    pub(super) fn step_exam(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        let Some((at, count)) = self.exam.as_ref().map(|exam| (exam.at, exam.rows.len())) else { return };
        match (forward, at) {
            (true, at) if at + 1 < count => self.turn_exam(at + 1, effects),
            (true, _) => self.say(tr!(tui_exam_last { key: "F3" })),
            (false, 0) => self.say(tr!(tui_exam_first)),
            (false, at) => self.turn_exam(at - 1, effects),
        }
    }

    pub(super) fn ticked(
        &mut self,
        clock: Clock,
        warning: Option<u64>,
        over: bool,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Some(exam) = self.exam.as_mut().filter(|exam| exam.outcome.is_none()) else { return false };
        let ended = over && !exam.over;
        (exam.clock, exam.over) = (clock, over);
        if ended {
            self.say(tr!(tui_exam_time_up));
            self.hand_in(effects);
        } else if let Some(minutes) = warning.filter(|minutes| *minutes > 0) {
            self.say(tr!(tui_exam_warning { minutes }));
        }
        true
    }

    pub(super) fn hand_in(&mut self, effects: &mut Vec<Effect>) {
        // Whatever runs gives way: the end does not wait.
        if self.busy.take().is_some() {
            effects.push(Effect::Cancel);
        }
        self.overlay = None;
        self.work(tr!(tui_exam_grading), Effect::ExamFinish, effects);
    }

    pub(super) fn graded_exam(&mut self, result: Result<Outcome, Trouble>) {
        self.busy = None;
        match result {
            Ok(outcome) => {
                if let Some(exam) = &mut self.exam {
                    exam.over = true;
                    exam.outcome = Some(outcome);
                }
                self.show(Panel::Exam);
            }
            Err(trouble) => self.show(Panel::Trouble(trouble)),
        }
    }

    /// Moves in the overview.
    pub(super) fn overview_step(&mut self, by: i32) {
        let last = self.exam.as_ref().map_or(0, |exam| exam.rows.len().saturating_sub(1));
        if let Some(Overlay::Exam(selected)) = &mut self.overlay {
            let far = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
            *selected =
                if by < 0 { selected.saturating_sub(far) } else { selected.saturating_add(far).min(last) };
        }
    }
}
