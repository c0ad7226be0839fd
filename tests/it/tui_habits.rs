//! What people are used to from other programs of the terminal: selecting, copying, searching, full-screen programs in a
//! pane, key protocols, terminals without colours or without Unicode.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::Engine;

use crate::window::{KITTY, Window};

const PREFIX: &str = "\x07";

fn begun(home: &tempfile::TempDir, environment: &[(&str, &str)]) -> Window {
    let mut window = Window::open_with(home.path(), 120, 40, &["start"], environment);
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window
}

/// A mouse report as xterm sends it (SGR): the button with its modifiers, and a cell.
fn mouse(button: u8, cell: (u16, u16), ends: char) -> String {
    format!("\x1b[<{button};{};{}{ends}", cell.0 + 1, cell.1 + 1)
}

/// A drag from a cell to another, with the left button and more in `modifiers`.
fn drag(window: &mut Window, modifiers: u8, from: (u16, u16), to: (u16, u16)) {
    let held = 32 + modifiers;
    let reports =
        [mouse(modifiers, from, 'M'), mouse(held, to, 'M'), mouse(held, to, 'M'), mouse(modifiers, to, 'm')];
    window.keys(&reports.concat());
}

/// Where a text is on the screen, in cells: its first and its last.
fn place(window: &Window, text: &str) -> ((u16, u16), (u16, u16)) {
    let lines = window.screen.lines();
    let (row, line) = lines.iter().enumerate().rfind(|(_, line)| line.contains(text)).unwrap();
    let (before, _) = line.rsplit_once(text).unwrap();
    let width = |text: &str| u16::try_from(unicode_width::UnicodeWidthStr::width(text)).unwrap();
    let row = u16::try_from(row).unwrap();
    ((width(before), row), (width(before) + width(text) - 1, row))
}

/// Waits until the window's terminal was told to put a text on its clipboard.
fn told_to_copy(window: &mut Window, text: &str) {
    let sequence = format!("\x1b]52;c;{}\x07", base64::engine::general_purpose::STANDARD.encode(text));
    window.wait_until(&format!("{text:?} is copied"), |w| w.wrote(&sequence));
}

#[test]
fn what_is_dragged_over_is_copied_by_way_of_the_terminal_where_nothing_else_takes_it() {
    let home = tempfile::tempdir().unwrap();
    // A machine at the far end of ssh: no desktop, and a configured command that fails.
    std::fs::create_dir_all(home.path().join("config/cks-lab")).unwrap();
    std::fs::write(home.path().join("config/cks-lab/config.yaml"), "clipboard: exit 1\n").unwrap();
    let far =
        [("SSH_CONNECTION", "1 2 3 4"), ("DISPLAY", ""), ("WAYLAND_DISPLAY", ""), ("TMUX", ""), ("STY", "")];
    let mut window = begun(&home, &far);
    window.keys("echo select-''this-word\r");
    window.shell_shows("select-this-word");
    let (from, to) = place(&window, "select-this-word");
    drag(&mut window, 0, from, to);
    told_to_copy(&mut window, "select-this-word");
    window.shows("16 characters copied");
    // In the lesson, too.
    let (from, to) = place(&window, "Every kubelet talks");
    drag(&mut window, 0, from, to);
    told_to_copy(&mut window, "Every kubelet talks");
    window.shows("19 characters copied");
    // A program that has the mouse does not get what Shift is held for.
    window.keys("clear; printf '\\e[?1000h\\e[?1002h\\e[?1006h'; echo mouse-''taken; cat -v\r");
    window.shell_shows("mouse-taken");
    let (from, to) = place(&window, "mouse-taken");
    drag(&mut window, 4, from, to);
    told_to_copy(&mut window, "mouse-taken");
    assert!(!window.shell().contains("[<"), "{}", window.text());
}

