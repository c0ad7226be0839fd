#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Pictures of the main views; `INSTA_UPDATE=always cargo test --lib tui::view` takes them anew.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr;

use super::super::config::Config;
use super::super::event::{Event, Trouble};
use super::super::fixture::{Seat, checked, course, outcome, request, result, standing};
use super::super::state::{Panel, Question, Shell, State};
use super::super::theme::ThemeName;
use super::*;
use crate::apiserver::audit::{AdmissionNote, Entry};
use crate::lab::Phase;
use crate::lesson::catalog::Catalog;
use crate::terminal::Screen;

/// One screen for every tab.
struct Fake(Screen);

impl Screens for Fake {
    fn draw(&self, _: PaneId, buffer: &mut Buffer, area: Rect, colours: bool) -> Option<Position> {
        self.0.draw(buffer, area, colours)
    }

    fn scrolled(&self, _: PaneId) -> (usize, usize) {
        self.0.scrolled()
    }
}

fn draw(state: &State) -> (Buffer, Drawn, Option<Position>) {
    let room = super::super::layout::shell_room(state);
    let (columns, rows) = (room.width, room.height);
    let mut screen = Screen::new(columns, rows, Arc::new(|_| {}));
    screen.feed(b"controlplane $ \x1b[1;32mk get nodes\x1b[0m\r\nNAME           STATUS   ROLES           AGE   VERSION\r\ncontrolplane   Ready    control-plane   12d   v1.31.0\r\nnode01         Ready    <none>          12d   v1.31.0\r\ncontrolplane $ ");
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    let mut drawn = Drawn::default();
    let frame = terminal.draw(|frame| drawn = super::draw(frame, state, &Fake(screen))).unwrap();
    let buffer = frame.buffer.clone();
    let cursor = terminal.backend().cursor_visible().then(|| terminal.backend().cursor_position());
    (buffer, drawn, cursor)
}

fn picture(state: &State) -> String {
    let (buffer, ..) = draw(state);
    let mut out = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width)) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = cell.symbol().width().max(1);
            }
            skip -= 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The rules that every picture keeps.
fn holds(state: &State) {
    let (buffer, drawn, _) = draw(state);
    for (rect, action) in &drawn.hits {
        assert_eq!(rect.intersection(buffer.area), *rect, "{action:?} lies outside");
    }
    let mut plain = state.clone();
    (plain.config.ascii, plain.config.theme) = (true, ThemeName::Mono);
    let (buffer, ..) = draw(&plain);
    for cell in &buffer.content {
        assert!(cell.symbol().is_ascii(), "ASCII mode draws {:?}", cell.symbol());
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
    }
}

macro_rules! pictures {
    ($($name:ident: $build:expr;)*) => {$(
        #[test]
        fn $name() {
            for (width, height) in [(60, 20), (80, 24), (120, 40)] {
                let build: fn(&mut Seat) = $build;
                let mut seat = Seat::new(width, height);
                build(&mut seat);
                holds(&seat.state);
                insta::assert_snapshot!(format!("{}_{width}x{height}", stringify!($name)), picture(&seat.state));
            }
        }
    )*};
}

fn third(index: usize, passed: usize) -> Option<crate::grade::StepResult> {
    Some(result(index, passed))
}

pictures! {
    shell: |_| {};
    lesson: |seat| {
        seat.press("f2").happen(Event::Tasks(result(0, 1)));
    };
    hints: |seat| {
        let mut now = standing();
        now.hints[0] = 2;
        seat.press("f6").happen(Event::Standing(now)).happen(Event::Hinted(Ok(Some(2))));
    };
    result_failed: |seat| {
        seat.press("f5").happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
    };
    result_passed: |seat| {
        let mut now = standing();
        (now.current, now.results[0]) = (1, third(0, 2));
        seat.press("f5").happen(Event::Standing(now));
        seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 2)])), whole: false });
    };
    solution: |seat| {
        seat.press("f7 enter");
    };
    intro: |seat| {
        seat.press("ctrl-g b");
    };
    debrief: |seat| {
        let mut now = standing();
        now.current = 3;
        now.hints[1] = 1;
        now.solved[2] = true;
        now.results = vec![third(0, 2), third(1, 2), third(2, 1)];
        seat.happen(Event::Standing(now)).press("f8 f8 f8");
    };
    help: |seat| {
        seat.press("f1");
    };
    palette: |seat| {
        seat.press("f9").write("step");
    };
    panes: |seat| {
        seat.press("ctrl-g |").happen(Event::Shell(3, Ok(()))).press("ctrl-g -").happen(Event::Shell(4, Ok(())));
    };
    quit: |seat| {
        seat.press("ctrl-g q");
    };
    prefix: |seat| {
        seat.press("ctrl-g");
    };
    api_down: |seat| {
        seat.happen(Event::Server(false));
    };
    xray: |seat| {
        seat.press("f4").happen(Event::Requests(Some(requests())));
    };
    xray_explained: |seat| {
        seat.press("f4").happen(Event::Requests(Some(requests()))).press("k enter");
    };
    shell_ended: |seat| {
        seat.state.panes[0].shell = Shell::Ended(0);
    };
    trouble: |seat| {
        seat.state.panel = Panel::Trouble(Trouble {
            what: "the step could not be checked".into(),
            why: Some("connection to https://127.0.0.1:6443 refused".into()),
            hints: vec!["look at `crictl ps -a` on controlplane".into()],
        });
        seat.press("f2");
    };
}

