//! YAML as kubectl and the API server print it: keys sorted, lists not indented, strings quoted only where they must be, long ones
//! folded at 80 columns.
//!
//! Behaviour after `sigs.k8s.io/yaml` (go-yaml 2's emitter).

use serde_json::Value;

/// Where a line is folded.
const WIDTH: usize = 80;

/// Writes a document.
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => mapping(map, 0, &mut out),
        Value::Array(list) if !list.is_empty() => sequence(list, 0, &mut out),
        scalar => {
            scalar_into(scalar, 0, &mut out);
            out.push('\n');
        }
    }
    out
}

fn indent(depth: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', depth));
}

fn mapping(map: &serde_json::Map<String, Value>, depth: usize, out: &mut String) {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_by(|a, b| natural(a, b));
    for (i, key) in keys.into_iter().enumerate() {
        if i > 0 {
            indent(depth, out);
        }
        string(key, depth, true, out);
        out.push(':');
        match &map[key] {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                indent(depth + 2, out);
                mapping(inner, depth + 2, out);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                indent(depth, out);
                sequence(inner, depth, out);
            }
            scalar => {
                out.push(' ');
                scalar_into(scalar, depth + 2, out);
                out.push('\n');
            }
        }
    }
}

fn sequence(list: &[Value], depth: usize, out: &mut String) {
    for (i, item) in list.iter().enumerate() {
        if i > 0 {
            indent(depth, out);
        }
        out.push_str("- ");
        match item {
            Value::Object(inner) if !inner.is_empty() => mapping(inner, depth + 2, out),
            Value::Array(inner) if !inner.is_empty() => sequence(inner, depth + 2, out),
            scalar => {
                scalar_into(scalar, depth + 2, out);
                out.push('\n');
            }
        }
    }
}

fn scalar_into(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::String(text) => string(text, depth, false, out),
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        other => out.push_str(&other.to_string()),
    }
}

/// go-yaml's order of keys: numbers inside words by value, letters before others.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut digits = false;
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] == b[i] {
            digits = a[i].is_ascii_digit();
            i += 1;
            continue;
        }
        let (al, bl) = (a[i].is_alphabetic(), b[i].is_alphabetic());
        if al && bl {
            return a[i].cmp(&b[i]);
        }
        if al || bl {
            return if digits { bl.cmp(&al).reverse() } else { al.cmp(&bl) };
        }
        let run = |s: &[char]| s[i..].iter().take_while(|c| c.is_ascii_digit()).collect::<String>();
        let (ar, br) = (run(&a), run(&b));
        if let (Ok(an), Ok(bn)) = (ar.parse::<u128>(), br.parse::<u128>()) {
            if an != bn {
                return an.cmp(&bn);
            }
            if ar.len() != br.len() {
                return ar.len().cmp(&br.len());
            }
        }
        return a[i].cmp(&b[i]);
    }
    a.len().cmp(&b.len())
}

fn string(text: &str, depth: usize, key: bool, out: &mut String) {
    let multiline = text.contains('\n');
    let printable = text.chars().all(|c| {
        c == '\n' || (c >= ' ' && c != '\u{7f}' && c != '\u{feff}' && !('\u{80}'..'\u{a0}').contains(&c))
    });
    if multiline
        && !key
        && printable
        && !text.starts_with([' ', '\n'])
        && !text.contains(" \n")
        && !text.trim_end_matches('\n').is_empty()
    {
        return literal(text, depth, out);
    }
    if !printable || multiline || resolves(text) {
        return double_quoted(text, depth, key, out);
    }
    let column = out.len() - out.rfind('\n').map_or(0, |i| i + 1);
    if plain_allowed(text) {
        folded(text, column, depth, key, out);
    } else {
        out.push('\'');
        folded(&text.replace('\'', "''"), column + 1, depth, key, out);
        out.push('\'');
    }
}

/// Writes words and breaks the line after the 80th column, as libyaml does.
fn folded(text: &str, mut column: usize, depth: usize, key: bool, out: &mut String) {
    let chars: Vec<char> = text.chars().collect();
    let mut after_space = false;
    for (i, &c) in chars.iter().enumerate() {
        if c == ' ' {
            let next_is_space = chars.get(i + 1) == Some(&' ');
            if !key && !after_space && column > WIDTH && i != 0 && i + 1 != chars.len() && !next_is_space {
                out.push('\n');
                indent(depth, out);
                column = depth;
            } else {
                out.push(' ');
                column += 1;
            }
            after_space = true;
        } else {
            out.push(c);
            column += 1;
            after_space = false;
        }
    }
}

/// `|`: the text as it is.
fn literal(text: &str, depth: usize, out: &mut String) {
    out.push('|');
    if !text.ends_with('\n') {
        out.push('-');
    } else if text.ends_with("\n\n") {
        out.push('+');
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(depth, out);
            out.push_str(line);
        }
    }
}

