//! `cks-lab list [--json]`: the lessons, their domains, the learner's scores.

use clap::Args;
use serde_json::json;

use super::{Global, output};
use crate::error::{ExitCode, Result};
use crate::lesson::load;
use crate::progress::{self, Progress};
use crate::report;
use crate::text::{self, tr};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(long, help = tr!(help_json))]
    json: bool,
}

/// Lists them.
pub fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let (progress, notice) = progress::read::<Progress>(&global.dir()?.progress_file())?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    let mut rows = vec![
        [
            tr!(list_lesson),
            tr!(list_title),
            tr!(list_domain),
            tr!(list_minutes),
            tr!(list_steps),
            tr!(list_score),
            tr!(list_best),
            tr!(list_tries),
            tr!(list_time),
            tr!(list_hints),
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let mut lessons = Vec::new();
    for (id, source) in global.catalog()?.entries() {
        let (spec, _) = load::spec(source, None)?;
        let mine = progress.lessons.get(id).cloned().unwrap_or_default();
        let results = spec.steps.iter().map(|s| mine.steps.get(&s.id).and_then(|p| p.result.as_ref()));
        let passed = results.clone().flatten().filter(|r| r.passed).count();
        let score: u32 = results.flatten().map(|r| r.score).sum();
        let max: u32 = spec.steps.iter().flat_map(|s| &s.checks).map(|c| c.points).sum();
        let title = spec.title.get(global.lang());
        let attempts = mine.attempts();
        let best = attempts.iter().max_by_key(|a| (a.score * 1000).checked_div(a.max).unwrap_or(0));
        let hints: usize = mine.steps.values().map(|s| s.hints).sum();
        rows.push(vec![
            id.clone(),
            title.to_owned(),
            spec.domain.clone(),
            spec.minutes.to_string(),
            format!("{passed}/{}", spec.steps.len()),
            format!("{score}/{max}"),
            best.map_or_else(|| "-".into(), |a| format!("{}/{}", a.score, a.max)),
            attempts.len().to_string(),
            if mine.seconds == 0 { "-".into() } else { report::time(text::language(), mine.seconds) },
            hints.to_string(),
        ]);
        lessons.push(json!({
            "id": id, "title": title, "domain": spec.domain, "minutes": spec.minutes, "score": score, "max": max,
            "seconds": mine.seconds, "hints": hints, "best": best.map_or(0, |a| a.score), "attempts": attempts,
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
