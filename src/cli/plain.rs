//! The plain mode: lessons and exams line by line, for screen readers, `TERM=dumb`, logs and slow links.
//!
//! Everything is said on standard output, in whole lines; no cursor moves and nothing is coloured. Commands are words, or the
//! numbers that `help` gives them.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::broadcast::error::TryRecvError;

use super::{live, output, up};
use crate::error::{Error, ExitCode, Result};
use crate::lab::{Lab, LabEvent, Options};
use crate::text::tr;

mod exam;
mod input;
pub mod markdown;
mod practice;
mod say;

pub use exam::run as run_exam;

/// Runs lessons until the end of input or `quit`.
pub async fn run(mut options: Options) -> Result<ExitCode> {
    while let Some(lesson) = practice::run(&mut options).await? {
        options.lesson = Some(lesson);
        options.fresh = false;
    }
    Ok(ExitCode::Ok)
}

/// Resolves when the program is asked to end by a signal.
type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

fn ending() -> Result<Ending> {
    Ok(Box::pin(up::ending()?))
}

/// Says a paragraph.
fn say(text: &str) {
    output::out(&format!("{}\n", text.trim_end()));
}

/// Says what went wrong; it does not end the program.
fn say_error(e: &Error) {
    say(&format!("{} {e}", tr!(cli_error)));
}

/// A command of a mode.
struct Command {
    word: &'static str,
    /// What stands after it, as help shows it.
    argument: &'static str,
    help: fn() -> &'static str,
}

/// The commands with their numbers.
fn help(commands: &[Command]) -> String {
    let mut text = format!("{}\n", tr!(plain_commands));
    for (number, command) in commands.iter().enumerate() {
        let blank = if command.argument.is_empty() { "" } else { " " };
        let line =
            format!("{}. {}{blank}{}: {}", number + 1, command.word, command.argument, (command.help)());
        text += &format!("{line}\n");
    }
    text
}

/// What was typed, a command's number made its word.
fn words(line: &str, commands: &[Command]) -> Vec<String> {
    let mut words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    if let Some(first) = words.first_mut() {
        let numbered = first.trim_end_matches('.').parse::<usize>().ok();
        if let Some(command) = numbered.and_then(|n| commands.get(n.wrapping_sub(1))) {
            command.word.clone_into(first);
        }
        let alias =
            [("q", "quit"), ("exit", "quit"), ("?", "help"), ("h", "help"), ("n", "next"), ("b", "back")];
        if let Some((_, word)) = alias.iter().find(|(short, _)| short == first) {
            (*word).clone_into(first);
        }
    }
    words
}

/// A number that a learner typed, from 1, as an index.
fn index(word: &str) -> Option<usize> {
    word.parse::<usize>().ok()?.checked_sub(1)
}

/// Says what happened in a lab since it was last asked: notices, and whether its server answers now.
fn news(events: &mut tokio::sync::broadcast::Receiver<LabEvent>) {
    let mut server = None;
    loop {
        match events.try_recv() {
            Ok(LabEvent::Notice(sentence)) => say(&sentence),
            Ok(LabEvent::Server(up)) => server = Some(up),
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    match server {
        Some(true) => say(tr!(plain_server_up)),
        Some(false) => say(tr!(plain_server_down)),
        None => {}
    }
}

/// The next line, or `None` at the end of input or by a signal.
async fn next_line(ended: &mut Ending) -> Option<String> {
    tokio::select! {
        line = tokio::task::spawn_blocking(input::read_line) => line.ok().flatten(),
        () = ended => None,
    }
}

/// Asks; only the word yes is one.
async fn yes(question: &str, ended: &mut Ending) -> bool {
    say(&format!("{question} [yes/no]"));
    next_line(ended).await.is_some_and(|line| line.trim() == "yes")
}

/// The node that was named, or the lesson's first.
fn node(lab: &Arc<Lab>, named: Option<&String>) -> String {
    let first = || lab.cluster().facts().nodes.first().map(|(name, _)| name.clone());
    named.cloned().or_else(first).unwrap_or_default()
}

/// What is said before a shell opens.
fn before_shell(node: &str) {
    say(&tr!(plain_shell { node }));
}

/// Puts a live cluster back at the end.
async fn finish(options: &Options) -> Result<()> {
    live::finish(options, true).await
}
