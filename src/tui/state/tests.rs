#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::super::event::Event;
use super::super::fixture::{Seat, checked, course, result, standing};
use super::super::markdown::Place;
use super::*;
use crate::terminal::Notice;
use crate::terminal::screen::ScrollBy;

fn key(c: char, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent::new(KeyCode::Char(c), modifiers)
}

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

use super::super::effect::Effect;

#[test]
fn the_first_shell_opens_with_the_lab_and_the_second_when_it_is_shown() {
    let mut seat = Seat::starting(120, 40);
    seat.happen(Event::Resize(120, 40));
    assert_eq!(seat.take(), []);
    seat.happen(Event::Opened(Box::new(course(standing(), false))));
    let open = |pane, node: &str| Effect::OpenShell { pane, node: node.into() };
    let sizes = [Effect::Resize(1, 69, 36), Effect::Resize(2, 69, 36)];
    assert_eq!(seat.take(), [sizes[0].clone(), sizes[1].clone(), open(1, "controlplane")]);
    seat.press("ctrl-g 2");
    assert_eq!(seat.take(), [open(2, "node01")]);
    seat.press("ctrl-g 1 ctrl-g 2");
    assert_eq!(seat.take(), []);
}

#[test]
fn the_shell_gets_every_key_but_the_function_keys_and_the_prefix() {
    let mut seat = Seat::new(120, 40);
    for c in ['c', 'd', 'z', 'r', 'p', 'w'] {
        seat.happen(Event::Key(key(c, KeyModifiers::CONTROL)));
        assert_eq!(seat.take(), [Effect::Key(1, key(c, KeyModifiers::CONTROL))], "{c}");
    }
    seat.press("q ? f10 esc");
    assert_eq!(seat.take().len(), 4);
    assert_eq!(seat.state.overlay, None);
    seat.press("f1");
    assert_eq!(seat.take(), []);
    assert_eq!(seat.state.overlay, Some(Overlay::Help));
}

#[test]
fn the_prefix_is_sent_through_when_pressed_twice_and_lets_function_keys_through() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g");
    assert!(seat.state.prefix);
    seat.press("ctrl-g");
    assert_eq!(seat.take(), [Effect::Key(1, key('g', KeyModifiers::CONTROL))]);
    assert!(!seat.state.prefix);
    seat.press("ctrl-g f10 ctrl-g f11");
    assert_eq!(seat.take().len(), 2);
    seat.press("ctrl-g @");
    assert!(seat.state.notice.take().unwrap().0.contains("Ctrl-G @"));
    seat.press("ctrl-g esc");
    assert_eq!((seat.take().len(), seat.state.prefix, seat.state.notice.is_none()), (0, false, true));
}

#[test]
fn another_prefix_counts() {
    let mut seat = Seat::new(120, 40);
    seat.state.config.prefix = super::super::keymap::Chord::parse("ctrl-a").unwrap();
    seat.press("ctrl-g");
    assert_eq!(seat.take(), [Effect::Key(1, key('g', KeyModifiers::CONTROL))]);
    seat.press("ctrl-a ?");
    assert_eq!(seat.state.overlay, Some(Overlay::Help));
}

#[test]
fn releases_are_ignored_and_repeats_count() {
    let mut seat = Seat::new(120, 40);
    let with = |kind| KeyEvent { kind, ..KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE) };
    seat.happen(Event::Key(with(KeyEventKind::Release)));
    assert_eq!(seat.take(), []);
    seat.happen(Event::Key(with(KeyEventKind::Repeat)));
    assert_eq!(seat.take().len(), 1);
}

#[test]
fn a_check_runs_once_shows_what_it_found_and_can_be_stopped() {
    let mut seat = Seat::new(120, 40);
    seat.press("f5 f5");
    assert_eq!(seat.take(), [Effect::Check(Some("verify-issue".into()))]);
    assert_eq!(seat.state.busy, Some("Checking"));
    seat.press("esc");
    assert_eq!((seat.take(), seat.state.busy, seat.state.focus), (vec![Effect::Cancel], None, Focus::Shell));
    seat.press("f5 ctrl-c");
    assert_eq!(seat.take().last(), Some(&Effect::Cancel), "Ctrl-C is meant for what runs");
    seat.press("ctrl-c");
    assert!(matches!(seat.take()[..], [Effect::Key(1, _)]), "and else for the shell");
    seat.press("f5");
    seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
    assert!(matches!(seat.state.panel, Panel::Result(_, false)));
    assert_eq!((seat.state.busy, seat.state.page), (None, 1));
    seat.press("esc");
    assert_eq!((seat.state.panel.clone(), seat.state.focus), (Panel::Text, Focus::Shell));
}

