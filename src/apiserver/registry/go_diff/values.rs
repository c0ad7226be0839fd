//! One value as Go-like source.
//!
//! Upstream: `github.com/google/go-cmp/cmp/report_reflect.go`.

use super::super::go_types::{Data, Kind, Stringer, Types};
use super::quote::{is_print, string};
use super::text::{Comment, Mode, Row, Text, ellipsis, leave_out};

/// Whether a value's type is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Always.
    Always,
    /// Never.
    Never,
    /// Where the value has parts.
    Composite,
}

/// How values are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style<'a> {
    /// All types.
    pub types: &'a Types,
    /// Which side is shown.
    pub mode: Mode,
    /// Whether types are named.
    pub naming: Naming,
    /// Whether the String methods of values are not used.
    pub plainly: bool,
    /// How much is shown; all where there is no limit.
    pub verbosity: Option<u32>,
}

impl<'a> Style<'a> {
    /// The same with another naming.
    pub fn naming(self, naming: Naming) -> Self {
        Self { naming, ..self }
    }

    /// The same for another side.
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same, with another limit.
    pub fn verbosity(self, level: u32) -> Self {
        Self { verbosity: Some(level), ..self }
    }

    /// The limit as a number.
    pub fn level(&self) -> u32 {
        self.verbosity.unwrap_or(0).min(16)
    }

    fn deeper(self) -> Self {
        Self { verbosity: self.verbosity.map(|level| level.min(16).saturating_sub(1)), ..self }
    }

    /// How many parts are shown at most.
    fn most(&self, all: usize) -> usize {
        if self.verbosity.is_some() { ((1 << self.level()) >> 1) << 2 } else { all }
    }

    /// Names the type before a text, where that is wanted.
    pub fn typed(&self, of: usize, text: Text) -> Text {
        let kind = self.types.at(of);
        let composite = matches!(kind.kind, Kind::Struct(_) | Kind::List(_) | Kind::Map(..));
        match self.naming {
            Naming::Never => return text,
            Naming::Composite if !composite || text == nil() || self.mode == Mode::Same => return text,
            _ => {}
        }
        let pointer = !kind.named && matches!(kind.kind, Kind::Pointer(_));
        let name = if pointer { format!("({})", kind.name) } else { kind.name.to_owned() };
        Text::wrap(name, in_parentheses(text), "")
    }

    /// A value.
    pub fn value(&self, of: usize, data: &Data) -> Text {
        let kind = self.types.at(of);
        if !self.plainly
            && let Some(said) = self.said(of, data)
        {
            return self.string("s", &said);
        }
        let text = match (&kind.kind, data) {
            (_, Data::Bool(truth)) => Text::Line(truth.to_string()),
            (_, Data::Int(number)) => Text::Line(number.to_string()),
            (_, Data::Text(text)) => self.string("", text),
            (Kind::Struct(fields), Data::Struct(values)) => {
                let (most, style) = (self.most(fields.len()), self.deeper().naming(Naming::Composite));
                let mut rows = Vec::new();
                for (field, value) in fields.iter().zip(values).filter(|(_, value)| !value.is_zero()) {
                    if rows.len() == most {
                        leave_out(&mut rows, None);
                        break;
                    }
                    rows.push(Row::new(field.name, style.value(field.of, value)));
                }
                Text::braces(rows)
            }
            (Kind::List(item), Data::List(Some(items))) => {
                let all = items.iter().map(|one| (String::new(), *item, one));
                self.parts(items.len(), all)
            }
            (Kind::Map(key, item), Data::Map(Some(map))) => {
                let all = map.iter().map(|(name, one)| (self.key(*key, name), *item, one));
                self.parts(map.len(), all)
            }
            (Kind::Pointer(to), Data::Pointer(Some(inner))) => {
                return Text::wrap("&", self.value(*to, inner), "");
            }
            _ => nil(),
        };
        self.typed(of, text)
    }

