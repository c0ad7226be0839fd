//! Texts as differences have them.
//!
//! Upstream: `formatString` of `github.com/google/go-cmp/cmp/report_reflect.go`.

pub(super) use crate::go_quote::{is_print, quoted};

/// Between quotation marks, or between backquotes where that saves escapes.
pub(super) fn string(bytes: &[u8]) -> String {
    let quoted = quoted(bytes);
    let plain = |text: &str| text.chars().all(|c| c != '`' && c != '\n' && (is_print(c) || c == '\t'));
    match std::str::from_utf8(bytes) {
        Ok(text) if quoted.len() != text.len() + 2 && plain(text) => format!("`{text}`"),
        _ => quoted,
    }
}
