#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! What every picture keeps; `matrix` has the pictures of all views.

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr;

use super::super::config::Config;
use super::super::event::{Event, Trouble};
use super::super::fixture::{Seat, checked, course, outcome, request, result, standing};
use super::super::state::{Question, Shell, State};
use super::super::theme::ThemeName;
use super::*;
use crate::apiserver::audit::{AdmissionNote, Entry};
use crate::lab::Phase;
use crate::lesson::catalog::Catalog;
use crate::terminal::Screen;

mod matrix;

/// One screen for every tab, or an editor.
struct Fake {
    screen: Screen,
    editor: Option<crate::tui::runner::editors::Open>,
}

impl Screens for Fake {
    fn draw(&self, _: PaneId, buffer: &mut Buffer, area: Rect, colours: bool) -> Option<Position> {
        match &self.editor {
            Some(open) => open.draw(buffer, area),
            None => self.screen.draw(buffer, area, colours),
        }
    }

    fn scrolled(&self, _: PaneId) -> (usize, usize) {
        self.screen.scrolled()
    }
}

fn draw(state: &State) -> (Buffer, Drawn, Option<Position>) {
    drawn_with(state, |_| {})
}

/// Draws a frame in whose panes something happened.
fn drawn_with(state: &State, happen: impl FnOnce(&mut Fake)) -> (Buffer, Drawn, Option<Position>) {
    let room = super::super::layout::shell_room(state);
    let (columns, rows) = (room.width, room.height);
    let mut screen = Screen::new(columns, rows, Arc::new(|_| {}));
    screen.feed(b"controlplane $ \x1b[1;32mk get nodes\x1b[0m\r\nNAME           STATUS   ROLES           AGE   VERSION\r\ncontrolplane   Ready    control-plane   12d   v1.31.0\r\nnode01         Ready    <none>          12d   v1.31.0\r\ncontrolplane $ ");
    let mut fake = Fake { screen, editor: None };
    happen(&mut fake);
    let mut terminal = Terminal::new(TestBackend::new(state.size.0, state.size.1)).unwrap();
    let mut drawn = Drawn::default();
    let frame = terminal.draw(|frame| drawn = super::draw(frame, state, &fake)).unwrap();
    let buffer = frame.buffer.clone();
    let cursor = terminal.backend().cursor_visible().then(|| terminal.backend().cursor_position());
    (buffer, drawn, cursor)
}

fn picture(state: &State) -> String {
    text_of(&draw(state).0)
}

/// The characters of a picture.
fn text_of(buffer: &Buffer) -> String {
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
    let english = crate::text::language() == crate::text::Language::En;
    for cell in &buffer.content {
        assert!(!english || cell.symbol().is_ascii(), "ASCII mode draws {:?}", cell.symbol());
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
    }
}

fn third(index: usize, passed: usize) -> Option<crate::grade::StepResult> {
    Some(result(index, passed))
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
    let places: [Place; 17] = [
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
        ("first screen", |seat| *seat = Seat::picking(seat.state.size.0, seat.state.size.1)),
        ("on its way up", |seat| *seat = Seat::starting(seat.state.size.0, seat.state.size.1)),
        ("did not come up", |seat| {
            *seat = Seat::starting(seat.state.size.0, seat.state.size.1);
            let trouble = Trouble { what: "no".into(), why: None, hints: vec![] };
            seat.happen(Event::OpenFailed(trouble));
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

#[test]
fn frames_are_straight_around_wide_characters() {
    use crate::text::{Language, speaking};
    speaking(Language::Ja, || {
        for (width, height) in [(60, 20), (80, 24)] {
            for keys in ["f1", "f4"] {
                let mut seat = Seat::new(width, height);
                let loaded =
                    Catalog::new(None).unwrap().load("apiserver-node-restriction", "ja", None).unwrap();
                seat.state.course.as_mut().unwrap().lesson = Arc::clone(&loaded.lesson);
                seat.press("f2").press(keys).happen(Event::Requests(Some(requests())));
                let text = picture(&seat.state);
                let edges = |line: &str| {
                    let inside = line.find(['│', '╭', '╰'])?;
                    let end = line.rfind(['│', '╮', '╯'])?;
                    Some((line.get(..inside)?.width(), line.get(..end)?.width()))
                };
                let found: Vec<_> = text.lines().filter_map(edges).collect();
                assert!(found.len() > 5 && found.iter().all(|edge| *edge == found[0]), "{found:?}\n{text}");
            }
        }
    });
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

#[test]
fn one_table_is_behind_the_help_and_the_commands() {
    use super::super::keymap::BINDINGS;
    use super::super::palette;
    for exam in [false, true] {
        let mut seat = if exam { Seat::sitting(120, 40, 0) } else { Seat::new(120, 40) };
        let entries = palette::entries(&seat.state);
        for binding in BINDINGS.iter().filter(|b| b.palette && seat.state.offers_action(b.action)) {
            assert!(entries.iter().any(|entry| entry.action == binding.action), "{:?}", binding.action);
        }
        let of_table = |action: Action| {
            matches!(action, Action::GoToStep(_)) || BINDINGS.iter().any(|binding| binding.action == action)
        };
        assert!(entries.iter().all(|entry| of_table(entry.action)));
        seat.press("f1").happen(Event::Resize(120, 200));
        let help = picture(&seat.state);
        let prefix = seat.state.config.prefix;
        for binding in BINDINGS.iter().filter(|b| seat.state.offers_action(b.action)) {
            let sentence: String = (binding.long)().chars().take(30).collect();
            if !sentence.is_empty() && !binding.typed(prefix).is_empty() {
                assert!(help.contains(sentence.trim_end()), "{sentence:?} is not in the help");
            }
        }
    }
}