    fn parts<'d>(&self, count: usize, all: impl Iterator<Item = (String, usize, &'d Data)>) -> Text {
        let (most, style) = (self.most(count), self.deeper().naming(Naming::Never));
        let mut rows = Vec::new();
        for (key, of, value) in all {
            if rows.len() == most {
                leave_out(&mut rows, None);
                break;
            }
            rows.push(Row::new(&key, style.value(of, value)));
        }
        Text::braces(rows)
    }

    /// A key of a map.
    pub fn key(&self, of: usize, name: &str) -> String {
        let prefix = if self.types.at(of).stringer == Stringer::Value { "s" } else { "" };
        let style = Style { mode: Mode::Same, verbosity: Some(6), ..*self };
        match style.string(prefix, name) {
            Text::Line(line) => line,
            _ => String::new(),
        }
    }

    /// What the String method of a value says.
    fn said(&self, of: usize, data: &Data) -> Option<String> {
        let kind = self.types.at(of);
        match (&kind.kind, kind.stringer, data) {
            (Kind::Text, Stringer::Value, Data::Text(text)) => Some(text.clone()),
            (Kind::Pointer(to), _, Data::Pointer(Some(inner))) => {
                let to = self.types.at(*to);
                if to.stringer == Stringer::No { None } else { said_of_pointer(to.name, inner) }
            }
            _ => None,
        }
    }

    /// A text, shortened where it is long.
    pub fn string(&self, prefix: &str, text: &str) -> Text {
        let limited = self.verbosity.is_some();
        let most = if limited { (1 << self.level()) << 5 } else { text.len() };
        let most_lines = if limited { (1 << self.level()) << 2 } else { usize::MAX };
        let lines: Vec<&str> = text.strip_suffix('\n').unwrap_or(text).split('\n').collect();
        let lines: Vec<&str> = lines.into_iter().map(without_returns).collect();
        let plain = |line: &&str| {
            !line.strip_prefix(prefix).unwrap_or(line).starts_with("\"\"\"")
                && !line.starts_with("...")
                && line.chars().all(|c| is_print(c) || c == '\t')
                && line.len() <= most
        };
        if lines.len() >= 4 && matches!(self.mode, Mode::Old | Mode::New) && lines.iter().all(plain) {
            let row = |text: Text| Row { bare: true, ..Row::of(self.mode, "", text) };
            let quotes = || row(Text::Line(format!("{prefix}\"\"\"")));
            let mut rows = vec![quotes()];
            for (i, line) in lines.iter().enumerate() {
                let left = lines.len() - i;
                if i + 1 == most_lines && left > 1 {
                    let comment = Some(Comment::Words(format!("{left} elided lines")));
                    rows.push(Row { comment, ..row(ellipsis()) });
                    break;
                }
                rows.push(row(Text::Line((*line).to_owned())));
            }
            rows.push(quotes());
            return Text::wrap("(", Text::List(rows), ")");
        }
        if text.len() > most + 3 {
            return Text::Line(format!("{prefix}{}...", string(&text.as_bytes()[..most])));
        }
        Text::Line(format!("{prefix}{}", string(text.as_bytes())))
    }
}

/// A line without the returns around it.
pub(super) fn without_returns(line: &str) -> &str {
    let line = line.strip_suffix('\r').unwrap_or(line);
    line.strip_prefix('\r').unwrap_or(line)
}

/// What stands for no value.
fn nil() -> Text {
    Text::Line("nil".into())
}

fn in_parentheses(text: Text) -> Text {
    match &text {
        Text::Wrap(before, _, after)
            if (before.starts_with('(') && after.ends_with(')'))
                || (before.starts_with('{') && after.ends_with('}')) =>
        {
            text
        }
        _ => Text::wrap("(", text, ")"),
    }
}

/// What the String methods of the few types say that have one for pointers.
fn said_of_pointer(name: &str, data: &Data) -> Option<String> {
    let Data::Struct(parts) = data else { return None };
    match (name, parts.as_slice()) {
        ("resource.Quantity", [number, Data::Text(decimal), Data::Text(kept), Data::Text(format)]) => {
            Some(super::json::canonical(number, decimal, kept, format))
        }
        ("intstr.IntOrString", [Data::Int(1), _, Data::Text(text)]) => Some(text.clone()),
        ("intstr.IntOrString", [_, Data::Int(number), _]) => Some(number.to_string()),
        ("v1.LabelSelector", [labels, expressions]) => {
            let labels = match labels {
                Data::Map(Some(map)) => map
                    .iter()
                    .map(|(key, value)| match value {
                        Data::Text(text) => format!("{key}: {text},"),
                        _ => String::new(),
                    })
                    .collect(),
                _ => String::new(),
            };
            let expressions = match expressions {
                Data::List(Some(all)) => all.iter().map(said_of_requirement).collect(),
                _ => String::new(),
            };
            Some(format!(
                "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
                 MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
            ))
        }
        _ => None,
    }
}

fn said_of_requirement(data: &Data) -> String {
    let Data::Struct(parts) = data else { return String::new() };
    let [Data::Text(key), Data::Text(operator), Data::List(values)] = parts.as_slice() else {
        return String::new();
    };
    let values: Vec<&str> = values
        .iter()
        .flatten()
        .filter_map(|value| if let Data::Text(text) = value { Some(text.as_str()) } else { None })
        .collect();
    format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
}
