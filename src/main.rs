//! The thin binary: dispatch on `argv[0]` before any thread exists, then the command line.

fn main() -> std::process::ExitCode {
    cks_lab::cli::main()
}
