//! `cks-lab restore`: undoes what was changed on a live cluster.

use clap::Args;

use crate::error::{Error, ExitCode, Result};

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Says that a sandbox needs none.
pub fn run(_: &Arguments) -> Result<ExitCode> {
    Err(Error::new(
        "there is nothing to restore: labs run on the sandbox, and no cluster of yours was changed",
    )
    .hint("`cks-lab reset` starts a step or the lesson over"))
}
