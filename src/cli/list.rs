//! `cks-lab list [--json]`: the lessons, their domains, the learner's scores.

use clap::Args;
use serde_json::json;

use super::{Global, output};
use crate::error::{ExitCode, Result};
use crate::lesson::load;
use crate::progress::{self, Progress};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
}

/// Lists them.
pub fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let (progress, notice) = progress::read::<Progress>(&global.dir()?.progress_file())?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    let mut rows =
        vec![["LESSON", "TITLE", "DOMAIN", "MINUTES", "STEPS", "SCORE"].map(str::to_owned).to_vec()];
    let mut lessons = Vec::new();
    for (id, source) in global.catalog()?.entries() {
        let (spec, _) = load::spec(source, None)?;
        let mine = progress.lessons.get(id).cloned().unwrap_or_default();
        let results = spec.steps.iter().map(|s| mine.steps.get(&s.id).and_then(|p| p.result.as_ref()));
        let passed = results.clone().flatten().filter(|r| r.passed).count();
        let score: u32 = results.flatten().map(|r| r.score).sum();
        let max: u32 = spec.steps.iter().flat_map(|s| &s.checks).map(|c| c.points).sum();
        let title = spec.title.get("en");
        rows.push(vec![
            id.clone(),
            title.to_owned(),
            spec.domain.clone(),
            spec.minutes.to_string(),
            format!("{passed}/{}", spec.steps.len()),
            format!("{score}/{max}"),
        ]);
        lessons.push(json!({
            "id": id, "title": title, "domain": spec.domain, "minutes": spec.minutes, "score": score, "max": max,
            "passed_steps": passed, "steps": spec.steps.iter().map(|s| &s.id).collect::<Vec<_>>(),
        }));
    }
    if arguments.json {
        output::out(&format!("{}\n", json!(lessons)));
    } else {
        output::out(&output::table(&rows));
    }
    Ok(ExitCode::Ok)
}
