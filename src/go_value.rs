//! Values as Go's `%v` and its JSON encoder print them.

use serde_json::Value;

/// A value as Go's `%v` prints it.
pub fn go_value(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".into(),
        Value::Array(list) => format!("[{}]", list.iter().map(go_value).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by(|a, b| a.0.cmp(b.0));
            let pairs: Vec<_> = pairs.into_iter().map(|(k, v)| format!("{k}:{}", go_value(v))).collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

/// JSON with the escapes by which Go's encoder keeps it from looking like HTML; none of these characters is outside of strings.
pub fn escape_html(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// The same for what is already written.
pub fn escape_html_bytes(json: Vec<u8>) -> Vec<u8> {
    // The first byte of the two separators in UTF-8 is 0xe2.
    if !json.iter().any(|byte| matches!(byte, b'<' | b'>' | b'&' | 0xe2)) {
        return json;
    }
    match String::from_utf8(json) {
        Ok(text) => escape_html(&text).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}
