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
    let what = arguments.step.as_ref().map_or("the whole lesson".to_owned(), |s| format!("the step {s}"));
    if !arguments.yes && std::io::stdin().is_terminal() && !agreed(&what) {
        output::talk("nothing was changed");
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
                return Err(Error::new(format!("no lesson was begun in the lab {:?}", global.name)));
            }
            lab::remove_cluster(&dir)?;
            lab::forget(&dir, &file.lesson)?;
        }
    }
    output::talk(&format!("{what} starts over"));
    Ok(ExitCode::Ok)
}

fn agreed(what: &str) -> bool {
    output::talk(&format!("This throws away your work on {what}. Go on? [y/N]"));
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).is_ok() && matches!(line.trim(), "y" | "Y" | "yes")
}
