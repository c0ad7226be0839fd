//! What a program in a terminal drew: escape sequences to a grid, the grid to cells of the window.

use alacritty_terminal::Term;
use alacritty_terminal::event::{Event, EventListener, WindowSize};
use alacritty_terminal::grid::{Dimensions, Scroll};
use alacritty_terminal::index::{Boundary, Column, Direction, Line, Point, Side};
use alacritty_terminal::selection::{Selection, SelectionType};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::search::RegexSearch;
use alacritty_terminal::term::{Config, TermMode, point_to_viewport, viewport_to_point};
use alacritty_terminal::vi_mode::ViMotion;
use alacritty_terminal::vte::ansi::{Color as AnsiColor, CursorShape, NamedColor, Processor};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use std::sync::Arc;
use std::time::Instant;

use super::encode::{Modes, Mouse};

/// Lines that are kept for scrolling back.
pub const HISTORY: usize = 10_000;

/// What the emulation wants from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Bytes for the program: answers to its questions.
    Answer(Vec<u8>),
    /// The program named its window; `None` takes the name back.
    Title(Option<String>),
    /// The program put a text on the clipboard (OSC 52).
    Clipboard(String),
    /// The bell rang.
    Bell,
}

/// Takes [`Request`]s.
pub type Requests = Arc<dyn Fn(Request) + Send + Sync>;

/// How the view is scrolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrollBy {
    /// By lines; up is positive.
    Lines(i32),
    /// By screens; up is positive.
    Pages(i32),
    /// To the oldest line.
    Top,
    /// To where the program writes.
    Bottom,
}

/// What happens to a selection by mouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// It begins here, by characters (1), words (2) or lines (3).
    Start(u8),
    /// It reaches to here.
    Extend,
}

/// A motion of the copy mode's cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyMove {
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One column left.
    Left,
    /// One column right.
    Right,
    /// A word back.
    WordLeft,
    /// A word on.
    WordRight,
    /// The start of the line.
    First,
    /// The end of the line.
    Last,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// The oldest line.
    Top,
    /// The newest line.
    Bottom,
}

struct Listener {
    requests: Requests,
    size: Arc<std::sync::Mutex<(u16, u16)>>,
}

impl EventListener for Listener {
    fn send_event(&self, event: Event) {
        let request = match event {
            Event::PtyWrite(text) => Request::Answer(text.into_bytes()),
            Event::Title(title) => Request::Title(Some(title)),
            Event::ResetTitle => Request::Title(None),
            Event::ClipboardStore(_, text) => Request::Clipboard(text),
            Event::Bell => Request::Bell,
            Event::TextAreaSizeRequest(format) => {
                let (columns, rows) = *self.size.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let size = WindowSize { num_lines: rows, num_cols: columns, cell_width: 1, cell_height: 1 };
                Request::Answer(format(size).into_bytes())
            }
            _ => return,
        };
        (self.requests)(request);
    }
}

struct Size(u16, u16);

impl Dimensions for Size {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }

    fn screen_lines(&self) -> usize {
        usize::from(self.1.max(1))
    }

    fn columns(&self) -> usize {
        usize::from(self.0.max(2))
    }
}

/// A terminal's screen with its history, selection and copy mode.
pub struct Screen {
    term: Term<Listener>,
    parser: Processor,
    /// Whether what is selected is what a search found.
    found: bool,
    size: Arc<std::sync::Mutex<(u16, u16)>>,
}

impl Screen {
    /// Makes an empty screen.
    pub fn new(columns: u16, rows: u16, requests: Requests) -> Self {
        let size = Arc::new(std::sync::Mutex::new((columns, rows)));
        let listener = Listener { requests, size: Arc::clone(&size) };
        let config = Config { scrolling_history: HISTORY, ..Config::default() };
        Self {
            term: Term::new(config, &Size(columns, rows), listener),
            parser: Processor::new(),
            found: false,
            size,
        }
    }

