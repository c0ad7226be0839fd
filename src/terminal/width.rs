//! The columns that a text takes.

use unicode_width::UnicodeWidthChar;

/// Cuts a text after at most `width` cells, at least one character on.
pub fn cut(text: &str, width: usize) -> (&str, &str) {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > width && at > 0 {
            return text.split_at(at);
        }
    }
    (text, "")
}
