//! Objects as typed trees: validated, compared, merged, and rid of fields.
//!
//! Upstream: `sigs.k8s.io/structured-merge-diff/typed`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::fieldset::{Path, Set};
use crate::apiserver::registry::schema::{ListType, Schema, Shape};

/// A type and how it merges.
#[derive(Debug, Clone, Copy)]
struct Type {
    shape: Shape,
    atomic: bool,
    list: ListType,
}

/// What differs between two objects.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Fields that only the old one has.
    pub removed: Set,
    /// Fields that both have with different values.
    pub modified: Set,
    /// Fields that only the new one has.
    pub added: Set,
}

/// The typed view of objects of one kind.
#[derive(Clone, Copy)]
pub struct Typed {
    /// The schema.
    pub schema: &'static Schema,
    /// The kind's type.
    pub root: u16,
}

enum Atom {
    Scalar,
    List(Type),
    Map(Option<u16>, Option<Type>),
}

impl Typed {
    fn top(self) -> Type {
        Type { shape: Shape::Struct(self.root), atomic: false, list: ListType::Atomic }
    }

    fn field(self, index: u16, name: &str) -> Option<Type> {
        let field = self.schema.get(index).field(name)?;
        let atomic = field.atomic || matches!(field.shape, Shape::Struct(i) if self.schema.get(i).atomic);
        Some(Type { shape: field.shape, atomic, list: field.list })
    }

    fn item(self, shape: Shape) -> Type {
        let atomic = matches!(shape, Shape::Struct(i) if self.schema.get(i).atomic);
        Type { shape, atomic, list: ListType::Atomic }
    }

    /// What the type is; untyped data goes by what the value is.
    fn atom(self, t: Type, value: Option<&Value>) -> (Atom, bool) {
        match t.shape {
            Shape::Struct(index) => (Atom::Map(Some(index), None), t.atomic),
            Shape::Map(item) => (Atom::Map(None, Some(self.item(*item))), t.atomic),
            Shape::List(item) => (Atom::List(self.item(*item)), t.list == ListType::Atomic),
            Shape::Raw => match value {
                Some(Value::Object(_)) => (Atom::Map(None, Some(t)), true),
                Some(Value::Array(_)) => (Atom::List(t), true),
                _ => (Atom::Scalar, true),
            },
            _ => (Atom::Scalar, true),
        }
    }

    fn child(self, atom: &Atom, key: &str) -> Option<Type> {
        match atom {
            Atom::Map(Some(index), _) => self.field(*index, key),
            Atom::Map(None, item) => *item,
            _ => None,
        }
    }

    /// The path element of a list's item.
    fn element(self, t: Type, item: Type, value: &Value) -> Result<String, String> {
        match t.list {
            ListType::Map(keys) => {
                let Some(map) = value.as_object() else {
                    return Err(if value.is_null() {
                        "associative list with keys may not have a null element".into()
                    } else {
                        "associative list with keys may not have non-map elements".into()
                    });
                };
                let mut found = Map::new();
                for key in keys {
                    let default = match item.shape {
                        Shape::Struct(index) => self.schema.get(index).field(key).map_or("", |f| f.default),
                        _ => "",
                    };
                    if let Some(value) = map.get(*key) {
                        found.insert((*key).to_owned(), value.clone());
                    } else if !default.is_empty() {
                        found.insert((*key).to_owned(), serde_json::from_str(default).unwrap_or(Value::Null));
                    } else {
                        return Err(format!(
                            "associative list with keys has an element that omits key field {key:?} (and doesn't have \
                             default value)"
                        ));
                    }
                }
                Ok(format!("k:{}", Value::Object(found)))
            }
            _ => match value {
                Value::Object(_) => {
                    Err("associative list without keys has an element that's a map type".into())
                }
                Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
                Value::Null => {
                    Err("associative list without keys has an element that's an explicit null".into())
                }
                scalar => Ok(format!("v:{scalar}")),
            },
        }
    }

