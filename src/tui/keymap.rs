//! The key table: one list of data behind keys, footer hints, the help and the command palette.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::tiles::Side;
use crate::terminal::screen::CopyMove;

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Its modifiers; Shift is part of a character already.
    pub modifiers: KeyModifiers,
}

impl Chord {
    const fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    const fn shift(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::SHIFT }
    }

    const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    /// What was pressed, in the one form that the table uses.
    pub fn of(event: &KeyEvent) -> Self {
        let mut modifiers =
            event.modifiers & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(c.to_ascii_lowercase())
            }
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::Char(c)
            }
            KeyCode::BackTab => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::BackTab
            }
            code => code,
        };
        Self { code, modifiers }
    }

    /// Reads `ctrl-g`, `alt-x`, `f12`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let lower = text.trim().to_ascii_lowercase();
        let mut rest = lower.as_str();
        loop {
            let found = [
                ("ctrl-", KeyModifiers::CONTROL),
                ("alt-", KeyModifiers::ALT),
                ("shift-", KeyModifiers::SHIFT),
            ]
            .into_iter()
            .find_map(|(name, m)| rest.strip_prefix(name).map(|r| (r, m)));
            let Some((after, modifier)) = found else { break };
            (rest, modifiers) = (after, modifiers | modifier);
        }
        let code = match rest {
            "space" => KeyCode::Char(' '),
            "tab" => KeyCode::Tab,
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "backspace" => KeyCode::Backspace,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "pgup" => KeyCode::PageUp,
            "pgdn" => KeyCode::PageDown,
            _ => {
                let mut chars = rest.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => KeyCode::Char(c),
                    (Some('f'), Some(_)) => {
                        KeyCode::F(rest.get(1..)?.parse().ok().filter(|n| (1..=24).contains(n))?)
                    }
                    _ => return None,
                }
            }
        };
        Some(Self { code, modifiers })
    }

    /// Its name as the footer and the help write it.
    pub fn name(self) -> String {
        let mut name = String::new();
        for (modifier, text) in
            [(KeyModifiers::CONTROL, "Ctrl-"), (KeyModifiers::ALT, "Alt-"), (KeyModifiers::SHIFT, "Shift-")]
        {
            if self.modifiers.contains(modifier) {
                name.push_str(text);
            }
        }
        let key = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                c.to_ascii_uppercase().to_string()
            }
            KeyCode::Char(c) => c.to_string(),
            KeyCode::F(n) => format!("F{n}"),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            code => format!("{code:?}"),
        };
        name + &key
    }
}

/// Where a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Wherever one is, the shell included.
    Global,
    /// While the lesson has the keyboard.
    Lesson,
    /// In the shell's copy mode.
    Copy,
    /// In what is read on top of the window: help.
    Reader,
    /// In the X-ray.
    Xray,
    /// On the first screen.
    Picker,
    /// In the overview of an exam.
    Exam,
}

/// A row of the key table.
#[derive(Debug)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Where the direct keys count.
    pub context: Context,
    /// Direct keys.
    pub keys: &'static [Chord],
    /// Keys after the prefix; in the lesson they count directly, too.
    pub after_prefix: &'static [Chord],
    /// One or two words for the footer.
    pub short: &'static str,
    /// A sentence for the help and the palette; empty keeps it out of both.
    pub long: &'static str,
    /// The contexts in whose footer it is.
    pub footer: &'static [Footer],
    /// Whether the palette has it.
    pub palette: bool,
}

/// The footers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footer {
    /// The shell has the keyboard.
    Shell,
    /// The lesson has it.
    Lesson,
    /// The prefix was pressed.
    Prefix,
    /// The copy mode.
    Copy,
    /// Help.
    Reader,
    /// The X-ray.
    Xray,
    /// The first screen.
    Picker,
    /// The overview of an exam.
    Exam,
}

const fn c(c: char) -> Chord {
    Chord::plain(KeyCode::Char(c))
}

const fn f(n: u8) -> Chord {
    Chord::plain(KeyCode::F(n))
}

const fn k(code: KeyCode) -> Chord {
    Chord::plain(code)
}

