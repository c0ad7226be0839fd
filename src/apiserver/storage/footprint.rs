//! How much memory an object takes.

use serde_json::Value;

/// A node of the B-tree that a JSON object is: up to 11 keys of 24 bytes and values of 32, and what leads to others.
const TREE_NODE: usize = 640;
/// How many entries such a node has room for.
const IN_A_NODE: usize = 11;
/// The least that an allocation takes.
const ALLOCATION: usize = 32;

/// About how many bytes an object takes in memory, its own value not counted: several times its length as text where it has many
/// small fields, little more than that where it is one long string.
pub fn of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => of_text(text),
        Value::Array(items) => {
            let own = if items.is_empty() { 0 } else { items.len() * size_of::<Value>() + ALLOCATION / 2 };
            own + items.iter().map(of).sum::<usize>()
        }
        Value::Object(fields) => {
            let own = fields.len().div_ceil(IN_A_NODE) * TREE_NODE;
            own + fields.iter().map(|(name, value)| of_text(name) + of(value)).sum::<usize>()
        }
    }
}

fn of_text(text: &str) -> usize {
    if text.is_empty() { 0 } else { (text.len() + 8).max(ALLOCATION) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn small_fields_take_more_than_their_text_and_long_strings_do_not() {
        let many = json!({"a": {"b": 1}, "c": [{"d": "e"}, {"f": "g"}]});
        assert!(of(&many) > 10 * many.to_string().len(), "{}", of(&many));
        let long = json!({"data": "x".repeat(100_000)});
        assert!((100_000..102_000).contains(&of(&long)), "{}", of(&long));
        assert_eq!(of(&json!(null)) + of(&json!(1)) + of(&json!("")) + of(&json!([])) + of(&json!({})), 0);
    }
}
