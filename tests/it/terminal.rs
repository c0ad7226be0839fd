//! The terminal emulation against a reference: recordings of full-screen programs, whose last picture tmux was asked for, too
//! (`hack/record-terminal.py`), and cases of single sequences.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cks_lab::terminal::Screen;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthChar;

mod cases;

const SIZE: (u16, u16) = (80, 24);

fn area() -> Rect {
    Rect::new(0, 0, SIZE.0, SIZE.1)
}

/// What a cell shows; of a blank one the colour of its text does not count.
fn seen(cell: &Cell) -> (String, Option<Color>, Color, Modifier) {
    let marks = Modifier::UNDERLINED | Modifier::CROSSED_OUT | Modifier::REVERSED;
    let blank = cell.symbol() == " " && !cell.modifier.intersects(marks);
    let modifier = if blank { cell.modifier & marks } else { cell.modifier };
    (cell.symbol().to_owned(), (!blank).then_some(cell.fg), cell.bg, modifier)
}

fn ours(raw: &[u8], piece: usize) -> (Buffer, Option<Position>) {
    let mut screen = Screen::new(SIZE.0, SIZE.1, Arc::new(|_| {}));
    for piece in raw.chunks(piece) {
        screen.feed(piece);
    }
    let mut buffer = Buffer::empty(area());
    let cursor = screen.draw(&mut buffer, area(), true);
    (buffer, cursor)
}

/// Reads what `tmux capture-pane -e` printed: text, colours and attributes (SGR), line drawing between SO and SI; how long its rows
/// are, and where the cursor is. Cells that an erase coloured at the end of a row are not printed.
fn reference(text: &str) -> (Buffer, Vec<u16>, Position) {
    let (cursor, picture) = text.split_once('\n').unwrap();
    let (x, y) = cursor.split_once(' ').unwrap();
    let cursor = Position::new(x.parse().unwrap(), y.parse().unwrap());
    let mut buffer = Buffer::empty(area());
    let mut style = Style::default();
    let mut drawing = false;
    let mut lengths = vec![0; usize::from(SIZE.1)];
    for (row, line) in picture.lines().enumerate() {
        let mut column = 0u16;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some((parameters, after)) = rest.strip_prefix("\x1b[").and_then(|r| r.split_once('m')) {
                sgr(parameters, &mut style);
                rest = after;
                continue;
            }
            rest = &rest[c.len_utf8()..];
            match c {
                '\x0e' => drawing = true,
                '\x0f' => drawing = false,
                _ => {
                    let c = if drawing { line_drawing(c) } else { c };
                    let wide = u16::try_from(c.width().unwrap_or(0)).unwrap();
                    if wide == 0 {
                        continue;
                    }
                    let cell = buffer.cell_mut((column, u16::try_from(row).unwrap())).unwrap();
                    cell.set_char(c).set_style(style);
                    column += wide;
                }
            }
        }
        lengths[row] = column;
    }
    (buffer, lengths, cursor)
}

fn line_drawing(c: char) -> char {
    match c {
        'j' => '┘',
        'k' => '┐',
        'l' => '┌',
        'm' => '└',
        'n' => '┼',
        'q' => '─',
        't' => '├',
        'u' => '┤',
        'v' => '┴',
        'w' => '┬',
        'x' => '│',
        'a' => '▒',
        '~' => '·',
        '`' => '◆',
        c => c,
    }
}

fn sgr(parameters: &str, style: &mut Style) {
    let mut numbers = parameters.split(';').map(|n| n.split(':').next().unwrap().parse::<u8>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        let add = |style: Style, modifier| Style { add_modifier: style.add_modifier | modifier, ..style };
        let drop = |style: Style, modifier| Style { add_modifier: style.add_modifier - modifier, ..style };
        *style = match number {
            0 => Style::default(),
            1 => add(*style, Modifier::BOLD),
            2 => add(*style, Modifier::DIM),
            3 => add(*style, Modifier::ITALIC),
            4 => add(*style, Modifier::UNDERLINED),
            7 => add(*style, Modifier::REVERSED),
            9 => add(*style, Modifier::CROSSED_OUT),
            22 => drop(*style, Modifier::BOLD | Modifier::DIM),
            23 => drop(*style, Modifier::ITALIC),
            24 => drop(*style, Modifier::UNDERLINED),
            27 => drop(*style, Modifier::REVERSED),
            29 => drop(*style, Modifier::CROSSED_OUT),
            30..=37 => style.fg(Color::Indexed(number - 30)),
            39 => style.fg(Color::Reset),
            40..=47 => style.bg(Color::Indexed(number - 40)),
            49 => style.bg(Color::Reset),
            90..=97 => style.fg(Color::Indexed(number - 82)),
            100..=107 => style.bg(Color::Indexed(number - 92)),
            38 | 48 => {
                let colour = match numbers.next() {
                    Some(5) => Color::Indexed(numbers.next().unwrap()),
                    Some(2) => {
                        let mut next = || numbers.next().unwrap();
                        Color::Rgb(next(), next(), next())
                    }
                    other => panic!("colour {other:?}"),
                };
                if number == 38 { style.fg(colour) } else { style.bg(colour) }
            }
            other => panic!("SGR {other} is not known here"),
        };
    }
}

fn recordings() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminal");
    let mut found: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "raw"))
        .collect();
    found.sort();
    found
}

fn row(buffer: &Buffer, y: u16) -> String {
    (0..SIZE.0).map(|x| buffer.cell((x, y)).unwrap().symbol().to_owned()).collect()
}

#[test]
fn full_screen_programs_look_as_in_the_reference_cell_by_cell() {
    let recordings = recordings();
    assert!(recordings.len() >= 5, "{recordings:?}");
    for path in recordings {
        let raw = std::fs::read(&path).unwrap();
        let expected = std::fs::read_to_string(path.with_extension("expected")).unwrap();
        let (expected, lengths, at) = reference(&expected);
        for piece in [raw.len(), 1, 7] {
            let (drawn, cursor) = ours(&raw, piece);
            let mut wrong = Vec::new();
            for y in 0..SIZE.1 {
                for x in 0..SIZE.0 {
                    let (a, b) = (seen(drawn.cell((x, y)).unwrap()), seen(expected.cell((x, y)).unwrap()));
                    let printed = x < lengths[usize::from(y)];
                    if a != b && (printed || a.0 != b.0) {
                        wrong.push(format!("{x},{y}: {a:?}, in the reference {b:?}"));
                    }
                }
            }
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let rows: Vec<String> = (0..SIZE.1).map(|y| row(&drawn, y)).collect();
            assert!(wrong.is_empty(), "{name}: {:#?}\n{}", &wrong[..wrong.len().min(20)], rows.join("\n"));
            // A program may hide its cursor; tmux tells where it is all the same.
            assert!(
                cursor.is_none_or(|cursor| cursor == at),
                "{name}: the cursor is at {cursor:?}, not {at:?}"
            );
        }
    }
}
