//! What HTML and XML have in common.

/// Text with the characters of markup as entities; `own` says what else stands for a character in the format.
pub fn escaped(text: &str, own: impl Fn(char) -> Option<&'static str>) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            c => match own(c) {
                Some(entity) => safe += entity,
                None => safe.push(c),
            },
        }
    }
    safe
}
