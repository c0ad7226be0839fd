//! The thin binary: dispatch on `argv[0]` before any thread exists, then the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    match cks_lab::node::tools::dispatch(std::env::args_os().collect()) {
        Some(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        None => cks_lab::cli::main(),
    }
}
