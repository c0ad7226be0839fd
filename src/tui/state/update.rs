//! Events to changes: the one place where the state changes.

use super::super::effect::Effect;
use super::super::event::{Course, Event, PaneId};
use super::{Drawn, Entering, Focus, Overlay, Panel, Question, Shell, Stage, State};
use crate::grade::LessonResult;
use crate::terminal::Notice;
use crate::text::tr;

impl State {
    /// Takes in what happened, and says what is to be done.
    pub fn update(&mut self, event: Event, drawn: &Drawn) -> Vec<Effect> {
        let mut effects = Vec::new();
        let changed = self.take(event, drawn, &mut effects);
        self.dirty |= changed;
        if self.focus == Focus::Xray && !self.sees_dock() {
            self.focus = Focus::Shell;
        }
        if self.stage == Stage::Ready {
            self.tell_sizes(&mut effects);
            self.open_shown_panes(&mut effects);
        }
        effects
    }

    fn take(&mut self, event: Event, drawn: &Drawn, effects: &mut Vec<Effect>) -> bool {
        match event {
            Event::Key(key) => return self.key(key, drawn, effects),
            Event::Mouse(mouse) => return self.mouse(mouse, drawn, effects),
            Event::Paste(text) => return self.paste(text, effects),
            Event::Focus(gained) => {
                if let Some(pane) = self.pane() {
                    effects.push(Effect::Focus(pane.id, gained));
                }
                return false;
            }
            Event::Resize(width, height) => self.size = (width, height),
            Event::Clock(seconds) => return self.clock(seconds, effects),
            Event::Phase(phase) => {
                if let Stage::Starting(last) = &mut self.stage {
                    *last = Some(phase);
                }
            }
            Event::Offers(offers) => self.offered(offers),
            Event::Opened(course) => self.opened(*course),
            Event::Exam(exam) => self.exam = Some(*exam),
            Event::ExamTicked { clock, warning, over } => return self.ticked(clock, warning, over, effects),
            Event::ExamTurnFailed(trouble) => {
                self.busy = None;
                self.show(Panel::Trouble(trouble));
            }
            Event::ExamGraded(result) => self.graded_exam(result),
            Event::OpenFailed(trouble) => self.stage = Stage::Failed(trouble),
            Event::Server(up) => match &mut self.course {
                Some(course) if course.server_up != up => course.server_up = up,
                _ => return false,
            },
            Event::Tasks(result) => {
                let index = self.lesson().and_then(|l| l.steps.iter().position(|step| step.id == result.id));
                match index.and_then(|i| self.tasks.get_mut(i)) {
                    Some(slot) if slot.as_ref() != Some(&result) => *slot = Some(result),
                    _ => return false,
                }
            }
            Event::Standing(standing) => match &mut self.course {
                Some(course) if course.standing != standing => course.standing = standing,
                _ => return false,
            },
            Event::Notice(text) => self.say(text),
            Event::Shell(pane, result) => {
                let Some(pane) = self.pane_mut(pane) else { return false };
                pane.shell = match result {
                    Ok(()) => Shell::Running,
                    Err(trouble) => Shell::Failed(trouble),
                };
            }
            Event::Terminal(pane, notice) => return self.terminal(pane, notice, effects),
            Event::Modified(pane, modified) => match self.pane_mut(pane) {
                Some(pane) if pane.modified != modified => pane.modified = modified,
                _ => return false,
            },
            Event::EditorClosed(pane) => self.close_pane(pane, effects),
            Event::PathCompleted(typed, longer, names) => {
                if let Some(Overlay::Entry(Entering::File, text)) = &mut self.overlay
                    && *text == typed
                {
                    *text = longer;
                    if names.len() > 1 {
                        self.say(names.join("  "));
                    }
                }
            }
            Event::Checked { result, whole } => {
                self.busy = None;
                match result {
                    Ok(result) => self.checked(result, whole),
                    Err(trouble) => self.show(Panel::Trouble(trouble)),
                }
            }
            Event::Hinted(result) => match result {
                Ok(Some(_)) => {
                    self.show(Panel::Text);
                    self.scroll = usize::MAX;
                }
                Ok(None) => {
                    self.show(Panel::Text);
                    self.scroll = usize::MAX;
                    self.say(tr!(tui_last_hint));
                }
                Err(trouble) => self.show(Panel::Trouble(trouble)),
            },
            Event::Solved(result) => {
                self.busy = None;
                match result {
                    Ok(text) => self.show(Panel::Solved(text)),
                    Err(trouble) => self.show(Panel::Trouble(trouble)),
                }
            }
            Event::Reset(result) => {
                self.busy = None;
                match result {
                    Ok(()) => self.restarted(),
                    Err(trouble) => self.show(Panel::Trouble(trouble)),
                }
            }
            Event::Copied(count) => {
                self.say(tr!(tui_copied { count }));
            }
            Event::CopyMode(pane, on) => match self.pane_mut(pane) {
                Some(pane) if pane.copying != on => pane.copying = on,
                _ => return false,
            },
            Event::Requests(entries) => {
                let Some(entries) = entries else {
                    self.xray.blind = true;
                    return self.sees_xray();
                };
                if self.requests == entries || self.xray.paused {
                    return false;
                }
                self.requests = entries;
                return self.sees_xray();
            }
            Event::Recorded => {
                if self.sees_xray() && !self.xray.paused {
                    effects.push(Effect::Requests);
                }
                return false;
            }
            Event::NotCopied(text) => {
                effects.push(Effect::Osc52(text));
                return false;
            }
            Event::Suspend => {
                effects.push(Effect::Suspend);
                return false;
            }
            Event::Terminate => {
                self.keep_layout(effects);
                effects.push(Effect::Quit);
                return false;
            }
        }
        true
    }

