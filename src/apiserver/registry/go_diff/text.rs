//! Text that is written on one line where it can be, else over several, in columns.
//!
//! Upstream: `github.com/google/go-cmp/cmp/report_text.go`.

use super::Habit;

/// How long a line may become.
const COLUMNS: usize = 80;

/// Which side is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Both, with what differs.
    Both,
    /// What is the same on both.
    Same,
    /// The old one.
    Old,
    /// The new one.
    New,
}

impl Mode {
    fn within(self, inner: Self) -> Self {
        if inner == Self::Both { self } else { inner }
    }

    fn one_sided(self) -> bool {
        matches!(self, Self::Old | Self::New)
    }

    fn sign(self) -> char {
        match self {
            Self::Both | Self::Same => ' ',
            Self::Old => '-',
            Self::New => '+',
        }
    }
}

/// A count of records, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// What is counted, one of them.
    pub name: &'static str,
    /// The same.
    pub same: usize,
    /// Only old.
    pub removed: usize,
    /// Only new.
    pub inserted: usize,
    /// Changed.
    pub modified: usize,
}

impl Counts {
    /// None of these.
    pub fn none(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// How many differ.
    pub fn differ(&self) -> usize {
        self.removed + self.inserted + self.modified
    }

    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        self.same + self.differ() == 0
    }

    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.same += other.same;
        self.removed += other.removed;
        self.inserted += other.inserted;
        self.modified += other.modified;
        self
    }

    fn told(&self) -> String {
        let labels = [
            (self.same, "identical"),
            (self.removed, "removed"),
            (self.inserted, "inserted"),
            (self.modified, "modified"),
        ];
        let parts: Vec<String> =
            labels.iter().filter(|(n, _)| *n > 0).map(|(n, label)| format!("{n} {label}")).collect();
        let name = match (self.same + self.differ() > 1, self.name.strip_suffix('y')) {
            (false, _) => self.name.to_owned(),
            (true, Some(stem)) => format!("{stem}ies"),
            (true, None) => format!("{}s", self.name),
        };
        match parts.as_slice() {
            [] => String::new(),
            [before @ .., last] if before.len() > 1 => {
                format!("{}, and {last} {name}", before.join(", "))
            }
            few => format!("{} {name}", few.join(" and ")),
        }
    }
}

/// What is said behind a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Comment {
    /// How many records are not shown.
    Counts(Counts),
    /// Anything else.
    Words(String),
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    /// What stays on its line.
    Line(String),
    /// Something between two words.
    Wrap(String, Box<Text>, String),
    /// Rows that are put side by side, or each on its line.
    List(Vec<Row>),
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Which side it is of.
    pub mode: Mode,
    /// Its name; empty where it has none.
    pub key: String,
    /// Its value.
    pub value: Text,
    /// Whether there is no comma behind it.
    pub bare: bool,
    /// What is said behind it.
    pub comment: Option<Comment>,
}

impl Row {
    /// A row of both sides.
    pub fn new(key: &str, value: Text) -> Self {
        Self { mode: Mode::Both, key: key.to_owned(), value, bare: false, comment: None }
    }

    /// A row of one side.
    pub fn of(mode: Mode, key: &str, value: Text) -> Self {
        Self { mode, ..Self::new(key, value) }
    }
}

/// What stands for more.
pub(super) fn ellipsis() -> Text {
    Text::Line("...".into())
}

/// Adds that there is more; what is left out is counted together with what was just before.
pub(super) fn leave_out(rows: &mut Vec<Row>, counts: Option<Counts>) {
    let counts = counts.filter(|counts| !counts.is_zero());
    match rows.last_mut() {
        Some(last) if last.value == ellipsis() => {
            last.comment = match (last.comment.take(), counts) {
                (Some(Comment::Counts(a)), Some(b)) => Some(Comment::Counts(a.and(b))),
                (a, b) => a.or(b.map(Comment::Counts)),
            };
        }
        _ => {
            let comment = counts.map(Comment::Counts);
            rows.push(Row { bare: true, comment, ..Row::new("", ellipsis()) });
        }
    }
}

impl Text {
    /// Something in braces.
    pub fn braces(rows: Vec<Row>) -> Self {
        Self::wrap("{", Self::List(rows), "}")
    }

    /// Something between two words.
    pub fn wrap(before: impl Into<String>, inner: Self, after: impl Into<String>) -> Self {
        Self::Wrap(before.into(), Box::new(inner), after.into())
    }

