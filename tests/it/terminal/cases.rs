//! Single sequences, one behaviour each, as the public terminal test suites look at them (vttest, esctest), on a screen of ten columns
//! and five rows. Behaviour: ECMA-48, DEC STD 070, "XTerm Control Sequences".

use std::sync::{Arc, Mutex};

use cks_lab::terminal::Screen;
use cks_lab::terminal::screen::Request;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier};

const AREA: Rect = Rect { x: 0, y: 0, width: 10, height: 5 };

/// A name, what is written, the rows then (the empty ones at the end left out), and the cursor's column and row from 0.
type Case = (&'static str, &'static str, &'static [&'static str], (u16, u16));

/// Three full rows, so that something is there to be changed.
const FULL: &str = "\x1b[H1111111111\x1b[2H2222222222\x1b[3H3333333333\x1b[4H4444444444\x1b[5H5555555555";

const CASES: &[Case] = &[
    ("CUP counts from one", "\x1b[3;4HX", &["", "", "   X"], (4, 2)),
    ("CUP without numbers is home", "abc\x1b[HX", &["Xbc"], (1, 0)),
    ("CUP stops at the corner", "\x1b[99;99HX", &["", "", "", "", "         X"], (9, 4)),
    ("HVP is CUP", "\x1b[2;2fX", &["", " X"], (2, 1)),
    (
        "CUU, CUD, CUF, CUB move",
        "\x1b[3;3H\x1b[AX\x1b[2BY\x1b[2CZ\x1b[4DW",
        &["", "  X", "", "   W  Z"],
        (4, 3),
    ),
    ("CUU stops at the top", "\x1b[9AX", &["X"], (1, 0)),
    ("CUF stops at the right edge", "\x1b[99CX", &["         X"], (9, 0)),
    ("CNL and CPL go to the first column", "abc\x1b[2EX\x1b[FY", &["abc", "Y", "X"], (1, 1)),
    ("CHA and HPA set the column", "abc\x1b[6GX\x1b[2`Y", &["aYc  X"], (2, 0)),
    ("VPA sets the row", "abc\x1b[3dX", &["abc", "", "   X"], (4, 2)),
    ("a full row waits with wrapping", "1234567890", &["1234567890"], (9, 0)),
    ("the next character wraps", "1234567890A", &["1234567890", "A"], (1, 1)),
    ("CR takes the waiting wrap back", "1234567890\rA", &["A234567890"], (1, 0)),
    ("BS leaves the waiting wrap, too", "1234567890\x08A", &["12345678A0"], (9, 0)),
    ("without DECAWM the last cell is written again", "\x1b[?7l1234567890AB", &["123456789B"], (9, 0)),
    ("BS stops at the first column", "\x08\x08X", &["X"], (1, 0)),
    ("LF keeps the column", "ab\nc", &["ab", "  c"], (3, 1)),
    ("NEL goes to the next row's start", "ab\x1bEc", &["ab", "c"], (1, 1)),
    ("IND at the bottom scrolls", "a\x1b[5Hb\x1bDc", &["", "", "", "b", " c"], (2, 4)),
    ("RI at the top scrolls back", "a\x1b[H\x1bMb", &["b", "a"], (1, 0)),
    ("ED 0 erases what follows", "{full}\x1b[3;4H\x1b[J", &["1111111111", "2222222222", "333"], (3, 2)),
    (
        "ED 1 erases what is before",
        "{full}\x1b[3;4H\x1b[1J",
        &["", "", "    333333", "4444444444", "5555555555"],
        (3, 2),
    ),
    ("ED 2 leaves the cursor", "{full}\x1b[3;4H\x1b[2J", &[], (3, 2)),
    ("EL 0 erases to the right", "{full}\x1b[2;4H\x1b[K\x1b[3;1H\x1b[J", &["1111111111", "222"], (0, 2)),
    ("EL 1 erases to the left, the cursor's cell included", "abcdef\x1b[1;3H\x1b[1K", &["   def"], (2, 0)),
    ("EL 2 erases the row", "abcdef\x1b[1;3H\x1b[2KX", &["  X"], (3, 0)),
    ("ECH erases without moving", "abcdef\x1b[1;2H\x1b[3X", &["a   ef"], (1, 0)),
    ("ICH pushes to the right", "abcdef\x1b[1;2H\x1b[2@X", &["aX bcdef"], (2, 0)),
    ("ICH lets the end fall off", "1234567890\x1b[1;9H\x1b[5@", &["12345678"], (8, 0)),
    ("DCH pulls from the right", "abcdef\x1b[1;2H\x1b[2P", &["adef"], (1, 0)),
    (
        "IL pushes rows down",
        "{full}\x1b[2;1H\x1b[2L",
        &["1111111111", "", "", "2222222222", "3333333333"],
        (0, 1),
    ),
    ("DL pulls rows up", "{full}\x1b[2;1H\x1b[3M", &["1111111111", "5555555555"], (0, 1)),
    ("SU scrolls up", "{full}\x1b[2S", &["3333333333", "4444444444", "5555555555"], (9, 4)),
    ("SD scrolls down", "{full}\x1b[2T", &["", "", "1111111111", "2222222222", "3333333333"], (9, 4)),
    (
        "DECSTBM homes the cursor and limits scrolling",
        "{full}\x1b[2;4r\x1b[4;1H\nX",
        &["1111111111", "3333333333", "4444444444", "X", "5555555555"],
        (1, 3),
    ),
    (
        "IL stays within the margins",
        "{full}\x1b[2;4r\x1b[3;1H\x1b[L",
        &["1111111111", "2222222222", "", "3333333333", "5555555555"],
        (0, 2),
    ),
    (
        "outside the margins LF does not scroll",
        "{full}\x1b[1;2r\x1b[5;1H\nX",
        &["1111111111", "2222222222", "3333333333", "4444444444", "X555555555"],
        (1, 4),
    ),
    (
        "RI scrolls within the margins",
        "{full}\x1b[2;3r\x1b[2;1H\x1bMX",
        &["1111111111", "X", "2222222222", "4444444444", "5555555555"],
        (1, 1),
    ),
    ("DECOM counts from the margin", "\x1b[2;4r\x1b[?6h\x1b[1;1HX\x1b[99;1HY", &["", "X", "", "Y"], (1, 3)),
    ("DECSC and DECRC keep the place", "ab\x1b7\x1b[4;4Hc\x1b8X", &["abX", "", "", "   c"], (3, 0)),
    ("SCOSC and SCORC, too", "ab\x1b[s\x1b[4;4Hc\x1b[uX", &["abX", "", "", "   c"], (3, 0)),
    ("tabs stop every eight columns", "a\tX", &["a       X"], (9, 0)),
    ("HTS sets a stop", "\x1b[1;4H\x1bH\r\tX", &["   X"], (4, 0)),
    ("TBC takes all stops away", "\x1b[3g\r\tX", &["         X"], (9, 0)),
    ("CBT goes back a stop", "\x1b[1;10H\x1b[ZX", &["        X"], (9, 0)),
    ("CHT goes on a stop", "\x1b[IX", &["        X"], (9, 0)),
    ("IRM inserts", "abc\x1b[1;2H\x1b[4hXY\x1b[4lZ", &["aXYZc"], (4, 0)),
    ("REP repeats the last character", "a\x1b[3bX", &["aaaaX"], (5, 0)),
    ("DECALN fills with E", "\x1b#8", &["EEEEEEEEEE"; 5], (0, 0)),
    ("the DEC graphics set draws lines", "\x1b(0lqk\x1b(Bq", &["┌─┐q"], (4, 0)),
    ("SO and SI switch sets", "\x1b)0q\x0eq\x0fq", &["q─q"], (3, 0)),
    ("1049 keeps the main screen and its cursor", "main\x1b[?1049h\x1b[Halt\x1b[?1049lX", &["mainX"], (5, 0)),
    ("1049 begins with an empty screen", "main\x1b[?1049h\x1b[2;2Halt", &["", " alt"], (4, 1)),
    ("RIS begins anew", "ab\x1b[2;4r\x1b[4h\x1bcX", &["X"], (1, 0)),
    ("titles are not printed", "\x1b]0;title\x07a\x1b]2;other\x1b\\b", &["ab"], (2, 0)),
    ("DCS strings are not printed", "a\x1bP1;2qjunk\x1b\\b", &["ab"], (2, 0)),
    (
        "APC, PM and SOS strings are not printed",
        "a\x1b_junk\x1b\\b\x1b^junk\x1b\\c\x1bXjunk\x1b\\d",
        &["abcd"],
        (4, 0),
    ),
    ("CAN ends a sequence", "a\x1b[3\x18Xb", &["aXb"], (3, 0)),
    ("a control character within a sequence counts", "ab\x1b[2\r;3HX", &["ab", "  X"], (3, 1)),
    ("unknown sequences do nothing", "a\x1b[?9999h\x1b[5;5;5y\x1b[>77qb", &["ab"], (2, 0)),
    (
        "a sequence with very many numbers does no harm",
        "a\x1b[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1mb",
        &["ab"],
        (2, 0),
    ),
    ("wide characters take two cells", "あb", &["あb"], (3, 0)),
    ("a wide character does not begin in the last cell", "123456789あ", &["123456789", "あ"], (2, 1)),
    ("half of a wide character cannot stay", "あい\x1b[1;2HX", &[" Xい"], (2, 0)),
    ("combining marks join what is before", "e\u{301}x", &["e\u{301}x"], (2, 0)),
];

