//! JSON patches (RFC 6902) as the server carries them out, which is not to the letter of the RFC: a replacement may add, indices
//! may count from the end, and what a map does not have reads as null.
//!
//! Upstream: `gopkg.in/evanphx/json-patch.v4`.

use serde_json::Value;

use crate::apiserver::registry::json::Node;

/// How many bytes the copies of a patch may add (`JSONPatchMaxCopyBytes`).
const MOST_COPIED: usize = 3 << 20;

/// An operation cannot be carried out; the answer does not say more.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

/// Carries out operations, one after the other.
pub fn apply(document: &mut Value, operations: &[Node]) -> Result<(), Refused> {
    let mut copied = 0;
    for operation in operations {
        let text = |key: &str| match operation.get(key) {
            Some(Node::String(text)) => Ok(text.as_str()),
            _ => Err(Refused),
        };
        let value = operation.get("value").map(Node::to_value);
        let path = text("path");
        match text("op")? {
            "add" => add(document, path?, value.unwrap_or_default())?,
            "remove" => remove(document, path?).map(|_| ())?,
            "replace" => replace(document, path?, value.unwrap_or_default())?,
            "move" => {
                let moved = remove(document, text("from")?)?;
                add(document, path?, moved)?;
            }
            "copy" => {
                let from = get(document, text("from")?)?.cloned().unwrap_or_default();
                copied += from.to_string().len();
                if copied > MOST_COPIED {
                    return Err(Refused);
                }
                add(document, path?, from)?;
            }
            "test" => test(document, path?, &value.ok_or(Refused)?)?,
            _ => return Err(Refused),
        }
    }
    Ok(())
}

/// The container that a path ends in, and the last key.
fn find<'d>(document: &'d mut Value, path: &str) -> Result<(&'d mut Value, String), Refused> {
    let mut parts = path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut key = parts.next().ok_or(Refused)?;
    let mut at = document;
    for next in parts {
        at = match at {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(list) => place(&key, list.len())?.and_then(|index| list.get_mut(index)),
            _ => None,
        }
        .filter(|below| below.is_object() || below.is_array())
        .ok_or(Refused)?;
        key = next;
    }
    Ok((at, key))
}

/// Where an index points to in a list of this length; nothing where that is beyond its end.
fn place(key: &str, length: usize) -> Result<Option<usize>, Refused> {
    let index: i64 = key.parse().map_err(|_| Refused)?;
    let length = i64::try_from(length).map_err(|_| Refused)?;
    let index = if index < 0 { index + length } else { index };
    if index < 0 {
        return Err(Refused);
    }
    Ok((index < length).then_some(usize::try_from(index).unwrap_or(usize::MAX)))
}

/// What is at a path; nothing where a map does not have it.
fn get<'d>(document: &'d mut Value, path: &str) -> Result<Option<&'d Value>, Refused> {
    let (container, key) = find(document, path)?;
    match container {
        Value::Object(map) => Ok(map.get(&key)),
        Value::Array(list) => place(&key, list.len())?.and_then(|at| list.get(at)).ok_or(Refused).map(Some),
        _ => Err(Refused),
    }
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), Refused> {
    if path.is_empty() {
        return whole(document, value);
    }
    let (container, key) = find(document, path)?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => {
            let at = place(&key, list.len() + 1)?.ok_or(Refused)?;
            list.insert(at, value);
        }
        _ => return Err(Refused),
    }
    Ok(())
}

fn whole(document: &mut Value, value: Value) -> Result<(), Refused> {
    if !value.is_object() && !value.is_array() {
        return Err(Refused);
    }
    *document = value;
    Ok(())
}

fn remove(document: &mut Value, path: &str) -> Result<Value, Refused> {
    let (container, key) = find(document, path)?;
    match container {
        Value::Object(map) => map.remove(&key).ok_or(Refused),
        Value::Array(list) => place(&key, list.len())?.map(|at| list.remove(at)).ok_or(Refused),
        _ => Err(Refused),
    }
}

