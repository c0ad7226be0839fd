//! Untyped data into the shape that Go would give it: types checked, unknown fields found, empty ones left out.
//!
//! Upstream: Go's `encoding/json` as forked in `sigs.k8s.io/json`, for the types of `k8s.io/api`.

use serde_json::{Map, Value};

use super::json::{Node, number};
use super::quantity;
use super::schema::{Field, Schema, Shape};

/// What was found while shaping.
#[derive(Debug, Default)]
pub struct Findings {
    /// Unknown and duplicate fields, in the order of the text.
    pub strict: Vec<String>,
    /// The first value of a wrong type.
    pub error: Option<String>,
    /// Whether the error has ended the reading: one of a type's own reader does, and counts before those that were noted.
    ended: bool,
}

/// Shapes a node as the type; never fails, what is wrong goes to `findings`.
pub fn shape(schema: &Schema, root: u16, node: &Node, findings: &mut Findings) -> Value {
    let mut shaper = Shaper { schema, findings, names: Vec::new(), strukt: "", path: String::new() };
    shaper.value(&Shape::Struct(root), "", node)
}

/// Shapes a value that is known to be right (after a patch or a merge of checked values).
pub fn reshape(schema: &Schema, root: u16, value: &Value) -> Value {
    shape(schema, root, &Node::from_value(value), &mut Findings::default())
}

struct Shaper<'a> {
    schema: &'a Schema,
    findings: &'a mut Findings,
    names: Vec<&'static str>,
    strukt: &'static str,
    path: String,
}

