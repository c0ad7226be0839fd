//! The plain mode's sentences: everything that it says, as text. Pure.

use crate::check::Verdict;
use crate::exam::{Clock, Outcome, Reason, Row, Sitting};
use crate::grade::{CheckResult, StepResult};
use crate::lesson::Lesson;
use crate::progress::Attempt;
use crate::report;
use crate::text::{language, tr};

use super::markdown;

/// A step's head, its text and its tasks.
pub fn step(lesson: &Lesson, index: usize) -> String {
    let step = &lesson.steps[index];
    let mut text = tr!(plain_step { number: index + 1, count: lesson.steps.len(), title: &step.title });
    text += "\n\n";
    text += &body(&step.text, &step.title);
    text += &tasks(step.tasks.iter().map(|(_, title)| (title.as_str(), None)));
    text
}

/// A text without its heading where that is the title, which was just said.
pub fn body(text: &str, title: &str) -> String {
    let body = markdown::render(text);
    let rest = body.strip_prefix(title).and_then(|rest| rest.strip_prefix('\n'));
    rest.unwrap_or(&body).trim_start().to_owned()
}

/// Tasks with their numbers, and whether each is done where that is known.
pub fn tasks<'a>(all: impl Iterator<Item = (&'a str, Option<bool>)>) -> String {
    let mut text = String::new();
    for (number, (title, done)) in all.enumerate() {
        if number == 0 {
            text += &format!("\n{}\n", tr!(plain_tasks));
        }
        let state = match done {
            Some(true) => format!("{}: ", tr!(plain_done)),
            Some(false) => format!("{}: ", tr!(plain_open)),
            None => String::new(),
        };
        text += &format!("{}. {state}{title}\n", number + 1);
    }
    text
}

/// The result of a step, check by check, with what was expected and seen.
pub fn result(result: &StepResult) -> String {
    let (title, score, max) = (&result.title, result.score, result.max);
    let head = match result.passed {
        true => tr!(plain_step_passed { title, score, max }),
        false => tr!(plain_step_not_passed { title, score, max }),
    };
    checks(head, result)
}

/// The result of a step when there is no other try.
fn last_result(result: &StepResult) -> String {
    let (title, score, max) = (&result.title, result.score, result.max);
    let head = match result.passed {
        true => tr!(plain_step_passed { title, score, max }),
        false => tr!(plain_step_failed { title, score, max }),
    };
    checks(head, result)
}

fn checks(head: String, result: &StepResult) -> String {
    let mut text = head + "\n";
    for (number, check) in result.checks.iter().enumerate() {
        text += &format!("{}. {}\n", number + 1, one(check));
    }
    text
}

fn one(check: &CheckResult) -> String {
    let word = match check.verdict {
        _ if check.skipped => tr!(report_skipped),
        Verdict::Pass => tr!(report_passed),
        Verdict::Fail => tr!(report_not_passed),
        Verdict::Error => tr!(plain_could_not_be_checked),
    };
    let points = tr!(plain_points { score: check.points, max: check.max });
    let mut text = format!("{word}: {} ({points})", check.title);
    if check.verdict == Verdict::Pass && !check.skipped {
        return text;
    }
    let said = [
        (tr!(plain_expected), &check.expected),
        (tr!(plain_observed), &check.observed),
        (tr!(plain_hint), &check.hint),
    ];
    for (name, value) in said.iter().filter(|(_, value)| !value.is_empty()) {
        text += &format!("\n   {name} {}", value.replace('\n', "\n   "));
    }
    text
}

/// A hint with its number.
pub fn hint(number: usize, count: usize, hint: &str) -> String {
    format!("{}\n{}", tr!(plain_hint_number { number, count }), markdown::render(hint))
}

/// The attempts at a lesson, the oldest first.
pub fn history(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return format!("{}\n", tr!(plain_no_attempts));
    }
    let mut text = String::new();
    for (number, a) in attempts.iter().enumerate() {
        let started = if a.started.is_empty() { tr!(report_unknown) } else { &a.started };
        let line = tr!(plain_attempt {
            number: number + 1,
            started,
            score: a.score,
            max: a.max,
            time: report::time(language(), a.seconds),
            hints: a.hints,
            solutions: a.solutions,
        });
        text += &format!("{line}\n");
    }
    text
}

/// How long an exam still lasts.
pub fn left(clock: Clock) -> String {
    tr!(plain_time_left { time: report::time(language(), clock.left) })
}

/// Every task of an exam with how it stands.
pub fn overview(rows: &[Row], clock: Clock) -> String {
    let mut text = format!("{}\n", left(clock));
    for row in rows {
        let marks = [
            row.current.then(|| tr!(plain_mark_current)),
            row.flagged.then(|| tr!(plain_mark_flagged)),
            (!row.opened).then(|| tr!(plain_mark_not_opened)),
        ];
        let marks: Vec<&str> = marks.into_iter().flatten().collect();
        let marks = if marks.is_empty() { String::new() } else { format!(" [{}]", marks.join(", ")) };
        let line =
            tr!(plain_row { number: row.number, lesson: &row.lesson, title: &row.title, points: row.points });
        text += &format!("{line}{marks}\n");
    }
    text
}

/// What an exam came to, with each check: only now.
pub fn outcome(outcome: &Outcome, sitting: &Sitting) -> String {
    let (percent, mark) = (outcome.percent, outcome.pass_mark);
    let mut text = match sitting.ended.map(|e| e.reason) {
        Some(Reason::TimeUp) => format!("{}\n", tr!(plain_time_up)),
        _ => format!("{}\n", tr!(plain_handed_in)),
    };
    text += &match outcome.passed {
        true => tr!(exam_passed { percent, mark }),
        false => tr!(exam_failed { percent, mark }),
    };
    text.push('\n');
    for lesson in &outcome.lessons {
        let line = tr!(plain_lesson_result { title: &lesson.title, score: lesson.score, max: lesson.max });
        text += &format!("\n{line}\n");
        for step in &lesson.steps {
            text += &last_result(step);
        }
    }
    text
}
