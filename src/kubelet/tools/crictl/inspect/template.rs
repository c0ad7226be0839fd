//! Go's text templates, as far as people ask a container's state by them: fields, `range`, `if`, `with`, variables, pipelines and
//! the functions of a few letters.
//!
//! Behaviour and messages after Go's `text/template` with `missingkey=error`; `cmd/crictl/templates.go`.

use serde_json::Value;

use crate::go_value::go_value;

/// What crictl calls its template.
const NAME: &str = "tmplExecuteRawJSON";

/// A part of a template.
enum Part {
    Text(String),
    Print(Vec<Call>),
    /// `$name := ...`
    Set(String, Vec<Call>),
    Block {
        kind: Kind,
        names: Vec<String>,
        of: Vec<Call>,
        then: Vec<Part>,
        otherwise: Vec<Part>,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    If,
    With,
    Range,
}

/// One command of a pipeline: operands, the first of which may be a function.
type Call = Vec<Operand>;

enum Operand {
    Literal(Value),
    Function(String),
    /// A variable or the dot, and fields of it; the place of the field that Go names in an error.
    Path {
        of: String,
        fields: Vec<String>,
        at: usize,
    },
    Group(Vec<Call>),
}

/// Fills in a template; the error is Go's.
pub fn fill(template: &str, value: &Value) -> Result<String, String> {
    let mut parser = Parser { text: template, at: 0 };
    let parts = parser
        .parts(None)
        .map_err(|why| {
            let line = template[..parser.at.min(template.len())].matches('\n').count() + 1;
            format!("failed to generate go-template: template: {NAME}:{line}: {why}")
        })?
        .0;
    let mut filler = Filler { template, variables: vec![("$".into(), value.clone())], out: String::new() };
    filler.parts(&parts, value).map_err(|why| format!("failed to template data: template: {NAME}:{why}"))?;
    Ok(filler.out)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    /// Reads until the end, or until the action that ends a block, which comes back.
    fn parts(&mut self, block: Option<Kind>) -> Result<(Vec<Part>, String), String> {
        let mut parts = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(open) = rest.find("{{") else {
                if block.is_some() {
                    return Err("unexpected EOF".into());
                }
                parts.push(Part::Text(rest.to_owned()));
                return Ok((parts, String::new()));
            };
            let trims = rest[open + 2..].starts_with("- ");
            let before = &rest[..open];
            parts.push(Part::Text(if trims { before.trim_end() } else { before }.to_owned()));
            let inside = self.at + open + 2 + if trims { 2 } else { 0 };
            let close = self.text[inside..].find("}}").ok_or("unclosed action")?;
            let mut action = &self.text[inside..inside + close];
            self.at = inside + close + 2;
            if let Some(trimmed) = action.strip_suffix(" -") {
                action = trimmed;
                let blank = self.text[self.at..].len() - self.text[self.at..].trim_start().len();
                self.at += blank;
            }
            let tokens = tokens(action, inside)?;
            let word = tokens.first().map_or("", |(word, _)| word.as_str());
            match word {
                "end" | "else" if block.is_some() => return Ok((parts, action.trim().to_owned())),
                "end" | "else" => return Err(format!("unexpected {{{{{word}}}}}")),
                "if" | "with" | "range" => parts.push(self.block(word, &tokens[1..])?),
                "" if action.trim().starts_with("/*") => {}
                "" => return Err("missing value for command".into()),
                _ if tokens.get(1).is_some_and(|(t, _)| t == ":=" || t == "=") => {
                    parts.push(Part::Set(word.to_owned(), pipeline(&tokens[2..])?));
                }
                _ => parts.push(Part::Print(pipeline(&tokens)?)),
            }
        }
    }

    fn block(&mut self, word: &str, tokens: &[Token]) -> Result<Part, String> {
        let kind = match word {
            "if" => Kind::If,
            "with" => Kind::With,
            _ => Kind::Range,
        };
        let set = tokens.iter().position(|(t, _)| t == ":=");
        let names = set.map_or(&[][..], |at| &tokens[..at]);
        let names = names.iter().filter(|(t, _)| t != ",").map(|(t, _)| t.clone()).collect();
        let of = pipeline(&tokens[set.map_or(0, |at| at + 1)..])?;
        let (then, end) = self.parts(Some(kind))?;
        let otherwise = match end.strip_prefix("else").map(str::trim) {
            None => Vec::new(),
            Some("") => self.parts(Some(kind))?.0,
            Some(more) => {
                let inner = self::tokens(more, self.at)?;
                let word = inner.first().map_or("", |(w, _)| w.as_str()).to_owned();
                vec![self.block(&word, inner.get(1..).unwrap_or_default())?]
            }
        };
        Ok(Part::Block { kind, names, of, then, otherwise })
    }
}

