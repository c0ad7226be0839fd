//! What the interpreter finds wrong, in jq's words.

use jaq_core::compile::{self, Undefined};
use jaq_core::load::{self, lex};
use jaq_json::{Val, read};

use super::Failure;

/// What cannot be read as a filter: an unexpected word, or an end that came too early.
pub(super) fn not_read(code: &str, errors: load::Errors<&str, ()>) -> Failure {
    let mut found = Vec::new();
    for (_, error) in errors {
        match error {
            load::Error::Io(all) => found.extend(all.into_iter().map(|(_, why)| why)),
            load::Error::Lex(all) => found.extend(all.into_iter().map(|(what, at)| lexed(&what, at))),
            load::Error::Parse(all) => found.extend(all.into_iter().map(|(_, at)| unexpected(at))),
        }
    }
    failed(code, found)
}

/// What a filter names and nobody defined.
pub(super) fn not_defined(code: &str, errors: compile::Errors<&str, ()>) -> Failure {
    let all = errors.into_iter().flat_map(|(_, errors)| errors);
    let found = all.map(|(name, what)| match what {
        Undefined::Filter(arity) => format!("{name}/{arity} is not defined"),
        Undefined::Label => format!("$*label-{name} is not defined"),
        Undefined::Mod => format!("module not found: {name}"),
        _ => format!("{name} is not defined"),
    });
    failed(code, found.collect())
}

fn failed(code: &str, found: Vec<String>) -> Failure {
    let lines: String =
        found.iter().map(|what| format!("jq: error: {what} at <top-level>, line 1:\n{code}\n")).collect();
    let errors = if found.len() == 1 { "error" } else { "errors" };
    Failure(format!("{lines}jq: {} compile {errors}\n", found.len()), 3)
}

const UNEXPECTED: &str = "syntax error, unexpected";
const QUOTING: &str = "(Unix shell quoting issues?)";

fn unexpected(at: &str) -> String {
    let token = match at.chars().next() {
        None => "end of file".to_owned(),
        Some(c) if c.is_ascii_alphabetic() => "IDENT".to_owned(),
        Some('0'..='9') => "LITERAL".to_owned(),
        Some('"') => "QQSTRING_START".to_owned(),
        Some(c) if c.is_ascii_punctuation() => format!("'{c}'"),
        Some(_) => "INVALID_CHARACTER".to_owned(),
    };
    format!("{UNEXPECTED} {token} {QUOTING}")
}

fn lexed(what: &lex::Expect<&str>, at: &str) -> String {
    match what {
        // An opened bracket or quote that nobody closes: what is at hand is where it was opened.
        lex::Expect::Delim(_) => unexpected(""),
        _ => match at.chars().next() {
            Some(c @ (')' | ']' | '}')) => format!("{UNEXPECTED} '{c}', expecting end of file {QUOTING}"),
            Some(_) => format!("{UNEXPECTED} INVALID_CHARACTER {QUOTING}"),
            None => unexpected(""),
        },
    }
}

fn kind(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "boolean",
        Val::Num(_) => "number",
        Val::TStr(_) | Val::BStr(_) => "string",
        Val::Arr(_) => "array",
        Val::Obj(_) => "object",
    }
}

/// The longest value that is quoted whole, in bytes.
const QUOTED: usize = 11;

/// A value as errors quote it: `number (3)`, and of a long one its beginning.
fn quoted(value: &Val) -> String {
    let text = value.to_string();
    if text.len() < QUOTED {
        return format!("{} ({text})", kind(value));
    }
    let end = (0..=QUOTED - 1).rev().find(|n| text.is_char_boundary(*n)).unwrap_or_default();
    format!("{} ({}...)", kind(value), &text[..end])
}

fn value(text: &str) -> Option<Val> {
    read::parse_single(text.as_bytes()).ok()
}

/// What jq does of two values, by the sign.
const MATH: [(&str, &str); 5] = [
    (" + ", "added"),
    (" - ", "subtracted"),
    (" * ", "multiplied"),
    (" / ", "divided"),
    (" % ", "divided (remainder)"),
];

/// The interpreter's words in jq's; others stay as they are.
fn translated(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("cannot index ") {
        let (of, with) = pair(rest, " with ")?;
        return Some(match &with {
            Val::TStr(key) if key.len() < 30 => {
                format!("Cannot index {} with string \"{}\"", kind(&of), String::from_utf8_lossy(key))
            }
            with => format!("Cannot index {} with {}", kind(&of), kind(with)),
        });
    }
    if let Some(rest) = text.strip_prefix("cannot use ") {
        let (of, wanted) = rest.rsplit_once(" as ")?;
        let of = value(of)?;
        return Some(match wanted {
            "iterable (array or object)" => format!("Cannot iterate over {}", quoted(&of)),
            wanted => format!("{} cannot be used as {wanted}", quoted(&of)),
        });
    }
    let rest = text.strip_prefix("cannot calculate ")?;
    MATH.iter().find_map(|(sign, done)| {
        let (left, right) = pair(rest, sign)?;
        Some(format!("{} and {} cannot be {done}", quoted(&left), quoted(&right)))
    })
}

/// Two values with a word between them, which may be in the values, too.
fn pair(text: &str, between: &str) -> Option<(Val, Val)> {
    text.match_indices(between)
        .find_map(|(at, _)| Some((value(&text[..at])?, value(&text[at + between.len()..])?)))
}

/// The line for what ended a filter at this place.
pub(super) fn error(error: &jaq_core::Error<Val>, place: &str) -> String {
    let thrown = error.clone().into_val();
    match &thrown {
        Val::TStr(text) => {
            let text = String::from_utf8_lossy(text);
            let text = translated(&text).unwrap_or_else(|| text.into_owned());
            format!("jq: error (at {place}): {text}\n")
        }
        other => format!("jq: error (at {place}) (not a string): {other}\n"),
    }
}
