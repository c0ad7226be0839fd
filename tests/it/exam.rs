//! Exams, as somebody sits them: clock, flags, tasks in any order, a crash, the end and the report.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::plain::{Talk, assert_is_plain};
use super::program::{on, run_text};

const PROMPT: &str = "Type a command; help lists them.\n";

fn file(home: &Path) -> PathBuf {
    home.join("exams/default/exam.json")
}

fn kept(home: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file(home)).unwrap()).unwrap()
}

/// Moves the start of the exam, so that this much of its time is left.
fn leave(home: &Path, left: i64) {
    let mut kept = kept(home);
    let limit = kept["sitting"]["limit"].as_i64().unwrap();
    let started = jiff::Timestamp::now().as_second() - (limit - left);
    kept["sitting"]["started"] = jiff::Timestamp::from_second(started).unwrap().to_string().into();
    std::fs::write(file(home), kept.to_string()).unwrap();
}

#[test]
fn an_exam_of_several_lessons_is_sat_killed_resumed_and_graded_at_the_end() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut talk = Talk::start(home, &["start", "--plain", "--exam", "cks-practice"]);
    let first = talk.says(PROMPT);
    for part in ["Exam: CKS practice exam. 12 tasks, 75 minutes, pass mark 67 %.", "Task 1 of the exam"] {
        assert!(first.contains(part), "{part}: {first}");
    }
    // The first second may or may not be over.
    assert!(first.contains("1 h 15 min") || first.contains("1 h 14 min"), "{first}");
    for refused in ["check", "hint", "solve", "solution"] {
        let said = talk.asks(refused, PROMPT);
        assert!(said.contains("there are no hints and no solutions"), "{said}");
    }
    // The first lesson's first task is done, and nobody says so.
    talk.asks("shell node01", "A shell on node01.");
    talk.types("export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    talk.asks("k label node controlplane killercoda/one=123", "labeled");
    talk.asks("k label node node01 node-restriction.kubernetes.io/one=123", "labeled");
    talk.asks("exit", PROMPT);
    // Another process cannot get anything out of the lab, either.
    for command in ["check", "hint", "solve"] {
        let ran = run_text(home, &[command]);
        assert_eq!(ran.status, 2, "{}", ran.stdout);
        assert!(ran.stderr.contains("this is an exam"), "{}", ran.stderr);
    }
    assert!(talk.asks("flag", PROMPT).contains("Task 1 is flagged."));
    // A task of another lesson, in a cluster of its own.
    let other = talk.asks("go 10", PROMPT);
    assert!(
        other.contains("Task 10 of the exam, from the lesson RBAC: service account permissions"),
        "{other}"
    );
    talk.asks("shell", "A shell on controlplane.");
    talk.asks("kubectl get namespace shop -o name", "namespace/shop");
    talk.asks("kubectl label node controlplane proof=1", "labeled");
    talk.asks("exit", PROMPT);
    // A shell from elsewhere is in the lab of the task in view.
    let labelled = "kubectl get node -l proof=1 -o name";
    assert_eq!(on(home, "controlplane", labelled), (0, "node/controlplane\n".into(), String::new()));
    assert!(talk.asks("go 1", PROMPT).contains("Task 1 of the exam"));
    assert_eq!(on(home, "controlplane", labelled).1, "");
    talk.asks("go 10", PROMPT);
    let overview = talk.asks("tasks", PROMPT);
    for part in [
        "1. Apiserver NodeRestriction: Verify the issue, ",
        "points [flagged]\n",
        "points [here]\n",
        "points [not opened]\n",
    ] {
        assert!(overview.contains(part), "{part}: {overview}");
    }
    assert!(!overview.contains("passed"), "how well it went is told at the end: {overview}");
    talk.child.kill().unwrap();
    talk.child.wait().unwrap();
    drop(talk);

    // The clock ran on, and everything is where it was.
    leave(home, 1700);
    let mut talk = Talk::start(home, &["start", "--plain", "--exam"]);
    let again = talk.says(PROMPT);
    assert!(again.contains("The exam goes on. 28 min"), "{again}");
    assert!(again.contains("Task 10 of the exam"), "{again}");
    talk.says("30 minutes left.");
    talk.asks("shell", "A shell on controlplane.");
    talk.asks("kubectl get node -l proof=1 -o name", "node/controlplane");
    talk.asks("exit", PROMPT);
    assert!(talk.asks("tasks", PROMPT).contains("points [flagged]\n"));
    talk.asks("finish", "Hand the exam in? [yes/no]\n");
    talk.asks("no", "The exam goes on.");
    talk.asks("finish", "Hand the exam in? [yes/no]\n");
    talk.types("yes");
    assert_eq!(talk.ends(), 1, "not passed: {}", talk.said);
    for part in [
        "The exam was handed in.",
        "%: not passed (pass mark 67 %).",
        "Passed: Verify the issue, ",
        "   Observed: ",
        "Not passed: ",
        "the task was not opened",
    ] {
        assert!(talk.said.contains(part), "{part}: {}", talk.said);
    }
    assert_is_plain(&talk.said);

    // The report is what is handed in, and cannot be changed unnoticed.
    for format in ["html", "json", "markdown", "junit"] {
        let report = home.join(format!("exam.{format}"));
        let name = report.to_str().unwrap();
        assert_eq!(run_text(home, &["report", "--exam", "--format", format, "-o", name]).status, 0);
        let good = run_text(home, &["report", "--verify", name]);
        assert_eq!(good.status, 0, "{format}: {}", good.stderr);
        assert!(
            good.stdout.contains("exam cks-practice of ") && good.stdout.contains("not passed"),
            "{}",
            good.stdout
        );
        let written = std::fs::read_to_string(&report).unwrap();
        std::fs::write(&report, written.replacen("practice exam", "practice exam, passed", 1)).unwrap();
        assert_eq!(run_text(home, &["report", "--verify", name]).status, 1, "{format}");
    }
    // The next one begins anew, and keeps this one.
    let mut talk = Talk::start(home, &["start", "--plain", "--exam", "cks-practice"]);
    assert!(talk.says(PROMPT).contains("The clock runs from now on"));
    assert_eq!(talk.ends(), 2, "it is not over");
    let left = ["1 h 15 min", "1 h 14 min"].map(|left| format!("The clock runs on: {left}"));
    assert!(left.iter().any(|left| talk.said.contains(left)), "{}", talk.said);
    assert_eq!(kept(home)["history"].as_array().unwrap().len(), 1);
    let other = run_text(home, &["start", "--plain", "--exam", "apiserver-crash"]);
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("the exam \"cks-practice\" is under way"), "{}", other.stderr);
}

