//! Which language the program speaks: `--lang`, then `lang` of the configuration, then the locale.

use std::ffi::OsString;

use super::Language;

/// The value of `--lang`, if there is one, among the words of a command line, before they are parsed: help has a language, too. What stands
/// after `--` is somebody else's.
pub fn asked(words: impl IntoIterator<Item = OsString>) -> Option<String> {
    let mut words = words.into_iter().skip(1).take_while(|word| word != "--");
    let mut found = None;
    while let Some(word) = words.next() {
        let Some(word) = word.to_str() else { continue };
        if word == "--lang" {
            found = words.next().and_then(|w| w.into_string().ok());
        } else if let Some(value) = word.strip_prefix("--lang=") {
            found = Some(value.to_owned());
        }
    }
    found
}

/// The language by what was named, else by the environment (POSIX: the first of `LC_ALL`,
/// `LC_MESSAGES` and `LANG` that is set and not empty).
pub fn choose(named: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Language {
    let locale =
        || ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| env(name).filter(|v| !v.is_empty()));
    match named {
        Some(tag) => Language::or_english(tag),
        None => Language::or_english(&locale().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_read_before_it_is_parsed() {
        let of = |line: &str| asked(line.split(' ').map(OsString::from));
        assert_eq!(of("cks-lab start --lang ja --plain").as_deref(), Some("ja"));
        assert_eq!(of("cks-lab --lang=en list --lang=ja").as_deref(), Some("ja"));
        assert_eq!(of("cks-lab start"), None);
        assert_eq!(of("cks-lab start --lang"), None);
        assert_eq!(of("cks-lab exec node01 -- tool --lang ja"), None);
    }

    #[test]
    fn the_first_that_says_something_counts() {
        use Language::{En, Ja};
        for (named, vars, expected) in [
            (None, &[][..], En),
            (None, &[("LANG", "ja_JP.UTF-8")], Ja),
            (None, &[("LC_ALL", "C"), ("LANG", "ja_JP.UTF-8")], En),
            (None, &[("LC_ALL", ""), ("LC_MESSAGES", "ja_JP"), ("LANG", "en_US")], Ja),
            (Some("ja"), &[("LC_ALL", "en_US")], Ja),
            (Some("en"), &[("LANG", "ja_JP")], En),
            (Some("fr"), &[("LANG", "ja_JP")], En),
        ] {
            let env = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            assert_eq!(choose(named, &env), expected, "{named:?} {vars:?}");
        }
    }
}
