use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::check::Verdict;
use crate::exam::spec;
use crate::grade::CheckResult;
use crate::lesson::catalog::Catalog;

fn paper() -> Paper {
    let spec = spec::find("cks-practice", None).unwrap().unwrap();
    Paper::new(&spec, &Catalog::new(None).unwrap(), "en").unwrap()
}

fn start() -> Timestamp {
    "2026-03-01T09:00:00Z".parse().unwrap()
}

fn after(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

fn result(points: u32, max: u32) -> StepResult {
    let verdict = if points == max { Verdict::Pass } else { Verdict::Fail };
    let empty = String::new;
    let check = CheckResult {
        id: "c".into(),
        title: empty(),
        verdict,
        points,
        max,
        expected: empty(),
        observed: empty(),
        hint: empty(),
        skipped: false,
    };
    crate::grade::step("s", "S", vec![check])
}

#[test]
fn the_clock_is_right_after_a_restart() {
    let paper = paper();
    let mut sitting = Sitting::begin(&paper, start());
    sitting.go_to(&paper, 2);
    let kept = serde_json::to_string(&sitting).unwrap();
    // kill -9; an hour later it is read again.
    let again: Sitting = serde_json::from_str(&kept).unwrap();
    assert_eq!(again, sitting);
    assert_eq!(again.clock(after(60)).left, (75 - 60) * 60);
    assert_eq!(again.at(&paper), 2);
    assert!(!again.is_over(after(74)) && again.is_over(after(75)));
}

#[test]
fn warnings_come_once_each() {
    let mut sitting = Sitting::begin(&paper(), start());
    let given: Vec<(i64, u64)> =
        (0..90).filter_map(|minute| Some((minute, sitting.warning(after(minute))?.0))).collect();
    assert_eq!(given, [(45, 30), (65, 10), (75, 0)]);
    sitting.end(after(80));
    assert_eq!(sitting.warning(after(81)), None);
}

#[test]
fn the_end_is_never_beyond_the_limit() {
    let paper = paper();
    for (minutes, reason, spent) in
        [(20, Reason::HandedIn, 20), (75, Reason::TimeUp, 75), (900, Reason::TimeUp, 75)]
    {
        let mut sitting = Sitting::begin(&paper, start());
        sitting.end(after(minutes));
        assert_eq!(sitting.ended.unwrap(), Ended { at: after(spent), reason });
        assert_eq!(
            sitting.clock(after(minutes + 5)).spent,
            60 * u64::try_from(spent).unwrap(),
            "it stands still"
        );
        let before = sitting.clone();
        sitting.end(after(minutes + 1));
        assert_eq!(sitting, before, "it ends once");
    }
}

#[test]
fn the_overview_tells_what_was_opened_and_flagged_and_not_how_it_went() {
    let paper = paper();
    let mut sitting = Sitting::begin(&paper, start());
    sitting.go_to(&paper, 0);
    sitting.go_to(&paper, 3);
    assert!(sitting.flag(&paper, 3) && sitting.flag(&paper, 5) && !sitting.flag(&paper, 5));
    sitting.go_to(&paper, 4);
    sitting.go_to(&paper, 400);
    let rows = sitting.overview(&paper);
    assert_eq!(rows.len(), paper.tasks.len());
    let marks =
        |which: fn(&Row) -> bool| rows.iter().filter(|r| which(r)).map(|r| r.number).collect::<Vec<_>>();
    assert_eq!(marks(|r| r.opened), [1, 4, 5]);
    assert_eq!(marks(|r| r.flagged), [4]);
    assert_eq!(marks(|r| r.current), [5]);
    assert_eq!(rows.iter().map(|r| r.weight).collect::<BTreeSet<_>>(), BTreeSet::from([20, 25, 30]));
}

#[test]
fn weights_count_and_nothing_is_rounded_up_to_a_pass() {
    for (parts, percent, passed) in [
        (&[(1, 67, 100)][..], 67, true),
        (&[(1, 2, 3)], 66, false),
        (&[(60, 10, 10), (40, 0, 7)], 60, false),
        (&[(60, 10, 10), (40, 7, 40)], 67, true),
        (&[(60, 10, 10), (40, 6, 40)], 66, false),
        (&[(3, 1, 3), (3, 3, 3), (3, 2, 3)], 66, false),
        (&[(50, 0, 0), (50, 5, 5)], 100, true),
        (&[], 0, false),
    ] {
        assert_eq!(weigh(parts, 67), (percent, passed), "{parts:?}");
    }
}

#[test]
fn tasks_without_a_result_have_no_points_and_the_better_of_two_counts() {
    let paper = paper();
    let mut sitting = Sitting::begin(&paper, start());
    assert!(!sitting.is_graded());
    let outcome = sitting.outcome(&paper);
    assert_eq!((outcome.percent, outcome.passed), (0, false));
    assert!(outcome.lessons.iter().all(|l| l.score == 0 && l.max > 0 && !l.steps.is_empty()));
    for task in &paper.tasks {
        sitting.keep(&task.id, result(0, task.points));
        sitting.keep(&task.id, result(task.points, task.points));
        sitting.keep(&task.id, result(1, task.points));
        sitting.record(&task.id, result(0, task.points));
    }
    assert!(sitting.is_graded());
    let outcome = sitting.outcome(&paper);
    assert_eq!((outcome.percent, outcome.passed), (100, true));
}
