//! The `Warning` headers of an answer.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/warning.go`, `NewWarningHeader` in `k8s.io/apimachinery/pkg/util/net/http.go`.

use std::collections::HashSet;

/// How many characters all warnings may have before each is cut.
const ALL: usize = 4 * 1024;
/// How many characters are left of one then.
const ONE: usize = 256;

/// The headers of warnings, each of which is told once.
pub(super) fn headers(texts: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let told: Vec<String> =
        texts.into_iter().filter(|text| !text.is_empty() && seen.insert(text.clone())).collect();
    let length = |text: &String| text.chars().count();
    let cuts = told.iter().filter(|text| !has_controls(text)).map(length).sum::<usize>() > ALL;
    let mut written = 0;
    let mut headers = Vec::new();
    for text in told {
        if cuts && written >= ALL {
            break;
        }
        let text: String = if cuts { text.chars().take(ONE).collect() } else { text };
        if has_controls(&text) {
            continue;
        }
        written += text.chars().count();
        headers.push(format!("299 - \"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    headers
}

/// What has control characters cannot be told in a header.
fn has_controls(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_once_and_cut_where_they_are_too_many() {
        let texts = |texts: &[&str]| headers(texts.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(
            texts(&["a \"b\"", "a \"b\"", "", "c\nd", "e\\"]),
            ["299 - \"a \\\"b\\\"\"", "299 - \"e\\\\\""]
        );
        let many = headers((0..40).map(|n| format!("{n:0>200}")).collect());
        assert_eq!(many.len(), 21);
        let long = headers((0..3).map(|n| format!("{n:0>2000}")).collect());
        assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [264; 3]);
    }
}
