use super::*;
use crate::check::Verdict;
use crate::lesson::load;
use crate::lesson::source::Source;
use crate::progress::StepProgress;

fn check(verdict: Verdict, title: &str, observed: &str) -> CheckResult {
    CheckResult {
        id: "c".into(),
        title: title.into(),
        verdict,
        points: if verdict == Verdict::Pass { 6 } else { 0 },
        max: 6,
        expected: "this".into(),
        observed: observed.into(),
        hint: String::new(),
        skipped: false,
    }
}

fn report_of(checks: Vec<CheckResult>, lang: &str) -> Report {
    let mut loaded = load::load(&Source::Embedded("apiserver-node-restriction".into()), "en", None).unwrap();
    loaded.lang = lang.into();
    let result = crate::grade::step("verify-issue", "Verify the issue", checks);
    let mut step = StepProgress { attempts: 1, hints: 1, ..StepProgress::default() };
    step.record(result, jiff::Timestamp::from_second(3000).unwrap(), 3000);
    let mut progress = LessonProgress::default();
    progress.steps.entry("verify-issue".into()).or_default().solved = true;
    progress.begin_anew(jiff::Timestamp::UNIX_EPOCH);
    progress.seconds = 3725;
    progress.steps.insert("verify-issue".into(), step);
    let file = LabFile { cluster: "sandbox".into(), kubernetes: "1.31".into(), ..LabFile::default() };
    Report::new(&loaded, &file, &progress)
}

fn report(verdict: Verdict) -> Report {
    report_of(vec![check(verdict, "a | b", "line 1\nline | 2")], "en")
}

