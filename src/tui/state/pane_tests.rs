#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::super::effect::Effect;
use super::super::event::{Event, PaneId};
use super::super::fixture::{Seat, course, standing};
use super::super::layout;
use super::*;
use crate::terminal::Notice;

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

/// Fills what the last frame would have said.
fn draw(seat: &mut Seat) {
    let (screens, lines) = layout::panes(&seat.state, layout::shell_room(&seat.state));
    (seat.drawn.screens, seat.drawn.lines_between) = (screens, lines);
}

fn focused(seat: &Seat) -> PaneId {
    seat.state.pane().unwrap().id
}

/// Two panes above each other on the right of one: 1, then 3 above 4.
fn three() -> Seat {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g |").happen(Event::Shell(3, Ok(())));
    seat.press("ctrl-g -").happen(Event::Shell(4, Ok(())));
    draw(&mut seat);
    seat
}

#[test]
fn a_split_opens_a_shell_on_the_same_node_and_tells_both_their_size() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g |");
    assert_eq!(
        seat.take(),
        [
            Effect::Resize(1, 34, 36),
            Effect::Resize(3, 34, 36),
            Effect::OpenShell { pane: 3, node: "controlplane".into() }
        ]
    );
    assert_eq!(focused(&seat), 3);
    seat.press("ctrl-g -");
    assert_eq!(seat.take()[..2], [Effect::Resize(3, 34, 18), Effect::Resize(4, 34, 17)]);
    seat.happen(Event::Shell(4, Ok(()))).press("x");
    assert!(matches!(seat.take()[..], [Effect::Key(4, _)]));
}

#[test]
fn no_pane_is_made_too_small() {
    let mut seat = Seat::new(60, 20);
    for _ in 0..9 {
        seat.press("ctrl-g -");
    }
    assert!(seat.state.notice.take().unwrap().0.contains("no room"));
    for (id, (_, rows)) in layout::pane_sizes(&seat.state) {
        assert!(rows >= 3, "pane {id} has {rows} rows");
    }
}

#[test]
fn arrows_move_between_panes_and_on_to_the_tabs_beside() {
    let mut seat = three();
    assert_eq!(focused(&seat), 4);
    for (keys, pane) in [("up", 3), ("left", 1), ("right", 3), ("down", 4), ("right", 2), ("left", 4)] {
        seat.press("ctrl-g").press(keys);
        assert_eq!(focused(&seat), pane, "{keys}");
    }
    seat.press("ctrl-g o");
    assert_eq!(focused(&seat), 1);
}

#[test]
fn a_click_moves_to_a_pane_and_a_drag_moves_the_line_between() {
    let mut seat = three();
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 60, 9));
    assert_eq!(focused(&seat), 1);
    assert!(matches!(seat.take().last(), Some(Effect::Mouse { pane: 1, .. })));
    seat.happen(mouse(MouseEventKind::Up(MouseButton::Left), 60, 9));
    let line = seat.drawn.lines_between[0].area;
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), line.x, 9));
    seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), line.x + 10, 12));
    seat.happen(mouse(MouseEventKind::Up(MouseButton::Left), line.x + 10, 12));
    draw(&mut seat);
    assert_eq!(seat.drawn.lines_between[0].area.x, line.x + 10);
    seat.press("ctrl-g shift-left");
    draw(&mut seat);
    assert_eq!(seat.drawn.lines_between[0].area.x, line.x + 7);
}

#[test]
fn zoom_gives_one_pane_the_window_and_the_others_keep_their_size() {
    let mut seat = three();
    seat.take();
    seat.press("ctrl-g z");
    let told = seat.take();
    assert!(told.contains(&Effect::Resize(4, 120, 36)), "{told:?}");
    assert!(!told.iter().any(|e| matches!(e, Effect::Resize(1 | 3, ..))), "{told:?}");
    draw(&mut seat);
    assert_eq!(seat.drawn.screens, [(4, Rect::new(0, 3, 120, 36))]);
    seat.press("ctrl-g z");
    draw(&mut seat);
    assert_eq!(seat.drawn.screens.len(), 3);
}

#[test]
fn closing_a_pane_asks_while_its_shell_runs_and_leaves_the_room_to_the_other() {
    let mut seat = three();
    seat.press("ctrl-g w");
    assert_eq!(seat.state.overlay, Some(Overlay::Question(Question::CloseShell)));
    seat.press("enter");
    assert!(seat.take().contains(&Effect::ClosePane(4)));
    assert_eq!((focused(&seat), seat.state.tabs.len()), (1, 2));
    draw(&mut seat);
    assert_eq!(seat.drawn.screens.len(), 2);
}

