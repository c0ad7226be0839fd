//! The program's own texts in each language.
//!
//! ```text
//! assets/text/LANGUAGE/ROOM.ftl -> build.rs -> a struct for each text -> tr!(key { variable: value }) -> String
//! ```
//! [`tr!`] names a text by its key and fills in its variables; a key or variable that is not there does not compile, and a
//! text that nothing names is dead code, which clippy refuses. Nothing is read or parsed at run time. What Kubernetes
//! says, on nodes and in its API, is not here: it has one language.

use std::fmt::Display;
use std::sync::atomic::{AtomicU8, Ordering};

mod choose;
mod layout;

pub use choose::{asked, choose};
pub use layout::{pad, spaced, width};

/// A language that the program's texts are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Language {
    /// English, which stands in for all others.
    #[default]
    En,
    /// Japanese.
    Ja,
}

impl Language {
    /// All of them, in the order of the catalogue's tables.
    pub const ALL: [Self; 2] = [Self::En, Self::Ja];

    /// Its code, as lessons and `--lang` have it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }

    /// The language of a code or locale (`ja`, `ja_JP.UTF-8`, `ja-JP`), if it is one of ours.
    pub fn of(tag: &str) -> Option<Self> {
        let language = tag.split(['_', '-', '.', '@']).next().unwrap_or("").to_ascii_lowercase();
        Self::ALL.into_iter().find(|l| l.code() == language)
    }

    /// The language of a code, or English.
    pub fn or_english(tag: &str) -> Self {
        Self::of(tag).unwrap_or_default()
    }
}

static CURRENT: AtomicU8 = AtomicU8::new(Language::En as u8);

/// The language that this process speaks; English until [`set`] is called.
pub fn language() -> Language {
    #[cfg(test)]
    if let Some(spoken) = SPOKEN.get() {
        return spoken;
    }
    let current = CURRENT.load(Ordering::Relaxed);
    Language::ALL.into_iter().find(|l| *l as u8 == current).unwrap_or_default()
}

#[cfg(test)]
thread_local! {
    static SPOKEN: std::cell::Cell<Option<Language>> = const { std::cell::Cell::new(None) };
}

/// Lets this thread alone speak a language: tests run beside each other in one process.
#[cfg(test)]
pub fn speaking<T>(language: Language, f: impl FnOnce() -> T) -> T {
    SPOKEN.set(Some(language));
    let result = f();
    SPOKEN.set(None);
    result
}

/// Sets the language that this process speaks. Called once, before anything is said.
pub fn set(language: Language) {
    CURRENT.store(language as u8, Ordering::Relaxed);
}

/// A piece of a text.
#[derive(Debug)]
pub(crate) enum Part {
    Text(&'static str),
    /// One of the values.
    Variable(usize),
    /// The case whose word one of the values is, or what holds else.
    Select(usize, &'static [(&'static str, &'static [Part])], &'static [Part]),
}

fn fill(parts: &'static [Part], values: &[&(dyn Display + Sync)]) -> String {
    let mut text = String::new();
    put(parts, values, &mut text);
    text
}

fn put(parts: &'static [Part], values: &[&(dyn Display + Sync)], text: &mut String) {
    for part in parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Variable(index) => text.push_str(&values[*index].to_string()),
            Part::Select(index, cases, other) => {
                let value = values[*index].to_string();
                let case = cases.iter().find(|(word, _)| *word == value).map_or(*other, |(_, inside)| inside);
                put(case, values, text);
            }
        }
    }
}

/// The texts, each a struct with its variables; [`tr!`] makes them.
#[allow(non_camel_case_types)]
pub(crate) mod message {
    use super::{Language, Part, fill};
    include!(concat!(env!("OUT_DIR"), "/texts.rs"));
}

/// A text by its key: `tr!(lab_gone { name })` in the language of this process, `tr!(language, lab_gone { name: "x" })` in
/// another. One without variables is a `&'static str`, one with variables a `String`.
macro_rules! tr {
    ($key:ident $({ $($name:ident $(: $value:expr)?),* $(,)? })?) => {
        $crate::text::tr!($crate::text::language(), $key $({ $($name $(: $value)?),* })?)
    };
    ($language:expr, $key:ident $({ $($name:ident $(: $value:expr)?),* $(,)? })?) => {
        $crate::text::message::$key { $($($name: &$crate::text::value!($name $(: $value)?)),*)? }.text($language)
    };
}

/// The value of a variable: what stands after its name, or what has its name.
macro_rules! value {
    ($name:ident) => {
        $name
    };
    ($name:ident : $value:expr) => {
        $value
    };
}

pub(crate) use {tr, value};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_languages() {
        for (tag, language) in [
            ("ja", Some(Language::Ja)),
            ("ja_JP.UTF-8", Some(Language::Ja)),
            ("JA-jp", Some(Language::Ja)),
            ("en_US", Some(Language::En)),
            ("jav", None),
            ("C.UTF-8", None),
            ("", None),
        ] {
            assert_eq!(Language::of(tag), language, "{tag}");
        }
    }

    #[test]
    fn variables_and_cases_are_filled_in() {
        static INSIDE: &[Part] = &[Part::Variable(0), Part::Text(" points")];
        static PARTS: &[Part] = &[
            Part::Text("you have "),
            Part::Select(0, &[("1", &[Part::Text("a point")])], INSIDE),
            Part::Text("."),
        ];
        assert_eq!(fill(PARTS, &[&1]), "you have a point.");
        assert_eq!(fill(PARTS, &[&11]), "you have 11 points.");
    }
}
