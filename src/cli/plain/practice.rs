//! Practising a lesson in the plain mode.

use std::sync::Arc;

use super::{
    Command, Ending, before_shell, ending, finish, help, index, input, markdown, news, next_line, node,
};
use super::{say, say_error, words, yes};
use crate::cli::plain::say::{body, hint, history, result, step, tasks};
use crate::cli::{live, up};
use crate::error::{Error, Result};
use crate::lab::{Lab, Options};
use crate::lesson::catalog::Catalog;
use crate::lesson::load;
use crate::progress::{self, Progress};
use crate::text::tr;

const fn command(word: &'static str, argument: &'static str, help: fn() -> &'static str) -> Command {
    Command { word, argument, help }
}

const COMMANDS: [Command; 16] = [
    command("check", "", || tr!(plain_help_check)),
    command("tasks", "", || tr!(plain_help_tasks)),
    command("shell", "NODE", || tr!(plain_help_shell)),
    command("hint", "", || tr!(plain_help_hint)),
    command("solution", "", || tr!(plain_help_solution)),
    command("solve", "", || tr!(plain_help_solve)),
    command("text", "", || tr!(plain_help_text)),
    command("next", "", || tr!(plain_help_next)),
    command("back", "", || tr!(plain_help_back)),
    command("go", "NUMBER", || tr!(plain_help_go)),
    command("steps", "", || tr!(plain_help_steps)),
    command("reset", "", || tr!(plain_help_reset)),
    command("lessons", "", || tr!(plain_help_lessons)),
    command("open", "NUMBER", || tr!(plain_help_open)),
    command("history", "", || tr!(plain_help_history)),
    command("quit", "", || tr!(plain_help_quit)),
];

/// What comes after a command.
enum After {
    Go,
    Quit,
    Lesson(String),
}

