//! `resource.Quantity`: parsing and the canonical form.
//!
//! Upstream: `k8s.io/apimachinery/pkg/api/resource/{quantity,suffix}.go`.

/// The error of every malformed quantity.
pub const FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];

/// The form that a quantity is written in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Suffix {
    /// `Ki`, `Mi`, ...
    Binary,
    /// `m`, `k`, ...
    #[default]
    Decimal,
    /// `e3`
    Exponent,
}

/// A quantity as a number of billionths, with the form it was written in.
pub(crate) fn parse(text: &str) -> Result<(i128, Suffix), String> {
    let wrong = || FORMAT.to_owned();
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        Some(_) => (false, text),
        None => return Err(wrong()),
    };
    let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(split);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(wrong());
    }
    let (factor_ten, factor_two, form) = if let Some((_, e)) = DECIMAL.iter().find(|(s, _)| *s == suffix) {
        (*e, 0, Suffix::Decimal)
    } else if let Some(i) = BINARY.iter().position(|s| *s == suffix) {
        (0, 10 * u32::try_from(i).unwrap_or(0), Suffix::Binary)
    } else if let Some(e) = suffix.strip_prefix(['e', 'E']) {
        (e.parse::<i32>().map_err(|_| wrong())?, 0, Suffix::Exponent)
    } else {
        return Err("unable to parse quantity's suffix".to_owned());
    };
    let mut value: i128 = 0;
    let fraction: String = fraction.chars().take(18).collect();
    for c in whole.chars().chain(fraction.chars()) {
        let digit = i128::from(c.to_digit(10).unwrap_or(0));
        value = value.checked_mul(10).and_then(|v| v.checked_add(digit)).unwrap_or(i128::MAX / 4);
    }
    value = value.checked_shl(factor_two).filter(|v| v >> factor_two == value).unwrap_or(i128::MAX / 4);
    let mut exponent = factor_ten - i32::try_from(fraction.len()).unwrap_or(0) + 9;
    while exponent > 0 {
        value = value.saturating_mul(10);
        exponent -= 1;
    }
    while exponent < 0 {
        value = value / 10 + i128::from(value % 10 != 0);
        exponent += 1;
    }
    let value = value.min(i128::from(i64::MAX) * 1_000_000_000);
    Ok((if negative { -value } else { value }, form))
}

/// A quantity as Go prints the struct that holds it; in the canonical form its text is kept, else not.
pub(crate) fn shown(text: &str) -> String {
    let Amount { value, scale, kept, format, .. } = amount(text);
    format!(
        "resource.Quantity{{i:resource.int64Amount{{value:{value}, scale:{scale}}}, d:resource.infDecAmount{{Dec:(*inf.Dec)(nil)}}, \
         s:{kept:?}, Format:{format:?}}}"
    )
}

/// What the Go struct of a quantity holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// The number.
    pub value: i64,
    /// How many powers of ten it is to be multiplied with.
    pub scale: i64,
    /// The number where it does not go into the two before; else empty.
    pub decimal: String,
    /// The text that it was read from, where that is canonical; else empty.
    pub kept: String,
    /// How it is written.
    pub format: &'static str,
}

/// What Go makes of a quantity's text (`ParseQuantity`).
pub(crate) fn amount(text: &str) -> Amount {
    const DECIMAL_SI: &str = "DecimalSI";
    if text.is_empty() {
        return Amount::default();
    }
    if text == "0" {
        return Amount { kept: text.to_owned(), format: DECIMAL_SI, ..Amount::default() };
    }
    let negative = text.starts_with('-');
    let rest = text.trim_start_matches(['-', '+']);
    let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(split);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let length = |part: &str| i64::try_from(part.len()).unwrap_or(0);
    let shifted = format!("{whole}{fraction}");
    let number = shifted.parse::<i64>().ok();
    let signed = |value: i64| if negative { -value } else { value };
    let binary = BINARY.iter().position(|known| *known == suffix).filter(|at| *at > 0);
    let plain = |value: i64, scale: i64, kept: bool, format: &'static str| Amount {
        value: signed(value),
        scale,
        kept: if kept { text.to_owned() } else { String::new() },
        format,
        ..Amount::default()
    };
    let in_words = |format: &'static str| {
        let nanos = parse(text).map_or(0, |(nanos, _)| nanos);
        let sign = if nanos < 0 { "-" } else { "" };
        let decimal = format!("{sign}{}.{:09}", nanos.abs() / 1_000_000_000, nanos.abs() % 1_000_000_000);
        Amount { decimal, format, ..Amount::default() }
    };
    if let Some(at) = binary {
        let shift = 10 * u32::try_from(at).unwrap_or(0);
        let precise = 15 - length(whole) - i64::from(shift * 3 / 10) > 0;
        return match number.and_then(|n| n.checked_mul(1_i64.checked_shl(shift)?).map(|all| (n, all))) {
            Some((n, all)) if precise && fraction.is_empty() => plain(all, 0, n & 7 != 0, "BinarySI"),
            _ => in_words("BinarySI"),
        };
    }
    let (exponent, format) = match DECIMAL.iter().find(|(known, _)| *known == suffix) {
        Some((_, exponent)) => (i64::from(*exponent), DECIMAL_SI),
        None => (suffix[1..].parse().unwrap_or(0), "DecimalExponent"),
    };
    let scale = exponent - length(fraction);
    match number {
        Some(n) if length(whole) + length(fraction) <= 18 && scale >= -9 => {
            let kept = scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0');
            plain(n, scale, kept, format)
        }
        _ => in_words(format),
    }
}

/// The canonical form (`1000m` is `1`), or upstream's error.
pub fn canonical(text: &str) -> Result<String, String> {
    let (nanos, form) = parse(text)?;
    Ok(written(nanos, form))
}

/// The canonical form of a number of billionths.
pub(crate) fn written(nanos: i128, form: Suffix) -> String {
    if nanos == 0 {
        return "0".to_owned();
    }
    if matches!(form, Suffix::Binary) && nanos % 1_000_000_000 == 0 && (nanos / 1_000_000_000).abs() >= 1024 {
        let mut value = nanos / 1_000_000_000;
        let mut at = 0;
        while value % 1024 == 0 && at < 6 {
            value /= 1024;
            at += 1;
        }
        return format!("{value}{}", BINARY[at]);
    }
    let (mut value, mut exponent) = (nanos, -9);
    while value % 1000 == 0 && exponent < 18 {
        value /= 1000;
        exponent += 3;
    }
    if matches!(form, Suffix::Exponent) {
        return if exponent == 0 { value.to_string() } else { format!("{value}e{exponent}") };
    }
    let suffix = DECIMAL.iter().find(|(_, e)| *e == exponent).map_or("", |(s, _)| s);
    format!("{value}{suffix}")
}

/// The value in billionths, for comparisons; malformed ones are 0.
pub fn nanos(text: &str) -> i128 {
    parse(text).map_or(0, |(n, _)| n)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn canonical_forms() {
        for (from, to) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("100Mi", "100Mi"),
            ("1.5Gi", "1536Mi"),
            ("3899332Ki", "3899332Ki"),
            ("110", "110"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("0.1m", "100u"),
            ("-5", "-5"),
            ("0", "0"),
        ] {
            assert_eq!(canonical(from).unwrap(), to, "{from}");
        }
        assert!(canonical("x").is_err() && canonical("").is_err() && canonical("1Z").is_err());
    }
}
