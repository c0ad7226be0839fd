//! Words to lines of a given width; wide characters count two cells and may be broken between.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Action, Document, Place};
use crate::terminal::width::cut;
use crate::text::spaced;

/// A piece of running text.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// Its style.
        style: Style,
        /// The code it is, and the button of that code that it is.
        code: Option<(usize, Option<Action>)>,
    },
    /// The end of a line of the source within a paragraph.
    Soft(Style),
    /// The end of a line.
    Break,
}

impl Piece {
    /// Ordinary text.
    pub fn text(text: &str, style: Style) -> Self {
        Self::Text { text: text.to_owned(), style, code: None }
    }

    /// A code span.
    pub fn code(text: &str, style: Style, index: usize) -> Self {
        Self::Text { text: text.to_owned(), style, code: Some((index, None)) }
    }

    /// A button of a code span.
    pub fn button(text: &str, style: Style, index: usize, action: Action) -> Self {
        Self::Text { text: text.to_owned(), style, code: Some((index, Some(action))) }
    }

    /// Whether it is this text.
    pub fn is(&self, other: &str) -> bool {
        matches!(self, Self::Text { text, .. } if text == other)
    }
}

/// A part of a word: text in one style.
#[derive(Clone)]
struct Part {
    text: String,
    style: Style,
    code: Option<(usize, Option<Action>)>,
}

enum Token {
    Word(Vec<Part>),
    Space(Part),
    Break,
}

/// Whether a blank stands for the end of a source line between two pieces.
fn blank_between(before: Option<&Piece>, after: Option<&Piece>) -> bool {
    match (before, after) {
        (Some(Piece::Text { text: before, .. }), Some(Piece::Text { text: after, .. })) => {
            spaced(before, after)
        }
        _ => true,
    }
}

fn tokens(pieces: &[Piece]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Vec<Part> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        if let Piece::Soft(style) = piece {
            if !word.is_empty() {
                tokens.push(Token::Word(std::mem::take(&mut word)));
            }
            if blank_between(pieces.get(index.wrapping_sub(1)), pieces.get(index + 1)) {
                tokens.push(Token::Space(Part { text: " ".to_owned(), style: *style, code: None }));
            }
            continue;
        }
        let Piece::Text { text, style, code } = piece else {
            if !word.is_empty() {
                tokens.push(Token::Word(std::mem::take(&mut word)));
            }
            tokens.push(Token::Break);
            continue;
        };
        let part = |text: String| Part { text, style: *style, code: *code };
        let mut current = String::new();
        for c in text.chars() {
            let wide = c.width().unwrap_or(0) > 1;
            if c == ' ' || c == '\n' || c == '\t' || wide {
                if !current.is_empty() {
                    word.push(part(std::mem::take(&mut current)));
                }
                // Closing punctuation stays with what it closes.
                let stays = wide && "、。，．！？：；）」』】".contains(c);
                if !word.is_empty() && !stays {
                    tokens.push(Token::Word(std::mem::take(&mut word)));
                }
                if wide {
                    if stays
                        && word.is_empty()
                        && let Some(Token::Word(last)) = tokens.last_mut()
                    {
                        last.push(part(c.to_string()));
                        continue;
                    }
                    word.push(part(c.to_string()));
                    tokens.push(Token::Word(std::mem::take(&mut word)));
                } else {
                    tokens.push(Token::Space(part(" ".to_owned())));
                }
            } else {
                current.push(c);
            }
        }
        if !current.is_empty() {
            word.push(part(current));
        }
    }
    if !word.is_empty() {
        tokens.push(Token::Word(word));
    }
    tokens
}

struct Writer<'a> {
    out: &'a mut Document,
    rest: &'a [Span<'static>],
    width: usize,
    line: Vec<Span<'static>>,
    used: usize,
    start: usize,
}

impl Writer<'_> {
    fn put(&mut self, part: Part) {
        let width = part.text.width();
        if let Some((index, button)) = part.code {
            let place = Place {
                line: self.out.lines.len(),
                x: u16::try_from(self.used).unwrap_or(u16::MAX),
                width: u16::try_from(width).unwrap_or(u16::MAX),
            };
            if let Some(code) = self.out.codes.get_mut(index) {
                match button {
                    Some(action) => code.buttons.push((place, action)),
                    None => code.places.push(place),
                }
            }
        }
        self.used += width;
        match self.line.last_mut() {
            Some(last) if last.style == part.style => last.content.to_mut().push_str(&part.text),
            _ => self.line.push(Span::styled(part.text, part.style)),
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::replace(&mut self.line, self.rest.to_vec());
        self.out.lines.push(Line::from(line));
        self.used = self.rest.iter().map(Span::width).sum();
        self.start = self.used;
    }

    /// Ends the line where the text goes on, with what is between.
    fn break_line(&mut self, joint: &'static str) {
        self.end_line();
        let line = self.out.lines.len();
        self.out.joints.insert(line, joint);
        self.out.margins.insert(line, u16::try_from(self.start).unwrap_or(0));
    }

    fn word(&mut self, parts: Vec<Part>, space: Option<Part>) {
        let width: usize = parts.iter().map(|part| part.text.width()).sum();
        let gap = usize::from(space.is_some() && self.used > self.start);
        if self.used > self.start && self.used + gap + width > self.width {
            self.break_line(if space.is_some() { " " } else { "" });
        } else if let Some(space) = space
            && gap > 0
        {
            self.put(space);
        }
        for part in parts {
            let mut rest = part.text.as_str();
            while self.used + rest.width() > self.width {
                let room = self.width.saturating_sub(self.used);
                if room == 0 && self.used > self.start {
                    self.break_line("");
                    continue;
                }
                let (head, tail) = cut(rest, room.max(1));
                self.put(Part { text: head.to_owned(), ..part.clone() });
                rest = tail;
                if rest.is_empty() {
                    break;
                }
                self.break_line("");
            }
            if !rest.is_empty() {
                self.put(Part { text: rest.to_owned(), ..part.clone() });
            }
        }
    }
}

/// Writes pieces as lines: the first after `first`, the others after `rest`.
pub fn wrap(
    out: &mut Document,
    pieces: &[Piece],
    first: &[Span<'static>],
    rest: &[Span<'static>],
    width: u16,
) {
    let start = first.iter().map(Span::width).sum();
    let mut writer =
        Writer { out, rest, width: usize::from(width), line: first.to_vec(), used: start, start };
    let mut space = None;
    for token in tokens(pieces) {
        match token {
            Token::Space(part) => space = space.or(Some(part)),
            Token::Word(parts) => writer.word(parts, space.take()),
            Token::Break => {
                space = None;
                writer.end_line();
            }
        }
    }
    writer.end_line();
}
