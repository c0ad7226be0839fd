//! `cks-lab man [COMMAND]`: a manual page.

use clap::{Args, Command};

use super::{help, output};
use crate::error::{Context, Error, ExitCode, Result};
use crate::text::tr;

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_man_command))]
    command: Vec<String>,
}

/// Prints it.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut command = help::command();
    command.build();
    for name in &arguments.command {
        let Some(inner) = command.find_subcommand(name) else {
            return Err(Error::new(tr!(cli_no_command { name })));
        };
        command = inner.clone();
    }
    output::out(&page(command)?);
    Ok(ExitCode::Ok)
}

/// A command's page; its headings are the language's.
fn page(command: Command) -> Result<String> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let man = clap_mangen::Man::new(command).title(name);
    let mut page = Vec::new();
    man.render(&mut page).context_what(|| tr!(cli_no_man_page).into())?;
    let text = String::from_utf8_lossy(&page);
    let headings = [
        ("NAME", tr!(cli_man_name)),
        ("SYNOPSIS", tr!(cli_man_synopsis)),
        ("DESCRIPTION", tr!(cli_man_description)),
        ("VERSION", tr!(cli_man_version)),
    ];
    let own = |line: &str| {
        let heading = line.strip_prefix(".SH ")?;
        headings.iter().find(|(english, _)| *english == heading).map(|(_, own)| format!(".SH {own}\n"))
    };
    Ok(text.lines().map(|line| own(line).unwrap_or_else(|| format!("{line}\n"))).collect())
}
