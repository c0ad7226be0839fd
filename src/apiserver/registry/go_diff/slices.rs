//! Long texts and lists of numbers, whose differences are shown in chunks.
//!
//! Upstream: `github.com/google/go-cmp/cmp/report_slices.go`.

use std::collections::HashSet;

use super::super::go_types::{Data, Kind};
use super::Habit;
use super::compare::Node;
use super::edits::{self, Edit, Likeness};
use super::quote::{is_print, quoted, string};
use super::report::CONTEXT;
use super::text::{Counts, Mode, Row, Text, ellipsis, leave_out};
use super::values::{Style, without_returns};

/// From how many items on this form is used.
const LONG: usize = 32;

/// Whether a node's difference is shown in this form.
pub(super) fn has_form(style: &Style<'_>, node: &Node<'_>) -> bool {
    if style.mode != Mode::Both || node.differ == 0 || node.by_method > 0 {
        return false;
    }
    let (Some(old), Some(new)) = (node.old, node.new) else { return false };
    let (a, b) = match (&style.types.at(node.of).kind, old, new) {
        (_, Data::Text(a), Data::Text(b)) => (a.len(), b.len()),
        (Kind::List(item), Data::List(Some(a)), Data::List(Some(b)))
            if matches!(style.types.at(*item).kind, Kind::Bool | Kind::Int) =>
        {
            if a.is_empty() || b.is_empty() {
                return false;
            }
            if node.differ > node.same {
                return true;
            }
            (a.len(), b.len())
        }
        _ => return false,
    };
    a >= LONG && b >= LONG
}

/// The difference in this form.
pub(super) fn told(habit: Habit, style: Style<'_>, node: &Node<'_>) -> Text {
    match (node.old, node.new) {
        (Some(Data::Text(old)), Some(Data::Text(new))) => texts(habit, style, node.of, old, new),
        (Some(Data::List(Some(old))), Some(Data::List(Some(new)))) => {
            let rows = chunks(habit, style, old, new, 8, "int64", |items, mode| {
                let numbers = items.iter().map(|item| match item {
                    Data::Int(number) => number.to_string(),
                    Data::Bool(truth) => truth.to_string(),
                    _ => String::new(),
                });
                Row::of(mode, "", Text::Line(numbers.collect::<Vec<_>>().join(", ")))
            });
            style.typed(node.of, Text::braces(rows))
        }
        _ => ellipsis(),
    }
}

fn texts(habit: Habit, style: Style<'_>, of: usize, old: &str, new: &str) -> Text {
    let name = |style: Style<'_>, text: Text| {
        if style.types.at(of).named { style.typed(of, text) } else { text }
    };
    let joined =
        |rows: Vec<Row>, by: &str| Text::wrap("strings.Join(", Text::braces(rows), format!(", {by:?})"));
    if is_lined(habit, old, new) {
        let (a, b): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
        let rows = chunks(habit, style, &a, &b, 1, "line", |line, mode| {
            Row::of(mode, "", Text::Line(line.concat()))
        });
        if let Some(rows) = triple_quoted(&rows) {
            return name(style, Text::wrap("(", Text::List(rows), ")"));
        }
        let quote = |mut row: Row| {
            if let (Text::Line(line), false) = (&row.value, row.bare) {
                row.value = Text::Line(string(line.as_bytes()));
            }
            row
        };
        return name(style, joined(rows.into_iter().map(quote).collect(), "\n"));
    }
    let rows = chunks(habit, style, old.as_bytes(), new.as_bytes(), 64, "byte", |bytes, mode| {
        Row::of(mode, "", Text::Line(string(bytes)))
    });
    name(style, joined(rows, ""))
}

/// Whether two texts are better compared line by line.
fn is_lined(habit: Habit, old: &str, new: &str) -> bool {
    let both = format!("{old}{new}");
    if both.chars().any(|c| !is_print(c) && !c.is_whitespace()) || both.matches('\n').count() < 4 {
        return false;
    }
    let ended = both.rfind('\n').unwrap_or(0);
    if both[..ended].split('\n').any(|line| line.len() > 1024) {
        return false;
    }
    #[allow(clippy::cast_precision_loss)]
    let cost =
        |edits: &[Edit]| edits.iter().filter(|edit| **edit != Edit::Same).count() as f64 / edits.len() as f64;
    let (a, b): (Vec<&str>, Vec<&str>) = (old.split('\n').collect(), new.split('\n').collect());
    let lines = edits::edits(habit, a.len(), b.len(), |i, j| Likeness::of(a[i] == b[j]));
    let (a, b) = (old.as_bytes(), new.as_bytes());
    let bytes = edits::edits(habit, a.len(), b.len(), |i, j| Likeness::of(a[i] == b[j]));
    #[allow(clippy::cast_precision_loss)]
    let escapes = quoted(both.as_bytes()).len() as f64 / both.len() as f64;
    cost(&lines) < 4.0 * cost(&bytes) || escapes > 1.1
}

