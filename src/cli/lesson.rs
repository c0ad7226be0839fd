//! `cks-lab lesson new|lint|test|import`: for authors.

use std::path::PathBuf;

use clap::Subcommand;

use super::{Global, block_on, not_built, output, scaffold, suite};
use crate::cluster::ClusterKind;
use crate::cluster::local::Binaries;
use crate::error::{Error, ExitCode, Result};
use crate::lesson::lint;
use crate::lesson::source::{self, Source};

/// What authors do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the files of a new lesson
    New {
        /// The lesson's id
        id: String,
        /// Where its directory goes
        #[arg(long, default_value = "lessons", value_name = "DIR")]
        into: PathBuf,
    },
    /// Find problems, with file and line
    Lint {
        /// Lessons by id or directory; without any, all
        #[arg(value_name = "LESSON")]
        named: Vec<String>,
    },
    /// Prove that the untouched lab fails, the solution passes, and each wrong answer is told
    Test {
        /// Lessons by id or directory; without any, all
        #[arg(value_name = "LESSON")]
        named: Vec<String>,
        /// The kind of cluster
        #[arg(long, value_enum, default_value = "sandbox")]
        cluster: ClusterKind,
        /// The directory of the real kube-apiserver and etcd of a local cluster [default: KUBEBUILDER_ASSETS, then PATH]
        #[arg(long, value_name = "DIR")]
        binaries: Option<PathBuf>,
        /// How many labs at once; 0 takes as many as there are processors
        #[arg(long, short, default_value_t = 0)]
        jobs: usize,
        /// Nodes without namespaces, even where those are allowed
        #[arg(long)]
        plain_nodes: bool,
        /// The Kubernetes releases to test with; all without it
        #[arg(long, value_name = "1.31")]
        kubernetes: Vec<String>,
    },
    /// Take over a killercoda scenario
    Import {
        /// Its directory
        scenario: PathBuf,
    },
}

/// Does it.
pub fn run(global: &Global, command: Command) -> Result<ExitCode> {
    match command {
        Command::New { id, into } => scaffold::run(&id, &into),
        Command::Lint { named } => lint_all(&sources(global, &named)?),
        Command::Test { named, cluster, binaries, jobs, plain_nodes, mut kubernetes } => {
            if cluster == ClusterKind::Live {
                let kind = format!("--cluster {}", cluster.as_str());
                return Err(not_built(&kind, "lessons are tested on the sandbox and with --cluster local"));
            }
            let sources = sources(global, &named)?;
            if cluster == ClusterKind::Local && kubernetes.is_empty() {
                // The programs say which release they are.
                kubernetes.push(Binaries::find(binaries.as_deref(), None)?.release.short());
            }
            let plan = suite::Plan { cluster, binaries, jobs, plain_nodes, kubernetes };
            block_on(suite::run(sources, plan))?
        }
        Command::Import { scenario } => {
            let what = format!("the import of {}", scenario.display());
            Err(not_built(&what, "`cks-lab lesson new` makes an empty lesson to fill in"))
        }
    }
}

fn sources(global: &Global, named: &[String]) -> Result<Vec<Source>> {
    let catalog = || global.catalog();
    if named.is_empty() {
        let own = global.lessons.as_deref().map(source::in_directory).transpose()?;
        return Ok(own.unwrap_or_else(source::embedded));
    }
    let mut found = Vec::new();
    for name in named {
        let path = PathBuf::from(name);
        if path.is_dir() {
            let inside = source::in_directory(&path)?;
            if inside.is_empty() {
                return Err(Error::new(format!("{} holds no lesson.yaml", path.display())));
            }
            found.extend(inside);
        } else {
            found.push(catalog()?.source(name)?.clone());
        }
    }
    Ok(found)
}

fn lint_all(sources: &[Source]) -> Result<ExitCode> {
    let problems: Vec<_> = sources.iter().flat_map(lint::lint).collect();
    for problem in &problems {
        output::out(&format!("{problem}\n"));
    }
    output::talk(&format!("{} lessons, {} problems", sources.len(), problems.len()));
    Ok(if problems.is_empty() { ExitCode::Ok } else { ExitCode::Failed })
}