/// A word and where it is in the template.
type Token = (String, usize);

fn tokens(action: &str, from: usize) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = action;
    loop {
        rest = rest.trim_start();
        let at = from + action.len() - rest.len();
        let Some(first) = rest.chars().next().filter(|_| !rest.starts_with("/*")) else { return Ok(found) };
        let length = match first {
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|c: char| {
                    let ends = c == '"' && !escaped;
                    escaped = c == '\\' && !escaped;
                    ends
                });
                end.ok_or("unterminated quoted string")? + 2
            }
            '`' => rest[1..].find('`').ok_or("unterminated raw quoted string")? + 2,
            '(' | ')' | '|' | ',' | '=' => 1,
            ':' if rest.starts_with(":=") => 2,
            _ => rest.find(|c: char| c.is_whitespace() || "()|,\"`".contains(c)).unwrap_or(rest.len()),
        };
        found.push((rest[..length].to_owned(), at));
        rest = &rest[length..];
    }
}

const FUNCTIONS: [&str; 19] = [
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "print", "println", "printf",
    "json", "upper", "lower", "title", "html",
];

fn pipeline(tokens: &[Token]) -> Result<Vec<Call>, String> {
    let mut calls = vec![Call::new()];
    let mut at = 0;
    while let Some((word, place)) = tokens.get(at) {
        at += 1;
        let operand = match word.as_str() {
            "|" => {
                calls.push(Call::new());
                continue;
            }
            "(" => {
                let mut depth = 1;
                let inside = tokens[at..].iter().position(|(t, _)| {
                    depth += i32::from(t == "(") - i32::from(t == ")");
                    depth == 0
                });
                let end = at + inside.ok_or("unclosed left paren")?;
                let group = pipeline(&tokens[at..end])?;
                at = end + 1;
                Operand::Group(group)
            }
            "true" | "false" => Operand::Literal(Value::Bool(word == "true")),
            "nil" => Operand::Literal(Value::Null),
            _ if word.starts_with('"') => Operand::Literal(
                serde_json::from_str(word).map_err(|_| format!("invalid syntax in string {word}"))?,
            ),
            _ if word.starts_with('`') => Operand::Literal(word.trim_matches('`').into()),
            _ if word.starts_with(['.', '$']) => path(word, *place),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => Operand::Literal(
                serde_json::from_str(word).map_err(|_| format!("bad number syntax: {word:?}"))?,
            ),
            _ if FUNCTIONS.contains(&word.as_str()) => Operand::Function(word.clone()),
            _ => return Err(format!("function {word:?} not defined")),
        };
        if let Some(call) = calls.last_mut() {
            call.push(operand);
        }
    }
    if calls.iter().any(Vec::is_empty) { Err("missing value for command".into()) } else { Ok(calls) }
}

fn path(word: &str, place: usize) -> Operand {
    let (of, rest) = match word.find('.') {
        Some(0) => (".", &word[1..]),
        Some(dot) => (&word[..dot], &word[dot + 1..]),
        None => (word, ""),
    };
    let fields: Vec<String> = rest.split('.').filter(|f| !f.is_empty()).map(str::to_owned).collect();
    // Go names the place of the second field, where there is one.
    let first = if of == "." { 0 } else { of.len() };
    let second = fields.get(1).map_or(0, |_| 1 + fields[0].len());
    Operand::Path { of: of.to_owned(), at: place + if of == "." { second } else { first.min(1) }, fields }
}

struct Filler<'a> {
    template: &'a str,
    variables: Vec<(String, Value)>,
    out: String,
}

