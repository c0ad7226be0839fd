//! A lab on somebody's cluster, killed at every write of its journal, on the way up and on the way back.

use crate::live::Theirs;

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn killed_at_any_step() {
    let points = Theirs::start().kill_points(1, 2);
    assert!(points >= 30, "{points}");
}

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn killed_right_after_a_step_was_written_down() {
    let points = Theirs::start().kill_points(2, 2);
    assert!(points >= 30, "{points}");
}
