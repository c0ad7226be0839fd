//! Tables: columns as wide as they need, narrowed where the window is.

use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::super::theme::Theme;
use super::Document;
use super::wrap::{Piece, wrap};

/// A table being collected.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<Vec<(String, Style)>>>,
}

impl Table {
    /// Begins a row.
    pub fn row(&mut self) {
        self.rows.push(Vec::new());
    }

    /// Begins a cell.
    pub fn cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push(Vec::new());
        }
    }

    /// Adds text to the cell.
    pub fn text(&mut self, text: &str, style: Style) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.push((text.to_owned(), style));
        }
    }

    /// Writes the table.
    pub fn write(self, out: &mut Document, width: u16, theme: &Theme) {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        if columns == 0 {
            return;
        }
        let cell_width = |cell: &Vec<(String, Style)>| {
            cell.iter().map(|(text, _)| Span::raw(text.as_str()).width()).sum::<usize>()
        };
        let mut widths: Vec<usize> = (0..columns)
            .map(|i| self.rows.iter().filter_map(|row| row.get(i)).map(cell_width).max().unwrap_or(0).max(1))
            .collect();
        let room = usize::from(width).saturating_sub(3 * (columns - 1)).max(columns);
        while widths.iter().sum::<usize>() > room {
            match widths.iter_mut().max() {
                Some(widest) if *widest > 1 => *widest -= 1,
                _ => break,
            }
        }
        let separator = || Span::styled(format!(" {} ", theme.glyphs.vertical), theme.line);
        for (number, row) in self.rows.iter().enumerate() {
            let cells: Vec<Vec<Line<'static>>> = widths
                .iter()
                .enumerate()
                .map(|(i, width)| {
                    let mut lines = Document::default();
                    let pieces: Vec<Piece> = row
                        .get(i)
                        .into_iter()
                        .flatten()
                        .map(|(text, style)| {
                            let style = if number == 0 { style.add_modifier(Modifier::BOLD) } else { *style };
                            Piece::text(text, style)
                        })
                        .collect();
                    wrap(&mut lines, &pieces, &[], &[], u16::try_from(*width).unwrap_or(u16::MAX));
                    lines.lines
                })
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for y in 0..height {
                let mut spans = Vec::new();
                for (i, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                    if i > 0 {
                        spans.push(separator());
                    }
                    let line = cell.get(y).cloned().unwrap_or_default();
                    let pad = width.saturating_sub(line.width());
                    spans.extend(line.spans);
                    spans.push(Span::raw(" ".repeat(pad)));
                }
                out.push(Line::from(spans));
            }
            if number == 0 {
                let total = widths.iter().sum::<usize>() + 3 * (columns - 1);
                out.push(Line::styled(theme.glyphs.horizontal.repeat(total), theme.line));
            }
        }
    }
}
