//! The timeline of a deed in the manifests directory: a recording's words, and which of two things came first.

use std::collections::BTreeMap;

/// What is watched for.
pub const WATCHED: [&str; 12] = [
    "refused",
    "ended",
    "unready",
    "removed",
    "swept",
    "sandbox",
    "container",
    "403",
    "500",
    "200",
    "mirror",
    "ready",
];

/// When something was seen first, in seconds after the deed.
pub type Times = BTreeMap<&'static str, f64>;

/// What an observer of a real kubelet wrote down.
const RECORDED: &str = include_str!("../../conformance/kubelet/v1.31.0.txt");

/// The word itself, as the table has it.
pub fn watched(what: &str) -> &'static str {
    WATCHED.iter().find(|w| **w == what).unwrap_or_else(|| panic!("nobody watches for {what:?}"))
}

/// The recording: a name for each deed, and when what was seen.
pub fn recorded() -> Vec<(&'static str, Times)> {
    let mut all: Vec<(&str, Times)> = Vec::new();
    for line in RECORDED.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        match line.strip_prefix("= ") {
            Some(name) => all.push((name, Times::new())),
            None => all.last_mut().unwrap().1.extend(read(line)),
        }
    }
    all
}

/// Reads lines of a recording: seconds, and what was seen.
pub fn read(text: &str) -> Times {
    let lines = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| {
            let (at, what) = line.trim_start().split_once(' ').unwrap();
            (watched(what), at.parse().unwrap())
        })
        .collect()
}

/// Events that were this far apart have an order; the observer saw nearer ones in any.
const APART: f64 = 1.0;

/// Whether two things come one after the other by more than chance.
///
/// Sandboxes are collected and statuses are written at the kubelet's own ticks, whatever happens meanwhile; what ended is
/// removed when it is looked at next, within a second or so.
fn has_order(first: &str, second: &str) -> bool {
    match (first, second) {
        ("swept", _) => false,
        (first, "swept") => matches!(first, "refused" | "ended" | "unready"),
        ("ended" | "unready", "removed") => false,
        ("mirror", second) => second == "ready",
        (first, "mirror") => matches!(first, "refused" | "ended" | "removed" | "sandbox" | "container"),
        _ => true,
    }
}

/// What came one after the other there and the other way round here.
///
/// What was seen at one look has no order: a pod that looks again every ten to fifteen seconds may find its place free a
/// moment after the pod before it ended.
pub fn out_of_order(name: &str, ours: &Times, theirs: &Times) -> Vec<String> {
    let mut wrong = Vec::new();
    for (a, at) in theirs {
        for (b, later) in theirs.iter().filter(|(b, later)| **later > at + APART && has_order(a, b)) {
            let (Some(x), Some(y)) = (ours.get(a), ours.get(b)) else { continue };
            if x > y {
                wrong.push(format!("{name}: {a} ({at}) came before {b} ({later}); here {x:.2}, {y:.2}"));
            }
        }
    }
    wrong
}

#[test]
fn order_is_told_where_things_are_apart() {
    let theirs = read(" 0.24 refused\n30.31 ended\n30.40 removed\n31.50 swept\n40.06 container\n42.06 200\n");
    let played = |what: &str, at: f64| {
        let mut ours = theirs.clone();
        ours.insert(watched(what), at);
        out_of_order("", &ours, &theirs).len()
    };
    for (what, at, wrong) in [
        ("removed", 30.0, 0),
        ("container", 45.0, 1),
        ("container", 20.0, 2),
        ("container", 30.40, 0),
        ("container", 30.39, 1),
        ("refused", 30.31, 0),
        ("refused", 30.35, 1),
        ("swept", 60.0, 0),
        ("swept", 0.0, 2),
    ] {
        assert_eq!(played(what, at), wrong, "{what} at {at}");
    }
}
