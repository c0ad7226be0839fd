//! Every view in every size and both languages, and its colours in every theme.
//!
//! A file holds all views of one size and language; the files of themes hold the cells' styles alone, a letter for
//! each, since the texts are the same. `INSTA_UPDATE=always cargo test --lib tui::view` takes them anew.

use super::super::super::event::Event;
use super::super::super::state::{Entering, Overlay};
use super::*;
use crate::editor::Keys;
use crate::exam::Clock;
use crate::terminal::screen::{CopyMove, ScrollBy};
use crate::text::{Language, speaking};
use crate::tui::runner::editors::Open;

/// The sizes of windows.
const SIZES: [(u16, u16); 3] = [(60, 20), (80, 24), (120, 40)];

/// A view: the state, and what is in its panes.
struct View {
    name: &'static str,
    seat: Seat,
    fake: fn(&mut Fake),
}

/// Builds the views of one size, in the language that is spoken.
struct Views {
    size: (u16, u16),
    /// The lesson in the language that is spoken, where that is another than the fixture's.
    lesson: Option<Arc<crate::lesson::Lesson>>,
    all: Vec<View>,
}

impl Views {
    fn add(&mut self, name: &'static str, seat: Seat, change: impl FnOnce(&mut Seat)) {
        self.with(name, seat, change, |_| {});
    }

    fn with(
        &mut self,
        name: &'static str,
        mut seat: Seat,
        change: impl FnOnce(&mut Seat),
        fake: fn(&mut Fake),
    ) {
        change(&mut seat);
        self.all.push(View { name, seat, fake });
    }

    /// A lab that is up, on its first step, with the real lesson in the language that is spoken.
    fn lab(&self) -> Seat {
        let mut seat = Seat::new(self.size.0, self.size.1);
        if let (Some(course), Some(lesson)) = (&mut seat.state.course, &self.lesson) {
            course.lesson = Arc::clone(lesson);
        }
        seat
    }

    /// A lab in which keys were pressed.
    fn keys(&mut self, name: &'static str, keys: &str) {
        let seat = self.lab();
        self.add(name, seat, |seat| drop(seat.press(keys).take()));
    }

    fn begin(&mut self) {
        let (width, height) = self.size;
        let starting = || Seat::starting(width, height);
        self.add("first screen", Seat::picking(width, height), |_| {});
        self.add("first screen, an exam", Seat::picking(width, height), |seat| {
            drop(seat.press("down down").take())
        });
        self.add("first screen, being filled", starting(), |seat| seat.state.stage = Stage::Picking);
        self.add("first screen, without lessons", starting(), |seat| {
            seat.state.stage = Stage::Picking;
            seat.happen(Event::Offers(Err(trouble())));
        });
        self.add("another lesson", Seat::picking(width, height), |seat| drop(seat.press("k enter").take()));
        self.add("on its way up", starting(), |seat| {
            drop(seat.happen(Event::Phase(Phase::ApiServer)).take())
        });
        self.add("did not come up", starting(), |seat| {
            drop(seat.happen(Event::OpenFailed(trouble())).take())
        });
        self.add("welcome back", starting(), |seat| {
            let mut before = standing();
            (before.current, before.results[0]) = (1, third(0, 2));
            seat.happen(Event::Opened(Box::new(course(before, true))));
        });
    }

