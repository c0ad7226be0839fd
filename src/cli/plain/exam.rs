//! Sitting an exam in the plain mode.

use std::sync::Arc;
use std::time::Duration;

use super::say::{left, outcome, overview, step};
use super::{
    Command, Ending, before_shell, ending, help, index, input, next_line, node, say, say_error, words, yes,
};
use crate::clock::SystemClock;
use crate::error::{ExitCode, Result};
use crate::exam::{Session, Warning};
use crate::lab::{Lab, Options};
use crate::report;
use crate::text::{language, tr};

const fn command(word: &'static str, argument: &'static str, help: fn() -> &'static str) -> Command {
    Command { word, argument, help }
}

const COMMANDS: [Command; 11] = [
    command("tasks", "", || tr!(plain_help_overview)),
    command("text", "", || tr!(plain_help_text)),
    command("shell", "NODE", || tr!(plain_help_shell)),
    command("next", "", || tr!(plain_help_next_task)),
    command("back", "", || tr!(plain_help_back_task)),
    command("go", "NUMBER", || tr!(plain_help_go_task)),
    command("flag", "", || tr!(plain_help_flag)),
    command("time", "", || tr!(plain_help_time)),
    command("finish", "", || tr!(plain_help_finish)),
    command("help", "", || tr!(plain_help_help)),
    command("quit", "", || tr!(plain_help_quit_exam)),
];

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(500);

/// Holds an exam until it is handed in, time is up, or the learner leaves; the exit status is 0 where it was passed, 1 where
/// not, and 2 where it is not over.
pub async fn run(options: Options) -> Result<ExitCode> {
    let session = Session::open(options, Arc::new(SystemClock))?;
    let sat = sit(&session).await;
    session.close().await;
    sat
}

async fn sit(session: &Arc<Session>) -> Result<ExitCode> {
    let mut ended = ending()?;
    session.notices.iter().for_each(|notice| say(notice));
    greet(session);
    if session.is_over() {
        return finish(session).await;
    }
    let mut lab = session.go_to(session.at()).await?;
    show(session, &lab);
    loop {
        say(&format!("\n{}", prompt(session)));
        let line = tokio::select! {
            line = next_line(&mut ended) => line,
            () = time_is_up(session) => return finish(session).await,
        };
        let Some(line) = line else { break };
        if session.is_over() {
            return finish(session).await;
        }
        let words = words(&line, &COMMANDS);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match obey(session, &lab, &words, &mut ended).await {
            Ok(After::Stay) => {}
            Ok(After::Task(task)) => match session.go_to(task).await {
                Ok(other) => {
                    lab = other;
                    show(session, &lab);
                }
                Err(e) => say_error(&e),
            },
            Ok(After::Finish) => return finish(session).await,
            Ok(After::Quit) => break,
            Err(e) => say_error(&e),
        }
    }
    say(&tr!(plain_exam_left { time: report::time(language(), session.clock().left) }));
    Ok(ExitCode::Error)
}

/// What comes after a command.
enum After {
    Stay,
    Task(usize),
    Finish,
    Quit,
}

fn greet(session: &Session) {
    let paper = session.paper();
    let (count, minutes, mark) = (paper.tasks.len(), paper.limit / 60, paper.pass_mark);
    say(&tr!(plain_exam { title: &paper.title, count, minutes, mark }));
    if session.resumed {
        say(&format!("{} {}", tr!(plain_exam_resumed), left(session.clock())));
    } else {
        say(tr!(plain_exam_rules));
    }
}

fn prompt(session: &Session) -> String {
    let (number, count) = (session.at() + 1, session.paper().tasks.len());
    tr!(plain_prompt_exam { number, count, time: report::time(language(), session.clock().left) })
}

fn show(session: &Session, lab: &Arc<Lab>) {
    let at = session.at();
    let Some(task) = session.paper().tasks.get(at) else { return };
    say("");
    say(&tr!(plain_task { number: at + 1, lesson: &task.lesson_title, points: task.points }));
    say(&step(lab.lesson(), task.step));
}

/// Says each warning when it is due, and resolves when time is up.
async fn time_is_up(session: &Session) {
    loop {
        match session.warning() {
            Ok(Some(Warning(minutes))) if minutes > 0 => say(&tr!(plain_minutes_left { minutes })),
            Ok(_) => {}
            Err(e) => say_error(&e),
        }
        if session.is_over() {
            return;
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn obey(session: &Arc<Session>, lab: &Arc<Lab>, words: &[&str], ended: &mut Ending) -> Result<After> {
    let (at, count) = (session.at(), session.paper().tasks.len());
    match words {
        [] => {}
        ["quit"] => return Ok(After::Quit),
        ["help"] => say(&help(&COMMANDS)),
        ["tasks"] => say(&overview(&session.overview(), session.clock())),
        ["text"] => show(session, lab),
        ["time"] => say(&left(session.clock())),
        ["next"] if at + 1 < count => return Ok(After::Task(at + 1)),
        ["next"] => say(tr!(plain_last_task)),
        ["back"] if at > 0 => return Ok(After::Task(at - 1)),
        ["back"] => say(tr!(plain_first_task)),
        ["go", number] => match index(number).filter(|i| *i < count) {
            Some(task) => return Ok(After::Task(task)),
            None => say(&tr!(exam_no_task { number, count })),
        },
        ["flag"] => {
            let number = at + 1;
            match session.flag(at)? {
                true => say(&tr!(plain_flagged { number })),
                false => say(&tr!(plain_unflagged { number })),
            }
        }
        ["shell", rest @ ..] => {
            let node = node(lab, rest.first().map(|n| (*n).to_owned()).as_ref());
            before_shell(&node);
            input::shell(lab, &node, time_is_up(session)).await?;
            say(tr!(plain_shell_ended));
        }
        ["finish"] => {
            let open = session.overview().iter().filter(|row| row.flagged || !row.opened).count();
            if yes(&tr!(plain_finish_question { open }), ended).await {
                return Ok(After::Finish);
            }
            say(tr!(plain_goes_on));
        }
        ["check" | "hint" | "solve" | "solution"] => say(tr!(exam_sealed)),
        _ => say(&tr!(plain_unknown { words: words.join(" ") })),
    }
    Ok(After::Stay)
}

async fn finish(session: &Arc<Session>) -> Result<ExitCode> {
    say(tr!(plain_grading));
    let result = session.finish().await?;
    say(&outcome(&result, &session.sitting()));
    say(tr!(plain_report_how));
    Ok(if result.passed { ExitCode::Ok } else { ExitCode::Failed })
}
