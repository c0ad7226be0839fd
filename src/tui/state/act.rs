//! Actions to changes.

use super::super::action::Action;
use super::super::effect::Effect;
use super::super::keymap::Context;
use super::super::tiles::Way;
use super::{Drawn, Entering, Focus, Overlay, Panel, Question, Shell, Stage, State, What};
use crate::terminal::screen::ScrollBy;
use crate::text::tr;

impl State {
    /// Does what was asked for.
    pub(super) fn act(&mut self, action: Action, drawn: &Drawn, effects: &mut Vec<Effect>) {
        if self.stage != Stage::Ready && !action.is_of_every_stage() {
            if matches!(self.stage, Stage::Starting(_)) {
                self.say(tr!(tui_still_coming));
            }
            return;
        }
        if self.exam.is_some() && action.is_help_with_a_step() {
            return self.say(tr!(tui_exam_no_help));
        }
        let pane = self.pane().map(|pane| pane.id);
        match action {
            Action::Help => self.lay(Overlay::Help),
            Action::Palette => self.lay(Overlay::Palette { query: String::new(), selected: 0 }),
            Action::Xray => self.toggle_xray(effects),
            Action::XrayStep(_)
            | Action::XrayPages(_)
            | Action::XrayThis(_)
            | Action::XrayOpen
            | Action::XrayFilter
            | Action::XrayPause
            | Action::XrayClose => self.in_xray(action, drawn, effects),
            Action::ToggleFocus => {
                self.focus = if self.focus == Focus::Shell { Focus::Lesson } else { Focus::Shell };
            }
            Action::FocusShell => self.focus = Focus::Shell,
            Action::FocusLesson => self.focus = Focus::Lesson,
            Action::Check => self.check(effects),
            Action::CheckAll => self.ask(tr!(tui_checking_all), Effect::Check(None), effects),
            Action::Hint => match self.step() {
                Some(step) if step.hints.is_empty() => self.say(tr!(tui_step_no_hints)),
                Some(step) => {
                    effects.push(Effect::Hint(step.id.clone()));
                    self.attend();
                }
                None => self.say(tr!(tui_page_no_hints)),
            },
            Action::Solution => self.ask_of_step(Question::Solution),
            Action::Solve => self.ask_of_step(Question::Solve),
            Action::ResetStep => self.ask_of_step(Question::ResetStep),
            Action::ResetLesson => self.lay(Overlay::Question(Question::ResetLesson)),
            Action::NextPage if self.exam.is_some() => self.step_exam(true, effects),
            Action::PreviousPage if self.exam.is_some() => self.step_exam(false, effects),
            Action::GoToStep(index) if self.exam.is_some() => {
                self.overlay = None;
                self.turn_exam(index, effects);
            }
            Action::NextPage => self.turn(self.page + 1, effects),
            Action::PreviousPage => self.turn(self.page.saturating_sub(1), effects),
            Action::GoToStep(index) => self.turn(index + 1, effects),
            Action::PickStep(by) => self.pick_step(by),
            Action::PickThis(index) if self.picker.selected == index => self.pick(effects),
            Action::PickThis(index) => self.picker.selected = index,
            Action::Pick => self.pick(effects),
            Action::Leave => effects.push(Effect::Quit),
            Action::ExamOverview => {
                if let Some(exam) = &self.exam {
                    self.lay(Overlay::Exam(exam.at));
                }
            }
            Action::ExamStep(by) => self.overview_step(by),
            Action::ExamTurn => {
                if let Some(Overlay::Exam(task)) = self.overlay.take() {
                    self.turn_exam(task, effects);
                }
            }
            Action::ExamFlag => {
                let selected = match self.overlay {
                    Some(Overlay::Exam(task)) => Some(task),
                    _ => self.exam.as_ref().map(|exam| exam.at),
                };
                effects.extend(selected.filter(|_| self.sitting().is_some()).map(Effect::ExamFlag));
            }
            Action::ExamHandIn if self.sitting().is_some() => self.lay(Overlay::Question(Question::HandIn)),
            Action::ExamHandIn if self.exam.is_some() => {
                self.attend();
                self.show(Panel::Exam);
            }
            Action::ExamHandIn => {}
            Action::NewTab => {
                if let Some(node) = self.node_here() {
                    self.open_tab(node);
                }
            }
            Action::NewTabOn(index) => {
                if let Some(node) = self.nodes().into_iter().nth(index) {
                    self.open_tab(node);
                }
            }
            Action::ClosePane => match self.pane() {
                Some(pane) if pane.modified => self.lay(Overlay::Question(Question::CloseFile)),
                Some(pane) if pane.shell == Shell::Running && pane.what == What::Shell => {
                    self.lay(Overlay::Question(Question::CloseShell));
                }
                Some(pane) => self.close_pane(pane.id, effects),
                None => {}
            },
            Action::RenameTab => {
                if let Some(tab) = self.tab() {
                    let name = tab.name.clone().or_else(|| self.pane().map(|pane| pane.node.clone()));
                    self.lay(Overlay::Entry(Entering::Name, name.unwrap_or_default()));
                }
            }
            Action::NextTab => self.step_tab(true),
            Action::PreviousTab => self.step_tab(false),
            Action::SelectTab(index) => self.select_tab(index),
            Action::SplitBeside => self.split(Way::Beside),
            Action::SplitBelow => self.split(Way::Below),
            Action::OtherPane => self.next_pane_of_tab(),
            Action::PaneTowards(side) => self.move_towards(side),
            Action::PushPane(side) => self.push_pane(side),
            Action::FocusPane(id) => self.focus_pane(id),
            Action::EditFile => {
                let directory = match self.course.as_ref().map(|course| course.facts.manifests.as_str()) {
                    Some(manifests) if !manifests.is_empty() => {
                        format!("{}/", manifests.trim_end_matches('/'))
                    }
                    _ => "/etc/kubernetes/".to_owned(),
                };
                self.lay(Overlay::Entry(Entering::File, directory));
            }
            Action::RestartShell => {
                if let Some(id) = pane
                    && let Some(pane) = self.pane_mut(id)
                {
                    pane.shell = Shell::Waiting;
                    pane.modified = false;
                    effects.push(Effect::ClosePane(id));
                }
            }
            Action::Suspend if self.lone => {
                self.say(tr!(tui_no_outer_shell));
            }
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Zoom => self.zoom = !self.zoom,
            Action::GrowLesson => self.set_split(self.split + 4),
            Action::ShrinkLesson => self.set_split(self.split.saturating_sub(4)),
            Action::ShellPageUp => self.scroll_shell(ScrollBy::Pages(1), effects),
            Action::ShellPageDown => self.scroll_shell(ScrollBy::Pages(-1), effects),
            Action::CopyMode => {
                self.focus = Focus::Shell;
                match self.pane() {
                    Some(pane) if pane.what == What::Shell => effects.push(Effect::CopyMode(pane.id, true)),
                    _ => self.say(tr!(tui_only_shells_copy)),
                }
            }
            Action::ToggleMouse => {
                self.config.mouse = !self.config.mouse;
                effects.push(Effect::Mouseable(self.config.mouse));
                self.say(if self.config.mouse { tr!(tui_mouse_ours) } else { tr!(tui_mouse_yours) });
            }
            Action::NextTheme => {
                self.config.theme = self.config.theme.next();
                self.say(tr!(tui_theme { theme: self.config.theme.as_str() }));
            }
            Action::ToggleAscii => self.config.ascii = !self.config.ascii,
            Action::Redraw => effects.push(Effect::Redraw),
            Action::Quit => self.lay(Overlay::Question(Question::Quit)),
            Action::SendPrefix => {
                if let Some(pane) = pane {
                    let prefix = self.config.prefix;
                    let key = crossterm::event::KeyEvent::new(prefix.code, prefix.modifiers);
                    effects.push(Effect::Key(pane, key));
                }
            }
            Action::Lines(lines) => self.scroll_reading(lines, drawn),
            Action::Pages(pages) => {
                let height = match (&self.overlay, drawn.text) {
                    (Some(_), _) => drawn.overlay.1,
                    (None, Some(text)) => usize::from(text.height),
                    (None, None) => 1,
                };
                let page = i32::try_from(height).unwrap_or(1).max(2) - 1;
                self.scroll_reading(page * pages, drawn);
            }
            Action::Top => self.scroll_reading(i32::MIN / 2, drawn),
            Action::Bottom => self.scroll_reading(i32::MAX / 2, drawn),
            Action::NextCode | Action::PreviousCode => {
                // Whoever selects code goes on to run it with Enter: the lesson has the keyboard for good.
                self.focus = Focus::Lesson;
                self.select_code(action == Action::NextCode, drawn);
            }
            Action::RunSelected => match self.code {
                Some(index) => self.run(index, drawn, effects),
                None => self.select_code(true, drawn),
            },
            Action::CopySelected => match self.code {
                Some(index) => self.copy(index, drawn, effects),
                None => self.say(tr!(tui_select_code_first)),
            },
            Action::Run(index) => self.run(index, drawn, effects),
            Action::Copy(index) => self.copy(index, drawn, effects),
            Action::Back => self.back(effects),
            Action::CloseText => {
                self.panel = Panel::Text;
                self.scroll = 0;
            }
            Action::Accept => self.answer(effects),
            Action::Second => {
                if self.overlay == Some(Overlay::Question(Question::Resume)) {
                    self.lay(Overlay::Question(Question::ResetLesson));
                }
            }
            Action::PaletteEntry(index) => {
                if let Some(Overlay::Palette { query, .. }) = &self.overlay {
                    let entry = super::super::palette::matching(self, query).into_iter().nth(index);
                    self.overlay = None;
                    if let Some(entry) = entry {
                        self.act(entry.action, drawn, effects);
                    }
                }
            }
            Action::PaletteStep(_) | Action::PaletteTake => self.in_palette(action, drawn, effects),
            Action::EntryTake | Action::EntryComplete => self.in_entry(action, effects),
            Action::Erase | Action::EraseAll => self.erase(action == Action::EraseAll),
            Action::CopyMove(motion) => effects.extend(pane.map(|pane| Effect::CopyMove(pane, motion))),
            Action::CopyMark => effects.extend(pane.map(|pane| Effect::CopyMark(pane, false))),
            Action::CopyMarkLines => effects.extend(pane.map(|pane| Effect::CopyMark(pane, true))),
            Action::CopyTake => effects.extend(pane.map(Effect::CopyTake)),
            Action::CopySearch => self.lay(Overlay::Entry(Entering::Search, String::new())),
            Action::CopyNext { backwards } => self.search_on(backwards, effects),
        }
    }

