//! What a person is asked before a cluster of theirs is changed, and at the end.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::output;
use crate::cluster::ClusterKind;
use crate::cluster::live::connect::Connection;
use crate::cluster::live::journal::{Journal, give_up as give_up_journal};
use crate::cluster::live::restore::Restore;
use crate::cluster::live::{self, Live, guards};
use crate::error::{Error, Result};
use crate::lab::{self, Options, lock};
use crate::lesson::catalog::Catalog;
use crate::state_dir::LabDir;
use crate::text::tr;

/// Arguments for a live cluster.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = tr!(help_live))]
#[group(id = "live")]
pub struct Arguments {
    #[arg(long, help = tr!(help_live_context), value_name = "CTX")]
    context: Option<String>,
    #[arg(long, help = tr!(help_live_kubeconfig), value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    #[arg(long, help = tr!(help_live_node_access), value_name = "NAME=COMMAND")]
    node_access: Vec<String>,
    #[arg(long, help = tr!(help_live_yes))]
    yes: bool,
    #[arg(long, help = tr!(help_live_keep))]
    keep: bool,
    #[arg(long, help = tr!(help_live_read_only))]
    read_only: bool,
    #[arg(long, help = tr!(help_live_max_nodes), value_name = "N", default_value_t = 6)]
    max_nodes: usize,
    #[arg(long, help = tr!(help_live_wait), value_name = "SECONDS", default_value_t = 180)]
    wait: u64,
}

impl Arguments {
    /// As the lab takes them.
    pub fn options(&self) -> live::Options {
        live::Options {
            context: self.context.clone(),
            kubeconfig: self
                .kubeconfig
                .as_ref()
                .map(|p| std::path::absolute(p).unwrap_or_else(|_| p.clone())),
            node_access: self.node_access.clone(),
            yes: self.yes,
            keep: self.keep,
            read_only: self.read_only,
            max_nodes: self.max_nodes,
            wait: Duration::from_secs(self.wait),
            agreed: None,
        }
    }
}

/// Asks on standard input; only the word yes is one.
pub async fn yes(question: &str) -> bool {
    output::talk(&format!("{question} [yes/no]"));
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = line.await.ok().and_then(std::io::Result::ok).unwrap_or_default();
    if line.is_empty() {
        output::talk(tr!(live_no_answer));
    }
    line.trim() == "yes"
}

/// What is said where a lab cannot go on whose cluster is prepared.
pub fn stays(options: &Options, e: Error) -> Error {
    let dir = LabDir::new(&options.home, &options.name);
    let prepared = options.cluster == ClusterKind::Live && matches!(Journal::open(&dir), Ok(Some(_)));
    // A preparation that failed says so itself.
    if prepared && !e.hints.iter().any(|hint| hint.contains("cks-lab restore")) {
        return e.hint(tr!(live_stays));
    }
    e
}

