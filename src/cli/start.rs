//! `cks-lab start`, and `cks-lab` alone: the terminal program, or the plain mode.

use std::io::IsTerminal;

use clap::Args;

use super::{Global, LabArguments, block_on, live, not_built, plain};
use crate::cluster::ClusterKind;
use crate::error::{Error, ExitCode, Result};
use crate::text::tr;

/// Arguments of `start`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lab: LabArguments,
    #[arg(long, help = tr!(help_start_exam))]
    exam: bool,
    #[arg(long, help = tr!(help_start_plain))]
    plain: bool,
}

impl Arguments {
    /// What `cks-lab` alone means.
    pub fn default_start() -> Self {
        let lab = LabArguments {
            lesson: None,
            cluster: ClusterKind::Sandbox,
            live: super::live::Arguments::default(),
            binaries: None,
            kubernetes: None,
            fresh: false,
            realistic_timing: false,
            plain_nodes: false,
            port: 0,
        };
        Self { lab, exam: false, plain: false }
    }
}

/// Opens the lab.
pub fn run(global: &Global, arguments: Arguments) -> Result<ExitCode> {
    if arguments.exam {
        return Err(not_built("--exam", "leave it away to practise the lesson"));
    }
    let mut options = arguments.lab.options(global)?;
    if arguments.plain {
        return block_on(plain::run(options))?;
    }
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() || dumb {
        return Err(Error::new("the terminal program needs a terminal, and this is none")
            .hint("run it in a terminal window")
            .hint("or line by line: cks-lab start --plain")
            .hint("or without a person: cks-lab up --json, then cks-lab exec, cks-lab check"));
    }
    if !block_on(live::agree(&mut options))?? {
        return Ok(ExitCode::Failed);
    }
    let code = crate::tui::run(options.clone());
    block_on(live::finish(&options, true))??;
    code
}
