//! Strategic merge patch.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/strategicpatch/patch.go`.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::apiserver::registry::schema::{Field, Schema, Shape};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_PREFIX: &str = "$deleteFromPrimitiveList";
const ORDER_PREFIX: &str = "$setElementOrder";

/// Why a patch cannot be applied.
#[derive(Debug, PartialEq, Eq)]
pub enum Error {
    /// Answered with 400.
    BadRequest(&'static str),
    /// Answered with 422.
    Unprocessable,
    /// Answered with 500.
    Other(String),
}

/// How a field merges, and what is below it.
struct Meta {
    shape: Option<Shape>,
    merge: bool,
    key: &'static str,
}

/// Applies `patch` to `original`, an object of the type `shape`.
pub fn merge(
    schema: &Schema,
    shape: Option<Shape>,
    original: Map<String, Value>,
    patch: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    merge_map(schema, shape, original, patch)
}

fn meta(schema: &Schema, shape: Option<Shape>, key: &str) -> Meta {
    let of = |field: &Field| Meta { shape: Some(field.shape), merge: field.merge, key: field.merge_key };
    match shape {
        Some(Shape::Struct(index)) => schema.get(index).field(key).map(of),
        Some(Shape::Map(item)) => Some(Meta { shape: Some(*item), merge: false, key: "" }),
        _ => None,
    }
    .unwrap_or(Meta { shape: None, merge: false, key: "" })
}

fn item_shape(shape: Option<Shape>) -> Option<Shape> {
    match shape {
        Some(Shape::List(item)) => Some(*item),
        _ => None,
    }
}

/// A map as Go prints it with `%v`.
pub fn go_map(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::String(s) => s.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(go_map).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let entries: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", go_map(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
        other => other.to_string(),
    }
}

fn no_merge_key(item: &Value, key: &str) -> Error {
    Error::Other(format!("map: {} does not contain declared merge key: {key}", go_map(item)))
}

fn bad_patch_type(directive: &Value, map: &Map<String, Value>) -> Error {
    let map = go_map(&Value::Object(map.clone()));
    Error::Other(format!("unknown patch type: {} in map: {map}", go_map(directive)))
}

fn merge_map(
    schema: &Schema,
    shape: Option<Shape>,
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(bad_patch_type(directive, &patch)),
        };
    }
    retain_keys(&mut original, &mut patch)?;
    element_order(schema, shape, &mut original, &mut patch)?;
    for (key, value) in patch {
        let (key, deletes) = match key.strip_prefix(DELETE_PREFIX) {
            Some(rest) => {
                let name = rest.strip_prefix('/');
                let name = name.ok_or(Error::BadRequest("invalid patch format of primitive list"))?;
                (name.to_owned(), true)
            }
            None => (key, false),
        };
        if value.is_null() {
            original.remove(&key);
            continue;
        }
        let below = meta(schema, shape, &key);
        let merged = match (original.remove(&key), value) {
            (Some(Value::Object(a)), Value::Object(b)) => {
                Some(Value::Object(merge_map(schema, below.shape, a, b)?))
            }
            (Some(Value::Array(a)), Value::Array(b)) => {
                Some(Value::Array(merge_slice_handler(schema, &below, a, b, deletes)?))
            }
            (before, _) if deletes => before,
            (_, value) => {
                let mut value = value;
                discard_nulls(&mut value);
                remove_directives(value)
            }
        };
        if let Some(merged) = merged {
            original.insert(key, merged);
        }
    }
    Ok(original)
}

fn retain_keys(original: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Error> {
    const BAD: Error = Error::BadRequest("invalid patch format of retainKeys");
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let keys: HashSet<String> =
        keys.as_array().ok_or(BAD)?.iter().map(|k| k.as_str().unwrap_or("").to_owned()).collect();
    for (key, value) in patch.iter() {
        let special = key.starts_with(DELETE_PREFIX) || key.starts_with(ORDER_PREFIX);
        if !value.is_null() && !special && !keys.contains(key) {
            return Err(BAD);
        }
    }
    original.retain(|key, _| keys.contains(key));
    Ok(())
}

/// Handles `$setElementOrder/KEY` together with the list it orders.
fn element_order(
    schema: &Schema,
    shape: Option<Shape>,
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
) -> Result<(), Error> {
    const BAD: Error = Error::BadRequest("invalid patch format of setElementOrder list");
    let directives: Vec<String> = patch.keys().filter(|k| k.starts_with(ORDER_PREFIX)).cloned().collect();
    for directive in directives {
        let Some(Value::Array(order)) = patch.remove(&directive) else { return Err(BAD) };
        let key = directive[ORDER_PREFIX.len()..].strip_prefix('/').ok_or(BAD)?.to_owned();
        let list = |map: &Map<String, Value>| match map.get(&key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(_) => Err(BAD),
        };
        let (before, change) = (list(original)?, list(patch)?);
        let below = meta(schema, shape, &key);
        check_order(change.as_deref().unwrap_or_default(), &order, below.key)?;
        let merged = match (before.clone(), change) {
            (None, None) => continue,
            (Some(before), None) => before,
            (None, Some(change)) => change.into_iter().filter_map(remove_directives).collect(),
            (Some(before), Some(change)) => merge_slice_handler(schema, &below, before, change, false)?,
        };
        let ordered = arrange(merged, &order, &before.unwrap_or_default(), below.key)?;
        original.insert(key.clone(), Value::Array(ordered));
        patch.remove(&key);
    }
    Ok(())
}

/// The patch's items must come in the order of the directive.
fn check_order(patch: &[Value], order: &[Value], key: &str) -> Result<(), Error> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut order_at = order.iter();
    for item in patch.iter().filter(|i| i.get(DIRECTIVE).is_none()) {
        if !order_at.any(|o| identity(o, key) == identity(item, key)) {
            return Err(Error::Other(format!(
                "The order in patch list:\n{}\n doesn't match {ORDER_PREFIX} list:\n{}\n",
                go_map(&Value::Array(patch.to_vec())),
                go_map(&Value::Array(order.to_vec()))
            )));
        }
    }
    Ok(())
}

