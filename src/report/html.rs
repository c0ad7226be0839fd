//! The report as one HTML page that needs nothing else: no script runs in it, nothing is loaded.

use std::fmt::Write;

use serde::Serialize;

use super::markup;
use super::words;
use super::{Report, StepReport, evidence, time};
use crate::check::Verdict;
use crate::grade::CheckResult;
use crate::lesson::domain;
use crate::text::{Language, tr};

const STYLE: &str = include_str!("../../assets/report.css");

/// Renders it.
pub fn render(report: &Report) -> String {
    let mut page = String::new();
    header(report, &mut page);
    for (number, step) in report.steps.iter().enumerate() {
        section(report, number + 1, step, &mut page);
    }
    attempts(report, &mut page);
    frame(report.language(), &report.title, &page, &report.digest, &report.program, report)
}

/// The page around what a report shows, with its evidence.
pub(super) fn frame(
    lang: Language,
    title: &str,
    body: &str,
    digest: &str,
    program: &str,
    report: &impl Serialize,
) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}",
        lang.code(),
        tr!(lang, report_report),
        escaped(title)
    );
    let _ = writeln!(
        page,
        "<footer>\n<p>{} <code>{digest}</code></p>\n<p>cks-lab {}</p>\n</footer>\n</main>",
        tr!(lang, report_digest),
        escaped(program)
    );
    let _ = writeln!(
        page,
        "<script type=\"application/json\" id=\"evidence\">{}</script>\n</body>\n</html>",
        evidence::embedded(report)
    );
    page
}

/// How far the score reaches, with the pass mark in it.
pub(super) fn bar(class: &str, percent: u32, mark: u32) -> String {
    format!(
        "<div class=\"bar\" role=\"img\" aria-label=\"{percent} %\"><i class=\"{class}\" style=\"width:{}%\"></i>\
         <b style=\"left:{}%\"></b></div>",
        percent.min(100),
        mark.min(100)
    )
}

/// A list of names and values; what is empty is left out.
pub(super) fn facts(all: &[(&str, &str)]) -> String {
    let mut list = String::from("<dl>\n");
    for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(list, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value));
    }
    list + "</dl>\n"
}

fn header(report: &Report, page: &mut String) {
    let lang = report.language();
    let class = if report.reached { "pass" } else { "fail" };
    let _ = writeln!(
        page,
        "<header>\n<h1>{}</h1>\n<p class=\"score {class}\"><strong>{}</strong><br>{}</p>\n{}",
        escaped(&report.title),
        words::points(report),
        words::reached(report),
        bar(class, report.percent, report.pass_mark)
    );
    let cluster = format!("{}, Kubernetes {}", report.cluster, report.kubernetes);
    let domain = domain::shown(&report.domain, lang);
    *page += &facts(&[
        (tr!(lang, report_domain), &domain),
        (tr!(lang, report_cluster), &cluster),
        (tr!(lang, report_time), &time(lang, report.seconds)),
        (tr!(lang, report_started), &moment(&report.started)),
        (tr!(lang, report_ended), &moment(&report.ended)),
    ]);
    *page += "</header>\n";
}

/// A point in time for people: `2026-03-01 09:00:00 UTC`.
pub(super) fn moment(time: &str) -> String {
    match time.strip_suffix('Z') {
        Some(time) => format!("{} UTC", time.replace('T', " ")),
        None => time.to_owned(),
    }
}

fn section(report: &Report, number: usize, step: &StepReport, page: &mut String) {
    let lang = report.language();
    let (class, state) = match (step.attempts, step.passed) {
        (0, _) => ("open", tr!(lang, report_not_graded)),
        (_, true) => ("pass", tr!(lang, report_passed)),
        (_, false) => ("fail", tr!(lang, report_not_passed)),
    };
    let solved = if step.solved { format!(", {}", tr!(lang, report_solution)) } else { String::new() };
    let _ = writeln!(
        page,
        "<section>\n<h2>{number}. {} <span class=\"{class}\">{} {}/{}</span></h2>\n<p class=\"how\">{}{solved}</p>\n<ul>",
        escaped(&step.title),
        state,
        step.score,
        step.max,
        words::graded(lang, step)
    );
    for check in &step.checks {
        item(lang, check, page);
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

/// A check with what it found.
pub(super) fn item(lang: Language, check: &CheckResult, page: &mut String) {
    let class = match check.verdict {
        _ if check.skipped => "open",
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
    };
    let _ = write!(
        page,
        "<li class=\"{class}\"><span class=\"mark\">{}</span> {} <span class=\"points\">{}/{}</span>",
        words::verdict(lang, check),
        escaped(&check.title),
        check.points,
        check.max
    );
    if check.verdict != Verdict::Pass || check.skipped {
        *page += "\n<dl>";
        for (name, value) in words::details(lang, check) {
            if !value.is_empty() {
                let _ = write!(page, "<dt>{}</dt><dd>{}</dd>", name, escaped(value));
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
    let lang = report.language();
    let _ = writeln!(
        page,
        "<section>\n<h2>{}</h2>\n<div class=\"wide\"><table>\n<thead><tr>",
        tr!(lang, report_attempts)
    );
    let names = [
        tr!(lang, report_started),
        tr!(lang, report_score),
        tr!(lang, report_time),
        tr!(lang, report_gradings),
        tr!(lang, report_hints),
        tr!(lang, report_solutions),
    ];
    for name in names {
        let _ = write!(page, "<th>{name}</th>");
    }
    *page += "</tr></thead>\n<tbody>\n";
    for a in &report.attempts {
        let started = match a.started.is_empty() {
            true => tr!(lang, report_unknown).to_owned(),
            false => escaped(&moment(&a.started)),
        };
        let _ = writeln!(
            page,
            "<tr><td>{started}</td><td>{}/{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            a.score,
            a.max,
            time(lang, a.seconds),
            a.gradings,
            a.hints,
            a.solutions
        );
    }
    *page += "</tbody>\n</table></div>\n</section>\n";
}

/// Text that is text wherever it stands in a page.
pub(super) fn escaped(text: &str) -> String {
    markup::escaped(text, |c| match c {
        '\'' => Some("&#39;"),
        '\n' | '\t' => None,
        c => c.is_control().then_some("\u{fffd}"),
    })
}