/// Shows what would be changed on a live cluster and asks; `false` where the answer is no. Other kinds need no answer.
pub async fn agree(options: &mut Options) -> Result<bool> {
    let dir = LabDir::new(&options.home, &options.name);
    if options.cluster != ClusterKind::Live {
        if matches!(Journal::open(&dir), Ok(Some(_))) {
            output::talk(tr!(live_still_prepared));
        }
        return Ok(true);
    }
    let _lock = lock::take(&dir, &options.name)?;
    let catalog = Catalog::new(options.lessons.as_deref())?;
    let lesson = lab::wanted_lesson(&dir, &catalog, options.lesson.as_deref())?;
    let needs = lab::live_needs(&catalog, &lesson)?;
    if let Some(journal) = Journal::open(&dir)? {
        if options.live.read_only {
            return Err(Error::new(tr!(live_prepared_read_only)).hint(tr!(live_undo_first)));
        }
        let record = &journal.record;
        let usable = record.prepared && !record.undoing && record.lesson == lesson && !options.fresh;
        if usable {
            output::talk(&tr!(live_already_prepared { context: record.context }));
            return Ok(true);
        }
        output::talk(tr!(live_not_undone));
        if !options.live.yes && !yes(tr!(live_put_back_first)).await {
            output::talk(tr!(live_restore_does_it));
            return Ok(false);
        }
        undo(&dir, &by_the_journal(&options.live), false).await?;
        options.fresh = true;
    }
    let plan = Live::plan(&options.live, &needs).await?;
    if options.live.read_only {
        for note in &plan.found.notes {
            output::talk(&tr!(live_note { note }));
        }
        return Ok(true);
    }
    output::talk(&plan.text()?);
    let connection = &plan.found.connection;
    let doubts = guards::doubts(
        &connection.context,
        &connection.server,
        plan.found.objects.len(),
        options.live.max_nodes,
    );
    for doubt in &doubts {
        output::talk(&tr!(live_careful { doubt }));
    }
    let agreed = (doubts.is_empty() || yes(tr!(live_really)).await)
        && (options.live.yes || yes(tr!(live_change_so)).await);
    if !agreed {
        Live::forget_look(&options.live).await;
        output::talk(tr!(cli_nothing_changed));
        return Ok(false);
    }
    options.live.agreed = Some(plan.digest());
    Ok(true)
}

/// Gives the undo of a lab up: nothing on its cluster is touched, and the journal is kept aside.
pub fn give_up(dir: &LabDir) -> Result<()> {
    if let Ok(Some(journal)) = Journal::open(dir) {
        let (context, copy) = (&journal.record.context, &journal.record.manifest.copy);
        output::talk(&tr!(live_given_up { context, copy }));
    }
    if let Some(kept) = give_up_journal(dir)? {
        output::talk(&tr!(live_journal_kept { kept: kept.display() }));
    }
    lab::forget_snapshots(dir)
}

/// Puts a live cluster back at the end, unless it is to be kept; `ask` offers it in a terminal.
pub async fn finish(options: &Options, ask: bool) -> Result<()> {
    let dir = LabDir::new(&options.home, &options.name);
    if options.cluster != ClusterKind::Live || options.live.read_only || Journal::open(&dir)?.is_none() {
        return Ok(());
    }
    let later = tr!(live_stays);
    if options.live.keep {
        output::talk(later);
        return Ok(());
    }
    if ask && std::io::stdin().is_terminal() && !yes(tr!(live_put_back)).await {
        output::talk(later);
        return Ok(());
    }
    let _lock = own_lock(&dir, &options.name).await?;
    undo(&dir, &by_the_journal(&options.live), false).await
}

/// Options for an undo that goes the ways that its journal has.
fn by_the_journal(options: &live::Options) -> live::Options {
    live::Options { node_access: Vec::new(), ..options.clone() }
}

/// The lock of a lab that this process has just closed: a task that is being ended may hold it for a moment more.
async fn own_lock(dir: &LabDir, name: &str) -> Result<lock::Lock> {
    for _ in 0..200 {
        if let Ok(lock) = lock::take(dir, name) {
            return Ok(lock);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lock::take(dir, name)
}

/// Undoes what the journal has, and says so.
pub async fn undo(dir: &LabDir, options: &live::Options, overwrite: bool) -> Result<()> {
    let Some(journal) = Journal::open(dir)? else { return Ok(()) };
    let record = &journal.record;
    let kubeconfig = options.kubeconfig.clone().unwrap_or_else(|| record.kubeconfig.clone());
    let context = options.context.clone().unwrap_or_else(|| record.context.clone());
    output::talk(&tr!(live_putting_back { context }));
    let connection = match Connection::open(Some(&kubeconfig), Some(&context)).await {
        Ok(connection) => Some(connection),
        Err(e) => {
            output::error(&e);
            None
        }
    };
    let node_access = options.node_access.clone();
    let restore = Restore { connection, wait: options.wait, overwrite, node_access };
    for sentence in restore.run(journal).await? {
        output::talk(&sentence);
    }
    lab::forget_snapshots(dir)
}