    pub(super) fn lay(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
        self.overlay_scroll = 0;
    }

    pub(super) fn work(&mut self, what: &'static str, effect: Effect, effects: &mut Vec<Effect>) {
        if self.busy.is_some() {
            self.say(tr!(tui_runs_already));
            return;
        }
        self.busy = Some(what);
        effects.push(effect);
    }

    /// The same, where the learner asked for it.
    pub(super) fn ask(&mut self, what: &'static str, effect: Effect, effects: &mut Vec<Effect>) {
        self.attend();
        self.work(what, effect, effects);
    }

    fn check(&mut self, effects: &mut Vec<Effect>) {
        match self.step() {
            Some(step) => {
                let id = step.id.clone();
                self.ask(tr!(tui_checking), Effect::Check(Some(id)), effects);
            }
            None if self.page == 0 => self.say(tr!(tui_nothing_to_check)),
            None => self.ask(tr!(tui_checking_all), Effect::Check(None), effects),
        }
    }

    fn ask_of_step(&mut self, question: Question) {
        if self.step().is_some() {
            self.lay(Overlay::Question(question));
        } else {
            self.say(tr!(tui_of_a_step));
        }
    }

    fn turn(&mut self, page: usize, effects: &mut Vec<Effect>) {
        let last = self.steps() + 1;
        if page > last {
            self.say(tr!(tui_last_page));
        }
        let page = page.min(last);
        self.attend();
        if page != self.page || self.panel != Panel::Text {
            self.page = page;
            self.show(Panel::Text);
            let current = self.course.as_ref().map(|course| course.standing.current);
            if let Some(index) = self.step_index().filter(|index| Some(*index) != current) {
                effects.push(Effect::GoTo(index));
            }
        }
    }

