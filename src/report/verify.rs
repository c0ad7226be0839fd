//! Holds a report that was handed in against itself: the evidence in it against its digest, and what it shows against
//! the evidence.

use serde_json::Value;

use super::exam::ExamReport;
use super::{Form, Report, evidence};
use crate::error::{Error, ExitCode, Result};
use crate::text::tr;

/// A report that was handed in.
#[derive(Debug, PartialEq, Eq)]
pub enum Handed {
    /// A lesson's.
    Lesson(Box<Report>),
    /// An exam's.
    Exam(Box<ExamReport>),
}

impl Handed {
    fn read(value: Value) -> Result<Self, serde_json::Error> {
        Ok(match value.get("exam") {
            Some(_) => Self::Exam(serde_json::from_value(value)?),
            None => Self::Lesson(serde_json::from_value(value)?),
        })
    }

    /// Whether its points add up: the arithmetic is part of what is claimed.
    fn adds_up(&self) -> bool {
        match self {
            Self::Exam(report) => report.adds_up(),
            Self::Lesson(report) => {
                let points = |s: &super::StepReport| {
                    s.checks.is_empty() || s.checks.iter().map(|c| c.points).sum::<u32>() == s.score
                };
                report.steps.iter().map(|s| s.score).sum::<u32>() == report.score
                    && report.steps.iter().all(points)
            }
        }
    }

    /// As a form of file shows it.
    pub fn render(&self, form: Form) -> String {
        match self {
            Self::Lesson(report) => form.render(report),
            Self::Exam(report) => form.render_exam(report),
        }
    }

    /// The version of the program that made it.
    pub fn program(&self) -> &str {
        match self {
            Self::Lesson(report) => &report.program,
            Self::Exam(report) => &report.program,
        }
    }

    /// What it claims, in a line.
    pub fn claim(&self) -> String {
        match self {
            Self::Lesson(r) => tr!(report_claim {
                lesson: &r.lesson,
                score: r.score,
                max: r.max,
                percent: r.percent,
                digest: &r.digest
            }),
            Self::Exam(r) => tr!(report_exam_claim {
                exam: &r.exam,
                percent: r.percent,
                started: &r.started,
                digest: &r.digest,
                verdict: if r.passed { tr!(report_passed) } else { tr!(report_not_passed) }
            }),
        }
    }
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    /// The report as its evidence has it.
    pub report: Handed,
    /// Whether the file shows, byte by byte, what this program makes of the evidence.
    pub shown_right: bool,
}

/// What stands before and after the evidence in a form's file.
const PLACES: [(Form, &str, &str); 3] = [
    (Form::Html, "<script type=\"application/json\" id=\"evidence\">", "</script>"),
    (Form::Markdown, "<!-- evidence ", " -->"),
    (Form::Junit, "<property name=\"evidence\" value=\"", "\"/>"),
];

/// Reads the evidence of a report and checks its digest.
///
/// # Errors
///
/// Where there is no evidence (exit status 2), and where the digest is not that of the evidence (1).
pub fn verify(text: &str) -> Result<Verified> {
    let (value, form) = find(text)?;
    let said = value["digest"].as_str().unwrap_or("").to_owned();
    let real = evidence::digest_of(&value);
    if said != real {
        return Err(Error::new(tr!(report_changed))
            .why(tr!(report_digests { said, real }))
            .code(ExitCode::Failed));
    }
    let report = Handed::read(value)
        .map_err(|e| Error::new(tr!(report_not_understood)).why(e).hint(tr!(report_use_its_version)))?;
    if !report.adds_up() {
        return Err(Error::new(tr!(report_does_not_add_up)).code(ExitCode::Failed));
    }
    let shown_right = report.render(form) == text;
    Ok(Verified { report, shown_right })
}

fn find(text: &str) -> Result<(Value, Form)> {
    let bad = |e: serde_json::Error| Error::new(tr!(report_damaged)).why(e);
    if text.trim_start().starts_with('{') {
        return Ok((serde_json::from_str(text).map_err(bad)?, Form::Json));
    }
    for (form, before, after) in PLACES {
        let Some((_, rest)) = text.split_once(before) else { continue };
        let Some((found, _)) = rest.split_once(after) else { continue };
        // XML has the quotes of JSON escaped; nothing else in it needs to be.
        let found = found.replace("&quot;", "\"");
        return Ok((serde_json::from_str(&found).map_err(bad)?, form));
    }
    Err(Error::new(tr!(report_without_evidence)).hint(tr!(report_forms_with_evidence)))
}