#[test]
fn output_is_scrolled_searched_and_copied_with_the_keyboard() {
    let home = tempfile::tempdir().unwrap();
    let mut window = begun(
        &home,
        &[("SSH_TTY", "x"), ("DISPLAY", ""), ("WAYLAND_DISPLAY", ""), ("TMUX", ""), ("STY", "")],
    );
    window.keys("clear; seq -f 'line-%03g' 300\r");
    window.shell_shows("line-300");
    // By the wheel, and by Shift-PgUp.
    window.keys(&mouse(64, (80, 20), 'M'));
    window.shows("scrolled back");
    window.keys(&mouse(65, (80, 20), 'M').repeat(3));
    window.wait_until("it is at its end", |w| !w.text().contains("scrolled back"));
    window.keys("\x1b[5;2~");
    window.shows("scrolled back");
    window.wait_until("older lines are seen", |w| w.shell().contains("line-240"));
    window.keys(PREFIX);
    window.keys("v");
    window.shows("copy mode");
    window.keys("/");
    window.shows("Search");
    window.keys("line-042\r");
    window.wait_until("it is found", |w| w.shell().contains("line-042"));
    window.keys("V");
    window.keys("y");
    // Whole lines end as lines do.
    told_to_copy(&mut window, "line-042\n");
    // What is typed next is the shell's again, at its end.
    window.keys("echo back-''again\r");
    window.shell_shows("back-again");
}

#[test]
fn full_screen_programs_have_their_keys_and_give_the_screen_back() {
    let home = tempfile::tempdir().unwrap();
    let mut window = begun(&home, &[]);
    window.keys("echo before-''it; vi /root/made\r");
    window.shell_shows("made");
    window.keys("iwritten in a pane");
    window.shell_shows("written in a pane");
    window.keys("\x1b:wq\r");
    window.wait_until("the shell is as it was", |w| {
        w.shell().contains("before-it") && w.at_prompt("controlplane")
    });
    window.keys("clear; cat /root/made\r");
    window.wait_until("it was saved", |w| w.shell().contains("\nwritten in a pane"));
}

#[test]
fn tmux_runs_in_a_pane_with_its_own_prefix() {
    let home = tempfile::tempdir().unwrap();
    let mut window = begun(&home, &[]);
    window.keys("clear; command -v tmux || echo no-''tmux\r");
    window.wait_until("it is known whether tmux is there", |w| {
        w.shell().contains("no-tmux") || w.shell().contains("/tmux\n")
    });
    if window.shell().contains("no-tmux") {
        eprintln!("skipped: this machine has no tmux");
        return;
    }
    window.keys("clear; tmux -L pane -f /dev/null new -s inner 'echo in-''side; cat' || echo cannot-''run\r");
    window.wait_until("it runs", |w| w.shell().contains("in-side") || w.shell().contains("cannot-run"));
    if window.shell().contains("cannot-run") {
        eprintln!("skipped: tmux cannot run on the node: {}", window.shell());
        return;
    }
    window.shell_shows("[inner]");
    window.keys("\x02d");
    window.shell_shows("[detached (from session inner)]");
    window.command("controlplane", "clear; tmux -L pane kill-server; echo en''ded");
    window.shell_shows("ended");
}

#[test]
fn keys_come_in_either_protocol() {
    let home = tempfile::tempdir().unwrap();
    let mut window = begun(&home, &[]);
    window.wait_until("the kitty protocol is on", |w| w.wrote(KITTY[2]));
    // As terminals that know it send Ctrl-C, Ctrl-G, Escape and a release.
    window.keys("echo never");
    window.shell_shows("echo never");
    window.keys("\x1b[99;5u");
    window.wait_until("the line is dropped", |w| w.at_prompt("controlplane"));
    window.keys("\x1b[103;5u?");
    window.shows("Everywhere");
    window.keys("\x1b[27u");
    window.wait_until("the help is closed", |w| !w.text().contains("Everywhere"));
    window.keys("\x1b[97;1:3u\x1b[98;1:1u");
    window.wait_until("a press is typed and a release is not", |w| w.shell().contains("controlplane $ b"));
}

