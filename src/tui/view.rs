//! The state as a picture. Draws and does nothing else; says where it drew what can be clicked.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::event::PaneId;
use super::layout::{self, Areas};
use super::state::{Drawn, Focus, SMALLEST, Stage, State};
use super::theme::Theme;
use crate::text::tr;

mod document;
mod exam;
mod footer;
mod header;
mod lesson;
mod overlay;
mod picker;
mod shell;
mod xray;

/// The terminals' screens, as far as a picture needs them.
pub trait Screens {
    /// Draws a pane's screen; returns where its cursor is to be seen.
    fn draw(&self, pane: PaneId, buffer: &mut Buffer, area: Rect, colours: bool) -> Option<Position>;
    /// How many lines it is scrolled back, and how many there are.
    fn scrolled(&self, pane: PaneId) -> (usize, usize);
}

/// What is being drawn.
struct Canvas<'a> {
    buffer: &'a mut Buffer,
    state: &'a State,
    theme: Theme,
    drawn: Drawn,
    cursor: Option<Position>,
}

impl Canvas<'_> {
    /// Writes spans from a place on, at most to `width`; returns the column after them.
    fn put(&mut self, x: u16, y: u16, line: &Line<'_>, width: u16) -> u16 {
        if y >= self.buffer.area.height || x >= self.buffer.area.width {
            return x;
        }
        self.buffer.set_line(x, y, line, width.min(self.buffer.area.width - x)).0
    }

    fn text(&mut self, x: u16, y: u16, text: &str, style: Style, width: u16) -> u16 {
        self.put(x, y, &Line::from(Span::styled(text, style)), width)
    }

    fn fill(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        for y in area.y..area.bottom() {
            // Of a wide character at the edge no half stays.
            if let Some(cell) = area.x.checked_sub(1).and_then(|x| self.buffer.cell_mut((x, y)))
                && crate::text::width(cell.symbol()) > 1
            {
                cell.set_symbol(" ");
            }
            for x in area.x..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// A horizontal line with a text in it and one at its end.
    fn rule(&mut self, area: Rect, y: u16, left: &str, right: &str, style: Style) {
        let glyphs = self.theme.glyphs;
        let line = glyphs.horizontal.repeat(usize::from(area.width));
        self.text(area.x, y, &line, self.theme.line, area.width);
        if !left.is_empty() {
            self.text(area.x + 1, y, &format!(" {left} "), style, area.width.saturating_sub(1));
        }
        let width = u16::try_from(Span::raw(right).width() + 2).unwrap_or(area.width);
        if !right.is_empty() && width + 2 < area.width {
            self.text(area.right() - width - 1, y, &format!(" {right} "), self.theme.quiet, width);
        }
    }
}

/// Cuts a text to a width, with a sign that it was.
fn shorten(text: &str, width: usize, theme: &Theme) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    let (head, _) = crate::terminal::width::cut(
        text,
        width.saturating_sub(Span::raw(theme.glyphs.ellipsis).width()).max(1),
    );
    format!("{head}{}", theme.glyphs.ellipsis)
}

/// Says how many lines are below.
fn more_lines(count: usize) -> String {
    tr!(tui_more_lines { count })
}

/// Draws a frame.
pub fn draw(frame: &mut Frame<'_>, state: &State, screens: &dyn Screens) -> Drawn {
    let area = frame.area();
    let resized;
    let state = if state.size == (area.width, area.height) {
        state
    } else {
        // The window is already another than the last event said.
        let mut shown = state.clone();
        shown.size = (area.width, area.height);
        resized = shown;
        &resized
    };
    let theme = state.config.theme();
    let mut canvas =
        Canvas { buffer: frame.buffer_mut(), state, theme, drawn: Drawn::default(), cursor: None };
    if state.too_small() {
        too_small(&mut canvas);
    } else {
        let areas = layout::areas(state);
        panes(&mut canvas, &areas, screens);
        if state.prefix && state.prefix_waits && state.overlay.is_none() {
            footer::keys(&mut canvas, areas.footer);
        }
        overlay::draw(&mut canvas);
    }
    let Canvas { mut drawn, cursor, .. } = canvas;
    drawn.size = (area.width, area.height);
    style_second_halves(frame.buffer_mut());
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    drawn
}

/// Gives the second cell of a wide character the style of the first.
///
/// ratatui leaves it plain, so that a plain blank there later is no difference to it and is not written, while the
/// terminal still shows the style where the character itself is overwritten by another wide one a cell to the left.
fn style_second_halves(buffer: &mut Buffer) {
    let width = usize::from(buffer.area.width).max(1);
    for row in buffer.content.chunks_mut(width) {
        for x in 1..row.len() {
            if crate::text::width(row[x - 1].symbol()) == 2 {
                let style = row[x - 1].style();
                row[x].set_style(style);
            }
        }
    }
}

fn panes(canvas: &mut Canvas<'_>, areas: &Areas, screens: &dyn Screens) {
    header::draw(canvas, areas);
    if canvas.state.stage == Stage::Picking {
        let (width, height) = canvas.state.size;
        picker::draw(canvas, Rect::new(0, 2, width, height.saturating_sub(3)));
        return footer::draw(canvas, areas.footer);
    }
    if let Some(area) = areas.lesson {
        lesson::draw(canvas, area);
    }
    if let Some(area) = areas.divider {
        let glyph = canvas.theme.glyphs.vertical;
        for y in area.y..area.bottom() {
            canvas.text(area.x, y, glyph, canvas.theme.line, 1);
        }
        canvas.drawn.divider = Some(area);
    }
    shell::draw(canvas, areas, screens);
    if let (Some(area), Some(line), Stage::Ready) = (areas.dock, areas.dock_line, &canvas.state.stage) {
        xray::dock(canvas, area, line);
    }
    footer::draw(canvas, areas.footer);
    if canvas.state.focus != Focus::Shell || canvas.state.stage != Stage::Ready {
        canvas.cursor = None;
    }
}

fn too_small(canvas: &mut Canvas<'_>) {
    let (width, height) = canvas.state.size;
    let lines = [
        tr!(tui_too_small { size: format!("{width}x{height}") }),
        tr!(tui_needs { size: format!("{}x{}", SMALLEST.0, SMALLEST.1) }),
        tr!(tui_shells_go_on).to_owned(),
    ];
    let top = height.saturating_sub(3) / 2;
    for (y, line) in (top..height).zip(lines) {
        let text = shorten(&line, usize::from(width), &canvas.theme);
        let x = width.saturating_sub(u16::try_from(crate::text::width(&text)).unwrap_or(width)) / 2;
        canvas.text(x, y, &text, canvas.theme.text, width);
    }
}

#[cfg(test)]
mod tests;