impl Shaper<'_> {
    fn strict(&mut self, word: &str, key: &str) {
        let full = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        let text = format!("{word} field {full:?}");
        if self.findings.strict.len() < 100 && !self.findings.strict.contains(&text) {
            self.findings.strict.push(text);
        }
    }

    fn fail(&mut self, text: String) {
        self.findings.error.get_or_insert(text);
    }

    fn end(&mut self, text: String) {
        if !self.findings.ended {
            (self.findings.error, self.findings.ended) = (Some(text), true);
        }
    }

    fn wrong(&mut self, word: &str, shape: &Shape, go: &str) -> Value {
        let kind = go_type(self.schema, shape, go);
        let text = if self.names.is_empty() {
            format!("json: cannot unmarshal {word} into Go value of type {kind}")
        } else {
            let (strukt, field) = (self.strukt, self.names.join("."));
            format!("json: cannot unmarshal {word} into Go struct field {strukt}.{field} of type {kind}")
        };
        self.fail(text);
        Value::Null
    }

    fn value(&mut self, shape: &Shape, go: &str, node: &Node) -> Value {
        if matches!(node, Node::Null) {
            return Value::Null;
        }
        match (shape, node) {
            (Shape::Raw, _) => node.to_value(),
            (Shape::Str, Node::String(s)) => Value::String(s.clone()),
            (Shape::Bool, Node::Bool(b)) => Value::Bool(*b),
            (Shape::Float, Node::Number(n)) => number(n),
            (Shape::Int32 | Shape::Int64, Node::Number(n)) => match n.parse::<i64>() {
                Ok(i) if matches!(shape, Shape::Int64) || i32::try_from(i).is_ok() => Value::from(i),
                _ => self.wrong(&format!("number {n}"), shape, go),
            },
            (Shape::IntOrString, Node::String(s)) => Value::String(s.clone()),
            (Shape::IntOrString, Node::Number(n)) => match n.parse::<i32>() {
                Ok(i) => Value::from(i),
                Err(_) => {
                    self.fail(format!("json: cannot unmarshal number {n} into Go value of type int32"));
                    Value::Null
                }
            },
            (Shape::Quantity, Node::String(s) | Node::Number(s)) => match quantity::canonical(s) {
                Ok(q) => Value::String(q),
                Err(e) => {
                    self.fail(e);
                    Value::Null
                }
            },
            (Shape::Quantity, _) => {
                self.fail(quantity::FORMAT.to_owned());
                Value::Null
            }
            (Shape::Time | Shape::MicroTime, Node::String(s)) => self.time(matches!(shape, Shape::Time), s),
            (Shape::Bytes, Node::String(s)) => self.bytes(s),
            (Shape::List(item), Node::Array(items)) => {
                let length = self.path.len();
                let mut out = Vec::with_capacity(items.len());
                for (i, node) in items.iter().enumerate() {
                    self.path.push_str(&format!("[{i}]"));
                    let value = self.value(item, if matches!(**item, Shape::Str) { go } else { "" }, node);
                    out.push(if value.is_null() { self.zero(item) } else { value });
                    self.path.truncate(length);
                }
                Value::Array(out)
            }
            (Shape::Map(item), Node::Object(entries)) => {
                let mut out = Map::new();
                for (key, node) in entries {
                    if out.contains_key(key) {
                        self.strict("duplicate", key);
                    }
                    let length = self.push(key);
                    let value = self.value(item, "", node);
                    out.insert(key.clone(), if value.is_null() { self.zero(item) } else { value });
                    self.path.truncate(length);
                }
                Value::Object(out)
            }
            (Shape::Struct(index), Node::Object(entries)) => self.structure(*index, entries),
            _ => self.wrong(node.word(), shape, go),
        }
    }

    fn push(&mut self, key: &str) -> usize {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        length
    }

    fn structure(&mut self, index: u16, entries: &[(String, Node)]) -> Value {
        let schema = self.schema;
        let strukt = schema.get(index);
        let mut given: Vec<Option<Value>> = vec![None; strukt.fields.len()];
        for (key, node) in entries {
            let Some(at) = strukt.fields.iter().position(|f| f.name == key) else {
                self.strict("unknown", key);
                continue;
            };
            let field = &strukt.fields[at];
            if given[at].is_some() {
                self.strict("duplicate", key);
            }
            let outer = (self.strukt, self.push(key));
            self.strukt = strukt.name;
            self.names.push(field.name);
            let value = self.value(&field.shape, field.go, node);
            self.names.pop();
            self.strukt = outer.0;
            self.path.truncate(outer.1);
            given[at] = Some(value);
        }
        let mut out = Map::new();
        for (field, value) in strukt.fields.iter().zip(given) {
            if let Some(value) = self.emitted(field, value.unwrap_or(Value::Null)) {
                out.insert(field.name.to_owned(), value);
            }
        }
        Value::Object(out)
    }

    /// What Go would write for a field: nothing, the value, or its zero value.
    fn emitted(&self, field: &Field, value: Value) -> Option<Value> {
        if value.is_null() {
            if field.pointer {
                return (!field.omit_empty).then_some(Value::Null);
            }
            return match field.shape {
                _ if field.omit_zero => None,
                Shape::Struct(_) | Shape::Time | Shape::MicroTime => Some(self.zero(&field.shape)),
                Shape::Quantity | Shape::IntOrString => Some(self.zero(&field.shape)),
                Shape::List(_) | Shape::Map(_) | Shape::Bytes | Shape::Raw => {
                    (!field.omit_empty).then_some(Value::Null)
                }
                _ => (!field.omit_empty).then(|| self.zero(&field.shape)),
            };
        }
        // An empty list of managed fields is a wish: forget them all.
        if field.pointer || !field.omit_empty || field.name == "managedFields" {
            return Some(value);
        }
        let empty = match &value {
            Value::String(s) => s.is_empty(),
            Value::Bool(b) => !b,
            Value::Number(n) => n.as_f64() == Some(0.0) && !matches!(field.shape, Shape::IntOrString),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty() && matches!(field.shape, Shape::Map(_)),
            Value::Null => true,
        };
        (!empty).then_some(value)
    }

    fn zero(&self, shape: &Shape) -> Value {
        match shape {
            Shape::Str | Shape::Bytes => Value::String(String::new()),
            Shape::Bool => Value::Bool(false),
            Shape::Int32 | Shape::Int64 | Shape::IntOrString | Shape::Float => Value::from(0),
            Shape::Quantity => Value::String("0".into()),
            Shape::Time | Shape::MicroTime | Shape::Raw | Shape::List(_) | Shape::Map(_) => Value::Null,
            Shape::Struct(index) => {
                let mut out = Map::new();
                for field in &self.schema.get(*index).fields {
                    if let Some(value) = self.emitted(field, Value::Null) {
                        out.insert(field.name.to_owned(), value);
                    }
                }
                Value::Object(out)
            }
        }
    }

    fn time(&mut self, seconds: bool, text: &str) -> Value {
        let Ok(time) = text.parse::<jiff::Timestamp>() else {
            let layout =
                if seconds { "2006-01-02T15:04:05Z07:00" } else { "2006-01-02T15:04:05.000000Z07:00" };
            self.end(format!("parsing time {text:?} as {layout:?}: cannot parse {text:?} as \"2006\""));
            return Value::Null;
        };
        // Go's layout asks for six digits after the point, no more and no fewer.
        let after = text.get(19..).unwrap_or("");
        let digits = after.strip_prefix('.').map_or(0, |d| d.bytes().take_while(u8::is_ascii_digit).count());
        if !seconds && digits != 6 {
            let layout = "2006-01-02T15:04:05.000000Z07:00";
            self.end(format!("parsing time {text:?} as {layout:?}: cannot parse {after:?} as \".000000\""));
            return Value::Null;
        }
        Value::String(if seconds { time_text(time) } else { micro_time_text(time) })
    }

    fn bytes(&mut self, text: &str) -> Value {
        use base64::Engine;
        let clean: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        match base64::engine::general_purpose::STANDARD.decode(&clean) {
            Ok(bytes) => Value::String(base64::engine::general_purpose::STANDARD.encode(bytes)),
            Err(e) => {
                let at = match e {
                    base64::DecodeError::InvalidByte(at, _)
                    | base64::DecodeError::InvalidLastSymbol(at, _) => at,
                    _ => clean.trim_end_matches('=').len() / 4 * 4,
                };
                self.fail(format!("illegal base64 data at input byte {at}"));
                Value::Null
            }
        }
    }
}