fn identity<'a>(item: &'a Value, key: &str) -> Option<&'a Value> {
    if key.is_empty() { Some(item) } else { item.get(key) }
}

/// Where the items of a list are, by what identifies them.
struct Places<'a> {
    key: &'a str,
    at: HashMap<String, usize>,
}

impl<'a> Places<'a> {
    fn new(list: &[Value], key: &'a str) -> Self {
        let mut at = HashMap::new();
        for (index, item) in list.iter().enumerate() {
            if let Some(id) = identity(item, key) {
                at.entry(id.to_string()).or_insert(index);
            }
        }
        Self { key, at }
    }

    fn of(&self, item: &Value) -> Option<usize> {
        self.at.get(&identity(item, self.key)?.to_string()).copied()
    }
}

/// Puts items named by `order` in its order, the others where they were.
fn arrange(merged: Vec<Value>, order: &[Value], before: &[Value], key: &str) -> Result<Vec<Value>, Error> {
    if !key.is_empty()
        && let Some(bad) = merged.iter().chain(order).find(|i| i.get(key).is_none())
    {
        return Err(no_merge_key(bad, key));
    }
    let (order, before) = (Places::new(order, key), Places::new(before, key));
    let (mut named, mut others): (Vec<Value>, Vec<Value>) =
        merged.into_iter().partition(|i| order.of(i).is_some());
    named.sort_by_cached_key(|i| order.of(i));
    others.sort_by_cached_key(|i| before.of(i).unwrap_or(usize::MAX));
    let mut out = Vec::with_capacity(named.len() + others.len());
    let (mut left, mut right) = (others.into_iter().peekable(), named.into_iter().peekable());
    loop {
        let take_left = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => match (before.of(l), before.of(r)) {
                (Some(l), Some(r)) => l < r,
                _ => false,
            },
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return Ok(out),
        };
        out.extend(if take_left { left.next() } else { right.next() });
    }
}

fn merge_slice_handler(
    schema: &Schema,
    below: &Meta,
    original: Vec<Value>,
    patch: Vec<Value>,
    deletes: bool,
) -> Result<Vec<Value>, Error> {
    if below.merge || deletes { merge_slice(schema, below, original, patch, deletes) } else { Ok(patch) }
}

fn merge_slice(
    schema: &Schema,
    below: &Meta,
    original: Vec<Value>,
    patch: Vec<Value>,
    deletes: bool,
) -> Result<Vec<Value>, Error> {
    let Some(first) = original.first().or(patch.first()) else { return Ok(original) };
    if original.iter().chain(&patch).any(Value::is_array) {
        return Err(Error::Unprocessable);
    }
    if !first.is_object() {
        if deletes {
            let gone: HashSet<String> = patch.iter().map(ToString::to_string).collect();
            return Ok(original.into_iter().filter(|v| !gone.contains(&v.to_string())).collect());
        }
        let mut seen = HashSet::new();
        let mut merged: Vec<Value> = original.iter().chain(&patch).cloned().collect();
        merged.retain(|value| seen.insert(value.to_string()));
        return arrange(merged, &patch, &original, "");
    }
    let key = below.key;
    if key.is_empty() {
        return Err(Error::Other("cannot merge lists without merge key for ".into()));
    }
    let (before, change) = special_elements(original, patch, key)?;
    let mut merged = before.clone();
    let mut places = Places::new(&merged, key);
    for item in &change {
        let id = item.get(key).ok_or_else(|| no_merge_key(item, key))?;
        let Value::Object(map) = item.clone() else { continue };
        match places.of(item).and_then(|at| merged.get_mut(at)) {
            Some(found) => {
                let Value::Object(base) = found.take() else { continue };
                *found = Value::Object(merge_map(schema, item_shape(below.shape), base, map)?);
            }
            None => {
                places.at.insert(id.to_string(), merged.len());
                merged.push(Value::Object(map));
            }
        }
    }
    arrange(merged, &change, &before, key)
}

/// Acts on `$patch` items of a list; gives what they leave of both lists.
fn special_elements(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let mut rest = Vec::new();
    let mut gone = HashSet::new();
    let mut replace = false;
    for item in patch {
        let Some(directive) = item.get(DIRECTIVE).cloned() else {
            rest.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let id = item.get(key).ok_or_else(|| no_merge_key(&item, key))?;
                gone.insert(id.to_string());
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err(Error::Other("merging lists cannot yet be specified in the patch".into()));
            }
            _ => return Err(bad_patch_type(&directive, item.as_object().unwrap_or(&Map::new()))),
        }
    }
    original.retain(|o| o.get(key).is_none_or(|id| !gone.contains(&id.to_string())));
    Ok(if replace { (rest, Vec::new()) } else { (original, rest) })
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

fn remove_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => Some(Value::Object(
            map.into_iter().filter_map(|(k, v)| Some((k, remove_directives(v)?))).collect(),
        )),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(remove_directives).collect())),
        other => Some(other),
    }
}
