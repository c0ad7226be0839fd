//! The report as one HTML page that needs nothing else: no script runs in it, nothing is loaded.

use std::fmt::Write;

use super::markup;
use super::words::{self, filled, word};
use super::{Report, StepReport, evidence, is_skipped, time};
use crate::check::Verdict;
use crate::grade::CheckResult;

const STYLE: &str = include_str!("../../assets/report.css");

/// Renders it.
pub fn render(report: &Report) -> String {
    let say = |key| word(&report.lang, key);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escaped(&report.lang),
        say("report"),
        escaped(&report.title)
    );
    header(report, &mut page);
    for (number, step) in report.steps.iter().enumerate() {
        section(report, number + 1, step, &mut page);
    }
    attempts(report, &mut page);
    let _ = writeln!(
        page,
        "<footer>\n<p>{} <code>{}</code></p>\n<p>cks-lab {}</p>\n</footer>\n</main>",
        say("digest"),
        report.digest,
        escaped(&report.program)
    );
    let _ = writeln!(
        page,
        "<script type=\"application/json\" id=\"evidence\">{}</script>\n</body>\n</html>",
        evidence::embedded(report)
    );
    page
}

fn header(report: &Report, page: &mut String) {
    let say = |key| word(&report.lang, key);
    let (class, reached) = if report.reached { ("pass", "reached") } else { ("fail", "not-reached") };
    let points = filled(&report.lang, "points", &[&report.score, &report.max, &report.percent]);
    let _ = writeln!(
        page,
        "<header>\n<h1>{}</h1>\n<p class=\"score {class}\"><strong>{points}</strong><br>{}</p>\n\
         <div class=\"bar\" role=\"img\" aria-label=\"{} %\"><i class=\"{class}\" style=\"width:{}%\"></i>\
         <b style=\"left:{}%\"></b></div>\n<dl>",
        escaped(&report.title),
        filled(&report.lang, reached, &[&report.pass_mark]),
        report.percent,
        report.percent.min(100),
        report.pass_mark.min(100)
    );
    let cluster = format!("{}, Kubernetes {}", report.cluster, report.kubernetes);
    for (name, value) in [
        ("domain", report.domain.as_str()),
        ("cluster", &cluster),
        ("time", &time(report.seconds)),
        ("started", &report.started),
        ("ended", &report.ended),
    ] {
        if !value.is_empty() {
            let _ = writeln!(page, "<div><dt>{}</dt><dd>{}</dd></div>", say(name), escaped(value));
        }
    }
    *page += "</dl>\n</header>\n";
}

fn section(report: &Report, number: usize, step: &StepReport, page: &mut String) {
    let say = |key| word(&report.lang, key);
    let (class, state) = match (step.attempts, step.passed) {
        (0, _) => ("open", "not-graded"),
        (_, true) => ("pass", "passed"),
        (_, false) => ("fail", "not-passed"),
    };
    let solved = if step.solved { format!(", {}", say("solution")) } else { String::new() };
    let _ = writeln!(
        page,
        "<section>\n<h2>{number}. {} <span class=\"{class}\">{} {}/{}</span></h2>\n<p class=\"how\">{}{solved}</p>\n<ul>",
        escaped(&step.title),
        say(state),
        step.score,
        step.max,
        filled(&report.lang, "graded", &[&step.attempts, &step.hints.0, &step.hints.1])
    );
    for check in &step.checks {
        item(report, check, page);
    }
    for task in &step.open {
        let _ = writeln!(
            page,
            "<li class=\"open\"><span class=\"mark\">-</span> {} <span class=\"points\">-/{}</span></li>",
            escaped(&task.title),
            task.max
        );
    }
    *page += "</ul>\n</section>\n";
}

fn item(report: &Report, check: &CheckResult, page: &mut String) {
    let say = |key| word(&report.lang, key);
    let class = match check.verdict {
        _ if is_skipped(check) => "open",
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
    };
    let _ = write!(
        page,
        "<li class=\"{class}\"><span class=\"mark\">{}</span> {} <span class=\"points\">{}/{}</span>",
        words::verdict(&report.lang, check),
        escaped(&check.title),
        check.points,
        check.max
    );
    if check.verdict != Verdict::Pass || is_skipped(check) {
        *page += "\n<dl>";
        for (name, value) in
            [("expected", &check.expected), ("observed", &check.observed), ("hint", &check.hint)]
        {
            if !value.is_empty() {
                let _ = write!(page, "<dt>{}</dt><dd>{}</dd>", say(name), escaped(value));
            }
        }
        *page += "</dl>";
    }
    *page += "</li>\n";
}

fn attempts(report: &Report, page: &mut String) {
    if report.attempts.len() < 2 {
        return;
    }
    let say = |key| word(&report.lang, key);
    let _ =
        writeln!(page, "<section>\n<h2>{}</h2>\n<div class=\"wide\"><table>\n<thead><tr>", say("attempts"));
    for name in ["started", "score", "time", "gradings", "hints", "solutions"] {
        let _ = write!(page, "<th>{}</th>", say(name));
    }
    *page += "</tr></thead>\n<tbody>\n";
    for a in &report.attempts {
        let started = if a.started.is_empty() { say("unknown").to_owned() } else { escaped(&a.started) };
        let _ = writeln!(
            page,
            "<tr><td>{started}</td><td>{}/{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            a.score,
            a.max,
            time(a.seconds),
            a.gradings,
            a.hints,
            a.solutions
        );
    }
    *page += "</tbody>\n</table></div>\n</section>\n";
}

/// Text that is text wherever it stands in a page.
fn escaped(text: &str) -> String {
    markup::escaped(text, |c| match c {
        '\'' => Some("&#39;"),
        '\n' | '\t' => None,
        c => c.is_control().then_some("\u{fffd}"),
    })
}
