//! `cks-lab completions SHELL`.

use clap::Args;

use super::{help, output};
use crate::error::{ExitCode, Result};
use crate::text::tr;

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_shell_name), value_enum)]
    shell: clap_complete::Shell,
}

/// Prints them.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut help::command(), "cks-lab", &mut script);
    output::out(&String::from_utf8_lossy(&script));
    Ok(ExitCode::Ok)
}
