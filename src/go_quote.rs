//! Texts as Go writes them in its sources, which is how Kubernetes' messages quote.
//!
//! Upstream: `strconv.Quote`.

/// Quotes a text as Go's `%q` does.
pub(crate) fn quote(text: &str) -> String {
    quoted(text.as_bytes())
}

/// Marks that have no picture of their own (Unicode's category Cf), which Go does not print.
const FORMATS: [(char, char); 9] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
];

/// Whether Go prints a character as it is.
pub(crate) fn is_print(c: char) -> bool {
    let private = ('\u{e000}'..='\u{f8ff}').contains(&c);
    let format = FORMATS.iter().any(|(first, last)| (*first..=*last).contains(&c));
    c == ' ' || !(c.is_control() || c.is_whitespace() || private || format)
}

/// Quotes bytes as Go's `%q` does; those that are no UTF-8 are escaped one by one.
pub(crate) fn quoted(bytes: &[u8]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("plain", r#""plain""#),
            ("a \"b\" \\", r#""a \"b\" \\""#),
            ("\n\t\r\u{7}\u{0}\u{7f}", r#""\n\t\r\a\x00\x7f""#),
            ("日本 'x'", r#""日本 'x'""#),
            ("\u{a0}\u{200b}x", r#""\u00a0\u200bx""#),
        ] {
            assert_eq!(quote(text), quoted, "{text:?}");
        }
        assert_eq!(super::quoted(b"\xffa"), r#""\xffa""#);
    }
}