/// A time as `metav1.Time` is written.
pub fn time_text(time: jiff::Timestamp) -> String {
    let whole = jiff::Timestamp::from_second(time.as_second()).unwrap_or(time);
    whole.to_string()
}

/// A time as `metav1.MicroTime` is written.
pub fn micro_time_text(time: jiff::Timestamp) -> String {
    let micros = time.subsec_microsecond().rem_euclid(1_000_000);
    let text = time_text(time);
    format!("{}.{micros:06}Z", text.trim_end_matches('Z'))
}

fn go_type(schema: &Schema, shape: &Shape, go: &str) -> String {
    if !go.is_empty() && matches!(shape, Shape::Str | Shape::Int32 | Shape::Int64) {
        return format!("v1.{go}");
    }
    match shape {
        Shape::Str => "string".into(),
        Shape::Bool => "bool".into(),
        Shape::Int32 => "int32".into(),
        Shape::Int64 => "int64".into(),
        Shape::Float => "float64".into(),
        Shape::Quantity => "resource.Quantity".into(),
        Shape::IntOrString => "int32".into(),
        Shape::Time | Shape::MicroTime => "string".into(),
        Shape::Bytes => "[]uint8".into(),
        Shape::Raw => "interface {}".into(),
        Shape::Struct(index) => format!("v1.{}", schema.get(*index).name),
        Shape::List(item) => format!("[]{}", go_type(schema, item, go)),
        Shape::Map(item) if matches!(**item, Shape::Quantity) => "v1.ResourceList".into(),
        Shape::Map(item) => format!("map[string]{}", go_type(schema, item, "")),
    }
}
