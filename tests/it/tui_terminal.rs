//! What the program does with its terminal: keys, mouse, pastes, panes, and giving it back in every case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use cks_lab::error::Result;
use cks_lab::tui::config::Config;
use cks_lab::tui::offer::Offer;
use cks_lab::tui::starter::{Choice, Opened, Phases, Starter};
use portable_pty::CommandBuilder;

use crate::window::Window;

const F3: &str = "\x1bOR";
const F4: &str = "\x1bOS";
const PREFIX: &str = "\x07";

fn open(home: &tempfile::TempDir) -> Window {
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window
}

fn prefixed(window: &mut Window, key: &str) {
    window.keys(PREFIX);
    window.shows("send it");
    window.keys(key);
}

fn click(column: u16, row: u16) -> String {
    format!("\x1b[<0;{};{}M\x1b[<0;{};{}m", column + 1, row + 1, column + 1, row + 1)
}

/// As in a container whose shell was started from outside of it: the session has no number in there.
#[cfg(target_os = "linux")]
#[test]
fn it_runs_where_its_session_began_outside_of_the_pid_namespace() {
    let home = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new("unshare");
    // sh stays as the program's parent.
    let script = "printf 'number %s\\n' $(cut -d' ' -f6 /proc/self/stat); \"$@\"; echo ended $?";
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"]);
    command.arg(env!("CARGO_BIN_EXE_cks-lab"));
    command.env("CKS_LAB_HOME", home.path());
    command.env("XDG_CONFIG_HOME", home.path().join("config"));
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    let mut window = Window::run(command, 80, 24);
    window.wait_until("unshare has said whether it may", |w| {
        w.wrote("number 0") || w.wrote("unshare: ") || w.wrote("not found")
    });
    if !window.wrote("number 0") {
        eprintln!("skipped: no PID namespace can be made here: {}", window.text().trim());
        return;
    }
    window.shows("What do you want to do?");
    window.keys("q");
    window.shows("ended 0");
}

/// Where a text is on the screen, in cells.
fn find(window: &Window, text: &str) -> (u16, u16) {
    let lines = window.screen.lines();
    let (row, line) = lines.iter().enumerate().find(|(_, line)| line.contains(text)).unwrap();
    let before = line.split(text).next().unwrap();
    let column = unicode_width::UnicodeWidthStr::width(before);
    (u16::try_from(column).unwrap(), u16::try_from(row).unwrap())
}

#[test]
fn keys_of_the_shell_reach_it_and_a_paste_does_not_run_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    // Ctrl-R searches the history, Ctrl-P takes the line before, Ctrl-C drops it.
    window.command("controlplane", "echo find''me");
    window.shows("findme");
    window.keys("\x12find");
    window.shows("reverse-i-search");
    window.keys("\x03");
    window.wait_until("the prompt is back", |w| w.at_prompt("controlplane"));
    window.keys("\x10");
    window.wait_until("the line before is there", |w| w.shell().matches("echo find''me").count() >= 2);
    window.keys("\x15");
    window.wait_until("it is dropped", |w| w.at_prompt("controlplane"));
    // Ctrl-Z stops what runs in the shell, not the program.
    window.keys("sh -c 'echo it-ru\"\"ns; exec cat'\r");
    window.shows("it-runs");
    window.keys("\x1a");
    window.shows("Stopped");
    window.command("controlplane", "clear; kill %1");
    // A paste is bracketed only while the shell reads a line.
    window.wait_until("it is gone, and the prompt is back", |w| {
        w.at_prompt("controlplane") && !w.shell().contains("Stopped")
    });
    // Bracketed: two lines come in as one text, and nothing runs before Enter.
    window.keys("\x1b[200~echo one\necho t''wo\x1b[201~");
    window.shows("echo t''wo");
    assert!(!window.shell().contains("\ntwo"), "{}", window.text());
    window.keys("\r");
    window.wait_until("both ran", |w| w.shell().contains("\ntwo"));
}

#[test]
fn the_prefix_is_sent_through_and_can_be_another_key() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("config/cks-lab")).unwrap();
    std::fs::write(home.path().join("config/cks-lab/config.yaml"), "prefix: ctrl-a\n").unwrap();
    let mut window = open(&home);
    // The line is read by cat once the shell has given the terminal to it.
    window.command("controlplane", "clear; echo rea''dy; cat -v");
    window.shell_shows("ready");
    window.keys("\x07\x01\x01\r");
    window.shows("^G^A");
    window.keys("\x03\x01?");
    window.shows("Everywhere");
}

