//! The tools that stand in on a machine without them: `vi`, `nano` and `watch`, in a real terminal.

use std::os::unix::fs::symlink;
use std::path::Path;

use portable_pty::CommandBuilder;

use crate::window::Window;

const POD: &str = "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --secure-port=6443\n";

/// Runs the program under another name, as a node does.
fn tool(dir: &Path, name: &str, arguments: &[&str]) -> Window {
    let link = dir.join(name);
    symlink(env!("CARGO_BIN_EXE_cks-lab"), &link).unwrap();
    let mut command = CommandBuilder::new(link);
    command.args(arguments);
    command.cwd(dir);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    Window::run(command, 60, 12)
}

#[test]
fn vi_adds_a_flag_and_leaves_nothing_beside_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kube-apiserver.yaml");
    std::fs::write(&file, POD).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut window = tool(dir.path(), "vi", &["kube-apiserver.yaml"]);
    window.shows("\"kube-apiserver.yaml\" 5L");
    window.keys("/kube-apis\r");
    window.keys("o- --enable-admission-plugins=NodeRestriction");
    window.shows("-- INSERT --");
    window.keys("\x1b");
    window.wait_until("the mode is normal again", |window| !window.text().contains("INSERT"));
    window.keys(":w\r");
    window.shows("6L, 128B written");
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "the file and the program: {names:?}");
    window.keys(":q\r");
    assert_eq!(window.ended(), 0);
    assert!(window.wrote("\x1b[?1049l"), "the screen is given back");
    let expected =
        POD.replace("    - --secure", "    - --enable-admission-plugins=NodeRestriction\n    - --secure");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn nano_saves_under_the_name_it_asks_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = tool(dir.path(), "nano", &["new.yaml"]);
    window.shows("New");
    window.keys("kind: Pod");
    window.shows("Modified");
    window.keys("\x18");
    window.shows("Save modified buffer?");
    window.keys("y");
    window.shows("File Name to Write: new.yaml");
    window.keys("\r");
    assert_eq!(window.ended(), 0);
    assert_eq!(std::fs::read_to_string(dir.path().join("new.yaml")).unwrap(), "kind: Pod\n");
}

#[test]
fn an_editor_does_not_open_what_it_would_damage() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("binary"), [0xff, 0xfe, 0]).unwrap();
    for (name, argument, message) in [
        ("vi", "binary", "is not UTF-8 text"),
        ("nano", ".", "is a directory"),
        ("vim", "-Z", "unknown option"),
    ] {
        let mut window = tool(dir.path(), name, &[argument]);
        window.shows(message);
        assert_eq!(window.ended(), 1, "{name} {argument}");
    }
}

#[test]
fn watch_shows_a_command_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = tool(dir.path(), "watch", &["-n", "0.1", "echo -n x >> log; wc -c < log"]);
    window.shows("Every 0.1s: echo -n x");
    window.wait_until("the command ran three times", |window| {
        window.screen.lines().iter().any(|line| line.trim().parse().is_ok_and(|count: u32| count >= 3))
    });
    window.keys("\x03");
    assert_eq!(window.ended(), 0);
    assert!(window.wrote("\x1b[?1049l"), "the screen is given back");
}
