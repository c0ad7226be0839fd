//! Terminals inside the program: a PTY, a screen, and the bytes of keys.
