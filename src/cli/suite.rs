//! `cks-lab lesson test`: proves of each lesson that its checks tell right from wrong.
//!
//! One lab for each lesson, kind of cluster and release goes through the lesson as a learner does. Untouched, every step fails
//! without points. Then, step by step: each wrong answer is given, the check that it names tells so, and the step is started
//! over; at last the solution passes with full points. At the end every step still passes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::{live, output};
use crate::check::Verdict;
use crate::cluster::ClusterKind;
use crate::error::{Context, Error, ExitCode, Result};
use crate::grade::StepResult;
use crate::lab::{Lab, Options};
use crate::lesson::load;
use crate::lesson::schema::{Spec, Wrong};
use crate::lesson::source::Source;
use crate::text::tr;

/// How the suite runs.
pub struct Plan {
    /// The kinds of cluster with the releases to test on each; `None` where the cluster has its own.
    pub clusters: Vec<(ClusterKind, Option<String>)>,
    /// Where the real programs of a local cluster are; else they are looked for.
    pub binaries: Option<PathBuf>,
    /// How many labs at once; 0 takes as many as there are processors. On a live cluster there is one at a time.
    pub jobs: usize,
    /// Nodes without namespaces.
    pub plain_nodes: bool,
    /// What the command line says of a live cluster.
    pub live: crate::cluster::live::Options,
}

/// How long a check may take to find what is expected.
const LIMIT: Duration = Duration::from_secs(120);
/// How long to wait before looking again, at first and at most.
const AGAIN: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(400)];

/// What a case gave.
struct Outcome {
    case: String,
    result: Result<()>,
    time: Duration,
}

/// Wrong answers of a step that do the same and look at different checks.
fn groups(spec: &Spec, step: &str) -> Vec<Vec<Wrong>> {
    let mut groups: Vec<Vec<Wrong>> = Vec::new();
    for answer in spec.wrong.iter().filter(|w| w.step == step) {
        match groups.iter_mut().find(|g| g[0].scripts == answer.scripts) {
            Some(group) => group.push(answer.clone()),
            None => groups.push(vec![answer.clone()]),
        }
    }
    groups
}

/// Runs every case and prints a table.
pub async fn run(sources: Vec<Source>, plan: Plan) -> Result<ExitCode> {
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let gate = Arc::new(Semaphore::new(if plan.jobs == 0 { processors } else { plan.jobs }));
    let one = Arc::new(Semaphore::new(1));
    let plan = Arc::new(plan);
    let mut running = Vec::new();
    for source in sources {
        let lesson = load::load(&source, "en", None)?.spec.id.clone();
        for (cluster, release) in plan.clusters.clone() {
            let gate = if cluster == ClusterKind::Live { one.clone() } else { gate.clone() };
            let (source, plan, kubernetes) = (source.clone(), plan.clone(), release.clone());
            let task = tokio::spawn(async move {
                let _turn = gate.acquire().await;
                test(&source, cluster, kubernetes, &plan).await
            });
            let on = [Some(cluster.as_str().to_owned()), release].into_iter().flatten().collect::<Vec<_>>();
            running.push((lesson.clone(), on.join(" "), task));
        }
    }
    let head = [tr!(list_lesson), tr!(list_cluster), tr!(suite_case), tr!(suite_result), tr!(list_time)];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut reasons = String::new();
    let (mut count, mut failed) = (0, 0);
    for (lesson, on, task) in running {
        for Outcome { case, result, time } in task.await.context_what(|| tr!(suite_broke_off { lesson }))? {
            count += 1;
            let word = match result {
                Ok(()) => tr!(report_ok),
                Err(e) => {
                    failed += 1;
                    reasons += &format!("\n{lesson}, {on}, {case}: {e}\n");
                    tr!(suite_failed)
                }
            };
            let time = format!("{:.1} s", time.as_secs_f64());
            rows.push(vec![lesson.clone(), on.clone(), case, word.into(), time]);
        }
    }
    output::out(&output::table(&rows));
    output::out(&reasons);
    output::out(&format!("{}\n", tr!(suite_summary { passed: count - failed, failed })));
    Ok(if failed == 0 { ExitCode::Ok } else { ExitCode::Failed })
}

/// Goes through a lesson.
async fn test(
    source: &Source,
    cluster: ClusterKind,
    kubernetes: Option<String>,
    plan: &Plan,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let begun = Instant::now();
    let opened = async {
        let home = tempfile::tempdir().context_what(|| tr!(suite_no_directory).into())?;
        // What was changed on somebody's cluster must be found again, whatever becomes of this process.
        let place = match cluster {
            ClusterKind::Live => crate::state_dir::home()?,
            _ => home.path().to_owned(),
        };
        let (lab, options) = open(source, cluster, &place, kubernetes, plan).await?;
        Ok((lab, options, home))
    };
    let (lab, options, _home) = match opened.await {
        Ok(opened) => opened,
        Err(e) => {
            let case = tr!(suite_comes_up).to_owned();
            return vec![Outcome { case, result: Err(e), time: begun.elapsed() }];
        }
    };
    let mut note = |case: String, result: Result<()>, begun: Instant| {
        let failed = result.is_err();
        outcomes.push(Outcome { case, result, time: begun.elapsed() });
        failed
    };
    note(tr!(suite_untouched).into(), untouched(&lab).await, begun);
    let spec = lab.loaded().spec.clone();
    let mut stuck = false;
    for (index, step) in spec.steps.iter().enumerate() {
        let begun = Instant::now();
        let ready = begin(&lab, index).await;
        if ready.is_err() || index > 0 && !step.setup.is_empty() {
            stuck = note(tr!(suite_as_it_begins { id: step.id }), ready, begun);
        }
        if stuck {
            break;
        }
        for group in groups(&spec, &step.id) {
            let begun = Instant::now();
            match lab.run_scripts(&group[0].scripts).await {
                Ok(_) => {
                    for wrong in &group {
                        let begun = Instant::now();
                        note(
                            tr!(suite_wrong { id: wrong.id }),
                            wrong_answer(&lab, index, wrong).await,
                            begun,
                        );
                    }
                }
                Err(e) => {
                    note(tr!(suite_wrong { id: group[0].id }), Err(e), begun);
                }
            }
            let begun = Instant::now();
            if let Err(e) = lab.reset(Some(&step.id)).await {
                stuck = note(tr!(suite_started_over { id: step.id }), Err(e), begun);
            }
        }
        let begun = Instant::now();
        if stuck || note(tr!(suite_solution { id: step.id }), solve(&lab, index).await, begun) {
            stuck = true;
            break;
        }
    }
    if !stuck {
        let begun = Instant::now();
        note(tr!(suite_at_the_end).into(), at_the_end(&lab).await, begun);
    }
    let begun = Instant::now();
    lab.close().await;
    drop(lab);
    if let Err(e) = live::finish(&options, false).await {
        outcomes.push(Outcome { case: tr!(suite_undo).into(), result: Err(e), time: begun.elapsed() });
    }
    outcomes
}