struct Seen {
    rows: Vec<String>,
    buffer: Buffer,
    cursor: Option<Position>,
    answers: String,
}

fn write(bytes: &[u8]) -> Seen {
    let answers = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&answers);
    let requests = Arc::new(move |request| {
        if let Request::Answer(bytes) = request {
            told.lock().unwrap().extend(bytes);
        }
    });
    let mut screen = Screen::new(AREA.width, AREA.height, requests);
    screen.feed(bytes);
    let mut buffer = Buffer::empty(AREA);
    let cursor = screen.draw(&mut buffer, AREA, true);
    let mut rows = screen.lines();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    let answers = String::from_utf8_lossy(&answers.lock().unwrap()).replace('\x1b', "^[");
    Seen { rows, buffer, cursor, answers }
}

#[test]
fn sequences_do_what_the_standards_say() {
    let mut wrong = Vec::new();
    for (name, input, rows, cursor) in CASES {
        let seen = write(input.replace("{full}", FULL).as_bytes());
        let mut expected: Vec<&str> = rows.to_vec();
        while expected.last().is_some_and(|row| row.is_empty()) {
            expected.pop();
        }
        let cursor = Some(Position::new(cursor.0, cursor.1));
        if seen.rows != expected || seen.cursor != cursor {
            wrong.push(format!("{name}: {:?} {:?}, not {expected:?} {cursor:?}", seen.rows, seen.cursor));
        }
    }
    assert!(CASES.len() >= 60 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn questions_are_answered() {
    for (name, input, answer) in [
        ("DSR 5: all is well", "\x1b[5n", "^[[0n"),
        ("DSR 6: where the cursor is", "\x1b[3;4H\x1b[6n", "^[[3;4R"),
        ("DA1: a VT102 or better", "\x1b[c", "^[[?6c"),
        ("XTWINOPS 18: the size", "\x1b[18t", "^[[8;5;10t"),
        ("DECRQM: bracketed paste is off", "\x1b[?2004$p", "^[[?2004;2$y"),
        ("DECRQM: and on", "\x1b[?2004h\x1b[?2004$p", "^[[?2004;1$y"),
        ("DECRQM: a mode that nobody knows", "\x1b[?9999$p", "^[[?9999;0$y"),
    ] {
        assert_eq!(write(input.as_bytes()).answers, answer, "{name}");
    }
}

#[test]
fn attributes_and_colours_are_kept() {
    let at = |input: &str, x, y| {
        let seen = write(input.as_bytes());
        let cell = seen.buffer.cell((x, y)).unwrap();
        (cell.fg, cell.bg, cell.modifier)
    };
    let (none, red) = (Color::Reset, Color::Indexed(1));
    for (name, input, expected) in [
        ("SGR 31", "\x1b[31mX", (red, none, Modifier::empty())),
        ("SGR 91 is the bright one", "\x1b[91mX", (Color::Indexed(9), none, Modifier::empty())),
        ("SGR 38;5", "\x1b[38;5;208mX", (Color::Indexed(208), none, Modifier::empty())),
        ("SGR 38;2", "\x1b[38;2;1;2;3mX", (Color::Rgb(1, 2, 3), none, Modifier::empty())),
        ("SGR 48:2:: with colons", "\x1b[48:2::1:2:3mX", (none, Color::Rgb(1, 2, 3), Modifier::empty())),
        (
            "SGR 1;3;4;7;9",
            "\x1b[1;3;4;7;9mX",
            (
                none,
                none,
                Modifier::BOLD
                    | Modifier::ITALIC
                    | Modifier::UNDERLINED
                    | Modifier::REVERSED
                    | Modifier::CROSSED_OUT,
            ),
        ),
        ("SGR 4:3, a curly line", "\x1b[4:3mX", (none, none, Modifier::UNDERLINED)),
        ("SGR 22;24 take away", "\x1b[1;4;31m\x1b[22;24mX", (red, none, Modifier::empty())),
        ("SGR 39;49 give the defaults", "\x1b[31;41m\x1b[39;49mX", (none, none, Modifier::empty())),
        ("SGR without numbers resets", "\x1b[1;31m\x1b[mX", (none, none, Modifier::empty())),
        ("DECSC keeps colours", "\x1b[31m\x1b7\x1b[m\x1b8X", (red, none, Modifier::empty())),
    ] {
        assert_eq!(at(input, 0, 0), expected, "{name}");
    }
    assert_eq!(at("\x1b[41m\x1b[K", 5, 0).1, red, "erasing leaves the background's colour");
    assert_eq!(at("\x1b[41m\x1b[2J", 9, 4).1, red, "of the whole screen, too");
    assert_eq!(at("\x1b[5H\x1b[41m\n", 3, 4).1, red, "and a row that is scrolled in has it");
}

#[test]
fn the_cursor_is_hidden_and_shown() {
    assert_eq!(write(b"\x1b[?25l").cursor, None);
    assert_eq!(write(b"\x1b[?25l\x1b[?25h").cursor, Some(Position::new(0, 0)));
}

#[test]
fn no_bytes_break_it() {
    assert_eq!(write(b"a\xffb").rows, ["a\u{fffd}b"], "bad UTF-8 is shown as one sign");
    // Every byte after every opening of a sequence, and all of them cut off in the middle.
    for opening in
        [&b""[..], b"\x1b", b"\x1b[", b"\x1b[?", b"\x1b[1;2", b"\x1b]", b"\x1bP", b"\x1b(", b"\xe3\x81"]
    {
        for byte in 0..=255u8 {
            let mut bytes = b"ab".to_vec();
            bytes.extend_from_slice(opening);
            bytes.push(byte);
            // Some of them choose another set of characters.
            bytes.extend_from_slice(b"\x1b\\\x0f\x1b(B\x1b[2Hok");
            assert!(write(&bytes).rows.iter().any(|row| row.contains("ok")), "{opening:?} {byte}");
        }
    }
}
