#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! The first screen and exams.

use super::super::effect::Effect;
use super::super::event::{Event, Trouble};
use super::super::fixture::{Seat, offers, outcome};
use super::super::starter::Choice;
use super::*;
use crate::exam::Clock;

fn notice(seat: &mut Seat) -> String {
    seat.state.notice.take().map(|(text, _)| text).unwrap_or_default()
}

fn choice(id: &str, exam: bool) -> Effect {
    Effect::Start(Choice { id: Some(id.into()), exam })
}

#[test]
fn what_is_under_way_is_one_key_away() {
    let mut seat = Seat::picking(120, 40);
    seat.press("enter");
    assert_eq!(seat.take(), [choice("apiserver-node-restriction", false)]);
    assert_eq!(seat.state.stage, Stage::Starting(None));
}

#[test]
fn another_lesson_asks_first_and_an_exam_need_not() {
    let mut seat = Seat::picking(120, 40);
    seat.press("k enter");
    assert_eq!(seat.state.overlay, Some(Overlay::Question(Question::Switch)));
    seat.press("esc");
    assert_eq!((seat.take(), seat.state.stage.clone()), (vec![], Stage::Picking));
    seat.press("enter enter");
    assert_eq!(seat.take(), [choice("apiserver-crash", false)]);
    let mut seat = Seat::picking(120, 40);
    seat.press("pgdn enter");
    assert_eq!(seat.take(), [choice("cks-practice", true)]);
}

#[test]
fn the_first_screen_is_left_without_a_question_and_works_before_it_is_filled() {
    for key in ["q", "esc", "ctrl-c"] {
        let mut seat = Seat::picking(80, 24);
        seat.press(key);
        assert_eq!(seat.take(), [Effect::Quit], "{key}");
    }
    let mut seat = Seat::starting(80, 24);
    seat.state.stage = Stage::Picking;
    seat.press("down enter x");
    assert_eq!(seat.take(), []);
    let trouble = Trouble { what: "no lessons".into(), why: None, hints: vec![] };
    seat.happen(Event::Offers(Err(trouble))).press("enter q");
    assert_eq!(seat.take(), [Effect::Quit]);
    let mut none: Vec<super::super::offer::Offer> = offers();
    none.retain(|offer| !offer.open);
    let mut seat = Seat::starting(80, 24);
    seat.state.stage = Stage::Picking;
    seat.happen(Event::Offers(Ok(none))).press("enter");
    assert_eq!(seat.take(), [choice("apiserver-crash", false)], "nothing is put away");
}

#[test]
fn an_exam_gives_no_help() {
    let mut seat = Seat::sitting(120, 40, 0);
    for keys in ["f5", "f6", "f7", "ctrl-g c", "ctrl-g h", "ctrl-g s"] {
        seat.press(keys);
        assert!(notice(&mut seat).contains("without hints"), "{keys}");
        assert_eq!((seat.take(), seat.state.overlay.clone()), (vec![], None), "{keys}");
    }
    seat.press("f9").write("solution");
    let Some(Overlay::Palette { query, .. }) = seat.state.overlay.clone() else { panic!() };
    let found = super::super::palette::matching(&seat.state, &query);
    assert!(!found.iter().any(|entry| entry.action.is_help_with_a_step()), "nor does the palette: {found:?}");
}

#[test]
fn tasks_are_turned_to_in_order_and_by_jumping() {
    let mut seat = Seat::sitting(120, 40, 0);
    seat.press("shift-f8");
    assert!(notice(&mut seat).contains("first task"));
    seat.press("f8");
    assert_eq!(seat.take(), [Effect::ExamGoTo(1)]);
    seat.turn(1);
    assert_eq!((seat.state.page, seat.state.busy), (2, None));
    seat.press("f3 down enter");
    assert_eq!(seat.take().last(), Some(&Effect::ExamGoTo(2)));
    seat.turn(2);
    seat.take();
    seat.press("f8");
    assert!(notice(&mut seat).contains("last task"));
    seat.press("f3 f3");
    assert_eq!(seat.state.overlay, None);
}

#[test]
fn each_lesson_keeps_its_tabs_while_another_is_looked_at() {
    let mut seat = Seat::sitting(120, 40, 0);
    seat.press("ctrl-g |").happen(Event::Shell(3, Ok(())));
    let before = seat.state.tabs.clone();
    seat.turn(2);
    assert_eq!(seat.state.tabs.len(), 2, "its own");
    assert_ne!(seat.state.tabs, before);
    seat.turn(1);
    assert_eq!(seat.state.tabs, before);
}

