//! An exam's report as plain text.

use std::fmt::Write;

use super::ExamReport;
use crate::report::text::check_lines;
use crate::text::tr;

/// Renders it.
pub fn render(report: &ExamReport) -> String {
    let lang = report.language();
    let mut text = format!("{}\n{}\n{}\n", report.title, report.verdict(), report.taken());
    let _ =
        writeln!(text, "{} {}, Kubernetes {}", tr!(lang, report_cluster), report.cluster, report.kubernetes);
    for (number, lesson) in report.lessons.iter().enumerate() {
        let _ = writeln!(
            text,
            "\n{}. {}: {}/{}, {}",
            number + 1,
            lesson.title,
            lesson.score,
            lesson.max,
            tr!(lang, exam_share { percent: report.share(lesson) })
        );
        for step in &lesson.steps {
            let _ = writeln!(text, "   {}: {}/{}", step.title, step.score, step.max);
            for check in &step.checks {
                check_lines(lang, check, &mut text);
            }
        }
    }
    let _ = writeln!(text, "\n{} {}", tr!(lang, report_digest), report.digest);
    text
}