    /// Takes bytes that the program wrote.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.term, bytes);
    }

    /// Until when a synchronized update holds output back; see [`Screen::end_sync`].
    pub fn sync_deadline(&self) -> Option<Instant> {
        self.parser.sync_timeout().sync_timeout()
    }

    /// Ends a synchronized update whose program forgot to.
    pub fn end_sync(&mut self) {
        self.parser.stop_sync(&mut self.term);
    }

    /// Changes the size; lines are wrapped anew.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        *self.size.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = (columns, rows);
        self.term.resize(Size(columns, rows));
    }

    /// The modes that change what keys and mouse send.
    pub fn modes(&self) -> Modes {
        let mode = *self.term.mode();
        let mouse = [
            (TermMode::MOUSE_MOTION, Mouse::Motion),
            (TermMode::MOUSE_DRAG, Mouse::Drag),
            (TermMode::MOUSE_REPORT_CLICK, Mouse::Click),
        ];
        Modes {
            application_cursor: mode.contains(TermMode::APP_CURSOR),
            application_keypad: mode.contains(TermMode::APP_KEYPAD),
            bracketed_paste: mode.contains(TermMode::BRACKETED_PASTE),
            focus: mode.contains(TermMode::FOCUS_IN_OUT),
            mouse: mouse.iter().find(|(m, _)| mode.contains(*m)).map_or(Mouse::Off, |(_, value)| *value),
            sgr_mouse: mode.contains(TermMode::SGR_MOUSE),
            utf8_mouse: mode.contains(TermMode::UTF8_MOUSE),
            alternate_screen: mode.contains(TermMode::ALT_SCREEN),
            alternate_scroll: mode.contains(TermMode::ALTERNATE_SCROLL),
        }
    }

    /// How many lines the view is scrolled back, and how many there are.
    pub fn scrolled(&self) -> (usize, usize) {
        (self.term.grid().display_offset(), self.term.grid().history_size())
    }

    /// Scrolls the view.
    pub fn scroll(&mut self, by: ScrollBy) {
        let page = i32::try_from(self.term.screen_lines()).unwrap_or(1).max(2) - 1;
        self.term.scroll_display(match by {
            ScrollBy::Lines(lines) => Scroll::Delta(lines),
            ScrollBy::Pages(pages) => Scroll::Delta(pages * page),
            ScrollBy::Top => Scroll::Top,
            ScrollBy::Bottom => Scroll::Bottom,
        });
    }

    fn point(&self, column: u16, row: u16) -> Point {
        let column = usize::from(column).min(self.term.columns() - 1);
        let row = usize::from(row).min(self.term.screen_lines() - 1);
        viewport_to_point(self.term.grid().display_offset(), Point::new(row, Column(column)))
    }

    /// Selects by mouse, at a cell of the view; `right` is whether the pointer is in the cell's right half.
    pub fn select(&mut self, select: Select, column: u16, row: u16) {
        let point = self.point(column, row);
        match select {
            Select::Start(clicks) => {
                let kind = match clicks {
                    1 => SelectionType::Simple,
                    2 => SelectionType::Semantic,
                    _ => SelectionType::Lines,
                };
                self.found = false;
                self.term.selection = Some(Selection::new(kind, point, Side::Left));
                if clicks > 1 {
                    self.extend(point, Side::Right);
                }
            }
            Select::Extend => {
                let before = self.term.selection.as_ref().and_then(|s| s.to_range(&self.term));
                let backwards = before.is_some_and(|range| point < range.start);
                self.extend(point, if backwards { Side::Left } else { Side::Right });
            }
        }
    }

    fn extend(&mut self, point: Point, side: Side) {
        if let Some(selection) = self.term.selection.as_mut() {
            selection.update(point, side);
        }
    }

    /// The selected text, if there is any.
    pub fn selected(&self) -> Option<String> {
        self.term.selection_to_string().filter(|text| !text.is_empty())
    }

    /// Takes the selection away.
    pub fn deselect(&mut self) {
        self.found = false;
        self.term.selection = None;
    }

    /// Whether the copy mode is on.
    pub fn copying(&self) -> bool {
        self.term.mode().contains(TermMode::VI)
    }

    /// Switches the copy mode; leaving it goes back to where the program writes.
    pub fn set_copying(&mut self, on: bool) {
        if on != self.copying() {
            self.term.toggle_vi_mode();
        }
        if !on {
            self.found = false;
            self.term.selection = None;
            self.scroll(ScrollBy::Bottom);
        }
    }

    /// Moves the copy mode's cursor.
    pub fn copy_move(&mut self, motion: CopyMove) {
        if std::mem::take(&mut self.found) {
            self.term.selection = None;
        }
        let motion = match motion {
            CopyMove::Up => ViMotion::Up,
            CopyMove::Down => ViMotion::Down,
            CopyMove::Left => ViMotion::Left,
            CopyMove::Right => ViMotion::Right,
            CopyMove::WordLeft => ViMotion::WordLeft,
            CopyMove::WordRight => ViMotion::WordRight,
            CopyMove::First => ViMotion::First,
            CopyMove::Last => ViMotion::Last,
            CopyMove::PageUp => return self.copy_page(1),
            CopyMove::PageDown => return self.copy_page(-1),
            CopyMove::Top => return self.term.vi_goto_point(Point::new(self.term.topmost_line(), Column(0))),
            CopyMove::Bottom => {
                return self.term.vi_goto_point(Point::new(self.term.bottommost_line(), Column(0)));
            }
        };
        self.term.vi_motion(motion);
    }

    fn copy_page(&mut self, pages: i32) {
        let lines = i32::try_from(self.term.screen_lines()).unwrap_or(1).max(2) - 1;
        let cursor = self.term.vi_mode_cursor.scroll(&self.term, lines * pages);
        self.term.vi_goto_point(cursor.point);
    }

    /// Begins a selection at the copy mode's cursor, or takes it away; `lines` selects whole lines. As in vi the other
    /// kind takes a selection over, and what a search found is only shown.
    pub fn copy_mark(&mut self, lines: bool) {
        let kind = if lines { SelectionType::Lines } else { SelectionType::Simple };
        let found = std::mem::take(&mut self.found);
        let before = self.term.selection.take().filter(|_| !found);
        if let Some(mut selection) = before {
            if selection.ty != kind {
                selection.ty = kind;
                self.term.selection = Some(selection);
            }
        } else {
            let point = self.term.vi_mode_cursor.point;
            let mut selection = Selection::new(kind, point, Side::Left);
            selection.include_all();
            self.term.selection = Some(selection);
        }
    }

    /// Moves the copy mode's cursor to the next match of a literal text; `false` where there is none.
    pub fn search(&mut self, text: &str, backwards: bool) -> bool {
        let pattern = regex::escape(text);
        let pattern = if text.chars().any(char::is_uppercase) { pattern } else { format!("(?i){pattern}") };
        let Ok(mut search) = RegexSearch::new(&pattern) else { return false };
        let origin = self.term.vi_mode_cursor.point;
        let (direction, side, origin) = if backwards {
            (Direction::Left, Side::Right, origin.sub(&self.term, Boundary::None, 1))
        } else {
            (Direction::Right, Side::Left, origin.add(&self.term, Boundary::None, 1))
        };
        let found = self.term.search_next(&mut search, origin, direction, side, None);
        if let Some(range) = &found {
            self.term.vi_goto_point(*range.start());
            let mut selection = Selection::new(SelectionType::Simple, *range.start(), Side::Left);
            selection.update(*range.end(), Side::Right);
            self.term.selection = Some(selection);
            self.found = true;
        }
        found.is_some()
    }

    /// Draws the view into `area`; without `colours` only bold, underline and the like are kept.
    ///
    /// Returns where the cursor is, if it is to be seen.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, colours: bool) -> Option<Position> {
        let content = self.term.renderable_content();
        let offset = content.display_offset;
        for indexed in content.display_iter {
            let Some(point) = point_to_viewport(offset, indexed.point) else { continue };
            let (Ok(x), Ok(y)) = (u16::try_from(point.column.0), u16::try_from(point.line)) else { continue };
            if x >= area.width || y >= area.height {
                continue;
            }
            let Some(target) = buffer.cell_mut((area.x + x, area.y + y)) else { continue };
            let cell = indexed.cell;
            target.reset();
            if cell.flags.contains(Flags::WIDE_CHAR_SPACER) {
                continue;
            }
            let wide_cut = cell.flags.contains(Flags::WIDE_CHAR) && x + 1 >= area.width;
            if cell.c == '\t' || wide_cut || cell.flags.contains(Flags::HIDDEN) {
                target.set_char(' ');
            } else if let Some(marks) = cell.zerowidth() {
                target.set_symbol(&std::iter::once(cell.c).chain(marks.iter().copied()).collect::<String>());
            } else {
                target.set_char(cell.c);
            }
            let mut style = style_of(cell.fg, cell.bg, cell.flags, colours);
            if content.selection.is_some_and(|s| s.contains(indexed.point)) {
                style = toggle_reverse(style);
            }
            target.set_style(style);
        }
        let cursor = content.cursor;
        if cursor.shape == CursorShape::Hidden {
            return None;
        }
        let point = point_to_viewport(offset, cursor.point)?;
        let (x, y) = (u16::try_from(point.column.0).ok()?, u16::try_from(point.line).ok()?);
        (x < area.width && y < area.height).then(|| Position::new(area.x + x, area.y + y))
    }

    /// The text of the view's lines, trailing blanks cut; for tests and screenshots.
    pub fn lines(&self) -> Vec<String> {
        let offset = i32::try_from(self.term.grid().display_offset()).unwrap_or(0);
        let rows = i32::try_from(self.term.screen_lines()).unwrap_or(0);
        (0..rows)
            .map(|row| {
                let line = Line(row - offset);
                let row = &self.term.grid()[line];
                let text: String = (0..self.term.columns())
                    .map(|column| &row[Column(column)])
                    .filter(|cell| {
                        !cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER)
                    })
                    .flat_map(|cell| {
                        std::iter::once(cell.c).chain(cell.zerowidth().into_iter().flatten().copied())
                    })
                    .collect();
                text.replace('\t', " ").trim_end().to_owned()
            })
            .collect()
    }
}