#[test]
fn the_last_line_has_three_to_five_hints_and_the_way_to_all_commands() {
    use super::super::keymap::BINDINGS;
    let passed = |seat: &mut Seat| {
        let mut now = standing();
        now.results[0] = third(0, 2);
        seat.happen(Event::Standing(now));
    };
    type Place = (&'static str, fn(&mut Seat));
    let places: [Place; 14] = [
        ("shell", |_| {}),
        ("lesson", |seat| {
            seat.press("f2");
        }),
        ("lesson with code", |seat| {
            seat.press("f2");
            seat.drawn = draw(&seat.state).1;
            seat.press("tab");
        }),
        ("result", |seat| {
            seat.press("f5");
            seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
        }),
        ("introduction", |seat| {
            seat.press("ctrl-g b");
        }),
        ("debrief", |seat| {
            seat.press("f8 f8 f8 f2");
        }),
        ("prefix", |seat| {
            seat.press("ctrl-g");
        }),
        ("copy mode", |seat| {
            seat.happen(Event::CopyMode(1, true));
        }),
        ("help", |seat| {
            seat.press("f1");
        }),
        ("x-ray", |seat| {
            seat.press("f4");
        }),
        ("palette", |seat| {
            seat.press("f9");
        }),
        ("file", |seat| {
            seat.press("ctrl-g e");
        }),
        ("exam", |seat| *seat = Seat::sitting(seat.state.size.0, seat.state.size.1, 0)),
        ("exam overview", |seat| {
            *seat = Seat::sitting(seat.state.size.0, seat.state.size.1, 0);
            seat.press("f3");
        }),
    ];
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        for (name, go) in places {
            for done in [false, true] {
                let mut seat = Seat::new(width, height);
                if done {
                    passed(&mut seat);
                }
                go(&mut seat);
                let hints = footer::hints(&seat.state, usize::from(width));
                assert!((3..=5).contains(&hints.len()), "{name} at {width}: {hints:?}");
                let (line, shown) =
                    (picture(&seat.state), hints.iter().map(|(key, word, _)| format!("{key} {word}")));
                let last = line.lines().last().unwrap().to_owned();
                for hint in shown {
                    assert!(last.contains(&hint), "{hint} is not in {last}");
                }
                // They come from the key table, as what the click on one does.
                for (_, _, action) in &hints {
                    assert!(
                        action.is_none_or(|action| BINDINGS.iter().any(|binding| binding.action == action))
                    );
                }
                let commands = hints.iter().any(|(_, _, action)| *action == Some(Action::Palette));
                assert!(commands || matches!(name, "palette" | "file"), "{name} at {width}: {hints:?}");
            }
        }
    }
}

/// The views that Japanese is shown in, by name.
fn japanese(width: u16, height: u16) -> Vec<(&'static str, State)> {
    let loaded = Catalog::new(None).unwrap().load("apiserver-node-restriction", "ja", None).unwrap();
    let new = |keys: &str| {
        let mut seat = Seat::new(width, height);
        if let Some(course) = &mut seat.state.course {
            course.lesson = Arc::clone(&loaded.lesson);
        }
        if !keys.is_empty() {
            seat.press(keys);
        }
        seat
    };
    let mut lesson = new("f2");
    lesson.happen(Event::Tasks(result(0, 1)));
    let mut failed = new("");
    failed.press("f5").happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
    let mut xray = new("f4");
    xray.happen(Event::Requests(Some(requests()))).press("k enter");
    let mut sitting = Seat::sitting(width, height, 0);
    sitting.press("f3");
    let mut graded = Seat::sitting(width, height, 0);
    graded.happen(Event::ExamGraded(Ok(outcome())));
    let mut seats = vec![("lesson", lesson), ("result", failed), ("x-ray", xray)];
    seats.extend([
        ("help", new("f1")),
        ("palette", new("f9")),
        ("quit", new("ctrl-g q")),
        ("prefix", new("ctrl-g")),
    ]);
    seats.extend([
        ("first screen", Seat::picking(width, height)),
        ("exam", sitting),
        ("exam graded", graded),
    ]);
    seats.into_iter().map(|(name, seat)| (name, seat.state)).collect()
}

