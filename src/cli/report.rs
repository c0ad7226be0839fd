//! `cks-lab report`: what was done and how well, from the kept progress.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Global, output};
use crate::error::{Error, ExitCode, Result};
use crate::exam::session::ExamFile;
use crate::exam::{self, Paper};
use crate::lab::LabFile;
use crate::lesson::catalog::Catalog;
use crate::progress::{self, Progress};
use crate::report::exam::ExamReport;
use crate::report::{Form, Report, verify};
use crate::text::tr;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(long, help = tr!(help_report_format), value_enum, default_value = "text")]
    format: Form,
    #[arg(short, long, help = tr!(help_report_output), value_name = "FILE")]
    output: Option<PathBuf>,
    #[arg(long, help = tr!(help_report_exam))]
    exam: bool,
    #[arg(
        long,
        help = tr!(help_report_verify),
        value_name = "FILE",
        conflicts_with_all = ["format", "output", "exam"]
    )]
    verify: Option<PathBuf>,
}

/// Writes it.
pub fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    if let Some(path) = &arguments.verify {
        return verified(path);
    }
    let text = match arguments.exam {
        true => of_exam(global, arguments.format)?,
        false => of_lesson(global, arguments.format)?,
    };
    match &arguments.output {
        None => output::out(&text),
        Some(path) => write(path, &text)?,
    }
    Ok(ExitCode::Ok)
}

fn of_lesson(global: &Global, form: Form) -> Result<String> {
    let dir = global.dir()?;
    let (file, _) = progress::read::<LabFile>(&dir.lab_file())?;
    if file.lesson.is_empty() {
        return Err(
            Error::new(tr!(cli_no_lesson_begun { name: &global.name })).hint(tr!(cli_begin_one_to_report))
        );
    }
    let (progress, notice) = progress::read::<Progress>(&dir.progress_file())?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    let loaded = global.catalog()?.load(&file.lesson, global.lang(), None)?;
    let mine = progress.lessons.get(&file.lesson).cloned().unwrap_or_default();
    Ok(form.render(&Report::new(&loaded, &file, &mine)))
}

fn of_exam(global: &Global, form: Form) -> Result<String> {
    let (file, notice) = ExamFile::read(&super::home()?, &global.name)?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    let last = file.sitting.iter().chain(file.history.iter().rev()).find(|s| s.is_graded());
    let none =
        || Error::new(tr!(cli_no_exam_graded { name: &global.name })).hint(tr!(cli_exam_report_at_end));
    let sitting = last.ok_or_else(none)?;
    let lessons = global.lessons_dir()?;
    let catalog = Catalog::new(lessons.as_deref())?;
    let paper =
        Paper::new(&exam::spec_of(&sitting.exam, &catalog, lessons.as_deref())?, &catalog, &sitting.lang)?;
    ExamReport::new(&paper, sitting).map(|report| form.render_exam(&report)).ok_or_else(none)
}

/// Writes a report to a file.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|e| {
        Error::new(tr!(file_cannot_be_written { file: path.display() }))
            .why(e)
            .hint(tr!(cli_name_another_file))
    })
}

/// How large a report may be that somebody hands in.
const LIMIT: u64 = 16 << 20;

fn verified(path: &Path) -> Result<ExitCode> {
    use std::io::Read;
    let cannot = |e: std::io::Error| Error::new(tr!(file_cannot_be_read { file: path.display() })).why(e);
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(LIMIT).read_to_string(&mut text).map_err(cannot)?;
    let found = verify::verify(&text)?;
    if !found.shown_right && found.report.program() == env!("CARGO_PKG_VERSION") {
        return Err(Error::new(tr!(cli_report_shows_otherwise { file: path.display() }))
            .why(tr!(cli_evidence_says { claim: found.report.claim() }))
            .code(ExitCode::Failed));
    }
    output::out(&format!("{}\n", found.report.claim()));
    if !found.shown_right {
        output::talk(&tr!(cli_report_of_other_version { version: found.report.program() }));
    }
    Ok(ExitCode::Ok)
}
