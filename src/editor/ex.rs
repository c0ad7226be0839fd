//! Ex commands, the ones that people type at a colon: pure.

use std::path::PathBuf;

use regex::{Regex, RegexBuilder};

/// A command.
#[derive(Debug)]
pub enum Ex {
    /// Nothing to do.
    Nothing,
    /// `:w[!] [FILE]`.
    Write {
        /// The file, where it is not the text's own.
        path: Option<PathBuf>,
        /// Though it is read-only.
        force: bool,
    },
    /// `:wq`, `:x`.
    WriteQuit {
        /// The file, where it is not the text's own.
        path: Option<PathBuf>,
        /// Also when nothing changed.
        always: bool,
    },
    /// `:q[!]`.
    Quit {
        /// Though there are changes.
        force: bool,
    },
    /// `:e!`: back to what is in the file.
    Revert,
    /// A line number, from 1.
    Goto(usize),
    /// `:[range]d`; rows from 0, the last one included.
    Delete {
        /// The first row.
        from: usize,
        /// The last row.
        to: usize,
    },
    /// `:[range]s/PATTERN/TEXT/[g][i]`; rows from 0, the last one included.
    Substitute {
        /// The first row.
        from: usize,
        /// The last row.
        to: usize,
        /// What is replaced by what.
        with: Substitution,
    },
}

/// What `:s` replaces by what.
#[derive(Debug)]
pub struct Substitution {
    /// The pattern as it was typed.
    pub pattern: String,
    regex: Regex,
    text: String,
    all: bool,
}

impl Substitution {
    /// A line after it.
    pub fn apply(&self, row: &str) -> String {
        let limit = usize::from(!self.all);
        self.regex.replacen(row, limit, self.text.as_str()).into_owned()
    }

    /// Whether it finds anything in a line.
    pub fn matches(&self, row: &str) -> bool {
        self.regex.is_match(row)
    }
}

/// Reads a command; `row` is the cursor's, from 0, of `rows`. Errors are vim's texts.
pub fn parse(line: &str, row: usize, rows: usize) -> Result<Ex, String> {
    let line = line.trim();
    let unknown = || format!("E492: Not an editor command: {line}");
    let (range, rest) = range(line, row, rows)?;
    let rest = rest.trim_start();
    if rest.is_empty() {
        return Ok(range.map_or(Ex::Nothing, |(_, to)| Ex::Goto(to + 1)));
    }
    let (from, to) = range.unwrap_or((row, row));
    if from > to {
        return Err("E493: Backwards range given".into());
    }
    if to >= rows.max(1) {
        return Err("E16: Invalid range".into());
    }
    let name_ends = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (name, after) = rest.split_at(name_ends);
    let (force, argument) = match after.strip_prefix('!') {
        Some(argument) => (true, argument.trim()),
        None => (false, after.trim()),
    };
    let path = || (!argument.is_empty()).then(|| PathBuf::from(argument));
    match name {
        "w" | "write" => Ok(Ex::Write { path: path(), force }),
        "wq" | "wqa" | "wqall" => Ok(Ex::WriteQuit { path: path(), always: true }),
        "x" | "xit" | "xa" => Ok(Ex::WriteQuit { path: path(), always: false }),
        "q" | "quit" | "qa" | "qall" => Ok(Ex::Quit { force }),
        "e" | "edit" if force && argument.is_empty() => Ok(Ex::Revert),
        "d" | "delete" if argument.is_empty() => Ok(Ex::Delete { from, to }),
        "s" | "substitute" => Ok(Ex::Substitute { from, to, with: substitution(after)? }),
        // Options of the real editor that change nothing here.
        "set" | "se" | "noh" | "nohlsearch" | "syntax" | "syn" => Ok(Ex::Nothing),
        _ => Err(unknown()),
    }
}

/// The first and the last row.
type Range = (usize, usize);

/// Reads the range before a command.
fn range(line: &str, row: usize, rows: usize) -> Result<(Option<Range>, &str), String> {
    let last = rows.saturating_sub(1);
    if let Some(rest) = line.strip_prefix('%') {
        return Ok((Some((0, last)), rest));
    }
    let (Some(from), rest) = address(line, row, last)? else { return Ok((None, line)) };
    match rest.strip_prefix(',') {
        Some(rest) => {
            let (to, rest) = address(rest, row, last)?;
            Ok((Some((from, to.unwrap_or(row))), rest))
        }
        None => Ok((Some((from, from)), rest)),
    }
}