    fn lesson(&mut self) {
        self.keys("shell", "ctrl-g esc");
        self.keys("introduction", "ctrl-g b");
        let lab = self.lab();
        self.add("step", lab, |seat| drop(seat.press("f2").happen(Event::Tasks(result(0, 1))).take()));
        let lab = self.lab();
        self.add("step with code selected", lab, |seat| {
            seat.press("f2");
            seat.drawn = draw(&seat.state).1;
            seat.press("tab tab");
        });
        let lab = self.lab();
        self.add("step with text selected", lab, |seat| {
            use crate::tui::selection::{Selection, Spot};
            seat.press("f2");
            seat.state.selection =
                Some(Selection { from: Spot { line: 0, x: 4 }, to: Spot { line: 5, x: 7 } });
        });
        let lab = self.lab();
        self.add("hints", lab, |seat| {
            let mut now = standing();
            now.hints[0] = 2;
            seat.press("f6").happen(Event::Standing(now)).happen(Event::Hinted(Ok(Some(2))));
        });
        let lab = self.lab();
        self.add("being checked", lab, |seat| drop(seat.press("f5").take()));
        let lab = self.lab();
        self.add("not passed", lab, |seat| {
            seat.press("f5").happen(Event::Checked { result: Ok(checked(vec![result(0, 1)])), whole: false });
        });
        let lab = self.lab();
        self.add("passed", lab, |seat| {
            let mut now = standing();
            (now.current, now.results[0]) = (1, third(0, 2));
            seat.press("f5").happen(Event::Standing(now));
            seat.happen(Event::Checked { result: Ok(checked(vec![result(0, 2)])), whole: false });
        });
        let lab = self.lab();
        self.add("all checked", lab, |seat| {
            let all = vec![result(0, 2), result(1, 1), result(2, 0)];
            seat.press("f9").write("every").press("enter");
            seat.happen(Event::Checked { result: Ok(checked(all)), whole: true });
        });
        self.keys("solution", "f7 enter");
        let lab = self.lab();
        self.add("applied", lab, |seat| {
            seat.press("f2")
                .happen(Event::Solved(Ok("$ k label node node01 a=b\nnode/node01 labeled\n".into())));
        });
        let lab = self.lab();
        self.add("could not be checked", lab, |seat| {
            seat.press("f5").happen(Event::Checked { result: Err(trouble()), whole: false });
        });
        let lab = self.lab();
        self.add("debrief", lab, |seat| {
            let mut now = standing();
            (now.current, now.hints[1], now.solved[2]) = (3, 1, true);
            now.results = vec![third(0, 2), third(1, 2), third(2, 1)];
            seat.happen(Event::Standing(now)).press("f8 f8 f8");
        });
        let lab = self.lab();
        self.add("API server down", lab, |seat| drop(seat.happen(Event::Server(false)).take()));
    }

    fn shells(&mut self) {
        let lab = self.lab();
        self.add("splits", lab, |seat| {
            seat.press("ctrl-g |").happen(Event::Shell(3, Ok(())));
            seat.press("ctrl-g -").happen(Event::Shell(4, Ok(())));
        });
        self.keys("zoomed", "ctrl-g z");
        self.keys("many tabs", "ctrl-g t ctrl-g t ctrl-g t ctrl-g t ctrl-g t ctrl-g 2");
        let lab = self.lab();
        let scrolled = |fake: &mut Fake| {
            fake.screen.feed("\r\nlater output".repeat(90).as_bytes());
            fake.screen.scroll(ScrollBy::Pages(1));
        };
        self.with("scrolled", lab, |_| {}, scrolled);
        let lab = self.lab();
        let copying = |fake: &mut Fake| {
            fake.screen.set_copying(true);
            fake.screen.search("node01", true);
            fake.screen.copy_mark(false);
            fake.screen.copy_move(CopyMove::Last);
        };
        self.with("copy mode", lab, |seat| drop(seat.happen(Event::CopyMode(1, true)).take()), copying);
        let lab = self.lab();
        self.with(
            "copy mode, searching",
            lab,
            |seat| {
                seat.happen(Event::CopyMode(1, true)).press("/").write("error");
            },
            copying,
        );
        let lab = self.lab();
        self.with(
            "editor",
            lab,
            |seat| {
                seat.press("ctrl-g e").write("kube-apiserver.yaml").press("enter");
                seat.happen(Event::Shell(3, Ok(()))).happen(Event::Modified(3, true));
            },
            |fake| {
                let text = b"apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\n".to_vec();
                let path = "/etc/kubernetes/manifests/kube-apiserver.yaml";
                fake.editor = Open::new(Keys::Vi, "controlplane".into(), path, Some(text)).ok();
            },
        );
        let lab = self.lab();
        self.add("file that is no text", lab, |seat| {
            seat.press("ctrl-g e").write("etcd.yaml").press("enter").happen(Event::Shell(3, Err(trouble())));
        });
        self.keys("shell, being started", "ctrl-g 2");
        let lab = self.lab();
        self.add("shell that ended", lab, |seat| seat.state.panes[0].shell = Shell::Ended(0));
    }

