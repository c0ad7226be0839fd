//! The key table: one list of data behind keys, footer hints, the help and the command palette.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use super::tiles::Side;
use crate::terminal::screen::CopyMove;
use crate::text::tr;

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
    /// In the command palette.
    Palette,
    /// In a line of text that is typed.
    Entry,
    /// In a question.
    Question,
    /// While the lab comes up.
    Waiting,
    /// After it did not come up.
    Failed,
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
    pub short: fn() -> &'static str,
    /// A sentence for the help and the palette; empty keeps it out of both.
    pub long: fn() -> &'static str,
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
    /// The command palette.
    Palette,
    /// A line of text that is typed.
    Entry,
    /// No lab is there: it comes up, or did not.
    Waiting,
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

/// A text of the catalogue, or none.
macro_rules! words {
    (none) => {
        ""
    };
    ($key:ident) => {
        tr!($key)
    };
}

macro_rules! keys {
    ($($(#[$meta:meta])* $action:expr, $context:ident, [$($key:expr),*], [$($after:expr),*], $short:ident, $long:ident, [$($footer:ident),*], $palette:literal;)*) => {
        &[$(Binding {
            action: $action, context: Context::$context, keys: &[$($key),*], after_prefix: &[$($after),*],
            short: || words!($short), long: || words!($long), footer: &[$(Footer::$footer),*], palette: $palette,
        }),*]
    };
}

/// The key table.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = keys![
    // action, where the direct keys count, direct keys, after the prefix, footer word, sentence, footers, in the palette
    Action::Help, Global, [f(1)], [c('?')], tui_word_help, tui_do_show_all_keys, [Shell, Lesson, Prefix, Picker, Waiting], true;
    Action::ToggleFocus, Global, [f(2)], [c('l')], tui_word_lesson_shell, tui_do_move_between_lesson_and_shell, [Shell, Lesson], true;
    Action::Xray, Global, [f(4)], [c('x')], tui_word_x_ray, tui_do_show_the_latest_requests_to_the_api_serv, [], true;
    Action::Check, Global, [f(5)], [c('c')], tui_word_check, tui_do_check_this_step, [Shell, Lesson], true;
    Action::Hint, Global, [f(6)], [c('h')], tui_word_hint, tui_do_show_the_next_hint, [Shell, Lesson], true;
    Action::Solution, Global, [f(7)], [c('s')], tui_word_solution, tui_do_show_the_solution_of_this_step_asks_firs, [], true;
    Action::NextPage, Global, [f(8)], [c('n')], tui_word_next, tui_do_next_page_of_the_lesson, [Shell, Lesson], true;
    Action::PreviousPage, Global, [Chord::shift(KeyCode::F(8))], [c('b')], tui_word_back, tui_do_previous_page_of_the_lesson, [], true;
    Action::ExamOverview, Global, [f(3)], [c('a')], tui_word_tasks, tui_do_all_tasks_of_the_exam, [Shell, Lesson], true;
    Action::ExamFlag, Global, [], [c('f')], tui_word_mark, tui_do_mark_this_task_of_the_exam_to_come_back, [], true;
    Action::ExamHandIn, Global, [], [c('!')], tui_word_hand_in, tui_do_hand_the_exam_in_asks_first, [], true;
    Action::Palette, Global, [f(9)], [c(':'), c(' ')], tui_word_commands, tui_do_find_and_run_any_command, [Shell, Lesson, Prefix, Copy, Reader, Xray, Exam, Picker, Waiting], false;
    Action::CloseText, Global, [], [k(KeyCode::Backspace)], tui_word_to_the_text, tui_do_back_from_a_result_or_a_solution_to_the, [], true;
    Action::CheckAll, Global, [], [], tui_word_check_all, tui_do_check_every_step, [], true;
    Action::Solve, Global, [], [], tui_word_apply_solution, tui_do_apply_the_solution_of_this_step_for_me_a, [], true;
    Action::ResetStep, Global, [], [], tui_word_reset_step, tui_do_start_this_step_over_asks_first, [], true;
    Action::ResetLesson, Global, [], [], tui_word_start_over, tui_do_start_the_lesson_over_asks_first, [], true;
    Action::NewTab, Global, [], [c('t')], tui_word_new_tab, tui_do_new_shell_on_the_same_node, [Prefix], true;
    Action::NewTabOn(0), Global, [], [], none, tui_do_new_shell_on_the_first_node, [], true;
    Action::NewTabOn(1), Global, [], [], none, tui_do_new_shell_on_the_second_node, [], true;
    Action::EditFile, Global, [], [c('e')], tui_word_edit, tui_do_edit_a_file_of_this_node, [], true;
    Action::NextTab, Global, [], [k(KeyCode::Tab)], tui_word_next_tab, tui_do_next_tab, [], true;
    Action::PreviousTab, Global, [], [k(KeyCode::BackTab)], tui_word_previous_tab, tui_do_previous_tab, [], true;
    Action::SelectTab(0), Global, [], [c('1')], tui_word_tab_1, tui_do_tab_1_2_to_9_likewise, [], false;
    Action::SelectTab(1), Global, [], [c('2')], none, none, [], false;
    Action::SelectTab(2), Global, [], [c('3')], none, none, [], false;
    Action::SelectTab(3), Global, [], [c('4')], none, none, [], false;
    Action::SelectTab(4), Global, [], [c('5')], none, none, [], false;
    Action::SelectTab(5), Global, [], [c('6')], none, none, [], false;
    Action::SelectTab(6), Global, [], [c('7')], none, none, [], false;
    Action::SelectTab(7), Global, [], [c('8')], none, none, [], false;
    Action::SelectTab(8), Global, [], [c('9')], none, none, [], false;
    Action::RenameTab, Global, [], [c('r')], tui_word_rename, tui_do_name_this_tab, [], true;
    Action::SplitBeside, Global, [], [c('|'), c('%')], tui_word_split, tui_do_split_another_shell_beside_this_one, [], true;
    Action::SplitBelow, Global, [], [c('-'), c('"')], tui_word_split, tui_do_split_another_shell_below_this_one, [], true;
    Action::OtherPane, Global, [], [c('o')], tui_word_next_pane, tui_do_next_pane_of_this_tab, [], true;
    Action::PaneTowards(Side::Left), Global, [], [k(KeyCode::Left)], none, tui_do_to_the_pane_on_the_left_or_the_tab_befor, [], false;
    Action::PaneTowards(Side::Right), Global, [], [k(KeyCode::Right)], none, none, [], false;
    Action::PaneTowards(Side::Up), Global, [], [k(KeyCode::Up)], none, none, [], false;
    Action::PaneTowards(Side::Down), Global, [], [k(KeyCode::Down)], none, none, [], false;
    Action::PushPane(Side::Left), Global, [], [Chord::shift(KeyCode::Left)], none, tui_do_move_the_line_beside_this_pane_shift_and, [], false;
    Action::PushPane(Side::Right), Global, [], [Chord::shift(KeyCode::Right)], none, none, [], false;
    Action::PushPane(Side::Up), Global, [], [Chord::shift(KeyCode::Up)], none, none, [], false;
    Action::PushPane(Side::Down), Global, [], [Chord::shift(KeyCode::Down)], none, none, [], false;
    Action::ClosePane, Global, [], [c('w')], tui_word_close, tui_do_close_this_pane_and_its_tab_with_the_las, [], true;
    Action::Zoom, Global, [], [c('z')], tui_word_zoom, tui_do_give_this_pane_the_whole_window_or_take, [], true;
    Action::GrowLesson, Global, [], [c('>')], tui_word_wider, tui_do_make_the_lesson_wider, [], true;
    Action::ShrinkLesson, Global, [], [c('<')], tui_word_narrower, tui_do_make_the_lesson_narrower, [], true;
    Action::ShellPageUp, Global, [Chord::shift(KeyCode::PageUp)], [k(KeyCode::PageUp)], tui_word_scroll, tui_do_scroll_the_shell_back, [], true;
    Action::ShellPageDown, Global, [Chord::shift(KeyCode::PageDown)], [k(KeyCode::PageDown)], none, tui_do_scroll_the_shell_on, [], true;
    Action::CopyMode, Global, [], [c('v'), c('[')], tui_word_copy_mode, tui_do_copy_mode_move_search_and_select_in_the, [], true;
    Action::ToggleMouse, Global, [], [c('m')], tui_word_mouse, tui_do_give_the_mouse_to_your_terminal_or_take, [], true;
    Action::NextTheme, Global, [], [], tui_word_theme, tui_do_next_theme, [], true;
    Action::ToggleAscii, Global, [], [], tui_word_ascii, tui_do_draw_with_ascii_only_or_with_all_charact, [], true;
    Action::Redraw, Global, [], [Chord::ctrl('l')], tui_word_redraw, tui_do_draw_the_window_again, [], true;
    Action::Suspend, Global, [], [Chord::ctrl('z')], tui_word_suspend, tui_do_stop_the_program_fg_in_your_shell_contin, [], true;
    Action::Quit, Global, [], [c('q')], tui_word_quit, tui_do_leave_the_lab_is_kept_and_resumes_here, [Prefix], true;

    Action::Lines(-1), Lesson, [k(KeyCode::Up), c('k')], [], none, tui_do_scroll_up, [], false;
    Action::Lines(1), Lesson, [k(KeyCode::Down), c('j')], [], tui_word_scroll, tui_do_scroll_down, [], false;
    Action::Pages(-1), Lesson, [k(KeyCode::PageUp), Chord::ctrl('b')], [], none, tui_do_a_page_up, [], false;
    Action::Pages(1), Lesson, [k(KeyCode::PageDown), Chord::ctrl('f'), c(' ')], [], none, tui_do_a_page_down, [], false;
    Action::Top, Lesson, [k(KeyCode::Home), c('g')], [], none, tui_do_to_the_start, [], false;
    Action::Bottom, Lesson, [k(KeyCode::End), c('G')], [], none, tui_do_to_the_end, [], false;
    Action::NextCode, Lesson, [k(KeyCode::Tab)], [], tui_word_next_code, tui_do_select_the_next_piece_of_code, [Lesson], false;
    Action::PreviousCode, Lesson, [k(KeyCode::BackTab)], [], none, tui_do_select_the_previous_piece_of_code, [], false;
    Action::RunSelected, Lesson, [k(KeyCode::Enter)], [], tui_word_run_it, tui_do_run_the_selected_code_in_the_shell, [Lesson], false;
    Action::CopySelected, Lesson, [c('y')], [], tui_word_copy_it, tui_do_copy_the_selected_code, [Lesson], false;
    Action::Back, Lesson, [k(KeyCode::Esc), Chord::ctrl('c')], [], tui_word_back, tui_do_back_to_the_text_then_to_the_shell, [Lesson], false;

    Action::CopyMove(CopyMove::Up), Copy, [k(KeyCode::Up), c('k')], [], tui_word_move, tui_do_move_up_h_j_k_l_and_arrows, [], false;
    Action::CopyMove(CopyMove::Down), Copy, [k(KeyCode::Down), c('j')], [], none, none, [], false;
    Action::CopyMove(CopyMove::Left), Copy, [k(KeyCode::Left), c('h')], [], none, none, [], false;
    Action::CopyMove(CopyMove::Right), Copy, [k(KeyCode::Right), c('l')], [], none, none, [], false;
    Action::CopyMove(CopyMove::WordRight), Copy, [c('w')], [], none, tui_do_a_word_on_b_back, [], false;
    Action::CopyMove(CopyMove::WordLeft), Copy, [c('b')], [], none, none, [], false;
    Action::CopyMove(CopyMove::First), Copy, [k(KeyCode::Home), c('0')], [], none, tui_do_start_of_the_line_end, [], false;
    Action::CopyMove(CopyMove::Last), Copy, [k(KeyCode::End), c('$')], [], none, none, [], false;
    Action::CopyMove(CopyMove::PageUp), Copy, [k(KeyCode::PageUp), Chord::ctrl('b'), Chord::ctrl('u')], [], tui_word_page, tui_do_a_page_up_pgdn_down, [], false;
    Action::CopyMove(CopyMove::PageDown), Copy, [k(KeyCode::PageDown), Chord::ctrl('f'), Chord::ctrl('d')], [], none, none, [], false;
    Action::CopyMove(CopyMove::Top), Copy, [c('g')], [], none, tui_do_oldest_line_g_newest, [], false;
    Action::CopyMove(CopyMove::Bottom), Copy, [c('G')], [], none, none, [], false;
    Action::CopyMark, Copy, [c('v'), c(' ')], [], tui_word_select, tui_do_start_or_drop_a_selection, [Copy], false;
    Action::CopyMarkLines, Copy, [c('V')], [], none, tui_do_select_whole_lines, [], false;
    Action::CopyTake, Copy, [c('y'), k(KeyCode::Enter)], [], tui_word_copy, tui_do_copy_the_selection_and_leave, [Copy], false;
    Action::CopySearch, Copy, [c('/')], [], tui_word_search, tui_do_search, [Copy], false;
    Action::CopyNext { backwards: true }, Copy, [c('n')], [], none, tui_do_next_match_towards_older_lines_n_newer, [], false;
    Action::CopyNext { backwards: false }, Copy, [c('N')], [], none, none, [], false;
    Action::Back, Copy, [k(KeyCode::Esc), c('q'), Chord::ctrl('c')], [], tui_word_leave, tui_do_leave_the_copy_mode, [Copy], false;

    Action::Lines(-1), Reader, [k(KeyCode::Up), c('k')], [], none, none, [], false;
    Action::Lines(1), Reader, [k(KeyCode::Down), c('j')], [], tui_word_scroll, none, [Reader], false;
    Action::Pages(-1), Reader, [k(KeyCode::PageUp)], [], none, none, [], false;
    Action::Pages(1), Reader, [k(KeyCode::PageDown), c(' ')], [], tui_word_page, none, [Reader], false;
    Action::Top, Reader, [k(KeyCode::Home), c('g')], [], none, none, [], false;
    Action::Bottom, Reader, [k(KeyCode::End), c('G')], [], none, none, [], false;
    Action::PickStep(-1), Picker, [k(KeyCode::Up), c('k')], [], none, none, [], false;
    Action::PickStep(1), Picker, [k(KeyCode::Down), c('j')], [], tui_word_choose, none, [Picker], false;
    Action::PickStep(-100), Picker, [k(KeyCode::Home), k(KeyCode::PageUp), c('g')], [], none, none, [], false;
    Action::PickStep(100), Picker, [k(KeyCode::End), k(KeyCode::PageDown), c('G')], [], none, none, [], false;
    Action::Pick, Picker, [k(KeyCode::Enter), c(' ')], [], tui_word_begin, none, [Picker], false;
    Action::Leave, Picker, [c('q'), k(KeyCode::Esc), Chord::ctrl('c')], [], tui_word_quit, none, [Picker], false;

    Action::ExamStep(-1), Exam, [k(KeyCode::Up), c('k')], [], none, none, [], false;
    Action::ExamStep(1), Exam, [k(KeyCode::Down), c('j')], [], none, none, [], false;
    Action::ExamTurn, Exam, [k(KeyCode::Enter)], [], tui_word_turn_to_it, none, [Exam], false;
    Action::ExamFlag, Exam, [c('f'), c(' ')], [], tui_word_mark, none, [Exam], false;
    Action::ExamHandIn, Exam, [c('!')], [], tui_word_hand_in, none, [Exam], false;
    Action::Back, Exam, [k(KeyCode::Esc), c('q')], [], tui_word_close, none, [Exam], false;

    Action::XrayStep(-1), Xray, [k(KeyCode::Up), c('k')], [], none, tui_do_up, [], false;
    Action::XrayStep(1), Xray, [k(KeyCode::Down), c('j')], [], none, tui_do_down, [], false;
    Action::XrayPages(-1), Xray, [k(KeyCode::PageUp)], [], none, none, [], false;
    Action::XrayPages(1), Xray, [k(KeyCode::PageDown)], [], none, none, [], false;
    Action::XrayStep(-100_000), Xray, [k(KeyCode::Home), c('g')], [], none, none, [], false;
    Action::XrayStep(100_000), Xray, [k(KeyCode::End), c('G')], [], none, tui_do_to_the_newest_and_stay_there, [], false;
    Action::XrayOpen, Xray, [k(KeyCode::Enter), c(' '), k(KeyCode::Right), k(KeyCode::Left)], [], tui_word_explain, tui_do_explain_the_request_part_by_part, [Xray], false;
    Action::XrayFilter, Xray, [c('f'), k(KeyCode::Tab)], [], tui_word_filter, tui_do_mine_kubelets_refused_all, [Xray], false;
    Action::XrayPause, Xray, [c('p')], [], tui_word_pause, tui_do_let_no_new_ones_in_or_go_on, [Xray], false;
    Action::Back, Xray, [k(KeyCode::Esc)], [], tui_word_close, tui_do_back_to_the_line_then_to_the_shell, [Xray], false;
    Action::XrayClose, Xray, [c('q')], [], none, tui_do_close_the_x_ray, [], false;

    Action::Back, Reader, [k(KeyCode::Esc), c('q'), k(KeyCode::Enter)], [], tui_word_close, none, [Reader], false;

    Action::PaletteStep(-1), Palette, [k(KeyCode::Up), k(KeyCode::BackTab)], [], none, none, [], false;
    Action::PaletteStep(1), Palette, [k(KeyCode::Down), k(KeyCode::Tab)], [], tui_word_choose, none, [Palette], false;
    Action::PaletteTake, Palette, [k(KeyCode::Enter)], [], tui_word_do_it, none, [Palette], false;
    Action::Erase, Palette, [k(KeyCode::Backspace)], [], none, none, [], false;
    Action::EraseAll, Palette, [Chord::ctrl('u')], [], none, none, [], false;
    Action::Back, Palette, [k(KeyCode::Esc), Chord::ctrl('c')], [], tui_word_close, none, [Palette], false;

    Action::EntryTake, Entry, [k(KeyCode::Enter)], [], tui_word_take_it, none, [Entry], false;
    Action::EntryComplete, Entry, [k(KeyCode::Tab)], [], tui_word_complete, none, [Entry], false;
    Action::Erase, Entry, [k(KeyCode::Backspace)], [], none, none, [], false;
    Action::EraseAll, Entry, [Chord::ctrl('u')], [], tui_word_erase_all, none, [Entry], false;
    Action::Back, Entry, [k(KeyCode::Esc), Chord::ctrl('c')], [], tui_word_close, none, [Entry], false;

    Action::Accept, Question, [k(KeyCode::Enter), c('y'), c('Y')], [], none, none, [], false;
    Action::Back, Question, [k(KeyCode::Esc), c('n'), c('N'), Chord::ctrl('c')], [], none, none, [], false;

    Action::Leave, Waiting, [c('q'), k(KeyCode::Esc), Chord::ctrl('c')], [], tui_word_quit, none, [Waiting], false;
    Action::Leave, Failed, [k(KeyCode::Enter), c('q'), k(KeyCode::Esc), Chord::ctrl('c')], [], tui_word_quit, none, [], false;
];

/// The action of a direct key in a context; global keys count in all but those where a text or an answer is typed.
pub fn direct(context: Context, chord: Chord) -> Option<Action> {
    let alone = matches!(context, Context::Palette | Context::Entry | Context::Question);
    find(context, chord).or_else(|| if alone { None } else { find(Context::Global, chord) })
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

/// The action of a key in the lesson that something asked for from the shell brought up: letters, Enter and chords
/// with Ctrl are what one types into the shell, and go on to it. While something runs that was asked for, Ctrl-C is
/// meant for that.
pub fn in_glance(chord: Chord, busy: bool) -> Option<Action> {
    if busy && chord == Chord::ctrl('c') {
        return Some(Action::Back);
    }
    let typed =
        matches!(chord.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Backspace | KeyCode::Delete);
    direct(if typed { Context::Global } else { Context::Lesson }, chord)
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
            assert!(!binding.palette || !(binding.long)().is_empty(), "{:?}", binding.action);
            assert!(binding.footer.is_empty() || !(binding.short)().is_empty(), "{:?}", binding.action);
        }
    }
}