/// Lines between triple quotes, where nothing could be mistaken.
fn triple_quoted(rows: &[Row]) -> Option<Vec<Row>> {
    let quotes = || Row { bare: true, ..Row::new("", Text::Line("\"\"\"".into())) };
    let (mut removed, mut inserted) = (HashSet::new(), HashSet::new());
    let mut out = vec![quotes()];
    for row in rows {
        let mut row = row.clone();
        if let (Text::Line(line), false) = (&row.value, row.bare) {
            let line = without_returns(line).to_owned();
            let normal: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            let mut clear = !line.starts_with("\"\"\"")
                && !line.starts_with("...")
                && line.chars().all(|c| is_print(c) || c == '\t');
            match row.mode {
                Mode::Old => {
                    clear &= !inserted.contains(&normal);
                    removed.insert(normal);
                }
                Mode::New => {
                    clear &= !removed.contains(&normal);
                    inserted.insert(normal);
                }
                _ => {}
            }
            if !clear {
                return None;
            }
            row.value = Text::Line(line);
            row.bare = true;
        }
        if !matches!(row.mode, Mode::Old | Mode::New) {
            removed.clear();
            inserted.clear();
        }
        out.push(row);
    }
    if out.last().is_some_and(|last| last.mode == Mode::Same && last.value == Text::Line(String::new())) {
        out.pop();
    }
    out.push(quotes());
    Some(out)
}

/// Two lists in chunks: what differs, and what is around it.
fn chunks<T: PartialEq>(
    habit: Habit,
    style: Style<'_>,
    mut old: &[T],
    mut new: &[T],
    size: usize,
    name: &'static str,
    row: impl Fn(&[T], Mode) -> Row,
) -> Vec<Row> {
    let most = if style.verbosity.is_some() { (1 << style.level()) << 2 } else { usize::MAX };
    let steps = edits::edits(habit, old.len(), new.len(), |i, j| Likeness::of(old[i] == new[j]));
    let groups = clean(near(groups(name, &steps), size / 4), old, new);
    let (mut rows, mut shown, mut rest) = (Vec::new(), 0, Counts::none(name));
    for (i, group) in groups.iter().enumerate() {
        if shown >= most {
            rest = rest.and(*group);
            continue;
        }
        let mut add = |items: &[T], mode: Mode| {
            rows.extend(items.chunks(size).map(|chunk| row(chunk, mode)));
        };
        if group.differ() > 0 {
            let (was, is) =
                (group.same + group.removed + group.modified, group.same + group.inserted + group.modified);
            add(&old[..was], Mode::Old);
            add(&new[..is], Mode::New);
            shown += was.div_ceil(size) + is.div_ceil(size);
            (old, new) = (&old[was..], &new[is..]);
            continue;
        }
        let all = group.same;
        let before = if i == 0 { 0 } else { all.min(size * CONTEXT) };
        let mut behind = if i + 1 == groups.len() { 0 } else { (all - before).min(size * CONTEXT) };
        if all - before - behind <= size {
            behind = all - before;
        }
        add(&old[..before], Mode::Same);
        if all > before + behind {
            let mut hidden = *group;
            hidden.same -= before + behind;
            leave_out(&mut rows, Some(hidden));
        }
        rows.extend(old[all - behind..all].chunks(size).map(|chunk| row(chunk, Mode::Same)));
        (old, new) = (&old[all..], &new[all..]);
    }
    if !rest.is_zero() {
        leave_out(&mut rows, Some(rest));
    }
    rows
}

fn groups(name: &'static str, steps: &[Edit]) -> Vec<Counts> {
    let (mut groups, mut was_same): (Vec<Counts>, Option<bool>) = (Vec::new(), None);
    for step in steps {
        let same = *step == Edit::Same;
        if was_same != Some(same) {
            groups.push(Counts::none(name));
            was_same = Some(same);
        }
        let Some(counts) = groups.last_mut() else { continue };
        match step {
            Edit::Same => counts.same += 1,
            Edit::OnlyOld => counts.removed += 1,
            Edit::OnlyNew => counts.inserted += 1,
            Edit::Modified => counts.modified += 1,
        }
    }
    groups
}

/// Takes short runs that are the same together with the changes around them.
fn near(groups: Vec<Counts>, window: usize) -> Vec<Counts> {
    let mut out: Vec<Counts> = Vec::new();
    for group in groups {
        if group.differ() > 0
            && let [.., before, same] = out.as_slice()
        {
            let removes = before.removed > 0 || group.removed > 0;
            let inserts = before.inserted > 0 || group.inserted > 0;
            if removes && inserts && same.same <= window {
                let all = before.and(*same).and(group);
                out.truncate(out.len() - 2);
                out.push(all);
                continue;
            }
        }
        out.push(group);
    }
    out
}

/// Gives what is the same at the ends of a change back to its neighbours.
fn clean<T: PartialEq>(mut groups: Vec<Counts>, old: &[T], new: &[T]) -> Vec<Counts> {
    let (mut at, mut to) = (0, 0);
    let (mut first, mut last) = (0, 0);
    for i in 0..groups.len() {
        let group = groups[i];
        if group.differ() == 0 {
            (at, to) = (at + group.same, to + group.same);
            continue;
        }
        let mut was = group.same + group.removed + group.modified;
        let mut is = group.same + group.inserted + group.modified;
        let (a, b) = (&old[at..at + was], &new[to..to + is]);
        let leading = a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let trailing = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        if leading + trailing > 0 {
            match i.checked_sub(1) {
                Some(before) => groups[before].same += leading,
                None => first = leading,
            }
            (at, to) = (at + leading, to + leading);
            match groups.get_mut(i + 1) {
                Some(after) => after.same += trailing,
                None => last = trailing,
            }
            was = was.saturating_sub(leading + trailing);
            is = is.saturating_sub(leading + trailing);
            groups[i] = Counts { removed: was, inserted: is, ..Counts::none(group.name) };
        }
        (at, to) = (at + was, to + is);
    }
    let name = groups.first().map_or("", |group| group.name);
    if first > 0 {
        groups.insert(0, Counts { same: first, ..Counts::none(name) });
    }
    if last > 0 {
        groups.push(Counts { same: last, ..Counts::none(name) });
    }
    groups
}
