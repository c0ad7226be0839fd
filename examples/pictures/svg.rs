//! A screen as SVG: rows of text whose columns hold in any font, and lines that join.

use std::collections::HashMap;
use std::fmt::Write as _;

use cks_lab::terminal::Screen;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// The size of a cell.
pub const CELL: (f32, f32) = (8.43, 18.0);
/// What is left free around the screen.
pub const MARGIN: f32 = 12.0;

/// The colours of a terminal.
pub struct Palette {
    pub background: &'static str,
    pub foreground: &'static str,
    colours: [&'static str; 16],
}

pub const DARK: Palette = Palette {
    background: "#11151c",
    foreground: "#d5dae3",
    colours: [
        "#2a303c", "#f07178", "#a5d76e", "#ffcb6b", "#6fa8ff", "#c792ea", "#7fdbca", "#d5dae3", "#5b6474",
        "#ff8b92", "#c3f08a", "#ffe585", "#9cc4ff", "#e1acff", "#a3f7e6", "#ffffff",
    ],
};

pub const LIGHT: Palette = Palette {
    background: "#fdfdfb",
    foreground: "#24292f",
    colours: [
        "#24292f", "#b3261e", "#2a7a2a", "#8a6100", "#1f5fbf", "#7b3fa0", "#0f766e", "#6b7280", "#57606a",
        "#d1382f", "#3a9a3a", "#a87800", "#3b7de0", "#9a5cc4", "#15918a", "#3f454d",
    ],
};

/// Draws rows, and remembers what styles they have.
pub struct Pen<'a> {
    palette: &'a Palette,
    styles: HashMap<(String, u16), usize>,
}

impl<'a> Pen<'a> {
    pub fn new(palette: &'a Palette) -> Self {
        Self { palette, styles: HashMap::new() }
    }

    /// Each row of a screen, drawn at the origin.
    pub fn rows(&mut self, screen: &Screen, columns: u16, rows: u16) -> Vec<String> {
        let area = Rect::new(0, 0, columns, rows);
        let mut buffer = Buffer::empty(area);
        screen.draw(&mut buffer, area, true);
        (0..rows).map(|y| self.row(&buffer, y, columns)).collect()
    }

    fn row(&mut self, buffer: &Buffer, y: u16, columns: u16) -> String {
        let (mut back, mut text) = (String::new(), String::new());
        let mut ground: Option<(u16, u16, String)> = None;
        let mut x = 0;
        while x < columns {
            let Some(first) = buffer.cell((x, y)) else { break };
            let start = x;
            let mut run = String::new();
            // Cells of one style are one text, whose length is given, so that any font keeps the columns.
            while let Some(cell) = buffer.cell((x, y)).filter(|_| x < columns) {
                let same = (cell.fg, cell.bg, cell.modifier) == (first.fg, first.bg, first.modifier);
                let alike = is_line(cell.symbol()) == is_line(first.symbol());
                if !same || !alike {
                    break;
                }
                run.push_str(cell.symbol());
                x += u16::try_from(cell.symbol().width().max(1)).unwrap_or(1);
            }
            let (fg, bg) = self.colours(first);
            if bg != self.palette.background {
                // Cells beside each other with one background are one rectangle.
                match &mut ground {
                    Some((_, end, colour)) if *end == start && *colour == bg => *end = x,
                    _ => {
                        rectangle(&mut back, ground.take());
                        ground = Some((start, x, bg));
                    }
                }
            }
            self.run(&mut text, &run, start, fg, first.modifier);
        }
        rectangle(&mut back, ground);
        back + &text
    }

