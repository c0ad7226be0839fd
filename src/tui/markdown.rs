//! Markdown to styled lines of a given width, with the pieces of code that one can run or copy.
//!
//! Understands CommonMark with tables, and killercoda's markers after a code span or fence: `{{exec}}`,
//! `{{exec interrupt}}`, `{{copy}}`, `{{}}`, and Katacoda's `{{execute}}`. Other braces are text.

use std::collections::HashMap;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::action::Action;
use super::selection::Words;
use super::theme::Theme;
use crate::terminal::width::cut;
use crate::text::tr;

mod table;
mod wrap;

use wrap::{Piece, wrap};

/// A place in a document's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub x: u16,
    /// How many cells.
    pub width: u16,
}

/// A piece of code that one can run or copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The text.
    pub text: String,
    /// Whether it is for running.
    pub run: bool,
    /// Whether what runs is interrupted first.
    pub interrupt: bool,
    /// Where the code is.
    pub places: Vec<Place>,
    /// Its buttons.
    pub buttons: Vec<(Place, Action)>,
}

/// Lines, and the code in them.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// The lines.
    pub lines: Vec<Line<'static>>,
    /// The pieces of code, in order.
    pub codes: Vec<Code>,
    /// Lines that begin with cells which are no text, and how many.
    pub margins: HashMap<usize, u16>,
    /// Lines that go on with the line before, and what was between them.
    pub joints: HashMap<usize, &'static str>,
}

impl Document {
    /// Its lines, as far as copying needs them.
    pub fn words(&self) -> Vec<Words> {
        let mut lines: Vec<Words> = self
            .lines
            .iter()
            .enumerate()
            .map(|(index, line)| Words {
                text: line.spans.iter().map(|span| span.content.as_ref()).collect(),
                margin: self.margins.get(&index).copied().unwrap_or(0),
                joint: self.joints.get(&index).copied(),
                buttons: Vec::new(),
            })
            .collect();
        for (place, _) in self.codes.iter().flat_map(|code| &code.buttons) {
            if let Some(line) = lines.get_mut(place.line) {
                line.buttons.push((place.x, place.width));
            }
        }
        lines
    }

    /// Adds a line.
    pub fn push(&mut self, line: impl Into<Line<'static>>) {
        self.lines.push(line.into());
    }

    /// Adds an empty line, unless there is one at the end already.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| line.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    /// Adds wrapped text in one style, continued under `indent`.
    pub fn text(&mut self, first: Vec<Span<'static>>, text: &str, style: Style, width: u16) {
        let indent: usize = first.iter().map(Span::width).sum();
        let rest = vec![Span::raw(" ".repeat(indent))];
        let mut pieces = Vec::new();
        for (i, line) in text.lines().enumerate() {
            if i > 0 {
                pieces.push(Piece::Break);
            }
            pieces.push(Piece::text(line, style));
        }
        wrap(&mut *self, &pieces, &first, &rest, width);
    }

    /// Adds markdown.
    pub fn markdown(&mut self, text: &str, width: u16, theme: &Theme) {
        Renderer::new(self, width.max(8), theme).render(text);
        while self.lines.last().is_some_and(|line| line.width() == 0) {
            self.lines.pop();
        }
    }
}

/// What a marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Run { interrupt: bool },
    Copy,
    Nothing,
}

impl Marker {
    /// Reads a marker at the start of a text; returns what follows it.
    fn read(text: &str) -> Option<(Self, &str)> {
        let (inner, rest) = text.strip_prefix("{{")?.split_once("}}")?;
        let words: Vec<&str> = inner.split_whitespace().collect();
        let marker = match words.as_slice() {
            [] => Self::Nothing,
            ["copy"] => Self::Copy,
            ["exec" | "execute", more @ ..] => Self::Run { interrupt: more.contains(&"interrupt") },
            _ => return None,
        };
        Some((marker, rest))
    }
}

/// Puts a marker behind a closing fence, where CommonMark would not see the fence end, on a line of its own.
fn free_markers(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.lines() {
        let trimmed = line.trim_start();
        let fence = trimmed.trim_start_matches(['`', '~']);
        let indent = line.get(..line.len() - trimmed.len()).unwrap_or_default();
        if trimmed.len() - fence.len() >= 3 && Marker::read(fence.trim_start()).is_some() {
            let ticks = trimmed.get(..trimmed.len() - fence.len()).unwrap_or_default();
            out.extend([indent, ticks, "\n", indent, fence.trim(), "\n"]);
        } else {
            out.extend([line, "\n"]);
        }
    }
    out
}

