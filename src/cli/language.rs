//! Which language the command line speaks; settled before its words are parsed.

use crate::text::{self, Language};
use crate::tui::config;

/// Settles the language of the process, and returns the one that lessons are wanted in.
pub fn settle() -> String {
    let asked = text::asked(std::env::args_os()).filter(|tag| !tag.is_empty());
    let named = asked.or_else(config::language);
    let language = text::choose(named.as_deref(), &|name| std::env::var(name).ok());
    text::set(language);
    named.map_or_else(|| language.code().to_owned(), |tag| lesson_language(&tag))
}

/// A tag as lessons have it: `ja_JP.UTF-8` is `ja`.
fn lesson_language(tag: &str) -> String {
    Language::of(tag).map_or_else(|| tag.to_owned(), |l| l.code().to_owned())
}
