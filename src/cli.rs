//! The command line: one file a subcommand; the only room that prints.
//!
//! Machine output goes to stdout, talk to stderr. Exit status: 0 all well, 1 something failed, 2 no answer.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::cluster::ClusterKind;
use crate::error::{Context, Error, ExitCode, Result};
use crate::lab;
use crate::lesson::catalog::Catalog;
use crate::lesson::checkout;
use crate::lesson::source::{self, Source};
use crate::state_dir::{self, LabDir};

mod attach;
mod check;
mod completions;
mod doctor;
mod hint;
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

/// A terminal lab for CKS practice: a cluster with a security hole, real shells, and checks against it.
#[derive(Debug, Parser)]
#[command(name = "cks-lab", version, about, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Keeps several labs apart.
    #[arg(long, global = true, default_value = "default", value_name = "NAME", value_parser = lab_name)]
    name: String,
    /// Lessons beside those built in: a directory, or the address of a git repository.
    #[arg(long, global = true, value_name = "DIR")]
    lessons: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open the lab: pick up where you were, or begin a lesson
    Start(start::Arguments),
    /// Show the lessons and your scores
    List(list::Arguments),
    /// Run a lab without the terminal program until Ctrl-C or SIGTERM
    Up(up::Arguments),
    /// Run a command on a node of the running lab; its exit status is this command's
    Exec(attach::ExecArguments),
    /// Open an interactive shell on a node of the running lab
    Shell(attach::ShellArguments),
    /// Grade the running lab: exit 0 all passed, 1 something failed, 2 could not be checked
    Check(check::Arguments),
    /// Show the next hint
    Hint(hint::Arguments),
    /// Apply the reference solution
    Solve(solve::Arguments),
    /// Write down what was done and how well
    Report(report::Arguments),
    /// Start a step or the whole lesson over
    Reset(reset::Arguments),
    /// Undo what was changed on a live cluster
    Restore(restore::Arguments),
    /// For authors of lessons
    #[command(subcommand)]
    Lesson(lesson::Command),
    /// Say what this machine can do, what is missing, and how to get it
    Doctor(doctor::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Print the manual page
    Man,
}

/// What `start` and `up` have in common.
#[derive(Debug, Clone, Args)]
pub struct LabArguments {
    /// The lesson's id; without it, the one that was begun, or the first
    lesson: Option<String>,
    /// The kind of cluster
    #[arg(long, value_enum, default_value = "sandbox")]
    cluster: ClusterKind,
    #[command(flatten)]
    live: live::Arguments,
    /// The directory of the real kube-apiserver and etcd of a local cluster [default: KUBEBUILDER_ASSETS, then PATH]
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// The Kubernetes release to emulate
    #[arg(long, value_name = "1.31")]
    kubernetes: Option<String>,
    /// The language
    #[arg(long, value_name = "LANG")]
    lang: Option<String>,
    /// Throw away what is there and begin anew
    #[arg(long)]
    fresh: bool,
    /// The real waits of a kubelet instead of short ones
    #[arg(long)]
    realistic_timing: bool,
    /// Nodes without namespaces, even where those are allowed
    #[arg(long)]
    plain_nodes: bool,
    /// The API server's port on this machine's loopback; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
}

impl LabArguments {
    fn options(&self, global: &Global) -> Result<lab::Options> {
        Ok(lab::Options {
            lesson: self.lesson.clone(),
            cluster: self.cluster,
            binaries: self.binaries.clone(),
            kubernetes: self.kubernetes.clone(),
            lang: self.lang.clone(),
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

    async fn remote(&self) -> Result<lab::remote::Remote> {
        lab::remote::Remote::connect(&self.dir()?, &self.name).await
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
        return Err("a lab's name has letters, digits, - and _, at most 64".into());
    }
    Ok(name.to_owned())
}

/// Parses the arguments and does as they say.
pub fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return std::process::ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
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
        Some(Command::Man) => man::run()?,
    };
    Ok(code as u8)
}

/// Runs a future to its end on a runtime made for it.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new("the program cannot start its threads").why(e))?;
    let result = runtime.block_on(future);
    // A thread that waits for standard input would hold the program back.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Ok(result)
}

/// The exit status for something that is not there yet.
fn not_built(what: &str, instead: &str) -> Error {
    Error::new(format!("{what} is not built yet")).hint(instead).code(ExitCode::Error)
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