#[test]
fn the_mouse_clicks_tabs_runs_code_and_is_given_to_programs_that_want_it() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    window.keys("\x1b[19~");
    window.shows("[run]");
    let (column, row) = find(&window, "ssh node01");
    let line = window.screen.lines()[usize::from(row)].clone();
    let run = unicode_width::UnicodeWidthStr::width(line.split("[run]").next().unwrap());
    assert!(run >= usize::from(column));
    window.keys(&click(u16::try_from(run).unwrap() + 1, row));
    window.wait_until("the code ran", |w| w.at_prompt("node01"));
    let (column, row) = find(&window, "2 node01");
    window.keys(&click(column, row));
    window.shows("[2 node01]");
    // A program that asks for the mouse gets it in its own cells.
    window.command(
        "node01",
        "clear; sh -c 'printf \"\\033[?1000h\\033[?1006h\"; echo wa\"\"nted; exec cat -v'",
    );
    window.wait_until("it is asked for", |w| w.shell().contains("\nwanted"));
    window.keys(&click(60, 10));
    window.shows("[<0;");
    window.keys("\x03");
    window.command("node01", "printf '\\e[?1000l\\e[?1006l'; clear");
    // Switched off while the program runs, the window's terminal has it.
    prefixed(&mut window, "m");
    window.shows("The mouse is your terminal's");
    assert!(window.wrote("\x1b[?1006l"));
}

#[test]
fn panes_are_split_told_their_size_and_there_again_after_a_kill() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    prefixed(&mut window, "|");
    window.shows("controlplane (2)");
    window.wait_until("the new shell is there", |w| w.at_prompt("controlplane"));
    window.keys("clear; stty size\r");
    window.shows("36 34");
    window.resize(140, 40);
    window.wait_until("the screen is as wide", |w| w.text().lines().any(|line| line.chars().count() > 125));
    window.keys("clear; stty size\r");
    window.shows("36 40");
    // The layout is kept within a second of the clock.
    let kept = home.path().join("labs/default/layout.json");
    window.wait_until("the layout is kept", |_| {
        std::fs::read_to_string(&kept).is_ok_and(|text| text.contains("beside"))
    });
    window.signal("KILL");
    window.ended();
    let mut window = Window::open(home.path(), 120, 40, &["start"]);
    window.shows("Welcome back");
    window.keys("\r");
    window.shows("controlplane (2)");
}

#[test]
fn a_file_of_a_node_is_edited_and_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    let manifests = home.path().join("labs/default/nodes/controlplane/etc/kubernetes/manifests");
    let path = manifests.join("kube-scheduler.yaml");
    let before = std::fs::metadata(&path).unwrap().permissions().mode();
    prefixed(&mut window, "e");
    window.shows("File to edit");
    window.keys("kube-s\t");
    window.shows("kube-scheduler.yaml");
    window.keys("\r");
    window.shows("apiVersion: v1");
    window.keys("O# my own line\x1b");
    window.shows("# my own line");
    window.shows("kube-sc");
    window.keys(":wq\r");
    window.wait_until("the shell is in front again", |w| !w.text().contains("my own line"));
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("# my own line\n"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode(), before);
    let names: Vec<_> = std::fs::read_dir(&manifests).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "nothing is left beside it: {names:?}");
}

#[test]
fn the_x_ray_shows_what_the_learner_did() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    window.command("controlplane", "k label node node01 seen-by=xray");
    window.shows("node/node01 labeled");
    window.keys(F4);
    window.shows("PATCH");
    window.keys("\r");
    window.shows("seen-by");
    window.shows("CN kubernetes-admin");
    window.keys("\x1b");
    window.wait_until("it is closed", |w| !w.text().contains("CN kubernetes-admin"));
}

