//! The command line: one file a subcommand; the only room that prints.
//!
//! Machine output goes to stdout, talk to stderr. Exit status: 0 all well, 1 something failed, 2 no answer.

use std::path::PathBuf;

use clap::{Args, FromArgMatches, Parser, Subcommand};

use crate::cluster::ClusterKind;
use crate::error::{Context, Error, Result};
use crate::exam;
use crate::lab;
use crate::lesson::catalog::Catalog;
use crate::lesson::checkout;
use crate::lesson::source::{self, Source};
use crate::state_dir::{self, LabDir};
use crate::text::{self, tr};

mod attach;
mod check;
mod completions;
mod doctor;
mod help;
mod hint;
mod language;
mod lesson;
mod list;
mod live;
mod man;
mod output;
mod plain;
mod report;
mod reset;
mod restore;
mod scaffold;
mod solve;
mod start;
mod suite;
mod up;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "cks-lab", version, about = tr!(help_about), max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    #[arg(long, global = true, help = tr!(help_name), default_value = "default", value_name = "NAME", value_parser = lab_name)]
    name: String,
    #[arg(long, global = true, value_name = "DIR", help = tr!(help_lessons))]
    lessons: Option<PathBuf>,
    #[arg(long, global = true, value_name = "LANG", help = tr!(help_lang))]
    lang: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(about = tr!(help_start))]
    Start(start::Arguments),
    #[command(about = tr!(help_list))]
    List(list::Arguments),
    #[command(about = tr!(help_up))]
    Up(up::Arguments),
    #[command(about = tr!(help_exec))]
    Exec(attach::ExecArguments),
    #[command(about = tr!(help_shell))]
    Shell(attach::ShellArguments),
    #[command(about = tr!(help_check))]
    Check(check::Arguments),
    #[command(about = tr!(help_hint))]
    Hint(hint::Arguments),
    #[command(about = tr!(help_solve))]
    Solve(solve::Arguments),
    #[command(about = tr!(help_report))]
    Report(report::Arguments),
    #[command(about = tr!(help_reset))]
    Reset(reset::Arguments),
    #[command(about = tr!(help_restore))]
    Restore(restore::Arguments),
    #[command(subcommand, about = tr!(help_lesson))]
    Lesson(lesson::Command),
    #[command(about = tr!(help_doctor))]
    Doctor(doctor::Arguments),
    #[command(about = tr!(help_completions))]
    Completions(completions::Arguments),
    #[command(about = tr!(help_man))]
    Man(man::Arguments),
}

/// What `start` and `up` have in common.
#[derive(Debug, Clone, Args)]
pub struct LabArguments {
    #[arg(help = tr!(help_lab_lesson))]
    lesson: Option<String>,
    #[arg(long, value_enum, help = tr!(help_lab_cluster), default_value = "sandbox")]
    cluster: ClusterKind,
    #[command(flatten)]
    live: live::Arguments,
    #[arg(long, help = tr!(help_lab_binaries), value_name = "DIR")]
    binaries: Option<PathBuf>,
    #[arg(long, help = tr!(help_lab_kubernetes), value_name = "1.31")]
    kubernetes: Option<String>,
    #[arg(long, help = tr!(help_lab_fresh))]
    fresh: bool,
    #[arg(long, help = tr!(help_lab_realistic))]
    realistic_timing: bool,
    #[arg(long, help = tr!(help_lab_plain_nodes))]
    plain_nodes: bool,
    #[arg(long, help = tr!(help_lab_port), default_value_t = 0, value_name = "PORT")]
    port: u16,
}

impl LabArguments {
    fn options(&self, global: &Global) -> Result<lab::Options> {
        Ok(lab::Options {
            lesson: self.lesson.clone(),
            cluster: self.cluster,
            binaries: self.binaries.clone(),
            kubernetes: self.kubernetes.clone(),
            lang: Some(global.lang().to_owned()),
            name: global.name.clone(),
            fresh: self.fresh,
            realistic_timing: self.realistic_timing,
            plain_nodes: self.plain_nodes,
            port: self.port,
            live: self.live.options(),
            home: home()?,
            lessons: global.lessons_dir()?,
        })
    }
}

impl Global {
    fn dir(&self) -> Result<LabDir> {
        Ok(LabDir::new(&home()?, &self.name))
    }