#[test]
fn a_terminal_without_the_kitty_protocol_is_asked_once_and_then_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.kitty = false;
    window.wait_until("it is asked", |w| w.wrote(KITTY[0]));
    let asked = String::from_utf8_lossy(&window.raw).into_owned();
    assert!(
        asked.split(KITTY[0]).next().unwrap().contains("The lesson comes"),
        "after the first frame: {asked:?}"
    );
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    // What is typed before the answer is not lost.
    window.keys("echo plain-''keys\r");
    window.shell_shows("plain-keys");
    window.keys("\x07q");
    window.shows("Leave the lab?");
    window.keys("\r");
    assert_eq!(window.ended(), 0);
    assert!(!window.wrote(KITTY[2]) && !window.wrote(KITTY[3]));
    window.assert_restored();
}

#[test]
fn a_terminal_that_knows_little_is_asked_for_little() {
    let home = tempfile::tempdir().unwrap();
    let poor = [("TERM", "linux"), ("LANG", "C"), ("NO_COLOR", "1")];
    let mut window = Window::open_with(home.path(), 120, 40, &["start"], &poor);
    window.shows("|controlplane $");
    window.keys(PREFIX);
    window.keys("?");
    window.shows("Everywhere");
    assert!(!window.wrote(KITTY[0]) && !window.wrote(KITTY[2]), "no protocol that it would print");
    assert!(window.raw.is_ascii(), "{}", window.text());
    let text = String::from_utf8(window.raw.clone()).unwrap();
    let coloured = text.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m')).find(|(codes, _)| {
        codes.split(';').all(|code| code.parse::<u32>().is_ok_and(|_| true))
            && codes.split(';').any(|code| matches!(code.parse(), Ok(30..=37 | 40..=47 | 90..=107)))
    });
    assert_eq!(coloured, None, "no colours");
}

/// A lesson whose check takes as long as a check may.
const SLOW: &str = "format_version: 1
id: slow
title: {en: A slow check}
domain: Cluster Hardening
minutes: 5
languages: [en]
cluster: {nodes: [controlplane, node01], changes: {en: Nothing.}}
steps:
- id: wait
  title: {en: Wait}
  checks:
  - id: slow
    title: {en: The check ends}
    points: 1
    expected: {en: an end}
    observed: {en: none}
    hint: {en: Wait.}
    command: {node: controlplane, script: exec sleep 1000}
  solution:
  - {node: controlplane, file: wait.sh}
";

#[test]
fn a_check_is_seen_at_work_at_once_and_can_be_stopped() {
    let home = tempfile::tempdir().unwrap();
    let lessons = home.path().join("lessons");
    std::fs::create_dir_all(lessons.join("slow/en")).unwrap();
    std::fs::write(lessons.join("slow/lesson.yaml"), SLOW).unwrap();
    for name in ["intro", "wait", "wait.solution", "finish"] {
        std::fs::write(lessons.join(format!("slow/en/{name}.md")), "Wait for it.\n").unwrap();
    }
    std::fs::write(
        lessons.join("slow/wait.sh"),
        "true
",
    )
    .unwrap();
    let lessons = lessons.display().to_string();
    let mut window = Window::open(home.path(), 120, 40, &["start", "slow", "--lessons", &lessons]);
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window.keys("\x1b[19~");
    window.shows("step 1/1");
    window.keys("\x1b[15~");
    window.shows("Esc stops it");
    // What is typed meanwhile is the shell's.
    window.keys("echo mean''while\r");
    window.shell_shows("meanwhile");
    window.shows("F2 Esc stops it");
    window.keys("\x1bOQ");
    window.keys("\x1b");
    window.shows("Stopped.");
    assert!(!window.text().contains(">Result"), "{}", window.text());
}