    /// The node of the pane with the keyboard, or the first one.
    pub(super) fn node_here(&self) -> Option<String> {
        self.pane().map(|pane| pane.node.clone()).or_else(|| self.nodes().into_iter().next())
    }

    pub(super) fn set_split(&mut self, percent: u16) {
        self.split = percent.clamp(25, 65);
    }

    fn scroll_shell(&mut self, by: ScrollBy, effects: &mut Vec<Effect>) {
        effects.extend(self.pane().map(|pane| Effect::Scroll(pane.id, by)));
    }

    /// Scrolls what is read: what is on top, or the lesson.
    pub(super) fn scroll_reading(&mut self, lines: i32, drawn: &Drawn) {
        let (position, total, height) = match (&self.overlay, drawn.text) {
            (Some(_), _) => (&mut self.overlay_scroll, drawn.overlay.0, drawn.overlay.1),
            (None, Some(text)) => (&mut self.scroll, drawn.lines, usize::from(text.height)),
            (None, None) => return,
        };
        let last = total.saturating_sub(height);
        let by = usize::try_from(lines.unsigned_abs()).unwrap_or(usize::MAX);
        let now = (*position).min(last);
        *position = if lines < 0 { now.saturating_sub(by) } else { now.saturating_add(by).min(last) };
    }