    fn clock(&mut self, seconds: u64, effects: &mut Vec<Effect>) -> bool {
        let mut changed = self.seconds != seconds;
        if self.prefix && changed {
            changed |= !std::mem::replace(&mut self.prefix_waits, true);
        }
        self.seconds = seconds;
        if self.notice.as_ref().is_some_and(|(_, until)| *until <= seconds) {
            self.notice = None;
        }
        if self.sees_xray() {
            effects.push(Effect::Requests);
        }
        if self.sitting().is_some() {
            effects.push(Effect::ExamTick);
        }
        self.keep_layout(effects);
        changed
    }

    fn opened(&mut self, mut course: Course) {
        self.stage = Stage::Ready;
        self.record_of(&course);
        if let Some(exam) = course.exam.take() {
            return self.turned(course, exam);
        }
        self.tasks = vec![None; course.lesson.steps.len()];
        let current = course.standing.current;
        self.page =
            if current == 0 && !course.resumed && !course.lesson.intro.is_empty() { 0 } else { current + 1 };
        let resumed = course.resumed;
        self.seconds = course.standing.seconds;
        let layout = course.layout.clone();
        self.course = Some(course);
        if self.page == 0 {
            self.focus = Focus::Glance;
        }
        match layout {
            Some(layout) if self.restore(&layout) => self.restore_window(&layout),
            _ => self.usual_tabs(),
        }
        if resumed {
            self.overlay = Some(Overlay::Question(Question::Resume));
        }
    }

    /// After a reset: everything known of the past is forgotten.
    fn restarted(&mut self) {
        let current = self.course.as_ref().map_or(0, |course| course.standing.current);
        self.tasks = vec![None; self.steps()];
        self.panel = Panel::Text;
        self.scroll = 0;
        self.page = if current == 0 && self.page > 1 { 0 } else { current + 1 };
        self.say(tr!(tui_started_over));
    }

    fn checked(&mut self, result: LessonResult, whole: bool) {
        for step in &result.steps {
            let index = self.lesson().and_then(|l| l.steps.iter().position(|s| s.id == step.id));
            if let Some(slot) = index.and_then(|i| self.tasks.get_mut(i)) {
                *slot = Some(step.clone());
            }
        }
        self.show(Panel::Result(result, whole));
    }

    /// Shows something in the lesson pane. Whoever went back to the shell meanwhile is told, and stays there: nothing
    /// moves while one types.
    pub(super) fn show(&mut self, panel: Panel) {
        self.panel = panel;
        self.scroll = 0;
        self.code = None;
        self.selection = None;
        if !self.sees_lesson() {
            self.say(tr!(tui_lesson_has_news { key: "F2" }));
        }
    }

    /// Turns to the lesson, for what was asked for is there: seen in windows of every size. From the shell it is a
    /// glance, from which whatever one types leads back.
    pub(super) fn attend(&mut self) {
        if self.focus != Focus::Lesson {
            self.focus = Focus::Glance;
        }
    }

    fn terminal(&mut self, id: PaneId, notice: Notice, effects: &mut Vec<Effect>) -> bool {
        let shown = self.tab().is_some_and(|tab| tab.tiles.panes().contains(&id));
        let Some(pane) = self.pane_mut(id) else { return false };
        match notice {
            Notice::Output if shown => return true,
            Notice::Output | Notice::Bell => {
                let news = !shown && !pane.news;
                pane.news |= news;
                return news;
            }
            Notice::Title(_) => return false,
            Notice::Clipboard(text) => effects.push(Effect::Copy(text)),
            Notice::Exited(status) => {
                pane.shell = Shell::Ended(status);
                pane.copying = false;
            }
        }
        true
    }
}
