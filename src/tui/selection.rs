//! Text that is selected with the mouse in the lesson: which cells, and what is copied of them. Pure.
//!
//! What is copied is the text as it was written, not as it was laid out: lines that were broken because the pane is
//! narrow are whole again, and gutters, indents and buttons are left out.

use unicode_width::UnicodeWidthChar;

/// A cell of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The line.
    pub line: usize,
    /// The column.
    pub x: u16,
}

/// The cells from one to another, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// Where the mouse went down.
    pub from: Spot,
    /// Where it is.
    pub to: Spot,
}

/// A line of a document, as far as copying needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// All that is drawn.
    pub text: String,
    /// How many cells at its start are no text.
    pub margin: u16,
    /// What was between it and the line before, where both are one line of the text.
    pub joint: Option<&'static str>,
    /// The cells of its buttons: first, and how many.
    pub buttons: Vec<(u16, u16)>,
}

impl Selection {
    /// The first and the last cell.
    pub fn ends(&self) -> (Spot, Spot) {
        (self.from.min(self.to), self.from.max(self.to))
    }

    /// The selected cells of a line: the first, and the one after the last.
    pub fn of_line(&self, line: usize, words: &Words) -> Option<(u16, u16)> {
        let (first, last) = self.ends();
        if !(first.line..=last.line).contains(&line) {
            return None;
        }
        let from = if line == first.line { first.x.max(words.margin) } else { words.margin };
        let to = if line == last.line { last.x.saturating_add(1) } else { u16::MAX };
        (from < to).then_some((from, to))
    }

    /// The text that is selected.
    pub fn text(&self, lines: &[Words]) -> String {
        let mut out = String::new();
        let (first, last) = self.ends();
        for (index, words) in lines.iter().enumerate().take(last.line + 1).skip(first.line) {
            if index > first.line {
                trim_end(&mut out);
                out.push_str(words.joint.unwrap_or("\n"));
            }
            if let Some((from, to)) = self.of_line(index, words) {
                out.push_str(&words.between(from, to));
            }
        }
        trim_end(&mut out);
        out
    }
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
}

impl Words {
    /// The characters that begin in some cells, without those of buttons.
    fn between(&self, from: u16, to: u16) -> String {
        let mut x = 0_u16;
        let mut out = String::new();
        for c in self.text.chars() {
            let button = self.buttons.iter().any(|(at, width)| (*at..at + width).contains(&x));
            if (from..to).contains(&x) && !button {
                out.push(c);
            }
            x = x.saturating_add(u16::try_from(c.width().unwrap_or(0)).unwrap_or(0));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn spot(line: usize, x: u16) -> Spot {
        Spot { line, x }
    }

    fn lines() -> Vec<Words> {
        let line = |text: &str| Words { text: text.into(), ..Words::default() };
        vec![
            line("Go there and add the"),
            Words { joint: Some(" "), ..line("label.") },
            line(""),
            Words { margin: 2, buttons: vec![(13, 5)], ..line("▏ ssh node01 [run]") },
            Words { margin: 2, ..line("▏ export KUBECONFIG=/etc") },
            Words { margin: 4, joint: Some(""), ..line("▏   /kubelet.conf") },
            line("日本語のテキスト"),
        ]
    }

    #[test]
    fn what_was_broken_for_the_pane_is_whole_again() {
        let table = [
            (spot(0, 3), spot(0, 7), "there"),
            (spot(0, 7), spot(0, 3), "there"),
            (spot(0, 17), spot(1, 5), "the label."),
            (spot(0, 9), spot(3, 40), "and add the label.\n\nssh node01"),
            (spot(3, 0), spot(5, 40), "ssh node01\nexport KUBECONFIG=/etc/kubelet.conf"),
            (spot(5, 0), spot(5, 3), ""),
            (spot(6, 2), spot(6, 5), "本語"),
            (spot(2, 0), spot(2, 9), ""),
        ];
        for (from, to, expected) in table {
            assert_eq!(Selection { from, to }.text(&lines()), expected, "{from:?} {to:?}");
        }
    }

    #[test]
    fn cells_that_are_no_text_are_not_selected() {
        let all = Selection { from: spot(0, 0), to: spot(6, 3) };
        let lines = lines();
        assert_eq!(all.of_line(3, &lines[3]), Some((2, u16::MAX)));
        assert_eq!(all.of_line(6, &lines[6]), Some((0, 4)));
        assert_eq!(all.of_line(7, &Words::default()), None);
    }
}
