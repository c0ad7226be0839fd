//! An exam's report as markdown. The evidence stands in a comment at its end.

use std::fmt::Write;

use super::ExamReport;
use crate::report::evidence;
use crate::report::markdown::{check_row, head, plain};
use crate::text::tr;

/// Renders it.
pub fn render(report: &ExamReport) -> String {
    let lang = report.language();
    let mut text = format!("# {}\n\n**{}** {}\n", plain(&report.title), report.verdict(), report.taken());
    let _ = writeln!(
        text,
        "\n{}: {}, Kubernetes {}. {}: {}. {}: {}.",
        tr!(lang, report_cluster),
        plain(&report.cluster),
        plain(&report.kubernetes),
        tr!(lang, report_started),
        report.started,
        tr!(lang, exam_ended),
        report.ended
    );
    for (number, lesson) in report.lessons.iter().enumerate() {
        let share = tr!(lang, exam_share { percent: report.share(lesson) });
        let _ = writeln!(
            text,
            "\n## {}. {} ({}/{}, {share})",
            number + 1,
            plain(&lesson.title),
            lesson.score,
            lesson.max
        );
        for step in &lesson.steps {
            let _ = writeln!(text, "\n### {} ({}/{})\n", plain(&step.title), step.score, step.max);
            head(lang, &mut text);
            for check in &step.checks {
                check_row(lang, check, &mut text);
            }
        }
    }
    let _ = writeln!(text, "\n{}: `{}`", tr!(lang, report_digest), report.digest);
    let _ = writeln!(text, "\n<!-- evidence {} -->", evidence::embedded(report));
    text
}
