#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The X-ray beside the shells and on top of the window.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::super::effect::Effect;
use super::super::event::Event;
use super::super::fixture::{Seat, course, request, standing};
use super::super::layout;
use super::super::saved::Layout;
use super::super::xray::Filter;
use super::*;

fn mouse(kind: MouseEventKind, column: u16, row: u16) -> Event {
    Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

/// Fills what the last frame would have said.
fn draw(seat: &mut Seat) {
    let areas = layout::areas(&seat.state);
    seat.drawn.dock = areas.dock.zip(areas.dock_line);
    let (screens, lines) = layout::panes(&seat.state, layout::shell_room(&seat.state));
    (seat.drawn.screens, seat.drawn.lines_between) = (screens, lines);
}

fn rows(seat: &Seat) -> (u16, u16) {
    let areas = layout::areas(&seat.state);
    (areas.shells.unwrap().height, areas.dock.map_or(0, |area| area.height))
}

fn docked() -> Seat {
    let mut seat = Seat::new(120, 40);
    seat.press("f4").happen(Event::Requests(Some(vec![request(1), request(2)])));
    draw(&mut seat);
    seat
}

#[test]
fn where_there_is_room_it_is_beside_the_shell_and_the_same_key_closes_it() {
    for (width, height, beside) in
        [(120, 40, true), (100, 30, true), (100, 29, false), (80, 24, false), (60, 20, false)]
    {
        let mut seat = Seat::new(width, height);
        seat.press("f4");
        assert_eq!(seat.state.sees_dock(), beside, "{width}x{height}");
        assert_eq!(seat.state.overlay == Some(Overlay::Xray), !beside, "{width}x{height}");
        assert_eq!(seat.state.context(), super::super::keymap::Context::Xray);
        assert!(seat.take().contains(&Effect::Requests));
        seat.press("f4");
        assert!(!seat.state.sees_xray() && seat.state.focus == Focus::Shell);
        // Escape leads back to the shell, by way of what is explained.
        seat.press("f4").happen(Event::Requests(Some(vec![request(1)]))).press("f enter esc");
        assert!(seat.state.context() == super::super::keymap::Context::Xray && !seat.state.xray.open);
        seat.press("esc");
        assert_eq!((seat.state.focus, seat.state.sees_xray()), (Focus::Shell, beside));
        seat.take();
        seat.press("x");
        assert!(matches!(seat.take()[..], [Effect::Key(1, _)]), "{width}x{height}");
    }
}

#[test]
fn beside_the_shell_it_takes_room_and_lives_on_while_one_types() {
    let mut seat = docked();
    assert_eq!(rows(&seat), (23, 12));
    seat.press("esc");
    seat.take();
    seat.happen(Event::Recorded);
    assert_eq!(seat.take(), [Effect::Requests], "as soon as a request is recorded");
    seat.press("f4 p");
    seat.take();
    seat.happen(Event::Recorded);
    assert_eq!(seat.take(), [], "not while it is paused");
    seat.press("q");
    assert_eq!(rows(&seat), (36, 0));
    seat.take();
    seat.happen(Event::Recorded);
    assert_eq!(seat.take(), [], "nor while it is not seen");
}

#[test]
fn the_line_above_it_is_dragged_and_moved_by_keys() {
    let mut seat = docked();
    let (_, line) = seat.drawn.dock.unwrap();
    for row in [line.y - 5, line.y + 3] {
        draw(&mut seat);
        let (_, line) = seat.drawn.dock.unwrap();
        seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), line.x + 3, line.y));
        seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), line.x + 3, row));
        seat.happen(mouse(MouseEventKind::Up(MouseButton::Left), line.x + 3, row));
        draw(&mut seat);
        assert_eq!(seat.drawn.dock.unwrap().1.y, row);
    }
    let before = rows(&seat);
    seat.press("ctrl-g shift-up");
    assert_eq!(rows(&seat), (before.0 - 1, before.1 + 1));
    // From the shell as well, where no line of its own is there.
    seat.press("esc ctrl-g shift-down");
    assert_eq!(rows(&seat), before);
    assert!(
        seat.take().iter().any(|e| matches!(e, Effect::Resize(1, _, _))),
        "the shells are told their size"
    );
    let (_, line) = seat.drawn.dock.unwrap();
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), line.x + 3, line.y));
    seat.happen(mouse(MouseEventKind::Drag(MouseButton::Left), line.x + 3, 0));
    assert!(rows(&seat).0 >= 7 && rows(&seat).1 >= 4);
}

#[test]
fn the_keyboard_moves_to_it_and_away_as_to_any_pane() {
    let mut seat = docked();
    seat.press("ctrl-g up");
    assert_eq!(seat.state.focus, Focus::Shell);
    seat.press("ctrl-g down");
    assert_eq!(seat.state.focus, Focus::Xray);
    seat.press("f2");
    assert_eq!(seat.state.focus, Focus::Shell);
    let (area, _) = seat.drawn.dock.unwrap();
    seat.happen(mouse(MouseEventKind::Down(MouseButton::Left), area.x + 1, area.y + 1));
    assert_eq!(seat.state.focus, Focus::Xray);
    seat.happen(mouse(MouseEventKind::ScrollUp, area.x + 1, area.y + 1));
    seat.press("f5");
    assert_eq!(seat.state.focus, Focus::Glance);
    seat.press("ctrl-g z");
    assert!(!seat.state.sees_dock(), "zoomed, one pane has the window");
}

#[test]
fn a_window_that_shrinks_gives_the_keyboard_back_to_the_shell() {
    let mut seat = docked();
    seat.happen(Event::Resize(80, 24));
    assert_eq!((seat.state.focus, seat.state.sees_xray()), (Focus::Shell, false));
    seat.happen(Event::Resize(120, 40));
    assert!(seat.state.sees_dock(), "it is there again with the room for it");
}

#[test]
fn it_is_kept_in_the_layout() {
    let mut seat = docked();
    seat.press("ctrl-g shift-up");
    let kept = Layout::read(&seat.state.layout().write()).unwrap();
    let mut again = Seat::starting(120, 40);
    let mut course = course(standing(), true);
    course.layout = Some(kept.clone());
    again.happen(Event::Opened(Box::new(course)));
    assert_eq!(again.state.layout(), kept);
    assert_eq!(rows(&again), rows(&seat));
    // A layout that was kept before there was an X-ray in it has none.
    let old = kept.write().replace("\"xray\"", "\"xr\"");
    assert_eq!(Layout::read(&old).unwrap().xray, None);
}

#[test]
fn where_only_checks_are_recorded_all_of_their_requests_are_shown() {
    let mut seat = Seat::starting(120, 40);
    let mut course = course(standing(), false);
    course.own_requests = true;
    seat.happen(Event::Opened(Box::new(course)));
    assert_eq!((seat.state.xray.own, seat.state.xray.filter), (true, Filter::All));
}