    fn on_top(&mut self) {
        self.keys("prefix", "ctrl-g");
        let lab = self.lab();
        self.add("prefix, after a moment", lab, |seat| {
            drop(seat.press("ctrl-g").happen(Event::Clock(70)).take())
        });
        self.keys("help", "f1");
        self.keys("help, its end", "f1 end");
        self.keys("commands", "f9");
        let lab = self.lab();
        self.add("commands, none", lab, |seat| drop(seat.press("f9").write("zzzz").take()));
        self.keys("name of a tab", "ctrl-g r");
        self.keys("file to edit", "ctrl-g e");
        self.keys("leave", "ctrl-g q");
        let lab = self.lab();
        self.add("leave with changes", lab, |seat| {
            drop(seat.happen(Event::Modified(1, true)).press("ctrl-g q").take())
        });
        self.keys("solution?", "f7");
        for (name, entry) in [
            ("apply?", Question::Solve),
            ("step over?", Question::ResetStep),
            ("lesson over?", Question::ResetLesson),
            ("close a shell?", Question::CloseShell),
            ("close a file?", Question::CloseFile),
        ] {
            let lab = self.lab();
            self.add(name, lab, |seat| seat.state.overlay = Some(Overlay::Question(entry)));
        }
        let lab = self.lab();
        self.add("notice", lab, |seat| drop(seat.happen(Event::Copied(12)).take()));
        assert!(
            self.all.iter().any(|v| matches!(v.seat.state.overlay, Some(Overlay::Entry(Entering::File, _))))
        );
    }

    fn xray(&mut self) {
        let recorded = || Event::Requests(Some(requests()));
        for (name, keys) in [
            ("X-ray", "f4"),
            ("X-ray, explained", "f4 k enter"),
            ("X-ray, paused", "f4 p f f"),
            ("X-ray behind the shell", "f4 esc"),
        ] {
            let mut lab = self.lab();
            lab.happen(recorded());
            self.add(name, lab, |seat| drop(seat.press(keys).happen(recorded()).take()));
        }
        let lab = self.lab();
        self.add("X-ray, empty", lab, |seat| drop(seat.press("f4").take()));
        let lab = self.lab();
        self.add("X-ray without a record", lab, |seat| {
            drop(seat.press("f4").happen(Event::Requests(None)).take())
        });
        for (name, keys) in [("X-ray of checks", "f4"), ("X-ray of checks, explained", "f4 enter")] {
            let (width, height) = self.size;
            let mut seat = Seat::starting(width, height);
            let mut course = course(standing(), false);
            course.own_requests = true;
            seat.happen(Event::Opened(Box::new(course))).happen(Event::Shell(1, Ok(())));
            let mut own = request(1);
            (own.decision, own.authorizer) = (crate::apiserver::audit::UNSEEN.into(), String::new());
            own.impersonator = Some("kubernetes-admin".into());
            seat.happen(Event::Requests(Some(vec![own])));
            self.add(name, seat, |seat| drop(seat.press(keys).take()));
        }
    }

    fn exam(&mut self) {
        let (width, height) = self.size;
        let sitting = || Seat::sitting(width, height, 0);
        self.add("exam", sitting(), |_| {});
        self.add("exam, its tasks", sitting(), |seat| drop(seat.press("f3").take()));
        self.add("exam, hand in?", sitting(), |seat| drop(seat.press("ctrl-g !").take()));
        self.add("exam, a warning", sitting(), |seat| {
            let clock = Clock { spent: 5400, left: 600 };
            seat.happen(Event::ExamTicked { clock, warning: Some(10), over: false });
        });
        self.add("exam, time is up", sitting(), |seat| {
            let clock = Clock { spent: 7200, left: 0 };
            seat.happen(Event::ExamTicked { clock, warning: Some(0), over: true });
        });
        self.add("exam, results", sitting(), |seat| {
            seat.press("ctrl-g ! enter").happen(Event::ExamGraded(Ok(outcome())));
        });
    }
}

fn trouble() -> Trouble {
    Trouble {
        what: "the step could not be checked".into(),
        why: Some("connection to https://127.0.0.1:6443 refused".into()),
        hints: vec!["look at `crictl ps -a` on controlplane".into()],
    }
}

fn views(size: (u16, u16)) -> Vec<View> {
    let japanese = crate::text::language() == Language::Ja;
    let load = || Catalog::new(None).unwrap().load("apiserver-node-restriction", "ja", None).unwrap().lesson;
    let mut views = Views { size, lesson: japanese.then(load), all: Vec::new() };
    views.begin();
    views.lesson();
    views.shells();
    views.on_top();
    views.xray();
    views.exam();
    for view in &mut views.all {
        assert_eq!(view.seat.state.size, size, "{}", view.name);
    }
    views.all
}

/// What every picture keeps, whatever is in it.
fn holds_of(view: &View, width: u16) -> String {
    holds(&view.seat.state);
    let text = text_of(&drawn_with(&view.seat.state, view.fake).0);
    for line in text.lines() {
        assert!(line.width() <= usize::from(width), "{}: {line}", view.name);
    }
    text
}