fn double_quoted(text: &str, depth: usize, key: bool, out: &mut String) {
    let mut column = out.len() - out.rfind('\n').map_or(0, |i| i + 1);
    out.push('"');
    column += 1;
    let chars: Vec<char> = text.chars().collect();
    let mut after_space = false;
    for (i, &c) in chars.iter().enumerate() {
        let before = out.len();
        let mut space = false;
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02X}", c as u32)),
            '\u{feff}' => out.push_str("\\uFEFF"),
            ' ' if !key && !after_space && column > WIDTH && i > 0 && i + 1 < chars.len() => {
                out.push('\n');
                indent(depth, out);
                column = depth;
                if chars.get(i + 1) == Some(&' ') {
                    out.push('\\');
                    column += 1;
                }
                after_space = true;
                continue;
            }
            c => {
                space = c == ' ';
                out.push(c);
            }
        }
        column += out[before..].chars().count();
        after_space = space;
    }
    out.push('"');
}

/// Says whether a bare word would be read as something else than a string.
fn resolves(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "", "~", "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "y", "Y", "yes",
        "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", ".nan", ".NaN",
        ".NAN", ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", "<<",
    ];
    WORDS.contains(&text) || number(text) || timestamp(text)
}

fn number(text: &str) -> bool {
    let bare = text.replace('_', "");
    let unsigned = bare.strip_prefix(['-', '+']).unwrap_or(&bare);
    let first = unsigned.chars().next().unwrap_or('x');
    if !first.is_ascii_digit() && first != '.' {
        return false;
    }
    if let Some(digits) = unsigned.strip_prefix("0x") {
        return !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
    }
    if let Some(digits) = unsigned.strip_prefix("0b") {
        return !digits.is_empty() && digits.chars().all(|c| "01".contains(c));
    }
    if let Some(digits) = unsigned.strip_prefix("0o") {
        return !digits.is_empty() && digits.chars().all(|c| ('0'..='7').contains(&c));
    }
    if !unsigned.chars().all(|c| c.is_ascii_digit() || ".eE+-:".contains(c)) {
        return false;
    }
    // Base 60, which YAML 1.1 readers take for numbers.
    if let Some((first, rest)) = unsigned.split_once(':') {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let sixtieth = |part: &str| match part.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        };
        return !first.is_empty() && digits(first) && digits(fraction) && whole.split(':').all(sixtieth);
    }
    unsigned.parse::<f64>().is_ok()
}

fn timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let date = bytes.len() >= 8
        && bytes.iter().take(4).all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && text[5..].split(['T', 't', ' ']).next().is_some_and(|rest| {
            rest.split_once('-').is_some_and(|(m, d)| {
                [m, d].iter().all(|p| (1..=2).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_digit()))
            })
        });
    date && text.bytes().all(|b| b.is_ascii_digit() || b"-:.TtZz +".contains(&b))
}

/// Says whether a string may stand without quotes.
fn plain_allowed(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second_is_space = text.chars().nth(1).is_none_or(|c| c == ' ');
    let bad_start = match first {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
            true
        }
        '-' | '?' | ':' => second_is_space,
        _ => false,
    };
    !bad_start
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains('\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prints_as_go_yaml_does() {
        let value = json!({
            "kind": "Node", "apiVersion": "v1",
            "metadata": {"labels": {"a/b": "1", "t": "true", "e": "", "n": "null", "d": "2026-11-24T07:00:00Z"}, "empty": {}},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}], "none": [], "list": [["x"], 1, true]},
            "text": "a\nb\n", "script": "no end\nhere", "colon": "a: b", "quote": "it's: here", "star": "*", "dash": "-", "flag": "--x=y"
        });
        assert_eq!(
            to_string(&value),
            "apiVersion: v1\ncolon: 'a: b'\ndash: '-'\nflag: --x=y\nkind: Node\nmetadata:\n  empty: {}\n  labels:\n    a/b: \"1\"\n    d: \"2026-11-24T07:00:00Z\"\n    e: \"\"\n    \"n\": \"null\"\n    t: \"true\"\nquote: 'it''s: here'\nscript: |-\n  no end\n  here\nspec:\n  list:\n  - - x\n  - 1\n  - true\n  none: []\n  taints:\n  - effect: NoSchedule\n    key: k\nstar: '*'\ntext: |\n  a\n  b\n"
        );
    }

    #[test]
    fn long_text_folds_after_eighty_columns() {
        let value = json!({"message": "word ".repeat(30).trim()});
        let text = to_string(&value);
        assert_eq!(text.lines().count(), 2);
        assert!(text.lines().next().is_some_and(|l| l.len() > 80 && l.len() < 90), "{text}");
        assert_eq!(serde_yaml::from_str::<Value>(&text).ok(), Some(value));
    }

    #[test]
    fn what_is_written_reads_back() {
        for text in [
            "",
            " ",
            "a",
            "0x1f",
            "1e3",
            "1:30",
            "on",
            "a #b",
            "tab\there",
            "\u{1b}[0m",
            "back\\slash\n",
            "\nfirst",
            "x:",
            "- y",
            "é",
            "é: \"q\"",
            "a\n\n",
            "  lead\nx",
        ] {
            let value = json!({"k": text, text: 1});
            let written = to_string(&value);
            assert_eq!(serde_yaml::from_str::<Value>(&written).ok().as_ref(), Some(&value), "{written}");
        }
    }
}
