#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::sync::Mutex;

use super::*;

fn screen(columns: u16, rows: u16) -> (Screen, Arc<Mutex<Vec<Request>>>) {
    let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
    let told = Arc::clone(&seen);
    (Screen::new(columns, rows, Arc::new(move |request| told.lock().unwrap().push(request))), seen)
}

fn fed(bytes: &str) -> Screen {
    let (mut screen, _) = screen(20, 4);
    screen.feed(bytes.as_bytes());
    screen
}

fn text(screen: &Screen) -> String {
    screen.lines().join("|").trim_end_matches('|').to_owned()
}

#[test]
fn sequences_do_what_they_do_in_a_terminal() {
    let table = [
        ("plain", "one\r\ntwo", "one|two"),
        ("wrap", "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrst|uvwxyz"),
        ("no wrap", "\x1b[?7labcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrsz"),
        ("carriage return", "hello\rJ", "Jello"),
        ("backspace", "abc\x08\x08X", "aXc"),
        ("tab", "a\tb", "a       b"),
        ("cursor up", "a\r\nb\x1b[AX", "aX|b"),
        ("cursor down", "a\x1b[BX", "a| X"),
        ("cursor forward", "a\x1b[3CX", "a   X"),
        ("cursor back", "abc\x1b[2DX", "aXc"),
        ("cursor position", "\x1b[2;5HX", "|    X"),
        ("column", "abc\x1b[2GX", "aXc"),
        ("row", "\x1b[3dX", "||X"),
        ("erase to the end of the line", "abcdef\x1b[3G\x1b[K", "ab"),
        ("erase to its start", "abcdef\x1b[3G\x1b[1K", "   def"),
        ("erase the line", "abc\x1b[2K", ""),
        ("erase below", "one\r\ntwo\r\nthree\x1b[2;2H\x1b[J", "one|t"),
        ("erase all", "one\r\ntwo\x1b[2J", ""),
        ("erase characters", "abcdef\x1b[2G\x1b[3X", "a   ef"),
        ("delete characters", "abcdef\x1b[2G\x1b[2P", "adef"),
        ("insert characters", "abc\x1b[2G\x1b[2@", "a  bc"),
        ("insert mode", "abc\x1b[2G\x1b[4hXY", "aXYbc"),
        ("insert lines", "one\r\ntwo\x1b[1;1H\x1b[L", "|one|two"),
        ("delete lines", "one\r\ntwo\r\nthree\x1b[1;1H\x1b[M", "two|three"),
        ("scroll region", "1\r\n2\r\n3\r\n4\x1b[2;3r\x1b[3;1H\n", "1|3||4"),
        ("reverse index", "one\x1b[1;1H\x1bM", "|one"),
        ("scroll up", "1\r\n2\r\n3\x1b[S", "2|3"),
        ("scroll down", "1\r\n2\x1b[T", "|1|2"),
        ("save and restore", "ab\x1b7\x1b[3;3Hx\x1b8c", "abc||  x"),
        ("repeat", "a\x1b[3b", "aaaa"),
        ("line drawing", "\x1b(0qx\x1b(B", "─│"),
        ("alternate screen", "main\x1b[?1049hother", "    other"),
        ("and back", "main\x1b[?1049hother\x1b[?1049l", "main"),
        ("origin", "\x1b[2;3r\x1b[?6h\x1b[1;1HX", "|X"),
        ("reset", "abc\x1bc", ""),
        ("alignment", "\x1b#8\x1b[2;1H\x1b[J", "EEEEEEEEEEEEEEEEEEEE"),
        ("title is not text", "\x1b]2;name\x07ok", "ok"),
        ("unknown is not text", "\x1b[>99;1qok\x1bP+q544e\x1b\\", "ok"),
        ("wide", "日本語x\x1b[3G本", "日本語x"),
        ("combining", "e\u{301}x", "e\u{301}x"),
        ("invalid UTF-8 shows", "a\u{fffd}b", "a\u{fffd}b"),
    ];
    let wrong: Vec<_> = table
        .iter()
        .map(|(name, bytes, expected)| (name, text(&fed(bytes)), *expected))
        .filter(|(_, seen, expected)| seen != expected)
        .collect();
    assert_eq!(wrong, []);
}

