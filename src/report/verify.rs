//! Holds a report that was handed in against itself: the evidence in it against its digest, and what it shows against
//! the evidence.

use serde_json::Value;

use super::{Report, evidence, html, json, junit, markdown};
use crate::error::{Error, ExitCode, Result};

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Verified {
    /// The report as its evidence has it.
    pub report: Report,
    /// Whether the file shows, byte by byte, what this program makes of the evidence.
    pub shown_right: bool,
}

/// A form with the evidence in it: what stands before and after it, and how the form is made.
struct Form {
    before: &'static str,
    after: &'static str,
    render: fn(&Report) -> String,
}

const FORMS: [Form; 3] = [
    Form {
        before: "<script type=\"application/json\" id=\"evidence\">",
        after: "</script>",
        render: html::render,
    },
    Form { before: "<!-- evidence ", after: " -->", render: markdown::render },
    Form { before: "<property name=\"evidence\" value=\"", after: "\"/>", render: junit::render },
];

/// Reads the evidence of a report and checks its digest.
///
/// # Errors
///
/// Where there is no evidence (exit status 2), and where the digest is not that of the evidence (1).
pub fn verify(text: &str) -> Result<Verified> {
    let (value, render) = find(text)?;
    let said = value["digest"].as_str().unwrap_or("");
    let real = evidence::digest_of(&value);
    if said != real {
        return Err(Error::new("the report was changed: its digest is not that of its evidence")
            .why(format!("it says {said}, and the evidence gives {real}"))
            .code(ExitCode::Failed));
    }
    let report: Report = serde_json::from_value(value).map_err(|e| {
        Error::new("the evidence is not a report that this program understands")
            .why(e)
            .hint("use the version of cks-lab that made it")
    })?;
    // The arithmetic is part of what is claimed.
    let score: u32 = report.steps.iter().map(|s| s.score).sum();
    let points = |s: &super::StepReport| {
        s.checks.is_empty() || s.checks.iter().map(|c| c.points).sum::<u32>() == s.score
    };
    if score != report.score || !report.steps.iter().all(points) {
        return Err(Error::new("the report's points do not add up").code(ExitCode::Failed));
    }
    let shown_right = render(&report) == text;
    Ok(Verified { report, shown_right })
}

type Render = fn(&Report) -> String;

fn find(text: &str) -> Result<(Value, Render)> {
    let bad = |e: serde_json::Error| Error::new("the evidence in the report is damaged").why(e);
    if text.trim_start().starts_with('{') {
        return Ok((serde_json::from_str(text).map_err(bad)?, json::render));
    }
    for form in &FORMS {
        let Some((_, rest)) = text.split_once(form.before) else { continue };
        let Some((found, _)) = rest.split_once(form.after) else { continue };
        // XML has the quotes of JSON escaped; nothing else in it needs to be.
        let found = found.replace("&quot;", "\"");
        return Ok((serde_json::from_str(&found).map_err(bad)?, form.render));
    }
    Err(Error::new("the report carries no evidence")
        .hint("ask for html, json, markdown or junit: cks-lab report --format html -o FILE"))
}
