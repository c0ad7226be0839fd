//! `cks-lab lesson import SCENARIO [DIR]`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::output;
use crate::error::{ExitCode, Result};
use crate::lesson::source::Source;
use crate::lesson::{import, lint, schema};
use crate::text::tr;

/// Arguments of `lesson import`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_lesson_import_scenario))]
    scenario: PathBuf,
    #[arg(help = tr!(help_lesson_import_into), default_value = "lessons", value_name = "DIR")]
    into: PathBuf,
}

/// Imports, tells what could not be taken over, and lints what was made.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let imported = import::import(&arguments.scenario, &arguments.into)?;
    for warning in &imported.warnings {
        output::talk(&tr!(cli_warning { warning }));
    }
    schema::write_beside(&arguments.into)?;
    let mut code = ExitCode::Ok;
    for dir in &imported.lessons {
        output::out(&format!("{}\n", dir.display()));
        for problem in lint::lint(&Source::Directory(dir.clone())) {
            output::talk(&problem.to_string());
            code = ExitCode::Failed;
        }
    }
    output::talk(&tr!(cli_imported {
        lessons: imported.lessons.len(),
        warnings: imported.warnings.len(),
        into: arguments.into.display()
    }));
    Ok(code)
}