#[test]
fn passing_a_step_does_not_turn_the_page() {
    let mut seat = Seat::new(120, 40);
    let mut now = standing();
    (now.current, now.results[0]) = (1, Some(result(0, 2)));
    seat.happen(Event::Standing(now))
        .happen(Event::Checked { result: Ok(checked(vec![result(0, 2)])), whole: false });
    assert_eq!((seat.state.page, seat.state.points()), (1, (4, Some(10))));
    seat.press("f8");
    // The lab is at the second step already.
    assert_eq!((seat.state.page, seat.take()), (2, vec![]));
    seat.press("shift-f8");
    assert_eq!((seat.state.page, seat.take()), (1, vec![Effect::GoTo(0)]));
}

#[test]
fn tasks_tick_off_without_anything_else_moving() {
    let mut seat = Seat::new(120, 40);
    let before = (seat.state.page, seat.state.focus, seat.state.scroll, seat.state.panel.clone());
    seat.state.dirty = false;
    seat.happen(Event::Tasks(result(0, 1)));
    assert!(seat.state.dirty);
    assert_eq!(seat.state.step_result(0).unwrap().score, 2);
    assert_eq!(seat.state.points(), (0, Some(10)), "a quiet check gives no points");
    assert_eq!((seat.state.page, seat.state.focus, seat.state.scroll, seat.state.panel.clone()), before);
    seat.state.dirty = false;
    seat.happen(Event::Tasks(result(0, 1)));
    assert!(!seat.state.dirty, "the same again is not drawn again");
}

#[test]
fn hints_come_in_levels_and_bring_the_lesson_to_the_front_where_one_pane_is_seen() {
    let mut seat = Seat::new(80, 24);
    assert_eq!(seat.state.focus, Focus::Shell);
    seat.press("f6");
    assert_eq!(seat.take(), [Effect::Hint("verify-issue".into())]);
    seat.happen(Event::Hinted(Ok(Some(1))));
    assert!(seat.state.sees_lesson());
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Hinted(Ok(None)));
    assert_eq!(seat.state.focus, Focus::Shell);
    assert!(seat.state.notice.unwrap().0.contains("last hint"));
}

#[test]
fn what_cannot_be_taken_back_asks_first() {
    let table = [
        ("f7", Question::Solution, vec![]),
        ("ctrl-g q", Question::Quit, vec![Effect::Quit]),
        ("ctrl-g w", Question::CloseShell, vec![Effect::ClosePane(1)]),
    ];
    for (keys, question, effects) in table {
        let mut seat = Seat::new(120, 40);
        seat.press(keys);
        assert_eq!(seat.state.overlay, Some(Overlay::Question(question)));
        seat.press("esc");
        assert_eq!((seat.state.overlay.clone(), seat.take()), (None, vec![]), "{keys}");
        seat.press(keys).press("x enter");
        assert_eq!(seat.state.overlay, None);
        let done = seat.take();
        assert!(effects.iter().all(|effect| done.contains(effect)), "{keys}: {done:?}");
    }
    for (entry, effect) in [
        ("start the lesson over", Effect::Reset(None)),
        ("start this step over", Effect::Reset(Some("verify-issue".into()))),
        ("apply the solution", Effect::Solve("verify-issue".into())),
    ] {
        let mut seat = Seat::new(120, 40);
        seat.press("f9").write(entry).press("enter");
        assert!(matches!(seat.state.overlay, Some(Overlay::Question(_))), "{entry}");
        assert_eq!(seat.take(), []);
        seat.press("y");
        assert_eq!(seat.take(), [effect]);
    }
}

