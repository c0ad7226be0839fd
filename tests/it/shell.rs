//! A shell on a node, as it is used by hand: completion, history, the prompt, YAML in vi, tools that are not there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::window::Window;

const DOWN: &str = "\x1b[B";
const UP: &str = "\x1b[A";

fn open(home: &tempfile::TempDir, environment: &[(&str, &str)]) -> Window {
    let mut window = Window::open_with(home.path(), 120, 40, &["start"], environment);
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window
}

/// What stands on the last line of the shell, without the blanks around it.
fn last_line(window: &Window) -> String {
    let shell = window.shell();
    shell.lines().rev().skip(1).find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

#[test]
fn kubectl_and_k_are_completed_by_what_the_lab_has() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home, &[]);
    for (typed, completed) in [
        ("k get no", "k get nodes"),
        ("kubectl get nodes node", "kubectl get nodes node01"),
        ("k get pods --namespace=kube-s", "k get pods --namespace=kube-system"),
        ("k describe clusterrole system:node-b", "k describe clusterrole system:node-bootstrapper"),
        ("k logs -n kube-system kube-apis", "k logs -n kube-system kube-apiserver-controlplane"),
        ("echo | k get secr", "echo | k get secrets"),
        ("k apply -f /etc/kube", "k apply -f /etc/kubernetes/"),
    ] {
        window.keys("\x0c");
        window.wait_until("the prompt alone is there", |w| w.at_prompt("controlplane"));
        window.keys(typed);
        window.wait_until(&format!("{typed:?} shows"), |w| last_line(w).ends_with(typed));
        window.keys("\t");
        window.wait_until(&format!("{completed:?} shows"), |w| last_line(w).ends_with(completed));
        window.keys("\x15");
    }
}

#[test]
fn the_prompt_says_whose_kubeconfig_it_is_unless_one_does_not_want_it() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home, &[]);
    window.command("controlplane", "ssh node01");
    window.command("node01", "export KUBECONFIG=/etc/kubernetes/kubelet.conf");
    window.wait_until("the prompt says kubelet.conf", |w| last_line(w).ends_with("(kubelet.conf) node01 $"));
    window.command("node01", "export KUBECONFIG=/etc/kubernetes/kubelet.conf:/none.conf");
    window.wait_until("it says which cannot be read", |w| {
        last_line(w).ends_with("(kubelet.conf:none.conf?) node01 $")
    });
    window.command("node01", "CKS_LAB_PROMPT=off");
    window.wait_until("it says nothing", |w| last_line(w).starts_with("node01 $"));
    drop(window);
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home, &[("CKS_LAB_PROMPT", "off")]);
    window.command("controlplane", "export KUBECONFIG=/etc/kubernetes/admin.conf; clear; echo se''t");
    window.shell_shows("set");
    window.wait_until("the prompt is bare", |w| last_line(w).starts_with("controlplane $"));
}

#[test]
fn what_was_typed_is_there_after_the_lab_and_the_program_were_killed() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home, &[]);
    window.command("controlplane", "echo typed''-first");
    window.shell_shows("typed-first");
    // The history is written before the next prompt shows.
    window.wait_until("the prompt is back", |w| w.at_prompt("controlplane"));
    window.signal("KILL");
    window.ended();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Welcome back");
    window.keys("\r");
    window.wait_until("the shell is there again", |w| w.at_prompt("controlplane"));
    window.keys(UP);
    window.wait_until("the line of before is there", |w| last_line(w).ends_with("echo typed''-first"));
    window.keys(DOWN);
    window.wait_until("the prompt is bare", |w| w.at_prompt("controlplane"));
    // Another lab has a history of its own.
    drop(window);
    let mut window = Window::open(home.path(), 120, 40, &["--name", "other", "start"]);
    window.wait_until("its shell is there", |w| w.at_prompt("controlplane"));
    window.command("controlplane", "clear; history | tail -n 1; echo sho''wn");
    window.shell_shows("shown");
    assert!(!window.shell().contains("typed''-first"), "{}", window.text());
}

#[test]
fn yaml_is_indented_by_two_blanks_in_vi() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home, &[]);
    window.command("controlplane", "vi /root/new.yaml");
    window.wait_until("the editor has the pane", |w| w.shell().lines().any(|line| line.trim() == "~"));
    window.keys("ia: 1\rb: 2\rlist:\r- \tc\x1b");
    window.shell_shows("list:");
    window.keys(":wq\r");
    window.wait_until("the prompt is back", |w| w.at_prompt("controlplane"));
    window.command("controlplane", "clear; cat -A new.yaml");
    window.shell_shows("a: 1$ b: 2$ list:$");
    assert!(!window.shell().contains("^I"), "a tab in YAML: {}", window.text());
}

#[test]
fn a_tool_that_the_machine_lacks_is_named_as_such() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home, &[]);
    window.command("controlplane", "clear; PATH=/none yq .");
    window.shell_shows("bash: yq: command not found (the machine that this lab runs on has no yq");
    window.command("controlplane", "clear; no-such-tool; echo stat''us $?");
    window.shell_shows("bash: no-such-tool: command not found");
    window.shell_shows("status 127");
}
