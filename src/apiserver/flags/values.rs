//! The values of flags by type, with the real sentences about those that are wrong.
//!
//! Upstream: `github.com/spf13/pflag`, `k8s.io/component-base/cli/flag`, `k8s.io/apimachinery/pkg/util/net/port_range.go`.

use std::net::IpAddr;

use super::numbers;
use crate::apiserver::registry::quantity;
pub(super) use crate::go_quote::quote;
use crate::release::Release;

/// Flags of Go's own `flag` package, which says less.
const TERSE: [&str; 2] = ["default-not-ready-toleration-seconds", "default-unreachable-toleration-seconds"];

/// Checks a value of a flag of a type.
pub(super) fn check(release: &Release, name: &str, kind: &str, value: &str) -> Result<(), String> {
    match kind {
        "bool" => boolean(value),
        "int" if release.flags.terse_tolerations && TERSE.contains(&name) => {
            numbers::integer(value).map(drop).map_err(|why| {
                if why.ends_with("range") { "value out of range" } else { "parse error" }.to_owned()
            })
        }
        "int" => numbers::integer(value).map(drop),
        "uint" => numbers::unsigned(value).map(drop),
        "Level" => numbers::level(value),
        "float32" => numbers::float(value, 32).map(drop),
        "float" => numbers::float(value, 64).map(drop),
        "duration" => numbers::duration(value).map(drop),
        "ip" if value.trim().is_empty() && release.flags.addresses_may_be_empty => Ok(()),
        "ip" => match value.trim().parse::<IpAddr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("failed to parse IP: {}", quote(value))),
        },
        "strings" => numbers::list(value).map(drop),
        "int32Slice" => value.split(',').try_for_each(|part| numbers::integer(part).map(drop)),
        // What these say is looked at later.
        "mapStringString" if name == "runtime-config" => Ok(()),
        "mapStringString" if value.contains('=') => Ok(()),
        "mapStringString" => Err("malformed pair, expect string=string".into()),
        "stringToString" => string_to_string(value),
        "portRange" => port_range(value).map(drop),
        "quantity" => quantity::canonical(value).map(drop),
        "namedCertKey" => named_certificate(value),
        "version[=true]" => version(value),
        "pattern=N,..." => value.split(',').filter(|part| !part.is_empty()).try_for_each(pattern),
        _ => Ok(()),
    }
}

/// Whether a valid boolean is true.
pub(super) fn is_true(value: &str) -> bool {
    matches!(value, "1" | "t" | "T" | "TRUE" | "true" | "True")
}

/// `strconv.ParseBool`
pub(super) fn boolean(value: &str) -> Result<(), String> {
    if is_true(value) || matches!(value, "0" | "f" | "F" | "FALSE" | "false" | "False") {
        Ok(())
    } else {
        Err(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(value)))
    }
}

fn string_to_string(value: &str) -> Result<(), String> {
    let malformed = |pair: &str| Err(format!("{pair} must be formatted as key=value"));
    match value.matches('=').count() {
        0 => malformed(value),
        1 => Ok(()),
        _ => match numbers::list(value)?.iter().find(|pair| !pair.contains('=')) {
            Some(pair) => malformed(pair),
            None => Ok(()),
        },
    }
}

/// First and last port of a range; nothing where it is empty.
pub(super) fn port_range(value: &str) -> Result<Option<(i64, i64)>, String> {
    let value = value.trim();
    if value.is_empty() {
        return Ok(None);
    }
    let (low, high) = match (value.split_once('-'), value.split_once('+')) {
        (None, None) => {
            let port = numbers::atoi(value)?;
            (port, port)
        }
        (Some((low, high)), None) => {
            let (low, high) = (numbers::atoi(low)?, numbers::atoi(high)?);
            if high < low {
                return Err(format!("end port cannot be less than start port: {value}"));
            }
            (low, high)
        }
        (None, Some((low, more))) => {
            let (low, more) = (numbers::atoi(low)?, numbers::atoi(more)?);
            (low, low.saturating_add(more))
        }
        _ => return Err(format!("unable to parse port range: {value}")),
    };
    if low > 65535 || high > 65535 {
        return Err(format!("the port range cannot be greater than 65535: {value}"));
    }
    Ok(Some((low, high)))
}

fn named_certificate(value: &str) -> Result<(), String> {
    let (files, names) = value.split_once(':').map_or((value, None), |(files, names)| (files, Some(names)));
    if names.is_some_and(|names| names.trim().is_empty()) {
        return Err("empty names list is not allowed".into());
    }
    if files.split(',').count() == 2 {
        Ok(())
    } else {
        Err("expected comma separated certificate and key file paths".into())
    }
}

/// `--version`, `--version=raw`, and a version to claim to be.
fn version(value: &str) -> Result<(), String> {
    let claimed = value.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if value == "raw" || claimed { Ok(()) } else { boolean(value) }
}

fn pattern(part: &str) -> Result<(), String> {
    let pieces: Vec<&str> = part.split('=').collect();
    match pieces.as_slice() {
        [name, level] if !name.is_empty() && !level.is_empty() => {
            numbers::level(level).map_err(|why| format!("parsing verbosity in {}: {why}", quote(part)))
        }
        _ => Err(format!("{} does not have the pattern=N format", quote(part))),
    }
}
