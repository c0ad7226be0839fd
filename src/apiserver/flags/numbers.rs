//! Numbers and lists as Go reads them, with Go's own sentences about those that are wrong.
//!
//! Upstream: Go's `strconv`, `time`, `encoding/csv`.

use crate::go_quote::quote;

fn syntax(function: &str, value: &str) -> String {
    format!("strconv.{function}: parsing {}: invalid syntax", quote(value))
}

fn range(function: &str, value: &str) -> String {
    format!("strconv.{function}: parsing {}: value out of range", quote(value))
}

/// Underscores stand between digits, or after the prefix of a base (`underscoreOK`).
fn underscores_fit(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    let rest = ["0b", "0o", "0x"].iter().find_map(|prefix| text.strip_prefix(prefix));
    let hex = text.starts_with("0x");
    // A prefix counts as a digit.
    let mut last = if rest.is_some() { '0' } else { '^' };
    for c in rest.unwrap_or(&text).chars() {
        let digit = c.is_ascii_digit() || hex && c.is_ascii_hexdigit();
        match c {
            _ if digit => last = '0',
            '_' if last == '0' => last = '_',
            '_' => return false,
            _ if last == '_' => return false,
            _ => last = '!',
        }
    }
    last != '_'
}

/// The digits' value, where the base is what the prefix says; `None` where there is none, an error beyond 64 bits.
fn magnitude(digits: &str) -> Option<Result<u64, ()>> {
    let lower = digits.to_ascii_lowercase();
    let (base, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.contains('_') && !underscores_fit(digits) {
        return None;
    }
    let rest = rest.replace('_', "");
    if rest.is_empty() || !rest.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    Some(u64::from_str_radix(&rest, base).map_err(drop))
}

/// `strconv.ParseInt(value, 0, 64)`
pub(super) fn integer(value: &str) -> Result<i64, String> {
    let negative = value.starts_with('-');
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let found = magnitude(digits).ok_or_else(|| syntax("ParseInt", value))?;
    let wide = i128::from(found.map_err(|()| range("ParseInt", value))?);
    i64::try_from(if negative { -wide } else { wide }).map_err(|_| range("ParseInt", value))
}

/// `strconv.ParseUint(value, 0, 64)`
pub(super) fn unsigned(value: &str) -> Result<u64, String> {
    magnitude(value).ok_or_else(|| syntax("ParseUint", value))?.map_err(|()| range("ParseUint", value))
}

/// A level of verbosity: `strconv.ParseUint(value, 10, 31)`.
pub(super) fn level(value: &str) -> Result<(), String> {
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(syntax("ParseUint", value));
    }
    match value.parse::<u64>() {
        Ok(level) if level < 1 << 31 => Ok(()),
        _ => Err(range("ParseUint", value)),
    }
}

/// `strconv.ParseFloat(value, bits)`
pub(super) fn float(value: &str, bits: u32) -> Result<f64, String> {
    let lower = value.to_ascii_lowercase();
    let plain = lower.strip_prefix(['-', '+']).unwrap_or(&lower);
    let word = matches!(plain, "inf" | "infinity" | "nan");
    if plain.contains('_') && !underscores_fit(&lower) {
        return Err(syntax("ParseFloat", value));
    }
    let clean = lower.replace('_', "");
    let parsed = match plain.strip_prefix("0x") {
        Some(hex) => hex_float(&hex.replace('_', "")),
        None if !word && plain.contains(|c: char| c.is_ascii_alphabetic() && c != 'e') => None,
        None => clean.parse::<f64>().ok(),
    };
    let number = parsed.ok_or_else(|| syntax("ParseFloat", value))?;
    let most = if bits == 32 { f64::from(f32::MAX) } else { f64::MAX };
    if !word && number.abs() > most { Err(range("ParseFloat", value)) } else { Ok(number) }
}

/// `1.8p-2`: hexadecimal digits and a power of two, which must be there.
fn hex_float(text: &str) -> Option<f64> {
    let (digits, power) = text.split_once('p')?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let power: i32 = power.parse().ok()?;
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for c in whole.chars().chain(part.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let places = i32::try_from(part.len()).ok()?;
    Some(value * 2.0_f64.powi(power - 4 * places))
}

/// `strconv.Atoi`
pub(super) fn atoi(value: &str) -> Result<i64, String> {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(syntax("Atoi", value));
    }
    value.parse().map_err(|_| range("Atoi", value))
}

