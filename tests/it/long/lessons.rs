//! Every lesson with the real kube-apiserver and etcd.

use super::super::program::{run, text};
use super::super::realserver::Binaries;

#[test]
#[ignore = "long: bash .ci/run runs it"]
fn every_lesson_tells_right_from_wrong_on_the_real_server() {
    let Some(binaries) = Binaries::or_skip("v1.31.0", "the lessons on the real server") else { return };
    let home = tempfile::tempdir().unwrap();
    let dir = binaries.dir.display().to_string();
    let output =
        run(home.path(), &["lesson", "test", "--cluster", "local", "--binaries", &dir, "--jobs", "2"]);
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}{}", text(&output.stderr));
    for lesson in std::fs::read_dir("lessons").unwrap().flatten().filter(|e| e.path().is_dir()) {
        let name = lesson.file_name().to_string_lossy().into_owned();
        assert!(table.contains(&name), "{name}: {table}");
    }
}
