//! `cks-lab solve [STEP]`: applies the reference solution and shows what was typed.

use clap::Args;

use super::{Global, output};
use crate::error::{ExitCode, Result};
use crate::lab::control::Request;
use crate::text::tr;

/// Arguments of `solve`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_current_step))]
    step: Option<String>,
}

/// Applies it.
pub async fn run(global: &Global, arguments: Arguments) -> Result<ExitCode> {
    let answer = global.remote().await?.ask(&Request::Solve { step: arguments.step }).await?;
    output::out(answer.as_str().unwrap_or(""));
    Ok(ExitCode::Ok)
}
