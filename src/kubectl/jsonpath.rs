//! kubectl's JSONPath templates: `{.items[*].metadata.name}`, `{range .items[*]}...{end}`, filters, slices.
//!
//! Behaviour after `k8s.io/client-go/util/jsonpath`.

use serde_json::Value;

use super::fail::{Fail, Result};

/// One piece of a template.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Node>),
}

/// One step along a path.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Root,
    Field(String),
    Wildcard,
    Recursive,
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Index(i64),
    Union(Vec<Vec<Step>>),
    Filter(Vec<Step>, &'static str, Operand),
    Exists(Vec<Step>),
    Literal(Value),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Value(Value),
    Path(Vec<Step>),
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Vec<Node>);

/// Turns what people write on the command line, `.metadata.name`, into a template's `{.metadata.name}`.
pub fn relaxed(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    let inner = match (text.strip_prefix('{'), text.ends_with('}')) {
        (Some(rest), true) => &rest[..rest.len() - 1],
        (None, false) => text,
        _ => {
            return Err(Fail::Plain(
                "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                    .to_owned(),
            ));
        }
    };
    let inner = inner.strip_prefix('.').unwrap_or(inner);
    Ok(format!("{{.{inner}}}"))
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Template> {
        let wrong = |e: String| Fail::Plain(format!("error parsing jsonpath {text}, {e}"));
        let mut stack: Vec<(Option<Vec<Step>>, Vec<Node>)> = vec![(None, Vec::new())];
        let mut rest = text;
        while !rest.is_empty() {
            let Some(start) = rest.find('{') else {
                push(&mut stack, Node::Text(rest.into()));
                break;
            };
            if start > 0 {
                push(&mut stack, Node::Text(rest[..start].into()));
            }
            let end = closing(&rest[start + 1..]).ok_or_else(|| wrong("unclosed action".into()))?;
            let action = rest[start + 1..start + 1 + end].trim();
            rest = &rest[start + end + 2..];
            if action == "end" {
                let done = stack.pop();
                match done {
                    Some((Some(path), body)) if !stack.is_empty() => {
                        push(&mut stack, Node::Range(path, body))
                    }
                    _ => return Err(wrong("not in range, nothing to end".into())),
                }
            } else if let Some(path) =
                action.strip_prefix("range ").or_else(|| action.strip_prefix("range\t"))
            {
                stack.push((Some(steps(path.trim()).map_err(wrong)?), Vec::new()));
            } else {
                for part in words(action) {
                    push(&mut stack, Node::Path(steps(&part).map_err(wrong)?));
                }
            }
        }
        match (stack.pop(), stack.is_empty()) {
            (Some((None, nodes)), true) => Ok(Template(nodes)),
            _ => Err(wrong("unclosed range".into())),
        }
    }

    /// Fills in the template.
    pub fn render(&self, data: &Value) -> Result<String> {
        let mut out = String::new();
        render(&self.0, data, data, &mut out)?;
        Ok(out)
    }

    /// The values that the template's paths find, without its text.
    pub fn values<'a>(&'a self, data: &'a Value) -> Result<Vec<&'a Value>> {
        let mut found = Vec::new();
        for node in &self.0 {
            if let Node::Path(path) = node {
                found.extend(walk(path, data, data)?);
            }
        }
        Ok(found)
    }
}

fn push(stack: &mut [(Option<Vec<Step>>, Vec<Node>)], node: Node) {
    if let Some(top) = stack.last_mut() {
        top.1.push(node);
    }
}

fn render(nodes: &[Node], data: &Value, root: &Value, out: &mut String) -> Result<()> {
    for node in nodes {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Path(path) => {
                let texts: Vec<String> = walk(path, data, root)?.into_iter().map(shown).collect();
                out.push_str(&texts.join(" "));
            }
            Node::Range(path, body) => {
                for item in walk(path, data, root)? {
                    render(body, item, root, out)?;
                }
            }
        }
    }
    Ok(())
}

/// A value as a template prints it: strings bare, the rest as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => super::printer::compact(other),
    }
}

/// Finds the end of an action, past quoted text and nested braces.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            _ if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '}' => return Some(i),
            None => {}
        }
    }
    None
}

/// Splits an action at spaces outside of brackets and quotes.
fn words(action: &str) -> Vec<String> {
    split(action, ' ').into_iter().filter(|w| !w.is_empty()).collect()
}

fn split(text: &str, at: char) -> Vec<String> {
    let (mut parts, mut current, mut depth, mut quote) = (Vec::new(), String::new(), 0, None);
    for c in text.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if "[(".contains(c) => depth += 1,
            None if "])".contains(c) => depth -= 1,
            None if c == at && depth == 0 => {
                parts.push(std::mem::take(&mut current));
                continue;
            }
            None => {}
        }
        current.push(c);
    }
    parts.push(current);
    parts
}