fn toggle_reverse(style: Style) -> Style {
    if style.add_modifier.contains(Modifier::REVERSED) {
        Style { add_modifier: style.add_modifier - Modifier::REVERSED, ..style }
    } else {
        style.add_modifier(Modifier::REVERSED)
    }
}

fn style_of(fg: AnsiColor, bg: AnsiColor, flags: Flags, colours: bool) -> Style {
    const MODIFIERS: [(Flags, Modifier); 6] = [
        (Flags::BOLD, Modifier::BOLD),
        (Flags::ITALIC, Modifier::ITALIC),
        (Flags::ALL_UNDERLINES, Modifier::UNDERLINED),
        (Flags::DIM, Modifier::DIM),
        (Flags::STRIKEOUT, Modifier::CROSSED_OUT),
        (Flags::INVERSE, Modifier::REVERSED),
    ];
    let mut style = Style::default();
    for (flag, modifier) in MODIFIERS {
        if flags.intersects(flag) {
            style = style.add_modifier(modifier);
        }
    }
    if colours { style.fg(colour(fg)).bg(colour(bg)) } else { style }
}

fn colour(colour: AnsiColor) -> Color {
    match colour {
        AnsiColor::Indexed(index) => Color::Indexed(index),
        AnsiColor::Spec(rgb) => Color::Rgb(rgb.r, rgb.g, rgb.b),
        AnsiColor::Named(named) => {
            let index = named as usize;
            let dim = NamedColor::DimBlack as usize;
            match index {
                0..=15 => Color::Indexed(u8::try_from(index).unwrap_or(0)),
                _ if (dim..dim + 8).contains(&index) => {
                    Color::Indexed(u8::try_from(index - dim).unwrap_or(0))
                }
                _ => Color::Reset,
            }
        }
    }
}

#[cfg(test)]
mod tests;
