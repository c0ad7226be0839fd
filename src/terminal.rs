//! Terminals inside the program: a PTY, a screen, and the bytes of keys.
//!
//! ```text
//! crossterm key, mouse, paste -> encode -> pty (write) -> shell
//! shell -> pty (read) -> screen (escape sequences -> grid) -> cells of the window
//! ```

pub mod encode;
pub mod pty;
pub mod screen;

pub use pty::{Notice, Terminal};
pub use screen::Screen;

/// What `TERM` is inside: what the emulation speaks.
pub const TERM: &str = "xterm-256color";