impl Filler<'_> {
    fn parts(&mut self, parts: &[Part], dot: &Value) -> Result<(), String> {
        for part in parts {
            match part {
                Part::Text(text) => self.out += text,
                Part::Print(calls) => {
                    let value = self.value(calls, dot)?;
                    self.out += &if value.is_null() { "<no value>".to_owned() } else { go_value(&value) };
                }
                Part::Set(name, calls) => {
                    let value = self.value(calls, dot)?;
                    self.variables.push((name.clone(), value));
                }
                Part::Block { kind, names, of, then, otherwise } => {
                    let value = self.value(of, dot)?;
                    let kept = self.variables.len();
                    self.block(*kind, names, &value, (then, otherwise), dot)?;
                    self.variables.truncate(kept);
                }
            }
        }
        Ok(())
    }

    fn block(
        &mut self,
        kind: Kind,
        names: &[String],
        value: &Value,
        (then, otherwise): (&[Part], &[Part]),
        dot: &Value,
    ) -> Result<(), String> {
        if !is_true(value) {
            return self.parts(otherwise, dot);
        }
        let items: Vec<(Value, &Value)> = match (kind, value) {
            (Kind::Range, Value::Array(items)) => {
                items.iter().enumerate().map(|(at, item)| (at.into(), item)).collect()
            }
            (Kind::Range, Value::Object(map)) => {
                map.iter().map(|(key, item)| (key.as_str().into(), item)).collect()
            }
            (Kind::Range, other) => return Err(format!("1: range can't iterate over {}", go_value(other))),
            (Kind::If, _) => return self.parts(then, dot),
            (Kind::With, _) => vec![(Value::Null, value)],
        };
        for (key, item) in items {
            match names {
                [one] => self.variables.push((one.clone(), item.clone())),
                [first, second] => {
                    self.variables.push((first.clone(), key));
                    self.variables.push((second.clone(), item.clone()));
                }
                _ => {}
            }
            self.parts(then, item)?;
        }
        Ok(())
    }

    fn value(&self, calls: &[Call], dot: &Value) -> Result<Value, String> {
        let mut last = None;
        for call in calls {
            let mut values = Vec::new();
            let function = match call.first() {
                Some(Operand::Function(name)) => Some(name.as_str()),
                _ => None,
            };
            for operand in &call[usize::from(function.is_some())..] {
                values.push(self.operand(operand, dot)?);
            }
            values.extend(last.take());
            last = Some(match function {
                Some(name) => apply(name, &values).map_err(|why| self.wrong(0, name, &why))?,
                None => values.into_iter().next().unwrap_or_default(),
            });
        }
        Ok(last.unwrap_or_default())
    }

    fn operand(&self, operand: &Operand, dot: &Value) -> Result<Value, String> {
        match operand {
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Function(name) => apply(name, &[]).map_err(|why| self.wrong(0, name, &why)),
            Operand::Group(calls) => self.value(calls, dot),
            Operand::Path { of, fields, at } => {
                let start = match of.as_str() {
                    "." => dot,
                    name => {
                        let found = self.variables.iter().rev().find(|(n, _)| n == name);
                        &found
                            .ok_or_else(|| self.wrong(*at, name, &format!("undefined variable {name:?}")))?
                            .1
                    }
                };
                let shown = format!(
                    "{}{}",
                    if of == "." { "" } else { of },
                    fields.iter().map(|f| format!(".{f}")).collect::<String>()
                );
                let mut value = start;
                for (depth, field) in fields.iter().enumerate() {
                    value = match value {
                        Value::Object(map) => map.get(field).ok_or_else(|| {
                            self.wrong(*at, &shown, &format!("map has no entry for key {field:?}"))
                        })?,
                        Value::Null => {
                            let why = format!("nil pointer evaluating interface {{}}.{field}");
                            return Err(self.wrong(*at, &shown, &why));
                        }
                        other => {
                            let kind = match other {
                                Value::Array(_) if depth == 0 => "[]interface {}",
                                _ => "interface {}",
                            };
                            let why = format!("can't evaluate field {field} in type {kind}");
                            return Err(self.wrong(*at, &shown, &why));
                        }
                    };
                }
                Ok(value.clone())
            }
        }
    }

    /// A failure at a place of the template, in Go's words.
    fn wrong(&self, at: usize, shown: &str, why: &str) -> String {
        let before = &self.template[..at.min(self.template.len())];
        let (line, column) =
            (before.matches('\n').count() + 1, before.len() - before.rfind('\n').map_or(0, |n| n + 1));
        format!("{line}:{column}: executing {NAME:?} at <{shown}>: {why}")
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(b) => *b,
        // crictl reads numbers as texts.
        Value::Number(_) => true,
        Value::String(s) => !s.is_empty(),
        Value::Array(a) => !a.is_empty(),
        Value::Object(o) => !o.is_empty(),
    }
}