macro_rules! keys {
    ($($(#[$meta:meta])* $action:expr, $context:ident, [$($key:expr),*], [$($after:expr),*], $short:literal, $long:literal, [$($footer:ident),*], $palette:literal;)*) => {
        &[$(Binding {
            action: $action, context: Context::$context, keys: &[$($key),*], after_prefix: &[$($after),*],
            short: $short, long: $long, footer: &[$(Footer::$footer),*], palette: $palette,
        }),*]
    };
}

/// The key table.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = keys![
    // action, where the direct keys count, direct keys, after the prefix, footer word, sentence, footers, in the palette
    Action::Help, Global, [f(1)], [c('?')], "help", "Show all keys", [Shell, Lesson, Prefix], true;
    Action::ToggleFocus, Global, [f(2)], [c('l')], "lesson/shell", "Move between lesson and shell", [Shell, Lesson, Prefix], true;
    Action::Xray, Global, [f(4)], [c('x')], "X-ray", "Show the latest requests to the API server", [], true;
    Action::Check, Global, [f(5)], [c('c')], "check", "Check this step", [Shell, Lesson, Prefix], true;
    Action::Hint, Global, [f(6)], [c('h')], "hint", "Show the next hint", [Shell, Lesson, Prefix], true;
    Action::Solution, Global, [f(7)], [c('s')], "solution", "Show the solution of this step (asks first)", [Prefix], true;
    Action::NextPage, Global, [f(8)], [c('n')], "next", "Next page of the lesson", [Shell, Lesson, Prefix], true;
    Action::PreviousPage, Global, [Chord::shift(KeyCode::F(8))], [c('b')], "back", "Previous page of the lesson", [Prefix], true;
    Action::ExamOverview, Global, [f(3)], [c('a')], "tasks", "All tasks of the exam", [Shell, Lesson, Prefix], true;
    Action::ExamFlag, Global, [], [c('f')], "mark", "Mark this task of the exam to come back to, or not", [Lesson, Prefix], true;
    Action::ExamHandIn, Global, [], [c('!')], "hand in", "Hand the exam in (asks first)", [Prefix], true;
    Action::Palette, Global, [f(9)], [c(':'), c(' ')], "commands", "Find and run any command", [Shell, Lesson, Prefix], false;
    Action::CloseText, Global, [], [k(KeyCode::Backspace)], "to the text", "Back from a result or a solution to the lesson's text", [], true;
    Action::CheckAll, Global, [], [], "check all", "Check every step", [], true;
    Action::Solve, Global, [], [], "apply solution", "Apply the solution of this step for me (asks first)", [], true;
    Action::ResetStep, Global, [], [], "reset step", "Start this step over (asks first)", [], true;
    Action::ResetLesson, Global, [], [], "start over", "Start the lesson over (asks first)", [], true;
    Action::NewTab, Global, [], [c('t')], "new tab", "New shell on the same node", [Prefix], true;
    Action::NewTabOn(0), Global, [], [], "", "New shell on the first node", [], true;
    Action::NewTabOn(1), Global, [], [], "", "New shell on the second node", [], true;
    Action::EditFile, Global, [], [c('e')], "edit", "Edit a file of this node", [Prefix], true;
    Action::NextTab, Global, [], [k(KeyCode::Tab)], "next tab", "Next tab", [], true;
    Action::PreviousTab, Global, [], [k(KeyCode::BackTab)], "previous tab", "Previous tab", [], true;
    Action::SelectTab(0), Global, [], [c('1')], "tab 1", "Tab 1 (2 to 9 likewise)", [], false;
    Action::SelectTab(1), Global, [], [c('2')], "", "", [], false;
    Action::SelectTab(2), Global, [], [c('3')], "", "", [], false;
    Action::SelectTab(3), Global, [], [c('4')], "", "", [], false;
    Action::SelectTab(4), Global, [], [c('5')], "", "", [], false;
    Action::SelectTab(5), Global, [], [c('6')], "", "", [], false;
    Action::SelectTab(6), Global, [], [c('7')], "", "", [], false;
    Action::SelectTab(7), Global, [], [c('8')], "", "", [], false;
    Action::SelectTab(8), Global, [], [c('9')], "", "", [], false;
    Action::RenameTab, Global, [], [c('r')], "rename", "Name this tab", [], true;
    Action::SplitBeside, Global, [], [c('|'), c('%')], "split", "Split: another shell beside this one", [], true;
    Action::SplitBelow, Global, [], [c('-'), c('"')], "split", "Split: another shell below this one", [], true;
    Action::OtherPane, Global, [], [c('o')], "next pane", "Next pane of this tab", [], true;
    Action::PaneTowards(Side::Left), Global, [], [k(KeyCode::Left)], "", "To the pane on the left, or the tab before (arrows likewise)", [], false;
    Action::PaneTowards(Side::Right), Global, [], [k(KeyCode::Right)], "", "", [], false;
    Action::PaneTowards(Side::Up), Global, [], [k(KeyCode::Up)], "", "", [], false;
    Action::PaneTowards(Side::Down), Global, [], [k(KeyCode::Down)], "", "", [], false;
    Action::PushPane(Side::Left), Global, [], [Chord::shift(KeyCode::Left)], "", "Move the line beside this pane (Shift and arrows)", [], false;
    Action::PushPane(Side::Right), Global, [], [Chord::shift(KeyCode::Right)], "", "", [], false;
    Action::PushPane(Side::Up), Global, [], [Chord::shift(KeyCode::Up)], "", "", [], false;
    Action::PushPane(Side::Down), Global, [], [Chord::shift(KeyCode::Down)], "", "", [], false;
    Action::ClosePane, Global, [], [c('w')], "close", "Close this pane, and its tab with the last one", [], true;
    Action::Zoom, Global, [], [c('z')], "zoom", "Give this pane the whole window, or take it back", [Prefix], true;
    Action::GrowLesson, Global, [], [c('>')], "wider", "Make the lesson wider", [], true;
    Action::ShrinkLesson, Global, [], [c('<')], "narrower", "Make the lesson narrower", [], true;
    Action::ShellPageUp, Global, [Chord::shift(KeyCode::PageUp)], [k(KeyCode::PageUp)], "scroll", "Scroll the shell back", [], true;
    Action::ShellPageDown, Global, [Chord::shift(KeyCode::PageDown)], [k(KeyCode::PageDown)], "", "Scroll the shell on", [], true;
    Action::CopyMode, Global, [], [c('v'), c('[')], "copy mode", "Copy mode: move, search and select in the shell's output", [Prefix], true;
    Action::ToggleMouse, Global, [], [c('m')], "mouse", "Give the mouse to your terminal, or take it back", [], true;
    Action::NextTheme, Global, [], [], "theme", "Next theme", [], true;
    Action::ToggleAscii, Global, [], [], "ASCII", "Draw with ASCII only, or with all characters", [], true;
    Action::Redraw, Global, [], [Chord::ctrl('l')], "redraw", "Draw the window again", [], true;
    Action::Suspend, Global, [], [Chord::ctrl('z')], "suspend", "Stop the program; fg in your shell continues it", [], true;
    Action::Quit, Global, [], [c('q')], "quit", "Leave; the lab is kept and resumes here", [Prefix], true;

    Action::Lines(-1), Lesson, [k(KeyCode::Up), c('k')], [], "", "Scroll up", [], false;
    Action::Lines(1), Lesson, [k(KeyCode::Down), c('j')], [], "scroll", "Scroll down", [], false;
    Action::Pages(-1), Lesson, [k(KeyCode::PageUp), Chord::ctrl('b')], [], "", "A page up", [], false;
    Action::Pages(1), Lesson, [k(KeyCode::PageDown), Chord::ctrl('f'), c(' ')], [], "", "A page down", [], false;
    Action::Top, Lesson, [k(KeyCode::Home), c('g')], [], "", "To the start", [], false;
    Action::Bottom, Lesson, [k(KeyCode::End), c('G')], [], "", "To the end", [], false;
    Action::NextCode, Lesson, [k(KeyCode::Tab)], [], "next code", "Select the next piece of code", [Lesson], false;
    Action::PreviousCode, Lesson, [k(KeyCode::BackTab)], [], "", "Select the previous piece of code", [], false;
    Action::RunSelected, Lesson, [k(KeyCode::Enter)], [], "run it", "Run the selected code in the shell", [Lesson], false;
    Action::CopySelected, Lesson, [c('y')], [], "copy it", "Copy the selected code", [], false;
    Action::Back, Lesson, [k(KeyCode::Esc)], [], "shell", "Back to the text, then to the shell", [], false;

    Action::CopyMove(CopyMove::Up), Copy, [k(KeyCode::Up), c('k')], [], "move", "Move up (h j k l and arrows)", [], false;
    Action::CopyMove(CopyMove::Down), Copy, [k(KeyCode::Down), c('j')], [], "", "", [], false;
    Action::CopyMove(CopyMove::Left), Copy, [k(KeyCode::Left), c('h')], [], "", "", [], false;
    Action::CopyMove(CopyMove::Right), Copy, [k(KeyCode::Right), c('l')], [], "", "", [], false;
    Action::CopyMove(CopyMove::WordRight), Copy, [c('w')], [], "", "A word on (b: back)", [], false;
    Action::CopyMove(CopyMove::WordLeft), Copy, [c('b')], [], "", "", [], false;
    Action::CopyMove(CopyMove::First), Copy, [k(KeyCode::Home), c('0')], [], "", "Start of the line ($: end)", [], false;
    Action::CopyMove(CopyMove::Last), Copy, [k(KeyCode::End), c('$')], [], "", "", [], false;
    Action::CopyMove(CopyMove::PageUp), Copy, [k(KeyCode::PageUp), Chord::ctrl('b'), Chord::ctrl('u')], [], "page", "A page up (PgDn: down)", [Copy], false;
    Action::CopyMove(CopyMove::PageDown), Copy, [k(KeyCode::PageDown), Chord::ctrl('f'), Chord::ctrl('d')], [], "", "", [], false;
    Action::CopyMove(CopyMove::Top), Copy, [c('g')], [], "", "Oldest line (G: newest)", [], false;
    Action::CopyMove(CopyMove::Bottom), Copy, [c('G')], [], "", "", [], false;
    Action::CopyMark, Copy, [c('v'), c(' ')], [], "select", "Start or drop a selection", [Copy], false;
    Action::CopyMarkLines, Copy, [c('V')], [], "", "Select whole lines", [], false;
    Action::CopyTake, Copy, [c('y'), k(KeyCode::Enter)], [], "copy", "Copy the selection and leave", [Copy], false;
    Action::CopySearch, Copy, [c('/')], [], "search", "Search", [Copy], false;
    Action::CopyNext { backwards: true }, Copy, [c('n')], [], "", "Next match, towards older lines (N: newer)", [], false;
    Action::CopyNext { backwards: false }, Copy, [c('N')], [], "", "", [], false;
    Action::Back, Copy, [k(KeyCode::Esc), c('q'), Chord::ctrl('c')], [], "leave", "Leave the copy mode", [Copy], false;

    Action::Lines(-1), Reader, [k(KeyCode::Up), c('k')], [], "", "", [], false;
    Action::Lines(1), Reader, [k(KeyCode::Down), c('j')], [], "scroll", "", [Reader], false;
    Action::Pages(-1), Reader, [k(KeyCode::PageUp)], [], "", "", [], false;
    Action::Pages(1), Reader, [k(KeyCode::PageDown), c(' ')], [], "page", "", [Reader], false;
    Action::Top, Reader, [k(KeyCode::Home), c('g')], [], "", "", [], false;
    Action::Bottom, Reader, [k(KeyCode::End), c('G')], [], "", "", [], false;
    Action::PickStep(-1), Picker, [k(KeyCode::Up), c('k')], [], "", "", [], false;
    Action::PickStep(1), Picker, [k(KeyCode::Down), c('j')], [], "choose", "", [Picker], false;
    Action::PickStep(-100), Picker, [k(KeyCode::Home), k(KeyCode::PageUp), c('g')], [], "", "", [], false;
    Action::PickStep(100), Picker, [k(KeyCode::End), k(KeyCode::PageDown), c('G')], [], "", "", [], false;
    Action::Pick, Picker, [k(KeyCode::Enter), c(' ')], [], "begin", "", [Picker], false;
    Action::Leave, Picker, [c('q'), k(KeyCode::Esc), Chord::ctrl('c')], [], "quit", "", [Picker], false;

    Action::ExamStep(-1), Exam, [k(KeyCode::Up), c('k')], [], "", "", [], false;
    Action::ExamStep(1), Exam, [k(KeyCode::Down), c('j')], [], "choose", "", [Exam], false;
    Action::ExamTurn, Exam, [k(KeyCode::Enter)], [], "turn to it", "", [Exam], false;
    Action::ExamFlag, Exam, [c('f'), c(' ')], [], "mark", "", [Exam], false;
    Action::ExamHandIn, Exam, [c('!')], [], "hand in", "", [Exam], false;
    Action::Back, Exam, [k(KeyCode::Esc), c('q')], [], "close", "", [Exam], false;

    Action::XrayStep(-1), Xray, [k(KeyCode::Up), c('k')], [], "", "Up", [], false;
    Action::XrayStep(1), Xray, [k(KeyCode::Down), c('j')], [], "move", "Down", [Xray], false;
    Action::XrayPages(-1), Xray, [k(KeyCode::PageUp)], [], "", "", [], false;
    Action::XrayPages(1), Xray, [k(KeyCode::PageDown)], [], "", "", [], false;
    Action::XrayStep(-100_000), Xray, [k(KeyCode::Home), c('g')], [], "", "", [], false;
    Action::XrayStep(100_000), Xray, [k(KeyCode::End), c('G')], [], "", "To the newest, and stay there", [], false;
    Action::XrayOpen, Xray, [k(KeyCode::Enter), c(' '), k(KeyCode::Right), k(KeyCode::Left)], [], "explain", "Explain the request, part by part", [Xray], false;
    Action::XrayFilter, Xray, [c('f'), k(KeyCode::Tab)], [], "filter", "Mine, kubelets, refused, all", [Xray], false;
    Action::XrayPause, Xray, [c('p')], [], "pause", "Let no new ones in, or go on", [Xray], false;
    Action::Back, Xray, [k(KeyCode::Esc), c('q')], [], "close", "Close", [Xray], false;

    Action::Back, Reader, [k(KeyCode::Esc), c('q'), k(KeyCode::Enter)], [], "close", "", [Reader], false;
];

/// The action of a direct key in a context; global keys count everywhere.
pub fn direct(context: Context, chord: Chord) -> Option<Action> {
    find(context, chord).or_else(|| find(Context::Global, chord))
}

fn find(context: Context, chord: Chord) -> Option<Action> {
    BINDINGS.iter().find(|b| b.context == context && b.keys.contains(&chord)).map(|b| b.action)
}

/// The action of a key after the prefix.
pub fn after_prefix(chord: Chord) -> Option<Action> {
    BINDINGS.iter().find(|b| b.after_prefix.contains(&chord)).map(|b| b.action)
}

/// The action of a key in the lesson, where the letters after the prefix count by themselves, too.
pub fn in_lesson(chord: Chord) -> Option<Action> {
    direct(Context::Lesson, chord).or_else(|| after_prefix(chord))
}

impl Binding {
    /// How it is typed: the direct keys, then those after the prefix.
    pub fn typed(&self, prefix: Chord) -> Vec<String> {
        let direct = self.keys.iter().map(|key| key.name());
        let after = self.after_prefix.iter().map(|key| format!("{} {}", prefix.name(), key.name()));
        direct.chain(after).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn chords_are_read_and_named() {
        for (text, name) in [
            ("ctrl-g", "Ctrl-G"),
            ("alt-x", "Alt-x"),
            ("f12", "F12"),
            ("Ctrl-Space", "Ctrl-Space"),
            ("f", "f"),
        ] {
            assert_eq!(Chord::parse(text).unwrap().name(), name);
        }
        for text in ["", "f99", "ctrl-", "abc", "hyper-x"] {
            assert_eq!(Chord::parse(text), None, "{text}");
        }
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let event = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(direct(Context::Lesson, Chord::of(&event)), Some(Action::Bottom));
        let event = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT | KeyModifiers::CONTROL);
        assert_eq!(Chord::of(&event), Chord::ctrl('g'));
    }

    #[test]
    fn no_key_is_bound_twice_in_one_place() {
        let mut direct: Vec<(Context, Chord)> = Vec::new();
        let mut prefixed: Vec<Chord> = Vec::new();
        for binding in BINDINGS {
            for key in binding.keys {
                let place = (binding.context, *key);
                assert!(!direct.contains(&place), "{place:?} is bound twice");
                direct.push(place);
            }
            for key in binding.after_prefix {
                assert!(!prefixed.contains(key), "prefix {key:?} is bound twice");
                prefixed.push(*key);
            }
        }
    }

    #[test]
    fn every_function_key_has_a_letter_for_terminals_without_them() {
        for binding in BINDINGS.iter().filter(|b| b.keys.iter().any(|k| matches!(k.code, KeyCode::F(_)))) {
            assert!(!binding.after_prefix.is_empty(), "{:?}", binding.action);
        }
    }

    #[test]
    fn the_shell_keeps_its_keys() {
        for key in
            [Chord::ctrl('c'), Chord::ctrl('p'), Chord::ctrl('r'), Chord::ctrl('z'), Chord::ctrl('d'), c('q')]
        {
            assert_eq!(direct(Context::Global, key), None, "{key:?}");
        }
    }

    #[test]
    fn what_the_palette_or_a_footer_shows_has_words() {
        for binding in BINDINGS {
            assert!(!binding.palette || !binding.long.is_empty(), "{:?}", binding.action);
            assert!(binding.footer.is_empty() || !binding.short.is_empty(), "{:?}", binding.action);
        }
    }
}
