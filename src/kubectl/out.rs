//! Standard output and standard error; whoever stops reading ends the command quietly.

use std::io::Write as _;

/// Writes to standard output.
pub fn say(text: &str) {
    say_bytes(text.as_bytes());
}

/// Writes bytes to standard output.
pub fn say_bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
        // The reader is gone (`kubectl logs | head`): what a program without a handler for SIGPIPE does.
        std::process::exit(141);
    }
}

/// Writes to standard error.
pub fn say_err(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
