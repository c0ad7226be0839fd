//! Label and field selectors.
//!
//! Upstream: `k8s.io/apimachinery/pkg/labels/selector.go`, `.../fields/selector.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::registry::validation::names;
use crate::go_quote::quote;

/// One requirement on labels.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Greater(String, i64),
    Less(String, i64),
}

/// A label selector; all requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Reads a selector; the error is upstream's sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { tokens: tokens(text), at: 0 };
        let mut requirements = Vec::new();
        loop {
            match parser.peek(true) {
                Token::Word(_) | Token::Not => {
                    requirements.push(
                        parser.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?,
                    );
                    match parser.next(false) {
                        Token::End => return Ok(Self(requirements)),
                        Token::Comma => match parser.peek(true) {
                            Token::Word(_) | Token::Not => {}
                            other => {
                                return Err(format!(
                                    "found '{}', expected: identifier after ','",
                                    other.text()
                                ));
                            }
                        },
                        other => {
                            return Err(format!(
                                "found '{}', expected: ',' or 'end of string'",
                                other.text()
                            ));
                        }
                    }
                }
                Token::End => return Ok(Self(requirements)),
                other => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        other.text()
                    ));
                }
            }
        }
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the object's labels match.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        let label = |key: &String| labels.get(key.as_str()).and_then(Value::as_str);
        let number = |key: &String| label(key).and_then(|text| text.parse::<i64>().ok());
        self.0.iter().all(|requirement| match requirement {
            Requirement::Exists(key) => label(key).is_some(),
            Requirement::Absent(key) => label(key).is_none(),
            Requirement::In(key, values) => label(key).is_some_and(|label| values.iter().any(|v| v == label)),
            Requirement::NotIn(key, values) => {
                !label(key).is_some_and(|label| values.iter().any(|v| v == label))
            }
            Requirement::Greater(key, than) => number(key).is_some_and(|number| number > *than),
            Requirement::Less(key, than) => number(key).is_some_and(|number| number < *than),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Not,
    Comma,
    Open,
    Close,
    Equals(&'static str),
    NotEquals,
    Greater,
    Less,
    In,
    NotIn,
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::Not => "!",
            Self::Comma => ",",
            Self::Open => "(",
            Self::Close => ")",
            Self::Equals(text) => text,
            Self::NotEquals => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::In => "in",
            Self::NotIn => "notin",
            Self::End => "",
        }
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let special = |c: char| "=!(),><".contains(c);
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if let Some(token) = [
            ("==", Token::Equals("==")),
            ("!=", Token::NotEquals),
            ("=", Token::Equals("=")),
            ("!", Token::Not),
            ("(", Token::Open),
            (")", Token::Close),
            (",", Token::Comma),
            (">", Token::Greater),
            ("<", Token::Less),
        ]
        .into_iter()
        .find(|(symbol, _)| rest.starts_with(symbol))
        {
            (token.1, token.0.len())
        } else {
            let end = rest.find(|c: char| special(c) || c.is_ascii_whitespace()).unwrap_or(rest.len());
            let token = match &rest[..end] {
                "in" => Token::In,
                "notin" => Token::NotIn,
                word => Token::Word(word.to_owned()),
            };
            (token, end.max(first.len_utf8()))
        };
        out.push(token);
        rest = rest[length..].trim_start();
    }
    out
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    /// The coming token; where a key or a value is expected, `in` and `notin` are words.
    fn peek(&self, value: bool) -> Token {
        match self.tokens.get(self.at).cloned().unwrap_or(Token::End) {
            token @ (Token::In | Token::NotIn) if value => Token::Word(token.text().to_owned()),
            token => token,
        }
    }

    fn next(&mut self, value: bool) -> Token {
        let token = self.peek(value);
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let negated = self.peek(true) == Token::Not;
        if negated {
            self.at += 1;
        }
        let key = match self.next(true) {
            Token::Word(key) => key,
            other => return Err(format!("found '{}', expected: identifier", other.text())),
        };
        let wrong = names::qualified(&key);
        if !wrong.is_empty() {
            // The parser has no path for it, and Go prints that.
            return Err(format!("<nil>: Invalid value: {}: {}", quote(&key), wrong.join("; ")));
        }
        if negated {
            return Ok(Requirement::Absent(key));
        }
        if matches!(self.peek(true), Token::End | Token::Comma) {
            return Ok(Requirement::Exists(key));
        }
        let operator = self.next(false);
        let values = match operator {
            Token::In | Token::NotIn => self.values()?,
            Token::Equals(_) | Token::NotEquals | Token::Greater | Token::Less => vec![self.value()?],
            other => {
                return Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.text()));
            }
        };
        let (mut errors, mut number) = (Vec::new(), 0);
        if matches!(operator, Token::Greater | Token::Less) {
            match values[0].parse() {
                Ok(parsed) => number = parsed,
                Err(_) => errors.push(format!(
                    "values[0]: Invalid value: {}: for 'Gt', 'Lt' operators, the value must be an integer",
                    quote(&values[0])
                )),
            }
        }
        for (index, value) in values.iter().enumerate() {
            let wrong = names::label_value(value);
            if !wrong.is_empty() {
                let place = format!("values[{index}][{key}]: Invalid value: {}", quote(value));
                errors.push(format!("{place}: {}", wrong.join("; ")));
            }
        }
        match errors.as_slice() {
            [] => {}
            [one] => return Err(one.clone()),
            many => return Err(format!("[{}]", many.join(", "))),
        }
        Ok(match operator {
            Token::In | Token::Equals(_) => Requirement::In(key, values),
            Token::Greater => Requirement::Greater(key, number),
            Token::Less => Requirement::Less(key, number),
            _ => Requirement::NotIn(key, values),
        })
    }

    fn value(&mut self) -> Result<String, String> {
        match self.peek(true) {
            Token::Word(word) => {
                self.at += 1;
                Ok(word)
            }
            Token::End | Token::Comma => Ok(String::new()),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        match self.next(true) {
            Token::Open => {}
            other => return Err(format!("found '{}' expected: '('", other.text())),
        }
        match self.peek(true) {
            Token::Word(_) | Token::Comma => {}
            Token::Close => {
                self.at += 1;
                return Ok(vec![String::new()]);
            }
            other => return Err(format!("found '{}', expected: ',', ')' or identifier", other.text())),
        }
        let mut values = BTreeSet::new();
        loop {
            match self.next(true) {
                Token::Word(word) => {
                    values.insert(word);
                    match self.peek(true) {
                        Token::Comma => {}
                        Token::Close => break,
                        other => return Err(format!("found '{}', expected: ',' or ')'", other.text())),
                    }
                }
                Token::Comma => {
                    if values.is_empty() {
                        values.insert(String::new());
                    }
                    match self.peek(true) {
                        Token::Close => {
                            values.insert(String::new());
                            break;
                        }
                        Token::Comma => {
                            values.insert(String::new());
                        }
                        _ => {}
                    }
                }
                other => return Err(format!("found '{}', expected: ',', or identifier", other.text())),
            }
        }
        self.at += 1;
        Ok(values.into_iter().collect())
    }
}