#[test]
fn a_lab_that_was_there_before_asks_whether_to_go_on() {
    let mut seat = Seat::starting(120, 40);
    let mut before = standing();
    (before.current, before.results[0]) = (1, Some(result(0, 2)));
    seat.happen(Event::Opened(Box::new(course(before, true))));
    assert_eq!((seat.state.page, seat.state.overlay.clone()), (2, Some(Overlay::Question(Question::Resume))));
    seat.press("s");
    assert_eq!(seat.state.overlay, Some(Overlay::Question(Question::ResetLesson)));
    seat.press("esc");
    assert!(!seat.take().contains(&Effect::Reset(None)));
}

#[test]
fn pages_turn_and_end() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g b");
    assert_eq!(seat.state.page, 0);
    seat.press("f5");
    assert!(seat.state.notice.take().unwrap().0.contains("nothing to check"));
    seat.press("f8 f8 f8 f8 f8");
    assert_eq!(seat.state.page, 4);
    assert!(seat.state.notice.take().unwrap().0.contains("last page"));
    seat.press("f5");
    assert_eq!(seat.take().last(), Some(&Effect::Check(None)));
}

#[test]
fn tabs_open_rename_and_close() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g 2 ctrl-g t");
    assert_eq!(seat.take().last(), Some(&Effect::OpenShell { pane: 3, node: "node01".into() }));
    seat.press("ctrl-g r ctrl-u").write("edit").press("enter");
    assert_eq!(seat.state.tab().unwrap().name.as_deref(), Some("edit"));
    seat.press("ctrl-g w");
    assert_eq!(
        (seat.state.tabs.len(), seat.state.active),
        (2, 1),
        "a shell that does not run closes at once"
    );
    seat.press("ctrl-g 7");
    assert!(seat.state.notice.take().unwrap().0.contains("no tab 7"));
    seat.press("ctrl-g right");
    assert_eq!(seat.state.active, 0, "after the last comes the first");
    seat.press("ctrl-g left");
    assert_eq!(seat.state.active, 1);
}

#[test]
fn output_in_another_tab_is_marked_once() {
    let mut seat = Seat::new(120, 40);
    seat.state.dirty = false;
    seat.happen(Event::Terminal(2, Notice::Output));
    assert!(seat.state.panes[1].news && seat.state.dirty);
    seat.state.dirty = false;
    seat.happen(Event::Terminal(2, Notice::Output));
    assert!(!seat.state.dirty);
    seat.happen(Event::Terminal(1, Notice::Output));
    assert!(seat.state.dirty);
    seat.press("ctrl-g 2");
    assert!(!seat.state.panes[1].news);
}

#[test]
fn a_shell_that_ended_starts_again_on_enter() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Terminal(1, Notice::Exited(0)));
    seat.press("a");
    assert_eq!(seat.take(), []);
    seat.press("enter");
    assert_eq!(
        seat.take(),
        [Effect::ClosePane(1), Effect::OpenShell { pane: 1, node: "controlplane".into() }]
    );
}

#[test]
fn a_resize_tells_the_terminals_and_a_wide_window_splits() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Resize(80, 24));
    assert_eq!(seat.take(), [Effect::Resize(1, 80, 20), Effect::Resize(2, 80, 20)]);
    seat.press("f2");
    assert_eq!(seat.take(), [], "the lesson in front does not change the shells' size");
    seat.happen(Event::Resize(120, 40)).press("f2 ctrl-g z");
    assert!(seat.take().contains(&Effect::Resize(1, 120, 36)));
    seat.happen(Event::Resize(40, 10)).press("a");
    assert!(
        !seat.take().iter().any(|e| matches!(e, Effect::Key(..))),
        "nothing is typed where nothing is seen"
    );
}

#[test]
fn the_line_between_the_panes_is_dragged() {
    let mut seat = Seat::new(120, 40);
    seat.drawn.divider = Some(ratatui::layout::Rect::new(50, 2, 1, 37));
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 50, 9));
    seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), 60, 9));
    assert_eq!(
        (seat.state.split, seat.take()),
        (50, vec![Effect::Resize(1, 59, 36), Effect::Resize(2, 59, 36)])
    );
    seat.happen(mouse(MouseEventKind::Up(MouseButton::Left), 60, 9));
    seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), 70, 9));
    assert_eq!(seat.state.split, 50);
}

