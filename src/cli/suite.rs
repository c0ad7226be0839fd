//! `cks-lab lesson test`: proves of each lesson that its checks tell right from wrong.
//!
//! Each case has a lab of its own: the untouched one fails every step; after the solutions every step passes with full
//! points; after each wrong answer the named check finds what the lesson says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::output;
use crate::check::Verdict;
use crate::cluster::ClusterKind;
use crate::error::{Context, Error, ExitCode, Result};
use crate::grade::StepResult;
use crate::lab::{Lab, Options};
use crate::lesson::load::{self, Loaded};
use crate::lesson::schema::Wrong;
use crate::lesson::source::Source;

/// How the suite runs.
pub struct Plan {
    /// How many labs at once; 0 takes as many as there are processors.
    pub jobs: usize,
    /// Nodes without namespaces.
    pub plain_nodes: bool,
}

/// How long a check may take to find what is expected.
const LIMIT: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone)]
enum Case {
    Untouched,
    Solution,
    Wrong(Box<Wrong>),
}

impl Case {
    fn name(&self) -> String {
        match self {
            Self::Untouched => "untouched".into(),
            Self::Solution => "solution".into(),
            Self::Wrong(wrong) => format!("wrong: {}", wrong.id),
        }
    }
}

/// Runs every case and prints a table.
pub async fn run(sources: Vec<Source>, plan: Plan) -> Result<ExitCode> {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let gate = Arc::new(Semaphore::new(if plan.jobs == 0 { processors } else { plan.jobs }));
    let mut running = Vec::new();
    for source in sources {
        let loaded = load::load(&source, "en", None)?;
        let wrong = loaded.spec.wrong.iter().map(|w| Case::Wrong(Box::new(w.clone())));
        for case in [Case::Untouched, Case::Solution].into_iter().chain(wrong) {
            let (gate, source) = (gate.clone(), source.clone());
            let name = (loaded.spec.id.clone(), case.name());
            let task = tokio::spawn(async move {
                let _turn = gate.acquire().await;
                let started = Instant::now();
                let result = run_case(&source, &case, plan.plain_nodes).await;
                (result, started.elapsed())
            });
            running.push((name, task));
        }
    }
    let mut rows = vec![["LESSON", "CASE", "RESULT", "TIME"].map(str::to_owned).to_vec()];
    let mut reasons = String::new();
    let mut failed = 0;
    let count = running.len();
    for ((lesson, case), task) in running {
        let (result, time) = task.await.context_what(|| format!("the case {case} broke off"))?;
        let word = match result {
            Ok(()) => "ok",
            Err(e) => {
                failed += 1;
                reasons += &format!("\n{lesson}, {case}: {e}\n");
                "FAILED"
            }
        };
        rows.push(vec![lesson, case, word.into(), format!("{:.1} s", time.as_secs_f64())]);
    }
    output::out(&output::table(&rows));
    output::out(&reasons);
    output::out(&format!("{} passed, {failed} failed\n", count - failed));
    Ok(if failed == 0 { ExitCode::Ok } else { ExitCode::Failed })
}

async fn run_case(source: &Source, case: &Case, plain_nodes: bool) -> Result<()> {
    let home = tempfile::tempdir().context_what(|| "a directory for the lab cannot be made".into())?;
    let lessons = match source {
        Source::Directory(dir) => Some(dir.clone()),
        Source::Embedded(_) => None,
    };
    let options = Options {
        lesson: Some(load::spec(source, None)?.0.id),
        cluster: ClusterKind::Sandbox,
        kubernetes: None,
        lang: None,
        name: "test".into(),
        fresh: true,
        realistic_timing: false,
        plain_nodes,
        port: 0,
        home: home.path().to_owned(),
        lessons,
    };
    let lab = Lab::open(options, |_| ()).await?;
    let result = judge(&lab, case).await;
    lab.close().await;
    result
}

/// Holds a case against a fresh lab.
async fn judge(lab: &Arc<Lab>, case: &Case) -> Result<()> {
    match case {
        Case::Untouched => untouched(lab).await,
        Case::Solution => solution(lab).await,
        Case::Wrong(wrong) => wrong_answer(lab, wrong).await,
    }
}

async fn untouched(lab: &Arc<Lab>) -> Result<()> {
    for (index, step) in lab.loaded().spec.steps.iter().enumerate() {
        let result = lab.look(index).await;
        let unknown = result.checks.iter().any(|c| c.verdict == Verdict::Error);
        if result.passed || unknown || result.score > 0 {
            return Err(told(&format!("{} should fail without points", step.id), &result));
        }
    }
    Ok(())
}

async fn solution(lab: &Arc<Lab>) -> Result<()> {
    let steps = lab.loaded().spec.steps.len();
    solve_up_to(lab, steps).await?;
    let result = lab.check(None).await?;
    match result.steps.iter().find(|s| !s.passed || s.score != s.max) {
        Some(step) => Err(told("the steps solved first do not pass any more at the end", step)),
        None => Ok(()),
    }
}

async fn solve_up_to(lab: &Arc<Lab>, end: usize) -> Result<()> {
    for (index, step) in lab.loaded().spec.steps.iter().enumerate().take(end) {
        lab.solve(&step.id).await?;
        let solved = |r: &StepResult| r.passed && r.score == r.max;
        until(lab, index, &format!("the solution of {} should pass with full points", step.id), solved)
            .await?;
    }
    Ok(())
}

async fn wrong_answer(lab: &Arc<Lab>, wrong: &Wrong) -> Result<()> {
    let loaded: &Loaded = lab.loaded();
    let index = loaded.step_index(&wrong.step)?;
    solve_up_to(lab, index).await?;
    lab.run_scripts(&wrong.scripts).await?;
    let matches = |result: &StepResult| {
        let found = result.checks.iter().find(|c| c.id == wrong.check);
        found.is_some_and(|check| {
            check.verdict == wrong.verdict
                && (check.observed.contains(&wrong.message) || check.hint.contains(&wrong.message))
        }) && wrong.score.is_none_or(|score| score == result.score)
            && (wrong.verdict == Verdict::Pass || !result.passed)
    };
    let score = wrong.score.map_or_else(String::new, |s| format!(" and {s} points"));
    let what = format!("{} should be {:?} with {:?}{score}", wrong.check, wrong.verdict, wrong.message);
    until(lab, index, &what, matches).await
}

/// Grades until it is as expected; a restarting API server takes a moment to show what it is.
async fn until(
    lab: &Arc<Lab>,
    index: usize,
    what: &str,
    expected: impl Fn(&StepResult) -> bool,
) -> Result<()> {
    let end = Instant::now() + LIMIT;
    loop {
        let result = lab.look(index).await;
        if expected(&result) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(told(what, &result));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn told(what: &str, result: &StepResult) -> Error {
    Error::new(format!("{what}, but:\n{}", output::step_result(result, false)))
}