#[test]
fn it_is_stopped_and_goes_on() {
    let home = tempfile::tempdir().unwrap();
    // Within a shell with job control, as people have it.
    let mut command = CommandBuilder::new("bash");
    command.args(["--norc", "--noprofile", "-i"]);
    for (name, value) in [("PS1", "outer> "), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
        command.env(name, value);
    }
    command.env("CKS_LAB_HOME", home.path());
    command.env("XDG_CONFIG_HOME", home.path().join("config"));
    command.env("HISTFILE", "");
    command.env_remove("NO_COLOR");
    let mut window = Window::run(command, 120, 40);
    window.shows("outer>");
    window.keys(&format!("'{}' start\r", env!("CARGO_BIN_EXE_cks-lab")));
    window.wait_until("the first shell is there", |w| w.at_prompt("controlplane"));
    window.keys("ec");
    window.shows("$ ec");
    prefixed(&mut window, "\x1a");
    window.shows("Stopped");
    window.wait_until("the mouse is given back", |w| w.wrote("\x1b[?1006l") && w.wrote("\x1b[?1049l"));
    // The terminal is the outer shell's: it echoes and runs commands.
    window.keys("echo out''side\r");
    window.shows("outside");
    window.resize(100, 30);
    window.keys("fg\r");
    window.wait_until("what was typed is still there, in the new size", |w| {
        w.shell().contains("$ ec") && w.text().lines().count() == 30
    });
    window.keys("ho go''es on\r");
    window.shows("goes on");
    // By a signal, as `kill -TSTP` sends it, and continued.
    window.keys("\x07q");
    window.shows("Leave the lab?");
    window.keys("\r");
    window.wait_until("the outer shell is back", |w| w.text().trim_end().ends_with("outer>"));
    window.keys("exit\r");
    window.ended();
    window.assert_restored();
}

#[test]
fn stop_and_continue_by_signals_draw_everything_anew() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    for signal in ["TSTP", "STOP"] {
        let entered = |w: &Window| w.raw.windows(8).filter(|piece| *piece == b"\x1b[?1049h").count();
        let before = entered(&window);
        window.signal(signal);
        let pid = window.child.process_id().unwrap();
        window.wait_until_idle("it is stopped", || {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| stat.rsplit(')').next().unwrap().trim_start().starts_with('T'))
        });
        window.signal("CONT");
        window.wait_until("the screen is taken again", |w| entered(w) > before);
        window.command("controlplane", &format!("clear; echo after-{}", signal.to_lowercase()));
        window.shell_shows(&format!("after-{}", signal.to_lowercase()));
    }
    window.keys("\x07q");
    window.shows("Leave the lab?");
    window.keys("\r");
    assert_eq!(window.ended(), 0);
    window.assert_restored();
}

#[test]
fn redraw_draws_everything_anew() {
    let home = tempfile::tempdir().unwrap();
    let mut window = open(&home);
    // Something else wrote over the window.
    window.screen.feed(b"\x1b[H\x1b[2J");
    assert!(!window.text().contains("controlplane"));
    window.keys("\x07\x0c");
    window.shows("Apiserver NodeRestriction");
    window.wait_until("the shell is there again", |w| w.at_prompt("controlplane"));
}

#[test]
fn the_first_screen_offers_lessons_and_exams() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 80, 24, &[]);
    window.shows("What do you want to do?");
    window.shows("CKS practice exam");
    window.keys("\r");
    window.shows("API up");
    window.signal("TERM");
    window.ended();
    let mut window = Window::open(home.path(), 80, 24, &[]);
    window.shows("> Apiserver NodeRestriction");
    window.keys("q");
    assert_eq!(window.ended(), 0);
    window.assert_restored();
}

#[test]
fn an_exam_is_held_in_the_program() {
    let home = tempfile::tempdir().unwrap();
    let mut window = Window::open(home.path(), 120, 40, &["start", "apiserver-node-restriction", "--exam"]);
    window.shows("task 1/3");
    window.shows("left");
    window.wait_until("the shell is there", |w| w.shell().contains("controlplane $"));
    window.keys("\x1b[15~");
    window.shows("graded at its end");
    prefixed(&mut window, "f");
    window.shows("Task 1 is marked");
    window.keys(F3);
    window.shows("come back to it");
    window.keys("jf\r");
    window.shows("task 2/3");
    window.keys("\x1bOQ");
    window.command("controlplane", "k label node node01 done-in=exam");
    window.shows("node/node01 labeled");
    prefixed(&mut window, "|");
    window.shows("controlplane (2)");
    let kept = home.path().join("exams/default/labs/apiserver-node-restriction/layout.json");
    window.wait_until("the layout is kept", |_| {
        std::fs::read_to_string(&kept).is_ok_and(|text| text.contains("beside"))
    });
    // The clock, the marks and the panes are there after the program was killed.
    window.signal("KILL");
    window.ended();
    let mut window = Window::open(home.path(), 120, 40, &["start", "apiserver-node-restriction", "--exam"]);
    window.shows("task 2/3");
    window.shows("[2!");
    window.shows("controlplane (2)");
    window.keys("\x07");
    window.keys("!");
    window.shows("2 tasks are marked");
    window.keys("\r");
    window.shows("not passed (pass mark 67 %)");
    window.keys("\x07q");
    window.shows("Leave the lab?");
    window.keys("\r");
    assert_eq!(window.ended(), 0);
    window.assert_restored();
}

