//! Checks: what a step asks for, held against the live cluster.
//!
//! A check sees a kube client, the nodes and the audit record, never which kind of cluster it is. Each kind looks and
//! gives [`Found`]: a verdict, what was seen, and facts by name. A failure is then explained by the first finding of
//! the check, or cause of the lesson, whose condition holds over those facts and the [`survey`] of the API server.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::cluster::Cluster;
use crate::error::Result;
use crate::grade::{CheckResult, StepResult};
use crate::lesson::schema::{CheckSpec, Finding, Spec, StepSpec, Unreachable};
use crate::text::{Language, tr};

pub mod access;
pub mod api;
pub mod audit;
pub mod can;
pub mod command;
pub mod expr;
pub mod file;
#[cfg(test)]
#[allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub mod fixture;
pub mod http;
pub mod log;
pub mod manifest;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod server_tests;
pub mod survey;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use expr::{Scope, Template};

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as asked.
    Pass,
    /// It is not.
    Fail,
    /// It could not be told: neither pass nor fail.
    Error,
}

/// Facts by name, for expressions.
pub type Facts = Map<String, Value>;

/// What one look gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen, in words.
    pub observed: String,
    /// What was seen, for the conditions of findings.
    pub facts: Facts,
    /// Whether the API server did not answer.
    pub unreachable: bool,
    /// Whether the cluster lacks what the check looks at, so that it counts for nothing.
    pub skipped: bool,
}

impl Found {
    /// A look that gave `verdict`.
    pub fn new(verdict: Verdict, observed: impl Into<String>) -> Self {
        Self { verdict, observed: observed.into(), facts: Facts::new(), unreachable: false, skipped: false }
    }

    /// The cluster lacks what it takes: not graded.
    pub fn skipped(observed: impl Into<String>) -> Self {
        Self { skipped: true, ..Self::new(Verdict::Pass, observed) }
    }

    /// A pass or a fail.
    pub fn decided(passed: bool, observed: impl Into<String>, facts: Facts) -> Self {
        let verdict = if passed { Verdict::Pass } else { Verdict::Fail };
        Self { facts, ..Self::new(verdict, observed) }
    }

    /// The API server did not answer.
    pub fn unreachable(why: impl std::fmt::Display) -> Self {
        let observed = tr!(check_server_does_not_answer { why: why.to_string() });
        Self { unreachable: true, ..Self::new(Verdict::Error, observed) }
    }

    /// The outcome of an expression over `facts`.
    pub fn by_expr(expr: &expr::Expr, facts: Facts, observed: impl Into<String>) -> Self {
        match expr.holds(&Scope::new(&facts)) {
            Ok(passed) => Self::decided(passed, observed, facts),
            Err(e) => Self::new(Verdict::Error, tr!(check_itself_wrong { e })),
        }
    }
}

/// What files were like when the lesson began.
pub trait Originals: Send + Sync {
    /// The file's content then; `None` where it is not known.
    fn original(&self, node: &str, path: &str) -> Option<Vec<u8>>;

    /// The file's content before the lesson's own setup changed it; `None` where it is not known.
    fn before(&self, node: &str, path: &str) -> Option<Vec<u8>> {
        self.original(node, path)
    }
}

/// What checks stand on.
pub struct Ground<'a> {
    /// The cluster.
    pub cluster: &'a dyn Cluster,
    /// What files were like when the lesson began.
    pub originals: &'a dyn Originals,
    /// The audit entries after this one count.
    pub since: u64,
    /// The learner's language.
    pub lang: &'a str,
}

impl Ground<'_> {
    /// The language of what checks say.
    pub fn language(&self) -> Language {
        Language::or_english(self.lang)
    }
}

/// Grades one step.
pub async fn run_step(spec: &Spec, step: &StepSpec, ground: &Ground<'_>) -> StepResult {
    if step.checks.is_empty() {
        // A step that is only read.
        let read = crate::grade::step(&step.id, step.title.get(ground.lang), Vec::new());
        return StepResult { passed: true, ..read };
    }
    let survey = survey::Survey::default();
    let mut results: Vec<CheckResult> = Vec::with_capacity(step.checks.len());
    for check in &step.checks {
        // What cannot be graded here is said at once: a step's points must not depend on how far one is.
        let graded = !(check.two_nodes && has_one_node(&ground.cluster.facts()))
            && (check.audit.is_none() || ground.cluster.audit().is_some());
        let missing = |id: &String| results.iter().find(|r| r.id == *id && r.verdict != Verdict::Pass);
        let waits = check.requires.iter().find_map(missing).filter(|_| graded);
        let result = match waits {
            Some(first) => {
                let observed = tr!(ground.language(), check_needs_first { title: first.title });
                let verdict = first.verdict;
                // Where to look is said of the first alone.
                let waiting = finish(check, ground, Found::new(verdict, observed), None);
                CheckResult { hint: String::new(), ..waiting }
            }
            None => run_check(spec, check, ground, &survey).await,
        };
        results.push(result);
    }
    crate::grade::step(&step.id, step.title.get(ground.lang), results)
}

