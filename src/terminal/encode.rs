//! Keys, mouse and pastes to the bytes that a program in a terminal expects.
//!
//! Source of the sequences: "XTerm Control Sequences" (invisible-island.net/xterm/ctlseqs), sections PC-style function keys,
//! mouse tracking, bracketed paste; the terminfo entry `xterm-256color`.

use crossterm::event::{KeyCode, KeyEvent, KeyEventState, KeyModifiers, MouseButton, MouseEventKind};

/// The modes of the inner terminal that change what keys and mouse send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modes {
    /// DECCKM: cursor keys send `ESC O A`.
    pub application_cursor: bool,
    /// DECKPAM: the keypad sends `ESC O p`.
    pub application_keypad: bool,
    /// Mode 2004: pastes are bracketed.
    pub bracketed_paste: bool,
    /// Mode 1004: focus changes are reported.
    pub focus: bool,
    /// Which mouse events are wanted.
    pub mouse: Mouse,
    /// Mode 1006: mouse reports are decimal.
    pub sgr_mouse: bool,
    /// Mode 1005: mouse coordinates are UTF-8.
    pub utf8_mouse: bool,
    /// The alternate screen is shown, so there is nothing to scroll back.
    pub alternate_screen: bool,
    /// Mode 1007: the wheel moves the cursor on the alternate screen.
    pub alternate_scroll: bool,
}

/// Which mouse events a program wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mouse {
    /// None.
    #[default]
    Off,
    /// Mode 1000: presses and releases.
    Click,
    /// Mode 1002: and motion while a button is down.
    Drag,
    /// Mode 1003: and all motion.
    Motion,
}

