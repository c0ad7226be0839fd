//! An exam's report as one HTML page, to be printed or handed in as it is.

use std::fmt::Write;

use super::ExamReport;
use crate::report::html::{bar, escaped, facts, frame, item, moment};
use crate::text::tr;

/// Renders it.
pub fn render(report: &ExamReport) -> String {
    let lang = report.language();
    let class = if report.passed { "pass" } else { "fail" };
    let mut page = String::new();
    let _ = writeln!(
        page,
        "<header>\n<h1>{}</h1>\n<p class=\"score {class}\"><strong>{}</strong><br>{}</p>\n{}",
        escaped(&report.title),
        report.verdict(),
        report.taken(),
        bar(class, report.percent, report.pass_mark)
    );
    let cluster = format!("{}, Kubernetes {}", report.cluster, report.kubernetes);
    page += &facts(&[
        (tr!(lang, report_cluster), &cluster),
        (tr!(lang, report_started), &moment(&report.started)),
        (tr!(lang, exam_ended), &moment(&report.ended)),
    ]);
    page += "</header>\n";
    for (number, lesson) in report.lessons.iter().enumerate() {
        let class = if lesson.score == lesson.max { "pass" } else { "fail" };
        let _ = writeln!(
            page,
            "<section>\n<h2>{}. {} <span class=\"{class}\">{}/{}, {}</span></h2>",
            number + 1,
            escaped(&lesson.title),
            lesson.score,
            lesson.max,
            tr!(lang, exam_share { percent: report.share(lesson) })
        );
        for step in &lesson.steps {
            let class = if step.passed { "pass" } else { "fail" };
            let _ = writeln!(
                page,
                "<h3>{} <span class=\"{class}\">{}/{}</span></h3>\n<ul>",
                escaped(&step.title),
                step.score,
                step.max
            );
            for check in &step.checks {
                item(lang, check, &mut page);
            }
            page += "</ul>\n";
        }
        page += "</section>\n";
    }
    frame(lang, &report.title, &page, &report.digest, &report.program, report)
}
