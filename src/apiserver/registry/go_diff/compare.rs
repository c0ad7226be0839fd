//! Two values as one tree of what is equal and what differs.
//!
//! Upstream: `github.com/google/go-cmp/cmp/{compare,report_value}.go`.

use std::collections::BTreeSet;

use super::super::go_types::{Data, Kind, Types};
use super::Habit;
use super::edits::{self, Edit, Likeness};

/// A place in both values, or in one of them.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The place of its type.
    pub of: usize,
    /// What is there in the old value.
    pub old: Option<&'a Data>,
    /// What is there in the new value.
    pub new: Option<&'a Data>,
    /// Whether it is an item of a slice.
    pub item: bool,
    /// Leaves below it that are equal.
    pub same: usize,
    /// Leaves below it that differ.
    pub differ: usize,
    /// Leaves that were compared by a method of their type.
    pub by_method: usize,
    /// Nodes below it.
    pub children: usize,
    /// How deep the tree below it is.
    pub depth: usize,
    /// Its parts.
    pub parts: Parts<'a>,
}

/// What a node consists of.
#[derive(Debug)]
pub(super) enum Parts<'a> {
    /// A leaf has none.
    None,
    /// Fields, items or entries, with their names, which are empty for items.
    Records(Vec<(&'a str, Node<'a>)>),
    /// What a pointer points to.
    Inner(Box<Node<'a>>),
}

impl<'a> Node<'a> {
    fn leaf(of: usize, old: Option<&'a Data>, new: Option<&'a Data>, equal: bool) -> Self {
        Self {
            of,
            old,
            new,
            item: false,
            same: usize::from(equal),
            differ: usize::from(!equal),
            by_method: 0,
            children: 0,
            depth: 0,
            parts: Parts::None,
        }
    }

    fn with(of: usize, old: &'a Data, new: &'a Data, parts: Parts<'a>) -> Self {
        let mut node = Self::leaf(of, Some(old), Some(new), true);
        node.same = 0;
        let mut add = |child: &Node<'a>| {
            node.same += child.same;
            node.differ += child.differ;
            node.by_method += child.by_method;
            node.children += child.children + 1;
            node.depth = node.depth.max(child.depth + 1);
        };
        match &parts {
            Parts::None => {}
            Parts::Records(all) => all.iter().for_each(|(_, child)| add(child)),
            Parts::Inner(child) => add(child),
        }
        node.parts = parts;
        node
    }
}

/// Compares two values of a type.
pub(super) fn compare<'a>(
    types: &'a Types,
    habit: Habit,
    of: usize,
    old: &'a Data,
    new: &'a Data,
) -> Node<'a> {
    let kind = types.at(of);
    if kind.compares_itself() {
        let mut node = Node::leaf(of, Some(old), Some(new), equal(kind.name, old, new));
        node.by_method = 1;
        return node;
    }
    match (&kind.kind, old, new) {
        (Kind::Struct(fields), Data::Struct(a), Data::Struct(b)) => {
            let records = fields
                .iter()
                .zip(a.iter().zip(b))
                .map(|(field, (a, b))| (field.name, compare(types, habit, field.of, a, b)))
                .collect();
            Node::with(of, old, new, Parts::Records(records))
        }
        (Kind::List(item), Data::List(Some(a)), Data::List(Some(b))) => {
            Node::with(of, old, new, Parts::Records(items(types, habit, *item, a, b)))
        }
        (Kind::Map(_, item), Data::Map(Some(a)), Data::Map(Some(b))) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let entry = |key: &'a String| {
                let node = match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => compare(types, habit, *item, a, b),
                    (a, b) => Node::leaf(*item, a, b, false),
                };
                (key.as_str(), node)
            };
            Node::with(of, old, new, Parts::Records(keys.into_iter().map(entry).collect()))
        }
        (Kind::Pointer(to), Data::Pointer(Some(a)), Data::Pointer(Some(b))) => {
            let inner = Box::new(compare(types, habit, *to, a, b));
            Node::with(of, old, new, Parts::Inner(inner))
        }
        _ => Node::leaf(of, Some(old), Some(new), old == new),
    }
}

/// Quantities are equal that are the same number.
fn equal(name: &str, old: &Data, new: &Data) -> bool {
    let number = |data: &Data| -> Option<i128> {
        let Data::Struct(parts) = data else { return None };
        match parts.as_slice() {
            [Data::Struct(number), Data::Text(decimal), ..] if decimal.is_empty() => {
                match number.as_slice() {
                    [Data::Int(value), Data::Int(scale)] => {
                        let power = u32::try_from(scale + 9).unwrap_or(0);
                        Some(i128::from(*value).saturating_mul(10_i128.saturating_pow(power)))
                    }
                    _ => None,
                }
            }
            [_, Data::Text(decimal), ..] => decimal.replace('.', "").parse().ok(),
            _ => None,
        }
    };
    if name == "resource.Quantity" { number(old) == number(new) } else { old == new }
}

/// The items of two slices, brought together.
fn items<'a>(
    types: &'a Types,
    habit: Habit,
    of: usize,
    old: &'a [Data],
    new: &'a [Data],
) -> Vec<(&'a str, Node<'a>)> {
    let steps = edits::edits(habit, old.len(), new.len(), |i, j| {
        let node = compare(types, habit, of, &old[i], &new[j]);
        Likeness { same: node.same, differ: node.differ }
    });
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    for step in steps {
        let mut node = match step {
            Edit::OnlyOld => Node::leaf(of, old.get(i), None, false),
            Edit::OnlyNew => Node::leaf(of, None, new.get(j), false),
            Edit::Same | Edit::Modified => compare(types, habit, of, &old[i], &new[j]),
        };
        i += usize::from(step != Edit::OnlyNew);
        j += usize::from(step != Edit::OnlyOld);
        node.item = true;
        out.push(("", node));
    }
    out
}
