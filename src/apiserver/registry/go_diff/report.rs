//! What differs of two values, with a little of what does not.
//!
//! Upstream: `github.com/google/go-cmp/cmp/report_compare.go`.

use super::super::go_types::{Data, Kind, Types};
use super::Habit;
use super::compare::{Node, Parts};
use super::slices;
use super::text::{Counts, Mode, Row, Text, leave_out};
use super::values::{Naming, Style};

/// Records that are shown before and after what differs.
pub(super) const CONTEXT: usize = 2;
/// How often one looks closer where two differ that look the same.
const CLOSER: u32 = 6;

/// The difference that a tree shows.
pub(super) fn told(types: &Types, habit: Habit, root: &Node<'_>) -> String {
    if root.differ == 0 {
        return String::new();
    }
    let style = Style { types, mode: Mode::Both, naming: Naming::Always, plainly: false, verbosity: None };
    Reporter { habit }.node(style, root).map_or_else(String::new, |text| text.told(habit))
}

struct Reporter {
    habit: Habit,
}

fn closer(style: Style<'_>, by: u32) -> Style<'_> {
    Style { verbosity: Some(style.level() + 2 * by), plainly: style.plainly || by > 0, ..style }
}

fn value(style: &Style<'_>, of: usize, data: Option<&Data>) -> Option<Text> {
    Some(style.value(of, data?))
}

impl Reporter {
    /// A node; nothing where it is on the other side.
    fn node(&self, style: Style<'_>, node: &Node<'_>) -> Option<Text> {
        let style = match style.mode {
            Mode::Same => style.verbosity(1),
            _ if style.level() < 3 => style.verbosity(3),
            _ => style,
        };
        if slices::has_form(&style, node) {
            return Some(slices::told(self.habit, style, node));
        }
        match &node.parts {
            Parts::None => leaf(style, node),
            Parts::Inner(inner) => Some(Text::wrap("&", self.node(style, inner)?, "")),
            Parts::Records(records) => Some(style.typed(node.of, self.records(style, node, records))),
        }
    }

    fn records(&self, style: Style<'_>, node: &Node<'_>, records: &[(&str, Node<'_>)]) -> Text {
        let kind = &style.types.at(node.of).kind;
        let (name, naming) = match kind {
            Kind::Struct(_) => ("field", Naming::Composite),
            Kind::Map(..) => ("entry", Naming::Never),
            _ => ("element", Naming::Never),
        };
        let key = |key: &str| match kind {
            Kind::Map(of, _) => style.key(*of, key),
            _ => key.to_owned(),
        };
        let level = style.level();
        let most = match (style.verbosity, style.mode) {
            (None, _) => usize::MAX,
            (_, Mode::Same) => ((1 << level) >> 1) << 2,
            _ => (1 << level) << 1,
        };
        let inner = Style { naming, verbosity: style.verbosity.map(|_| level.saturating_sub(1)), ..style };
        let is_struct = matches!(kind, Kind::Struct(_));
        let rows = if style.mode == Mode::Both {
            self.both(inner, name, most, records, &key)
        } else {
            self.one_side(inner, most, records, is_struct, &key)
        };
        Text::braces(rows)
    }

    /// Records of one side, or those that are the same.
    fn one_side(
        &self,
        style: Style<'_>,
        most: usize,
        records: &[(&str, Node<'_>)],
        is_struct: bool,
        key: &dyn Fn(&str) -> String,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        for (name, node) in records {
            if rows.len() == most {
                leave_out(&mut rows, None);
                break;
            }
            let zero = |data: Option<&Data>| data.is_some_and(Data::is_zero);
            let skipped = match style.mode {
                Mode::Old => zero(node.old),
                Mode::New => zero(node.new),
                _ => zero(node.old) || zero(node.new),
            };
            if is_struct && skipped {
                continue;
            }
            if let Some(text) = self.node(style, node) {
                rows.push(Row::new(&key(name), text));
            }
        }
        rows
    }

    /// Records of both sides: what differs, and what is around it.
    fn both(
        &self,
        style: Style<'_>,
        name: &'static str,
        most: usize,
        records: &[(&str, Node<'_>)],
        key: &dyn Fn(&str) -> String,
    ) -> Vec<Row> {
        let groups = groups(name, records);
        let (mut rows, mut left, mut shown) = (Vec::new(), records, 0);
        let mut rest = Counts::none(name);
        for (i, group) in groups.iter().enumerate() {
            if shown >= most {
                rest = rest.and(*group);
                continue;
            }
            let (these, after) = left.split_at(group.same + group.differ());
            left = after;
            if group.differ() > 0 {
                for (name, node) in these {
                    self.differing(style, &key(name), node, &mut rows);
                }
                shown += group.differ();
                continue;
            }
            let all = these.len();
            let before = if i == 0 { 0 } else { all.min(CONTEXT) };
            let last = i + 1 == groups.len();
            let mut behind = if last { 0 } else { (all - before).min(CONTEXT) };
            if all - before - behind == 1 {
                behind += 1;
            }
            let same = |records: &[(&str, Node<'_>)], rows: &mut Vec<Row>| {
                for (name, node) in records {
                    if let Some(text) = self.node(style.mode(Mode::Same), node) {
                        rows.push(Row::new(&key(name), text));
                    }
                }
            };
            same(&these[..before], &mut rows);
            if all > before + behind {
                let mut hidden = *group;
                hidden.same -= before + behind;
                leave_out(&mut rows, Some(hidden));
            }
            same(&these[all - behind..], &mut rows);
        }
        if !rest.is_zero() {
            leave_out(&mut rows, Some(rest));
        }
        rows
    }

    /// A record that differs: what it was and is, or what differs inside of it.
    fn differing(&self, style: Style<'_>, key: &str, node: &Node<'_>, rows: &mut Vec<Row>) {
        if slices::has_form(&style, node) {
            rows.push(Row::new(key, slices::told(self.habit, style, node)));
            return;
        }
        if node.children != node.depth {
            rows.extend(self.node(style, node).map(|text| Row::new(key, text)));
            return;
        }
        let sides = |style: Style<'_>| [Mode::Old, Mode::New].map(|mode| self.node(style.mode(mode), node));
        let mut pair = sides(style);
        for by in 0..=CLOSER {
            match &pair {
                [Some(old), Some(new)] if old == new => pair = sides(closer(style, by)),
                _ => break,
            }
        }
        for (mode, text) in [Mode::Old, Mode::New].into_iter().zip(pair) {
            rows.extend(text.map(|text| Row::of(mode, key, text)));
        }
    }
}

/// A node without parts.
fn leaf(style: Style<'_>, node: &Node<'_>) -> Option<Text> {
    let sides = |style: Style<'_>| [node.old, node.new].map(|data| value(&style, node.of, data));
    match style.mode {
        Mode::Old => value(&style, node.of, node.old),
        Mode::New => value(&style, node.of, node.new),
        _ if node.differ == 0 => match sides(style) {
            [Some(old), Some(new)] if old.length() < new.length() => Some(old),
            [_, new] => new,
        },
        _ => {
            let plain = style.naming(Naming::Never);
            let mut pair = sides(plain);
            for by in 0..=CLOSER {
                match &pair {
                    [Some(old), Some(new)] if old == new => pair = sides(closer(plain, by)),
                    _ => break,
                }
            }
            let rows = [Mode::Old, Mode::New].into_iter().zip(pair);
            let rows = rows.filter_map(|(mode, text)| Some(Row::of(mode, "", text?))).collect();
            Some(style.naming(Naming::Always).typed(node.of, Text::List(rows)))
        }
    }
}

/// Neighbouring records that are the same, and such that differ.
fn groups(name: &'static str, records: &[(&str, Node<'_>)]) -> Vec<Counts> {
    let (mut groups, mut was_same): (Vec<Counts>, Option<bool>) = (Vec::new(), None);
    for (_, node) in records {
        let same = node.differ == 0;
        if was_same != Some(same) {
            groups.push(Counts::none(name));
            was_same = Some(same);
        }
        let Some(counts) = groups.last_mut() else { continue };
        match (same, node.old, node.new) {
            (true, ..) => counts.same += 1,
            (_, _, None) => counts.removed += 1,
            (_, None, _) => counts.inserted += 1,
            _ => counts.modified += 1,
        }
    }
    groups
}