    /// How long it is on one line.
    pub fn length(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Wrap(before, inner, after) => before.len() + inner.length() + after.len(),
            Self::List(rows) => {
                let keys = rows.iter().map(|row| if row.key.is_empty() { 0 } else { row.key.len() + 2 });
                let values = rows.iter().map(|row| row.value.length());
                keys.chain(values).sum::<usize>() + 2 * rows.len().saturating_sub(1)
            }
        }
    }

    /// The text on one line, and what it is folded to.
    fn compact(&self, mode: Mode) -> (String, Self) {
        match self {
            Self::Line(line) => (line.clone(), self.clone()),
            Self::Wrap(before, inner, after) => {
                let (line, inner) = inner.compact(mode);
                let line = format!("{before}{line}{after}");
                match inner {
                    Self::Line(_) => (line.clone(), Self::Line(line)),
                    inner => (line, Self::wrap(before, inner, after)),
                }
            }
            Self::List(rows) => {
                let (mut line, mut rows, mut many) = (String::new(), rows.clone(), false);
                let count = rows.len();
                for (i, row) in rows.iter_mut().enumerate() {
                    many |= row.mode.one_sided() || row.comment.is_some();
                    if !row.key.is_empty() {
                        line.push_str(&row.key);
                        line.push_str(": ");
                    }
                    let (part, value) = row.value.compact(mode.within(row.mode));
                    line.push_str(&part);
                    many |= !matches!(value, Self::Line(_));
                    row.value = value;
                    if i + 1 < count {
                        line.push_str(", ");
                    }
                }
                many |= mode.one_sided() && line.len() > COLUMNS;
                if many { (line, Self::List(rows)) } else { (line.clone(), Self::Line(line)) }
            }
        }
    }

    /// All of it, with a sign before each line.
    pub fn told(&self, habit: Habit) -> String {
        let (_, folded) = self.compact(Mode::Both);
        let mut out = String::new();
        indent(habit, Mode::Both, 0, &mut out);
        folded.expand(habit, Mode::Both, 0, &mut out);
        out.push('\n');
        out
    }

    fn expand(&self, habit: Habit, mode: Mode, depth: usize, out: &mut String) {
        match self {
            Self::Line(line) => out.push_str(line),
            Self::Wrap(before, inner, after) => {
                out.push_str(before);
                inner.expand(habit, mode, depth, out);
                out.push_str(after);
            }
            Self::List(rows) => {
                if is_simple(rows) {
                    batches(habit, mode, depth + 1, rows, out);
                } else {
                    each(habit, mode, depth + 1, rows, out);
                }
                out.push('\n');
                indent(habit, mode, depth, out);
            }
        }
    }
}

fn indent(habit: Habit, mode: Mode, depth: usize, out: &mut String) {
    let blank = if habit == Habit::Forward { ' ' } else { '\u{a0}' };
    out.push(if mode.sign() == ' ' { blank } else { mode.sign() });
    out.push(blank);
    out.extend(std::iter::repeat_n('\t', depth));
}

/// Whether a list is one of plain values.
fn is_simple(rows: &[Row]) -> bool {
    let plain = |row: &Row| {
        row.mode == Mode::Both
            && row.key.is_empty()
            && matches!(row.value, Text::Line(_))
            && row.comment.is_none()
    };
    !rows.is_empty() && rows.iter().all(plain)
}

/// Several values on each line.
fn batches(habit: Habit, mode: Mode, depth: usize, rows: &[Row], out: &mut String) {
    let mut emit = |batch: &mut String| {
        if !batch.is_empty() {
            out.push('\n');
            indent(habit, mode, depth, out);
            out.push_str(batch.trim_end_matches(' '));
            batch.clear();
        }
    };
    let mut batch = String::new();
    for row in rows {
        let Text::Line(line) = &row.value else { continue };
        if batch.len() + line.len() + 2 > COLUMNS {
            emit(&mut batch);
        }
        batch.push_str(line);
        batch.push_str(", ");
    }
    emit(&mut batch);
}

/// Each row on its line.
fn each(habit: Habit, mode: Mode, depth: usize, rows: &[Row], out: &mut String) {
    let line = |row: &Row| match &row.value {
        Text::Line(line) => Some(line.chars().count()),
        _ => None,
    };
    let after_key =
        aligned(rows, |row| (!row.key.is_empty() && line(row).is_some()).then(|| row.key.chars().count()));
    let after_value =
        aligned(rows, |row| line(row).filter(|_| row.value != ellipsis() && row.comment.is_some()));
    for (row, (key_gap, value_gap)) in rows.iter().zip(after_key.into_iter().zip(after_value)) {
        let mode = mode.within(row.mode);
        out.push('\n');
        indent(habit, mode, depth, out);
        if !row.key.is_empty() {
            out.push_str(&row.key);
            out.push_str(": ");
        }
        out.extend(std::iter::repeat_n(' ', key_gap));
        row.value.expand(habit, mode, depth, out);
        if !row.bare {
            out.push(',');
        }
        out.extend(std::iter::repeat_n(' ', value_gap));
        if let Some(comment) = &row.comment {
            out.push_str(" // ");
            match comment {
                Comment::Counts(counts) => out.push_str(&counts.told()),
                Comment::Words(words) => out.push_str(words),
            }
        }
    }
}

/// The gaps that put neighbouring rows into columns; a row without a length ends a column.
fn aligned(rows: &[Row], length: impl Fn(&Row) -> Option<usize>) -> Vec<usize> {
    let lengths: Vec<Option<usize>> = rows.iter().map(length).collect();
    let mut gaps = vec![0; rows.len()];
    let mut from = 0;
    for at in 0..=rows.len() {
        if lengths.get(at).copied().flatten().is_some() {
            continue;
        }
        let widest = lengths[from..at].iter().flatten().max().copied().unwrap_or(0);
        for (gap, length) in gaps[from..at].iter_mut().zip(&lengths[from..at]) {
            *gap = widest - length.unwrap_or(0);
        }
        from = at + 1;
    }
    gaps
}