#[test]
fn questions_are_answered() {
    let (mut screen, seen) = screen(20, 4);
    screen.feed(b"ab\x1b[6n\x1b[5n\x1b[c\x1b[18t\x1b]2;vim\x07\x1b]52;c;aGk=\x07\x07");
    let mut seen = seen.lock().unwrap().clone();
    let answer = |text: &str| Request::Answer(text.as_bytes().to_vec());
    assert_eq!(seen.remove(0), answer("\x1b[1;3R"));
    assert_eq!(seen.remove(0), answer("\x1b[0n"));
    assert!(matches!(seen.remove(0), Request::Answer(text) if text.starts_with(b"\x1b[?")));
    assert_eq!(seen.remove(0), answer("\x1b[8;4;20t"));
    assert_eq!(seen, [Request::Title(Some("vim".into())), Request::Clipboard("hi".into()), Request::Bell]);
}

#[test]
fn modes_are_told() {
    let mut screen = fed("\x1b[?1h\x1b=\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?1004h");
    let modes = screen.modes();
    assert!(modes.application_cursor && modes.application_keypad && modes.bracketed_paste && modes.focus);
    assert_eq!((modes.mouse, modes.sgr_mouse, modes.alternate_screen), (Mouse::Drag, true, false));
    screen.feed(b"\x1b[?1h\x1b[?1l\x1b>\x1b[?2004l\x1b[?1002l\x1b[?1006l\x1b[?1004l\x1b[?1049h");
    let expected = Modes { alternate_screen: true, alternate_scroll: true, ..Modes::default() };
    assert_eq!(screen.modes(), expected);
}

#[test]
fn styles_and_selection_are_drawn() {
    let mut screen = fed("\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mrgb\x1b[0m \x1b[7minv");
    screen.select(Select::Start(1), 0, 0);
    screen.select(Select::Extend, 1, 0);
    let area = Rect::new(0, 0, 20, 4);
    let mut buffer = Buffer::empty(area);
    screen.draw(&mut buffer, area, true);
    let cell = |x: u16| buffer.cell((x, 0)).unwrap().clone();
    assert_eq!((cell(0).fg, cell(0).modifier), (Color::Indexed(1), Modifier::BOLD | Modifier::REVERSED));
    assert_eq!(cell(2).modifier, Modifier::BOLD);
    assert_eq!(cell(4).fg, Color::Rgb(1, 2, 3));
    assert_eq!(cell(8).modifier, Modifier::REVERSED);
}

#[test]
fn wide_characters_take_two_cells_and_are_not_cut() {
    let screen = fed("日本語");
    let area = Rect::new(0, 0, 5, 1);
    let mut buffer = Buffer::empty(area);
    screen.draw(&mut buffer, area, true);
    let row: Vec<&str> = (0..5).map(|x| buffer.cell((x, 0)).unwrap().symbol()).collect();
    assert_eq!(row, ["日", " ", "本", " ", " "]);
}

#[test]
fn text_is_selected_by_characters_words_and_lines() {
    let mut screen = fed("kubectl get nodes\r\nnode01 Ready");
    let mut select = |clicks, from: (u16, u16), to: Option<(u16, u16)>| {
        screen.select(Select::Start(clicks), from.0, from.1);
        if let Some((x, y)) = to {
            screen.select(Select::Extend, x, y);
        }
        screen.selected()
    };
    assert_eq!(select(1, (3, 0), None), None, "a click selects nothing");
    assert_eq!(select(1, (8, 0), Some((10, 0))).as_deref(), Some("get"));
    assert_eq!(select(1, (12, 0), Some((5, 1))).as_deref(), Some("nodes\nnode01"));
    assert_eq!(select(2, (9, 0), None).as_deref(), Some("get"));
    assert_eq!(select(3, (9, 1), None).as_deref(), Some("node01 Ready\n"));
}