    /// Draws cells of one style; what several blanks part is placed by itself, so that no font moves it far.
    fn run(&mut self, out: &mut String, run: &str, start: u16, fg: String, modifier: Modifier) {
        let mut column = usize::from(start);
        for word in run.split_inclusive("  ") {
            let bare = word.trim_start();
            let left = (column + word.len() - bare.len()) as f32 * CELL.0;
            column += word.width();
            let bare = bare.trim_end();
            if bare.is_empty() {
                continue;
            }
            let class = self.class(&fg, modifier);
            if bare.chars().next().is_some_and(|first| arms(first).is_some()) {
                let _ = write!(out, r#"<path class="{class}" d="{}"/>"#, lines(bare, left));
                continue;
            }
            let length = bare.width() as f32 * CELL.0;
            let escaped = bare.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let _ = write!(
                out,
                r#"<text class="{class}" x="{left:.1}" y="13.5" textLength="{length:.1}">{escaped}</text>"#
            );
        }
    }

    fn class(&mut self, fg: &str, modifier: Modifier) -> String {
        let next = self.styles.len();
        format!("s{}", self.styles.entry((fg.to_owned(), modifier.bits())).or_insert(next))
    }

    fn colours(&self, cell: &Cell) -> (String, String) {
        let pair =
            (self.colour(cell.fg, self.palette.foreground), self.colour(cell.bg, self.palette.background));
        if cell.modifier.contains(Modifier::REVERSED) { (pair.1, pair.0) } else { pair }
    }

    fn colour(&self, colour: Color, default: &str) -> String {
        match colour {
            Color::Indexed(index @ 0..=15) => self.palette.colours[usize::from(index)].to_owned(),
            Color::Indexed(index @ 16..=231) => {
                let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
                let n = index - 16;
                format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
            }
            Color::Indexed(index) => {
                let level = 8 + 10 * (index - 232);
                format!("#{level:02x}{level:02x}{level:02x}")
            }
            Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
            _ => default.to_owned(),
        }
    }

    /// The whole document around what was drawn.
    pub fn document(&self, columns: u16, rows: u16, css: &str, body: &str) -> String {
        let (width, height) =
            (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
        let mut styles: Vec<_> = self.styles.iter().collect();
        styles.sort_by_key(|(_, number)| **number);
        let mut sheet = String::new();
        for ((fg, bits), number) in styles {
            let modifier = Modifier::from_bits_truncate(*bits);
            let _ = write!(sheet, ".s{number}{{fill:{fg}");
            for (flag, rule) in [
                (Modifier::BOLD, ";font-weight:bold"),
                (Modifier::ITALIC, ";font-style:italic"),
                (Modifier::UNDERLINED, ";text-decoration:underline"),
                (Modifier::DIM, ";opacity:.65"),
            ] {
                if modifier.contains(flag) {
                    sheet.push_str(rule);
                }
            }
            sheet.push_str("}\n");
        }
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {width:.0} {height:.0}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Noto Sans Mono CJK JP', 'Hiragino Sans', 'MS Gothic', 'VL Gothic', monospace" font-size="14" xml:space="preserve">
<style>
{sheet}{css}</style>
<rect width="100%" height="100%" rx="8" fill="{}"/>
{body}</svg>
"#,
            self.palette.background
        )
    }
}

/// A picture that does not move.
pub fn still(screen: &Screen, columns: u16, rows: u16, palette: &Palette) -> String {
    let mut pen = Pen::new(palette);
    let mut body = String::new();
    for (y, row) in pen.rows(screen, columns, rows).iter().enumerate().filter(|(_, row)| !row.is_empty()) {
        let top = MARGIN + y as f32 * CELL.1;
        let _ = writeln!(body, r#"<g transform="translate({MARGIN},{top})">{row}</g>"#);
    }
    pen.document(columns, rows, "", &body)
}

fn rectangle(out: &mut String, ground: Option<(u16, u16, String)>) {
    if let Some((start, end, colour)) = ground {
        let (left, width) = (f32::from(start) * CELL.0, f32::from(end - start) * CELL.0);
        let _ = write!(out, r#"<rect x="{left:.1}" width="{width:.1}" height="18" fill="{colour}"/>"#);
    }
}

fn is_line(symbol: &str) -> bool {
    symbol.chars().all(|symbol| arms(symbol).is_some())
}

/// Where the arms of a line's character go: left, right, up, down.
fn arms(symbol: char) -> Option<[bool; 4]> {
    let directions = match symbol {
        '─' => "lr",
        '│' => "ud",
        '┌' | '╭' => "rd",
        '┐' | '╮' => "ld",
        '└' | '╰' => "ru",
        '┘' | '╯' => "lu",
        '├' => "rud",
        '┤' => "lud",
        '┬' => "lrd",
        '┴' => "lru",
        '┼' => "lrud",
        _ => return None,
    };
    Some(['l', 'r', 'u', 'd'].map(|arm| directions.contains(arm)))
}

/// The lines of a run, drawn so that they meet those of the cells around.
fn lines(run: &str, left: f32) -> String {
    let mut path = String::new();
    let mut bar: Option<(f32, f32)> = None;
    for (index, symbol) in run.chars().enumerate() {
        let x = left + index as f32 * CELL.0;
        let middle = x + CELL.0 / 2.0;
        let Some([l, r, u, d]) = arms(symbol) else { continue };
        let from = if l { x } else { middle - 0.5 };
        let to = if r { x + CELL.0 } else { middle + 0.5 };
        if l || r {
            bar = match bar {
                Some((start, end)) if (end - from).abs() < 0.1 => Some((start, to)),
                other => {
                    horizontal(&mut path, other);
                    Some((from, to))
                }
            };
        }
        if u || d {
            let (top, bottom) = (if u { 0.0 } else { 8.5 }, if d { 18.0 } else { 9.5 });
            let _ = write!(path, "M{:.1} {top}h1v{}h-1z", middle - 0.5, bottom - top);
        }
    }
    horizontal(&mut path, bar);
    path
}

fn horizontal(path: &mut String, bar: Option<(f32, f32)>) {
    if let Some((start, end)) = bar {
        let _ = write!(path, "M{start:.1} 8.5h{:.1}v1h-{:.1}z", end - start, end - start);
    }
}