/// A field selector; all terms must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector(Vec<Term>);

/// `field=value` or `field!=value`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The field.
    pub field: String,
    /// What it must be, or must not be.
    pub value: String,
    /// Whether it must be equal.
    pub equal: bool,
}

impl FieldSelector {
    /// Reads a selector; the error is upstream's sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        for part in split_terms(text) {
            if part.is_empty() {
                continue;
            }
            let found = (0..part.len()).find_map(|at| {
                ["!=", "==", "="]
                    .into_iter()
                    .find(|op| part.get(at..).is_some_and(|r| r.starts_with(op)))
                    .map(|op| (at, op))
            });
            let Some((at, operator)) = found else {
                return Err(format!("invalid selector: '{text}'; can't understand '{part}'"));
            };
            let value = unescape(&part[at + operator.len()..])?;
            terms.push(Term { field: part[..at].to_owned(), value, equal: operator != "!=" });
        }
        Ok(Self(terms))
    }

    /// The terms.
    pub fn terms(&self) -> &[Term] {
        &self.0
    }

    /// The value that a field must have, if one is demanded (`RequiresExactMatch`).
    pub fn exact(&self, field: &str) -> Option<String> {
        self.0.iter().find(|term| term.equal && term.field == field).map(|term| term.value.clone())
    }

    /// Whether the terms hold for the fields that `value` tells.
    pub fn matches(&self, value: impl Fn(&str) -> String) -> bool {
        self.0.iter().all(|term| (value(&term.field) == term.value) == term.equal)
    }
}

/// A field, and what it reads as where it is not set.
type Field = (&'static str, &'static str);

