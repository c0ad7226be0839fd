//! Words for a POSIX shell; every command line for a node goes through here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Quotes one word so that a POSIX shell reads it back unchanged.
pub fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_/.,:=@%+-".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Joins words to a command line.
pub fn line<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|w| quote(w.as_ref())).collect::<Vec<_>>().join(" ")
}

/// The words that run `script` in a POSIX shell.
///
/// Standard input stays the script's own. The script is wrapped so that neither `$` nor a newline stands in the line:
/// `sudo -i` escapes every character for the login shell but `$`, and turns a newline into nothing.
pub fn script(script: &str) -> [String; 3] {
    let packed = STANDARD.encode(script);
    ["sh".into(), "-c".into(), format!("eval \"`echo {packed}|base64 -d`\"")]
}

/// The script that [`script`] wrapped; `None` where it is something else.
#[cfg(test)]
fn unwrapped(word: &str) -> Option<String> {
    let packed = word.strip_prefix("eval \"`echo ")?.strip_suffix("|base64 -d`\"")?;
    String::from_utf8(STANDARD.decode(packed).ok()?).ok()
}

/// Splits what a person wrote into words: blanks separate, single and double quotes and backslashes protect.
pub fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\'' => loop {
                match chars.next()? {
                    '\'' => break word = Some(word.take().unwrap_or_default()),
                    c => word.get_or_insert_default().push(c),
                }
            },
            '"' => loop {
                match chars.next()? {
                    '"' => break word = Some(word.take().unwrap_or_default()),
                    '\\' => word.get_or_insert_default().push(chars.next()?),
                    c => word.get_or_insert_default().push(c),
                }
            },
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::process::Command;

    const NASTY: [&str; 9] =
        ["", "a b", "it's", "$HOME `id` $(id)", "a\nb\\", "\"", "-n", "*?[a]~", "ä;|&<>(){}#!"];

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in NASTY {
            let echo = format!("printf %s {}", quote(word));
            let output = Command::new("sh").args(["-c", &echo]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{echo}");
            assert_eq!(split(&line(&["x", word])).unwrap(), ["x", word]);
        }
    }

    #[test]
    fn a_script_survives_two_shells_and_keeps_its_input() {
        let text = "read x\nprintf '%s|%s' \"$x\" 'it'\\''s $5'; exit 7";
        let words = script(text);
        assert!(!words[2].contains('$') && !words[2].contains('\n'));
        assert_eq!(unwrapped(&words[2]).as_deref(), Some(text));
        for command in [line(&words), line(&["sh".to_owned(), "-c".into(), line(&words)])] {
            let feed = format!("echo in | {command}");
            let output = Command::new("sh").args(["-c", &feed]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), "in|it's $5", "{feed}");
            assert_eq!(output.status.code(), Some(7));
        }
    }

    #[test]
    fn what_a_person_wrote_is_split_as_a_shell_would() {
        assert_eq!(
            split("ssh -J 'a b' \"c\\\"d\" e\\ f ''").unwrap(),
            ["ssh", "-J", "a b", "c\"d", "e f", ""]
        );
        assert_eq!(split("  ").unwrap(), Vec::<String>::new());
        for open in ["'a", "\"a", "a\\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }
}
