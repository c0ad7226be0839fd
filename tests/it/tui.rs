//! The real program in a real terminal: keys in, picture out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::window::Window;

const F1: &str = "\x1bOP";
const F2: &str = "\x1bOQ";
const F5: &str = "\x1b[15~";
const F6: &str = "\x1b[17~";
const F8: &str = "\x1b[19~";
const PREFIX: &str = "\x07";

/// A lesson that begins with its introduction, from which F2 leads to the shell.
fn begun(home: &std::path::Path, columns: u16, rows: u16) -> Window {
    let mut window = Window::open(home, columns, rows, &["start"]);
    window.shows("F8 turns to the first step");
    window.keys(F2);
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window
}

#[test]
fn a_lab_that_cannot_be_opened_says_why_and_gives_the_terminal_back() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    std::fs::write(&home, "a file, where a directory should be").unwrap();
    let mut window = Window::open(&home, 80, 24, &["start"]);
    window.shows("Enter leaves");
    window.resize(40, 10);
    window.shows("40x10 is too small");
    window.resize(80, 24);
    window.shows("Enter leaves");
    window.keys("\r");
    assert_eq!(window.ended(), 2);
    window.assert_restored();
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let dir = tempfile::tempdir().unwrap();
        let mut window = Window::open(dir.path(), 80, 24, &["start"]);
        window.shows("cks-lab");
        window.wait_until("the keys are listened to", |w| w.wrote("\x1b[?1049h"));
        window.signal(signal);
        window.ended();
        window.assert_restored();
    }
}

