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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_filled_up() {
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(pad("合格", 6), "合格  ");
        assert_eq!(pad("判定不能", 6), "判定不能");
    }
}