#[test]
fn japanese_is_laid_out_by_its_width() {
    use crate::text::{Language, speaking};
    speaking(Language::Ja, || {
        for (width, height) in [(60, 20), (80, 24), (120, 40)] {
            let mut all = String::new();
            for (name, state) in japanese(width, height) {
                let text = picture(&state);
                for line in text.lines() {
                    assert!(line.width() <= usize::from(width), "{name}: {line}");
                }
                // A frame's right side is straight.
                let edge = |line: &&str| line.ends_with(['│', '╮', '╯']) && line.contains(['│', '╭', '╰']);
                if matches!(name, "help" | "x-ray") {
                    let ends: Vec<usize> = text.lines().filter(edge).map(|line| line.width()).collect();
                    assert!(
                        ends.len() > 5 && ends.iter().all(|end| *end == ends[0]),
                        "{name}: {ends:?}\n{text}"
                    );
                }
                all.push_str(&format!("== {name}\n{text}"));
            }
            insta::assert_snapshot!(format!("japanese_{width}x{height}"), all);
        }
    });
}

/// A picture with the style of each run of cells that has one.
fn coloured(state: &State) -> String {
    let (buffer, ..) = draw(state);
    let mut out = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width)) {
        for run in row.chunk_by(|a, b| (a.fg, a.bg, a.modifier) == (b.fg, b.bg, b.modifier)) {
            let text: String = run.iter().map(ratatui::buffer::Cell::symbol).collect();
            let plain = ratatui::style::Color::Reset;
            match (&run[0], text.trim()) {
                (cell, "") if cell.bg == plain && cell.modifier.is_empty() => {}
                (cell, text) if (cell.fg, cell.bg) == (plain, plain) && cell.modifier.is_empty() => {
                    out.push_str(&format!("{text} "));
                }
                (cell, text) => {
                    out.push_str(&format!("<{} {} {:?}: {text}> ", cell.fg, cell.bg, cell.modifier))
                }
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

#[test]
fn every_theme_has_its_colours() {
    for theme in ThemeName::ALL {
        let mut all = String::new();
        let mut seat = Seat::new(80, 24);
        seat.state.config.theme = theme;
        seat.press("f2 tab").happen(Event::Tasks(result(0, 1)));
        all.push_str(&coloured(&seat.state));
        seat.press("f5").happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
        all.push_str(&coloured(&seat.state));
        seat.press("f4").happen(Event::Requests(Some(requests())));
        all.push_str(&coloured(&seat.state));
        insta::assert_snapshot!(format!("theme_{}", theme.as_str()), all);
    }
}

#[test]
fn first_screen_and_exam() {
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let size = format!("{width}x{height}");
        let seat = Seat::picking(width, height);
        holds(&seat.state);
        insta::assert_snapshot!(format!("picker_{size}"), picture(&seat.state));
        let mut seat = Seat::sitting(width, height, 0);
        holds(&seat.state);
        insta::assert_snapshot!(format!("exam_{size}"), picture(&seat.state));
        seat.press("f3");
        holds(&seat.state);
        insta::assert_snapshot!(format!("exam_overview_{size}"), picture(&seat.state));
        seat.press("esc").happen(Event::ExamGraded(Ok(outcome())));
        holds(&seat.state);
        insta::assert_snapshot!(format!("exam_results_{size}"), picture(&seat.state));
    }
}

fn requests() -> Vec<Entry> {
    let note = |plugin: &str, refused: Option<&str>| AdmissionNote {
        plugin: plugin.into(),
        refused: refused.map(Into::into),
    };
    let mut refused = request(2);
    let why = "is not allowed to modify node \"controlplane\"";
    refused.admission = vec![note("NamespaceLifecycle", None), note("NodeRestriction", Some(why))];
    (refused.code, refused.message, refused.resource_version) = (403, why.into(), None);
    let mut allowed = request(1);
    allowed.admission = vec![note("NamespaceLifecycle", None), note("ServiceAccount", None)];
    vec![allowed, refused]
}

#[test]
fn the_lab_on_its_way_up_and_down() {
    let mut seat = Seat::starting(80, 24);
    seat.happen(Event::Phase(Phase::ApiServer));
    holds(&seat.state);
    insta::assert_snapshot!("starting", picture(&seat.state));
    seat.happen(Event::OpenFailed(Trouble {
        what: "the lab \"default\" runs already".into(),
        why: Some("process 4242 holds /home/me/.local/state/cks-lab/labs/default/lock".into()),
        hints: vec!["use the window it runs in, or another lab: cks-lab start --name other".into()],
    }));
    holds(&seat.state);
    insta::assert_snapshot!("failed", picture(&seat.state));
    let mut seat = Seat::starting(80, 24);
    let mut before = standing();
    (before.current, before.results[0]) = (1, third(0, 2));
    seat.happen(Event::Opened(Box::new(course(before, true))));
    assert_eq!(seat.state.overlay, Some(super::super::state::Overlay::Question(Question::Resume)));
    insta::assert_snapshot!("resume", picture(&seat.state));
}

#[test]
fn a_window_that_is_too_small_says_so() {
    let mut seat = Seat::new(80, 24);
    for (width, height) in [(59, 20), (60, 19), (20, 5), (3, 2), (1, 1)] {
        seat.happen(Event::Resize(width, height));
        let text = picture(&seat.state);
        assert!(width < 20 || text.contains("too small"), "{text}");
    }
}

#[test]
fn every_size_can_be_drawn() {
    for width in (60..=200).step_by(7) {
        for height in (20..=60).step_by(9) {
            for keys in ["f1", "f2", "f9", "ctrl-g q", "ctrl-g z", "f4"] {
                let mut seat = Seat::new(width, height);
                seat.press(keys);
                draw(&seat.state);
            }
        }
    }
}

#[test]
fn the_cursor_is_in_the_shell_while_the_shell_has_the_keyboard() {
    let mut seat = Seat::new(120, 40);
    let (_, drawn, cursor) = draw(&seat.state);
    let (_, screen) = drawn.screens[0];
    assert_eq!(cursor, Some(Position::new(screen.x + 15, screen.y + 4)));
    seat.press("f2");
    assert_eq!(draw(&seat.state).2, None);
}

#[test]
fn what_is_written_where_can_be_clicked() {
    let seat = Seat::new(120, 40);
    let (buffer, drawn, _) = draw(&seat.state);
    let at = |rect: Rect| -> String {
        (rect.x..rect.right()).map(|x| buffer.cell((x, rect.y)).unwrap().symbol().to_owned()).collect()
    };
    for (action, text) in [
        (Action::Run(2), "[run]"),
        (Action::Copy(3), "[copy]"),
        (Action::SelectTab(1), " 2 node01 "),
        (Action::NewTab, " + "),
        (Action::Check, "F5 check"),
        (Action::GoToStep(0), "[1 Verify the issue]"),
    ] {
        let found =
            drawn.hits.iter().filter(|(_, a)| *a == action).map(|(rect, _)| at(*rect)).collect::<Vec<_>>();
        assert!(found.iter().any(|t| t == text), "{action:?}: {found:?} {:?}", drawn.codes);
    }
}

use super::super::action::Action;

#[test]
fn without_colour_the_shell_has_none_either() {
    let mut seat = Seat::new(120, 40);
    let green =
        |state: &State| draw(state).0.content.iter().any(|c| c.fg == ratatui::style::Color::Indexed(2));
    assert!(green(&seat.state));
    seat.state.config = Config { theme: ThemeName::Mono, ..Config::default() };
    assert!(!green(&seat.state));
}

/// What the window's terminal shows after one line of text replaced another.
#[test]
fn nothing_of_wide_characters_stays_where_others_are_a_cell_beside() {
    use ratatui::backend::CrosstermBackend;
    use ratatui::style::{Modifier, Style};
    let mut written = Vec::new();
    {
        let backend = CrosstermBackend::new(&mut written);
        let area = ratatui::layout::Rect::new(0, 0, 20, 1);
        let options = ratatui::TerminalOptions { viewport: ratatui::Viewport::Fixed(area) };
        let mut terminal = Terminal::with_options(backend, options).unwrap();
        let reversed = Style::new().add_modifier(Modifier::REVERSED);
        for (x, text, style) in [(1, "採点しています", reversed), (0, "ヘルプ", Style::new())] {
            terminal
                .draw(|frame| {
                    frame.buffer_mut().set_string(x, 0, text, style);
                    super::style_second_halves(frame.buffer_mut());
                })
                .unwrap();
        }
    }
    let mut screen = Screen::new(20, 1, Arc::new(|_| {}));
    screen.feed(&written);
    let area = ratatui::layout::Rect::new(0, 0, 20, 1);
    let mut buffer = Buffer::empty(area);
    screen.draw(&mut buffer, area, true);
    for (x, cell) in buffer.content.iter().enumerate() {
        assert!(!cell.modifier.contains(Modifier::REVERSED), "cell {x} is still reversed");
    }
}