/// A picture in which rows that are alike are there once.
fn shortened(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let runs = lines.chunk_by(|a, b| a == b);
    let shown = runs.map(|run| match run.len() {
        1 => format!("{}\n", run[0]),
        count => format!("{}\n({count} such lines)\n", run[0]),
    });
    shown.collect()
}

#[test]
fn every_view_in_every_size_and_language() {
    for language in [Language::En, Language::Ja] {
        speaking(language, || {
            for (width, height) in SIZES {
                let mut all = String::new();
                for view in views((width, height)) {
                    all.push_str(&format!("== {}\n{}", view.name, shortened(&holds_of(&view, width))));
                }
                insta::assert_snapshot!(format!("{}_{width}x{height}", language.code()), all);
            }
        });
    }
}

/// The styles of a picture in all themes: a letter for each combination, rows that are alike once.
fn styles(themes: &[Buffer], legend: &mut Legend) -> String {
    let style = |cell: &ratatui::buffer::Cell| format!("{} on {} {:?}", cell.fg, cell.bg, cell.modifier);
    let mut rows: Vec<(String, usize)> = Vec::new();
    let area = themes[0].area;
    for y in 0..area.height {
        let letters: Vec<char> = (0..area.width)
            .map(|x| legend.letter(themes.iter().map(|buffer| style(&buffer[(x, y)])).collect()))
            .collect();
        let runs = letters.chunk_by(|a, b| a == b).map(|run| format!("{}{}", run[0], run.len()));
        let row = runs.collect::<Vec<_>>().join(" ");
        match rows.last_mut() {
            Some((last, count)) if *last == row => *count += 1,
            _ => rows.push((row, 1)),
        }
    }
    rows.iter().map(|(row, count)| format!("{count}: {row}\n")).collect()
}

/// Letters for the styles that a cell has in each theme.
#[derive(Default)]
struct Legend(Vec<Vec<String>>);

impl Legend {
    fn letter(&mut self, styles: Vec<String>) -> char {
        let at = self.0.iter().position(|known| *known == styles).unwrap_or_else(|| {
            self.0.push(styles);
            self.0.len() - 1
        });
        ('a'..='z').chain('A'..='Z').chain('0'..='9').nth(at).unwrap()
    }
}

#[test]
fn every_view_in_every_theme() {
    let themes = [ThemeName::Light, ThemeName::Dark, ThemeName::Mono, ThemeName::Terminal];
    for language in [Language::En, Language::Ja] {
        speaking(language, || {
            for (width, height) in SIZES {
                let (mut all, mut legend) = (String::new(), Legend::default());
                for mut view in views((width, height)) {
                    let buffers = themes.map(|theme| {
                        view.seat.state.config.theme = theme;
                        drawn_with(&view.seat.state, view.fake).0
                    });
                    all.push_str(&format!("== {}\n{}", view.name, styles(&buffers, &mut legend)));
                }
                let mut said = String::new();
                for styles in &legend.0 {
                    let named =
                        themes.iter().zip(styles).map(|(theme, style)| format!("{} {style}", theme.as_str()));
                    let letter = Legend(legend.0.clone()).letter(styles.clone());
                    said.push_str(&format!("{letter}: {}\n", named.collect::<Vec<_>>().join(", ")));
                    assert!(styles[2].starts_with("Reset on Reset"), "no colour is none: {styles:?}");
                }
                let name = format!("themes_{}_{width}x{height}", language.code());
                insta::assert_snapshot!(name, format!("{said}{all}"));
            }
        });
    }
}

/// What a view says without its colours: two states that differ in meaning differ in text, too.
#[test]
fn no_meaning_is_carried_by_colour_alone() {
    for size in SIZES {
        let views = views(size);
        let text = |name: &str| {
            let view = views.iter().find(|view| view.name == name).unwrap();
            text_of(&drawn_with(&view.seat.state, view.fake).0)
        };
        for (one, other) in [
            ("passed", "not passed"),
            ("shell", "API server down"),
            ("shell", "copy mode"),
            ("X-ray", "X-ray, paused"),
            ("exam", "exam, time is up"),
        ] {
            assert_ne!(text(one), text(other), "{one} and {other}");
        }
        // Which pane has the keyboard.
        assert!(text("step").contains(">Lesson") && !text("shell").contains(">Lesson"));
        let rows = [("passed", "ok"), ("not passed", "FAIL")];
        for (name, word) in rows {
            assert!(text(name).contains(word), "{name}");
        }
        // The status of a request is written out.
        assert!(text("X-ray").contains("403") && text("X-ray").contains("refused"));
    }
}
