//! `cks-lab reset [STEP]`: starts a step or the whole lesson over.

use std::io::{BufRead, IsTerminal};

use clap::Args;

use super::{Global, output};
use crate::error::{Error, ExitCode, Result};
use crate::lab::control::Request;
use crate::lab::{self, LabFile, lock};
use crate::progress;
use crate::text::tr;

/// Arguments of `reset`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_reset_step))]
    step: Option<String>,
    #[arg(long, help = tr!(help_reset_yes), short)]
    yes: bool,
}

/// Starts over; in a terminal it asks first.
pub async fn run(global: &Global, arguments: Arguments) -> Result<ExitCode> {
    let step = arguments.step.clone();
    if !arguments.yes && std::io::stdin().is_terminal() && !agreed(step.as_deref()) {
        output::talk(tr!(cli_nothing_changed));
        return Ok(ExitCode::Failed);
    }
    match global.remote().await {
        Ok(mut remote) => {
            remote.ask(&Request::Reset { step: arguments.step }).await?;
        }
        Err(e) if arguments.step.is_some() => return Err(e),
        Err(_) => {
            let dir = global.dir()?;
            let _lock = lock::take(&dir, &global.name)?;
            let (file, _) = progress::read::<LabFile>(&dir.lab_file())?;
            if file.lesson.is_empty() {
                return Err(Error::new(tr!(cli_no_lesson_begun { name: global.name })));
            }
            lab::remove_cluster(&dir)?;
            lab::forget(&dir, &file.lesson)?;
        }
    }
    output::talk(&match step {
        Some(step) => tr!(cli_step_starts_over { step }),
        None => tr!(cli_lesson_starts_over).to_owned(),
    });
    Ok(ExitCode::Ok)
}

fn agreed(step: Option<&str>) -> bool {
    output::talk(&match step {
        Some(step) => tr!(cli_reset_step_question { step }),
        None => tr!(cli_reset_lesson_question).to_owned(),
    });
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}
