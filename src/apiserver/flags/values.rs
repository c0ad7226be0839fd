//! The values of flags by type, with Go's own sentences about those that are wrong.

use std::net::IpAddr;

pub(super) use crate::apiserver::authorization::quote;

/// Checks a value of a type.
pub(super) fn check(kind: &str, value: &str) -> Result<(), String> {
    match kind {
        "bool" => boolean(value),
        "int" => integer(value),
        "uint" | "Level" => unsigned(value),
        "float" | "float32" => {
            value.trim().parse::<f64>().map(|_| ()).map_err(|_| syntax("ParseFloat", value))
        }
        "duration" => duration(value),
        "ip" => value
            .trim()
            .parse::<IpAddr>()
            .map(|_| ())
            .map_err(|_| format!("failed to parse IP: {}", quote(value))),
        "mapStringString" => pairs(value, |_| "malformed pair, expect string=string".into()),
        "stringToString" => pairs(value, |part| format!("{part} must be formatted as key=value")),
        "portRange" => port_range(value),
        "quantity" => quantity(value),
        "namedCertKey" => {
            let files = value.split_once(':').map_or(value, |(files, _)| files);
            if files.split(',').count() == 2 {
                Ok(())
            } else {
                Err("expected comma separated certificate and key file paths".into())
            }
        }
        "pattern=N,..." => match value.split(',').find(|part| !part.is_empty() && !part.contains('=')) {
            Some(part) => Err(format!("{} does not have the pattern=N format", quote(part))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Whether a valid boolean is true.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "TRUE" | "true" | "True")
}

/// Whether a text is a network such as `10.96.0.0/12`.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn syntax(function: &str, value: &str) -> String {
    format!("strconv.{function}: parsing {}: invalid syntax", quote(value))
}

fn boolean(value: &str) -> Result<(), String> {
    if is_true(value) || matches!(value, "0" | "f" | "F" | "FALSE" | "false" | "False") {
        Ok(())
    } else {
        Err(syntax("ParseBool", value))
    }
}

fn number(function: &str, value: &str, digits: &str) -> Result<(), String> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(syntax(function, value));
    }
    if digits.parse::<i64>().is_err() {
        return Err(format!("strconv.{function}: parsing {}: value out of range", quote(value)));
    }
    Ok(())
}

fn integer(value: &str) -> Result<(), String> {
    number("ParseInt", value, value.strip_prefix(['-', '+']).unwrap_or(value))
}

fn unsigned(value: &str) -> Result<(), String> {
    number("ParseUint", value, value)
}

/// `time.ParseDuration`
fn duration(value: &str) -> Result<(), String> {
    let invalid = || format!("time: invalid duration {}", quote(value));
    let mut rest = value.strip_prefix(['-', '+']).unwrap_or(value);
    if rest == "0" {
        return Ok(());
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if !rest[..digits].bytes().any(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        match &rest[..unit] {
            "" => return Err(format!("time: missing unit in duration {}", quote(value))),
            "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h" => {}
            other => return Err(format!("time: unknown unit {} in duration {}", quote(other), quote(value))),
        }
        rest = &rest[unit..];
    }
    Ok(())
}

fn pairs(value: &str, wrong: impl Fn(&str) -> String) -> Result<(), String> {
    match value.split(',').find(|part| !part.is_empty() && !part.contains('=')) {
        Some(part) => Err(wrong(part)),
        None => Ok(()),
    }
}

fn port_range(value: &str) -> Result<(), String> {
    let value = value.trim();
    let ends = value.split_once('-').or_else(|| value.split_once('+')).unwrap_or((value, value));
    for end in [ends.0, ends.1] {
        number("Atoi", end.trim(), end.trim())?;
    }
    Ok(())
}

fn quantity(value: &str) -> Result<(), String> {
    let number = value.trim_start_matches(['+', '-']);
    let digits = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let (number, suffix) = number.split_at(digits);
    const SUFFIXES: [&str; 15] =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi"];
    if number.is_empty() || !SUFFIXES.contains(&suffix) {
        return Err("quantities must match the regular expression \
                    '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
            .into());
    }
    Ok(())
}
