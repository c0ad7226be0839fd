//! A unified difference of two texts, line by line, as Python's `difflib` finds it.
//!
//! Upstream: `github.com/pmezard/go-difflib`, after Ratcliff and Obershelp: the longest common run of lines first, then the
//! same before and after it; lines that are everywhere are no beginning of a run.

use std::collections::HashMap;
use std::ops::Range;

/// Lines of context.
const CONTEXT: usize = 3;
/// From how many lines on those count less that are more than a hundredth of all.
const MANY: usize = 200;

/// What is common: where it is in the one and in the other, and its length.
type Match = (usize, usize, usize);

struct Matcher<'a> {
    a: Vec<&'a str>,
    b: Vec<&'a str>,
    places: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Matcher<'a> {
    fn new(a: &'a str, b: &'a str) -> Self {
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split('\n').collect(), b.split('\n').collect());
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, line) in b.iter().enumerate() {
            places.entry(line).or_default().push(at);
        }
        if b.len() >= MANY {
            let most = b.len() / 100 + 1;
            places.retain(|_, at| at.len() <= most);
        }
        Self { a, b, places }
    }

    /// The longest common run in these ranges; of several, the first.
    fn longest(&self, a: &Range<usize>, b: &Range<usize>) -> Match {
        let (mut at, mut to, mut size) = (a.start, b.start, 0);
        let mut before: HashMap<usize, usize> = HashMap::new();
        for i in a.clone() {
            let mut now = HashMap::new();
            for &j in self.places.get(self.a[i]).into_iter().flatten().filter(|j| b.contains(*j)) {
                let run = j.checked_sub(1).and_then(|j| before.get(&j)).copied().unwrap_or(0) + 1;
                now.insert(j, run);
                if run > size {
                    (at, to, size) = (i + 1 - run, j + 1 - run, run);
                }
            }
            before = now;
        }
        while at > a.start && to > b.start && self.a[at - 1] == self.b[to - 1] {
            (at, to, size) = (at - 1, to - 1, size + 1);
        }
        while at + size < a.end && to + size < b.end && self.a[at + size] == self.b[to + size] {
            size += 1;
        }
        (at, to, size)
    }

    fn matches(&self, a: Range<usize>, b: Range<usize>, out: &mut Vec<Match>) {
        let (at, to, size) = self.longest(&a, &b);
        if size == 0 {
            return;
        }
        if a.start < at && b.start < to {
            self.matches(a.start..at, b.start..to, out);
        }
        match out.last_mut() {
            Some((i, j, length)) if *i + *length == at && *j + *length == to => *length += size,
            _ => out.push((at, to, size)),
        }
        if at + size < a.end && to + size < b.end {
            self.matches(at + size..a.end, to + size..b.end, out);
        }
    }

    /// What to do, in order: whether the ranges are equal, and which they are.
    fn steps(&self) -> Vec<(bool, Range<usize>, Range<usize>)> {
        let mut matches = Vec::new();
        self.matches(0..self.a.len(), 0..self.b.len(), &mut matches);
        matches.push((self.a.len(), self.b.len(), 0));
        let (mut i, mut j, mut steps) = (0, 0, Vec::new());
        for (at, to, size) in matches {
            if i < at || j < to {
                steps.push((false, i..at, j..to));
            }
            (i, j) = (at + size, to + size);
            if size > 0 {
                steps.push((true, at..i, to..j));
            }
        }
        steps
    }
}

fn shown(range: Range<usize>) -> String {
    match range.len() {
        1 => (range.start + 1).to_string(),
        0 => format!("{},0", range.start),
        length => format!("{},{length}", range.start + 1),
    }
}

/// The difference without headings; every line of it ends.
pub(super) fn difference(a: &str, b: &str) -> String {
    let matcher = Matcher::new(a, b);
    let steps = matcher.steps();
    let last = steps.len().saturating_sub(1);
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    for (at, (equal, mut i, mut j)) in steps.into_iter().enumerate() {
        let start = |range: &Range<usize>| range.start..range.end.min(range.start + CONTEXT);
        let end = |range: &Range<usize>| range.end.saturating_sub(CONTEXT).max(range.start)..range.end;
        if equal && at == 0 {
            (i, j) = (end(&i), end(&j));
        } else if equal && at == last {
            (i, j) = (start(&i), start(&j));
        } else if equal && i.len() > 2 * CONTEXT {
            group.push((true, start(&i), start(&j)));
            groups.push(std::mem::take(&mut group));
            (i, j) = (end(&i), end(&j));
        }
        group.push((equal, i, j));
    }
    groups.push(group);
    let mut out = String::new();
    for group in groups.iter().filter(|group| group.iter().any(|(equal, ..)| !equal)) {
        let ([(_, i, j), ..], [.., (_, i2, j2)]) = (group.as_slice(), group.as_slice()) else { continue };
        out.push_str(&format!("@@ -{} +{} @@\n", shown(i.start..i2.end), shown(j.start..j2.end)));
        for (equal, i, j) in group {
            let mut lines = |sign: char, lines: &[&str]| {
                for line in lines {
                    out.push(sign);
                    out.push_str(line);
                    out.push('\n');
                }
            };
            if *equal {
                lines(' ', &matcher.a[i.clone()]);
            } else {
                lines('-', &matcher.a[i.clone()]);
                lines('+', &matcher.b[j.clone()]);
            }
        }
    }
    out
}
