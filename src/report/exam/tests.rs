use super::*;
use crate::exam::spec;
use crate::lesson::catalog::Catalog;
use crate::report::{Form, verify};

fn report(lang: &str) -> ExamReport {
    let spec = spec::find("cks-practice", None).unwrap().unwrap();
    let paper = Paper::new(&spec, &Catalog::new(None).unwrap(), lang).unwrap();
    let started = "2026-03-01T09:00:00Z".parse().unwrap();
    let mut sitting = Sitting::begin(&paper, started);
    assert_eq!(ExamReport::new(&paper, &sitting), None, "there is none before the end");
    for (index, task) in paper.tasks.iter().enumerate() {
        let mut result = paper.untouched(task.lesson, task.step);
        if index % 2 == 0 {
            for check in &mut result.checks {
                check.points = check.max;
                check.verdict = crate::check::Verdict::Pass;
            }
        }
        let result = crate::grade::step(&result.id, &result.title, result.checks);
        sitting.record(&task.id, result);
    }
    sitting.cluster = "sandbox".into();
    sitting.kubernetes = "v1.31.0".into();
    sitting.end(started + jiff::SignedDuration::from_mins(50));
    ExamReport::new(&paper, &sitting).unwrap()
}

const CARRYING: [Form; 4] = [Form::Json, Form::Html, Form::Markdown, Form::Junit];

#[test]
fn every_form_carries_what_can_be_held_against_it() {
    for lang in ["en", "ja"] {
        let report = report(lang);
        assert!(report.adds_up() && report.percent > 0 && report.percent < 100);
        for form in CARRYING {
            let file = form.render_exam(&report);
            let found = verify::verify(&file).unwrap_or_else(|e| panic!("{form:?}: {e}"));
            assert_eq!(found.report, verify::Handed::Exam(Box::new(report.clone())), "{form:?}");
            assert!(found.shown_right, "{form:?}");
            let first = &report.lessons[0].title;
            let other = file.replacen(first.as_str(), "Something else", 1);
            assert!(other == file || !verify::verify(&other).is_ok_and(|v| v.shown_right), "{form:?}");
        }
        let mut cheat = report.clone();
        cheat.percent = 100;
        cheat.passed = true;
        let error = verify::verify(&Form::Json.render_exam(&cheat.sealed())).unwrap_err().to_string();
        assert!(error.contains("do not add up"), "{error}");
        assert!(verify::verify(&Form::Text.render_exam(&report)).is_err(), "text carries no evidence");
    }
}

#[test]
fn the_page_tells_result_time_and_each_check_in_its_language() {
    for (lang, parts) in [
        (
            "en",
            ["Handed in after 50 min 00 s of 1 h 15 min.", "not passed (pass mark 67 %)", "25 % of the exam"],
        ),
        ("ja", ["1 時間 15 分のうち 50 分 00 秒で提出しました。", "不合格 (合格ライン 67 %)", "配点 25 %"]),
    ] {
        let report = report(lang);
        for form in [Form::Text, Form::Html, Form::Markdown] {
            let shown = form.render_exam(&report);
            for part in parts {
                assert!(shown.contains(part), "{form:?} {lang} {part}: {shown}");
            }
            assert!(shown.contains(&report.digest), "{form:?}");
        }
    }
}

#[test]
fn json_follows_the_committed_schema() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../../assets/schema/exam-report.schema.json")).unwrap();
    let good: serde_json::Value = serde_json::from_str(&Form::Json.render_exam(&report("ja"))).unwrap();
    assert_eq!(crate::lesson::jsonschema::problems(&schema, &good), Vec::<String>::new());
    for (pointer, bad) in [
        ("/reason", serde_json::json!("bored")),
        ("/percent", serde_json::json!(101)),
        ("/lessons/0/steps/0/checks/0/verdict", serde_json::json!("perhaps")),
        ("/started", serde_json::json!("today")),
    ] {
        let mut report = good.clone();
        *report.pointer_mut(pointer).unwrap() = bad;
        assert!(!crate::lesson::jsonschema::problems(&schema, &report).is_empty(), "{pointer}");
    }
}
