//! How wide texts are: a Japanese character takes two cells.

use unicode_width::UnicodeWidthStr;

/// The cells that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// A text filled up with blanks to a width in cells; a wider one stays as it is.
pub fn pad(text: &str, cells: usize) -> String {
    format!("{text}{}", " ".repeat(cells.saturating_sub(width(text))))
}

/// Whether a blank stands between two lines that are joined: not within Japanese, which has none.
pub fn spaced(before: &str, after: &str) -> bool {
    let wide = |c: Option<char>| c.is_some_and(|c| c as u32 >= 0x2e80);
    !(wide(before.chars().next_back()) && wide(after.chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_filled_up() {
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(pad("合格", 6), "合格  ");
        assert_eq!(pad("判定不能", 6), "判定不能");
    }

    #[test]
    fn japanese_lines_are_joined_without_a_blank() {
        for (before, after, blank) in
            [("a", "b", true), ("です。", "次", false), ("です。", "kubectl", true), ("k8s", "は", true)]
        {
            assert_eq!(spaced(before, after), blank, "{before} {after}");
        }
    }
}
