//! Go values as Go's `%#v` prints them.

use super::super::go_types::{Data, Kind, Types};
use super::quote::quoted;

/// Where a pointer points to is nobody's business, and differs each time upstream.
const SOMEWHERE: &str = "(0xc000000000)";

/// A value with the names of its types.
pub(super) fn source(types: &Types, place: usize, data: &Data) -> String {
    let of = types.at(place);
    let parts = |parts: Vec<String>| format!("{}{{{}}}", of.name, parts.join(", "));
    match (&of.kind, data) {
        (_, Data::Bool(truth)) => truth.to_string(),
        (_, Data::Int(number)) => number.to_string(),
        // The number is behind a pointer.
        (_, Data::Text(text)) if of.name == "resource.infDecAmount" => {
            let number = if text.is_empty() { "(nil)" } else { SOMEWHERE };
            format!("{}{{Dec:(*inf.Dec){number}}}", of.name)
        }
        (_, Data::Text(text)) => quoted(text.as_bytes()),
        (Kind::Struct(fields), Data::Struct(values)) => {
            let all = fields.iter().zip(values);
            parts(all.map(|(f, value)| format!("{}:{}", f.name, source(types, f.of, value))).collect())
        }
        (Kind::List(item), Data::List(Some(items))) => {
            parts(items.iter().map(|one| source(types, *item, one)).collect())
        }
        (Kind::Map(_, item), Data::Map(Some(map))) => {
            let entry = |(key, one): (&String, &Data)| {
                format!("{}:{}", quoted(key.as_bytes()), source(types, *item, one))
            };
            parts(map.iter().map(entry).collect())
        }
        (Kind::Pointer(_), Data::Pointer(Some(_))) => format!("({}){SOMEWHERE}", of.name),
        (Kind::Pointer(_), _) => format!("({})(nil)", of.name),
        _ => format!("{}(nil)", of.name),
    }
}
