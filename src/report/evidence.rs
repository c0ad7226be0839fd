//! The digest of a report: SHA-256 over its canonical JSON, without the digest itself.
//!
//! Canonical JSON is that of RFC 8785 as far as reports need it: keys sorted, no white space, whole numbers only. The
//! digest tells that nothing was changed by accident or by hand afterwards; it is no signature: whoever has this program
//! can make a report.

use serde::Serialize;
use serde_json::Value;

/// The digest of what a report says, 64 hexadecimal digits.
pub fn digest(report: &impl Serialize) -> String {
    digest_of(&serde_json::to_value(report).unwrap_or_default())
}

/// The digest of a report as JSON; its own `digest` does not count.
pub fn digest_of(report: &Value) -> String {
    let mut said = report.clone();
    if let Some(fields) = said.as_object_mut() {
        fields.remove("digest");
    }
    crate::digest::sha256(canonical(&said).as_bytes())
}

/// Canonical JSON.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            let fields: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// The report as one line of JSON that may stand inside HTML, XML and comments: only plain ASCII, and none of
/// `< > & ' -`, which are escaped as JSON has it.
pub fn embedded(report: &impl Serialize) -> String {
    let text = canonical(&serde_json::to_value(report).unwrap_or_default());
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // Outside of strings canonical JSON has none of these: numbers are whole and never negative.
        if c.is_ascii() && !c.is_ascii_control() && !matches!(c, '<' | '>' | '&' | '\'' | '-') {
            safe.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            safe += &format!("\\u{unit:04x}");
        }
    }
    safe
}