/// Fields that selectors may name, besides name and namespace: group, resource, and each field with what it reads as
/// where it is not set.
///
/// Upstream: the `AddFieldLabelConversionFunc` calls of `pkg/apis/*/v1/conversion.go`, and each strategy's `GetAttrs`.
const FIELDS: &[(&str, &str, &[Field])] = &[
    (
        "",
        "pods",
        &[
            ("spec.nodeName", ""),
            ("spec.restartPolicy", ""),
            ("spec.schedulerName", ""),
            ("spec.serviceAccountName", ""),
            ("spec.hostNetwork", "false"),
            ("status.phase", ""),
            ("status.podIP", ""),
            ("status.nominatedNodeName", ""),
        ],
    ),
    ("", "nodes", &[("spec.unschedulable", "false")]),
    ("", "namespaces", &[("status.phase", "")]),
    ("", "secrets", &[("type", "")]),
    ("", "services", &[("spec.clusterIP", ""), ("spec.type", "")]),
    ("", "replicationcontrollers", &[("status.replicas", "0")]),
    (
        "",
        "events",
        &[
            ("involvedObject.kind", ""),
            ("involvedObject.namespace", ""),
            ("involvedObject.name", ""),
            ("involvedObject.uid", ""),
            ("involvedObject.apiVersion", ""),
            ("involvedObject.resourceVersion", ""),
            ("involvedObject.fieldPath", ""),
            ("reason", ""),
            ("reportingComponent", ""),
            ("source", ""),
            ("type", ""),
        ],
    ),
    ("batch", "jobs", &[("status.successful", "0")]),
    ("certificates.k8s.io", "certificatesigningrequests", &[("spec.signerName", "")]),
];

/// The fields of a resource that selectors may name, besides name and namespace.
pub fn selectable(group: &str, resource: &str) -> &'static [(&'static str, &'static str)] {
    FIELDS.iter().find(|(g, r, _)| *g == group && *r == resource).map_or(&[], |(_, _, fields)| fields)
}

/// What a field of an object reads as.
pub fn field_value(object: &Value, field: &str, unset: &str) -> String {
    let found = match field {
        "status.successful" => &object["status"]["succeeded"],
        "source" => &object["source"]["component"],
        _ => field.split('.').fold(object, |value, key| value.get(key).unwrap_or(&Value::Null)),
    };
    match found {
        Value::String(text) => text.clone(),
        Value::Null => unset.to_owned(),
        other => other.to_string(),
    }
}

fn split_terms(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                out.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(&text[start..]);
    out
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                Some(c) => return Err(format!("invalid field selector: invalid escape sequence: \\{c}")),
                None => return Err("invalid field selector: invalid escape sequence: \\".into()),
            },
            ',' | '=' => return Err(format!("invalid field selector: unescaped character in value: {c}")),
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn labels_match_as_upstream() {
        let object = json!({"metadata": {"labels": {"grp": "a", "zone": "x", "n": "5", "e": ""}}});
        for (selector, expected) in [
            ("", true),
            ("grp=a", true),
            ("grp==a,zone!=x", false),
            ("grp in (a, b)", true),
            ("grp notin (a),grp", false),
            ("none notin (a)", true),
            ("!zone", false),
            ("!other , grp", true),
            ("n>4,n<6", true),
            ("n>5", false),
            ("e=", true),
            ("e in ()", true),
            ("in=x", false),
            ("x!=y", true),
        ] {
            assert_eq!(LabelSelector::parse(selector).unwrap().matches(&object), expected, "{selector}");
        }
    }

    #[test]
    fn wrong_label_selectors_are_refused() {
        for (selector, error) in [
            ("grp===a", "unable to parse requirement: found '=', expected: identifier"),
            ("a,", "found '', expected: identifier after ','"),
            ("=a", "found '=', expected: !, identifier, or 'end of string'"),
            ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
            ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ] {
            assert_eq!(LabelSelector::parse(selector).unwrap_err(), error, "{selector}");
        }
        assert!(LabelSelector::parse("a=not ok").is_err());
        assert!(
            LabelSelector::parse("-a").unwrap_err().contains("<nil>: Invalid value: \"-a\": name part must")
        );
    }

    #[test]
    fn fields_match_and_escape() {
        let fields = FieldSelector::parse("metadata.name=a\\,b,spec.x!=c").unwrap();
        assert_eq!(fields.exact("metadata.name").as_deref(), Some("a,b"));
        assert!(fields.matches(|field| if field == "spec.x" { "d".into() } else { "a,b".into() }));
        assert_eq!(FieldSelector::parse("x").unwrap_err(), "invalid selector: 'x'; can't understand 'x'");
    }

    #[test]
    fn fields_read_as_upstream() {
        let node = json!({"spec": {}});
        assert_eq!(field_value(&node, "spec.unschedulable", "false"), "false");
        assert_eq!(
            field_value(&json!({"spec": {"unschedulable": true}}), "spec.unschedulable", "false"),
            "true"
        );
        assert_eq!(field_value(&json!({"status": {"succeeded": 2}}), "status.successful", "0"), "2");
        assert!(selectable("", "pods").iter().any(|(field, _)| *field == "spec.nodeName"));
        assert!(selectable("", "configmaps").is_empty());
    }
}