    /// The language that lessons are wanted in.
    fn lang(&self) -> &str {
        self.lang.as_deref().unwrap_or_else(|| text::language().code())
    }

    fn catalog(&self) -> Result<Catalog> {
        Catalog::new(self.lessons_dir()?.as_deref())
    }

    /// The directory of `--lessons`; a repository is got first.
    fn lessons_dir(&self) -> Result<Option<PathBuf>> {
        let Some(named) = &self.lessons else { return Ok(None) };
        let Some(address) = named.to_str().filter(|text| checkout::is_address(text)) else {
            return Ok(Some(named.clone()));
        };
        let (dir, told) = checkout::get(address, &checkout::cache()?)?;
        if let Some(told) = told {
            output::talk(&told);
        }
        Ok(Some(dir))
    }

    /// The lessons of `--lessons`; none without it.
    fn lesson_sources(&self) -> Result<Vec<Source>> {
        self.lessons_dir()?.map_or(Ok(Vec::new()), |dir| source::in_directory(&dir))
    }

    /// The running lab of that name; where there is none, that of the task which the exam of that name is at.
    async fn remote(&self) -> Result<lab::remote::Remote> {
        let dirs = std::iter::once(self.dir()?).chain(exam::session::lab_in_view(&home()?, &self.name));
        lab::remote::Remote::first(&dirs.collect::<Vec<_>>(), &self.name).await
    }
}

/// Where state lives, absolute: scripts use the paths that `up --json` prints from elsewhere.
fn home() -> Result<PathBuf> {
    let home = state_dir::home()?;
    std::path::absolute(&home).context_what(|| format!("{} is no path", home.display()))
}

fn lab_name(name: &str) -> Result<String, String> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
        return Err(tr!(cli_lab_name).into());
    }
    Ok(name.to_owned())
}

/// Parses the arguments and does as they say.
pub fn main() -> std::process::ExitCode {
    let lang = language::settle();
    let parsed = help::command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let mut cli = match parsed {
        Ok(cli) => cli,
        Err(e) if e.use_stderr() && text::language() != text::Language::En => {
            output::talk(help::told(&e, text::language()).trim_end());
            return std::process::ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
        Err(e) => {
            let _ = e.print();
            return std::process::ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    cli.global.lang = Some(lang);
    match run(cli) {
        Ok(status) => std::process::ExitCode::from(status),
        Err(e) => {
            output::error(&e);
            std::process::ExitCode::from(e.code as u8)
        }
    }
}

fn run(cli: Cli) -> Result<u8> {
    let global = cli.global;
    let code = match cli.command {
        None => start::run(&global, start::Arguments::default_start())?,
        Some(Command::Start(arguments)) => start::run(&global, arguments)?,
        Some(Command::List(arguments)) => list::run(&global, &arguments)?,
        Some(Command::Up(arguments)) => block_on(up::run(&global, &arguments))??,
        Some(Command::Exec(arguments)) => return block_on(attach::exec(&global, arguments))?,
        Some(Command::Shell(arguments)) => return block_on(attach::shell(&global, arguments))?,
        Some(Command::Check(arguments)) => block_on(check::run(&global, arguments))??,
        Some(Command::Hint(arguments)) => block_on(hint::run(&global, arguments))??,
        Some(Command::Solve(arguments)) => block_on(solve::run(&global, arguments))??,
        Some(Command::Report(arguments)) => report::run(&global, &arguments)?,
        Some(Command::Reset(arguments)) => block_on(reset::run(&global, arguments))??,
        Some(Command::Restore(arguments)) => block_on(restore::run(&global, &arguments))??,
        Some(Command::Lesson(command)) => lesson::run(&global, command)?,
        Some(Command::Doctor(arguments)) => doctor::run(&arguments)?,
        Some(Command::Completions(arguments)) => completions::run(&arguments)?,
        Some(Command::Man(arguments)) => man::run(&arguments)?,
    };
    Ok(code as u8)
}

/// Runs a future to its end on a runtime made for it.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new(tr!(cli_no_threads)).why(e))?;
    let result = runtime.block_on(future);
    // A thread that waits for standard input would hold the program back.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(result)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_do_not_leave_the_state_directory() {
        for bad in ["", "..", "a/b", "a b", "a\0", &"x".repeat(65)] {
            assert!(lab_name(bad).is_err(), "{bad:?}");
        }
        assert!(lab_name("class-7_b").is_ok());
    }
}
