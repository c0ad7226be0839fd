//! Events to changes: the one place where the state changes.

use super::super::effect::Effect;
use super::super::event::{Course, Event, TabId};
use super::super::layout;
use super::{Drawn, Focus, Overlay, Panel, Question, Shell, Stage, State, Tab};
use crate::grade::LessonResult;
use crate::terminal::Notice;

impl State {
    /// Takes in what happened, and says what is to be done.
    pub fn update(&mut self, event: Event, drawn: &Drawn) -> Vec<Effect> {
        let mut effects = Vec::new();
        let changed = self.take(event, drawn, &mut effects);
        self.dirty |= changed;
        if self.stage == Stage::Ready {
            self.open_shown_tab(&mut effects);
        }
        let size = layout::screen_size(self);
        if size != self.screen_size {
            self.screen_size = size;
            effects.push(Effect::Resize(size.0, size.1));
        }
        effects
    }

    /// The size that the terminals have.
    pub fn screen_size(&self) -> (u16, u16) {
        self.screen_size
    }

    fn take(&mut self, event: Event, drawn: &Drawn, effects: &mut Vec<Effect>) -> bool {
        match event {
            Event::Key(key) => return self.key(key, drawn, effects),
            Event::Mouse(mouse) => return self.mouse(mouse, drawn, effects),
            Event::Paste(text) => return self.paste(text, effects),
            Event::Focus(gained) => {
                if let Some(tab) = self.tab() {
                    effects.push(Effect::Focus(tab.id, gained));
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
            Event::Opened(course) => self.opened(*course),
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
            Event::Shell(tab, result) => {
                let Some(tab) = self.tabs.iter_mut().find(|t| t.id == tab) else { return false };
                tab.shell = match result {
                    Ok(()) => Shell::Running,
                    Err(trouble) => Shell::Failed(trouble),
                };
            }
            Event::Terminal(tab, notice) => return self.terminal(tab, notice, effects),
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
                    self.say("That was the last hint; the solution comes with F7.");
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
                self.say(format!("{count} character{} copied", if count == 1 { "" } else { "s" }));
            }
            Event::CopyMode(tab, on) => match self.tabs.iter_mut().find(|t| t.id == tab) {
                Some(tab) if tab.copying != on => tab.copying = on,
                _ => return false,
            },
            Event::Requests(entries) => {
                if self.requests == entries {
                    return false;
                }
                self.requests = entries;
                return self.overlay == Some(Overlay::Xray);
            }
            Event::Terminate => {
                effects.push(Effect::Quit);
                return false;
            }
        }
        true
    }

    fn clock(&mut self, seconds: u64, effects: &mut Vec<Effect>) -> bool {
        let changed = self.seconds != seconds;
        self.seconds = seconds;
        if self.notice.as_ref().is_some_and(|(_, until)| *until <= seconds) {
            self.notice = None;
        }
        if self.overlay == Some(Overlay::Xray) {
            effects.push(Effect::Requests);
        }
        changed
    }

    fn opened(&mut self, course: Course) {
        self.stage = Stage::Ready;
        self.tasks = vec![None; course.lesson.steps.len()];
        let current = course.standing.current;
        self.page =
            if current == 0 && !course.resumed && !course.lesson.intro.is_empty() { 0 } else { current + 1 };
        let resumed = course.resumed;
        self.seconds = course.standing.seconds;
        self.course = Some(course);
        for node in self.nodes() {
            self.add_tab(node);
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
        self.say("Started over.");
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

    /// Shows something in the lesson pane; it was asked for, so it may come to the front.
    pub(super) fn show(&mut self, panel: Panel) {
        self.panel = panel;
        self.scroll = 0;
        self.code = None;
        self.bring_lesson();
    }

    /// Makes the lesson pane seen, where only one pane is.
    pub(super) fn bring_lesson(&mut self) {
        if !self.side_by_side() {
            if self.size.0 >= super::SIDE_BY_SIDE {
                self.zoom = false;
            } else {
                self.focus = Focus::Lesson;
            }
        }
    }

    pub(super) fn add_tab(&mut self, node: String) -> usize {
        let id = self.next_tab;
        self.next_tab += 1;
        self.tabs.push(Tab { id, node, name: None, shell: Shell::Waiting, news: false, copying: false });
        self.tabs.len() - 1
    }

    fn open_shown_tab(&mut self, effects: &mut Vec<Effect>) {
        if let Some(tab) = self.tabs.get_mut(self.active)
            && tab.shell == Shell::Waiting
        {
            tab.shell = Shell::Starting;
            effects.push(Effect::OpenShell { tab: tab.id, node: tab.node.clone() });
        }
    }

    fn terminal(&mut self, id: TabId, notice: Notice, effects: &mut Vec<Effect>) -> bool {
        let active = self.active;
        let Some((index, tab)) = self.tabs.iter_mut().enumerate().find(|(_, tab)| tab.id == id) else {
            return false;
        };
        match notice {
            Notice::Output if index == active => return true,
            Notice::Output | Notice::Bell => {
                let news = index != active && !tab.news;
                tab.news |= news;
                return news;
            }
            Notice::Title(_) => return false,
            Notice::Clipboard(text) => effects.push(Effect::Copy(text)),
            Notice::Exited(status) => {
                tab.shell = Shell::Ended(status);
                tab.copying = false;
            }
        }
        true
    }
}
