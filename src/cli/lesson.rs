//! `cks-lab lesson new|lint|test|preview|import|schema`: for authors.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Global, block_on, live, output, scaffold, suite};
use crate::cluster::ClusterKind;
use crate::cluster::local::Binaries;
use crate::error::{Error, ExitCode, Result};
use crate::exam;
use crate::lesson::catalog::Catalog;
use crate::lesson::lint;
use crate::lesson::source::{self, Source};
use crate::release::{RELEASES, Release};
use crate::text::tr;

mod import;
mod preview;

/// What authors do.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(about = tr!(help_lesson_new))]
    New {
        #[arg(help = tr!(help_lesson_new_id))]
        id: String,
        #[arg(long, help = tr!(help_lesson_new_into), default_value = "lessons", value_name = "DIR")]
        into: PathBuf,
    },
    #[command(about = tr!(help_lesson_lint))]
    Lint {
        #[arg(help = tr!(help_lesson_named), value_name = "LESSON")]
        named: Vec<String>,
    },
    #[command(about = tr!(help_lesson_test))]
    Test(TestArguments),
    #[command(about = tr!(help_lesson_preview))]
    Preview(preview::Arguments),
    #[command(about = tr!(help_lesson_import))]
    Import(import::Arguments),
    #[command(about = tr!(help_lesson_schema))]
    Schema,
}

/// Arguments of `lesson test`.
#[derive(Debug, clap::Args)]
pub struct TestArguments {
    #[arg(help = tr!(help_lesson_named), value_name = "LESSON")]
    named: Vec<String>,
    #[arg(long, help = tr!(help_lesson_test_cluster), value_enum, default_value = "sandbox")]
    cluster: Vec<ClusterKind>,
    #[arg(long, help = tr!(help_lab_binaries), value_name = "DIR")]
    binaries: Option<PathBuf>,
    #[arg(long, help = tr!(help_lesson_test_jobs), short, default_value_t = 0)]
    jobs: usize,
    #[arg(long, help = tr!(help_lab_plain_nodes))]
    plain_nodes: bool,
    #[arg(long, help = tr!(help_lesson_test_kubernetes), value_name = "1.31")]
    kubernetes: Vec<String>,
    #[command(flatten)]
    live: live::Arguments,
}

/// Does it.
pub fn run(global: &Global, command: Command) -> Result<ExitCode> {
    match command {
        Command::New { id, into } => scaffold::run(&id, &into),
        Command::Lint { named } => lint_all(global, &named),
        Command::Test(arguments) => {
            let sources = sources(global, &arguments.named)?;
            block_on(suite::run(sources, plan(&arguments)?))?
        }
        Command::Preview(arguments) => preview::run(global, &arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Schema => {
            output::out(crate::lesson::schema::JSON_SCHEMA);
            Ok(ExitCode::Ok)
        }
    }
}

fn plan(arguments: &TestArguments) -> Result<suite::Plan> {
    let named = &arguments.kubernetes;
    let mut clusters = Vec::new();
    for kind in &arguments.cluster {
        match kind {
            ClusterKind::Sandbox if named.is_empty() => {
                clusters.extend(RELEASES.iter().map(|r| (*kind, Some(Release::short(r)))));
            }
            ClusterKind::Sandbox => clusters.extend(named.iter().map(|r| (*kind, Some(r.clone())))),
            ClusterKind::Local if named.is_empty() => {
                // The programs say which release they are.
                let release = Binaries::find(arguments.binaries.as_deref(), None)?.release.short();
                clusters.push((*kind, Some(release)));
            }
            ClusterKind::Local => clusters.extend(named.iter().map(|r| (*kind, Some(r.clone())))),
            ClusterKind::Live => clusters.push((*kind, None)),
        }
    }
    Ok(suite::Plan {
        clusters,
        binaries: arguments.binaries.clone(),
        jobs: arguments.jobs,
        plain_nodes: arguments.plain_nodes,
        live: arguments.live.options(),
    })
}

/// The lessons that are named by id or directory.
pub(super) fn sources(global: &Global, named: &[String]) -> Result<Vec<Source>> {
    if named.is_empty() {
        let own = global.lesson_sources()?;
        return Ok(if own.is_empty() { source::embedded() } else { own });
    }
    let mut found = Vec::new();
    for name in named {
        let path = PathBuf::from(name);
        if path.is_dir() {
            let inside = source::in_directory(&path)?;
            if inside.is_empty() {
                return Err(Error::new(tr!(cli_no_lesson_yaml { path: path.display() })));
            }
            found.extend(inside);
        } else {
            found.push(global.catalog()?.source(name)?.clone());
        }
    }
    Ok(found)
}

fn lint_all(global: &Global, named: &[String]) -> Result<ExitCode> {
    let sources = sources(global, named)?;
    let mut problems: Vec<String> =
        sources.iter().flat_map(lint::lint).map(|problem| problem.to_string()).collect();
    let mut dirs: Vec<PathBuf> = named.iter().map(PathBuf::from).filter(|path| path.is_dir()).collect();
    dirs.extend(global.lessons_dir()?);
    for dir in dirs {
        // Lessons that cannot be read were named already.
        if let Ok(catalog) = Catalog::new(Some(&dir)) {
            problems.extend(exam::spec::problems(&dir, &catalog));
        }
    }
    for problem in &problems {
        output::out(&format!("{problem}\n"));
    }
    output::talk(&tr!(cli_lint_summary { lessons: sources.len(), problems: problems.len() }));
    Ok(if problems.is_empty() { ExitCode::Ok } else { ExitCode::Failed })
}
