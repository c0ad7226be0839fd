//! The command line: one file a subcommand; the only room that prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]
