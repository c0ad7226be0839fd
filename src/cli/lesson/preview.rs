//! `cks-lab lesson preview LESSON`: the lesson's texts as the lab shows them, and again whenever a file changes.
//!
//! In a terminal it is a page that scrolls; without one, all of it is printed once.

use std::io::{IsTerminal, Write, stdout};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use clap::Args;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal::size;
use notify::{RecursiveMode, Watcher};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::cli::{Global, output};
use crate::error::{Context, Error, ExitCode, Result};
use crate::lesson::load::{self, Loaded};
use crate::lesson::source::Source;
use crate::lesson::{Lesson, lint};
use crate::terminal::full_screen::FullScreen;
use crate::text::tr;
use crate::tui::markdown::Document;
use crate::tui::theme::{Theme, ThemeName};

/// Arguments of `lesson preview`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_lesson_preview_lesson), value_name = "LESSON")]
    lesson: String,
    #[arg(long, help = tr!(help_lesson_preview_width), value_name = "COLUMNS", default_value_t = 80)]
    width: u16,
}

/// How long to wait for a key before looking whether a file changed.
const TICK: Duration = Duration::from_millis(100);

/// Shows it.
pub fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let sources = super::sources(global, std::slice::from_ref(&arguments.lesson))?;
    let [source] = sources.as_slice() else {
        return Err(
            Error::new(tr!(cli_several_lessons { lesson: arguments.lesson })).hint(tr!(cli_name_one_lesson))
        );
    };
    if !(stdout().is_terminal() && std::io::stdin().is_terminal()) {
        let page = Page::new(source, global.lang(), arguments.width);
        let text: Vec<String> = page.document.lines.iter().map(plain).collect();
        output::out(&format!("{}\n", text.join("\n")));
        return Ok(if page.failed { ExitCode::Failed } else { ExitCode::Ok });
    }
    interactive(source, global.lang())
}

fn plain(line: &Line<'_>) -> String {
    let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
    text.trim_end().to_owned()
}

/// The whole lesson on one page, or why there is none.
struct Page {
    document: Document,
    failed: bool,
    problems: usize,
}

impl Page {
    fn new(source: &Source, lang: &str, width: u16) -> Self {
        let theme = Theme::new(ThemeName::Terminal, false);
        let mut document = Document::default();
        let problems = lint::lint(source);
        let failed = match load::load(source, lang, None) {
            Ok(loaded) => {
                all(&loaded, width, &theme, &mut document);
                false
            }
            Err(e) => {
                document.text(vec![], &e.to_string(), theme.bad, width);
                true
            }
        };
        if !problems.is_empty() {
            document.gap();
            document.text(vec![], "lint", theme.heading, width);
            for problem in &problems {
                document.text(vec![], &problem.to_string(), theme.bad, width);
            }
        }
        Self { document, failed, problems: problems.len() }
    }
}

fn all(loaded: &Loaded, width: u16, theme: &Theme, out: &mut Document) {
    let lesson: &Lesson = &loaded.lesson;
    let rule = "-".repeat(usize::from(width.min(60)));
    let part = |name: &str, text: &str, out: &mut Document| {
        out.gap();
        out.text(vec![], &format!("{rule} {name}"), theme.quiet, width);
        out.gap();
        out.markdown(text, width, theme);
    };
    part(tr!(preview_intro), &lesson.intro, out);
    for step in &lesson.steps {
        part(&step.id, &step.text, out);
        out.gap();
        for (id, title) in &step.tasks {
            out.text(vec![], &format!("[ ] {title} ({id})"), theme.text, width);
        }
        for (number, hint) in step.hints.iter().enumerate() {
            let name = tr!(preview_hint { id: step.id, number: number + 1, count: step.hints.len() });
            part(&name, hint, out);
        }
        part(&tr!(preview_solution { id: step.id }), &step.solution, out);
    }
    part(tr!(preview_finish), &lesson.finish, out);
}

fn interactive(source: &Source, lang: &str) -> Result<ExitCode> {
    let (_watcher, changed) = watch(source)?;
    let cannot = |e: std::io::Error| Error::new(tr!(terminal_cannot_be_used)).why(e);
    let _screen = FullScreen::new().map_err(cannot)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout())).map_err(cannot)?;
    let mut width = size().map_err(cannot)?.0;
    let mut page = Page::new(source, lang, width);
    let mut top = 0;
    let mut times = 1;
    let mut dirty = true;
    loop {
        if dirty {
            let last = page.document.lines.len();
            terminal
                .draw(|frame| {
                    let [body, foot] =
                        Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
                    let lines: Vec<Line> = page
                        .document
                        .lines
                        .iter()
                        .skip(top)
                        .take(usize::from(body.height))
                        .cloned()
                        .collect();
                    frame.render_widget(Paragraph::new(lines), body);
                    let status = tr!(preview_status {
                        row: (top + usize::from(body.height)).min(last),
                        rows: last,
                        times,
                        problems: page.problems
                    });
                    frame.render_widget(Paragraph::new(status), foot);
                })
                .map_err(cannot)?;
            dirty = false;
        }
        if is_changed(&changed) {
            page = Page::new(source, lang, width);
            times += 1;
            dirty = true;
        }
        if !event::poll(TICK).map_err(cannot)? {
            continue;
        }
        let rows = usize::from(size().map_err(cannot)?.1.saturating_sub(1));
        let end = page.document.lines.len().saturating_sub(rows);
        match event::read().map_err(cannot)? {
            Event::Key(key) if key.kind != KeyEventKind::Release => match key.code {
                KeyCode::Char('q') | KeyCode::Esc => break,
                KeyCode::Char('c' | 'd') if key.modifiers.contains(KeyModifiers::CONTROL) => break,
                KeyCode::Down | KeyCode::Char('j') => top = (top + 1).min(end),
                KeyCode::Up | KeyCode::Char('k') => top = top.saturating_sub(1),
                KeyCode::PageDown | KeyCode::Char(' ') => top = (top + rows).min(end),
                KeyCode::PageUp => top = top.saturating_sub(rows),
                KeyCode::Home => top = 0,
                KeyCode::End => top = end,
                _ => {}
            },
            Event::Resize(columns, _) => {
                width = columns;
                page = Page::new(source, lang, width);
            }
            _ => {}
        }
        top = top.min(page.document.lines.len().saturating_sub(1));
        dirty = true;
    }
    let _ = stdout().flush();
    Ok(if page.failed { ExitCode::Failed } else { ExitCode::Ok })
}

/// Tells of changed files of a lesson; one in the program never changes.
fn watch(source: &Source) -> Result<(Option<notify::RecommendedWatcher>, Receiver<()>)> {
    let (tell, changed) = channel();
    let Source::Directory(dir) = source else { return Ok((None, changed)) };
    let what = || tr!(cli_cannot_watch { dir: dir.display() });
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|e| !e.kind.is_access()) {
            let _ = tell.send(());
        }
    })
    .context_what(what)?;
    watcher.watch(dir, RecursiveMode::Recursive).context_what(what)?;
    Ok((Some(watcher), changed))
}

/// Whether something changed; many changes at once are one.
fn is_changed(changed: &Receiver<()>) -> bool {
    let mut any = false;
    loop {
        match changed.try_recv() {
            Ok(()) => any = true,
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => return any,
        }
    }
}
