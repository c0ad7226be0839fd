//! The window's terminal: taken over at the start, given back however the program ends.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{SetCursorStyle, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture, KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
    supports_keyboard_enhancement,
};
use crossterm::{execute, queue};

static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether the terminal said that it knows the keyboard protocol.
static OFFERED: AtomicBool = AtomicBool::new(false);

/// Saves and restores the window's title (XTWINOPS 22 and 23).
const SAVE_TITLE: &str = "\x1b[22;2t";
const RESTORE_TITLE: &str = "\x1b[23;2t";

/// Holds the terminal; dropping it gives it back.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal over: raw mode, alternate screen, paste, focus, and the mouse if wanted. The keyboard protocol
    /// follows where the terminal [offers it](keyboard_protocol).
    pub fn take(mouse: bool) -> io::Result<Self> {
        let guard = Self(());
        enter(mouse)?;
        Ok(guard)
    }
}

/// Takes the terminal again after the program was stopped; whoever had it meanwhile may have left it in any state.
pub fn retake(mouse: bool) -> io::Result<()> {
    // What was pushed is popped first: nothing may be left behind in the end.
    give_back();
    enter(mouse)
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = io::stdout().lock();
    out.write_all(SAVE_TITLE.as_bytes())?;
    queue!(out, EnterAlternateScreen, SetTitle("cks-lab"), EnableBracketedPaste, EnableFocusChange)?;
    if OFFERED.load(Ordering::SeqCst) {
        queue!(out, PushKeyboardEnhancementFlags(PROTOCOL))?;
    }
    if mouse {
        queue!(out, EnableMouseCapture)?;
    }
    out.flush()
}

/// What of kitty's keyboard protocol the program uses.
const PROTOCOL: KeyboardEnhancementFlags = KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES;

/// Asks the terminal whether it knows kitty's keyboard protocol, as <https://sw.kovidgoyal.net/kitty/keyboard-protocol/>
/// says: `CSI ? u`, and after it what every terminal answers. Waits for that answer, two seconds at most, and keeps
/// what is typed meanwhile for whoever reads the keys.
///
/// Nobody may read keys meanwhile. A terminal that would print the question is not asked.
pub fn asked_for_keyboard_protocol() -> bool {
    !matches!(std::env::var("TERM").as_deref(), Ok("linux" | "dumb" | "") | Err(_))
        && matches!(supports_keyboard_enhancement(), Ok(true))
}

/// Switches the keyboard protocol on, now if the terminal is taken and whenever it is taken again.
pub fn keyboard_protocol() -> io::Result<()> {
    if OFFERED.swap(true, Ordering::SeqCst) || !TAKEN.load(Ordering::SeqCst) {
        return Ok(());
    }
    execute!(io::stdout(), PushKeyboardEnhancementFlags(PROTOCOL))
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back; once, whoever calls first.
pub fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    // Every step is tried, whatever became of the one before.
    if OFFERED.load(Ordering::SeqCst) {
        let _ = queue!(out, PopKeyboardEnhancementFlags);
    }
    let _ = queue!(out, DisableMouseCapture, DisableFocusChange, DisableBracketedPaste);
    let _ = queue!(out, SetCursorStyle::DefaultUserShape, LeaveAlternateScreen, Show);
    let _ = out.write_all(RESTORE_TITLE.as_bytes());
    let _ = out.flush();
    let _ = disable_raw_mode();
}

/// Takes or gives up the mouse.
pub fn set_mouse(on: bool) -> io::Result<()> {
    let mut out = io::stdout();
    if on { execute!(out, EnableMouseCapture) } else { execute!(out, DisableMouseCapture) }
}

/// Makes panics of the program's main thread give the terminal back before they are printed.
///
/// A panic in a background task ends that task alone; it is told through `tell`, since printing would tear the picture.
pub fn hook(tell: impl Fn(String) + Send + Sync + 'static) {
    let main = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == main || !TAKEN.load(Ordering::SeqCst) {
            give_back();
            before(info);
        } else {
            tell(format!("a part of the program failed: {info}"));
        }
    }));
}
