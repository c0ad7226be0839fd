//! The error that a person reads: what happened, why, and what to do next.

use crate::text::tr;
use std::fmt;

/// Exit status of a command, as the command line's contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything went well, or every check passed.
    Ok = 0,
    /// Something failed: a check, or the command itself.
    Failed = 1,
    /// The question could not be answered: no lab runs, the cluster cannot be reached, wrong usage.
    Error = 2,
}

/// An error for people.
///
/// `what` names the thing that went wrong and the file, node or address it happened to; `why` is the cause where it
/// is known; `hints` say what to do next, one sentence each.
#[derive(Debug)]
pub struct Error {
    /// What happened, to which file or node.
    pub what: String,
    /// The cause, in the words of whoever reported it.
    pub why: Option<String>,
    /// What to do next.
    pub hints: Vec<String>,
    /// The exit status of the command that ends with this error.
    pub code: ExitCode,
}

/// The result of an operation whose error a person reads.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error that says what happened.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), why: None, hints: Vec::new(), code: ExitCode::Error }
    }

    /// Adds the cause.
    #[must_use]
    pub fn why(mut self, why: impl fmt::Display) -> Self {
        let why = why.to_string();
        if disk_is_full(&why) {
            self.hints.push(tr!(disk_is_full).into());
        }
        self.why = Some(why);
        self
    }

    /// Adds a sentence that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Sets the exit status.
    #[must_use]
    pub fn code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        for hint in &self.hints {
            write!(f, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Turns any error into one for people by saying what was being done.
pub trait Context<T> {
    /// Names what was being done when the error came.
    fn context_what(self, what: impl FnOnce() -> String) -> Result<T>;
}

/// Whether a cause is that there is no room left, as the system says it (ENOSPC, EDQUOT).
pub fn disk_is_full(why: &str) -> bool {
    why.contains("(os error 28)") || why.contains("(os error 122)")
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context_what(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|e| Error::new(what()).why(e))
    }
}
