//! Go values as `json.MarshalIndent` writes them.

use serde_json::Value;

use super::super::go_types::{Data, Kind, Types};
use crate::go_value::escape_html;

/// A value over several lines, indented by one blank.
pub(super) fn pretty(types: &Types, place: usize, data: &Data) -> String {
    let mut out = String::new();
    write(types, place, data, Some(0), &mut out);
    out
}

/// A value on one line.
pub(super) fn compact(types: &Types, place: usize, data: &Data) -> String {
    let mut out = String::new();
    write(types, place, data, None, &mut out);
    out
}

fn write(types: &Types, place: usize, data: &Data, depth: Option<usize>, out: &mut String) {
    let of = types.at(place);
    match (&of.kind, data) {
        (_, Data::Struct(parts)) if of.name == "resource.Quantity" => quantity(parts, out),
        (_, Data::Struct(parts)) if of.name == "intstr.IntOrString" => match parts.as_slice() {
            [Data::Int(1), _, Data::Text(name)] => text(name, out),
            [_, Data::Int(number), _] => out.push_str(&number.to_string()),
            _ => out.push_str("null"),
        },
        (_, Data::Struct(parts)) if of.name == "v1.Time" => match parts.as_slice() {
            [Data::Text(time)] if !time.is_empty() => text(time, out),
            _ => out.push_str("null"),
        },
        (_, Data::Bool(truth)) => out.push_str(if *truth { "true" } else { "false" }),
        (_, Data::Int(number)) => out.push_str(&number.to_string()),
        (_, Data::Text(word)) => text(word, out),
        (Kind::Struct(_), Data::Struct(_)) => {
            let mut fields = Vec::new();
            flat(types, place, data, &mut fields);
            let all = fields.into_iter().map(|(name, of, value)| (Some(name), of, value));
            block(types, ['{', '}'], all, depth, out);
        }
        (Kind::List(item), Data::List(Some(items))) => {
            block(types, ['[', ']'], items.iter().map(|one| (None, *item, one)), depth, out);
        }
        (Kind::Map(_, item), Data::Map(Some(map))) => {
            let all = map.iter().map(|(key, one)| (Some(key.as_str()), *item, one));
            block(types, ['{', '}'], all, depth, out);
        }
        (Kind::Pointer(to), Data::Pointer(Some(inner))) => write(types, *to, inner, depth, out),
        _ => out.push_str("null"),
    }
}

/// The fields of a struct; those of embedded ones are its own.
fn flat<'a>(types: &'a Types, place: usize, data: &'a Data, out: &mut Vec<(&'a str, usize, &'a Data)>) {
    let (Kind::Struct(fields), Data::Struct(values)) = (&types.at(place).kind, data) else { return };
    for (field, value) in fields.iter().zip(values) {
        let (name, options) = field.tag.split_once(',').unwrap_or((field.tag, ""));
        let empty = match value {
            Data::Struct(_) => options.contains("omitzero") && value.is_zero(),
            Data::List(Some(items)) => items.is_empty(),
            Data::Map(Some(map)) => map.is_empty(),
            other => other.is_zero(),
        };
        if field.embedded && name.is_empty() {
            flat(types, field.of, value, out);
        } else if name != "-" && !(empty && options.contains("omit")) {
            out.push((if name.is_empty() { field.name } else { name }, field.of, value));
        }
    }
}

fn block<'a>(
    types: &Types,
    [open, close]: [char; 2],
    all: impl Iterator<Item = (Option<&'a str>, usize, &'a Data)>,
    depth: Option<usize>,
    out: &mut String,
) {
    out.push(open);
    let mut any = false;
    for (name, of, value) in all {
        out.push_str(if any { "," } else { "" });
        any = true;
        line(depth.map(|depth| depth + 1), out);
        if let Some(name) = name {
            text(name, out);
            out.push_str(if depth.is_some() { ": " } else { ":" });
        }
        write(types, of, value, depth.map(|depth| depth + 1), out);
    }
    if any {
        line(depth, out);
    }
    out.push(close);
}

/// Begins a line.
fn line(depth: Option<usize>, out: &mut String) {
    if let Some(depth) = depth {
        out.push('\n');
        out.push_str(&" ".repeat(depth));
    }
}

fn quantity(parts: &[Data], out: &mut String) {
    let [number, Data::Text(decimal), Data::Text(kept), Data::Text(format)] = parts else { return };
    text(&canonical(number, decimal, kept, format), out);
}

/// A quantity's text.
pub(super) fn canonical(number: &Data, decimal: &str, kept: &str, format: &str) -> String {
    use crate::apiserver::registry::quantity::{Suffix, written};
    let form = match format {
        "BinarySI" => Suffix::Binary,
        "DecimalExponent" => Suffix::Exponent,
        _ => Suffix::Decimal,
    };
    let parts = if let Data::Struct(parts) = number { parts.as_slice() } else { &[] };
    let nanos = match parts {
        [Data::Int(value), Data::Int(scale)] if decimal.is_empty() => {
            let power = u32::try_from(scale + 9).unwrap_or(0);
            i128::from(*value).saturating_mul(10_i128.saturating_pow(power))
        }
        _ => decimal.replace('.', "").parse().unwrap_or(0),
    };
    if kept.is_empty() { written(nanos, form) } else { kept.to_owned() }
}

/// A text with Go's escapes.
fn text(text: &str, out: &mut String) {
    out.push_str(&escape_html(&Value::from(text).to_string()));
}
