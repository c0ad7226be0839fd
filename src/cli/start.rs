//! `cks-lab start`, and `cks-lab` alone: the terminal program, or the plain mode.

use std::io::IsTerminal;

use clap::Args;

use super::{Global, LabArguments, block_on, live, output, plain};
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
    /// Whether the learner chooses first.
    #[arg(skip)]
    pick: bool,
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
        Self { lab, exam: false, plain: false, pick: true }
    }
}

/// Opens the lab.
pub fn run(global: &Global, arguments: Arguments) -> Result<ExitCode> {
    let mut options = arguments.lab.options(global)?;
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if !arguments.plain && !terminal {
        return Err(Error::new(tr!(cli_needs_terminal))
            .hint(tr!(cli_needs_terminal_window))
            .hint(tr!(cli_needs_terminal_plain))
            .hint(tr!(cli_needs_terminal_up)));
    }
    if !arguments.plain && dumb {
        output::out(&format!("{}\n", tr!(plain_terminal_is_dumb)));
    }
    let plain = arguments.plain || dumb;
    match (plain, arguments.exam) {
        (true, false) => block_on(plain::run(options))?,
        (true, true) => block_on(plain::run_exam(options))?,
        (false, exam) => {
            if !block_on(live::agree(&mut options))?? {
                return Ok(ExitCode::Failed);
            }
            let code = match arguments.pick {
                true => crate::tui::choose(options.clone()),
                false => crate::tui::run(options.clone(), exam),
            };
            block_on(live::finish(&options, true))??;
            code
        }
    }
}