/// Reads one address: a line number, `.` or `$`.
fn address(text: &str, row: usize, last: usize) -> Result<(Option<usize>, &str), String> {
    if let Some(rest) = text.strip_prefix('.') {
        return Ok((Some(row), rest));
    }
    if let Some(rest) = text.strip_prefix('$') {
        return Ok((Some(last), rest));
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if digits == 0 {
        return Ok((None, text));
    }
    let (number, rest) = text.split_at(digits);
    let number: usize = number.parse().map_err(|_| "E16: Invalid range".to_owned())?;
    Ok((Some(number.saturating_sub(1)), rest))
}

/// Reads `/PATTERN/TEXT/FLAGS`, with any delimiter.
fn substitution(text: &str) -> Result<Substitution, String> {
    let mut chars = text.chars();
    let delimiter = chars.next().filter(|c| !c.is_alphanumeric() && *c != '\\' && *c != '"' && *c != '|');
    let delimiter = delimiter.ok_or("E486: Pattern not found: ")?;
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in chars {
        let part = parts.last_mut().ok_or("E488: Trailing characters")?;
        match c {
            _ if escaped && c == delimiter => part.push(c),
            _ if escaped => part.extend(['\\', c]),
            '\\' => {}
            c if c == delimiter => parts.push(String::new()),
            c => part.push(c),
        }
        escaped = c == '\\' && !escaped;
    }
    let mut parts = parts.into_iter();
    let (pattern, text, flags) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    if parts.next().is_some() || !flags.chars().all(|c| matches!(c, 'g' | 'i' | 'I' | 'e')) {
        return Err("E488: Trailing characters".into());
    }
    let regex = RegexBuilder::new(&translated(&pattern))
        .case_insensitive(flags.contains('i'))
        .build()
        .map_err(|_| format!("E486: Pattern not found: {pattern}"))?;
    Ok(Substitution { regex, text: replacement(&text), all: flags.contains('g'), pattern })
}

/// A pattern of vim ("magic") as one of the `regex` crate: these characters are special with a backslash there, without one here.
fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '+' | '?' | '|' | '(' | ')' | '{' | '}' => out.extend(['\\', c]),
            '\\' => match chars.next() {
                Some(c @ ('+' | '|' | '(' | ')' | '{' | '}')) => out.push(c),
                Some('=' | '?') => out.push('?'),
                Some('<' | '>') => out.push_str("\\b"),
                Some(c) => out.extend(['\\', c]),
                None => out.push_str("\\\\"),
            },
            c => out.push(c),
        }
    }
    out
}

/// The text of vim's replacement as the `regex` crate wants it.
fn replacement(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '$' => out.push_str("$$"),
            '&' => out.push_str("${0}"),
            '\\' => match chars.next() {
                Some(d) if d.is_ascii_digit() => out.push_str(&format!("${{{d}}}")),
                Some('t') => out.push('\t'),
                Some('$') => out.push_str("$$"),
                Some(c) => out.push(c),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::{Ex, parse};

    #[test]
    fn commands_are_read() {
        let rows = [
            ("w", "Write { path: None, force: false }"),
            ("w!", "Write { path: None, force: true }"),
            ("w copy.yaml", "Write { path: Some(\"copy.yaml\"), force: false }"),
            ("wq", "WriteQuit { path: None, always: true }"),
            ("x", "WriteQuit { path: None, always: false }"),
            ("q", "Quit { force: false }"),
            ("qa!", "Quit { force: true }"),
            ("e!", "Revert"),
            ("7", "Goto(7)"),
            ("$", "Goto(10)"),
            ("2,4d", "Delete { from: 1, to: 3 }"),
            ("d", "Delete { from: 4, to: 4 }"),
            (".,$d", "Delete { from: 4, to: 9 }"),
            ("set number", "Nothing"),
            ("", "Nothing"),
        ];
        for (line, expected) in rows {
            assert_eq!(format!("{:?}", parse(line, 4, 10).unwrap()), expected, ":{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_refused_in_vims_words() {
        let rows = [
            ("foo", "E492: Not an editor command: foo"),
            ("9,2d", "E493: Backwards range given"),
            ("2,99d", "E16: Invalid range"),
            ("s/a/b/q", "E488: Trailing characters"),
        ];
        for (line, expected) in rows {
            assert_eq!(parse(line, 4, 10).unwrap_err(), expected, ":{line}");
        }
    }

    #[test]
    fn substitutions_follow_vims_patterns() {
        let rows = [
            ("%s/Node/NodeRestriction/", "--mode=Node,Node", "--mode=NodeRestriction,Node"),
            ("%s/Node/X/g", "--mode=Node,Node", "--mode=X,X"),
            ("%s/node/X/gi", "--mode=Node,node", "--mode=X,X"),
            ("%s#/etc/kubernetes#/tmp#", "path: /etc/kubernetes/pki", "path: /tmp/pki"),
            ("%s/a\\/b/c/", "a/b", "c"),
            ("%s/\\(x\\)\\(y\\)/\\2\\1/", "xy", "yx"),
            ("%s/$/ # end/", "line", "line # end"),
            ("%s/(a)/&&/", "f(a)", "f(a)(a)"),
        ];
        for (line, row, expected) in rows {
            match parse(line, 0, 1).unwrap() {
                Ex::Substitute { with, .. } => assert_eq!(with.apply(row), expected, ":{line}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
