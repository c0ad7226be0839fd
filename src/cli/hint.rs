//! `cks-lab hint [STEP]`: shows the next hint.

use clap::Args;

use super::{Global, output};
use crate::error::{Context, ExitCode, Result};
use crate::lab::control::Request;
use crate::text::tr;

/// Arguments of `hint`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_current_step))]
    step: Option<String>,
}

/// Shows it.
pub async fn run(global: &Global, arguments: Arguments) -> Result<ExitCode> {
    let answer = global.remote().await?.ask(&Request::Hint { step: arguments.step }).await?;
    let hint: Option<(usize, usize, String)> =
        serde_json::from_value(answer).context_what(|| "the lab's answer is not understood".into())?;
    match hint {
        Some((number, count, text)) => {
            output::out(&format!("Hint {number} of {count}: {}", output::markdown(&text)));
            Ok(ExitCode::Ok)
        }
        None => {
            output::talk("all hints of this step have been shown; `cks-lab solve` applies the solution");
            Ok(ExitCode::Failed)
        }
    }
}
