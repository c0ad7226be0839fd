//! What several forms of a report say alike.

use super::{Report, StepReport};
use crate::check::Verdict;
use crate::grade::CheckResult;
use crate::text::{Language, tr};

/// `20 of 21 points, 95 %`
pub fn points(report: &Report) -> String {
    let Report { score, max, percent, .. } = report;
    tr!(report.language(), report_points { score, max, percent })
}

/// Whether the pass mark is reached.
pub fn reached(report: &Report) -> String {
    let (lang, mark) = (report.language(), report.pass_mark);
    if report.reached { tr!(lang, report_reached { mark }) } else { tr!(lang, report_not_reached { mark }) }
}

/// How often a step was graded, and with how many hints.
pub fn graded(lang: Language, step: &StepReport) -> String {
    tr!(lang, report_graded { times: step.attempts, hints: step.hints.0, all: step.hints.1 })
}

/// The word for a verdict.
pub fn verdict(lang: Language, check: &CheckResult) -> &'static str {
    match check.verdict {
        _ if check.skipped => tr!(lang, report_skipped),
        Verdict::Pass => tr!(lang, report_ok),
        Verdict::Fail => tr!(lang, report_fail),
        Verdict::Error => tr!(lang, report_error),
    }
}

/// What was expected and seen, and where to look, each with its name.
pub fn details(lang: Language, check: &CheckResult) -> [(&'static str, &str); 3] {
    [
        (tr!(lang, report_expected), &check.expected),
        (tr!(lang, report_observed), &check.observed),
        (tr!(lang, report_hint), &check.hint),
    ]
}