/// Breaks the program's main thread: what is brought up is nothing that could be driven.
struct Broken;

#[async_trait::async_trait]
impl Starter for Broken {
    fn offers(&self) -> Result<Vec<Offer>> {
        Ok(Vec::new())
    }

    async fn open(&self, _: Choice, _: Phases) -> Result<Opened> {
        Ok(Opened { driver: Arc::new(broken::Driver), course: Box::new(broken::course()), session: None })
    }
}

mod broken {
    //! A lab whose every answer is a panic.
    use super::Result;
    use cks_lab::apiserver::audit;
    use cks_lab::cluster::{ClusterKind, Facts};
    use cks_lab::grade::LessonResult;
    use cks_lab::lab::{LabEvent, Standing};
    use cks_lab::lesson::Lesson;
    use cks_lab::node::Process;
    use cks_lab::tui::event::Course;
    use std::sync::Arc;

    pub struct Driver;

    pub fn course() -> Course {
        let standing = Standing { current: 0, results: vec![], hints: vec![], solved: vec![], seconds: 0 };
        let facts = Facts {
            kind: ClusterKind::Sandbox,
            version: "v1.31.0".into(),
            server: String::new(),
            nodes: vec![],
            manifests: String::new(),
        };
        let lesson = Lesson {
            id: "broken".into(),
            title: "Broken".into(),
            domain: String::new(),
            minutes: 1,
            intro: String::new(),
            finish: String::new(),
            steps: vec![],
        };
        let lesson = Arc::new(lesson);
        Course {
            lesson,
            facts,
            standing,
            server_up: true,
            max: None,
            resumed: false,
            layout: None,
            exam: None,
            own_requests: false,
        }
    }

    #[async_trait::async_trait]
    impl cks_lab::tui::driver::Driver for Driver {
        fn lesson(&self) -> Arc<Lesson> {
            unreachable!()
        }
        fn facts(&self) -> Facts {
            unreachable!()
        }
        fn server_up(&self) -> bool {
            true
        }
        fn standing(&self) -> Standing {
            unreachable!()
        }
        fn max(&self) -> Option<u32> {
            None
        }
        fn events(&self) -> tokio::sync::broadcast::Receiver<LabEvent> {
            panic!("broken on purpose")
        }
        fn audit(&self) -> Option<Arc<audit::Log>> {
            None
        }
        async fn read_file(&self, _: &str, _: &str) -> Result<Option<Vec<u8>>> {
            Ok(None)
        }
        async fn write_file(&self, _: &str, _: &str, _: &[u8]) -> Result<()> {
            Ok(())
        }
        async fn names(&self, _: &str, _: &str) -> Result<Vec<String>> {
            Ok(vec![])
        }
        async fn shell(&self, _: &str, _: u16, _: u16) -> Result<Process> {
            unreachable!()
        }
        async fn check(&self, _: Option<&str>) -> Result<LessonResult> {
            unreachable!()
        }
        fn hint(&self, _: &str) -> Result<Option<(usize, usize, String)>> {
            Ok(None)
        }
        async fn solve(&self, _: &str) -> Result<String> {
            unreachable!()
        }
        fn go_to(&self, _: usize) -> Result<()> {
            Ok(())
        }
        async fn reset(&self, _: Option<&str>) -> Result<()> {
            Ok(())
        }
        async fn close(&self) {}
    }
}

/// Not a test by itself: what [`a_panic_gives_the_terminal_back`] runs in a window.
#[test]
#[ignore = "run by another test in a terminal of its own"]
fn panics_in_a_window() {
    let _ = cks_lab::tui::run_with(Config::default(), vec![], Some(Choice::default()), Arc::new(Broken));
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tui_terminal::panics_in_a_window", "--ignored", "--nocapture"]);
    command.env("TERM", "xterm-256color");
    command.env("RUST_BACKTRACE", "0");
    let mut window = Window::run(command, 80, 24);
    window.wait_until("the panic is told", |w| w.wrote("broken on purpose"));
    window.ended();
    window.assert_restored();
    // It is told after the screen was given back, where it can be read.
    let at = |text: &[u8]| window.raw.windows(text.len()).position(|piece| piece == text).unwrap();
    assert!(at(b"\x1b[?1049l") < at(b"broken on purpose"));
}
