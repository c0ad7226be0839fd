//! Every lesson on somebody's cluster: untouched, wrong answers, solutions, and the undo of all that.

use crate::live::Theirs;

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn all_lessons_on_somebodys_cluster() {
    let theirs = Theirs::start();
    for lesson in [
        "apiserver-node-restriction",
        "apiserver-crash",
        "apiserver-misconfigured",
        "rbac-service-account-permissions",
    ] {
        theirs.passes_lesson_test(lesson);
    }
}
