//! CEL expressions and the texts that carry them.
//!
//! Beside CEL's own functions there are `near(a, b)` (two different words that look alike: a misspelling) and
//! `join(list, separator)`.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cel::{Context, ExecutionError, Program};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Facts;
use crate::text::tr;

/// How long an expression may be.
const LIMIT: usize = 4096;

/// An expression, compiled when it is first used.
#[derive(Clone)]
pub struct Expr(Arc<Inner>);

struct Inner {
    source: String,
    program: OnceLock<Result<Program, String>>,
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expr({:?})", self.0.source)
    }
}

impl<'de> Deserialize<'de> for Expr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        if source.len() > LIMIT {
            return Err(serde::de::Error::custom(tr!(check_expression_long { limit: LIMIT })));
        }
        Ok(Self::new(source))
    }
}

impl Expr {
    /// Makes an expression; it is not compiled yet.
    pub fn new(source: impl Into<String>) -> Self {
        Self(Arc::new(Inner { source: source.into(), program: OnceLock::new() }))
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Compiles it; the error is the parser's sentence.
    pub fn compile(&self) -> Result<&Program, String> {
        let program = self.0.program.get_or_init(|| {
            let source = self.0.source.clone();
            // The parser has been seen to panic on odd input; a lesson is somebody else's.
            std::panic::catch_unwind(move || Program::compile(&source))
                .map_err(|_| tr!(check_expression_not_parsed).to_owned())?
                .map_err(|e| format!("{e}"))
        });
        program.as_ref().map_err(Clone::clone)
    }

    fn eval(&self, scope: &Scope) -> Result<cel::Value, String> {
        match self.compile()?.execute(&scope.context) {
            Ok(value) => Ok(value),
            // What is not there is not as asked.
            Err(ExecutionError::NoSuchKey(_)) => Ok(cel::Value::Null),
            Err(e) => Err(format!("{} ({})", e, self.0.source.trim())),
        }
    }

    /// Whether it is true; what it names and is not there makes it false.
    pub fn holds(&self, scope: &Scope) -> Result<bool, String> {
        match self.eval(scope)? {
            cel::Value::Bool(value) => Ok(value),
            cel::Value::Null => Ok(false),
            other => {
                Err(tr!(check_no_truth_value { other: format!("{other:?}"), source: self.0.source.trim() }))
            }
        }
    }
}

/// Facts as an expression sees them.
pub struct Scope {
    context: Context<'static, 'static>,
}

impl Scope {
    /// Makes facts visible by their names.
    pub fn new(facts: &Facts) -> Self {
        let mut context = Context::default();
        for (name, value) in facts {
            context.add_variable_from_value(name.as_str(), to_cel(value));
        }
        let near_words = |a: Arc<String>, b: Arc<String>| near(&a, &b);
        let _ = context.add_function("near", near_words);
        let join =
            |list: Arc<Vec<cel::Value>>, by: Arc<String>| list.iter().map(show).collect::<Vec<_>>().join(&by);
        let _ = context.add_function("join", join);
        Self { context }
    }
}

/// JSON as CEL has it: whole numbers are `int`, so that they compare with literals.
pub fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => match n.as_i64() {
            Some(i) => cel::Value::Int(i),
            None => cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(s) => s.as_str().into(),
        Value::Array(list) => list.iter().map(to_cel).collect::<Vec<_>>().into(),
        Value::Object(map) => {
            let map: std::collections::HashMap<String, cel::Value> =
                map.iter().map(|(k, v)| (k.clone(), to_cel(v))).collect();
            map.into()
        }
    }
}

/// Whether two words differ and yet look alike.
pub fn near(a: &str, b: &str) -> bool {
    let (low_a, low_b) = (a.to_lowercase(), b.to_lowercase());
    a != b && (low_a == low_b || similar::TextDiff::from_chars(low_a.as_str(), low_b.as_str()).ratio() >= 0.8)
}

fn show(value: &cel::Value) -> String {
    match value {
        cel::Value::Null => "nothing".to_owned(),
        cel::Value::String(s) => s.to_string(),
        cel::Value::List(list) if list.is_empty() => "none".to_owned(),
        cel::Value::List(list) => list.iter().map(show).collect::<Vec<_>>().join(", "),
        other => other.json().map_or_else(|_| format!("{other:?}"), |json| json.to_string()),
    }
}

/// A text in which `${expression}` is filled in.
#[derive(Debug, Clone)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Expr(Expr),
}

impl Template {
    /// Takes a text apart; an opened `${` without end is text.
    pub fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(end) = rest[start..].find('}') else { break };
            parts.push(Part::Text(rest[..start].to_owned()));
            parts.push(Part::Expr(Expr::new(&rest[start + 2..start + end])));
            rest = &rest[start + end + 1..];
        }
        parts.push(Part::Text(rest.to_owned()));
        Self { parts }
    }

    /// The expressions in it.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expr(expr) => Some(expr),
            Part::Text(_) => None,
        })
    }

    /// Fills it in, where every expression can be evaluated.
    pub fn filled(&self, scope: &Scope) -> Option<String> {
        let fill = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Expr(expr) => expr.eval(scope).ok().map(|value| show(&value)),
        };
        self.parts.iter().map(fill).collect()
    }

    /// Fills it in; an expression that cannot be evaluated leaves a question mark.
    pub fn fill(&self, scope: &Scope) -> String {
        let fill = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Expr(expr) => expr.eval(scope).map_or_else(|_| "?".to_owned(), |value| show(&value)),
        };
        self.parts.iter().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let facts = json!({
            "object": {"metadata": {"labels": {"killercoda/one": "123"}}},
            "flags": {"a": ["1"], "b": ["2", "3"]}, "nothing": null, "code": 403, "list": ["x", "y"],
        });
        Scope::new(facts.as_object().unwrap())
    }

    #[test]
    fn expressions_hold_or_do_not() {
        for (source, expected) in [
            ("object.metadata.labels['killercoda/one'] == '123'", true),
            ("object.metadata.labels['killercoda/two'] == '123'", false),
            ("'killercoda/two' in object.metadata.labels", false),
            ("nothing == null", true),
            ("nothing != null && nothing.a == 1", false),
            ("code == 403", true),
            ("flags.all(f, size(flags[f]) > 0)", true),
            ("flags.exists(f, '3' in flags[f])", true),
            ("list.exists(x, near(x, 'yy'))", false),
            ("near('NodeRestrictio', 'NodeRestriction') && near('noderestriction', 'NodeRestriction')", true),
            ("near('NodeRestriction', 'NodeRestriction') || near('Priority', 'NodeRestriction')", false),
            ("near('enable-admision-plugins', 'enable-admission-plugins')", true),
        ] {
            assert_eq!(Expr::new(source).holds(&scope()), Ok(expected), "{source}");
        }
    }

    #[test]
    fn bad_expressions_are_errors_and_not_false() {
        for source in ["1 +", "nowhere == 1", "'a' + 1 == 2", "object", "(((", ""] {
            assert!(Expr::new(source).holds(&scope()).is_err(), "{source}");
        }
    }

    #[test]
    fn texts_are_filled_in() {
        for (text, expected) in [
            ("code ${code}, ${list}", "code 403, x, y"),
            ("${object.metadata.labels}", r#"{"killercoda/one":"123"}"#),
            ("${nothing} ${flags.filter(f, f == 'b')}", "nothing b"),
            ("${nowhere} ${open", "? ${open"),
            ("${join(list, ' and ')}", "x and y"),
        ] {
            assert_eq!(Template::new(text).fill(&scope()), expected);
        }
    }
}
