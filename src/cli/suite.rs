//! `cks-lab lesson test`: proves of each lesson that its checks tell right from wrong.
//!
//! Each case has a lab of its own: the untouched one fails every step; after the solutions every step passes with full
//! points; after each wrong answer the named check finds what the lesson says.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::output;
use crate::check::Verdict;
use crate::cluster::ClusterKind;
use crate::error::{Context, Error, ExitCode, Result};
use crate::grade::StepResult;
use crate::lab::{Lab, Options};
use crate::lesson::load;
use crate::lesson::schema::{Spec, Wrong};
use crate::lesson::source::Source;
use crate::release::{RELEASES, Release};

/// How the suite runs.
pub struct Plan {
    /// The kind of cluster.
    pub cluster: ClusterKind,
    /// Where the real programs of a local cluster are; else they are looked for.
    pub binaries: Option<PathBuf>,
    /// How many labs at once; 0 takes as many as there are processors.
    pub jobs: usize,
    /// Nodes without namespaces.
    pub plain_nodes: bool,
    /// The releases to test with, e.g. `1.31`; all that are emulated where it is empty.
    pub kubernetes: Vec<String>,
}

/// How long a check may take to find what is expected.
const LIMIT: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone)]
enum Case {
    Untouched,
    Solution,
    /// Wrong answers that do the same and look at different checks: they share a lab.
    Wrong(Vec<Wrong>),
}

impl Case {
    fn names(&self) -> Vec<String> {
        match self {
            Self::Untouched => vec!["untouched".into()],
            Self::Solution => vec!["solution".into()],
            Self::Wrong(all) => all.iter().map(|w| format!("wrong: {}", w.id)).collect(),
        }
    }
}

/// The cases of a lesson.
fn cases(spec: &Spec) -> Vec<Case> {
    let mut wrong: Vec<Vec<Wrong>> = Vec::new();
    for answer in &spec.wrong {
        let same = |group: &&mut Vec<Wrong>| {
            group.iter().all(|w| w.step == answer.step && w.scripts == answer.scripts)
        };
        match wrong.iter_mut().find(same) {
            Some(group) => group.push(answer.clone()),
            None => wrong.push(vec![answer.clone()]),
        }
    }
    [Case::Untouched, Case::Solution].into_iter().chain(wrong.into_iter().map(Case::Wrong)).collect()
}

/// Runs every case and prints a table.
pub async fn run(sources: Vec<Source>, plan: Plan) -> Result<ExitCode> {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let gate = Arc::new(Semaphore::new(if plan.jobs == 0 { processors } else { plan.jobs }));
    let plan = Arc::new(plan);
    let releases = match plan.kubernetes.clone() {
        named if named.is_empty() => RELEASES.iter().map(Release::short).collect(),
        named => named,
    };
    let mut running = Vec::new();
    for source in sources {
        let loaded = load::load(&source, "en", None)?;
        let all = cases(&loaded.spec);
        for (release, case) in releases.iter().flat_map(|release| all.iter().map(move |case| (release, case)))
        {
            let (gate, source, case, plan) = (gate.clone(), source.clone(), case.clone(), plan.clone());
            let (lesson, names, kubernetes) = (loaded.spec.id.clone(), case.names(), release.clone());
            let task = tokio::spawn(async move {
                let _turn = gate.acquire().await;
                let started = Instant::now();
                let results = run_case(&source, &case, kubernetes, &plan).await;
                (results, started.elapsed())
            });
            running.push((lesson, release.clone(), names, task));
        }
    }
    let mut rows = vec![["LESSON", "KUBERNETES", "CASE", "RESULT", "TIME"].map(str::to_owned).to_vec()];
    let mut reasons = String::new();
    let (mut count, mut failed) = (0, 0);
    for (lesson, kubernetes, names, task) in running {
        let (results, time) =
            task.await.context_what(|| format!("the case {} broke off", names.join(", ")))?;
        for (case, result) in names.into_iter().zip(results) {
            count += 1;
            let word = match result {
                Ok(()) => "ok",
                Err(e) => {
                    failed += 1;
                    reasons += &format!("\n{lesson}, {kubernetes}, {case}: {e}\n");
                    "FAILED"
                }
            };
            rows.push(vec![
                lesson.clone(),
                kubernetes.clone(),
                case,
                word.into(),
                format!("{:.1} s", time.as_secs_f64()),
            ]);
        }
    }
    output::out(&output::table(&rows));
    output::out(&reasons);
    output::out(&format!("{} passed, {failed} failed\n", count - failed));
    Ok(if failed == 0 { ExitCode::Ok } else { ExitCode::Failed })
}

/// A result for each name of the case.
async fn run_case(source: &Source, case: &Case, kubernetes: String, plan: &Plan) -> Vec<Result<()>> {
    let count = case.names().len();
    // What keeps a lab from coming up, or from getting to the step, is every answer's failure.
    let all = |e: Error| {
        let text = e.to_string();
        (0..count).map(|_| Err(Error::new(text.clone()))).collect()
    };
    let home = match tempfile::tempdir().context_what(|| "a directory for the lab cannot be made".into()) {
        Ok(home) => home,
        Err(e) => return all(e),
    };
    let lab = match open(source, home.path(), kubernetes, plan).await {
        Ok(lab) => lab,
        Err(e) => return all(e),
    };
    let results = match case {
        Case::Untouched => vec![untouched(&lab).await],
        Case::Solution => vec![solution(&lab).await],
        Case::Wrong(answers) => match give(&lab, &answers[0]).await {
            Ok(index) => {
                let mut results = Vec::new();
                for wrong in answers {
                    results.push(wrong_answer(&lab, index, wrong).await);
                }
                results
            }
            Err(e) => all(e),
        },
    };
    lab.close().await;
    results
}

async fn open(source: &Source, home: &std::path::Path, kubernetes: String, plan: &Plan) -> Result<Arc<Lab>> {
    let lessons = match source {
        Source::Directory(dir) => Some(dir.clone()),
        Source::Embedded(_) => None,
    };
    let options = Options {
        lesson: Some(load::spec(source, None)?.0.id),
        cluster: plan.cluster,
        binaries: plan.binaries.clone(),
        kubernetes: Some(kubernetes),
        lang: None,
        name: "test".into(),
        fresh: true,
        realistic_timing: false,
        plain_nodes: plan.plain_nodes,
        port: 0,
        live: crate::cluster::live::Options::default(),
        home: home.to_owned(),
        lessons,
    };
    Lab::open(options, |_| ()).await
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

/// Solves the steps before, and gives the wrong answer; the index of its step comes back.
async fn give(lab: &Arc<Lab>, wrong: &Wrong) -> Result<usize> {
    let index = lab.loaded().step_index(&wrong.step)?;
    solve_up_to(lab, index).await?;
    lab.run_scripts(&wrong.scripts).await?;
    Ok(index)
}

async fn wrong_answer(lab: &Arc<Lab>, index: usize, wrong: &Wrong) -> Result<()> {
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