    /// The mistakes of an object against its type, as upstream words them.
    pub fn validate(self, value: &Value) -> Result<(), String> {
        let mut errors = Vec::new();
        self.check(self.top(), value, &Path::default(), &mut errors);
        match errors.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            many => Err(format!(
                "errors:\n{}",
                many.iter().map(|e| format!("  {e}")).collect::<Vec<_>>().join("\n")
            )),
        }
    }

    fn check(self, t: Type, value: &Value, path: &Path, errors: &mut Vec<String>) {
        let mut error = |path: &Path, text: String| {
            let at = path.to_string();
            errors.push(if at.is_empty() { text } else { format!("{at}: {text}") });
        };
        let go = || match value {
            Value::String(s) => format!("&{{{s}}}"),
            other => format!("&{{{other}}}"),
        };
        match (t.shape, value) {
            (Shape::Raw, _) | (_, Value::Null) => {}
            (Shape::Struct(_) | Shape::Map(_), Value::Object(map)) => {
                let (atom, _) = self.atom(t, None);
                for (key, value) in map {
                    let next = path.with(format!("f:{key}"));
                    match self.child(&atom, key) {
                        Some(t) => self.check(t, value, &next, errors),
                        None => {
                            errors.push(format!("{next}: field not declared in schema"));
                            return;
                        }
                    }
                }
            }
            (Shape::Struct(_) | Shape::Map(_), _) => error(path, format!("expected map, got {}", go())),
            (Shape::List(item), Value::Array(items)) => {
                let item = self.item(*item);
                let mut seen = BTreeSet::new();
                for (i, value) in items.iter().enumerate() {
                    let element = if t.list == ListType::Atomic {
                        format!("i:{i}")
                    } else {
                        match self.element(t, item, value) {
                            Ok(element) => element,
                            Err(e) => {
                                let at = path.to_string();
                                errors.push(format!("{at}: element {i}: {e}"));
                                return;
                            }
                        }
                    };
                    let next = path.with(element.clone());
                    if !seen.insert(element) {
                        let shown = Path(next.0[next.0.len() - 1..].to_vec());
                        errors.push(format!("{path}: duplicate entries for key {shown}"));
                    }
                    self.check(item, value, &next, errors);
                }
            }
            (Shape::List(_), _) => error(path, format!("expected list, got {}", go())),
            (Shape::Str | Shape::Bytes, Value::String(_))
            | (Shape::Bool, Value::Bool(_))
            | (Shape::Int32 | Shape::Int64 | Shape::Float, Value::Number(_))
            | (
                Shape::Quantity | Shape::IntOrString | Shape::Time | Shape::MicroTime,
                Value::String(_) | Value::Number(_) | Value::Bool(_),
            ) => {}
            (Shape::Str | Shape::Bytes, other) => {
                error(path, format!("expected string, got &value.valueUnstructured{{Value:{other}}}"));
            }
            (Shape::Bool, _) => error(path, format!("expected boolean, got {}", go())),
            (Shape::Int32 | Shape::Int64 | Shape::Float, other) => {
                let kind = match other {
                    Value::String(_) => "string",
                    Value::Bool(_) => "bool",
                    Value::Array(_) => "[]interface {}",
                    _ => "map[string]interface {}",
                };
                error(path, format!("expected numeric (int or float), got {kind}"));
            }
            _ => error(path, format!("expected any scalar, got {}", go())),
        }
    }

    /// All fields of an object.
    pub fn field_set(self, value: &Value) -> Set {
        let mut out = Set::default();
        self.fields_of(self.top(), value, &Path::default(), &mut out);
        out
    }

    fn fields_of(self, t: Type, value: &Value, path: &Path, out: &mut Set) {
        let (atom, atomic) = self.atom(t, Some(value));
        match atom {
            _ if atomic => {
                out.0.insert(path.clone());
            }
            Atom::Map(index, _) => {
                let Some(map) = value.as_object() else { return };
                for (key, value) in map {
                    let next = path.with(format!("f:{key}"));
                    let Some(child) = self.child(&atom, key) else { continue };
                    self.fields_of(child, value, &next, out);
                    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                    if empty || index.is_none() {
                        out.0.insert(next);
                    }
                }
            }
            Atom::List(item) => {
                let Some(items) = value.as_array() else { return };
                let elements: Vec<Option<String>> =
                    items.iter().map(|v| self.element(t, item, v).ok()).collect();
                for (value, element) in items.iter().zip(&elements) {
                    let Some(element) = element else { continue };
                    let next = path.with(element.clone());
                    let twice = elements.iter().filter(|e| e.as_ref() == Some(element)).count() > 1;
                    if !twice {
                        self.fields_of(item, value, &next, out);
                    }
                    out.0.insert(next);
                }
            }
            Atom::Scalar => {}
        }
    }

    /// What differs between `old` and `new`, their managed fields aside.
    pub fn compare(self, old: &Value, new: &Value) -> Comparison {
        let mut out = Comparison::default();
        self.compare_at(self.top(), Some(old), Some(new), &Path::default(), &mut out);
        out
    }

    fn compare_at(
        self,
        t: Type,
        old: Option<&Value>,
        new: Option<&Value>,
        path: &Path,
        out: &mut Comparison,
    ) {
        if old.is_some() && old == new {
            return;
        }
        let (atom, atomic) = self.atom(t, new.or(old));
        let nothing = |v: Option<&Value>| match v {
            None | Some(Value::Null) => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(map)) => map.is_empty(),
            _ => false,
        };
        if atomic || (nothing(old) && nothing(new)) {
            match (old, new) {
                (None, Some(_)) => out.added.0.insert(path.clone()),
                (Some(_), None) => out.removed.0.insert(path.clone()),
                (Some(a), Some(b)) if a != b => out.modified.0.insert(path.clone()),
                _ => false,
            };
            return;
        }
        match atom {
            Atom::Map(..) => {
                let (a, b) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
                let keys: BTreeSet<&String> = a
                    .into_iter()
                    .flat_map(|m| m.keys())
                    .chain(b.into_iter().flat_map(|m| m.keys()))
                    .collect();
                for key in keys {
                    let of_managers =
                        key == "managedFields" && matches!(path.0.as_slice(), [at] if at == "f:metadata");
                    if let Some(child) = self.child(&atom, key).filter(|_| !of_managers) {
                        let (a, b) = (a.and_then(|m| m.get(key)), b.and_then(|m| m.get(key)));
                        self.compare_at(child, a, b, &path.with(format!("f:{key}")), out);
                    }
                }
            }
            Atom::List(item) => self.compare_lists(t, item, old, new, path, out),
            Atom::Scalar => {}
        }
        match (old, new) {
            (None, Some(_)) if !path.0.is_empty() => out.added.0.insert(path.clone()),
            (Some(_), None) if !path.0.is_empty() => out.removed.0.insert(path.clone()),
            _ => false,
        };
    }

    fn compare_lists(
        self,
        t: Type,
        item: Type,
        old: Option<&Value>,
        new: Option<&Value>,
        path: &Path,
        out: &mut Comparison,
    ) {
        let mut all: BTreeMap<String, [Vec<&Value>; 2]> = BTreeMap::new();
        for (side, list) in [old, new].into_iter().enumerate() {
            for value in list.and_then(Value::as_array).into_iter().flatten() {
                let Ok(element) = self.element(t, item, value) else { continue };
                all.entry(element).or_default()[side].push(value);
            }
        }
        for (element, [olds, news]) in all {
            let next = path.with(element);
            let (first, last) = (olds.first().copied(), news.first().copied());
            match (olds.len(), news.len()) {
                (0 | 1, 0 | 1) => self.compare_at(item, first, last, &next, out),
                (2.., 2..) => {
                    if olds != news {
                        out.modified.0.insert(next);
                    }
                }
                (2.., _) => {
                    if last.is_some() {
                        self.compare_at(item, None, last, &next, out);
                    }
                    out.removed.0.insert(next);
                }
                _ => {
                    if first.is_some() {
                        self.compare_at(item, first, None, &next, out);
                    }
                    out.added.0.insert(next);
                }
            }
        }
    }

    /// `base` with everything that `change` says.
    pub fn merge(self, base: &Value, change: &Value) -> Value {
        self.merge_at(self.top(), Some(base), Some(change)).unwrap_or(Value::Null)
    }

    fn merge_at(self, t: Type, a: Option<&Value>, b: Option<&Value>) -> Option<Value> {
        let (atom, atomic) = self.atom(t, b.or(a));
        let nothing = |v: Option<&Value>| match v {
            None | Some(Value::Null) => true,
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(map)) => map.is_empty(),
            _ => false,
        };
        if atomic || (nothing(a) && nothing(b)) {
            return b.or(a).cloned();
        }
        match atom {
            Atom::Map(..) => {
                let (a, b) = (a.and_then(Value::as_object), b.and_then(Value::as_object));
                let keys: BTreeSet<&String> = a
                    .into_iter()
                    .flat_map(|m| m.keys())
                    .chain(b.into_iter().flat_map(|m| m.keys()))
                    .collect();
                let mut out = Map::new();
                for key in keys {
                    let Some(child) = self.child(&atom, key) else { continue };
                    let (a, b) = (a.and_then(|m| m.get(key)), b.and_then(|m| m.get(key)));
                    if let Some(value) = self.merge_at(child, a, b) {
                        out.insert(key.clone(), value);
                    }
                }
                (!out.is_empty()).then_some(Value::Object(out))
            }
            Atom::List(item) => self.merge_lists(t, item, a, b),
            Atom::Scalar => b.or(a).cloned(),
        }
    }

    /// Keeps the order of `b`'s items, with those only in `a` where they were.
    fn merge_lists(self, t: Type, item: Type, a: Option<&Value>, b: Option<&Value>) -> Option<Value> {
        let keyed = |v: Option<&'_ Value>| -> Vec<(String, Value)> {
            v.and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|v| Some((self.element(t, item, v).ok()?, v.clone())))
                .collect()
        };
        let (a, b) = (keyed(a), keyed(b));
        let in_a = first_of_each(&a);
        let in_b = first_of_each(&b);
        let mut shared = b.iter().filter(|(e, _)| in_a.contains_key(e.as_str())).map(|(e, _)| e.as_str());
        let mut next_shared = shared.next();
        let mut merged: BTreeSet<&str> = BTreeSet::new();
        let mut out = Vec::new();
        let (mut l, mut r) = (0, 0);
        while l < a.len() || r < b.len() {
            if let (Some((le, lv)), Some((re, rv))) = (a.get(l), b.get(r)) {
                if le == re {
                    merged.insert(le);
                    out.extend(self.merge_at(item, Some(lv), Some(rv)));
                    l += 1;
                    r += 1;
                    next_shared = shared.next();
                    continue;
                }
                if in_b.contains_key(le.as_str()) && next_shared.is_some_and(|s| s != le) {
                    l += 1;
                    continue;
                }
            }
            if let Some((le, lv)) = a.get(l) {
                if !in_b.contains_key(le.as_str()) {
                    out.extend(self.merge_at(item, Some(lv), None));
                    l += 1;
                    continue;
                } else if merged.contains(le.as_str()) {
                    l += 1;
                }
            }
            if let Some((re, rv)) = b.get(r) {
                merged.insert(re);
                out.extend(self.merge_at(item, in_a.get(re.as_str()).copied(), Some(rv)));
                r += 1;
                if next_shared == Some(re.as_str()) {
                    next_shared = shared.next();
                }
            }
        }
        (!out.is_empty()).then_some(Value::Array(out))
    }

    /// The object without the fields of a set.
    pub fn remove(self, value: &Value, set: &Set) -> Value {
        self.remove_at(self.top(), value, &Path::default(), set)
    }

    fn remove_at(self, t: Type, value: &Value, path: &Path, set: &Set) -> Value {
        let (atom, atomic) = self.atom(t, Some(value));
        match (&atom, value) {
            (Atom::Scalar, _) => value.clone(),
            _ if atomic => Value::Null,
            (Atom::Map(..), Value::Object(map)) => {
                let mut out = Map::new();
                for (key, value) in map {
                    let next = path.with(format!("f:{key}"));
                    if set.has(&next) {
                        continue;
                    }
                    let kept = match self.child(&atom, key) {
                        Some(child) if set.has_below(&next) => self.remove_at(child, value, &next, set),
                        _ => value.clone(),
                    };
                    out.insert(key.clone(), kept);
                }
                if out.is_empty() { Value::Null } else { Value::Object(out) }
            }
            (Atom::List(item), Value::Array(items)) => {
                let mut out = Vec::new();
                for value in items {
                    let Ok(element) = self.element(t, *item, value) else { continue };
                    let next = path.with(element);
                    if set.has(&next) {
                        continue;
                    }
                    out.push(if set.has_below(&next) {
                        self.remove_at(*item, value, &next, set)
                    } else {
                        value.clone()
                    });
                }
                if out.is_empty() { Value::Null } else { Value::Array(out) }
            }
            _ => Value::Null,
        }
    }
}

/// The first value of each key.
fn first_of_each(list: &[(String, Value)]) -> HashMap<&str, &Value> {
    let mut found = HashMap::new();
    for (key, value) in list {
        found.entry(key.as_str()).or_insert(value);
    }
    found
}