/// The result of a step that is made ready only when the learner gets there.
pub fn not_begun(step: &StepSpec, ground: &Ground<'_>) -> StepResult {
    let said = tr!(ground.language(), check_not_begun);
    let results = step.checks.iter().map(|check| {
        let result = finish(check, ground, Found::new(Verdict::Fail, said), None);
        CheckResult { hint: String::new(), ..result }
    });
    crate::grade::step(&step.id, step.title.get(ground.lang), results.collect())
}

async fn look(check: &CheckSpec, ground: &Ground<'_>, survey: &survey::Survey) -> Result<Found> {
    if let Some(spec) = &check.api {
        api::look(spec, ground).await
    } else if let Some(spec) = &check.access {
        access::look(spec, ground).await
    } else if let Some(spec) = &check.file {
        file::look(spec, ground).await
    } else if let Some(spec) = &check.command {
        command::look(spec, ground).await
    } else if let Some(spec) = &check.log {
        log::look(spec, ground).await
    } else if let Some(spec) = &check.audit {
        Ok(audit::look(spec, ground).await)
    } else if let Some(spec) = &check.can {
        can::look(spec, ground).await
    } else if let Some(spec) = &check.manifests {
        let facts = survey.facts(ground.cluster).await.clone();
        Ok(Found::by_expr(&spec.expr, facts, tr!(ground.language(), check_manifests_not_as_asked)))
    } else {
        Ok(Found::new(Verdict::Error, tr!(ground.language(), check_asks_nothing)))
    }
}

async fn run_check(
    spec: &Spec,
    check: &CheckSpec,
    ground: &Ground<'_>,
    survey: &survey::Survey,
) -> CheckResult {
    let looked = match check.two_nodes && has_one_node(&ground.cluster.facts()) {
        true => Ok(Found::skipped(tr!(ground.language(), check_takes_two_nodes))),
        false => look(check, ground, survey).await,
    };
    let mut found = match looked {
        Ok(found) => found,
        Err(e) => Found::new(Verdict::Error, e.to_string()),
    };
    if found.unreachable && check.unreachable == Unreachable::Fail {
        found.verdict = Verdict::Fail;
    }
    let explain = found.verdict == Verdict::Fail || found.unreachable;
    let cause = if explain {
        for (name, value) in survey.facts(ground.cluster).await {
            found.facts.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let scope = Scope::new(&found.facts);
        let causes = if check.causes || found.unreachable { spec.causes.as_slice() } else { &[] };
        let cause: Option<&Finding> =
            check.findings.iter().chain(causes).find(|f| f.condition.holds(&scope).unwrap_or(false));
        cause.map(|finding| {
            let fill = |text| Template::new(text).fill(&scope);
            (fill(finding.observed.get(ground.lang)), fill(finding.hint.get(ground.lang)))
        })
    } else {
        None
    };
    finish(check, ground, found, cause)
}

/// Whether the lesson's nodes are one machine under several names.
fn has_one_node(facts: &crate::cluster::Facts) -> bool {
    facts.nodes.len() > 1 && facts.nodes.iter().all(|(_, real)| *real == facts.nodes[0].1)
}

fn finish(
    check: &CheckSpec,
    ground: &Ground<'_>,
    found: Found,
    cause: Option<(String, String)>,
) -> CheckResult {
    let scope = Scope::new(&found.facts);
    let fill = |text: &str| Template::new(text).fill(&scope);
    let max = if found.skipped { 0 } else { check.points };
    let passed = found.verdict == Verdict::Pass;
    // What cannot be said without having looked is not said.
    let expected = Template::new(check.expected.get(ground.lang)).filled(&scope).unwrap_or_default();
    let plain = match &check.observed {
        // A lesson says what is seen where something is missing; where nothing is, what was expected is there.
        Some(_) if passed && !expected.is_empty() => expected.clone(),
        Some(text) if !found.facts.is_empty() && !found.unreachable => fill(text.get(ground.lang)),
        _ => found.observed,
    };
    let (observed, hint) = match cause {
        Some((observed, hint)) if found.unreachable => (format!("{plain}; {observed}"), hint),
        Some((observed, hint)) => (observed, hint),
        None => (plain, String::new()),
    };
    let hint = match (passed, hint.is_empty()) {
        (true, _) => String::new(),
        (false, true) => fill(check.hint.get(ground.lang)),
        (false, false) => hint,
    };
    CheckResult {
        id: check.id.clone(),
        title: check.title.get(ground.lang).to_owned(),
        verdict: found.verdict,
        points: if passed { max } else { 0 },
        max,
        expected,
        observed,
        hint,
        skipped: found.skipped,
    }
}
