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
        serde_json::from_value(answer).context_what(|| tr!(lab_answer_not_understood).into())?;
    match hint {
        Some((number, count, text)) => {
            output::out(&format!("{} {}", tr!(plain_hint_number { number, count }), output::markdown(&text)));
            Ok(ExitCode::Ok)
        }
        None => {
            output::talk(tr!(cli_no_more_hints));
            Ok(ExitCode::Failed)
        }
    }
}
