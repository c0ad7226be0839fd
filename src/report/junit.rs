//! The report as JUnit XML, in the form that Jenkins and GitLab read: a test suite a step, a test case a check.
//!
//! A check that failed is a `failure`, one that could not be made an `error`, one that was not graded or that the
//! cluster lacks the means for `skipped`. The evidence is a property of the first suite.

use std::fmt::Write;

use super::{Report, StepReport, evidence};
use super::{markup, words};
use crate::check::Verdict;
use crate::grade::CheckResult;
use crate::text::{Language, tr};

/// Renders it.
pub fn render(report: &Report) -> String {
    let mut suites = String::new();
    let mut all = Counts::default();
    let mut before = 0;
    for (index, step) in report.steps.iter().enumerate() {
        let counts = Counts::of(&step.checks, step.open.len());
        all.add(&counts);
        let until = step.gradings.last().map_or(before, |g| g.seconds.max(before));
        let _ = writeln!(
            suites,
            "  <testsuite id=\"{index}\" package={} name={} {} time=\"{}\" timestamp={} hostname={}>",
            quoted(&report.lesson),
            quoted(&step.title),
            counts.attributes(),
            until - before,
            quoted(report.started.trim_end_matches('Z')),
            quoted(&report.cluster)
        );
        before = until;
        suites += "    <properties>\n";
        property("step", &step.id, &mut suites);
        property("score", &format!("{}/{}", step.score, step.max), &mut suites);
        property("hints", &format!("{}/{}", step.hints.0, step.hints.1), &mut suites);
        property("solution-used", if step.solved { "true" } else { "false" }, &mut suites);
        if index == 0 {
            property("kubernetes", &report.kubernetes, &mut suites);
            property("digest", &report.digest, &mut suites);
            property("evidence", &evidence::embedded(report), &mut suites);
        }
        suites += "    </properties>\n";
        cases(report, step, &mut suites);
        suites += END_OF_SUITE;
    }
    document(&report.title, &all, report.seconds, &suites)
}

fn cases(report: &Report, step: &StepReport, out: &mut String) {
    let lang = report.language();
    let class = quoted(&format!("{}.{}", report.lesson, step.id));
    for check in &step.checks {
        case(lang, &class, check, out);
    }
    for task in &step.open {
        let _ = writeln!(
            out,
            "    <testcase name={} classname={class} time=\"0\"><skipped message={}/></testcase>",
            quoted(&task.title),
            quoted(tr!(lang, report_not_graded))
        );
    }
}

/// A check as a test case of a class, which is quoted already.
pub(super) fn case(lang: Language, class: &str, check: &CheckResult, out: &mut String) {
    let _ = write!(out, "    <testcase name={} classname={class} time=\"0\"", quoted(&check.title));
    let lines: Vec<String> =
        words::details(lang, check).iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let (tag, kind) = match check.verdict {
        _ if check.skipped => {
            let _ = writeln!(out, "><skipped message={}/></testcase>", quoted(&check.observed));
            return;
        }
        Verdict::Pass => {
            *out += "/>\n";
            return;
        }
        Verdict::Fail => ("failure", "fail"),
        Verdict::Error => ("error", "error"),
    };
    let (message, body) = (quoted(&check.observed), escaped(&lines.join("\n")));
    let _ = writeln!(out, "><{tag} type=\"{kind}\" message={message}>{body}</{tag}></testcase>");
}

/// What the schema wants after the cases of a suite.
pub(super) const END_OF_SUITE: &str =
    "    <system-out></system-out>\n    <system-err></system-err>\n  </testsuite>\n";

/// The whole file around its suites.
pub(super) fn document(title: &str, all: &Counts, seconds: u64, suites: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name={} {} time=\"{seconds}\">\n{suites}</testsuites>\n",
        quoted(title),
        all.attributes()
    )
}

/// A property of a suite.
pub(super) fn property(name: &str, value: &str, out: &mut String) {
    let _ = writeln!(out, "      <property name={} value={}/>", quoted(name), quoted(value));
}

#[derive(Default)]
pub(super) struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    pub(super) fn of(checks: &[CheckResult], open: usize) -> Self {
        let count = |verdict| checks.iter().filter(|c| c.verdict == verdict).count();
        Self {
            tests: checks.len() + open,
            failures: count(Verdict::Fail),
            errors: count(Verdict::Error),
            skipped: open + checks.iter().filter(|c| c.skipped).count(),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
    }

    pub(super) fn attributes(&self) -> String {
        let Self { tests, failures, errors, skipped } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

/// Text as XML 1.0 may hold it: what it cannot hold at all is replaced.
fn escaped(text: &str) -> String {
    markup::escaped(text, |c| match c {
        '\'' => Some("&apos;"),
        '\r' => Some("&#13;"),
        '\n' | '\t' => None,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => Some("\u{fffd}"),
        _ => None,
    })
}

/// An attribute's value with its quotes; line breaks stay what they are.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('\n', "&#10;").replace('\t', "&#9;"))
}
