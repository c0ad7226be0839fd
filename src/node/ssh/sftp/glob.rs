//! Patterns of file names (glob(3) with `GLOB_NOCHECK` and `GLOB_MARK`), on either side.

use super::place::{Fault, Place, join};

/// What a pattern leads to.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The paths, directories with a slash at the end; the pattern itself where nothing is there.
    pub paths: Vec<String>,
    /// Whether something is there.
    pub any: bool,
}

/// Looks for what a pattern leads to.
pub fn glob<P: Place>(place: &mut P, pattern: &str) -> Result<Found, Fault> {
    let absolute = pattern.starts_with('/');
    let mut paths = vec![if absolute { "/".to_owned() } else { String::new() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        let pattern = Pattern::new(part);
        for path in paths {
            if !is_pattern(part) {
                next.push(join(&path, &plain(part)));
                continue;
            }
            let directory = if path.is_empty() { "." } else { path.as_str() };
            match place.list(directory) {
                Ok(entries) => next
                    .extend(entries.iter().filter(|e| pattern.fits(&e.name)).map(|e| join(&path, &e.name))),
                Err(Fault::Lost) => return Err(Fault::Lost),
                Err(Fault::Said(_)) => {}
            }
        }
        paths = next;
    }
    let mut found = Vec::new();
    for path in paths {
        match place.stat(&path) {
            Ok(what) if what.is_dir() && !path.ends_with('/') => found.push(path + "/"),
            Ok(_) => found.push(path),
            Err(Fault::Lost) => return Err(Fault::Lost),
            Err(Fault::Said(_)) => {}
        }
    }
    let any = !found.is_empty();
    if !any {
        found.push(plain(pattern));
    }
    Ok(Found { paths: found, any })
}

fn is_pattern(part: &str) -> bool {
    let mut escaped = false;
    part.chars().any(|c| {
        let special = !escaped && matches!(c, '*' | '?' | '[');
        escaped = !escaped && c == '\\';
        special
    })
}

/// A word without the backslashes that keep it from being a pattern.
pub fn plain(part: &str) -> String {
    let mut out = String::new();
    let mut letters = part.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    out
}

/// A pattern of one part (fnmatch(3)).
struct Pattern {
    regex: Option<regex::Regex>,
    /// A dot at a name's front must be written.
    hidden: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Self {
        let mut text = String::from("(?s)^");
        let mut rest = pattern;
        while let Some(letter) = rest.chars().next() {
            rest = &rest[letter.len_utf8()..];
            match letter {
                '*' => text += ".*",
                '?' => text.push('.'),
                '[' => match class(rest) {
                    Some((class, after)) => {
                        text += &class;
                        rest = after;
                    }
                    None => text += r"\[",
                },
                '\\' => {
                    let kept = rest.chars().next().unwrap_or('\\');
                    rest = rest.strip_prefix(kept).unwrap_or(rest);
                    text += &regex::escape(&kept.to_string());
                }
                c => text += &regex::escape(&c.to_string()),
            }
        }
        text.push('$');
        Self { regex: regex::Regex::new(&text).ok(), hidden: pattern.starts_with('.') }
    }

    /// Whether a name fits.
    fn fits(&self, name: &str) -> bool {
        (self.hidden || !name.starts_with('.'))
            && self.regex.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

/// The letters between brackets as a regular expression, and what follows; a bracket that nobody closes is a letter.
fn class(after: &str) -> Option<(String, &str)> {
    let (mut text, body) = match after.strip_prefix(['!', '^']) {
        Some(body) => (String::from("[^"), body),
        None => (String::from("["), after),
    };
    for (at, c) in body.char_indices() {
        if c == ']' && at > 0 {
            return Some((text + "]", &body[at + 1..]));
        }
        if matches!(c, '[' | ']' | '\\' | '&' | '~') {
            text.push('\\');
        }
        text.push(c);
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::local::Local;
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", ".a.yaml", false),
            ("a?c", "abc", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("[]]", "]", true),
            ("[ab", "[ab", true),
            ("[ab", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), fits, "{pattern} {name}");
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("d/e")).unwrap();
        std::fs::write(dir.path().join("d/f"), "").unwrap();
        let at = |path: &str| format!("{}/{path}", dir.path().display());
        let found = glob(&mut Local, &at("*/*")).unwrap();
        assert_eq!((found.paths, found.any), (vec![at("d/e/"), at("d/f")], true));
        let found = glob(&mut Local, &at("no*")).unwrap();
        assert_eq!((found.paths, found.any), (vec![at("no*")], false));
    }
}
