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
        for path in paths {
            if !is_pattern(part) {
                next.push(join(&path, &plain(part)));
                continue;
            }
            let directory = if path.is_empty() { "." } else { path.as_str() };
            match place.list(directory) {
                Ok(entries) => next
                    .extend(entries.iter().filter(|e| matches(part, &e.name)).map(|e| join(&path, &e.name))),
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

/// Whether a name fits a pattern of one part (fnmatch(3)); a dot at the front must be written.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut text = String::from("(?s)^");
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => text += ".*",
            '?' => text.push('.'),
            '[' => {
                text.push('[');
                if letters.next_if(|c| matches!(c, '!' | '^')).is_some() {
                    text.push('^');
                }
                let mut first = true;
                for c in letters.by_ref() {
                    if c == ']' && !first {
                        break;
                    }
                    if matches!(c, '[' | ']' | '\\' | '&' | '~') {
                        text.push('\\');
                    }
                    text.push(c);
                    first = false;
                }
                text.push(']');
            }
            '\\' => text += &regex::escape(&letters.next().unwrap_or('\\').to_string()),
            c => text += &regex::escape(&c.to_string()),
        }
    }
    text.push('$');
    regex::Regex::new(&text).is_ok_and(|regex| regex.is_match(name))
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
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
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