#[test]
fn a_file_is_asked_for_completed_and_opened_once() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g e");
    assert_eq!(seat.state.overlay, Some(Overlay::Entry(Entering::File, "/etc/kubernetes/manifests/".into())));
    seat.write("kube-a").press("tab");
    let typed = "/etc/kubernetes/manifests/kube-a".to_owned();
    assert_eq!(seat.take(), [Effect::CompletePath { node: "controlplane".into(), path: typed.clone() }]);
    let whole = "/etc/kubernetes/manifests/kube-apiserver.yaml".to_owned();
    seat.happen(Event::PathCompleted(typed, whole.clone(), vec!["kube-apiserver.yaml".into()]))
        .press("enter");
    let open = Effect::OpenFile { pane: 3, node: "controlplane".into(), path: whole.clone() };
    assert_eq!(seat.take().last(), Some(&open));
    seat.happen(Event::Shell(3, Ok(())))
        .press("ctrl-g 1 ctrl-g e")
        .write("kube-apiserver.yaml")
        .press("enter");
    assert_eq!((focused(&seat), seat.state.tabs.len()), (3, 3), "it is open already");
    seat.press("ctrl-g v");
    assert!(seat.state.notice.take().unwrap().0.contains("copy mode"));
    seat.happen(Event::Modified(3, true)).press("ctrl-g w");
    assert_eq!(seat.state.overlay, Some(Overlay::Question(Question::CloseFile)));
    seat.press("esc").happen(Event::EditorClosed(3));
    assert_eq!(seat.state.tabs.len(), 2);
}

#[test]
fn a_relative_path_is_refused_with_a_sentence() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-g e ctrl-u").write("a.yaml").press("enter");
    assert!(seat.state.notice.take().unwrap().0.contains("begins with /"));
    assert_eq!(seat.state.tabs.len(), 2);
}

#[test]
fn code_of_the_lesson_runs_in_the_shell_beside_an_editor() {
    let mut seat = three();
    seat.happen(Event::Terminal(4, Notice::Exited(0)));
    seat.drawn.codes = vec![super::super::markdown::Code {
        text: "k get nodes".into(),
        run: true,
        interrupt: false,
        places: vec![],
        buttons: vec![],
    }];
    seat.drawn.hits = vec![(Rect::new(5, 5, 5, 1), super::super::action::Action::Run(0))];
    seat.take();
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), 6, 5));
    assert!(matches!(seat.take()[..], [Effect::Run { pane: 1, .. }]));
    assert_eq!(focused(&seat), 1);
}

#[test]
fn the_layout_is_kept_when_it_changes_and_is_there_again() {
    let mut seat = three();
    seat.press("ctrl-g e").write("etcd.yaml").press("enter ctrl-g >");
    seat.take();
    seat.happen(Event::Clock(70));
    let kept = match &seat.take()[..] {
        [Effect::KeepLayout(layout)] => layout.clone(),
        other => panic!("{other:?}"),
    };
    seat.happen(Event::Clock(71));
    assert_eq!(seat.take(), [], "the same is not written again");
    let kept = Layout::read(&kept.write()).unwrap();

    let mut again = Seat::starting(120, 40);
    let mut course = course(standing(), true);
    course.layout = Some(kept.clone());
    again.happen(Event::Opened(Box::new(course.clone())));
    assert_eq!(again.state.layout(), kept);
    let opened = again.take();
    let file = |e: &Effect| matches!(e, Effect::OpenFile { path, .. } if path.ends_with("/etcd.yaml"));
    assert!(opened.iter().any(file), "{opened:?}");
    assert!(
        !opened.iter().any(|e| matches!(e, Effect::OpenShell { .. })),
        "shells start when they are shown"
    );

    // What does not belong to this lesson, or names other nodes, is not taken.
    for spoil in [|l: &mut Layout| l.course = "another".into(), |l: &mut Layout| l.tabs.clear()] {
        let mut layout = kept.clone();
        spoil(&mut layout);
        course.layout = Some(layout);
        let mut fresh = Seat::starting(120, 40);
        fresh.happen(Event::Opened(Box::new(course.clone())));
        assert_eq!(fresh.state.tabs.len(), 2);
    }
}

#[test]
fn the_program_stops_itself_only_where_a_shell_can_continue_it() {
    let mut seat = Seat::new(120, 40);
    seat.press("ctrl-z");
    assert!(matches!(seat.take()[..], [Effect::Key(1, _)]), "Ctrl-Z is the shell's");
    seat.press("ctrl-g ctrl-z");
    assert_eq!(seat.take(), [Effect::Suspend]);
    seat.state.lone = true;
    seat.press("ctrl-g ctrl-z");
    assert_eq!(seat.take(), []);
    assert!(seat.state.notice.is_some());
    // A signal from outside is obeyed: whoever sent it can send the other one.
    seat.happen(Event::Suspend);
    assert_eq!(seat.take(), [Effect::Suspend]);
}

#[test]
fn what_no_program_takes_goes_to_the_terminal() {
    let mut seat = Seat::new(120, 40);
    seat.happen(Event::NotCopied("text".into()));
    assert_eq!(seat.take(), [Effect::Osc52("text".into())]);
    assert!(seat.state.notice.is_none(), "that is no error");
}