fn apply(name: &str, values: &[Value]) -> Result<Value, String> {
    let text = |value: &Value| go_value(value);
    let one = values.first().cloned().unwrap_or_default();
    let order = || {
        let (a, b) = (values.first(), values.get(1));
        match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => Some(a.map(text).cmp(&b.map(text))),
        }
    };
    Ok(match name {
        "and" => values.iter().find(|v| !is_true(v)).or(values.last()).cloned().unwrap_or_default(),
        "or" => values.iter().find(|v| is_true(v)).or(values.last()).cloned().unwrap_or_default(),
        "not" => (!is_true(&one)).into(),
        "eq" => values[1..].iter().any(|v| text(v) == text(&one)).into(),
        "ne" => values.get(1).is_some_and(|v| text(v) != text(&one)).into(),
        "lt" => order().is_some_and(std::cmp::Ordering::is_lt).into(),
        "le" => order().is_some_and(std::cmp::Ordering::is_le).into(),
        "gt" => order().is_some_and(std::cmp::Ordering::is_gt).into(),
        "ge" => order().is_some_and(std::cmp::Ordering::is_ge).into(),
        "len" => match &one {
            Value::Array(a) => a.len().into(),
            Value::Object(o) => o.len().into(),
            Value::String(s) => s.len().into(),
            other => return Err(format!("error calling len: len of type {other}")),
        },
        "index" => {
            let mut found = one;
            for key in &values[1..] {
                found = match (&found, key) {
                    (Value::Object(map), Value::String(key)) => map.get(key).cloned().unwrap_or_default(),
                    (Value::Array(list), Value::Number(at)) => {
                        let place = at.as_u64().and_then(|at| list.get(usize::try_from(at).ok()?));
                        place.cloned().ok_or(format!("error calling index: index out of range: {at}"))?
                    }
                    _ => return Err("error calling index: can't index item".into()),
                };
            }
            found
        }
        "print" | "html" => values.iter().map(text).collect::<String>().into(),
        "println" => (values.iter().map(text).collect::<Vec<_>>().join(" ") + "\n").into(),
        "printf" => printf(values).into(),
        "json" => one.to_string().into(),
        "upper" => text(&one).to_uppercase().into(),
        "lower" => text(&one).to_lowercase().into(),
        _ => text(&one).into(),
    })
}

/// `%s`, `%v`, `%d`, `%q` and `%%`.
fn printf(values: &[Value]) -> String {
    let mut arguments = values.iter().skip(1);
    let format = values.first().map(go_value).unwrap_or_default();
    let mut out = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '%') {
            (_, true) => match letters.next() {
                Some('%') => out.push('%'),
                Some('q') => {
                    out += &arguments.next().map(|v| crate::go_quote::quote(&go_value(v))).unwrap_or_default()
                }
                Some(_) => out += &arguments.next().map(go_value).unwrap_or_default(),
                None => out += "%!(NOVERB)",
            },
            (other, _) => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_are_gos() {
        let value = json!({"info": {"pid": 7}, "status": {"state": "UP", "mounts": [{"p": "/a"}, {"p": "/b"}], "labels": {"a.b": "c"}, "code": 0}});
        for (template, expected) in [
            ("{{.status.state}}", "UP"),
            ("pid {{ .info.pid -}}  !", "pid 7!"),
            ("{{range .status.mounts}}{{.p}} {{end}}", "/a /b "),
            ("{{range $i, $m := .status.mounts}}{{$i}}={{$m.p}};{{end}}", "0=/a;1=/b;"),
            ("{{if not .status.code}}bad{{else if eq .status.state \"UP\"}}up{{else}}?{{end}}", "up"),
            ("{{with .info}}{{.pid}}{{end}}{{$x := .info.pid}}{{$x}}", "77"),
            ("{{index .status.labels \"a.b\"}} {{len .status.mounts}}", "c 2"),
            ("{{.status.labels}} {{.status.labels | json}}", "map[a.b:c] {\"a.b\":\"c\"}"),
            ("{{printf \"%s-%d\" .status.state .info.pid}}{{/* nothing */}}", "UP-7"),
        ] {
            assert_eq!(fill(template, &value).unwrap(), expected, "{template}");
        }
        for (template, expected) in [
            ("{{.nope", "failed to generate go-template: template: tmplExecuteRawJSON:1: unclosed action"),
            (
                "{{nope}}",
                "failed to generate go-template: template: tmplExecuteRawJSON:1: function \"nope\" not defined",
            ),
            (
                "{{.status.nope}}",
                "failed to template data: template: tmplExecuteRawJSON:1:9: executing \"tmplExecuteRawJSON\" at <.status.nope>: map has no entry for key \"nope\"",
            ),
            (
                "{{range .info}}",
                "failed to generate go-template: template: tmplExecuteRawJSON:1: unexpected EOF",
            ),
        ] {
            assert_eq!(fill(template, &value).unwrap_err(), expected, "{template}");
        }
        let list = fill("{{.status.state}}", &json!([1])).unwrap_err();
        assert!(list.ends_with("1:9: executing \"tmplExecuteRawJSON\" at <.status.state>: can't evaluate field status in type []interface {}"), "{list}");
    }
}