/// `time.ParseDuration`, in nanoseconds.
pub(crate) fn duration(value: &str) -> Result<i64, String> {
    // The package has a way of its own to quote.
    let shown = |text: &str| {
        let mut out = String::from("\"");
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
                0x20..=0x7e => out.push(char::from(byte)),
                _ => out.push_str(&format!("\\x{byte:02x}")),
            }
        }
        out + "\""
    };
    let invalid = || format!("time: invalid duration {}", shown(value));
    let negative = value.starts_with('-');
    let mut rest = value.strip_prefix(['-', '+']).unwrap_or(value);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number = &rest[..digits];
        if !number.bytes().any(|b| b.is_ascii_digit()) || number.matches('.').count() > 1 {
            return Err(invalid());
        }
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let nanos = match &rest[..unit] {
            "" => return Err(format!("time: missing unit in duration {}", shown(value))),
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            other => return Err(format!("time: unknown unit {} in duration {}", shown(other), shown(value))),
        };
        total += number.trim_end_matches('.').parse::<f64>().unwrap_or(0.0) * nanos;
        if total > 9_223_372_036_854_775_807.0 {
            return Err(invalid());
        }
        rest = &rest[unit..];
    }
    #[allow(clippy::cast_possible_truncation)]
    Ok(if negative { -total } else { total } as i64)
}

/// One line of comma separated values (`encoding/csv`).
pub(super) fn list(value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let line = value.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let wrong = |at: usize, why: &str| Err(format!("parse error on line 1, column {}: {why}", at + 1));
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let rest = &line[at..];
        if let Some(quoted) = rest.strip_prefix('"') {
            let (mut field, mut inner) = (String::new(), 0);
            loop {
                let Some(end) = quoted[inner..].find('"') else {
                    return wrong(line.len(), "extraneous or missing \" in quoted-field");
                };
                field.push_str(&quoted[inner..inner + end]);
                inner += end + 1;
                match quoted.as_bytes().get(inner) {
                    Some(b'"') => {
                        field.push('"');
                        inner += 1;
                    }
                    None | Some(b',') => break,
                    Some(_) => return wrong(at + inner, "extraneous or missing \" in quoted-field"),
                }
            }
            fields.push(field);
            at += 1 + inner;
        } else {
            let field = rest.split(',').next().unwrap_or_default();
            if let Some(bare) = field.find('"') {
                return wrong(at + bare, "bare \" in non-quoted-field");
            }
            fields.push(field.to_owned());
            at += field.len();
        }
        if at >= line.len() {
            return Ok(fields);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn bases_and_underscores_are_gos() {
        for (text, value) in
            [("0x10", 16), ("1_000", 1000), ("010", 8), ("+7", 7), ("0b1_1", 3), ("0o17", 15), ("-0x_f", -15)]
        {
            assert_eq!(integer(text), Ok(value), "{text}");
        }
        for text in ["1__0", "_1", "1_", "0x", "09", " 5", "1.5", ""] {
            assert!(integer(text).unwrap_err().ends_with("invalid syntax"), "{text}");
        }
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert!(integer("9223372036854775808").unwrap_err().ends_with("value out of range"));
        for (text, value) in [("0x1p-2", 0.25), (".5", 0.5), ("5.", 5.0), ("1_0", 10.0), ("1e3", 1000.0)] {
            assert!((float(text, 32).unwrap() - value).abs() < f64::EPSILON, "{text}");
        }
        assert!(float("0x1", 64).is_err() && float("1e39", 32).is_err() && float("inf", 32).is_ok());
        assert_eq!(duration("-1.5h"), Ok(-5_400_000_000_000));
    }

    #[test]
    fn lists_are_comma_separated_values() {
        assert_eq!(
            list("a,\"b,c\",d\"").unwrap_err(),
            "parse error on line 1, column 10: bare \" in non-quoted-field"
        );
        assert_eq!(list("a,\"b,\"\"c\",").unwrap(), ["a", "b,\"c", ""]);
        assert_eq!(
            list("\"a\"b").unwrap_err(),
            "parse error on line 1, column 3: extraneous or missing \" in quoted-field"
        );
        assert_eq!(
            list("a,\"b").unwrap_err(),
            "parse error on line 1, column 5: extraneous or missing \" in quoted-field"
        );
    }
}