#[test]
fn time_runs_out_and_what_was_done_counts() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    // One lesson is an exam, too: its minutes are its own.
    let mut talk = Talk::start(home, &["start", "--plain", "--exam", "apiserver-node-restriction"]);
    assert!(talk.says(PROMPT).contains("3 tasks, 20 minutes"));
    talk.asks("shell node01", "A shell on node01.");
    talk.types("export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    talk.asks("k label node controlplane killercoda/one=123", "labeled");
    talk.asks("k label node node01 node-restriction.kubernetes.io/one=123", "labeled");
    talk.asks("exit", PROMPT);
    assert_eq!(talk.ends(), 2);
    // It ends by itself while a shell is open.
    leave(home, 4);
    let mut talk = Talk::start(home, &["start", "--plain", "--exam"]);
    talk.says(PROMPT);
    talk.types("shell");
    talk.says("Time is up. What you did until now was graded.");
    talk.says("Passed: Verify the issue, ");
    assert_eq!(talk.ends(), 1);
    assert_eq!(kept(home)["sitting"]["ended"]["reason"], "time-up");

    // It ended while nobody was there.
    let mut talk = Talk::start(home, &["start", "--plain", "--exam", "rbac-service-account-permissions"]);
    talk.says(PROMPT);
    assert_eq!(talk.ends(), 2);
    leave(home, -3600);
    let ran = run_text(home, &["start", "--plain", "--exam"]);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("Time is up."), "{}", ran.stdout);
    let report = run_text(home, &["report", "--exam"]);
    assert!(report.stdout.contains("Ended by the clock after 25 min 00 s."), "{}", report.stdout);
}

/// A step with a setup of its own breaks what the one before repaired; what that had come to counts.
#[test]
fn a_later_step_does_not_undo_an_earlier_one() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut talk = Talk::start(home, &["start", "--plain", "--exam", "apiserver-crash", "--lang", "en"]);
    talk.says(PROMPT);
    let solve = |script: &str| {
        std::fs::read_to_string(format!("lessons/apiserver-crash/solution/{script}.sh")).unwrap()
    };
    let fill = |text: String| {
        text.replace("{{controlplane_root}}", "")
            .replace("{{manifests_path}}", "/etc/kubernetes/manifests")
            .replace("{{manifests}}", "/etc/kubernetes/manifests")
    };
    for step in ["find-cause", "repair"] {
        talk.asks("shell", "A shell on controlplane.");
        for line in fill(solve(step)).lines() {
            talk.types(line);
        }
        talk.types("exit");
        talk.says("The shell ended.");
        talk.says(PROMPT);
        talk.asks("next", PROMPT);
    }
    assert!(talk.said.contains("Task 3 of the exam"), "{}", talk.said);
    let earlier = &kept(home)["sitting"]["earlier"];
    assert_eq!(earlier["apiserver-crash/repair"]["passed"], true, "{earlier:#}");
    talk.asks("finish", "Hand the exam in? [yes/no]\n");
    talk.types("yes");
    talk.ends();
    for part in ["Passed: Find out why it crashes", "Not passed: "] {
        assert!(talk.said.contains(part), "{part}: {}", talk.said);
    }
    let result = &kept(home)["sitting"]["results"]["apiserver-crash/repair"];
    assert_eq!(result["passed"], true, "{result:#}");
}

#[test]
fn mistakes_with_exams_are_named() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    for (arguments, message) in [
        (&["start", "--plain", "--exam", "nonsense"][..], "the exams are: cks-practice"),
        (&["start", "--plain", "--exam", "--cluster", "live"], "an exam is not held on a live cluster"),
        (&["report", "--exam"], "no exam was graded under the name \"default\""),
    ] {
        let ran = run_text(home, arguments);
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.stderr.contains(message), "{arguments:?}: {}", ran.stderr);
    }
    assert!(!file(home).exists(), "nothing was begun");
}
