//! What people expect of a program of the terminal, and the tests that hold each of it; a name that no test has any more
//! fails here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

/// What is expected, and the tests by name.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "one key table is behind the last line, the help and the commands, whose key is on the screen",
        &[
            "one_table_is_behind_the_help_and_the_commands",
            "the_last_line_has_three_to_five_hints_and_the_way_to_all_commands",
            "no_key_is_bound_twice_in_one_place",
            "whoever_waits_after_the_prefix_is_shown_its_keys",
        ],
    ),
    (
        "the shell owns the keyboard, but for one prefix that can be another and is sent through",
        &[
            "the_shell_gets_every_key_but_the_function_keys_and_the_prefix",
            "the_prefix_is_sent_through_and_can_be_another_key",
            "keys_of_the_shell_reach_it_and_a_paste_does_not_run_by_itself",
            "what_is_asked_for_from_the_shell_has_the_keys_for_reading_in_every_window",
            "a_check_from_the_shell_is_read_at_once_and_typing_leads_back_in_every_window",
        ],
    ),
    (
        "full-screen programs and tmux work in a pane",
        &[
            "full_screen_programs_have_their_keys_and_give_the_screen_back",
            "tmux_runs_in_a_pane_with_its_own_prefix",
        ],
    ),
    (
        "the mouse runs code, turns to tabs, scrolls, moves lines, selects, and can be given up; Shift is the terminal's",
        &[
            "the_mouse_clicks_tabs_runs_code_and_is_given_to_programs_that_want_it",
            "the_wheel_scrolls_what_is_under_it",
            "the_line_between_the_panes_is_dragged",
            "a_click_moves_to_a_pane_and_a_drag_moves_the_line_between",
            "the_line_above_it_is_dragged_and_moved_by_keys",
            "text_of_the_lesson_is_selected_by_dragging_copied_and_pasted_into_the_shell",
            "what_is_dragged_over_is_copied_by_way_of_the_terminal_where_nothing_else_takes_it",
        ],
    ),
    (
        "the clipboard: a configured command, the desktop's, tmux, the terminal; never an error far from a desktop",
        &[
            "ways_follow_the_environment",
            "the_first_program_that_takes_it_gets_the_text",
            "a_program_that_hangs_is_given_up",
            "what_no_program_takes_goes_to_the_terminal",
            "what_is_dragged_over_is_copied_by_way_of_the_terminal_where_nothing_else_takes_it",
        ],
    ),
    (
        "pastes are bracketed, panes know their size, 60x20 is usable and smaller says so",
        &[
            "pastes_go_to_the_shell_or_to_the_line_being_typed",
            "panes_are_split_told_their_size_and_there_again_after_a_kill",
            "the_window_is_resized_and_the_shell_with_it",
            "a_resize_tells_the_terminals_and_a_wide_window_splits",
            "a_window_that_is_too_small_says_so",
            "every_size_can_be_drawn",
        ],
    ),
    (
        "presses count and releases do not; the kitty protocol where it is known, and plain terminals in full",
        &[
            "releases_are_ignored_and_repeats_count",
            "keys_come_in_either_protocol",
            "a_terminal_without_the_kitty_protocol_is_asked_once_and_then_left_alone",
            "a_terminal_that_knows_little_is_asked_for_little",
            "every_function_key_has_a_letter_for_terminals_without_them",
        ],
    ),
    (
        "everything is given back at the end, after an error, a panic and a signal",
        &[
            "a_learner_does_the_whole_lesson",
            "a_lab_that_cannot_be_opened_says_why_and_gives_the_terminal_back",
            "a_panic_gives_the_terminal_back",
            "a_signal_gives_the_terminal_back",
            "signals_give_the_terminal_back_and_the_lab_resumes",
            "it_is_stopped_and_goes_on",
            "stop_and_continue_by_signals_draw_everything_anew",
        ],
    ),
    (
        "the terminal's own colours, light and dark, none at all, ASCII alone; no meaning by colour alone",
        &[
            "every_view_in_every_theme",
            "every_view_in_every_size_and_language",
            "no_meaning_is_carried_by_colour_alone",
            "without_colour_the_shell_has_none_either",
            "the_environment_counts",
            "frames_are_straight_around_wide_characters",
        ],
    ),
    (
        "a plain mode by whole lines, and a clean end without a terminal",
        &[
            "the_whole_lesson_by_standard_output_alone",
            "a_dumb_terminal_gets_it_by_itself",
            "without_a_terminal_it_ends_with_a_sentence",
        ],
    ),
    (
        "work shows itself at once and can be stopped; nothing moves while one types",
        &[
            "a_check_is_seen_at_work_at_once_and_can_be_stopped",
            "a_check_runs_once_shows_what_it_found_and_can_be_stopped",
            "a_result_that_comes_while_one_types_moves_nothing",
        ],
    ),
    (
        "what cannot be taken back asks first",
        &[
            "what_cannot_be_taken_back_asks_first",
            "closing_a_pane_asks_while_its_shell_runs_and_leaves_the_room_to_the_other",
            "another_lesson_asks_first_and_an_exam_need_not",
            "handing_in_asks_and_a_grading_that_fails_can_be_tried_again",
        ],
    ),
    (
        "scrollback, search, copy mode, tabs, zoom; the lesson scrolls and has tables and code",
        &[
            "output_is_scrolled_searched_and_copied_with_the_keyboard",
            "in_the_copy_mode_a_match_is_shown_and_marks_change_their_kind",
            "tabs_open_rename_and_close",
            "zoom_gives_one_pane_the_window_and_the_others_keep_their_size",
            "tables_and_quotes_fit",
            "code_has_buttons_where_markers_say_so",
            "code_is_selected_run_and_copied_from_the_keyboard_and_by_click",
        ],
    ),
    (
        "the window is as it was left, in lessons and in exams",
        &[
            "the_layout_is_kept_when_it_changes_and_is_there_again",
            "tabs_splits_and_files_of_each_lesson_are_there_again_after_a_restart",
            "it_is_kept_in_the_layout",
            "an_exam_is_held_in_the_program",
        ],
    ),
];

/// The names of all tests below a directory.
pub fn tests(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let after = |line: &str| {
                let rest = line.trim_start();
                let rest = rest.strip_prefix("async ").unwrap_or(rest);
                Some(rest.strip_prefix("fn ")?.split('(').next()?.to_owned())
            };
            let mut marked = false;
            for line in text.lines() {
                match line.trim_start() {
                    line if line == "#[test]" || line.starts_with("#[tokio::test") => marked = true,
                    line if line.starts_with('#') || line.starts_with("//") => {}
                    line => {
                        found.extend(after(line).filter(|_| marked));
                        marked = false;
                    }
                }
            }
        }
    }
}

#[test]
fn each_expectation_is_held_by_tests_that_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for dir in ["src/tui", "src/terminal", "tests/it"] {
        tests(&root.join(dir), &mut found);
    }
    assert!(found.len() > 200, "{}", found.len());
    let missing: Vec<_> = EXPECTED
        .iter()
        .flat_map(|(expected, names)| names.iter().map(move |name| (expected, name)))
        .filter(|(_, name)| !found.iter().any(|test| test == *name))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}