fn literal(text: &str) -> Option<Value> {
    let quoted = |q: char| text.len() >= 2 && text.starts_with(q) && text.ends_with(q);
    if quoted('"') || quoted('\'') {
        let inner = &text[1..text.len() - 1];
        let mut out = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            match (c, c == '\\') {
                (_, true) => match chars.next() {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(other) => out.push(other),
                    None => {}
                },
                (c, false) => out.push(c),
            }
        }
        return Some(Value::String(out));
    }
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        number => number.parse::<i64>().ok().map(Value::from).or_else(|| {
            number
                .parse::<f64>()
                .ok()
                .filter(|_| number.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
                .map(Value::from)
        }),
    }
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    if let Some(value) = literal(text) {
        return Ok(vec![Step::Literal(value)]);
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '$' => {
                found.push(Step::Root);
                rest = &rest[1..];
            }
            '@' => rest = &rest[1..],
            '[' => {
                let end = bracket(rest).ok_or("unterminated array")?;
                found.push(subscript(rest[1..end].trim())?);
                rest = &rest[end + 1..];
            }
            '.' if rest.starts_with("..") => {
                found.push(Step::Recursive);
                rest = &rest[if rest[2..].starts_with('[') || rest.len() == 2 { 2 } else { 1 }..];
            }
            '*' => {
                found.push(Step::Wildcard);
                rest = &rest[1..];
            }
            _ => {
                let dotted = c == '.';
                if !dotted && !found.is_empty() && !c.is_alphanumeric() && c != '_' {
                    return Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32));
                }
                if !dotted && found.is_empty() && !c.is_alphanumeric() && c != '_' {
                    return Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32));
                }
                let body = if dotted { &rest[1..] } else { rest };
                if let Some(after) = body.strip_prefix('*') {
                    found.push(Step::Wildcard);
                    rest = after;
                    continue;
                }
                let (name, used) = field_name(body);
                if !dotted && found.is_empty() {
                    return Err(format!("unrecognized identifier {name}"));
                }
                rest = &body[used..];
                if !name.is_empty() {
                    found.push(Step::Field(name));
                }
            }
        }
    }
    Ok(found)
}

/// Reads a field's name; a backslash takes the next character as it is.
fn field_name(text: &str) -> (String, usize) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => {
                if let Some((_, next)) = chars.next() {
                    name.push(next);
                }
            }
            '.' | '[' | ']' | ' ' | ',' | ')' => return (name, i),
            c => name.push(c),
        }
    }
    (name, text.len())
}

fn bracket(text: &str) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (i, c) in text.char_indices() {
        match quote {
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '[' => depth += 1,
            None if c == ']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            None => {}
        }
    }
    None
}

fn subscript(text: &str) -> Result<Step, String> {
    if let Some(filter) = text.strip_prefix("?(").and_then(|t| t.strip_suffix(')')) {
        for op in ["==", "!=", "<=", ">=", "<", ">"] {
            if let Some((left, right)) = filter.split_once(op) {
                let right = right.trim();
                let operand = match literal(right) {
                    Some(value) => Operand::Value(value),
                    None => Operand::Path(steps(right)?),
                };
                return Ok(Step::Filter(steps(left.trim())?, op, operand));
            }
        }
        return Ok(Step::Exists(steps(filter.trim())?));
    }
    if text == "*" {
        return Ok(Step::Wildcard);
    }
    let parts = split(text, ',');
    if parts.len() > 1 {
        let union: Result<Vec<_>, _> = parts.iter().map(|p| subscript(p.trim()).map(|s| vec![s])).collect();
        return Ok(Step::Union(union?));
    }
    if let Some(Value::String(name)) = literal(text) {
        return Ok(Step::Field(name));
    }
    if text.contains(':') {
        let numbers: Result<Vec<Option<i64>>, String> = text
            .split(':')
            .map(|n| {
                if n.is_empty() {
                    Ok(None)
                } else {
                    n.parse().map(Some).map_err(|_| format!("invalid array index {text}"))
                }
            })
            .collect();
        let numbers = numbers?;
        return Ok(Step::Slice(
            numbers[0],
            numbers.get(1).copied().flatten(),
            numbers.get(2).copied().flatten(),
        ));
    }
    text.parse().map(Step::Index).map_err(|_| format!("invalid array index {text}"))
}

