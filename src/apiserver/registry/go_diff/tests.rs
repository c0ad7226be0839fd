#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::super::go_types::Types;
use super::*;

/// Pairs of pod specs, and what the real libraries say of them (`hack/record-differences.sh`).
fn recorded(file: &str) -> Vec<Value> {
    let folder = std::env::var("CKS_LAB_DIFFERENCES").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/differences"),
        Into::into,
    );
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn compare(file: &str, tell: impl Fn(&Value, &Value) -> String) {
    let cases = recorded(file);
    assert!(cases.len() > 50);
    let mut wrong = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        let (ours, real) = (tell(&case["old"], &case["new"]), case["difference"].as_str().unwrap());
        if ours != real {
            wrong.push(format!("{}:\nours\n{ours}\nreal\n{real}", at + 1));
        }
    }
    assert!(
        wrong.is_empty(),
        "{file}: {} of {}\n{}",
        wrong.len(),
        cases.len(),
        wrong.iter().min_by_key(|w| w.len()).unwrap()
    );
}

fn by_go_cmp(habit: Habit) -> impl Fn(&Value, &Value) -> String {
    let types = Types::of(Release::find("v1.31").unwrap());
    let place = types.place("core.PodSpec").unwrap();
    move |old, new| {
        let (old, new) = (types.data(place, old, &Value::Null), types.data(place, new, &Value::Null));
        report::told(types, habit, &compare::compare(types, habit, place, &old, &new))
    }
}

#[test]
fn go_cmp_from_the_beginning() {
    compare("v1.31.0-forward.jsonl", by_go_cmp(Habit::Forward));
}

#[test]
fn go_cmp_from_the_end() {
    compare("v1.31.0-backward.jsonl", by_go_cmp(Habit::Backward));
}

#[test]
fn lines_of_json() {
    let release = Release::find("v1.36").unwrap();
    compare("v1.36.3.jsonl", |old, new| difference(release, "core.PodSpec", old, new));
}