/// Runs a lesson until the end of input or `quit`; the lesson to go on with comes back where another was chosen.
pub async fn run(options: &mut Options) -> Result<Option<String>> {
    if !live::agree(options).await? {
        return Ok(None);
    }
    let mut ended = ending()?;
    let lab = tokio::select! {
        lab = Lab::open(options.clone(), |phase| say(up::phase_text(&phase))) => lab.map_err(|e| live::stays(options, e))?,
        () = &mut ended => {
            // What was begun on somebody's cluster is undone, as at the end.
            live::finish(options, false).await?;
            return Ok(None);
        }
    };
    let mut events = lab.events();
    begin(&lab);
    let chosen = loop {
        news(&mut events);
        say(&format!("\n{}", prompt(&lab)));
        let Some(line) = next_line(&mut ended).await else { break None };
        let words = words(&line, &COMMANDS);
        if words.is_empty() {
            continue;
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match obey(&lab, options, &words, &mut ended).await {
            Ok(After::Go) => {}
            Ok(After::Quit) => break None,
            Ok(After::Lesson(id)) => break Some(id),
            Err(e) => say_error(&e),
        }
    };
    lab.close().await;
    news(&mut events);
    drop(lab);
    finish(options).await?;
    Ok(chosen)
}

fn begin(lab: &Arc<Lab>) {
    let (lesson, standing) = (lab.lesson(), lab.standing());
    say(&tr!(plain_lesson { title: &lesson.title, domain: &lesson.domain, minutes: lesson.minutes }));
    let passed = standing.results.iter().flatten().filter(|r| r.passed).count();
    if standing.current == 0 && passed == 0 {
        say("");
        say(&body(&lesson.intro, &lesson.title));
    } else {
        say(&tr!(plain_resumed { passed, count: lesson.steps.len() }));
    }
    show(lab);
}

fn prompt(lab: &Arc<Lab>) -> String {
    let (current, count) = (lab.standing().current, lab.lesson().steps.len());
    match current < count {
        true => tr!(plain_prompt { number: current + 1, count }),
        false => tr!(plain_prompt_end).to_owned(),
    }
}

/// The text of the current step, or the debrief.
fn show(lab: &Arc<Lab>) {
    let (lesson, current) = (lab.lesson(), lab.standing().current);
    say("");
    match current < lesson.steps.len() {
        true => say(&step(lesson, current)),
        false => say(&markdown::render(&lesson.finish)),
    }
}

async fn obey(lab: &Arc<Lab>, options: &Options, words: &[&str], ended: &mut Ending) -> Result<After> {
    let current = lab.standing().current;
    let steps = &lab.lesson().steps;
    let here = current.min(steps.len().saturating_sub(1));
    let id = steps.get(here).map(|s| s.id.clone()).unwrap_or_default();
    match words {
        ["quit"] => return Ok(After::Quit),
        ["help"] => say(&help(&COMMANDS)),
        ["check"] => check(lab, &id, current).await?,
        ["tasks"] => {
            let looked = lab.look(here).await;
            let done = looked.checks.iter().map(|c| Some(c.verdict == crate::check::Verdict::Pass));
            say(&tasks(looked.checks.iter().map(|c| c.title.as_str()).zip(done)));
        }
        ["hint"] => match lab.hint(&id)? {
            Some((number, count, text)) => say(&hint(number, count, &text)),
            None => say(tr!(plain_no_more_hints)),
        },
        ["solution"] => say(&markdown::render(&lab.show_solution(&id)?)),
        ["solve"] => {
            say(&lab.solve(&id).await?);
            say(tr!(plain_solved));
        }
        ["text"] => show(lab),
        ["next"] => go(lab, current + 1)?,
        ["back"] => go(lab, current.saturating_sub(1))?,
        ["go", number] => match index(number).filter(|i| *i < steps.len()) {
            Some(step) => go(lab, step)?,
            None => say(&tr!(plain_no_step { number, count: steps.len() })),
        },
        ["steps"] => list_steps(lab),
        ["reset"] => {
            if yes(tr!(plain_reset_question), ended).await {
                lab.reset(Some(&id)).await?;
                say(tr!(plain_step_reset));
            } else {
                say(tr!(cli_nothing_changed));
            }
        }
        ["lessons"] => list_lessons(options)?,
        ["open", which] => return open(lab, options, which, ended).await,
        ["history"] => say(&history(&lab.lesson_progress().attempts())),
        ["shell", rest @ ..] => {
            let node = node(lab, rest.first().map(|n| (*n).to_owned()).as_ref());
            before_shell(&node);
            input::shell(lab, &node, std::future::pending()).await?;
            say(tr!(plain_shell_ended));
        }
        _ => say(&tr!(plain_unknown { words: words.join(" ") })),
    }
    Ok(After::Go)
}

async fn check(lab: &Arc<Lab>, id: &str, before: usize) -> Result<()> {
    let graded = lab.check(Some(id)).await?;
    for step in &graded.steps {
        say(&result(step));
    }
    if lab.standing().current != before {
        show(lab);
    }
    Ok(())
}

fn go(lab: &Arc<Lab>, step: usize) -> Result<()> {
    lab.go_to(step)?;
    show(lab);
    Ok(())
}

fn list_steps(lab: &Arc<Lab>) {
    let standing = lab.standing();
    for (index, step) in lab.lesson().steps.iter().enumerate() {
        let state = match standing.results.get(index).and_then(Option::as_ref) {
            Some(result) if result.passed => tr!(report_passed),
            Some(_) => tr!(report_not_passed),
            None => tr!(report_not_graded),
        };
        let here =
            if index == standing.current { format!(" [{}]", tr!(plain_mark_current)) } else { String::new() };
        say(&format!("{}. {}: {state}{here}", index + 1, step.title));
    }
}

fn list_lessons(options: &Options) -> Result<()> {
    let lang = options.lang.as_deref().unwrap_or("en");
    let dir = crate::state_dir::LabDir::new(&options.home, &options.name);
    let (progress, _) = progress::read::<Progress>(&dir.progress_file())?;
    for (number, (id, source)) in Catalog::new(options.lessons.as_deref())?.entries().iter().enumerate() {
        let (spec, _) = load::spec(source, None)?;
        let attempts = progress.lessons.get(id).map(|l| l.attempts().len()).unwrap_or_default();
        let best = progress.lessons.get(id).and_then(|l| l.attempts().iter().map(|a| a.score).max());
        let max: u32 = spec.steps.iter().flat_map(|s| &s.checks).map(|c| c.points).sum();
        let title = spec.title.get(lang);
        let (number, minutes) = (number + 1, spec.minutes);
        say(&match best {
            Some(best) => tr!(plain_lesson_row_tried { number, title, minutes, best, max, attempts }),
            None => tr!(plain_lesson_row { number, title, minutes }),
        });
    }
    say(tr!(plain_open_how));
    Ok(())
}

/// Turns to another lesson, by its number or id; the cluster of this one is thrown away for it.
async fn open(lab: &Arc<Lab>, options: &Options, which: &str, ended: &mut Ending) -> Result<After> {
    let catalog = Catalog::new(options.lessons.as_deref())?;
    let by_number = index(which).and_then(|i| catalog.entries().get(i)).map(|(id, _)| id.clone());
    let id = match by_number {
        Some(id) => id,
        None => {
            catalog.source(which)?;
            which.to_owned()
        }
    };
    if id == lab.lesson().id {
        return Err(Error::new(tr!(plain_open_already)));
    }
    if !yes(tr!(plain_open_question), ended).await {
        say(tr!(cli_nothing_changed));
        return Ok(After::Go);
    }
    Ok(After::Lesson(id))
}
