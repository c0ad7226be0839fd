//! Terminals inside the program: a PTY, a screen, and the bytes of keys.
//!
//! ```text
//! crossterm key, mouse, paste -> encode -> pty (write) -> shell
//! shell -> pty (read) -> screen (escape sequences -> grid) -> cells of the window
//! ```

pub mod encode;
pub mod full_screen;
pub mod pty;
pub mod screen;
pub mod width;

pub use full_screen::FullScreen;
pub use pty::{Notice, Terminal};
pub use screen::Screen;

/// What `TERM` is inside: what the emulation speaks.
pub const TERM: &str = "xterm-256color";
