//! `cks-lab check [STEP] [--json]`: grades the running lab.

use clap::Args;

use super::{Global, output};
use crate::error::{Context, ExitCode, Result};
use crate::grade::LessonResult;
use crate::lab::control::Request;
use crate::text::tr;

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_check_step))]
    step: Option<String>,
    #[arg(long, help = tr!(help_json))]
    json: bool,
}

/// Grades.
pub async fn run(global: &Global, arguments: Arguments) -> Result<ExitCode> {
    let answer = global.remote().await?.ask(&Request::Check { step: arguments.step }).await?;
    let result: LessonResult =
        serde_json::from_value(answer).context_what(|| tr!(lab_answer_not_understood).into())?;
    if arguments.json {
        output::out(&format!(
            "{}\n",
            serde_json::to_string(&result).context_what(|| tr!(lab_no_answer).into())?
        ));
    } else {
        output::out(&output::result(&result, output::coloured(&std::io::stdout())));
    }
    Ok(result.exit_code())
}
