//! JSON Schema as far as the committed schemas use it; for tests. A keyword that is not known here is a problem, so that
//! a schema cannot ask for what nobody looks at.

use serde_json::Value;

/// What is wrong with a value, each as `where: what`.
pub fn problems(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(schema, schema, value, "", &mut found);
    found
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn look(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else { return };
    let mut say = |what: String| found.push(format!("{at}: {what}"));
    for (keyword, wanted) in keywords {
        match keyword.as_str() {
            "$schema"
            | "$id"
            | "$defs"
            | "title"
            | "description"
            | "examples"
            | "default"
            | "markdownDescription" => {}
            "properties"
            | "required"
            | "additionalProperties"
            | "items"
            | "prefixItems"
            | "patternProperties" => {}
            "$ref" | "anyOf" | "oneOf" => {}
            "type" => {
                let types: Vec<&str> = match wanted {
                    Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                    one => one.as_str().into_iter().collect(),
                };
                let is = type_of(value);
                if !types.iter().any(|t| *t == is || (*t == "number" && is == "integer")) {
                    say(format!("is {is}, not {types:?}"));
                }
            }
            "enum" => {
                if !wanted.as_array().unwrap().contains(value) {
                    say(format!("{value} is none of {wanted}"));
                }
            }
            "const" => {
                if wanted != value {
                    say(format!("{value} is not {wanted}"));
                }
            }
            "pattern" => {
                let pattern = regex::Regex::new(wanted.as_str().unwrap()).unwrap();
                if value.as_str().is_some_and(|text| !pattern.is_match(text)) {
                    say(format!("{value} does not match {wanted}"));
                }
            }
            "minimum" => {
                if value.as_f64().is_some_and(|n| n < wanted.as_f64().unwrap()) {
                    say(format!("{value} is less than {wanted}"));
                }
            }
            "maximum" => {
                if value.as_f64().is_some_and(|n| n > wanted.as_f64().unwrap()) {
                    say(format!("{value} is more than {wanted}"));
                }
            }
            "minItems" | "maxItems" => {
                let limit = usize::try_from(wanted.as_u64().unwrap()).unwrap();
                let wrong = |n: usize| if keyword == "minItems" { n < limit } else { n > limit };
                if value.as_array().is_some_and(|all| wrong(all.len())) {
                    say(format!("{keyword} is {limit}"));
                }
            }
            "minLength" => {
                if value.as_str().is_some_and(|t| (t.chars().count() as u64) < wanted.as_u64().unwrap()) {
                    say(format!("shorter than {wanted}"));
                }
            }
            other => say(format!("the schema's keyword {other:?} is not known here")),
        }
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#'));
        look(root, target.unwrap_or_else(|| panic!("no {reference}")), value, at, found);
    }
    for (keyword, exactly_one) in [("anyOf", false), ("oneOf", true)] {
        let Some(all) = schema[keyword].as_array() else { continue };
        let mut tries = Vec::new();
        for one in all {
            let mut inner = Vec::new();
            look(root, one, value, at, &mut inner);
            tries.push(inner);
        }
        let fits = tries.iter().filter(|t| t.is_empty()).count();
        if fits == 0 || (exactly_one && fits > 1) {
            found.push(format!("{at}: {fits} of {keyword} fit: {tries:?}"));
        }
    }
    if let Some(fields) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(key) {
                found.push(format!("{at}: {key} is missing"));
            }
        }
        for (key, inner) in fields {
            let here = format!("{at}/{key}");
            match (&schema["properties"][key], &schema["additionalProperties"]) {
                (known, _) if !known.is_null() => look(root, known, inner, &here, found),
                (_, Value::Bool(false)) => found.push(format!("{here}: is not known")),
                (_, more) => look(root, more, inner, &here, found),
            }
        }
    }
    if let Some(items) = value.as_array() {
        let first = schema["prefixItems"].as_array().map_or(&[][..], Vec::as_slice);
        for (index, item) in items.iter().enumerate() {
            let schema = first.get(index).unwrap_or(&schema["items"]);
            look(root, schema, item, &format!("{at}/{index}"), found);
        }
    }
}

#[test]
fn it_tells_good_from_bad() {
    use serde_json::json;
    let schema = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {
            "a": {"type": ["integer", "null"], "minimum": 1},
            "b": {"type": "array", "items": {"$ref": "#/$defs/word"}, "minItems": 1},
            "c": {"oneOf": [{"type": "string"}, {"const": 1}]},
        },
        "$defs": {"word": {"type": "string", "pattern": "^[a-z]+$"}},
    });
    assert!(problems(&schema, &json!({"a": 1, "b": ["x"], "c": 1})).is_empty());
    for bad in [
        json!({}),
        json!({"a": 0}),
        json!({"a": "1"}),
        json!({"a": 1, "b": []}),
        json!({"a": 1, "b": ["X"]}),
        json!({"a": 1, "c": 2}),
        json!({"a": 1, "d": 1}),
        json!([]),
    ] {
        assert!(!problems(&schema, &bad).is_empty(), "{bad}");
    }
    assert!(!problems(&json!({"format": "date"}), &json!("x")).is_empty());
}