    fn select_code(&mut self, forward: bool, drawn: &Drawn) {
        let usable: Vec<usize> = (0..drawn.codes.len())
            .filter(|i| drawn.codes.get(*i).is_some_and(|c| !c.buttons.is_empty()))
            .collect();
        let at = self.code.and_then(|code| usable.iter().position(|i| *i == code));
        let next = match (at, forward) {
            (None, true) => usable.first(),
            (None, false) => usable.last(),
            (Some(at), true) => usable.get((at + 1) % usable.len().max(1)),
            (Some(at), false) => usable.get((at + usable.len() - 1) % usable.len().max(1)),
        };
        self.code = next.copied();
        let Some(code) = self.code.and_then(|i| drawn.codes.get(i)) else {
            return self.say(tr!(tui_no_code_here));
        };
        let lines =
            code.places.iter().chain(code.buttons.iter().map(|(place, _)| place)).map(|place| place.line);
        let height = drawn.text.map_or(1, |text| usize::from(text.height));
        if let (Some(first), Some(last)) = (lines.clone().min(), lines.max()) {
            let scroll = self.scroll.min(drawn.lines.saturating_sub(height));
            self.scroll = if first < scroll { first } else { scroll.max((last + 1).saturating_sub(height)) };
        }
    }

    fn run(&mut self, index: usize, drawn: &Drawn, effects: &mut Vec<Effect>) {
        let Some(code) = drawn.codes.get(index) else { return };
        if !code.run {
            return self.copy(index, drawn, effects);
        }
        match self.shell_for_code() {
            Some(pane) => {
                effects.push(Effect::Run { pane, text: code.text.clone(), interrupt: code.interrupt });
                self.focus_pane(pane);
            }
            None => self.say(tr!(tui_no_shell_here)),
        }
    }

    fn copy(&mut self, index: usize, drawn: &Drawn, effects: &mut Vec<Effect>) {
        if let Some(code) = drawn.codes.get(index) {
            effects.push(Effect::Copy(code.text.clone()));
        }
    }

    fn back(&mut self, effects: &mut Vec<Effect>) {
        if self.context() == Context::Xray {
            return self.leave_xray();
        }
        if self.overlay.take().is_some() {
            return;
        }
        if self.busy.take().is_some() {
            effects.push(Effect::Cancel);
            self.say(tr!(tui_stopped));
            if self.focus == Focus::Glance {
                self.focus = Focus::Shell;
            }
        } else if self.copying() && self.focus == Focus::Shell {
            effects.extend(self.pane().map(|pane| Effect::CopyMode(pane.id, false)));
        } else if self.code.take().is_some() {
        } else if self.panel != Panel::Text {
            self.panel = Panel::Text;
            self.scroll = 0;
            if self.focus == Focus::Glance {
                self.focus = Focus::Shell;
            }
        } else {
            self.focus = Focus::Shell;
        }
    }

    fn answer(&mut self, effects: &mut Vec<Effect>) {
        let Some(Overlay::Question(question)) = self.overlay.take() else { return };
        let step = self.step().map(|step| step.id.clone());
        match question {
            Question::Quit => {
                self.keep_layout(effects);
                effects.push(Effect::Quit);
            }
            Question::Resume => {}
            Question::Switch => self.start_picked(effects),
            Question::HandIn => {
                self.attend();
                self.hand_in(effects);
            }
            Question::Solution => {
                self.attend();
                self.show(Panel::Solution);
            }
            Question::Solve => {
                if let Some(step) = step {
                    self.ask(tr!(tui_applying), Effect::Solve(step), effects);
                }
            }
            Question::ResetStep => self.ask(tr!(tui_step_over), Effect::Reset(step), effects),
            Question::ResetLesson => self.ask(tr!(tui_lesson_over), Effect::Reset(None), effects),
            Question::CloseShell | Question::CloseFile => {
                if let Some(pane) = self.pane().map(|pane| pane.id) {
                    self.close_pane(pane, effects);
                }
            }
        }
    }

    pub(super) fn search_on(&mut self, backwards: bool, effects: &mut Vec<Effect>) {
        if self.searched.0.is_empty() {
            return self.say(tr!(tui_nothing_searched));
        }
        let text = self.searched.0.clone();
        effects.extend(self.pane().map(|pane| Effect::CopySearch { pane: pane.id, text, backwards }));
    }
}
