//! Runs a reconciliation whenever something it looks at changed.
//!
//! Level-triggered: a reconciliation lists what it needs and does what is missing, so a change that is missed or
//! counted twice does no harm.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::client::{Change, Client};
use super::pace::Pace;

/// How long to wait before a watch that ended, or a reconciliation that failed, is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// What a controller looks at.
pub struct Trigger {
    /// Watches for it.
    pub client: Client,
    /// The collections, as paths below the server: `/api/v1/namespaces`.
    pub paths: Vec<String>,
    /// Which changes count, by the collection's path.
    pub counts: fn(&str, &Change) -> bool,
    /// Reconcile at least this often.
    pub period: Option<Duration>,
}

/// Every change counts.
pub fn any(_: &str, _: &Change) -> bool {
    true
}

/// Reconciles at once, and then after changes, for ever.
///
/// `reconcile` says whether all was done; if not it is called again after a short wait.
pub async fn run<F: Future<Output = bool>>(trigger: Trigger, mut reconcile: impl FnMut() -> F) {
    let (sender, mut changes) = mpsc::channel(1);
    let mut watches = JoinSet::new();
    for path in &trigger.paths {
        watches.spawn(follow(trigger.client.clone(), path.clone(), trigger.counts, sender.clone()));
    }
    let mut pace = Pace::default();
    loop {
        let done = reconcile().await;
        let again = if done { trigger.period } else { Some(RETRY) };
        let deadline = again.map(|wait| Instant::now() + wait);
        tokio::select! {
            _ = changes.recv() => sleep(pace.gather(Instant::now())).await,
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
        }
        let _ = changes.try_recv();
    }
}

/// Watches one collection for ever and sends a note for each change that counts.
async fn follow(client: Client, path: String, counts: fn(&str, &Change) -> bool, sender: mpsc::Sender<()>) {
    loop {
        let watch = match client.list(&path).await {
            Ok((_, version)) => client.watch(&path, &version).await,
            Err(error) => Err(error),
        };
        if let Ok(mut watch) = watch {
            // What changed while nobody watched counts as a change.
            let _ = sender.try_send(());
            while let Some(change) = watch.next().await {
                if change.kind == "ERROR" {
                    break;
                }
                if change.kind != "BOOKMARK" && counts(&path, &change) {
                    let _ = sender.try_send(());
                }
            }
        }
        sleep(RETRY).await;
    }
}