type Form = (&'static str, fn(&Report) -> String);

const CARRYING: [Form; 4] = [
    ("json", json::render),
    ("html", html::render),
    ("markdown", markdown::render),
    ("junit", junit::render),
];

#[test]
fn steps_not_graded_count_against_the_score() {
    let report = report(Verdict::Pass);
    assert_eq!((report.score, report.max, report.percent), (6, 21, 28));
    assert!(!report.passed && !report.reached && report.steps[0].passed);
    assert_eq!((report.steps[0].open.len(), report.steps[2].open.len()), (0, 5));
}

#[test]
fn every_form_shows_what_was_found() {
    let report = report(Verdict::Fail);
    let text = text::render(&report);
    for part in [
        "0 of 21 points, 0 %",
        "1 h 02 min",
        "graded 2 times, hints 1 of 3",
        "FAIL",
        "observed line 1",
        "solutions 1",
        &report.digest,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let markdown = markdown::render(&report);
    assert!(markdown.contains(r"| FAIL | a \| b | 0/6 | line 1 line \| 2 |"), "{markdown}");
    let json: serde_json::Value = serde_json::from_str(&json::render(&report)).unwrap();
    assert_eq!(json["steps"][0]["checks"][0]["verdict"], "fail");
    assert_eq!(json["steps"][0]["hints"], serde_json::json!([1, 3]));
    let html = html::render(&report);
    for part in [
        "0 of 21 points",
        "prefers-color-scheme:dark",
        "width=device-width",
        "@media print",
        "line 1\nline | 2",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for part in ["<link", "src=", "href=", "url(", "@import", "<img"] {
        assert!(!html.contains(part), "the page needs nothing else, but has {part}");
    }
}

#[test]
fn a_japanese_report_has_japanese_words() {
    let report = report_of(vec![check(Verdict::Error, "a", "b")], "ja");
    for (form, render) in [
        ("text", text::render as fn(&Report) -> String),
        ("html", html::render),
        ("markdown", markdown::render),
    ] {
        let text = render(&report);
        assert!(text.contains("0 / 21 点、0 %") && text.contains("判定不能"), "{form}: {text}");
        assert!(!text.contains("not graded yet"), "{form}: {text}");
    }
    assert!(html::render(&report).contains("<html lang=\"ja\">"));
}

const HOSTILE: &str = "</script><script>alert(1)</script>--> ]]> <img src=x onerror=alert(1)> \" ' & {{x}} \u{1b}[31m\0 \u{ffff} | `x` [a](javascript:b)\r\n# h";

#[test]
fn hostile_text_stays_text_in_every_form() {
    let mut hostile = check(Verdict::Fail, HOSTILE, HOSTILE);
    hostile.expected = HOSTILE.into();
    hostile.hint = HOSTILE.into();
    let mut report = report_of(vec![hostile], "en");
    report.title = HOSTILE.into();
    report.steps[1].title = HOSTILE.into();
    report.steps[1].open[0].title = HOSTILE.into();
    let report = report.sealed();
    let html = html::render(&report);
    assert_eq!(html.matches("<script").count(), 1, "only the evidence, which does not run");
    assert_eq!(html.matches("</script>").count(), 1);
    assert!(!html.contains("<img") && !html.contains('\u{1b}') && !html.contains('\0'));
    let markdown = markdown::render(&report);
    assert!(!markdown.contains("<img") && !markdown.contains("<script") && !markdown.contains("\n# h"));
    assert_eq!(markdown.matches("-->").count(), 1, "{markdown}");
    assert!(markdown.contains(r"\[a\](javascript:b)"));
    let junit = junit::render(&report);
    assert!(!junit.contains("<img") && !junit.contains('\u{1b}') && !junit.contains('\u{ffff}'));
    for (form, render) in CARRYING {
        let verified = verify::verify(&render(&report)).unwrap_or_else(|e| panic!("{form}: {e}"));
        let expected = verify::Handed::Lesson(Box::new(report.clone()));
        assert_eq!(verified, verify::Verified { report: expected, shown_right: true }, "{form}");
    }
}

#[test]
fn a_changed_report_is_found_out() {
    let report = report(Verdict::Pass);
    for (form, render) in CARRYING {
        let text = render(&report);
        assert!(verify::verify(&text).unwrap().shown_right, "{form}");
        // What the evidence says.
        for (from, to) in [
            ("\"score\":6", "\"score\":9"),
            ("&quot;score&quot;:6", "&quot;score&quot;:9"),
            ("\"score\": 6", "\"score\": 9"),
        ] {
            if text.contains(from) {
                let error = verify::verify(&text.replace(from, to)).unwrap_err();
                assert_eq!(error.code, crate::error::ExitCode::Failed, "{form}");
                assert!(error.to_string().contains("the report was changed"), "{form}: {error}");
            }
        }
    }
    // What only the page shows.
    for (render, from, to) in [
        (html::render as fn(&Report) -> String, "6 of 21 points, 28 %", "21 of 21 points, 100 %"),
        (markdown::render, "6 of 21 points, 28 %", "21 of 21 points, 100 %"),
        (junit::render, "failures=\"0\"", "failures=\"1\""),
    ] {
        let text = render(&report);
        let changed = text.replace(from, to);
        assert_ne!(text, changed);
        assert!(!verify::verify(&changed).unwrap().shown_right);
    }
    // A digest made anew over points that do not add up.
    let mut cheat = report.clone();
    cheat.score = 21;
    assert!(
        verify::verify(&json::render(&cheat.sealed())).unwrap_err().to_string().contains("do not add up")
    );
    assert_eq!(verify::verify(&text::render(&report)).unwrap_err().code, crate::error::ExitCode::Error);
}

#[test]
fn the_digest_is_that_of_canonical_json() {
    let value: serde_json::Value =
        serde_json::from_str(r#"{ "b": [1, {"d": null, "c": "é\n"}], "a": true, "digest": "x" }"#).unwrap();
    let canonical = "{\"a\":true,\"b\":[1,{\"c\":\"é\\n\",\"d\":null}]}";
    assert_eq!(evidence::digest_of(&value), crate::digest::sha256(canonical.as_bytes()));
}

#[test]
fn junit_counts_failures_errors_and_skipped() {
    let mut skipped = check(Verdict::Pass, "s", "no audit log here");
    (skipped.points, skipped.max, skipped.skipped) = (0, 0, true);
    let checks = vec![
        check(Verdict::Pass, "p", ""),
        check(Verdict::Fail, "f", "seen"),
        check(Verdict::Error, "e", "why"),
        skipped,
    ];
    let junit = junit::render(&report_of(checks, "en"));
    assert!(
        junit.contains(
            "name=\"Verify the issue\" tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"3000\""
        ),
        "{junit}"
    );
    assert!(
        junit.contains("<failure type=\"fail\" message=\"seen\">")
            && junit.contains("<error type=\"error\" message=\"why\">")
    );
    assert!(
        junit.contains("<skipped message=\"no audit log here\"/>")
            && junit.contains("<skipped message=\"not graded yet\"/>")
    );
    let steps = load::load(&Source::Embedded("apiserver-node-restriction".into()), "en", None)
        .unwrap()
        .spec
        .steps
        .len();
    assert_eq!(junit.matches("<testsuite ").count(), steps);
    assert_eq!(junit.matches("</testsuite>").count(), steps);
}

#[test]
fn json_reports_follow_the_committed_schema() {
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../assets/schema/report.schema.json")).unwrap();
    let mut checks = vec![check(Verdict::Pass, "p", ""), check(Verdict::Fail, "f", "seen")];
    checks.push(check(Verdict::Error, HOSTILE, HOSTILE));
    let good: serde_json::Value = serde_json::from_str(&json::render(&report_of(checks, "ja"))).unwrap();
    assert_eq!(crate::lesson::jsonschema::problems(&schema, &good), Vec::<String>::new());
    for (pointer, bad) in [
        ("/score", serde_json::json!("6")),
        ("/steps/0/checks/0/verdict", serde_json::json!("perhaps")),
        ("/digest", serde_json::json!("abc")),
        ("/steps/0/hints", serde_json::json!([1])),
        ("/attempts/0/seconds", serde_json::json!(-1)),
        ("/steps/0", serde_json::json!({"id": "x"})),
    ] {
        let mut report = good.clone();
        *report.pointer_mut(pointer).unwrap() = bad;
        assert!(!crate::lesson::jsonschema::problems(&schema, &report).is_empty(), "{pointer}");
    }
    let mut more = good.clone();
    more["unheard-of"] = serde_json::json!(1);
    assert!(!crate::lesson::jsonschema::problems(&schema, &more).is_empty());
}
