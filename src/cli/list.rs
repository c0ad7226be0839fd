//! `cks-lab list [LESSON] [--json]`: the lessons and exams with the learner's scores, or the attempts at one lesson.

use clap::Args;
use serde_json::json;

use super::{Global, output};
use crate::error::{ExitCode, Result};
use crate::exam::session::ExamFile;
use crate::exam::{self, Paper};
use crate::lesson::{domain, load};
use crate::progress::{self, LessonProgress, Progress};
use crate::report;
use crate::text::{self, tr};

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(help = tr!(help_list_lesson))]
    lesson: Option<String>,
    #[arg(long, help = tr!(help_json))]
    json: bool,
}

/// The columns of lessons that a narrow terminal goes without, the first to go first: domain, hints, time, title, tries, best.
const DISPENSABLE: [usize; 6] = [2, 9, 8, 1, 7, 6];

/// Lists them.
pub fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let (progress, notice) = progress::read::<Progress>(&global.dir()?.progress_file())?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    if let Some(id) = &arguments.lesson {
        global.catalog()?.source(id)?;
        return attempts_at(&progress.lessons.get(id).cloned().unwrap_or_default(), arguments.json);
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
            domain::shown(&spec.domain, text::language()),
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
        output::out(&output::table(&output::fitted(rows, output::columns(), &DISPENSABLE)));
        output::out(&exams(global)?);
    }
    Ok(ExitCode::Ok)
}

/// The exams with how the last sitting of each went.
fn exams(global: &Global) -> Result<String> {
    let lessons = global.lessons_dir()?;
    let (file, notice) = ExamFile::read(&super::home()?, &global.name)?;
    if let Some(notice) = notice {
        output::talk(&notice);
    }
    let sittings: Vec<_> = file.history.iter().chain(&file.sitting).collect();
    let catalog = global.catalog()?;
    let head = [
        tr!(list_exam),
        tr!(list_title),
        tr!(list_minutes),
        tr!(list_lessons),
        tr!(list_tries),
        tr!(list_last),
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let named: Vec<&str> = file.sitting.iter().map(|s| s.exam.as_str()).collect();
    let mut specs = exam::listed(lessons.as_deref())?;
    // A lesson that was an exam by itself.
    for id in named {
        if !specs.iter().any(|spec| spec.id == id) && catalog.source(id).is_ok() {
            specs.push(exam::spec_of(id, &catalog, lessons.as_deref())?);
        }
    }
    for spec in specs {
        let mine: Vec<_> = sittings.iter().filter(|s| s.exam == spec.id).collect();
        let last = match mine.last() {
            None => "-".to_owned(),
            Some(sitting) if !sitting.is_graded() => tr!(list_under_way).to_owned(),
            Some(sitting) => {
                let outcome = sitting.outcome(&Paper::new(&spec, &catalog, &sitting.lang)?);
                let word = if outcome.passed { tr!(report_passed) } else { tr!(report_not_passed) };
                format!("{} %, {word}", outcome.percent)
            }
        };
        rows.push(vec![
            spec.id.clone(),
            spec.title.get(global.lang()).to_owned(),
            spec.minutes.to_string(),
            spec.lessons.len().to_string(),
            mine.len().to_string(),
            last,
        ]);
    }
    Ok(format!("\n{}", output::table(&rows)))
}

/// The attempts at one lesson, the oldest first.
fn attempts_at(mine: &LessonProgress, json: bool) -> Result<ExitCode> {
    let attempts = mine.attempts();
    if json {
        output::out(&format!("{}\n", json!(attempts)));
        return Ok(ExitCode::Ok);
    }
    let head = [
        tr!(list_number),
        tr!(list_started),
        tr!(list_score),
        tr!(list_time),
        tr!(list_gradings),
        tr!(list_hints),
        tr!(list_solutions),
        tr!(list_cluster),
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (number, a) in attempts.iter().enumerate() {
        rows.push(vec![
            (number + 1).to_string(),
            if a.started.is_empty() { tr!(report_unknown).to_owned() } else { a.started.clone() },
            format!("{}/{}", a.score, a.max),
            report::time(text::language(), a.seconds),
            a.gradings.to_string(),
            a.hints.to_string(),
            a.solutions.to_string(),
            format!("{} {}", a.cluster, a.kubernetes),
        ]);
    }
    output::out(&output::table(&rows));
    Ok(ExitCode::Ok)
}
