//! What runs beside a lab: quiet checks when the cluster changes, and the learner's time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::task::AbortHandle;

use super::{Lab, LabEvent};
use crate::apiserver::audit::Entry;
use crate::cluster::{Change, Cluster};

/// How long the cluster must be quiet before a check runs.
const QUIET: Duration = Duration::from_millis(120);
/// How long a busy cluster may put a check off.
const AT_MOST: Duration = Duration::from_millis(800);
/// How long a graded check waits for a server that restarts.
const RESTART: Duration = Duration::from_millis(1500);
/// How often the time spent is saved.
const SAVE_TIME: Duration = Duration::from_secs(20);

/// Runs quiet checks of the current step whenever something changed.
pub(super) fn start(lab: &Arc<Lab>) -> AbortHandle {
    let mut changes = lab.cluster.changes();
    let weak = Arc::downgrade(lab);
    tokio::spawn(async move {
        let mut shown = None;
        let mut seen = 0;
        let mut step = usize::MAX;
        let mut events = match weak.upgrade() {
            Some(lab) => lab.events.subscribe(),
            None => return,
        };
        loop {
            let Some(lab) = weak.upgrade() else { return };
            let current = lab.standing().current;
            if step != current {
                lab.enter_step().await;
            }
            let news = newest(&lab, &mut seen);
            // In an exam nobody sees how a step goes.
            if (news || step != current) && current < lab.loaded.spec.steps.len() && !lab.is_sealed() {
                let result = lab.look(current).await;
                if shown.as_ref() != Some(&result) {
                    lab.emit(LabEvent::Tasks(result.clone()));
                    shown = Some(result);
                }
            }
            step = current;
            drop(lab);
            // The checks' own dry runs are changes too: only what `newest` calls news leads to another check.
            loop {
                let change = tokio::select! {
                    change = changes.recv() => change,
                    event = events.recv() => match event {
                        Ok(LabEvent::Progress) => break,
                        Err(RecvError::Closed) => return,
                        _ => continue,
                    },
                };
                let Some(lab) = weak.upgrade() else { return };
                match change {
                    Ok(Change::Server(up)) => {
                        lab.emit(LabEvent::Server(up));
                        step = usize::MAX;
                    }
                    Ok(Change::File { .. }) | Err(RecvError::Lagged(_)) => step = usize::MAX,
                    Ok(Change::Api) if lab.cluster.audit().is_none() => step = usize::MAX,
                    Ok(Change::Api) => {}
                    Err(RecvError::Closed) => return,
                }
                break;
            }
            if step == usize::MAX {
                settle_changes(&weak, &mut changes).await;
            } else {
                tokio::time::sleep(QUIET).await;
            }
        }
    })
    .abort_handle()
}

/// Takes changes until there are none for a moment.
async fn settle_changes(weak: &std::sync::Weak<Lab>, changes: &mut tokio::sync::broadcast::Receiver<Change>) {
    let end = tokio::time::Instant::now() + AT_MOST;
    while tokio::time::Instant::now() < end {
        match tokio::time::timeout(QUIET, changes.recv()).await {
            Ok(Ok(Change::Server(up))) => {
                if let Some(lab) = weak.upgrade() {
                    lab.emit(LabEvent::Server(up));
                }
            }
            Ok(Err(RecvError::Closed)) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Whether the audit has entries, newer than those seen, that can change a check's result.
fn newest(lab: &Lab, seen: &mut u64) -> bool {
    let Some(log) = lab.cluster.audit() else { return true };
    let entries = log.since(*seen);
    *seen = entries.last().map_or(*seen, |e| e.sequence);
    entries.iter().any(is_news)
}

fn is_news(entry: &Entry) -> bool {
    let own_life = matches!(entry.resource.as_str(), "leases" | "events") || !entry.subresource.is_empty();
    !entry.reads() && !entry.dry_run && !own_life
}

/// Saves the time spent now and then, so that a killed process loses little of it.
pub(super) fn keep_time(lab: &Arc<Lab>) -> AbortHandle {
    let weak = Arc::downgrade(lab);
    tokio::spawn(async move {
        let mut failing = false;
        loop {
            tokio::time::sleep(SAVE_TIME).await;
            let Some(lab) = weak.upgrade() else { return };
            match lab.save() {
                Ok(()) => failing = false,
                Err(e) if !failing => {
                    failing = true;
                    lab.notice(e.to_string());
                }
                Err(_) => {}
            }
        }
    })
    .abort_handle()
}

/// Gives a server that restarts a moment to be back.
pub(super) async fn settle(cluster: &dyn Cluster) {
    if !cluster.server_up() {
        let _ = super::snapshot::await_ready(cluster, RESTART).await;
    }
}