#[test]
fn the_mouse_in_the_shell_is_told_in_the_shells_cells() {
    let mut seat = Seat::new(120, 40);
    seat.drawn.screens = vec![(1, ratatui::layout::Rect::new(51, 3, 69, 36))];
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 60, 10));
    seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), 10, 39));
    let at: Vec<(u16, u16)> = seat
        .take()
        .iter()
        .map(|effect| match effect {
            Effect::Mouse { column, row, .. } => (*column, *row),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(at, [(9, 7), (0, 35)], "a drag that leaves the pane stays at its edge");
}

#[test]
fn code_is_selected_run_and_copied_from_the_keyboard_and_by_click() {
    let mut seat = Seat::new(120, 40);
    let place = |line| Place { line, x: 0, width: 5 };
    let code = |text: &str, run, index| Code {
        text: text.into(),
        run,
        interrupt: false,
        places: vec![place(index * 50)],
        buttons: vec![(place(index * 50), Action::Run(index))],
    };
    seat.drawn.codes = vec![code("ssh node01", true, 0), code("killercoda/one=123", false, 1)];
    seat.drawn.text = Some(ratatui::layout::Rect::new(0, 3, 50, 20));
    seat.drawn.lines = 80;
    seat.press("f2 tab enter");
    assert_eq!(seat.take(), [Effect::Run { pane: 1, text: "ssh node01".into(), interrupt: false }]);
    assert_eq!(seat.state.focus, Focus::Shell);
    seat.press("f2 tab");
    assert_eq!((seat.state.code, seat.state.scroll), (Some(1), 31), "what is selected is scrolled to");
    seat.press("y");
    assert_eq!(seat.take(), [Effect::Copy("killercoda/one=123".into())]);
    seat.drawn.hits = vec![(ratatui::layout::Rect::new(5, 5, 5, 1), Action::Run(0))];
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 6, 5));
    assert_eq!(seat.take().len(), 1);
    seat.happen(Event::Terminal(1, Notice::Exited(0)));
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 6, 5));
    assert_eq!(seat.take(), []);
}

#[test]
fn the_shell_scrolls_by_keys_and_has_a_copy_mode() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Key(KeyEvent::new(KeyCode::PageUp, KeyModifiers::SHIFT)));
    assert_eq!(seat.take(), [Effect::Scroll(1, ScrollBy::Pages(1))]);
    seat.press("ctrl-g v");
    assert_eq!(seat.take(), [Effect::CopyMode(1, true)]);
    seat.happen(Event::CopyMode(1, true)).press("n");
    assert!(seat.state.notice.take().is_some(), "nothing was searched for yet");
    seat.press("/").write("error").press("enter");
    assert_eq!(seat.take(), [Effect::CopySearch { pane: 1, text: "error".into(), backwards: true }]);
    seat.press("x");
    assert_eq!(seat.take(), [], "keys that mean nothing in copy mode do not reach the shell");
    seat.press("v y");
    assert_eq!(seat.take(), [Effect::CopyMark(1, false), Effect::CopyTake(1)]);
    seat.happen(Event::CopyMode(1, false)).press("x");
    assert_eq!(seat.take().len(), 1);
}

#[test]
fn the_palette_goes_around_its_ends() {
    let mut seat = Seat::new(80, 24);
    let selected = |seat: &Seat| match &seat.state.overlay {
        Some(Overlay::Palette { selected, .. }) => *selected,
        other => panic!("{other:?}"),
    };
    seat.press("f9 up");
    let last = super::super::palette::matching(&seat.state, "").len() - 1;
    assert_eq!(selected(&seat), last);
    seat.press("down");
    assert_eq!(selected(&seat), 0);
    seat.press("down");
    assert_eq!(selected(&seat), 1);
}

#[test]
fn pastes_go_to_the_shell_or_to_the_line_being_typed() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Paste("ls\n".into()));
    assert_eq!(seat.take(), [Effect::Paste(1, "ls\n".into())]);
    seat.press("f9").happen(Event::Paste("hi\nnt".into()));
    assert_eq!(seat.state.overlay, Some(Overlay::Palette { query: "hint".into(), selected: 0 }));
    seat.press("esc f2").happen(Event::Paste("rm -rf /".into()));
    assert_eq!(seat.take(), [], "a paste does not reach a shell that has not the keyboard");
}

