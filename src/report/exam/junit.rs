//! An exam's report as JUnit XML: a test suite a task, a test case a check. The evidence is a property of the first suite.

use std::fmt::Write;

use super::ExamReport;
use crate::report::evidence;
use crate::report::junit::{Counts, END_OF_SUITE, case, document, property, quoted};

/// Renders it.
pub fn render(report: &ExamReport) -> String {
    let (mut suites, mut all) = (String::new(), Counts::default());
    let steps = report.lessons.iter().flat_map(|l| l.steps.iter().map(move |s| (l, s)));
    for (index, (lesson, step)) in steps.enumerate() {
        let counts = Counts::of(&step.checks, 0);
        all.add(&counts);
        let _ = writeln!(
            suites,
            "  <testsuite id=\"{index}\" package={} name={} {} time=\"0\" timestamp={} hostname={}>\n    <properties>",
            quoted(&lesson.lesson),
            quoted(&format!("{}: {}", lesson.title, step.title)),
            counts.attributes(),
            quoted(report.started.trim_end_matches('Z')),
            quoted(&report.cluster)
        );
        property("step", &step.id, &mut suites);
        property("score", &format!("{}/{}", step.score, step.max), &mut suites);
        property("weight", &lesson.weight.to_string(), &mut suites);
        if index == 0 {
            property("kubernetes", &report.kubernetes, &mut suites);
            property("percent", &report.percent.to_string(), &mut suites);
            property("digest", &report.digest, &mut suites);
            property("evidence", &evidence::embedded(report), &mut suites);
        }
        suites += "    </properties>\n";
        let class = quoted(&format!("{}.{}", lesson.lesson, step.id));
        for check in &step.checks {
            case(report.language(), &class, check, &mut suites);
        }
        suites += END_OF_SUITE;
    }
    document(&report.title, &all, report.seconds, &suites)
}