fn walk<'a>(path: &'a [Step], data: &'a Value, root: &'a Value) -> Result<Vec<&'a Value>> {
    let mut current = vec![data];
    for step in path {
        let mut next = Vec::new();
        for value in current {
            take(step, value, root, &mut next)?;
        }
        current = next;
    }
    Ok(current)
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn take<'a>(step: &'a Step, value: &'a Value, root: &'a Value, out: &mut Vec<&'a Value>) -> Result<()> {
    match step {
        Step::Root => out.push(root),
        Step::Literal(literal) => out.push(literal),
        Step::Field(name) => out.extend(value.get(name)),
        Step::Wildcard => out.extend(children(value)),
        Step::Recursive => {
            out.push(value);
            for child in children(value) {
                take(step, child, root, out)?;
            }
        }
        Step::Index(index) => {
            let Some(list) = value.as_array() else {
                return Err(Fail::Plain(format!("{} is not array or slice", super::printer::compact(value))));
            };
            let at = if *index < 0 { index + list.len() as i64 } else { *index };
            match usize::try_from(at).ok().and_then(|at| list.get(at)) {
                Some(item) => out.push(item),
                None => {
                    return Err(Fail::Plain(format!(
                        "array index out of bounds: index {index}, length {}",
                        list.len()
                    )));
                }
            }
        }
        Step::Slice(from, to, by) => {
            let list = value.as_array().map_or(&[][..], Vec::as_slice);
            let len = list.len() as i64;
            let fix = |n: i64| (if n < 0 { n + len } else { n }).clamp(0, len) as usize;
            let (from, to) = (fix(from.unwrap_or(0)), fix(to.unwrap_or(len)));
            let by = by.unwrap_or(1).max(1) as usize;
            out.extend(list.iter().take(to).skip(from).step_by(by));
        }
        Step::Union(parts) => {
            for part in parts {
                out.extend(walk(part, value, root)?);
            }
        }
        Step::Exists(path) => {
            for item in value.as_array().into_iter().flatten() {
                if !walk(path, item, root)?.is_empty() {
                    out.push(item);
                }
            }
        }
        Step::Filter(left, op, operand) => {
            for item in value.as_array().into_iter().flatten() {
                let left = walk(left, item, root)?;
                let right = match operand {
                    Operand::Value(value) => vec![value],
                    Operand::Path(path) => walk(path, item, root)?,
                };
                if let (Some(left), Some(right)) = (left.first(), right.first())
                    && compare(left, op, right)
                {
                    out.push(item);
                }
            }
        }
    }
    Ok(())
}

fn compare(left: &Value, op: &str, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::String(a), Value::String(b)) => a.partial_cmp(b),
        (a, b) => a.as_f64().zip(b.as_f64()).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    match op {
        "==" => left == right || order == Some(std::cmp::Ordering::Equal),
        "!=" => left != right && order != Some(std::cmp::Ordering::Equal),
        "<" => order.is_some_and(std::cmp::Ordering::is_lt),
        "<=" => order.is_some_and(std::cmp::Ordering::is_le),
        ">" => order.is_some_and(std::cmp::Ordering::is_gt),
        _ => order.is_some_and(std::cmp::Ordering::is_ge),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn templates() {
        let data = json!({"kind": "List", "items": [
            {"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "n": 3, "c": [{"type": "Ready", "status": "True"}, {"type": "Disk", "status": "False"}]},
            {"metadata": {"name": "b"}, "n": 5},
        ]});
        for (template, wanted) in [
            ("{.kind}", "List"),
            ("{.items[*].metadata.name}", "a b"),
            ("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\n"),
            ("{.items[0].metadata.labels}", "{\"x.y/z\":\"1\"}"),
            ("{.items[0].metadata.labels.x\\.y/z}", "1"),
            ("{.items[0].metadata.labels['x.y/z']}", "1"),
            ("{.items[-1:].metadata.name}", "b"),
            ("{.items[?(@.n>3)].metadata.name}", "b"),
            ("{.items[0].c[?(@.type==\"Ready\")].status}", "True"),
            ("{.items[?(@.metadata.labels)].metadata.name}", "a"),
            ("{.items[0,1].n}", "3 5"),
            ("{.absent}", ""),
            ("{..name}", "a b"),
            ("name: {.items[1].metadata.name}!", "name: b!"),
            ("{.items[*]['metadata.name','n']}", "3 5"),
            ("{range .items[*]}{@.n} {$.kind};{end}", "3 List;5 List;"),
            ("{.items[0].metadata.name} {.items[1].n}", "a 5"),
        ] {
            assert_eq!(Template::parse(template).unwrap().render(&data).unwrap(), wanted, "{template}");
        }
    }

    #[test]
    fn wrong_templates_are_refused() {
        for template in ["{.items", "{range .items[*]}x", "{end}", "{foo}", "{.items[x]}"] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
        assert_eq!(relaxed("metadata.name").unwrap(), "{.metadata.name}");
        assert_eq!(relaxed("{.metadata.name}").unwrap(), "{.metadata.name}");
        assert!(relaxed("{x").is_err());
    }
}