#[test]
fn history_scrolls_and_is_kept_on_resize() {
    let (mut screen, _) = screen(20, 4);
    for i in 0..50 {
        screen.feed(format!("line {i}\r\n").as_bytes());
    }
    assert_eq!((screen.scrolled(), text(&screen).as_str()), ((0, 47), "line 47|line 48|line 49"));
    screen.scroll(ScrollBy::Pages(1));
    assert_eq!(text(&screen), "line 44|line 45|line 46|line 47");
    screen.feed(b"more\r\n");
    assert_eq!(text(&screen), "line 44|line 45|line 46|line 47", "what is read does not move");
    screen.scroll(ScrollBy::Top);
    assert_eq!(text(&screen), "line 0|line 1|line 2|line 3");
    screen.scroll(ScrollBy::Bottom);
    screen.resize(10, 8);
    assert!(text(&screen).ends_with("line 49|more"));
    screen.feed(b"\x1b[2;1Hx");
    screen.resize(2, 1);
    screen.resize(200, 100);
}

#[test]
fn the_copy_mode_moves_searches_and_copies() {
    let (mut screen, _) = screen(20, 4);
    for i in 0..20 {
        screen.feed(format!("entry {i}\r\n").as_bytes());
    }
    screen.set_copying(true);
    assert!(screen.copying());
    assert!(screen.search("Entry 3", true) || screen.search("entry 3", true));
    assert_eq!(screen.selected().as_deref(), Some("entry 3"));
    assert!(!screen.search("nothing", true));
    assert!(screen.search("entry", true));
    assert_eq!(text(&screen).split('|').next(), Some("entry 2"), "further back");
    screen.deselect();
    screen.copy_move(CopyMove::First);
    screen.copy_mark(false);
    screen.copy_move(CopyMove::Last);
    assert_eq!(screen.selected().as_deref(), Some("entry 2"));
    screen.set_copying(false);
    assert_eq!((screen.copying(), screen.scrolled().0, screen.selected()), (false, 0, None));
}

#[test]
fn a_synchronized_update_is_shown_as_one() {
    let mut screen = fed("before");
    screen.feed(b"\x1b[?2026h\r\x1b[2Khalf");
    assert_eq!(text(&screen), "before");
    assert!(screen.sync_deadline().is_some());
    screen.feed(b" done\x1b[?2026l");
    assert_eq!((text(&screen).as_str(), screen.sync_deadline()), ("half done", None));
    screen.feed(b"\x1b[?2026h\r\x1b[2Kforgotten");
    screen.end_sync();
    assert_eq!(text(&screen), "forgotten");
}

#[test]
fn any_bytes_are_taken() {
    let mut state = 1u32;
    let (mut screen, _) = screen(20, 4);
    for round in 0..200u16 {
        let bytes: Vec<u8> = (0..500)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let byte = (state >> 24) as u8;
                if byte.is_multiple_of(5) {
                    0x1b
                } else if byte.is_multiple_of(7) {
                    b'['
                } else {
                    byte
                }
            })
            .collect();
        screen.feed(&bytes);
        screen.resize(2 + round % 60, 1 + round % 20);
        let area = Rect::new(0, 0, 30, 10);
        screen.draw(&mut Buffer::empty(area), area, true);
    }
}

#[test]
fn in_the_copy_mode_a_match_is_shown_and_marks_change_their_kind() {
    let (mut screen, _) = screen(20, 4);
    screen.feed(b"one\r\nalpha beta\r\ngamma");
    screen.set_copying(true);
    assert!(screen.search("beta", true));
    assert_eq!(screen.selected().as_deref(), Some("beta"));
    // A mark begins at the match, whichever kind it is of; the other kind takes it over; the same drops it.
    screen.copy_mark(true);
    assert_eq!(screen.selected().as_deref(), Some("alpha beta\n"));
    screen.copy_mark(false);
    assert_eq!(screen.selected().as_deref(), Some("b"));
    screen.copy_mark(false);
    assert_eq!(screen.selected(), None);
    assert!(screen.search("one", true));
    screen.copy_move(CopyMove::Right);
    assert_eq!(screen.selected(), None, "moving on from a match selects nothing");
}
