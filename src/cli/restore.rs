//! `cks-lab restore`: undoes what was changed on a live cluster.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Global, live};
use crate::cluster::live::Options;
use crate::cluster::live::journal::Journal;
use crate::error::{Error, ExitCode, Result};
use crate::lab::lock;
use crate::text::tr;

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(long, help = tr!(help_restore_kubeconfig), value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[arg(long, help = tr!(help_restore_context), value_name = "CTX")]
    context: Option<String>,
    #[arg(long, help = tr!(help_restore_node_access), value_name = "NAME=COMMAND")]
    node_access: Vec<String>,
    #[arg(long, help = tr!(help_restore_overwrite))]
    overwrite: bool,
    #[arg(long, help = tr!(help_restore_forget), conflicts_with = "overwrite")]
    forget: bool,
    #[arg(long, help = tr!(help_live_wait), value_name = "SECONDS", default_value_t = 180)]
    wait: u64,
}

/// Undoes it, or says that there is nothing to undo.
pub async fn run(global: &Global, arguments: &Arguments) -> Result<ExitCode> {
    let dir = global.dir()?;
    if arguments.forget && dir.root().join("live/journal.json").exists() {
        let _lock = lock::take(&dir, &global.name)?;
        live::give_up(&dir)?;
        return Ok(ExitCode::Ok);
    }
    if Journal::open(&dir)?.is_none() {
        let others = others(&dir);
        let error = Error::new(tr!(live_nothing_to_restore { name: global.name }));
        return Err(match others.is_empty() {
            true => error.hint(tr!(live_reset_hint)),
            false => error.hint(tr!(live_others_to_restore { others: others.join(", or ") })),
        });
    }
    let _lock = lock::take(&dir, &global.name)?;
    let options = Options {
        kubeconfig: arguments
            .kubeconfig
            .as_ref()
            .map(|p| std::path::absolute(p).unwrap_or_else(|_| p.clone())),
        context: arguments.context.clone(),
        node_access: arguments.node_access.clone(),
        wait: Duration::from_secs(arguments.wait),
        ..Options::default()
    };
    live::undo(&dir, &options, arguments.overwrite).await?;
    Ok(ExitCode::Ok)
}

/// Other labs with something to undo.
fn others(dir: &crate::state_dir::LabDir) -> Vec<String> {
    let labs = dir.root().parent().and_then(|labs| std::fs::read_dir(labs).ok());
    let mut names: Vec<String> = labs
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().join("live/journal.json").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