fn replace(document: &mut Value, path: &str, value: Value) -> Result<(), Refused> {
    if path.is_empty() {
        return whole(document, value);
    }
    let (container, key) = find(document, path)?;
    match container {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(list) => {
            let at = place(&key, list.len())?.and_then(|at| list.get_mut(at)).ok_or(Refused)?;
            *at = value;
        }
        _ => return Err(Refused),
    }
    Ok(())
}

fn test(document: &mut Value, path: &str, value: &Value) -> Result<(), Refused> {
    let holds = if path.is_empty() {
        document == value
    } else {
        get(document, path)?.unwrap_or(&Value::Null) == value
    };
    if holds { Ok(()) } else { Err(Refused) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::apiserver::registry::json;

    fn patched(operations: &str) -> Result<String, Refused> {
        let mut document = serde_json::json!({"m": {"a": 1, "x/y": 2}, "l": [1, 2, 3], "s": "t"});
        let Node::Array(operations) = json::parse(operations.as_bytes()).unwrap() else {
            return Err(Refused);
        };
        apply(&mut document, &operations).map(|()| document.to_string())
    }

    #[test]
    fn operations_do_what_upstream_does() {
        for (operations, expected) in [
            (
                r#"[{"op":"add","path":"/m/b","value":2}]"#,
                Some(r#"{"l":[1,2,3],"m":{"a":1,"b":2,"x/y":2},"s":"t"}"#),
            ),
            (
                r#"[{"op":"add","path":"/m/b"}]"#,
                Some(r#"{"l":[1,2,3],"m":{"a":1,"b":null,"x/y":2},"s":"t"}"#),
            ),
            (
                r#"[{"op":"replace","path":"/m/b","value":2}]"#,
                Some(r#"{"l":[1,2,3],"m":{"a":1,"b":2,"x/y":2},"s":"t"}"#),
            ),
            (
                r#"[{"op":"replace","path":"/l/-1","value":9}]"#,
                Some(r#"{"l":[1,2,9],"m":{"a":1,"x/y":2},"s":"t"}"#),
            ),
            (
                r#"[{"op":"add","path":"/l/-","value":4}]"#,
                Some(r#"{"l":[1,2,3,4],"m":{"a":1,"x/y":2},"s":"t"}"#),
            ),
            (
                r#"[{"op":"add","path":"/l/3","value":4}]"#,
                Some(r#"{"l":[1,2,3,4],"m":{"a":1,"x/y":2},"s":"t"}"#),
            ),
            (r#"[{"op":"remove","path":"/m/x~1y"}]"#, Some(r#"{"l":[1,2,3],"m":{"a":1},"s":"t"}"#)),
            (
                r#"[{"op":"move","from":"/l/0","path":"/l/-"}]"#,
                Some(r#"{"l":[2,3,1],"m":{"a":1,"x/y":2},"s":"t"}"#),
            ),
            (
                r#"[{"op":"copy","from":"/m/none","path":"/s"}]"#,
                Some(r#"{"l":[1,2,3],"m":{"a":1,"x/y":2},"s":null}"#),
            ),
            (
                r#"[{"op":"test","path":"/m/none","value":null},{"op":"remove","path":"/m"}]"#,
                Some(r#"{"l":[1,2,3],"s":"t"}"#),
            ),
            (r#"[{"op":"add","path":"","value":{}}]"#, Some("{}")),
            (r#"[{"op":"add","path":"","value":5}]"#, None),
            (r#"[{"op":"add","path":"m","value":5}]"#, None),
            (r#"[{"op":"add","path":"/l/5","value":5}]"#, None),
            (r#"[{"op":"add","path":"/l/x","value":5}]"#, None),
            (r#"[{"op":"add","path":"/s/x","value":5}]"#, None),
            (r#"[{"op":"remove","path":"/m/none"}]"#, None),
            (r#"[{"op":"remove","path":"/l/-4"}]"#, None),
            (r#"[{"op":"move","from":"/m/none","path":"/s"}]"#, None),
            (r#"[{"op":"test","path":"/m/a","value":2}]"#, None),
            (r#"[{"op":"test","path":"/m/a"}]"#, None),
            (r#"[{"path":"/m/a"}]"#, None),
            (r#"[{"op":"nope","path":"/m/a"}]"#, None),
        ] {
            assert_eq!(patched(operations).ok().as_deref(), expected, "{operations}");
        }
    }
}