struct Renderer<'a> {
    out: &'a mut Document,
    theme: &'a Theme,
    width: u16,
    styles: Vec<Style>,
    pieces: Vec<Piece>,
    /// The prefixes of the lines to come: of the first, and of those after it.
    first: Vec<Span<'static>>,
    rest: Vec<Vec<Span<'static>>>,
    lists: Vec<Option<u64>>,
    tight: bool,
    links: Vec<String>,
    block: Option<String>,
    /// The code that a marker would belong to, if it comes next.
    marked: Option<usize>,
    table: Option<table::Table>,
}

impl<'a> Renderer<'a> {
    fn new(out: &'a mut Document, width: u16, theme: &'a Theme) -> Self {
        Self {
            out,
            theme,
            width,
            styles: vec![theme.text],
            pieces: Vec::new(),
            first: Vec::new(),
            rest: Vec::new(),
            lists: Vec::new(),
            tight: false,
            links: Vec::new(),
            block: None,
            marked: None,
            table: None,
        }
    }

    fn render(&mut self, text: &str) {
        let text = free_markers(text);
        let parser = Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH);
        for event in TextMergeStream::new(parser) {
            self.event(event);
        }
        self.flush();
        self.finish_block(None);
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or(self.theme.text)
    }

    fn push_style(&mut self, change: impl FnOnce(Style) -> Style) {
        self.styles.push(change(self.style()));
    }

    fn prefix(&self) -> Vec<Span<'static>> {
        self.rest.iter().flatten().cloned().collect()
    }

    /// Writes the collected pieces as a paragraph.
    fn flush(&mut self) {
        if self.pieces.is_empty() {
            return;
        }
        let rest = self.prefix();
        let first = if self.first.is_empty() { rest.clone() } else { std::mem::take(&mut self.first) };
        let pieces = std::mem::take(&mut self.pieces);
        wrap(self.out, &pieces, &first, &rest, self.width);
    }

    fn gap(&mut self) {
        if !self.tight {
            self.out.gap();
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if let (Some(code), Event::Text(text)) = (self.marked, &event)
            && let Some((marker, rest)) = Marker::read(text)
        {
            let rest = rest.to_owned();
            self.mark(code, marker);
            if !rest.is_empty() {
                self.text(&rest);
            }
            return;
        }
        match &event {
            // A fence's marker comes as the paragraph after it.
            Event::Start(Tag::Paragraph) if self.block.is_some() => return,
            Event::End(TagEnd::Paragraph) if self.block.is_some() => return,
            Event::Start(_) | Event::End(TagEnd::CodeBlock) => {}
            _ => self.marked = None,
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.code_span(&text),
            Event::SoftBreak => self.pieces.push(Piece::Soft(self.style())),
            Event::HardBreak => self.pieces.push(Piece::Break),
            Event::Rule => {
                self.finish_block(None);
                self.gap();
                let line = self.theme.glyphs.horizontal.repeat(usize::from(self.width));
                self.out.push(Line::styled(line, self.theme.line));
                self.out.gap();
            }
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            _ => {}
        }
    }

    fn html(&mut self, html: &str) {
        let tag = html.trim().to_ascii_lowercase();
        if tag.starts_with("<br") {
            self.pieces.push(Piece::Break);
        } else if let Some(summary) = tag
            .find("<summary>")
            .and_then(|i| html.trim().get(i + 9..))
            .and_then(|s| s.split("</summary>").next())
        {
            self.pieces.push(Piece::text(summary, self.theme.heading));
            self.flush();
        }
    }

    fn text(&mut self, text: &str) {
        if self.block.is_some() && !self.in_block() {
            self.finish_block(None);
        }
        let style = self.style();
        if let Some(block) = &mut self.block {
            block.push_str(text);
        } else if let Some(table) = &mut self.table {
            table.text(text, style);
        } else {
            self.pieces.push(Piece::text(text, style));
        }
    }

    /// Whether the text that comes is inside of a fence (and not the paragraph after it).
    fn in_block(&self) -> bool {
        self.marked.is_none()
    }

    fn code_span(&mut self, text: &str) {
        self.finish_block(None);
        if let Some(table) = &mut self.table {
            return table.text(text, self.theme.code);
        }
        let index = self.out.codes.len();
        self.out.codes.push(Code {
            text: text.to_owned(),
            run: false,
            interrupt: false,
            places: Vec::new(),
            buttons: Vec::new(),
        });
        self.pieces.push(Piece::code(text, self.theme.code, index));
        self.marked = Some(index);
    }

    /// Gives a code its buttons, as its marker says.
    fn mark(&mut self, index: usize, marker: Marker) {
        self.marked = None;
        if self.block.is_some() {
            return self.finish_block(Some(marker));
        }
        let Some(code) = self.out.codes.get_mut(index) else { return };
        match marker {
            Marker::Nothing => return,
            Marker::Copy => {}
            Marker::Run { interrupt } => (code.run, code.interrupt) = (true, interrupt),
        }
        let (label, action) = if code.run {
            (tr!(tui_button_run), Action::Run(index))
        } else {
            (tr!(tui_button_copy), Action::Copy(index))
        };
        self.pieces.push(Piece::text(" ", self.style()));
        self.pieces.push(Piece::button(label, self.theme.button, index, action));
    }

    /// Writes a fence that waits for its marker.
    fn finish_block(&mut self, marker: Option<Marker>) {
        self.marked = None;
        let Some(text) = self.block.take() else { return };
        let text = text.trim_end_matches('\n').to_owned();
        let (run, interrupt, buttons) = match marker {
            Some(Marker::Run { interrupt }) => (true, interrupt, true),
            Some(Marker::Copy) | None => (false, false, true),
            Some(Marker::Nothing) => (false, false, false),
        };
        let index = self.out.codes.len();
        let mut code = Code { text, run, interrupt, places: Vec::new(), buttons: Vec::new() };
        let mut prefix = self.prefix();
        prefix.push(Span::styled(self.theme.glyphs.gutter, self.theme.line));
        prefix.push(Span::raw(" "));
        let indent: usize = prefix.iter().map(Span::width).sum();
        let room = usize::from(self.width).saturating_sub(indent).max(4);
        for source in code.text.lines() {
            let expanded = source.replace('\t', "    ");
            let mut rest = expanded.as_str();
            let mut continued = "";
            let mut goes_on = false;
            loop {
                let (head, tail) = cut(rest, room - continued.len());
                let mut spans = prefix.clone();
                spans.push(Span::styled(format!("{continued}{head}"), self.theme.block));
                let width = u16::try_from(continued.len() + head.width()).unwrap_or(u16::MAX);
                let x = u16::try_from(indent).unwrap_or(u16::MAX);
                let line = self.out.lines.len();
                code.places.push(Place { line, x, width });
                self.out.margins.insert(line, x + u16::try_from(continued.len()).unwrap_or(0));
                if goes_on {
                    self.out.joints.insert(line, "");
                }
                self.out.push(Line::from(spans));
                if tail.is_empty() {
                    break;
                }
                (rest, continued) = (tail, if room > 8 { "  " } else { "" });
                goes_on = true;
            }
        }
        if buttons {
            self.block_buttons(index, &mut code);
            self.out.codes.push(code);
        }
        self.out.gap();
    }

    /// Puts a fence's buttons at its right: on its only line where there is room, below it otherwise.
    fn block_buttons(&mut self, index: usize, code: &mut Code) {
        let mut labels = vec![(tr!(tui_button_copy), Action::Copy(index))];
        if code.run {
            labels.insert(0, (tr!(tui_button_run), Action::Run(index)));
        }
        let needed: u16 = labels.iter().map(|(label, _)| u16::try_from(label.width() + 1).unwrap_or(0)).sum();
        let single = code.places.len() == 1;
        let fits = code.places.first().is_some_and(|place| place.x + place.width + needed < self.width);
        if !(single && fits) {
            self.out.push(Line::default());
        }
        let line_index = self.out.lines.len().saturating_sub(1);
        let Some(line) = self.out.lines.last_mut() else { return };
        let mut x = self.width.saturating_sub(needed) + 1;
        let used = u16::try_from(line.width()).unwrap_or(u16::MAX);
        line.spans.push(Span::raw(" ".repeat(usize::from(x.saturating_sub(used)))));
        for (i, (label, action)) in labels.into_iter().enumerate() {
            if i > 0 {
                line.spans.push(Span::raw(" "));
                x += 1;
            }
            line.spans.push(Span::styled(label, self.theme.button));
            let width = u16::try_from(label.width()).unwrap_or(0);
            code.buttons.push((Place { line: line_index, x, width }, action));
            x += width;
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        if !matches!(tag, Tag::Paragraph) || self.marked.is_none() {
            self.finish_block(None);
        }
        match tag {
            Tag::Paragraph if !self.first_item_line() => {
                self.gap();
            }
            Tag::Heading { level, .. } => {
                self.flush();
                self.out.gap();
                let heading = self.theme.heading;
                self.push_style(|_| match level {
                    HeadingLevel::H1 | HeadingLevel::H2 => heading,
                    _ => heading.remove_modifier(Modifier::UNDERLINED).add_modifier(Modifier::BOLD),
                });
            }
            Tag::BlockQuote(_) => {
                self.flush();
                self.gap();
                let gutter = Span::styled(format!("{} ", self.theme.glyphs.gutter), self.theme.line);
                self.rest.push(vec![gutter]);
                let quiet = self.theme.text.add_modifier(Modifier::ITALIC);
                self.push_style(|_| quiet);
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                self.gap();
                let _ = matches!(kind, CodeBlockKind::Fenced(_));
                self.block = Some(String::new());
            }
            Tag::List(start) => {
                self.flush();
                if self.lists.is_empty() {
                    self.gap();
                }
                self.lists.push(start);
                self.tight = true;
            }
            Tag::Item => {
                self.flush();
                let bullet = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        let text = format!("{number}. ");
                        *number += 1;
                        text
                    }
                    _ => format!("{} ", self.theme.glyphs.bullet),
                };
                let indent = Span::raw(" ".repeat(bullet.width()));
                let mut first = self.prefix();
                first.push(Span::styled(bullet, self.theme.quiet));
                self.first = first;
                self.rest.push(vec![indent]);
            }
            Tag::Emphasis => self.push_style(|s| s.add_modifier(Modifier::ITALIC)),
            Tag::Strong => self.push_style(|s| s.add_modifier(Modifier::BOLD)),
            Tag::Strikethrough => self.push_style(|s| s.add_modifier(Modifier::CROSSED_OUT)),
            Tag::Link { dest_url, .. } => {
                self.links.push(dest_url.to_string());
                let link = self.theme.link;
                self.push_style(|s| s.patch(link));
            }
            Tag::Image { dest_url, .. } => {
                self.links.push(dest_url.to_string());
                self.push_style(|s| s.add_modifier(Modifier::ITALIC));
                let style = self.style();
                self.pieces.push(Piece::text(tr!(tui_image), style));
            }
            Tag::Table(_) => {
                self.flush();
                self.gap();
                self.table = Some(table::Table::default());
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.row();
                }
            }
            Tag::TableCell => {
                if let Some(table) = &mut self.table {
                    table.cell();
                }
            }
            _ => {}
        }
    }

    /// Whether the next line is an item's first, which stands beside its bullet.
    fn first_item_line(&self) -> bool {
        !self.first.is_empty()
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                self.flush();
                self.gap();
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
                self.out.gap();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.finish_block(None);
                self.rest.pop();
                self.styles.pop();
                self.out.gap();
            }
            TagEnd::CodeBlock => self.marked = Some(usize::MAX),
            TagEnd::List(_) => {
                self.finish_block(None);
                self.lists.pop();
                self.tight = !self.lists.is_empty();
                if self.lists.is_empty() {
                    self.out.gap();
                }
            }
            TagEnd::Item => {
                self.flush();
                self.finish_block(None);
                self.first.clear();
                self.rest.pop();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => {
                let url = self.links.pop().unwrap_or_default();
                self.styles.pop();
                let shown = self.pieces.iter().any(|piece| piece.is(&url));
                if !shown && !url.is_empty() {
                    self.pieces.push(Piece::text(&format!(" ({url})"), self.theme.quiet));
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    table.write(self.out, self.width, self.theme);
                    self.out.gap();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
