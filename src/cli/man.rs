//! `cks-lab man`: the manual page.

use super::{help, output};
use crate::error::{Context, ExitCode, Result};
use crate::text::tr;

/// Prints it.
pub fn run() -> Result<ExitCode> {
    let mut page = Vec::new();
    clap_mangen::Man::new(help::command()).render(&mut page).context_what(|| tr!(cli_no_man_page).into())?;
    output::out(&String::from_utf8_lossy(&page));
    Ok(ExitCode::Ok)
}
