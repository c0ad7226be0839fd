//! `cks-lab completions SHELL`.

use clap::{Args, CommandFactory};

use super::{Cli, output};
use crate::error::{ExitCode, Result};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints them.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "cks-lab", &mut script);
    output::out(&String::from_utf8_lossy(&script));
    Ok(ExitCode::Ok)
}
