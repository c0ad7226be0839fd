//! The command line without a running lab: output, messages, exit status.

use super::program::run_text;

#[test]
fn each_mistake_has_its_message_and_status() {
    let home = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["check"], 2, "no lab \"default\" is running\n  start it with `cks-lab`"),
        (&["check", "--json", "--name", "b"], 2, "no lab \"b\" is running"),
        (&["hint"], 2, "is running"),
        (&["solve"], 2, "is running"),
        (&["exec", "node01", "--", "true"], 2, "is running"),
        (&["shell", "node01"], 2, "is running"),
        (&["reset", "enable-plugin", "--yes"], 2, "is running"),
        (&["reset", "--yes"], 2, "no lesson was begun"),
        (&["report"], 2, "no lesson was begun"),
        (&["restore"], 2, "nothing to restore"),
        (&[], 2, "needs a terminal"),
        (&["start"], 2, "cks-lab start --plain"),
        (&["start", "--exam"], 2, "cks-lab start --plain"),
        (
            &["up", "--cluster", "live", "--kubeconfig", "/nowhere"],
            2,
            "the kubeconfig /nowhere cannot be read",
        ),
        (
            &["up", "--cluster", "local", "--binaries", "/nowhere"],
            2,
            "the real kube-apiserver, and there is none in /nowhere",
        ),
        (
            &["up", "--kubernetes", "1.9"],
            2,
            "Kubernetes 1.9 is not emulated\n  there is: --kubernetes 1.31, 1.36",
        ),
        (
            &["up", "nonsense"],
            2,
            "there is no lesson \"nonsense\"\n  the lessons are: apiserver-node-restriction",
        ),
        (&["lesson", "lint", "nonsense"], 2, "there is no lesson \"nonsense\""),
        (&["lesson", "new", "Bad Id"], 2, "is no lesson id"),
        (&["list", "--lessons", "/nowhere"], 2, "the lessons in /nowhere cannot be read"),
        (&["list", "--name", "../x"], 2, "a lab's name has letters"),
        (&["list", "--nmae", "x"], 2, "unexpected argument"),
    ];
    for (arguments, status, message) in cases {
        let ran = run_text(home.path(), arguments);
        assert_eq!(ran.status, *status, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{arguments:?} writes to stdout: {}", ran.stdout);
        assert!(!ran.stderr.contains('\x1b'), "{arguments:?} colours what is no terminal");
    }
}

#[test]
fn a_state_directory_that_is_none_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    for arguments in [&["up"][..], &["start", "--plain"]] {
        let ran = run_text(&file, arguments);
        assert_eq!(ran.status, 2);
        assert!(ran.stderr.contains(&file.display().to_string()), "{}", ran.stderr);
        assert!(ran.stderr.contains("CKS_LAB_HOME"), "{}", ran.stderr);
    }
}

#[test]
fn the_list_survives_a_corrupt_progress_file() {
    let home = tempfile::tempdir().unwrap();
    let lab = home.path().join("labs/default");
    std::fs::create_dir_all(&lab).unwrap();
    std::fs::write(lab.join("progress.json"), "not json").unwrap();
    let ran = run_text(home.path(), &["list", "--json"]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("progress.json.corrupt-1"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(lab.join("progress.json.corrupt-1")).unwrap(), "not json");
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(list[0]["id"], "apiserver-node-restriction");
    assert_eq!(list[0]["steps"], serde_json::json!(["verify-issue", "enable-plugin", "re-verify"]));
}

#[test]
fn every_command_has_help_and_the_rest_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let commands =
        "start list up exec shell check hint solve report reset restore lesson doctor completions man";
    for command in commands.split(' ') {
        let ran = run_text(home.path(), &[command, "--help"]);
        assert_eq!(ran.status, 0, "{command}");
        assert!(ran.stdout.contains("Usage: cks-lab"), "{command}: {}", ran.stdout);
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(run_text(home.path(), &["completions", shell]).stdout.contains("cks-lab"), "{shell}");
    }
    assert!(run_text(home.path(), &["man"]).stdout.contains(".TH cks-lab"));
    let doctor = run_text(home.path(), &["doctor", "--json"]);
    let doctor: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    let ids: Vec<_> = doctor["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap()).collect();
    for id in ["kernel", "kubectl", "vim", "ssh", "terminal", "state", "disk"] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
}

#[test]
fn a_new_lesson_lints_clean_and_is_listed() {
    let home = tempfile::tempdir().unwrap();
    let lessons = home.path().join("lessons");
    let into = lessons.to_str().unwrap();
    let made = run_text(home.path(), &["lesson", "new", "my-lesson", "--into", into]);
    assert_eq!(made.status, 0, "{}", made.stderr);
    let again = run_text(home.path(), &["lesson", "new", "my-lesson", "--into", into]);
    assert!(again.status == 2 && again.stderr.contains("is there already"), "{}", again.stderr);
    let lint = run_text(home.path(), &["lesson", "lint", into]);
    assert_eq!((lint.status, lint.stdout.as_str()), (0, ""), "{}", lint.stderr);
    let list = run_text(home.path(), &["list", "--lessons", into]);
    assert!(list.stdout.contains("my-lesson") && list.stdout.contains("apiserver-node-restriction"));
    let file = lessons.join("my-lesson/lesson.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("minutes:", "minuets:")).unwrap();
    let lint = run_text(home.path(), &["lesson", "lint", into]);
    assert_eq!(lint.status, 1);
    assert!(
        lint.stdout.contains("my-lesson/lesson.yaml:") && lint.stdout.contains("minuets"),
        "{}",
        lint.stdout
    );
}
