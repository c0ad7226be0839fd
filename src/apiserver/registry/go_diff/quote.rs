//! Texts as Go writes them in its sources.
//!
//! Upstream: `strconv.Quote`, and `formatString` of `github.com/google/go-cmp/cmp/report_reflect.go`.

/// Whether Go prints a character as it is.
pub(super) fn is_print(c: char) -> bool {
    c == ' ' || !(c.is_control() || c.is_whitespace() || ('\u{e000}'..='\u{f8ff}').contains(&c))
}

/// Between quotation marks, with escapes.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{7}' => out.push_str("\\a"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{b}' => out.push_str("\\v"),
                c if is_print(c) => out.push(c),
                c if u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
                c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

/// Between quotation marks, or between backquotes where that saves escapes.
pub(super) fn string(bytes: &[u8]) -> String {
    let quoted = quoted(bytes);
    let plain = |text: &str| text.chars().all(|c| c != '`' && c != '\n' && (is_print(c) || c == '\t'));
    match std::str::from_utf8(bytes) {
        Ok(text) if quoted.len() != text.len() + 2 && plain(text) => format!("`{text}`"),
        _ => quoted,
    }
}