#[test]
fn tabs_splits_and_files_of_each_lesson_are_there_again_after_a_restart() {
    let mut seat = Seat::sitting(120, 40, 0);
    seat.press("ctrl-g | ctrl-g e").write("etcd.yaml").press("enter ctrl-g >");
    seat.take();
    seat.press("f3 down down enter");
    // At once: within the second in which the clock would keep it the other lab is there.
    let kept = match &seat.take()[..] {
        [Effect::KeepLayout(layout), Effect::ExamGoTo(2)] => layout.clone(),
        other => panic!("{other:?}"),
    };
    seat.turn(2);
    seat.happen(Event::Clock(70));
    assert!(seat.take().contains(&Effect::ExamTick));

    let mut again = Seat::starting(120, 40);
    let mut course = super::super::fixture::course(super::super::fixture::standing(), false);
    course.exam = Some(super::super::fixture::exam(0));
    course.layout = super::super::saved::Layout::read(&kept.write());
    again.happen(Event::Opened(Box::new(course)));
    assert_eq!(again.state.layout(), kept);
    let opened = again.take();
    assert!(
        opened.iter().any(|e| matches!(e, Effect::OpenFile { path, .. } if path.ends_with("/etcd.yaml")))
    );
}

#[test]
fn tasks_are_marked_and_the_clock_warns() {
    let mut seat = Seat::sitting(120, 40, 0);
    seat.press("ctrl-g f f3 down down f");
    assert_eq!(seat.take(), [Effect::ExamFlag(0), Effect::ExamFlag(2)]);
    seat.press("esc").happen(Event::Clock(99));
    assert_eq!(seat.take(), [Effect::ExamTick]);
    let tick = |left, warning, over| Event::ExamTicked { clock: Clock { spent: 0, left }, warning, over };
    seat.happen(tick(1800, Some(30), false));
    assert!(notice(&mut seat).contains("30 minutes"));
    seat.happen(tick(1799, None, false));
    assert!(seat.state.notice.is_none());
}

#[test]
fn the_end_of_the_time_grades_once_and_keeps_the_shells() {
    let mut seat = Seat::sitting(120, 40, 0);
    seat.press("f3");
    let over = || Event::ExamTicked { clock: Clock { spent: 9, left: 0 }, warning: Some(0), over: true };
    seat.happen(over());
    assert!(seat.take().contains(&Effect::ExamFinish));
    assert_eq!(seat.state.overlay, None);
    seat.happen(over());
    assert_eq!(seat.take(), []);
    seat.happen(Event::ExamGraded(Ok(outcome())));
    assert_eq!((seat.state.panel.clone(), seat.state.tabs.len()), (Panel::Exam, 2));
    seat.happen(Event::Clock(500));
    assert_eq!(seat.take(), [], "a graded exam has no clock");
    seat.press("esc f3");
    assert!(matches!(seat.state.overlay, Some(Overlay::Exam(_))));
}

#[test]
fn handing_in_asks_and_a_grading_that_fails_can_be_tried_again() {
    let mut seat = Seat::sitting(120, 40, 0);
    seat.press("ctrl-g ! esc");
    assert_eq!(seat.take(), []);
    seat.press("ctrl-g ! enter");
    assert_eq!(seat.take(), [Effect::ExamFinish]);
    let trouble = Trouble { what: "the lab does not come up".into(), why: None, hints: vec![] };
    seat.happen(Event::ExamGraded(Err(trouble)));
    assert!(matches!(seat.state.panel, Panel::Trouble(_)));
    seat.press("ctrl-g ! enter");
    assert_eq!(seat.take(), [Effect::ExamFinish]);
    seat.happen(Event::ExamGraded(Ok(outcome()))).press("esc ctrl-g !");
    assert_eq!(seat.state.panel, Panel::Exam, "then it shows the results");
}

#[test]
fn outside_an_exam_there_are_no_tasks_of_one() {
    let mut seat = Seat::new(120, 40);
    seat.press("f3 ctrl-g f ctrl-g !");
    assert_eq!((seat.take(), seat.state.overlay.clone()), (vec![], None));
}

#[test]
fn the_commands_are_there_on_the_first_screen_with_what_makes_sense_there() {
    let mut seat = Seat::picking(80, 24);
    seat.press("f9");
    let entries = super::super::palette::entries(&seat.state);
    assert!(entries.iter().all(|entry| entry.action.is_of_every_stage()) && entries.len() > 3, "{entries:?}");
    seat.write("next theme").press("enter");
    assert_eq!(seat.state.overlay, None);
    assert_ne!(seat.state.config.theme, super::super::theme::ThemeName::Terminal);
}