#[test]
fn while_the_lab_comes_up_and_when_it_fails_one_can_leave() {
    let mut seat = Seat::starting(80, 24);
    seat.happen(Event::Phase(Phase::ApiServer)).press("f5");
    assert!(seat.state.notice.as_ref().unwrap().0.contains("coming up"));
    seat.press("enter");
    assert!(!seat.take().contains(&Effect::Quit));
    seat.happen(Event::Key(key('c', KeyModifiers::CONTROL)));
    assert!(seat.take().contains(&Effect::Quit));
    let trouble = Trouble { what: "no".into(), why: None, hints: vec![] };
    seat.happen(Event::OpenFailed(trouble)).press("enter");
    assert!(seat.take().contains(&Effect::Quit));
}

#[test]
fn notices_go_after_a_while_and_the_clock_draws_once_a_second() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Clock(100)).happen(Event::Notice("hello".into()));
    seat.state.dirty = false;
    seat.happen(Event::Clock(100));
    assert!(!seat.state.dirty);
    seat.happen(Event::Clock(101));
    assert!(seat.state.dirty && seat.state.notice.is_some());
    seat.happen(Event::Clock(110));
    assert!(seat.state.notice.is_none());
}

/// The windows in which the rules of the keyboard are the same.
const WINDOWS: [(u16, u16); 3] = [(120, 40), (80, 24), (60, 20)];

#[test]
fn what_is_asked_for_from_the_shell_has_the_keys_for_reading_in_every_window() {
    for (width, height) in WINDOWS {
        for keys in ["f5", "f6", "f7 enter", "f8", "shift-f8", "ctrl-g c", "ctrl-g h"] {
            let asked = || {
                let mut seat = Seat::new(width, height);
                assert_eq!(seat.state.focus, Focus::Shell);
                seat.press(keys);
                assert_eq!((seat.state.focus, seat.state.sees_lesson()), (Focus::Glance, true), "{keys}");
                seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
                seat.take();
                seat
            };
            for back in ["f2", "esc", "ctrl-g l"] {
                let mut seat = asked();
                seat.press(back);
                assert_eq!(seat.state.focus, Focus::Shell, "{back} after {keys} at {width}x{height}");
                assert_eq!(seat.take(), [], "no key of the way back reaches the shell");
            }
            let mut seat = asked();
            seat.drawn.text = Some(ratatui::layout::Rect::new(0, 3, 50, 10));
            seat.drawn.lines = 40;
            seat.press("down pgdn");
            assert_eq!((seat.state.focus, seat.state.scroll, seat.take()), (Focus::Glance, 10, vec![]));
            // The first letter is not lost, whatever it would mean in the lesson.
            seat.write("qk");
            let typed = |c| Effect::Key(1, key(c, KeyModifiers::NONE));
            assert_eq!(seat.take(), [typed('q'), typed('k')], "after {keys} at {width}x{height}");
            assert_eq!(seat.state.focus, Focus::Shell);
            let mut seat = asked();
            seat.happen(Event::Paste("ls\n".into()));
            assert_eq!(seat.take(), [Effect::Paste(1, "ls\n".into())]);
        }
    }
}

#[test]
fn in_the_lesson_what_is_asked_for_stays_in_the_lesson() {
    for (width, height) in WINDOWS {
        let mut seat = Seat::new(width, height);
        seat.press("f2 f5");
        seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
        assert_eq!(seat.state.focus, Focus::Lesson);
        seat.press("esc");
        assert_eq!((seat.state.focus, seat.state.panel.clone()), (Focus::Lesson, Panel::Text));
        seat.press("esc");
        assert_eq!(seat.state.focus, Focus::Shell);
    }
}

#[test]
fn a_result_that_comes_while_one_types_moves_nothing() {
    for (width, height) in WINDOWS {
        let mut seat = Seat::new(width, height);
        seat.press("f5 f2");
        seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
        assert_eq!(seat.state.focus, Focus::Shell);
        let told = seat.state.notice.is_some_and(|(text, _)| text.contains("F2 shows it"));
        assert_eq!(told, width < SIDE_BY_SIDE, "what is not seen is told");
    }
}