async fn open(
    source: &Source,
    cluster: ClusterKind,
    home: &std::path::Path,
    kubernetes: Option<String>,
    plan: &Plan,
) -> Result<(Arc<Lab>, Options)> {
    let lessons = match source {
        Source::Directory(dir) => Some(dir.clone()),
        Source::Embedded(_) => None,
    };
    let mut options = Options {
        lesson: Some(load::spec(source, None)?.0.id),
        cluster,
        binaries: plan.binaries.clone(),
        kubernetes,
        lang: None,
        name: "lesson-test".into(),
        fresh: true,
        realistic_timing: false,
        plain_nodes: plan.plain_nodes,
        port: 0,
        live: plan.live.clone(),
        home: home.to_owned(),
        lessons,
    };
    if !live::agree(&mut options).await? {
        return Err(Error::new(tr!(suite_nobody_agreed)));
    }
    let opened = Lab::open(options.clone(), |_| ()).await;
    match opened {
        Ok(lab) => Ok((lab, options)),
        Err(e) => {
            live::finish(&options, false).await?;
            Err(live::stays(&options, e))
        }
    }
}

/// Without points, and told for sure.
fn is_unsolved(result: &StepResult) -> Result<()> {
    let unknown = result.checks.iter().any(|c| c.verdict == Verdict::Error);
    if result.passed || unknown || result.score > 0 {
        return Err(told(&tr!(suite_should_fail { id: result.id }), result));
    }
    Ok(())
}

async fn untouched(lab: &Arc<Lab>) -> Result<()> {
    let steps = &lab.loaded().spec.steps;
    for (index, _) in steps.iter().enumerate().filter(|(_, s)| !s.checks.is_empty()) {
        is_unsolved(&lab.look(index).await)?;
    }
    Ok(())
}

/// Gets to a step, whose own setup runs; it must not be solved by that.
async fn begin(lab: &Arc<Lab>, index: usize) -> Result<()> {
    lab.begin_step(index).await?;
    lab.go_to(index)?;
    let step = &lab.loaded().spec.steps[index];
    match step.setup.is_empty() || step.checks.is_empty() {
        true => Ok(()),
        false => is_unsolved(&lab.look(index).await),
    }
}

async fn solve(lab: &Arc<Lab>, index: usize) -> Result<()> {
    let step = &lab.loaded().spec.steps[index];
    lab.solve(&step.id).await?;
    let solved = |r: &StepResult| r.passed && r.score == r.max;
    until(lab, index, &tr!(suite_should_pass { id: step.id }), solved).await
}

async fn at_the_end(lab: &Arc<Lab>) -> Result<()> {
    let result = lab.check(None).await?;
    match result.steps.iter().find(|s| !s.passed || s.score != s.max) {
        Some(step) => Err(told(tr!(suite_not_any_more), step)),
        None => Ok(()),
    }
}

async fn wrong_answer(lab: &Arc<Lab>, index: usize, wrong: &Wrong) -> Result<()> {
    let matches = |result: &StepResult| {
        let found = result.checks.iter().find(|c| c.id == wrong.check);
        // What a cluster cannot show is not graded there, so it cannot be told wrong either.
        if found.is_some_and(|check| check.skipped) {
            return true;
        }
        found.is_some_and(|check| {
            check.verdict == wrong.verdict
                && (check.observed.contains(&wrong.message) || check.hint.contains(&wrong.message))
        }) && wrong.score.is_none_or(|score| score == result.score)
            && (wrong.verdict == Verdict::Pass || !result.passed)
    };
    let (check, verdict, message) = (&wrong.check, format!("{:?}", wrong.verdict), &wrong.message);
    let what = match wrong.score {
        None => tr!(suite_should_be { check, verdict, message }),
        Some(score) => tr!(suite_should_be_with_points { check, verdict, message, score }),
    };
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
    let mut again = AGAIN[0];
    loop {
        let result = lab.look(index).await;
        if expected(&result) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(told(what, &result));
        }
        tokio::time::sleep(again).await;
        again = (again * 3 / 2).min(AGAIN[1]);
    }
}

fn told(what: &str, result: &StepResult) -> Error {
    Error::new(tr!(suite_but { what, result: output::step_result(result, false) }))
}