/// The bytes of a key press; empty for keys that send nothing.
pub fn key(event: &KeyEvent, modes: Modes) -> Vec<u8> {
    let modifiers = event.modifiers;
    let parameter = modifier_parameter(modifiers);
    let alt = modifiers.contains(KeyModifiers::ALT);
    let control = modifiers.contains(KeyModifiers::CONTROL);
    if modes.application_keypad
        && event.state.contains(KeyEventState::KEYPAD)
        && parameter == 1
        && let Some(bytes) = keypad(event.code)
    {
        return bytes;
    }
    let simple = |bytes: &[u8]| if alt { [b"\x1b", bytes].concat() } else { bytes.to_vec() };
    match event.code {
        KeyCode::Char(c) if control => match control_byte(c) {
            Some(byte) => simple(&[byte]),
            None => simple(c.to_string().as_bytes()),
        },
        KeyCode::Char(c) => simple(c.to_string().as_bytes()),
        KeyCode::Enter => simple(b"\r"),
        KeyCode::Esc => simple(b"\x1b"),
        KeyCode::Backspace => simple(if control { b"\x08" } else { b"\x7f" }),
        KeyCode::BackTab => simple(b"\x1b[Z"),
        KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => simple(b"\x1b[Z"),
        KeyCode::Tab => simple(b"\t"),
        KeyCode::Null => simple(b"\0"),
        KeyCode::Up => cursor('A', parameter, modes),
        KeyCode::Down => cursor('B', parameter, modes),
        KeyCode::Right => cursor('C', parameter, modes),
        KeyCode::Left => cursor('D', parameter, modes),
        KeyCode::Home => cursor('H', parameter, modes),
        KeyCode::End => cursor('F', parameter, modes),
        KeyCode::Insert => tilde(2, parameter),
        KeyCode::Delete => tilde(3, parameter),
        KeyCode::PageUp => tilde(5, parameter),
        KeyCode::PageDown => tilde(6, parameter),
        KeyCode::F(n @ 1..=4) => {
            let last = char::from(b'P' + n - 1);
            if parameter == 1 { format!("\x1bO{last}") } else { format!("\x1b[1;{parameter}{last}") }
                .into_bytes()
        }
        KeyCode::F(n) => match FUNCTION_KEYS.iter().find(|(key, _)| *key == n) {
            Some((_, number)) => tilde(*number, parameter),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Numbers of the function keys from F5 on, with the gaps that the VT220 left.
const FUNCTION_KEYS: [(u8, u8); 16] = [
    (5, 15),
    (6, 17),
    (7, 18),
    (8, 19),
    (9, 20),
    (10, 21),
    (11, 23),
    (12, 24),
    (13, 25),
    (14, 26),
    (15, 28),
    (16, 29),
    (17, 31),
    (18, 32),
    (19, 33),
    (20, 34),
];

/// `1 + shift + 2 alt + 4 control + 8 meta`.
fn modifier_parameter(modifiers: KeyModifiers) -> u8 {
    let bit = |m, value| if modifiers.contains(m) { value } else { 0 };
    1 + bit(KeyModifiers::SHIFT, 1)
        + bit(KeyModifiers::ALT, 2)
        + bit(KeyModifiers::CONTROL, 4)
        + bit(KeyModifiers::META, 8)
}

fn cursor(last: char, parameter: u8, modes: Modes) -> Vec<u8> {
    match (parameter, modes.application_cursor) {
        (1, true) => format!("\x1bO{last}"),
        (1, false) => format!("\x1b[{last}"),
        _ => format!("\x1b[1;{parameter}{last}"),
    }
    .into_bytes()
}

fn tilde(number: u8, parameter: u8) -> Vec<u8> {
    if parameter == 1 { format!("\x1b[{number}~") } else { format!("\x1b[{number};{parameter}~") }
        .into_bytes()
}

fn keypad(code: KeyCode) -> Option<Vec<u8>> {
    let last = match code {
        KeyCode::Char(c @ '0'..='9') => char::from(b'p' + (c as u8 - b'0')),
        KeyCode::Char('*') => 'j',
        KeyCode::Char('+') => 'k',
        KeyCode::Char(',') => 'l',
        KeyCode::Char('-') => 'm',
        KeyCode::Char('.') => 'n',
        KeyCode::Char('/') => 'o',
        KeyCode::Enter => 'M',
        _ => return None,
    };
    Some(format!("\x1bO{last}").into_bytes())
}

/// The control character that Ctrl and a key make, as xterm has it.
fn control_byte(c: char) -> Option<u8> {
    Some(match c.to_ascii_lowercase() {
        c @ 'a'..='z' => c as u8 - b'a' + 1,
        ' ' | '@' | '2' | '`' => 0,
        '[' | '3' => 0x1b,
        '\\' | '4' => 0x1c,
        ']' | '5' => 0x1d,
        '^' | '6' | '~' => 0x1e,
        '_' | '/' | '7' | '-' => 0x1f,
        '?' | '8' => 0x7f,
        _ => return None,
    })
}

/// The bytes of a paste.
///
/// Escape characters are taken out, so that a text cannot end the bracket and type commands by itself.
pub fn paste(text: &str, modes: Modes) -> Vec<u8> {
    if modes.bracketed_paste {
        let inner: String = text.chars().filter(|c| *c != '\x1b' && *c != '\u{9b}').collect();
        format!("\x1b[200~{}\x1b[201~", inner.replace("\r\n", "\n").replace('\n', "\r")).into_bytes()
    } else {
        text.replace("\r\n", "\r").replace('\n', "\r").into_bytes()
    }
}

/// The bytes of a change of focus; empty where the program did not ask.
pub fn focus(gained: bool, modes: Modes) -> &'static [u8] {
    match (modes.focus, gained) {
        (false, _) => b"",
        (true, true) => b"\x1b[I",
        (true, false) => b"\x1b[O",
    }
}

/// The bytes of a mouse event at a cell (from 0), or `None` where the program does not want it.
pub fn mouse(
    kind: MouseEventKind,
    column: u16,
    row: u16,
    modifiers: KeyModifiers,
    modes: Modes,
) -> Option<Vec<u8>> {
    let button = |b| match b {
        MouseButton::Left => 0u8,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
    };
    let (needed, code, release) = match kind {
        MouseEventKind::Down(b) => (Mouse::Click, button(b), false),
        MouseEventKind::Up(b) => (Mouse::Click, button(b), true),
        MouseEventKind::Drag(b) => (Mouse::Drag, 32 + button(b), false),
        MouseEventKind::Moved => (Mouse::Motion, 35, false),
        MouseEventKind::ScrollUp => (Mouse::Click, 64, false),
        MouseEventKind::ScrollDown => (Mouse::Click, 65, false),
        MouseEventKind::ScrollLeft => (Mouse::Click, 66, false),
        MouseEventKind::ScrollRight => (Mouse::Click, 67, false),
    };
    if modes.mouse < needed || modes.mouse == Mouse::Off {
        return None;
    }
    let bit = |m, value| if modifiers.contains(m) { value } else { 0 };
    let modifiers =
        bit(KeyModifiers::SHIFT, 4u8) + bit(KeyModifiers::ALT, 8) + bit(KeyModifiers::CONTROL, 16);
    let code = code + modifiers;
    let (x, y) = (column + 1, row + 1);
    if modes.sgr_mouse {
        return Some(format!("\x1b[<{code};{x};{y}{}", if release { 'm' } else { 'M' }).into_bytes());
    }
    // The old encoding does not know which button was released, and ends at column 223 (2015 in UTF-8).
    let code = if release { 3 + modifiers } else { code };
    let limit = if modes.utf8_mouse { 2015 } else { 223 };
    if x > limit || y > limit {
        return None;
    }
    let mut bytes = b"\x1b[M".to_vec();
    bytes.push(32 + code);
    for coordinate in [x, y] {
        let value = 32 + coordinate;
        if modes.utf8_mouse {
            bytes.extend(char::from_u32(u32::from(value)).unwrap_or(' ').to_string().into_bytes());
        } else {
            bytes.push(u8::try_from(value).unwrap_or(u8::MAX));
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::type_complexity)]
    use super::*;

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const CTRL: KeyModifiers = KeyModifiers::CONTROL;
    const ALT: KeyModifiers = KeyModifiers::ALT;
    const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).replace('\x1b', "^[")
    }

    #[test]
    fn keys_send_what_xterm_sends() {
        let normal = Modes::default();
        let application = Modes { application_cursor: true, ..normal };
        let table: &[(KeyCode, KeyModifiers, Modes, &str)] = &[
            (KeyCode::Char('a'), NONE, normal, "a"),
            (KeyCode::Char('A'), SHIFT, normal, "A"),
            (KeyCode::Char('あ'), NONE, normal, "あ"),
            (KeyCode::Char('c'), CTRL, normal, "\x03"),
            (KeyCode::Char('C'), CTRL | SHIFT, normal, "\x03"),
            (KeyCode::Char('z'), CTRL, normal, "\x1a"),
            (KeyCode::Char('g'), CTRL, normal, "\x07"),
            (KeyCode::Char(' '), CTRL, normal, "\0"),
            (KeyCode::Char('['), CTRL, normal, "^["),
            (KeyCode::Char('4'), CTRL, normal, "\x1c"),
            (KeyCode::Char('\\'), CTRL, normal, "\x1c"),
            (KeyCode::Char('_'), CTRL, normal, "\x1f"),
            (KeyCode::Char('7'), CTRL, normal, "\x1f"),
            (KeyCode::Char('b'), ALT, normal, "^[b"),
            (KeyCode::Char('x'), ALT | CTRL, normal, "^[\x18"),
            (KeyCode::Enter, NONE, normal, "\r"),
            (KeyCode::Enter, ALT, normal, "^[\r"),
            (KeyCode::Esc, NONE, normal, "^["),
            (KeyCode::Tab, NONE, normal, "\t"),
            (KeyCode::BackTab, SHIFT, normal, "^[[Z"),
            (KeyCode::Tab, SHIFT, normal, "^[[Z"),
            (KeyCode::Backspace, NONE, normal, "\x7f"),
            (KeyCode::Backspace, ALT, normal, "^[\x7f"),
            (KeyCode::Backspace, CTRL, normal, "\x08"),
            (KeyCode::Up, NONE, normal, "^[[A"),
            (KeyCode::Up, NONE, application, "^[OA"),
            (KeyCode::Left, CTRL, normal, "^[[1;5D"),
            (KeyCode::Left, CTRL, application, "^[[1;5D"),
            (KeyCode::Right, ALT | SHIFT, normal, "^[[1;4C"),
            (KeyCode::Home, NONE, normal, "^[[H"),
            (KeyCode::End, NONE, application, "^[OF"),
            (KeyCode::Delete, NONE, normal, "^[[3~"),
            (KeyCode::PageUp, CTRL, normal, "^[[5;5~"),
            (KeyCode::Insert, NONE, normal, "^[[2~"),
            (KeyCode::F(1), NONE, normal, "^[OP"),
            (KeyCode::F(4), SHIFT, normal, "^[[1;2S"),
            (KeyCode::F(5), NONE, normal, "^[[15~"),
            (KeyCode::F(10), NONE, normal, "^[[21~"),
            (KeyCode::F(12), CTRL, normal, "^[[24;5~"),
            (KeyCode::F(13), NONE, normal, "^[[25~"),
            (KeyCode::CapsLock, NONE, normal, ""),
        ];
        for (code, modifiers, modes, expected) in table {
            let event = KeyEvent::new(*code, *modifiers);
            assert_eq!(text(&key(&event, *modes)), *expected, "{code:?} {modifiers:?} {modes:?}");
        }
    }

    #[test]
    fn the_keypad_follows_its_mode() {
        let modes = Modes { application_keypad: true, ..Modes::default() };
        let mut event = KeyEvent::new(KeyCode::Char('5'), NONE);
        assert_eq!(key(&event, modes), b"5");
        event.state = KeyEventState::KEYPAD;
        assert_eq!(text(&key(&event, modes)), "^[Ou");
        assert_eq!(key(&event, Modes::default()), b"5");
        event.code = KeyCode::Enter;
        assert_eq!(text(&key(&event, modes)), "^[OM");
    }

    #[test]
    fn pastes_are_bracketed_and_cannot_break_out() {
        let bracketed = Modes { bracketed_paste: true, ..Modes::default() };
        assert_eq!(text(&paste("a\nb", bracketed)), "^[[200~a\rb^[[201~");
        assert_eq!(text(&paste("a\x1b[201~rm -rf /\r\n", bracketed)), "^[[200~a[201~rm -rf /\r^[[201~");
        assert_eq!(text(&paste("a\r\nb\n", Modes::default())), "a\rb\r");
    }

    #[test]
    fn the_mouse_is_reported_as_asked() {
        let modes = |mouse, sgr_mouse, utf8_mouse| Modes { mouse, sgr_mouse, utf8_mouse, ..Modes::default() };
        let left = MouseButton::Left;
        let table: &[(MouseEventKind, (u16, u16), KeyModifiers, Modes, Option<&[u8]>)] = &[
            (MouseEventKind::Down(left), (0, 0), NONE, modes(Mouse::Off, true, false), None),
            (
                MouseEventKind::Down(left),
                (0, 0),
                NONE,
                modes(Mouse::Click, true, false),
                Some(b"\x1b[<0;1;1M"),
            ),
            (
                MouseEventKind::Up(left),
                (9, 4),
                NONE,
                modes(Mouse::Click, true, false),
                Some(b"\x1b[<0;10;5m"),
            ),
            (MouseEventKind::Drag(left), (9, 4), NONE, modes(Mouse::Click, true, false), None),
            (
                MouseEventKind::Drag(left),
                (9, 4),
                NONE,
                modes(Mouse::Drag, true, false),
                Some(b"\x1b[<32;10;5M"),
            ),
            (MouseEventKind::Moved, (9, 4), NONE, modes(Mouse::Drag, true, false), None),
            (MouseEventKind::Moved, (9, 4), NONE, modes(Mouse::Motion, true, false), Some(b"\x1b[<35;10;5M")),
            (
                MouseEventKind::ScrollUp,
                (1, 1),
                CTRL,
                modes(Mouse::Click, true, false),
                Some(b"\x1b[<80;2;2M"),
            ),
            (
                MouseEventKind::Down(left),
                (0, 1),
                NONE,
                modes(Mouse::Click, false, false),
                Some(b"\x1b[M !\""),
            ),
            (MouseEventKind::Up(left), (0, 1), NONE, modes(Mouse::Click, false, false), Some(b"\x1b[M#!\"")),
            (MouseEventKind::Down(left), (300, 1), NONE, modes(Mouse::Click, false, false), None),
            (
                MouseEventKind::Down(left),
                (300, 1),
                NONE,
                modes(Mouse::Click, false, true),
                Some(b"\x1b[M \xc5\x8d\""),
            ),
        ];
        for (kind, (column, row), modifiers, modes, expected) in table {
            assert_eq!(
                mouse(*kind, *column, *row, *modifiers, *modes).as_deref(),
                *expected,
                "{kind:?} {modes:?}"
            );
        }
    }

    #[test]
    fn focus_is_told_where_asked() {
        let asked = Modes { focus: true, ..Modes::default() };
        assert_eq!((focus(true, asked), focus(false, asked)), (&b"\x1b[I"[..], &b"\x1b[O"[..]));
        assert_eq!(focus(true, Modes::default()), b"");
    }
}