#[test]
fn a_learner_does_the_whole_lesson() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Apiserver NodeRestriction");
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window.keys(F8);
    window.shows("step 1/3");
    // Nothing is done yet: the check says so, and what was expected.
    window.keys(F5);
    window.shows("not passed yet");
    window.shows("expected");
    window.keys(F6);
    window.shows("Hint 1 of");

    window.command("controlplane", "ssh node01");
    window.command("node01", "export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    window.command("node01", "k label node controlplane killercoda/one=123");
    window.shows("node/controlplane labeled");
    window.command("node01", "k label node node01 node-restriction.kubernetes.io/one=123");
    window.shows("node/node01 labeled");
    // The tasks tick off by themselves.
    window.wait_until("all tasks are done", |w| w.text().lines().any(all_done));
    window.keys(F5);
    window.shows("F8 turns to the next step");

    window.keys(F8);
    window.shows("step 2/3");
    window.command("node01", "exit");
    window.command("controlplane", "cd /etc/kubernetes/manifests/");
    window.command("controlplane", "cp kube-apiserver.yaml ~/");
    window.command(
        "controlplane",
        "sed -i 's/^    - --tls-cert-file/    - --enable-admission-plugins=NodeRestriction\\n&/' kube-apiserver.yaml; clear",
    );
    window.shows("API DOWN");
    window.shows("API up");
    window.wait_until("all tasks are done", |w| w.text().lines().any(all_done));
    window.keys(F5);
    window.shows("F8 turns to the next step");

    window.keys(F8);
    window.shows("step 3/3");
    window.command("controlplane", "ssh node01");
    window.command("node01", "export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    window.command("node01", "clear; k label node controlplane killercoda/two=123");
    window.shell_shows(r#"Error from server (Forbidden): nodes "controlplane" is forbidden: node "node01" is not allowed to modify node "controlplane""#);
    window.command("node01", "k label node node01 node-restriction.kubernetes.io/two=123");
    window.shell_shows(r#"Error from server (Forbidden): nodes "node01" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/two"#);
    window.command("node01", "k label node node01 test/two=123");
    window.wait_until("all tasks are done", |w| w.text().lines().any(all_done));
    window.keys(F5);
    window.shows("F8 turns to the debrief");
    window.keys(F8);
    window.shows("100 %: passed");
    window.shows("What to take home");

    window.keys(PREFIX);
    window.keys("q");
    window.shows("Leave the lab?");
    window.keys("\r");
    assert_eq!(window.ended(), 0);
    window.assert_restored();
}

/// Whether a line says that all tasks of a step are done: `Tasks 3/3`.
fn all_done(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("Tasks ") else { return false };
    let Some((done, all)) = rest.split_whitespace().next().and_then(|counts| counts.split_once('/')) else {
        return false;
    };
    done == all && done != "0"
}

#[test]
fn the_window_is_resized_and_the_shell_with_it() {
    let home = tempfile::tempdir().unwrap();
    let mut window = begun(home.path(), 80, 24);
    window.command("controlplane", "stty size");
    window.shows("20 80");
    window.resize(120, 40);
    window.shows("│");
    window.command("controlplane", "clear; stty size");
    window.shows("36 69");
    window.resize(50, 12);
    window.shows("50x12 is too small");
    window.resize(60, 20);
    window.command("controlplane", "clear; stty size");
    window.shows("16 60");
    window.keys(F2);
    window.shows(">Lesson");
    window.keys(F1);
    window.shows("Everywhere");
}

#[test]
fn a_check_from_the_shell_is_read_at_once_and_typing_leads_back_in_every_window() {
    for (columns, rows) in [(120, 40), (80, 24)] {
        let home = tempfile::tempdir().unwrap();
        let mut window = begun(home.path(), columns, rows);
        window.keys(F8);
        window.shows("step 1/3");
        window.keys(F2);
        window.wait_until("the shell has the keyboard", |w| w.text().contains("F2 lesson"));
        window.keys(F5);
        window.shows("not passed yet");
        window.shows(">Result");
        window.keys(F2);
        window.shows("F2 lesson");
        window.command("controlplane", "echo by''F2");
        window.shell_shows("byF2");
        window.keys(F5);
        window.shows(">Result");
        // Every letter reaches the shell, the first one too, whatever it does in the lesson.
        window.keys("echo q''wk\r");
        window.shell_shows("qwk");
    }
}

#[test]
fn a_flood_is_stopped_and_keys_still_count() {
    let home = tempfile::tempdir().unwrap();
    let mut window = begun(home.path(), 80, 24);
    window.command("controlplane", "yes flood");
    window.wait_until("the flood is there", |w| w.text().matches("\nflood").count() > 15);
    window.keys(F2);
    window.shows(">Lesson");
    window.keys(F2);
    window.keys("\x03");
    window.wait_until("the prompt is back", |w| w.at_prompt("controlplane"));
}

#[test]
fn signals_give_the_terminal_back_and_the_lab_resumes() {
    let home = tempfile::tempdir().unwrap();
    for (round, signal) in ["TERM", "HUP", "INT"].into_iter().enumerate() {
        let mut window = Window::open(home.path(), 120, 40, &["start"]);
        if round > 0 {
            window.shows("Welcome back");
            window.keys("\r");
        }
        window.command("controlplane", &format!("clear; cat /root/kept-*; touch /root/kept-{round}"));
        window.wait_until("the command has ended", |w| w.at_prompt("controlplane"));
        window.signal(signal);
        assert_eq!(window.ended(), 0, "{signal}");
        window.assert_restored();
    }
    // Even a killed one.
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Welcome back");
    window.keys("\r");
    window.command("controlplane", "clear; touch /root/kept-killed");
    window.wait_until("the command has ended", |w| w.at_prompt("controlplane"));
    window.signal("KILL");
    window.ended();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Welcome back");
    window.keys("\r");
    window.command("controlplane", "clear; ls /root/kept-*");
    window.shows("kept-killed");
    window.shows("kept-2");
}

#[test]
fn without_a_terminal_it_ends_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_cks-lab"))
        .arg("start")
        .env("CKS_LAB_HOME", home.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("needs a terminal") && said.contains("cks-lab up"), "{said}");
    assert!(output.stdout.is_empty());
}