#[test]
fn code_that_is_selected_after_a_glance_is_run_by_enter() {
    let mut seat = Seat::new(80, 24);
    seat.drawn.codes = vec![Code {
        text: "ssh node01".into(),
        run: true,
        interrupt: false,
        places: vec![],
        buttons: vec![(Place { line: 0, x: 0, width: 5 }, Action::Run(0))],
    }];
    seat.press("f6 tab enter");
    assert!(seat.take().contains(&Effect::Run { pane: 1, text: "ssh node01".into(), interrupt: false }));
    assert_eq!(seat.state.focus, Focus::Shell);
}

#[test]
fn a_lesson_begins_with_its_introduction_in_sight() {
    for (width, height) in WINDOWS {
        let mut seat = Seat::starting(width, height);
        seat.happen(Event::Opened(Box::new(course(standing(), false)))).happen(Event::Shell(1, Ok(())));
        assert_eq!((seat.state.page, seat.state.focus, seat.state.sees_lesson()), (0, Focus::Glance, true));
        seat.take();
        seat.press("l");
        assert_eq!(seat.take().len(), 1, "what is typed is the shell's");
    }
}

#[test]
fn zoom_lasts_while_a_result_is_looked_at() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g z f5");
    assert!(seat.state.sees_lesson() && seat.state.zoom);
    seat.press("f2");
    assert!(!seat.state.sees_lesson() && seat.state.zoom);
}

#[test]
fn text_of_the_lesson_is_selected_by_dragging_copied_and_pasted_into_the_shell() {
    use super::super::selection::{Selection, Spot, Words};
    for (width, height) in WINDOWS {
        let mut seat = Seat::new(width, height);
        let words = |text: &str| Words { text: text.into(), ..Words::default() };
        seat.drawn.text = Some(ratatui::layout::Rect::new(1, 3, 40, 2));
        seat.drawn.words = vec![words("one two"), words("three"), words("four")];
        seat.drawn.lines = 3;
        seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 5, 3));
        seat.happen(mouse(MouseEventKind::Up(MouseButton::Left), 5, 3));
        assert_eq!((seat.take(), seat.state.selection), (vec![], None), "a click copies nothing");
        seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 5, 3));
        seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), 5, 4));
        let spots = Selection { from: Spot { line: 0, x: 4 }, to: Spot { line: 1, x: 4 } };
        assert_eq!(seat.state.selection, Some(spots));
        // Below the pane the text comes along.
        seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), 2, 9));
        assert_eq!(seat.state.scroll, 1);
        seat.happen(mouse(MouseEventKind::Up(MouseButton::Left), 2, 9));
        assert_eq!(seat.take(), [Effect::Copy("two\nthree\nfo".into())]);
        assert!(seat.state.selection.is_some(), "it is seen what was copied");
        seat.happen(Event::Paste("two".into()));
        assert_eq!(seat.take(), [Effect::Paste(1, "two".into())]);
        seat.press("f2");
        assert_eq!(seat.state.selection, None);
    }
}

#[test]
fn whoever_waits_after_the_prefix_is_shown_its_keys() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::Clock(70)).press("ctrl-g");
    assert!(!seat.state.prefix_waits, "not before the clock moves on");
    seat.happen(Event::Clock(71));
    assert!(seat.state.prefix_waits && seat.state.dirty);
    seat.press("z ctrl-g");
    assert!(seat.state.zoom && !seat.state.prefix_waits);
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut seat = Seat::new(120, 40);
    seat.drawn.text = Some(ratatui::layout::Rect::new(1, 3, 49, 20));
    seat.drawn.lines = 60;
    seat.drawn.screens = vec![(1, ratatui::layout::Rect::new(51, 3, 69, 36))];
    seat.happen(mouse(MouseEventKind::ScrollDown, 9, 9));
    assert_eq!((seat.state.scroll, seat.state.focus, seat.take()), (3, Focus::Shell, vec![]));
    seat.happen(mouse(MouseEventKind::ScrollUp, 9, 9));
    assert_eq!(seat.state.scroll, 0);
    seat.happen(mouse(MouseEventKind::ScrollUp, 60, 9));
    assert!(matches!(seat.take()[..], [Effect::Mouse { pane: 1, kind: MouseEventKind::ScrollUp, .. }]));
    seat.drawn.overlay = (90, 20);
    seat.press("f1").happen(mouse(MouseEventKind::ScrollDown, 60, 9));
    assert_eq!((seat.state.overlay_scroll, seat.take()), (3, vec![]), "what is on top comes first");
}
