//! Tells of what a learner changed, so that quiet checks run again; the lab's own requests do not count.

use std::path::Path;
use std::sync::Arc;

use notify::{RecursiveMode, Watcher};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::CONTROL_PLANE;
use crate::apiserver::audit::{Entry, Log};
use crate::cluster::Change;

/// Forwards changes until `stop`.
pub fn forward(
    changes: &broadcast::Sender<Change>,
    audit: &Arc<Log>,
    mut up: watch::Receiver<bool>,
    manifests: &Path,
    stop: &CancellationToken,
) {
    let sender = changes.clone();
    let log = audit.clone();
    let mut news = audit.subscribe();
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        let mut seen = log.since(0).last().map_or(0, |e| e.sequence);
        while !matches!(news.recv().await, Err(broadcast::error::RecvError::Closed)) {
            let entries = log.since(seen);
            seen = entries.last().map_or(seen, |e| e.sequence);
            if entries.iter().any(is_a_persons_write) {
                let _ = sender.send(Change::Api);
            }
        }
    }));
    let sender = changes.clone();
    tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
        while up.changed().await.is_ok() {
            let up = *up.borrow_and_update();
            let _ = sender.send(Change::Server(up));
        }
    }));
    let sender = changes.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|e| !e.kind.is_access()) {
            let _ = sender.send(Change::File { node: CONTROL_PLANE.into() });
        }
    });
    if let Ok(mut watcher) = watcher {
        // A directory that cannot be watched costs live ticks only: every graded check looks for itself.
        let _ = watcher.watch(manifests, RecursiveMode::NonRecursive);
        let stop = stop.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            drop(watcher);
        });
    }
}

fn is_a_persons_write(entry: &Entry) -> bool {
    entry.impersonator.is_none() && entry.is_of_a_person() && !entry.reads()
}
