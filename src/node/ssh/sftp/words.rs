//! A line of sftp's into its words (`makeargv` of OpenSSH's sftp.c): quotes, escapes, comments.

/// Splits a line. What stands in quotes or behind a backslash is no pattern: its special characters keep a backslash.
pub fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut letters = line.chars();
    let mut quote = None;
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('\\', None | Some('"')) => match letters.next() {
                Some(next) => literal(word.get_or_insert_default(), next),
                None => return Err("Unterminated quoted argument"),
            },
            (c, Some(_)) => literal(word.get_or_insert_default(), c),
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("Unterminated quoted argument");
    }
    words.extend(word);
    Ok(words)
}

fn literal(word: &mut String, letter: char) {
    if matches!(letter, '*' | '?' | '[' | '\\') {
        word.push('\\');
    }
    word.push(letter);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_quotes_and_comments() {
        for (line, words) in [
            ("get  a b", &["get", "a", "b"][..]),
            (r#"put "a b" 'c "d'"#, &["put", "a b", "c \"d"]),
            (r"ls a\ b", &["ls", "a b"]),
            (r#"rm "*" \? *"#, &["rm", r"\*", r"\?", "*"]),
            ("ls # all", &["ls"]),
            ("ls a#b ''", &["ls", "a#b", ""]),
            ("", &[]),
        ] {
            assert_eq!(split(line).unwrap(), words, "{line}");
        }
        assert_eq!(split("get \"a"), Err("Unterminated quoted argument"));
    }
}
