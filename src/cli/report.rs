//! `cks-lab report`: what was done and how well, from the kept progress.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Global, not_built, output};
use crate::error::{Error, ExitCode, Result};
use crate::lab::LabFile;
use crate::progress::{self, Progress};
use crate::report::{Report, json, markdown, text};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The form
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// A file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Html,
    Json,
    Junit,
}

/// Writes it.
pub fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let dir = global.dir()?;
    let (file, _) = progress::read::<LabFile>(&dir.lab_file())?;
    if file.lesson.is_empty() {
        return Err(Error::new(format!("no lesson was begun in the lab {:?}", global.name))
            .hint("begin one with `cks-lab`, then there is something to report"));
    }
    let (progress, notice) = progress::read::<Progress>(&dir.progress_file())?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    let loaded = global.catalog()?.load(&file.lesson, "en", None)?;
    let mine = progress.lessons.get(&file.lesson).cloned().unwrap_or_default();
    let report = Report::new(&loaded, &file, &mine);
    let text = match arguments.format {
        Format::Text => text::render(&report),
        Format::Markdown => markdown::render(&report),
        Format::Json => json::render(&report),
        Format::Html => return Err(not_built("--format html", "there are text, markdown and json")),
        Format::Junit => return Err(not_built("--format junit", "there are text, markdown and json")),
    };
    match &arguments.output {
        None => output::out(&text),
        Some(path) => std::fs::write(path, text).map_err(|e| {
            Error::new(format!("{} cannot be written", path.display()))
                .why(e)
                .hint("name another file with -o")
        })?,
    }
    Ok(ExitCode::Ok)
}
