//! `cks-lab report`: what was done and how well, from the kept progress.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Global, output};
use crate::error::{Error, ExitCode, Result};
use crate::lab::LabFile;
use crate::progress::{self, Progress};
use crate::report::{Report, html, json, junit, markdown, text, verify};
use crate::text::tr;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(long, help = tr!(help_report_format), value_enum, default_value = "text")]
    format: Format,
    #[arg(short, long, help = tr!(help_report_output), value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(long, help = tr!(help_report_verify), value_name = "FILE", conflicts_with_all = ["format", "output"])]
    verify: Option<PathBuf>,
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
    if let Some(path) = &arguments.verify {
        return verified(path);
    }
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
    let loaded = global.catalog()?.load(&file.lesson, global.lang(), None)?;
    let mine = progress.lessons.get(&file.lesson).cloned().unwrap_or_default();
    let report = Report::new(&loaded, &file, &mine);
    let text = match arguments.format {
        Format::Text => text::render(&report),
        Format::Markdown => markdown::render(&report),
        Format::Json => json::render(&report),
        Format::Html => html::render(&report),
        Format::Junit => junit::render(&report),
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

/// How large a report may be that somebody hands in.
const LIMIT: u64 = 16 << 20;

fn verified(path: &std::path::Path) -> Result<ExitCode> {
    use std::io::Read;
    let cannot = |e: std::io::Error| Error::new(format!("{} cannot be read", path.display())).why(e);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(LIMIT).read_to_string(&mut text).map_err(cannot)?;
    let found = verify::verify(&text)?;
    let report = &found.report;
    if !found.shown_right && report.program == env!("CARGO_PKG_VERSION") {
        return Err(Error::new(format!(
            "{} was changed: it does not show what its evidence says",
            path.display()
        ))
        .why(format!("the evidence says {} of {} points", report.score, report.max))
        .code(ExitCode::Failed));
    }
    output::out(&format!(
        "{}: {} of {} points ({} %), SHA-256 {}\n",
        report.lesson, report.score, report.max, report.percent, report.digest
    ));
    if !found.shown_right {
        output::talk(&format!(
            "the evidence is whole; what the file shows could not be compared, since cks-lab {} made it",
            report.program
        ));
    }
    Ok(ExitCode::Ok)
}
